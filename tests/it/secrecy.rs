//! The credential never shows: not in `Debug`, not in an error, not in any log record at any level.

use crate::server::{ORIGINAL_LIST, Server, Step, head, ok, response};
use crate::support::{SECRET, builder, in_own_process, recorded, side_by_side};
#[cfg(feature = "rustls")]
use turso_api_tokens::Client;
use turso_api_tokens::{Credential, Error};

/// Asserts that no part of the credential shows, in any case.
#[track_caller]
fn assert_no_secret(text: &str) {
    let folded = text.to_ascii_lowercase();
    for part in SECRET.to_ascii_lowercase().as_bytes().windows(8) {
        let part = std::str::from_utf8(part).unwrap();
        assert!(!folded.contains(part), "{part} in {text}");
    }
}

/// Asserts that everything that a program can see of a call to a server with each of these steps holds no part of the
/// credential: its error or answer, and what the library logs.
fn assert_hidden(steps: impl IntoIterator<Item = Step>) {
    let (seen, records) = recorded(|| side_by_side(steps, visible));
    for seen in seen {
        assert_no_secret(&seen);
    }
    // ureq logs a response's header as it came.
    let own = records
        .iter()
        .filter(|record| record.starts_with("turso_api_tokens::"));
    for record in own {
        assert_no_secret(record);
    }
}

fn visible(step: Step) -> String {
    let server = Server::script([step, Step::Close]);
    let result = builder(&server.url()).retries(0).build().unwrap().fetch();
    assert!(server.requests()[0].contains(SECRET), "it was sent");
    let (mut seen, error) = match result {
        Ok(answer) => (
            format!("{answer:?} {answer:#?}"),
            answer.tokens().unwrap_err(),
        ),
        Err(error) => (String::new(), error),
    };
    seen += &format!("{error} {error:#} {error:?} {error:#?}");
    seen
}

#[test]
fn no_log_record_of_this_crate_or_ureq_holds_it_except_the_dump_that_the_docs_name() {
    in_own_process(|| {
        let server = Server::script([
            response("503 Service Unavailable", "", "busy"),
            ok(ORIGINAL_LIST),
            response("401 Unauthorized", "", "who"),
        ]);
        let client = builder(&server.url()).build().unwrap();
        let ((listed, refused), records) = recorded(|| (client.list(), client.list()));
        assert_eq!(listed.unwrap().len(), 2);
        assert_eq!(refused.unwrap_err().status(), Some(401));

        let requests = server.requests();
        assert_eq!(requests.len(), 3);
        assert!(requests.iter().all(|request| request.contains(SECRET)));
        let (dump, others): (Vec<_>, Vec<_>) = records
            .iter()
            .partition(|record| record.starts_with("ureq_proto::"));
        // A row of 16 bytes ends with their characters.
        let dumped: String = dump
            .iter()
            .filter_map(|row| row.rsplit(' ').next())
            .collect();
        assert!(
            dumped.contains(SECRET),
            "the docs of Credential name this target: {dump:#?}"
        );
        for target in ["turso_api_tokens::call GET ", "ureq::"] {
            assert!(
                others.iter().any(|record| record.starts_with(target)),
                "{target}: {others:#?}"
            );
        }
        for record in others {
            assert_no_secret(record);
        }
    });
}

#[test]
fn a_server_that_repeats_it_finds_it_redacted() {
    let lower = SECRET.to_ascii_lowercase();
    let steps = [
        response(
            "401 x",
            "",
            &format!("{{\"error\":\"{SECRET}\",\"code\":\"{SECRET}\"}}"),
        ),
        response(
            "404 x",
            "",
            &format!("{{\"error\":\"no such thing as {SECRET}\"}}"),
        ),
        response(
            "404 x",
            "",
            &format!("{{\"error\":\"\\u0065{}\"}}", &SECRET[1..]),
        ),
        response("404 x", "", &format!("{{\"error\":\"{lower}\"}}")),
        response(
            "500 x",
            "Content-Type: text/html\r\n",
            &format!("<html><title>{SECRET}</title></html>"),
        ),
        response("500 x", "", &format!("busy: {SECRET}")),
        response("404 x", "", &format!("{}{SECRET}", "x".repeat(100))),
        response(
            "302 x",
            &format!("Location: https://{SECRET}.example/\r\n"),
            "",
        ),
        response(
            "302 x",
            &format!("Location: https://{lower}.example/\r\n"),
            "",
        ),
        response("302 x", &format!("Location: /{SECRET}\r\n"), ""),
        response("302 x", &format!("Location: {SECRET}\r\n"), ""),
        response("200 OK", &format!("Content-Type: {SECRET}\r\n"), "{}"),
        response("200 OK", &format!("Content-Encoding: {SECRET}\r\n"), "{}"),
        response(
            "200 OK",
            &format!("Content-Type: text/html; charset={SECRET}\r\n"),
            &format!("<title>{SECRET}</title>"),
        ),
        response(&format!("404 {SECRET}"), "", ""),
        ok(SECRET),
        ok(&format!("\"{SECRET}\"")),
        ok(&format!("{{\"tokens\":\"{SECRET}\"}}")),
        ok(&format!(
            "{{\"tokens\":[{{\"name\":\"{SECRET}\",\"id\":1}}]}}"
        )),
    ];
    in_own_process(|| assert_hidden(steps));
}

/// A text that ends within the credential, at every length that shows a part of it.
fn cut_off() -> impl Iterator<Item = &'static str> {
    (8..=SECRET.len()).map(|length| &SECRET[..length])
}

