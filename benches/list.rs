//! What the library adds to ureq, and how decoding grows: `cargo bench`.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a benchmark that fails is meant to panic")]

#[path = "../tests/it/server.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    clippy::indexing_slicing,
    reason = "test code, of which the benchmark needs a part"
)]
mod server;

use divan::{AllocProfiler, Bencher, black_box};
use server::{Server, TODAY, ok};
use turso_api_tokens::Answer;

/// Shows the peak of what is allocated beside the times.
#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

mod warm_call {
    use super::{Bencher, Server, TODAY, black_box, ok};
    use std::time::Duration;
    use turso_api_tokens::{Client, Credential, ureq};

    /// The server by its address, and by a name that has to be looked up for each request.
    const HOSTS: [&str; 2] = ["127.0.0.1", "localhost"];

    /// `list()` on a warm connection.
    #[divan::bench(args = HOSTS, min_time = 3)]
    fn list(bencher: Bencher, host: &str) {
        let server = Server::always(|| ok(TODAY));
        let builder = Client::builder(Credential::new("benchmark").unwrap());
        let client = builder.base_url(&server.url().replace("127.0.0.1", host)).build().unwrap();
        bencher.bench_local(|| black_box(client.list().unwrap()));
    }

    /// The same request by ureq alone, with a timeout, and the body read but not decoded.
    #[divan::bench(args = HOSTS, min_time = 3)]
    fn raw_ureq(bencher: Bencher, host: &str) {
        let server = Server::always(|| ok(TODAY));
        let config = ureq::Agent::config_builder().proxy(None).timeout_global(Some(Duration::from_secs(30)));
        let agent = config.timeout_connect(Some(Duration::from_secs(1))).build().new_agent();
        let url = format!("{}/v1/auth/api-tokens", server.url().replace("127.0.0.1", host));
        bencher.bench_local(|| {
            let request =
                agent.get(&url).header("authorization", "Bearer benchmark").header("accept", "application/json");
            let request = request.header("accept-encoding", "identity").header("user-agent", "turso-api-tokens/0.1.0");
            black_box(request.call().unwrap().body_mut().read_to_string().unwrap())
        });
    }
}

mod decode {
    use super::{Answer, Bencher, black_box};

    const COUNTS: [usize; 4] = [2, 1_000, 100_000, 1_000_000];

    /// Tokens as documented today, all of a group.
    fn body(count: usize) -> String {
        let token = |number| {
            format!(
                r#"{{"name":"token-{number:07}","id":"clGFZ4STEe6f{number:010}","organization":"acme","group":"default","scopes":["read","db:create"],"created_at":"2026-01-31"}}"#
            )
        };
        format!("{{\"tokens\":[{}]}}", (0..count).map(token).collect::<Vec<_>>().join(","))
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
    #[allow(dead_code, reason = "only decoded")]
    struct List {
        tokens: Vec<Token>,
    }

    #[derive(serde::Deserialize)]
    #[allow(dead_code, reason = "only decoded")]
    struct Token {
        name: String,
        id: String,
        organization: Option<String>,
        group: Option<String>,
        #[serde(default)]
        scopes: Vec<String>,
        created_at: Option<String>,
    }

    /// `serde_json` into the same structure.
    #[divan::bench(args = COUNTS, max_time = 5)]
    fn serde_json(bencher: Bencher, count: usize) {
        let body = body(count);
        bencher
            .counter(divan::counter::BytesCount::of_str(&body))
            .bench_local(|| black_box(serde_json::from_str::<List>(&body).unwrap()));
    }
}
