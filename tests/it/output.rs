//! Standard output: the list as a person, a script or another program wants it, and nothing else.

use crate::server::{CURRENT_LIST, ORIGINAL_LIST, Server, ok};
#[cfg(target_os = "linux")]
use crate::support::assert_line;
#[cfg(unix)]
use crate::support::{Folder, run_command, shell};
use crate::support::{program, program_with_empty_env};
#[cfg(target_os = "linux")]
use std::fs::File;
use std::io::Read;
use std::process::Stdio;

fn run(body: &str, args: &[&str]) -> String {
    program(&Server::script([ok(body)]).url(), args)
        .run()
        .succeeded()
}

#[test]
fn the_table_has_the_official_clis_wording_in_aligned_columns() {
    assert_eq!(
        run(CURRENT_LIST, &[]),
        "\
NAME    ID                      SCOPE         CREATED AT  PERMISSIONS
laptop  clGFZ4STEe6fljpFzIum8A  all           2023-11-16  —
ci      SYzcpe3jEe2We-rqOx4wmQ  acme          2025-02-03  —
backup  wPvoKe3qEe2We-rqOx4wmQ  acme/default  2026-01-31  read-only
deploy  0Qm1bJ3mEe2We-rqOx4wmQ  acme/edge     2026-10-05  read,db:mint-token
"
    );
}

