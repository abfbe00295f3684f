#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(not(any(feature = "miniserde", feature = "serde")))]
compile_error!(
    "turso-api-tokens needs a JSON feature: `miniserde` (the default, the smallest) or `serde` (serde_json)"
);

mod client;
mod credential;
mod date;
mod error;
mod escape;
mod json;
mod proxy;
mod retry;
mod token;
mod url;
mod wire;

pub use client::{Answer, Client, ClientBuilder};
pub use credential::Credential;
pub use date::Date;
pub use error::Error;
pub use escape::Escaped;
pub use token::{Access, ApiToken};
