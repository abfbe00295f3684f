//! JSON in, tokens out: the only place that knows which JSON library is in use.
//!
//! Each library has a file with the same two functions. They give the same for every valid document; serde decodes where
//! both are on.

#[cfg(all(feature = "miniserde", not(feature = "serde")))]
#[path = "miniserde.rs"]
mod backend;
#[cfg(feature = "serde")]
#[path = "serde.rs"]
mod backend;

/// Decodes any other document, as an object; `None` where it is something else.
pub(crate) use backend::object;
/// Decodes the answer of the endpoint: all of its tokens, or what is wrong, which begins with [`ITEM`] where the document
/// is a list with a faulty token, and is empty where the library does not say.
pub(crate) use backend::tokens;

pub(crate) const ITEM: &str = "item ";

/// The API's own words in the body of an error.
#[cfg_attr(feature = "serde", derive(serde::Deserialize))]
#[cfg_attr(all(feature = "miniserde", not(feature = "serde")), derive(miniserde::Deserialize))]
pub(crate) struct ErrorWords {
    pub(crate) error: String,
    pub(crate) code: Option<String>,
}

/// The settings of the official CLI.
#[cfg_attr(feature = "serde", derive(serde::Deserialize))]
#[cfg_attr(all(feature = "miniserde", not(feature = "serde")), derive(miniserde::Deserialize))]
pub(crate) struct Settings {
    /// The credential.
    pub(crate) token: Option<String>,
}

/// Nothing, so that the only error of a build without a JSON feature is the one that says what to choose.
#[cfg(not(any(feature = "serde", feature = "miniserde")))]
mod backend {
    pub(crate) fn tokens(_: &str) -> Result<Vec<crate::token::ApiToken>, String> {
        Err(String::new())
    }

    pub(crate) fn object<T>(_: &str) -> Option<T> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::ApiToken;
    use proptest::prelude::*;
    use serde_json::{Value, json};

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
        let scopes = prop::option::of(prop::option::of(prop::collection::vec(any::<String>(), 0..12)));
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
                let _ = (tokens(&text).is_ok(), object::<ErrorWords>(&text).is_some(), object::<Settings>(&text).is_some());
            }
        }

        #[test]
        fn a_valid_list_gives_its_tokens_whichever_decoder_is_on(list in prop::collection::vec(token(), 0..12), unknown in anything()) {
            let (documents, expected): (Vec<Value>, Vec<ApiToken>) = list.into_iter().unzip();
            let document = json!({"unknown": unknown, "tokens": documents});
            prop_assert_eq!(tokens(&document.to_string()).unwrap(), expected.clone());
            prop_assert_eq!(tokens(&format!(" {document:#}\n")).unwrap(), expected);
        }

        #[test]
        fn a_list_that_lacks_anything_required_is_refused_whole(
            list in prop::collection::vec(token(), 1..5), which in any::<prop::sample::Index>(), key in "name|id"
        ) {
            let mut documents: Vec<Value> = list.into_iter().map(|(document, _)| document).collect();
            let index = which.index(documents.len());
            documents[index].as_object_mut().unwrap().remove(&key);
            let said = tokens(&json!({"tokens": documents}).to_string()).unwrap_err();
            let expected = format!("item {}: missing field `{key}`", index + 1);
            prop_assert!(said.starts_with(&expected), "{}", said);
        }

        #[test]
        fn a_valid_list_cut_short_anywhere_is_refused(list in prop::collection::vec(token(), 0..4), cut in any::<prop::sample::Index>()) {
            let documents: Vec<Value> = list.into_iter().map(|(document, _)| document).collect();
            let text = json!({"tokens": documents}).to_string();
            let cut = cut.index(text.len());
            prop_assume!(text.is_char_boundary(cut));
            prop_assert!(tokens(&text[..cut]).is_err());
        }
    }

    #[test]
    fn words_and_logins_are_found_where_they_are_texts() {
        let words = |document| object(document).map(|words: ErrorWords| (words.error, words.code.unwrap_or_default()));
        assert_eq!(words(r#"{"error":"e","code":"c","x":[{}]}"#), Some(("e".into(), "c".into())));
        assert_eq!(words(r#"{"error":"e"}"#), Some(("e".into(), String::new())));
        for other in ["", "[]", r#"["e"]"#, "{}", r#"{"error":1}"#, r#"{"error":null}"#, r#"{"error":{"message":"e"}}"#]
        {
            assert_eq!(words(other), None, "{other}");
        }
        let token = |document| object(document).map(|settings: Settings| settings.token.unwrap_or_default());
        assert_eq!(token(r#"{"username":"u","token":"t","cache":{"token":"no"}}"#), Some("t".into()));
        assert_eq!((token("{}"), token(r#"{"token":null}"#)), (Some(String::new()), Some(String::new())));
        for other in ["", "[]", r#"["t"]"#, r#""t""#, r#"{"token":7}"#, r#"{"token""#] {
            assert_eq!(token(other), None, "{other}");
        }
    }
}
