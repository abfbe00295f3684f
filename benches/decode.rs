//! How the time of decoding grows, compared with `serde_json` alone: `cargo bench --bench decode`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    reason = "a failing benchmark should panic"
)]

use divan::{AllocProfiler, Bencher, black_box};
use turso_api_tokens::Answer;

/// Reports peak allocations beside the times.
#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

const COUNTS: [usize; 4] = [2, 1_000, 100_000, 1_000_000];

/// Tokens of the current kind, all restricted to a group.
fn body(count: usize) -> String {
    let token = |number| {
        format!(
            r#"{{"name":"token-{number:07}","id":"clGFZ4STEe6f{number:010}","organization":"acme","group":"default","scopes":["read","db:create"],"created_at":"2026-01-31"}}"#
        )
    };
    format!(
        "{{\"tokens\":[{}]}}",
        (0..count).map(token).collect::<Vec<_>>().join(",")
    )
}

/// The library's decoder.
#[divan::bench(args = COUNTS, max_time = 5)]
fn tokens(bencher: Bencher, count: usize) {
    let answer = Answer::from_json(body(count));
    bencher
        .counter(divan::counter::BytesCount::of_str(answer.json()))
        .bench_local(|| black_box(answer.tokens().unwrap()));
}

#[derive(serde::Deserialize)]
#[allow(dead_code, reason = "decoded, never read")]
struct List {
    tokens: Vec<Token>,
}

#[derive(serde::Deserialize)]
#[allow(dead_code, reason = "decoded, never read")]
struct Token {
    name: String,
    id: String,
    organization: Option<String>,
    group: Option<String>,
    #[serde(default)]
    scopes: Vec<String>,
    created_at: Option<String>,
}

/// `serde_json` alone, into the same structure.
#[divan::bench(args = COUNTS, max_time = 5)]
fn serde_json(bencher: Bencher, count: usize) {
    let body = body(count);
    bencher
        .counter(divan::counter::BytesCount::of_str(&body))
        .bench_local(|| black_box(serde_json::from_str::<List>(&body).unwrap()));
}
