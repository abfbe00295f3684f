//! A sync tool that shares its own `ureq::Agent` with the library, and reacts to each kind of error.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example program prints"
)]

use std::process::ExitCode;
use std::time::Duration;
use turso_api_tokens::ureq::Agent;
use turso_api_tokens::{ApiToken, Client, Credential, Error, Escaped};

fn main() -> ExitCode {
    // Set up for the rest of the tool: its proxy, certificates and buffers.
    let agent = Agent::config_builder()
        .max_idle_connections(4)
        .build()
        .new_agent();

    match tokens(&agent) {
        Ok(tokens) => {
            for token in tokens {
                println!("to sync: {} {}", Escaped(&token.name), Escaped(&token.id));
            }
            ExitCode::SUCCESS
        }
        Err(error) if error.is_transient() => {
            println!("nothing synced, will retry in the next run: {error:#}");
            ExitCode::SUCCESS
        }
        Err(error @ Error::Refused { .. }) => {
            eprintln!("the credential needs a look before the next run: {error:#}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("sync: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn tokens(agent: &Agent) -> Result<Vec<ApiToken>, Error> {
    let credential = Credential::discover()?;
    // Not `environment()`: `SSL_CERT_FILE` would not apply to an agent of your own.
    let client = Client::builder(credential)
        .agent(agent.clone())
        .timeout(Duration::from_secs(10))
        .build()?;
    client.list()
}
