//! Makes text from elsewhere safe to print on a terminal.

use std::fmt::{self, Write};

/// Displays text with every character escaped that could control a terminal, reorder a line or
/// hide in a name.
///
/// Tab, newline and carriage return become `\t`, `\n` and `\r`. Other characters become `\u{…}` if
/// they are control characters (C0, DEL, C1), line or paragraph separators, bidirectional
/// formatting, or do not show, such as a zero-width space. All other characters stay.
/// [`Error`](crate::Error) displays the server's text this way. A token's name and id are the
/// server's text too:
///
/// ```
/// use turso_api_tokens::Escaped;
/// assert_eq!(Escaped("ci\u{1b}[2J").to_string(), r"ci\u{1b}[2J");
/// assert_eq!(Escaped("ci\u{200b}").to_string(), r"ci\u{200b}");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Escaped<'a>(
    /// The text, not escaped yet.
    pub &'a str,
);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if needs_escape(c) {
                c.escape_default().fmt(f)?;
            } else {
                f.write_char(c)?;
            }
        }
        Ok(())
    }
}

/// The first 120 characters of a text, escaped, with a `…` where it is cut.
pub(crate) fn excerpt(text: &str) -> String {
    const MAX_CHARS: usize = 120;

    // Cut before escaping, so that a huge text is not escaped as a whole. Escaping makes it longer
    // again, so it is cut once more.
    let start: String = text.trim().chars().take(MAX_CHARS + 1).collect();
    let mut short = Escaped(&start).to_string();

    if let Some((end, _)) = short.char_indices().nth(MAX_CHARS) {
        short.truncate(end);
        short.push('…');
    }
    short
}

fn needs_escape(c: char) -> bool {
    c.is_control() || is_separator(c) || is_invisible(c)
}

fn is_separator(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}')
}

/// Whether a character does not show: Unicode's property `Default_Ignorable_Code_Point`, which
/// includes bidirectional formatting, and the anchors of interlinear annotations.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_character_that_controls_a_terminal_is_escaped() {
        let raw = "\0\u{7}\u{1b}\u{7f}\u{80}\u{9b}\u{2028}\u{2029}\u{202a}\u{202e}\u{2066}\u{2069}";
        let shown = Escaped(raw).to_string();
        assert!(
            shown.is_ascii() && !shown.chars().any(char::is_control),
            "{shown}"
        );
        assert_eq!(Escaped("a\tb\nc\rd").to_string(), r"a\tb\nc\rd");
    }

    #[test]
    fn every_character_that_does_not_show_is_escaped() {
        for c in [
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{115f}',
            '\u{17b5}',
            '\u{180e}',
            '\u{200b}',
            '\u{200d}',
            '\u{200e}',
            '\u{2060}',
            '\u{2064}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{fffb}',
            '\u{1bca0}',
            '\u{1d173}',
            '\u{e0001}',
            '\u{e0061}',
            '\u{e01ef}',
        ] {
            let expected = format!("ci\\u{{{:x}}}", u32::from(c));
            assert_eq!(Escaped(&format!("ci{c}")).to_string(), expected);
        }
    }

    #[test]
    fn ordinary_text_in_any_script_is_unchanged() {
        for text in [
            "ci-token",
            "größe",
            "日本語",
            "עברית",
            "हिन्दी",
            "🔑",
            "\u{fffd}",
            r"a\b",
        ] {
            assert_eq!(Escaped(text).to_string(), text);
        }
    }

    #[test]
    fn an_excerpt_has_at_most_120_characters_and_ends_in_an_ellipsis_where_it_is_cut() {
        assert_eq!(excerpt(" <html>\n "), "<html>");
        assert_eq!(excerpt(&"é".repeat(120)), "é".repeat(120));
        for long in ["é".repeat(121), "\n-".repeat(500)] {
            let short = excerpt(&long);
            assert_eq!(short.chars().count(), 121);
            assert!(short.ends_with('…'));
        }
    }

    /// Whether a character must not be shown as it is, by the properties that Unicode has for them.
    fn is_dangerous(c: char) -> bool {
        let bidi_control = matches!(c, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        let join_control = matches!(c, '\u{200c}'..='\u{200d}');
        let variation_selector = matches!(c, '\u{180b}'..='\u{180d}' | '\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}');
        let tag = matches!(c, '\u{e0001}' | '\u{e0020}'..='\u{e007f}');
        let separator = matches!(c, '\u{2028}'..='\u{2029}');
        c.is_control() || bidi_control || join_control || variation_selector || tag || separator
    }

    /// The text that was escaped, if it had no backslash.
    fn unescape(shown: &str) -> String {
        let mut text = String::new();
        let mut rest = shown;
        while let Some((before, escape)) = rest.split_once('\\') {
            text.push_str(before);
            let (c, after) = match escape.split_at(1) {
                ("t", after) => ('\t', after),
                ("n", after) => ('\n', after),
                ("r", after) => ('\r', after),
                _ => {
                    let (digits, after) = escape[2..].split_once('}').unwrap();
                    let number = u32::from_str_radix(digits, 16).unwrap();
                    (char::from_u32(number).unwrap(), after)
                }
            };
            text.push(c);
            rest = after;
        }
        text + rest
    }

    /// Any text, some of characters that show and that do not, and some about as long as an excerpt.
    fn any_text() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<String>(),
            "[ a-c\\\\é日\t\n\r\u{1b}\u{85}\u{200b}-\u{200f}\u{2028}-\u{202e}\u{2066}-\u{2069}\u{fe0f}\u{e0061}]{0,60}",
            "[ a-cé日]{110,130}",
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn an_escaped_text_shows_all_of_its_characters_and_stays_when_escaped_again(text in any_text()) {
            let shown = Escaped(&text).to_string();
            prop_assert!(!shown.chars().any(is_dangerous), "{:?}", shown);
            prop_assert_eq!(Escaped(&shown).to_string(), shown);
        }

        #[test]
        fn nothing_is_lost_by_escaping(text in any_text()) {
            let text = text.replace('\\', "/");
            prop_assert_eq!(unescape(&Escaped(&text).to_string()), text);
        }

        #[test]
        fn an_excerpt_is_the_beginning_of_the_whole_text_escaped(text in any_text()) {
            let whole = Escaped(text.trim()).to_string();
            let expected = if whole.chars().count() > 120 {
                whole.chars().take(120).chain(['…']).collect()
            } else {
                whole
            };
            prop_assert_eq!(excerpt(&text), expected);
        }
    }
}
