//! Only a server that can be trusted gets a request.

use crate::server::{ORIGINAL_LIST, Server, Step, TlsLayer, hang_up, head, ok, response};
use crate::support::{
    Authority, Folder, Identity, SECRET, builder, in_env_without_proxies, rerun_in_subprocess, tls,
    tls_counting_resumptions,
};
use rcgen::{BasicConstraints, IsCa, date_time_ymd};
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use turso_api_tokens::{Error, TlsFailure};

#[test]
fn a_private_authority_is_trusted_where_its_certificate_is_given() {
    in_env_without_proxies(|| {
        let authority = Authority::new();
        let bundle = format!("# ours\n{}\n{}", Authority::new().pem, authority.pem);
        for name in ["localhost", "127.0.0.1"] {
            for pem in [&authority.pem, &bundle] {
                let server = Server::tls([ok(ORIGINAL_LIST)], authority.tls(&[name]));
                let url = format!("https://{name}:{}", server.port());
                let client = builder(&url)
                    .root_certificates_pem(pem.as_bytes())
                    .build()
                    .unwrap();
                assert_eq!(
                    (client.list().unwrap().len(), server.requests().len()),
                    (2, 1)
                );
            }
        }
    });
}

#[test]
fn a_byte_order_mark_before_the_certificates_does_not_matter() {
    in_env_without_proxies(|| {
        let (authority, folder) = (Authority::new(), Folder::new());
        let marked = format!("\u{feff}{}", authority.pem);
        let server = Server::tls(
            [ok(ORIGINAL_LIST), Step::Close, ok(ORIGINAL_LIST)],
            authority.tls(&["localhost"]),
        );
        let builder = || builder(&server.https_url());
        let from_text = builder()
            .root_certificates_pem(marked.as_bytes())
            .build()
            .unwrap();
        assert_eq!(from_text.list().unwrap().len(), 2);
        let from_file = builder()
            .root_certificates_file(folder.write("ca.pem", &marked))
            .build()
            .unwrap();
        assert_eq!(from_file.list().unwrap().len(), 2);
    });
}

/// Asserts why a server inside TLS is not trusted, and that it gets no request.
#[track_caller]
fn assert_distrusted(layer: TlsLayer, trusted: Option<&str>, expected: TlsFailure) {
    let server = Server::tls([ok(ORIGINAL_LIST)], layer);
    let mut builder = builder(&server.https_url());
    if let Some(pem) = trusted {
        builder = builder.root_certificates_pem(pem.as_bytes());
    }
    let error = builder.build().unwrap().list().unwrap_err();
    assert!(
        matches!(error, Error::Tls { reason, .. } if reason == expected),
        "{error:?}"
    );
    assert!(!error.is_transient());
    assert_eq!((server.connections(), server.requests().len()), (1, 0));
}

#[test]
fn a_certificate_of_an_unknown_issuer_is_not_trusted() {
    in_env_without_proxies(|| {
        let authority = Authority::new();
        assert_distrusted(
            authority.tls(&["localhost"]),
            None,
            TlsFailure::UnknownIssuer,
        );
        assert_distrusted(
            authority.tls(&["localhost"]),
            Some(&Authority::new().pem),
            TlsFailure::UnknownIssuer,
        );
        let self_signed = Identity::self_signed(&["localhost"], |_| {});
        assert_distrusted(
            tls(&self_signed),
            Some(&authority.pem),
            TlsFailure::UnknownIssuer,
        );
    });
}

#[test]
fn an_expired_certificate_is_not_trusted() {
    in_env_without_proxies(|| {
        let authority = Authority::new();
        let expired = authority.issue(&["localhost"], |params| {
            params.not_after = date_time_ymd(2020, 1, 1);
        });
        assert_distrusted(tls(&expired), Some(&authority.pem), TlsFailure::Expired);
    });
}

#[test]
fn a_certificate_that_is_not_valid_yet_is_not_trusted() {
    in_env_without_proxies(|| {
        let authority = Authority::new();
        let future = authority.issue(&["localhost"], |params| {
            params.not_before = date_time_ymd(2999, 1, 1);
        });
        assert_distrusted(tls(&future), Some(&authority.pem), TlsFailure::NotYetValid);
    });
}

