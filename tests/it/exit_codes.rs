//! Every kind of failure has its exit code, and prints nothing on standard output.

use crate::server::{Server, Step, error, hang_up, ok, response, too_large};
use crate::support::{REFUSING_ADDRESS, assert_line, assert_within, program};

/// Asserts the exit code of a run against a server with one step; returns standard error.
fn assert_code(step: Step, code: i32) -> String {
    program(&Server::script([step]).url(), &["--retries", "0"])
        .run()
        .failed(code)
}

#[test]
fn an_invalid_option_credential_or_file_is_2() {
    for args in [
        &["--bogus"][..],
        &["--token-file", "/nonexistent"],
        &["--base-url", "nonsense"],
        #[cfg(feature = "rustls")]
        &[
            "--base-url",
            "https://127.0.0.1:1",
            "--ca-file",
            "/nonexistent",
        ],
    ] {
        program("http://127.0.0.1:1", args).run().failed(2);
    }
}

#[test]
fn a_refused_credential_is_3() {
    for status in ["401 x", "403 x"] {
        assert_code(error(status, "no"), 3);
    }
}

#[test]
fn no_response_is_4() {
    assert_code(hang_up(), 4);
    program(&format!("http://{REFUSING_ADDRESS}"), &["--retries=0"])
        .run()
        .failed(4);
}

#[test]
fn a_timeout_is_4_and_the_message_says_how_to_allow_more_time() {
    let server = Server::script([Step::Silence]);
    let stderr = assert_within(1, || program(&server.url(), &["--timeout", "1"]).run()).failed(4);
    let url = server.url();
    assert_line(
        &stderr,
        &format!("no complete response from {url}/v1/auth/api-tokens within 1s"),
    );
    assert_line(&stderr, "--timeout SECONDS allows more time");
}

#[test]
fn an_overloaded_server_is_4() {
    for status in ["429 x", "500 x", "503 x", "505 x", "599 x"] {
        assert_code(response(status, "", ""), 4);
    }
}

#[test]
fn any_other_response_is_5() {
    for status in ["402 x", "404 x", "499 x", "600 x", "204 x", "206 x"] {
        let stderr = assert_code(response(status, "", ""), 5);
        assert!(
            stderr.contains(&format!(" returned {}", &status[..3])),
            "{stderr}"
        );
    }
    assert_code(ok("[]"), 5);
    assert_code(
        response("302 x", "Location: https://evil.example\r\n", ""),
        5,
    );
    assert_code(too_large(), 5);
}

#[cfg(feature = "rustls")]
#[test]
fn a_name_that_does_not_resolve_is_4() {
    let url = format!("https://{}", crate::support::unresolvable_host());
    program(&url, &["--retries=0"]).run().failed(4);
}

/// The standard library takes the size of a stack from this variable, and no machine has as much memory.
#[cfg(all(target_os = "linux", feature = "rustls"))]
#[test]
fn a_machine_that_cannot_start_a_thread_has_no_response_and_is_not_the_proxys_fault() {
    let stderr = program("https://localhost:1", &["--retries=0"])
        .env("HTTPS_PROXY", "http://127.0.0.1:1")
        .env("RUST_MIN_STACK", &(1_u64 << 50).to_string())
        .run()
        .failed(4);
    let expected = "no response from https://localhost:1/v1/auth/api-tokens through the proxy 127.0.0.1:1 \
                    (HTTPS_PROXY): nothing was sent, as no thread could be started: ";
    assert!(stderr.contains(expected), "{stderr}");
}
