//! Failures through a proxy: which side failed, and what to do.

use crate::server::{ORIGINAL_LIST, Server, Step, error, hang_up, head, ok, response};
use crate::support::{
    Api, BlackHole, Finished, Proxy, REFUSING_ADDRESS, assert_line, assert_within, builder,
    failed_before, program, side_by_side, unresolvable_host,
};
use std::thread;
use std::time::{Duration, Instant};
use turso_api_tokens::{Error, ProxyFailure, ureq};

const UNREACHABLE: &str = "the proxy itself could not be reached; check the variable that names it; NO_PROXY exempts a host";
const CREDENTIALS: &str = "the proxy requires a user name and password, or rejected those given: \
                           http://USER:PASSWORD@HOST:PORT; NO_PROXY exempts a host";
const FORBIDDEN: &str =
    "the proxy does not allow this host; ask whoever runs it; NO_PROXY exempts a host";
const HOST_UNREACHABLE: &str = "the proxy works, but could not reach the host; \
                                is the base URL right? (--base-url, TURSO_API_BASEURL)";
const NO_RESPONSE: &str = "the proxy, or the server behind it, did not respond in time; check the variable that names the \
     proxy; NO_PROXY exempts a host";
const OTHER: &str = "check the proxy and the variable that names it; NO_PROXY exempts a host";

/// A caller's agent with this proxy.
fn agent(proxy: &str) -> ureq::Agent {
    ureq::Agent::config_builder()
        .proxy(Some(ureq::Proxy::new(proxy).unwrap()))
        .build()
        .new_agent()
}

/// How long a call through a proxy may take, in seconds.
const TIMEOUT: u64 = 10;

/// The error of a call through this proxy that is not retried.
fn library_error(proxy: &str, timeout: u64) -> Error {
    let client = builder("https://localhost:1")
        .agent(agent(proxy))
        .retries(0)
        .timeout(Duration::from_secs(timeout))
        .build()
        .unwrap();
    assert_within(timeout, || client.list()).unwrap_err()
}

/// The binary through this proxy, not retried.
fn run(proxy: &str, timeout: u64) -> Finished {
    let args = ["--retries=0", "--timeout", &timeout.to_string()];
    let program = program("https://localhost:1", &args).env("HTTPS_PROXY", proxy);
    assert_within(timeout, || program.run())
}

/// Asserts what library and binary make of a failure: the reason, the proxy's status, and the advice.
#[track_caller]
fn assert_failure(proxy: &str, reason: ProxyFailure, status: Option<u16>, advice: &str) {
    let (error, finished) = thread::scope(|scope| {
        let finished = scope.spawn(|| run(proxy, TIMEOUT));
        let error = library_error(proxy, TIMEOUT);
        (error, finished.join().unwrap())
    });
    let Error::Proxy {
        reason: found,
        status: found_status,
        source,
        ..
    } = &error
    else {
        panic!("{error:?}")
    };
    assert_eq!((*found, *found_status), (reason, status), "{error:?}");
    assert_eq!(source.is_none(), status.is_some(), "{error:?}");
    let stderr = finished.failed(4);
    let host = proxy.rsplit(['@', '/']).next().unwrap();
    let mut line = format!(
        "no connection to https://localhost:1/v1/auth/api-tokens through the proxy {host} (HTTPS_PROXY)"
    );
    if let Some(status) = status {
        line += &format!(": it responded {status}");
        assert_line(&stderr, &line);
    }
    assert!(
        stderr.contains(&line) && !stderr.contains("hidden"),
        "{stderr}"
    );
    assert_line(&stderr, advice);
}

/// The same for a proxy that responds to `CONNECT` with a status.
fn assert_status(status: u16, reason: ProxyFailure, advice: &str) {
    let proxy = Server::script([
        response(&format!("{status} x"), "", ""),
        response(&format!("{status} x"), "", ""),
    ]);
    assert_failure(
        &proxy.url().replace("//", "//user:hidden@"),
        reason,
        Some(status),
        advice,
    );
    assert!(
        proxy
            .requests()
            .iter()
            .all(|request| !request.to_ascii_lowercase().contains("bearer"))
    );
}

/// The same for a SOCKS proxy with these replies.
fn assert_socks(scheme: &str, replies: &[u8], reason: ProxyFailure, advice: &str) {
    let proxy = Server::script([Step::Greet(replies.to_vec()), Step::Greet(replies.to_vec())]);
    let userinfo = if scheme == "socks5" {
        "user:hidden@"
    } else {
        ""
    };
    assert_failure(
        &proxy
            .url()
            .replace("http://", &format!("{scheme}://{userinfo}")),
        reason,
        None,
        advice,
    );
}