#[test]
fn a_certificate_for_another_host_is_not_trusted() {
    in_env_without_proxies(|| {
        let authority = Authority::new();
        assert_distrusted(
            authority.tls(&["example.com"]),
            Some(&authority.pem),
            TlsFailure::WrongName,
        );
    });
}

#[test]
fn an_authoritys_certificate_is_not_accepted_as_a_servers_own() {
    in_env_without_proxies(|| {
        let ca = Identity::self_signed(&["localhost"], |params| {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        });
        assert_distrusted(tls(&ca), Some(&ca.certificate), TlsFailure::CaAsServer);
    });
}

/// Asserts why a server is not trusted that sends these bytes first, and that it gets a handshake and no credential.
#[track_caller]
fn assert_no_tls(greeting: &[u8], expected: TlsFailure) {
    let server = Server::script([Step::Greet(greeting.to_vec())]);
    let error = builder(&server.https_url())
        .retries(0)
        .build()
        .unwrap()
        .list()
        .unwrap_err();
    assert!(
        matches!(error, Error::Tls { reason, .. } if reason == expected),
        "{error:?}"
    );
    let received = server.received();
    assert!(
        received.contains("localhost"),
        "the handshake names the host: {received:?}"
    );
    assert!(
        !received.contains("Bearer") && !received.contains(&SECRET[..8]),
        "{received:?}"
    );
}

#[test]
fn a_server_with_tls_1_1_has_no_protocol_in_common() {
    in_env_without_proxies(|| {
        let server_hello: &[u8] =
            b"\x16\x03\x02\x00\x2a\x02\x00\x00\x26\x03\x02aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\x00\x00\x2f\x00";
        assert_no_tls(server_hello, TlsFailure::NoCommonProtocol);
    });
}

#[test]
fn a_server_that_refuses_the_handshake_has_no_protocol_in_common() {
    in_env_without_proxies(|| {
        let protocol_version_alert = b"\x15\x03\x01\x00\x02\x02\x46";
        assert_no_tls(protocol_version_alert, TlsFailure::NoCommonProtocol);
        let handshake_failure_alert = b"\x15\x03\x03\x00\x02\x02\x28";
        assert_no_tls(handshake_failure_alert, TlsFailure::NoCommonProtocol);
    });
}

#[test]
fn any_other_alert_is_any_other_failure() {
    in_env_without_proxies(|| assert_no_tls(b"\x15\x03\x03\x00\x02\x02\x50", TlsFailure::Other));
}

#[test]
fn a_server_that_speaks_plain_http_does_not_speak_tls() {
    in_env_without_proxies(|| {
        assert_no_tls(b"HTTP/1.1 400 Bad Request\r\n\r\n", TlsFailure::NotTls);
    });
}

#[test]
fn a_clients_second_connection_resumes_the_session_of_the_first() {
    in_env_without_proxies(|| {
        let (authority, resumptions) = (Authority::new(), Arc::new(AtomicU32::new(0)));
        let identity = authority.issue(&["localhost"], |_| {});
        let layer = tls_counting_resumptions(&identity, Arc::clone(&resumptions));
        // The client is told, so that it never sends on a connection that is just being closed.
        let last = || response("200 OK", "Connection: close\r\n", ORIGINAL_LIST);
        let server = Server::tls([last(), Step::Close, last(), Step::Close, last()], layer);
        let client = authority.client_builder(&server).build().unwrap();
        for _ in 0..3 {
            client.list().unwrap();
        }
        assert_eq!(
            (server.connections(), resumptions.load(Ordering::Relaxed)),
            (3, 2)
        );
    });
}

#[test]
fn two_calls_over_tls_share_a_connection() {
    in_env_without_proxies(|| {
        let authority = Authority::new();
        let server = Server::tls(
            [ok(ORIGINAL_LIST), ok(ORIGINAL_LIST)],
            authority.tls(&["localhost"]),
        );
        let client = authority.client_builder(&server).build().unwrap();
        assert_eq!(
            (client.list().unwrap().len(), client.list().unwrap().len()),
            (2, 2)
        );
        assert_eq!(server.connections(), 1);
    });
}

