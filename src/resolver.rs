//! The feature `resolver`: looks a name up for IPv4 and IPv6 apart, side by side.
//!
//! `getaddrinfo` for both families fails as a whole where a name server refuses or drops one of the two questions. This
//! is the only file that uses `ureq::unversioned`.

use dns_lookup::{AddrFamily, AddrInfoHints, SockType, getaddrinfo};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::mpsc::{self, RecvTimeoutError};
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
        let mut found = match host.parse() {
            Ok(literal) => vec![literal],
            Err(_) => lookup(host, families, timeout)?,
        };
        found.sort_by_cached_key(|address| (!has_route(*address), address.is_ipv4()));
        let mut addresses = self.empty();
        for address in found.into_iter().take(MAX_ADDRESSES) {
            addresses.push(SocketAddr::new(address, port));
        }
        if addresses.is_empty() { Err(Error::HostNotFound) } else { Ok(addresses) }
    }
}

/// The addresses of all families that have answered in time; an error only where every family has failed.
fn lookup(host: &str, families: &[AddrFamily], timeout: NextTimeout) -> Result<Vec<IpAddr>, Error> {
    let (sender, receiver) = mpsc::channel();
    for family in families.iter().copied() {
        let (host, sender) = (host.to_owned(), sender.clone());
        // A lookup cannot be cancelled. A late one ends with the resolver's own timeout, and nobody receives its result.
        thread::Builder::new().spawn(move || sender.send(lookup_family(&host, family)))?;
    }
    drop(sender);
    // ureq has no deadline where it never happens, but this crate always gives it one.
    let mut deadline = Instant::now() + (*timeout.after).min(Duration::from_secs(3600));
    let (mut found, mut failure) = (Vec::new(), None);
    loop {
        match receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(Ok(addresses)) => {
                found.extend(addresses);
                deadline = deadline.min(Instant::now() + RESOLUTION_DELAY);
            }
            Ok(Err(error)) => failure = Some(error),
            Err(_) if !found.is_empty() => return Ok(found),
            Err(RecvTimeoutError::Timeout) => return Err(Error::Timeout(timeout.reason)),
            Err(RecvTimeoutError::Disconnected) => return Err(failure.map_or(Error::HostNotFound, Error::Io)),
        }
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
