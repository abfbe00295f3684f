//! Everything that knows ureq: the agent, one request under a deadline, and what ureq's errors mean.

mod failure;

use crate::retry::{self, INITIAL_TIMEOUT, MAX_CONNECTS};
use crate::{error::Error, error::ProxyFailure, url::is_literal};
use failure::{classify, classify_body};
use log::debug;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{thread, time::Duration, time::Instant};
use ureq::http::{HeaderName, HeaderValue, Response, Uri};
use ureq::{Agent, Body, Proxy, ProxyProtocol, Timeout, config::Config, config::IpFamily};

pub(crate) use failure::Failure;

/// The largest response header. ureq compares it with all that one read gave, an interim response and the beginning of a
/// body included: over TLS that is little more than a record, over loopback much more.
///
/// The buffer has a byte more: ureq takes a header that fills it for a lost connection, so it must be refused before.
const INPUT_BUFFER: usize = 24 * 1024;
const LOOPBACK_INPUT_BUFFER: usize = 256 * 1024;
/// The longest request line, which a redirect decides. The header goes out in one piece as well.
const OUTPUT_BUFFER: usize = 16 * 1024;
/// How much of an error's body is read, and for how long.
const ERROR_BODY_LIMIT: u64 = 16 * 1024;
const ERROR_BODY_TIMEOUT: Duration = Duration::from_secs(2);
/// How long before the deadline ureq's own limits end what is on a thread of its own, so that it can tell what has expired.
/// They do not hold while a proxy sends its response to `CONNECT` byte by byte, so an attempt through a proxy that has not
/// ended by the deadline was still connecting.
const GRACE: Duration = Duration::from_millis(100);

/// Sends requests through an agent.
pub(crate) struct Transport {
    pub(crate) agent: Agent,
    /// Whether the agent is the caller's, whose own limits are overridden.
    pub(crate) is_callers: bool,
    pub(crate) headers: [(HeaderName, HeaderValue); 4],
    /// The proxy for the base URL.
    pub(crate) proxy: Option<Proxy>,
}

/// An attempt's position in the call, and the call's deadline.
pub(crate) struct Attempt {
    pub(crate) deadline: Instant,
    pub(crate) is_first: bool,
    pub(crate) is_last: bool,
}

impl Attempt {
    pub(crate) fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

impl Transport {
    /// Sends a request. If looking up or connecting takes too long, it starts again with more time.
    pub(crate) fn send(
        &self,
        url: &Uri,
        attempt: &Attempt,
        redirects: u32,
    ) -> Result<Response<Body>, Failure> {
        let no_connection = || match self.proxy {
            None => Failure::Connection("no connection in time".into()),
            Some(_) => Failure::Proxy(
                ProxyFailure::NoResponse,
                None,
                Some("no connection in time".into()),
            ),
        };
        let (mut lookups, mut connects) = (0, 0);
        loop {
            let remaining = attempt.remaining();
            // The first lookup is short, so that a lost question is asked again. After it the resolver gets all that remains,
            // as it needs ten seconds and more to go through its own name servers.
            let lookup = if lookups == 0 {
                INITIAL_TIMEOUT.min(remaining)
            } else {
                remaining
            };
            let connect = retry::connect_timeout(connects, remaining, attempt.is_last);
            let is_first_try = attempt.is_first && lookups + connects == 0;
            let has_own_timeouts = !is_first_try || redirects > 0 || self.is_callers;
            let timeouts = has_own_timeouts.then_some((lookup, connect, remaining));
            // ureq's limit on connecting does not hold where an address of several fails late. The first try is short, and
            // needs no thread to be ended.
            let is_watched = !is_first_try || self.proxy.is_some();
            let ended =
                match self.send_once(url, timeouts, is_watched.then_some(attempt.deadline))? {
                    Ok(response) => return Ok(response),
                    Err(ureq::Error::Timeout(ended)) => ended,
                    Err(error) => return Err(classify(error, self.proxy.as_ref())),
                };
            // A retry at the very end of the call has had no time to look anything up.
            let had_time = attempt.is_first || lookups > 0;
            match ended {
                Timeout::Resolve if lookup < remaining => {
                    debug!("no address within {} ms", lookup.as_millis());
                    lookups += 1;
                }
                Timeout::Resolve if self.proxy.is_none() && had_time && !is_literal(url) => {
                    return Err(Failure::Lookup("no name server answered in time".into()));
                }
                Timeout::Resolve | Timeout::Connect => {
                    debug!("no connection within {} ms", connect.as_millis());
                    connects += 1;
                    if connect == remaining || connects == MAX_CONNECTS {
                        let is_over = connect == remaining && self.proxy.is_none();
                        let failure = no_connection();
                        return Err(if is_over {
                            Failure::Timeout(Some(failure.into()))
                        } else {
                            failure
                        });
                    }
                }
                _ => {
                    return Err(Failure::Timeout(
                        (connects > 0).then(|| no_connection().into()),
                    ));
                }
            }
        }
    }

