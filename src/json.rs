//! JSON in, tokens out: the only file that knows which JSON library is in use.
//!
//! Both decoders take the same answers and give the same tokens. They differ only inside fields that are ignored, where
//! `serde_json` does not look for lone surrogates and numbers beyond an `f64`, and miniserde stops at [`DEEPEST`].

use crate::escape::excerpt;
use crate::token::ApiToken;
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

/// What is looked for in the two other documents: an error's body, and the settings of the official CLI.
#[derive(Default)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(default))]
pub(crate) struct Texts {
    #[cfg_attr(feature = "serde", serde(deserialize_with = "backend::text"))]
    pub(crate) error: Option<String>,
    #[cfg_attr(feature = "serde", serde(deserialize_with = "backend::text"))]
    pub(crate) code: Option<String>,
    #[cfg_attr(feature = "serde", serde(deserialize_with = "backend::text"))]
    pub(crate) token: Option<String>,
}

/// Those fields of an object, where they are texts; `None` where it is not an object.
pub(crate) fn texts(json: &str) -> Option<Texts> {
    backend::texts(json)
}

#[cfg(feature = "serde")]
mod backend {
    use super::{Error, Texts, WireToken};
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

    pub(super) fn texts(json: &str) -> Option<Texts> {
        serde_json::from_str(json).ok().map(|Object(texts)| texts)
    }

    /// A text, or nothing in place of a value of any other type.
    pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(untagged)]
        enum Any {
            Text(String),
            Other(IgnoredAny),
        }
        Ok(match Any::deserialize(deserializer)? {
            Any::Text(text) => Some(text),
            Any::Other(_) => None,
        })
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
}

#[cfg(all(feature = "miniserde", not(feature = "serde")))]
#[allow(
    clippy::option_option,
    reason = "the outer one says whether the field has come, the inner one whether it is null"
)]
mod backend {
    use super::{DEEPEST, Error, Texts, WireToken};
    use miniserde::de::{Map, Seq, Visitor};
    use miniserde::{Deserialize, Result, json, make_place};

    make_place!(Place);

    pub(super) fn list(body: &str) -> std::result::Result<Vec<WireToken>, Option<Box<dyn Error + Send + Sync>>> {
        // Its error says nothing, so it is not worth being a source.
        json::from_str::<WireList>(body).map(|list| list.0).map_err(|_| None)
    }

    pub(super) fn texts(json: &str) -> Option<Texts> {
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
            let mut fields = std::mem::take(&mut self.fields);
            if let Some(Some(scopes)) = &mut fields.scopes {
                // They grow with room for four, which in a long list is a third of the memory.
                scopes.shrink_to_fit();
            }
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

    impl Deserialize for Texts {
        fn begin(out: &mut Option<Self>) -> &mut dyn Visitor {
            Place::new(out)
        }
    }

    impl Visitor for Place<Texts> {
        fn map(&mut self) -> Result<Box<dyn Map + '_>> {
            Ok(Box::new(TextsMap { out: &mut self.out, error: None, code: None, token: None, ignored: Ignored::at(0) }))
        }
    }

