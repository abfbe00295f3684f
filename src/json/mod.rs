//! JSON in, tokens out: the only place that names a JSON library.
//!
//! Each library has a file. Both give the same tokens for every documented response, and both say what is wrong with any
//! other. They differ on JSON that the API does not send: serde refuses a documented field that comes twice, of which
//! miniserde takes the last; miniserde refuses a number out of range and half a surrogate pair, which serde ignores in an
//! unknown field. Where a token is faulty as well, serde tells none of these nor a document that nests deeper than 128 from
//! what is not JSON.

// Where both are on, serde decodes. The module cannot be called miniserde: its derive would take it for the crate.
#[cfg(all(feature = "miniserde", not(feature = "serde")))]
#[path = "miniserde.rs"]
mod library;
#[cfg(feature = "serde")]
#[path = "serde.rs"]
mod library;

use crate::token::ApiToken;
use library::{Decode, Value, parse};

/// Decodes an object; `None` if it is something else. serde alone would take an array of the fields as well.
pub(crate) fn from_object<T: Decode>(document: &str) -> Option<T> {
    parse(document).filter(|_| document.trim_ascii_start().starts_with('{'))
}

/// The body, with a list of tokens or with `()` for null. Either must be there.
#[cfg_attr(feature = "serde", derive(serde::Deserialize))]
#[cfg_attr(feature = "miniserde", derive(miniserde::Deserialize))]
struct Response<T> {
    tokens: T,
}

/// A token as the API sends it: what is optional may be missing, null or empty. `remote` gives it a function `deserialize`
/// of its own, beside the trait's in serde.rs.
#[cfg_attr(
    feature = "serde",
    derive(serde::Deserialize),
    serde(rename = "ApiToken", remote = "Self")
)]
#[cfg_attr(feature = "miniserde", derive(miniserde::Deserialize))]
struct Token {
    name: String,
    id: String,
    organization: Option<String>,
    group: Option<String>,
    scopes: Option<Vec<String>>,
    created_at: Option<String>,
}

impl From<Token> for ApiToken {
    fn from(token: Token) -> Self {
        let Token {
            name,
            id,
            organization,
            group,
            scopes,
            created_at,
        } = token;
        let [organization, group, created_at] =
            [organization, group, created_at].map(|text| text.filter(|text| !text.is_empty()));
        Self {
            name,
            id,
            organization,
            group,
            scopes: scopes.unwrap_or_default(),
            created_at,
        }
    }
}

/// The API's own error text, in the body of an error.
#[cfg_attr(feature = "serde", derive(serde::Deserialize))]
#[cfg_attr(feature = "miniserde", derive(miniserde::Deserialize))]
pub(crate) struct ErrorBody {
    pub(crate) error: String,
    pub(crate) code: Option<String>,
}

/// The settings of the official CLI.
#[cfg_attr(feature = "serde", derive(serde::Deserialize))]
#[cfg_attr(feature = "miniserde", derive(miniserde::Deserialize))]
pub(crate) struct Settings {
    /// The credential.
    pub(crate) token: Option<String>,
}

/// Why a document is not a list of tokens.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// What is wrong.
    pub(crate) problem: String,
    /// The faulty token, counted from 1.
    pub(crate) token: Option<usize>,
}

/// Decodes the endpoint's response: all of its tokens, or what is wrong. `excerpt` is the document's beginning for messages.
pub(crate) fn tokens(
    document: &str,
    excerpt: impl FnOnce() -> String,
) -> Result<Vec<ApiToken>, Fault> {
    if let Some(Response { tokens }) = from_object::<Response<Vec<Token>>>(document) {
        return Ok(tokens.into_iter().map(ApiToken::from).collect());
    }
    if let Some(Response { tokens: () }) = from_object(document) {
        return Ok(Vec::new());
    }
    Err(diagnose(document, excerpt))
}

/// A larger document is not parsed again, as a parsed one takes up to 130 times its size.
const MAX_DIAGNOSED: usize = 1024 * 1024;

