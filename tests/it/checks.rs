//! Checks: what must exist and what may not, for the exit code to be trusted.

use crate::server::{Server, TODAY, error, ok};
use crate::support::{Ended, program};
use turso_api_tokens::{Answer, ApiToken, Date};

fn run(args: &[&str]) -> Ended {
    program(&Server::script([ok(TODAY)]).url(), args).run()
}

fn created(on: Option<&str>) -> ApiToken {
    let field = on.map(|on| format!(r#","created_at":"{on}""#)).unwrap_or_default();
    let answer = Answer::from_json(format!(r#"{{"tokens":[{{"name":"a","id":"b"{field}}}]}}"#));
    answer.tokens().unwrap().remove(0)
}

#[test]
fn checks_that_hold_change_nothing() {
    let plain = run(&[]).succeeded();
    assert_eq!(run(&["--require", "ci", "--require=backup", "--deny", "older-than=36500d"]).succeeded(), plain);
    assert_eq!(run(&["--quiet", "--require", "ci"]).succeeded(), "");
}

#[test]
fn every_check_that_fails_is_a_line_and_all_are_evaluated() {
    let ended =
        run(&["-q", "--require", "gone", "--deny", "unrestricted", "--require", "lost", "--deny", "older-than=1d"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (1, ""));
    let lines: Vec<&str> = ended.stderr.lines().collect();
    assert_eq!(lines.len(), 7, "{}", ended.stderr);
    assert_eq!(lines[0], "turso-api-tokens: --require gone: no token has this name");
    assert_eq!(lines[1], "turso-api-tokens: --require lost: no token has this name");
    assert_eq!(
        lines[2],
        "turso-api-tokens: --deny unrestricted: laptop (clGFZ4STEe6fljpFzIum8A) may act on every organization"
    );
    assert!(lines[3].starts_with(
        "turso-api-tokens: --deny older-than=1d: laptop (clGFZ4STEe6fljpFzIum8A) was created on 2023-11-16, "
    ));
    assert!(lines[3].ends_with(" days ago"));
}

#[test]
fn the_list_is_printed_as_without_checks() {
    for mode in [&[][..], &["--json"], &["--tsv"]] {
        let plain = run(mode).succeeded();
        let failing = run(&[mode, &["--deny", "unrestricted"]].concat());
        assert_eq!((failing.code, failing.stdout), (1, plain));
        assert_eq!(failing.stderr.lines().count(), 1);
    }
}

#[test]
fn a_call_that_fails_keeps_its_exit_code_and_says_nothing_of_checks() {
    for (step, code) in [(error("401 x", "no"), 3), (error("503 x", "no"), 4), (ok("{}"), 5)] {
        let server = Server::script([step]);
        let said =
            program(&server.url(), &["--retries=0", "--require", "gone", "--deny", "unrestricted"]).run().failed(code);
        assert!(!said.contains("--require") && !said.contains("--deny"), "{said}");
    }
}

#[test]
fn a_wrong_rule_is_a_usage_error_that_lists_the_rules() {
    for rule in ["old", "older-than=0d", "older-than=36501d", "older-than=90", "older-than=9w"] {
        let said = program("http://127.0.0.1:1", &["--deny", rule]).run().failed(2);
        assert!(said.contains("unrestricted and older-than=<DAYS>d"), "{said}");
    }
}

#[test]
fn older_than_counts_calendar_days_and_does_not_open_on_missing_data() {
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
        assert_eq!(
            (token.is_older_than(1, today), token.is_older_than(2, today)),
            (older_than_1, older_than_2),
            "{on:?}"
        );
    }
}

#[test]
fn a_token_without_a_readable_date_is_denied_and_the_message_says_so() {
    let body = r#"{"tokens":[{"name":"a\u001b\n","id":"1"},{"name":"b","id":"2","created_at":"2023-02-29\u202e"},
        {"name":"c","id":"3","created_at":"9999-12-31"}]}"#;
    let server = Server::script([ok(body)]);
    let ended = program(&server.url(), &["-q", "--deny", "older-than=36500d"]).run();
    assert_eq!(ended.code, 1);
    assert_eq!(
        ended.stderr,
        "turso-api-tokens: --deny older-than=36500d: a\\u{1b}\\n (1) has no date of creation\n\
         turso-api-tokens: --deny older-than=36500d: b (2) has no readable date of creation: 2023-02-29\\u{202e}\n\
         turso-api-tokens: --deny older-than=36500d: c (3) was created on 9999-12-31, which is after "
            .to_owned()
            + &Date::today_utc().to_string()
            + "\n"
    );
}
