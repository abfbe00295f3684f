//! JSON by `serde_json`, whose errors say line and column.

use super::OF_TOKEN;
use crate::token::{ApiToken, push};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

pub(super) fn tokens(document: &str) -> Result<Vec<ApiToken>, String> {
    let body: Object<Body> = serde_json::from_str(document).map_err(|error| error.to_string())?;
    Ok(body.0.tokens.map_or_else(Vec::new, |tokens| tokens.0))
}

pub(super) fn error_words(document: &str) -> Option<(String, Option<String>)> {
    #[derive(serde::Deserialize)]
    struct Words {
        error: String,
        code: Option<String>,
    }
    serde_json::from_str(document).ok().map(|Object(Words { error, code })| (error, code))
}

pub(super) fn login(document: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Settings {
        token: Option<String>,
    }
    serde_json::from_str(document).ok().map(|Object(Settings { token })| token.unwrap_or_default())
}

#[derive(serde::Deserialize)]
struct Body {
    // Without this, a missing field would be the same as null.
    #[serde(deserialize_with = "Option::deserialize")]
    tokens: Option<Tokens>,
}

struct Tokens(Vec<ApiToken>);

impl<'de> Deserialize<'de> for Tokens {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(TokensVisitor)
    }
}

struct TokensVisitor;

impl<'de> Visitor<'de> for TokensVisitor {
    type Value = Tokens;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a list of tokens")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Tokens, A::Error> {
        let mut tokens = Vec::new();
        loop {
            match seq.next_element() {
                Ok(Some(Object(token))) => push(&mut tokens, token),
                Ok(None) => return Ok(Tokens(tokens)),
                Err(error) => return Err(A::Error::custom(format!("{OF_TOKEN}{}, {error}", tokens.len() + 1))),
            }
        }
    }
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
