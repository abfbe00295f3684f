//! The one error type: one variant per way a caller would react.

use crate::escape::{Escaped, excerpt};
use crate::redact::redact_lookalikes;
use std::error::Error as _;
use std::path::PathBuf;
use std::time::Duration;
use std::{error, fmt};
use ureq::http::StatusCode;

pub(crate) type Cause = Box<dyn error::Error + Send + Sync>;

/// What went wrong, and whether the same call may succeed later.
///
/// `{}` says what happened and to which URL, on one line, with the server's text [`Escaped`] and
/// cut to 120 characters. `{:#}` adds the causes, which otherwise are in
/// [`source`](error::Error::source) only. No variant ever holds the credential: where a server
/// repeats it, it is redacted.
///
/// | variant | meaning | worth retrying | what to do |
/// |---|---|---|---|
/// | [`Credential`](Self::Credential) | none was found, or it is invalid | no | provide one |
/// | [`Config`](Self::Config) | a setting is invalid | no | fix it |
/// | [`Refused`](Self::Refused) | the API returned 401 or 403 | no | 401: renew the credential; 403: use another one |
/// | [`Lookup`](Self::Lookup) | the host name has no address, or nothing answered | yes | |
/// | [`Connection`](Self::Connection) | no connection, or it was lost before the response was complete | yes | |
/// | [`Proxy`](Self::Proxy) | the proxy made no connection | depends on its reason | see its reason |
/// | [`Tls`](Self::Tls) | the server could not be trusted | no | see its reason |
/// | [`Timeout`](Self::Timeout) | no complete response in time | yes | |
/// | [`Status`](Self::Status) | any other status than 200 | 429, 500, 502, 503, 504 | |
/// | [`Redirect`](Self::Redirect) | the server redirects, which the API does not | no | check the base URL |
/// | [`TooLarge`](Self::TooLarge) | the body is larger than the limit | no | raise the limit |
/// | [`InvalidAnswer`](Self::InvalidAnswer) | not valid HTTP, or 200 without the documented list | no | see its reason |
///
/// Code that handles them can be tested without an account. A listener that sends the response in
/// question is enough:
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
/// let client = Client::builder(Credential::new("test")?).base_url(&url).build()?;
/// let error = client.list().unwrap_err();
/// assert!(matches!(error, Error::Refused { status: 401, .. }) && !error.is_transient());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// No credential was found, or it is invalid. Nothing was sent.
    #[non_exhaustive]
    Credential {
        /// What is wrong, where, and what to do; never the value.
        problem: String,
        /// Why a file could not be read.
        source: Option<Cause>,
    },
    /// A setting is invalid. Nothing was sent.
    #[non_exhaustive]
    Config {
        /// What messages call the setting: the variable that it came from, else words such as
        /// `base URL`.
        setting: &'static str,
        /// What is wrong with it.
        problem: String,
        /// The underlying error, if there is one.
        source: Option<Cause>,
    },
    /// The API refused the credential: 401 or 403. With an HTML page, which the API never sends,
    /// these are [`Status`](Self::Status).
    #[non_exhaustive]
    Refused {
        /// 401 or 403.
        status: u16,
        /// The URL that responded, and the proxy if there was one.
        url: String,
        /// The API's message, not escaped; else how the body begins. May be empty.
        message: String,
        /// Where the library found the credential; `None` after
        /// [`Credential::new`](crate::Credential::new).
        credential_source: Option<CredentialSource>,
    },
    /// The host name could not be resolved. Through a proxy this is [`Proxy`](Self::Proxy).
    #[non_exhaustive]
    Lookup {
        /// The URL that was called.
        url: String,
        /// The resolver's error.
        source: Cause,
    },
    /// There was no connection, or it was lost before the response was complete.
    #[non_exhaustive]
    Connection {
        /// The URL that was called, and the proxy if there was one.
        url: String,
        /// The response's status, if its header had come.
        status: Option<u16>,
        /// The network's error.
        source: Cause,
    },
    /// The proxy could not be reached, or did not connect to the API. What is lost behind an open
    /// tunnel is [`Connection`](Self::Connection), as without a proxy. What is not valid HTTP
    /// behind `CONNECT` is this, as ureq does not say whose it is.
    #[non_exhaustive]
    Proxy {
        /// The URL that was called.
        url: String,
        /// The proxy as `host:port`, never its user name or password, and where it came from.
        proxy: String,
        /// Which side failed, and why.
        reason: ProxyFailure,
        /// The status that the proxy responded with, if it did.
        status: Option<u16>,
        /// The underlying error; `None` with a status.
        source: Option<Cause>,
    },
    /// There was no trusted connection.
    #[non_exhaustive]
    Tls {
        /// The URL that was called, and the proxy if there was one.
        url: String,
        /// What kind of failure it was.
        reason: TlsFailure,
        /// The TLS library's error.
        source: Cause,
    },
    /// The call did not finish within [`ClientBuilder::timeout`](crate::ClientBuilder::timeout).
    #[non_exhaustive]
    Timeout {
        /// The URL that was called, and the proxy if there was one.
        url: String,
        /// The timeout of the call, an hour at most.
        timeout: Duration,
        /// What had failed before, in an attempt or in connecting, if anything had.
        /// [`source`](error::Error::source) returns it as an [`Error`].
        source: Option<Box<Error>>,
    },
    /// The status is neither 200, nor the API's 401 or 403, nor a redirect.
    #[non_exhaustive]
    Status {
        /// The status.
        status: u16,
        /// The URL that responded, and the proxy if there was one.
        url: String,
        /// The API's message, not escaped; else what the HTML page is, else how the body begins.
        /// May be empty.
        message: String,
        /// The response's `Retry-After`. A date is relative to the response's own `Date`, else to
        /// this machine's clock.
        retry_after: Option<Duration>,
        /// Whether the body is an HTML page, which the API never sends.
        html: bool,
    },
    /// The server redirects. The API does not, so this is another server. The credential was not
    /// sent where it leads.
    #[non_exhaustive]
    Redirect {
        /// The URL that responded, and the proxy if there was one.
        url: String,
        /// 301, 302, 303, 307 or 308.
        status: u16,
        /// The response's `Location`, not escaped; may be empty.
        location: String,
    },
    /// The body is larger than
    /// [`ClientBuilder::max_response_bytes`](crate::ClientBuilder::max_response_bytes).
    #[non_exhaustive]
    TooLarge {
        /// The URL that responded, and the proxy if there was one.
        url: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// The server responded, but not with the documented list.
    #[non_exhaustive]
    InvalidAnswer {
        /// The URL that responded, and the proxy if there was one.
        url: String,
        /// What kind of fault it is.
        reason: AnswerFailure,
        /// What is wrong with the response.
        problem: String,
        /// The HTTP library's error, if there is one.
        source: Option<Cause>,
    },
}

