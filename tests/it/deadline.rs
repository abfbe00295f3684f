//! Whatever the server does, a call ends within its timeout.

use crate::server::{ORIGINAL_LIST, Server, Step, ok, response};
use crate::support::{BlackHole, assert_within, builder, call, recorded, side_by_side};
use std::time::{Duration, Instant};
use turso_api_tokens::{Error, ureq};

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
            Step::Stall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"tokens\":".to_vec())
        }),
        ("a slow status line", || {
            Step::Drip(
                b"HTTP/1.1 200 OK\r\n\r\n".to_vec(),
                Duration::from_millis(200),
            )
        }),
        ("a slow header", || drip("HTTP/1.1 200 OK\r\nX: ", 100)),
        ("a slow body", || {
            drip("HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", 10)
        }),
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
fn endless_interim_responses_end_before_the_deadline() {
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
    let error = error_before_deadline(&server.url());
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
    let error = builder(&server.url())
        .timeout(TIMEOUT)
        .build()
        .unwrap()
        .list()
        .unwrap_err();
    let Error::Timeout {
        source: Some(previous),
        ..
    } = &error
    else {
        panic!("{error:?}")
    };
    assert_eq!((previous.status(), error.status()), (Some(503), None));
    assert!(error.is_transient());
}

#[test]
fn an_error_whose_body_stalls_is_reported_after_two_seconds_and_not_at_the_deadline() {
    let head = |status: &str| {
        format!("HTTP/1.1 {status}\r\nContent-Length: 9999\r\n\r\n{{\"error\":").into_bytes()
    };
    let stalled = || Step::Stall(head("401 x"));
    let slow = || drip("HTTP/1.1 401 x\r\nContent-Length: 9999\r\n\r\n", 10);
    side_by_side([stalled(), slow()], |step| {
        let server = Server::script([step]);
        // Its timeout is 30 seconds.
        let error =
            assert_within(2, || builder(&server.url()).build().unwrap().list()).unwrap_err();
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
        Step::Stall(b"HTTP/1.1 503 x\r\nContent-Length: 9\r\n\r\n".to_vec()),
        ok(ORIGINAL_LIST),
    ]);
    let tokens = assert_within(3, || builder(&server.url()).build().unwrap().list()).unwrap();
    assert_eq!((tokens.len(), server.requests().len()), (2, 2));
}

#[test]
fn duration_max_waits_for_a_slow_response() {
    let slow = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{ORIGINAL_LIST}",
        ORIGINAL_LIST.len()
    );
    let server = Server::script([Step::Drip(slow.into_bytes(), Duration::from_millis(10))]);
    let start = Instant::now();
    assert_eq!(
        builder(&server.url())
            .timeout(Duration::MAX)
            .build()
            .unwrap()
            .list()
            .unwrap()
            .len(),
        2
    );
    assert!(start.elapsed() > Duration::from_secs(1), "it was not slow");
}

