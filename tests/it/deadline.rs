//! Whatever the server does, a call ends within its timeout.

use crate::server::{ORIGINAL_LIST, Server, Step, head, ok, response};
use crate::support::{
    BlackHole, assert_within, attempts, builder, failed_before, in_own_process, recorded,
    side_by_side,
};
use std::time::{Duration, Instant};
use turso_api_tokens::Error;

const TIMEOUT: Duration = Duration::from_secs(1);

/// The error of a call with a timeout of one second and any number of retries.
fn error_before_deadline(url: &str) -> Error {
    let client = builder(url).timeout(TIMEOUT).retries(1000).build().unwrap();
    assert_within(1, || client.list()).unwrap_err()
}

fn drip(head: &str, pause_in_ms: u64) -> Step {
    Step::Drip(
        [head.as_bytes(), &[b'x'; 999]].concat(),
        Duration::from_millis(pause_in_ms),
    )
}

#[test]
fn a_server_that_stalls_is_a_timeout_at_the_deadline() {
    let stalls: [(&str, fn() -> Step); 6] = [
        ("nothing", || Step::Silence),
        ("half a header", || {
            Step::Stall(b"HTTP/1.1 200 OK\r\nX: ".to_vec())
        }),
        ("half a body", || {
            Step::Stall((head("200 OK", 99) + "{\"tokens\":").into_bytes())
        }),
        ("a slow status line", || {
            Step::Drip(
                b"HTTP/1.1 200 OK\r\n\r\n".to_vec(),
                Duration::from_millis(200),
            )
        }),
        ("a slow header", || drip("HTTP/1.1 200 OK\r\nX: ", 100)),
        ("a slow body", || drip(&head("200 OK", 9999), 10)),
    ];
    side_by_side(stalls, |(name, step)| {
        let server = Server::always(step);
        let start = Instant::now();
        let error = error_before_deadline(&server.url());
        let expected = matches!(
            error,
            Error::Timeout {
                timeout: TIMEOUT,
                source: None,
                ..
            }
        );
        assert!(expected && error.is_transient(), "{name}: {error:?}");
        assert!(
            start.elapsed() >= TIMEOUT,
            "{name} ended before the deadline"
        );
        assert_eq!(server.requests().len(), 1, "{name}");
    });
}

#[test]
fn endless_interim_responses_end_by_the_deadline() {
    let interim = Step::Endless(
        Vec::new(),
        b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n".to_vec(),
    );
    let error = error_before_deadline(&Server::script([interim]).url());
    assert!(
        matches!(error, Error::Timeout { .. } | Error::InvalidAnswer { .. }),
        "{error:?}"
    );
}

#[test]
fn an_outage_is_retried_until_the_deadline_and_reported() {
    let server = Server::always(|| response("503 Service Unavailable", "", ""));
    let start = Instant::now();
    let error = error_before_deadline(&server.url());
    // A retry needs a tenth of a second.
    assert!(
        start.elapsed() >= Duration::from_millis(900),
        "it gave up after {:?}",
        start.elapsed()
    );
    let last = if let Error::Timeout {
        source: Some(previous),
        ..
    } = &error
    {
        previous
    } else {
        &error
    };
    assert_eq!(last.status(), Some(503), "{error:?}");
    assert!(server.requests().len() > 1);
}

#[test]
fn a_timeout_holds_what_failed_before() {
    let server = Server::script([response("503 Service Unavailable", "", ""), Step::Silence]);
    let client = builder(&server.url())
        .timeout(Duration::from_secs(3))
        .build()
        .unwrap();
    let error = client.list().unwrap_err();
    let previous = failed_before(&error);
    assert_eq!((previous.status(), error.status()), (Some(503), None));
    assert!(error.is_transient());
}

#[test]
fn an_error_whose_body_stalls_is_reported_after_two_seconds_and_not_at_the_deadline() {
    let stalled = Step::Stall((head("401 x", 9999) + "{\"error\":").into_bytes());
    let slow = drip(&head("401 x", 9999), 10);
    side_by_side([stalled, slow], |step| {
        let server = Server::script([step]);
        // Its timeout is 30 seconds.
        let client = builder(&server.url()).build().unwrap();
        let start = Instant::now();
        let error = assert_within(2, || client.list()).unwrap_err();
        assert!(start.elapsed() >= Duration::from_secs(2), "{error:?}");
        let Error::Refused {
            status: 401,
            message,
            ..
        } = &error
        else {
            panic!("{error:?}")
        };
        assert!(
            message == "{\"error\":" || message.starts_with("xxxxxxxxxx"),
            "{error:?}"
        );
    });
}

#[test]
fn a_transient_error_whose_body_stalls_is_retried() {
    let server = Server::script([
        Step::Stall(head("503 x", 9).into_bytes()),
        ok(ORIGINAL_LIST),
    ]);
    let tokens = assert_within(3, || builder(&server.url()).build().unwrap().list()).unwrap();
    assert_eq!((tokens.len(), server.requests().len()), (2, 2));
}

#[test]
fn duration_max_waits_for_a_slow_response() {
    let slow = head("200 OK", ORIGINAL_LIST.len()) + ORIGINAL_LIST;
    let server = Server::script([Step::Drip(slow.into_bytes(), Duration::from_millis(10))]);
    let start = Instant::now();
    let tokens = builder(&server.url())
        .timeout(Duration::MAX)
        .build()
        .unwrap()
        .list()
        .unwrap();
    assert_eq!(tokens.len(), 2);
    assert!(start.elapsed() > Duration::from_secs(1), "it was not slow");
}

