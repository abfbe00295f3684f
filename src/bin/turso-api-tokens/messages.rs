//! What goes to standard error: what happened, and what to do next.

use crate::arguments::Options;
use std::io::{self, Write};
use std::path::Path;
use turso_api_tokens::{
    AnswerFailure, CredentialSource, Date, Error, Escaped, ProxyFailure, TlsFailure,
    redact_lookalikes,
};

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
    Call(Error),
}

/// Reports what went wrong, why, and what to do next where that is known.
pub(crate) fn report(failure: &Failure, options: &Options) {
    match failure {
        Failure::Checks => {}
        Failure::Usage(problem) => print_line(&format!("{problem}; see --help")),
        Failure::Output(error) => {
            print_line(&format!("could not write to standard output: {error}"));
        }
        Failure::Call(error) => {
            print_line(&format!("{error:#}"));
            if let Some(advice) = advice(error, options) {
                print_line(&advice);
            }
        }
    }
}

/// Writes one line to standard error, in one piece, so that those of several processes do not mix.
///
/// Every line of this program passes here, so none repeats what looks like a credential.
pub(crate) fn print_line(line: &str) {
    const MAX_CHARS: usize = 299;

    let line = redact_lookalikes(line);
    let line = format!("turso-api-tokens: {}", Escaped(&line));
    let line = cut(&line, MAX_CHARS) + "\n";
    // There is nobody to tell where this fails.
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
/// Where a system names its name servers.
const NAME_SERVERS: &str = if cfg!(windows) {
    ""
} else {
    " (/etc/resolv.conf)"
};

/// What to do next. It goes by the type of the error alone, never by words that a server may have
/// chosen.
fn advice(error: &Error, options: &Options) -> Option<String> {
    let base_url = BaseUrlQuestion {
        is_asked: options.has_base_url(),
    };
    match error {
        Error::Credential { .. } if options.token_file.is_none() => Some(
            "--token-file FILE reads the credential from a file, or with - from standard input"
                .to_owned(),
        ),
        Error::Refused {
            status,
            credential_source,
            ..
        } => {
            let is_login = matches!(credential_source, Some(CredentialSource::TursoCli(_)));
            Some(refused_advice(*status, is_login))
        }
        Error::Lookup { .. } => Some(base_url.after(&format!(
            "does this machine have a network, and do its name servers answer?{NAME_SERVERS}"
        ))),
        Error::Proxy { reason, status, .. } => Some(proxy_advice(*reason, *status, base_url)),
        Error::Tls { reason, .. } => Some(tls_advice(*reason, options, base_url)),
        Error::Timeout {
            source: Some(before),
            ..
        } if is_lookup_or_proxy(before) => advice(before, options),
        Error::Timeout { .. } => Some("--timeout SECONDS allows more time".to_owned()),
        Error::Status { html: true, .. }
        | Error::InvalidAnswer {
            reason: AnswerFailure::Html,
            ..
        } => Some(base_url.after(
            "an HTML page came instead of the API's JSON: probably a captive portal or a proxy",
        )),
        Error::Status { status: 402, .. } => {
            Some("check that the subscription is active".to_owned())
        }
        // An overloaded server, or a list that is cut off or has a faulty token: it was the right
        // place.
        Error::Status {
            status: 429 | 500..=599,
            ..
        }
        | Error::InvalidAnswer {
            reason: AnswerFailure::Incomplete | AnswerFailure::Token(_),
            ..
        } => None,
        Error::Status { .. }
        | Error::Redirect { .. }
        | Error::TooLarge { .. }
        | Error::InvalidAnswer { .. } => base_url.alone(),
        _ => None,
    }
}

/// "Is the base URL right?", which is asked only if the user has given one.
#[derive(Clone, Copy)]
struct BaseUrlQuestion {
    is_asked: bool,
}

impl BaseUrlQuestion {
    const TEXT: &str = "is the base URL right? (--base-url, TURSO_API_BASEURL)";

    fn alone(self) -> Option<String> {
        if self.is_asked {
            Some(Self::TEXT.to_owned())
        } else {
            None
        }
    }

    fn after(self, advice: &str) -> String {
        if self.is_asked {
            format!("{advice}; {}", Self::TEXT)
        } else {
            advice.to_owned()
        }
    }
}

/// `is_login` tells whether the credential is the login of the turso CLI.
fn refused_advice(status: u16, is_login: bool) -> String {
    match (status, is_login) {
        (401, true) => {
            "the login has expired or was revoked; `turso auth login` renews it".to_owned()
        }
        (401, false) => {
            format!("the credential is invalid, expired or revoked; {MINT} makes a new one")
        }
        (_, true) => "renewing the login will not help; this user may not list tokens".to_owned(),
        (_, false) => "this token may not list the user's tokens; \
                       the login of the turso CLI may (`turso auth login`)"
            .to_owned(),
    }
}

/// Whether a failure's own advice helps more than more time would.
fn is_lookup_or_proxy(error: &Error) -> bool {
    matches!(error, Error::Lookup { .. } | Error::Proxy { .. })
}

fn proxy_advice(reason: ProxyFailure, status: Option<u16>, base_url: BaseUrlQuestion) -> String {
    match (reason, status) {
        (ProxyFailure::Unreachable, _) => format!(
            "the proxy itself could not be reached; check the variable that names it; {NO_PROXY}"
        ),
        (ProxyFailure::Credentials, _) => format!(
            "the proxy requires a user name and password, or rejected those given: \
             http://USER:PASSWORD@HOST:PORT; {NO_PROXY}"
        ),
        (ProxyFailure::Forbidden, _) => {
            format!("the proxy does not allow this host; ask whoever runs it; {NO_PROXY}")
        }
        (ProxyFailure::HostUnreachable, _) => {
            base_url.after("the proxy works, but could not reach the host")
        }
        (ProxyFailure::NoResponse, _) => format!(
            "the proxy, or the server behind it, did not respond in time; check the variable that \
             names the proxy; {NO_PROXY}"
        ),
        // Some proxies have 500 for a host that they cannot reach.
        (_, Some(500..=599)) => base_url.after("the proxy failed, or could not reach the host"),
        _ => format!("check the proxy and the variable that names it; {NO_PROXY}"),
    }
}

fn tls_advice(reason: TlsFailure, options: &Options, base_url: BaseUrlQuestion) -> String {
    match reason {
        TlsFailure::UnknownIssuer => issuer_advice(options),
        TlsFailure::Expired => format!(
            "the server needs a new certificate, if this machine's clock is right: today is {}",
            Date::today_utc()
        ),
        TlsFailure::NotYetValid => format!(
            "is this machine's clock right? it says that today is {}",
            Date::today_utc()
        ),
        TlsFailure::WrongName => base_url.after("the certificate is for another host"),
        TlsFailure::CaAsServer => "the server presents a CA certificate as its own, which clients \
             reject; it needs one that the CA has issued, and --ca-file names the CA's"
            .to_owned(),
        TlsFailure::NoCommonProtocol => {
            "the server accepts none of this program's TLS versions and \
             cipher suites: TLS 1.2 or 1.3, with ECDHE and AES-GCM or ChaCha20"
                .to_owned()
        }
        TlsFailure::NotTls => {
            base_url.after("something other than TLS listens there, perhaps plain http")
        }
        _ => base_url.after("does the server speak https at this port?"),
    }
}

fn issuer_advice(options: &Options) -> String {
    if let Some(trusted) = options.trusted_file() {
        return format!(
            "the issuer is not among the certificates in {} ({})",
            trusted.path.display(),
            trusted.setting
        );
    }

    let advice = "its issuer is not trusted; \
                  trust a private authority with --ca-file FILE or SSL_CERT_FILE";
    match BUNDLES.iter().find(|bundle| Path::new(bundle).exists()) {
        Some(bundle) => format!("{advice}; this machine's own bundle is {bundle}"),
        None => advice.to_owned(),
    }
}

/// Where systems keep the certificates that they trust.
const BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_text_is_cut_to_so_many_characters_and_a_shorter_one_stays(text: String, max_chars in 1..60_usize) {
            let short = cut(&text, max_chars);
            if text.chars().count() <= max_chars {
                prop_assert_eq!(short, text);
            } else {
                prop_assert_eq!(short.chars().count(), max_chars);
                prop_assert!(text.starts_with(short.strip_suffix('…').unwrap()), "{:?}", short);
            }
        }
    }
}
