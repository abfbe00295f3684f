//! HTTP as servers send it, well or badly: a response is complete, or an error.

use crate::server::{ORIGINAL_LIST, Server, Step, error, hang_up, head, ok, response};
use crate::support::{assert_within, builder, call, client, side_by_side};
use std::time::Duration;
use turso_api_tokens::{AnswerFailure, Error};

const EMPTY_LIST: &str = r#"{"tokens":[]}"#;

fn raw(text: &str) -> Step {
    Step::Reply(text.as_bytes().to_vec())
}

fn last(text: &str) -> Step {
    Step::ReplyAndClose(text.as_bytes().to_vec())
}

/// The original list in two chunks.
fn chunked() -> String {
    let (first, second) = ORIGINAL_LIST.split_at(40);
    let (first_length, second_length) = (first.len(), second.len());
    format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
         {first_length:x}\r\n{first}\r\n{second_length:x}\r\n{second}\r\n0\r\n\r\n"
    )
}

fn with_length() -> String {
    head("200 OK", ORIGINAL_LIST.len()) + ORIGINAL_LIST
}

/// Calls a server that closes the connection after each length of a response in turn.
fn errors_of_cuts(
    complete: &str,
    lengths: impl Iterator<Item = usize> + Clone,
) -> Vec<(usize, Error)> {
    let server = Server::script(lengths.clone().map(|length| last(&complete[..length])));
    let client = client(&server.url());
    let errors = lengths
        .map(|length| (length, client.list().expect_err(&complete[..length])))
        .collect();
    server.assert_played();
    errors
}

#[test]
fn a_response_with_a_length_or_in_chunks_that_is_cut_anywhere_is_a_lost_connection() {
    // After the last chunk's own line only an empty line is missing, which ureq does without: all data has come.
    for (complete, missing) in [(with_length(), 1), (chunked(), 3)] {
        assert_eq!(call([last(&complete)]).unwrap().len(), 2);
        for (length, error) in errors_of_cuts(&complete, 0..=complete.len() - missing) {
            assert!(
                matches!(error, Error::Connection { .. }),
                "{:?}: {error:?}",
                &complete[..length]
            );
        }
    }
}

#[test]
fn a_response_up_to_the_end_of_the_connection_that_is_cut_in_its_body_is_no_list() {
    let head = "HTTP/1.0 200 OK\r\n\r\n";
    let complete = format!("{head}{ORIGINAL_LIST}");
    assert_eq!(call([last(&complete)]).unwrap().len(), 2);
    for (length, error) in errors_of_cuts(&complete, 0..complete.len()) {
        match length.checked_sub(head.len()) {
            None => assert!(
                matches!(error, Error::Connection { .. }),
                "{length}: {error:?}"
            ),
            Some(0) => assert!(error.to_string().ends_with(": it is empty"), "{error}"),
            Some(body) => {
                let expected = format!(": it ends in the middle, after {body} bytes");
                assert!(error.to_string().ends_with(&expected), "{error}");
            }
        }
    }
}

#[test]
fn a_chunked_body_cut_between_or_within_its_chunk_lines_is_retried() {
    let complete = chunked();
    let second = complete.find("\r\n44\r\n").unwrap();
    // Within the first chunk's line, at the end of its data, within the line break, between the chunks, within the second's
    // line, and before the last.
    let lengths = [
        complete.find("28\r\n").unwrap() + 1,
        second,
        second + 1,
        second + 2,
        second + 3,
        complete.len() - 5,
    ];
    side_by_side(lengths, |length| {
        let server = Server::script([last(&complete[..length]), ok(ORIGINAL_LIST)]);
        let tokens = builder(&server.url())
            .retries(1)
            .build()
            .unwrap()
            .list()
            .unwrap();
        assert_eq!(
            (tokens.len(), server.requests().len()),
            (2, 2),
            "{:?}",
            &complete[..length]
        );
    });
}

#[test]
fn a_reset_within_a_body_is_a_lost_connection() {
    for head in ["Content-Length: 108\r\n", "Transfer-Encoding: chunked\r\n"] {
        let chunk = if head.starts_with('T') { "6c\r\n" } else { "" };
        for cut in [0, 1, 50, ORIGINAL_LIST.len() - 1] {
            let part = format!(
                "HTTP/1.1 200 OK\r\n{head}\r\n{chunk}{}",
                &ORIGINAL_LIST[..cut]
            );
            let error = call([Step::Reset(part.into_bytes())]).unwrap_err();
            assert!(
                matches!(error, Error::Connection { .. }) && error.is_transient(),
                "{head} {cut}: {error:?}"
            );
        }
    }
}

