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
    let secret_len = match secret {
        Some(secret) => secret_len(text, secret),
        None => 0,
    };
    if secret_len > 0 {
        return secret_len;
    }

    // `eyJ` in the middle of a word begins no token.
    if is_in_word {
        return 0;
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
    use proptest::prelude::*;

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

    /// A secret of few letters, and a text that repeats it and parts of it.
    fn secret_and_text() -> impl Strategy<Value = (String, String)> {
        "[a-cA-C-]{1,9}|a{5,9}|(ab){3,5}".prop_flat_map(|secret| {
            let piece = prop_oneof![
                Just(secret.clone()),
                Just(secret.to_ascii_uppercase()),
                (0..=secret.len()).prop_map({
                    let secret = secret.clone();
                    move |length| secret[..length].to_owned()
                }),
                "[a-cA-C-é ]{0,4}",
            ];
            let text = prop::collection::vec(piece, 0..8);
            (Just(secret), text.prop_map(|pieces| pieces.concat()))
        })
    }

    /// What remains of a text after something that it begins with, in any case.
    fn after<'a>(text: &'a str, start: &str) -> Option<&'a str> {
        let (begin, rest) = text.split_at_checked(start.len())?;
        begin.eq_ignore_ascii_case(start).then_some(rest)
    }

    /// Text with a lookalike in it here and there.
    fn text_with_lookalikes() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            "(eyJ|EYJ|eyj)[A-Za-z0-9_.-]{0,14}",
            "[ /=é]",
            "[A-Za-z0-9_.-]{0,3}",
        ];
        prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_secret_is_left_and_no_beginning_of_it_at_the_end((secret, text) in secret_and_text()) {
            let redacted = redact(&text, &secret);
            let folded = redacted.to_ascii_lowercase();
            let secret = secret.to_ascii_lowercase();
            prop_assert!(!folded.contains(&secret), "{:?}", redacted);
            for length in 4..secret.len() {
                prop_assert!(!folded.ends_with(&secret[..length]), "{:?}", redacted);
            }
            prop_assert_eq!(redact(&redacted, &secret), redacted);
        }

        #[test]
        fn everything_but_the_secret_stays((secret, text) in secret_and_text()) {
            let redacted = redact(&text, &secret);
            let mut parts = redacted.split(PLACEHOLDER);
            let mut before = parts.next().unwrap();
            let mut rest = text.strip_prefix(before).unwrap();
            for part in parts {
                if let Some(after_secret) = after(rest, &secret) {
                    rest = after_secret.strip_prefix(part).unwrap();
                } else {
                    // It is cut off: the longest beginning that the text ends with.
                    prop_assert!(rest.len() >= 4 && after(&secret, rest).is_some(), "{:?} is hidden", rest);
                    let is_longer = |start| after(&secret, &format!("{}{rest}", &before[start..])).is_some();
                    let mut starts = before.char_indices().map(|(start, _)| start);
                    prop_assert!(!starts.any(is_longer), "{:?} is not hidden", before);
                    prop_assert_eq!(part, "");
                    rest = "";
                }
                before = part;
            }
            prop_assert_eq!(rest, "");
        }

        #[test]
        fn a_lookalike_is_hidden_and_what_is_around_it_does_not_matter(
            before in text_with_lookalikes(),
            lookalike in "(eyJ|EYJ|eyj)[A-Za-z0-9_.-]{10,20}",
            after in text_with_lookalikes(),
        ) {
            let redacted = redact_lookalikes(&format!("{before}={lookalike} {after}"));
            let around = [redact_lookalikes(&before), redact_lookalikes(&after)];
            prop_assert_eq!(redacted, format!("{}=*** {}", around[0], around[1]));
        }

        #[test]
        fn what_looks_like_one_in_the_middle_of_a_word_stays(word in "[A-Za-z0-9é](eyJ|EYJ|eyj)[A-Za-z0-9]{10,20}") {
            prop_assert_eq!(redact_lookalikes(&word), word);
        }

        #[test]
        fn what_begins_no_lookalike_stays_and_redacting_again_changes_nothing(text in text_with_lookalikes()) {
            let redacted = redact_lookalikes(&text);
            prop_assert_eq!(redact_lookalikes(&redacted), redacted);
            let harmless = text.replace(['j', 'J'], "k");
            prop_assert_eq!(redact_lookalikes(&harmless), harmless);
        }
    }
}