/// Where a [`Credential`](crate::Credential) was found. `Display` names it for messages.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CredentialSource {
    /// An environment variable.
    Variable(&'static str),
    /// A file that holds nothing else.
    File(PathBuf),
    /// The settings in which the official CLI keeps its login; `turso auth login` renews it.
    TursoCli(PathBuf),
    /// Anything else, as the caller of
    /// [`Credential::from_reader`](crate::Credential::from_reader) named it.
    Named(String),
}

/// Why a TLS connection is not trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TlsFailure {
    /// No trusted authority has issued the server's certificate.
    UnknownIssuer,
    /// The certificate has expired, by this machine's clock.
    Expired,
    /// The certificate is not valid yet, by this machine's clock.
    NotYetValid,
    /// The certificate is for another host.
    WrongName,
    /// The server presents an authority's certificate as its own.
    CaAsServer,
    /// There is no TLS version or cipher suite that both sides accept, or the server refused the
    /// handshake.
    NoCommonProtocol,
    /// The server does not speak TLS on this port.
    NotTls,
    /// Any other failure.
    Other,
}

/// Why there is no connection through a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProxyFailure {
    /// The proxy itself could not be reached, or its name could not be resolved.
    Unreachable,
    /// The proxy requires a user name and password, or rejected those given.
    Credentials,
    /// The proxy does not allow this host.
    Forbidden,
    /// The proxy could not reach the host.
    HostUnreachable,
    /// There was no connection through the proxy in time: only as the source of an
    /// [`Error::Timeout`]. The proxy may be slow, or the server behind it.
    NoResponse,
    /// Any other failure.
    Other,
}

