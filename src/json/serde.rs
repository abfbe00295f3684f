//! JSON by `serde_json`, whose errors say line and column.

use crate::token::{ApiToken, List};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

pub(crate) fn tokens(document: &str) -> Result<Vec<ApiToken>, String> {
    let Object(body) = serde_json::from_str::<Object<Body>>(document).map_err(|error| error.to_string())?;
    Ok(body.tokens.map_or_else(Vec::new, |tokens| tokens.0.into_iter().map(|Object(token)| token).collect()))
}

pub(crate) fn object<T: for<'de> Deserialize<'de>>(document: &str) -> Option<T> {
    serde_json::from_str(document).ok().map(|Object(object)| object)
}

#[derive(serde::Deserialize)]
struct Body {
    // Without this, a missing field would be the same as null.
    #[serde(deserialize_with = "Option::deserialize")]
    tokens: Option<List<Object<ApiToken>>>,
}

/// Only an object: serde's derived structs take an array of their fields as well.
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
