//! Transient failures are retried as often as asked, and nothing else is.
//!
//! Which errors are transient, and how long the waits are, the unit tests of `retry` and `error` say.

use crate::server::{ORIGINAL_LIST, Server, Step, error, head, ok, response, too_large};
use crate::support::{
    REFUSING_ADDRESS, assert_within, attempts, builder, in_own_process, recorded, side_by_side,
};
use std::time::{Duration, Instant};
use turso_api_tokens::Error;

#[test]
fn a_transient_status_is_retried_twice() {
    let server = Server::script([error("503 x", "a"), error("429 x", "b"), ok(ORIGINAL_LIST)]);
    let tokens = builder(&server.url()).build().unwrap().list().unwrap();
    assert_eq!(tokens.len(), 2);
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn after_the_last_retry_the_last_error_is_reported() {
    let server = Server::script([
        error("503 x", "a"),
        error("503 x", "b"),
        error("500 x", "c"),
        ok(ORIGINAL_LIST),
    ]);
    let error = builder(&server.url()).build().unwrap().list().unwrap_err();
    assert!(
        matches!(&error, Error::Status { status: 500, message, .. } if message == "c"),
        "{error:?}"
    );
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn nothing_else_is_retried() {
    for step in [
        error("401 x", ""),
        error("404 x", ""),
        ok("{}"),
        response("302 Found", "Location: https://evil.example/\r\n", ""),
        too_large(),
        Step::Reply(b"nonsense\r\n\r\n".to_vec()),
    ] {
        let server = Server::script([step]);
        let error = builder(&server.url()).build().unwrap().list().unwrap_err();
        assert!(!error.is_transient(), "{error:?}");
        assert_eq!(server.connections(), 1, "{error:?}");
    }
}

#[test]
fn a_body_without_a_frame_that_is_not_a_list_is_not_retried() {
    let server = Server::script([
        Step::Reply(b"HTTP/1.1 200 OK\r\n\r\nblocked by policy".to_vec()),
        Step::Close,
    ]);
    let error = builder(&server.url()).build().unwrap().list().unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with(": it is not JSON; it begins with blocked by policy"),
        "{error}"
    );
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_connection_reset_or_lost_before_the_response_is_complete_is_retried() {
    let complete = head("200 OK", ORIGINAL_LIST.len()) + ORIGINAL_LIST;
    side_by_side([0, 5, 20, complete.len() - 1], |length| {
        let part = Step::ReplyAndClose(complete.as_bytes()[..length].to_vec());
        let server = Server::script([Step::Reset(Vec::new()), part, ok(ORIGINAL_LIST)]);
        let tokens = builder(&server.url()).build().unwrap().list().unwrap();
        assert_eq!(tokens.len(), 2, "{length}");
        assert_eq!(server.connections(), 3);
        server.assert_played();
    });
}

#[test]
fn a_refused_connection_is_retried() {
    in_own_process(|| {
        let client = builder(&format!("http://{REFUSING_ADDRESS}"))
            .retries(1)
            .build()
            .unwrap();
        let (result, records) = recorded(|| client.list());
        let error = result.unwrap_err();
        assert!(matches!(error, Error::Connection { .. }), "{error:?}");
        assert_eq!(attempts(&records), 2, "{records:#?}");
    });
}

#[test]
fn without_retries_there_is_one_request() {
    let server = Server::script([error("503 x", ""), ok(ORIGINAL_LIST)]);
    let error = builder(&server.url())
        .retries(0)
        .build()
        .unwrap()
        .list()
        .unwrap_err();
    assert_eq!((error.status(), server.requests().len()), (Some(503), 1));
}

#[test]
fn a_retry_after_is_waited_for_where_it_fits() {
    let server = Server::script([
        response("429 x", "Retry-After: 1\r\n", ""),
        ok(ORIGINAL_LIST),
    ]);
    let start = Instant::now();
    builder(&server.url()).build().unwrap().list().unwrap();
    assert!(start.elapsed() >= Duration::from_secs(1));
}

#[test]
fn a_retry_after_that_does_not_fit_fails_at_once_and_says_when_to_come_back() {
    let server = Server::script([response("503 x", "Retry-After: 31\r\n", "")]);
    // Its timeout is 30 seconds.
    let error = assert_within(0, || builder(&server.url()).build().unwrap().list()).unwrap_err();
    assert!(
        matches!(error, Error::Status { retry_after: Some(after), .. } if after.as_secs() == 31),
        "{error:?}"
    );
    assert!(error.to_string().ends_with("; retry after 31 s"), "{error}");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_retry_after_may_be_a_date_relative_to_the_responses_own() {
    let headers =
        "Date: Wed, 21 Oct 2065 07:28:00 GMT\r\nRetry-After: Wed, 21 Oct 2065 07:33:00 GMT\r\n";
    let server = Server::script([response("429 x", headers, "")]);
    let error = assert_within(0, || builder(&server.url()).build().unwrap().list()).unwrap_err();
    assert!(
        error.to_string().ends_with("; retry after 300 s"),
        "{error}"
    );
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_retry_after_in_the_past_is_no_wait() {
    let headers = "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT\r\n";
    let server = Server::script([response("503 x", headers, ""), ok(ORIGINAL_LIST)]);
    let tokens = assert_within(1, || builder(&server.url()).build().unwrap().list()).unwrap();
    assert_eq!(tokens.len(), 2);
}

#[test]
fn a_retry_after_that_is_neither_seconds_nor_a_date_is_ignored() {
    let values = ["soon", "-1", "99999999999999999999999"];
    side_by_side(values, |value| {
        let server = Server::script([
            response("503 x", &format!("Retry-After: {value}\r\n"), ""),
            ok(ORIGINAL_LIST),
        ]);
        let tokens = assert_within(1, || builder(&server.url()).build().unwrap().list()).unwrap();
        assert_eq!(tokens.len(), 2, "{value}");
    });
}
