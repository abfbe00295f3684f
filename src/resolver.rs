//! The feature `resolver`: looks a name up for IPv4 and IPv6 apart, side by side.
//!
//! `getaddrinfo` for both families fails as a whole where a name server refuses or drops one of the two questions. This
//! is the only file that uses `ureq::unversioned`.

use dns_lookup::{AddrFamily, AddrInfoHints, SockType, getaddrinfo};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
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
    fn resolve(&self, url: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let host = url.host().ok_or(Error::HostNotFound)?.trim_matches(['[', ']']);
        let port = url.port_u16().unwrap_or(if url.scheme_str() == Some("http") { 80 } else { 443 });
        let families: &[AddrFamily] = match config.ip_family() {
            IpFamily::Ipv4Only => &[AddrFamily::Inet],
            IpFamily::Ipv6Only => &[AddrFamily::Inet6],
            IpFamily::Any => &[AddrFamily::Inet, AddrFamily::Inet6],
        };
        let found = match host.parse() {
            Ok(literal) => vec![literal],
            Err(_) => lookup(host, families, timeout)?,
        };
        // Those with a route first, IPv6 before IPv4.
        let (reachable, unreachable): (Vec<_>, Vec<_>) = found.into_iter().partition(|address| has_route(*address));
        let by_family = |list: Vec<IpAddr>| list.into_iter().partition::<Vec<_>, _>(IpAddr::is_ipv6);
        let ((first, second), (third, fourth)) = (by_family(reachable), by_family(unreachable));
        let mut addresses = self.empty();
        for address in [first, second, third, fourth].into_iter().flatten().take(MAX_ADDRESSES) {
            addresses.push(SocketAddr::new(address, port));
        }
        if addresses.is_empty() { Err(Error::HostNotFound) } else { Ok(addresses) }
    }
}

/// What the lookups have given so far.
#[derive(Default)]
struct Found {
    addresses: Vec<IpAddr>,
    failure: Option<io::Error>,
    pending: usize,
}

/// The addresses of all families that have answered in time; an error only where every family has failed.
fn lookup(host: &str, families: &[AddrFamily], timeout: NextTimeout) -> Result<Vec<IpAddr>, Error> {
    let shared = Arc::new((Mutex::new(Found { pending: families.len(), ..Found::default() }), Condvar::new()));
    for family in families.iter().copied() {
        let (host, shared) = (host.to_owned(), Arc::clone(&shared));
        // A lookup cannot be cancelled. A late one ends with the resolver's own timeout, and nobody reads its result.
        thread::Builder::new().spawn(move || {
            let result = lookup_family(&host, family);
            let mut found = shared.0.lock().unwrap_or_else(PoisonError::into_inner);
            match result {
                Ok(addresses) => found.addresses.extend(addresses),
                Err(error) => found.failure = Some(error),
            }
            found.pending -= 1;
            shared.1.notify_one();
        })?;
    }
    // This crate's requests always have a deadline, an hour at most.
    let deadline = Instant::now() + (*timeout.after).min(Duration::from_secs(3600));
    let (mut found, changed) = (shared.0.lock().unwrap_or_else(PoisonError::into_inner), &shared.1);
    let mut until = deadline;
    while found.pending > 0 && Instant::now() < until {
        let remaining = until.saturating_duration_since(Instant::now());
        found = changed.wait_timeout(found, remaining).unwrap_or_else(PoisonError::into_inner).0;
        if !found.addresses.is_empty() && until == deadline {
            until = deadline.min(Instant::now() + RESOLUTION_DELAY);
        }
    }
    match (std::mem::take(&mut found.addresses), found.failure.take()) {
        (addresses, _) if !addresses.is_empty() => Ok(addresses),
        (_, Some(error)) if found.pending == 0 => Err(Error::Io(error)),
        _ if found.pending == 0 => Err(Error::HostNotFound),
        _ => Err(Error::Timeout(timeout.reason)),
    }
}

fn lookup_family(host: &str, family: AddrFamily) -> io::Result<Vec<IpAddr>> {
    let hints = AddrInfoHints { address: family.into(), socktype: SockType::Stream.into(), ..AddrInfoHints::default() };
    getaddrinfo(Some(host), None, Some(hints))?.map(|info| Ok(info?.sockaddr.ip())).collect()
}

/// Whether this machine has a route to an address. Connecting a UDP socket asks for one and sends nothing.
fn has_route(address: IpAddr) -> bool {
    let unspecified = match address {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    UdpSocket::bind((unspecified, 0)).and_then(|socket| socket.connect((address, 9))).is_ok()
}
