//! The feature `resolver`: looks a name up for IPv4 and IPv6 apart, side by side.
//!
//! `getaddrinfo` for both families fails as a whole where a name server refuses or drops one of the
//! two questions. This is the only file of the library that uses `ureq::unversioned`.

use crate::url::bare;
use dns_lookup::{AddrFamily, AddrInfoHints, SockType, getaddrinfo};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};
use std::{io, thread};
use ureq::config::{Config, IpFamily};
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Error};

/// How long the second family is waited for once the first has addresses (RFC 8305, section 3).
const RESOLUTION_DELAY: Duration = Duration::from_millis(50);
/// ureq's list of addresses has room for no more, and panics on the next.
const MAX_ADDRESSES: usize = 16;

/// An agent that looks names up in this way.
pub(crate) fn agent(config: Config) -> Agent {
    Agent::with_parts(config, DefaultConnector::default(), SplitLookup)
}

#[derive(Debug)]
struct SplitLookup;

impl Resolver for SplitLookup {
    fn resolve(
        &self,
        url: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let host = url.host().ok_or(Error::HostNotFound)?;
        let host = bare(host).to_owned();
        let port = url.port_u16().unwrap_or_else(|| default_port(url));

        let found = if let Ok(address) = host.parse::<IpAddr>() {
            Addresses::Found(vec![SocketAddr::new(address, port)])
        } else {
            let families = families(config.ip_family());
            lookup(families, *timeout.after, move |family| {
                lookup_family(&host, port, family)
            })?
        };
        let found = match found {
            Addresses::Found(addresses) if addresses.is_empty() => return Err(Error::HostNotFound),
            Addresses::Found(addresses) => addresses,
            Addresses::TimedOut => return Err(Error::Timeout(timeout.reason)),
        };

        let mut addresses = self.empty();
        for address in in_order(found, has_route) {
            addresses.push(address);
        }
        Ok(addresses)
    }
}

fn default_port(url: &Uri) -> u16 {
    match url.scheme_str() {
        Some("http") => 80,
        Some("https") => 443,
        // A SOCKS proxy, whose name ureq looks up here as well.
        _ => 1080,
    }
}

