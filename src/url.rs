//! The endpoint URL and its origin.

use std::net::IpAddr;
use ureq::http::Uri;

const PATH: &str = "/v1/auth/api-tokens";

/// The endpoint below a base URL that a credential may be sent to; else what is wrong with the base URL.
///
/// `shown` is the base URL for messages. What is not a URL is not repeated, as it may be a credential in the wrong variable.
/// Nor is userinfo.
pub(crate) fn endpoint(base: &str, shown: &str) -> Result<Uri, String> {
    let url = parse(&format!(
        "{}{PATH}",
        base.split(['?', '#'])
            .next()
            .unwrap_or_default()
            .trim_end_matches('/')
    ));
    let url =
        url.ok_or("it is not a URL with a host; it should look like https://api.turso.tech")?;
    let problem = match url.scheme_str() {
        _ if url
            .authority()
            .is_some_and(|authority| authority.as_str().contains('@')) =>
        {
            return Err(
                "it must not contain userinfo; the credential is given apart from it".to_owned(),
            );
        }
        // `Uri` silently drops a fragment.
        _ if base.contains(['?', '#']) => "it must not have a query or a fragment",
        Some("https") => return Ok(url),
        Some("http") if is_loopback(url.host().unwrap_or_default()) => return Ok(url),
        Some("http") => "plain http would expose the credential to the network; use https",
        _ => "it must begin with https://",
    };
    Err(format!("{shown}: {problem}"))
}

/// The origin of a URL: scheme, host, and the port unless it is the scheme's default.
pub(crate) fn origin(url: &Uri) -> String {
    let (scheme, host) = (
        url.scheme_str().unwrap_or_default(),
        url.host().unwrap_or_default().to_ascii_lowercase(),
    );
    match (scheme, url.port_u16()) {
        (_, None) | ("https", Some(443)) | ("http", Some(80)) => format!("{scheme}://{host}"),
        (_, Some(port)) => format!("{scheme}://{host}:{port}"),
    }
}

/// The URL that a `Location` in a response from `from` leads to, without userinfo and fragment; `None` if it is neither a URL
/// nor an absolute path.
pub(crate) fn resolve(from: &Uri, location: &str) -> Option<Uri> {
    let absolute = match location.split('#').next()? {
        host if host.starts_with("//") => format!("{}:{host}", from.scheme_str()?),
        path if path.starts_with('/') => format!("{}{path}", origin(from)),
        url => url.to_owned(),
    };
    let target = parse(&absolute)?;
    format!("{}{}", origin(&target), target.path_and_query()?)
        .parse()
        .ok()
}

/// A URL with a scheme, a host, and a valid port if there is one. `Uri` takes brackets and colons in odd places.
fn parse(text: &str) -> Option<Uri> {
    let url: Uri = text.parse().ok()?;
    let host = url
        .host()
        .filter(|host| !bare(host).is_empty() && !bare(host).contains(['[', ']']))?;
    let port = url
        .authority()?
        .as_str()
        .rsplit('@')
        .next()?
        .strip_prefix(host)?;
    let has_port = url
        .port_u16()
        .is_some_and(|number| port == format!(":{number}"));
    (url.scheme().is_some() && (port.is_empty() || has_port)).then_some(url)
}

