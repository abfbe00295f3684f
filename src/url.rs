//! The URL that is called, and the one origin that may be.

use crate::Error;
use std::net::IpAddr;
use ureq::http::Uri;
use ureq::http::uri::{PathAndQuery, Scheme};

const PATH: &str = "/v1/auth/api-tokens";

/// The endpoint below a base URL, once it is known that a credential may be sent there.
pub(crate) fn endpoint(base: &str) -> Result<Uri, Error> {
    let wrong = |problem: &str| {
        // What stands before an @ may be a secret.
        let shown = if base.contains('@') { "" } else { base };
        Error::config("base URL", format!("{shown}{}{problem}", if shown.is_empty() { "" } else { ": " }))
    };
    if authority_of(base).contains('@') {
        return Err(wrong("it must not have a user; the credential is given apart from it"));
    }
    // `Uri` drops a fragment without a word.
    if base.contains(['?', '#']) {
        return Err(wrong("it must not have a query or a fragment"));
    }
    let url = format!("{}{PATH}", base.trim_end_matches('/'));
    let url: Uri = url.parse().map_err(|_| wrong("it is not a URL; it should look like https://api.turso.tech"))?;
    let host = url.host().unwrap_or_default();
    if !has_place(&url) {
        return Err(wrong("it is not a URL with a host; it should look like https://api.turso.tech"));
    }
    match url.scheme_str() {
        Some("https") => Ok(url),
        Some("http") if is_loopback(host) => Ok(url),
        Some("http") => Err(wrong("plain http would show the credential to the network; use https")),
        _ => Err(wrong("it must begin with https://")),
    }
}

/// The origin of a URL as text, for messages.
pub(crate) fn origin(url: &Uri) -> String {
    let (scheme, host, port) = parts(url);
    match (scheme, port) {
        ("https", 443) | ("http", 80) => format!("{scheme}://{host}"),
        _ => format!("{scheme}://{host}:{port}"),
    }
}

/// Whether two URLs have the same scheme, host and port.
pub(crate) fn same_origin(a: &Uri, b: &Uri) -> bool {
    let ((scheme_a, host_a, port_a), (scheme_b, host_b, port_b)) = (parts(a), parts(b));
    scheme_a == scheme_b && host_a.eq_ignore_ascii_case(host_b) && port_a == port_b
}

/// Where a redirect from `base` leads; `None` where its `Location` is not a URL.
pub(crate) fn redirect(base: &Uri, location: &str) -> Option<Uri> {
    let location = location.split('#').next().unwrap_or_default();
    if location.starts_with("//") {
        return format!("{}:{location}", base.scheme_str()?).parse().ok().filter(has_place);
    }
    // A colon before any of these ends a scheme (RFC 3986, section 4.2).
    if location.split(['/', '?']).next().is_some_and(|first| first.contains(':')) {
        return location.parse().ok().filter(has_place);
    }
    let path = if location.starts_with('/') {
        location.to_owned()
    } else if location.is_empty() || location.starts_with('?') {
        format!("{}{location}", base.path())
    } else {
        join(base.path(), location)
    };
    let mut parts = base.clone().into_parts();
    parts.path_and_query = Some(path.parse::<PathAndQuery>().ok()?);
    Uri::from_parts(parts).ok()
}

/// Puts a relative path in the place of the last segment of another.
fn join(base: &str, relative: &str) -> String {
    let mut segments: Vec<&str> = base.split('/').collect();
    segments.pop();
    for segment in relative.split('/') {
        match segment {
            "." => {}
            ".." => {
                segments.truncate(segments.len().saturating_sub(1).max(1));
            }
            segment => segments.push(segment),
        }
    }
    segments.join("/")
}

fn authority_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

/// Whether there is a host to connect to, and a port where one is given.
fn has_place(url: &Uri) -> bool {
    let (Some(authority), Some(host)) = (url.authority(), url.host()) else { return false };
    let port = authority.as_str().rsplit('@').next().and_then(|place| place.strip_prefix(host));
    url.scheme().is_some() && !host.is_empty() && (port == Some("") || url.port_u16().is_some())
}

fn parts(url: &Uri) -> (&str, &str, u16) {
    let default = if url.scheme() == Some(&Scheme::HTTP) { 80 } else { 443 };
    (url.scheme_str().unwrap_or_default(), url.host().unwrap_or_default(), url.port_u16().unwrap_or(default))
}

fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_may_have_a_path_and_end_in_a_slash_or_not() {
        for (base, url) in [
            ("https://api.turso.tech", "https://api.turso.tech/v1/auth/api-tokens"),
            ("https://api.turso.tech/", "https://api.turso.tech/v1/auth/api-tokens"),
            ("https://gateway.example/turso/", "https://gateway.example/turso/v1/auth/api-tokens"),
            ("https://gateway.example/a/b", "https://gateway.example/a/b/v1/auth/api-tokens"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v1/auth/api-tokens"),
            ("http://127.9.9.9", "http://127.9.9.9/v1/auth/api-tokens"),
            ("http://[::1]:8080", "http://[::1]:8080/v1/auth/api-tokens"),
            ("http://LocalHost", "http://LocalHost/v1/auth/api-tokens"),
        ] {
            assert_eq!(endpoint(base).unwrap().to_string(), url);
        }
    }

    #[test]
    fn a_base_url_that_would_expose_the_credential_or_is_none_is_refused() {
        for base in [
            "",
            "api.turso.tech",
            "/",
            "https://",
            "https:///x",
            "https://:443",
            "https://h:",
            "https://h:99999",
            "ftp://h",
            "file:///etc",
            "https://h/?q",
            "https://h/#f",
            "https://user@h",
            "https://user:pass@h/x",
            "http://api.turso.tech",
            "http://127.0.0.1.evil.example",
            "http://localhost.evil.example",
            "http://10.0.0.1",
            "http://[::2]",
            "http://0.0.0.0",
            "https://h h",
            "https://h\n",
            "https://hö",
            "http://127.1",
        ] {
            let error = endpoint(base).expect_err(base).to_string();
            assert!(!error.contains("pass"), "{error}");
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let same = |a: &str, b: &str| same_origin(&a.parse().unwrap(), &b.parse().unwrap());
        assert!(same("https://h/a", "https://H:443/b?c"));
        assert!(same("http://h", "http://h:80"));
        for other in ["http://h", "https://h:444", "https://h.evil", "https://evil/h", "http://h:443"] {
            assert!(!same("https://h", other), "{other}");
        }
    }

    #[test]
    fn a_location_is_resolved_as_rfc_3986_says() {
        let base = "https://h:8/a/b?q".parse().unwrap();
        for (location, expected) in [
            ("https://other/x", "https://other/x"),
            ("//other/x", "https://other/x"),
            ("/x?y#z", "https://h:8/x?y"),
            ("x/y", "https://h:8/a/x/y"),
            ("./x", "https://h:8/a/x"),
            ("../x", "https://h:8/x"),
            ("../../../x", "https://h:8/x"),
            ("?new", "https://h:8/a/b?new"),
            ("", "https://h:8/a/b"),
        ] {
            assert_eq!(redirect(&base, location).map(|url| url.to_string()).as_deref(), Some(expected), "{location}");
        }
        for bad in ["https://", "mailto:x", "/a b", "//", "https://h:x/"] {
            assert_eq!(redirect(&base, bad), None, "{bad}");
        }
    }
}