/// Finds out what is wrong with a document that has failed to decode, so that a good list costs nothing.
fn diagnose(document: &str, excerpt: impl FnOnce() -> String) -> Fault {
    let value = if document.len() > MAX_DIAGNOSED {
        None
    } else {
        parse(document)
    };
    let list = value.as_ref().and_then(|value| field(value, "tokens"));
    let numbered = |(token, number)| Some((number, token_problem(token)?));
    let problem = match (&value, list) {
        _ if document.trim_ascii().is_empty() => "it is empty".to_owned(),
        _ if is_cut_off(document) => {
            format!("it ends in the middle, after {} bytes", document.len())
        }
        _ if document.len() > MAX_DIAGNOSED => format!(
            "it is {} bytes that begin with {}",
            document.len(),
            excerpt()
        ),
        (None, _) => format!("it is not JSON; it begins with {}", excerpt()),
        (_, None) => format!("it has no `tokens`; it begins with {}", excerpt()),
        (_, Some(Value::Array(tokens))) => match tokens.iter().zip(1..).find_map(numbered) {
            Some((number, problem)) => {
                return Fault {
                    problem: format!("token {number}: {problem}"),
                    token: Some(number),
                };
            }
            None => "the decoder does not accept its JSON; perhaps a field comes twice".to_owned(),
        },
        _ => "`tokens` is not a list".to_owned(),
    };
    Fault {
        problem,
        token: None,
    }
}

fn field<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    if let Value::Object(object) = value {
        object.get(name)
    } else {
        None
    }
}

fn token_problem(token: &Value) -> Option<String> {
    let Value::Object(_) = token else {
        return Some("it is not an object".to_owned());
    };
    [
        "name",
        "id",
        "organization",
        "group",
        "created_at",
        "scopes",
    ]
    .into_iter()
    .find_map(|name| {
        let is_required = matches!(name, "name" | "id");
        match (name, field(token, name)) {
            (_, None) if is_required => Some(format!("`{name}` is missing")),
            (_, None) => None,
            (_, Some(Value::Null)) if !is_required => None,
            ("scopes", Some(Value::Array(scopes)))
                if scopes.iter().all(|scope| matches!(scope, Value::String(_))) =>
            {
                None
            }
            ("scopes", _) => Some("`scopes` is not a list of strings".to_owned()),
            (_, Some(Value::String(_))) => None,
            _ => Some(format!("`{name}` is not a string")),
        }
    })
}

