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
use turso_api_tokens::{Answer, Client, Credential};

/// Shows the peak of what is allocated beside the times.
#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

fn client(server: &Server) -> Client {
    let builder = Client::builder(Credential::new("benchmark").unwrap()).base_url(&server.url());
    builder.max_response_bytes(1 << 30).build().unwrap()
}

mod warm_call {
    use super::{Bencher, Server, TODAY, black_box, client, ok};

    /// `list()` on a warm connection.
    #[divan::bench(min_time = 2)]
    fn list(bencher: Bencher) {
        let server = Server::always(|| ok(TODAY));
        let client = client(&server);
        bencher.bench_local(|| black_box(client.list().unwrap()));
    }

    /// The same request by ureq alone, with the same buffers and a timeout, and the body read but not decoded.
    #[divan::bench(min_time = 2)]
    fn raw_ureq(bencher: Bencher) {
        let server = Server::always(|| ok(TODAY));
        let config =
            ureq::Agent::config_builder().proxy(None).input_buffer_size(16 * 1024 + 1).output_buffer_size(2 * 1024);
        let agent = config.timeout_global(Some(std::time::Duration::from_secs(30))).build().new_agent();
        let url = format!("{}/v1/auth/api-tokens", server.url());
        let header = "Bearer benchmark";
        bencher.bench_local(|| {
            let request = agent.get(&url).header("authorization", header).header("accept", "application/json");
            let request = request.header("accept-encoding", "identity").header("user-agent", "turso-api-tokens/0.1.0");
            black_box(request.call().unwrap().body_mut().read_to_string().unwrap())
        });
    }
}

mod decode {
    use super::{Answer, Bencher, Server, black_box, client, ok};
    use std::sync::Mutex;

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

    /// An answer can be had in no other way than by a call.
    fn answer(count: usize) -> Answer {
        static BODY: Mutex<String> = Mutex::new(String::new());
        *BODY.lock().unwrap() = body(count);
        let server = Server::always(|| ok(&BODY.lock().unwrap()));
        client(&server).fetch().unwrap()
    }

    /// The library's decoder.
    #[divan::bench(args = COUNTS, sample_count = 20)]
    fn tokens(bencher: Bencher, count: usize) {
        let answer = answer(count);
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
    #[divan::bench(args = COUNTS, sample_count = 20)]
    fn serde_json(bencher: Bencher, count: usize) {
        let body = body(count);
        bencher
            .counter(divan::counter::BytesCount::of_str(&body))
            .bench_local(|| black_box(serde_json::from_str::<List>(&body).unwrap()));
    }
}
