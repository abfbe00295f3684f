//! Behaviour over real sockets, one module per promise.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    clippy::type_complexity,
    clippy::format_push_string,
    clippy::too_many_lines,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::new_without_default,
    reason = "a test that fails is meant to panic"
)]

mod server;
mod support;

mod answers;
#[cfg(feature = "rustls")]
mod build_script;
mod calls;
#[cfg(feature = "cli")]
mod checks;
#[cfg(feature = "cli")]
mod command;
mod deadline;
#[cfg(all(feature = "cli", feature = "rustls"))]
mod distribution;
#[cfg(all(feature = "cli", unix))]
mod docs;
mod origin;
#[cfg(all(feature = "cli", feature = "rustls"))]
mod proxies;
mod retries;
mod secrecy;
#[cfg(feature = "rustls")]
mod tls;
