//! Checks, where `CHECK_TURSO_TOKENS` is set, that the account holds the token that a release needs.

use std::env;
use std::time::Duration;
use turso_api_tokens::{Client, Credential, Error};

fn main() {
    // Only the switch is watched: cargo writes the value of what it watches into target/, in clear text.
    println!("cargo::rerun-if-env-changed=CHECK_TURSO_TOKENS");
    if env::var_os("CHECK_TURSO_TOKENS").is_none_or(|value| value.is_empty()) {
        return;
    }
    // There is no such file, so that cargo asks again on every build: tokens are revoked without a file changing.
    println!("cargo::rerun-if-changed=ask-on-every-build");
    match has_token("deploy") {
        Ok(true) => {}
        Ok(false) => println!(
            "cargo::error=the account has no token `deploy`; `turso auth api-tokens mint deploy --org ORG` makes it"
        ),
        Err(error) => println!("cargo::error={error:#}; to build without the check, unset CHECK_TURSO_TOKENS"),
    }
}

fn has_token(name: &str) -> Result<bool, Error> {
    let builder = Client::builder(Credential::discover()?).environment();
    let tokens = builder.timeout(Duration::from_secs(5)).build()?.list()?;
    Ok(tokens.iter().any(|token| token.name == name))
}