#[test]
fn an_empty_list_is_a_table_of_its_heading() {
    assert_eq!(
        run(r#"{"tokens":null}"#, &[]),
        "NAME  ID  SCOPE  CREATED AT  PERMISSIONS\n"
    );
}

#[test]
fn the_table_is_aligned_as_a_terminal_shows_it() {
    use unicode_width::UnicodeWidthStr;
    let body = r#"{"tokens":[{"name":"日本語","id":"1"},{"name":"cafe\u0301","id":"2","organization":"a\u200bb"},{"name":"plain","id":"3"}]}"#;
    let table = run(body, &[]);
    let column = |line: &str, cell: &str| line[..line.find(cell).unwrap()].width();
    for (line, id) in table.lines().zip(["ID", "1", "2", "3"]) {
        assert_eq!(column(line, &format!("{id} ")), 8, "{table}");
    }
}

#[test]
fn tsv_is_a_line_of_six_fields_per_token() {
    assert_eq!(
        run(ORIGINAL_LIST, &["--tsv"]),
        "token1\tSYzcpe3jEe2We-rqOx4wmQ\t\t\t\t\ntoken2\twPvoKe3qEe2We-rqOx4wmQ\t\t\t\t\n"
    );
    assert!(
        run(CURRENT_LIST, &["--tsv"]).ends_with(
            "deploy\t0Qm1bJ3mEe2We-rqOx4wmQ\tacme\tedge\tread,db:mint-token\t2026-10-05\n"
        )
    );
    assert_eq!(run(r#"{"tokens":[]}"#, &["--tsv"]), "");
}

#[test]
fn json_is_the_body_as_it_came_with_a_newline_at_its_end() {
    assert_eq!(
        run(ORIGINAL_LIST, &["--json"]),
        format!("{ORIGINAL_LIST}\n")
    );
    assert_eq!(
        run(&format!(" {CURRENT_LIST}\n"), &["--json"]),
        format!(" {CURRENT_LIST}\n")
    );
}

#[test]
fn json_escapes_raw_control_characters_and_stays_the_same_json() {
    let raw = "{\"tokens\":[{\"name\":\"a\u{202e}\u{9b}\u{7f}\u{2028}é日\\u001b\",\"id\":\"\"}],\r\n\t\"x\":1}";
    let same = "{\"tokens\":[{\"name\":\"a\\u202e\\u009b\\u007f\\u2028é日\\u001b\",\"id\":\"\"}],\r\n\t\"x\":1}\n";
    assert_eq!(run(raw, &["--json"]), same);
    let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(parse(raw), parse(same));
}

#[test]
fn quiet_prints_nothing() {
    assert_eq!(run(CURRENT_LIST, &["--quiet"]), "");
}

#[test]
fn control_characters_are_escaped_and_a_token_stays_one_line() {
    let body = r#"{"tokens":[{"name":"a\u001b[2J\nb\\n\tc\u202e\u009b\u2028","id":"\u0000","organization":"\r","group":"\u2066","scopes":["\u007f"],"created_at":"\u200f"}]}"#;
    assert_eq!(
        run(body, &["--tsv"]),
        "a\\u{1b}[2J\\nb\\\\n\\tc\\u{202e}\\u{9b}\\u{2028}\t\\u{0}\t\\r\t\\u{2066}\t\\u{7f}\t\\u{200f}\n"
    );
    let table = run(body, &[]);
    assert_eq!(table.lines().count(), 2);
    let row = "a\\u{1b}[2J\\nb\\n\\tc\\u{202e}\\u{9b}\\u{2028}  \\u{0}  \\r/\\u{2066}  \\u{200f}";
    assert!(table.contains(row), "{table}");
}

#[test]
fn help_needs_nothing_else_and_fits_80_columns() {
    for arg in ["--help", "-h"] {
        let help = program_with_empty_env(&[arg])
            .env("SSL_CERT_FILE", "/nonexistent")
            .run()
            .succeeded();
        assert!(help.starts_with(
            "List your Turso Platform API tokens.\n\nUsage: turso-api-tokens [OPTIONS]\n"
        ));
        assert!(help.lines().all(|line| line.len() <= 80), "{help}");
    }
}

#[test]
fn version_needs_nothing_else() {
    for arg in ["--version", "-V"] {
        let version = program_with_empty_env(&[arg]).run().succeeded();
        assert_eq!(
            version,
            concat!("turso-api-tokens ", env!("CARGO_PKG_VERSION"), "\n")
        );
    }
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    let token = r#"{"name":"a","id":"b"}"#;
    let body = format!("{{\"tokens\":[{}]}}", vec![token; 50_000].join(","));
    let server = Server::script([ok(&body)]);
    let mut command = program(&server.url(), &[]).0;
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut [0; 4]).unwrap();
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}

/// `ulimit -f 0` ends a process that writes to a file; pipes are unaffected.
#[cfg(unix)]
#[test]
fn nothing_is_written_to_disk() {
    let (server, folder) = (Server::always(|| ok(CURRENT_LIST)), Folder::new());
    let limited = |script: &str| {
        let mut command = shell("sh", &server.url(), &format!("ulimit -f 0; {script}"));
        command.current_dir(&folder.0);
        for variable in ["HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_STATE_HOME"] {
            command.env(variable, &folder.0);
        }
        run_command(&mut command)
    };
    for (args, code) in [
        ("--verbose", 0),
        ("--verbose --json", 0),
        ("--verbose --tsv", 0),
        ("--verbose --deny any", 1),
        ("--verbose --base-url http://127.0.0.1:1", 4),
    ] {
        let finished = limited(&format!("exec turso-api-tokens {args}"));
        assert_eq!(finished.code, code, "{args}: {}", finished.stderr);
        let files: Vec<_> = folder.0.read_dir().unwrap().collect();
        assert!(files.is_empty(), "{args}: {files:?}");
    }
    let control = limited("(echo x >control); test $? -ne 0 && test ! -s control");
    assert_eq!(control.code, 0, "the limit ends what writes to a file");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    for args in [&["--json"][..], &["--tsv"], &[], &["--help"]] {
        let server = Server::script([ok(ORIGINAL_LIST)]);
        let mut command = program(&server.url(), args).0;
        let output = command
            .stdout(File::create("/dev/full").unwrap())
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(
            stderr.starts_with("turso-api-tokens: could not write to standard output: "),
            "{stderr}"
        );
    }
}

#[test]
fn characters_that_do_not_show_are_escaped_in_every_format() {
    let body =
        r#"{"tokens":[{"name":"ci\u200b","id":"a\u00ad"},{"name":"k\udb40\udc61","id":"b"}]}"#;
    let raw: String = serde_json::from_str::<serde_json::Value>(body)
        .unwrap()
        .to_string();
    assert!(raw.contains('\u{200b}') && raw.contains('\u{e0061}'));

    let table = run(&raw, &[]);
    assert!(table.contains(r"ci\u{200b}  a\u{ad}"), "{table}");
    assert!(table.contains(r"k\u{e0061}"), "{table}");

    let tsv = run(&raw, &["--tsv"]);
    assert_eq!(
        tsv,
        "ci\\u{200b}\ta\\u{ad}\t\t\t\t\nk\\u{e0061}\tb\t\t\t\t\n"
    );

    let json = run(&raw, &["--json"]);
    assert!(
        json.contains(r"ci\u200b") && json.contains(r"a\u00ad"),
        "{json}"
    );
    assert!(json.contains(r"k\udb40\udc61"), "{json}");
    let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(parse(&json), parse(&raw));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_does_not_hide_a_failed_check() {
    let server = Server::script([ok(ORIGINAL_LIST)]);
    let mut command = program(&server.url(), &["--require", "nobody"]).0;
    let output = command
        .stdout(File::create("/dev/full").unwrap())
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert_line(&stderr, "--require nobody: no token has this name");
    assert!(
        stderr.contains("could not write to standard output: "),
        "{stderr}"
    );
}
