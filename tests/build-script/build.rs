//! Checks that the account holds the token that a release needs.

use std::env;
use std::time::Duration;
use turso_api_tokens::{Client, Credential};

fn main() {
    for name in ["TURSO_API_TOKEN", "TURSO_TOKEN", "TURSO_API_BASEURL", "TURSO_BASE_URL", "SSL_CERT_FILE"] {
        println!("cargo::rerun-if-env-changed={name}");
    }
    if ["TURSO_API_TOKEN", "TURSO_TOKEN"].iter().all(|name| env::var_os(name).is_none_or(|value| value.is_empty())) {
        println!("cargo::warning=the account's tokens are not checked: TURSO_API_TOKEN is not set");
        return;
    }
    let tokens = Credential::from_env()
        .and_then(|credential| Client::builder(credential).environment().timeout(Duration::from_secs(5)).build())
        .and_then(|client| client.list());
    match tokens {
        Ok(tokens) if tokens.iter().any(|token| token.name == "deploy") => {
            println!("cargo::rustc-env=TURSO_TOKENS={}", tokens.len());
        }
        Ok(_) => {
            println!("cargo::error=the account has no token `deploy`; make it with `turso auth api-tokens mint deploy`")
        }
        Err(error) => println!("cargo::error={error}; to build without the check, unset TURSO_API_TOKEN"),
    }
}
