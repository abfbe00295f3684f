//! The credential never shows: not in `Debug`, not in an error, not in any log record at any level.

use crate::server::{ORIGINAL_LIST, Server, Step, ok, response};
use crate::support::{SECRET, builder, recorded, side_by_side, take_recorded_elsewhere};
use turso_api_tokens::{Client, Credential, Error};

/// Asserts that no part of the credential shows, in any case.
#[track_caller]
fn assert_no_secret(text: &str) {
    let folded = text.to_ascii_lowercase();
    for start in 0..SECRET.len() - 8 {
        assert!(
            !folded.contains(&SECRET[start..start + 8].to_ascii_lowercase()),
            "{text}"
        );
    }
}

/// Everything that a program can see of a call to a server with this script: its error or answer, and the log.
fn visible(step: Step) -> String {
    let server = Server::script([step, Step::Close]);
    let (result, records) = recorded(|| builder(&server.url()).retries(0).build().unwrap().fetch());
    let own: Vec<_> = records
        .into_iter()
        .filter(|record| record.starts_with("turso_api_tokens::"))
        .collect();
    for record in take_recorded_elsewhere() {
        assert_no_secret(&record);
    }
    let mut seen = format!("{own:?}");
    let error = match result {
        Ok(answer) => {
            seen += &format!("{answer:?} {answer:#?}");
            answer.tokens().unwrap_err()
        }
        Err(error) => error,
    };
    assert!(server.requests()[0].contains(SECRET), "it was sent");
    seen + &format!("{error} {error:#} {error:?} {error:#?}")
}

#[test]
fn no_log_record_of_this_crate_or_ureq_holds_it_except_the_dump_that_the_docs_name() {
    let server = Server::script([
        response("302 Found", "Location: /next\r\n", ""),
        response("503 Service Unavailable", "", "busy"),
        ok(ORIGINAL_LIST),
        response("401 Unauthorized", "", "who"),
    ]);
    let ((), records) = recorded(|| {
        let client = builder(&server.url()).build().unwrap();
        client.list().unwrap();
        client.list().unwrap_err();
    });
    assert!(
        server
            .requests()
            .iter()
            .all(|request| request.contains(SECRET)),
        "it was sent"
    );
    let (dump, others): (Vec<_>, Vec<_>) = records
        .iter()
        .partition(|record| record.starts_with("ureq_proto::"));
    assert!(!dump.is_empty(), "the docs of Credential name this target");
    assert!(
        others
            .iter()
            .any(|record| record.starts_with("turso_api_tokens::call GET ")),
        "{others:#?}"
    );
    assert!(
        others.iter().any(|record| record.starts_with("ureq::")),
        "{others:#?}"
    );
    others
        .iter()
        .chain(&take_recorded_elsewhere().iter().collect::<Vec<_>>())
        .for_each(|record| assert_no_secret(record));
}

#[test]
fn a_server_that_repeats_it_finds_it_redacted() {
    let lower = SECRET.to_ascii_lowercase();
    for step in [
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
    ] {
        assert_no_secret(&visible(step));
    }
}

/// A text that ends within the credential, at every length that shows a part of it.
fn cut_off() -> impl Iterator<Item = &'static str> {
    (8..=SECRET.len()).map(|length| &SECRET[..length])
}

#[test]
fn the_beginning_of_it_at_the_end_of_a_servers_text_is_redacted() {
    for part in cut_off() {
        assert_no_secret(&visible(response(
            "404 x",
            "",
            &format!("{{\"error\":\"bad credential {part}\"}}"),
        )));
        assert_no_secret(&visible(ok(part)));
    }
}

#[test]
fn the_beginning_of_it_at_the_end_of_an_error_with_a_code_is_redacted() {
    for part in cut_off() {
        let body = format!("{{\"error\":\"bad credential {part}\",\"code\":\"unauthorized\"}}");
        assert_no_secret(&visible(response("401 x", "", &body)));
    }
}

#[test]
fn the_beginning_of_it_at_the_end_of_a_title_is_redacted() {
    for part in cut_off() {
        assert_no_secret(&visible(response(
            "401 x",
            "",
            &format!("<html><title>No {part}</title>"),
        )));
    }
}

#[test]
fn the_beginning_of_it_in_a_body_that_is_cut_short_is_redacted() {
    for part in cut_off() {
        let head = "HTTP/1.1 404 x\r\nContent-Length: 9999\r\n\r\n";
        assert_no_secret(&visible(Step::Reply(
            format!("{head}bad credential {part}").into_bytes(),
        )));
    }
}

#[test]
fn the_beginning_of_it_in_a_body_that_stalls_is_redacted() {
    side_by_side(cut_off(), |part| {
        let head = "HTTP/1.1 404 x\r\nContent-Length: 9999\r\n\r\n";
        assert_no_secret(&visible(Step::Stall(
            format!("{head}bad credential {part}").into_bytes(),
        )));
    });
}

/// A short text ends up there after white space, which messages trim.
#[test]
fn the_beginning_of_it_at_the_limit_of_an_errors_body_is_redacted() {
    for part in cut_off() {
        let padding = " ".repeat(16 * 1024 - part.len());
        assert_no_secret(&visible(response(
            "404 x",
            "",
            &format!("{padding}{SECRET}"),
        )));
    }
}

#[test]
fn debug_does_not_show_it() {
    let credential = Credential::new(SECRET).unwrap();
    let client = Client::new(credential.clone()).unwrap();
    let gateway = builder(&format!("https://gateway.example/{SECRET}/")).build();
    let mut shown = format!("{credential:?} {credential:#?} {client:?} {client:#?} {gateway:?}");
    shown += &format!("{:?}", builder("https://a:b@h"));
    for text in [SECRET.to_owned() + "\n\n ü", "ü".to_owned() + SECRET] {
        shown += &format!("{:?}", Credential::new(text).unwrap_err());
    }
    assert_no_secret(&shown);
    assert!(shown.contains("https://gateway.example/***/"), "{shown}");
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
    let (client, records) =
        recorded(|| builder(&format!("https://gateway.example/{SECRET}/")).build());
    client.unwrap();
    for record in &records {
        assert_no_secret(record);
    }
    let expected =
        "turso_api_tokens::client base URL: https://gateway.example/***/ (given by the program)";
    assert!(
        records.iter().any(|record| record == expected),
        "{records:#?}"
    );
}