#[test]
fn a_server_that_closes_without_a_response_is_told_in_plain_words() {
    let error = call([hang_up()]).unwrap_err();
    assert!(
        matches!(&error, Error::Connection { source, .. } if source.to_string() == "the server closed the connection")
    );
}

#[test]
fn malformed_http_is_an_error_and_never_waited_for() {
    for (reply, is_lost) in [
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{\"tokens\":[]}",
            true,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{\"tokens\":[]}",
            false,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{\"tokens\":[]}",
            false,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n",
            false,
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nd\r\n{\"tokens\":[]}\r\n",
            true,
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n{\"tokens\":[]}\r\n0\r\n\r\n",
            true,
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{\"tokens\":[]}\r\n0\r\n\r\n",
            true,
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"tokens\":[]}\r\n0\r\n\r\n",
            true,
        ),
        ("HTTP/2 200 OK\r\n\r\n{\"tokens\":[]}", false),
        ("HTTP/1.1 20 OK\r\n\r\n{\"tokens\":[]}", false),
        ("220 mail.example ESMTP\r\n", false),
        ("{\"tokens\":[]}", false),
        ("\0\0\0\0", false),
    ] {
        let error = assert_within(1, || call([last(reply)])).expect_err(reply);
        match error {
            Error::Connection { .. } if is_lost => {}
            Error::InvalidAnswer { .. } if !is_lost => {}
            error => panic!("{reply}: {error:?}"),
        }
    }
}

#[test]
fn unusual_but_valid_http_works() {
    let none = EMPTY_LIST;
    for reply in [
        format!("HTTP/1.0 200 OK\r\n\r\n{none}"),
        format!("HTTP/1.1 200\r\nContent-Length: 13\r\n\r\n{none}"),
        format!("HTTP/1.1 200 OK\r\ncontent-length:13\r\nX: \r\n\r\n{none}"),
        format!(
            "HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Length: 13\r\n\r\n{none}"
        ),
        format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nd;name=value\r\n{none}\r\n0;x\r\nTrailer: yes\r\n\r\n"
        ),
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nD\r\n{none}\r\n0\r\n\r\n"),
        format!(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{none}"
        ),
    ] {
        assert!(call([last(&reply)]).unwrap().is_empty(), "{reply}");
    }
    let slow = Step::Drip(with_length().into_bytes(), Duration::from_millis(1));
    assert_eq!(call([slow]).unwrap().len(), 2);
}

#[test]
fn an_interim_response_may_come_in_one_piece_with_a_large_response() {
    for interim in [
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n",
    ] {
        for length in [20_000, 60_000, 100_000] {
            let body = format!("{ORIGINAL_LIST}{}", " ".repeat(length));
            let both = format!("{interim}{}{body}", head("200 OK", body.len()));
            assert_eq!(call([raw(&both)]).unwrap().len(), 2, "{length}");
        }
    }
}

#[test]
fn what_follows_a_response_is_never_taken_for_the_next_one() {
    let unrequested = head("200 OK", EMPTY_LIST.len()) + EMPTY_LIST;
    for extra in [unrequested.as_str(), "\r\n"] {
        let server = Server::script([raw(&(with_length() + extra)), ok(ORIGINAL_LIST)]);
        let client = client(&server.url());
        assert_eq!(
            (client.list().unwrap().len(), client.list().unwrap().len()),
            (2, 2)
        );
    }
}

#[test]
fn the_charset_of_a_response_does_not_matter_to_a_list_in_ascii() {
    for kind in [
        "text/plain; charset=utf-8",
        "text/plain; charset=\"utf-8\"",
        "text/plain; charset=us-ascii",
        "text/plain; charset=iso-8859-1",
        "application/json; charset=latin1",
        "text/plain",
    ] {
        let step = response(
            "200 OK",
            &format!("Content-Type: {kind}\r\n"),
            ORIGINAL_LIST,
        );
        assert_eq!(call([step]).unwrap().len(), 2, "{kind}");
    }
}

#[test]
fn a_body_that_is_not_utf_8_is_an_error_that_names_the_byte() {
    let reply = Step::Reply(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab\xffcd".to_vec());
    let error = call([reply]).unwrap_err();
    assert!(
        matches!(&error, Error::InvalidAnswer { problem, .. } if problem == "byte 3 of it is not UTF-8"),
        "{error:?}"
    );
}

/// The empty list, compressed.
const GZIP: &[u8] =
    b"\x1f\x8b\x08\0\0\0\0\0\x02\x03\xabV*\xc9\xcfN\xcd+V\xb2\x8a\x8e\xad\x05\0\x57\xcc\x89\xbd\x0d\0\0\0";
const BROTLI: &[u8] = b"\x0b\x06\x80{\"tokens\":[]}\x03";

fn encoded(status: &str, coding: &str, body: &[u8]) -> Step {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    Step::Reply([head.as_bytes(), body].concat())
}

/// Another crate has turned on ureq's decoders in the unified graph.
const UREQ_DECODES: bool = {
    let name = env!("CARGO_PKG_NAME").as_bytes();
    matches!(name, b"unified")
};

fn list_within(limit: u64, coding: &str, body: &[u8]) -> Result<usize, Error> {
    let server = Server::script([encoded("200 OK", coding, body), Step::Close]);
    let client = builder(&server.url()).retries(0).max_response_bytes(limit);
    Ok(client.build().unwrap().list()?.len())
}

#[test]
fn an_unrequested_content_encoding_is_refused_or_where_ureq_decodes_it_bounded() {
    for (coding, body) in [
        ("gzip", GZIP),
        ("br", BROTLI),
        ("deflate", b"x"),
        ("gzip, br", b"x"),
        ("zstd", b"x"),
    ] {
        let result = list_within(1000, coding, body);
        if UREQ_DECODES && matches!(coding, "gzip" | "br") {
            assert_eq!(result.unwrap(), 0, "{coding}");
            let above = list_within(5, coding, body).unwrap_err();
            assert!(
                matches!(above, Error::TooLarge { limit: 5, .. }),
                "{coding}: {above:?}"
            );
            let broken = list_within(1000, coding, &body[..body.len() - 9]).unwrap_err();
            assert!(
                matches!(
                    broken,
                    Error::InvalidAnswer { .. } | Error::Connection { .. }
                ),
                "{coding}: {broken:?}"
            );
        } else {
            let error = result.unwrap_err();
            let expected = format!("unrequested `Content-Encoding: {coding}`");
            assert!(
                matches!(&error, Error::InvalidAnswer { problem, .. } if *problem == expected),
                "{error:?}"
            );
        }
    }
}

#[test]
fn a_content_encoding_that_is_not_ascii_is_refused_even_with_a_valid_list() {
    let error = call([
        encoded("200 OK", "gz\u{ef}p", br#"{"tokens":[]}"#),
        Step::Close,
    ])
    .unwrap_err();
    let Error::InvalidAnswer { problem, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(problem, "unrequested `Content-Encoding: gz\u{ef}p`");
}

#[test]
fn the_status_of_an_error_in_an_unrequested_content_encoding_is_kept() {
    for (coding, body) in [("gzip", GZIP), ("br", BROTLI), ("deflate", b"x")] {
        let error = call([encoded("404 x", coding, body), Step::Close]).unwrap_err();
        assert_eq!(error.status(), Some(404), "{coding}: {error:?}");
    }
}

#[test]
fn a_length_above_the_limit_is_refused_unread() {
    for length in ["2097153", "999999999999", "18446744073709551615"] {
        // The server sends nothing more and keeps the connection: only an unread refusal comes before the deadline.
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
        let error = assert_within(0, || call([Step::Stall(head.into_bytes())])).unwrap_err();
        assert!(
            matches!(
                error,
                Error::TooLarge {
                    limit: 2_097_152,
                    ..
                }
            ),
            "{length}: {error:?}"
        );
    }
}

#[test]
fn endless_bodies_end_at_the_limit() {
    for (head, repeated) in [
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "8\r\n[[[[[[[[\r\n",
        ),
        ("HTTP/1.1 200 OK\r\n\r\n", "                "),
    ] {
        let error = call([Step::Endless(head.into(), repeated.into())]).unwrap_err();
        assert!(matches!(error, Error::TooLarge { .. }), "{head}: {error:?}");
    }
    let error = call([Step::Endless(
        "HTTP/1.1 404 Not Found\r\n\r\n".into(),
        "x".into(),
    )])
    .unwrap_err();
    assert_eq!(error.status(), Some(404));
}

#[test]
fn endless_headers_are_an_error() {
    for (head, repeated, expected) in [
        (
            "HTTP/1.1 200 OK\r\nX: ",
            "xxxxxxxxxxxxxxxx",
            "its header is too large",
        ),
        ("HTTP/1.1 200 OK\r\n", "X: x\r\n", "it is not valid HTTP"),
    ] {
        let error = call([Step::Endless(head.into(), repeated.into())]).unwrap_err();
        assert!(
            matches!(&error, Error::InvalidAnswer { problem, .. } if problem == expected),
            "{error:?}"
        );
    }
}

#[test]
fn every_status_but_200_is_an_error_that_names_it() {
    for status in [
        101, 201, 204, 206, 299, 304, 305, 400, 402, 404, 408, 451, 501, 599, 999,
    ] {
        let error = call([response(&status.to_string(), "", ""), Step::Close]).unwrap_err();
        assert!(
            matches!(error, Error::Status { status: named, .. } if named == status),
            "{error:?}"
        );
        assert!(!error.is_transient(), "{error:?}");
    }
    for status in ["000", "099"] {
        let error = call([response(status, "", EMPTY_LIST)]).unwrap_err();
        assert!(
            matches!(error, Error::InvalidAnswer { .. }),
            "{status}: {error:?}"
        );
    }
}

#[test]
fn the_apis_error_text_is_the_message_in_whatever_form_it_comes() {
    for (body, expected) in [
        (r#"{"error":"no such thing"}"#, "no such thing"),
        (
            r#"{"code":"gone","error":"no such thing"}"#,
            "no such thing (gone)",
        ),
        (
            r#"{"error":{"message":"deep"}}"#,
            r#"{"error":{"message":"deep"}}"#,
        ),
        (r#"{"error":42,"code":null}"#, r#"{"error":42,"code":null}"#),
        (r#"{"error":"not <html>"}"#, "not <html>"),
        ("blocked by policy\n", "blocked by policy"),
        ("", ""),
    ] {
        let error = call([response("404 Not Found", "", body)]).unwrap_err();
        assert!(
            matches!(&error, Error::Status { message, html: false, .. } if message == expected),
            "{error:?}"
        );
    }
}

#[test]
fn a_status_is_kept_though_its_body_is_cut_short() {
    let reply = head("409 Conflict", 99) + "half";
    let error = call([last(&reply)]).unwrap_err();
    assert!(
        matches!(&error, Error::Status { status: 409, message, .. } if message == "half"),
        "{error:?}"
    );
}

#[test]
fn an_html_401_is_not_a_refusal_by_the_api() {
    let page = |status| response(status, "", "\n<!doctype HTML><title>Sign in</title>");
    for status in ["401 x", "403 x"] {
        let error = call([page(status)]).unwrap_err();
        let expected = "an HTML page titled \"Sign in\"";
        assert!(
            matches!(&error, Error::Status { message, html: true, .. } if message == expected),
            "{error:?}"
        );
    }
    let error = call([error("401 x", "<html>")]).unwrap_err();
    assert!(
        matches!(error, Error::Refused { status: 401, .. }),
        "{error:?}"
    );
}

#[test]
fn an_html_page_instead_of_a_list_is_described_by_its_title() {
    let page = "<html>\r\n<head><title>Sign in</title></head>";
    let error = call([response("200 OK", "Content-Type: text/html\r\n", page)]).unwrap_err();
    assert!(
        matches!(
            error,
            Error::InvalidAnswer {
                reason: AnswerFailure::Html,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(
        error
            .to_string()
            .ends_with(": it is an HTML page titled \"Sign in\""),
        "{error}"
    );
}

#[test]
fn a_response_that_was_cut_off_has_its_status() {
    let server = Server::script([Step::ReplyAndClose(
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{".to_vec(),
    )]);
    let error = client(&server.url()).list().unwrap_err();
    let is_cut = matches!(
        error,
        Error::Connection {
            status: Some(200),
            ..
        }
    );
    assert!(is_cut && error.is_transient(), "{error:?}");
    let expected = format!(
        "{}/v1/auth/api-tokens returned 200 OK, but the response was cut off: the server closed the connection",
        server.url()
    );
    assert_eq!(format!("{error:#}"), expected);
}

#[test]
fn a_connection_without_a_response_has_no_status() {
    let error = call([hang_up()]).unwrap_err();
    let is_lost = matches!(error, Error::Connection { status: None, .. });
    assert!(is_lost, "{error:?}");
}
