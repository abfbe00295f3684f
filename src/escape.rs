//! Makes text from elsewhere safe to print on a terminal.

use std::fmt::{self, Write};

/// Displays text with every character escaped that could control a terminal or reorder a line.
///
/// Tab, newline and carriage return become `\t`, `\n` and `\r`. The other control characters (C0, DEL, C1), the line
/// and paragraph separators and the bidirectional formatting characters become `\u{…}`. All other characters stay.
/// [`Error`](crate::Error) displays the server's text this way. A token's name and id are the server's text too:
///
/// ```
/// use turso_api_tokens::Escaped;
/// assert_eq!(Escaped("ci\u{1b}[2J").to_string(), r"ci\u{1b}[2J");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Escaped<'a>(
    /// The text, not escaped yet.
    pub &'a str,
);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| {
            if needs_escape(c) {
                c.escape_default().fmt(f)
            } else {
                f.write_char(c)
            }
        })
    }
}

/// The first 120 characters of a text, escaped, with a `…` where it is cut.
pub(crate) fn excerpt(text: &str) -> String {
    const MAX_CHARS: usize = 120;
    // Cut before escaping, so that a huge text is not escaped as a whole; each character becomes one or more.
    let start: String = text.trim().chars().take(MAX_CHARS + 1).collect();
    let mut short = Escaped(&start).to_string();
    if let Some((end, _)) = short.char_indices().nth(MAX_CHARS) {
        short.truncate(end);
        short.push('…');
    }
    short
}

fn needs_escape(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_that_controls_a_terminal_is_escaped() {
        let raw = "\0\u{7}\u{1b}\u{7f}\u{80}\u{9b}\u{61c}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\u{202e}\u{2066}\u{2069}";
        let shown = Escaped(raw).to_string();
        assert!(
            shown.is_ascii() && !shown.chars().any(char::is_control),
            "{shown}"
        );
        assert_eq!(Escaped("a\tb\nc\rd").to_string(), r"a\tb\nc\rd");
    }

    #[test]
    fn ordinary_text_in_any_script_is_unchanged() {
        for text in ["ci-token", "größe", "日本語", "עברית", "👩‍💻", r"a\b"] {
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
}
