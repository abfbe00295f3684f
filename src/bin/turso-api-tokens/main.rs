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
    // The advice on a failed call depends on what was given. Any other failure needs no options.
    let mut options = Options::default();
    let outcome = match arguments::parse(env::args_os().skip(1)) {
        Ok(Action::List(given)) => {
            options = given;
            list(&options)
        }
        Ok(Action::Print(text)) => output::print(text).map_err(Failure::Output),
        Err(problem) => Err(Failure::Usage(problem)),
    };

    let Err(failure) = outcome else {
        return ExitCode::SUCCESS;
    };
    messages::report(&failure, &options);
    ExitCode::from(exit_code(&failure))
}

/// The exit code, as `--help` lists them.
fn exit_code(failure: &Failure) -> u8 {
    match failure {
        Failure::Checks => 1,
        Failure::Usage(_) | Failure::Output(_) => 2,
        Failure::Call(error) => match error {
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
    }
}

/// Makes the call, prints the list and runs the checks.
fn list(options: &Options) -> Result<(), Failure> {
    if options.verbose {
        logger::start();
    }
    if options.reads_credential_from_terminal() {
        let problem = "--token-file - would show the credential as it is typed; pipe it in";
        return Err(Failure::Usage(problem.to_owned()));
    }

    let credential = options.credential().map_err(Failure::Call)?;
    let client = options.client(credential.clone()).map_err(Failure::Call)?;
    let answer = client.fetch().map_err(Failure::Call)?;
    let tokens = answer.tokens().map_err(Failure::Call)?;
    if options.verbose {
        messages::print_line(&count(tokens.len()));
    }

    // All of it, whatever fails: a full disk must not hide a failed check.
    let written = output::print_list(options.output, answer.json(), &tokens);
    let failures = checks::failures(options, &tokens, Date::today_utc(), &credential);
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

fn count(tokens: usize) -> String {
    match tokens {
        1 => "1 token".to_owned(),
        _ => format!("{tokens} tokens"),
    }
}