/// Whether the host is an address, which nobody is asked for.
pub(crate) fn is_literal(url: &Uri) -> bool {
    bare(url.host().unwrap_or_default())
        .parse::<IpAddr>()
        .is_ok()
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || bare(host)
            .parse::<IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

/// A host without the brackets of an IPv6 address.
fn bare(host: &str) -> &str {
    host.strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_may_have_a_path_and_end_in_a_slash_or_not() {
        for (base, url) in [
            (
                "https://api.turso.tech",
                "https://api.turso.tech/v1/auth/api-tokens",
            ),
            (
                "https://api.turso.tech/",
                "https://api.turso.tech/v1/auth/api-tokens",
            ),
            (
                "https://gateway.example/turso/",
                "https://gateway.example/turso/v1/auth/api-tokens",
            ),
            (
                "https://gateway.example/a/b",
                "https://gateway.example/a/b/v1/auth/api-tokens",
            ),
            (
                "http://127.0.0.1:8080",
                "http://127.0.0.1:8080/v1/auth/api-tokens",
            ),
            ("http://127.9.9.9", "http://127.9.9.9/v1/auth/api-tokens"),
            ("http://[::1]:8080", "http://[::1]:8080/v1/auth/api-tokens"),
            ("http://LocalHost", "http://LocalHost/v1/auth/api-tokens"),
        ] {
            assert_eq!(endpoint(base, base).unwrap().to_string(), url);
        }
    }

    #[test]
    fn what_is_not_a_url_is_refused_and_not_repeated() {
        for base in [
            "",
            "secret",
            "secret.turso.tech",
            "/",
            "https://",
            "https:///secret",
            "https://:443",
            "https://secret:",
            "https://secret:99999",
            "file:///secret",
            "https://secret secret",
            "https://secret\n",
            "https://secretö",
            "eyJsecret?secret",
            "https://secret[::1]:8443/a",
            "https://localhost:[::1]:8443",
            "http://localhost:x[::1]:80",
            "https://h:+1",
        ] {
            let expected =
                "it is not a URL with a host; it should look like https://api.turso.tech";
            assert_eq!(endpoint(base, base), Err(expected.to_owned()), "{base}");
        }
    }

    #[test]
    fn a_url_that_would_expose_the_credential_is_refused_and_named() {
        let query = "it must not have a query or a fragment";
        let plain = "plain http would expose the credential to the network; use https";
        for (base, problem) in [
            ("ftp://h", "it must begin with https://"),
            ("https://h/?q", query),
            ("https://h?q", query),
            ("https://h/#f", query),
            ("http://api.turso.tech", plain),
            ("http://127.0.0.1.evil.example", plain),
            ("http://localhost.evil.example", plain),
            ("http://10.0.0.1", plain),
            ("http://[::2]", plain),
            ("http://0.0.0.0", plain),
            ("http://127.1", plain),
        ] {
            assert_eq!(endpoint(base, base), Err(format!("{base}: {problem}")));
        }
    }

    #[test]
    fn userinfo_is_refused_and_not_repeated() {
        for base in [
            "https://secret@h",
            "https://user:secret@h/x",
            "http://secret@127.0.0.1",
            "https://secret@h/?q",
        ] {
            let expected = "it must not contain userinfo; the credential is given apart from it";
            assert_eq!(endpoint(base, base), Err(expected.to_owned()), "{base}");
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let same = |a: &str, b: &str| origin(&a.parse().unwrap()) == origin(&b.parse().unwrap());
        assert!(same("https://h/a", "https://H:443/b?c"));
        assert!(same("http://h", "http://h:80"));
        for other in [
            "http://h",
            "https://h:444",
            "https://h.evil",
            "https://evil/h",
            "http://h:443",
        ] {
            assert!(!same("https://h", other), "{other}");
        }
    }

    #[test]
    fn a_location_is_a_url_or_an_absolute_path() {
        let from = "https://h:8/a/b?q".parse().unwrap();
        for (location, expected) in [
            ("/x?y#z", "https://h:8/x?y"),
            ("https://H:8/x", "https://h:8/x"),
            ("https://user:pass@h:8/x", "https://h:8/x"),
            ("https://h:8", "https://h:8/"),
            ("//h:8/x", "https://h:8/x"),
            ("https://other/x", "https://other/x"),
            ("https://user:pass@Other/x", "https://other/x"),
            ("https://h:8@other/x", "https://other/x"),
            ("//other/x", "https://other/x"),
            ("http://h:8/x", "http://h:8/x"),
            ("https://h:443/x", "https://h/x"),
        ] {
            assert_eq!(
                resolve(&from, location).unwrap().to_string(),
                expected,
                "{location}"
            );
        }
        for bad in [
            "",
            "x/y",
            "../x",
            "?new",
            "#x",
            "https://",
            "mailto:x",
            "/a b",
            "//",
            "https://h:x/",
            "https://[fe,0:@1]:8",
            "/\u{e9}\n",
        ] {
            assert_eq!(resolve(&from, bad), None, "{bad}");
        }
    }
}
