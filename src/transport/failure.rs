//! What ureq's errors mean. Where ureq and rustls have no types for it, texts are matched: here,
//! and nowhere else.

use crate::error::{AnswerFailure, Cause, Error, ProxyFailure, TlsFailure};
use crate::target::Target;
use std::io::{self, ErrorKind};
use ureq::{Proxy, ProxyProtocol};

/// What an error before there was a response means. The caller has handled timeouts.
pub(super) fn before_response(error: ureq::Error, target: &Target, proxy: Option<&Proxy>) -> Error {
    let text = error.to_string();
    let text = text.strip_prefix("io: ").unwrap_or(&text);

    if let Some(proxy) = proxy {
        if let Some(status) = connect_status(text) {
            return target.proxy_responded(reason_of_status(status), status);
        }
        if let Some(reason) = proxy_failure(&error, text, proxy) {
            return target.proxy_failed(reason, plain(error, "the proxy"));
        }
    }

    if let Some(reason) = tls_failure(&error, text) {
        return match tls_words(reason) {
            Some(words) => target.untrusted(reason, words),
            None => target.untrusted(reason, error.into_io()),
        };
    }

    if is_lookup(&error, text) {
        return target.lookup_failed(error.into_io());
    }

    match error {
        ureq::Error::Io(_) | ureq::Error::ConnectionFailed | ureq::Error::Other(_) => {
            target.connection_failed(None, plain(error, other_side(target)))
        }
        ureq::Error::LargeResponseHeader(..) => {
            let problem = "its header is too large";
            target.invalid(AnswerFailure::Http, problem, Some(error.into_io().into()))
        }
        _ => {
            let problem = "it is not valid HTTP";
            target.invalid(AnswerFailure::Http, problem, Some(error.into_io().into()))
        }
    }
}

/// What an error in the body of a response with this status means: a lost connection, unless it is
/// the limit, the deadline or a coding.
pub(super) fn in_body(error: ureq::Error, status: u16, limit: u64, target: &Target) -> Error {
    if is_coding(&error) {
        let problem = "it could not be decompressed";
        let cause = error.into_io().into();
        return target.invalid(AnswerFailure::Encoding, problem, Some(cause));
    }

    match error {
        ureq::Error::BodyExceedsLimit(_) => target.too_large(limit),
        ureq::Error::Timeout(_) => target.timed_out(None),
        _ => target.connection_failed(Some(status), plain(error, other_side(target))),
    }
}

/// The variant exists only if another crate enabled ureq's `gzip` or `brotli`, so its text is
/// matched.
fn is_coding(error: &ureq::Error) -> bool {
    error.to_string().contains(" decompression failed: ")
}

/// On Unix std reports a failed lookup only in its text, on Windows by a code.
fn is_lookup(error: &ureq::Error, text: &str) -> bool {
    match error {
        ureq::Error::HostNotFound => true,
        ureq::Error::Io(error) if cfg!(windows) => {
            error.raw_os_error().is_some_and(is_windows_lookup_code)
        }
        _ => text.starts_with("failed to lookup address information"),
    }
}

/// `WSAHOST_NOT_FOUND` to `WSANO_DATA`.
fn is_windows_lookup_code(code: i32) -> bool {
    (11_001..=11_004).contains(&code)
}

/// What kind of TLS failure an error is; `None` if it is none.
///
/// Only the beginning of a text counts: the rest may hold names that the server chose.
fn tls_failure(error: &ureq::Error, text: &str) -> Option<TlsFailure> {
    const BEGINNINGS: [(&str, TlsFailure); 12] = [
        ("UnknownIssuer", TlsFailure::UnknownIssuer),
        ("certificate expired", TlsFailure::Expired),
        ("Expired", TlsFailure::Expired),
        ("certificate not valid yet", TlsFailure::NotYetValid),
        ("NotValidYet", TlsFailure::NotYetValid),
        ("certificate not valid for name", TlsFailure::WrongName),
        ("NotValidForName", TlsFailure::WrongName),
        (
            "Other(OtherError(CaUsedAsEndEntity))",
            TlsFailure::CaAsServer,
        ),
        ("peer is incompatible: ", TlsFailure::NoCommonProtocol),
        (
            "received fatal alert: HandshakeFailure",
            TlsFailure::NoCommonProtocol,
        ),
        (
            "received fatal alert: ProtocolVersion",
            TlsFailure::NoCommonProtocol,
        ),
        (
            "received corrupt message of type InvalidContentType",
            TlsFailure::NotTls,
        ),
    ];

    let text = tls_text(error, text)?;
    let text = text
        .strip_prefix("invalid peer certificate: ")
        .unwrap_or(text);
    for (beginning, reason) in BEGINNINGS {
        if text.starts_with(beginning) {
            return Some(reason);
        }
    }
    Some(TlsFailure::Other)
}

