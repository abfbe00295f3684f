//! Options and variables: which one counts, and how an invalid one is reported.

use crate::server::{CURRENT_LIST, ORIGINAL_LIST, Server, error, ok};
use crate::support::{RETRY_LOG, SECRET, assert_line, lines, program, program_with_empty_env};

#[test]
fn the_base_url_comes_from_the_option_then_the_variables() {
    let (server, other) = (Server::always(|| ok(ORIGINAL_LIST)), Server::script([]));
    let start = |args: &[&str]| program_with_empty_env(args).env("TURSO_API_TOKEN", SECRET);
    for program in [
        start(&["--base-url", &server.url()]).env("TURSO_API_BASEURL", &other.url()),
        start(&[])
            .env("TURSO_API_BASEURL", &server.url())
            .env("TURSO_BASE_URL", &other.url()),
        start(&[])
            .env("TURSO_API_BASEURL", "")
            .env("TURSO_BASE_URL", &server.url()),
    ] {
        program.run().succeeded();
    }
    assert_eq!((server.requests().len(), other.connections()), (3, 0));
}

#[test]
fn an_invalid_base_url_is_reported_with_its_option_or_variable() {
    for (value, problem) in [
        (
            "http://example.com",
            "http://example.com: plain http would expose the credential to the network; use https",
        ),
        (
            "https://u:hidden@h",
            "it must not contain userinfo; the credential is given apart from it",
        ),
        (
            "nonsense",
            "it is not a URL with a host; it should look like https://api.turso.tech",
        ),
    ] {
        for variable in ["TURSO_API_BASEURL", "TURSO_BASE_URL"] {
            let start = program_with_empty_env(&[]).env("TURSO_API_TOKEN", SECRET);
            assert_line(
                &start.env(variable, value).run().failed(2),
                &format!("{variable}: {problem}"),
            );
        }
        let stderr = program("http://127.0.0.1:1", &["--base-url", value])
            .run()
            .failed(2);
        assert_line(&stderr, &format!("--base-url: {problem}"));
    }
    let stderr = program("http://127.0.0.1:1", &["--base-url", ""])
        .run()
        .failed(2);
    assert!(
        stderr.starts_with("turso-api-tokens: --base-url: it is not a URL with a host;"),
        "{stderr}"
    );
}

/// One of a kind; `arguments` has unit tests for the others.
#[test]
fn an_invalid_option_refers_to_the_help() {
    let stderr = program("http://127.0.0.1:1", &["--timeout", "0"])
        .run()
        .failed(2);
    assert_line(
        &stderr,
        "--timeout takes seconds, such as 30 or 2.5, and more than 0; see --help",
    );
}

