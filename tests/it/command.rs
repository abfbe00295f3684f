//! The real binary as a process: what it prints, where it looks, and how it ends.

use crate::server::{FIRST, Server, Step, TODAY, answer, error, ok};
use crate::support::{Authority, Folder, Program, SECRET, TRIED_AGAIN, bare, program, within};
#[cfg(unix)]
use std::fs::File;
use std::io::Read;
#[cfg(unix)]
use std::io::Write;
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
deploy  0Qm1bJ3mEe2We-rqOx4wmQ  acme/edge     2026-10-05  read,db:mint-token
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
            .ends_with("deploy\t0Qm1bJ3mEe2We-rqOx4wmQ\tacme\tedge\tread,db:mint-token\t2026-10-05\n")
    );
    assert_eq!(run(r#"{"tokens":[]}"#, &["--tsv"]), "");
}

#[test]
fn json_is_the_body_as_it_came_with_a_newline_at_its_end() {
    assert_eq!(run(FIRST, &["--json"]), format!("{FIRST}\n"));
    assert_eq!(run(&format!(" {TODAY}\n"), &["--json"]), format!(" {TODAY}\n"));
    assert_eq!(run(TODAY, &["--quiet"]), "");
    let raw = "{\"tokens\":[{\"name\":\"a\u{202e}\u{9b}\u{7f}\u{2028}é日\\u001b\",\"id\":\"\"}],\r\n\t\"x\":1}";
    let same = "{\"tokens\":[{\"name\":\"a\\u202e\\u009b\\u007f\\u2028é日\\u001b\",\"id\":\"\"}],\r\n\t\"x\":1}\n";
    assert_eq!(run(raw, &["--json"]), same);
    let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(parse(raw), parse(same));
}

#[test]
fn the_table_is_aligned_as_a_terminal_shows_it() {
    let body = r#"{"tokens":[{"name":"日本語","id":"1"},{"name":"cafe\u0301","id":"2","organization":"a\u200bb"},{"name":"plain","id":"3"}]}"#;
    let table = run(body, &[]);
    let at = |line: &str, cell: &str| {
        use unicode_width::UnicodeWidthStr;
        line[..line.find(cell).unwrap()].width()
    };
    let lines: Vec<&str> = table.lines().collect();
    for (line, id) in lines.iter().zip(["ID", "1", "2", "3"]) {
        assert_eq!(at(line, &format!("{id} ")), 8, "{table}");
    }
}

#[cfg(unix)]
#[test]
fn a_line_on_standard_error_is_one_write_of_at_most_300_characters() {
    let (ours, theirs) = std::os::unix::net::UnixDatagram::pair().unwrap();
    let long = "x".repeat(15_000);
    let server = Server::script([error("404 x", &long), ok(&TODAY.replace("laptop", &long))]);
    for _ in 0..2 {
        let mut command = program(&server.url(), &["-v", "-q", "--deny", "unrestricted", "--require", &long]).0;
        // A datagram a write.
        let stderr = std::os::fd::OwnedFd::from(theirs.try_clone().unwrap());
        assert!(!command.stderr(stderr).stdout(Stdio::null()).status().unwrap().success());
    }
    ours.set_nonblocking(true).unwrap();
    let mut bytes = vec![0; 20_000];
    let mut lines = 0;
    while let Ok(length) = ours.recv(&mut bytes) {
        let line = std::str::from_utf8(&bytes[..length]).unwrap();
        assert!(line.starts_with("turso-api-tokens: ") && line.chars().count() <= 300, "{line}");
        assert_eq!(line.find('\n'), Some(line.len() - 1), "{line}");
        lines += 1;
    }
    assert!(lines > 15, "{lines}");
}

#[test]
fn a_wrong_value_is_blamed_on_the_option_variable_or_file_that_it_came_from() {
    let folder = Folder::new();
    let (empty, key) =
        (folder.write("empty.pem", ""), folder.write("key.pem", Authority::new().certify(&[], |_| {}).1));
    let broken = folder.write("broken.pem", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n");
    let missing = folder.0.join("missing.pem").display().to_string();
    for (path, words) in [(&empty, "no PEM"), (&key, "no PEM"), (&broken, "not PEM"), (&missing, "could not read")] {
        let said = program("https://localhost:1", &["--ca-file", path]).run().failed(2);
        assert!(said.contains("--ca-file") && said.contains(path.as_str()) && said.contains(words), "{said}");
        let said = program("https://localhost:1", &[]).env("SSL_CERT_FILE", path).run().failed(2);
        assert!(said.contains("SSL_CERT_FILE: ") && said.contains(path.as_str()) && said.contains(words), "{said}");
    }
    for (value, words) in [("http://example.com", "use https"), ("https://u:hidden@h", "user"), ("nonsense", "host")] {
        for variable in ["TURSO_API_BASEURL", "TURSO_BASE_URL"] {
            let said = bare(&[]).env("TURSO_API_TOKEN", SECRET).env(variable, value).run().failed(2);
            assert!(said.contains(&format!("{variable}: ")) && said.contains(words), "{said}");
            assert!(!said.contains("hidden"), "{said}");
        }
        let said = program("https://localhost:1", &["-v", "--base-url", value]).run().failed(2);
        assert!(said.contains("--base-url: ") && said.contains(words) && !said.contains("hidden"), "{said}");
    }
    for (file, words) in [(&empty, "is empty"), (&missing, "could not read")] {
        let said = program("https://localhost:1", &["--token-file", file]).run().failed(2);
        assert!(said.contains(file.as_str()) && said.contains(words), "{said}");
    }
    assert!(
        bare(&["--token-file", "-"])
            .run()
            .failed(2)
            .contains("standard input (--token-file -): the credential is empty")
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_variable_that_is_not_utf_8_is_wrong_and_never_guessed_at() {
    use std::os::unix::ffi::OsStrExt;
    let value = |prefix: &[u8]| std::ffi::OsStr::from_bytes(&[prefix, b"\xff"].concat()).to_owned();
    for (variable, value) in [
        ("TURSO_API_BASEURL", value(b"https://localhost:1/")),
        ("SSL_CERT_FILE", value(b"/tmp/")),
        ("HTTPS_PROXY", value(b"http://h:1/")),
        ("NO_PROXY", value(b"localhost")),
        ("TURSO_API_TOKEN", value(b"x")),
    ] {
        let mut program = program("https://localhost:1", &[]);
        program.0.env(variable, value);
        let said = program.run().failed(2);
        assert!(said.contains(variable), "{variable}: {said}");
    }
}

#[test]
fn a_page_for_a_browser_has_its_own_words_whatever_its_status() {
    let page = |status: &str| answer(status, "Content-Type: text/html\r\n", "<!DOCTYPE html><title>Sign in</title>");
    for (status, code) in [("200 OK", 5), ("401 x", 5), ("403 x", 5), ("404 x", 5), ("503 x", 4)] {
        let said = program(&Server::script([page(status)]).url(), &["--retries=0"]).run().failed(code);
        assert!(said.contains("an HTML page is not the API's") && said.contains("login portal"), "{status}: {said}");
        assert!(!said.contains("mint"), "{said}");
    }
}

#[test]
fn a_list_with_a_faulty_token_does_not_question_the_base_url() {
    for body in [r#"{"tokens":[{"name":"a"}]}"#, r#"{"tokens":[{"name":"a","id":7}]}"#] {
        let said = program(&Server::script([ok(body)]).url(), &[]).run().failed(5);
        assert!(!said.contains("base URL"), "{said}");
    }
    assert!(program(&Server::script([ok("{}")]).url(), &[]).run().failed(5).contains("is the base URL right?"));
}

#[cfg(feature = "rustls")]
#[test]
fn what_is_wrong_with_a_certificate_has_its_own_words() {
    use crate::support::tls;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};
    let (authority, folder) = (Authority::new(), Folder::new());
    let ca = folder.write("ca.pem", &authority.pem);
    let said = |wrap, ca: Option<&str>| {
        let server = Server::wrapped([ok(FIRST)], wrap);
        let args = ca.map_or(vec![], |ca| vec!["--ca-file", ca]);
        program(&format!("https://localhost:{}", server.port()), &args).run().failed(4)
    };
    let future = authority.certify(&["localhost"], |params| params.not_before = date_time_ymd(2999, 1, 1));
    assert!(said(tls(&future), Some(&ca)).contains("is this machine's clock right?"));
    let expired = authority.certify(&["localhost"], |params| params.not_after = date_time_ymd(2020, 1, 1));
    assert!(said(tls(&expired), Some(&ca)).contains("the server needs a new certificate"));
    assert!(said(authority.wrap(&["example.com"]), Some(&ca)).contains("for another host"));
    let unknown = said(authority.wrap(&["localhost"]), None);
    assert!(unknown.contains("its authority is not trusted here") && unknown.contains("--ca-file"), "{unknown}");
    let bundle = "/etc/ssl/certs/ca-certificates.crt";
    assert_eq!(unknown.contains(bundle), std::path::Path::new(bundle).exists(), "{unknown}");
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let own = params.self_signed(&key).unwrap().pem();
    let own_ca = folder.write("own.pem", &own);
    let itself = said(tls(&(own, key.serialize_pem())), Some(&own_ca));
    assert!(itself.contains("shows an authority's certificate as its own"), "{itself}");
    let plain = Server::script([Step::Greet(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()), Step::Silence]);
    let plain = program(&plain.url().replace("http:", "https:"), &[]).run().failed(4);
    assert!(plain.contains("something else than TLS answers there, plain http perhaps"), "{plain}");
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
fn what_editors_and_the_turso_cli_write_around_a_credential_does_not_matter() {
    let (folder, server) = (Folder::new(), Server::always(|| ok(FIRST)));
    let marked = folder.write("token", format!("\u{feff}{SECRET}\r\n"));
    program(&server.url(), &["--token-file", &marked]).run().succeeded();
    let cache = "x".repeat(1 << 20);
    folder.write("settings.json", format!(r#"{{"cache":{{"a":["{cache}",{{}}]}},"token":"{SECRET}","error":1}}"#));
    let start = || bare(&[]).env("TURSO_CONFIG_FOLDER", &folder.path()).env("TURSO_BASE_URL", &server.url());
    start().run().succeeded();
    assert_eq!(authorizations(&server), [SECRET; 2]);
    folder.write("settings.json", "x".repeat((8 << 20) + 1));
    assert!(start().run().failed(2).contains("larger than 8192 KiB"));
    let wide = folder.write("wide", b"\xff\xfea\0b\0");
    assert!(program(&server.url(), &["--token-file", &wide]).run().failed(2).contains("is UTF-16"));
    assert!(program(&server.url(), &["--token-file", &folder.path()]).run().failed(2).contains("could not read"));
}

#[test]
fn without_a_credential_it_says_every_place_it_looked_in() {
    let said = bare(&[]).env("HOME", "/nonexistent").env("APPDATA", "/nonexistent").run().failed(2);
    for place in ["TURSO_API_TOKEN", "TURSO_TOKEN", "/nonexistent", "settings.json", "turso auth login", "--token-file"]
    {
        assert!(said.contains(place), "{place}: {said}");
    }
    assert!(bare(&[]).run().failed(2).contains(if cfg!(windows) { "APPDATA" } else { "HOME" }));
}

#[test]
fn a_credential_that_cannot_be_one_is_refused_by_position_before_anything_is_sent() {
    let folder = Folder::new();
    let server = Server::script([]);
    for bad in ["s3cr3t-part\nX-Injected: yes", "s3cr3t-part\u{1b}", "s3cr3t-partü", "s3cr3t-part x"] {
        let file = folder.write("token", bad);
        folder.write("settings.json", serde_json::json!({ "token": bad }).to_string());
        let config = &folder.path();
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
        folder.write("settings.json", settings);
        let said = bare(&[]).env("TURSO_CONFIG_FOLDER", &folder.path()).run().failed(2);
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
    let login = folder.write("settings.json", format!(r#"{{"token":"{SECRET}"}}"#));
    let refuse = || error("401 Unauthorized", "token expired");
    let server = Server::always(refuse);
    let said = program(&server.url(), &[]).run().failed(3);
    assert!(said.contains("from TURSO_API_TOKEN") && said.contains("token expired"), "{said}");
    assert!(said.contains("`turso auth api-tokens mint NAME --org ORG`"), "{said}");
    let said =
        bare(&[]).env("TURSO_CONFIG_FOLDER", &folder.path()).env("TURSO_API_BASEURL", &server.url()).run().failed(3);
    assert!(said.contains(&login) && said.contains("turso auth login"), "{said}");
    let file = folder.write("token", SECRET);
    assert!(program(&server.url(), &["--token-file", &file]).run().failed(3).contains(&file));
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
fn verbose_says_first_where_settings_come_from_and_then_how_each_attempt_goes() {
    let folder = Folder::new();
    let server = Server::script([error("503 x", "busy"), ok(FIRST)]);
    let ended = program(&server.url(), &["--verbose", "-q"]).run();
    assert_eq!((ended.code, ended.stdout.as_str()), (0, ""));
    for (line, words) in ended.stderr.lines().zip(
        [
            "credential: TURSO_API_TOKEN",
            &format!("TURSO_API_BASEURL: {}", server.url()),
            "proxy: none",
            "certificates: the bundled Mozilla roots",
        ]
        .into_iter()
        .chain(TRIED_AGAIN),
    ) {
        assert!(line.starts_with(&format!("turso-api-tokens: {words}")), "{words}: {}", ended.stderr);
    }
    let (token, ca) = (folder.write("token", SECRET), folder.write("ca.pem", &Authority::new().pem));
    let args = ["-v", "--token-file", &token, "--base-url", "https://localhost:1", "--ca-file", &ca, "--retries", "0"];
    let program = bare(&args).env("HTTPS_PROXY", "http://user:hidden@127.0.0.1:1");
    let said = program.run().failed(4);
    for words in [
        format!("credential: --token-file {token}"),
        "base URL: --base-url\n".to_owned(),
        "base URL: https://localhost:1\n".to_owned(),
        "proxy: 127.0.0.1:1 (HTTPS_PROXY)".to_owned(),
        format!("certificates: --ca-file {ca}"),
    ] {
        assert!(said.contains(&words) && !said.contains("hidden"), "{words}: {said}");
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
    // Addresses in all, in MiB: the largest body is 8, the program itself and its libraries take 12.
    let limited = |step: Step, most: usize| {
        let server = Server::script([step, Step::Silence]);
        let script = format!("ulimit -v {}; exec \"$0\" --quiet --retries 0 --timeout 5", most * 1024);
        let mut command = std::process::Command::new("sh");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_turso-api-tokens")]).env_clear();
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
        let (code, said) = limited(step, 48);
        assert!(matches!(code, Some(4 | 5)), "{code:?}: {said}");
    }
    // Decoding adds ten times the body at most, and nothing where the first token is faulty already.
    let filled = |before: &str, item: &str, after: &str| {
        let count = ((8 << 20) - before.len() - after.len()) / (item.len() + 1);
        ok(&format!("{before}{}{after}", vec![item; count].join(",")))
    };
    for (item, most, expected) in [
        ("{}", 48, 5),
        (r#"{"name":"","id":""}"#, 112, 0),
        (r#"{"name":"","id":"","scopes":["","","","",""]}"#, 112, 0),
    ] {
        let (code, said) = limited(filled(r#"{"tokens":["#, item, "]}"), most);
        assert_eq!(code, Some(expected), "{item}: {said}");
    }
    let scopes = filled(r#"{"tokens":[{"name":"a","id":"b","scopes":["#, r#""""#, "]}]}");
    assert_eq!(limited(scopes, 112).0, Some(0));
}
