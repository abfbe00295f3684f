//! The endpoint's URL: where a credential may be sent.

use std::net::IpAddr;
use ureq::http::{HeaderValue, Uri};

const PATH: &str = "/v1/auth/api-tokens";

/// What is wrong with a base URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BaseUrlFault {
    NotAUrl,
    Userinfo,
    QueryOrFragment,
    PlainHttp,
    NotHttps,
}

impl BaseUrlFault {
    /// Describes it for a message; `shown` is the base URL, redacted.
    pub(crate) fn describe(self, shown: &str) -> String {
        match self {
            // It may be a credential in the wrong variable, so it is not repeated.
            Self::NotAUrl => {
                "it is not a URL with a host; it should look like https://api.turso.tech".to_owned()
            }
            // Nor is this, as userinfo holds secrets.
            Self::Userinfo => {
                "it must not contain userinfo; the credential is given apart from it".to_owned()
            }
            Self::QueryOrFragment => format!("{shown}: it must not have a query or a fragment"),
            Self::PlainHttp => {
                format!("{shown}: plain http would expose the credential to the network; use https")
            }
            Self::NotHttps => format!("{shown}: it must begin with https://"),
        }
    }
}

/// Appends the endpoint's path to a base URL. Fails if the credential must not be sent there.
pub(crate) fn endpoint(base: &str) -> Result<Uri, BaseUrlFault> {
    let path_end = base.find(['?', '#']).unwrap_or(base.len());
    let has_query_or_fragment = path_end < base.len();
    let before_query = base.get(..path_end).unwrap_or_default();

    let url = format!("{}{PATH}", before_query.trim_end_matches('/'));
    let Some(url) = parse(&url) else {
        return Err(BaseUrlFault::NotAUrl);
    };

    let has_userinfo = url
        .authority()
        .is_some_and(|authority| authority.as_str().contains('@'));
    if has_userinfo {
        return Err(BaseUrlFault::Userinfo);
    }
    // The base is looked at, not the parsed URL: `Uri` silently drops a fragment.
    if has_query_or_fragment {
        return Err(BaseUrlFault::QueryOrFragment);
    }

    match url.scheme_str() {
        Some("https") => Ok(url),
        Some("http") if is_loopback(&url) => Ok(url),
        Some("http") => Err(BaseUrlFault::PlainHttp),
        _ => Err(BaseUrlFault::NotHttps),
    }
}

/// A URL to connect to, and the `Host` header where it names another host than the URL does.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Destination {
    pub(crate) url: Uri,
    pub(crate) host: Option<HeaderValue>,
}

/// Where to connect for a URL: to the URL itself, or to 127.0.0.1 for `http://localhost`.
///
/// A name server must not decide where a credential goes in clear text, so plain http never looks
/// up a name. `https://localhost` is looked up: the certificate shows whether it is the right
/// server.
pub(crate) fn destination(url: &Uri) -> Destination {
    match by_address(url) {
        Some(by_address) => Destination {
            url: by_address,
            host: host_header(url),
        },
        None => Destination {
            url: url.clone(),
            host: None,
        },
    }
}

/// `http://localhost…` with 127.0.0.1 as its host; `None` for any other URL.
fn by_address(url: &Uri) -> Option<Uri> {
    if url.scheme_str() != Some("http") || !is_localhost(url.host()?) {
        return None;
    }

    let path = url.path_and_query()?;
    let authority = match url.port_u16() {
        Some(port) => format!("127.0.0.1:{port}"),
        None => "127.0.0.1".to_owned(),
    };
    format!("http://{authority}{path}").parse().ok()
}

fn host_header(url: &Uri) -> Option<HeaderValue> {
    HeaderValue::from_str(url.authority()?.as_str()).ok()
}

/// A URL with a scheme, a host, and a valid port if there is one.
fn parse(text: &str) -> Option<Uri> {
    let url: Uri = text.parse().ok()?;
    url.scheme()?;

    // `Uri` takes brackets and colons in odd places.
    let host = url.host()?;
    if bare(host).is_empty() || bare(host).contains(['[', ']']) {
        return None;
    }

    let host_and_port = url.authority()?.as_str().rsplit('@').next()?;
    let after_host = host_and_port.strip_prefix(host)?;
    let is_port = match url.port_u16() {
        Some(port) => after_host == format!(":{port}"),
        None => after_host.is_empty(),
    };
    if is_port { Some(url) } else { None }
}

/// Whether the host is an IP address, which needs no lookup.
pub(crate) fn is_literal(url: &Uri) -> bool {
    address(url).is_some()
}

fn is_loopback(url: &Uri) -> bool {
    match address(url) {
        Some(address) => address.is_loopback(),
        None => is_localhost(url.host().unwrap_or_default()),
    }
}

fn address(url: &Uri) -> Option<IpAddr> {
    bare(url.host()?).parse().ok()
}

fn is_localhost(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
}

pub(crate) fn is_https(url: &Uri) -> bool {
    url.scheme_str() == Some("https")
}

/// A host without the brackets of an IPv6 address.
pub(crate) fn bare(host: &str) -> &str {
    let inside = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    inside.unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(base: &str) -> String {
        endpoint(base).unwrap_err().describe(base)
    }

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
            assert_eq!(endpoint(base).unwrap().to_string(), url);
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
            assert_eq!(problem(base), expected, "{base}");
        }
    }

    #[test]
    fn a_url_that_would_expose_the_credential_is_refused_and_named() {
        let query = "it must not have a query or a fragment";
        let plain = "plain http would expose the credential to the network; use https";
        for (base, expected) in [
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
            assert_eq!(problem(base), format!("{base}: {expected}"));
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
            assert_eq!(problem(base), expected, "{base}");
        }
    }

    #[test]
    fn plain_http_to_localhost_connects_to_127_0_0_1_and_keeps_the_host_header() {
        for (base, url, host) in [
            (
                "http://localhost:8080/x",
                "http://127.0.0.1:8080/x",
                "localhost:8080",
            ),
            ("http://LocalHost", "http://127.0.0.1", "LocalHost"),
        ] {
            let found = destination(&endpoint(base).unwrap());
            assert_eq!(found.url.to_string(), format!("{url}{PATH}"));
            assert_eq!(found.host.unwrap(), host);
        }
    }

    #[test]
    fn any_other_url_is_connected_to_as_it_is() {
        for base in [
            "https://localhost",
            "http://[::1]:1",
            "http://127.0.0.2",
            "https://h:8443/x",
        ] {
            let url = endpoint(base).unwrap();
            let expected = Destination {
                url: url.clone(),
                host: None,
            };
            assert_eq!(destination(&url), expected);
        }
    }
}
