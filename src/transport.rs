//! Everything that knows ureq: the agent, one request, and what ureq's errors mean.

mod failure;

use crate::credential::{Credential, MAX_LENGTH};
use crate::deadline::{Slot, run_until};
use crate::error::Error;
use crate::retry::{Limits, Tries};
use crate::target::Target;
use crate::url::is_literal;
use log::debug;
use std::io::Read;
use std::time::{Duration, Instant};
use ureq::config::{Config, IpFamily};
use ureq::http::{HeaderName, HeaderValue, Response, Uri, header};
use ureq::typestate::WithoutBody;
use ureq::{Agent, Body, Proxy, ProxyProtocol, RequestBuilder, Timeout};

/// The limit on a response header. ureq checks it against everything it has buffered, which can
/// include an interim response or the start of the body. Over TLS that is at most about one record
/// (16 KiB); over loopback one read can return far more.
const MAX_HEADER_SIZE: usize = 24 * 1024;
const MAX_LOOPBACK_HEADER_SIZE: usize = 256 * 1024;
/// How much of an error's body is read, and for how long.
const ERROR_BODY_LIMIT: u64 = 16 * 1024;
const ERROR_BODY_TIMEOUT: Duration = Duration::from_secs(2);

/// Sends requests through an agent.
#[derive(Clone)]
pub(crate) struct Transport {
    pub(crate) agent: Agent,
    /// Whether the agent is the caller's, whose own limits are overridden.
    pub(crate) agent_is_given: bool,
    /// The URL to connect to: see [`crate::url::destination`].
    pub(crate) url: Uri,
    pub(crate) authorization: HeaderValue,
    pub(crate) other_headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) proxy: Option<Proxy>,
}

impl Transport {
    /// Sends a request and returns the response, whose body is still to be read. If looking up or
    /// connecting takes too long, it tries again with more time. It calls `on_slow_connect` before
    /// it tries again to connect.
    pub(crate) fn send(
        &self,
        target: &Target,
        deadline: Instant,
        on_slow_connect: impl Fn(),
    ) -> Result<Response<Body>, Error> {
        let mut tries = Tries::default();
        loop {
            let remaining = deadline.saturating_duration_since(Instant::now());
            if remaining.is_zero() {
                return Err(target.timed_out(None));
            }

            // The first try has the same limits in every attempt and with every agent: see `request`.
            let limits = if tries.is_first() {
                tries.limits(target.timeout)
            } else {
                tries.limits(remaining)
            };
            let expired = match self.request(tries, limits).call() {
                Ok(response) => return Ok(response),
                Err(ureq::Error::Timeout(expired)) => expired,
                Err(error) => {
                    return Err(failure::before_response(error, target, self.proxy.as_ref()));
                }
            };

            match expired {
                Timeout::Resolve if !limits.lookup.is_last => {
                    let time = limits.lookup.time.as_millis();
                    debug!("no address within {time} ms");
                    tries.lookups += 1;
                }
                Timeout::Resolve if self.asks_for_the_host() => {
                    return Err(target.lookup_failed("no name server answered in time"));
                }
                Timeout::Connect if !limits.connect.is_last => {
                    let time = limits.connect.time.as_millis();
                    debug!("no connection within {time} ms");
                    tries.connects += 1;
                    on_slow_connect();
                }
                // These are the last tries. With SOCKS 4 the host is looked up on this machine, as a
                // part of connecting through the proxy.
                Timeout::Resolve | Timeout::Connect => {
                    return Err(target.timed_out(Some(target.no_connection_in_time())));
                }
                _ => return Err(target.timed_out(None)),
            }
        }
    }

    /// Whether a lookup asks a name server for the host, and for nothing else.
    fn asks_for_the_host(&self) -> bool {
        self.proxy.is_none() && !is_literal(&self.url)
    }

