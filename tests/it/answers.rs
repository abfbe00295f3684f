//! `Ok` only for a complete, valid list, whatever is sent.

use crate::server::{FIRST, Server, Step, TODAY, answer, ok};
use crate::support::{builder, call, client, within};
use std::time::Duration;
use turso_api_tokens::{Access, Error};

fn raw(text: &str) -> Step {
    Step::Reply(text.as_bytes().to_vec())
}

fn names(steps: impl IntoIterator<Item = Step>) -> Vec<String> {
    call(steps).unwrap().into_iter().map(|token| token.name).collect()
}

#[test]
fn the_answer_of_the_first_documentation_is_two_unrestricted_tokens() {
    let tokens = call([ok(FIRST)]).unwrap();
    assert_eq!(tokens.len(), 2);
    assert_eq!((tokens[0].name.as_str(), tokens[0].id.as_str()), ("token1", "SYzcpe3jEe2We-rqOx4wmQ"));
    assert!(tokens.iter().all(|token| token.access() == Access::Unrestricted));
    assert!(tokens.iter().all(|token| token.created_at.is_none() && token.scopes.is_empty()));
}

#[test]
fn the_answer_of_today_holds_every_kind_of_token() {
    let tokens = call([ok(TODAY)]).unwrap();
    assert_eq!(tokens[0].access(), Access::Unrestricted);
    assert!(matches!(tokens[1].access(), Access::Organization { organization: "acme", .. }));
    let Access::Group { organization: "acme", group: "edge", scopes, .. } = tokens[3].access() else { panic!() };
    assert_eq!(scopes, ["read", "db:mint-token"]);
    assert_eq!(tokens[3].created_at.as_deref(), Some("2026-10-05"));
}

