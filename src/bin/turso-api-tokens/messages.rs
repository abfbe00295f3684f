//! What goes to standard error: what happened, and what to do next.

use crate::arguments::Options;
use std::io::{self, Write};
use std::path::Path;
use turso_api_tokens::{CredentialSource, Date, Error, Escaped, ProxyFailure, TlsFailure};

/// Why the program does not exit with 0.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A check failed. Which one is already reported.
    Checks,
    /// The command line is invalid.
    Usage(String),
    /// Standard output could not be written.
    Output(io::Error),
    /// There is no list.
    Call { error: Error, given: Given },
}

/// What the user has given, as far as advice depends on it.
#[derive(Debug)]
pub(crate) struct Given {
    base_url: bool,
    token_file: bool,
}

impl From<&Options> for Given {
    fn from(options: &Options) -> Self {
        Self {
            base_url: options.has_base_url(),
            token_file: options.token_file.is_some(),
        }
    }
}

/// Reports what went wrong, why, and what to do next where that is known.
pub(crate) fn report(failure: &Failure) {
    match failure {
        Failure::Checks => {}
        Failure::Usage(problem) => print_line(&format!("{problem}; see --help")),
        Failure::Output(error) => {
            print_line(&format!("could not write to standard output: {error}"))
        }
        Failure::Call { error, given } => {
            print_line(&format!("{error:#}"));
            if let Some(advice) = advice(error, given) {
                print_line(&advice);
            }
        }
    }
}

/// Writes one line to standard error, in one piece, so that those of several processes do not mix. There is nobody to
/// tell where that fails.
pub(crate) fn print_line(line: &str) {
    const MAX_CHARS: usize = 299;
    let line = cut(&format!("turso-api-tokens: {}", Escaped(line)), MAX_CHARS) + "\n";
    let _ = io::stderr().write_all(line.as_bytes());
}

/// A text of so many characters at most, with a `…` where it is cut.
pub(crate) fn cut(text: &str, max_chars: usize) -> String {
    if text.chars().nth(max_chars).is_none() {
        return text.to_owned();
    }
    text.chars().take(max_chars - 1).chain(['…']).collect()
}

const MINT: &str = "`turso auth api-tokens mint NAME --org ORG`";
const NO_PROXY: &str = "NO_PROXY exempts a host";

/// What to do next. It goes by the type of the error alone, never by words that a server may have chosen.
fn advice(error: &Error, given: &Given) -> Option<String> {
    let base_url = given
        .base_url
        .then_some("is the base URL right? (--base-url, TURSO_API_BASEURL)");
    let and_base_url = |text: &str| {
        base_url.map_or_else(|| text.to_owned(), |base_url| format!("{text}; {base_url}"))
    };
    Some(match error {
        Error::Credential { .. } if !given.token_file => {
            "--token-file FILE reads the credential from a file, or with - from standard input".to_owned()
        }
        Error::Refused { status: 401, credential_source: Some(CredentialSource::TursoCli(_)), .. } => {
            "the login has expired or was revoked; `turso auth login` renews it".to_owned()
        }
        Error::Refused { status: 401, .. } => {
            format!("the credential is invalid, expired or revoked; {MINT} makes a new one")
        }
        Error::Refused { credential_source: Some(CredentialSource::TursoCli(_)), .. } => {
            "renewing the login will not help; this user may not list tokens".to_owned()
        }
        Error::Refused { .. } => {
            "this token may not list the user's tokens; the login of the turso CLI may (`turso auth login`)".to_owned()
        }
        Error::Lookup { .. } => {
            and_base_url("does this machine have a network, and do its name servers answer? (/etc/resolv.conf)")
        }
        // Some proxies have 500 for a host that they cannot reach.
        Error::Proxy { reason: ProxyFailure::Other, status: Some(500..=599), .. } => {
            and_base_url("the proxy failed, or could not reach the host")
        }
        Error::Proxy { reason, .. } => proxy_advice(*reason, &and_base_url),
        Error::Tls { reason, .. } => tls_advice(*reason, &and_base_url),
        Error::Timeout { .. } => "--timeout SECONDS allows more time".to_owned(),
        Error::Status { html: true, .. } | Error::InvalidAnswer { html: true, .. } => {
            and_base_url("an HTML page came instead of the API's JSON: probably a captive portal or a proxy")
        }
        Error::Status { status: 402, .. } => "check that the subscription is active".to_owned(),
        // An overloaded server, or a list with a faulty token: it was the right place.
        Error::Status { status: 429 | 500..=599, .. } | Error::InvalidAnswer { token: Some(_), .. } => return None,
        Error::Status { .. } | Error::Redirect { .. } | Error::TooLarge { .. } | Error::InvalidAnswer { .. } => {
            base_url?.to_owned()
        }
        _ => return None,
    })
}

fn proxy_advice(reason: ProxyFailure, and_base_url: &dyn Fn(&str) -> String) -> String {
    match reason {
        ProxyFailure::Unreachable => {
            format!(
                "the proxy itself could not be reached; check the variable that names it; {NO_PROXY}"
            )
        }
        ProxyFailure::Credentials => format!(
            "the proxy requires a user name and password, or rejected those given: http://USER:PASSWORD@HOST:PORT; \
             {NO_PROXY}"
        ),
        ProxyFailure::Forbidden => {
            format!("the proxy does not allow this host; ask whoever runs it; {NO_PROXY}")
        }
        ProxyFailure::HostUnreachable => {
            and_base_url("the proxy works, but could not reach the host")
        }
        ProxyFailure::NoResponse => {
            format!(
                "the proxy did not respond in time; check the variable that names it; {NO_PROXY}"
            )
        }
        _ => format!("check the proxy and the variable that names it; {NO_PROXY}"),
    }
}

fn tls_advice(reason: TlsFailure, and_base_url: &dyn Fn(&str) -> String) -> String {
    match reason {
        TlsFailure::UnknownIssuer => {
            let bundle = BUNDLES.iter().find(|bundle| Path::new(bundle).exists());
            let bundle = bundle
                .map(|bundle| format!("; this machine's own bundle is {bundle}"))
                .unwrap_or_default();
            format!(
                "its issuer is not trusted; trust a private authority with --ca-file FILE or SSL_CERT_FILE{bundle}"
            )
        }
        TlsFailure::Expired => format!(
            "the server needs a new certificate, if this machine's clock is right: today is {}",
            Date::today_utc()
        ),
        TlsFailure::NotYetValid => {
            format!(
                "is this machine's clock right? it says that today is {}",
                Date::today_utc()
            )
        }
        TlsFailure::WrongName => and_base_url("the certificate is for another host"),
        TlsFailure::CaAsServer => {
            "the server presents a CA certificate as its own, which clients reject; it needs one \
             that the CA has issued, and --ca-file names the CA's"
                .to_owned()
        }
        TlsFailure::NoCommonProtocol => {
            "the server accepts none of this program's TLS versions and cipher suites: \
             TLS 1.2 or 1.3, with ECDHE and AES-GCM or ChaCha20"
                .to_owned()
        }
        TlsFailure::NotTls => {
            and_base_url("something other than TLS listens there, perhaps plain http")
        }
        _ => and_base_url("does the server speak https at this port?"),
    }
}

/// Where systems keep the certificates that they trust.
const BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];
