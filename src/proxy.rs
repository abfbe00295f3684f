//! Which proxy the environment asks for.
//!
//! ureq reads the same variables, but prefers `ALL_PROXY` to `HTTPS_PROXY`, connects directly where a value is not a
//! proxy URL, and does not know subdomains or spaces in `NO_PROXY`. Here they are read as curl reads them for https, and
//! a value that cannot be used is an error.

use crate::error::Error;
use std::net::IpAddr;
use ureq::{Proxy, ProxyProtocol, http::Uri};

const PROXY_VARIABLES: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
const NO_PROXY_VARIABLES: [&str; 2] = ["no_proxy", "NO_PROXY"];

/// The proxy for `url`, if any, and the variable that names it; `first_set` is that of [`env`](crate::env).
///
/// Plain http never uses a proxy: it is for loopback, and a proxy would see the credential.
pub(crate) fn from_env(
    url: &Uri,
    first_set: impl Fn(&[&'static str]) -> Result<Option<(&'static str, String)>, Error>,
) -> Result<Option<(&'static str, Proxy)>, Error> {
    let is_exempt = |(_, list): (_, String)| matches_no_proxy(&list, url);
    if url.scheme_str() != Some("https") || first_set(&NO_PROXY_VARIABLES)?.is_some_and(is_exempt) {
        return Ok(None);
    }
    let Some((name, value)) = first_set(&PROXY_VARIABLES)? else {
        return Ok(None);
    };
    // As curl does, a SOCKS 5 proxy resolves the host name. ureq would resolve it here and try the first address only.
    let value = match value.trim().split_once("://") {
        Some((scheme, rest)) if matches!(&*scheme.to_ascii_lowercase(), "socks" | "socks5") => {
            format!("socks5h://{rest}")
        }
        _ => value.trim().to_owned(),
    };
    let has_host_and_port =
        |proxy: &Proxy| !proxy.host().is_empty() && proxy.uri().port_u16().is_some();
    let Some(proxy) = Proxy::new(&value).ok().filter(has_host_and_port) else {
        // The value may hold a password, so it is not repeated.
        let problem =
            "it is not the URL of a proxy with its port, such as http://proxy.example:3128";
        return Err(Error::config(name, problem));
    };
    if matches!(
        proxy.protocol(),
        ProxyProtocol::Socks4 | ProxyProtocol::Socks4A
    ) && proxy.username().is_some()
    {
        return Err(Error::config(
            name,
            "SOCKS 4 is supported without a user name only; use socks5://",
        ));
    }
    Ok(Some((name, proxy)))
}

/// Whether a `NO_PROXY` list holds the host of `url`: itself, a parent domain (with or without a leading dot or `*.`), an
/// address, each with a port or without, a network such as `10.0.0.0/8`, or `*`.
fn matches_no_proxy(list: &str, url: &Uri) -> bool {
    let host = url
        .host()
        .unwrap_or_default()
        .trim_matches(['[', ']'])
        .trim_end_matches('.')
        .to_ascii_lowercase();
    let port = url.port_u16().unwrap_or(443);
    let spellings = [
        host.clone(),
        format!("{host}:{port}"),
        format!("[{host}]"),
        format!("[{host}]:{port}"),
    ];
    // An address has no parent domain.
    let is_address = host.parse::<IpAddr>().is_ok();
    list.to_ascii_lowercase().split([',', ' ']).any(|entry| {
        let name = entry.trim_start_matches('*').trim_matches('.');
        let is_within = |rest: &str| rest.is_empty() || (!is_address && rest.ends_with('.'));
        let matches = |spelling: &String| spelling.strip_suffix(name).is_some_and(is_within);
        entry == "*"
            || in_cidr(&host, entry) == Some(true)
            || (!name.is_empty() && spellings.iter().any(matches))
    })
}

/// Whether an address is in a network such as `10.0.0.0/8`.
fn in_cidr(host: &str, network: &str) -> Option<bool> {
    // An IPv4 address has its bits first, so that a prefix counts in the same way.
    let bits = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => (u128::from(ip.to_bits()) << 96, 32),
        IpAddr::V6(ip) => (ip.to_bits(), 128),
    };
    let (network, prefix) = network.split_once('/')?;
    let ((host, width), (network, network_width)) =
        (bits(host.parse().ok()?), bits(network.parse().ok()?));
    let prefix = prefix
        .parse()
        .ok()
        .filter(|prefix: &u32| *prefix <= width)?;
    Some(width == network_width && (host ^ network).checked_shr(128 - prefix).unwrap_or(0) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(url: &str, env: &[(&'static str, &str)]) -> Result<Option<String>, Error> {
        let first_set = |names: &[&'static str]| {
            let set = |name: &&'static str| {
                env.iter()
                    .find(|(key, value)| key == name && !value.is_empty())
            };
            Ok(names
                .iter()
                .find_map(set)
                .map(|(name, value)| (*name, (*value).to_owned())))
        };
        Ok(from_env(&url.parse().unwrap(), first_set)?
            .map(|(name, proxy)| format!("{name} {}", proxy.host())))
    }

    #[test]
    fn lower_case_wins_then_the_more_specific_and_http_proxy_is_ignored() {
        let proxy = |env: &[(&'static str, &str)]| chosen("https://api.turso.tech/x", env).unwrap();
        assert_eq!(proxy(&[]), None);
        assert_eq!(
            proxy(&[
                ("HTTP_PROXY", "http://p:1"),
                ("http_proxy", "http://p:1"),
                ("HTTPS_PROXY", "")
            ]),
            None
        );
        let mut env = vec![];
        for name in ["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy"] {
            env.push((name, "http://p:3128"));
            assert_eq!(proxy(&env), Some(format!("{name} p")));
        }
        for value in [
            "p:3128",
            "user:pass@p:1",
            "https://p:1",
            "socks4://p:1",
            "socks4a://p:1",
            "socks5h://u:p@p:1/",
        ] {
            assert_eq!(
                proxy(&[("HTTPS_PROXY", value)]).as_deref(),
                Some("HTTPS_PROXY p"),
                "{value}"
            );
        }
    }

    #[test]
    fn plain_http_uses_no_proxy() {
        let env = [("HTTPS_PROXY", "http://p:1"), ("ALL_PROXY", "nonsense")];
        assert_eq!(chosen("http://127.0.0.1:1/x", &env).unwrap(), None);
    }

    #[test]
    fn an_invalid_proxy_url_is_an_error_that_does_not_repeat_it() {
        for value in [
            "ftp://user:secret@p:1",
            "http://secret secret",
            "://secret",
            "secret",
            "http://secret",
            "http://secret@p:99999",
            "http://secret@:1",
            "http://p:secret",
            ":1",
        ] {
            let error = chosen("https://h", &[("HTTPS_PROXY", value)])
                .unwrap_err()
                .to_string();
            let expected = "HTTPS_PROXY: it is not the URL of a proxy with its port, such as http://proxy.example:3128";
            assert_eq!(error, expected, "{value}");
        }
    }

    #[test]
    fn a_socks_5_proxy_resolves_the_name_and_keeps_its_user_name_and_password() {
        let url = "https://h".parse().unwrap();
        let proxy = |value: &str| {
            let first_set = |names: &[&'static str]| {
                Ok(names
                    .contains(&"ALL_PROXY")
                    .then(|| ("ALL_PROXY", value.to_owned())))
            };
            let first_set = |names: &[&'static str]| {
                if names.contains(&"no_proxy") {
                    Ok(None)
                } else {
                    first_set(names)
                }
            };
            from_env(&url, first_set).unwrap().unwrap().1
        };
        for (value, protocol, resolved_here) in [
            ("socks5://u:p%40ss@h:1", ProxyProtocol::Socks5h, false),
            ("socks://u:p%40ss@h:1", ProxyProtocol::Socks5h, false),
            ("socks5h://u:p%40ss@h:1", ProxyProtocol::Socks5h, false),
            ("http://u:p%40ss@h:1", ProxyProtocol::Http, false),
        ] {
            let proxy = proxy(value);
            assert_eq!(
                (proxy.protocol(), proxy.resolve_target()),
                (protocol, resolved_here),
                "{value}"
            );
            assert_eq!(
                (proxy.username(), proxy.password()),
                (Some("u"), Some("p@ss")),
                "{value}"
            );
            assert_eq!((proxy.host(), proxy.port()), ("h", 1), "{value}");
        }
        assert!(proxy("socks4://h:1").resolve_target() && !proxy("socks4a://h:1").resolve_target());
        assert_eq!(proxy("socks5://h:1").username(), None);
        assert_eq!(
            proxy("socks5://[::1]:1").host(),
            proxy("socks5h://[::1]:1").host()
        );
    }

    #[test]
    fn socks_4_with_a_user_name_is_an_error() {
        for value in ["socks4://secret@h:1", "socks4a://secret:secret@h:1"] {
            let error = chosen("https://h", &[("ALL_PROXY", value)])
                .unwrap_err()
                .to_string();
            assert_eq!(
                error,
                "ALL_PROXY: SOCKS 4 is supported without a user name only; use socks5://"
            );
        }
    }

    #[test]
    fn no_proxy_exempts_hosts_domains_addresses_and_networks() {
        let exempt = |list, url| {
            chosen(url, &[("ALL_PROXY", "http://p:1"), ("NO_PROXY", list)])
                .unwrap()
                .is_none()
        };
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
            ("example.com", "https://api.example.com."),
            ("example.com.", "https://api.example.com"),
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
            ("3", "https://10.1.2.3"),
            (".1.2.3", "https://10.1.2.3"),
        ] {
            assert!(!exempt(list, url), "{list} {url}");
        }
    }
}