    /// Prepares a request with its limits.
    ///
    /// ureq caches its TLS configuration only for a request that uses the agent's own configuration,
    /// and resumes TLS sessions only then. So the first try of an attempt overrides nothing:
    /// [`agent_config`] has set its limits, for the whole timeout. In a later attempt they may be
    /// longer than what remains. The caller's deadline ends the call all the same.
    fn request(&self, tries: Tries, limits: Limits) -> RequestBuilder<WithoutBody> {
        let mut request = self
            .agent
            .get(&self.url)
            .header(header::AUTHORIZATION, &self.authorization);
        for (name, value) in &self.other_headers {
            request = request.header(name, value);
        }

        if tries.is_first() && !self.agent_is_given {
            return request;
        }
        // The buffer has a byte more than the largest header: see `agent_config`.
        let max_header_size = self.agent.config().input_buffer_size().saturating_sub(1);
        request
            .config()
            .proxy(self.proxy.clone())
            .http_status_as_error(false)
            .https_only(false)
            .max_redirects(0)
            .max_response_header_size(max_header_size)
            .timeout_per_call(None)
            .timeout_per_read(None)
            .timeout_per_write(None)
            .timeout_send_request(None)
            .timeout_send_body(None)
            .timeout_recv_response(None)
            .timeout_recv_body(None)
            .timeout_resolve(Some(limits.lookup.time))
            .timeout_connect(Some(limits.connect.time))
            .timeout_global(Some(limits.total))
            .build()
    }
}

/// The header that authenticates with this credential.
pub(crate) fn bearer(credential: &Credential) -> HeaderValue {
    let text = format!("Bearer {}", credential.secret());
    // A credential is visible ASCII, so this cannot fail; an empty header would get a 401.
    let mut header = HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""));
    header.set_sensitive(true);
    header
}

/// Reads a body of at most `limit` bytes.
pub(crate) fn read_body(
    response: Response<Body>,
    limit: u64,
    target: &Target,
) -> Result<Vec<u8>, Error> {
    let status = response.status().as_u16();
    let announced = response.body().content_length();
    if announced.is_some_and(|length| length > limit) {
        return Err(target.too_large(limit));
    }

    let body = response.into_body().into_with_config().limit(limit);
    match body.read_to_vec() {
        Ok(bytes) => Ok(bytes),
        Err(error) => Err(failure::in_body(error, status, limit, target)),
    }
}

/// Reads as much of an error's body as arrives within two seconds: the status is what matters.
///
/// ureq cannot shorten the timeout of a body that has begun, so a thread reads it.
pub(crate) fn read_error_body(body: Body, deadline: Instant) -> Vec<u8> {
    let end = deadline.min(Instant::now() + ERROR_BODY_TIMEOUT);
    let read = run_until(end, move |bytes: &Slot<Vec<u8>>| {
        let reader = body.into_with_config().limit(ERROR_BODY_LIMIT).reader();
        read_into(reader, bytes);
    });
    // Without a thread there is no text, but still the status.
    read.unwrap_or_default()
}

/// Reads until the end or an error. What has come so far is in `bytes` at any time.
fn read_into(mut reader: impl Read, bytes: &Slot<Vec<u8>>) {
    let mut part = [0; 1024];
    loop {
        let length = match reader.read(&mut part) {
            Ok(0) | Err(_) => return,
            Ok(length) => length,
        };
        bytes.lock().extend(part.iter().take(length));
    }
}

/// The certificates that a client's own agent trusts. Without TLS there are none.
pub(crate) struct Certificates {
    #[cfg(feature = "rustls")]
    roots: ureq::tls::RootCerts,
}

#[cfg(feature = "rustls")]
impl Certificates {
    /// Mozilla's.
    pub(crate) fn bundled() -> Self {
        Self {
            roots: ureq::tls::RootCerts::WebPki,
        }
    }

    /// Those of a PEM text. The error says what is wrong with it.
    pub(crate) fn from_pem(pem: &[u8]) -> Result<Self, &'static str> {
        use ureq::tls::{PemItem, parse_pem};

        let mut certificates = Vec::new();
        for item in parse_pem(pem) {
            match item {
                Ok(PemItem::Certificate(certificate)) => certificates.push(certificate),
                // A private key, say.
                Ok(_) => {}
                // The cause would repeat a whole line of the file, as numbers.
                Err(_) => return Err("is not PEM"),
            }
        }

