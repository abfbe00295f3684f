//! JSON by miniserde, the smallest decoder.

pub(super) use miniserde::{Deserialize as Decode, json::Value};

pub(super) fn parse<T: Decode>(document: &str) -> Option<T> {
    miniserde::json::from_str(document).ok()
}
