//! The command line around the library: from arguments to an exit code.

mod arguments;
mod checks;
mod logger;
mod messages;
mod output;

use arguments::{Action, Options};
use messages::Failure;
use std::env;
use std::process::ExitCode;
use turso_api_tokens::{Date, Error};

fn main() -> ExitCode {
    let outcome = match arguments::parse(env::args_os().skip(1)) {
        Ok(Action::Print(text)) => output::print(text).map_err(Failure::Output),
        Ok(Action::List(options)) => run(&options),
        Err(problem) => Err(Failure::Usage(problem)),
    };
    let Err(failure) = outcome else {
        return ExitCode::SUCCESS;
    };
    messages::report(&failure);
    ExitCode::from(match failure {
        Failure::Checks => 1,
        Failure::Usage(_) | Failure::Output(_) => 2,
        Failure::Call { error, .. } => match error {
            Error::Credential { .. } | Error::Config { .. } => 2,
            Error::Refused { .. } => 3,
            Error::Lookup { .. }
            | Error::Connection { .. }
            | Error::Proxy { .. }
            | Error::Tls { .. }
            | Error::Timeout { .. }
            | Error::Status {
                status: 429 | 500..=599,
                ..
            } => 4,
            _ => 5,
        },
    })
}

fn run(options: &Options) -> Result<(), Failure> {
    if options.verbose {
        logger::start();
    }
    let failed = |error| Failure::Call {
        error,
        given: options.into(),
    };
    let answer = options
        .client()
        .and_then(|client| client.fetch())
        .map_err(failed)?;
    let tokens = answer.tokens().map_err(failed)?;
    let written = output::print_list(options.output, answer.json(), &tokens);
    let failures = checks::failures(options, &tokens, Date::today_utc());
    for line in &failures {
        messages::print_line(line);
    }
    written.map_err(Failure::Output)?;
    if failures.is_empty() {
        Ok(())
    } else {
        Err(Failure::Checks)
    }
}