/// Plain words for a TLS failure that rustls describes for developers; `None` if its own are plain.
fn tls_words(reason: TlsFailure) -> Option<&'static str> {
    match reason {
        TlsFailure::UnknownIssuer => Some("the issuer of its certificate is unknown"),
        TlsFailure::Expired => Some("its certificate has expired"),
        TlsFailure::NotYetValid => Some("its certificate is not valid yet"),
        TlsFailure::CaAsServer => Some("its certificate is an authority's own"),
        TlsFailure::NoCommonProtocol => Some("no TLS version or cipher suite in common"),
        TlsFailure::NotTls => Some("it does not speak TLS"),
        TlsFailure::WrongName | TlsFailure::Other => None,
    }
}

/// The TLS library's text; `None` if the error is not about TLS.
///
/// rustls's errors come as I/O errors of the kind `InvalidData`, or in variants that exist only if
/// another crate enabled a feature of ureq.
fn tls_text<'a>(error: &ureq::Error, text: &'a str) -> Option<&'a str> {
    match error {
        ureq::Error::Io(error) if error.kind() == ErrorKind::InvalidData => return Some(text),
        ureq::Error::Tls(_) | ureq::Error::TlsRequired => return Some(text),
        _ => {}
    }
    for library in ["rustls: ", "native-tls: ", "der: "] {
        if let Some(text) = text.strip_prefix(library) {
            return Some(text);
        }
    }
    None
}

/// The status of a proxy that refused to `CONNECT`.
fn connect_status(text: &str) -> Option<u16> {
    let rest = text.strip_prefix("CONNECT proxy failed: proxy server responded ")?;
    rest.get(..3)?.parse().ok()
}

fn reason_of_status(status: u16) -> ProxyFailure {
    match status {
        // tinyproxy responds 401 to a wrong password.
        401 | 407 => ProxyFailure::Credentials,
        403 => ProxyFailure::Forbidden,
        502..=504 => ProxyFailure::HostUnreachable,
        _ => ProxyFailure::Other,
    }
}

/// How the proxy failed; `None` if the error may be the server's as well.
fn proxy_failure(error: &ureq::Error, text: &str, proxy: &Proxy) -> Option<ProxyFailure> {
    if is_lookup(error, text) {
        // With SOCKS 4 the host is looked up here as well. The name may be the host's or the
        // proxy's.
        let reason = if proxy.resolve_target() {
            ProxyFailure::Other
        } else {
            ProxyFailure::Unreachable
        };
        return Some(reason);
    }

    match error {
        ureq::Error::ConnectProxyFailed(_) => return Some(ProxyFailure::Other),
        // Connecting to the proxy itself gives these.
        ureq::Error::Io(error) if is_unreachable(error.kind()) => {
            return Some(ProxyFailure::Unreachable);
        }
        _ => {}
    }

    if is_socks(proxy) {
        return reason_of_socks_reply(text);
    }

    // ureq reports a response to `CONNECT` that is not HTTP in the same way as one of the server.
    match error {
        ureq::Error::Protocol(_) | ureq::Error::Http(_) => Some(ProxyFailure::Other),
        _ => None,
    }
}

fn is_unreachable(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::AddrNotAvailable
            | ErrorKind::ConnectionRefused
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkDown
            | ErrorKind::NetworkUnreachable
            | ErrorKind::TimedOut
    )
}

fn is_socks(proxy: &Proxy) -> bool {
    !matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https)
}

