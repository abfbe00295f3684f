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

/// Takes an object only. The derive, which is `Token`'s own function of this name, also takes an
/// array of its fields.
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
        // The derive's function, not the trait's: that would recurse.
        Token::deserialize(MapAccessDeserializer::new(map))
    }
}

/// Takes an array as well, as non-self-describing formats such as postcard have one.
impl<'de> Deserialize<'de> for ApiToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Token::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::{Error as _, value::Error};

    /// Formats such as RON write the name of a struct, which is the type's, and expect it when they
    /// read.
    #[test]
    fn a_token_is_read_by_the_name_that_it_is_written_with() {
        struct StructName;
        impl<'de> Deserializer<'de> for StructName {
            type Error = Error;

            fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
                Err(Error::custom("not a struct"))
            }

            fn deserialize_struct<V: Visitor<'de>>(
                self,
                name: &'static str,
                _: &'static [&'static str],
                _: V,
            ) -> Result<V::Value, Error> {
                Err(Error::custom(name))
            }

            serde::forward_to_deserialize_any! {
                bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
                newtype_struct seq tuple tuple_struct map enum identifier ignored_any
            }
        }
        assert_eq!(
            ApiToken::deserialize(StructName).unwrap_err().to_string(),
            "ApiToken"
        );
    }
}