#[test]
fn a_proxy_that_responds_403_does_not_allow_the_host() {
    assert_status(403, ProxyFailure::Forbidden, FORBIDDEN);
}

#[test]
fn a_proxy_that_responds_407_wants_a_user_name_or_another_one() {
    assert_status(407, ProxyFailure::Credentials, CREDENTIALS);
}

#[test]
fn a_proxy_that_responds_502_to_504_could_not_reach_the_host() {
    for status in 502..=504 {
        assert_status(status, ProxyFailure::HostUnreachable, HOST_UNREACHABLE);
    }
}

#[test]
fn a_proxy_that_responds_another_status_gets_general_advice() {
    for status in [400, 429] {
        assert_status(status, ProxyFailure::Other, OTHER);
    }
}

#[test]
fn a_proxy_that_responds_500_may_not_have_reached_the_host() {
    let advice = "the proxy failed, or could not reach the host; is the base URL right? (--base-url, TURSO_API_BASEURL)";
    assert_status(500, ProxyFailure::Other, advice);
}

#[test]
fn a_socks_proxy_that_wants_a_user_name_or_rejects_it_is_told_so() {
    let no_acceptable_method = &[5, 0xff];
    let wrong_password = &[5, 2, 1, 1];
    assert_socks(
        "socks5",
        no_acceptable_method,
        ProxyFailure::Credentials,
        CREDENTIALS,
    );
    assert_socks(
        "socks5",
        wrong_password,
        ProxyFailure::Credentials,
        CREDENTIALS,
    );
}

#[test]
fn a_socks_proxy_that_does_not_allow_the_host_is_told_so() {
    assert_socks(
        "socks5",
        &[5, 0, 5, 2, 0, 1],
        ProxyFailure::Forbidden,
        FORBIDDEN,
    );
}

#[test]
fn a_socks_proxy_that_could_not_reach_the_host_is_told_so() {
    for reply in [1, 3, 4, 5, 6] {
        assert_socks(
            "socks5",
            &[5, 0, 5, reply, 0, 1],
            ProxyFailure::HostUnreachable,
            HOST_UNREACHABLE,
        );
    }
    assert_socks(
        "socks4",
        &[0, 91, 0, 0, 0, 0, 0, 0],
        ProxyFailure::HostUnreachable,
        HOST_UNREACHABLE,
    );
}

#[test]
fn a_proxy_that_nobody_listens_at_is_unreachable() {
    for scheme in ["http", "socks5", "socks4"] {
        assert_failure(
            &format!("{scheme}://{REFUSING_ADDRESS}"),
            ProxyFailure::Unreachable,
            None,
            UNREACHABLE,
        );
    }
}

#[test]
fn a_proxy_whose_name_does_not_resolve_is_unreachable() {
    assert_failure(
        &format!("http://{}:3128", unresolvable_host()),
        ProxyFailure::Unreachable,
        None,
        UNREACHABLE,
    );
}

/// Asserts that a call through this proxy is a timeout that tells of the proxy. After the first second that connecting
/// gets, that is what the call has come to.
#[track_caller]
fn assert_no_response(proxy: &str) {
    let (error, finished) = thread::scope(|scope| {
        let finished = scope.spawn(|| run(proxy, 3));
        let error = library_error(proxy, 3);
        (error, finished.join().unwrap())
    });
    let before = failed_before(&error);
    let Error::Proxy { reason, .. } = before else {
        panic!("{error:?}")
    };
    assert_eq!(*reason, ProxyFailure::NoResponse);
    assert!(error.is_transient());
    assert_line(&finished.failed(4), NO_RESPONSE);
}

#[test]
fn a_proxy_that_swallows_connections_is_a_timeout_that_tells_of_it() {
    let hole = BlackHole::new("127.0.0.1:0");
    assert_no_response(&format!("http://{}", hole.address));
}

#[test]
fn a_proxy_that_does_not_respond_is_a_timeout_that_tells_of_it() {
    side_by_side(["http", "socks5h", "socks4a"], |scheme| {
        let proxy = Server::always(|| Step::Greet(Vec::new()));
        assert_no_response(&format!("{scheme}://127.0.0.1:{}", proxy.port()));
    });
}

#[test]
fn the_advice_on_a_timeout_is_about_what_had_failed_before_at_the_proxy() {
    let refusal = response("503 x", "Connection: close\r\n", "");
    let proxy = Server::script([refusal, Step::Silence, Step::Silence]);
    let program = program("https://localhost:1", &["--timeout=2"]).env("HTTPS_PROXY", &proxy.url());
    let stderr = assert_within(2, || program.run()).failed(4);
    assert!(stderr.contains(" within 2s: no connection to "), "{stderr}");
    assert!(stderr.contains(": it responded 503\n"), "{stderr}");
    assert_line(&stderr, HOST_UNREACHABLE);
}

