//! With `CHECK_TURSO_TOKENS=1`, fails the build unless the token that a release needs exists.

use std::env;
use std::time::Duration;
use turso_api_tokens::{Client, Credential, Error};

fn main() {
    // Cargo writes the value of each variable that it watches into target/, in clear text. So watch only the switch.
    println!("cargo::rerun-if-env-changed=CHECK_TURSO_TOKENS");
    if env::var("CHECK_TURSO_TOKENS").as_deref() != Ok("1") {
        return;
    }

    // This file does not exist, so cargo runs the check on every build: a token can be revoked while no file changes.
    println!("cargo::rerun-if-changed=no-such-file");

    match has_token("deploy") {
        Ok(true) => {}
        Ok(false) => println!(
            "cargo::error=there is no token `deploy`; create it with `turso auth api-tokens mint deploy --org ORG`"
        ),
        Err(error) => {
            println!("cargo::error={error:#}; to build without the check, unset CHECK_TURSO_TOKENS")
        }
    }
}

fn has_token(name: &str) -> Result<bool, Error> {
    let client = Client::builder(Credential::discover()?)
        .environment()
        .timeout(Duration::from_secs(5))
        .build()?;
    let tokens = client.list()?;
    Ok(tokens.iter().any(|token| token.name == name))
}
