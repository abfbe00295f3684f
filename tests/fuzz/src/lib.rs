//! The library on inputs that a machine makes up: what each target checks, and the private parsers, by their files.

#![allow(
    dead_code,
    reason = "of the files that are included only the parsers are called"
)]

pub mod targets;

#[path = "../../../src/bin/turso-api-tokens/arguments.rs"]
mod arguments;
#[path = "../../../src/bin/turso-api-tokens/checks.rs"]
mod checks;
#[path = "../../../src/credential.rs"]
mod credential;
#[path = "../../../src/date.rs"]
mod date;
#[path = "../../../src/env.rs"]
mod env;
#[path = "../../../src/error.rs"]
mod error;
#[path = "../../../src/escape.rs"]
mod escape;
#[path = "../../../src/input.rs"]
mod input;
#[path = "../../../src/json/mod.rs"]
mod json;
#[path = "../../../src/bin/turso-api-tokens/messages.rs"]
mod messages;
#[path = "../../../src/proxy.rs"]
mod proxy;
#[path = "../../../src/token.rs"]
mod token;
#[path = "../../../src/url.rs"]
mod url;
