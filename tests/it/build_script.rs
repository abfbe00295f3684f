//! A build script that uses the library: the member crate `tests/build-script`, which README.md shows.

use crate::server::{CURRENT_LIST, ORIGINAL_LIST, Server, Step, error, ok};
use crate::support::{SECRET, assert_within};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, Mutex, PoisonError};

/// Another one in every run, as the target folder stays.
static CREDENTIAL: LazyLock<String> = LazyLock::new(|| format!("{SECRET}{}", std::process::id()));

/// What cargo and a compiler need to be found; nothing else of the developer's environment has a say.
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

/// A target folder that only these tests build in.
fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("build-script")
}

/// Builds against a server, with a credential, and says whether that went well and what cargo said.
fn build(server: &Server, variables: &[(&str, &str)]) -> (bool, String) {
    // One build at a time: the variables are part of what is built.
    static BUILDS: Mutex<()> = Mutex::new(());
    let _lock = BUILDS.lock().unwrap_or_else(PoisonError::into_inner);
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--locked", "--offline", "--package", "build-script"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo.env_clear().envs(std::env::vars_os().filter(|(name, _)| KEPT.iter().any(|kept| name == OsStr::new(kept))));
    cargo.env("CARGO_TARGET_DIR", target()).env("TURSO_API_TOKEN", &*CREDENTIAL);
    let output = cargo.env("TURSO_API_BASEURL", server.url()).envs(variables.iter().copied()).output().unwrap();
    assert!(output.stdout.is_empty());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!said.contains(&*CREDENTIAL), "{said}");
    (output.status.success(), said)
}

const SWITCH: (&str, &str) = ("CHECK_TURSO_TOKENS", "1");

#[test]
fn with_the_switch_every_build_asks_anew_and_a_revoked_credential_fails_it() {
    let server = Server::script([ok(CURRENT_LIST), ok(CURRENT_LIST), error("401 Unauthorized", "token revoked")]);
    for requests in 1..=2 {
        let (built, said) = build(&server, &[SWITCH]);
        assert!(built, "{said}");
        assert_eq!(server.requests().len(), requests, "{said}");
    }
    let (built, said) = build(&server, &[SWITCH]);
    assert!(!built && said.contains("401") && said.contains("token revoked"), "{said}");
    assert!(said.contains("unset CHECK_TURSO_TOKENS"), "{said}");
}

#[test]
fn a_build_without_the_switch_asks_nothing_though_there_is_a_credential() {
    let server = Server::always(|| ok(CURRENT_LIST));
    for variables in [&[][..], &[("CHECK_TURSO_TOKENS", "")]] {
        let (built, said) = build(&server, variables);
        assert!(built && !said.contains("warning"), "{said}");
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_failed_build_says_the_cause() {
    let server = Server::script([ok("{\"tokens\":[{}]}")]);
    let (built, said) = build(&server, &[SWITCH]);
    assert!(!built && said.contains("name"), "{said}");
    // Nobody listens there any more.
    let url = Server::always(|| Step::Close).url();
    let (built, said) = build(&server, &[SWITCH, ("TURSO_API_BASEURL", &url)]);
    assert!(!built && said.contains("refused"), "{said}");
}

#[test]
fn a_build_without_the_token_that_it_needs_says_how_to_make_it() {
    let (built, said) = build(&Server::always(|| ok(ORIGINAL_LIST)), &[SWITCH]);
    assert!(!built && said.contains("no token `deploy`") && said.contains("mint deploy --org ORG"), "{said}");
}

#[test]
fn a_build_without_a_credential_says_where_it_looked() {
    let server = Server::always(|| ok(CURRENT_LIST));
    let nowhere = env!("CARGO_TARGET_TMPDIR");
    let (built, said) = build(&server, &[SWITCH, ("TURSO_API_TOKEN", ""), ("TURSO_CONFIG_FOLDER", nowhere)]);
    assert!(!built && said.contains("TURSO_API_TOKEN and TURSO_TOKEN are not set"), "{said}");
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_build_against_a_silent_server_ends_with_an_error() {
    // Compiling may come first, so this only tells an end from a hang.
    let (built, said) = assert_within(300, || build(&Server::always(|| Step::Silence), &[SWITCH]));
    assert!(!built && said.contains("within 5s"), "{said}");
}

#[test]
fn nothing_below_the_target_folder_holds_the_credential() {
    let server = Server::script([
        ok(CURRENT_LIST),
        error("401 Unauthorized", &CREDENTIAL),
        ok(&format!("{{\"tokens\":[{{\"name\":1,\"id\":\"{}\"}}]}}", *CREDENTIAL)),
    ]);
    for expected in [true, false, false] {
        let (built, said) = build(&server, &[SWITCH]);
        assert_eq!(built, expected, "{said}");
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
            // As cargo of another test builds meanwhile, a file may be gone.
            let bytes = fs::read(&path).unwrap_or_default();
            assert!(!String::from_utf8_lossy(&bytes).contains(&*CREDENTIAL), "{} holds it", path.display());
        }
    }
}

#[test]
fn the_readme_shows_the_build_script_that_is_tested() {
    let shown = format!("```rust,no_run\n{}```\n", include_str!("../build-script/build.rs"));
    assert!(include_str!("../../README.md").contains(&shown));
}
