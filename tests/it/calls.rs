//! One call is one request, as documented, over one pool.

use crate::server::{ORIGINAL_LIST, Server, Step, error, ok, response};
use crate::support::{RETRY_LOG, SECRET, assert_within, builder, client, recorded};
use std::thread;
use std::time::Duration;
use turso_api_tokens::{Client, ClientBuilder, Credential, Error, ureq};

/// A caller's agent, whatever the developer's environment asks for.
fn callers_agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .proxy(None)
        .build()
        .new_agent()
}

#[test]
fn a_call_is_one_get_with_the_documented_headers() {
    let server = Server::script([ok(ORIGINAL_LIST)]);
    client(&server.url()).list().unwrap();
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    let head = requests[0].to_ascii_lowercase();
    assert!(
        head.starts_with("get /v1/auth/api-tokens http/1.1\r\n"),
        "{head}"
    );
    let agent = concat!("user-agent: turso-api-tokens/", env!("CARGO_PKG_VERSION"));
    let host = format!("host: 127.0.0.1:{}", server.port());
    let authorization = format!("authorization: bearer {}", SECRET.to_ascii_lowercase());
    for line in [
        "accept: application/json",
        "accept-encoding: identity",
        agent,
        &host,
        &authorization,
    ] {
        assert_eq!(
            head.lines().filter(|found| *found == line).count(),
            1,
            "{line} in {head}"
        );
    }
    assert!(
        requests[0].contains(&format!("Bearer {SECRET}\r\n")),
        "the credential's case is kept"
    );
}

#[test]
fn a_base_path_and_a_user_agent_are_sent_as_given() {
    for base in ["/turso", "/turso/"] {
        let server = Server::script([ok(ORIGINAL_LIST)]);
        builder(&format!("{}{base}", server.url()))
            .user_agent("sync-tool/1.2 (x)")
            .build()
            .unwrap()
            .list()
            .unwrap();
        let head = &server.requests()[0];
        assert!(
            head.starts_with("GET /turso/v1/auth/api-tokens HTTP/1.1\r\n"),
            "{head}"
        );
        assert!(head.contains("user-agent: sync-tool/1.2 (x)\r\n"), "{head}");
    }
}

#[test]
fn clones_and_threads_share_one_pool() {
    let server = Server::always(|| ok(ORIGINAL_LIST));
    let client = client(&server.url());
    for _ in 0..5 {
        client.clone().list().unwrap();
    }
    assert_eq!(server.connections(), 1);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..20).for_each(|_| assert_eq!(client.list().unwrap().len(), 2)));
        }
    });
    assert_eq!(server.requests().len(), 165);
    assert!(
        server.connections() < 165,
        "{} connections",
        server.connections()
    );
}

#[test]
fn a_connection_that_the_server_closes_between_two_calls_is_replaced() {
    let server = Server::script([
        ok(ORIGINAL_LIST),
        Step::Close,
        ok(ORIGINAL_LIST),
        Step::Close,
        ok(ORIGINAL_LIST),
    ]);
    let client = builder(&server.url()).build().unwrap();
    for _ in 0..3 {
        assert_eq!(client.list().unwrap().len(), 2);
    }
}

#[test]
fn a_server_that_sets_cookies_is_called_over_one_connection() {
    let server =
        Server::always(|| response("200 OK", "Set-Cookie: a=b; Path=/\r\n", ORIGINAL_LIST));
    let client = client(&server.url());
    for _ in 0..20 {
        client.list().unwrap();
    }
    assert_eq!((server.requests().len(), server.connections()), (20, 1));
    // In the unified graph another crate has turned ureq's cookies on, and they go back to the API; see Limits.
    let returned = server
        .requests()
        .iter()
        .any(|request| request.to_ascii_lowercase().contains("cookie"));
    assert_eq!(returned, env!("CARGO_PKG_NAME") == "unified");
}

#[test]
fn a_callers_agent_keeps_its_pool() {
    let (agent, server) = (
        callers_agent(),
        Server::script([ok(ORIGINAL_LIST), ok(ORIGINAL_LIST)]),
    );
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
    let builder = builder(&server.url())
        .agent(callers_agent())
        .timeout(Duration::from_secs(1));
    let client = builder.build().unwrap();
    let error = client.list().unwrap_err();
    assert!(
        matches!(&error, Error::Status { status: 404, message, .. } if message == "gone"),
        "{error:?}"
    );
    let error = assert_within(1, || client.list()).unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error:?}");
}

