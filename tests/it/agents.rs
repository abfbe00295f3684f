//! A caller's own agent: its connections, proxy and TLS count, and its limits do not.

use crate::server::{ORIGINAL_LIST, Server, Step, error, head, ok, response};
#[cfg(all(feature = "cli", feature = "rustls"))]
use crate::support::Proxy;
#[cfg(feature = "rustls")]
use crate::support::{Authority, is_own_process, rerun_in_subprocess};
use crate::support::{SECRET, assert_within, builder, in_own_process, recorded};
use std::time::{Duration, Instant};
use turso_api_tokens::{Error, ureq};

/// An agent, whatever the developer's environment asks for.
fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .proxy(None)
        .build()
        .new_agent()
}

#[test]
fn a_callers_agent_keeps_its_pool() {
    // Dropped last: on Windows it would wait for the connection that the agent keeps.
    let server = Server::script([ok(ORIGINAL_LIST), ok(ORIGINAL_LIST)]);
    let agent = agent();
    builder(&server.url())
        .agent(agent.clone())
        .build()
        .unwrap()
        .list()
        .unwrap();
    agent
        .get(format!("{}/other", server.url()))
        .call()
        .unwrap()
        .body_mut()
        .read_to_string()
        .unwrap();
    assert_eq!(
        server.connections(),
        1,
        "the agent's own request uses the same connection"
    );
    assert!(server.requests()[0].contains(&format!("Bearer {SECRET}\r\n")));
    assert!(!server.requests()[1].contains(SECRET));
}

#[test]
fn a_callers_agent_gets_our_limits() {
    let server = Server::script([error("404 Not Found", "gone"), Step::Silence]);
    let client = builder(&server.url())
        .agent(agent())
        .timeout(Duration::from_secs(1))
        .build()
        .unwrap();
    let error = client.list().unwrap_err();
    assert!(
        matches!(&error, Error::Status { status: 404, message, .. } if message == "gone"),
        "{error:?}"
    );
    let error = assert_within(1, || client.list()).unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error:?}");
}

#[test]
fn a_callers_agent_does_not_follow_redirects() {
    let elsewhere = Server::always(|| ok(ORIGINAL_LIST));
    let location = format!("Location: {}\r\n", elsewhere.url());
    let server = Server::script([response("302 Found", &location, "")]);
    let client = builder(&server.url()).agent(agent()).build().unwrap();
    let error = client.list().unwrap_err();
    assert!(
        matches!(error, Error::Redirect { status: 302, .. }),
        "{error:?}"
    );
    assert_eq!(elsewhere.connections(), 0);
}

#[test]
fn the_log_says_that_a_callers_agent_trusts_its_own_certificates() {
    in_own_process(|| {
        let (client, records) = recorded(|| builder("https://localhost:1").agent(agent()).build());
        client.unwrap();
        let expected = "turso_api_tokens::builder certificates: the agent's".to_owned();
        assert!(records.contains(&expected), "{records:#?}");
    });
}

/// An agent whose own limits would fail every call.
fn agent_with_short_limits() -> ureq::Agent {
    let short = Some(Duration::from_millis(200));
    ureq::Agent::config_builder()
        .proxy(None)
        .https_only(true)
        .max_redirects(0)
        .timeout_global(short)
        .timeout_per_call(short)
        .timeout_recv_response(short)
        .timeout_recv_body(short)
        .timeout_per_read(short)
        .timeout_send_request(Some(Duration::from_nanos(1)))
        .timeout_connect(short)
        .max_response_header_size(100)
        .build()
        .new_agent()
}

#[test]
fn the_callers_agents_own_limits_are_overridden() {
    // Head and body take longer than those limits each.
    let (value, body) = (
        "x".repeat(200),
        format!("{}{{\"tokens\":[]}}", " ".repeat(150)),
    );
    let slow = head("200 OK", body.len()).replace("\r\n\r\n", &format!("\r\nX: {value}\r\n\r\n"));
    let slow = Step::Drip((slow + &body).into_bytes(), Duration::from_millis(3));
    let server = Server::script([slow]);
    let client = builder(&server.url())
        .retries(0)
        .agent(agent_with_short_limits())
        .build()
        .unwrap();
    assert_eq!(client.list().unwrap(), []);
}

#[test]
fn the_deadline_holds_for_a_callers_agent() {
    let server = Server::script([Step::Silence]);
    let client = builder(&server.url())
        .agent(agent_with_short_limits())
        .timeout(Duration::from_secs(1))
        .build()
        .unwrap();
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

#[cfg(feature = "rustls")]
fn agent_that_trusts(authority: &Authority) -> ureq::Agent {
    use ureq::tls::{Certificate, RootCerts, TlsConfig};
    let certificate = Certificate::from_pem(authority.pem.as_bytes()).unwrap();
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::from(vec![certificate]))
        .build();
    ureq::Agent::config_builder()
        .proxy(None)
        .tls_config(tls)
        .build()
        .new_agent()
}

#[cfg(feature = "rustls")]
#[test]
fn a_callers_agent_trusts_the_certificates_that_it_was_given() {
    let authority = Authority::new();
    let server = Server::tls([ok(ORIGINAL_LIST)], authority.tls(&["localhost"]));
    let list = |agent| {
        builder(&server.https_url())
            .retries(0)
            .agent(agent)
            .build()
            .unwrap()
            .list()
    };
    let error = list(agent()).unwrap_err();
    assert!(matches!(error, Error::Tls { .. }), "{error:?}");
    assert_eq!(list(agent_that_trusts(&authority)).unwrap().len(), 2);
    assert_eq!((server.connections(), server.requests().len()), (2, 1));
}

