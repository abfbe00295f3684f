//! A build script that uses the library: the member crate `tests/build-script`, which docs/build-script.md shows.

use crate::server::{CURRENT_LIST, ORIGINAL_LIST, Server, Step, error, ok};
use crate::support::{SECRET, assert_within};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, Mutex, PoisonError};

/// A different one in every run, because the target folder stays.
static CREDENTIAL: LazyLock<String> = LazyLock::new(|| format!("{SECRET}{}", std::process::id()));

/// What cargo and a compiler need to be found. The rest of the developer's environment is ignored.
const KEPT: [&str; 12] = [
    "PATH",
    "HOME",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "USERPROFILE",
    "SystemRoot",
    "ProgramFiles",
    "ProgramFiles(x86)",
    "ProgramData",
    "TEMP",
    "TMP",
];

/// A target folder for these tests alone.
fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("build-script")
}

/// Builds against a server, with a credential; returns whether that succeeded, and cargo's standard error.
fn build(server: &Server, variables: &[(&str, &str)]) -> (bool, String) {
    // One build at a time: they share the target folder, and the variables differ.
    static BUILDS: Mutex<()> = Mutex::new(());
    let _lock = BUILDS.lock().unwrap_or_else(PoisonError::into_inner);
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args([
            "build",
            "--locked",
            "--offline",
            "--package",
            "build-script",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo.env_clear().envs(
        std::env::vars_os().filter(|(name, _)| KEPT.iter().any(|kept| name == OsStr::new(kept))),
    );
    cargo
        .env("CARGO_TARGET_DIR", target())
        .env("TURSO_API_TOKEN", &*CREDENTIAL);
    let output = cargo
        .env("TURSO_API_BASEURL", server.url())
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    assert!(output.stdout.is_empty());
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(!stderr.contains(&*CREDENTIAL), "{stderr}");
    (output.status.success(), stderr)
}

const SWITCH: (&str, &str) = ("CHECK_TURSO_TOKENS", "1");

#[test]
fn with_the_switch_every_build_asks_again_and_a_revoked_credential_fails_it() {
    let server = Server::script([
        ok(CURRENT_LIST),
        ok(CURRENT_LIST),
        error("401 Unauthorized", "token revoked"),
    ]);
    for requests in 1..=2 {
        let (built, stderr) = build(&server, &[SWITCH]);
        assert!(built, "{stderr}");
        assert_eq!(server.requests().len(), requests, "{stderr}");
    }
    let (built, stderr) = build(&server, &[SWITCH]);
    assert!(
        !built && stderr.contains("401") && stderr.contains("token revoked"),
        "{stderr}"
    );
    assert!(stderr.contains("unset CHECK_TURSO_TOKENS"), "{stderr}");
}

#[test]
fn only_1_turns_the_check_on() {
    let server = Server::always(|| ok(CURRENT_LIST));
    for value in [None, Some(""), Some("0"), Some("true"), Some("11")] {
        let variables: Vec<_> = value
            .map(|value| ("CHECK_TURSO_TOKENS", value))
            .into_iter()
            .collect();
        let (built, stderr) = build(&server, &variables);
        assert!(built && !stderr.contains("warning"), "{value:?}: {stderr}");
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_failed_build_reports_the_cause() {
    let server = Server::script([ok("{\"tokens\":[{}]}")]);
    let (built, stderr) = build(&server, &[SWITCH]);
    assert!(
        !built && stderr.contains("is not a list of API tokens: token 1: "),
        "{stderr}"
    );
    // A server that has stopped: nothing listens on its port.
    let url = Server::always(|| Step::Close).url();
    let (built, stderr) = build(&server, &[SWITCH, ("TURSO_API_BASEURL", &url)]);
    assert!(
        !built && stderr.contains("no response from ") && stderr.contains("refused"),
        "{stderr}"
    );
}

#[test]
fn a_build_without_the_required_token_says_how_to_create_it() {
    let (built, stderr) = build(&Server::always(|| ok(ORIGINAL_LIST)), &[SWITCH]);
    assert!(
        !built
            && stderr.contains("there is no token `deploy`")
            && stderr.contains("mint deploy --org ORG"),
        "{stderr}"
    );
}

#[test]
fn a_build_without_a_credential_names_the_places_it_looked_in() {
    let server = Server::always(|| ok(CURRENT_LIST));
    let nowhere = env!("CARGO_TARGET_TMPDIR");
    let (built, stderr) = build(
        &server,
        &[
            SWITCH,
            ("TURSO_API_TOKEN", ""),
            ("TURSO_CONFIG_FOLDER", nowhere),
        ],
    );
    assert!(
        !built && stderr.contains("TURSO_API_TOKEN and TURSO_TOKEN are not set"),
        "{stderr}"
    );
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_build_against_a_silent_server_ends_with_an_error() {
    // Compiling may come first, so this bound only rules out a hang.
    let (built, stderr) =
        assert_within(300, || build(&Server::always(|| Step::Silence), &[SWITCH]));
    assert!(!built && stderr.contains("within 5s"), "{stderr}");
}

#[test]
fn nothing_below_the_target_folder_holds_the_credential() {
    let server = Server::script([
        ok(CURRENT_LIST),
        error("401 Unauthorized", &CREDENTIAL),
        ok(&format!(
            "{{\"tokens\":[{{\"name\":1,\"id\":\"{}\"}}]}}",
            *CREDENTIAL
        )),
    ]);
    for expected in [true, false, false] {
        let (built, stderr) = build(&server, &[SWITCH]);
        assert_eq!(built, expected, "{stderr}");
        assert_clean(&target());
    }
    assert!(build(&server, &[]).0);
    assert_clean(&target());
    assert_eq!(server.requests().len(), 3);
}

fn assert_clean(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            assert_clean(&path);
        } else {
            // Another test's cargo may be building, so a file may have gone.
            let bytes = fs::read(&path).unwrap_or_default();
            assert!(
                !String::from_utf8_lossy(&bytes).contains(&*CREDENTIAL),
                "{} holds it",
                path.display()
            );
        }
    }
}

#[test]
fn the_docs_show_the_build_script_that_is_tested() {
    let block = format!(
        "```rust,no_run\n{}```\n",
        include_str!("../build-script/build.rs")
    );
    assert!(include_str!("../../docs/build-script.md").contains(&block));
}
