//! Whatever the server does, a call is over within its timeout.

use crate::server::{Server, Step, answer};
use crate::support::{builder, within};
use std::net::{TcpListener, TcpStream};
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
fn endless_redirects_end_after_ten() {
    let server = Server::always(|| answer("302 Found", "Location: /again\r\n", ""));
    let error = ends("redirects", &server.url());
    assert!(matches!(error, Error::InvalidAnswer { .. }), "{error:?}");
    assert_eq!(server.requests().len(), 11);
}

#[test]
fn a_server_that_never_accepts_leaves_room_for_another_try_and_ends_at_the_deadline() {
    // Connections wait in the listener's queue until it is full; from then on, packets are dropped.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
        waiting.push(stream);
        assert!(waiting.len() < 100_000, "the queue does not fill");
    }
    let error = ends("never accepts", &format!("http://{address}"));
    assert!(matches!(error, Error::Timeout { source: Some(_), .. } | Error::Connection { .. }), "{error:?}");
}

#[cfg(any(feature = "rustls", feature = "native-tls"))]
#[test]
fn a_silent_tls_handshake_ends_at_the_deadline() {
    crate::support::without_proxies("deadline::a_silent_tls_handshake_ends_at_the_deadline", || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let error = ends("silent handshake", &format!("https://{}", listener.local_addr().unwrap()));
        assert!(error.is_transient(), "{error:?}");
    });
}
