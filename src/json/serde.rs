//! JSON by `serde_json`.

use super::Token;
use crate::token::ApiToken;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

pub(super) use serde_json::Value;

pub(super) fn tokens(document: &str) -> Option<Vec<Token>> {
    let Response { tokens } = from_object(document)?;
    Some(tokens.unwrap_or_default().into_iter().map(|Object(token)| token).collect())
}

pub(super) fn value(document: &str) -> Option<Value> {
    serde_json::from_str(document).ok()
}

pub(crate) fn from_object<T: for<'de> Deserialize<'de>>(document: &str) -> Option<T> {
    serde_json::from_str(document).ok().map(|Object(object)| object)
}

#[derive(serde::Deserialize)]
struct Response {
    // Without this, a missing field would be null.
    #[serde(deserialize_with = "Option::deserialize")]
    tokens: Option<Vec<Object<Token>>>,
}

impl<'de> Deserialize<'de> for ApiToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Token::deserialize(deserializer).map(Self::from)
    }
}

/// Only an object: serde's derived structs also accept an array of their fields.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}
