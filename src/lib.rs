//! Lists your [Turso](https://turso.tech) Platform API tokens: a blocking client for the one
//! endpoint `GET /v1/auth/api-tokens`.
//!
//! ```no_run
//! use turso_api_tokens::{Access, Client};
//!
//! for token in Client::discover()?.list()? {
//!     if token.access() == Access::Unrestricted {
//!         println!("{} {} must be rotated", token.name, token.id);
//!     }
//! }
//! # Ok::<(), turso_api_tokens::Error>(())
//! ```
//!
//! [`Client::discover`] takes the credential from `TURSO_API_TOKEN`, `TURSO_TOKEN` or the login of
//! the official `turso` CLI. [`Client::builder`] has the settings. [`Answer::from_json`] gives
//! tokens to a test without a network.
//!
//! # What a call does
//!
//! It ends within its timeout of 30 seconds, whatever the server, the proxy or the name server
//! does. It retries a transient failure, such as a lost connection, 429 or 503, at most twice, with
//! exponential backoff and full jitter. It honours `Retry-After`. It reads at most 2 MiB. The
//! credential goes to one URL, over https, loopback excepted; redirects are not followed. Proxies
//! come from the environment, as curl takes them for https. A call gives the complete list or an
//! error, and writes nothing to disk.
//!
//! It runs on a thread of its own, and the caller waits for it until the deadline. Starting the
//! thread costs at most 0.1 ms.
//!
//! # Errors
//!
//! [`Error`] has one variant per way a caller would react, and a table that says what each means.
//! [`Error::is_transient`] tells whether the same call may succeed later. `{error:#}` prints it
//! with its causes, on one line.
//!
//! # Features
//!
//! | feature | default | what it does |
//! |---|---|---|
//! | `rustls` | yes | TLS with the bundled Mozilla roots; without it https needs an [`agent`](ClientBuilder::agent) |
//! | `miniserde` | yes | JSON by miniserde, the smallest decoder |
//! | `serde` | | `Serialize` and `Deserialize` on [`ApiToken`], and JSON by `serde_json`; decodes where both are on |
//! | `cli` | yes | the binary and its own dependencies |
//! | `resolver` | | `ClientBuilder::split_lookup`, which looks a name up for IPv4 and IPv6 apart; a later ureq 3 may need a later version of this crate |
//!
//! Features are additive: whatever other crates of a graph turn on, here or in ureq, the same
//! program trusts the same certificates, sends the same request, resolves names in the same way and
//! gets the same list. The exceptions are ureq's own features and JSON that the API does not send;
//! see Limits.
//!
//! # Limits
//!
//! Not affiliated with Turso. It does not create or revoke tokens, does not paginate (nor does the
//! API), and has no async interface. It lists the user's own tokens;
//! `GET /v1/organizations/{slug}/api-tokens` lists an organization's.
//!
//! - TLS is 1.2 or 1.3 with the modern cipher suites only.
//! - Each call has a thread of its own. It does not see what a caller keeps per thread, such as a
//!   tracing span, and neither does a middleware of the caller's agent.
//! - A thread can outlive its call by one more timeout, an hour at most, but makes no further attempt.
//!   The same holds for the thread that reads an error's body. A lookup ends with the system resolver's
//!   own timeout. A proxy that sends its response to `CONNECT` byte by byte keeps
//!   its thread and socket for as long as it goes on, up to 24 KiB.
//! - ureq starts a thread to look up a name, and panics if the process may not start one. Then the call
//!   panics, too.
//! - An unrequested `Content-Encoding` is an error, unless another crate has turned on ureq's decoder.
//!   With ureq's `charset`, a `text/…` response in another charset is converted. With ureq's
//!   `cookies`, a cookie that the API sets goes back to it with the next call of the same agent,
//!   even if that call uses another credential.
//! - ureq does not let this crate detect two cases. A reset at the exact end of a body without a length
//!   looks like its end. Over TLS, bytes that a server sends before it is asked are not seen on an
//!   idle connection, so they answer the next call on it.
//! - The decoders differ on JSON that the API does not send. `serde` refuses a documented field that
//!   comes twice; `miniserde` takes the last one, a list of tokens included. `miniserde` refuses a
//!   number out of range and a lone surrogate, which `serde` ignores in an unknown field.
//! - musl does not resolve a name if the name server refuses or drops the IPv6 question alone. glibc
//!   takes 15 seconds for a dropped one. `ClientBuilder::split_lookup` avoids both. musl takes
//!   five seconds or more to find that no name server answers.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(not(any(feature = "miniserde", feature = "serde")))]
compile_error!(
    "turso-api-tokens needs a JSON feature: `miniserde` (the default) or `serde` (serde_json)"
);

// In reading order. A file uses only files in the groups below its own, but `client` and `builder`
// use each other: each makes the other.
mod builder;
mod client;

mod call;

mod answer;
mod transport;

mod target;

mod credential;

mod proxy;
#[cfg(feature = "resolver")]
mod resolver;
mod retry;

mod deadline;
mod env;
mod html;
mod input;
mod json;
mod url;

mod error;
mod token;

mod date;
mod escape;
mod redact;

pub use answer::Answer;
pub use builder::ClientBuilder;
pub use client::Client;
pub use credential::Credential;
pub use date::Date;
pub use error::{AnswerFailure, CredentialSource, Error, ProxyFailure, TlsFailure};
pub use escape::Escaped;
#[doc(hidden)]
pub use redact::redact_lookalikes;
pub use token::{Access, ApiToken};
/// The ureq whose `Agent` [`ClientBuilder::agent`] takes, and whose `Proxy`
/// [`ClientBuilder::proxy`] takes.
pub use ureq;

/// README.md, so that its Rust is compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