/// Why a response is not the documented list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AnswerFailure {
    /// It is an HTML page, which the API never sends.
    Html,
    /// It is empty, or ends in the middle.
    Incomplete,
    /// It is not JSON.
    NotJson,
    /// It is JSON without the documented list. A faulty body above 1 MiB counts, too, as it is not
    /// looked into; so does a document in which a field comes twice.
    NotAList,
    /// This token of the list is faulty, counted from 1.
    Token(usize),
    /// It is not UTF-8, or has a content coding that nobody asked for.
    Encoding,
    /// It is not valid HTTP, or its header is too large.
    Http,
}

impl Error {
    /// Returns the status of the response, if the error is about one. A proxy's status is in
    /// [`Proxy`](Self::Proxy) only.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. }
            | Self::Status { status, .. }
            | Self::Redirect { status, .. } => Some(*status),
            Self::Connection { status, .. } => *status,
            _ => None,
        }
    }

    /// Returns whether the same call may succeed later without any change on this side.
    ///
    /// True for failed lookups, missing or lost connections, timeouts, 429, 500, 502, 503 and 504.
    /// A proxy's failure is transient unless its reason is
    /// [`Credentials`](ProxyFailure::Credentials) or [`Forbidden`](ProxyFailure::Forbidden), or its
    /// status is a 4xx other than 429. The client has already retried up to as often as
    /// [`ClientBuilder::retries`](crate::ClientBuilder::retries) says, as far as the timeout left
    /// room; a timeout and a slow lookup are not retried.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Lookup { .. } | Self::Connection { .. } | Self::Timeout { .. } => true,
            Self::Status { status, .. } => matches!(status, 429 | 500 | 502 | 503 | 504),
            Self::Proxy { reason, status, .. } => {
                let somebody_must_act =
                    matches!(reason, ProxyFailure::Credentials | ProxyFailure::Forbidden);
                let is_client_error = matches!(status, Some(400..=499)) && *status != Some(429);
                !somebody_must_act && !is_client_error
            }
            _ => false,
        }
    }

    pub(crate) fn config(setting: &'static str, problem: impl Into<String>) -> Self {
        Self::Config {
            setting,
            problem: problem.into(),
            source: None,
        }
    }

    pub(crate) fn credential(problem: impl Into<String>) -> Self {
        Self::Credential {
            problem: problem.into(),
            source: None,
        }
    }

    /// What happened, without the causes and not escaped yet.
    fn message(&self) -> String {
        match self {
            Self::Credential { problem, .. } => problem.clone(),
            Self::Config {
                setting, problem, ..
            } => format!("{setting}: {problem}"),
            Self::Refused {
                status,
                url,
                message,
                credential_source,
            } => {
                let from = match credential_source {
                    Some(source) => format!(" from {source}"),
                    None => String::new(),
                };
                let status = status_and_message(*status, message);
                format!("{url} refused the credential{from}: {status}")
            }
            Self::Lookup { url, .. } => format!("could not resolve the host name of {url}"),
            Self::Connection {
                url, status: None, ..
            } => format!("no response from {url}"),
            Self::Connection {
                url,
                status: Some(status),
                ..
            } => {
                let status = status_name(*status);
                format!("{url} returned {status}, but the response was cut off")
            }
            Self::Proxy {
                url, proxy, status, ..
            } => {
                let responded = match status {
                    Some(status) => format!(": it responded {status}"),
                    None => String::new(),
                };
                format!("no connection to {url} through the proxy {proxy}{responded}")
            }
            Self::Tls { url, .. } => format!("no trusted connection to {url}"),
            Self::Timeout { url, timeout, .. } => {
                format!("no complete response from {url} within {timeout:?}")
            }
            Self::Status {
                status,
                url,
                message,
                retry_after,
                ..
            } => {
                let after = match retry_after {
                    Some(after) => format!("; retry after {} s", after.as_secs()),
                    None => String::new(),
                };
                let status = status_and_message(*status, message);
                format!("{url} returned {status}{after}")
            }
            Self::Redirect {
                url,
                status,
                location,
            } => {
                let status = status_name(*status);
                if location.is_empty() {
                    format!("{url} returned {status} and redirects nowhere")
                } else {
                    let location = excerpt(location);
                    format!(
                        "{url} returned {status} and redirects to {location}; \
                         the credential was not sent there"
                    )
                }
            }
            Self::TooLarge { url, limit } => {
                format!("the response from {url} is larger than {}", size(*limit))
            }
            Self::InvalidAnswer { url, problem, .. } => {
                format!("the response from {url} is not a list of API tokens: {problem}")
            }
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.message();

        if f.alternate() {
            let mut next = self.source();
            while let Some(cause) = next {
                text.push_str(": ");
                text.push_str(&cause.to_string());
                next = cause.source();
            }
        }

        // Parts of it are escaped already. Escaping leaves those as they are.
        Escaped(&text).fmt(f)
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Lookup { source, .. }
            | Self::Connection { source, .. }
            | Self::Tls { source, .. }
            | Self::Credential {
                source: Some(source),
                ..
            }
            | Self::Config {
                source: Some(source),
                ..
            }
            | Self::Proxy {
                source: Some(source),
                ..
            }
            | Self::InvalidAnswer {
                source: Some(source),
                ..
            } => Some(source.as_ref()),

            // The error itself, not its box: a caller downcasts to `Error`.
            Self::Timeout {
                source: Some(source),
                ..
            } => Some(source.as_ref()),

            _ => None,
        }
    }
}

