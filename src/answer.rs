//! What came, as text and as tokens.

use crate::credential::Credential;
use crate::error::Error;
use crate::escape::excerpt;
use crate::json;
use crate::token::ApiToken;
use std::fmt;
use ureq::http::HeaderValue;

/// What the API answered: status 200 and a body that is UTF-8; from [`Client::fetch`](crate::Client::fetch).
///
/// Two are equal where their bodies are. One can be made without a network, so that a test gets tokens as the API would
/// give them:
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
    /// Whence it came, and as what.
    url: String,
    content_type: Option<HeaderValue>,
    /// What must not show.
    credential: Option<Credential>,
}

impl Answer {
    /// Makes an answer of a body, without a network.
    #[must_use]
    pub fn from_json(json: impl Into<String>) -> Self {
        Self { json: json.into(), url: "Answer::from_json".to_owned(), content_type: None, credential: None }
    }

    /// The body exactly as it came. Only [`tokens`](Self::tokens) knows whether it is a list.
    #[must_use]
    pub fn json(&self) -> &str {
        &self.json
    }

    /// Decodes the list: all of it, or nothing.
    ///
    /// `{"tokens": null}` is an empty list. Unknown fields are ignored. Decoding takes at most ten times the memory of
    /// the body.
    ///
    /// # Errors
    /// [`Error::InvalidAnswer`] where the body is not one whole JSON object with `tokens`, or a token has no name or no
    /// id, or a documented field has another type.
    pub fn tokens(&self) -> Result<Vec<ApiToken>, Error> {
        json::tokens(&self.json).map_err(|said| {
            let said = self.mask(&said);
            let (problem, source) = if said.starts_with(json::ITEM) {
                (said, None)
            } else {
                let problem = format!("it is {}", self.describe());
                (problem, Some(said).filter(|said| !said.is_empty()).map(Into::into))
            };
            Error::InvalidAnswer { url: self.url.clone(), problem, source }
        })
    }

    pub(crate) fn new(json: String, url: String, content_type: Option<HeaderValue>, credential: Credential) -> Self {
        Self { json, url, content_type, credential: Some(credential) }
    }

    /// What it is where it is not a list.
    fn describe(&self) -> String {
        let (length, html) = (self.json.len(), is_html(&self.json, self.content_type.as_ref()));
        let kind = self.content_type.as_ref().map(|kind| String::from_utf8_lossy(kind.as_bytes()));
        let kind = kind.map_or_else(|| "unknown type".to_owned(), |kind| excerpt(&self.mask(&kind)));
        match excerpt(&self.mask(&self.json)).as_str() {
            "" => format!("empty, {length} bytes of {kind}"),
            start if html => format!("an HTML page, {length} bytes of {kind} that begin with {start}"),
            start => format!("{length} bytes of {kind} that begin with {start}"),
        }
    }

    fn mask(&self, text: &str) -> String {
        self.credential.as_ref().map_or_else(|| text.to_owned(), |credential| credential.mask(text))
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
        f.debug_struct("Answer").field("json", &self.mask(&self.json)).field("url", &self.url).finish_non_exhaustive()
    }
}

/// Whether a body is a page for a browser, as login portals and load balancers give.
pub(crate) fn is_html(body: &str, content_type: Option<&HeaderValue>) -> bool {
    let starts = |start: &str| body.trim_start().get(..start.len()).is_some_and(|is| is.eq_ignore_ascii_case(start));
    let kind = content_type.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.to_ascii_lowercase().contains("html") || starts("<html") || starts("<!doctype html")
}
