//! Whatever the server does, a call is over within its timeout.

use crate::server::{Server, Step, answer};
use crate::support::{builder, within};
use std::time::Duration;
use turso_api_tokens::Error;

fn ends(what: &str, url: &str) -> Error {
    let client = builder(url).timeout(Duration::from_secs(2)).retries(1000).build().unwrap();
    within(2, || client.list()).expect_err(what)
}

#[test]
fn a_server_that_stalls_in_any_way_ends_at_the_deadline() {
    let slow = Duration::from_millis(100);
    let cases: [(&str, fn() -> Step); 3] = [
        ("silence", || Step::Silence),
        ("half a header", || Step::Endless(b"HTTP/1.1 200 OK\r\nX: ".to_vec(), Vec::new())),
        ("outage", || answer("503 Service Unavailable", "", "")),
    ];
    for (name, step) in cases {
        let server = Server::always(step);
        let error = ends(name, &server.url());
        assert!(error.is_transient(), "{name}: {error:?}");
    }
    let interim = Step::Endless(Vec::new(), b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n".to_vec());
    ends("interim answers", &Server::script([interim]).url());
    let header = Server::script([Step::Drip(vec![b'H'; 999], slow)]);
    let body = [b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n".to_vec(), vec![b' '; 999]].concat();
    let error_body = [b"HTTP/1.1 404 Not Found\r\nContent-Length: 9999\r\n\r\n".to_vec(), vec![b' '; 999]].concat();
    let head =
        Server::script([Step::Drip(b"HTTP/1.1 200 OK\r\nX: ".iter().copied().chain([b'x'; 999]).collect(), slow)]);
    assert!(matches!(ends("drip in headers", &head.url()), Error::Timeout { .. }));
    assert!(matches!(
        ends("drip in body", &Server::script([Step::Drip(body, Duration::from_millis(10))]).url()),
        Error::Timeout { .. }
    ));
    let error = ends("drip in an error", &Server::script([Step::Drip(error_body, Duration::from_millis(10))]).url());
    assert_eq!(error.status(), Some(404));
    ends("drip of nonsense", &header.url());
}

#[test]
fn a_timeout_keeps_what_went_wrong_before_it() {
    let server = Server::script([answer("503 Service Unavailable", "", ""), Step::Silence]);
    let client = builder(&server.url()).timeout(Duration::from_secs(2)).build().unwrap();
    let error = client.list().unwrap_err();
    assert!(matches!(&error, Error::Timeout { source: Some(before), .. } if before.status() == Some(503)), "{error:?}");
    assert!(error.is_transient() && error.status().is_none());
}

#[test]
fn the_status_of_an_error_whose_body_stalls_is_reported_at_once() {
    let head = |status: &str| format!("HTTP/1.1 {status}\r\nContent-Length: 99\r\n\r\n{{\"error\":").into_bytes();
    let whole = |status: &str| Step::Endless(head(status), Vec::new());
    let server = Server::script([whole("401 x")]);
    let error = within(2, || builder(&server.url()).build().unwrap().list()).unwrap_err();
    assert!(matches!(&error, Error::Refused { message, .. } if message == "{\"error\":"), "{error:?}");
    let server = Server::script([Step::Drip([head("503 x"), vec![b'x'; 99]].concat(), Duration::from_millis(40))]);
    let error = within(5, || builder(&server.url()).retries(0).build().unwrap().list()).unwrap_err();
    assert_eq!(error.status(), Some(503));
    let server = Server::script([whole("503 x"), crate::server::ok(crate::server::FIRST)]);
    assert_eq!(within(3, || builder(&server.url()).build().unwrap().list()).unwrap().len(), 2);
}

#[test]
fn what_an_agent_of_the_callers_limits_never_shows_through() {
    let short = Some(Duration::from_millis(200));
    let config = ureq::Agent::config_builder().proxy(None).https_only(true).max_redirects(0);
    let config = config.timeout_global(short).timeout_per_call(short).timeout_recv_response(short);
    let config = config.timeout_recv_body(short).timeout_per_read(short).timeout_connect(short);
    let agent = config.max_response_header_size(100).build().new_agent();
    let body = format!("HTTP/1.1 200 OK\r\nX: {}\r\nContent-Length: 13\r\n\r\n", "x".repeat(200));
    let slow = Duration::from_millis(3);
    let server = Server::script([
        answer("307 x", "Location: /x\r\n", ""),
        Step::Drip([body.as_bytes(), b"{\"tokens\":[]}"].concat(), slow),
    ]);
    let client = builder(&server.url()).retries(0).agent(agent.clone()).build().unwrap();
    assert!(client.list().unwrap().is_empty());
    let silent = Server::script([Step::Silence]);
    let client = builder(&silent.url()).agent(agent).timeout(Duration::from_secs(1)).build().unwrap();
    let error = within(1, || client.list()).unwrap_err();
    assert!(matches!(&error, Error::Timeout { timeout, .. } if timeout.as_secs() == 1), "{error:?}");
}

#[test]
fn endless_redirects_end_after_ten() {
    let server = Server::always(|| answer("302 Found", "Location: /again\r\n", ""));
    let error = ends("redirects", &server.url());
    assert!(matches!(error, Error::InvalidAnswer { .. }), "{error:?}");
    assert_eq!(server.requests().len(), 11);
}

#[test]
fn a_server_that_never_accepts_leaves_room_for_another_try_and_ends_at_the_deadline() {
    let dead = crate::support::Dead::new("127.0.0.1:0");
    let address = dead.address;
    let error = ends("never accepts", &format!("http://{address}"));
    assert!(matches!(error, Error::Timeout { source: Some(_), .. } | Error::Connection { .. }), "{error:?}");
}

#[cfg(feature = "rustls")]
#[test]
fn a_silent_tls_handshake_ends_at_the_deadline() {
    crate::support::without_proxies("deadline::a_silent_tls_handshake_ends_at_the_deadline", || {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let error = ends("silent handshake", &format!("https://{}", listener.local_addr().unwrap()));
        assert!(error.is_transient(), "{error:?}");
    });
}

#[cfg(feature = "rustls")]
#[test]
fn a_slow_handshake_gets_through_within_one_attempt() {
    use crate::support::{Authority, without_proxies};
    without_proxies("deadline::a_slow_handshake_gets_through_within_one_attempt", || {
        let authority = Authority::new();
        let inner = authority.wrap(&["localhost"]);
        let slow: crate::server::Wrap = std::sync::Arc::new(move |stream| {
            // A distance, not a wait: the client's first second of patience ends before.
            std::thread::sleep(Duration::from_millis(1500));
            inner(stream)
        });
        let server = Server::wrapped([crate::server::ok(crate::server::FIRST)], slow);
        let builder = builder(&format!("https://localhost:{}", server.port())).retries(0);
        let client = builder.root_certificates_pem(authority.pem.as_bytes()).build().unwrap();
        assert_eq!(client.list().unwrap().len(), 2);
        assert_eq!((server.connections(), server.requests().len()), (2, 1));
    });
}