impl fmt::Display for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Variable(name) => (*name).to_owned(),
            Self::File(path) => path.display().to_string(),
            Self::TursoCli(path) => format!("the turso CLI's login in {}", path.display()),
            Self::Named(name) => name.clone(),
        };
        // The name of a file may be a credential in the wrong place.
        f.write_str(&redact_lookalikes(&name))
    }
}

/// A number of bytes, in the largest unit that divides it.
pub(crate) fn size(bytes: u64) -> String {
    const KIB: u64 = 1024;
    const MIB: u64 = 1024 * KIB;

    if bytes == 0 || bytes % KIB != 0 {
        return format!("{bytes} bytes");
    }
    if bytes % MIB != 0 {
        return format!("{} KiB", bytes / KIB);
    }
    format!("{} MiB", bytes / MIB)
}

/// The status with its usual name, such as `404 Not Found`.
fn status_name(status: u16) -> String {
    let name = StatusCode::from_u16(status)
        .ok()
        .and_then(|code| code.canonical_reason());
    match name {
        Some(name) => format!("{status} {name}"),
        None => status.to_string(),
    }
}

/// The status with its usual name, and the message that came with it.
fn status_and_message(status: u16, message: &str) -> String {
    let status = status_name(status);
    if message.is_empty() {
        return status;
    }
    format!("{status}: {}", excerpt(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://h/v1";

    fn cause() -> Cause {
        "CAUSE".into()
    }

    fn proxy(reason: ProxyFailure, status: Option<u16>) -> Error {
        let source = if status.is_none() {
            Some(cause())
        } else {
            None
        };
        Error::Proxy {
            url: URL.into(),
            proxy: "p:3128 (HTTPS_PROXY)".into(),
            reason,
            status,
            source,
        }
    }

    #[test]
    #[allow(clippy::too_many_lines, reason = "most of them are a table")]
    fn every_message_is_one_line_in_lower_case_without_a_period_and_without_its_cause() {
        let url = || URL.to_owned();
        let timeout = |source| Error::Timeout {
            url: url(),
            timeout: Duration::from_secs(30),
            source,
        };
        let cases = [
            (Error::credential("no credential"), "no credential"),
            (
                Error::config("base URL", "it has a query"),
                "base URL: it has a query",
            ),
            (
                Error::Refused {
                    status: 401,
                    url: url(),
                    message: "bad\u{1b}".into(),
                    credential_source: Some(CredentialSource::Variable("TURSO_TOKEN")),
                },
                r"https://h/v1 refused the credential from TURSO_TOKEN: 401 Unauthorized: bad\u{1b}",
            ),
            (
                Error::Refused {
                    status: 403,
                    url: url(),
                    message: String::new(),
                    credential_source: None,
                },
                "https://h/v1 refused the credential: 403 Forbidden",
            ),
            (
                Error::Lookup {
                    url: url(),
                    source: cause(),
                },
                "could not resolve the host name of https://h/v1",
            ),
            (
                Error::Connection {
                    url: url(),
                    status: None,
                    source: cause(),
                },
                "no response from https://h/v1",
            ),
            (
                Error::Connection {
                    url: url(),
                    status: Some(200),
                    source: cause(),
                },
                "https://h/v1 returned 200 OK, but the response was cut off",
            ),
            (
                proxy(ProxyFailure::Unreachable, None),
                "no connection to https://h/v1 through the proxy p:3128 (HTTPS_PROXY)",
            ),
            (
                proxy(ProxyFailure::Forbidden, Some(403)),
                "no connection to https://h/v1 through the proxy p:3128 (HTTPS_PROXY): it responded 403",
            ),
            (
                Error::Tls {
                    url: url(),
                    reason: TlsFailure::Expired,
                    source: cause(),
                },
                "no trusted connection to https://h/v1",
            ),
            (
                timeout(None),
                "no complete response from https://h/v1 within 30s",
            ),
            (
                timeout(Some(Box::new(Error::credential("x")))),
                "no complete response from https://h/v1 within 30s",
            ),
            (
                Error::Status {
                    status: 503,
                    url: url(),
                    message: "busy".into(),
                    retry_after: Some(Duration::from_secs(9)),
                    html: false,
                },
                "https://h/v1 returned 503 Service Unavailable: busy; retry after 9 s",
            ),
            (
                Error::Status {
                    status: 599,
                    url: url(),
                    message: String::new(),
                    retry_after: None,
                    html: false,
                },
                "https://h/v1 returned 599",
            ),
            (
                Error::Redirect {
                    url: url(),
                    status: 302,
                    location: "https://evil\n".into(),
                },
                "https://h/v1 returned 302 Found and redirects to https://evil; the credential was not sent there",
            ),
            (
                Error::Redirect {
                    url: url(),
                    status: 307,
                    location: String::new(),
                },
                "https://h/v1 returned 307 Temporary Redirect and redirects nowhere",
            ),
            (
                Error::TooLarge {
                    url: url(),
                    limit: 2 << 20,
                },
                "the response from https://h/v1 is larger than 2 MiB",
            ),
            (
                Error::InvalidAnswer {
                    url: url(),
                    reason: AnswerFailure::Incomplete,
                    problem: "it is empty".into(),
                    source: Some(cause()),
                },
                "the response from https://h/v1 is not a list of API tokens: it is empty",
            ),
        ];
        for (error, expected) in cases {
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn a_credential_source_is_named_for_messages() {
        for (source, expected) in [
            (CredentialSource::Variable("TURSO_TOKEN"), "TURSO_TOKEN"),
            (CredentialSource::File("/run/token".into()), "/run/token"),
            (
                CredentialSource::TursoCli("/c/settings.json".into()),
                "the turso CLI's login in /c/settings.json",
            ),
            (
                CredentialSource::Named("standard input".into()),
                "standard input",
            ),
        ] {
            assert_eq!(source.to_string(), expected);
        }
    }

    #[test]
    fn the_alternate_form_adds_every_cause_on_the_same_line() {
        let lost = Error::Connection {
            url: "https://h".into(),
            status: None,
            source: "reset\nby peer".into(),
        };
        let error = Error::Timeout {
            url: "https://h".into(),
            timeout: Duration::from_secs(1),
            source: Some(lost.into()),
        };
        let expected = r"no complete response from https://h within 1s: no response from https://h: reset\nby peer";
        assert_eq!(format!("{error:#}"), expected);
        let with_cause =
            |error: Error| assert!(format!("{error:#}").ends_with(": CAUSE"), "{error:#}");
        with_cause(Error::Lookup {
            url: URL.into(),
            source: cause(),
        });
        with_cause(Error::Tls {
            url: URL.into(),
            reason: TlsFailure::Other,
            source: cause(),
        });
        with_cause(Error::Credential {
            problem: "p".into(),
            source: Some(cause()),
        });
        with_cause(Error::Config {
            setting: "s",
            problem: "p".into(),
            source: Some(cause()),
        });
        with_cause(proxy(ProxyFailure::Other, None));
    }

    #[test]
    fn a_servers_text_is_cut_to_120_characters() {
        let message = "x".repeat(15_000);
        let error = Error::Status {
            status: 599,
            url: "h".into(),
            message,
            retry_after: None,
            html: false,
        };
        assert_eq!(
            error.to_string(),
            format!("h returned 599: {}…", "x".repeat(120))
        );
    }

    #[test]
    fn a_proxys_failure_is_transient_unless_somebody_has_to_act() {
        use ProxyFailure::{
            Credentials, Forbidden, HostUnreachable, NoResponse, Other, Unreachable,
        };
        for (reason, status, expected) in [
            (Unreachable, None, true),
            (HostUnreachable, Some(502), true),
            (HostUnreachable, None, true),
            (NoResponse, None, true),
            (Other, None, true),
            (Other, Some(429), true),
            (Other, Some(500), true),
            (Other, Some(302), true),
            (Other, Some(400), false),
            (Other, Some(428), false),
            (Other, Some(430), false),
            (Other, Some(499), false),
            (Credentials, Some(407), false),
            (Credentials, None, false),
            (Forbidden, Some(403), false),
            (Forbidden, None, false),
        ] {
            assert_eq!(
                proxy(reason, status).is_transient(),
                expected,
                "{reason:?} {status:?}"
            );
        }
    }

    #[test]
    fn only_a_response_has_a_status() {
        let url = || URL.to_owned();
        let status = Error::Status {
            status: 404,
            url: url(),
            message: String::new(),
            retry_after: None,
            html: false,
        };
        assert_eq!(status.status(), Some(404));

        let refused = Error::Refused {
            status: 403,
            url: url(),
            message: String::new(),
            credential_source: None,
        };
        assert_eq!(refused.status(), Some(403));

        let redirect = Error::Redirect {
            status: 302,
            url: url(),
            location: String::new(),
        };
        assert_eq!(redirect.status(), Some(302));
        assert!(!redirect.is_transient());

        let connection = |status| Error::Connection {
            url: url(),
            status,
            source: cause(),
        };
        assert_eq!(connection(Some(200)).status(), Some(200));
        assert_eq!(connection(None).status(), None);
        assert!(connection(Some(200)).is_transient());

        let proxy = proxy(ProxyFailure::Forbidden, Some(403));
        assert_eq!(proxy.status(), None);
    }

    #[test]
    fn the_source_of_a_timeout_is_the_error_that_had_failed_before() {
        let timeout = Error::Timeout {
            url: URL.into(),
            timeout: Duration::from_secs(1),
            source: Some(Box::new(Error::credential("earlier"))),
        };
        let source = timeout.source().unwrap();
        let earlier = source.downcast_ref::<Error>().unwrap();
        assert_eq!(earlier.to_string(), "earlier");
    }

    #[test]
    fn the_name_of_a_source_that_looks_like_a_credential_is_redacted() {
        for (source, expected) in [
            (CredentialSource::File("/a/eyJhbGciOiJFZ".into()), "/a/***"),
            (CredentialSource::Named("eyJhbGciOiJFZ".into()), "***"),
        ] {
            assert_eq!(source.to_string(), expected);
        }
    }

    #[test]
    fn a_size_is_in_the_largest_unit_that_divides_it() {
        for (bytes, expected) in [
            (0, "0 bytes"),
            (1, "1 bytes"),
            (1000, "1000 bytes"),
            (1024, "1 KiB"),
            (65_536, "64 KiB"),
            (1_048_577, "1048577 bytes"),
            (2 << 20, "2 MiB"),
            (8 << 20, "8 MiB"),
        ] {
            assert_eq!(size(bytes), expected);
        }
    }
}
