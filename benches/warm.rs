//! What the library adds to a ureq request on a warm connection: `cargo bench --bench warm`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    reason = "a failing benchmark should panic"
)]

#[path = "../tests/it/server.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "test code; the benchmark uses only part of it"
)]
mod server;

use divan::{Bencher, black_box};
use server::{CURRENT_LIST, Server, ok};
use std::time::Duration;
use turso_api_tokens::{Client, Credential, ureq};

fn main() {
    divan::main();
}

/// The server by address, and by a name that is looked up for each request.
const HOSTS: [&str; 2] = ["127.0.0.1", "localhost"];

/// `list()` on a warm connection.
#[divan::bench(args = HOSTS, min_time = 3)]
fn list(bencher: Bencher, host: &str) {
    let server = Server::always(|| ok(CURRENT_LIST));
    let builder = Client::builder(Credential::new("benchmark").unwrap());
    let client = builder
        .base_url(&server.url().replace("127.0.0.1", host))
        .build()
        .unwrap();
    bencher.bench_local(|| black_box(client.list().unwrap()));
}

/// `fetch()`: the same call without decoding.
#[divan::bench(args = HOSTS, min_time = 3)]
fn fetch(bencher: Bencher, host: &str) {
    let server = Server::always(|| ok(CURRENT_LIST));
    let builder = Client::builder(Credential::new("benchmark").unwrap());
    let client = builder
        .base_url(&server.url().replace("127.0.0.1", host))
        .build()
        .unwrap();
    bencher.bench_local(|| black_box(client.fetch().unwrap()));
}

/// The same request with ureq alone: it has a timeout, and reads the body without decoding it.
#[divan::bench(args = HOSTS, min_time = 3)]
fn raw_ureq(bencher: Bencher, host: &str) {
    let server = Server::always(|| ok(CURRENT_LIST));
    let config = ureq::Agent::config_builder()
        .proxy(None)
        .timeout_global(Some(Duration::from_secs(30)));
    let agent = config
        .timeout_connect(Some(Duration::from_secs(1)))
        .build()
        .new_agent();
    let url = format!(
        "{}/v1/auth/api-tokens",
        server.url().replace("127.0.0.1", host)
    );
    bencher.bench_local(|| {
        let request = agent
            .get(&url)
            .header("authorization", "Bearer benchmark")
            .header("accept", "application/json");
        let request = request
            .header("accept-encoding", "identity")
            .header("user-agent", "turso-api-tokens/0.1.0");
        black_box(request.call().unwrap().body_mut().read_to_string().unwrap())
    });
}
