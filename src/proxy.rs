//! The proxy that the environment asks for.
//!
//! ureq reads the same variables, but lets `ALL_PROXY` win over `HTTPS_PROXY`, connects directly where a value is not a
//! proxy URL, and does not know subdomains or spaces in `NO_PROXY`. Here they are read as curl reads them for https, and
//! a value that cannot be used is an error.

use crate::error::Error;
use std::env;
use std::net::IpAddr;
use ureq::Proxy;
use ureq::http::Uri;

const VARIABLES: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
const EXCEPTIONS: [&str; 2] = ["no_proxy", "NO_PROXY"];

/// An environment variable as read by [`variable`].
pub(crate) type Variable = (&'static str, String);

/// The first of some environment variables that is set; an empty one counts as unset.
pub(crate) fn variable(names: &[&'static str]) -> Result<Option<Variable>, Error> {
    let set = |name: &&'static str| env::var_os(name).filter(|value| !value.is_empty()).map(|value| (*name, value));
    let Some((name, value)) = names.iter().find_map(set) else { return Ok(None) };
    let value = value.into_string().map_err(|_| Error::config(name, "it is not UTF-8"))?;
    Ok(Some((name, value)))
}

/// The proxy for `url`, if any, and the variable that names it; `find` is [`variable`].
///
/// Plain http never takes a proxy: it is for loopback, and a proxy would see the credential.
pub(crate) fn from_env(
    url: &Uri,
    find: impl Fn(&[&'static str]) -> Result<Option<Variable>, Error>,
) -> Result<Option<(&'static str, Proxy)>, Error> {
    if url.scheme_str() != Some("https") || find(&EXCEPTIONS)?.is_some_and(|(_, list)| is_exempt(&list, url)) {
        return Ok(None);
    }
    let Some((name, value)) = find(&VARIABLES)? else { return Ok(None) };
    let is_whole = |proxy: &Proxy| !proxy.host().is_empty() && proxy.uri().port_u16().is_some();
    // The value may hold a password, so it is not repeated.
    let proxy = Proxy::new(value.trim()).ok().filter(is_whole).ok_or_else(|| {
        Error::config(name, "it is not the URL of a proxy with its port, such as http://proxy.example:3128")
    })?;
    Ok(Some((name, proxy)))
}

/// How messages name a proxy: never by its user or password.
pub(crate) fn name(proxy: &Proxy, from: &str) -> String {
    format!("{}:{} ({from})", proxy.host(), proxy.port())
}

/// Whether a host stands in a `NO_PROXY` list: itself, a parent domain (with or without a leading dot or `*.`), an
/// address, each of them with a port or without, a network such as `10.0.0.0/8`, or `*`.
fn is_exempt(list: &str, url: &Uri) -> bool {
    let host = url.host().unwrap_or_default().trim_matches(['[', ']']).to_ascii_lowercase();
    let port = url.port_u16().unwrap_or(443);
    let forms = [host.clone(), format!("{host}:{port}"), format!("[{host}]"), format!("[{host}]:{port}")];
    list.to_ascii_lowercase().split([',', ' ']).any(|entry| {
        let name = entry.trim_start_matches('*').trim_start_matches('.');
        let ends = |form: &String| form.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        entry == "*" || is_within(&host, entry) || (!name.is_empty() && forms.iter().any(ends))
    })
}

fn is_within(host: &str, network: &str) -> bool {
    let Some((network, bits)) = network.split_once('/') else { return false };
    let (ip, network, width) = match (host.parse(), network.parse()) {
        (Ok(IpAddr::V4(ip)), Ok(IpAddr::V4(network))) => (u128::from(ip.to_bits()), u128::from(network.to_bits()), 32),
        (Ok(IpAddr::V6(ip)), Ok(IpAddr::V6(network))) => (ip.to_bits(), network.to_bits(), 128),
        _ => return false,
    };
    let rest = bits.parse().ok().and_then(|bits: u32| u32::checked_sub(width, bits));
    rest.is_some_and(|rest| (ip ^ network).checked_shr(rest).unwrap_or(0) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(url: &str, env: &[(&'static str, &str)]) -> Result<Option<String>, Error> {
        let find = |names: &[&'static str]| {
            let set = |name: &&'static str| env.iter().find(|(key, value)| key == name && !value.is_empty());
            Ok(names.iter().find_map(set).map(|(name, value)| (*name, (*value).to_owned())))
        };
        Ok(from_env(&url.parse().unwrap(), find)?.map(|(name, proxy)| format!("{name} {}", proxy.host())))
    }

    #[test]
    fn lower_case_wins_then_the_more_specific_and_http_proxy_has_no_say() {
        let proxy = |env: &[(&'static str, &str)]| chosen("https://api.turso.tech/x", env).unwrap();
        assert_eq!(proxy(&[]), None);
        assert_eq!(proxy(&[("HTTP_PROXY", "http://p:1"), ("http_proxy", "http://p:1"), ("HTTPS_PROXY", "")]), None);
        let mut env = vec![];
        for name in ["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy"] {
            env.push((name, "http://p:3128"));
            assert_eq!(proxy(&env), Some(format!("{name} p")));
        }
        for value in ["p:3128", "user:pass@p:1", "https://p:1", "socks4://p:1", "socks4a://p:1", "socks5h://u:p@p:1/"] {
            assert_eq!(proxy(&[("HTTPS_PROXY", value)]).as_deref(), Some("HTTPS_PROXY p"), "{value}");
        }
    }

    #[test]
    fn plain_http_takes_no_proxy() {
        let env = [("HTTPS_PROXY", "http://p:1"), ("ALL_PROXY", "nonsense")];
        assert_eq!(chosen("http://127.0.0.1:1/x", &env).unwrap(), None);
    }

    #[test]
    fn a_value_that_is_no_proxy_is_an_error_that_does_not_repeat_it() {
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
            let error = chosen("https://h", &[("HTTPS_PROXY", value)]).unwrap_err().to_string();
            assert!(error.starts_with("HTTPS_PROXY: ") && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn no_proxy_exempts_hosts_domains_addresses_and_networks() {
        let exempt = |list, url| chosen(url, &[("ALL_PROXY", "http://p:1"), ("NO_PROXY", list)]).unwrap().is_none();
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
