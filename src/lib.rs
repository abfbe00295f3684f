//! Lists the [Turso](https://turso.tech) Platform API tokens of an account: a blocking client for the one endpoint
//! `GET /v1/auth/api-tokens`.
//!
//! ```no_run
//! use turso_api_tokens::{Access, Client};
//!
//! for token in Client::from_env()?.list()? {
//!     if token.access() == Access::Unrestricted {
//!         println!("{} {} has to be rotated", token.name, token.id);
//!     }
//! }
//! # Ok::<(), turso_api_tokens::Error>(())
//! ```
//!
//! [`Client::from_env`] takes the credential from `TURSO_API_TOKEN`, `TURSO_TOKEN` or the login of the official `turso`
//! CLI; [`Client::builder`] has the settings; [`Answer::from_json`] gives tokens to a test without a network.
//!
//! # What a call promises
//!
//! It ends within its timeout of 30 seconds, whatever the server, the proxy or the name server does. It tries again
//! twice after a lost connection, 429, 500, 502, 503 or 504, with full jitter, and minds `Retry-After`. It reads at most
//! 8 MiB. The credential goes to the base URL's origin only, over https, loopback excepted. Proxies come from the
//! environment, as curl takes them for https. It gives the whole list or an error, and writes nothing to disk.
//!
//! # Errors
//!
//! [`Error`] has a variant for each thing that a caller would do differently, and a table that says what each means.
//! [`Error::is_transient`] tells whether the same call may succeed later; `{error:#}` prints it with its causes, on one
//! line.
//!
//! # Features
//!
//! | feature | default | what it does |
//! |---|---|---|
//! | `rustls` | yes | TLS with the bundled Mozilla roots; without it https needs an [`agent`](ClientBuilder::agent) |
//! | `miniserde` | yes | JSON by miniserde, the smallest decoder |
//! | `serde` | | `Serialize` and `Deserialize` on [`ApiToken`], and JSON by `serde_json`, whose errors say line and column; it decodes where both are on |
//! | `cli` | yes | the binary and what it alone needs |
//!
//! A feature adds something and changes nothing else: whatever other crates of a graph turn on, here or in ureq, the
//! same program trusts the same certificates, asks for the same thing and gets the same list.
//!
//! # Limits
//!
//! It is not made by Turso. It does not create or revoke tokens, does not page (the API does not), and has no async
//! interface. A server that compresses unasked is refused, unless another crate has turned ureq's decoder on. What ureq
//! does not show, it cannot judge: a body without a length that a reset ends may pass where it is whole JSON, and bytes
//! after an answer that TLS has taken in but not handed out are not seen before the connection is used again.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(not(any(feature = "miniserde", feature = "serde")))]
compile_error!(
    "turso-api-tokens needs a JSON feature: `miniserde` (the default, the smallest) or `serde` (serde_json)"
);

mod client;

mod call;

mod agent;
mod answer;
mod credential;

mod json;
mod proxy;
mod retry;
mod url;

mod error;
mod token;

mod date;
mod escape;

pub use answer::Answer;
pub use client::{Client, ClientBuilder};
pub use credential::Credential;
pub use date::Date;
pub use error::Error;
pub use escape::Escaped;
pub use token::{Access, ApiToken};
/// The ureq whose `Agent` [`ClientBuilder::agent`] takes.
pub use ureq;

/// README.md, so that its Rust is compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
