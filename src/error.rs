//! The one error type: a variant per thing that a caller would do differently.

use crate::escape::{Escaped, excerpt};
use std::time::Duration;
use std::{error, fmt};

pub(crate) type Cause = Box<dyn error::Error + Send + Sync>;

/// What went wrong, and whether the same call may succeed later.
///
/// `{}` says what happened and to which URL, on one line, with the server's words [`Escaped`] and cut; `{:#}` adds the
/// causes, which otherwise are in [`source`](error::Error::source) only. No variant ever holds the credential: where a
/// server repeats it, it is masked.
///
/// | variant | what it means | worth retrying |
/// |---|---|---|
/// | [`Credential`](Self::Credential) | none was found, or it cannot be one | no: provide one |
/// | [`Config`](Self::Config) | a setting is wrong | no: mend it |
/// | [`Refused`](Self::Refused) | the API said 401 or 403 | no: renew the credential |
/// | [`Connection`](Self::Connection) | no connection, or lost before the answer was whole | yes |
/// | [`Proxy`](Self::Proxy) | the proxy could not be reached, or would not connect | where it says so |
/// | [`Tls`](Self::Tls) | the server could not be trusted | no: see its source |
/// | [`Timeout`](Self::Timeout) | no whole answer in time | yes |
/// | [`Status`](Self::Status) | another status than 200 | 429, 500, 502, 503, 504 |
/// | [`Redirect`](Self::Redirect) | the server points to another origin | no: see the base URL |
/// | [`TooLarge`](Self::TooLarge) | more than may be read | no: raise the limit |
/// | [`InvalidAnswer`](Self::InvalidAnswer) | 200, but not the documented answer | no: see the base URL |
///
/// A test of the code that handles them needs no account, only a listener that gives the answer in question:
///
/// ```
/// use std::{io::{Read, Write}, net::TcpListener, thread};
/// use turso_api_tokens::{Client, Credential, Error};
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let url = format!("http://{}", listener.local_addr()?);
/// thread::spawn(move || {
///     let (mut stream, _) = listener.accept().unwrap();
///     stream.read(&mut [0; 4096]).unwrap();
///     stream.write_all(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n").unwrap();
/// });
/// let error = Client::builder(Credential::new("test")?).base_url(&url).build()?.list().unwrap_err();
/// assert!(matches!(error, Error::Refused { status: 401, .. }) && !error.is_transient());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// No credential was found, or what was found cannot be one. Nothing was sent.
    #[non_exhaustive]
    Credential {
        /// What is wrong, where, and what to do; never the value.
        problem: String,
        /// Why a file could not be read.
        source: Option<Cause>,
    },
    /// A setting is wrong. Nothing was sent.
    #[non_exhaustive]
    Config {
        /// Which setting: the environment variable where it came from one, else what the builder calls it.
        setting: &'static str,
        /// What is wrong with it.
        problem: String,
        /// Why, where something else said so.
        source: Option<Cause>,
    },
    /// The API refused the credential: 401 or 403. Where such an answer is an HTML page, it is not the API's, but
    /// [`Status`](Self::Status).
    #[non_exhaustive]
    Refused {
        /// 401 or 403.
        status: u16,
        /// The URL that answered, and the proxy if there was one.
        url: String,
        /// What the API said, not escaped; empty where it said nothing.
        message: String,
        /// Where the credential came from, where the library found it.
        place: Option<String>,
    },
    /// There was no connection, or it was lost before the answer was whole.
    #[non_exhaustive]
    Connection {
        /// The URL that was called, and the proxy if there was one.
        url: String,
        /// What the network said.
        source: Cause,
    },
    /// The proxy could not be reached, or did not connect to the API.
    #[non_exhaustive]
    Proxy {
        /// The URL that was called.
        url: String,
        /// The proxy as `host:port`, never its user or password, and the variable that named it.
        proxy: String,
        /// Whether the same call may succeed later: it could not be reached, or said 429 or 5xx.
        transient: bool,
        /// What the proxy or the network said.
        source: Cause,
    },
    /// There was no trusted connection: an unknown issuer, a wrong name, an expired certificate, no common protocol.
    #[non_exhaustive]
    Tls {
        /// The URL that was called, and the proxy if there was one.
        url: String,
        /// What the TLS library said.
        source: Cause,
    },
    /// The call was not over within [`ClientBuilder::timeout`](crate::ClientBuilder::timeout).
    #[non_exhaustive]
    Timeout {
        /// The URL that was called, and the proxy if there was one.
        url: String,
        /// The timeout of the whole call.
        timeout: Duration,
        /// What had failed before, in an attempt or in connecting, where anything had.
        source: Option<Box<Error>>,
    },
    /// The answer has another status than 200, or than the API's 401 and 403.
    #[non_exhaustive]
    Status {
        /// The status.
        status: u16,
        /// The URL that answered, and the proxy if there was one.
        url: String,
        /// What the answer said: the API's error text, not escaped, else the first characters of the body, else empty.
        message: String,
        /// The answer's `Retry-After`, where it was in seconds: when to come back.
        retry_after: Option<Duration>,
    },
    /// The answer comes from or leads to another origin than the base URL's, which must not get the credential.
    #[non_exhaustive]
    Redirect {
        /// The URL that was called, and the proxy if there was one.
        url: String,
        /// The other origin.
        origin: String,
    },
    /// The body is larger than [`ClientBuilder::max_response_bytes`](crate::ClientBuilder::max_response_bytes).
    #[non_exhaustive]
    TooLarge {
        /// The URL that answered, and the proxy if there was one.
        url: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// The server answered, but not with the documented list.
    #[non_exhaustive]
    InvalidAnswer {
        /// The URL that answered, and the proxy if there was one.
        url: String,
        /// What is wrong with the answer.
        problem: String,
        /// What the decoder or the HTTP library said, where it said anything.
        source: Option<Cause>,
    },
}