    /// The only place that sends, with timeouts for looking up, connecting and all of it, or with those of the agent's
    /// configuration. With a deadline it is on a thread of its own; the outer error is that of a machine which cannot start
    /// one.
    fn send_once(
        &self,
        url: &Uri,
        timeouts: Option<(Duration, Duration, Duration)>,
        deadline: Option<Instant>,
    ) -> Result<Result<Response<Body>, ureq::Error>, Failure> {
        let request = self.agent.get(url);
        let mut request = self.headers.iter().fold(request, |request, (name, value)| {
            request.header(name, value)
        });
        if let Some((lookup, connect, total)) = timeouts {
            let (connect, total) = with_grace(connect, total, deadline.is_some());
            let header = self.agent.config().input_buffer_size().saturating_sub(1);
            let config = request
                .config()
                .proxy(self.proxy.clone())
                .http_status_as_error(false)
                .https_only(false);
            let config = config
                .max_redirects(0)
                .max_response_header_size(header)
                .timeout_per_call(None);
            let config = config
                .timeout_per_read(None)
                .timeout_per_write(None)
                .timeout_send_request(None);
            let config = config
                .timeout_send_body(None)
                .timeout_recv_response(None)
                .timeout_recv_body(None);
            let config = config
                .timeout_resolve(Some(lookup.min(total)))
                .timeout_connect(Some(connect));
            request = config.timeout_global(Some(total)).build();
        }
        let Some(deadline) = deadline else {
            return Ok(request.call());
        };
        // Through a proxy it was still connecting: ureq applies the timeout to each read of the CONNECT response, not to
        // their sum.
        let phase = if self.proxy.is_some() {
            Timeout::Connect
        } else {
            Timeout::Global
        };
        let result = run_with_deadline(deadline, move |slot| *lock(slot) = Some(request.call()));
        let result = result.map_err(|error| Failure::Connection(error.into()))?;
        Ok(result.unwrap_or(Err(ureq::Error::Timeout(phase))))
    }

    /// Reads a body of at most `limit` bytes.
    pub(crate) fn read_body(
        &self,
        response: Response<Body>,
        limit: u64,
    ) -> Result<Vec<u8>, Failure> {
        if response.body().content_length() > Some(limit) {
            return Err(Failure::TooLarge);
        }
        let bytes = response
            .into_body()
            .into_with_config()
            .limit(limit)
            .read_to_vec();
        bytes.map_err(|error| classify_body(error, self.proxy.as_ref()))
    }
}

/// Reads as much of an error's body as arrives within two seconds: the status is what matters.
pub(crate) fn read_prefix(body: Body, remaining: Duration) -> Vec<u8> {
    // The body's own deadline is that of the call, and ureq has no way to shorten it.
    let deadline = Instant::now() + ERROR_BODY_TIMEOUT.min(remaining);
    let read = move |bytes: &Mutex<Vec<u8>>| {
        let mut reader = body.into_with_config().limit(ERROR_BODY_LIMIT).reader();
        let mut part = [0; 1024];
        while let Ok(length @ 1..) = reader.read(&mut part) {
            lock(bytes).extend(part.iter().take(length));
        }
    };
    run_with_deadline(deadline, read).unwrap_or_default()
}

/// Runs `work` on a thread of its own and returns what it has produced by the deadline. A late thread is left behind.
fn run_with_deadline<T: Default + Send + 'static>(
    deadline: Instant,
    work: impl FnOnce(&Mutex<T>) + Send + 'static,
) -> io::Result<T> {
    let value = Arc::new(Mutex::new(T::default()));
    let (workers, caller) = (Arc::clone(&value), thread::current());
    thread::Builder::new().spawn(move || {
        work(&workers);
        drop(workers);
        caller.unpark();
    })?;
    // The worker has finished once it has dropped its reference. Anybody else may wake this thread too.
    let remaining = || deadline.saturating_duration_since(Instant::now());
    while Arc::strong_count(&value) > 1 && !remaining().is_zero() {
        thread::park_timeout(remaining());
    }
    Ok(std::mem::take(&mut *lock(&value)))
}

/// These values are valid even if a holder has panicked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The timeouts for connecting and for the whole request. On a thread of its own connecting ends before the request does,
/// so that ureq says which of them has expired, and the request ends before the deadline.
fn with_grace(connect: Duration, total: Duration, is_on_thread: bool) -> (Duration, Duration) {
    let grace = if is_on_thread {
        GRACE.min(total / 10)
    } else {
        Duration::ZERO
    };
    (
        connect.min(total.saturating_sub(grace * 2)),
        total.saturating_sub(grace),
    )
}

