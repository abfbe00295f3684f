//! The credential reaches one URL, and no other.

use crate::server::{ORIGINAL_LIST, Server, Step, ok, response};
use crate::support::{SECRET, builder};
use turso_api_tokens::Error;

fn redirect(status: &str, location: &str) -> Step {
    response(status, &format!("Location: {location}\r\n"), "moved")
}

#[test]
fn a_redirect_is_not_followed_and_the_error_says_where_it_leads() {
    for (status, name) in [
        (301, "301 Moved Permanently"),
        (302, "302 Found"),
        (303, "303 See Other"),
        (307, "307 Temporary Redirect"),
        (308, "308 Permanent Redirect"),
    ] {
        let server = Server::always(|| ok(ORIGINAL_LIST));
        let elsewhere = format!("{}/elsewhere", server.url());
        let redirecting = Server::script([redirect(&format!("{status} x"), &elsewhere)]);
        let error = builder(&redirecting.url())
            .build()
            .unwrap()
            .list()
            .unwrap_err();

        let Error::Redirect {
            status: found,
            location,
            ..
        } = &error
        else {
            panic!("{error:?}")
        };
        assert_eq!((*found, location), (status, &elsewhere));
        assert_eq!(error.status(), Some(status));
        assert!(!error.is_transient());
        let expected = format!(
            "{}/v1/auth/api-tokens returned {name} and redirects to {elsewhere}; \
             the credential was not sent there",
            redirecting.url()
        );
        assert_eq!(error.to_string(), expected);

        assert_eq!(server.connections(), 0);
        assert_eq!(redirecting.requests().len(), 1);
    }
}

#[test]
fn a_redirect_inside_the_server_is_not_followed_either() {
    let server = Server::script([redirect("302 Found", "/new"), ok(ORIGINAL_LIST)]);
    let error = builder(&server.url()).build().unwrap().list().unwrap_err();
    assert!(
        matches!(&error, Error::Redirect { location, .. } if location == "/new"),
        "{error:?}"
    );
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_redirect_without_a_location_leads_nowhere() {
    let server = Server::script([response("302 Found", "", "")]);
    let error = builder(&server.url()).build().unwrap().list().unwrap_err();
    assert!(
        matches!(&error, Error::Redirect { location, .. } if location.is_empty()),
        "{error:?}"
    );
    let expected = format!(
        "{}/v1/auth/api-tokens returned 302 Found and redirects nowhere",
        server.url()
    );
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_location_is_redacted_and_escaped_in_the_message_alone() {
    let location = format!("https://evil.example/?token={SECRET}&x=\u{9b}2J");
    let server = Server::script([redirect("302 Found", &location)]);
    let error = builder(&server.url()).build().unwrap().list().unwrap_err();
    let Error::Redirect { location, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(location, "https://evil.example/?token=***&x=\u{9b}2J");
    let expected = r"redirects to https://evil.example/?token=***&x=\u{9b}2J; the credential";
    assert!(error.to_string().contains(expected), "{error}");
}

#[test]
fn other_statuses_of_300_are_no_redirects() {
    for status in ["300", "304", "305", "399"] {
        let server = Server::script([redirect(&format!("{status} x"), "/new")]);
        let error = builder(&server.url()).build().unwrap().list().unwrap_err();
        assert!(matches!(error, Error::Status { .. }), "{status}: {error:?}");
        assert_eq!(error.status(), status.parse().ok());
    }
}

#[test]
fn plain_http_to_localhost_goes_to_127_0_0_1_with_the_host_header_of_the_url() {
    let server = Server::script([ok(ORIGINAL_LIST)]);
    let base_url = format!("http://localhost:{}", server.port());
    assert_eq!(builder(&base_url).build().unwrap().list().unwrap().len(), 2);
    let requests = server.requests();
    let head = requests[0].to_ascii_lowercase();
    let host = format!("\r\nhost: localhost:{}\r\n", server.port());
    assert_eq!(head.matches(&host).count(), 1, "{head}");
    assert_eq!(head.matches("\r\nhost: ").count(), 1, "{head}");
}

#[test]
fn messages_keep_localhost() {
    let server = Server::script([response("404 x", "", "")]);
    let base_url = format!("http://localhost:{}", server.port());
    let error = builder(&base_url).build().unwrap().list().unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{base_url}/v1/auth/api-tokens returned 404 Not Found")
    );
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
