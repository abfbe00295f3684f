//! The command line around the library: from arguments to an exit code.

mod arguments;
mod checks;
mod messages;
mod output;

use arguments::{Action, Options, Output};
use messages::Failure;
use std::io::{self, Read};
use std::process::ExitCode;
use std::{env, fs};
use turso_api_tokens::{Client, Credential, Date, Error};

/// As for a file.
const LONGEST_CREDENTIAL: u64 = 64 * 1024;

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
        Failure::Usage(_) | Failure::Input(..) | Failure::Output(_) => 2,
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
    let answer = client(options)?.fetch()?;
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

fn client(options: &Options) -> Result<Client, Failure> {
    let credential = match &options.token_file {
        None => Credential::discover()?,
        Some(path) if path.as_os_str() == "-" => {
            let mut text = Vec::new();
            let read = io::stdin().take(LONGEST_CREDENTIAL + 1).read_to_end(&mut text).and_then(|length| {
                match length as u64 {
                    0..=LONGEST_CREDENTIAL => Ok(()),
                    _ => Err(io::Error::other("it is larger than 64 KiB")),
                }
            });
            read.map_err(|error| Failure::Input("the credential from standard input".to_owned(), error))?;
            Credential::new(String::from_utf8_lossy(&text))?
        }
        Some(path) => Credential::from_file(path)?,
    };
    let mut builder = Client::builder(credential).environment().retries(options.retries).timeout(options.timeout);
    if options.verbose {
        builder = builder.observer(messages::step);
    }
    if let Some(url) = &options.base_url {
        builder = builder.base_url(url);
    }
    if let Some(path) = &options.ca_file {
        let pem = fs::read(path).map_err(|error| Failure::Input(path.display().to_string(), error))?;
        builder = builder.root_certificates_pem(&pem);
    }
    Ok(builder.build()?)
}