/// The configuration of the default agent. `max_header_len` is that of the longest header to be sent.
///
/// The agent's first request needs no configuration of its own: with one, ureq builds its TLS anew for each connection, until
/// the agent has made a request without.
pub(crate) fn agent_config(
    url: &Uri,
    timeout: Duration,
    proxy: Option<Proxy>,
    user_agent: &str,
    max_header_len: usize,
    roots: Option<Roots>,
) -> Result<Config, Error> {
    let is_https = url.scheme_str() == Some("https");
    if is_https && cfg!(not(feature = "rustls")) {
        return Err(Error::config(
            "base URL",
            "https needs the feature `rustls`, or an agent of your own",
        ));
    }
    let header = if is_https {
        INPUT_BUFFER
    } else {
        LOOPBACK_INPUT_BUFFER
    };
    // SOCKS 4 has no room for another address.
    let is_ipv4_only = proxy
        .as_ref()
        .is_some_and(|proxy| proxy.protocol() == ProxyProtocol::Socks4);
    let (connect, total) = with_grace(INITIAL_TIMEOUT, timeout, proxy.is_some());
    let config = Agent::config_builder()
        .proxy(proxy)
        .user_agent(user_agent)
        .http_status_as_error(false)
        .max_redirects(0);
    let config = config.ip_family(if is_ipv4_only {
        IpFamily::Ipv4Only
    } else {
        IpFamily::Any
    });
    let config = config
        .input_buffer_size(header + 1)
        .max_response_header_size(header);
    let config = config
        .output_buffer_size(OUTPUT_BUFFER.max(max_header_len))
        .timeout_resolve(Some(INITIAL_TIMEOUT));
    let config = config
        .timeout_connect(Some(connect))
        .timeout_global(Some(total));
    #[cfg(feature = "rustls")]
    let config = config.tls_config(tls_config(roots)?);
    #[cfg(not(feature = "rustls"))]
    drop(roots);
    Ok(config.build())
}

/// PEM certificates to trust instead of the bundled Mozilla roots.
#[cfg_attr(
    not(feature = "rustls"),
    expect(dead_code, reason = "without TLS nothing is trusted")
)]
pub(crate) struct Roots {
    pub(crate) setting: &'static str,
    /// Where the text is, for messages.
    pub(crate) label: String,
    pub(crate) pem: io::Result<Vec<u8>>,
}

#[cfg(feature = "rustls")]
fn tls_config(roots: Option<Roots>) -> Result<ureq::tls::TlsConfig, Error> {
    use ureq::tls::{PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};
    // Both are set explicitly, as ureq's defaults may depend on its features.
    let config = |roots| {
        TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .root_certs(roots)
            .build()
    };
    let Some(Roots {
        setting,
        label,
        pem,
    }) = roots
    else {
        return Ok(config(RootCerts::WebPki));
    };
    let error = |problem, source| Error::Config {
        setting,
        problem,
        source,
    };
    let pem =
        pem.map_err(|source| error(format!("could not read {label}"), Some(source.into())))?;
    let items: Result<Vec<_>, _> = parse_pem(&pem).collect();
    // Its cause would repeat a whole line of the file, as numbers.
    let items = items.map_err(|_| error(format!("{label} is not PEM"), None))?;
    let certificate = |item| {
        if let PemItem::Certificate(it) = item {
            Some(it)
        } else {
            None
        }
    };
    let certificates: Vec<_> = items.into_iter().filter_map(certificate).collect();
    if certificates.is_empty() {
        return Err(error(format!("{label} holds no PEM certificate"), None));
    }
    Ok(config(certificates.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_a_thread_of_its_own_connecting_ends_before_the_request_and_the_request_before_the_deadline()
     {
        let millis = Duration::from_millis;
        assert_eq!(
            with_grace(millis(4_000), millis(30_000), true),
            (millis(4_000), millis(29_900))
        );
        assert_eq!(
            with_grace(millis(30_000), millis(30_000), true),
            (millis(29_800), millis(29_900))
        );
        assert_eq!(
            with_grace(millis(500), millis(500), true),
            (millis(400), millis(450))
        );
        assert_eq!(
            with_grace(millis(500), millis(500), false),
            (millis(500), millis(500))
        );
    }

    /// SOCKS 4 has no room for another address.
    #[test]
    fn only_socks_4_is_kept_from_ipv6() {
        let family = |proxy: Option<&str>| {
            let (url, proxy) = (
                "http://localhost".parse().unwrap(),
                proxy.map(|url| Proxy::new(url).unwrap()),
            );
            agent_config(&url, Duration::from_secs(1), proxy, "x", 0, None)
                .unwrap()
                .ip_family()
        };
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
    fn work_that_is_late_is_left_behind_with_what_it_has_produced() {
        let (sender, receiver) = std::sync::mpsc::channel::<()>();
        let soon = Instant::now() + Duration::from_millis(50);
        let produced = run_with_deadline(soon, move |slot: &Mutex<Vec<u8>>| {
            lock(slot).push(1);
            let _ = receiver.recv();
            lock(slot).push(2);
        });
        assert_eq!(produced.unwrap(), [1]);
        drop(sender);
        let far = Instant::now() + Duration::from_secs(60);
        assert_eq!(
            run_with_deadline(far, |slot: &Mutex<u8>| *lock(slot) = 7).unwrap(),
            7
        );
        assert!(
            Instant::now() < far,
            "work that has finished is not waited for"
        );
    }
}