#[test]
fn a_proxy_that_drips_its_response_to_connect_is_a_timeout_at_the_deadline() {
    let proxy = Server::always(|| {
        let head = [b"HTTP/1.1 200 OK\r\nX: ".to_vec(), vec![b'x'; 9999]].concat();
        Step::Drip(head, Duration::from_millis(100))
    });
    let start = Instant::now();
    let error = library_error(&proxy.url(), 1);
    assert!(
        start.elapsed() >= Duration::from_secs(1),
        "it did not drip until the deadline"
    );
    let Error::Timeout { url, .. } = &error else {
        panic!("{error:?}")
    };
    let through = format!(" through the proxy 127.0.0.1:{} ", proxy.port());
    assert!(url.contains(&through), "{url}");
}

#[test]
fn a_proxy_that_closes_without_a_response_gets_general_advice() {
    let proxy = Server::always(hang_up);
    assert_failure(&proxy.url(), ProxyFailure::Other, None, OTHER);
}

#[test]
fn what_does_not_speak_the_proxys_protocol_gets_general_advice() {
    let mail = || Step::Reply(b"220 mail.example ESMTP\r\n\r\n".to_vec());
    let proxy = Server::always(mail);
    assert_failure(&proxy.url(), ProxyFailure::Other, None, OTHER);
    assert_socks(
        "socks5",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        ProxyFailure::Other,
        OTHER,
    );
}

/// Which reasons are transient, `error` has a unit test for.
#[test]
fn only_a_transient_failure_of_a_proxy_is_retried() {
    for (step, connections) in [
        (response("403 x", "", ""), 1),
        (response("502 x", "", ""), 2),
    ] {
        let proxy = Server::script([step]);
        let stderr = program("https://localhost:1", &["--retries=1"])
            .env("HTTPS_PROXY", &proxy.url())
            .run()
            .failed(4);
        assert_eq!(proxy.connections(), connections, "{stderr}");
    }
}

#[test]
fn any_other_failure_through_a_proxy_names_it_too() {
    let cases: [(fn() -> Step, i32); 4] = [
        (|| error("503 x", "busy"), 4),
        (|| error("401 x", "no"), 3),
        (|| ok("{}"), 5),
        (|| Step::ReplyAndClose(head("200 OK", 9).into_bytes()), 4),
    ];
    side_by_side(cases, |(step, code)| {
        let (api, proxy) = (Api::new([step()]), Proxy::http());
        let program = api
            .program(&["--retries=0"])
            .env("HTTPS_PROXY", &proxy.url("http", ""));
        let stderr = program.run().failed(code);
        assert!(
            stderr.contains(&format!(" through the proxy {}", proxy.label())),
            "{stderr}"
        );
    });
}

#[test]
fn a_silent_server_behind_an_open_tunnel_is_a_timeout() {
    let (api, proxy) = (Api::new([Step::Silence]), Proxy::http());
    let program = api
        .program(&["--timeout=1"])
        .env("HTTPS_PROXY", &proxy.url("http", ""));
    let stderr = assert_within(1, || program.run()).failed(4);
    let url = api.server.https_url();
    let line = format!(
        "no complete response from {url}/v1/auth/api-tokens through the proxy {} within 1s",
        proxy.label()
    );
    assert_line(&stderr, &line);
    assert_line(&stderr, "--timeout SECONDS allows more time");
}

#[test]
fn a_certificate_that_is_not_trusted_through_a_proxy_is_a_tls_failure() {
    let (api, proxy) = (Api::new([ok(ORIGINAL_LIST)]), Proxy::http());
    let program = program(&api.server.https_url(), &[]).env("HTTPS_PROXY", &proxy.url("http", ""));
    let stderr = program.run().failed(4);
    let expected = format!(
        "no trusted connection to {}/v1/auth/api-tokens through the proxy",
        api.server.https_url()
    );
    assert!(
        stderr.contains(&expected) && stderr.contains("its issuer is not trusted"),
        "{stderr}"
    );
}

#[test]
fn a_tls_failure_through_a_proxy_has_its_reason() {
    let (api, proxy) = (Api::new([ok(ORIGINAL_LIST)]), Proxy::http());
    let builder = builder(&api.server.https_url()).agent(agent(&proxy.url("http", "")));
    let error = builder.build().unwrap().list().unwrap_err();
    let expected = turso_api_tokens::TlsFailure::UnknownIssuer;
    assert!(
        matches!(error, Error::Tls { reason, .. } if reason == expected),
        "{error:?}"
    );
}
