//! Checks: which tokens must exist, and which must not, so that the exit code can be trusted.

use crate::server::{CURRENT_LIST, Server, error, ok};
use crate::support::{Finished, assert_line, lines, program};
use turso_api_tokens::{Answer, ApiToken, Date};

fn run(args: &[&str]) -> Finished {
    run_with(CURRENT_LIST, args)
}

fn run_with(body: &str, args: &[&str]) -> Finished {
    program(&Server::script([ok(body)]).url(), args).run()
}

/// Asserts that exactly these checks fail, in this order, and nothing is printed.
#[track_caller]
fn assert_failures(finished: &Finished, expected: &[&str]) {
    assert_eq!(lines(&finished.stderr), expected);
    let code = i32::from(!expected.is_empty());
    assert_eq!((finished.code, finished.stdout.as_str()), (code, ""));
}

#[test]
fn checks_that_pass_change_nothing() {
    let without = run(&[]).succeeded();
    assert_eq!(
        run(&[
            "--require",
            "ci",
            "--require=backup",
            "--deny",
            "older-than=36500d"
        ])
        .succeeded(),
        without
    );
    assert_eq!(run(&["--quiet", "--require", "ci"]).succeeded(), "");
}

#[test]
fn every_check_that_fails_is_a_line_and_all_are_evaluated() {
    let args = [
        "-q",
        "--require",
        "gone",
        "--deny",
        "unrestricted",
        "--require",
        "lost",
        "--deny",
        "older-than=36500d",
    ];
    assert_failures(
        &run(&args),
        &[
            "--require gone: no token has this name",
            "--require lost: no token has this name",
            "--deny unrestricted: laptop (clGFZ4STEe6fljpFzIum8A) may act on every organization",
        ],
    );
}

#[test]
fn a_token_that_is_too_old_is_reported_with_its_age() {
    let today = Date::today_utc();
    let age = today.days_since(Date::parse("2023-11-16").unwrap());
    let body = r#"{"tokens":[{"name":"laptop","id":"1","created_at":"2023-11-16"}]}"#;
    let finished = run_with(body, &["-q", "--deny", "older-than=1d"]);
    let expected =
        format!("--deny older-than=1d: laptop (1) was created on 2023-11-16, {age} days ago");
    assert_failures(&finished, &[&expected]);
}

#[test]
fn deny_any_with_allow_is_an_allow_list() {
    let allowed = [
        "-q", "--deny", "any", "--allow", "laptop", "--allow", "ci", "--allow", "backup",
    ];
    assert_failures(
        &run(&allowed),
        &["--deny any: deploy (0Qm1bJ3mEe2We-rqOx4wmQ) is not allowed"],
    );
    assert_failures(&run(&[&allowed[..], &["--allow=deploy"]].concat()), &[]);
}

