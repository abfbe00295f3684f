//! What goes to standard error: what happened, and what to do next.

use std::io::{self, Write};
use std::path::Path;
use turso_api_tokens::{Date, Error, Escaped};

/// Why the program does not exit with 0.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A check did not hold; which, is said already.
    Checks,
    /// The command line is wrong.
    Usage(String),
    /// A file, standard input, or what an option says is wrong.
    Input(String),
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
        Failure::Input(problem) => say(problem),
        Failure::Output(error) => say(&format!("could not write to standard output: {error}")),
        Failure::Call(error) => {
            let text = format!("{error:#}");
            say(&text);
            if let Some(advice) = advice(error, &text) {
                say(&advice);
            }
        }
    }
}

/// Writes one line to standard error, in one piece, so that those of several processes do not mix. There is nobody to
/// tell where that fails.
pub(crate) fn say(line: &str) {
    const MOST: usize = 299;
    let mut line = format!("turso-api-tokens: {}", Escaped(line));
    if line.chars().nth(MOST).is_some() {
        line = line.chars().take(MOST - 1).chain(['…']).collect();
    }
    line.push('\n');
    let _ = io::stderr().write_all(line.as_bytes());
}

const BASE_URL: &str = "is the base URL right? (--base-url, TURSO_API_BASEURL)";

/// What to do next. The TLS library's errors have no types here, so their words decide.
fn advice(error: &Error, text: &str) -> Option<String> {
    let says = |words: &str| text.contains(words);
    Some(match error {
        Error::Credential { .. } if text.starts_with("no credential") => {
            "or give the credential with --token-file FILE, or - for standard input".to_owned()
        }
        Error::Tls { .. } => return Some(tls_advice(text)),
        Error::Status { .. } | Error::InvalidAnswer { .. } if is_html(text) => {
            format!(
                "an HTML page is not the API's: a login portal, a proxy or a load balancer stands in between, or {BASE_URL}"
            )
        }
        // The message says already what renews a login.
        Error::Refused { .. } if says("turso auth login") => return None,
        Error::Refused { status: 401, .. } => {
            "the credential is invalid, expired or revoked; `turso auth api-tokens mint NAME --org ORG` makes a new one"
                .to_owned()
        }
        Error::Refused { .. } => {
            "the credential may not list tokens; the login of the turso CLI may (`turso auth login`)".to_owned()
        }
        Error::Proxy { .. } if says("responded 407") => {
            "the proxy asks for a user: http://USER:PASSWORD@HOST:PORT; NO_PROXY exempts a host".to_owned()
        }
        Error::Proxy { .. } => "check the proxy and the variable that names it; NO_PROXY exempts a host".to_owned(),
        Error::Connection { .. } if says("lookup") => {
            format!("the name is not known here: does this machine have a network, and {BASE_URL}")
        }
        Error::Timeout { .. } => "--timeout SECONDS gives it longer".to_owned(),
        Error::Status { status: 402, .. } => "check that the account's subscription is active".to_owned(),
        Error::Status { status: 429 | 500..=599, .. } => return None,
        // A list came, if a faulty one: it was the right place.
        Error::InvalidAnswer { .. } if says(": item ") || says("that begin with {\"tokens\"") => return None,
        Error::Status { .. } | Error::Redirect { .. } | Error::InvalidAnswer { .. } => BASE_URL.to_owned(),
        _ => return None,
    })
}

fn is_html(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["an html page", "<!doctype html", "<html"].iter().any(|words| text.contains(words))
}

fn tls_advice(text: &str) -> String {
    let says = |words: &str| text.contains(words);
    if says("CaUsedAsEndEntity") {
        "the server shows an authority's certificate as its own, which no client may accept; it needs one that the \
         authority has issued to it, and --ca-file names the authority's"
            .to_owned()
    } else if says("UnknownIssuer") {
        let bundle = BUNDLES.iter().find(|bundle| Path::new(bundle).exists());
        let bundle = bundle.map(|bundle| format!("; this machine's own bundle is {bundle}")).unwrap_or_default();
        format!("its authority is not trusted here; give a private one with --ca-file FILE or SSL_CERT_FILE{bundle}")
    } else if says("NotValidYet") || says("certificate not valid yet") {
        format!("is this machine's clock right? it says that today is {}", Date::today_utc())
    } else if says("Expired") || says("certificate expired") {
        format!("the server needs a new certificate, if this machine's clock is right: today is {}", Date::today_utc())
    } else if says("not valid for name") || says("NotValidForName") {
        format!("the certificate is for another host; {BASE_URL}")
    } else if says("ProtocolVersion") || says("TlsVersion") || says("Tls12") {
        "the server offers neither TLS 1.2 nor TLS 1.3".to_owned()
    } else if says("InvalidContentType") {
        format!("something else than TLS answers there, plain http perhaps; {BASE_URL}")
    } else {
        format!("does the server speak https at this port? {BASE_URL}")
    }
}

/// Where systems keep the certificates that they trust.
const BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];
