//! What ureq's errors mean. Where ureq and rustls have no types for it, texts are matched: here, and nowhere else.

use crate::error::{Cause, ProxyFailure, TlsFailure};
use std::io::ErrorKind;
use ureq::Error::{self, BodyStalled, ConnectProxyFailed, Io};
use ureq::Proxy;

/// Why there is no response, or no complete one.
#[derive(Debug)]
pub(crate) enum Failure {
    Lookup(Cause),
    Connection(Cause),
    /// With the status that the proxy responded with, or a cause.
    Proxy(ProxyFailure, Option<u16>, Option<Cause>),
    Tls(TlsFailure, Cause),
    /// The deadline has passed. Where there is a failure, connecting had failed before.
    Timeout(Option<Box<Failure>>),
    TooLarge,
    Invalid(&'static str, Cause),
}

/// What an error before there was a response means. Timeouts are not among them.
pub(super) fn classify(error: Error, proxy: Option<&Proxy>) -> Failure {
    let text = error.to_string();
    let text = text.strip_prefix("io: ").unwrap_or(&text);
    let tls = tls_failure(&error, text);
    let by_proxy = proxy.map(|proxy| proxy_failure(&error, text, proxy));
    let is_lookup = is_lookup(&error, text);
    let is_large = matches!(error, Error::LargeResponseHeader(..));
    let is_network = matches!(error, Io(_) | Error::ConnectionFailed | Error::Other(_));
    let cause = plain(error, proxy);
    match (tls, by_proxy) {
        (Some((reason, words)), _) => Failure::Tls(reason, words.map_or(cause, Into::into)),
        _ if is_large => Failure::Invalid("its header is too large", cause),
        (_, Some((reason, status))) => {
            Failure::Proxy(reason, status, status.is_none().then_some(cause))
        }
        _ if is_lookup => Failure::Lookup(cause),
        _ if is_network => Failure::Connection(cause),
        _ => Failure::Invalid("it is not valid HTTP", cause),
    }
}

/// What an error in the middle of a body means: a lost connection, unless it is a limit, the deadline or a coding.
pub(super) fn classify_body(error: Error, proxy: Option<&Proxy>) -> Failure {
    match error {
        Error::BodyExceedsLimit(_) => Failure::TooLarge,
        Error::Timeout(_) => Failure::Timeout(None),
        // The variant is there or not as other crates have it.
        error if error.to_string().contains(" decompression failed: ") => {
            Failure::Invalid("it could not be decompressed", plain(error, proxy))
        }
        error => Failure::Connection(plain(error, proxy)),
    }
}

/// Unix has it in std's text, Windows in the codes from `WSAHOST_NOT_FOUND` to `WSANO_DATA`.
fn is_lookup(error: &Error, text: &str) -> bool {
    match error {
        Error::HostNotFound => true,
        Io(error) if cfg!(windows) => matches!(error.raw_os_error(), Some(11001..=11004)),
        _ => text.starts_with("failed to lookup address information"),
    }
}

/// What kind of TLS failure it is, and plain words for what rustls tells developers.
///
/// rustls's errors come as I/O errors of the kind `InvalidData`, or in variants that are there or not as other crates have
/// it. Only the beginning of a text counts: the rest may hold names that the server chose.
fn tls_failure(error: &Error, text: &str) -> Option<(TlsFailure, Option<&'static str>)> {
    use TlsFailure::{
        CaAsServer, Expired, NoCommonProtocol, NotTls, NotYetValid, UnknownIssuer, WrongName,
    };
    const NOTHING_IN_COMMON: Option<&str> = Some("no TLS version or cipher suite in common");
    const KNOWN: [(&str, TlsFailure, Option<&str>); 12] = [
        (
            "UnknownIssuer",
            UnknownIssuer,
            Some("the issuer of its certificate is unknown"),
        ),
        (
            "certificate expired",
            Expired,
            Some("its certificate has expired"),
        ),
        ("Expired", Expired, Some("its certificate has expired")),
        (
            "certificate not valid yet",
            NotYetValid,
            Some("its certificate is not valid yet"),
        ),
        (
            "NotValidYet",
            NotYetValid,
            Some("its certificate is not valid yet"),
        ),
        ("certificate not valid for name", WrongName, None),
        ("NotValidForName", WrongName, None),
        (
            "Other(OtherError(CaUsedAsEndEntity))",
            CaAsServer,
            Some("its certificate is an authority's own"),
        ),
        (
            "peer is incompatible: ",
            NoCommonProtocol,
            NOTHING_IN_COMMON,
        ),
        (
            "received fatal alert: HandshakeFailure",
            NoCommonProtocol,
            NOTHING_IN_COMMON,
        ),
        (
            "received fatal alert: ProtocolVersion",
            NoCommonProtocol,
            NOTHING_IN_COMMON,
        ),
        (
            "received corrupt message of type InvalidContentType",
            NotTls,
            Some("it does not speak TLS"),
        ),
    ];
    let text = match error {
        // A SOCKS proxy that does not speak SOCKS gives an "invalid response" or "reserved byte" of the same kind.
        Io(error) if error.kind() == ErrorKind::InvalidData && !text.starts_with("invalid res") => {
            text
        }
        Error::Tls(_) | Error::TlsRequired => text,
        _ => ["rustls: ", "native-tls: ", "der: "]
            .iter()
            .find_map(|library| text.strip_prefix(library))?,
    };
    let text = text
        .strip_prefix("invalid peer certificate: ")
        .unwrap_or(text);
    let known = KNOWN
        .iter()
        .find(|(beginning, ..)| text.starts_with(beginning));
    Some(
        known.map_or((TlsFailure::Other, None), |(_, failure, words)| {
            (*failure, *words)
        }),
    )
}

/// Why there is no connection through the proxy, and the status that it responded with. SOCKS has its replies in texts.
fn proxy_failure(error: &Error, text: &str, proxy: &Proxy) -> (ProxyFailure, Option<u16>) {
    use ErrorKind::{
        AddrNotAvailable, ConnectionRefused, HostUnreachable, NetworkDown, NetworkUnreachable,
        TimedOut,
    };
    const UNREACHABLE: [ErrorKind; 6] = [
        AddrNotAvailable,
        ConnectionRefused,
        HostUnreachable,
        NetworkDown,
        NetworkUnreachable,
        TimedOut,
    ];
    const KNOWN: [(&str, ProxyFailure); 13] = [
        ("connection not allowed by ruleset", ProxyFailure::Forbidden),
        ("no acceptable auth methods", ProxyFailure::Credentials),
        ("unknown auth method", ProxyFailure::Credentials),
        ("password authentication failed", ProxyFailure::Credentials),
        ("invalid username", ProxyFailure::Credentials),
        ("invalid password", ProxyFailure::Credentials),
        ("request rejected because ", ProxyFailure::Credentials),
        (
            "general SOCKS server failure",
            ProxyFailure::HostUnreachable,
        ),
        ("network unreachable", ProxyFailure::HostUnreachable),
        ("host unreachable", ProxyFailure::HostUnreachable),
        ("connection refused", ProxyFailure::HostUnreachable),
        ("TTL expired", ProxyFailure::HostUnreachable),
        ("request rejected or failed", ProxyFailure::HostUnreachable),
    ];
    let status = text
        .strip_prefix("CONNECT proxy failed: proxy server responded ")
        .and_then(|status| status.get(..3));
    let status: Option<u16> = status.and_then(|status| status.parse().ok());
    let reason = match (status, error) {
        (Some(403), _) => ProxyFailure::Forbidden,
        // tinyproxy responds 401 to a wrong password.
        (Some(401 | 407), _) => ProxyFailure::Credentials,
        (Some(502..=504), _) => ProxyFailure::HostUnreachable,
        // A proxy that looks nothing up has the host's name looked up here: then it may well be reachable.
        _ if is_lookup(error, text) && proxy.resolve_target() => ProxyFailure::Other,
        _ if is_lookup(error, text) => ProxyFailure::Unreachable,
        // What lies behind the proxy cannot give these.
        (_, Io(error)) if UNREACHABLE.contains(&error.kind()) => ProxyFailure::Unreachable,
        _ => KNOWN
            .iter()
            .find(|known| text.starts_with(known.0))
            .map_or(ProxyFailure::Other, |known| known.1),
    };
    (reason, status)
}

/// An error in plain words, where a library wrote it for developers.
fn plain(error: Error, proxy: Option<&Proxy>) -> Cause {
    let who = if proxy.is_some() {
        "the proxy or the server"
    } else {
        "the server"
    };
    match error {
        ConnectProxyFailed(_) => "the proxy closed the connection".into(),
        // It ended within a chunk's own lines.
        BodyStalled => format!("{who} closed the connection").into(),
        Io(error) if error.kind() == ErrorKind::UnexpectedEof => {
            format!("{who} closed the connection").into()
        }
        error => error.into_io().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    fn proxy() -> Proxy {
        Proxy::new("socks5h://p:1").unwrap()
    }

    fn io(kind: ErrorKind, text: &str) -> Error {
        io::Error::new(kind, text).into()
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
            let error = Error::from(io::Error::new(ErrorKind::InvalidData, error));
            for proxy in [None, Some(&proxy())] {
                let failure = classify(io(ErrorKind::InvalidData, &text), proxy);
                assert!(
                    matches!(failure, Failure::Tls(reason, _) if reason == expected),
                    "{text}: {failure:?}"
                );
            }
            assert!(
                matches!(classify(error, None), Failure::Tls(reason, _) if reason == expected),
                "{text}"
            );
        }
        let failure = classify(Error::Tls("x"), None);
        assert!(
            matches!(failure, Failure::Tls(TlsFailure::Other, _)),
            "{failure:?}"
        );
    }

    /// If one of these changes in ureq, the reason becomes `Other`.
    #[test]
    fn the_texts_of_a_proxy_have_their_reasons() {
        let connect = |text: &str| ConnectProxyFailed(text.to_owned());
        for (error, reason, status) in [
            (
                connect("proxy server responded 407/407"),
                ProxyFailure::Credentials,
                Some(407),
            ),
            (
                connect("proxy server responded 401/401"),
                ProxyFailure::Credentials,
                Some(401),
            ),
            (
                connect("proxy server responded 403/403"),
                ProxyFailure::Forbidden,
                Some(403),
            ),
            (
                connect("proxy server responded 502/502"),
                ProxyFailure::HostUnreachable,
                Some(502),
            ),
            (
                connect("proxy server responded 504/504"),
                ProxyFailure::HostUnreachable,
                Some(504),
            ),
            (
                connect("proxy server responded 500/500"),
                ProxyFailure::Other,
                Some(500),
            ),
            (
                connect("proxy server did not respond"),
                ProxyFailure::Other,
                None,
            ),
            (
                io(ErrorKind::Other, "no acceptable auth methods"),
                ProxyFailure::Credentials,
                None,
            ),
            (
                io(ErrorKind::Other, "unknown auth method"),
                ProxyFailure::Credentials,
                None,
            ),
            (
                io(
                    ErrorKind::PermissionDenied,
                    "password authentication failed",
                ),
                ProxyFailure::Credentials,
                None,
            ),
            (
                io(ErrorKind::InvalidInput, "invalid username"),
                ProxyFailure::Credentials,
                None,
            ),
            (
                io(ErrorKind::InvalidInput, "invalid password"),
                ProxyFailure::Credentials,
                None,
            ),
            (
                io(ErrorKind::PermissionDenied, "request rejected because …"),
                ProxyFailure::Credentials,
                None,
            ),
            (
                io(ErrorKind::Other, "connection not allowed by ruleset"),
                ProxyFailure::Forbidden,
                None,
            ),
            (
                io(ErrorKind::Other, "general SOCKS server failure"),
                ProxyFailure::HostUnreachable,
                None,
            ),
            (
                io(ErrorKind::Other, "network unreachable"),
                ProxyFailure::HostUnreachable,
                None,
            ),
            (
                io(ErrorKind::Other, "host unreachable"),
                ProxyFailure::HostUnreachable,
                None,
            ),
            (
                io(ErrorKind::Other, "connection refused"),
                ProxyFailure::HostUnreachable,
                None,
            ),
            (
                io(ErrorKind::Other, "TTL expired"),
                ProxyFailure::HostUnreachable,
                None,
            ),
            (
                io(ErrorKind::Other, "request rejected or failed"),
                ProxyFailure::HostUnreachable,
                None,
            ),
            (
                io(ErrorKind::Other, "command not supported"),
                ProxyFailure::Other,
                None,
            ),
            (
                io(ErrorKind::InvalidData, "invalid response version"),
                ProxyFailure::Other,
                None,
            ),
            (
                io(ErrorKind::InvalidData, "invalid response code"),
                ProxyFailure::Other,
                None,
            ),
            (
                io(ErrorKind::InvalidData, "invalid reserved byte"),
                ProxyFailure::Other,
                None,
            ),
            (
                io(ErrorKind::UnexpectedEof, "failed to fill whole buffer"),
                ProxyFailure::Other,
                None,
            ),
            (
                io(ErrorKind::ConnectionReset, "reset"),
                ProxyFailure::Other,
                None,
            ),
            (
                io(ErrorKind::ConnectionRefused, "refused"),
                ProxyFailure::Unreachable,
                None,
            ),
            (
                io(ErrorKind::HostUnreachable, "x"),
                ProxyFailure::Unreachable,
                None,
            ),
            (
                io(ErrorKind::NetworkUnreachable, "x"),
                ProxyFailure::Unreachable,
                None,
            ),
            (
                io(ErrorKind::NetworkDown, "x"),
                ProxyFailure::Unreachable,
                None,
            ),
            (
                io(ErrorKind::AddrNotAvailable, "x"),
                ProxyFailure::Unreachable,
                None,
            ),
            (
                io(ErrorKind::TimedOut, "x"),
                ProxyFailure::Unreachable,
                None,
            ),
            (Error::HostNotFound, ProxyFailure::Unreachable, None),
        ] {
            let text = error.to_string();
            let failure = classify(error, Some(&proxy()));
            let Failure::Proxy(found, found_status, cause) = failure else {
                panic!("{text}")
            };
            assert_eq!((found, found_status), (reason, status), "{text}");
            assert_eq!(cause.is_none(), status.is_some(), "{text}");
        }
    }

    /// If this changes in std, a name that does not resolve becomes a lost connection.
    #[test]
    #[cfg_attr(windows, ignore = "Windows has codes")]
    fn the_text_of_a_failed_lookup_is_known() {
        let text = "failed to lookup address information: Name or service not known";
        assert!(matches!(
            classify(io(ErrorKind::Other, text), None),
            Failure::Lookup(_)
        ));
        assert!(matches!(
            classify(Error::HostNotFound, None),
            Failure::Lookup(_)
        ));
        assert!(matches!(
            classify(io(ErrorKind::Other, "lookup"), None),
            Failure::Connection(_)
        ));
        // The host's own name: the proxy may well be reachable.
        let socks4 = Proxy::new("socks4://p:1").unwrap();
        let failure = classify(io(ErrorKind::Other, text), Some(&socks4));
        assert!(
            matches!(failure, Failure::Proxy(ProxyFailure::Other, ..)),
            "{failure:?}"
        );
        let failure = classify(io(ErrorKind::Other, text), Some(&proxy()));
        assert!(
            matches!(failure, Failure::Proxy(ProxyFailure::Unreachable, ..)),
            "{failure:?}"
        );
    }

    #[test]
    fn a_tls_failure_is_told_in_plain_words() {
        let cause = |text| match classify(io(ErrorKind::InvalidData, text), None) {
            Failure::Tls(_, cause) => cause.to_string(),
            other => panic!("{other:?}"),
        };
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
            assert_eq!(cause(text), expected);
        }
    }