/// Whether a document begins as JSON does and ends inside a string, a list or an object.
fn is_cut_off(document: &str) -> bool {
    let document = document.trim_ascii_start();
    let (mut depth, mut in_string, mut bytes) = (0_usize, false, document.bytes());
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => in_string = !in_string,
            b'\\' if in_string => drop(bytes.next()),
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    document.starts_with(['{', '[']) && (depth > 0 || in_string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn decode(document: &str) -> Result<Vec<ApiToken>, Fault> {
        tokens(document, || "…".to_owned())
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

    /// A valid token as JSON, and the token that it must give, which no decoder has made.
    fn token() -> impl Strategy<Value = (Value, ApiToken)> {
        let scopes = prop::option::of(prop::option::of(prop::collection::vec(
            any::<String>(),
            0..12,
        )));
        let fields = (
            any::<String>(),
            any::<String>(),
            optional(),
            optional(),
            scopes,
            optional(),
            anything(),
        );
        fields.prop_map(
            |(name, id, organization, group, scopes, created_at, unknown)| {
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
                let non_empty =
                    |field: Option<Option<String>>| field.flatten().filter(|text| !text.is_empty());
                let token = ApiToken {
                    name,
                    id,
                    organization: non_empty(organization),
                    group: non_empty(group),
                    scopes: scopes.flatten().unwrap_or_default(),
                    created_at: non_empty(created_at),
                };
                (document, token)
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn arbitrary_text_never_panics_and_is_never_a_list(text in any::<String>(), jsonish in r#"[\[\]{}",:\\a-u0-9 \-.]{0,64}"#) {
            for text in [text, jsonish] {
                prop_assert!(decode(&text).is_err());
                let _ = (from_object::<ErrorBody>(&text).is_some(), from_object::<Settings>(&text).is_some());
            }
        }

        #[test]
        fn a_valid_list_gives_its_tokens(list in prop::collection::vec(token(), 0..12), unknown in anything()) {
            let (documents, expected): (Vec<Value>, Vec<ApiToken>) = list.into_iter().unzip();
            let document = json!({"unknown": unknown, "tokens": documents});
            prop_assert_eq!(decode(&document.to_string()).unwrap(), expected.clone());
            prop_assert_eq!(decode(&format!(" {document:#}\n")).unwrap(), expected);
        }

        #[test]
        fn a_token_without_a_required_field_is_named_with_the_field(
            list in prop::collection::vec(token(), 1..5), which in any::<prop::sample::Index>(), key in "name|id"
        ) {
            let mut documents: Vec<Value> = list.into_iter().map(|(document, _)| document).collect();
            let index = which.index(documents.len());
            documents[index].as_object_mut().unwrap().remove(&key);
            let number = index + 1;
            let expected =
                Fault { problem: format!("token {number}: `{key}` is missing"), token: Some(number) };
            prop_assert_eq!(decode(&json!({"tokens": documents}).to_string()), Err(expected));
        }

        #[test]
        fn a_valid_list_cut_off_anywhere_ends_in_the_middle(list in prop::collection::vec(token(), 0..4), cut in any::<prop::sample::Index>()) {
            let documents: Vec<Value> = list.into_iter().map(|(document, _)| document).collect();
            let text = json!({"tokens": documents}).to_string();
            let cut = cut.index(text.len());
            prop_assume!(cut > 0 && text.is_char_boundary(cut));
            let problem = format!("it ends in the middle, after {cut} bytes");
            let expected = Fault { problem, token: None };
            prop_assert_eq!(decode(&text[..cut]), Err(expected));
        }
    }

    #[test]
    fn a_fault_is_named_by_token_and_field() {
        let second = |token: &str| {
            decode(&format!(
                r#"{{"tokens":[{{"name":"a","id":"b"}},{token}]}}"#
            ))
            .unwrap_err()
        };
        for (token, problem) in [
            ("null", "it is not an object"),
            ("7", "it is not an object"),
            ("[]", "it is not an object"),
            (r#"["a","b"]"#, "it is not an object"),
            ("{}", "`name` is missing"),
            (r#"{"id":"b"}"#, "`name` is missing"),
            (r#"{"name":"a"}"#, "`id` is missing"),
            (r#"{"name":null,"id":"b"}"#, "`name` is not a string"),
            (r#"{"name":["a"],"id":"b"}"#, "`name` is not a string"),
            (r#"{"name":"a","id":7}"#, "`id` is not a string"),
            (
                r#"{"name":"a","id":"b","organization":1}"#,
                "`organization` is not a string",
            ),
            (
                r#"{"name":"a","id":"b","group":{}}"#,
                "`group` is not a string",
            ),
            (
                r#"{"name":"a","id":"b","created_at":20240101}"#,
                "`created_at` is not a string",
            ),
            (
                r#"{"name":"a","id":"b","scopes":"read"}"#,
                "`scopes` is not a list of strings",
            ),
            (
                r#"{"name":"a","id":"b","scopes":{}}"#,
                "`scopes` is not a list of strings",
            ),
            (
                r#"{"name":"a","id":"b","scopes":[null]}"#,
                "`scopes` is not a list of strings",
            ),
            (
                r#"{"name":"a","id":"b","scopes":["read",1]}"#,
                "`scopes` is not a list of strings",
            ),
        ] {
            let expected = Fault {
                problem: format!("token 2: {problem}"),
                token: Some(2),
            };
            assert_eq!(second(token), expected, "{token}");
        }
    }

    #[test]
    fn a_document_that_is_not_a_list_is_described() {
        for (document, problem) in [
            ("", "it is empty"),
            (" \r\n", "it is empty"),
            (r#"{"tokens":{}}"#, "`tokens` is not a list"),
            (r#"{"tokens":"x"}"#, "`tokens` is not a list"),
            (r#"{"tokens":0}"#, "`tokens` is not a list"),
            (r#"{"tokens":"#, "it ends in the middle, after 10 bytes"),
            ("  [", "it ends in the middle, after 3 bytes"),
            (r#"{"a":"]}"#, "it ends in the middle, after 8 bytes"),
            (r#"{"a":"\"}"#, "it ends in the middle, after 9 bytes"),
            (r#"{"a":"}""#, "it ends in the middle, after 8 bytes"),
        ] {
            let expected = Fault {
                problem: problem.to_owned(),
                token: None,
            };
            assert_eq!(decode(document), Err(expected), "{document}");
        }
        for (document, problem) in [
            ("<html>", "it is not JSON; it begins with …"),
            (r#"{"tokens":[]} x"#, "it is not JSON; it begins with …"),
            (r#"{"tokens":[],}"#, "it is not JSON; it begins with …"),
            (r#"{"tokens":[]}]"#, "it is not JSON; it begins with …"),
            (r#"\{"tokens":[]}"#, "it is not JSON; it begins with …"),
            (r"{\}", "it is not JSON; it begins with …"),
            ("null", "it has no `tokens`; it begins with …"),
            ("[]", "it has no `tokens`; it begins with …"),
            (r#""tokens""#, "it has no `tokens`; it begins with …"),
            ("{}", "it has no `tokens`; it begins with …"),
            (r#"{"Tokens":[]}"#, "it has no `tokens`; it begins with …"),
        ] {
            let expected = Fault {
                problem: problem.to_owned(),
                token: None,
            };
            assert_eq!(decode(document), Err(expected), "{document}");
        }
    }

    #[test]
    fn half_a_surrogate_pair_in_an_unknown_field_is_refused_by_miniserde_alone() {
        let problem = "it is not JSON; it begins with …".to_owned();
        let expected = if cfg!(feature = "serde") {
            Ok(vec![])
        } else {
            Err(Fault {
                problem,
                token: None,
            })
        };
        assert_eq!(decode(r#"{"tokens":[],"x":"\udc00"}"#), expected);
    }

    #[test]
    fn a_large_document_that_is_not_a_list_is_described_by_its_size_and_beginning() {
        let padding = " ".repeat(1_048_576);
        let expected = "it is 1048578 bytes that begin with …";
        assert_eq!(
            decode(&format!("{{}}{padding}")).unwrap_err().problem,
            expected
        );
        let at_the_limit = format!("{{}}{}", &padding[2..]);
        assert_eq!(
            decode(&at_the_limit).unwrap_err().problem,
            "it has no `tokens`; it begins with …"
        );
        let faulty = format!(r#"{{"tokens":[{{}}]{}}}"#, &padding[20..]);
        assert_eq!(
            decode(&faulty).unwrap_err().problem,
            "token 1: `name` is missing"
        );
        assert_eq!(
            decode(&format!(r#"{{"tokens":null}}{padding}"#)),
            Ok(Vec::new())
        );
    }

    #[test]
    fn a_list_beside_null_is_never_an_empty_list() {
        for document in [
            r#"{"tokens":[],"tokens":null}"#,
            r#"{"tokens":null,"tokens":[]}"#,
        ] {
            assert!(decode(document).is_err(), "{document}");
        }
    }

    #[test]
    fn only_string_fields_are_extracted() {
        let words = |document| {
            from_object(document).map(|body: ErrorBody| (body.error, body.code.unwrap_or_default()))
        };
        assert_eq!(
            words(r#"{"error":"e","code":"c","x":[{}]}"#),
            Some(("e".into(), "c".into()))
        );
        assert_eq!(words(r#"{"error":"e"}"#), Some(("e".into(), String::new())));
        for other in [
            "",
            "[]",
            r#"["e"]"#,
            "{}",
            r#"{"error":1}"#,
            r#"{"error":null}"#,
            r#"{"error":{"message":"e"}}"#,
        ] {
            assert_eq!(words(other), None, "{other}");
        }
        let token = |document| {
            from_object(document).map(|settings: Settings| settings.token.unwrap_or_default())
        };
        assert_eq!(
            token(r#"{"username":"u","token":"t","cache":{"token":"no"}}"#),
            Some("t".into())
        );
        assert_eq!(
            (token("{}"), token(r#"{"token":null}"#)),
            (Some(String::new()), Some(String::new()))
        );
        for other in [
            "",
            "[]",
            r#"["t"]"#,
            r#""t""#,
            r#"{"token":7}"#,
            r#"{"token""#,
        ] {
            assert_eq!(token(other), None, "{other}");
        }
    }
}
