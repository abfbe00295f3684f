//! A sync tool that has a `ureq::Agent` of its own, shares it with the library, and decides by the kind of error.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example of a program")]

use std::process::ExitCode;
use std::time::Duration;
use turso_api_tokens::{Client, ClientBuilder, Credential, Error};

fn main() -> ExitCode {
    // Whatever the tool needs elsewhere: its proxy, its certificates, its buffers.
    let agent = ureq::Agent::new_with_config(ureq::Agent::config_builder().max_idle_connections(4).build());
    match sync(&agent) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("sync: {error}");
            ExitCode::FAILURE
        }
    }
}

fn sync(agent: &ureq::Agent) -> Result<ExitCode, Error> {
    let builder: ClientBuilder = Client::builder(Credential::discover()?).environment();
    let client = builder.agent(agent.clone()).timeout(Duration::from_secs(10)).build()?;
    match client.list() {
        Ok(tokens) => {
            println!("{} tokens to sync", tokens.len());
            Ok(ExitCode::SUCCESS)
        }
        Err(Error::Refused { .. }) => {
            println!("the credential has to be renewed before the next run");
            Ok(ExitCode::FAILURE)
        }
        Err(error) if error.is_transient() => {
            println!("nothing synced this time, the next run tries again: {error}");
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => Err(error),
    }
}
