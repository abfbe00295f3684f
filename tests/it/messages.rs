//! Standard error: what happened, and what to do next.

use crate::server::{CURRENT_LIST, Server, Step, error, hang_up, ok, response};
use crate::support::{Folder, SECRET, assert_line, lines, program, program_with_empty_env};
#[cfg(unix)]
use std::process::Stdio;

const BASE_URL_DOUBT: &str = "is the base URL right? (--base-url, TURSO_API_BASEURL)";

/// What the binary reports of a call to a server with one step, line by line, without its name.
fn report(step: Step, code: i32) -> Vec<String> {
    let stderr = program(&Server::script([step]).url(), &["--retries=0"])
        .run()
        .failed(code);
    lines(&stderr).into_iter().map(str::to_owned).collect()
}

#[cfg(unix)]
#[test]
fn a_line_on_standard_error_is_one_write_of_at_most_300_characters() {
    let (ours, theirs) = std::os::unix::net::UnixDatagram::pair().unwrap();
    let long = "x".repeat(15_000);
    let server = Server::script([
        error("404 x", &long),
        ok(&CURRENT_LIST.replace("laptop", &long)),
    ]);
    for _ in 0..2 {
        let mut command = program(
            &server.url(),
            &["-v", "-q", "--deny", "unrestricted", "--require", &long],
        )
        .0;
        // Each write is a datagram.
        let stderr = std::os::fd::OwnedFd::from(theirs.try_clone().unwrap());
        assert!(
            !command
                .stderr(stderr)
                .stdout(Stdio::null())
                .status()
                .unwrap()
                .success()
        );
    }
    ours.set_nonblocking(true).unwrap();
    let (mut bytes, mut count) = (vec![0; 20_000], 0);
    while let Ok(length) = ours.recv(&mut bytes) {
        let line = std::str::from_utf8(&bytes[..length]).unwrap();
        assert!(
            line.starts_with("turso-api-tokens: ") && line.chars().count() <= 300,
            "{line}"
        );
        assert_eq!(line.find('\n'), Some(line.len() - 1), "{line}");
        count += 1;
    }
    assert!(count > 15, "{count}");
}

#[test]
fn a_servers_text_is_cut_to_120_characters() {
    let lines = report(error("404 x", &"é".repeat(1_000)), 5);
    assert!(
        lines[0].ends_with(&format!(" returned 404 Not Found: {}…", "é".repeat(120))),
        "{lines:?}"
    );
}

#[test]
fn names_are_cut_to_60_characters_so_that_id_and_reason_stay() {
    let long = "x".repeat(300);
    let body = CURRENT_LIST
        .replace("laptop", &long)
        .replace("clGFZ4STEe6fljpFzIum8A", &long);
    let server = Server::script([ok(&body)]);
    let finished = program(
        &server.url(),
        &[
            "-q",
            "--deny",
            "unrestricted",
            "--require",
            &"y".repeat(300),
        ],
    )
    .run();
    let cut = |letter: &str| format!("{}…", letter.repeat(59));
    let expected = format!(
        "turso-api-tokens: --require {}: no token has this name\n\
         turso-api-tokens: --deny unrestricted: {x} ({x}) may act on every organization\n",
        cut("y"),
        x = cut("x")
    );
    assert_eq!((finished.code, finished.stderr), (1, expected));
}

#[test]
fn control_characters_in_a_servers_text_are_escaped() {
    let lines = report(error("404 x", "\\u001b]0;x\\u0007\\u202e\u{9b}\\n"), 5);
    assert!(
        lines[0].ends_with(r": \u{1b}]0;x\u{7}\u{202e}\u{9b}"),
        "{lines:?}"
    );
    let redirect = response("302 x", "Location: https://evil.example/\u{9b}31m\r\n", "");
    let lines = report(redirect, 5);
    assert!(
        lines[0].ends_with(
            r" and redirects to https://evil.example/\u{9b}31m; the credential was not sent there"
        ),
        "{lines:?}"
    );
}

#[test]
fn html_pages_get_their_own_advice() {
    let page = "<!DOCTYPE html><title>Sign in</title>";
    for (status, code) in [
        ("200 OK", 5),
        ("401 x", 5),
        ("403 x", 5),
        ("404 x", 5),
        ("503 x", 4),
    ] {
        let lines = report(response(status, "Content-Type: text/html\r\n", page), code);
        assert!(
            lines[0].ends_with("an HTML page titled \"Sign in\""),
            "{lines:?}"
        );
        let advice =
            "an HTML page came instead of the API's JSON: probably a captive portal or a proxy";
        assert_eq!(lines[1..], [format!("{advice}; {BASE_URL_DOUBT}")]);
    }
}