impl Error {
    /// The status of the answer, where the error is about one.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } | Self::Status { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Whether the same call may succeed later without any change on this side.
    ///
    /// True for lost or missing connections, timeouts, 429, 500, 502, 503 and 504, and for a proxy that cannot be reached
    /// or says 429 or 5xx. The client has already tried again as often as
    /// [`ClientBuilder::retries`](crate::ClientBuilder::retries) says, timeouts excepted.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Connection { .. } | Self::Timeout { .. } => true,
            Self::Proxy { transient, .. } => *transient,
            Self::Status { status, .. } => matches!(status, 429 | 500 | 502 | 503 | 504),
            _ => false,
        }
    }

    pub(crate) fn config(setting: &'static str, problem: impl Into<String>) -> Self {
        Self::Config { setting, problem: problem.into(), source: None }
    }

    pub(crate) fn credential(problem: impl Into<String>) -> Self {
        Self::Credential { problem: problem.into(), source: None }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credential { problem, .. } => write!(f, "{}", Escaped(problem)),
            Self::Config { setting, problem, .. } => write!(f, "{setting}: {}", Escaped(problem)),
            Self::Refused { status, url, message, place } => {
                write!(f, "{} refused the credential", Escaped(url))?;
                if let Some(place) = place {
                    write!(f, " from {}", Escaped(place))?;
                }
                said(f, *status, message)
            }
            Self::Connection { url, .. } => write!(f, "no answer from {}", Escaped(url)),
            Self::Proxy { url, proxy, .. } => {
                write!(f, "no connection to {} through the proxy {}", Escaped(url), Escaped(proxy))
            }
            Self::Tls { url, .. } => write!(f, "no trusted connection to {}", Escaped(url)),
            Self::Timeout { url, timeout, .. } => {
                write!(f, "no whole answer from {} within {timeout:?}", Escaped(url))
            }
            Self::Status { status, url, message, retry_after } => {
                write!(f, "{} did not answer with a list", Escaped(url))?;
                said(f, *status, message)?;
                retry_after.map_or(Ok(()), |after| write!(f, "; try again after {} seconds", after.as_secs()))
            }
            Self::Redirect { url, origin } => write!(
                f,
                "{} leads to {}, another origin, which must not get the credential",
                Escaped(url),
                Escaped(origin)
            ),
            Self::TooLarge { url, limit } => write!(f, "the answer of {} is larger than {limit} bytes", Escaped(url)),
            Self::InvalidAnswer { url, problem, .. } => {
                write!(f, "the answer of {} is not a list of API tokens: {}", Escaped(url), Escaped(problem))
            }
        }?;
        let mut cause = error::Error::source(self).filter(|_| f.alternate());
        while let Some(error) = cause {
            write!(f, ": {}", Escaped(&error.to_string()))?;
            cause = error.source();
        }
        Ok(())
    }
}

