//! Which proxy a client uses, and how messages name it.
//!
//! ureq reads the same environment variables, but prefers `ALL_PROXY` to `HTTPS_PROXY`, connects
//! directly where a value is not a proxy URL, and does not know subdomains or spaces in `NO_PROXY`.
//! Here they are read as curl reads them for https, and a value that cannot be used is an error.

use crate::env::first_set;
use crate::error::Error;
use crate::url::{bare, is_https};
use std::net::IpAddr;
use ureq::http::Uri;
use ureq::{Agent, Proxy, ProxyProtocol};

/// On Windows the names of variables have no case, and users know them in capitals.
const PROXY_VARIABLES: &[&str] = if cfg!(windows) {
    &["HTTPS_PROXY", "ALL_PROXY"]
} else {
    &["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
};
const NO_PROXY_VARIABLES: &[&str] = if cfg!(windows) {
    &["NO_PROXY"]
} else {
    &["no_proxy", "NO_PROXY"]
};

/// A proxy, and where it came from.
#[derive(Debug)]
pub(crate) struct Via {
    pub(crate) proxy: Proxy,
    /// A variable, or words such as `given by the program`.
    source: &'static str,
}

impl Via {
    /// The proxy that the environment asks for, if any.
    pub(crate) fn from_env(url: &Uri) -> Result<Option<Self>, Error> {
        if !may_use_proxy(url) {
            return Ok(None);
        }

        if let Some(exempt) = first_set(NO_PROXY_VARIABLES)? {
            if matches_no_proxy(&exempt.value, url) {
                return Ok(None);
            }
        }

        let Some(found) = first_set(PROXY_VARIABLES)? else {
            return Ok(None);
        };
        let proxy = parse(found.name, &found.value)?;
        Ok(Some(Self {
            proxy,
            source: found.name,
        }))
    }

    /// The proxy of [`ClientBuilder::proxy`](crate::ClientBuilder::proxy), unless it exempts the
    /// host itself.
    pub(crate) fn from_program(proxy: Proxy, url: &Uri) -> Result<Option<Self>, Error> {
        if !may_use_proxy(url) || proxy.is_no_proxy(url) {
            return Ok(None);
        }
        Ok(Some(Self {
            proxy: accept("proxy", proxy)?,
            source: "given by the program",
        }))
    }

    /// The proxy of the caller's own agent, unless it exempts the host.
    pub(crate) fn of_agent(agent: &Agent, url: &Uri) -> Option<Self> {
        let proxy = agent.config().proxy()?;
        if !may_use_proxy(url) || proxy.is_no_proxy(url) {
            return None;
        }
        Some(Self {
            proxy: proxy.clone(),
            source: "from your agent",
        })
    }

    /// Names the proxy for messages, without its user name and password.
    pub(crate) fn label(&self) -> String {
        let host = self.proxy.host();
        let port = self.proxy.port();
        format!("{host}:{port} ({})", self.source)
    }
}

/// Plain http never uses a proxy: it is for loopback, and a proxy would see the credential.
fn may_use_proxy(url: &Uri) -> bool {
    is_https(url)
}

/// Parses a variable's value. It must name a port, since every program has another default.
fn parse(variable: &'static str, value: &str) -> Result<Proxy, Error> {
    match Proxy::new(value.trim()) {
        Ok(proxy) if is_plain(&proxy, value) => accept(variable, proxy),
        _ => Err(not_a_proxy(variable)),
    }
}

/// Whether a value names a host and a port, and nothing after them. In `http://user:12/3@p:1` the
/// password has a slash that is not encoded: the URL's host is `user`.
fn is_plain(proxy: &Proxy, value: &str) -> bool {
    let has_host = !proxy.host().is_empty();
    let has_port = proxy.uri().port_u16().is_some();
    let has_path = !matches!(proxy.uri().path(), "" | "/");
    has_host && has_port && !has_path && !value.contains(['?', '#'])
}

/// The value may hold a password, so it is not repeated.
fn not_a_proxy(setting: &'static str) -> Error {
    let problem = "it is not the URL of a proxy with its port, such as http://proxy.example:3128";
    Error::config(setting, problem)
}

/// Makes a SOCKS 5 proxy resolve the host name, as curl does, and refuses what ureq would ignore.
fn accept(setting: &'static str, proxy: Proxy) -> Result<Proxy, Error> {
    match proxy.protocol() {
        ProxyProtocol::Socks4 | ProxyProtocol::Socks4A if proxy.username().is_some() => {
            let problem = "SOCKS 4 is supported without a user name only; use socks5://";
            Err(Error::config(setting, problem))
        }
        // ureq would look the name up on this machine, and try its first address only.
        ProxyProtocol::Socks5 | ProxyProtocol::Socks5h if proxy.resolve_target() => {
            resolving_itself(&proxy).ok_or_else(|| not_a_proxy(setting))
        }
        _ => Ok(proxy),
    }
}

/// The same proxy, but for what it exempts, which the caller has looked at.
fn resolving_itself(socks5: &Proxy) -> Option<Proxy> {
    let mut builder = Proxy::builder(ProxyProtocol::Socks5h)
        .host(socks5.host())
        .port(socks5.port());
    if let Some(username) = socks5.username() {
        builder = builder.username(username);
    }
    if let Some(password) = socks5.password() {
        builder = builder.password(password);
    }
    builder.build().ok()
}

/// Whether an entry of a `NO_PROXY` list exempts the host of `url`.
fn matches_no_proxy(list: &str, url: &Uri) -> bool {
    let host = bare(url.host().unwrap_or_default());
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let port = url.port_u16().unwrap_or(443);

    let list = list.to_ascii_lowercase();
    list.split([',', ' '])
        .any(|entry| exempts(entry, &host, port))
}

/// Whether one entry exempts a host: `*`, a network, an address or a name with or without a port,
/// or a parent domain with or without a leading dot or `*.`.
fn exempts(entry: &str, host: &str, port: u16) -> bool {
    if entry == "*" || is_in_network(host, entry) {
        return true;
    }

    let name = without_port(entry, port)
        .trim_start_matches('*')
        .trim_matches('.')
        .trim_matches(['[', ']']);
    if name.is_empty() {
        return false;
    }
    if host == name {
        return true;
    }

    // An address has no parent domain: `3` does not exempt 10.1.2.3.
    let is_name = host.parse::<IpAddr>().is_err();
    is_name
        && host
            .strip_suffix(name)
            .is_some_and(|before| before.ends_with('.'))
}

/// An entry without `:PORT`, if it ends in this port. `::1` is an address, not a port.
fn without_port(entry: &str, port: u16) -> &str {
    if entry.parse::<IpAddr>().is_ok() {
        return entry;
    }
    entry.strip_suffix(&format!(":{port}")).unwrap_or(entry)
}

/// Whether an address is in a network such as `10.0.0.0/8`.
fn is_in_network(host: &str, entry: &str) -> bool {
    let Some((network, prefix)) = entry.split_once('/') else {
        return false;
    };
    let Ok(prefix) = prefix.parse::<u32>() else {
        return false;
    };

    match (host.parse::<IpAddr>(), network.parse::<IpAddr>()) {
        (Ok(IpAddr::V4(host)), Ok(IpAddr::V4(network))) if prefix <= 32 => {
            let differing = host.to_bits() ^ network.to_bits();
            // Shifting all bits out leaves nothing that could differ: `/0` holds every address.
            differing.checked_shr(32 - prefix).unwrap_or(0) == 0
        }
        (Ok(IpAddr::V6(host)), Ok(IpAddr::V6(network))) if prefix <= 128 => {
            let differing = host.to_bits() ^ network.to_bits();
            differing.checked_shr(128 - prefix).unwrap_or(0) == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Uri {
        text.parse().unwrap()
    }

    #[test]
    fn a_proxy_may_have_any_scheme_that_ureq_knows_or_none() {
        for value in [
            "p:3128",
            " user:pass@p:1\n",
            "https://p:1",
            "socks4://p:1",
            "socks4a://p:1",
            "socks5h://u:p@p:1/",
        ] {
            assert_eq!(parse("HTTPS_PROXY", value).unwrap().host(), "p", "{value}");
        }
    }

    #[test]
    fn plain_http_uses_no_proxy() {
        let proxy = Proxy::new("http://p:1").unwrap();
        let via = Via::from_program(proxy, &url("http://127.0.0.1:1/x")).unwrap();
        assert!(via.is_none());
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
            "http://user:12/secret@p:1",
            "http://user:12?secret@p:1",
            "http://user:12#secret@p:1",
            ":1",
        ] {
            let error = parse("HTTPS_PROXY", value).unwrap_err().to_string();
            let expected = "HTTPS_PROXY: it is not the URL of a proxy with its port, such as http://proxy.example:3128";
            assert_eq!(error, expected, "{value}");
        }
    }

    #[test]
    fn a_socks_5_proxy_resolves_the_name_and_keeps_its_user_name_and_password() {
        let proxy = |value: &str| parse("ALL_PROXY", value).unwrap();
        for (value, protocol) in [
            ("socks5://u:p%40s%25s@h:1", ProxyProtocol::Socks5h),
            ("socks://u:p%40s%25s@h:1", ProxyProtocol::Socks5h),
            ("SOCKS5://u:p%40s%25s@h:1", ProxyProtocol::Socks5h),
            ("socks5h://u:p%40s%25s@h:1", ProxyProtocol::Socks5h),
            ("http://u:p%40s%25s@h:1", ProxyProtocol::Http),
        ] {
            let proxy = proxy(value);
            assert_eq!(proxy.protocol(), protocol, "{value}");
            assert!(!proxy.resolve_target(), "{value}");
            assert_eq!(proxy.username(), Some("u"), "{value}");
            assert_eq!(proxy.password(), Some("p@s%s"), "{value}");
            assert_eq!((proxy.host(), proxy.port()), ("h", 1), "{value}");
        }
        assert!(proxy("socks4://h:1").resolve_target());
        assert!(!proxy("socks4a://h:1").resolve_target());
        assert_eq!(proxy("socks5://h:1").username(), None);
        assert_eq!(
            proxy("socks5://[::1]:1").host(),
            proxy("socks5h://[::1]:1").host()
        );
    }

    #[test]
    fn socks_4_with_a_user_name_is_an_error_that_names_the_setting() {
        let expected = "SOCKS 4 is supported without a user name only; use socks5://";
        for value in ["socks4://secret@h:1", "socks4a://secret:secret@h:1"] {
            let error = parse("ALL_PROXY", value).unwrap_err().to_string();
            assert_eq!(error, format!("ALL_PROXY: {expected}"));

            let proxy = Proxy::new(value).unwrap();
            let error = Via::from_program(proxy, &url("https://h")).unwrap_err();
            assert_eq!(error.to_string(), format!("proxy: {expected}"));
        }
    }

    #[test]
    fn a_proxy_of_the_program_resolves_names_and_keeps_its_own_exemptions() {
        let proxy = |protocol| {
            Proxy::builder(protocol)
                .host("p")
                .port(1)
                .no_proxy("exempt")
                .build()
                .unwrap()
        };
        let via = |host: &str| {
            let proxy = proxy(ProxyProtocol::Socks5);
            Via::from_program(proxy, &url(host)).unwrap()
        };
        let found = via("https://h").unwrap();
        assert_eq!(found.label(), "p:1 (given by the program)");
        assert_eq!(found.proxy.protocol(), ProxyProtocol::Socks5h);
        assert!(via("https://exempt").is_none());
    }

    #[test]
    fn no_proxy_exempts_hosts_domains_addresses_and_networks() {
        for (list, host) in [
            ("*", "https://h"),
            ("a, h", "https://h"),
            ("EXAMPLE.com", "https://api.Example.com"),
            (".example.com", "https://api.example.com"),
            ("*.example.com", "https://api.example.com"),
            ("h:8443", "https://h:8443"),
            ("h:443", "https://h"),
            ("127.0.0.1", "https://127.0.0.1:9"),
            ("127.0.0.1:9", "https://127.0.0.1:9"),
            ("127.0.0.0/8", "https://127.0.0.1:9"),
            ("0.0.0.0/0", "https://127.0.0.1:9"),
            ("::/0", "https://[::1]:9"),
            ("::1", "https://[::1]:9"),
            ("::1", "https://[::1]:1"),
            ("[::1]", "https://[::1]:9"),
            ("[::1]:9", "https://[::1]:9"),
            ("fe80::/10", "https://[fe80::1]"),
            ("example.com", "https://api.example.com."),
            ("example.com.", "https://api.example.com"),
        ] {
            assert!(matches_no_proxy(list, &url(host)), "{list} {host}");
        }
        for (list, host) in [
            ("", "https://h"),
            (" , ", "https://h"),
            ("example.com", "https://badexample.com"),
            ("h:8443", "https://h"),
            ("[::1]:9", "https://[::1]:8"),
            ("::1", "https://[::2]:1"),
            ("10.0.0.0/8", "https://127.0.0.1"),
            ("10.0.0.0/99", "https://10.0.0.1"),
            ("fe80::/129", "https://[fe80::]"),
            ("fe80::/10", "https://[::1]"),
            ("fe80::1:443", "https://[fe80::1]"),
            ("10.0.0.0/8", "https://[::1]"),
            (".", "https://h"),
            ("3", "https://10.1.2.3"),
            (".1.2.3", "https://10.1.2.3"),
        ] {
            assert!(!matches_no_proxy(list, &url(host)), "{list} {host}");
        }
    }
}
