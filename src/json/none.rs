//! No JSON library. lib.rs refuses to compile then, and this keeps the compiler from saying more.

use std::collections::BTreeMap;

pub(super) trait Decode {}

impl<T> Decode for T {}

#[expect(dead_code, reason = "nothing is ever parsed")]
pub(super) enum Value {
    Null,
    String(String),
    Array(Vec<Value>),
    Object(BTreeMap<String, Value>),
}

pub(super) fn parse<T: Decode>(_: &str) -> Option<T> {
    None
}
