//! Both decoders give the same tokens, or both say the same of what is wrong.

use super::{assert_printable, assert_short};
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::collections::HashSet;
use std::fmt;
use turso_api_tokens::{Answer, ApiToken};

/// # Panics
/// If a promise is broken.
pub fn check(data: &[u8]) {
    let Ok(document) = std::str::from_utf8(data) else {
        return;
    };
    let serde = Answer::from_json(document).tokens();
    let miniserde = with_miniserde::Answer::from_json(document).tokens();
    match (&serde, &miniserde) {
        (Ok(tokens), Ok(other)) => {
            assert_eq!(format!("{tokens:?}"), format!("{other:?}"));
            if !is_unreadable(document, "") {
                assert_eq!(tokens, &expected(document));
            }
        }
        (Ok(_), Err(error)) => {
            // serde does not look into an unknown field.
            let reasons = ["number out of range", "surrogate", "end of hex escape"];
            let differs = reasons.iter().any(|reason| is_unreadable(document, reason));
            assert!(differs, "only serde accepts it; miniserde: {error:#}");
        }
        (Err(error), Ok(_)) => {
            let differs = has_duplicates(document) || is_unreadable(document, "");
            assert!(differs, "only miniserde accepts it; serde: {error:#}");
        }
        (Err(error), Err(other)) => {
            // What serde cannot hold, it cannot find the fault in.
            let differs = has_duplicates(document) || is_unreadable(document, "");
            assert!(
                differs || format!("{error:?}") == format!("{other:?}"),
                "{error:?} and {other:?}"
            );
        }
    }
    // No credential is known here, so there is none to hide.
    for message in [
        serde.err().map(|error| format!("{error:#}")),
        miniserde.err().map(|error| format!("{error:#}")),
    ] {
        let message = message.unwrap_or_default();
        assert_short(&message);
        assert_printable(&message);
    }
}

/// The tokens of a valid list, worked out apart from both decoders.
fn expected(document: &str) -> Vec<ApiToken> {
    let list: Value = serde_json::from_str(document).expect("a list of tokens is JSON");
    let text =
        |token: &Value, name: &str| token.get(name).and_then(Value::as_str).map(str::to_owned);
    let optional = |token: &Value, name: &str| text(token, name).filter(|text| !text.is_empty());
    let token = |token: &Value| {
        // The struct can be made by its `Deserialize` only, as it may get more fields.
        let scopes = token
            .get("scopes")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let fields = serde_json::json!({
            "name": text(token, "name").expect("a name"),
            "id": text(token, "id").expect("an id"),
            "organization": optional(token, "organization"),
            "group": optional(token, "group"),
            "scopes": scopes,
            "created_at": optional(token, "created_at"),
        });
        serde_json::from_value(fields).expect("a token")
    };
    let tokens = list.get("tokens").expect("the field `tokens`");
    assert!(tokens.is_null() || tokens.is_array());
    tokens
        .as_array()
        .map(|tokens| tokens.iter().map(token).collect())
        .unwrap_or_default()
}

/// Whether an object has a name twice.
fn has_duplicates(document: &str) -> bool {
    serde_json::from_str::<Strict>(document).is_ok_and(|json| json.has_duplicates)
}

/// Whether a document that ends as JSON does cannot be held in memory by serde, for this reason.
fn is_unreadable(document: &str, reason: &str) -> bool {
    const REASONS: [&str; 4] = [
        "number out of range",
        "recursion limit",
        "surrogate",
        "end of hex escape",
    ];
    let Err(error) = serde_json::from_str::<Strict>(document) else {
        return false;
    };
    let error = error.to_string();
    error.contains(reason) && REASONS.iter().any(|reason| error.contains(reason))
}

/// Any JSON, all of it read, and whether an object has a name twice.
struct Strict {
    has_duplicates: bool,
}

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Strict;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Strict, E> {
        Ok(Strict {
            has_duplicates: false,
        })
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Strict, E> {
        self.visit_unit()
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Strict, E> {
        self.visit_unit()
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Strict, E> {
        self.visit_unit()
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Strict, E> {
        self.visit_unit()
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Strict, E> {
        self.visit_unit()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Strict, A::Error> {
        let mut has_duplicates = false;
        while let Some(item) = items.next_element::<Strict>()? {
            has_duplicates |= item.has_duplicates;
        }
        Ok(Strict { has_duplicates })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Strict, A::Error> {
        let (mut names, mut has_duplicates) = (HashSet::new(), false);
        while let Some((name, value)) = fields.next_entry::<String, Strict>()? {
            has_duplicates |= value.has_duplicates | !names.insert(name);
        }
        Ok(Strict { has_duplicates })
    }
}
