//! JSON by `serde_json`, and tokens in any other format.

use super::Token;
use crate::token::ApiToken;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor, value::MapAccessDeserializer};
use std::fmt;

pub(super) use serde::de::DeserializeOwned as Decode;
pub(super) use serde_json::Value;

pub(super) fn parse<T: Decode>(document: &str) -> Option<T> {
    serde_json::from_str(document).ok()
}

/// Takes an object only. The derive, which is `Token`'s own function of this name, also takes an array of its fields.
impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TokenVisitor)
    }
}

struct TokenVisitor;

impl<'de> Visitor<'de> for TokenVisitor {
    type Value = Token;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Token, A::Error> {
        Token::deserialize(MapAccessDeserializer::new(map))
    }
}

/// Takes an array as well, as formats that do not describe themselves have one.
impl<'de> Deserialize<'de> for ApiToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Token::deserialize(deserializer).map(Self::from)
    }
}
