//! The proxy that the environment asks for.
//!
//! ureq reads the same variables, but lets `ALL_PROXY` win over `HTTPS_PROXY`, connects directly where a value is not a
//! proxy URL, and does not know subdomains or spaces in `NO_PROXY`. Here the more specific variable wins, a value that
//! cannot be used is an error, and `NO_PROXY` is read as curl and Go read it.

use crate::Error;
use std::net::IpAddr;
use ureq::Proxy;
use ureq::http::Uri;

/// The variables for an https URL, the most specific first. `HTTP_PROXY` is a last resort: where it is the only one
/// set, a direct connection rarely gets out.
const VARIABLES: [&str; 6] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"];

/// The proxy for `url`, if any. An empty variable counts as unset.
///
/// Plain http never takes a proxy: it is for loopback, and a proxy would see the credential.
pub(crate) fn from_env(url: &Uri, env: impl Fn(&str) -> Option<String>) -> Result<Option<Proxy>, Error> {
    let set = |name: &'static str| env(name).filter(|value| !value.trim().is_empty()).map(|value| (name, value));
    if url.scheme_str() != Some("https") {
        return Ok(None);
    }
    let exceptions = set("NO_PROXY").or_else(|| set("no_proxy"));
    if exceptions.is_some_and(|(_, list)| is_exempt(&list, url)) {
        return Ok(None);
    }
    let Some((name, value)) = VARIABLES.into_iter().find_map(set) else {
        return Ok(None);
    };
    // The value may hold a password, so it is not repeated.
    let proxy = Proxy::new(value.trim())
        .map_err(|_| Error::config(name, "it is not the URL of a proxy, such as http://proxy.example:3128"))?;
    Ok(Some(proxy))
}

/// Whether a host stands in a `NO_PROXY` list: itself, a parent domain (with or without a leading dot or `*.`), an
/// address, a network such as `10.0.0.0/8`, or `*`; each but the last with a port or without.
fn is_exempt(list: &str, url: &Uri) -> bool {
    let host = url.host().unwrap_or_default().trim_matches(['[', ']']).to_ascii_lowercase();
    let port = url.port_u16().unwrap_or(443);
    list.split([',', ' ']).filter(|entry| !entry.is_empty()).any(|entry| {
        let entry = entry.to_ascii_lowercase();
        let (name, only) = split_port(&entry);
        if entry == "*" {
            return true;
        }
        if only.is_some_and(|only| only != port) {
            return false;
        }
        if let (Ok(ip), Some((network, bits))) = (host.parse(), name.split_once('/')) {
            return is_within(ip, network, bits);
        }
        let name = name.trim_start_matches('*').trim_start_matches('.').trim_matches(['[', ']']);
        let rest = host.strip_suffix(name);
        !name.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

/// Splits `host:port`, leaving a bare IPv6 address whole.
fn split_port(entry: &str) -> (&str, Option<u16>) {
    match entry.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => match port.parse() {
            Ok(port) => (name, Some(port)),
            Err(_) => (entry, None),
        },
        _ => (entry, None),
    }
}

fn is_within(ip: IpAddr, network: &str, bits: &str) -> bool {
    let (Ok(network), Ok(bits)) = (network.parse::<IpAddr>(), bits.parse::<u32>()) else {
        return false;
    };
    let (ip, network, width) = match (ip, network) {
        (IpAddr::V4(ip), IpAddr::V4(network)) => (u128::from(ip.to_bits()), u128::from(network.to_bits()), 32),
        (IpAddr::V6(ip), IpAddr::V6(network)) => (ip.to_bits(), network.to_bits(), 128),
        _ => return false,
    };
    bits <= width && (ip ^ network).checked_shr(width - bits).unwrap_or(0) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(url: &str, env: &[(&str, &str)]) -> Result<Option<String>, Error> {
        let find = |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Ok(from_env(&url.parse().unwrap(), find)?.map(|proxy| proxy.host().to_owned()))
    }

    #[test]
    fn the_most_specific_variable_wins_and_lower_case_works() {
        let proxy = |env: &[(&str, &str)]| chosen("https://api.turso.tech/x", env).unwrap();
        assert_eq!(proxy(&[]), None);
        assert_eq!(proxy(&[("HTTPS_PROXY", "")]), None);
        for name in VARIABLES {
            assert_eq!(proxy(&[(name, "http://p:3128")]).as_deref(), Some("p"), "{name}");
        }
        assert_eq!(proxy(&[("ALL_PROXY", "http://all"), ("HTTPS_PROXY", "http://https")]).as_deref(), Some("https"));
        assert_eq!(proxy(&[("HTTP_PROXY", "http://http"), ("all_proxy", "socks5://all")]).as_deref(), Some("all"));
        assert_eq!(proxy(&[("HTTPS_PROXY", "p:3128")]).as_deref(), Some("p"));
    }

    #[test]
    fn plain_http_takes_no_proxy() {
        let env = [("HTTP_PROXY", "http://p"), ("ALL_PROXY", "http://p")];
        assert_eq!(chosen("http://127.0.0.1:1/x", &env).unwrap(), None);
    }

    #[test]
    fn a_value_that_is_no_proxy_is_an_error_that_does_not_repeat_it() {
        for value in ["ftp://user:secret@p", "http://secret secret", "://secret"] {
            let error = chosen("https://h", &[("HTTPS_PROXY", value)]).unwrap_err().to_string();
            assert!(error.starts_with("HTTPS_PROXY: ") && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn no_proxy_exempts_hosts_domains_addresses_and_networks() {
        let exempt = |list, url| chosen(url, &[("ALL_PROXY", "http://p"), ("NO_PROXY", list)]).unwrap().is_none();
        for (list, url) in [
            ("*", "https://h"),
            ("a, h", "https://h"),
            ("EXAMPLE.com", "https://api.Example.com"),
            (".example.com", "https://api.example.com"),
            ("*.example.com", "https://api.example.com"),
            ("h:8443", "https://h:8443"),
            ("h:443", "https://h"),
            ("127.0.0.1", "https://127.0.0.1:9"),
            ("127.0.0.0/8", "https://127.0.0.1:9"),
            ("0.0.0.0/0", "https://127.0.0.1:9"),
            ("::1", "https://[::1]:9"),
            ("[::1]:9", "https://[::1]:9"),
            ("fe80::/10", "https://[fe80::1]"),
        ] {
            assert!(exempt(list, url), "{list} {url}");
        }
        for (list, url) in [
            ("", "https://h"),
            (" , ", "https://h"),
            ("example.com", "https://badexample.com"),
            ("h:8443", "https://h"),
            ("10.0.0.0/8", "https://127.0.0.1"),
            ("10.0.0.0/99", "https://10.0.0.1"),
            ("10.0.0.0/8", "https://[::1]"),
            (".", "https://h"),
        ] {
            assert!(!exempt(list, url), "{list} {url}");
        }
    }
}
