//! A build script that uses the library: the member crate `tests/build-script`, which README.md shows.

use crate::server::{FIRST, Server, Step, TODAY, ok};
use crate::support::SECRET;
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

/// One build at a time: they share a target folder, and the variables are part of what is built.
static BUILDS: Mutex<()> = Mutex::new(());

fn build(variables: &[(&str, &str)]) -> (Output, String, MutexGuard<'static, ()>) {
    let lock = BUILDS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--locked", "--package", "build-script"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    for name in ["TURSO_API_TOKEN", "TURSO_TOKEN", "TURSO_API_BASEURL", "TURSO_BASE_URL", "SSL_CERT_FILE"] {
        cargo.env_remove(name);
    }
    let output = cargo.envs(variables.iter().copied()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!said.contains(&SECRET[..16]), "{said}");
    (output, said, lock)
}

#[test]
fn a_build_sees_the_tokens_of_the_account() {
    let server = Server::always(|| ok(TODAY));
    let (output, said, _lock) = build(&[("TURSO_API_TOKEN", SECRET), ("TURSO_API_BASEURL", &server.url())]);
    assert!(output.status.success(), "{said}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "4 tokens\n");
}

#[test]
fn a_build_without_the_token_that_it_needs_says_how_to_make_it() {
    let server = Server::always(|| ok(FIRST));
    let (output, said, _lock) = build(&[("TURSO_API_TOKEN", SECRET), ("TURSO_API_BASEURL", &server.url())]);
    assert!(!output.status.success() && said.contains("no token `deploy`") && said.contains("mint deploy"), "{said}");
}

#[test]
fn a_build_against_a_silent_server_ends_with_an_error_that_says_what_to_do() {
    let server = Server::always(|| Step::Silence);
    let started = std::time::Instant::now();
    let (output, said, _lock) = build(&[("TURSO_API_TOKEN", SECRET), ("TURSO_API_BASEURL", &server.url())]);
    assert!(!output.status.success() && said.contains("within 5s") && said.contains("unset TURSO_API_TOKEN"), "{said}");
    // Compiling may come first, so this only tells an end from a hang.
    assert!(started.elapsed() < Duration::from_secs(100));
}

#[test]
fn a_build_without_a_credential_warns_and_goes_on() {
    let (output, said, _lock) = build(&[]);
    assert!(output.status.success() && said.contains("TURSO_API_TOKEN is not set"), "{said}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "unchecked tokens\n");
}

#[test]
fn the_readme_shows_the_build_script_that_is_tested() {
    assert!(include_str!("../../README.md").contains(include_str!("../build-script/build.rs")));
}
