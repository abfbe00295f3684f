//! JSON by miniserde, the smallest decoder: its derive lacks a list that may be null but not missing.

use crate::token::ApiToken;
use miniserde::de::{Seq, Visitor};
use miniserde::json;
use miniserde::{Deserialize, Result, make_place};

pub(super) use miniserde::json::Value;

pub(super) fn tokens(document: &str) -> Option<Vec<ApiToken>> {
    let Response { tokens: Nullable(tokens) } = json::from_str(document).ok()?;
    Some(tokens.unwrap_or_default().into_iter().map(ApiToken::from).collect())
}

pub(super) fn value(document: &str) -> Option<Value> {
    json::from_str(document).ok()
}

pub(crate) fn from_object<T: Deserialize>(document: &str) -> Option<T> {
    json::from_str(document).ok()
}

#[derive(Deserialize)]
struct Response {
    tokens: Nullable<Token>,
}

#[derive(Deserialize)]
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
        let non_empty = |text: Option<String>| text.filter(|text| !text.is_empty());
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

/// A list or null. To the derive, a missing `Option` would be null as well.
struct Nullable<T>(Option<Vec<T>>);

make_place!(Place);

impl<T: Deserialize> Deserialize for Nullable<T> {
    fn begin(out: &mut Option<Self>) -> &mut dyn Visitor {
        Place::new(out)
    }
}

impl<T: Deserialize> Visitor for Place<Nullable<T>> {
    fn null(&mut self) -> Result<()> {
        self.out = Some(Nullable(None));
        Ok(())
    }

    fn seq(&mut self) -> Result<Box<dyn Seq + '_>> {
        let Nullable(list) = self.out.insert(Nullable(None));
        Vec::begin(list).seq()
    }
}