/// The status with its usual name, and what came with it.
fn said(f: &mut fmt::Formatter<'_>, status: u16, message: &str) -> fmt::Result {
    write!(f, ": {status}")?;
    let code = ureq::http::StatusCode::from_u16(status).ok();
    if let Some(name) = code.and_then(|code| code.canonical_reason()) {
        write!(f, " {name}")?;
    }
    if message.is_empty() { Ok(()) } else { write!(f, ": {}", excerpt(message)) }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Connection { source, .. } | Self::Proxy { source, .. } | Self::Tls { source, .. } => {
                Some(source.as_ref())
            }
            Self::Credential { source: Some(source), .. }
            | Self::Config { source: Some(source), .. }
            | Self::InvalidAnswer { source: Some(source), .. } => Some(source.as_ref()),
            Self::Timeout { source: Some(source), .. } => Some(source),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_is_one_line_in_lower_case_without_a_period_and_without_its_cause() {
        let url = || "https://h/v1".to_owned();
        let cause = || -> Cause { "CAUSE".into() };
        let cases = [
            (Error::credential("no credential"), "no credential"),
            (Error::config("base URL", "it has a query"), "base URL: it has a query"),
            (
                Error::Refused {
                    status: 401,
                    url: url(),
                    message: "bad\u{1b}".into(),
                    place: Some("TURSO_TOKEN".into()),
                },
                r"https://h/v1 refused the credential from TURSO_TOKEN: 401 Unauthorized: bad\u{1b}",
            ),
            (
                Error::Refused { status: 403, url: url(), message: String::new(), place: None },
                "https://h/v1 refused the credential: 403 Forbidden",
            ),
            (Error::Connection { url: url(), source: cause() }, "no answer from https://h/v1"),
            (
                Error::Proxy { url: url(), proxy: "p:3128 (HTTPS_PROXY)".into(), transient: true, source: cause() },
                "no connection to https://h/v1 through the proxy p:3128 (HTTPS_PROXY)",
            ),
            (Error::Tls { url: url(), source: cause() }, "no trusted connection to https://h/v1"),
            (
                Error::Timeout { url: url(), timeout: Duration::from_secs(30), source: None },
                "no whole answer from https://h/v1 within 30s",
            ),
            (
                Error::Timeout {
                    url: url(),
                    timeout: Duration::from_secs(30),
                    source: Some(Box::new(Error::credential("x"))),
                },
                "no whole answer from https://h/v1 within 30s",
            ),
            (
                Error::Status {
                    status: 503,
                    url: url(),
                    message: "busy".into(),
                    retry_after: Some(Duration::from_secs(9)),
                },
                "https://h/v1 did not answer with a list: 503 Service Unavailable: busy; try again after 9 seconds",
            ),
            (
                Error::Status { status: 599, url: url(), message: String::new(), retry_after: None },
                "https://h/v1 did not answer with a list: 599",
            ),
            (
                Error::Redirect { url: url(), origin: "https://evil".into() },
                "https://h/v1 leads to https://evil, another origin, which must not get the credential",
            ),
            (Error::TooLarge { url: url(), limit: 8 }, "the answer of https://h/v1 is larger than 8 bytes"),
            (
                Error::InvalidAnswer { url: url(), problem: "it is empty".into(), source: Some(cause()) },
                "the answer of https://h/v1 is not a list of API tokens: it is empty",
            ),
        ];
        for (error, expected) in cases {
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn the_alternate_form_adds_every_cause_on_the_same_line() {
        let lost = Error::Connection { url: "https://h".into(), source: "reset\nby peer".into() };
        let error =
            Error::Timeout { url: "https://h".into(), timeout: Duration::from_secs(1), source: Some(lost.into()) };
        let expected = r"no whole answer from https://h within 1s: no answer from https://h: reset\nby peer";
        assert_eq!(format!("{error:#}"), expected);
    }

    #[test]
    fn a_servers_words_are_cut() {
        let message = "x".repeat(15_000);
        let error = Error::Status { status: 500, url: "https://h".into(), message, retry_after: None };
        assert!(error.to_string().len() < 300);
    }
}
