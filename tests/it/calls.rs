//! One call is one request, as documented, over one pool.

use crate::server::{CURRENT_LIST, ORIGINAL_LIST, Server, Step, error, ok, response};
use crate::support::{
    RETRY_LOG, SECRET, assert_within, attempts, builder, client, in_own_process, recorded,
};
use std::thread;
use turso_api_tokens::{Answer, ApiToken, Client, ClientBuilder, Credential, Date, Error, Escaped};

#[test]
fn a_call_is_one_get_with_the_documented_headers() {
    let server = Server::script([ok(ORIGINAL_LIST)]);
    client(&server.url()).list().unwrap();
    let requests = server.requests();
    let [request] = &requests[..] else {
        panic!("{requests:#?}")
    };
    assert!(
        request.contains(&format!(": Bearer {SECRET}\r\n")),
        "the credential's case is kept: {request}"
    );
    let head = request.to_ascii_lowercase();
    let mut lines: Vec<&str> = head.trim_end().split("\r\n").collect();
    lines[1..].sort_unstable();
    let expected = [
        "get /v1/auth/api-tokens http/1.1",
        "accept-encoding: identity",
        "accept: application/json",
        &format!("authorization: bearer {}", SECRET.to_ascii_lowercase()),
        &format!("host: 127.0.0.1:{}", server.port()),
        concat!("user-agent: turso-api-tokens/", env!("CARGO_PKG_VERSION")),
    ];
    assert_eq!(lines, expected);
    assert!(request.ends_with("\r\n\r\n"), "nothing follows the head");
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
    for _ in 0..8 {
        let clone = client.clone();
        let listed = thread::spawn(move || clone.list().unwrap().len());
        assert_eq!(listed.join().unwrap(), 2);
    }
    assert_eq!((server.requests().len(), server.connections()), (8, 1));
}

#[test]
fn many_threads_get_complete_lists_from_one_client() {
    let server = Server::always(|| ok(ORIGINAL_LIST));
    let client = client(&server.url());
    let expected = client.list().unwrap();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..20).for_each(|_| assert_eq!(client.list().unwrap(), expected)));
        }
    });
    assert_eq!(server.requests().len(), 161);
}

#[test]
fn a_connection_that_the_server_closes_between_two_calls_is_replaced() {
    in_own_process(|| {
        // The client is told, so that it never sends on a connection that is just being closed.
        let last = || response("200 OK", "Connection: close\r\n", ORIGINAL_LIST);
        let server = Server::script([last(), Step::Close, last(), Step::Close, last()]);
        let client = client(&server.url());
        let (lists, records) = recorded(|| [client.list(), client.list(), client.list()]);
        for tokens in lists {
            assert_eq!(tokens.unwrap().len(), 2);
        }
        assert_eq!((attempts(&records), server.connections()), (3, 3));
    });
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
fn a_request_line_of_15_kilobytes_is_sent_complete_with_the_credential() {
    for length in [2_000, 2_040, 2_080, 2_120, 2_200, 15_000] {
        let path = format!("/{}", "x".repeat(length));
        let server = Server::script([ok(ORIGINAL_LIST)]);
        let client = client(&(server.url() + &path));
        assert_eq!(client.list().unwrap().len(), 2);
        let request = &server.requests()[0];
        assert!(
            request.starts_with(&format!("GET {path}/v1/auth/api-tokens HTTP/1.1\r\n")),
            "{length}"
        );
        assert!(
            request.contains(&format!("authorization: Bearer {SECRET}\r\n")),
            "{length}"
        );
    }
}

#[test]
fn the_log_has_each_setting_with_its_source_and_then_each_attempt_with_its_outcome() {
    in_own_process(|| {
        let server = Server::script([error("503 x", "busy"), ok(ORIGINAL_LIST)]);
        let (tokens, records) = recorded(|| builder(&server.url()).build().unwrap().list());
        assert_eq!(tokens.unwrap().len(), 2);
        let lines: Vec<&str> = records
            .iter()
            .filter_map(|record| record.strip_prefix("turso_api_tokens::"))
            .collect();
        let base_url = format!("builder base URL: {} (given by the program)", server.url());
        let settings = [
            "builder credential: given by the program",
            &base_url,
            "builder proxy: none",
            "builder certificates: the bundled Mozilla roots",
        ];
        assert_eq!(lines[..4], settings);
        assert_eq!(lines.len(), 4 + RETRY_LOG.len(), "{lines:#?}");
        for (line, beginning) in lines[4..].iter().zip(RETRY_LOG) {
            assert!(
                line.starts_with(&format!("call {beginning}")),
                "{beginning}: {lines:#?}"
            );
        }
    });
}

#[test]
fn a_call_without_a_fault_does_not_wait() {
    let server = Server::script([ok(ORIGINAL_LIST)]);
    let client = client(&server.url());
    assert_eq!(assert_within(0, || client.list()).unwrap().len(), 2);
}

#[test]
fn the_public_types_can_be_shared_between_threads() {
    fn shared<T: Send + Sync + std::fmt::Debug>() {}
    shared::<Client>();
    shared::<ClientBuilder>();
    shared::<Credential>();
    shared::<Error>();
    shared::<Answer>();
    shared::<ApiToken>();
    shared::<Date>();
    shared::<Escaped<'_>>();
}

#[test]
fn another_credential_uses_the_same_connection_and_is_redacted_in_its_turn() {
    let server = Server::script([
        ok(ORIGINAL_LIST),
        ok(ORIGINAL_LIST),
        error("404 x", "no other-credential here"),
    ]);
    let first = client(&server.url());
    let second = first.with_credential(Credential::new("other-credential").unwrap());
    first.list().unwrap();
    second.list().unwrap();
    let error = second.list().unwrap_err();

    let requests = server.requests();
    assert!(requests[0].contains(&format!("authorization: Bearer {SECRET}\r\n")));
    assert!(requests[1].contains("authorization: Bearer other-credential\r\n"));
    assert!(!requests[1].contains(SECRET));
    assert_eq!(server.connections(), 1);
    assert!(error.to_string().ends_with(": no *** here"), "{error}");
}

#[test]
fn another_credential_may_be_as_long_as_any() {
    let server = Server::script([ok(ORIGINAL_LIST)]);
    let long = "x".repeat(65_536);
    let client = client(&server.url()).with_credential(Credential::new(&long).unwrap());
    assert_eq!(client.list().unwrap().len(), 2);
    assert!(server.requests()[0].contains(&format!("authorization: Bearer {long}\r\n")));
}

#[test]
fn an_answer_gives_its_body_away() {
    let server = Server::script([ok(CURRENT_LIST)]);
    let answer = client(&server.url()).fetch().unwrap();
    assert_eq!(answer.json(), CURRENT_LIST);
    assert_eq!(answer.into_json(), CURRENT_LIST);
}
