//! JSON in, tokens out: the only file that knows which JSON library is in use.
//!
//! Both decoders take the same answers and give the same tokens. They differ only inside fields that are ignored, where
//! `serde_json` does not look for lone surrogates and numbers beyond an `f64`, and miniserde stops at [`DEEPEST`].

use crate::escape::excerpt;
use crate::token::ApiToken;
use std::collections::BTreeMap;
use std::error::Error;

/// How deep ignored values may nest for miniserde, whose stack takes some 70 bytes a level for a byte of input.
#[cfg(not(feature = "serde"))]
const DEEPEST: u8 = 128;

/// A token as it comes: everything may be missing or null, and is judged once the JSON is known to be whole.
#[derive(Default)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize))]
pub(crate) struct WireToken {
    name: Option<String>,
    id: Option<String>,
    organization: Option<String>,
    group: Option<String>,
    scopes: Option<Vec<String>>,
    created_at: Option<String>,
}

impl TryFrom<WireToken> for ApiToken {
    type Error = &'static str;

    fn try_from(wire: WireToken) -> Result<Self, Self::Error> {
        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        Ok(Self {
            name: wire.name.ok_or("it has no name")?,
            id: wire.id.ok_or("it has no id")?,
            organization: filled(wire.organization),
            group: filled(wire.group),
            scopes: wire.scopes.unwrap_or_default(),
            created_at: filled(wire.created_at),
        })
    }
}

/// Why a body is not a list of tokens: a sentence, and what the decoder said.
pub(crate) type Flaw = (String, Option<Box<dyn Error + Send + Sync>>);

/// Decodes the answer of the endpoint: all of its tokens, or none.
pub(crate) fn tokens(body: &str, content_type: Option<&str>) -> Result<Vec<ApiToken>, Flaw> {
    let wire = backend::list(body).map_err(|cause| {
        let kind = content_type.unwrap_or("unknown type");
        let problem = match excerpt(body).as_str() {
            "" => format!("it is empty, {} bytes of {kind}", body.len()),
            start => format!("{} bytes of {kind} that begin with {start}", body.len()),
        };
        (problem, cause)
    })?;
    let tokens = wire.into_iter().enumerate().map(|(index, token)| {
        ApiToken::try_from(token).map_err(|flaw| (format!("of token {}, {flaw}", index + 1), None))
    });
    tokens.collect()
}

/// The fields of an object that are texts; `None` where it is not an object.
pub(crate) fn text_fields(json: &str) -> Option<BTreeMap<String, String>> {
    let fields = backend::text_fields(json)?;
    Some(fields.into_iter().filter_map(|(key, value)| Some((key, value.0?))).collect())
}

/// A text, or nothing in place of a value of any other type.
struct Text(Option<String>);

#[cfg(feature = "serde")]
mod backend {
    use super::{BTreeMap, Error, Text, WireToken};
    use serde::de::value::MapAccessDeserializer;
    use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
    use std::fmt;
    use std::marker::PhantomData;

    #[derive(serde::Deserialize)]
    struct WireList {
        // Without this, a missing field would be the same as null.
        #[serde(deserialize_with = "Option::deserialize")]
        tokens: Option<Vec<Object<WireToken>>>,
    }

    pub(super) fn list(body: &str) -> Result<Vec<WireToken>, Option<Box<dyn Error + Send + Sync>>> {
        let Object(list) = serde_json::from_str::<Object<WireList>>(body).map_err(|error| Some(error.into()))?;
        Ok(list.tokens.unwrap_or_default().into_iter().map(|Object(token)| token).collect())
    }

    pub(super) fn text_fields(json: &str) -> Option<BTreeMap<String, Text>> {
        serde_json::from_str(json).ok()
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

    impl<'de> Deserialize<'de> for Text {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            #[derive(serde::Deserialize)]
            #[serde(untagged)]
            enum Any {
                Text(String),
                Other(IgnoredAny),
            }
            Ok(match Any::deserialize(deserializer)? {
                Any::Text(text) => Self(Some(text)),
                Any::Other(_) => Self(None),
            })
        }
    }
}

