//! Where a client's calls go. Makes the errors of a call, without the credential.

use crate::credential::Credential;
use crate::error::{AnswerFailure, Cause, Error, ProxyFailure, TlsFailure};
use std::time::Duration;
use ureq::http::Uri;

/// Where a client's calls go, and what its errors must not show.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// The endpoint's URL. It is redacted in messages.
    pub(crate) url: Uri,
    /// The proxy in use: host, port, and where it came from.
    pub(crate) proxy: Option<String>,
    pub(crate) credential: Credential,
    /// The timeout of a call.
    pub(crate) timeout: Duration,
}

impl Target {
    /// The URL for messages, without the proxy.
    pub(crate) fn shown_url(&self) -> String {
        self.redact(&self.url.to_string())
    }

    /// The URL for messages, and the proxy if there is one.
    pub(crate) fn shown_url_and_proxy(&self) -> String {
        let url = self.shown_url();
        match self.shown_proxy() {
            Some(proxy) => format!("{url} through the proxy {proxy}"),
            None => url,
        }
    }

    pub(crate) fn shown_proxy(&self) -> Option<String> {
        let proxy = self.proxy.as_deref()?;
        Some(self.redact(proxy))
    }

    pub(crate) fn redact(&self, text: &str) -> String {
        self.credential.redact(text)
    }

    pub(crate) fn lookup_failed(&self, source: impl Into<Cause>) -> Error {
        Error::Lookup {
            url: self.shown_url(),
            source: self.redact_cause(source.into()),
        }
    }

    /// `status` is the response's, if its header had come.
    pub(crate) fn connection_failed(&self, status: Option<u16>, source: impl Into<Cause>) -> Error {
        Error::Connection {
            url: self.shown_url_and_proxy(),
            status,
            source: self.redact_cause(source.into()),
        }
    }

    /// Connecting ran out of time. It is never the end of a call, only what a timeout holds.
    pub(crate) fn no_connection_in_time(&self) -> Error {
        const CAUSE: &str = "no connection in time";
        match self.proxy {
            Some(_) => self.proxy_failed(ProxyFailure::NoResponse, CAUSE),
            None => self.connection_failed(None, CAUSE),
        }
    }

    pub(crate) fn proxy_failed(&self, reason: ProxyFailure, source: impl Into<Cause>) -> Error {
        Error::Proxy {
            url: self.shown_url(),
            proxy: self.shown_proxy().unwrap_or_default(),
            reason,
            status: None,
            source: Some(self.redact_cause(source.into())),
        }
    }

    pub(crate) fn proxy_responded(&self, reason: ProxyFailure, status: u16) -> Error {
        Error::Proxy {
            url: self.shown_url(),
            proxy: self.shown_proxy().unwrap_or_default(),
            reason,
            status: Some(status),
            source: None,
        }
    }

    pub(crate) fn untrusted(&self, reason: TlsFailure, source: impl Into<Cause>) -> Error {
        Error::Tls {
            url: self.shown_url_and_proxy(),
            reason,
            source: self.redact_cause(source.into()),
        }
    }

    /// `before` is what had failed earlier in the call, if anything had.
    pub(crate) fn timed_out(&self, before: Option<Error>) -> Error {
        Error::Timeout {
            url: self.shown_url_and_proxy(),
            timeout: self.timeout,
            source: before.map(Box::new),
        }
    }

    /// `message` is the API's, redacted.
    pub(crate) fn refused(&self, status: u16, message: String) -> Error {
        Error::Refused {
            status,
            url: self.shown_url_and_proxy(),
            message,
            credential_source: self.credential.source().cloned(),
        }
    }

    /// `message` is redacted.
    pub(crate) fn returned(
        &self,
        status: u16,
        message: String,
        retry_after: Option<Duration>,
        html: bool,
    ) -> Error {
        Error::Status {
            status,
            url: self.shown_url_and_proxy(),
            message,
            retry_after,
            html,
        }
    }

    pub(crate) fn redirected(&self, status: u16, location: &str) -> Error {
        Error::Redirect {
            url: self.shown_url_and_proxy(),
            status,
            location: self.redact(location),
        }
    }

    pub(crate) fn too_large(&self, limit: u64) -> Error {
        Error::TooLarge {
            url: self.shown_url_and_proxy(),
            limit,
        }
    }

    pub(crate) fn invalid(
        &self,
        reason: AnswerFailure,
        problem: impl Into<String>,
        source: Option<Cause>,
    ) -> Error {
        Error::InvalidAnswer {
            url: self.shown_url_and_proxy(),
            reason,
            problem: problem.into(),
            source: source.map(|source| self.redact_cause(source)),
        }
    }

    /// A cause that holds the credential becomes a text without it: rustls's repeat the host name,
    /// where a user may have put the credential.
    fn redact_cause(&self, cause: Cause) -> Cause {
        let mut text = cause.to_string();
        let mut next = cause.source();
        while let Some(inner) = next {
            text.push_str(": ");
            text.push_str(&inner.to_string());
            next = inner.source();
        }

        let redacted = self.redact(&text);
        if redacted == text {
            return cause;
        }
        redacted.into()
    }
}
