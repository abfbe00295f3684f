//! The URL that is called, and the one origin that may be.

use std::net::IpAddr;
use ureq::http::Uri;

const PATH: &str = "/v1/auth/api-tokens";

/// The endpoint below a base URL, once it is known that a credential may be sent there; else what is wrong with it.
pub(crate) fn endpoint(base: &str) -> Result<Uri, String> {
    let wrong = |problem: &str| {
        // What stands before an @ may be a secret.
        if base.contains('@') || base.is_empty() { problem.to_owned() } else { format!("{base}: {problem}") }
    };
    let authority = base.split_once("://").map_or(base, |(_, rest)| rest).split(['/', '?', '#']).next();
    if authority.is_some_and(|authority| authority.contains('@')) {
        return Err(wrong("it must not have a user; the credential is given apart from it"));
    }
    // `Uri` drops a fragment without a word.
    if base.contains(['?', '#']) {
        return Err(wrong("it must not have a query or a fragment"));
    }
    let url = parse(&format!("{}{PATH}", base.trim_end_matches('/')));
    let url = url.ok_or_else(|| wrong("it is not a URL with a host; it should look like https://api.turso.tech"))?;
    match url.scheme_str() {
        Some("https") => Ok(url),
        Some("http") if is_loopback(url.host().unwrap_or_default()) => Ok(url),
        Some("http") => Err(wrong("plain http would show the credential to the network; use https")),
        _ => Err(wrong("it must begin with https://")),
    }
}

/// The origin of a URL: scheme, host, and port where it is not the scheme's own.
pub(crate) fn origin(url: &Uri) -> String {
    let (scheme, host) = (url.scheme_str().unwrap_or_default(), url.host().unwrap_or_default().to_ascii_lowercase());
    match (scheme, url.port_u16()) {
        (_, None) | ("https", Some(443)) | ("http", Some(80)) => format!("{scheme}://{host}"),
        (_, Some(port)) => format!("{scheme}://{host}:{port}"),
    }
}

/// Where a redirect leads: a URL of the same origin, or the name of another one; `None` where its `Location` is neither
/// a URL (with its scheme or without) nor an absolute path.
pub(crate) fn redirect(from: &Uri, location: &str) -> Option<Result<Uri, String>> {
    let location = location.split('#').next()?;
    let to = if location.starts_with("//") {
        parse(&format!("{}:{location}", from.scheme_str()?))?
    } else if location.starts_with('/') {
        parse(&format!("{}{location}", origin(from)))?
    } else {
        parse(location)?
    };
    if origin(from) != origin(&to) {
        return Some(Err(origin(&to)));
    }
    // Only the path is taken, so that a user in the `Location` goes nowhere.
    let mut parts = from.clone().into_parts();
    parts.path_and_query = to.into_parts().path_and_query;
    Uri::from_parts(parts).ok().map(Ok)
}

/// A URL with a scheme, a host, and a port where one is given.
fn parse(text: &str) -> Option<Uri> {
    let url: Uri = text.parse().ok()?;
    let host = url.host().filter(|host| !host.is_empty())?;
    let port = url.authority()?.as_str().rsplit('@').next()?.strip_prefix(host)?;
    (url.scheme().is_some() && (port.is_empty() || url.port_u16().is_some())).then_some(url)
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
            let error = endpoint(base).expect_err(base);
            assert!(!error.contains("pass"), "{error}");
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let same = |a: &str, b: &str| origin(&a.parse().unwrap()) == origin(&b.parse().unwrap());
        assert!(same("https://h/a", "https://H:443/b?c"));
        assert!(same("http://h", "http://h:80"));
        for other in ["http://h", "https://h:444", "https://h.evil", "https://evil/h", "http://h:443"] {
            assert!(!same("https://h", other), "{other}");
        }
    }

    #[test]
    fn a_location_is_a_url_or_an_absolute_path() {
        let base = "https://h:8/a/b?q".parse().unwrap();
        for (location, expected) in [
            ("/x?y#z", Ok("https://h:8/x?y")),
            ("https://H:8/x", Ok("https://h:8/x")),
            ("https://user:pass@h:8/x", Ok("https://h:8/x")),
            ("https://h:8", Ok("https://h:8/")),
            ("//h:8/x", Ok("https://h:8/x")),
            ("https://other/x", Err("https://other")),
            ("https://h:8@other/x", Err("https://other")),
            ("//other/x", Err("https://other")),
            ("http://h:8/x", Err("http://h:8")),
            ("https://h/x", Err("https://h")),
        ] {
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(redirect(&base, location).unwrap().map(|url| url.to_string()), expected, "{location}");
        }
        for bad in ["", "x/y", "../x", "?new", "#x", "https://", "mailto:x", "/a b", "//", "https://h:x/", "/\u{e9}\n"]
        {
            assert_eq!(redirect(&base, bad), None, "{bad}");
        }
    }
}
