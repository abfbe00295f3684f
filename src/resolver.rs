//! The feature `resolver`: looks a name up for IPv4 and IPv6 apart, side by side.
//!
//! `getaddrinfo` for both families fails as a whole where a name server refuses or drops one of the two questions. This
//! is the only file that uses `ureq::unversioned`.

use dns_lookup::{AddrFamily, AddrInfoHints, SockType, getaddrinfo};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};
use std::{thread, vec};
use ureq::config::{Config, IpFamily};
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Error};

/// How long the second family is waited for once the first has addresses (RFC 8305, section 3).
const RESOLUTION_DELAY: Duration = Duration::from_millis(50);
/// ureq's list of addresses has room for no more, and panics on the next.
const MAX_ADDRESSES: usize = 16;
/// This crate's requests have a deadline of an hour at most.
const MAX_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// An agent that looks names up in this way.
pub(crate) fn agent(config: Config) -> Agent {
    Agent::with_parts(config, DefaultConnector::default(), SplitLookup)
}

#[derive(Debug)]
struct SplitLookup;

impl Resolver for SplitLookup {
    fn resolve(&self, url: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let host = url.host().ok_or(Error::HostNotFound)?.trim_matches(['[', ']']).to_owned();
        let port = url.port_u16().unwrap_or(if url.scheme_str() == Some("http") { 80 } else { 443 });
        let families: &[AddrFamily] = match config.ip_family() {
            IpFamily::Ipv4Only => &[AddrFamily::Inet],
            IpFamily::Ipv6Only => &[AddrFamily::Inet6],
            IpFamily::Any => &[AddrFamily::Inet, AddrFamily::Inet6],
        };
        let found = match host.parse() {
            Ok(literal) => Some(vec![SocketAddr::new(literal, port)]),
            Err(_) => lookup(families, *timeout.after, move |family| lookup_family(&host, port, family))?,
        };
        let mut addresses = self.empty();
        for address in in_order(found.ok_or(Error::Timeout(timeout.reason))?, has_route).into_iter().take(MAX_ADDRESSES)
        {
            addresses.push(address);
        }
        if addresses.is_empty() { Err(Error::HostNotFound) } else { Ok(addresses) }
    }
}

/// What a lookup gives. ureq's own resolver sends the same type, so that a binary holds the code of one channel for both.
type Answer = io::Result<vec::IntoIter<SocketAddr>>;

/// The addresses of all families that have answered in time, `None` if none has; an error only where every family has
/// failed.
fn lookup(
    families: &[AddrFamily],
    timeout: Duration,
    lookup_family: impl Fn(AddrFamily) -> Answer + Clone + Send + 'static,
) -> io::Result<Option<Vec<SocketAddr>>> {
    let (sender, receiver) = mpsc::channel();
    for family in families.iter().copied() {
        let (sender, lookup_family) = (sender.clone(), lookup_family.clone());
        // A lookup cannot be cancelled. A late one ends with the resolver's own timeout, and nobody reads its result.
        thread::Builder::new().spawn(move || sender.send(lookup_family(family)))?;
    }
    drop(sender);
    let mut deadline = Instant::now() + timeout.min(MAX_TIMEOUT);
    let (mut addresses, mut failure) = (Vec::new(), None);
    loop {
        match receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(Ok(found)) => addresses.extend(found),
            Ok(Err(error)) => failure = Some(error),
            Err(_) if !addresses.is_empty() => return Ok(Some(addresses)),
            Err(RecvTimeoutError::Timeout) => return Ok(None),
            Err(RecvTimeoutError::Disconnected) => return failure.map_or(Ok(Some(addresses)), Err),
        }
        if !addresses.is_empty() {
            deadline = deadline.min(Instant::now() + RESOLUTION_DELAY);
        }
    }
}

fn lookup_family(host: &str, port: u16, family: AddrFamily) -> Answer {
    let hints = AddrInfoHints { address: family.into(), socktype: SockType::Stream.into(), ..AddrInfoHints::default() };
    let found = getaddrinfo(Some(host), None, Some(hints))?;
    let addresses = found.map(|info| Ok(SocketAddr::new(info?.sockaddr.ip(), port)));
    addresses.collect::<io::Result<Vec<_>>>().map(Vec::into_iter)
}

/// Those with a route first, IPv6 before IPv4.
fn in_order(addresses: Vec<SocketAddr>, has_route: fn(&SocketAddr) -> bool) -> Vec<SocketAddr> {
    let (reachable, unreachable): (Vec<_>, Vec<_>) = addresses.into_iter().partition(has_route);
    let by_family = |list: Vec<SocketAddr>| list.into_iter().partition::<Vec<_>, _>(SocketAddr::is_ipv6);
    let ((first, second), (third, fourth)) = (by_family(reachable), by_family(unreachable));
    [first, second, third, fourth].concat()
}

/// Whether this machine has a route to an address. Connecting a UDP socket asks for one and sends nothing.
fn has_route(address: &SocketAddr) -> bool {
    let any = if address.is_ipv6() { Ipv6Addr::UNSPECIFIED.into() } else { IpAddr::from(Ipv4Addr::UNSPECIFIED) };
    UdpSocket::bind((any, 0)).and_then(|socket| socket.connect(address)).is_ok()
}