    #[test]
    fn a_closed_connection_is_told_in_plain_words() {
        let (proxy, cause) = (proxy(), |error, proxy: Option<&Proxy>| {
            plain(error, proxy).to_string()
        });
        let eof = || {
            io(
                ErrorKind::UnexpectedEof,
                "peer closed connection without sending TLS close_notify: https://…",
            )
        };
        assert_eq!(cause(eof(), None), "the server closed the connection");
        assert_eq!(cause(BodyStalled, None), "the server closed the connection");
        assert_eq!(
            cause(eof(), Some(&proxy)),
            "the proxy or the server closed the connection"
        );
        assert_eq!(
            cause(ConnectProxyFailed("x".into()), Some(&proxy)),
            "the proxy closed the connection"
        );
        assert_eq!(
            cause(io(ErrorKind::ConnectionReset, "reset"), Some(&proxy)),
            "reset"
        );
        assert_eq!(
            cause(io(ErrorKind::ConnectionRefused, "refused"), None),
            "refused"
        );
    }

    #[test]
    fn an_error_in_a_body_is_a_lost_connection_unless_it_is_a_limit_the_deadline_or_a_coding() {
        let body = |error| classify_body(error, None);
        assert!(matches!(
            body(Error::BodyExceedsLimit(5)),
            Failure::TooLarge
        ));
        assert!(matches!(
            body(Error::Timeout(ureq::Timeout::Global)),
            Failure::Timeout(None)
        ));
        assert!(matches!(body(BodyStalled), Failure::Connection(_)));
        assert!(matches!(
            body(io(ErrorKind::InvalidData, "received corrupt message")),
            Failure::Connection(_)
        ));
        let coding = io(ErrorKind::Other, "gzip decompression failed: x");
        assert!(matches!(
            body(coding),
            Failure::Invalid("it could not be decompressed", _)
        ));
    }
}
