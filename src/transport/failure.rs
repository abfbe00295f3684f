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
    let is_lookup = is_lookup(&error, text);
    if let Some(reason) = tls_failure(&error, text) {
        return Failure::Tls(reason, tls_words(reason).map_or_else(|| plain(error, proxy), Into::into));
    }
    match (error, proxy) {
        (error @ Error::LargeResponseHeader(..), _) => Failure::Invalid("its header is too large", plain(error, proxy)),
        // A proxy that looks nothing up has the host's name looked up here: then it may well be reachable.
        (error, Some(used)) if is_lookup && !used.resolve_target() => {
            Failure::Proxy(ProxyFailure::Unreachable, None, Some(plain(error, proxy)))
        }
        (error, Some(_)) => {
            let (reason, status) = proxy_failure(&error, text);
            Failure::Proxy(reason, status, status.is_none().then(|| plain(error, proxy)))
        }
        (error, None) if is_lookup => Failure::Lookup(plain(error, proxy)),
        (error @ (Io(_) | Error::ConnectionFailed | Error::Other(_)), None) => Failure::Connection(plain(error, proxy)),
        (error, None) => Failure::Invalid("it is not valid HTTP", plain(error, proxy)),
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

/// rustls's errors come as I/O errors of the kind `InvalidData`, or in variants that are there or not as other crates have
/// it. Only the beginning of a text counts: the rest may hold names that the server chose.
fn tls_failure(error: &Error, text: &str) -> Option<TlsFailure> {
    const KNOWN: [(&str, TlsFailure); 12] = [
        ("invalid peer certificate: UnknownIssuer", TlsFailure::UnknownIssuer),
        ("invalid peer certificate: certificate expired", TlsFailure::Expired),
        ("invalid peer certificate: Expired", TlsFailure::Expired),
        ("invalid peer certificate: certificate not valid yet", TlsFailure::NotYetValid),
        ("invalid peer certificate: NotValidYet", TlsFailure::NotYetValid),
        ("invalid peer certificate: certificate not valid for name", TlsFailure::WrongName),
        ("invalid peer certificate: NotValidForName", TlsFailure::WrongName),
        ("invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))", TlsFailure::CaAsServer),
        ("peer is incompatible: ", TlsFailure::NoCommonProtocol),
        ("received fatal alert: HandshakeFailure", TlsFailure::NoCommonProtocol),
        ("received fatal alert: ProtocolVersion", TlsFailure::NoCommonProtocol),
        ("received corrupt message of type InvalidContentType", TlsFailure::NotTls),
    ];
    let text = match error {
        // A SOCKS proxy that does not speak SOCKS gives an "invalid response" or "reserved byte" of the same kind.
        Io(error) if error.kind() == ErrorKind::InvalidData && !text.starts_with("invalid res") => text,
        Io(_) => return None,
        Error::Tls(_) | Error::TlsRequired => text,
        _ => ["rustls: ", "native-tls: ", "der: "].iter().find_map(|library| text.strip_prefix(library))?,
    };
    let known = KNOWN.iter().find(|(beginning, _)| text.starts_with(beginning));
    Some(known.map_or(TlsFailure::Other, |(_, failure)| *failure))
}

/// Plain words for what rustls tells developers.
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

/// Why there is no connection through the proxy, and the status that it responded with. SOCKS has its replies in texts.
fn proxy_failure(error: &Error, text: &str) -> (ProxyFailure, Option<u16>) {
    use ErrorKind::{AddrNotAvailable, ConnectionRefused, HostUnreachable, NetworkDown, NetworkUnreachable, TimedOut};
    if let Some(status) = text.strip_prefix("CONNECT proxy failed: proxy server responded ") {
        let status = status.get(..3).and_then(|status| status.parse().ok());
        let reason = match status {
            Some(403) => ProxyFailure::Forbidden,
            // tinyproxy responds 401 to a wrong password.
            Some(401 | 407) => ProxyFailure::Credentials,
            Some(502..=504) => ProxyFailure::HostUnreachable,
            _ => ProxyFailure::Other,
        };
        return (reason, status);
    }
    let kind = if let Io(error) = error { error.kind() } else { ErrorKind::Other };
    // What lies behind the proxy cannot give these.
    let is_unreachable = matches!(
        kind,
        AddrNotAvailable | ConnectionRefused | HostUnreachable | NetworkDown | NetworkUnreachable | TimedOut
    );
    let reason = match text {
        "connection not allowed by ruleset" => ProxyFailure::Forbidden,
        "no acceptable auth methods"
        | "unknown auth method"
        | "password authentication failed"
        | "invalid username"
        | "invalid password" => ProxyFailure::Credentials,
        text if text.starts_with("request rejected because ") => ProxyFailure::Credentials,
        "general SOCKS server failure"
        | "network unreachable"
        | "host unreachable"
        | "connection refused"
        | "TTL expired"
        | "request rejected or failed" => ProxyFailure::HostUnreachable,
        _ if is_unreachable => ProxyFailure::Unreachable,
        _ => ProxyFailure::Other,
    };
    (reason, None)
}

/// An error in plain words, where a library wrote it for developers.
fn plain(error: Error, proxy: Option<&Proxy>) -> Cause {
    let is_closed = match &error {
        Io(error) => error.kind() == ErrorKind::UnexpectedEof,
        // A connection that ended within a chunk's own lines.
        error => matches!(error, BodyStalled),
    };
    match (error, proxy) {
        (ConnectProxyFailed(_), _) => "the proxy closed the connection".into(),
        (_, None) if is_closed => "the server closed the connection".into(),
        (_, Some(_)) if is_closed => "the proxy or the server closed the connection".into(),
        (error, _) => error.into_io().into(),
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
            CertificateError::Other(rustls::OtherError(std::sync::Arc::new(io::Error::other(text))))
        };
        for (error, expected) in [
            (CertificateError::UnknownIssuer.into(), TlsFailure::UnknownIssuer),
            (CertificateError::Expired.into(), TlsFailure::Expired),
            (CertificateError::ExpiredContext { time: now, not_after: now }.into(), TlsFailure::Expired),
            (CertificateError::NotValidYet.into(), TlsFailure::NotYetValid),
            (CertificateError::NotValidYetContext { time: now, not_before: now }.into(), TlsFailure::NotYetValid),
            (CertificateError::NotValidForName.into(), TlsFailure::WrongName),
            (context.into(), TlsFailure::WrongName),
            (CertificateError::BadSignature.into(), TlsFailure::Other),
            (other("x").into(), TlsFailure::Other),
            (PeerIncompatible::ServerDoesNotSupportTls12Or13.into(), TlsFailure::NoCommonProtocol),
            (rustls::Error::AlertReceived(AlertDescription::HandshakeFailure), TlsFailure::NoCommonProtocol),
            (rustls::Error::AlertReceived(AlertDescription::ProtocolVersion), TlsFailure::NoCommonProtocol),
            (rustls::Error::AlertReceived(AlertDescription::BadCertificate), TlsFailure::Other),
            (rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType), TlsFailure::NotTls),
        ] {
            let text = format!("{error}");
            let error = Error::from(io::Error::new(ErrorKind::InvalidData, error));
            for proxy in [None, Some(&proxy())] {
                let failure = classify(io(ErrorKind::InvalidData, &text), proxy);
                assert!(matches!(failure, Failure::Tls(reason, _) if reason == expected), "{text}: {failure:?}");
            }
            assert!(matches!(classify(error, None), Failure::Tls(reason, _) if reason == expected), "{text}");
        }
        let failure = classify(Error::Tls("x"), None);
        assert!(matches!(failure, Failure::Tls(TlsFailure::Other, _)), "{failure:?}");
    }

    /// If one of these changes in ureq, the reason becomes `Other`.
    #[test]
    fn the_texts_of_a_proxy_have_their_reasons() {
        let connect = |text: &str| ConnectProxyFailed(text.to_owned());
        for (error, reason, status) in [
            (connect("proxy server responded 407/407"), ProxyFailure::Credentials, Some(407)),
            (connect("proxy server responded 401/401"), ProxyFailure::Credentials, Some(401)),
            (connect("proxy server responded 403/403"), ProxyFailure::Forbidden, Some(403)),
            (connect("proxy server responded 502/502"), ProxyFailure::HostUnreachable, Some(502)),
            (connect("proxy server responded 504/504"), ProxyFailure::HostUnreachable, Some(504)),
            (connect("proxy server responded 500/500"), ProxyFailure::Other, Some(500)),
            (connect("proxy server did not respond"), ProxyFailure::Other, None),
            (io(ErrorKind::Other, "no acceptable auth methods"), ProxyFailure::Credentials, None),
            (io(ErrorKind::Other, "unknown auth method"), ProxyFailure::Credentials, None),
            (io(ErrorKind::PermissionDenied, "password authentication failed"), ProxyFailure::Credentials, None),
            (io(ErrorKind::InvalidInput, "invalid username"), ProxyFailure::Credentials, None),
            (io(ErrorKind::InvalidInput, "invalid password"), ProxyFailure::Credentials, None),
            (io(ErrorKind::PermissionDenied, "request rejected because …"), ProxyFailure::Credentials, None),
            (io(ErrorKind::Other, "connection not allowed by ruleset"), ProxyFailure::Forbidden, None),
            (io(ErrorKind::Other, "general SOCKS server failure"), ProxyFailure::HostUnreachable, None),
            (io(ErrorKind::Other, "network unreachable"), ProxyFailure::HostUnreachable, None),
            (io(ErrorKind::Other, "host unreachable"), ProxyFailure::HostUnreachable, None),
            (io(ErrorKind::Other, "connection refused"), ProxyFailure::HostUnreachable, None),
            (io(ErrorKind::Other, "TTL expired"), ProxyFailure::HostUnreachable, None),
            (io(ErrorKind::Other, "request rejected or failed"), ProxyFailure::HostUnreachable, None),
            (io(ErrorKind::Other, "command not supported"), ProxyFailure::Other, None),
            (io(ErrorKind::InvalidData, "invalid response version"), ProxyFailure::Other, None),
            (io(ErrorKind::InvalidData, "invalid response code"), ProxyFailure::Other, None),
            (io(ErrorKind::InvalidData, "invalid reserved byte"), ProxyFailure::Other, None),
            (io(ErrorKind::UnexpectedEof, "failed to fill whole buffer"), ProxyFailure::Other, None),
            (io(ErrorKind::ConnectionReset, "reset"), ProxyFailure::Other, None),
            (io(ErrorKind::ConnectionRefused, "refused"), ProxyFailure::Unreachable, None),
            (io(ErrorKind::HostUnreachable, "x"), ProxyFailure::Unreachable, None),
            (io(ErrorKind::NetworkUnreachable, "x"), ProxyFailure::Unreachable, None),
            (io(ErrorKind::NetworkDown, "x"), ProxyFailure::Unreachable, None),
            (io(ErrorKind::AddrNotAvailable, "x"), ProxyFailure::Unreachable, None),
            (io(ErrorKind::TimedOut, "x"), ProxyFailure::Unreachable, None),
            (Error::HostNotFound, ProxyFailure::Unreachable, None),
        ] {
            let text = error.to_string();
            let failure = classify(error, Some(&proxy()));
            let Failure::Proxy(found, found_status, cause) = failure else { panic!("{text}") };
            assert_eq!((found, found_status), (reason, status), "{text}");
            assert_eq!(cause.is_none(), status.is_some(), "{text}");
        }
    }

    /// If this changes in std, a name that does not resolve becomes a lost connection.
    #[test]
    #[cfg_attr(windows, ignore = "Windows has codes")]
    fn the_text_of_a_failed_lookup_is_known() {
        let text = "failed to lookup address information: Name or service not known";
        assert!(matches!(classify(io(ErrorKind::Other, text), None), Failure::Lookup(_)));
        assert!(matches!(classify(Error::HostNotFound, None), Failure::Lookup(_)));
        assert!(matches!(classify(io(ErrorKind::Other, "lookup"), None), Failure::Connection(_)));
        // The host's own name: the proxy may well be reachable.
        let socks4 = Proxy::new("socks4://p:1").unwrap();
        let failure = classify(io(ErrorKind::Other, text), Some(&socks4));
        assert!(matches!(failure, Failure::Proxy(ProxyFailure::Other, ..)), "{failure:?}");
        let failure = classify(io(ErrorKind::Other, text), Some(&proxy()));
        assert!(matches!(failure, Failure::Proxy(ProxyFailure::Unreachable, ..)), "{failure:?}");
    }

    #[test]
    fn a_tls_failure_is_told_in_plain_words() {
        let cause = |text| match classify(io(ErrorKind::InvalidData, text), None) {
            Failure::Tls(_, cause) => cause.to_string(),
            other => panic!("{other:?}"),
        };
        for (text, expected) in [
            ("invalid peer certificate: UnknownIssuer", "the issuer of its certificate is unknown"),
            ("invalid peer certificate: certificate expired: …", "its certificate has expired"),
            ("invalid peer certificate: certificate not valid yet: …", "its certificate is not valid yet"),
            ("invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))", "its certificate is an authority's own"),
            ("received fatal alert: HandshakeFailure", "no TLS version or cipher suite in common"),
            ("received corrupt message of type InvalidContentType", "it does not speak TLS"),
            (
                "invalid peer certificate: certificate not valid for name \"h\"; …",
                "invalid peer certificate: certificate not valid for name \"h\"; …",
            ),
            ("received fatal alert: BadCertificate", "received fatal alert: BadCertificate"),
        ] {
            assert_eq!(cause(text), expected);
        }
    }

    #[test]
    fn a_closed_connection_is_told_in_plain_words() {
        let (proxy, cause) = (proxy(), |error, proxy: Option<&Proxy>| plain(error, proxy).to_string());
        let eof = || io(ErrorKind::UnexpectedEof, "peer closed connection without sending TLS close_notify: https://…");
        assert_eq!(cause(eof(), None), "the server closed the connection");
        assert_eq!(cause(BodyStalled, None), "the server closed the connection");
        assert_eq!(cause(eof(), Some(&proxy)), "the proxy or the server closed the connection");
        assert_eq!(cause(ConnectProxyFailed("x".into()), Some(&proxy)), "the proxy closed the connection");
        assert_eq!(cause(io(ErrorKind::ConnectionRefused, "refused"), None), "refused");
    }

    #[test]
    fn an_error_in_a_body_is_a_lost_connection_unless_it_is_a_limit_the_deadline_or_a_coding() {
        let body = |error| classify_body(error, None);
        assert!(matches!(body(Error::BodyExceedsLimit(5)), Failure::TooLarge));
        assert!(matches!(body(Error::Timeout(ureq::Timeout::Global)), Failure::Timeout(None)));
        assert!(matches!(body(BodyStalled), Failure::Connection(_)));
        assert!(matches!(body(io(ErrorKind::InvalidData, "received corrupt message")), Failure::Connection(_)));
        let coding = io(ErrorKind::Other, "gzip decompression failed: x");
        assert!(matches!(body(coding), Failure::Invalid("it could not be decompressed", _)));
    }
}