#[test]
fn null_and_absence_are_taken_where_the_api_leaves_things_out() {
    for (body, count) in [
        (r#"{"tokens":null}"#, 0),
        (r#"{"tokens":[]}"#, 0),
        (" {\n\"tokens\" : [ ] }\r\n\t", 0),
        (r#"{"tokens":[{"name":"a","id":"b","organization":null,"group":null,"scopes":null,"created_at":null}]}"#, 1),
        (r#"{"tokens":[{"name":"a","id":"b","organization":"","group":"","scopes":[],"created_at":""}]}"#, 1),
        (r#"{"new":{"deep":[[1e3,-0.5,null,true,{"tokens":[{}]}]]},"tokens":[{"id":"b","name":"a","later":[{}]}]}"#, 1),
    ] {
        let tokens = call([ok(body)]).unwrap();
        assert_eq!(tokens.len(), count, "{body}");
        assert!(
            tokens.iter().all(|token| token.access() == Access::Unrestricted && token.organization.is_none()),
            "{body}"
        );
    }
}

#[test]
fn a_body_of_another_shape_is_an_error_and_never_a_partial_list() {
    let token = r#"{"name":"a","id":"b"}"#;
    for body in [
        "",
        " ",
        "null",
        "true",
        "0",
        "\"tokens\"",
        "[]",
        "{}",
        "[[]]",
        "[null]",
        "not json",
        "<html></html>",
        r#"{"token":[]}"#,
        r#"{"Tokens":[]}"#,
        r#"{"tokens":{}}"#,
        r#"{"tokens":"x"}"#,
        r#"{"tokens":0}"#,
        r#"{"tokens":false}"#,
        r#"{"tokens":[null]}"#,
        r#"{"tokens":[[]]}"#,
        r#"{"tokens":[["a","b"]]}"#,
        r#"{"tokens":["a"]}"#,
        r#"{"tokens":[{}]}"#,
        r#"{"tokens":[{"name":"a"}]}"#,
        r#"{"tokens":[{"id":"b"}]}"#,
        r#"{"tokens":[{"name":null,"id":"b"}]}"#,
        r#"{"tokens":[{"name":"a","id":null}]}"#,
        r#"{"tokens":[{"name":1,"id":"b"}]}"#,
        r#"{"tokens":[{"name":["a"],"id":"b"}]}"#,
        r#"{"tokens":[{"name":"a","id":"b","organization":1}]}"#,
        r#"{"tokens":[{"name":"a","id":"b","group":{}}]}"#,
        r#"{"tokens":[{"name":"a","id":"b","scopes":"read"}]}"#,
        r#"{"tokens":[{"name":"a","id":"b","scopes":[null]}]}"#,
        r#"{"tokens":[{"name":"a","id":"b","scopes":[1]}]}"#,
        r#"{"tokens":[{"name":"a","id":"b","scopes":{}}]}"#,
        r#"{"tokens":[{"name":"a","id":"b","created_at":20240101}]}"#,
        r#"{"tokens":[]} x"#,
        r#"{"tokens":[]}{"tokens":[]}"#,
        r#"{"tokens":[]"#,
        r#"{"tokens":[],}"#,
        r#"{"tokens":[{"name":"\ud800","id":"b"}]}"#,
        r#"{"tokens":[{"name":"\udc00\ud800","id":"b"}]}"#,
        r#"{"tokens":[{"name":"\x","id":"b"}]}"#,
        "{\"tokens\":[{\"name\":\"a\nb\",\"id\":\"b\"}]}",
        "\u{feff}{\"tokens\":[]}",
        "{\"tokens\":[]}\0",
        &format!(r#"{{"tokens":[{token},{token},{{"name":"c"}}]}}"#),
        &format!(r#"{{"tokens":[{token},]}}"#),
        &format!(r#"{{"tokens":[{token}"#),
    ] {
        let error = call([ok(body)]).expect_err(body);
        assert!(matches!(error, Error::InvalidAnswer { .. }), "{body}: {error:?}");
    }
}

#[test]
fn what_is_wrong_with_an_answer_is_said() {
    let says = |step, words: &str| {
        let said = format!("{:#}", call([step]).unwrap_err());
        assert!(said.contains(words), "{said}");
    };
    says(
        answer("200 OK", "Content-Type: text/html\r\n", "<!DOCTYPE html>\n<p>\u{1b}[31mhi"),
        r"text/html that begin with <!DOCTYPE html>\n<p>\u{1b}[31mhi",
    );
    says(ok(""), "it is empty");
    says(ok(r#"{"tokens":[{"name":"a","id":"b"},{"name":"c"}]}"#), "item 2: missing field `id`");
    says(answer("200 OK", "Content-Encoding: zstd\r\n", "x"), "encoded as zstd, which was not asked for");
    says(Step::Reply(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab\xffcd".to_vec()), "byte 3 of it is not UTF-8");
    #[cfg(feature = "serde")]
    says(ok("{\n\"tokens\": 1}"), "line 2 column 11");
}

#[test]
fn a_body_cut_short_at_any_byte_is_an_error() {
    let length = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{FIRST}", FIRST.len());
    let (start, end) = FIRST.split_at(40);
    let chunked = format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{start}\r\n{:x}\r\n{end}\r\n0\r\n\r\n",
        start.len(),
        end.len()
    );
    let until_close = format!("HTTP/1.0 200 OK\r\n\r\n{FIRST}");
    // Behind the last chunk's own line only an empty line is missing: ureq takes that for whole, and all data is there.
    for (whole, missing) in [(&length, 1), (&chunked, 3), (&until_close, 1)] {
        assert_eq!(call([raw(whole), Step::Close]).unwrap().len(), 2);
        let steps = (0..=whole.len() - missing).flat_map(|cut| [raw(&whole[..cut]), Step::Close]);
        let server = Server::script(steps);
        let client = client(&server.url());
        for cut in 0..=whole.len() - missing {
            let error = client.list().expect_err(&whole[..cut]);
            assert!(matches!(error, Error::Connection { .. } | Error::InvalidAnswer { .. }), "{cut}: {error:?}");
        }
    }
}

#[test]
fn http_that_is_wrong_is_an_error() {
    for reply in [
        "HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{\"tokens\":[]}",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{\"tokens\":[]}",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{\"tokens\":[]}",
        "HTTP/1.1 200 OK\r\nContent-Length: 13\r\nContent-Length: 12\r\n\r\n{\"tokens\":[]}",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nd\r\n{\"tokens\":[]}\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n{\"tokens\":[]}\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{\"tokens\":[]}\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"tokens\":[]}\r\n0\r\n\r\n",
        "HTTP/2 200 OK\r\n\r\n{\"tokens\":[]}",
        "HTTP/1.1 20 OK\r\n\r\n{\"tokens\":[]}",
        "220 mail.example ESMTP\r\n",
        "{\"tokens\":[]}",
        "\r\n",
        "\0\0\0\0",
    ] {
        let error = within(1, || call([raw(reply), Step::Close])).expect_err(reply);
        assert!(matches!(error, Error::Connection { .. } | Error::InvalidAnswer { .. }), "{reply}: {error:?}");
    }
}

#[test]
fn http_that_is_unusual_but_valid_works() {
    let none = r#"{"tokens":[]}"#;
    for reply in [
        format!("HTTP/1.0 200 OK\r\n\r\n{none}"),
        format!("HTTP/1.1 200\r\nContent-Length: 13\r\n\r\n{none}"),
        format!("HTTP/1.1 200 OK\r\ncontent-length:13\r\nX: \r\n\r\n{none}"),
        format!("HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Length: 13\r\n\r\n{none}"),
        format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nd;name=value\r\n{none}\r\n0;x\r\nTrailer: yes\r\n\r\n"
        ),
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nD\r\n{none}\r\n0\r\n\r\n"),
        format!(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{none}"
        ),
    ] {
        assert_eq!(names([raw(&reply), Step::Close]), [""; 0], "{reply}");
    }
    let slow = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{FIRST}", FIRST.len());
    assert_eq!(names([Step::Drip(slow.into_bytes(), Duration::from_millis(1))]), ["token1", "token2"]);
}

#[test]
fn an_interim_answer_may_come_in_one_piece_with_a_large_answer() {
    for interim in ["HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"] {
        for length in [20_000, 60_000, 100_000] {
            let body = format!("{FIRST}{}", " ".repeat(length));
            let answer = format!("{interim}HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            assert!(call([raw(&answer)]).unwrap().len() >= 2, "{length}");
        }
    }
}

#[test]
fn a_body_that_the_end_of_the_connection_cuts_short_is_a_lost_connection_whatever_its_framing() {
    for head in ["Content-Length: 108\r\n", "Transfer-Encoding: chunked\r\n", ""] {
        let chunk = if head.starts_with('T') { "6c\r\n" } else { "" };
        for cut in [0, 1, 50, FIRST.len() - 1] {
            let part = format!("HTTP/1.1 200 OK\r\n{head}\r\n{chunk}{}", &FIRST[..cut]);
            for steps in [vec![raw(&part), Step::Close], vec![Step::Reset(part.clone().into_bytes())]] {
                let error = call(steps).unwrap_err();
                assert!(matches!(error, Error::Connection { .. }) && error.is_transient(), "{head} {cut}: {error:?}");
            }
        }
    }
}

#[test]
fn what_follows_an_answer_is_never_taken_for_the_next_one() {
    let wrong = format!("HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{}", r#"{"tokens":[]}"#);
    let framed = |extra: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{FIRST}{extra}", FIRST.len());
    let server = Server::script([raw(&framed(&wrong)), ok(FIRST), raw(&framed("\r\n")), ok(FIRST)]);
    let client = client(&server.url());
    for _ in 0..4 {
        assert_eq!(client.list().unwrap().len(), 2);
    }
}

#[test]
fn text_in_another_charset_is_refused_and_never_converted() {
    let text = |kind: &str| answer("200 OK", &format!("Content-Type: {kind}\r\n"), FIRST);
    for kind in
        ["text/plain; charset=utf-8", "text/plain;charset=UTF-8", "application/json; charset=latin1", "text/plain"]
    {
        assert_eq!(call([text(kind)]).unwrap().len(), 2, "{kind}");
    }
    let error = call([text("text/plain; charset=iso-8859-1")]).unwrap_err();
    assert!(error.to_string().contains("text/plain; charset=iso-8859-1, not UTF-8"), "{error}");
}

#[test]
fn a_coding_that_comes_unasked_is_refused_or_decoded_within_the_limit() {
    // An empty list, by gzip and brotli.
    let gzip = b"\x1f\x8b\x08\0\0\0\0\0\x02\x03\xabV*\xc9\xcfN\xcd+V\xb2\x8a\x8e\xad\x05\0\x57\xcc\x89\xbd\x0d\0\0\0";
    let brotli = b"\x0b\x06\x80{\"tokens\":[]}\x03";
    for (coding, body) in [("gzip", &gzip[..]), ("br", brotli), ("deflate", b"x"), ("gzip, br", b"x")] {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n", body.len());
        let limited = |limit, body: &[u8]| {
            let server = Server::script([Step::Reply([head.as_bytes(), body].concat()), Step::Close]);
            builder(&server.url()).retries(0).max_response_bytes(limit).build().unwrap().list()
        };
        let decoded = limited(1000, body);
        if let Ok(tokens) = &decoded {
            assert!(tokens.is_empty(), "{coding}");
            assert!(matches!(limited(5, body), Err(Error::TooLarge { limit: 5, .. })), "{coding}");
            let broken = limited(1000, &body[..body.len() - 9]).unwrap_err();
            assert!(!matches!(broken, Error::Tls { .. }), "{broken:?}");
        } else {
            assert!(decoded.unwrap_err().to_string().contains(&format!("encoded as {coding}")), "{coding}");
        }
        // An error's status is worth more than its body.
        let refused = [head.replace("200 OK", "404 x").as_bytes(), body].concat();
        assert_eq!(call([Step::Reply(refused), Step::Close]).unwrap_err().status(), Some(404));
    }
}

#[cfg(feature = "serde")]
#[test]
fn tokens_go_through_any_format_of_serde_and_come_back_the_same() {
    let tokens = call([ok(TODAY)]).unwrap();
    let json = serde_json::to_string(&tokens).unwrap();
    assert!(json.starts_with(
        r#"[{"name":"laptop","id":"clGFZ4STEe6fljpFzIum8A","organization":null,"group":null,"scopes":[],"created_at":"#
    ));
    assert_eq!(serde_json::from_str::<Vec<turso_api_tokens::ApiToken>>(&json).unwrap(), tokens);
    let bytes = postcard::to_allocvec(&tokens).unwrap();
    assert_eq!(postcard::from_bytes::<Vec<turso_api_tokens::ApiToken>>(&bytes).unwrap(), tokens);
    let sparse = r#"{"name":"a","id":"b","organization":"","scopes":null}"#;
    let token: turso_api_tokens::ApiToken = serde_json::from_str(sparse).unwrap();
    assert_eq!((token.access(), token.scopes.len()), (Access::Unrestricted, 0));
    assert!(serde_json::from_str::<turso_api_tokens::ApiToken>(r#"{"name":"a"}"#).is_err());
    assert_eq!(serde_json::to_string(&token.access()).unwrap(), r#""unrestricted""#);
}

#[test]
fn a_portals_401_or_403_is_not_the_apis() {
    for status in ["401 x", "403 x"] {
        for page in [
            answer(status, "Content-Type: text/html\r\n", "Sign in"),
            answer(status, "", "\n<!doctype HTML><title>Sign in</title>"),
        ] {
            let error = call([page]).unwrap_err();
            assert!(matches!(&error, Error::Status { message, .. } if message.contains("Sign in")), "{error:?}");
        }
    }
}

#[test]
fn an_answer_without_a_network_decodes_as_one_that_came() {
    let made = turso_api_tokens::Answer::from_json(TODAY);
    let came = client(&Server::script([ok(TODAY)]).url()).fetch().unwrap();
    assert_eq!(made, came);
    assert_eq!(made.json(), TODAY);
    assert_eq!(made.tokens().unwrap(), came.tokens().unwrap());
    assert_ne!(made, turso_api_tokens::Answer::from_json(FIRST));
    assert!(turso_api_tokens::Answer::from_json("{}").tokens().unwrap_err().to_string().contains("from_json"));
}

#[test]
fn every_status_but_200_is_an_error_that_names_it() {
    for status in [
        101, 201, 202, 203, 204, 205, 206, 226, 299, 300, 304, 305, 400, 402, 404, 408, 409, 418, 451, 501, 505, 599,
        600, 999,
    ] {
        let error = call([answer(&status.to_string(), "", ""), Step::Close]).unwrap_err();
        assert_eq!(error.status(), Some(status), "{error:?}");
        assert!(!error.is_transient(), "{error:?}");
    }
    for status in ["000", "099"] {
        assert!(call([answer(status, "", r#"{"tokens":[]}"#)]).is_err());
    }
}

#[test]
fn the_apis_error_text_is_kept_whatever_its_form() {
    for (body, message) in [
        (r#"{"error":"no such thing"}"#, "no such thing"),
        (r#"{"code":"gone","error":"no such thing"}"#, "no such thing (gone)"),
        (r#"{"error":{"message":"deep"}}"#, r#"{"error":{"message":"deep"}}"#),
        (r#"{"error":42,"code":null}"#, r#"{"error":42,"code":null}"#),
        ("<html>Bad Gateway</html>\n", "<html>Bad Gateway</html>"),
        ("", ""),
    ] {
        let error = call([answer("404 Not Found", "", body)]).unwrap_err();
        assert!(matches!(&error, Error::Status { message: said, .. } if said == message), "{error:?}");
    }
    // A status is worth more than its body.
    let lost = call([raw("HTTP/1.1 409 Conflict\r\nContent-Length: 99\r\n\r\nhalf"), Step::Close]).unwrap_err();
    assert!(matches!(&lost, Error::Status { status: 409, message, .. } if message == "half"), "{lost:?}");
}

#[test]
fn a_body_above_the_limit_is_refused_and_one_at_the_limit_is_not() {
    let limited = |limit, step| {
        let server = Server::script([step, Step::Close]);
        builder(&server.url()).retries(0).max_response_bytes(limit).build().unwrap().list()
    };
    let size = FIRST.len() as u64;
    let chunked =
        || raw(&format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{size:x}\r\n{FIRST}\r\n0\r\n\r\n"));
    assert_eq!(limited(size, ok(FIRST)).unwrap().len(), 2);
    assert_eq!(limited(size, chunked()).unwrap().len(), 2);
    for step in [ok(FIRST), chunked()] {
        assert!(matches!(limited(size - 1, step), Err(Error::TooLarge { limit, .. }) if limit == size - 1));
    }
}

#[test]
fn a_huge_length_is_refused_unread_and_endless_bodies_and_headers_end_at_their_limit() {
    let huge = |length: &str| raw(&format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n"));
    for length in ["8388609", "999999999999", "18446744073709551615"] {
        // The server sends nothing more and keeps the connection: only an unread refusal is quick.
        assert!(matches!(within(1, || call([huge(length), Step::Silence])), Err(Error::TooLarge { .. })), "{length}");
    }
    let endless = |first: &str, again: &str| Step::Endless(first.into(), again.into());
    let body = endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "8\r\n[[[[[[[[\r\n");
    assert!(matches!(call([body]), Err(Error::TooLarge { .. })));
    let until_close = endless("HTTP/1.1 200 OK\r\n\r\n", "                ");
    assert!(matches!(call([until_close]), Err(Error::TooLarge { .. })));
    let header = endless("HTTP/1.1 200 OK\r\nX: ", "xxxxxxxxxxxxxxxx");
    assert!(matches!(call([header]), Err(Error::InvalidAnswer { .. })));
    let headers = endless("HTTP/1.1 200 OK\r\n", "X: x\r\n");
    assert!(matches!(call([headers]), Err(Error::InvalidAnswer { .. })));
    let error = endless("HTTP/1.1 404 Not Found\r\n\r\n", "x");
    assert_eq!(call([error]).unwrap_err().status(), Some(404));
}

#[test]
fn eight_mebibytes_of_nesting_neither_overflow_the_stack_nor_pass() {
    for open in ["[", "{\"a\":"] {
        let deep = format!("{{\"x\":{}", open.repeat((8 << 20) / open.len() - 10));
        assert!(matches!(call([ok(&deep)]), Err(Error::InvalidAnswer { .. })));
        assert!(call([answer("500 x", "", &deep)]).is_err());
    }
}
