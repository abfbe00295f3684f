//! JSON by miniserde, the smallest decoder: its derive lacks a list that may be null but not missing.

use super::Token;
use miniserde::de::{Seq, Visitor};
use miniserde::json;
use miniserde::{Deserialize, Result, make_place};

pub(super) use miniserde::json::Value;

pub(super) fn tokens(document: &str) -> Option<Vec<Token>> {
    let Response { tokens: Nullable(tokens) } = json::from_str(document).ok()?;
    Some(tokens.unwrap_or_default())
}

pub(super) fn value(document: &str) -> Option<Value> {
    json::from_str(document).ok()
}

pub(crate) fn from_object<T: Deserialize>(document: &str) -> Option<T> {
    json::from_str(document).ok()
}

#[derive(Deserialize)]
struct Response {
    tokens: Nullable<Token>,
}

/// A list or null. To the derive, a missing `Option` would be null as well.
struct Nullable<T>(Option<Vec<T>>);

make_place!(Place);

impl<T: Deserialize> Deserialize for Nullable<T> {
    fn begin(out: &mut Option<Self>) -> &mut dyn Visitor {
        Place::new(out)
    }
}

impl<T: Deserialize> Visitor for Place<Nullable<T>> {
    fn null(&mut self) -> Result<()> {
        self.out = Some(Nullable(None));
        Ok(())
    }

    fn seq(&mut self) -> Result<Box<dyn Seq + '_>> {
        let Nullable(list) = self.out.insert(Nullable(None));
        Vec::begin(list).seq()
    }
}