#[test]
fn the_beginning_of_it_at_the_end_of_a_servers_text_is_redacted() {
    in_own_process(|| {
        assert_hidden(cut_off().map(|part| {
            let body = format!("{{\"error\":\"bad credential {part}\"}}");
            response("404 x", "", &body)
        }));
        assert_hidden(cut_off().map(ok));
    });
}

#[test]
fn the_beginning_of_it_at_the_end_of_an_error_with_a_code_is_redacted() {
    in_own_process(|| {
        assert_hidden(cut_off().map(|part| {
            let body = format!("{{\"error\":\"bad credential {part}\",\"code\":\"unauthorized\"}}");
            response("401 x", "", &body)
        }));
    });
}

#[test]
fn the_beginning_of_it_at_the_end_of_a_title_is_redacted() {
    in_own_process(|| {
        assert_hidden(cut_off().map(|part| {
            let page = format!("<html><title>No {part}</title>");
            response("401 x", "", &page)
        }));
    });
}

/// An error's body that is to be longer, and ends within the credential.
fn incomplete(part: &str) -> Vec<u8> {
    let head = head("404 x", 9999);
    format!("{head}bad credential {part}").into_bytes()
}

#[test]
fn the_beginning_of_it_in_a_body_that_is_cut_short_is_redacted() {
    in_own_process(|| {
        assert_hidden(cut_off().map(|part| Step::ReplyAndClose(incomplete(part))));
    });
}

#[test]
fn the_beginning_of_it_in_a_body_that_stalls_is_redacted() {
    in_own_process(|| assert_hidden(cut_off().map(|part| Step::Stall(incomplete(part)))));
}

/// A short text ends up there after white space, which messages trim.
#[test]
fn the_beginning_of_it_at_the_limit_of_an_errors_body_is_redacted() {
    in_own_process(|| {
        assert_hidden(cut_off().map(|part| {
            let padding = " ".repeat(16 * 1024 - part.len());
            response("404 x", "", &format!("{padding}{SECRET}"))
        }));
    });
}

#[test]
fn debug_does_not_show_it() {
    let credential = Credential::new(SECRET).unwrap();
    let client = builder("http://127.0.0.1:1").build().unwrap();
    let gateway = builder(&format!("http://127.0.0.1:1/{SECRET}/")).build();
    let mut shown = format!("{credential:?} {credential:#?} {client:?} {client:#?} {gateway:?}");
    shown += &format!("{:?}", builder("https://a:b@h"));
    for text in [SECRET.to_owned() + "\n\n ü", "ü".to_owned() + SECRET] {
        shown += &format!("{:?}", Credential::new(text).unwrap_err());
    }
    assert_no_secret(&shown);
    assert!(shown.contains("http://127.0.0.1:1/***/"), "{shown}");
}

#[test]
fn a_base_url_that_is_the_credential_is_not_repeated() {
    for base_url in [
        SECRET.to_owned(),
        format!("{SECRET}/"),
        format!("/{SECRET}"),
        format!("{SECRET}?x"),
    ] {
        let error = builder(&base_url).build().unwrap_err();
        let expected =
            "base URL: it is not a URL with a host; it should look like https://api.turso.tech";
        assert_eq!(error.to_string(), expected);
        assert_no_secret(&format!("{error:?}"));
    }
}

#[test]
fn a_base_url_that_holds_the_credential_is_named_without_it() {
    let userinfo = "it must not contain userinfo; the credential is given apart from it".to_owned();
    let plain = "plain http would expose the credential to the network; use https";
    for (base_url, expected) in [
        (
            format!("http://gateway/{SECRET}"),
            format!("http://gateway/***: {plain}"),
        ),
        (
            format!("http://{}.example", SECRET.to_ascii_lowercase()),
            format!("http://***.example: {plain}"),
        ),
        (
            format!("https://h/?{SECRET}"),
            "https://h/?***: it must not have a query or a fragment".to_owned(),
        ),
        (
            format!("ftp://h/{SECRET}"),
            "ftp://h/***: it must begin with https://".to_owned(),
        ),
        (format!("https://{SECRET}@h"), userinfo.clone()),
        (format!("https://user:{SECRET}@h"), userinfo),
    ] {
        let error = builder(&base_url).build().unwrap_err();
        assert!(
            matches!(&error, Error::Config { problem, .. } if *problem == expected),
            "{error:?}"
        );
        assert_no_secret(&format!("{error:?}"));
    }
}

#[test]
fn a_base_url_that_holds_the_credential_is_logged_without_it() {
    in_own_process(|| {
        let base_url = format!("http://127.0.0.1:1/{SECRET}/");
        let (client, records) = recorded(|| builder(&base_url).build());
        client.unwrap();
        for record in &records {
            assert_no_secret(record);
        }
        let expected =
            "turso_api_tokens::builder base URL: http://127.0.0.1:1/***/ (given by the program)";
        assert!(
            records.iter().any(|record| record == expected),
            "{records:#?}"
        );
    });
}

#[cfg(feature = "rustls")]
#[test]
fn a_file_of_certificates_that_is_named_like_the_credential_is_named_without_it() {
    // It does not look like a credential, so only this client knows that it is one.
    let credential = Credential::new("secret-0123").unwrap();
    let error = Client::builder(credential)
        .root_certificates_file("nowhere/secret-0123.pem")
        .build()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "root certificates: could not read nowhere/***.pem"
    );
}