#[cfg(all(feature = "miniserde", not(feature = "serde")))]
#[allow(
    clippy::option_option,
    reason = "the outer one says whether the field has come, the inner one whether it is null"
)]
mod backend {
    use super::{BTreeMap, DEEPEST, Error, Text, WireToken};
    use miniserde::de::{Map, Seq, Visitor};
    use miniserde::{Deserialize, Result, json, make_place};

    make_place!(Place);

    pub(super) fn list(body: &str) -> std::result::Result<Vec<WireToken>, Option<Box<dyn Error + Send + Sync>>> {
        // Its error says nothing, so it is not worth being a source.
        json::from_str::<WireList>(body).map(|list| list.0).map_err(|_| None)
    }

    pub(super) fn text_fields(json: &str) -> Option<BTreeMap<String, Text>> {
        json::from_str(json).ok()
    }

    struct WireList(Vec<WireToken>);

    impl Deserialize for WireList {
        fn begin(out: &mut Option<Self>) -> &mut dyn Visitor {
            Place::new(out)
        }
    }

    impl Visitor for Place<WireList> {
        fn map(&mut self) -> Result<Box<dyn Map + '_>> {
            Ok(Box::new(ListMap { out: &mut self.out, tokens: None, ignored: Ignored::at(0) }))
        }
    }

    struct ListMap<'a> {
        out: &'a mut Option<WireList>,
        tokens: Option<Option<Vec<WireToken>>>,
        ignored: Ignored,
    }

    impl Map for ListMap<'_> {
        fn key(&mut self, key: &str) -> Result<&mut dyn Visitor> {
            match key {
                "tokens" => once(&mut self.tokens),
                _ => Ok(&mut self.ignored),
            }
        }

        fn finish(&mut self) -> Result<()> {
            let tokens = self.tokens.take().ok_or(miniserde::Error)?;
            *self.out = Some(WireList(tokens.unwrap_or_default()));
            Ok(())
        }
    }

    impl Deserialize for WireToken {
        fn begin(out: &mut Option<Self>) -> &mut dyn Visitor {
            Place::new(out)
        }
    }

    impl Visitor for Place<WireToken> {
        fn map(&mut self) -> Result<Box<dyn Map + '_>> {
            Ok(Box::new(TokenMap { out: &mut self.out, fields: Fields::default(), ignored: Ignored::at(0) }))
        }
    }

    #[derive(Default)]
    struct Fields {
        name: Option<Option<String>>,
        id: Option<Option<String>>,
        organization: Option<Option<String>>,
        group: Option<Option<String>>,
        scopes: Option<Option<Vec<String>>>,
        created_at: Option<Option<String>>,
    }

    struct TokenMap<'a> {
        out: &'a mut Option<WireToken>,
        fields: Fields,
        ignored: Ignored,
    }

    impl Map for TokenMap<'_> {
        fn key(&mut self, key: &str) -> Result<&mut dyn Visitor> {
            match key {
                "name" => once(&mut self.fields.name),
                "id" => once(&mut self.fields.id),
                "organization" => once(&mut self.fields.organization),
                "group" => once(&mut self.fields.group),
                "scopes" => once(&mut self.fields.scopes),
                "created_at" => once(&mut self.fields.created_at),
                _ => Ok(&mut self.ignored),
            }
        }

        fn finish(&mut self) -> Result<()> {
            let fields = std::mem::take(&mut self.fields);
            *self.out = Some(WireToken {
                name: fields.name.flatten(),
                id: fields.id.flatten(),
                organization: fields.organization.flatten(),
                group: fields.group.flatten(),
                scopes: fields.scopes.flatten(),
                created_at: fields.created_at.flatten(),
            });
            Ok(())
        }
    }

    /// Refuses a field that comes twice, as serde does; miniserde's own derive takes the last.
    fn once<T: Deserialize>(field: &mut Option<T>) -> Result<&mut dyn Visitor> {
        if field.is_some() { Err(miniserde::Error) } else { Ok(T::begin(field)) }
    }

    impl Deserialize for Text {
        fn begin(out: &mut Option<Self>) -> &mut dyn Visitor {
            Place::new(out)
        }
    }

    impl Visitor for Place<Text> {
        fn string(&mut self, text: &str) -> Result<()> {
            self.out = Some(Text(Some(text.to_owned())));
            Ok(())
        }

        fn null(&mut self) -> Result<()> {
            self.out = Some(Text(None));
            Ok(())
        }

        fn boolean(&mut self, _: bool) -> Result<()> {
            self.null()
        }

        fn negative(&mut self, _: i64) -> Result<()> {
            self.null()
        }

        fn nonnegative(&mut self, _: u64) -> Result<()> {
            self.null()
        }

        fn float(&mut self, _: f64) -> Result<()> {
            self.null()
        }

        fn seq(&mut self) -> Result<Box<dyn Seq + '_>> {
            self.null()?;
            Ok(Box::new(Ignored::at(1)))
        }

        fn map(&mut self) -> Result<Box<dyn Map + '_>> {
            self.null()?;
            Ok(Box::new(Ignored::at(1)))
        }
    }

    /// Any value at all, up to [`DEEPEST`] levels: miniserde's own has no bound, and 8 MiB of `[` would take 500 MiB.
    struct Ignored {
        depth: u8,
        inner: Option<Box<Ignored>>,
    }

    impl Ignored {
        fn at(depth: u8) -> Self {
            Self { depth, inner: None }
        }

        fn deeper(&self) -> Result<Box<Self>> {
            if self.depth < DEEPEST { Ok(Box::new(Self::at(self.depth + 1))) } else { Err(miniserde::Error) }
        }

        fn inner(&mut self) -> &mut dyn Visitor {
            let depth = self.depth;
            &mut **self.inner.get_or_insert_with(|| Box::new(Self::at(depth)))
        }
    }

    impl Visitor for Ignored {
        fn null(&mut self) -> Result<()> {
            Ok(())
        }

        fn boolean(&mut self, _: bool) -> Result<()> {
            Ok(())
        }

        fn string(&mut self, _: &str) -> Result<()> {
            Ok(())
        }

        fn negative(&mut self, _: i64) -> Result<()> {
            Ok(())
        }

        fn nonnegative(&mut self, _: u64) -> Result<()> {
            Ok(())
        }

        fn float(&mut self, _: f64) -> Result<()> {
            Ok(())
        }

        fn seq(&mut self) -> Result<Box<dyn Seq + '_>> {
            Ok(self.deeper()?)
        }

        fn map(&mut self) -> Result<Box<dyn Map + '_>> {
            Ok(self.deeper()?)
        }
    }

    impl Seq for Ignored {
        fn element(&mut self) -> Result<&mut dyn Visitor> {
            Ok(self.inner())
        }

        fn finish(&mut self) -> Result<()> {
            Ok(())
        }
    }

    impl Map for Ignored {
        fn key(&mut self, _: &str) -> Result<&mut dyn Visitor> {
            Ok(self.inner())
        }

        fn finish(&mut self) -> Result<()> {
            Ok(())
        }
    }
}

/// Nothing, so that the only error of a build without a JSON feature is the one that says what to choose.
#[cfg(not(any(feature = "serde", feature = "miniserde")))]
mod backend {
    use super::{BTreeMap, Error, Text, WireToken};

    pub(super) fn list(_: &str) -> Result<Vec<WireToken>, Option<Box<dyn Error + Send + Sync>>> {
        Err(None)
    }

    pub(super) fn text_fields(_: &str) -> Option<BTreeMap<String, Text>> {
        None
    }
}
