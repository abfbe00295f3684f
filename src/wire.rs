//! Puts the credential on the wire below ureq.
//!
//! ureq's protocol layer logs every request byte by byte at trace level, headers included. So the request that ureq
//! sees carries a placeholder of the same length, and the transport puts the credential in its place while the bytes go
//! out: to the one origin that may have it, whatever happens above.

use crate::credential::Credential;
use crate::url;
use std::fmt;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, DefaultConnector, NextTimeout, Transport};

const HEADER: &[u8] = b"\r\nauthorization: Bearer ";
const MASK: u8 = b'*';

/// The value of the `Authorization` header that ureq gets to see.
pub(crate) fn placeholder(credential: &Credential) -> String {
    format!("Bearer {}", "*".repeat(credential.secret().len()))
}

/// ureq's own connector, with the credential put into what goes to its origin.
#[derive(Debug)]
pub(crate) struct SigningConnector {
    pub(crate) inner: DefaultConnector,
    pub(crate) origin: Uri,
    pub(crate) credential: Credential,
}

impl Connector<()> for SigningConnector {
    type Out = SigningTransport;

    fn connect(&self, details: &ConnectionDetails, chained: Option<()>) -> Result<Option<Self::Out>, ureq::Error> {
        // A proxy is connected to through here as well.
        let credential = url::same_origin(details.uri, &self.origin).then(|| self.credential.clone());
        let inner = self.inner.connect(details, chained)?;
        Ok(inner.map(|inner| SigningTransport { inner, credential }))
    }
}

pub(crate) struct SigningTransport {
    inner: Box<dyn Transport>,
    credential: Option<Credential>,
}

impl Transport for SigningTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        let Some(credential) = &self.credential else {
            return self.inner.transmit_output(amount, timeout);
        };
        let secret = credential.secret().as_bytes();
        let Some(start) = self.inner.buffers().output().get(..amount).and_then(|output| find(output, secret.len()))
        else {
            return self.inner.transmit_output(amount, timeout);
        };
        let place = start..start + secret.len();
        if let Some(place) = self.inner.buffers().output().get_mut(place.clone()) {
            place.copy_from_slice(secret);
        }
        let sent = self.inner.transmit_output(amount, timeout);
        if let Some(place) = self.inner.buffers().output().get_mut(place) {
            place.fill(MASK);
        }
        sent
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.inner.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

impl fmt::Debug for SigningTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// ureq's own resolver, but for addresses: ureq starts a thread for each lookup that has a deadline, even for those.
#[derive(Debug)]
pub(crate) struct LiteralResolver(pub(crate) DefaultResolver);

impl Resolver for LiteralResolver {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let place = uri.scheme().zip(uri.authority());
        let place = place.and_then(|(scheme, authority)| DefaultResolver::host_and_port(scheme, authority));
        let Some(address) = place.and_then(|place| place.parse().ok()) else {
            return self.0.resolve(uri, config, timeout);
        };
        let mut addresses = self.empty();
        addresses.push(address);
        Ok(addresses)
    }
}

/// Where the placeholder of this length begins. ureq writes a header whole or not at all.
fn find(output: &[u8], length: usize) -> Option<usize> {
    let start = output.windows(HEADER.len()).position(|window| window == HEADER)? + HEADER.len();
    let rest = output.get(start..)?;
    let is_placeholder =
        rest.get(..length)?.iter().all(|byte| *byte == MASK) && rest.get(length..)?.starts_with(b"\r\n");
    is_placeholder.then_some(start)
}
