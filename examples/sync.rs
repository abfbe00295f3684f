//! A sync tool that has a `ureq::Agent` of its own, shares it with the library, and decides by the kind of error.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example of a program")]

use std::process::ExitCode;
use std::time::Duration;
use turso_api_tokens::ureq::Agent;
use turso_api_tokens::{ApiToken, Client, Credential, Error, Escaped};

fn main() -> ExitCode {
    // Whatever the tool needs elsewhere: its proxy, its certificates, its buffers.
    let agent = Agent::config_builder().max_idle_connections(4).build().new_agent();
    match tokens(&agent) {
        Ok(tokens) => {
            for token in tokens {
                println!("to sync: {} {}", Escaped(&token.name), Escaped(&token.id));
            }
            ExitCode::SUCCESS
        }
        Err(error) if error.is_transient() => {
            println!("nothing synced this time, the next run tries again: {error:#}");
            ExitCode::SUCCESS
        }
        Err(error @ Error::Refused { .. }) => {
            eprintln!("the credential has to be renewed before the next run: {error:#}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("sync: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn tokens(agent: &Agent) -> Result<Vec<ApiToken>, Error> {
    let builder = Client::builder(Credential::discover()?).environment();
    builder.agent(agent.clone()).timeout(Duration::from_secs(10)).build()?.list()
}
