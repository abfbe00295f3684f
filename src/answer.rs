//! A successful response: its body, and its tokens.

use crate::credential::Credential;
use crate::error::{AnswerFailure, Error};
use crate::escape::excerpt;
use crate::html::{describe_page, is_html};
use crate::json;
use crate::token::ApiToken;
use std::fmt;

/// A response of the API with status 200 and a body in UTF-8, from
/// [`Client::fetch`](crate::Client::fetch).
///
/// `==` compares bodies only. One can be made without a network, so that a test gets tokens as the
/// API would give them:
///
/// ```
/// use turso_api_tokens::{Access, Answer, ApiToken};
///
/// fn unrestricted(tokens: &[ApiToken]) -> usize {
///     tokens.iter().filter(|token| token.access() == Access::Unrestricted).count()
/// }
///
/// let answer = Answer::from_json(r#"{"tokens":[{"name":"a","id":"1"},{"name":"b","id":"2","organization":"acme"}]}"#);
/// assert_eq!(unrestricted(&answer.tokens()?), 1);
/// # Ok::<(), turso_api_tokens::Error>(())
/// ```
#[derive(Clone)]
pub struct Answer {
    json: String,
    is_html: bool,
    /// Where it came from, for messages.
    url: String,
    /// Redacted from messages.
    credential: Option<Credential>,
}

impl Answer {
    /// Makes an answer from a body, without a network. [`tokens`](Self::tokens) checks it.
    pub fn from_json(json: impl Into<String>) -> Self {
        let json = json.into();
        Self {
            is_html: is_html(&json, None),
            json,
            url: "Answer::from_json".to_owned(),
            credential: None,
        }
    }

    pub(crate) fn new(
        json: String,
        content_type: Option<&str>,
        url: String,
        credential: Credential,
    ) -> Self {
        Self {
            is_html: is_html(&json, content_type),
            json,
            url,
            credential: Some(credential),
        }
    }

    /// Returns the body exactly as it came. Whether it is a list, only [`tokens`](Self::tokens)
    /// knows.
    pub fn json(&self) -> &str {
        &self.json
    }

    /// Returns the body exactly as it came, and gives it away.
    pub fn into_json(self) -> String {
        self.json
    }

    /// Decodes the list: all of it, or nothing.
    ///
    /// `{"tokens": null}` is an empty list. Unknown fields are ignored.
    ///
    /// # Errors
    /// [`Error::InvalidAnswer`] if the body is not one complete JSON object with `tokens`, if a
    /// token has no name or no id, or if a documented field has another type. It says which token
    /// and which field. A faulty body above 1 MiB is checked only for being cut off.
    pub fn tokens(&self) -> Result<Vec<ApiToken>, Error> {
        if let Some(tokens) = json::tokens(&self.json) {
            return Ok(tokens);
        }

        if self.is_html {
            let page = describe_page(&self.json, |title| self.redact(title));
            return Err(self.invalid(AnswerFailure::Html, format!("it is {page}")));
        }

        let fault = json::diagnose(&self.json, || excerpt(&self.redact(&self.json)));
        Err(self.invalid(fault.reason, fault.problem))
    }

    fn invalid(&self, reason: AnswerFailure, problem: String) -> Error {
        Error::InvalidAnswer {
            url: self.url.clone(),
            reason,
            problem,
            source: None,
        }
    }

    fn redact(&self, text: &str) -> String {
        match &self.credential {
            Some(credential) => credential.redact(text),
            None => text.to_owned(),
        }
    }
}

impl PartialEq for Answer {
    fn eq(&self, other: &Self) -> bool {
        self.json == other.json
    }
}

impl Eq for Answer {}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("json", &self.redact(&self.json))
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_the_body_without_the_credential() {
        let credential = Credential::new("secret-0123").unwrap();
        let answer = Answer::new(
            "{\"a\":\"secret-0123\"}".to_owned(),
            None,
            "https://h".to_owned(),
            credential,
        );
        assert_eq!(
            format!("{answer:?}"),
            r#"Answer { json: "{\"a\":\"***\"}", url: "https://h", .. }"#
        );
    }
}
