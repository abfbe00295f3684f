//! The credential reaches the base URL's origin, and no other.

use crate::server::{ORIGINAL_LIST, Server, Step, loopback, ok, response};
use crate::support::{SECRET, builder, in_own_process, recorded};
use turso_api_tokens::Error;

fn redirect(status: &str, location: &str) -> Step {
    response(status, &format!("Location: {location}\r\n"), "moved")
}

#[test]
fn a_redirect_inside_the_origin_is_followed_with_the_credential() {
    for status in ["301 x", "302 x", "303 x", "307 x", "308 x"] {
        let server = Server::script([redirect(status, "/new?a=b#c"), ok(ORIGINAL_LIST)]);
        assert_eq!(
            builder(&server.url())
                .build()
                .unwrap()
                .list()
                .unwrap()
                .len(),
            2
        );
        let second = &server.requests()[1];
        assert!(second.starts_with("GET /new?a=b HTTP/1.1\r\n"), "{second}");
        assert!(second.contains(&format!("Bearer {SECRET}\r\n")), "{second}");
    }
}

#[test]
fn an_absolute_redirect_inside_the_origin_is_followed_without_its_userinfo() {
    for (location, path) in [
        ("http://ADDRESS/abs", "/abs"),
        ("http://ADDRESS", "/"),
        ("//ADDRESS/x", "/x"),
        ("http://u:p@ADDRESS/x", "/x"),
    ] {
        let listener = loopback();
        let location = location.replace("ADDRESS", &listener.local_addr().unwrap().to_string());
        let server = Server::script_at(listener, [redirect("302 x", &location), ok(ORIGINAL_LIST)]);
        assert_eq!(
            builder(&server.url())
                .build()
                .unwrap()
                .list()
                .unwrap()
                .len(),
            2
        );
        let second = &server.requests()[1];
        assert!(
            second.starts_with(&format!("GET {path} HTTP/1.1\r\n")),
            "{second}"
        );
        assert!(
            second.contains(&format!("authorization: Bearer {SECRET}\r\n")),
            "{second}"
        );
        assert_eq!(
            second.to_ascii_lowercase().matches("authorization").count(),
            1,
            "{second}"
        );
    }
}

#[test]
fn a_redirect_to_another_origin_is_refused_by_name_and_not_contacted() {
    let other = Server::always(|| ok(ORIGINAL_LIST));
    for (location, origin) in [
        (format!("{}/v1/auth/api-tokens", other.url()), other.url()),
        (format!("//127.0.0.1:{}/x", other.port()), other.url()),
        (
            format!("http://localhost:{}/x", other.port()),
            format!("http://localhost:{}", other.port()),
        ),
        (
            format!("https://127.0.0.1:{}/x", other.port()),
            format!("https://127.0.0.1:{}", other.port()),
        ),
        (
            "https://evil.example/x".to_owned(),
            "https://evil.example".to_owned(),
        ),
        (
            format!("http://user:pass@127.0.0.1:{}/", other.port()),
            other.url(),
        ),
    ] {
        let server = Server::script([redirect("302 Found", &location)]);
        let error = builder(&server.url()).build().unwrap().list().unwrap_err();
        let expected = format!(
            "{}/v1/auth/api-tokens redirects to {origin}; the credential was not sent there",
            server.url()
        );
        assert_eq!(error.to_string(), expected);
        assert!(
            matches!(&error, Error::Redirect { origin: named, .. } if *named == origin),
            "{error:?}"
        );
    }
    assert_eq!(other.connections(), 0);
}

#[test]
fn the_same_host_over_tls_is_another_origin() {
    let listener = loopback();
    let https = format!("https://{}/", listener.local_addr().unwrap());
    let server = Server::script_at(listener, [redirect("302 Found", &https)]);
    let error = builder(&server.url()).build().unwrap().list().unwrap_err();
    assert!(matches!(error, Error::Redirect { .. }), "{error:?}");
}

#[test]
fn a_redirect_without_a_usable_location_is_an_error() {
    for step in [
        response("302 Found", "", ""),
        redirect("302 Found", "relative"),
        redirect("302 Found", "../x"),
        redirect("302 Found", "http://"),
        redirect("302 Found", "http://user:hunter2@/x"),
        redirect("302 Found", "mailto:x"),
    ] {
        let server = Server::script([step]);
        let error = builder(&server.url()).build().unwrap().list().unwrap_err();
        let expected = "redirect (302) without a usable `Location`";
        assert!(
            matches!(&error, Error::InvalidAnswer { problem, .. } if problem == expected),
            "{error:?}"
        );
    }
}

#[test]
fn userinfo_in_a_location_is_not_shown() {
    in_own_process(|| {
        for location in [
            "http://user:hunter2@127.0.0.1:1/x",
            "https://user:hunter2@evil.example/",
            "http://u:hunter2@/x",
        ] {
            let server = Server::script([redirect("302 x", location)]);
            let (result, records) = recorded(|| builder(&server.url()).build().unwrap().list());
            let error = result.unwrap_err();
            // ureq logs the header as it came.
            let own: Vec<_> = records
                .iter()
                .filter(|record| record.starts_with("turso_api_tokens::"))
                .collect();
            let shown = format!("{error:?} {error:#} {own:?}");
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    });
}

#[test]
fn plain_http_to_anything_but_loopback_is_refused_before_a_connection() {
    for url in [
        "http://api.turso.tech",
        "http://192.0.2.1",
        "http://user@127.0.0.1",
        "ftp://127.0.0.1",
    ] {
        let error = builder(url).build().unwrap_err();
        assert!(
            matches!(
                error,
                Error::Config {
                    setting: "base URL",
                    ..
                }
            ),
            "{url}: {error:?}"
        );
    }
}