#[cfg(feature = "rustls")]
#[test]
fn ssl_cert_file_does_not_apply_to_a_callers_agent_even_if_it_names_no_file() {
    let test = || {
        let authority = Authority::new();
        let server = Server::tls([ok(ORIGINAL_LIST)], authority.tls(&["localhost"]));
        let without_agent = builder("").environment().base_url(&server.https_url());
        let error = without_agent.build().unwrap_err();
        assert_eq!(
            error.to_string(),
            "SSL_CERT_FILE: could not read /nonexistent",
            "it is set"
        );
        let client = builder("")
            .environment()
            .base_url(&server.https_url())
            .agent(agent_that_trusts(&authority))
            .build()
            .unwrap();
        assert_eq!(client.list().unwrap().len(), 2);
    };
    if is_own_process() {
        return test();
    }
    rerun_in_subprocess(&test, &[("SSL_CERT_FILE", "/nonexistent")]);
}

#[cfg(not(feature = "rustls"))]
#[test]
fn https_is_accepted_with_a_callers_agent_and_left_to_it() {
    let server = Server::script([]);
    let client = builder(&server.https_url())
        .retries(0)
        .agent(agent())
        .build()
        .unwrap();
    let error = client.list().unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("TLS"), "{source}");
    assert_eq!(server.requests().len(), 0);
}

#[cfg(all(feature = "cli", feature = "rustls"))]
#[test]
fn a_callers_agent_keeps_its_proxy_except_for_plain_http() {
    // Dropped last: on Windows it would wait for the connection that the agent keeps.
    let server = Server::script([ok(ORIGINAL_LIST)]);
    let proxy = Proxy::http();
    let agent = agent_with_proxy(&proxy.url("http", ""));
    let client = |url: &str| {
        builder(url)
            .retries(0)
            .agent(agent.clone())
            .build()
            .unwrap()
    };
    assert_eq!(client(&server.url()).list().unwrap().len(), 2);
    assert!(proxy.is_untouched());
    let error = client("https://localhost:1").list().unwrap_err();
    assert!(matches!(error, Error::Proxy { .. }), "{error:?}");
    assert!(proxy.has_received("CONNECT localhost:1 HTTP/1.1\r\n"));
}

#[cfg(all(feature = "cli", feature = "rustls"))]
#[test]
fn the_proxy_of_a_callers_agent_is_named_as_the_agents() {
    let proxy = Server::script([response("403 Forbidden", "", "")]);
    let client = builder("https://localhost:1")
        .agent(agent_with_proxy(&proxy.url()))
        .build()
        .unwrap();
    let error = client.list().unwrap_err();
    let label = format!("127.0.0.1:{} (from your agent)", proxy.port());
    assert!(
        matches!(&error, Error::Proxy { proxy, .. } if *proxy == label),
        "{error:?}"
    );
}

#[cfg(all(feature = "cli", feature = "rustls"))]
fn agent_with_proxy(url: &str) -> ureq::Agent {
    ureq::Agent::config_builder()
        .proxy(Some(ureq::Proxy::new(url).unwrap()))
        .build()
        .new_agent()
}

/// An agent whose requests do this instead.
fn agent_with(middleware: impl ureq::middleware::Middleware) -> ureq::Agent {
    ureq::Agent::config_builder()
        .proxy(None)
        .middleware(middleware)
        .build()
        .new_agent()
}

type Next<'a> = ureq::middleware::MiddlewareNext<'a>;
type Answer = Result<ureq::http::Response<ureq::Body>, ureq::Error>;

#[test]
fn a_call_ends_in_time_whatever_its_agent_waits_for() {
    let (release, blocked) = std::sync::mpsc::channel::<()>();
    let blocked = std::sync::Mutex::new(blocked);
    let stuck = move |_: ureq::http::Request<ureq::SendBody>, _: Next| -> Answer {
        let _ = blocked.lock().unwrap().recv();
        Err(ureq::Error::ConnectionFailed)
    };
    let client = builder("http://127.0.0.1:1")
        .agent(agent_with(stuck))
        .timeout(Duration::from_secs(1))
        .build()
        .unwrap();
    let start = Instant::now();
    let error = client.list().unwrap_err();
    assert!(
        matches!(error, Error::Timeout { source: None, .. }),
        "{error:?}"
    );
    assert!(start.elapsed() < Duration::from_secs(2));
    drop(release);
}

#[test]
fn a_panic_inside_a_call_is_the_callers_at_once() {
    let panicking = |_: ureq::http::Request<ureq::SendBody>, _: Next| -> Answer {
        std::panic::resume_unwind(Box::new("the agent's own"))
    };
    let client = builder("http://127.0.0.1:1")
        .agent(agent_with(panicking))
        .build()
        .unwrap();
    let call = std::panic::AssertUnwindSafe(|| client.list());
    let payload = assert_within(0, || std::panic::catch_unwind(call)).unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"the agent's own"));
}

#[test]
fn a_call_runs_on_a_thread_of_its_own_that_has_a_name() {
    let (sender, names) = std::sync::mpsc::channel();
    let sender = std::sync::Mutex::new(sender);
    let naming = move |request: ureq::http::Request<ureq::SendBody>, next: Next| -> Answer {
        let name = std::thread::current().name().map(str::to_owned);
        sender.lock().unwrap().send(name).unwrap();
        next.handle(request)
    };
    let server = Server::script([ok(ORIGINAL_LIST)]);
    let client = builder(&server.url())
        .agent(agent_with(naming))
        .build()
        .unwrap();
    client.list().unwrap();
    assert_eq!(names.recv().unwrap().as_deref(), Some("turso-api-tokens"));
}