/// What ureq says of a SOCKS proxy's reply; `None` if the text is not from SOCKS.
fn reason_of_socks_reply(text: &str) -> Option<ProxyFailure> {
    const REPLIES: [(&str, ProxyFailure); 23] = [
        // SOCKS 5.
        ("no acceptable auth methods", ProxyFailure::Credentials),
        ("unknown auth method", ProxyFailure::Credentials),
        ("invalid username", ProxyFailure::Credentials),
        ("invalid password", ProxyFailure::Credentials),
        ("password authentication failed", ProxyFailure::Credentials),
        ("connection not allowed by ruleset", ProxyFailure::Forbidden),
        (
            "general SOCKS server failure",
            ProxyFailure::HostUnreachable,
        ),
        ("network unreachable", ProxyFailure::HostUnreachable),
        ("host unreachable", ProxyFailure::HostUnreachable),
        ("connection refused", ProxyFailure::HostUnreachable),
        ("TTL expired", ProxyFailure::HostUnreachable),
        ("command not supported", ProxyFailure::Other),
        ("address kind not supported", ProxyFailure::Other),
        ("unsupported address type", ProxyFailure::Other),
        ("unknown error", ProxyFailure::Other),
        // SOCKS 4.
        ("request rejected or failed", ProxyFailure::HostUnreachable),
        ("request rejected because ", ProxyFailure::Credentials),
        ("SOCKS4 does not support IPv6", ProxyFailure::Other),
        // Both.
        ("domain name too long", ProxyFailure::Other),
        ("invalid response version", ProxyFailure::Other),
        ("invalid response code", ProxyFailure::Other),
        ("invalid reserved byte", ProxyFailure::Other),
        // The proxy closed the connection in the middle of a reply.
        ("failed to fill whole buffer", ProxyFailure::Other),
    ];

    for (reply, reason) in REPLIES {
        if text.starts_with(reply) {
            return Some(reason);
        }
    }
    None
}

/// Who may have closed a connection.
fn other_side(target: &Target) -> &'static str {
    if target.proxy.is_some() {
        "the proxy or the server"
    } else {
        "the server"
    }
}

