//! A build script that uses the library: the member crate `tests/build-script`, which docs/build-script.md shows.

use crate::server::{CURRENT_LIST, ORIGINAL_LIST, Server, Step, error, ok};
use crate::support::{Folder, REFUSING_ADDRESS, SECRET, assert_within};
use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
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

/// A cargo that has nothing of the developer's environment but what it needs.
fn cargo(args: &[&str]) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    let is_kept = |(name, _): &(_, _)| KEPT.iter().any(|kept| name == OsStr::new(kept));
    cargo
        .args(args)
        .env_clear()
        .envs(std::env::vars_os().filter(is_kept))
        .env("TURSO_API_TOKEN", &*CREDENTIAL);
    cargo
}

/// A build against a server, with a credential and the switch.
fn checked_build(server: &Server) -> Command {
    let args = [
        "build",
        "--locked",
        "--offline",
        "--package",
        "build-script",
    ];
    let mut cargo = cargo(&args);
    cargo
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("CARGO_TARGET_DIR", target())
        .env("TURSO_API_BASEURL", server.url())
        .env(SWITCH, "1");
    cargo
}

/// Runs a build; returns whether it succeeded, and cargo's standard error.
fn run(cargo: &mut Command) -> (bool, String) {
    // One build at a time: they share the target folder, and the variables differ.
    static BUILDS: Mutex<()> = Mutex::new(());
    let _lock = BUILDS.lock().unwrap_or_else(PoisonError::into_inner);

    let output = cargo.output().unwrap();
    assert_eq!(output.stdout, b"");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(!stderr.contains(&*CREDENTIAL), "{stderr}");
    (output.status.success(), stderr)
}

fn build(server: &Server) -> (bool, String) {
    run(&mut checked_build(server))
}

/// Asserts that a build fails; returns cargo's standard error.
#[track_caller]
fn failed((built, stderr): (bool, String)) -> String {
    assert!(!built, "{stderr}");
    stderr
}

#[track_caller]
fn succeeded((built, stderr): (bool, String)) -> String {
    assert!(built, "{stderr}");
    stderr
}

const SWITCH: &str = "CHECK_TURSO_TOKENS";

#[test]
fn with_the_switch_every_build_asks_again_and_a_revoked_credential_fails_it() {
    let server = Server::script([
        ok(CURRENT_LIST),
        ok(CURRENT_LIST),
        error("401 Unauthorized", "token revoked"),
    ]);
    for requests in 1..=2 {
        let stderr = succeeded(build(&server));
        assert_eq!(server.requests().len(), requests, "{stderr}");
    }

    let stderr = failed(build(&server));
    assert!(
        stderr.contains("401 Unauthorized: token revoked"),
        "{stderr}"
    );
    assert!(stderr.contains("unset CHECK_TURSO_TOKENS"), "{stderr}");
}

#[test]
fn only_1_turns_the_check_on() {
    let server = Server::always(|| ok(CURRENT_LIST));
    let stderr = succeeded(run(checked_build(&server).env_remove(SWITCH)));
    assert!(!stderr.contains("warning"), "{stderr}");
    for value in ["", "0", "true", "11"] {
        let stderr = succeeded(run(checked_build(&server).env(SWITCH, value)));
        assert!(!stderr.contains("warning"), "{value:?}: {stderr}");
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_failed_build_reports_the_cause() {
    let server = Server::script([ok("{\"tokens\":[{}]}")]);
    let stderr = failed(build(&server));
    assert!(
        stderr.contains("is not a list of API tokens: token 1: "),
        "{stderr}"
    );

    let url = format!("http://{REFUSING_ADDRESS}");
    let stderr = failed(run(checked_build(&server).env("TURSO_API_BASEURL", url)));
    assert!(stderr.contains("no response from http://"), "{stderr}");
    assert!(stderr.contains("refused"), "{stderr}");
}

#[test]
fn a_build_without_the_required_token_says_how_to_create_it() {
    let server = Server::always(|| ok(ORIGINAL_LIST));
    let stderr = failed(build(&server));
    let expected = "there is no token `deploy`; create it with \
                    `turso auth api-tokens mint deploy --org ORG`";
    assert!(stderr.contains(expected), "{stderr}");
}

#[test]
fn a_build_without_a_credential_says_where_it_looked_or_which_variable_is_empty() {
    let server = Server::always(|| ok(CURRENT_LIST));
    let nowhere = env!("CARGO_TARGET_TMPDIR");
    let mut cargo = checked_build(&server);
    cargo.env("TURSO_CONFIG_FOLDER", nowhere);

    let stderr = failed(run(cargo.env_remove("TURSO_API_TOKEN")));
    assert!(
        stderr.contains("TURSO_API_TOKEN and TURSO_TOKEN are not set"),
        "{stderr}"
    );
    assert!(stderr.contains(nowhere), "{stderr}");
    let stderr = failed(run(cargo.env("TURSO_API_TOKEN", "")));
    assert!(
        stderr.contains("TURSO_API_TOKEN is set but empty"),
        "{stderr}"
    );
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_build_against_a_silent_server_ends_with_an_error() {
    let server = Server::always(|| Step::Silence);
    // Compiling may come first, so this bound only rules out a hang.
    let stderr = failed(assert_within(300, || build(&server)));
    assert!(stderr.contains("within 5s"), "{stderr}");
}

#[test]
fn nothing_below_the_target_folder_holds_the_credential() {
    let fault = format!(r#"{{"tokens":[{{"name":1,"id":"{}"}}]}}"#, *CREDENTIAL);
    let server = Server::script([
        ok(CURRENT_LIST),
        error("401 Unauthorized", &CREDENTIAL),
        ok(&fault),
    ]);
    for expected in [true, false, false] {
        let (built, stderr) = build(&server);
        assert_eq!(built, expected, "{stderr}");
        assert_eq!(holders(&target()), Vec::<PathBuf>::new());
    }

    succeeded(run(checked_build(&server).env_remove(SWITCH)));
    assert_eq!(holders(&target()), Vec::<PathBuf>::new());
    assert_eq!(server.requests().len(), 3);
}

/// The reason for the switch, and the proof that the search finds something.
#[test]
fn cargo_writes_the_value_of_a_variable_that_a_build_script_watches_below_the_target_folder() {
    let folder = Folder::new();
    let manifest = "[package]\nname = \"watches\"\nedition = \"2024\"\n[workspace]\n";
    folder.write("Cargo.toml", manifest);
    folder.write("src/lib.rs", "");
    let script = r#"fn main() { println!("cargo::rerun-if-env-changed=TURSO_API_TOKEN"); }"#;
    folder.write("build.rs", script);

    let mut cargo = cargo(&["build", "--offline"]);
    cargo
        .current_dir(&folder.0)
        .env("CARGO_TARGET_DIR", folder.0.join("target"));
    succeeded(run(&mut cargo));
    assert_ne!(holders(&folder.0.join("target")), Vec::<PathBuf>::new());
}

/// The files below a folder that hold the credential.
fn holders(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holders(&path));
            continue;
        }
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            // Another test's cargo may be building.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => panic!("{}: {error}", path.display()),
        };
        if String::from_utf8_lossy(&bytes).contains(&*CREDENTIAL) {
            found.push(path);
        }
    }
    found
}

#[test]
fn the_docs_show_the_build_script_that_is_tested() {
    let block = format!(
        "```rust,no_run\n{}```\n",
        include_str!("../build-script/build.rs")
    );
    assert!(include_str!("../../docs/build-script.md").contains(&block));
}
