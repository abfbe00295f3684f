//! Transient failures are tried again as often as asked, and nothing else is.

use crate::server::{FIRST, Server, Step, answer, error, ok};
use crate::support::{builder, within};
use std::net::TcpListener;
use std::time::{Duration, Instant};
use turso_api_tokens::Error;

#[test]
fn a_transient_status_is_tried_again_twice() {
    for status in ["429 x", "500 x", "502 x", "503 x", "504 x"] {
        let server = Server::script([error(status, "a"), error(status, "b"), ok(FIRST)]);
        assert_eq!(builder(&server.url()).build().unwrap().list().unwrap().len(), 2);
        let server = Server::script([error(status, "a"), error(status, "b"), error(status, "c"), ok(FIRST)]);
        let error = builder(&server.url()).build().unwrap().list().unwrap_err();
        assert!(error.is_transient() && matches!(&error, Error::Status { message, .. } if message == "c"), "{error:?}");
        assert_eq!(server.requests().len(), 3);
    }
}

#[test]
fn nothing_else_is_tried_again() {
    for step in [
        error("401 x", ""),
        error("403 x", ""),
        error("404 x", ""),
        error("408 x", ""),
        error("501 x", ""),
        ok("{}"),
        answer("302 Found", "Location: https://evil.example/\r\n", ""),
        answer("200 OK", "Content-Length: 999999999\r\n", ""),
        Step::Reply(b"nonsense\r\n\r\n".to_vec()),
    ] {
        let server = Server::script([step]);
        assert!(!builder(&server.url()).build().unwrap().list().unwrap_err().is_transient());
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn a_connection_refused_reset_or_lost_before_the_answer_is_whole_is_tried_again() {
    let whole = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{FIRST}", FIRST.len());
    for cut in [0, 5, 20, whole.len() - 1] {
        let part = Step::Reply(whole.as_bytes()[..cut].to_vec());
        let server = Server::script([Step::Reset(Vec::new()), part, Step::Close, ok(FIRST)]);
        assert_eq!(builder(&server.url()).build().unwrap().list().unwrap().len(), 2, "{cut}");
        assert_eq!(server.connections(), 3);
    }
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refused = builder(&format!("http://{free}")).retries(1).build().unwrap().list().unwrap_err();
    assert!(matches!(refused, Error::Connection { .. }), "{refused:?}");
}

#[test]
fn without_retries_there_is_one_request() {
    let server = Server::script([error("503 x", ""), ok(FIRST)]);
    assert!(builder(&server.url()).retries(0).build().unwrap().list().is_err());
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_retry_after_is_waited_for_where_it_fits() {
    let server = Server::script([answer("429 x", "Retry-After: 1\r\n", ""), ok(FIRST)]);
    let start = Instant::now();
    builder(&server.url()).build().unwrap().list().unwrap();
    assert!(start.elapsed() >= Duration::from_secs(1));
}

#[test]
fn a_retry_after_that_does_not_fit_fails_at_once_and_says_when_to_come_back() {
    let server = Server::script([answer("503 x", "Retry-After: 31\r\n", "")]);
    let error = within(1, || builder(&server.url()).build().unwrap().list()).unwrap_err();
    assert!(error.to_string().ends_with("try again after 31 seconds"), "{error}");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_retry_after_that_is_not_in_seconds_is_ignored() {
    for value in ["Wed, 21 Oct 2065 07:28:00 GMT", "soon", "-1", "99999999999999999999999"] {
        let server = Server::script([answer("503 x", &format!("Retry-After: {value}\r\n"), ""), ok(FIRST)]);
        assert_eq!(within(2, || builder(&server.url()).build().unwrap().list()).unwrap().len(), 2);
    }
}
