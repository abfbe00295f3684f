//! The credential reaches the base URL's origin, and no other.

use crate::server::{FIRST, Server, answer, ok};
use crate::support::{SECRET, builder};
use turso_api_tokens::Error;

fn redirect(status: &str, location: &str) -> crate::server::Step {
    answer(status, &format!("Location: {location}\r\n"), "moved")
}

#[test]
fn a_redirect_inside_the_origin_is_followed_with_the_credential() {
    for status in ["301 x", "302 x", "303 x", "307 x", "308 x"] {
        for (location, path) in [("/new?a=b#c", "/new?a=b"), ("/", "/")] {
            let server = Server::script([redirect(status, location), ok(FIRST)]);
            assert_eq!(builder(&server.url()).build().unwrap().list().unwrap().len(), 2);
            let second = &server.requests()[1];
            assert!(second.starts_with(&format!("GET {path} HTTP/1.1\r\n")), "{second}");
            assert!(second.contains(&format!("Bearer {SECRET}\r\n")), "{second}");
        }
    }
    let server = Server::script([]);
    let absolute = Server::script([redirect("302 x", &format!("{}/abs", server.url()))]);
    assert!(builder(&absolute.url()).build().unwrap().list().is_err());
}

#[test]
fn a_redirect_to_another_origin_is_refused_by_name_and_not_contacted() {
    let other = Server::always(|| ok(FIRST));
    for (location, origin) in [
        (format!("{}/v1/auth/api-tokens", other.url()), other.url()),
        (format!("//127.0.0.1:{}/x", other.port()), other.url()),
        (format!("http://localhost:{}/x", other.port()), format!("http://localhost:{}", other.port())),
        ("https://evil.example/x".to_owned(), "https://evil.example".to_owned()),
        (format!("http://user:pass@127.0.0.1:{}/", other.port()), other.url()),
    ] {
        let server = Server::script([redirect("302 Found", &location)]);
        let error = builder(&server.url()).build().unwrap().list().unwrap_err();
        assert!(matches!(&error, Error::Redirect { origin: named, .. } if *named == origin), "{error:?}");
        assert!(error.to_string().contains(&origin), "{error}");
    }
    let server = Server::script([]);
    let https = format!("https://127.0.0.1:{}/", server.port());
    let server = Server::script([redirect("302 Found", &https)]);
    assert!(matches!(builder(&server.url()).build().unwrap().list(), Err(Error::Redirect { .. })));
    assert_eq!(other.connections(), 0);
}

#[test]
fn a_redirect_that_leads_nowhere_is_an_error() {
    for step in [
        answer("302 Found", "", ""),
        redirect("302 Found", "relative"),
        redirect("302 Found", "../x"),
        redirect("302 Found", "http://"),
        redirect("302 Found", "http://user:hunter2@/x"),
        redirect("302 Found", "mailto:x"),
        redirect("302 x", "/a\u{1}b"),
    ] {
        let server = Server::script([step]);
        let error = builder(&server.url()).build().unwrap().list().unwrap_err();
        assert!(matches!(error, Error::InvalidAnswer { .. }), "{error:?}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}

#[test]
fn a_user_in_a_location_is_neither_sent_nor_shown() {
    let server = Server::script([]);
    let location = server.url().replace("//", "//user:hunter2@");
    drop(server);
    let server = Server::script([answer("200 OK", "", "")]);
    let here = server.url().replace("//", "//user:hunter2@");
    for location in [location, here] {
        let server = Server::script([redirect("302 x", &location)]);
        let (lines, note) = crate::support::notes();
        let error = builder(&server.url()).observer(note).build().unwrap().list().unwrap_err();
        let lines = lines.lock().unwrap().join("\n");
        assert!(!format!("{error:?} {error:#} {lines}").contains("hunter2"), "{error:?} {lines}");
    }
}

#[test]
fn plain_http_to_anything_but_loopback_is_refused_before_a_connection() {
    for url in ["http://api.turso.tech", "http://192.0.2.1", "http://user@127.0.0.1", "ftp://127.0.0.1"] {
        assert!(matches!(builder(url).build(), Err(Error::Config { .. })), "{url}");
    }
}