/// The families to ask for. This crate's own agents take both, or IPv4 alone.
fn families(family: IpFamily) -> &'static [AddrFamily] {
    match family {
        IpFamily::Ipv4Only => &[AddrFamily::Inet],
        _ => &[AddrFamily::Inet, AddrFamily::Inet6],
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Addresses {
    /// Those of all families that have answered in time; may be none.
    Found(Vec<SocketAddr>),
    TimedOut,
}

/// Looks all families up side by side. It is an error only if every family has failed.
fn lookup(
    families: &[AddrFamily],
    timeout: Duration,
    lookup_family: impl Fn(AddrFamily) -> io::Result<Vec<SocketAddr>> + Clone + Send + 'static,
) -> io::Result<Addresses> {
    let (sender, receiver) = mpsc::channel();
    for family in families.iter().copied() {
        let sender = sender.clone();
        let lookup_family = lookup_family.clone();
        // A lookup cannot be cancelled. A late one ends with the resolver's own timeout, and nobody
        // reads its result.
        thread::Builder::new().spawn(move || sender.send(lookup_family(family)))?;
    }
    // The threads hold the other ends, so the channel closes when all of them have answered.
    drop(sender);

    // This crate's requests always have a timeout, of an hour at most.
    let mut deadline = Instant::now() + timeout;
    let mut addresses = Vec::new();
    let mut failure = None;
    let end = loop {
        let remaining = deadline.saturating_duration_since(Instant::now());
        match receiver.recv_timeout(remaining) {
            Ok(Ok(found)) => addresses.extend(found),
            Ok(Err(error)) => failure = Some(error),
            Err(end) => break end,
        }
        if !addresses.is_empty() {
            deadline = deadline.min(Instant::now() + RESOLUTION_DELAY);
        }
    };

    if !addresses.is_empty() {
        return Ok(Addresses::Found(addresses));
    }
    if end == RecvTimeoutError::Timeout {
        return Ok(Addresses::TimedOut);
    }
    match failure {
        Some(error) => Err(error),
        None => Ok(Addresses::Found(Vec::new())),
    }
}

fn lookup_family(host: &str, port: u16, family: AddrFamily) -> io::Result<Vec<SocketAddr>> {
    let hints = AddrInfoHints {
        address: family.into(),
        socktype: SockType::Stream.into(),
        ..AddrInfoHints::default()
    };
    let mut addresses = Vec::new();
    for info in getaddrinfo(Some(host), None, Some(hints))? {
        addresses.push(SocketAddr::new(info?.sockaddr.ip(), port));
    }
    Ok(addresses)
}

/// As many as ureq takes: those with a route first, IPv6 before IPv4.
fn in_order(
    mut addresses: Vec<SocketAddr>,
    has_route: fn(&SocketAddr) -> bool,
) -> impl Iterator<Item = SocketAddr> {
    // `false` comes before `true`.
    addresses.sort_by_cached_key(|address| (!has_route(address), address.is_ipv4()));
    addresses.into_iter().take(MAX_ADDRESSES)
}

/// Whether this machine has a route to an address. Connecting a UDP socket asks for one and sends
/// nothing.
fn has_route(address: &SocketAddr) -> bool {
    let any = if address.is_ipv6() {
        "[::]:0"
    } else {
        "0.0.0.0:0"
    };
    match UdpSocket::bind(any) {
        Ok(socket) => socket.connect(address).is_ok(),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    const BOTH: [AddrFamily; 2] = [AddrFamily::Inet, AddrFamily::Inet6];
    const LONG: Duration = Duration::from_secs(60);

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn list(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| address(text)).collect()
    }

    /// Looks up with these answers for IPv4 and IPv6.
    fn lookup_of(
        timeout: Duration,
        ipv4: impl Fn() -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
        ipv6: impl Fn() -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> io::Result<Addresses> {
        let both = Arc::new((ipv4, ipv6));
        lookup(&BOTH, timeout, move |family| {
            if matches!(family, AddrFamily::Inet) {
                both.0()
            } else {
                both.1()
            }
        })
    }

    fn silence() -> io::Result<Vec<SocketAddr>> {
        thread::park_timeout(LONG);
        Err(io::ErrorKind::TimedOut.into())
    }

    #[test]
    fn ipv4_alone_is_asked_for_where_an_agent_takes_no_other() {
        assert_eq!(families(IpFamily::Ipv4Only), [AddrFamily::Inet]);
        assert_eq!(families(IpFamily::Any), BOTH);
    }

    #[test]
    fn a_family_that_answers_soon_after_the_other_is_waited_for() {
        let both = ["127.0.0.1:1", "[::1]:1", "[::2]:1"].map(address);
        // A machine that is busy may be late once, and not every time.
        let found = (0..20).any(|_| {
            let (asks, asked) = mpsc::channel();
            let asked = std::sync::Mutex::new(asked);
            let ipv4 = move || {
                asks.send(()).unwrap();
                Ok(list(&["127.0.0.1:1"]))
            };
            let ipv6 = move || {
                asked.lock().unwrap().recv().unwrap();
                // A distance, not a wait.
                thread::sleep(Duration::from_millis(5));
                Ok(list(&["[::1]:1", "[::2]:1"]))
            };
            lookup_of(LONG, ipv4, ipv6).unwrap() == Addresses::Found(both.to_vec())
        });
        assert!(found);
    }

    #[test]
    fn a_family_that_fails_or_is_silent_does_not_hold_up_the_other() {
        for silent_or_failing in [silence, || Err(io::Error::other("refused"))] {
            let start = Instant::now();
            let found = lookup_of(LONG, || Ok(list(&["127.0.0.1:1"])), silent_or_failing).unwrap();
            assert_eq!(found, Addresses::Found(vec![address("127.0.0.1:1")]));
            let found = lookup_of(LONG, silent_or_failing, || Ok(list(&["[::1]:1"]))).unwrap();
            assert_eq!(found, Addresses::Found(vec![address("[::1]:1")]));
            assert!(start.elapsed() < LONG / 2);
        }
    }

    #[test]
    fn a_silent_family_is_waited_for_50_ms_and_not_much_more() {
        let time = || {
            let start = Instant::now();
            lookup_of(LONG, || Ok(list(&["127.0.0.1:1"])), silence).unwrap();
            start.elapsed()
        };
        // A machine that is busy may be late once, and not every time.
        let times = [time(), time(), time(), time(), time()];
        let fastest = times.iter().min().copied().unwrap_or_default();
        assert!(fastest >= RESOLUTION_DELAY, "{fastest:?}");
        assert!(fastest < Duration::from_millis(500), "{fastest:?}");
    }

    #[test]
    fn only_where_both_families_fail_is_it_a_failure() {
        let error = lookup_of(
            LONG,
            || Err(io::Error::other("refused")),
            || Err(io::Error::other("refused")),
        );
        assert_eq!(error.unwrap_err().to_string(), "refused");
        assert_eq!(
            lookup_of(LONG, || Ok(list(&[])), || Ok(list(&[]))).unwrap(),
            Addresses::Found(vec![])
        );
    }

    #[test]
    fn a_lookup_without_an_answer_ends_with_its_timeout() {
        let start = Instant::now();
        assert_eq!(
            lookup_of(Duration::from_millis(100), silence, silence).unwrap(),
            Addresses::TimedOut
        );
        assert!(start.elapsed() >= Duration::from_millis(100) && start.elapsed() < LONG / 2);
        let one_failed = lookup_of(Duration::from_millis(100), silence, || {
            Err(io::Error::other("refused"))
        });
        assert_eq!(one_failed.unwrap(), Addresses::TimedOut);
    }

    #[test]
    fn addresses_with_a_route_come_first_and_ipv6_before_ipv4() {
        let all = [
            "10.0.0.1:1",
            "[fe80::1]:1",
            "127.0.0.1:2",
            "[fe80::2]:2",
            "[::1]:2",
            "10.0.0.2:1",
        ]
        .map(address);
        let ordered: Vec<_> = in_order(all.to_vec(), |address| address.port() == 2).collect();
        let expected = [
            "[fe80::2]:2",
            "[::1]:2",
            "127.0.0.1:2",
            "[fe80::1]:1",
            "10.0.0.1:1",
            "10.0.0.2:1",
        ];
        assert_eq!(ordered, expected.map(address));
        assert_eq!(
            in_order(vec![address("127.0.0.1:1"); 17], |_| true).count(),
            16
        );
    }

    #[test]
    fn this_machine_has_a_route_to_itself_and_none_to_everybody() {
        assert!(has_route(&address("127.0.0.1:9")));
        assert!(!has_route(&address("255.255.255.255:9")));
    }

    #[test]
    fn a_literal_address_asks_nobody() {
        let resolve = |url: &str| {
            let found = SplitLookup.resolve(
                &url.parse().unwrap(),
                &Config::default(),
                NextTimeout::default(),
            );
            found.unwrap().to_vec()
        };
        for (url, expected) in [
            ("http://127.0.0.1", "127.0.0.1:80"),
            ("https://127.0.0.1", "127.0.0.1:443"),
            ("https://127.0.0.1:8443", "127.0.0.1:8443"),
            ("https://[::1]", "[::1]:443"),
            ("socks5h://127.0.0.1", "127.0.0.1:1080"),
        ] {
            assert_eq!(resolve(url), [address(expected)]);
        }
    }

    #[test]
    fn a_name_is_looked_up_in_the_families_that_are_asked_for() {
        let config = Agent::config_builder()
            .ip_family(IpFamily::Ipv4Only)
            .build();
        let timeout = NextTimeout {
            after: ureq::unversioned::transport::time::Duration::from_secs(60),
            ..NextTimeout::default()
        };
        let found = SplitLookup.resolve(&"https://localhost:9".parse().unwrap(), &config, timeout);
        let found = found.unwrap().to_vec();
        assert!(
            !found.is_empty()
                && found
                    .iter()
                    .all(|address| address.is_ipv4() && address.port() == 9),
            "{found:?}"
        );
    }

    #[test]
    fn a_lookup_gives_each_address_of_its_family_once() {
        let found = lookup_family("127.0.0.1", 9, AddrFamily::Inet).unwrap();
        assert_eq!(found, [address("127.0.0.1:9")]);
        assert!(
            lookup_family("127.0.0.1", 9, AddrFamily::Inet6).is_err(),
            "it is of the other family"
        );
    }
}
