//! JSON in, tokens out: the only place that names a JSON library.
//!
//! Each library has a file. Both give the same tokens for every documented response, and both say
//! what is wrong with any other. They differ on JSON that the API does not send:
//!
//! - serde refuses a documented field that comes twice. miniserde takes the last one.
//! - miniserde refuses a number out of range and a lone surrogate. serde ignores both in an
//!   unknown field.
//! - If a token is faulty too, serde calls a number out of range, a lone surrogate and nesting deeper
//!   than 128 "not JSON", as the diagnosis parses the whole document.

// Where both are on, serde decodes. The module is not named `miniserde`, as the paths that the
// derive macro writes would resolve to it.
#[cfg(all(feature = "miniserde", not(feature = "serde")))]
#[path = "miniserde.rs"]
mod library;
#[cfg(feature = "serde")]
#[path = "serde.rs"]
mod library;

use crate::error::AnswerFailure;
use crate::token::ApiToken;
use library::{Decode, Value, parse};

/// Decodes an object; `None` if it is something else. serde alone would take an array of the fields
/// as well.
pub(crate) fn from_object<T: Decode>(document: &str) -> Option<T> {
    if !document.trim_ascii_start().starts_with('{') {
        return None;
    }
    parse(document)
}

/// The body. Decoded with `T = Vec<Token>`, then with `T = ()`, which only null matches. An
/// `Option` would also accept a missing field.
#[cfg_attr(feature = "serde", derive(serde::Deserialize))]
#[cfg_attr(feature = "miniserde", derive(miniserde::Deserialize))]
struct Response<T> {
    tokens: T,
}

/// A token as the API sends it: what is optional may be missing, null or empty.
///
/// `remote = "Self"` makes serde's derive an inherent function, so that serde.rs can implement the
/// trait itself.
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
        Self {
            name: token.name,
            id: token.id,
            organization: non_empty(token.organization),
            group: non_empty(token.group),
            scopes: token.scopes.unwrap_or_default(),
            created_at: non_empty(token.created_at),
        }
    }
}

/// To the API's server, empty and missing are the same.
fn non_empty(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
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
    pub(crate) reason: AnswerFailure,
    /// What is wrong, for messages.
    pub(crate) problem: String,
}

impl Fault {
    fn new(reason: AnswerFailure, problem: impl Into<String>) -> Self {
        Self {
            reason,
            problem: problem.into(),
        }
    }
}

/// Decodes the endpoint's response: all of its tokens, or `None`. [`diagnose`] says why.
pub(crate) fn tokens(document: &str) -> Option<Vec<ApiToken>> {
    if let Some(list) = from_object::<Response<Vec<Token>>>(document) {
        return Some(list.tokens.into_iter().map(ApiToken::from).collect());
    }

    let is_null = from_object::<Response<()>>(document).is_some();
    if is_null { Some(Vec::new()) } else { None }
}

/// A larger document is not parsed again, as a parsed one takes up to 130 times its size.
const MAX_DIAGNOSED: usize = 1024 * 1024;

/// Finds out what is wrong with a document. Runs only after decoding has failed. `excerpt` is the
/// document's beginning for messages.
pub(crate) fn diagnose(document: &str, excerpt: impl FnOnce() -> String) -> Fault {
    use AnswerFailure::{Incomplete, NotAList, NotJson};

    if document.trim_ascii().is_empty() {
        return Fault::new(Incomplete, "it is empty");
    }
    let length = document.len();
    if is_cut_off(document) {
        let problem = format!("it ends in the middle, after {length} bytes");
        return Fault::new(Incomplete, problem);
    }
    if length > MAX_DIAGNOSED {
        let problem = format!("it is {length} bytes that begin with {}", excerpt());
        return Fault::new(NotAList, problem);
    }

    let Some(value) = parse::<Value>(document) else {
        let problem = format!("it is not JSON; it begins with {}", excerpt());
        return Fault::new(NotJson, problem);
    };
    let Some(list) = field(&value, "tokens") else {
        let problem = format!("it has no `tokens`; it begins with {}", excerpt());
        return Fault::new(NotAList, problem);
    };
    let Value::Array(tokens) = list else {
        return Fault::new(NotAList, "`tokens` is not a list");
    };

    for (token, number) in tokens.iter().zip(1..) {
        if let Some(problem) = token_problem(token) {
            let reason = AnswerFailure::Token(number);
            return Fault::new(reason, format!("token {number}: {problem}"));
        }
    }
    let problem = "the decoder does not accept its JSON; perhaps a field comes twice";
    Fault::new(NotAList, problem)
}

fn field<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match value {
        Value::Object(object) => object.get(name),
        _ => None,
    }
}