        if certificates.is_empty() {
            return Err("holds no PEM certificate");
        }
        Ok(Self {
            roots: certificates.into(),
        })
    }
}

#[cfg(not(feature = "rustls"))]
impl Certificates {
    pub(crate) fn bundled() -> Self {
        Self {}
    }

    #[expect(clippy::unnecessary_wraps, reason = "with TLS the text may be invalid")]
    pub(crate) fn from_pem(_: &[u8]) -> Result<Self, &'static str> {
        Ok(Self {})
    }
}

/// What the configuration of a client's own agent depends on.
pub(crate) struct AgentSettings<'a> {
    pub(crate) is_https: bool,
    pub(crate) timeout: Duration,
    pub(crate) proxy: Option<Proxy>,
    pub(crate) user_agent: &'a str,
    #[cfg_attr(
        not(feature = "rustls"),
        expect(dead_code, reason = "without TLS nothing is trusted")
    )]
    pub(crate) certificates: Certificates,
}

/// Configures a client's own agent.
pub(crate) fn agent_config(settings: AgentSettings<'_>) -> Config {
    let limits = Tries::default().limits(settings.timeout);

    let max_header_size = if settings.is_https {
        MAX_HEADER_SIZE
    } else {
        MAX_LOOPBACK_HEADER_SIZE
    };

    // SOCKS 4 has no room for another address.
    let is_socks4 = settings
        .proxy
        .as_ref()
        .is_some_and(|proxy| proxy.protocol() == ProxyProtocol::Socks4);
    let ip_family = if is_socks4 {
        IpFamily::Ipv4Only
    } else {
        IpFamily::Any
    };

    let config = Agent::config_builder()
        .proxy(settings.proxy)
        .user_agent(settings.user_agent)
        .http_status_as_error(false)
        .max_redirects(0)
        .ip_family(ip_family)
        .max_response_header_size(max_header_size)
        // If a header filled the buffer exactly, ureq would report a lost connection instead of a
        // header that is too large.
        .input_buffer_size(max_header_size + 1)
        .output_buffer_size(longest_line(settings.user_agent))
        .timeout_resolve(Some(limits.lookup.time))
        .timeout_connect(Some(limits.connect.time))
        .timeout_global(Some(limits.total));

    #[cfg(feature = "rustls")]
    let config = config.tls_config(tls_config(settings.certificates));
    config.build()
}

/// The length of the longest line that a request may have. ureq never splits a line across writes,
/// so its buffer must hold the longest.
///
/// The client may get another credential later, so the longest possible one counts. The request
/// line is no longer than that, as a URL has less than 64 KiB.
fn longest_line(user_agent: &str) -> usize {
    const NAME: usize = "authorization: Bearer \r\n".len();
    NAME + MAX_LENGTH.max(user_agent.len())
}

