//! Only a server that can be trusted gets a request.

use crate::server::{FIRST, Server, Step, Wrap, ok};
use crate::support::{Authority, Folder, again, builder, tls, tls_counting, without_proxies};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use turso_api_tokens::{ApiToken, Error};

fn call(name: &str, wrap: Wrap, pem: Option<&str>) -> (Result<Vec<ApiToken>, Error>, usize) {
    let server = Server::wrapped([ok(FIRST)], wrap);
    let mut builder = builder(&format!("https://{name}:{}", server.port()));
    if let Some(pem) = pem {
        builder = builder.root_certificates_pem(pem.as_bytes());
    }
    let result = builder.build().unwrap().list();
    (result, server.requests().len())
}

#[test]
fn a_private_authority_is_trusted_where_its_certificate_is_given() {
    without_proxies("tls::a_private_authority_is_trusted_where_its_certificate_is_given", || {
        let authority = Authority::new();
        let bundle = format!("# ours\n{}\n{}", Authority::new().pem, authority.pem);
        for name in ["localhost", "127.0.0.1"] {
            for pem in [&authority.pem, &bundle] {
                let (result, requests) = call(name, authority.wrap(&[name]), Some(pem));
                assert_eq!((result.unwrap().len(), requests), (2, 1));
            }
        }
    });
}

#[test]
fn a_server_that_cannot_be_trusted_gets_no_request() {
    without_proxies("tls::a_server_that_cannot_be_trusted_gets_no_request", || {
        let authority = Authority::new();
        let key = KeyPair::generate().unwrap();
        let own = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
        let expired = authority.certify(&["localhost"], |params| params.not_after = date_time_ymd(2020, 1, 1));
        let future = authority.certify(&["localhost"], |params| params.not_before = date_time_ymd(2999, 1, 1));
        let cases = [
            ("unknown issuer", authority.wrap(&["localhost"]), None),
            ("another authority", authority.wrap(&["localhost"]), Some(Authority::new().pem)),
            ("self-signed", tls(&(own.pem(), key.serialize_pem())), Some(authority.pem.clone())),
            ("wrong host", authority.wrap(&["example.com"]), Some(authority.pem.clone())),
            ("expired", tls(&expired), Some(authority.pem.clone())),
            ("not yet valid", tls(&future), Some(authority.pem.clone())),
        ];
        for (name, wrap, pem) in cases {
            let (result, requests) = call("localhost", wrap, pem.as_deref());
            let error = result.expect_err(name);
            assert!(matches!(error, Error::Tls { .. }) && !error.is_transient(), "{name}: {error:#}");
            assert_eq!(requests, 0, "{name}");
        }
    });
}

#[test]
fn what_does_not_speak_tls_1_2_or_1_3_is_refused() {
    without_proxies("tls::what_does_not_speak_tls_1_2_or_1_3_is_refused", || {
        // A ServerHello of TLS 1.1, an alert "protocol version", and plain http.
        let hello: &[u8] =
            b"\x16\x03\x02\x00\x2a\x02\x00\x00\x26\x03\x02aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\x00\x00\x2f\x00";
        let alert: &[u8] = b"\x15\x03\x01\x00\x02\x02\x46";
        for reply in [hello, alert, b"HTTP/1.1 400 Bad Request\r\n\r\n"] {
            let server = Server::script([Step::Greet(reply.to_vec()), Step::Silence]);
            let error = builder(&format!("https://localhost:{}", server.port())).build().unwrap().list().unwrap_err();
            assert!(matches!(error, Error::Tls { .. }), "{error:#}");
            assert!(!server.requests().iter().any(|request| request.contains("authorization")));
        }
    });
}

