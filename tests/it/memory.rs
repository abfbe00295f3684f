//! Whatever a server sends, memory stays bounded. The bounds are on the address space, the program itself included.

use crate::server::{Server, Step, ok, too_large};
use crate::support::{Finished, run_command, shell, side_by_side};

/// Runs the binary with so many MiB of address space against a server with one step. The timeout is long, as one that ends
/// early never takes what it could.
fn run_within(mib: usize, args: &str, step: Step) -> Finished {
    let server = Server::script([step, Step::Silence]);
    let script = format!(
        "ulimit -v {}; exec turso-api-tokens --retries 0 --timeout 30 {args}",
        mib * 1024
    );
    run_command(&mut shell("sh", &server.url(), &script))
}

/// Repeats an item, separated by commas, until the body is as large as the default limit.
fn filled(before: &str, item: &str, after: &str) -> String {
    let count = ((2 << 20) - before.len() - after.len()) / (item.len() + 1);
    format!("{before}{}{after}", vec![item; count].join(","))
}

#[test]
fn no_response_that_is_not_a_list_takes_more_than_256_mib() {
    let endless = |head: &str, repeated: &str| Step::Endless(head.into(), repeated.into());
    let nested = |open: &str| {
        ok(&format!(
            "{{\"x\":{}",
            open.repeat((2 << 20) / open.len() - 10)
        ))
    };
    let nested_and_closed = |open: &str, close: &str| {
        let depth = (1 << 20) / (open.len() + close.len()) - 10;
        ok(&format!(
            "{{\"x\":{}0{}}}",
            open.repeat(depth),
            close.repeat(depth)
        ))
    };
    let steps = [
        nested("["),
        nested("{\"\":"),
        nested_and_closed("[", "]"),
        nested_and_closed("{\"\":", "}"),
        endless(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "8\r\n        \r\n",
        ),
        endless("HTTP/1.1 200 OK\r\nX: ", "xxxxxxxx"),
        endless("HTTP/1.1 404 x\r\n\r\n", "xxxxxxxx"),
        too_large(),
        ok(&filled(r#"{"tokens":["#, "{}", "]}")),
        ok(&filled(r#"{"tokens":["#, "0", "]}")),
        ok(&filled(
            r#"{"tokens":["#,
            r#"{"name":"","id":"","scopes":[]}"#,
            ",0]}",
        )),
        ok(&filled(
            r#"{"tokens":[{"name":"a","id":"b","scopes":["#,
            r#""""#,
            ",0]}]}",
        )),
        // Of the size that is parsed a second time, to say what is wrong.
        ok(&format!(
            r#"{{"tokens":[{}]}}"#,
            vec!["0"; 500_000].join(",")
        )),
        ok(&format!(r#"{{"x":[{}]}}"#, vec!["[]"; 340_000].join(","))),
    ];
    // Trailers are read until the deadline.
    let trailers = endless(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
        "X: y\r\n",
    );
    let runs = steps.map(|step| ("--quiet", step, 5)).into_iter().chain([(
        "--quiet --timeout 1",
        trailers,
        4,
    )]);
    side_by_side(runs, |(args, step, code)| {
        run_within(256, args, step).failed(code);
    });
}

#[test]
fn no_list_takes_more_than_256_mib() {
    for body in [
        filled(r#"{"tokens":["#, r#"{"name":"","id":""}"#, "]}"),
        filled(
            r#"{"tokens":["#,
            r#"{"name":"","id":"","scopes":["","","","",""]}"#,
            "]}",
        ),
        filled(
            r#"{"tokens":[{"name":"a","id":"b","scopes":["#,
            r#""""#,
            "]}]}",
        ),
        filled(r#"{"tokens":[],"x":["#, "[]", "]}"),
    ] {
        let finished = run_within(256, "--quiet", ok(&body));
        assert_eq!(finished.code, 0, "{}: {}", &body[..60], finished.stderr);
    }
}

#[test]
fn a_list_with_many_tokens_and_one_long_name_takes_at_most_48_mib_in_any_format() {
    let (empty, long) = (r#"{"name":"","id":""}"#, "x".repeat(100_000));
    let body = format!(
        r#"{{"tokens":[{{"name":"{long}","id":""}},{}]}}"#,
        vec![empty; 20_000].join(",")
    );
    for (args, lines) in [
        ("", 20_002),
        ("--tsv", 20_001),
        ("--json", 1),
        ("--quiet", 0),
    ] {
        let finished = run_within(48, args, ok(&body));
        assert_eq!(
            (finished.code, finished.stdout.lines().count()),
            (0, lines),
            "{args}: {}",
            finished.stderr
        );
        assert!(
            finished.stdout.len() < 2_500_000,
            "{args}: {} bytes",
            finished.stdout.len()
        );
    }
}

#[test]
fn an_endless_certificate_file_takes_at_most_48_mib() {
    let script = "ulimit -v 49152; exec turso-api-tokens --ca-file /dev/zero";
    run_command(&mut shell("sh", "https://localhost:1", script)).failed(2);
}
