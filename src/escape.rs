//! Makes text from elsewhere safe to print on a terminal.

use std::fmt::{self, Write};

/// Displays text with everything that could steer a terminal or reorder a line made visible.
///
/// Tab, newline and carriage return become `\t`, `\n` and `\r`; the other control characters (C0, DEL, C1), the line
/// and paragraph separators and the bidirectional formatting characters become `\u{…}`. All else stays as it is.
/// [`Error`](crate::Error) displays the server's words this way; a token's name and id are the server's words too:
///
/// ```
/// use turso_api_tokens::Escaped;
/// assert_eq!(Escaped("ci\u{1b}[2J").to_string(), r"ci\u{1b}[2J");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Escaped<'a>(
    /// The text as it came.
    pub &'a str,
);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '\t' => f.write_str("\\t")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                c if steers(c) => write!(f, "\\u{{{:x}}}", u32::from(c))?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// The first characters of a text, escaped, to show what it is without repeating all of it.
pub(crate) fn excerpt(text: &str) -> String {
    const MOST: usize = 120;
    let text = text.trim();
    // Each character is one or more when escaped.
    let start = text.char_indices().nth(MOST + 1).and_then(|(end, _)| text.get(..end)).unwrap_or(text);
    let mut short = Escaped(start).to_string();
    if let Some((end, _)) = short.char_indices().nth(MOST) {
        short.truncate(end);
        short.push('…');
    }
    short
}

fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_that_steers_a_terminal_becomes_visible() {
        let raw =
            "\0\u{7}\u{1b}\u{7f}\u{80}\u{9b}\u{61c}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\u{202e}\u{2066}\u{2069}";
        let shown = Escaped(raw).to_string();
        assert!(shown.is_ascii() && !shown.chars().any(char::is_control), "{shown}");
        assert_eq!(Escaped("a\tb\nc\rd").to_string(), r"a\tb\nc\rd");
    }

    #[test]
    fn ordinary_text_in_any_script_stays_as_it_is() {
        for text in ["ci-token", "größe", "日本語", "עברית", "👩‍💻", r"a\b"] {
            assert_eq!(Escaped(text).to_string(), text);
        }
    }

    #[test]
    fn an_excerpt_is_short_and_says_that_it_is_cut() {
        assert_eq!(excerpt(" <html>\n "), "<html>");
        assert_eq!(excerpt(&"é".repeat(120)), "é".repeat(120));
        for long in ["é".repeat(121), "\n-".repeat(500)] {
            let short = excerpt(&long);
            assert_eq!(short.chars().count(), 121);
            assert!(short.ends_with('…'));
        }
    }
}
