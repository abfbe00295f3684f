//! One call is one request, as documented, over one pool.

use crate::server::{FIRST, Server, Step, answer, ok};
use crate::support::{SECRET, TRIED_AGAIN, builder, client};
use std::thread;
use std::time::Duration;
use turso_api_tokens::{Client, Credential, Error};

#[test]
fn a_call_is_one_get_with_the_documented_headers() {
    let server = Server::script([ok(FIRST)]);
    client(&server.url()).list().unwrap();
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    let head = requests[0].to_ascii_lowercase();
    assert!(head.starts_with("get /v1/auth/api-tokens http/1.1\r\n"), "{head}");
    let agent = concat!("user-agent: turso-api-tokens/", env!("CARGO_PKG_VERSION"));
    let host = format!("host: 127.0.0.1:{}", server.port());
    for line in
        ["accept: application/json", agent, &host, &format!("authorization: bearer {}", SECRET.to_ascii_lowercase())]
    {
        assert_eq!(head.lines().filter(|is| *is == line).count(), 1, "{line} in {head}");
    }
    assert!(requests[0].contains(&format!("Bearer {SECRET}\r\n")), "the credential's case is kept");
}

#[test]
fn a_base_path_and_a_user_agent_are_sent_as_given() {
    for base in ["/turso", "/turso/"] {
        let server = Server::script([ok(FIRST)]);
        builder(&format!("{}{base}", server.url())).user_agent("sync-tool/1.2 (x)").build().unwrap().list().unwrap();
        let head = &server.requests()[0];
        assert!(head.starts_with("GET /turso/v1/auth/api-tokens HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("user-agent: sync-tool/1.2 (x)\r\n"), "{head}");
    }
}

#[test]
fn fetch_keeps_the_body_as_it_came() {
    let body = " {\"tokens\" :\n[ ], \"é\":1}\n ";
    let server = Server::script([ok(body)]);
    let answer = client(&server.url()).fetch().unwrap();
    assert_eq!(answer.json(), body);
    assert!(answer.tokens().unwrap().is_empty());
}

#[test]
fn clones_and_threads_share_one_pool() {
    let server = Server::always(|| ok(FIRST));
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
    assert!(server.connections() < 165, "{} connections", server.connections());
}

#[test]
fn a_connection_that_the_server_closes_between_two_calls_is_replaced() {
    let server = Server::script([ok(FIRST), Step::Close, ok(FIRST), Step::Close, ok(FIRST)]);
    let client = builder(&server.url()).build().unwrap();
    for _ in 0..3 {
        assert_eq!(client.list().unwrap().len(), 2);
    }
}

#[test]
fn an_agent_of_the_callers_keeps_its_pool_and_gets_this_crates_limits() {
    let agent = ureq::Agent::new_with_config(ureq::Agent::config_builder().proxy(None).build());
    let server = Server::script([ok(FIRST), ok(FIRST), crate::server::error("404 Not Found", "gone")]);
    let client = builder(&server.url()).agent(agent.clone()).build().unwrap();
    client.list().unwrap();
    agent.get(format!("{}/other", server.url())).call().unwrap().body_mut().read_to_string().unwrap();
    assert_eq!(server.connections(), 1, "the agent's own request takes the same connection");
    assert!(server.requests()[0].contains(&format!("Bearer {SECRET}\r\n")));
    assert!(!server.requests()[1].contains(SECRET));
    let error = client.list().unwrap_err();
    assert!(matches!(&error, Error::Status { status: 404, message, .. } if message == "gone"), "{error:?}");
    let silent = Server::script([Step::Silence]);
    let client = builder(&silent.url()).agent(agent).timeout(Duration::from_secs(1)).build().unwrap();
    assert!(matches!(crate::support::within(1, || client.list()), Err(Error::Timeout { .. })));
}

#[test]
fn a_credential_as_long_as_any_header_may_be_is_sent_whole() {
    let long = "x".repeat(60_000);
    let server = Server::script([ok(FIRST)]);
    let client = Client::builder(Credential::new(&long).unwrap()).base_url(&server.url()).build().unwrap();
    client.list().unwrap();
    assert!(server.requests()[0].contains(&format!("authorization: Bearer {long}\r\n")));
}

#[test]
fn a_request_line_of_15_kilobytes_is_sent_whole_with_the_credential() {
    for length in [2_000, 2_040, 2_080, 2_120, 2_200, 15_000] {
        let path = format!("/{}", "x".repeat(length));
        let moved = || answer("307 x", &format!("Location: {path}\r\n"), "");
        for agent in [None, Some(ureq::Agent::new_with_config(ureq::Agent::config_builder().proxy(None).build()))] {
            let server = Server::script([moved(), ok(FIRST)]);
            let builder = builder(&server.url());
            let builder = if let Some(agent) = agent { builder.agent(agent) } else { builder };
            assert_eq!(builder.build().unwrap().list().unwrap().len(), 2);
            let second = &server.requests()[1];
            assert!(second.starts_with(&format!("GET {path} HTTP/1.1\r\n")), "{length}");
            assert!(second.contains(&format!("authorization: Bearer {SECRET}\r\n")), "{length}");
        }
    }
}

#[test]
fn no_coding_is_asked_for_and_no_cookie_sent_back() {
    let set = || answer("200 OK", "Set-Cookie: a=b; Path=/\r\n", FIRST);
    let server = Server::script([answer("503 x", "Set-Cookie: c=d\r\n", ""), set(), set(), ok(FIRST)]);
    let client = builder(&server.url()).build().unwrap();
    for _ in 0..3 {
        client.list().unwrap();
    }
    for request in server.requests() {
        let request = request.to_ascii_lowercase();
        assert!(request.contains("accept-encoding: identity\r\n") && !request.contains("cookie"), "{request}");
    }
}

#[test]
fn an_endless_timeout_is_as_good_as_none() {
    let server = Server::script([ok(FIRST)]);
    assert_eq!(builder(&server.url()).timeout(Duration::MAX).build().unwrap().list().unwrap().len(), 2);
}

#[test]
fn an_observer_is_told_where_settings_come_from_and_how_each_attempt_goes() {
    let server = Server::script([crate::server::error("503 x", "busy"), ok(FIRST)]);
    let (lines, note) = crate::support::notes();
    builder(&server.url()).observer(note).build().unwrap().list().unwrap();
    let lines = lines.lock().unwrap().clone();
    for (line, words) in lines.iter().zip(
        [
            "credential: given by the program",
            &format!("base URL: {}", server.url()),
            "proxy: none",
            "certificates: the bundled Mozilla roots",
        ]
        .into_iter()
        .chain(TRIED_AGAIN),
    ) {
        assert!(line.starts_with(words), "{words}: {lines:#?}");
    }
    assert_eq!(lines.len(), 11, "{lines:#?}");
}

#[test]
fn a_wrong_setting_is_said_by_build() {
    let said = |builder: turso_api_tokens::ClientBuilder| format!("{:#}", builder.build().unwrap_err());
    let url = "http://127.0.0.1:1";
    assert!(said(builder("http://example.com")).contains("use https"));
    assert!(said(builder(url).timeout(Duration::ZERO)).starts_with("timeout: "));
    assert!(said(builder(url).user_agent("a\r\nb")).starts_with("user agent: "));
    assert!(said(builder(url).user_agent("")).starts_with("user agent: "));
    #[cfg(feature = "rustls")]
    {
        assert!(said(builder(url).root_certificates_pem(b"no pem")).contains("holds no PEM certificate"));
        assert!(said(builder(url).root_certificates_pem(b"-----BEGIN CERTIFICATE-----\n!")).contains("is not PEM"));
    }
    let agent = ureq::Agent::new_with_defaults();
    assert!(said(builder(url).agent(agent).root_certificates_pem(b"x")).starts_with("root certificates: "));
}

#[test]
fn the_public_types_can_be_shared_between_threads() {
    fn shared<T: Send + Sync + std::fmt::Debug>() {}
    shared::<Client>();
    shared::<Credential>();
    shared::<Error>();
    shared::<turso_api_tokens::Answer>();
    shared::<turso_api_tokens::ApiToken>();
}