#[test]
fn deny_any_passes_where_there_is_no_token() {
    assert_failures(&run_with(r#"{"tokens":[]}"#, &["-q", "--deny", "any"]), &[]);
}

#[test]
fn without_a_list_no_check_passes_or_is_reported_and_the_exit_code_is_that_of_the_call() {
    let args = [
        "--retries=0",
        "-q",
        "--require",
        "gone",
        "--deny",
        "any",
        "--allow",
        "ci",
    ];
    for (step, code) in [
        (error("401 x", "no"), 3),
        (error("503 x", "no"), 4),
        (ok("{}"), 5),
    ] {
        let server = Server::script([step]);
        let stderr = program(&server.url(), &args).run().failed(code);
        assert!(
            !stderr.contains("--require") && !stderr.contains("--deny"),
            "{stderr}"
        );
    }
}

#[test]
fn allow_exempts_a_token_from_every_rule() {
    assert_failures(
        &run(&["-q", "--deny", "unrestricted", "--allow", "laptop"]),
        &[],
    );
    let body = r#"{"tokens":[{"name":"a","id":"1"},{"name":"b","id":"2"}]}"#;
    let finished = run_with(
        body,
        &[
            "-q",
            "--deny",
            "older-than=90d",
            "--deny",
            "any",
            "--allow",
            "a",
        ],
    );
    assert_failures(
        &finished,
        &[
            "--deny older-than=90d: b (2) has no date of creation",
            "--deny any: b (2) is not allowed",
        ],
    );
}

#[test]
fn allow_does_not_exempt_from_require() {
    let finished = run(&[
        "-q",
        "--require",
        "gone",
        "--deny=unrestricted",
        "--allow",
        "gone",
        "--allow=laptop",
    ]);
    assert_failures(&finished, &["--require gone: no token has this name"]);
}

#[test]
fn allow_without_deny_is_an_error_before_anything_is_sent() {
    let server = Server::script([]);
    let stderr = program(&server.url(), &["--allow", "ci"]).run().failed(2);
    assert!(
        stderr.contains("--allow exempts a token from --deny, so without --deny it checks nothing"),
        "{stderr}"
    );
    assert_eq!(server.connections(), 0);
}

#[test]
fn an_allowed_token_need_not_exist() {
    assert_failures(
        &run(&["-q", "--deny=older-than=36500d", "--allow", "gone"]),
        &[],
    );
}

#[test]
fn an_allowed_name_is_compared_in_full() {
    let finished = run(&[
        "-q",
        "--deny",
        "unrestricted",
        "--allow",
        "lap",
        "--allow",
        "Laptop",
        "--allow",
        "laptop2",
    ]);
    assert_failures(
        &finished,
        &["--deny unrestricted: laptop (clGFZ4STEe6fljpFzIum8A) may act on every organization"],
    );
}

#[test]
fn an_empty_name_is_a_usage_error() {
    for option in ["--allow", "--require"] {
        let stderr = program("http://127.0.0.1:1", &[option, ""]).run().failed(2);
        assert_line(
            &stderr,
            &format!("{option} takes the name of a token, not an empty one; see --help"),
        );
    }
}

#[test]
fn an_unknown_rule_is_a_usage_error_that_lists_the_rules() {
    let stderr = program("http://127.0.0.1:1", &["--deny", "old"])
        .run()
        .failed(2);
    assert_line(
        &stderr,
        "unknown rule for --deny; the rules are unrestricted, older-than=<DAYS>d with 1 to 36500 days, and any; see --help",
    );
}

#[test]
fn the_list_is_printed_as_without_checks() {
    for mode in [&[][..], &["--json"], &["--tsv"]] {
        let without = run(mode).succeeded();
        let failing = run(&[mode, &["--deny", "unrestricted"]].concat());
        assert_eq!((failing.code, failing.stdout), (1, without));
        assert_eq!(failing.stderr.lines().count(), 1);
    }
}

fn created(on: Option<&str>) -> ApiToken {
    let field = on
        .map(|on| format!(r#","created_at":"{on}""#))
        .unwrap_or_default();
    let answer = Answer::from_json(format!(r#"{{"tokens":[{{"name":"a","id":"b"{field}}}]}}"#));
    answer.tokens().unwrap().remove(0)
}

#[test]
fn older_than_counts_calendar_days_and_fails_closed_on_missing_data() {
    let today = Date::parse("2024-03-01").unwrap();
    for (on, older_than_1, older_than_2) in [
        (Some("2999-12-31"), true, true),
        (Some("2024-03-03"), true, true),
        (Some("2024-03-02"), false, false),
        (Some("2024-03-01"), false, false),
        (Some("2024-02-29"), false, false),
        (Some("2024-02-28"), true, false),
        (Some("2024-02-28T23:59:59Z"), true, false),
        (Some("2024-02-27"), true, true),
        (Some("2023-02-29"), true, true),
        (Some("yesterday"), true, true),
        (Some(""), true, true),
        (None, true, true),
    ] {
        let token = created(on);
        let found = (token.is_older_than(1, today), token.is_older_than(2, today));
        assert_eq!(found, (older_than_1, older_than_2), "{on:?}");
    }
}

#[test]
fn a_token_without_a_readable_date_is_denied_and_the_message_says_so() {
    let body = r#"{"tokens":[{"name":"a\u001b\n","id":"1"},{"name":"b","id":"2","created_at":"2023-02-29\u202e"},
        {"name":"c","id":"3","created_at":"9999-12-31"}]}"#;
    let future = format!(
        "--deny older-than=36500d: c (3) was created on 9999-12-31, which is after {}",
        Date::today_utc()
    );
    assert_failures(
        &run_with(body, &["-q", "--deny", "older-than=36500d"]),
        &[
            r"--deny older-than=36500d: a\u{1b}\n (1) has no date of creation",
            r"--deny older-than=36500d: b (2) has no readable date of creation: 2023-02-29\u{202e}",
            &future,
        ],
    );
}
