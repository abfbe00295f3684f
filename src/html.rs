//! HTML pages, which captive portals and load balancers send in the API's place.

use crate::escape::excerpt;
use crate::redact::starts_with_ignore_case;

/// Whether a body is a page for a browser.
pub(crate) fn is_html(body: &str, content_type: Option<&str>) -> bool {
    let start = body.trim_start();
    if starts_with_ignore_case(start, "<html") || starts_with_ignore_case(start, "<!doctype html") {
        return true;
    }
    content_type.is_some_and(|kind| kind.to_ascii_lowercase().contains("html"))
}

/// Describes a page by its title, never by its markup. The title passes through `redact`.
pub(crate) fn describe_page(page: &str, redact: impl Fn(&str) -> String) -> String {
    let title = match title(page) {
        Some(title) => excerpt(&redact(&title)),
        None => String::new(),
    };
    if title.is_empty() {
        return "an HTML page".to_owned();
    }
    format!("an HTML page titled \"{title}\"")
}

/// The text of the page's `title` element, on one line.
fn title(page: &str) -> Option<String> {
    let folded = page.to_ascii_lowercase();
    let tag = folded.find("<title")?;
    let start = tag + folded.get(tag..)?.find('>')? + 1;
    let end = start + folded.get(start..)?.find("</title")?;

    let words: Vec<&str> = page.get(start..end)?.split_whitespace().collect();
    Some(words.join(" "))
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
            assert_eq!(describe_page(page, str::to_owned), expected, "{page}");
        }
    }

    #[test]
    fn a_title_is_cut_to_120_characters() {
        let page = format!("<html><title>{}</title>", "x".repeat(500));
        assert_eq!(
            describe_page(&page, str::to_owned),
            format!("an HTML page titled \"{}…\"", "x".repeat(120))
        );
    }
}