    struct TextsMap<'a> {
        out: &'a mut Option<Texts>,
        error: Option<Text>,
        code: Option<Text>,
        token: Option<Text>,
        ignored: Ignored,
    }

    impl Map for TextsMap<'_> {
        fn key(&mut self, key: &str) -> Result<&mut dyn Visitor> {
            match key {
                "error" => once(&mut self.error),
                "code" => once(&mut self.code),
                "token" => once(&mut self.token),
                _ => Ok(&mut self.ignored),
            }
        }

        fn finish(&mut self) -> Result<()> {
            let text = |field: &mut Option<Text>| field.take().and_then(|text| text.0);
            *self.out =
                Some(Texts { error: text(&mut self.error), code: text(&mut self.code), token: text(&mut self.token) });
            Ok(())
        }
    }

    /// A text, or nothing in place of a value of any other type.
    struct Text(Option<String>);

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
    use super::{Error, Texts, WireToken};

    pub(super) fn list(_: &str) -> Result<Vec<WireToken>, Option<Box<dyn Error + Send + Sync>>> {
        Err(None)
    }

    pub(super) fn texts(_: &str) -> Option<Texts> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn decode(document: &Value) -> Result<Vec<ApiToken>, Flaw> {
        tokens(&document.to_string(), None)
    }

    /// Any JSON, for fields that nobody knows.
    fn anything() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(6, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    fn optional() -> impl Strategy<Value = Option<Option<String>>> {
        prop::option::of(prop::option::of(any::<String>()))
    }

    /// A valid token as JSON, and what has to come out of it, worked out apart from both decoders.
    fn token() -> impl Strategy<Value = (Value, ApiToken)> {
        let scopes = prop::option::of(prop::option::of(prop::collection::vec(any::<String>(), 0..4)));
        let fields = (any::<String>(), any::<String>(), optional(), optional(), scopes, optional(), anything());
        fields.prop_map(|(name, id, organization, group, scopes, created_at, unknown)| {
            let mut document = json!({"name": name, "id": id, "unknown": unknown});
            let mut put = |key: &str, value: Option<Value>| {
                if let Some(value) = value {
                    document[key] = value;
                }
            };
            put("organization", organization.clone().map(Value::from));
            put("group", group.clone().map(Value::from));
            put("scopes", scopes.clone().map(Value::from));
            put("created_at", created_at.clone().map(Value::from));
            let filled = |field: Option<Option<String>>| field.flatten().filter(|text| !text.is_empty());
            let token = ApiToken {
                name,
                id,
                organization: filled(organization),
                group: filled(group),
                scopes: scopes.flatten().unwrap_or_default(),
                created_at: filled(created_at),
            };
            (document, token)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn arbitrary_text_never_panics(text in any::<String>(), jsonish in r#"[\[\]{}",:\\a-u0-9 \-.]{0,64}"#) {
            for text in [text, jsonish] {
                let _ = tokens(&text, Some(&text));
                let _ = texts(&text);
            }
        }

        #[test]
        fn a_valid_list_gives_its_tokens_whichever_decoder_is_on(list in prop::collection::vec(token(), 0..8), unknown in anything()) {
            let (documents, expected): (Vec<Value>, Vec<ApiToken>) = list.into_iter().unzip();
            let document = json!({"unknown": unknown, "tokens": documents});
            prop_assert_eq!(decode(&document).unwrap(), expected.clone());
            prop_assert_eq!(tokens(&format!(" {document:#}\n"), None).unwrap(), expected);
        }

        #[test]
        fn a_list_that_lacks_anything_required_is_refused_whole(
            list in prop::collection::vec(token(), 1..5), which in any::<prop::sample::Index>(), key in "name|id", null in any::<bool>()
        ) {
            let mut documents: Vec<Value> = list.into_iter().map(|(document, _)| document).collect();
            let index = which.index(documents.len());
            let fields = documents[index].as_object_mut().unwrap();
            if null { fields[&key] = Value::Null; } else { fields.remove(&key); }
            let (problem, _) = decode(&json!({"tokens": documents})).unwrap_err();
            prop_assert_eq!(problem, format!("of token {}, it has no {key}", index + 1));
        }

        #[test]
        fn a_valid_list_cut_short_anywhere_is_refused(list in prop::collection::vec(token(), 0..4), cut in any::<prop::sample::Index>()) {
            let documents: Vec<Value> = list.into_iter().map(|(document, _)| document).collect();
            let text = json!({"tokens": documents}).to_string();
            let cut = cut.index(text.len());
            prop_assume!(text.is_char_boundary(cut));
            prop_assert!(tokens(&text[..cut], None).is_err());
        }
    }

    #[test]
    fn texts_are_found_and_other_values_passed_over() {
        let found = texts(r#"{"error":"e","code":{"a":[1]},"token":7,"x":"y"}"#).unwrap();
        assert_eq!((found.error.as_deref(), found.code, found.token), (Some("e"), None, None));
        for value in ["null", "true", "-1", "1.5", "[]", "[[1],{}]", "{}"] {
            assert!(texts(&format!(r#"{{"error":{value}}}"#)).unwrap().error.is_none(), "{value}");
        }
        assert!(texts("{}").is_some());
        assert!(texts("[]").is_none() && texts("").is_none() && texts(r#""token""#).is_none());
    }
}
