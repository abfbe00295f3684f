//! What goes to standard error: what happened, and what to do next.

use std::error::Error as _;
use std::fmt;
use std::io::{self, Write};
use turso_api_tokens::{Error, Escaped};

/// Why the program does not exit with 0.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A check did not hold; which, is said already.
    Checks,
    /// The command line is wrong.
    Usage(String),
    /// A file, or standard input, could not be read.
    Input(String, io::Error),
    /// Standard output could not be written.
    Output(io::Error),
    /// There is no list.
    Call(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Call(error)
    }
}

/// Says what went wrong, why, and what to do next where that is known.
pub(crate) fn explain(failure: &Failure) {
    match failure {
        Failure::Checks => {}
        Failure::Usage(problem) => say(&format!("{problem}; see --help")),
        Failure::Input(what, error) => say(&format!("could not read {what}: {error}")),
        Failure::Output(error) => say(&format!("could not write to standard output: {error}")),
        Failure::Call(error) => {
            let mut text = error.to_string();
            let mut cause = error.source();
            while let Some(error) = cause {
                text = format!("{text}: {error}");
                cause = error.source();
            }
            say(&text);
            if let Some(advice) = advice(error, &text) {
                say(advice);
            }
        }
    }
}

/// Writes one line to standard error; there is nobody to tell where that fails.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stderr(), "turso-api-tokens: {}", Escaped(line));
}

/// Says a step of the call.
pub(crate) fn step(line: fmt::Arguments<'_>) {
    say(&line.to_string());
}

/// What to do next. The TLS libraries' errors have no types here, so their words decide.
fn advice(error: &Error, text: &str) -> Option<&'static str> {
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    Some(match error {
        Error::Tls { .. }
            if says(&["UnknownIssuer", "local issuer", "self-signed", "self signed", "CaUsedAsEndEntity"]) =>
        {
            "the certificate comes from an authority that is not trusted here; if that is a private one, give its \
             certificate with --ca-file FILE or SSL_CERT_FILE"
        }
        Error::Tls { .. } if says(&["xpired", "NotValidYet", "not yet valid"]) => {
            "check this machine's clock; if it is right, the server needs a new certificate"
        }
        Error::Tls { .. }
            if says(&["not valid for name", "NotValidForName", "ostname mismatch", "IP address mismatch"]) =>
        {
            "the certificate is for another host; is the base URL right? (--base-url, TURSO_API_BASEURL)"
        }
        Error::Tls { .. }
            if says(&["ProtocolVersion", "protocol version", "unsupported protocol", "TlsVersion", "Tls12"]) =>
        {
            "the server offers neither TLS 1.2 nor TLS 1.3"
        }
        Error::Tls { .. } => "does the server speak https at this port? (--base-url, TURSO_API_BASEURL)",
        Error::Refused { status: 401, .. } if !says(&["turso auth login"]) => {
            "the credential is invalid, expired or revoked; `turso auth api-tokens mint NAME` makes a new one"
        }
        Error::Refused { status: 403, .. } => {
            "the credential may not list tokens; use one that is not bound to a group"
        }
        Error::Proxy { .. } => "check HTTPS_PROXY and ALL_PROXY; NO_PROXY exempts a host",
        Error::Timeout { .. } => "--timeout SECONDS gives it longer",
        Error::Status { status: 402, .. } => "check that the account's subscription is active",
        Error::Status { status: 429 | 500..=599, .. } => return None,
        Error::Status { .. } | Error::Redirect { .. } | Error::InvalidAnswer { .. } => {
            "is the base URL right? (--base-url, TURSO_API_BASEURL)"
        }
        _ => return None,
    })
}
