//! `Ok` only for a complete, valid list, and every other body is described.

use crate::server::{CURRENT_LIST, ORIGINAL_LIST, Server, Step, ok};
use crate::support::{builder, call, client};
#[cfg(feature = "serde")]
use turso_api_tokens::ApiToken;
use turso_api_tokens::{Access, Answer, AnswerFailure, Error};

/// What is wrong with a body, and the kind of fault.
fn problem(body: &str) -> (String, AnswerFailure) {
    match call([ok(body)]).expect_err(body) {
        Error::InvalidAnswer {
            problem,
            reason,
            source: None,
            ..
        } => (problem, reason),
        error => panic!("{body}: {error:?}"),
    }
}

#[test]
fn the_original_list_is_two_unrestricted_tokens() {
    let tokens = call([ok(ORIGINAL_LIST)]).unwrap();
    let fields: Vec<_> = tokens
        .iter()
        .map(|token| (token.name.as_str(), token.id.as_str()))
        .collect();
    assert_eq!(
        fields,
        [
            ("token1", "SYzcpe3jEe2We-rqOx4wmQ"),
            ("token2", "wPvoKe3qEe2We-rqOx4wmQ")
        ]
    );
    assert!(
        tokens
            .iter()
            .all(|token| token.access() == Access::Unrestricted)
    );
    assert!(
        tokens
            .iter()
            .all(|token| token.created_at.is_none() && token.scopes.is_empty())
    );
}

#[test]
fn the_current_list_holds_every_kind_of_token() {
    let tokens = call([ok(CURRENT_LIST)]).unwrap();
    assert_eq!(tokens[0].access(), Access::Unrestricted);
    assert!(matches!(
        tokens[1].access(),
        Access::Organization {
            organization: "acme",
            ..
        }
    ));
    let Access::Group {
        organization: "acme",
        group: "edge",
        scopes,
        ..
    } = tokens[3].access()
    else {
        panic!()
    };
    assert_eq!(scopes, ["read", "db:mint-token"]);
    assert_eq!(tokens[3].created_at.as_deref(), Some("2026-10-05"));
}

#[test]
fn a_group_without_an_organization_is_unrestricted_as_nothing_says_otherwise() {
    let tokens = call([ok(
        r#"{"tokens":[{"name":"a","id":"b","group":"edge","scopes":["read"]}]}"#,
    )])
    .unwrap();
    assert_eq!(tokens[0].access(), Access::Unrestricted);
    assert_eq!(tokens[0].group.as_deref(), Some("edge"));
}

