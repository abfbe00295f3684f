//! Hides text that may be a credential: every value that a message repeats passes through here.

/// What stands in place of a credential.
const PLACEHOLDER: &str = "***";

/// How every JSON Web Token begins: `{"` in base64. Turso's credentials are such tokens.
const JWT_START: &str = "eyJ";
/// A shorter run after the start may well be a part of an ordinary name.
const MIN_JWT_REST: usize = 10;
/// The shortest beginning of the credential that is hidden at the end of a text. Shorter ones would
/// match ordinary words.
const MIN_CUT_OFF: usize = 4;

/// Replaces with `***` whatever looks like a credential: `eyJ` in any case, not after a letter or a
/// digit, and ten or more of `A-Za-z0-9_.-` after it.
///
/// Users put credentials where they do not belong: in an option, a file name, a URL.
#[doc(hidden)]
#[must_use]
pub fn redact_lookalikes(text: &str) -> String {
    redact_with(text, None)
}

/// The same, and replaces `secret`, ignoring case, as host names are lower-cased. A beginning of it
/// at the end of the text counts too, as whoever repeated it may have cut it off.
pub(crate) fn redact(text: &str, secret: &str) -> String {
    redact_with(text, Some(secret))
}

fn redact_with(text: &str, secret: Option<&str>) -> String {
    let mut redacted = String::with_capacity(text.len());
    let mut rest = text;
    let mut is_in_word = false;

    while let Some(c) = rest.chars().next() {
        let hidden = hidden_len(rest, secret, is_in_word);
        if hidden > 0 {
            redacted.push_str(PLACEHOLDER);
            rest = rest.get(hidden..).unwrap_or_default();
            is_in_word = false;
            continue;
        }

        redacted.push(c);
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
        is_in_word = c.is_alphanumeric();
    }
    redacted
}

/// How much of the beginning of a text must not show; 0 if nothing.
fn hidden_len(text: &str, secret: Option<&str>, is_in_word: bool) -> usize {
    let secret = match secret {
        Some(secret) => secret_len(text, secret),
        None => 0,
    };
    if secret > 0 || is_in_word {
        return secret;
    }
    lookalike_len(text)
}

/// The length of the secret that the text begins with, or of the beginning of the secret that is
/// all of the text; 0 if there is none.
fn secret_len(text: &str, secret: &str) -> usize {
    if starts_with_ignore_case(text, secret) {
        return secret.len();
    }
    if text.len() >= MIN_CUT_OFF && starts_with_ignore_case(secret, text) {
        return text.len();
    }
    0
}

/// The length of the lookalike that the text begins with; 0 if there is none.
fn lookalike_len(text: &str) -> usize {
    if !starts_with_ignore_case(text, JWT_START) {
        return 0;
    }
    let run = text.bytes().take_while(|byte| is_jwt_byte(*byte)).count();
    if run < JWT_START.len() + MIN_JWT_REST {
        return 0;
    }
    run
}

pub(crate) fn starts_with_ignore_case(text: &str, start: &str) -> bool {
    match text.get(..start.len()) {
        Some(found) => found.eq_ignore_ascii_case(start),
        None => false,
    }
}

fn is_jwt_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_credential_is_hidden_wherever_it_stands() {
        for (text, expected) in [
            ("", ""),
            ("eyJhbGciOiJFZ", "***"),
            ("eyJhbGciOiJF", "eyJhbGciOiJF"),
            ("Bearer eyJhbGciOiJFZ.c2V-jcm_V0", "Bearer ***"),
            ("'\"eyJhbGciOiJFZ\"'", "'\"***\"'"),
            ("./eyJhbGciOiJFZ/x", "./***/x"),
            ("TURSO_API_TOKEN=eyJhbGciOiJFZ", "TURSO_API_TOKEN=***"),
            ("https://EYJHBGCIOIJFZ:1/a", "https://***:1/a"),
            ("--eyjhbgcioijfz and eyJhbGciOiJFZ", "--*** and ***"),
            ("_eyJhbGciOiJFZ", "_***"),
            ("é eyJhbGciOiJFZé", "é ***é"),
            // Not after a letter or a digit.
            ("monkeyJar.pem", "monkeyJar.pem"),
            ("monkeyJarOfHoney.pem", "monkeyJarOfHoney.pem"),
            ("1eyJhbGciOiJFZ", "1eyJhbGciOiJFZ"),
            ("éeyJhbGciOiJFZ", "éeyJhbGciOiJFZ"),
        ] {
            assert_eq!(redact_lookalikes(text), expected, "{text}");
        }
    }

    #[test]
    fn the_secret_is_hidden_in_full_in_any_case_and_cut_off_at_the_end() {
        for (text, expected) in [
            ("", ""),
            ("nothing", "nothing"),
            ("Secret-0123", "***"),
            (
                "a Secret-0123, secret-0123 and SECRET-0123é",
                "a ***, *** and ***é",
            ),
            ("é Secret-012", "é ***"),
            ("Secret-0123 sEcR", "*** ***"),
            ("a sec", "a sec"),
            ("Secret-012 is cut", "Secret-012 is cut"),
            ("Secret-0123Secret-0123", "******"),
            ("secr", "***"),
        ] {
            assert_eq!(redact(text, "Secret-0123"), expected, "{text}");
        }
        assert_eq!(redact("axb", "x"), "a***b");
        assert_eq!(redact("abc", "abcd"), "abc");
        assert_eq!(redact("aaaaaaaaaaa", "aaaaaa"), "******");
    }

    #[test]
    fn the_secret_does_not_keep_anything_else_from_being_hidden() {
        assert_eq!(redact("eyJhbGxixOiJFZ in x", "x"), "*** in ***");
        assert_eq!(
            redact("eyjhbgcioijfz.example", "eyJhbGciOiJFZ"),
            "***.example"
        );
    }
}
