//! The command line, and its checks of a list.
//!
//! An input has an argument a line, an empty line, and the document.

use super::{CREDENTIAL, assert_secret, is_control};
use crate::arguments::{Action, Options, Rule, parse};
use crate::checks::failures;
use crate::messages::cut;
use std::ffi::OsString;
use turso_api_tokens::{Answer, ApiToken, Date, Escaped};

/// # Panics
/// If a promise is broken.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (arguments, document) = text.split_once("\n\n").unwrap_or((text, ""));
    match parse(arguments.lines().map(OsString::from)) {
        Ok(Action::Print(text)) => assert!(text.ends_with('\n')),
        Ok(Action::List(options)) => {
            assert!(!options.timeout.is_zero());
            if let Ok(tokens) = Answer::from_json(document).tokens() {
                checks(&options, &tokens);
            }
        }
        Err(problem) => {
            // The name of an option is repeated, its value or an argument without an option is not.
            let is_option = |argument: &str| {
                argument.starts_with('-') && argument.to_ascii_lowercase().contains(CREDENTIAL)
            };
            if !arguments.lines().any(is_option) {
                assert_secret(&problem);
            }
        }
    }
    for length in [1, 60, 300] {
        let short = cut(text, length);
        assert!(
            short == text || (short.chars().count() == length && short.ends_with('…')),
            "{short:?}"
        );
    }
}

fn checks(options: &Options, tokens: &[ApiToken]) {
    let today = Date::parse("2026-11-24").expect("a date");
    let missing = options
        .require
        .iter()
        .filter(|name| tokens.iter().all(|token| token.name != **name))
        .count();
    let mut denied = 0;
    for token in tokens {
        for rule in &options.deny {
            let is_denied = match rule {
                Rule::Any => true,
                Rule::Unrestricted => token.organization.is_none(),
                Rule::OlderThan(days) => match token.created_at.as_deref().and_then(Date::parse) {
                    Some(created) => {
                        let age = today.days_since(created);
                        age > i64::from(*days) || age < -1
                    }
                    None => true,
                },
            };
            denied += usize::from(is_denied && !options.allow.contains(&token.name));
        }
    }
    let failures = failures(options, tokens, today);
    assert_eq!(failures.len(), missing + denied, "{failures:?}");
    for failure in failures {
        assert!(
            failure.starts_with("--require ") || failure.starts_with("--deny "),
            "{failure:?}"
        );
        let line = Escaped(&failure).to_string();
        assert!(!line.chars().any(is_control), "{line:?}");
    }
}