#[test]
fn missing_and_null_optional_fields_are_accepted() {
    for (body, count) in [
        (r#"{"tokens":null}"#, 0),
        (r#"{"tokens":[]}"#, 0),
        (" {\n\"tokens\" : [ ] }\r\n\t", 0),
        (
            r#"{"tokens":[{"name":"a","id":"b","organization":null,"group":null,"scopes":null,"created_at":null}]}"#,
            1,
        ),
        (
            r#"{"tokens":[{"name":"a","id":"b","organization":"","group":"","scopes":[],"created_at":""}]}"#,
            1,
        ),
        (
            r#"{"new":{"deep":[[1e3,-0.5,null,true,{"tokens":[{}]}]]},"tokens":[{"id":"b","name":"a","later":[{}]}]}"#,
            1,
        ),
    ] {
        let tokens = call([ok(body)]).unwrap();
        assert_eq!(tokens.len(), count, "{body}");
        assert!(
            tokens.iter().all(|token| token.access() == Access::Unrestricted && token.organization.is_none()),
            "{body}"
        );
    }
}

/// Shapes that the unit tests of the decoder do not have: text that is not quite JSON.
#[test]
fn a_body_that_is_not_quite_json_is_an_error_and_never_a_partial_list() {
    let token = r#"{"name":"a","id":"b"}"#;
    for body in [
        r#"{"tokens":[{"name":"\ud800","id":"b"}]}"#,
        r#"{"tokens":[{"name":"\udc00\ud800","id":"b"}]}"#,
        r#"{"tokens":[{"name":"\x","id":"b"}]}"#,
        "{\"tokens\":[{\"name\":\"a\nb\",\"id\":\"b\"}]}",
        "\u{feff}{\"tokens\":[]}",
        "{\"tokens\":[]}\0",
        r#"{"tokens":[]}{"tokens":[]}"#,
        &format!(r#"{{"tokens":[{token},]}}"#),
        &format!(r#"{{"tokens":[{token}{token}]}}"#),
        &format!(r#"{{"tokens":[{token}]"#),
    ] {
        let error = Answer::from_json(body).tokens().expect_err(body);
        assert!(
            matches!(error, Error::InvalidAnswer { .. }),
            "{body}: {error:?}"
        );
    }
}

#[test]
fn a_faulty_token_is_named_by_its_number_and_field() {
    let body = CURRENT_LIST.replace(r#"["read","db:mint-token"]"#, r#""read""#);
    let error = call([ok(&body)]).unwrap_err();
    assert!(
        matches!(
            error,
            Error::InvalidAnswer {
                reason: AnswerFailure::Token(4),
                ..
            }
        ),
        "{error:?}"
    );
    assert!(
        error
            .to_string()
            .ends_with(": token 4: `scopes` is not a list of strings"),
        "{error}"
    );
    let missing = r#"{"tokens":[{"name":"a","id":"b"},{"name":"c"}]}"#;
    assert_eq!(
        problem(missing),
        (
            "token 2: `id` is missing".to_owned(),
            AnswerFailure::Token(2)
        )
    );
}

#[test]
fn a_body_that_ends_in_the_middle_is_told_with_its_length() {
    assert_eq!(
        problem(&CURRENT_LIST[..150]),
        (
            "it ends in the middle, after 150 bytes".to_owned(),
            AnswerFailure::Incomplete
        )
    );
    assert_eq!(
        problem(&ORIGINAL_LIST[..107]),
        (
            "it ends in the middle, after 107 bytes".to_owned(),
            AnswerFailure::Incomplete
        )
    );
}

#[test]
fn a_body_that_is_not_a_list_is_told_with_its_beginning() {
    let expected = r"it is not JSON; it begins with blocked by policy\n\u{1b}[31m";
    assert_eq!(problem("blocked by policy\n\u{1b}[31m").0, expected);
    assert_eq!(
        problem(r#"{"token":[]}"#).0,
        r#"it has no `tokens`; it begins with {"token":[]}"#
    );
    assert_eq!(problem("").0, "it is empty");
}

#[test]
fn a_large_body_that_is_not_a_list_is_told_with_its_size_and_beginning() {
    let body = format!("{{\"tokens\":[\"{}\"]}}", "x".repeat(1_500_000));
    let begin = format!("{{\"tokens\":[\"{}…", "x".repeat(108));
    assert_eq!(
        problem(&body),
        (
            format!("it is 1500015 bytes that begin with {begin}"),
            AnswerFailure::NotAList
        )
    );
}

#[test]
fn a_body_full_of_control_characters_gives_a_short_message() {
    let body = format!("{{\"tokens\":[\"{}\"]}}", "\u{7f}".repeat(1_000_000));
    let error = call([ok(&body)]).unwrap_err();
    assert!(
        format!("{error:#?}").len() < 2_000,
        "{} bytes",
        format!("{error:#?}").len()
    );
}

#[test]
fn nesting_up_to_the_limit_neither_overflows_the_stack_nor_is_a_list() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let depth = (2 << 20) / open.len() - 10;
        let unfinished = format!("{{\"x\":{}", open.repeat(depth));
        assert!(
            problem(&unfinished)
                .0
                .starts_with("it ends in the middle, after ")
        );
        // As large as one that is parsed for a diagnosis can be.
        let depth = (1 << 20) / (open.len() + close.len()) - 10;
        let finished = format!("{{\"x\":{}0{}}}", open.repeat(depth), close.repeat(depth));
        assert!(!problem(&finished).0.starts_with("it ends in the middle"));
        let server = Server::script([
            crate::server::response("500 x", "", &unfinished),
            Step::Close,
        ]);
        assert_eq!(
            client(&server.url()).list().unwrap_err().status(),
            Some(500)
        );
    }
}

#[test]
fn an_answer_made_from_json_decodes_as_one_that_was_fetched() {
    let made = Answer::from_json(CURRENT_LIST);
    let fetched = client(&Server::script([ok(CURRENT_LIST)]).url())
        .fetch()
        .unwrap();
    assert_eq!(made, fetched);
    assert_eq!(made.json(), CURRENT_LIST);
    assert_eq!(made.tokens().unwrap(), fetched.tokens().unwrap());
    assert_ne!(made, Answer::from_json(ORIGINAL_LIST));
    let error = Answer::from_json("{}").tokens().unwrap_err();
    assert!(
        matches!(&error, Error::InvalidAnswer { url, .. } if url == "Answer::from_json"),
        "{error:?}"
    );
}

#[test]
fn fetch_keeps_the_body_as_it_came() {
    let body = " {\"tokens\" :\n[ ], \"é\":1}\n ";
    let answer = client(&Server::script([ok(body)]).url()).fetch().unwrap();
    assert_eq!(answer.json(), body);
    assert_eq!(answer.tokens().unwrap(), []);
}

#[test]
fn a_body_above_the_limit_is_refused_and_one_at_the_limit_is_not() {
    let limited = |limit, step| {
        let server = Server::script([step, Step::Close]);
        builder(&server.url())
            .retries(0)
            .max_response_bytes(limit)
            .build()
            .unwrap()
            .list()
    };
    let size = ORIGINAL_LIST.len() as u64;
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunked =
        || Step::Reply(format!("{head}{size:x}\r\n{ORIGINAL_LIST}\r\n0\r\n\r\n").into_bytes());
    assert_eq!(limited(size, ok(ORIGINAL_LIST)).unwrap().len(), 2);
    assert_eq!(limited(size, chunked()).unwrap().len(), 2);
    for step in [ok(ORIGINAL_LIST), chunked()] {
        let error = limited(size - 1, step).unwrap_err();
        assert!(
            matches!(error, Error::TooLarge { limit, .. } if limit == size - 1),
            "{error:?}"
        );
    }
}

#[test]
fn the_default_limit_is_2_mib() {
    let padded = |length: usize| {
        format!(
            "{}{}",
            ORIGINAL_LIST,
            " ".repeat(length - ORIGINAL_LIST.len())
        )
    };
    assert_eq!(call([ok(&padded(2 << 20))]).unwrap().len(), 2);
    let error = call([ok(&padded((2 << 20) + 1))]).unwrap_err();
    assert!(
        error.to_string().ends_with(" is larger than 2 MiB"),
        "{error}"
    );
}

#[cfg(feature = "serde")]
#[test]
fn tokens_are_the_same_after_a_round_trip_through_any_serde_format() {
    let tokens = call([ok(CURRENT_LIST)]).unwrap();
    let json = serde_json::to_string(&tokens).unwrap();
    assert!(json.starts_with(
        r#"[{"name":"laptop","id":"clGFZ4STEe6fljpFzIum8A","organization":null,"group":null,"scopes":[],"created_at":"#
    ));
    assert_eq!(
        serde_json::from_str::<Vec<ApiToken>>(&json).unwrap(),
        tokens
    );
    let bytes = postcard::to_allocvec(&tokens).unwrap();
    assert_eq!(
        postcard::from_bytes::<Vec<ApiToken>>(&bytes).unwrap(),
        tokens
    );
    let sparse = r#"{"name":"a","id":"b","organization":"","scopes":null}"#;
    let token: ApiToken = serde_json::from_str(sparse).unwrap();
    assert_eq!(
        (token.access(), token.scopes.len()),
        (Access::Unrestricted, 0)
    );
    let error = serde_json::from_str::<ApiToken>(r#"{"name":"a"}"#).unwrap_err();
    assert!(error.to_string().contains("`id`"), "{error}");
}

#[cfg(feature = "serde")]
#[test]
fn access_is_serialized_in_snake_case_with_its_fields() {
    let tokens = call([ok(CURRENT_LIST)]).unwrap();
    let access: Vec<_> = tokens.iter().map(ApiToken::access).collect();
    assert_eq!(
        serde_json::to_value(access).unwrap(),
        serde_json::json!([
            "unrestricted",
            {"organization": {"organization": "acme"}},
            {"group": {"organization": "acme", "group": "default", "scopes": ["read"]}},
            {"group": {"organization": "acme", "group": "edge", "scopes": ["read", "db:mint-token"]}},
        ])
    );
}
