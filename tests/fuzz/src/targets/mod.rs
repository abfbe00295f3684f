//! What each target checks. An input is an error or not; what must hold holds for all of them.

pub mod call;
pub mod decoders;
pub mod urls;

/// The credential of all targets; the seeds have it where a server or a variable would.
const CREDENTIAL: &str = "s3cr3t-0123456789";
/// No message needs more. The server's text is cut to 120 characters, and escaped.
const MAX_MESSAGE: usize = 1000;

/// A message about what others sent is short, one line, controls no terminal and does not show the credential.
fn assert_message(message: &str) {
    assert_short(message);
    assert_line(message);
}

/// The same for one that names the user's own setting in full.
fn assert_line(message: &str) {
    assert_printable(message);
    assert_secret(message);
}

fn assert_short(message: &str) {
    assert!(message.chars().count() <= MAX_MESSAGE, "{message}");
}

fn assert_printable(message: &str) {
    assert!(!message.chars().any(is_control), "{message:?}");
}

fn assert_secret(text: &str) {
    assert!(!text.to_ascii_lowercase().contains(CREDENTIAL), "{text:?}");
}

/// Whether a character could control a terminal or reorder a line, by Unicode's own names.
fn is_control(c: char) -> bool {
    const BIDI_CONTROL: &str = "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}";
    const SEPARATORS: &str = "\u{2028}\u{2029}";
    c.is_control() || BIDI_CONTROL.contains(c) || SEPARATORS.contains(c)
}