#[test]
fn ssl_cert_file_does_not_apply_unless_the_environment_is_asked() {
    const URL: &str = "TEST_OF_SSL_CERT_FILE";
    let test = || {};
    if let Ok(url) = std::env::var(URL) {
        let error = builder(&url).build().unwrap().list().unwrap_err();
        assert!(
            matches!(
                error,
                Error::Tls {
                    reason: TlsFailure::UnknownIssuer,
                    ..
                }
            ),
            "{error:?}"
        );
        let tokens = builder("")
            .environment()
            .base_url(&url)
            .build()
            .unwrap()
            .list()
            .unwrap();
        assert_eq!(tokens.len(), 2);
        return;
    }
    let (authority, folder) = (Authority::new(), Folder::new());
    let ca = folder.write("ca.pem", &authority.pem);
    let server = Server::tls([ok(ORIGINAL_LIST)], authority.tls(&["localhost"]));
    rerun_in_subprocess(&test, &[("SSL_CERT_FILE", &ca), (URL, &server.https_url())]);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn an_interim_response_may_come_with_a_large_response_inside_tls() {
    in_env_without_proxies(|| {
        let authority = Authority::new();
        let body = format!("{ORIGINAL_LIST}{}", " ".repeat(1_000_000));
        let both = format!(
            "HTTP/1.1 103 Early Hints\r\nLink: {}\r\n\r\n{}{body}",
            "x".repeat(2000),
            head("200 OK", body.len())
        );
        let server = Server::tls(
            [Step::Reply(both.into_bytes())],
            authority.tls(&["localhost"]),
        );
        let tokens = authority
            .client_builder(&server)
            .build()
            .unwrap()
            .list()
            .unwrap();
        assert_eq!(tokens.len(), 2);
    });
}

/// In one record: what ureq's TLS has read but not handed out, nobody above it can see.
#[test]
fn what_follows_a_response_in_its_last_record_is_never_taken_for_the_next_one() {
    in_env_without_proxies(|| {
        let authority = Authority::new();
        let unrequested = head("200 OK", 13) + "{\"tokens\":[]}";
        for length in [0, 100, 4_000, 12_000] {
            let body = format!("{ORIGINAL_LIST}{}", " ".repeat(length));
            let both = format!("{}{body}{unrequested}", head("200 OK", body.len()));
            let steps = [Step::Reply(both.into_bytes()), ok(ORIGINAL_LIST)];
            let server = Server::tls(steps, authority.tls(&["localhost"]));
            let client = authority.client_builder(&server).build().unwrap();
            assert_eq!(
                (client.list().unwrap().len(), client.list().unwrap().len()),
                (2, 2),
                "{length}"
            );
            assert_eq!(server.connections(), 2);
        }
    });
}

#[test]
fn a_server_that_closes_within_the_handshake_is_a_lost_connection_in_plain_words() {
    in_env_without_proxies(|| {
        let server = Server::tls(
            [],
            Arc::new(|mut stream| stream.read(&mut [0; 4096]).ok().and(None)),
        );
        let error = builder(&server.https_url())
            .retries(0)
            .build()
            .unwrap()
            .list()
            .unwrap_err();
        let Error::Connection { source, .. } = &error else {
            panic!("{error:?}")
        };
        assert_eq!(source.to_string(), "the server closed the connection");
    });
}

#[test]
fn a_server_that_closes_without_a_response_inside_tls_is_told_in_plain_words() {
    in_env_without_proxies(|| {
        let authority = Authority::new();
        let server = Server::tls([hang_up()], authority.tls(&["localhost"]));
        let error = authority
            .client_builder(&server)
            .build()
            .unwrap()
            .list()
            .unwrap_err();
        let Error::Connection { source, .. } = &error else {
            panic!("{error:?}")
        };
        assert_eq!(source.to_string(), "the server closed the connection");
    });
}
