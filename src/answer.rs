//! A successful response: its body, and its tokens.

use crate::json::{self, Fault};
use crate::{credential::Credential, error::Error, escape::excerpt, token::ApiToken};
use std::fmt;

/// A response of the API with status 200 and a body in UTF-8, from [`Client::fetch`](crate::Client::fetch).
///
/// `==` compares bodies only. One can be made without a network, so that a test gets tokens as the API would give them:
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
    /// For messages.
    url: String,
    is_html: bool,
    /// Redacted from messages.
    credential: Option<Credential>,
}

impl Answer {
    /// Makes an answer from a body, without a network.
    pub fn from_json(json: impl Into<String>) -> Self {
        let json = json.into();
        Self {
            is_html: is_html(&json, None),
            json,
            url: "Answer::from_json".to_owned(),
            credential: None,
        }
    }

    /// Returns the body exactly as it came. Whether it is a list, only [`tokens`](Self::tokens) knows.
    pub fn json(&self) -> &str {
        &self.json
    }

    /// Decodes the list: all of it, or nothing.
    ///
    /// `{"tokens": null}` is an empty list. Unknown fields are ignored.
    ///
    /// # Errors
    /// [`Error::InvalidAnswer`] if the body is not one complete JSON object with `tokens`, if a token has no name or no
    /// id, or if a documented field has another type. It says which token and which field; for a body larger than 1 MiB it
    /// says only that it is not a list.
    pub fn tokens(&self) -> Result<Vec<ApiToken>, Error> {
        let tokens = json::tokens(&self.json, || excerpt(&self.redact(&self.json)));
        tokens.map_err(|Fault { mut problem, token }| {
            if self.is_html {
                problem = format!(
                    "it is {}",
                    html_title(&self.json, |title| self.redact(title))
                );
            }
            Error::InvalidAnswer {
                url: self.url.clone(),
                problem,
                token,
                html: self.is_html,
                source: None,
            }
        })
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

    fn redact(&self, text: &str) -> String {
        self.credential
            .as_ref()
            .map_or_else(|| text.to_owned(), |credential| credential.redact(text))
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

/// Whether a body is a page for a browser, as captive portals and load balancers send.
pub(crate) fn is_html(body: &str, content_type: Option<&str>) -> bool {
    let begins = |tag: &str| {
        body.trim_start()
            .get(..tag.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(tag))
    };
    let names_html = |kind: &str| kind.to_ascii_lowercase().contains("html");
    begins("<html") || begins("<!doctype html") || content_type.is_some_and(names_html)
}

/// Describes an HTML page by its title, never by its markup.
pub(crate) fn html_title(page: &str, redact: impl Fn(&str) -> String) -> String {
    let folded = page.to_ascii_lowercase();
    let title = || {
        let tag = folded.find("<title")?;
        let start = tag + folded.get(tag..)?.find('>')? + 1;
        let end = start + folded.get(start..)?.find("</title")?;
        Some(
            page.get(start..end)?
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" "),
        )
    };
    match title().map(|title| excerpt(&redact(&title))) {
        Some(title) if !title.is_empty() => format!("an HTML page titled \"{title}\""),
        _ => "an HTML page".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_html_page_is_recognised_by_its_beginning_or_its_content_type() {
        for (body, content_type, expected) in [
            ("<!DOCTYPE html><title>Sign in</title>", None, true),
            (" \n<HTML>", None, true),
            ("Sign in", Some("Text/HTML; charset=utf-8"), true),
            ("", Some("application/xhtml+xml"), true),
            ("Sign in", Some("text/plain"), false),
            (r#"{"error":"no <html>"}"#, Some("application/json"), false),
            ("", None, false),
        ] {
            assert_eq!(is_html(body, content_type), expected, "{body}");
        }
    }

    #[test]
    fn an_html_page_is_described_by_its_title() {
        for (page, expected) in [
            (
                "<!DOCTYPE html><title>Sign in</title>",
                "an HTML page titled \"Sign in\"",
            ),
            (
                "<HTML><TITLE lang=en>\n 400  No\r\n cert </TITLE>",
                "an HTML page titled \"400 No cert\"",
            ),
            (
                "<html><title>\u{1b}[2J</title>",
                "an HTML page titled \"\\u{1b}[2J\"",
            ),
            ("<html><title></title>", "an HTML page"),
            ("<html><title>cut off", "an HTML page"),
            ("<html><title", "an HTML page"),
            ("Sign in", "an HTML page"),
        ] {
            assert_eq!(html_title(page, str::to_owned), expected, "{page}");
        }
    }

    #[test]
    fn a_title_is_cut_to_120_characters() {
        let page = format!("<html><title>{}</title>", "x".repeat(500));
        assert_eq!(
            html_title(&page, str::to_owned),
            format!("an HTML page titled \"{}…\"", "x".repeat(120))
        );
    }

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