#[test]
fn a_clients_second_connection_resumes_the_session_of_the_first() {
    without_proxies("tls::a_clients_second_connection_resumes_the_session_of_the_first", || {
        let authority = Authority::new();
        let resumed = Arc::new(AtomicU32::new(0));
        let wrap = tls_counting(&authority.certify(&["localhost"], |_| {}), Arc::clone(&resumed));
        let server = Server::wrapped([ok(FIRST), Step::Close, ok(FIRST), Step::Close, ok(FIRST)], wrap);
        let url = format!("https://localhost:{}", server.port());
        let client = builder(&url).root_certificates_pem(authority.pem.as_bytes()).build().unwrap();
        for _ in 0..3 {
            client.list().unwrap();
        }
        assert_eq!((server.connections(), resumed.load(Ordering::Relaxed)), (3, 2));
    });
}

#[test]
fn ssl_cert_file_has_no_say_unless_the_environment_is_asked() {
    const URL: &str = "TEST_OF_SSL_CERT_FILE";
    if let Ok(url) = std::env::var(URL) {
        let error = builder(&url).build().unwrap().list().unwrap_err();
        assert!(matches!(error, Error::Tls { .. }), "{error:?}");
        assert_eq!(builder("").environment().base_url(&url).build().unwrap().list().unwrap().len(), 2);
        return;
    }
    let (authority, folder) = (Authority::new(), Folder::new());
    let ca = folder.write("ca.pem", &authority.pem);
    let server = Server::wrapped([ok(FIRST)], authority.wrap(&["localhost"]));
    let url = format!("https://localhost:{}", server.port());
    again("tls::ssl_cert_file_has_no_say_unless_the_environment_is_asked", &[("SSL_CERT_FILE", &ca), (URL, &url)]);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn an_interim_answer_may_come_with_a_large_answer_inside_tls() {
    without_proxies("tls::an_interim_answer_may_come_with_a_large_answer_inside_tls", || {
        let authority = Authority::new();
        let body = format!("{FIRST}{}", " ".repeat(1_000_000));
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let both = format!("HTTP/1.1 103 Early Hints\r\nLink: {}\r\n\r\n{answer}", "x".repeat(2000));
        let server = Server::wrapped([Step::Reply(both.into_bytes())], authority.wrap(&["localhost"]));
        let builder = builder(&format!("https://localhost:{}", server.port())).retries(0);
        let client = builder.root_certificates_pem(authority.pem.as_bytes()).build().unwrap();
        assert_eq!(client.list().unwrap().len(), 2);
    });
}

/// In one record: what ureq's TLS has read but not handed out, nobody above it can see.
#[test]
fn what_follows_an_answer_in_its_last_record_is_never_taken_for_the_next_one() {
    without_proxies("tls::what_follows_an_answer_in_its_last_record_is_never_taken_for_the_next_one", || {
        let authority = Authority::new();
        let wrong = "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"tokens\":[]}";
        for length in [0, 100, 4_000, 12_000] {
            let body = format!("{FIRST}{}", " ".repeat(length));
            let both = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}{wrong}", body.len());
            let steps = [Step::Reply(both.into_bytes()), ok(FIRST)];
            let server = Server::wrapped(steps, authority.wrap(&["localhost"]));
            let builder = builder(&format!("https://localhost:{}", server.port()));
            let client = builder.root_certificates_pem(authority.pem.as_bytes()).build().unwrap();
            assert_eq!((client.list().unwrap().len(), client.list().unwrap().len()), (2, 2), "{length}");
            assert_eq!(server.connections(), 2);
        }
    });
}

#[test]
fn two_calls_over_tls_share_a_connection() {
    without_proxies("tls::two_calls_over_tls_share_a_connection", || {
        let authority = Authority::new();
        let server = Server::wrapped([ok(FIRST), ok(FIRST)], authority.wrap(&["localhost"]));
        let builder = builder(&format!("https://localhost:{}", server.port()));
        let client = builder.root_certificates_pem(authority.pem.as_bytes()).build().unwrap();
        assert_eq!((client.list().unwrap().len(), client.list().unwrap().len()), (2, 2));
        assert_eq!(server.connections(), 1);
    });
}