/// A lost connection in plain words, where a library wrote it for developers.
fn plain(error: ureq::Error, other_side: &str) -> Cause {
    let is_closed = match &error {
        // `BodyStalled`: the connection closed inside the chunked framing.
        ureq::Error::ConnectProxyFailed(_) | ureq::Error::BodyStalled => true,
        ureq::Error::Io(error) => error.kind() == ErrorKind::UnexpectedEof,
        _ => false,
    };
    if is_closed {
        return format!("{other_side} closed the connection").into();
    }
    let error: io::Error = error.into_io();
    error.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credential::Credential;
    use std::error::Error as _;
    use std::time::Duration;

    fn proxy() -> Proxy {
        Proxy::new("socks5h://p:1").unwrap()
    }

    fn http_proxy() -> Proxy {
        Proxy::new("http://p:1").unwrap()
    }

    fn target(proxy: Option<&Proxy>) -> Target {
        Target {
            url: "https://h/".parse().unwrap(),
            proxy: proxy.map(|proxy| proxy.host().to_owned()),
            credential: Credential::new("secret").unwrap(),
            timeout: Duration::from_secs(1),
        }
    }

    fn classify(error: ureq::Error, proxy: Option<&Proxy>) -> Error {
        before_response(error, &target(proxy), proxy)
    }

    fn io(kind: ErrorKind, text: &str) -> ureq::Error {
        io::Error::new(kind, text).into()
    }

    /// The text of the innermost cause.
    fn cause(error: &Error) -> String {
        error.source().unwrap().to_string()
    }

    /// If one of these changes in rustls, its advice becomes the general one.
    #[test]
    fn the_texts_of_rustls_are_known_by_their_beginning() {
        use rustls::{AlertDescription, CertificateError, InvalidMessage, PeerIncompatible};
        let name = rustls::pki_types::ServerName::try_from("h").unwrap();
        let now = rustls::pki_types::UnixTime::now();
        let context = CertificateError::NotValidForNameContext {
            expected: name,
            presented: vec!["invalid peer certificate: UnknownIssuer".to_owned()],
        };
        let other = |text: &'static str| {
            CertificateError::Other(rustls::OtherError(std::sync::Arc::new(io::Error::other(
                text,
            ))))
        };
        for (error, expected) in [
            (
                CertificateError::UnknownIssuer.into(),
                TlsFailure::UnknownIssuer,
            ),
            (CertificateError::Expired.into(), TlsFailure::Expired),
            (
                CertificateError::ExpiredContext {
                    time: now,
                    not_after: now,
                }
                .into(),
                TlsFailure::Expired,
            ),
            (
                CertificateError::NotValidYet.into(),
                TlsFailure::NotYetValid,
            ),
            (
                CertificateError::NotValidYetContext {
                    time: now,
                    not_before: now,
                }
                .into(),
                TlsFailure::NotYetValid,
            ),
            (
                CertificateError::NotValidForName.into(),
                TlsFailure::WrongName,
            ),
            (context.into(), TlsFailure::WrongName),
            (CertificateError::BadSignature.into(), TlsFailure::Other),
            (other("x").into(), TlsFailure::Other),
            (
                PeerIncompatible::ServerDoesNotSupportTls12Or13.into(),
                TlsFailure::NoCommonProtocol,
            ),
            (
                rustls::Error::AlertReceived(AlertDescription::HandshakeFailure),
                TlsFailure::NoCommonProtocol,
            ),
            (
                rustls::Error::AlertReceived(AlertDescription::ProtocolVersion),
                TlsFailure::NoCommonProtocol,
            ),
            (
                rustls::Error::AlertReceived(AlertDescription::BadCertificate),
                TlsFailure::Other,
            ),
            (
                rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType),
                TlsFailure::NotTls,
            ),
        ] {
            let text = format!("{error}");
            let error = ureq::Error::from(io::Error::new(ErrorKind::InvalidData, error));
            for proxy in [None, Some(&proxy())] {
                let failure = classify(io(ErrorKind::InvalidData, &text), proxy);
                assert!(
                    matches!(failure, Error::Tls { reason, .. } if reason == expected),
                    "{text}: {failure:?}"
                );
            }
            assert!(
                matches!(classify(error, None), Error::Tls { reason, .. } if reason == expected),
                "{text}"
            );
        }
        let failure = classify(ureq::Error::Tls("x"), None);
        let is_other = matches!(
            failure,
            Error::Tls {
                reason: TlsFailure::Other,
                ..
            }
        );
        assert!(is_other, "{failure:?}");
    }

    /// If this text changes in ureq, the status is lost.
    #[test]
    fn a_status_of_a_proxy_has_its_reason() {
        for (status, expected) in [
            (407, ProxyFailure::Credentials),
            (401, ProxyFailure::Credentials),
            (403, ProxyFailure::Forbidden),
            (502, ProxyFailure::HostUnreachable),
            (504, ProxyFailure::HostUnreachable),
            (500, ProxyFailure::Other),
        ] {
            let text = format!("proxy server responded {status}/{status}");
            let failure = classify(ureq::Error::ConnectProxyFailed(text), Some(&http_proxy()));
            let Error::Proxy {
                reason,
                status: found,
                source: None,
                ..
            } = failure
            else {
                panic!("{failure:?}")
            };
            assert_eq!((reason, found), (expected, Some(status)));
        }
    }

    /// The reason, if the failure is the proxy's, and its cause.
    fn reason(failure: Error) -> Option<(ProxyFailure, String)> {
        match failure {
            Error::Proxy {
                reason,
                status: None,
                source: Some(cause),
                ..
            } => Some((reason, cause.to_string())),
            _ => None,
        }
    }

    /// If one of these changes in ureq, it becomes a lost connection.
    #[test]
    #[allow(clippy::too_many_lines, reason = "most of them are a table")]
    fn the_texts_of_socks_have_their_reasons_behind_a_socks_proxy_only() {
        for (kind, text, expected) in [
            (
                ErrorKind::Other,
                "no acceptable auth methods",
                ProxyFailure::Credentials,
            ),
            (
                ErrorKind::Other,
                "unknown auth method",
                ProxyFailure::Credentials,
            ),
            (
                ErrorKind::PermissionDenied,
                "password authentication failed",
                ProxyFailure::Credentials,
            ),
            (
                ErrorKind::InvalidInput,
                "invalid username",
                ProxyFailure::Credentials,
            ),
            (
                ErrorKind::InvalidInput,
                "invalid password",
                ProxyFailure::Credentials,
            ),
            (
                ErrorKind::PermissionDenied,
                "request rejected because …",
                ProxyFailure::Credentials,
            ),
            (
                ErrorKind::Other,
                "connection not allowed by ruleset",
                ProxyFailure::Forbidden,
            ),
            (
                ErrorKind::Other,
                "general SOCKS server failure",
                ProxyFailure::HostUnreachable,
            ),
            (
                ErrorKind::Other,
                "network unreachable",
                ProxyFailure::HostUnreachable,
            ),
            (
                ErrorKind::Other,
                "host unreachable",
                ProxyFailure::HostUnreachable,
            ),
            (
                ErrorKind::Other,
                "connection refused",
                ProxyFailure::HostUnreachable,
            ),
            (
                ErrorKind::Other,
                "TTL expired",
                ProxyFailure::HostUnreachable,
            ),
            (
                ErrorKind::Other,
                "request rejected or failed",
                ProxyFailure::HostUnreachable,
            ),
            (
                ErrorKind::Other,
                "command not supported",
                ProxyFailure::Other,
            ),
            (
                ErrorKind::Other,
                "address kind not supported",
                ProxyFailure::Other,
            ),
            (
                ErrorKind::Other,
                "unsupported address type",
                ProxyFailure::Other,
            ),
            (ErrorKind::Other, "unknown error", ProxyFailure::Other),
            (
                ErrorKind::InvalidInput,
                "SOCKS4 does not support IPv6",
                ProxyFailure::Other,
            ),
            (
                ErrorKind::InvalidInput,
                "domain name too long",
                ProxyFailure::Other,
            ),
            (
                ErrorKind::InvalidData,
                "invalid response version",
                ProxyFailure::Other,
            ),
            (
                ErrorKind::InvalidData,
                "invalid response code",
                ProxyFailure::Other,
            ),
            (
                ErrorKind::InvalidData,
                "invalid reserved byte",
                ProxyFailure::Other,
            ),
            (
                ErrorKind::UnexpectedEof,
                "failed to fill whole buffer",
                ProxyFailure::Other,
            ),
        ] {
            let (reason, _) = reason(classify(io(kind, text), Some(&proxy()))).expect(text);
            assert_eq!(reason, expected, "{text}");

            let elsewhere = classify(io(kind, text), Some(&http_proxy()));
            assert!(!matches!(elsewhere, Error::Proxy { .. }), "{text}");
        }
    }

    #[test]
    fn only_what_the_proxy_alone_can_cause_is_its_failure() {
        for error in [
            ErrorKind::ConnectionRefused,
            ErrorKind::HostUnreachable,
            ErrorKind::NetworkUnreachable,
            ErrorKind::NetworkDown,
            ErrorKind::AddrNotAvailable,
            ErrorKind::TimedOut,
        ] {
            for proxy in [proxy(), http_proxy()] {
                let (reason, _) = reason(classify(io(error, "x"), Some(&proxy))).unwrap();
                assert_eq!(reason, ProxyFailure::Unreachable, "{error:?}");
            }
        }

        let unresolved = classify(ureq::Error::HostNotFound, Some(&http_proxy()));
        let (found, _) = reason(unresolved).unwrap();
        assert_eq!(found, ProxyFailure::Unreachable);

        let silent = ureq::Error::ConnectProxyFailed("proxy server did not respond".to_owned());
        let (found, cause) = reason(classify(silent, Some(&http_proxy()))).unwrap();
        assert_eq!(found, ProxyFailure::Other);
        assert_eq!(cause, "the proxy closed the connection");
    }

    #[test]
    fn what_is_lost_behind_a_tunnel_is_a_lost_connection() {
        for kind in [
            ErrorKind::ConnectionReset,
            ErrorKind::BrokenPipe,
            ErrorKind::UnexpectedEof,
        ] {
            for proxy in [proxy(), http_proxy()] {
                let failure = classify(io(kind, "x"), Some(&proxy));
                let is_lost = matches!(failure, Error::Connection { status: None, .. });
                assert!(is_lost, "{kind:?}: {failure:?}");
            }
        }
    }

    /// If this changes in std, a name that does not resolve becomes a lost connection.
    #[test]
    #[cfg_attr(windows, ignore = "Windows has codes")]
    fn the_text_of_a_failed_lookup_is_known() {
        let failed = || {
            let text = "failed to lookup address information: Name or service not known";
            io(ErrorKind::Other, text)
        };
        assert!(matches!(classify(failed(), None), Error::Lookup { .. }));
        let not_found = classify(ureq::Error::HostNotFound, None);
        assert!(matches!(not_found, Error::Lookup { .. }));
        let other = classify(io(ErrorKind::Other, "lookup"), None);
        assert!(matches!(other, Error::Connection { .. }));

        // The host's own name: the proxy may well be reachable.
        let socks4 = Proxy::new("socks4://p:1").unwrap();
        let (found, _) = reason(classify(failed(), Some(&socks4))).unwrap();
        assert_eq!(found, ProxyFailure::Other);
        let (found, _) = reason(classify(failed(), Some(&proxy()))).unwrap();
        assert_eq!(found, ProxyFailure::Unreachable);
    }

    #[test]
    fn the_codes_of_a_failed_lookup_on_windows_are_known() {
        let known: Vec<i32> = (10_990..11_010)
            .filter(|code| is_windows_lookup_code(*code))
            .collect();
        assert_eq!(known, [11_001, 11_002, 11_003, 11_004]);
    }

    #[test]
    fn a_tls_failure_is_told_in_plain_words() {
        for (text, expected) in [
            (
                "invalid peer certificate: UnknownIssuer",
                "the issuer of its certificate is unknown",
            ),
            (
                "invalid peer certificate: certificate expired: …",
                "its certificate has expired",
            ),
            (
                "invalid peer certificate: certificate not valid yet: …",
                "its certificate is not valid yet",
            ),
            (
                "invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))",
                "its certificate is an authority's own",
            ),
            (
                "received fatal alert: HandshakeFailure",
                "no TLS version or cipher suite in common",
            ),
            (
                "received corrupt message of type InvalidContentType",
                "it does not speak TLS",
            ),
            (
                "invalid peer certificate: certificate not valid for name \"h\"; …",
                "invalid peer certificate: certificate not valid for name \"h\"; …",
            ),
            (
                "received fatal alert: BadCertificate",
                "received fatal alert: BadCertificate",
            ),
        ] {
            let failure = classify(io(ErrorKind::InvalidData, text), None);
            assert!(matches!(failure, Error::Tls { .. }), "{failure:?}");
            assert_eq!(cause(&failure), expected);
        }
    }

    #[test]
    fn a_tls_cause_that_repeats_the_credential_is_redacted() {
        let text = "certificate not valid for name \"eyjhbgcioijfz.example\" or secret";
        let failure = classify(io(ErrorKind::InvalidData, text), None);
        assert_eq!(
            cause(&failure),
            "certificate not valid for name \"***\" or ***"
        );
    }

    #[test]
    fn a_closed_connection_is_told_in_plain_words() {
        let closed = |proxy: Option<&Proxy>| {
            let text = "peer closed connection without sending TLS close_notify: https://…";
            cause(&classify(io(ErrorKind::UnexpectedEof, text), proxy))
        };
        assert_eq!(closed(None), "the server closed the connection");
        assert_eq!(
            closed(Some(&proxy())),
            "the proxy or the server closed the connection"
        );

        let reset = classify(io(ErrorKind::ConnectionReset, "reset"), None);
        assert_eq!(cause(&reset), "reset");
        let refused = classify(io(ErrorKind::ConnectionRefused, "refused"), None);
        assert_eq!(cause(&refused), "refused");
    }

    #[test]
    fn what_is_not_http_is_invalid_without_a_proxy_and_behind_socks() {
        let not_http = || {
            let invalid = ureq::http::HeaderName::from_bytes(b"\n").unwrap_err();
            ureq::Error::Http(invalid.into())
        };
        for proxy in [None, Some(proxy())] {
            let failure = classify(not_http(), proxy.as_ref());
            let Error::InvalidAnswer { reason, .. } = failure else {
                panic!("{failure:?}")
            };
            assert_eq!(reason, AnswerFailure::Http);
        }
        let (found, _) = reason(classify(not_http(), Some(&http_proxy()))).unwrap();
        assert_eq!(found, ProxyFailure::Other);
    }

    #[test]
    fn an_error_in_a_body_is_a_lost_connection_unless_it_is_a_limit_the_deadline_or_a_coding() {
        let body = |error| in_body(error, 200, 9, &target(None));
        let large = body(ureq::Error::BodyExceedsLimit(9));
        assert!(matches!(large, Error::TooLarge { limit: 9, .. }));
        let late = body(ureq::Error::Timeout(ureq::Timeout::Global));
        assert!(matches!(late, Error::Timeout { source: None, .. }));

        let stalled = body(ureq::Error::BodyStalled);
        assert_eq!(cause(&stalled), "the server closed the connection");
        for lost in [
            stalled,
            body(io(ErrorKind::InvalidData, "received corrupt message")),
        ] {
            let is_cut = matches!(
                lost,
                Error::Connection {
                    status: Some(200),
                    ..
                }
            );
            assert!(is_cut, "{lost:?}");
        }

        let coding = body(io(ErrorKind::Other, "gzip decompression failed: x"));
        let Error::InvalidAnswer {
            reason, problem, ..
        } = coding
        else {
            panic!("{coding:?}")
        };
        assert_eq!(reason, AnswerFailure::Encoding);
        assert_eq!(problem, "it could not be decompressed");
    }
}