#[test]
fn duration_max_does_not_wait_for_the_body_of_an_error() {
    let server = Server::script([Step::Stall(
        b"HTTP/1.1 404 x\r\nContent-Length: 99\r\n\r\nhalf".to_vec(),
    )]);
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

/// An agent whose own limits would fail every call.
fn agent_with_short_limits() -> ureq::Agent {
    let short = Some(Duration::from_millis(200));
    let config = ureq::Agent::config_builder()
        .proxy(None)
        .https_only(true)
        .max_redirects(0);
    let config = config
        .timeout_global(short)
        .timeout_per_call(short)
        .timeout_recv_response(short);
    let config = config
        .timeout_recv_body(short)
        .timeout_per_read(short)
        .timeout_connect(short);
    config.max_response_header_size(100).build().new_agent()
}

#[test]
fn the_callers_agents_own_limits_are_overridden() {
    // Head and body take longer than those limits each.
    let (value, body) = (
        "x".repeat(200),
        format!("{}{{\"tokens\":[]}}", " ".repeat(150)),
    );
    let slow = format!(
        "HTTP/1.1 200 OK\r\nX: {value}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let slow = Step::Drip(slow.into_bytes(), Duration::from_millis(3));
    let server = Server::script([response("307 x", "Location: /x\r\n", ""), slow]);
    let client = builder(&server.url())
        .retries(0)
        .agent(agent_with_short_limits())
        .build()
        .unwrap();
    assert!(client.list().unwrap().is_empty());
}

#[test]
fn the_deadline_holds_for_a_callers_agent() {
    let server = Server::script([Step::Silence]);
    let builder = builder(&server.url())
        .agent(agent_with_short_limits())
        .timeout(Duration::from_secs(1));
    let client = builder.build().unwrap();
    let start = Instant::now();
    let error = assert_within(1, || client.list()).unwrap_err();
    assert!(
        matches!(&error, Error::Timeout { timeout, .. } if timeout.as_secs() == 1),
        "{error:?}"
    );
    assert!(
        start.elapsed() >= Duration::from_secs(1),
        "the agent's own limit has ended it"
    );
}

#[test]
fn what_a_redirect_leads_to_ends_at_the_deadline_of_the_call() {
    let slow = b"HTTP/1.1 307 x\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n".to_vec();
    let pause = Duration::from_millis(2400 / slow.len() as u64);
    let server = Server::script([Step::Drip(slow, pause), Step::Silence]);
    let client = builder(&server.url())
        .timeout(Duration::from_secs(3))
        .build()
        .unwrap();
    let error = assert_within(3, || client.list()).unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error:?}");
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn endless_redirects_end_after_ten() {
    let server = Server::always(|| response("302 Found", "Location: /again\r\n", ""));
    let error = error_before_deadline(&server.url());
    assert!(
        matches!(&error, Error::InvalidAnswer { problem, .. } if problem == "more than 10 redirects"),
        "{error:?}"
    );
    assert_eq!(server.requests().len(), 11);
}

#[test]
fn an_address_that_swallows_connections_is_a_timeout_that_tells_of_it() {
    let hole = BlackHole::new("127.0.0.1:0");
    let client = builder(&format!("http://{}", hole.address))
        .timeout(Duration::from_secs(2))
        .build()
        .unwrap();
    let error = assert_within(2, || client.list()).unwrap_err();
    let Error::Timeout {
        source: Some(previous),
        ..
    } = &error
    else {
        panic!("{error:?}")
    };
    let Error::Connection { source, .. } = previous.as_ref() else {
        panic!("{error:?}")
    };
    assert_eq!(source.to_string(), "no connection in time");
}

#[test]
fn the_last_attempt_connects_until_the_deadline_and_an_earlier_one_leaves_time_for_it() {
    // One second, four, and then all that is left or a third of it.
    side_by_side([(0, 6, 1), (1, 7, 2)], |(retries, seconds, attempts)| {
        let hole = BlackHole::new("127.0.0.1:0");
        let client =
            builder(&format!("http://{}", hole.address)).timeout(Duration::from_secs(seconds));
        let client = client.retries(retries).build().unwrap();
        let (result, records) = recorded(|| assert_within(seconds, || client.list()));
        assert!(
            matches!(
                result,
                Err(Error::Timeout {
                    source: Some(_),
                    ..
                })
            ),
            "{result:?}"
        );
        let made = records
            .iter()
            .filter(|record| record.starts_with("turso_api_tokens::call GET "))
            .count();
        assert_eq!(made, attempts, "{records:#?}");
    });
}

#[test]
fn a_call_without_a_fault_does_not_wait() {
    assert_within(0, || call([ok(ORIGINAL_LIST)])).unwrap();
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
        assert_eq!(
            authority
                .client_builder(&server)
                .build()
                .unwrap()
                .list()
                .unwrap()
                .len(),
            2
        );
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
            .timeout(Duration::from_secs(4))
            .build()
            .unwrap();
        let error = client.list().unwrap_err();
        let Error::Timeout {
            source: Some(previous),
            ..
        } = &error
        else {
            panic!("{error:?}")
        };
        let Error::Connection { source, .. } = previous.as_ref() else {
            panic!("{error:?}")
        };
        assert_eq!(
            (source.to_string().as_str(), server.requests().len()),
            ("no connection in time", 1)
        );
    });
}

/// A server that takes longer for its handshake than the first second for connecting.
#[cfg(feature = "rustls")]
fn with_slow_handshake(step: Step) -> (crate::support::Authority, Server) {
    let authority = crate::support::Authority::new();
    let tls = authority.tls(&["localhost"]);
    let slow: crate::server::TlsLayer = std::sync::Arc::new(move |stream| {
        // A distance, not a wait.
        std::thread::sleep(Duration::from_millis(1200));
        tls(stream)
    });
    let server = Server::tls([step], slow);
    (authority, server)
}
