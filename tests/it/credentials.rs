//! Where the binary finds the credential, and what it says of one that it cannot use.

use crate::server::{ORIGINAL_LIST, Server, ok};
use crate::support::{Folder, Program, SECRET, assert_line, program, program_with_empty_env};
#[cfg(unix)]
use std::fs::File;

/// The credentials that a server has got.
fn credentials(server: &Server) -> Vec<String> {
    let value = |head: &String| {
        head.lines()
            .find_map(|line| line.strip_prefix("authorization: Bearer "))
            .unwrap()
            .to_owned()
    };
    server.requests().iter().map(value).collect()
}

/// The binary, which reads the credential from standard input.
fn program_with_stdin(url: &str) -> Program {
    program_with_empty_env(&["--token-file", "-"]).env("TURSO_API_BASEURL", url)
}

#[test]
fn the_credential_comes_from_the_file_then_the_variables_then_the_login() {
    let (folder, server) = (Folder::new(), Server::always(|| ok(ORIGINAL_LIST)));
    let file = folder.write("token", " from-file \n");
    folder.write("settings.json", r#"{"token":"from-login"}"#);
    let start = |args: &[&str]| {
        program_with_empty_env(args)
            .env("TURSO_API_BASEURL", &server.url())
            .env("TURSO_CONFIG_FOLDER", &folder.path())
    };
    let both = |program: Program| {
        program
            .env("TURSO_API_TOKEN", "from-first")
            .env("TURSO_TOKEN", "from-second")
    };
    for program in [
        both(start(&["--token-file", &file])),
        both(start(&[])),
        start(&[]).env("TURSO_TOKEN", "from-second"),
        start(&[]),
    ] {
        program.run().succeeded();
    }
    assert_eq!(
        credentials(&server),
        ["from-file", "from-first", "from-second", "from-login"]
    );
}

/// The folder of the login is another on other systems.
#[cfg(target_os = "linux")]
#[test]
fn without_a_variable_the_credential_is_the_login_of_the_turso_cli() {
    let (folder, server) = (Folder::new(), Server::always(|| ok(ORIGINAL_LIST)));
    let settings = r#"{"token":"from-login","username":"x","cache":{"token":"no"}}"#;
    folder.write("home/.config/turso/settings.json", settings);
    let path = |name: &str| folder.0.join(name).into_os_string().into_string().unwrap();
    let (home, xdg, config) = (
        path("home"),
        path("home/.config"),
        path("home/.config/turso"),
    );
    let start = || program_with_empty_env(&[]).env("TURSO_API_BASEURL", &server.url());
    let programs: [Program; 4] = [
        start().env("HOME", &home),
        start().env("HOME", &home).env("XDG_CONFIG_HOME", ""),
        start()
            .env("HOME", "/nonexistent")
            .env("XDG_CONFIG_HOME", &xdg),
        start()
            .env("HOME", &home)
            .env("XDG_CONFIG_HOME", "/nonexistent")
            .env("TURSO_CONFIG_FOLDER", &config),
    ];
    for program in programs {
        program.run().succeeded();
    }
    assert_eq!(credentials(&server), ["from-login"; 4]);
}

#[test]
fn an_empty_file_is_an_error_though_there_is_a_variable() {
    let (folder, server) = (Folder::new(), Server::script([]));
    let file = folder.write("token", "\n");
    let stderr = program(&server.url(), &["--token-file", &file])
        .run()
        .failed(2);
    assert_line(&stderr, &format!("the credential from {file} is empty"));
    assert_eq!(server.connections(), 0);
}

#[test]
fn the_credential_can_come_from_standard_input() {
    let server = Server::script([ok(ORIGINAL_LIST)]);
    program_with_stdin(&server.url())
        .run_with_stdin(format!("{SECRET}\n"))
        .succeeded();
    assert_eq!(credentials(&server), [SECRET]);
}

#[cfg(unix)]
#[test]
fn an_endless_standard_input_or_file_is_refused_at_64_kib() {
    let mut endless = program_with_stdin("http://127.0.0.1:1");
    endless.0.stdin(File::open("/dev/zero").unwrap());
    assert_line(
        &endless.run().failed(2),
        "could not read the credential from standard input: it is larger than 64 KiB",
    );
    let stderr = program("http://127.0.0.1:1", &["--token-file", "/dev/zero"])
        .run()
        .failed(2);
    assert_line(
        &stderr,
        "could not read the credential from /dev/zero: it is larger than 64 KiB",
    );
}

#[test]
fn an_empty_standard_input_is_named() {
    let finished = program_with_stdin("http://127.0.0.1:1").run_with_stdin("\n");
    assert_line(
        &finished.failed(2),
        "the credential from standard input is empty",
    );
}

#[test]
fn a_byte_order_mark_and_a_line_break_around_the_credential_do_not_matter() {
    let (folder, server) = (Folder::new(), Server::always(|| ok(ORIGINAL_LIST)));
    let marked = format!("\u{feff}{SECRET}\r\n");
    program(
        &server.url(),
        &["--token-file", &folder.write("token", &marked)],
    )
    .run()
    .succeeded();
    program_with_stdin(&server.url())
        .run_with_stdin(marked)
        .succeeded();
    assert_eq!(credentials(&server), [SECRET; 2]);
}

#[test]
fn settings_of_8_mib_hold_a_login_and_larger_ones_are_an_error() {
    let (folder, server) = (Folder::new(), Server::script([ok(ORIGINAL_LIST)]));
    let start = || {
        let program = program_with_empty_env(&[]).env("TURSO_CONFIG_FOLDER", &folder.path());
        program.env("TURSO_BASE_URL", &server.url())
    };
    let settings = format!(r#"{{"cache":{{"a":["",{{}}]}},"token":"{SECRET}","error":1}}"#);
    let padding = " ".repeat((8 << 20) - settings.len());
    let path = folder.write("settings.json", settings.clone() + &padding);
    start().run().succeeded();
    assert_eq!(credentials(&server), [SECRET]);
    folder.write("settings.json", settings + &padding + " ");
    let stderr = start().run().failed(2);
    assert_line(
        &stderr,
        &format!("could not read the credential from {path}: it is larger than 8 MiB"),
    );
}

#[test]
fn utf_16_is_named_for_what_it_is() {
    let folder = Folder::new();
    let file = folder.write("wide", b"\xff\xfea\0b\0");
    let stderr = program("http://127.0.0.1:1", &["--token-file", &file])
        .run()
        .failed(2);
    assert_line(
        &stderr,
        &format!("invalid credential from {file}: it is UTF-16; write it in UTF-8"),
    );
    let finished = program_with_stdin("http://127.0.0.1:1").run_with_stdin(b"\xff\xfea\0b\0");
    assert_line(
        &finished.failed(2),
        "invalid credential from standard input: it is UTF-16; write it in UTF-8",
    );
}

#[test]
fn without_a_credential_it_names_every_place_it_looked_in() {
    let folder = Folder::new();
    let stderr = program_with_empty_env(&[])
        .env("TURSO_CONFIG_FOLDER", &folder.path())
        .run()
        .failed(2);
    let settings = folder.0.join("settings.json").display().to_string();
    assert_line(
        &stderr,
        &format!(
            "no credential: TURSO_API_TOKEN and TURSO_TOKEN are not set, and there is no login of the turso CLI in \
             {settings}; set TURSO_API_TOKEN or run `turso auth login`"
        ),
    );
    assert_line(
        &stderr,
        "--token-file FILE reads the credential from a file, or with - from standard input",
    );
}

#[test]
fn a_credential_file_that_cannot_be_read_brings_no_advice_to_use_one() {
    let stderr = program_with_empty_env(&["--token-file", "/nonexistent"])
        .run()
        .failed(2);
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(
        stderr.contains("could not read the credential from /nonexistent: "),
        "{stderr}"
    );
}

#[test]
fn without_a_home_it_names_the_variable_that_locates_the_login() {
    let home = if cfg!(windows) { "APPDATA" } else { "HOME" };
    let stderr = program_with_empty_env(&[]).run().failed(2);
    let expected = format!("the folder of the turso CLI's login is unknown, as {home} is not set");
    assert!(stderr.contains(&expected), "{stderr}");
}

#[test]
fn an_invalid_credential_is_refused_by_position_from_every_source_before_anything_is_sent() {
    let (folder, server) = (Folder::new(), Server::script([]));
    for (invalid, problem) in [
        (
            "s3cr3t-part\nX-Injected: yes",
            "byte 12 is not a visible ASCII character",
        ),
        (
            "s3cr3t-part\u{1b}",
            "byte 12 is not a visible ASCII character",
        ),
        ("s3cr3t-partü", "byte 12 is not a visible ASCII character"),
        ("s3cr3t-part x", "byte 12 is a space"),
        (
            "Bearer s3cr3t",
            "byte 7 is a space; leave out \"Bearer \" and give the token alone",
        ),
    ] {
        let file = folder.write("token", invalid);
        let settings = folder.write(
            "settings.json",
            serde_json::json!({ "token": invalid }).to_string(),
        );
        let start =
            |args: &[&str]| program_with_empty_env(args).env("TURSO_API_BASEURL", &server.url());
        for (program, source) in [
            (start(&["--token-file", &file]), file.clone()),
            (
                start(&[]).env("TURSO_API_TOKEN", invalid),
                "TURSO_API_TOKEN".to_owned(),
            ),
            (
                start(&[]).env("TURSO_TOKEN", invalid),
                "TURSO_TOKEN".to_owned(),
            ),
            (
                start(&[]).env("TURSO_CONFIG_FOLDER", &folder.path()),
                format!("the turso CLI's login in {settings}"),
            ),
        ] {
            let stderr = program.run().failed(2);
            assert_line(
                &stderr,
                &format!("invalid credential from {source}: {problem}"),
            );
            assert!(
                !stderr.contains("s3cr3t") && !stderr.contains("Injected"),
                "{stderr}"
            );
        }
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn settings_that_are_not_the_clis_are_named() {
    let folder = Folder::new();
    for settings in ["", "[]", "not json", "{\"token\""] {
        let path = folder.write("settings.json", settings);
        let stderr = program_with_empty_env(&[])
            .env("TURSO_CONFIG_FOLDER", &folder.path())
            .run()
            .failed(2);
        assert_line(
            &stderr,
            &format!("{path} does not hold the turso CLI's settings; run `turso auth login`"),
        );
    }
}

#[test]
fn a_folder_instead_of_a_file_is_an_error_that_names_it() {
    let folder = Folder::new();
    let stderr = program("http://127.0.0.1:1", &["--token-file", &folder.path()])
        .run()
        .failed(2);
    assert!(
        stderr.contains(&format!(
            "could not read the credential from {}",
            folder.path()
        )),
        "{stderr}"
    );
}

/// Runs the binary with the credential where it does not belong; `run` asserts that it does not show.
fn assert_misplaced(program: Program, expected: &str) {
    let stderr = program.run().failed(2);
    assert!(stderr.contains(expected), "{stderr}");
}

#[test]
fn a_credential_in_the_wrong_variable_is_not_repeated() {
    let not_a_url = "it is not a URL with a host; it should look like https://api.turso.tech";
    for variable in ["TURSO_API_BASEURL", "TURSO_BASE_URL"] {
        let start = program_with_empty_env(&[]).env("TURSO_API_TOKEN", "https://api.turso.tech");
        assert_misplaced(
            start.env(variable, SECRET),
            &format!("{variable}: {not_a_url}"),
        );
    }
    let start = || {
        program_with_empty_env(&[])
            .env("TURSO_API_TOKEN", "x")
            .env("TURSO_BASE_URL", "https://localhost:1")
    };
    #[cfg(feature = "rustls")]
    assert_misplaced(
        start().env("SSL_CERT_FILE", SECRET),
        "SSL_CERT_FILE: could not read ***: ",
    );
    assert_misplaced(
        start().env("HTTPS_PROXY", SECRET),
        "HTTPS_PROXY: it is not the URL of a proxy with its port",
    );
    let start = program_with_empty_env(&[]).env("TURSO_CONFIG_FOLDER", SECRET);
    assert_misplaced(start, "there is no login of the turso CLI in ***");
}

#[test]
fn a_credential_as_the_value_of_an_option_is_not_repeated() {
    for (args, expected) in [
        (
            vec![SECRET],
            "unexpected argument: this program takes options only; pass a credential with --token-file",
        ),
        (
            vec!["--token", SECRET],
            "invalid option '--token'; use --token-file or TURSO_API_TOKEN",
        ),
        (
            vec!["--base-url", SECRET],
            "--base-url: it is not a URL with a host",
        ),
        (
            vec!["--token-file", SECRET],
            "could not read the credential from ***; its name looks like a credential, which belongs in the file or in",
        ),
        #[cfg(feature = "rustls")]
        (
            vec!["--base-url=https://localhost:1", "--ca-file", SECRET],
            "--ca-file: could not read ***: ",
        ),
        (vec!["--deny", SECRET], "unknown rule for --deny"),
        (vec!["--timeout", SECRET], "--timeout takes seconds"),
        (vec!["--retries", SECRET], "--retries takes a whole number"),
        (
            vec!["-v", "--base-url", SECRET],
            "--base-url: it is not a URL with a host",
        ),
    ] {
        assert_misplaced(program("http://127.0.0.1:1", &args), expected);
    }
    for option in ["--quiet", "--json", "--verbose", "-q"] {
        let arg = format!("{option}={SECRET}");
        assert_misplaced(
            program("http://127.0.0.1:1", &[&arg]),
            "takes no value; pass a credential with --token-file",
        );
    }
    for option in ["--token", "--tokens", "--bogus"] {
        let arg = format!("{option}={SECRET}");
        assert_misplaced(
            program("http://127.0.0.1:1", &[&arg]),
            &format!("invalid option '{option}'"),
        );
    }
}

#[test]
fn a_base_url_option_that_holds_the_credential_is_named_without_it() {
    for (base_url, expected) in [
        (
            format!("http://gateway/{SECRET}"),
            "--base-url: http://gateway/***: plain http would expose the credential",
        ),
        (
            format!("https://h/?{SECRET}"),
            "--base-url: https://h/?***: it must not have a query or a fragment",
        ),
        (
            format!("https://{SECRET}@h"),
            "--base-url: it must not contain userinfo",
        ),
    ] {
        assert_misplaced(
            program("http://127.0.0.1:1", &["--base-url", &base_url]),
            expected,
        );
    }
}

#[test]
fn a_variable_that_is_set_but_empty_is_an_error_and_never_somebodys_login() {
    let folder = Folder::new();
    folder.write("settings.json", r#"{"token":"login"}"#);
    let server = Server::script([]);
    let start = || {
        program_with_empty_env(&["--base-url", &server.url()])
            .env("TURSO_CONFIG_FOLDER", &folder.path())
    };
    for (program, variable) in [
        (start().env("TURSO_API_TOKEN", ""), "TURSO_API_TOKEN"),
        (
            start().env("TURSO_API_TOKEN", "").env("TURSO_TOKEN", "x"),
            "TURSO_API_TOKEN",
        ),
        (start().env("TURSO_TOKEN", ""), "TURSO_TOKEN"),
    ] {
        let expected =
            format!("{variable} is set but empty; unset it to use the login of the turso CLI");
        assert_line(&program.run().failed(2), &expected);
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_credential_in_quotes_or_with_its_variable_is_named_before_anything_is_sent() {
    let server = Server::script([]);
    for (text, expected) in [
        (
            format!("\"{SECRET}\""),
            "byte 1 is a quotation mark; leave out the quotes and give the token alone",
        ),
        (
            format!("TURSO_API_TOKEN={SECRET}"),
            "byte 1 begins \"TURSO_API_TOKEN=\"; leave that out and give the token alone",
        ),
    ] {
        let stderr = program(&server.url(), &[])
            .env("TURSO_API_TOKEN", &text)
            .run()
            .failed(2);
        let expected = format!("invalid credential from TURSO_API_TOKEN: {expected}");
        assert_line(&stderr, &expected);
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn what_looks_like_a_credential_is_not_repeated_wherever_it_was_put() {
    let quoted = format!("\"{SECRET}\"");
    let bearer = format!("Bearer {SECRET}");
    let below = format!("./{SECRET}");
    let line = format!("TURSO_API_TOKEN={SECRET}");
    let upper = SECRET.to_ascii_uppercase();
    let option = format!("--{SECRET}");
    let url = format!("https://{SECRET}");
    for args in [
        ["--token-file", quoted.as_str()],
        ["--token-file", &bearer],
        ["--token-file", &below],
        ["--token-file", &line],
        ["--token-file", &upper],
        ["--ca-file", &below],
        ["--ca-file", &bearer],
        ["-q", &option],
        ["--base-url", &url],
    ] {
        // `run` asserts that it does not show.
        let finished = program_with_empty_env(&args)
            .env("TURSO_API_TOKEN", "x")
            .env("TURSO_BASE_URL", "https://localhost:1")
            .run();
        assert!(finished.code != 0 && finished.stdout.is_empty(), "{args:?}");
        assert!(
            finished.stderr.contains("***") || cfg!(not(feature = "rustls")),
            "{args:?}: {}",
            finished.stderr
        );
    }
    for (variable, value) in [
        ("SSL_CERT_FILE", bearer.as_str()),
        ("TURSO_CONFIG_FOLDER", &bearer),
        ("HTTPS_PROXY", &format!("http://{SECRET}:1")),
    ] {
        let mut program =
            program_with_empty_env(&["--base-url=https://localhost:1", "--retries=0"])
                .env(variable, value);
        if variable != "TURSO_CONFIG_FOLDER" {
            program = program.env("TURSO_API_TOKEN", "x");
        }
        let finished = program.run();
        assert!(finished.code != 0, "{variable}");
        assert!(
            finished.stderr.contains("***") || cfg!(not(feature = "rustls")),
            "{variable}: {}",
            finished.stderr
        );
    }
}

#[test]
fn a_required_name_that_is_a_credential_is_not_repeated() {
    for (credential, name) in [
        ("x", SECRET),
        ("s3cr3t-that-is-no-jwt", "s3cr3t-that-is-no-jwt"),
    ] {
        let server = Server::script([ok(ORIGINAL_LIST)]);
        let finished = program(&server.url(), &["-q", "--require", name])
            .env("TURSO_API_TOKEN", credential)
            .run();
        assert_eq!(finished.code, 1);
        assert_line(&finished.stderr, "--require ***: no token has this name");
    }
}

#[test]
fn a_file_whose_name_only_contains_eyj_is_named() {
    let stderr = program(
        "http://127.0.0.1:1",
        &["--token-file", "/missing/monkeyJar.pem"],
    )
    .run()
    .failed(2);
    assert!(stderr.contains("/missing/monkeyJar.pem"), "{stderr}");
}

/// `script` gives a command a terminal of its own.
#[cfg(target_os = "linux")]
#[test]
fn a_credential_is_not_read_from_a_terminal() {
    let command = format!("{} --token-file -", env!("CARGO_BIN_EXE_turso-api-tokens"));
    let output = std::process::Command::new("script")
        .args(["--quiet", "--return", "--command", &command, "/dev/null"])
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(
        shown.contains("--token-file - would show the credential as it is typed; pipe it in"),
        "{shown}"
    );
    assert_eq!(output.status.code(), Some(2));
}
