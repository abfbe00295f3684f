//! The command line around the library: from arguments to an exit code.

mod arguments;
mod checks;
mod messages;
mod output;

use arguments::{Action, Options, Output};
use messages::Failure;
use std::env;
use std::process::ExitCode;
use turso_api_tokens::{Date, Error};

fn main() -> ExitCode {
    let outcome = match arguments::parse(env::args_os().skip(1)) {
        Ok(Action::Show(text)) => output::print(&text).map_err(Failure::Output),
        Ok(Action::List(options)) => run(&options),
        Err(problem) => Err(Failure::Usage(problem)),
    };
    let Err(failure) = outcome else { return ExitCode::SUCCESS };
    messages::explain(&failure);
    ExitCode::from(match failure {
        Failure::Checks => 1,
        Failure::Usage(_) | Failure::Input(_) | Failure::Output(_) => 2,
        Failure::Call(error) => match error {
            Error::Credential { .. } | Error::Config { .. } => 2,
            Error::Refused { .. } => 3,
            Error::Connection { .. }
            | Error::Proxy { .. }
            | Error::Tls { .. }
            | Error::Timeout { .. }
            | Error::Status { status: 429 | 500..=599, .. } => 4,
            _ => 5,
        },
    })
}

fn run(options: &Options) -> Result<(), Failure> {
    let answer = options.client()?.fetch()?;
    let tokens = answer.tokens()?;
    let text = match options.output {
        Output::Table => output::table(&tokens),
        Output::Tsv => output::tsv(&tokens),
        Output::Json => output::json(answer.json()),
        Output::Nothing => String::new(),
    };
    let written = output::print(&text);
    let failed = checks::failures(options, &tokens, Date::today_utc());
    for line in &failed {
        messages::say(line);
    }
    written.map_err(Failure::Output)?;
    if failed.is_empty() { Ok(()) } else { Err(Failure::Checks) }
}
