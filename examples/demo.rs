//! Runs the real binary against a mock server, without an account: `cargo run --example demo -- --help`.
//!
//! If `TURSO_DEMO_PROGRAM` is set, it runs that command instead, for example `wine turso-api-tokens.exe`, and the mock
//! server's list has names that are not ASCII. `.ci/release try` does so.

#[path = "../tests/it/server.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "test code; the demo uses only part of it"
)]
mod server;

use server::{CURRENT_LIST, Server, ok};
use std::env;
use std::process::{Command, ExitCode};

/// Removed from the environment, so that the demo always calls its mock server.
const IGNORED: [&str; 4] = [
    "TURSO_TOKEN",
    "TURSO_BASE_URL",
    "TURSO_CONFIG_FOLDER",
    "SSL_CERT_FILE",
];

/// A list to test that a program writes UTF-8.
const NOT_ASCII: &str = r#"{"tokens":[
{"name":"clé","id":"clGFZ4STEe6fljpFzIum8A","created_at":"2023-11-16"},
{"name":"鍵","id":"SYzcpe3jEe2We-rqOx4wmQ","organization":"acme","created_at":"2025-02-03"}
]}"#;

fn main() -> ExitCode {
    let other = env::var("TURSO_DEMO_PROGRAM");
    let api = Server::always(if other.is_ok() {
        || ok(NOT_ASCII)
    } else {
        || ok(CURRENT_LIST)
    });
    let mut command = other.map_or_else(|_| through_cargo(), |command_line| split(&command_line));
    command.args(env::args_os().skip(1));
    for name in IGNORED {
        command.env_remove(name);
    }
    command
        .env("TURSO_API_TOKEN", "demo")
        .env("TURSO_API_BASEURL", api.url());
    let code = command.status().ok().and_then(|status| status.code());
    // 101 is what cargo exits with when a build fails.
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(101))
}

fn through_cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(["run", "--quiet", "--bin", "turso-api-tokens"]);
    command.args([
        "--manifest-path",
        concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
        "--",
    ]);
    command
}

/// Splits a command line at white space; there is no quoting.
fn split(command_line: &str) -> Command {
    let mut words = command_line.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words);
    command
}