#[test]
fn by_default_a_call_gets_30_seconds_and_is_retried_twice_as_the_help_says() {
    let server = Server::always(|| error("503 x", "busy"));
    let stderr = program(&server.url(), &["-v"]).run().failed(4);
    let lines = lines(&stderr);
    let first = lines.iter().find(|line| line.starts_with("GET ")).unwrap();
    let (_, left) = first.rsplit_once(", ").unwrap();
    let left: u64 = left.strip_suffix(" ms left").unwrap().parse().unwrap();
    assert!((29_000..=30_000).contains(&left), "{first}");
    assert_eq!(server.requests().len(), 3);

    let help = program_with_empty_env(&["--help"]).run().succeeded();
    let words = help.split_whitespace().collect::<Vec<_>>().join(" ");
    let timeout = "--timeout <SECONDS> Give up after this long, retries included [default: 30]";
    let retries = "--retries <N> Retry a transient failure up to N times [default: 2]";
    assert!(words.contains(timeout) && words.contains(retries), "{help}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_variable_that_is_not_utf_8_is_an_error() {
    use std::os::unix::ffi::OsStrExt;
    let value = |prefix: &[u8]| std::ffi::OsStr::from_bytes(&[prefix, b"\xff"].concat()).to_owned();
    for (variable, value, expected) in [
        (
            "TURSO_API_BASEURL",
            value(b"https://localhost:1/"),
            "TURSO_API_BASEURL: it is not UTF-8",
        ),
        (
            "SSL_CERT_FILE",
            value(b"/tmp/"),
            "SSL_CERT_FILE: it is not UTF-8",
        ),
        (
            "HTTPS_PROXY",
            value(b"http://h:1/"),
            "HTTPS_PROXY: it is not UTF-8",
        ),
        ("NO_PROXY", value(b"localhost"), "NO_PROXY: it is not UTF-8"),
        (
            "TURSO_API_TOKEN",
            value(b"x"),
            "invalid credential from TURSO_API_TOKEN: byte 2 is not a visible ASCII character",
        ),
    ] {
        let mut program = program("https://localhost:1", &[]);
        program.0.env(variable, value);
        assert_line(&program.run().failed(2), expected);
    }
}

#[test]
fn verbose_prints_each_setting_once_and_then_each_attempt() {
    let server = Server::script([error("503 x", "busy"), ok(ORIGINAL_LIST)]);
    let finished = program(&server.url(), &["--verbose", "-q"]).run();
    assert_eq!((finished.code, finished.stdout.as_str()), (0, ""));
    let lines = lines(&finished.stderr);
    let settings = [
        "credential: TURSO_API_TOKEN",
        &format!("base URL: {} (TURSO_API_BASEURL)", server.url()),
        "proxy: none",
        "certificates: the bundled Mozilla roots",
    ];
    assert_eq!(lines[..4], settings);
    assert_eq!(lines.len(), 4 + RETRY_LOG.len() + 1, "{lines:#?}");
    for (line, beginning) in lines[4..].iter().zip(RETRY_LOG) {
        assert!(line.starts_with(beginning), "{beginning}: {lines:#?}");
    }
    assert_eq!(lines.last(), Some(&"2 tokens"), "{lines:#?}");
}

#[cfg(feature = "rustls")]
mod certificates {
    use crate::server::{ORIGINAL_LIST, Server, ok};
    use crate::support::{
        Authority, Folder, Identity, REFUSING_ADDRESS, SECRET, assert_line, lines, program,
        program_with_empty_env,
    };

    #[test]
    fn the_authority_to_trust_comes_from_the_option_then_the_variable() {
        let (authority, folder) = (Authority::new(), Folder::new());
        let (ca, other) = (
            folder.write("ca.pem", &authority.pem),
            folder.write("other.pem", &Authority::new().pem),
        );
        let run = |args: &[&str], variable: &str| {
            let server = Server::tls([ok(ORIGINAL_LIST)], authority.tls(&["localhost"]));
            program(&server.https_url(), args)
                .env("SSL_CERT_FILE", variable)
                .run()
        };
        run(&["--ca-file", &ca], &other).succeeded();
        run(&[], &ca).succeeded();
        run(&[], &other).failed(4);
        run(&[], "").failed(4);
    }

    #[test]
    fn an_invalid_certificate_file_is_reported_with_its_option_or_variable_and_its_path() {
        let folder = Folder::new();
        let empty = folder.write("empty.pem", "");
        let key = folder.write("key.pem", Identity::self_signed(&["localhost"], |_| {}).key);
        let broken = folder.write(
            "broken.pem",
            "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
        );
        let missing = folder.0.join("missing.pem").display().to_string();
        for (path, problem) in [
            (&empty, format!("{empty} holds no PEM certificate")),
            (&key, format!("{key} holds no PEM certificate")),
            (&broken, format!("{broken} is not PEM")),
            (&missing, format!("could not read {missing}: ")),
        ] {
            let by_option = program("https://localhost:1", &["--ca-file", path])
                .run()
                .failed(2);
            assert!(
                by_option.starts_with(&format!("turso-api-tokens: --ca-file: {problem}")),
                "{by_option}"
            );
            let by_variable = program("https://localhost:1", &[])
                .env("SSL_CERT_FILE", path)
                .run()
                .failed(2);
            assert!(
                by_variable.starts_with(&format!("turso-api-tokens: SSL_CERT_FILE: {problem}")),
                "{by_variable}"
            );
        }
    }

    #[cfg(unix)]
    #[test]
    fn an_endless_certificate_file_is_refused_at_8_mib() {
        let stderr = program("https://localhost:1", &["--ca-file", "/dev/zero"])
            .run()
            .failed(2);
        assert_line(
            &stderr,
            "--ca-file: could not read /dev/zero: it is larger than 8 MiB",
        );
    }

    #[test]
    fn verbose_prints_the_settings_of_options_with_their_options_and_no_secret() {
        let folder = Folder::new();
        let (token, ca) = (
            folder.write("token", SECRET),
            folder.write("ca.pem", Authority::new().pem),
        );
        let args = [
            "-v",
            "--token-file",
            &token,
            "--base-url",
            "https://localhost:1",
            "--ca-file",
            &ca,
            "--retries",
            "0",
        ];
        let start = program_with_empty_env(&args).env(
            "HTTPS_PROXY",
            &format!("http://user:hidden@{REFUSING_ADDRESS}"),
        );
        // What it ignores is not printed either.
        let start = start
            .env("TURSO_API_TOKEN", "x")
            .env("SSL_CERT_FILE", "/x")
            .env("TURSO_BASE_URL", "http://h");
        let stderr = start.run().failed(4);
        let lines = lines(&stderr);
        let settings = [
            format!("credential: {token}"),
            "base URL: https://localhost:1 (--base-url)".to_owned(),
            format!("proxy: {REFUSING_ADDRESS} (HTTPS_PROXY)"),
            format!("certificates: {ca} (--ca-file)"),
        ];
        assert_eq!(lines[..4], settings);
        for name in ["credential: ", "base URL: ", "proxy: ", "certificates: "] {
            assert_eq!(
                lines.iter().filter(|line| line.starts_with(name)).count(),
                1,
                "{stderr}"
            );
        }
        assert!(!stderr.contains("hidden"), "{stderr}");
    }

    #[test]
    fn verbose_prints_the_default_base_url_and_the_variable_of_the_certificates() {
        let folder = Folder::new();
        let ca = folder.write("ca.pem", Authority::new().pem);
        let start = program_with_empty_env(&["-v", "--retries=0"])
            .env("TURSO_TOKEN", "x")
            .env("SSL_CERT_FILE", &ca);
        // A proxy that refuses, so that nothing leaves this machine.
        let stderr = start
            .env("ALL_PROXY", &format!("http://{REFUSING_ADDRESS}"))
            .run()
            .failed(4);
        assert_line(&stderr, "credential: TURSO_TOKEN");
        assert_line(&stderr, "base URL: https://api.turso.tech (default)");
        assert_line(&stderr, &format!("certificates: {ca} (SSL_CERT_FILE)"));
    }
}

#[test]
fn verbose_ends_with_the_number_of_tokens() {
    for (body, expected) in [
        (CURRENT_LIST, "4 tokens"),
        (r#"{"tokens":[{"name":"a","id":"1"}]}"#, "1 token"),
        (r#"{"tokens":null}"#, "0 tokens"),
    ] {
        let server = Server::script([ok(body)]);
        let finished = program(&server.url(), &["-v", "-q"]).run();
        assert_eq!(lines(&finished.stderr).last(), Some(&expected));
    }
}

#[test]
fn white_space_around_a_base_url_is_trimmed() {
    let server = Server::script([ok(ORIGINAL_LIST), ok(ORIGINAL_LIST)]);
    let url = format!(" {}\n", server.url());
    program(&url, &["-q"]).run().succeeded();
    program("http://127.0.0.1:1", &["-q", "--base-url", &url])
        .run()
        .succeeded();
}
