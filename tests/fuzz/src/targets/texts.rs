//! Dates, text that cannot control a terminal, and redaction.

use super::is_control;
use crate::credential::Credential;
use crate::escape::excerpt;
use turso_api_tokens::{Date, Escaped};

/// # Panics
/// If a promise is broken.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    date(first, rest);
    escaped(text);
    redacted(first, rest);
}

fn date(text: &str, other: &str) {
    let Some(date) = Date::parse(text) else {
        return;
    };
    assert_eq!(Some(date.to_string().as_str()), text.get(..10));
    assert_eq!(Date::parse(&date.to_string()), Some(date));
    let Some(other) = Date::parse(other) else {
        return;
    };
    assert_eq!(date.days_since(other), -other.days_since(date));
    // Ten characters each, so that the calendar's order is the alphabet's.
    assert_eq!(date.cmp(&other), date.to_string().cmp(&other.to_string()));
    assert_eq!(date.cmp(&other), date.days_since(other).cmp(&0));
    // Counted apart, by months.
    assert_eq!(date.days_since(other), days(&date) - days(&other));
}

/// The days since 1 January of the year 0, counted one year and one month after the other.
fn days(date: &Date) -> i64 {
    let text = date.to_string();
    let mut numbers = text
        .split('-')
        .map(|number| number.parse::<i64>().expect("a number"));
    let mut next = || numbers.next().expect("three numbers");
    let (year, month, day) = (next(), next(), next());
    let is_leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let february = if is_leap(year) { 29 } else { 28 };
    let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let years: i64 = (0..year)
        .map(|year| if is_leap(year) { 366 } else { 365 })
        .sum();
    years
        + months
            .into_iter()
            .zip(1..month)
            .map(|(days, _)| days)
            .sum::<i64>()
        + day
}

fn escaped(text: &str) {
    let shown = Escaped(text).to_string();
    assert!(!shown.chars().any(is_control), "{shown:?}");
    assert_eq!(Escaped(&shown).to_string(), shown);
    if !text.chars().any(is_control) {
        assert_eq!(shown, text);
    }
    let short = excerpt(text);
    assert!(!short.chars().any(is_control), "{short:?}");
    let whole = Escaped(text.trim()).to_string();
    match short.strip_suffix('…') {
        Some(start) if whole != short => {
            assert_eq!(short.chars().count(), 121);
            assert!(whole.starts_with(start) && whole.chars().count() > 120);
        }
        _ => assert_eq!(short, whole),
    }
}

fn redacted(secret: &str, text: &str) {
    let Ok(credential) = Credential::new(secret) else {
        return;
    };
    let secret = credential.secret().to_ascii_lowercase();
    // What stands for the credential must not be a part of it, nor of the text.
    if secret.contains('*') || text.contains('*') {
        return;
    }
    let redacted = credential.redact(text);
    let folded = redacted.to_ascii_lowercase();
    assert!(!folded.contains(&secret), "{redacted:?}");
    assert_eq!(credential.redact(&redacted), redacted);
    // Cut off at the end.
    for length in 4..secret.len() {
        assert!(!folded.ends_with(&secret[..length]), "{redacted:?}");
    }
    // Everything else is as it was.
    let mut rest = text;
    for kept in redacted.split("***") {
        let at = rest
            .find(kept)
            .unwrap_or_else(|| panic!("{kept:?} is not in {text:?}"));
        rest = &rest[at + kept.len()..];
    }
    let holds_any = text
        .to_ascii_lowercase()
        .contains(secret.get(..4).unwrap_or(&secret));
    assert!(holds_any || redacted == text, "{redacted:?}");
}