#[test]
fn a_credential_of_64_kib_is_sent_complete() {
    let long = "x".repeat(65_536);
    let server = Server::script([ok(ORIGINAL_LIST)]);
    let client = Client::builder(Credential::new(&long).unwrap())
        .base_url(&server.url())
        .build()
        .unwrap();
    client.list().unwrap();
    assert!(server.requests()[0].contains(&format!("authorization: Bearer {long}\r\n")));
}

#[test]
fn a_credential_above_64_kib_is_refused() {
    let error = Credential::new("x".repeat(20_000_000)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "invalid credential: it is longer than 64 KiB"
    );
}

#[test]
fn a_request_line_of_15_kilobytes_is_sent_complete_with_the_credential() {
    for length in [2_000, 2_040, 2_080, 2_120, 2_200, 15_000] {
        let path = format!("/{}", "x".repeat(length));
        let with_agent = |builder: ClientBuilder| builder.agent(callers_agent());
        for configure in [|builder| builder, with_agent] {
            let server = Server::script([
                response("307 x", &format!("Location: {path}\r\n"), ""),
                ok(ORIGINAL_LIST),
            ]);
            assert_eq!(
                configure(builder(&server.url()))
                    .build()
                    .unwrap()
                    .list()
                    .unwrap()
                    .len(),
                2
            );
            let second = &server.requests()[1];
            assert!(
                second.starts_with(&format!("GET {path} HTTP/1.1\r\n")),
                "{length}"
            );
            assert!(
                second.contains(&format!("authorization: Bearer {SECRET}\r\n")),
                "{length}"
            );
        }
    }
}

#[test]
fn the_log_has_each_setting_with_its_source_and_then_each_attempt_with_its_outcome() {
    let server = Server::script([error("503 x", "busy"), ok(ORIGINAL_LIST)]);
    let (tokens, records) = recorded(|| builder(&server.url()).build().unwrap().list());
    assert_eq!(tokens.unwrap().len(), 2);
    let lines: Vec<&str> = records
        .iter()
        .filter_map(|record| record.strip_prefix("turso_api_tokens::"))
        .collect();
    let base_url = format!("client base URL: {} (given by the program)", server.url());
    let settings = [
        "client credential: given by the program",
        &base_url,
        "client proxy: none",
        "client certificates: the bundled Mozilla roots",
    ];
    assert_eq!(lines[..4], settings);
    assert_eq!(lines.len(), 4 + RETRY_LOG.len(), "{lines:#?}");
    for (line, beginning) in lines[4..].iter().zip(RETRY_LOG) {
        assert!(
            line.starts_with(&format!("call {beginning}")),
            "{beginning}: {lines:#?}"
        );
    }
}

#[test]
fn build_rejects_invalid_settings() {
    let url = "http://127.0.0.1:1";
    let plain =
        "http://example.com: plain http would expose the credential to the network; use https";
    let agent = || ureq::Agent::new_with_defaults();
    #[cfg(feature = "rustls")]
    let blank = vec![b' '; (8 << 20) + 1];
    for (builder, expected_setting, expected) in [
        (builder("http://example.com"), "base URL", plain),
        (
            builder(url).timeout(Duration::ZERO),
            "timeout",
            "it must be greater than zero",
        ),
        (
            builder(url).user_agent("a\r\nb"),
            "user agent",
            "it must be non-empty, printable ASCII",
        ),
        (
            builder(url).user_agent(""),
            "user agent",
            "it must be non-empty, printable ASCII",
        ),
        #[cfg(feature = "rustls")]
        (
            builder(url).root_certificates_pem(b"no pem"),
            "root certificates",
            "the PEM text holds no PEM certificate",
        ),
        #[cfg(feature = "rustls")]
        (
            builder(url).root_certificates_pem(&blank[1..]),
            "root certificates",
            "the PEM text holds no PEM certificate",
        ),
        #[cfg(feature = "rustls")]
        (
            builder(url).root_certificates_pem(&blank),
            "root certificates",
            "could not read the PEM text",
        ),
        #[cfg(feature = "rustls")]
        (
            builder(url).root_certificates_pem(b"-----BEGIN CERTIFICATE-----\n!"),
            "root certificates",
            "the PEM text is not PEM",
        ),
        (
            builder(url).agent(agent()).root_certificates_pem(b"x"),
            "root certificates",
            "cannot be combined with `agent`; set them on the agent",
        ),
        (
            builder(url).agent(agent()).root_certificates_file("x"),
            "root certificates",
            "cannot be combined with `agent`; set them on the agent",
        ),
    ] {
        let error = builder.build().unwrap_err();
        let Error::Config {
            setting, problem, ..
        } = error
        else {
            panic!("{error:?}")
        };
        assert_eq!((setting, problem.as_str()), (expected_setting, expected));
    }
}
