//! Base URLs, `Location`, `NO_PROXY` and the proxy's URL.
//!
//! An input has four lines in this order.

use super::{CREDENTIAL, assert_line, assert_message, assert_secret};
use crate::error::Error as InternalError;
use crate::proxy;
use crate::url::{endpoint, origin, resolve};
use std::net::IpAddr;
use turso_api_tokens::{Client, Credential, Error};
use ureq::http::Uri;

/// # Panics
/// If a promise is broken.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let mut lines = text.splitn(4, '\n');
    let mut next = || lines.next().unwrap_or_default();
    let (base, location, list, value) = (next(), next(), next(), next());
    base_url(base);
    if let Ok(url) = endpoint(base, base) {
        follow(&url, location);
        exempt(&url, list);
        through(&url, value);
    }
}

fn base_url(base: &str) {
    let credential = Credential::new(CREDENTIAL).expect("a credential");
    let built = Client::builder(credential).base_url(base).build();
    match (endpoint(base, base), built) {
        (Ok(url), Ok(client)) => {
            assert_secret(&format!("{client:?}"));
            let text = url.to_string();
            let below = text
                .strip_suffix("/v1/auth/api-tokens")
                .expect("the endpoint");
            assert_eq!(endpoint(below, below).as_ref(), Ok(&url), "{base:?}");
            assert!(
                !text.contains(['?', '#'])
                    && !url.authority().expect("a host").as_str().contains('@'),
                "{text:?}"
            );
            assert!(is_safe(&url) && has_plain_authority(&url), "{base:?}");
        }
        (Err(problem), Err(error)) => {
            assert!(matches!(error, Error::Config { .. }), "{error:?}");
            assert_line(&format!("{error:#}"));
            // Userinfo is never shown; a short one may stand in the message's own words.
            let authority = base
                .split_once("://")
                .and_then(|(_, rest)| rest.split(['/', '?', '#']).next());
            if let Some((userinfo, _)) = authority.and_then(|authority| authority.rsplit_once('@'))
            {
                assert!(
                    userinfo.len() < 20 || !problem.contains(userinfo),
                    "{problem:?}"
                );
            }
        }
        (internal, built) => panic!("{base:?}: {internal:?}, but {built:?}"),
    }
}

/// Whether a credential may be sent there, worked out apart.
fn is_safe(url: &Uri) -> bool {
    let host = url.host().unwrap_or_default();
    let is_local = host == "[::1]"
        || host.eq_ignore_ascii_case("localhost")
        || host
            .trim_matches(['[', ']'])
            .parse::<IpAddr>()
            .is_ok_and(|ip| ip.is_loopback());
    !host.is_empty()
        && (url.scheme_str() == Some("https") || (url.scheme_str() == Some("http") && is_local))
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

fn follow(from: &Uri, location: &str) {
    let Some(to) = resolve(from, location) else {
        return;
    };
    let other = origin(&to);
    assert!(
        has_plain_authority(&to) && !to.authority().is_some_and(|it| it.as_str().contains('@')),
        "{to}"
    );
    assert!(
        !other.contains(['@', '?', '#']) && !other.contains(super::is_control),
        "{other:?}"
    );
    // What it leads to leads to itself, as a whole and as a path.
    assert_eq!(resolve(from, &to.to_string()), Some(to.clone()));
    let path = to.path_and_query().expect("a path").to_string();
    if !path.starts_with("//") {
        assert_eq!(resolve(&to, &path), Some(to));
    }
}

/// The proxy for a URL with these variables set, as messages name it.
fn proxy_for(
    url: &Uri,
    no_proxy: &str,
    https_proxy: &str,
) -> Result<Option<String>, InternalError> {
    let first_set = |names: &[&'static str]| {
        let value = if names.contains(&"NO_PROXY") {
            no_proxy
        } else {
            https_proxy
        };
        Ok(names
            .first()
            .map(|name| (*name, value.to_owned()))
            .filter(|_| !value.is_empty()))
    };
    Ok(proxy::from_env(url, first_set)?
        .map(|(name, proxy)| format!("{}:{} ({name})", proxy.host(), proxy.port())))
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
    let host = url.host().unwrap_or_default();
    let bare = host.trim_matches(['[', ']']);
    // `Uri` allows more in a host, commas and stars included. A final dot is ignored.
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.:[]".contains(c);
    if !host.chars().all(is_name) || bare.starts_with('.') || bare.ends_with('.') {
        return;
    }
    assert!(
        exempts(host) && exempts(&format!("{list},{host}")),
        "{host:?}"
    );
    assert!(
        exempts(&format!("{host}:{}", url.port_u16().unwrap_or(443))),
        "{host:?}"
    );
    // An address has no parent domain.
    if let Ok(address) = bare.parse::<IpAddr>() {
        for entry in list
            .split([',', ' '])
            .filter(|entry| !entry.contains(['/', '*', ':', '[']) && exempts(entry))
        {
            assert_eq!(
                entry.trim_matches('.').parse(),
                Ok(address),
                "{host:?} is not {entry:?}"
            );
        }
    }
}

fn through(url: &Uri, value: &str) {
    // Whether the credential stands for a user name or a password only.
    let is_hidden = !value
        .rsplit('@')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase()
        .contains(CREDENTIAL);
    match proxy_for(url, "", value) {
        Ok(None) => assert!(value.is_empty() || url.scheme_str() != Some("https")),
        Ok(Some(label)) => {
            assert!(
                label.ends_with(" (https_proxy)") && !label.contains(super::is_control),
                "{label:?}"
            );
            if is_hidden {
                assert_message(&label);
            }
        }
        Err(error) => assert_message(&error.to_string()),
    }
}
