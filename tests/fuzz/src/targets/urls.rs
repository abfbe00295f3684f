//! Base URLs, `NO_PROXY` and the proxy's URL.
//!
//! An input has three lines in this order.

use super::{CREDENTIAL, assert_line, assert_message, assert_secret, is_control};
use crate::env;
use crate::error::Error as ConfigError;
use crate::proxy::Via;
use crate::url::{BaseUrlFault, destination, endpoint};
use std::net::IpAddr;
use turso_api_tokens::{Client, Credential, Error};
use ureq::http::Uri;

/// # Panics
/// If a promise is broken.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let mut lines = text.splitn(3, '\n');
    let base = lines.next().unwrap_or_default();
    let list = lines.next().unwrap_or_default();
    let value = lines.next().unwrap_or_default();

    base_url(base);
    if let Ok(url) = endpoint(base) {
        connect(&url);
        exempt(&url, list);
        through(&url, value);
    }
}

fn base_url(base: &str) {
    // The builder trims it first.
    let base = base.trim_ascii();
    let credential = Credential::new(CREDENTIAL).expect("a credential");
    let built = Client::builder(credential)
        .base_url(base)
        .proxy(None)
        .build();

    match (endpoint(base), built) {
        (Ok(url), Ok(client)) => {
            assert_secret(&format!("{client:?}"));
            assert_endpoint(base, &url);
        }
        (Err(fault), Err(error)) => assert_refused(base, fault, &error),
        (endpoint, built) => panic!("{base:?}: {endpoint:?}, but {built:?}"),
    }
}

fn assert_endpoint(base: &str, url: &Uri) {
    let text = url.to_string();
    let below = text
        .strip_suffix("/v1/auth/api-tokens")
        .expect("the endpoint");
    assert_eq!(endpoint(below).as_ref(), Ok(url), "{base:?}");
    assert!(!text.contains(['?', '#']), "{text:?}");

    let authority = url.authority().expect("a host");
    assert!(!authority.as_str().contains('@'), "{text:?}");
    assert!(is_safe(url) && has_plain_authority(url), "{base:?}");
}

fn assert_refused(base: &str, fault: BaseUrlFault, error: &Error) {
    let Error::Config { problem, .. } = error else {
        panic!("{base:?}: {error:?}");
    };
    assert_line(&format!("{error:#}"));
    let credential = Credential::new(CREDENTIAL).expect("a credential");
    assert_eq!(*problem, fault.describe(&credential.redact(base)));

    // Userinfo is never shown; a short one may stand in the message's own words.
    let authority = base
        .split_once("://")
        .and_then(|(_, rest)| rest.split(['/', '?', '#']).next());
    if let Some((userinfo, _)) = authority.and_then(|authority| authority.rsplit_once('@')) {
        let is_hidden = userinfo.len() < 20 || !problem.contains(userinfo);
        assert!(is_hidden, "{problem:?}");
    }
}

/// Whether a credential may be sent there, worked out apart.
fn is_safe(url: &Uri) -> bool {
    let host = url.host().unwrap_or_default();
    let is_local = host.eq_ignore_ascii_case("localhost") || is_loopback(host);
    match url.scheme_str() {
        Some("https") => !host.is_empty(),
        Some("http") => is_local,
        _ => false,
    }
}

fn is_loopback(host: &str) -> bool {
    host.trim_matches(['[', ']'])
        .parse::<IpAddr>()
        .is_ok_and(|address| address.is_loopback())
}

/// Whether an authority is a host, and a port where there is one: nothing that another program may read as another host.
fn has_plain_authority(url: &Uri) -> bool {
    let host = url.host().unwrap_or_default();
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    let port = url
        .authority()
        .and_then(|authority| authority.as_str().strip_prefix(host))
        .unwrap_or("?");
    let is_port = port
        .strip_prefix(':')
        .is_some_and(|port| port.parse().ok() == url.port_u16());
    !bare.contains(['[', ']']) && (port.is_empty() || is_port)
}

/// Plain http connects to an address, and the server is told the host that the user gave.
fn connect(url: &Uri) {
    let found = destination(url);
    if url.scheme_str() == Some("https") {
        assert_eq!((&found.url, found.host), (url, None));
        return;
    }

    let host = found.url.host().unwrap_or_default();
    assert!(is_loopback(host), "{url} leads to {}", found.url);
    assert_eq!(found.url.port_u16(), url.port_u16());
    assert_eq!(found.url.path_and_query(), url.path_and_query());

    let told = match &found.host {
        Some(header) => header.as_bytes(),
        None => found.url.authority().expect("a host").as_str().as_bytes(),
    };
    assert_eq!(told, url.authority().expect("a host").as_str().as_bytes());
}

/// The proxy for a URL with these variables set.
fn proxy_for(url: &Uri, no_proxy: &str, https_proxy: &str) -> Result<Option<Via>, ConfigError> {
    env::replace_all(&[("NO_PROXY", no_proxy), ("HTTPS_PROXY", https_proxy)]);
    Via::from_env(url)
}

fn exempt(url: &Uri, list: &str) {
    if url.scheme_str() != Some("https") {
        return;
    }
    let exempts = |list: &str| {
        proxy_for(url, list, "http://p:1")
            .expect("a proxy")
            .is_none()
    };
    let is_exempt = exempts(list);

    // A list does what its entries do, in any order and any case.
    assert_eq!(is_exempt, list.split([',', ' ']).any(exempts), "{list:?}");
    assert_eq!(is_exempt, exempts(&list.to_ascii_uppercase()), "{list:?}");
    assert_eq!(
        exempts(&format!("unrelated.invalid,{list}")),
        is_exempt || exempts("unrelated.invalid"),
        "{list:?}"
    );
    assert!(exempts(&format!("{list},*")) && exempts(&format!("* {list}")));

    // `Uri` allows more in a host, commas and stars included. A final dot is ignored.
    let host = url.host().unwrap_or_default();
    let bare = host.trim_matches(['[', ']']);
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.:[]".contains(c);
    if !host.chars().all(is_name) || bare.starts_with('.') || bare.ends_with('.') {
        return;
    }

    // A host exempts itself, with its port or without.
    let port = url.port_u16().unwrap_or(443);
    assert!(exempts(host), "{host:?}");
    assert!(exempts(&format!("{list},{host}")), "{host:?}");
    assert!(exempts(&format!("{host}:{port}")), "{host:?}");

    // An address has no parent domain.
    if let Ok(address) = bare.parse::<IpAddr>() {
        for entry in list
            .split([',', ' '])
            .filter(|entry| !entry.contains(['/', '*', ':', '[']) && exempts(entry))
        {
            let named = entry.trim_matches('.').parse();
            assert_eq!(named, Ok(address), "{host:?} is not {entry:?}");
        }
    }
}

fn through(url: &Uri, value: &str) {
    let via = match proxy_for(url, "", value) {
        Ok(Some(via)) => via,
        Ok(None) => {
            assert!(value.is_empty() || url.scheme_str() != Some("https"));
            return;
        }
        Err(ConfigError(problem)) => {
            assert_message(&problem);
            return;
        }
    };

    let label = via.label();
    assert!(label.ends_with(" (HTTPS_PROXY)"), "{label:?}");
    assert!(!label.contains(is_control), "{label:?}");
    // A user name or a password is not in it; a host may be.
    let after_userinfo = value.rsplit('@').next().unwrap_or_default();
    if !after_userinfo.to_ascii_lowercase().contains(CREDENTIAL) {
        assert_message(&label);
    }
}
