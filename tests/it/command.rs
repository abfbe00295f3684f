//! The real binary as a process: what it prints, where it looks, and how it ends.

use crate::server::{FIRST, Server, Step, TODAY, answer, error, ok};
use crate::support::{Authority, Folder, Program, SECRET, bare, program, within};
use std::fs::File;
use std::io::{Read, Write};
use std::process::Stdio;

fn run(body: &str, args: &[&str]) -> String {
    program(&Server::script([ok(body)]).url(), args).run().succeeded()
}

fn authorizations(server: &Server) -> Vec<String> {
    let value =
        |head: &String| head.lines().find_map(|line| line.strip_prefix("authorization: Bearer ")).unwrap().to_owned();
    server.requests().iter().map(value).collect()
}

#[test]
fn the_table_has_the_words_of_the_official_cli_in_aligned_columns() {
    assert_eq!(
        run(TODAY, &[]),
        "\
NAME    ID                      SCOPE         CREATED AT  PERMISSIONS
laptop  clGFZ4STEe6fljpFzIum8A  all           2023-11-16  —
ci      SYzcpe3jEe2We-rqOx4wmQ  acme          2025-02-03  —
backup  wPvoKe3qEe2We-rqOx4wmQ  acme/default  2026-01-31  read-only
deploy  0Qm1bJ3mEe2We-rqOx4wmQ  acme/edge     2026-10-05  read,db:create,db:mint-token
"
    );
    assert_eq!(run(r#"{"tokens":null}"#, &[]), "NAME  ID  SCOPE  CREATED AT  PERMISSIONS\n");
}

#[test]
fn tsv_is_a_line_of_six_fields_per_token() {
    assert_eq!(
        run(FIRST, &["--tsv"]),
        "token1\tSYzcpe3jEe2We-rqOx4wmQ\t\t\t\t\ntoken2\twPvoKe3qEe2We-rqOx4wmQ\t\t\t\t\n"
    );
    assert!(
        run(TODAY, &["--tsv"])
            .ends_with("deploy\t0Qm1bJ3mEe2We-rqOx4wmQ\tacme\tedge\tread,db:create,db:mint-token\t2026-10-05\n")
    );
    assert_eq!(run(r#"{"tokens":[]}"#, &["--tsv"]), "");
}

#[test]
fn json_is_the_body_as_it_came_with_a_newline_at_its_end() {
    assert_eq!(run(FIRST, &["--json"]), format!("{FIRST}\n"));
    assert_eq!(run(&format!(" {TODAY}\n"), &["--json"]), format!(" {TODAY}\n"));
    assert_eq!(run(TODAY, &["--quiet"]), "");
}

#[test]
fn what_could_steer_a_terminal_is_visible_and_a_token_stays_one_line() {
    let body = r#"{"tokens":[{"name":"a\u001b[2J\nb\\n\tc\u202e\u009b\u2028","id":"\u0000","organization":"\r","group":"\u2066","scopes":["\u007f"],"created_at":"\u200f"}]}"#;
    assert_eq!(
        run(body, &["--tsv"]),
        "a\\u{1b}[2J\\nb\\\\n\\tc\\u{202e}\\u{9b}\\u{2028}\t\\u{0}\t\\r\t\\u{2066}\t\\u{7f}\t\\u{200f}\n"
    );
    let table = run(body, &[]);
    assert_eq!(table.lines().count(), 2);
    assert!(
        table.contains("a\\u{1b}[2J\\nb\\n\\tc\\u{202e}\\u{9b}\\u{2028}") && table.contains("\\r/\\u{2066}"),
        "{table}"
    );
    let evil = "\\u001b]0;x\\u0007\\u202e";
    let said = program(&Server::script([error("404 x", evil)]).url(), &[]).run().failed(5);
    assert!(said.contains("\\u{1b}]0;x\\u{7}\\u{202e}"), "{said}");
    let redirect = Server::script([answer("302 x", "Location: https://evil.example/\u{9b}31m\r\n", "")]);
    program(&redirect.url(), &[]).run().failed(5);
}

#[test]
fn help_and_version_need_nothing_else() {
    for args in [["--help"], ["-h"]] {
        let help = bare(&args).env("SSL_CERT_FILE", "/nonexistent").run().succeeded();
        assert!(help.lines().all(|line| line.len() <= 80), "{help}");
        for words in ["Usage: turso-api-tokens [OPTIONS]", "  -q, --quiet  ", "Exit codes:", "Credential: ", "Proxy: "]
        {
            assert!(help.contains(words), "{words}");
        }
    }
    for args in [["--version"], ["-V"]] {
        assert_eq!(bare(&args).run().succeeded(), concat!("turso-api-tokens ", env!("CARGO_PKG_VERSION"), "\n"));
    }
}

#[test]
fn the_credential_comes_from_the_file_then_the_variables_then_the_login() {
    let folder = Folder::new();
    let file = folder.write("token", " from-file \n");
    let login = folder
        .write("home/.config/turso/settings.json", r#"{"token":"from-login","username":"x","cache":{"token":"no"}}"#);
    let home = folder.0.join("home").into_os_string().into_string().unwrap();
    let config = login.strip_suffix("/settings.json").unwrap().to_owned();
    let xdg = config.strip_suffix("/turso").unwrap().to_owned();
    let server = Server::always(|| ok(FIRST));
    let start = |args: &[&str]| bare(args).env("TURSO_API_BASEURL", &server.url());
    let cases: [(Program, &str); 9] = [
        (
            start(&["--token-file", &file])
                .env("TURSO_API_TOKEN", "from-1")
                .env("TURSO_TOKEN", "from-2")
                .env("HOME", &home),
            "from-file",
        ),
        (start(&[]).env("TURSO_API_TOKEN", "from-1").env("TURSO_TOKEN", "from-2").env("HOME", &home), "from-1"),
        (start(&[]).env("TURSO_API_TOKEN", "").env("TURSO_TOKEN", "from-2").env("HOME", &home), "from-2"),
        (start(&[]).env("TURSO_API_TOKEN", "").env("TURSO_TOKEN", "").env("HOME", &home), "from-login"),
        (start(&[]).env("HOME", &home), "from-login"),
        (start(&[]).env("XDG_CONFIG_HOME", &xdg).env("HOME", "/nonexistent"), "from-login"),
        (start(&[]).env("XDG_CONFIG_HOME", "").env("HOME", &home), "from-login"),
        (start(&[]).env("TURSO_CONFIG_FOLDER", &config).env("HOME", "/nonexistent"), "from-login"),
        (start(&["--token-file=/dev/null"]).env("TURSO_API_TOKEN", "unused"), ""),
    ];
    // The login's folder on Linux; elsewhere it is another.
    let cases = cases.into_iter().filter(|(_, from)| cfg!(target_os = "linux") || *from != "from-login");
    for (index, (program, from)) in cases.enumerate() {
        let sent = server.requests().len();
        let ended = program.run();
        if from.is_empty() {
            assert!(ended.failed(2).contains("/dev/null is empty"));
        } else {
            ended.succeeded();
            assert_eq!(authorizations(&server)[sent], from, "case {index}");
        }
    }
}

#[cfg(unix)]
#[test]
fn the_credential_can_come_from_standard_input() {
    let server = Server::script([ok(FIRST)]);
    let mut child = bare(&["--token-file", "-"]).env("TURSO_API_BASEURL", &server.url()).0;
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("{SECRET}\n").as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(authorizations(&server), [SECRET]);
    let mut command = bare(&["--token-file", "-"]).0;
    command.stdin(File::open("/dev/zero").unwrap());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("larger than 64 KiB"));
}

#[test]
fn without_a_credential_it_says_every_place_it_looked_in() {
    let said = bare(&[]).env("HOME", "/nonexistent").run().failed(2);
    for place in ["TURSO_API_TOKEN", "TURSO_TOKEN", "/nonexistent", "settings.json", "turso auth login"] {
        assert!(said.contains(place), "{place}: {said}");
    }
    assert!(bare(&[]).run().failed(2).contains("HOME"));
}

#[test]
fn a_credential_that_cannot_be_one_is_refused_by_position_before_anything_is_sent() {
    let folder = Folder::new();
    let server = Server::script([]);
    for bad in ["s3cr3t-part\nX-Injected: yes", "s3cr3t-part\u{1b}", "s3cr3t-partü", "s3cr3t-part x"] {
        let file = folder.write("token", bad);
        let login = folder.write("turso/settings.json", serde_json::json!({ "token": bad }).to_string());
        let config = login.strip_suffix("/settings.json").unwrap();
        for program in [
            program(&server.url(), &["--token-file", &file]),
            bare(&[]).env("TURSO_API_TOKEN", bad).env("TURSO_API_BASEURL", &server.url()),
            bare(&[]).env("TURSO_CONFIG_FOLDER", config).env("TURSO_API_BASEURL", &server.url()),
        ] {
            let said = program.run().failed(2);
            assert!(said.contains("byte 12 ") && !said.contains("s3cr3t") && !said.contains("Injected"), "{said}");
        }
    }
    let stray = bare(&["s3cr3t-part"]).run().failed(2);
    assert!(stray.contains("TURSO_API_TOKEN") && !stray.contains("s3cr3t"), "{stray}");
    for settings in ["", "[]", "not json", "{\"token\""] {
        let login = folder.write("turso/settings.json", settings);
        let said = bare(&[]).env("TURSO_CONFIG_FOLDER", login.strip_suffix("/settings.json").unwrap()).run().failed(2);
        assert!(said.contains("settings.json"), "{said}");
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn the_base_url_comes_from_the_option_then_the_variables() {
    let (right, wrong) = (Server::always(|| ok(FIRST)), "http://127.0.0.1:1");
    let start = |args: &[&str]| bare(args).env("TURSO_API_TOKEN", SECRET);
    start(&["--base-url", &right.url()]).env("TURSO_API_BASEURL", wrong).env("TURSO_BASE_URL", wrong).run().succeeded();
    start(&[]).env("TURSO_API_BASEURL", &right.url()).env("TURSO_BASE_URL", wrong).run().succeeded();
    start(&[]).env("TURSO_API_BASEURL", "").env("TURSO_BASE_URL", &right.url()).run().succeeded();
    assert!(start(&["--base-url", "http://example.com"]).run().failed(2).contains("use https"));
    assert!(start(&["--base-url", ""]).run().failed(2).contains("--base-url: it is not a URL"));
}

#[test]
fn every_kind_of_failure_has_its_exit_code() {
    let code = |step: Step, code: i32| program(&Server::script([step]).url(), &["--retries", "0"]).run().failed(code);
    for (status, exit) in [
        ("401 x", 3),
        ("403 x", 3),
        ("402 x", 5),
        ("404 x", 5),
        ("204 x", 5),
        ("206 x", 5),
        ("429 x", 4),
        ("500 x", 4),
        ("503 x", 4),
        ("504 x", 4),
    ] {
        assert!(code(answer(status, "", ""), exit).contains(&status[..3]));
    }
    code(ok("[]"), 5);
    code(answer("302 x", "Location: https://evil.example\r\n", ""), 5);
    code(answer("200 OK", "Content-Length: 999999999\r\n", ""), 5);
    code(Step::Close, 4);
    within(1, || program(&Server::script([Step::Silence]).url(), &["--timeout", "1"]).run()).failed(4);
    program("http://127.0.0.1:1", &["--retries=0"]).run().failed(4);
    program("http://127.0.0.1:1", &["--bogus"]).run().failed(2);
    program("http://127.0.0.1:1", &["--token-file", "/nonexistent"]).run().failed(2);
    program("https://127.0.0.1:1", &["--ca-file", "/nonexistent"]).run().failed(2);
    program("https://127.0.0.1:1", &[]).env("SSL_CERT_FILE", "/nonexistent").run().failed(2);
}

#[test]
fn a_refusal_says_where_the_credential_came_from_and_what_to_do() {
    let folder = Folder::new();
    let login = folder.write("turso/settings.json", format!(r#"{{"token":"{SECRET}"}}"#));
    let refuse = || error("401 Unauthorized", "token expired");
    let server = Server::always(refuse);
    let said = program(&server.url(), &[]).run().failed(3);
    assert!(said.contains("TURSO_API_TOKEN") && said.contains("token expired") && said.contains("mint"), "{said}");
    let said = bare(&[])
        .env("TURSO_CONFIG_FOLDER", login.strip_suffix("/settings.json").unwrap())
        .env("TURSO_API_BASEURL", &server.url())
        .run()
        .failed(3);
    assert!(said.contains(&login) && said.contains("turso auth login"), "{said}");
    let file = folder.write("token", SECRET);
    assert!(program(&server.url(), &["--token-file", &file]).run().failed(3).contains(&file));
}

#[test]
fn html_in_place_of_json_asks_whether_the_base_url_is_right() {
    let server =
        Server::script([answer("200 OK", "Content-Type: text/html\r\n", "<!DOCTYPE html><title>Sign in</title>")]);
    let said = program(&server.url(), &[]).run().failed(5);
    assert!(
        said.contains("text/html") && said.contains("<!DOCTYPE html>") && said.contains("is the base URL right?"),
        "{said}"
    );
}

#[cfg(feature = "rustls")]
#[test]
fn a_private_authority_is_asked_for_and_taken_from_the_option_or_the_variable() {
    let (authority, folder) = (Authority::new(), Folder::new());
    let (ca, other) = (folder.write("ca.pem", &authority.pem), folder.write("other.pem", &Authority::new().pem));
    let start = |args: &[&str]| {
        let server = Server::wrapped([ok(FIRST)], authority.wrap(&["localhost"]));
        let program = program(&format!("https://localhost:{}", server.port()), args);
        (server, program)
    };
    let (_server, program) = start(&[]);
    let said = program.run().failed(4);
    assert!(said.contains("--ca-file") && said.contains("SSL_CERT_FILE") && said.contains("authority"), "{said}");
    let (_server, program) = start(&["--ca-file", &ca]);
    program.env("SSL_CERT_FILE", &other).run().succeeded();
    let (_server, program) = start(&[]);
    program.env("SSL_CERT_FILE", &ca).run().succeeded();
    let (_server, program) = start(&[]);
    program.env("SSL_CERT_FILE", &other).run().failed(4);
}

#[test]
fn verbose_says_what_is_tried_and_how_it_goes() {
    let server = Server::script([error("503 x", "busy"), ok(FIRST)]);
    let ended = program(&server.url(), &["--verbose", "-q"]).run();
    assert_eq!((ended.code, ended.stdout.as_str()), (0, ""));
    for words in ["GET http://127.0.0.1:", "503 Service Unavailable: busy", "next attempt in", "200 OK", "108 bytes"] {
        assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
    }
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    let token = r#"{"name":"a","id":"b"}"#;
    let body = format!("{{\"tokens\":[{}]}}", vec![token; 50_000].join(","));
    let server = Server::script([ok(&body)]);
    let mut child = program(&server.url(), &[]).0;
    let mut child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut [0; 4]).unwrap();
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    for args in [&["--json"][..], &["--tsv"], &[], &["--help"]] {
        let server = Server::script([ok(FIRST)]);
        let mut command = program(&server.url(), args).0;
        let output = command.stdout(File::create("/dev/full").unwrap()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("could not write to standard output"), "{said}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn no_answer_takes_more_memory_than_a_small_multiple_of_the_limit() {
    // 96 MiB of addresses in all, where the largest body is 8 MiB.
    let limited = |step: Step| {
        let server = Server::script([step, Step::Silence]);
        let script = "ulimit -v 98304; exec \"$0\" --quiet --retries 0 --timeout 5";
        let mut command = std::process::Command::new("sh");
        command.args(["-c", script, env!("CARGO_BIN_EXE_turso-api-tokens")]).env_clear();
        command.env("TURSO_API_TOKEN", SECRET).env("TURSO_API_BASEURL", server.url());
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let endless = |head: &str, again: &str| Step::Endless(head.into(), again.into());
    let nested = |open: &str| ok(&format!("{{\"x\":{}", open.repeat((8 << 20) / open.len() - 10)));
    for step in [
        nested("["),
        nested("{\"\":"),
        endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "8\r\n        \r\n"),
        endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "X: y\r\n"),
        endless("HTTP/1.1 200 OK\r\nX: ", "xxxxxxxx"),
        endless("HTTP/1.1 404 x\r\n\r\n", "xxxxxxxx"),
        answer("200 OK", "Content-Length: 9999999999\r\n", ""),
    ] {
        let (code, said) = limited(step);
        assert!(matches!(code, Some(4 | 5)), "{code:?}: {said}");
    }
}
