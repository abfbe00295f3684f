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

#[cfg_attr(
    not(feature = "rustls"),
    allow(dead_code, reason = "the tests of TLS use the rest")
)]
mod server;
mod support;

// The library.
mod agents;
mod builder;
mod calls;
mod deadline;
mod lists;
#[cfg(feature = "rustls")]
mod lookup;
mod origin;
mod responses;
mod retries;
mod secrecy;
mod sources;
#[cfg(feature = "rustls")]
mod tls;

// The binary.
#[cfg(feature = "cli")]
mod checks;
#[cfg(feature = "cli")]
mod credentials;
#[cfg(feature = "cli")]
mod exit_codes;
#[cfg(all(feature = "cli", target_os = "linux"))]
mod memory;
#[cfg(feature = "cli")]
mod messages;
#[cfg(feature = "cli")]
mod output;
#[cfg(all(feature = "cli", feature = "rustls"))]
mod proxies;
#[cfg(all(feature = "cli", feature = "rustls"))]
mod proxy_failures;
#[cfg(feature = "cli")]
mod settings;

// Around both.
#[cfg(all(feature = "rustls", not(windows)))]
mod build_script;
#[cfg(all(feature = "cli", feature = "rustls"))]
mod distribution;
#[cfg(all(feature = "cli", unix))]
mod docs;
