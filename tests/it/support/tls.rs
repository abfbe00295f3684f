//! Certificates made at run time, and TLS for the test server.

use super::builder;
use crate::server::{Connection, Server, TlsLayer};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{HandshakeKind, ServerConfig, ServerConnection, StreamOwned};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use turso_api_tokens::ClientBuilder;

/// A certificate and its key, as PEM.
pub struct Identity {
    pub certificate: String,
    pub key: String,
}

/// A private certificate authority.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub pem: String,
}

impl Authority {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        // With the same name, another authority would be one with a false signature.
        let name = format!("test authority {}", NEXT.fetch_add(1, Ordering::Relaxed));
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    /// Issues a certificate for some names, after a change.
    pub fn issue(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let (params, key) = request(names, change);
        Identity {
            certificate: params.signed_by(&key, &self.issuer).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }

    /// TLS for the test server, with a certificate for some names.
    pub fn tls(&self, names: &[&str]) -> TlsLayer {
        tls(&self.issue(names, |_| {}))
    }

    /// A client of a test server inside TLS that trusts this authority.
    pub fn client_builder(&self, server: &Server) -> ClientBuilder {
        builder(&server.https_url())
            .retries(0)
            .root_certificates_pem(self.pem.as_bytes())
    }
}

impl Identity {
    /// A certificate for some names that nobody but its owner has signed, after a change.
    pub fn self_signed(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Self {
        let (params, key) = request(names, change);
        Self {
            certificate: params.self_signed(&key).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }
}

fn request(
    names: &[&str],
    change: impl FnOnce(&mut CertificateParams),
) -> (CertificateParams, KeyPair) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    change(&mut params);
    (params, KeyPair::generate().unwrap())
}

/// TLS for the test server, with a certificate and its key.
pub fn tls(identity: &Identity) -> TlsLayer {
    tls_counting_resumptions(identity, Arc::default())
}

/// The same, counting the handshakes that resume a session.
pub fn tls_counting_resumptions(identity: &Identity, resumptions: Arc<AtomicU32>) -> TlsLayer {
    let chain = vec![CertificateDer::from_pem_slice(identity.certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
    let config =
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
    let config = Arc::new(config);
    Arc::new(move |mut stream| {
        let mut session = ServerConnection::new(Arc::clone(&config)).unwrap();
        session.complete_io(&mut stream).ok()?;
        if session.handshake_kind() == Some(HandshakeKind::Resumed) {
            resumptions.fetch_add(1, Ordering::Relaxed);
        }
        Some(Box::new(StreamOwned::new(session, stream)) as Box<dyn Connection>)
    })
}