#[test]
fn duration_max_does_not_wait_for_the_body_of_an_error() {
    let server = Server::script([Step::Stall((head("404 x", 99) + "half").into_bytes())]);
    let client = builder(&server.url())
        .timeout(Duration::MAX)
        .build()
        .unwrap();
    let error = assert_within(2, || client.list()).unwrap_err();
    assert!(
        matches!(&error, Error::Status { status: 404, message, .. } if message == "half"),
        "{error:?}"
    );
}

#[test]
fn an_address_that_swallows_connections_is_a_timeout_that_tells_of_it() {
    let hole = BlackHole::new("127.0.0.1:0");
    let client = builder(&format!("http://{}", hole.address))
        .timeout(Duration::from_secs(2))
        .build()
        .unwrap();
    let error = assert_within(2, || client.list()).unwrap_err();
    let previous = failed_before(&error);
    let Error::Connection { source, .. } = previous else {
        panic!("{error:?}")
    };
    assert_eq!(source.to_string(), "no connection in time");
}

#[test]
fn an_attempt_connects_until_the_deadline() {
    in_own_process(|| {
        let hole = BlackHole::new("127.0.0.1:0");
        let client = builder(&format!("http://{}", hole.address))
            .timeout(Duration::from_secs(6))
            .retries(1)
            .build()
            .unwrap();
        let (result, records) = recorded(|| assert_within(6, || client.list()));
        failed_before(&result.unwrap_err());
        assert_eq!(attempts(&records), 1, "{records:#?}");

        // Connecting gets one second, four, and then all that is left.
        for limit in ["1000 ms", "4000 ms"] {
            let record = format!("turso_api_tokens::transport no connection within {limit}");
            assert!(records.contains(&record), "{records:#?}");
        }
    });
}

#[cfg(feature = "rustls")]
#[test]
fn a_silent_tls_handshake_is_a_timeout_at_the_deadline() {
    crate::support::in_env_without_proxies(|| {
        let listener = crate::server::loopback();
        let error = error_before_deadline(&format!("https://{}", listener.local_addr().unwrap()));
        assert!(matches!(error, Error::Timeout { .. }), "{error:?}");
    });
}

#[cfg(feature = "rustls")]
#[test]
fn a_slow_handshake_gets_through_within_one_attempt() {
    crate::support::in_env_without_proxies(|| {
        let (authority, server) = with_slow_handshake(ok(ORIGINAL_LIST));
        let tokens = authority
            .client_builder(&server)
            .build()
            .unwrap()
            .list()
            .unwrap();
        assert_eq!(tokens.len(), 2);
        assert_eq!((server.connections(), server.requests().len()), (2, 1));
    });
}

#[cfg(feature = "rustls")]
#[test]
fn a_timeout_after_a_slow_handshake_tells_of_it() {
    crate::support::in_env_without_proxies(|| {
        let (authority, server) = with_slow_handshake(Step::Silence);
        let client = authority
            .client_builder(&server)
            .timeout(Duration::from_secs(6))
            .build()
            .unwrap();
        let error = client.list().unwrap_err();
        let previous = failed_before(&error);
        let Error::Connection { source, .. } = previous else {
            panic!("{error:?}")
        };
        assert_eq!(
            (source.to_string().as_str(), server.requests().len()),
            ("no connection in time", 1)
        );
    });
}

/// A server that takes longer for its handshake than the first second for connecting, and less than the next four.
#[cfg(feature = "rustls")]
fn with_slow_handshake(step: Step) -> (crate::support::Authority, Server) {
    let authority = crate::support::Authority::new();
    let tls = authority.tls(&["localhost"]);
    let slow: crate::server::TlsLayer = std::sync::Arc::new(move |stream| {
        // A distance, not a wait.
        std::thread::sleep(Duration::from_millis(2500));
        tls(stream)
    });
    let server = Server::tls([step], slow);
    (authority, server)
}

#[test]
fn a_status_whose_body_is_silent_at_the_deadline_is_reported() {
    for (status, page, is_refused) in [
        ("401 x", "", true),
        ("401 x", "Content-Type: text/html\r\n", false),
        ("503 x", "", false),
    ] {
        let head = format!("HTTP/1.1 {status}\r\n{page}Content-Length: 99\r\n\r\n");
        let server = Server::script([Step::Stall(head.into_bytes())]);
        let client = builder(&server.url()).timeout(TIMEOUT).build().unwrap();
        let error = assert_within(1, || client.list()).unwrap_err();
        assert_eq!(error.status(), status[..3].parse().ok(), "{error:?}");
        assert_eq!(
            matches!(error, Error::Refused { .. }),
            is_refused,
            "{error:?}"
        );
    }
}

#[test]
fn the_deadline_is_exact_to_a_fraction_of_a_second() {
    // The kernel rounds a socket's own timeout up by as much as an eighth: eight seconds to nine.
    let timeout = Duration::from_secs(8);
    let server = Server::script([Step::Silence]);
    let client = builder(&server.url()).timeout(timeout).build().unwrap();
    let start = Instant::now();
    let error = client.list().unwrap_err();
    let took = start.elapsed();
    assert!(matches!(error, Error::Timeout { .. }), "{error:?}");
    assert!(took >= timeout, "{took:?}");
    assert!(took < timeout + Duration::from_secs(1), "{took:?}");
}