#[cfg(feature = "rustls")]
fn tls_config(certificates: Certificates) -> ureq::tls::TlsConfig {
    use ureq::tls::{TlsConfig, TlsProvider};

    // Both are set explicitly, as ureq's defaults may depend on its features.
    TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .root_certs(certificates.roots)
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(proxy: Option<&str>, user_agent: &str) -> Config {
        let settings = AgentSettings {
            is_https: true,
            timeout: Duration::from_secs(30),
            proxy: proxy.map(|url| Proxy::new(url).unwrap()),
            user_agent,
            certificates: Certificates::bundled(),
        };
        agent_config(settings)
    }

    #[test]
    fn only_socks_4_is_kept_from_ipv6() {
        let family = |proxy| config(proxy, "x").ip_family();
        assert_eq!(family(Some("socks4://p:1")), IpFamily::Ipv4Only);
        for other in [
            None,
            Some("socks4a://p:1"),
            Some("socks5h://p:1"),
            Some("http://p:1"),
        ] {
            assert_eq!(family(other), IpFamily::Any, "{other:?}");
        }
    }

    #[test]
    fn the_output_buffer_fits_the_longest_credential_and_the_user_agent() {
        assert_eq!(config(None, "x").output_buffer_size(), 65_536 + 24);
        let long = "x".repeat(100_000);
        assert_eq!(config(None, &long).output_buffer_size(), 100_000 + 24);
    }

    #[test]
    fn a_response_header_over_https_may_have_24_kib() {
        let config = config(None, "x");
        assert_eq!(config.max_response_header_size(), 24 * 1024);
        assert_eq!(config.input_buffer_size(), 24 * 1024 + 1);
    }

    #[test]
    fn of_an_errors_body_16_kib_are_read() {
        let body = Body::builder().data(vec![b'x'; 20_000]);
        let deadline = Instant::now() + Duration::from_secs(60);
        assert_eq!(read_error_body(body, deadline).len(), 16 * 1024);
    }

    #[test]
    fn the_agents_own_limits_are_those_of_the_first_try() {
        let timeouts = config(None, "x").timeouts();
        assert_eq!(timeouts.resolve, Some(Duration::from_secs(1)));
        assert_eq!(timeouts.connect, Some(Duration::from_secs(1)));
        assert_eq!(timeouts.global, Some(Duration::from_secs(30)));
    }

    #[cfg(feature = "rustls")]
    mod pem {
        use super::super::Certificates;
        use proptest::prelude::*;
        use ureq::tls::RootCerts;

        /// The sizes of the certificates that a PEM text gives.
        fn sizes(pem: &[u8]) -> Result<Vec<usize>, &'static str> {
            match Certificates::from_pem(pem)?.roots {
                RootCerts::Specific(list) => Ok(list.iter().map(|it| it.der().len()).collect()),
                other => panic!("{other:?}"),
            }
        }

        fn item(kind: &str, base64: &str) -> String {
            format!("-----BEGIN {kind}-----\n{base64}\n-----END {kind}-----\n")
        }

        /// What a file of certificates may be made of, and what it must not be.
        fn piece() -> impl Strategy<Value = Vec<u8>> {
            let text = prop_oneof![
                "([A-Za-z0-9+/]{4}){1,8}".prop_map(|base64| item("CERTIFICATE", &base64)),
                Just("-----BEGIN CERTIFICATE-----\n".to_owned()),
                Just("-----END CERTIFICATE-----\n".to_owned()),
                Just("-----BEGIN PRIVATE KEY-----\n".to_owned()),
                "[A-Za-z0-9+/=]{0,8}\n",
                any::<String>(),
            ];
            prop_oneof![
                4 => text.prop_map(String::into_bytes),
                1 => prop::collection::vec(any::<u8>(), 0..8),
            ]
        }

        proptest! {
            #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

            #[test]
            fn every_certificate_counts_and_nothing_else(
                items in prop::collection::vec((any::<bool>(), "([A-Za-z0-9+/]{4}){1,40}"), 0..6)
            ) {
                let mut pem = String::new();
                let mut expected = Vec::new();
                for (is_certificate, base64) in items {
                    if is_certificate {
                        pem += &item("CERTIFICATE", &base64);
                        expected.push(base64.len() / 4 * 3);
                    } else {
                        pem += "# a comment\n";
                        pem += &item("PRIVATE KEY", &base64);
                    }
                }

                match sizes(pem.as_bytes()) {
                    Ok(sizes) => prop_assert_eq!(sizes, expected),
                    Err(problem) => {
                        prop_assert_eq!(problem, "holds no PEM certificate");
                        prop_assert!(expected.is_empty());
                    }
                }
            }

            #[test]
            fn arbitrary_bytes_hold_no_more_certificates_than_begin(
                pieces in prop::collection::vec(piece(), 0..8)
            ) {
                let pem = pieces.concat();
                let begin = b"-----BEGIN CERTIFICATE-----";
                let begun = pem.windows(begin.len()).filter(|line| line == begin).count();
                if let Ok(found) = sizes(&pem) {
                    prop_assert!((1..=begun).contains(&found.len()));
                }
            }
        }
    }
}