#[test]
fn json_that_mentions_html_gets_no_advice_for_pages() {
    let lines = report(error("404 Not Found", "no <html> <title>here</title>"), 5);
    assert!(
        lines[0].ends_with(" returned 404 Not Found: no <html> <title>here</title>"),
        "{lines:?}"
    );
    assert_eq!(lines[1..], [BASE_URL_DOUBT]);
}

#[test]
fn a_server_cannot_choose_the_advice_by_its_words() {
    let texts = "lookup, UnknownIssuer, expired, 407, : item 7, proxy, failed to lookup address information";
    assert_eq!(
        report(error("404 Not Found", texts), 5)[1..],
        [BASE_URL_DOUBT]
    );
    let stderr = program("http://127.0.0.1:1/lookup/407", &["--retries=0"])
        .run()
        .failed(4);
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
}

#[test]
fn a_list_with_a_faulty_token_does_not_doubt_the_base_url() {
    let lines = report(ok(r#"{"tokens":[{"name":"a","id":7}]}"#), 5);
    assert!(
        lines.len() == 1 && lines[0].ends_with(": token 1: `id` is not a string"),
        "{lines:?}"
    );
}

#[test]
fn a_longer_line_is_cut_to_300_characters() {
    let stderr = program("http://127.0.0.1:1", &["--ca-file", &"x".repeat(1000)])
        .run()
        .failed(2);
    // The newline is the last.
    assert_eq!(stderr.chars().count(), 300, "{stderr}");
    assert!(stderr.ends_with("x…\n"), "{stderr}");
}

#[test]
fn a_base_url_from_a_variable_is_doubted_too() {
    for variable in ["TURSO_API_BASEURL", "TURSO_BASE_URL"] {
        let server = Server::script([ok("{}")]);
        let stderr = program_with_empty_env(&[])
            .env("TURSO_API_TOKEN", SECRET)
            .env(variable, &server.url())
            .run()
            .failed(5);
        assert_line(&stderr, BASE_URL_DOUBT);
    }
}

#[test]
fn a_response_that_is_not_a_list_doubts_the_base_url() {
    assert_eq!(report(ok("{}"), 5)[1..], [BASE_URL_DOUBT]);
    assert_eq!(
        report(
            response("302 x", "Location: https://evil.example\r\n", ""),
            5
        )[1..],
        [BASE_URL_DOUBT]
    );
}

#[test]
fn an_overloaded_server_gets_no_advice_but_its_own_retry_after() {
    let lines = report(
        response("503 x", "Retry-After: 1\r\n", r#"{"error":"busy"}"#),
        4,
    );
    assert!(
        lines.len() == 1
            && lines[0].ends_with(" returned 503 Service Unavailable: busy; retry after 1 s"),
        "{lines:?}"
    );
}

#[test]
fn an_inactive_subscription_is_named() {
    assert_eq!(
        report(error("402 x", "pay"), 5)[1..],
        ["check that the subscription is active"]
    );
}

#[test]
fn a_lost_connection_is_told_in_plain_words() {
    let lines = report(hang_up(), 4);
    assert!(
        lines.len() == 1
            && lines[0].ends_with("/v1/auth/api-tokens: the server closed the connection"),
        "{lines:?}"
    );
}

mod refusals {
    use super::{Folder, SECRET, Server, assert_line, error, program, program_with_empty_env};

    const MINT: &str = "the credential is invalid, expired or revoked; `turso auth api-tokens mint NAME --org ORG` makes a new one";

    fn refusing(status: &'static str) -> Server {
        Server::script([error(status, "token expired")])
    }

    /// The line that says which credential was refused.
    fn line(server: &Server, source: &str, status: &str) -> String {
        format!(
            "{}/v1/auth/api-tokens refused the credential from {source}: {status}: token expired",
            server.url()
        )
    }

    #[test]
    fn a_refused_variable_is_named_and_how_to_make_a_new_token() {
        let server = refusing("401 x");
        let stderr = program(&server.url(), &[]).run().failed(3);
        assert_line(
            &stderr,
            &line(&server, "TURSO_API_TOKEN", "401 Unauthorized"),
        );
        assert_line(&stderr, MINT);
    }

    #[test]
    fn a_refused_file_is_named() {
        let (server, folder) = (refusing("401 x"), Folder::new());
        let file = folder.write("token", SECRET);
        let stderr = program(&server.url(), &["--token-file", &file])
            .run()
            .failed(3);
        assert_line(&stderr, &line(&server, &file, "401 Unauthorized"));
        assert_line(&stderr, MINT);
    }

    #[test]
    fn a_refused_credential_from_standard_input_says_so() {
        let server = refusing("401 x");
        let stderr = program(&server.url(), &["--token-file", "-"])
            .run_with_stdin(SECRET)
            .failed(3);
        assert_line(
            &stderr,
            &line(&server, "standard input", "401 Unauthorized"),
        );
    }

    /// Runs the binary with a login of the turso CLI; returns standard error and the path of the login.
    fn with_login(server: &Server) -> (String, String) {
        let folder = Folder::new();
        let login = folder.write("settings.json", format!(r#"{{"token":"{SECRET}"}}"#));
        let start = program_with_empty_env(&[]).env("TURSO_CONFIG_FOLDER", &folder.path());
        (
            start
                .env("TURSO_API_BASEURL", &server.url())
                .run()
                .failed(3),
            login,
        )
    }

    #[test]
    fn a_refused_login_is_renewed_by_the_turso_cli() {
        let server = refusing("401 x");
        let (stderr, login) = with_login(&server);
        assert_line(
            &stderr,
            &line(
                &server,
                &format!("the turso CLI's login in {login}"),
                "401 Unauthorized",
            ),
        );
        assert_line(
            &stderr,
            "the login has expired or was revoked; `turso auth login` renews it",
        );
    }

    #[test]
    fn a_forbidden_login_is_not_helped_by_renewing_it() {
        let (stderr, _) = with_login(&refusing("403 x"));
        assert_line(
            &stderr,
            "renewing the login will not help; this user may not list tokens",
        );
    }

    #[test]
    fn a_forbidden_token_is_told_that_the_login_may_list() {
        let stderr = program(&refusing("403 x").url(), &[]).run().failed(3);
        let advice = "this token may not list the user's tokens; the login of the turso CLI may (`turso auth login`)";
        assert_line(&stderr, advice);
    }
}

/// The base URL is not given: what calls the default ends at a server of the test's own, through a proxy.
#[cfg(feature = "rustls")]
mod without_a_base_url {
    use super::{
        Folder, SECRET, Server, Step, assert_line, error, ok, program_with_empty_env, response,
    };
    use crate::server::too_large;
    use crate::support::{Authority, Proxy};

    fn report(step: Step, code: i32) -> String {
        let (authority, folder) = (Authority::new(), Folder::new());
        let server = Server::tls([step], authority.tls(&["api.turso.tech"]));
        let proxy = Proxy::http_to(server.port());
        let ca = folder.write("ca.pem", &authority.pem);
        let start = program_with_empty_env(&["--retries=0", "--ca-file", &ca])
            .env("TURSO_API_TOKEN", SECRET);
        let stderr = start
            .env("HTTPS_PROXY", &proxy.url("http", ""))
            // An empty variable counts as unset.
            .env("TURSO_API_BASEURL", "")
            .env("TURSO_BASE_URL", "")
            .run()
            .failed(code);
        assert!(
            stderr.contains("https://api.turso.tech/v1/auth/api-tokens"),
            "{stderr}"
        );
        stderr
    }

    #[test]
    fn the_base_url_is_not_doubted() {
        for (step, code) in [
            (ok("{}"), 5),
            (error("404 x", "no"), 5),
            (
                response("302 x", "Location: https://evil.example\r\n", ""),
                5,
            ),
            (too_large(), 5),
        ] {
            let stderr = report(step, code);
            assert_eq!(stderr.lines().count(), 1, "{stderr}");
        }
    }

    #[test]
    fn a_page_is_told_without_doubt_about_the_base_url() {
        let stderr = report(response("200 OK", "", "<html><title>Sign in</title>"), 5);
        assert_line(
            &stderr,
            "an HTML page came instead of the API's JSON: probably a captive portal or a proxy",
        );
    }
}

#[cfg(feature = "rustls")]
mod certificates {
    use super::{BASE_URL_DOUBT, Folder, Server, Step, assert_line, ok, program};
    use crate::server::{ORIGINAL_LIST, TlsLayer};
    use crate::support::{Authority, Identity, tls, unresolvable_host};
    use rcgen::{BasicConstraints, IsCa, date_time_ymd};
    use std::path::Path;
    use turso_api_tokens::Date;

    /// What the binary reports of a server inside TLS, where it trusts this authority.
    fn report(layer: TlsLayer, trusted: Option<&str>) -> String {
        let (server, folder) = (Server::tls([ok(ORIGINAL_LIST)], layer), Folder::new());
        let ca = trusted.map(|pem| folder.write("ca.pem", pem));
        let args = ca.as_ref().map_or(vec![], |ca| vec!["--ca-file", ca]);
        // An empty variable counts as unset.
        let program = program(&server.https_url(), &args).env("SSL_CERT_FILE", "");
        program.run().failed(4)
    }

    /// What it reports of a server that sends these bytes first.
    fn report_greeting(greeting: &[u8]) -> String {
        let server = Server::script([Step::Greet(greeting.to_vec())]);
        program(&server.https_url(), &[]).run().failed(4)
    }

    #[test]
    fn a_private_ca_is_suggested_with_the_machines_own_bundle() {
        let stderr = report(Authority::new().tls(&["localhost"]), None);
        let advice = "its issuer is not trusted; trust a private authority with --ca-file FILE or SSL_CERT_FILE";
        let bundle = "/etc/ssl/certs/ca-certificates.crt";
        if Path::new(bundle).exists() {
            assert_line(
                &stderr,
                &format!("{advice}; this machine's own bundle is {bundle}"),
            );
        } else {
            assert!(stderr.contains(advice), "{stderr}");
        }
    }

    #[test]
    fn the_file_that_is_trusted_is_named_with_where_it_was_set() {
        let folder = Folder::new();
        let other = folder.write("other.pem", &Authority::new().pem);
        let run = |args: &[&str], variable: &str| {
            let server = Server::tls([ok(ORIGINAL_LIST)], Authority::new().tls(&["localhost"]));
            program(&server.https_url(), args)
                .env("SSL_CERT_FILE", variable)
                .run()
                .failed(4)
        };
        let advice = |setting: &str| {
            format!("the issuer is not among the certificates in {other} ({setting})")
        };
        assert_line(&run(&[], &other), &advice("SSL_CERT_FILE"));
        let args = ["--ca-file", &other];
        assert_line(&run(&args, &other), &advice("--ca-file"));
    }

    #[test]
    fn an_expired_certificate_is_the_servers_if_the_clock_is_right() {
        let authority = Authority::new();
        let expired = authority.issue(&["localhost"], |params| {
            params.not_after = date_time_ymd(2020, 1, 1);
        });
        let today = Date::today_utc();
        let advice = format!(
            "the server needs a new certificate, if this machine's clock is right: today is {today}"
        );
        assert_line(&report(tls(&expired), Some(&authority.pem)), &advice);
    }

    #[test]
    fn a_certificate_that_is_not_valid_yet_doubts_the_clock() {
        let authority = Authority::new();
        let future = authority.issue(&["localhost"], |params| {
            params.not_before = date_time_ymd(2999, 1, 1);
        });
        let advice = format!(
            "is this machine's clock right? it says that today is {}",
            Date::today_utc()
        );
        assert_line(&report(tls(&future), Some(&authority.pem)), &advice);
    }

    #[test]
    fn a_certificate_for_another_host_doubts_the_base_url() {
        let authority = Authority::new();
        let stderr = report(authority.tls(&["example.com"]), Some(&authority.pem));
        assert_line(
            &stderr,
            &format!("the certificate is for another host; {BASE_URL_DOUBT}"),
        );
    }

    #[test]
    fn an_authoritys_certificate_as_the_servers_own_is_explained() {
        let ca = Identity::self_signed(&["localhost"], |params| {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        });
        let advice = "the server presents a CA certificate as its own, which clients reject; it needs one that the CA \
                      has issued, and --ca-file names the CA's";
        assert_line(&report(tls(&ca), Some(&ca.certificate)), advice);
    }

    #[test]
    fn a_server_without_a_common_protocol_is_told_what_this_program_accepts() {
        let advice = "the server accepts none of this program's TLS versions and cipher suites: TLS 1.2 or 1.3, with \
                      ECDHE and AES-GCM or ChaCha20";
        let handshake_failure_alert = b"\x15\x03\x03\x00\x02\x02\x28";
        assert_line(&report_greeting(handshake_failure_alert), advice);
    }

    #[test]
    fn any_other_failure_of_the_handshake_doubts_the_port() {
        let internal_error_alert = b"\x15\x03\x03\x00\x02\x02\x50";
        assert_line(
            &report_greeting(internal_error_alert),
            &format!("does the server speak https at this port?; {BASE_URL_DOUBT}"),
        );
    }

    #[test]
    fn plain_http_at_an_https_port_is_named() {
        let advice =
            format!("something other than TLS listens there, perhaps plain http; {BASE_URL_DOUBT}");
        assert_line(
            &report_greeting(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
            &advice,
        );
    }

    #[test]
    fn a_name_that_does_not_resolve_doubts_the_network_and_never_the_timeout() {
        let url = format!("https://{}", unresolvable_host());
        let stderr = program(&url, &["--retries=0"]).run().failed(4);
        assert!(
            stderr.contains(&format!(
                "could not resolve the host name of {url}/v1/auth/api-tokens: "
            )),
            "{stderr}"
        );
        let file = if cfg!(windows) {
            ""
        } else {
            " (/etc/resolv.conf)"
        };
        let advice =
            format!("does this machine have a network, and do its name servers answer?{file}");
        assert_line(&stderr, &format!("{advice}; {BASE_URL_DOUBT}"));
    }
}