/// What is wrong with a token; `None` if nothing is.
fn token_problem(token: &Value) -> Option<String> {
    let Value::Object(_) = token else {
        return Some("it is not an object".to_owned());
    };

    for name in ["name", "id"] {
        let Some(value) = field(token, name) else {
            return Some(format!("`{name}` is missing"));
        };
        if !is_string(value) {
            return Some(format!("`{name}` is not a string"));
        }
    }

    for name in ["organization", "group", "created_at"] {
        let value = field(token, name).unwrap_or(&Value::Null);
        if !is_null(value) && !is_string(value) {
            return Some(format!("`{name}` is not a string"));
        }
    }

    let scopes = field(token, "scopes").unwrap_or(&Value::Null);
    if !is_null(scopes) && !is_list_of_strings(scopes) {
        return Some("`scopes` is not a list of strings".to_owned());
    }
    None
}

fn is_null(value: &Value) -> bool {
    matches!(value, Value::Null)
}

fn is_string(value: &Value) -> bool {
    matches!(value, Value::String(_))
}

fn is_list_of_strings(value: &Value) -> bool {
    match value {
        Value::Array(values) => values.iter().all(is_string),
        _ => false,
    }
}

/// Whether a document begins as JSON does and ends inside a string, a list or an object.
fn is_cut_off(document: &str) -> bool {
    let document = document.trim_ascii_start();
    if !document.starts_with(['{', '[']) {
        return false;
    }

    let mut depth = 0_usize;
    let mut in_string = false;
    let mut bytes = document.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => in_string = !in_string,
            b'\\' if in_string => {
                // The escaped byte, which may be a quotation mark.
                bytes.next();
            }
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    depth > 0 || in_string
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn decode(document: &str) -> Result<Vec<ApiToken>, Fault> {
        match tokens(document) {
            Some(tokens) => Ok(tokens),
            None => Err(diagnose(document, || "…".to_owned())),
        }
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
            let problem = format!("token {number}: `{key}` is missing");
            let expected = Fault::new(AnswerFailure::Token(number), problem);
            prop_assert_eq!(decode(&json!({"tokens": documents}).to_string()), Err(expected));
        }

        #[test]
        fn a_valid_list_cut_off_anywhere_ends_in_the_middle(list in prop::collection::vec(token(), 0..4), cut in any::<prop::sample::Index>()) {
            let documents: Vec<Value> = list.into_iter().map(|(document, _)| document).collect();
            let text = json!({"tokens": documents}).to_string();
            let cut = cut.index(text.len());
            prop_assume!(cut > 0 && text.is_char_boundary(cut));
            let problem = format!("it ends in the middle, after {cut} bytes");
            let expected = Fault::new(AnswerFailure::Incomplete, problem);
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
            let expected = Fault::new(AnswerFailure::Token(2), format!("token 2: {problem}"));
            assert_eq!(second(token), expected, "{token}");
        }
    }

    #[test]
    fn a_document_that_is_not_a_list_is_described() {
        use AnswerFailure::{Incomplete, NotAList, NotJson};
        let not_json = "it is not JSON; it begins with …";
        let no_tokens = "it has no `tokens`; it begins with …";
        for (document, reason, problem) in [
            ("", Incomplete, "it is empty"),
            (" \r\n", Incomplete, "it is empty"),
            (
                r#"{"tokens":"#,
                Incomplete,
                "it ends in the middle, after 10 bytes",
            ),
            ("  [", Incomplete, "it ends in the middle, after 3 bytes"),
            (
                r#"{"a":"]}"#,
                Incomplete,
                "it ends in the middle, after 8 bytes",
            ),
            (
                r#"{"a":"\"}"#,
                Incomplete,
                "it ends in the middle, after 9 bytes",
            ),
            (
                r#"{"a":"}""#,
                Incomplete,
                "it ends in the middle, after 8 bytes",
            ),
            (r#"{"tokens":{}}"#, NotAList, "`tokens` is not a list"),
            (r#"{"tokens":"x"}"#, NotAList, "`tokens` is not a list"),
            (r#"{"tokens":0}"#, NotAList, "`tokens` is not a list"),
            ("<html>", NotJson, not_json),
            (r#"{"tokens":[]} x"#, NotJson, not_json),
            (r#"{"tokens":[],}"#, NotJson, not_json),
            (r#"{"tokens":[]}]"#, NotJson, not_json),
            (r#"\{"tokens":[]}"#, NotJson, not_json),
            (r"{\}", NotJson, not_json),
            ("null", NotAList, no_tokens),
            ("[]", NotAList, no_tokens),
            (r#""tokens""#, NotAList, no_tokens),
            ("{}", NotAList, no_tokens),
            (r#"{"Tokens":[]}"#, NotAList, no_tokens),
        ] {
            let expected = Fault::new(reason, problem);
            assert_eq!(decode(document), Err(expected), "{document}");
        }
    }

    #[test]
    fn a_lone_surrogate_in_an_unknown_field_is_refused_by_miniserde_alone() {
        let expected = if cfg!(feature = "serde") {
            Ok(vec![])
        } else {
            let problem = "it is not JSON; it begins with …";
            Err(Fault::new(AnswerFailure::NotJson, problem))
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
