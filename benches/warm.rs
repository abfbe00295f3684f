//! What the library adds to a ureq request on a warm connection, which is the call's thread above all:
//! `cargo bench --bench warm`.

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

/// `list()` on a warm connection.
#[divan::bench(min_time = 3)]
fn list(bencher: Bencher) {
    let server = Server::always(|| ok(CURRENT_LIST));
    let client = client(&server);
    bencher.bench_local(|| black_box(client.list().unwrap()));
}

/// `fetch()`: the same call without decoding.
#[divan::bench(min_time = 3)]
fn fetch(bencher: Bencher) {
    let server = Server::always(|| ok(CURRENT_LIST));
    let client = client(&server);
    bencher.bench_local(|| black_box(client.fetch().unwrap()));
}

fn client(server: &Server) -> Client {
    Client::builder(Credential::new("benchmark").unwrap())
        .base_url(&server.url())
        .build()
        .unwrap()
}

/// The same request with ureq alone: it has a timeout, and reads the body without decoding it.
#[divan::bench(min_time = 3)]
fn raw_ureq(bencher: Bencher) {
    let server = Server::always(|| ok(CURRENT_LIST));
    let agent = ureq::Agent::config_builder()
        .proxy(None)
        .timeout_global(Some(Duration::from_secs(30)))
        .timeout_connect(Some(Duration::from_secs(1)))
        .build()
        .new_agent();
    let url = format!("{}/v1/auth/api-tokens", server.url());
    bencher.bench_local(|| {
        let mut response = agent
            .get(&url)
            .header("authorization", "Bearer benchmark")
            .header("accept", "application/json")
            .header("accept-encoding", "identity")
            .header("user-agent", "turso-api-tokens/0.1.0")
            .call()
            .unwrap();
        black_box(response.body_mut().read_to_string().unwrap())
    });
}
