//! Runs the real binary against a stand-in of the API, without an account: `cargo run --example demo -- --help`.

#[path = "../tests/it/server.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "test code, of which the demo needs a part"
)]
mod server;

use server::{Server, TODAY, ok};
use std::env;
use std::process::{Command, ExitCode};

/// Whatever the user's environment says, the demo talks to its stand-in.
const IGNORED: [&str; 4] = ["TURSO_TOKEN", "TURSO_BASE_URL", "TURSO_CONFIG_FOLDER", "SSL_CERT_FILE"];

fn main() -> ExitCode {
    let api = Server::always(|| ok(TODAY));
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["run", "--quiet", "--bin", "turso-api-tokens"]);
    command.args(["--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"), "--"]);
    command.args(env::args_os().skip(1));
    for name in IGNORED {
        command.env_remove(name);
    }
    command.env("TURSO_API_TOKEN", "demo").env("TURSO_API_BASEURL", api.url());
    let code = command.status().ok().and_then(|status| status.code());
    // 101 is cargo's own code for a build that failed.
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(101))
}
