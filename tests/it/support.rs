//! What the tests share besides the server: clients, certificates, and the binary as a process.

use crate::server::{Connection, Server, Step, Wrap};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{HandshakeKind, ServerConfig, ServerConnection, StreamOwned};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use turso_api_tokens::{Client, ClientBuilder, Credential, Error};

/// Long enough to be recognised in part, and not a word that a message could hold by chance.
pub const SECRET: &str = "eyJhbGciOiJFZERTQSJ9.c2VjcmV0LXBheWxvYWQtMDEyMzQ1Njc4OQ.Q1JFREVOVElBTA";

pub fn builder(url: &str) -> ClientBuilder {
    Client::builder(Credential::new(SECRET).unwrap()).base_url(url)
}

/// A client that does not try again, so that a script is played once.
pub fn client(url: &str) -> Client {
    builder(url).retries(0).timeout(Duration::from_secs(10)).build().unwrap()
}

/// Plays a script for one call.
pub fn call(steps: impl IntoIterator<Item = Step>) -> Result<Vec<turso_api_tokens::ApiToken>, Error> {
    client(&Server::script(steps).url()).list()
}

/// How the lines of a call begin that is tried again once, behind those on where its settings come from.
pub const TRIED_AGAIN: [&str; 7] = [
    "GET http://127.0.0.1:",
    "503 Service Unavailable after ",
    "attempt 1 failed after ",
    "next attempt in ",
    "GET http://127.0.0.1:",
    "200 OK after ",
    "108 bytes after ",
];

/// What an observer is told, and the observer.
pub fn notes() -> (Arc<Mutex<Vec<String>>>, impl Fn(std::fmt::Arguments<'_>) + Send + Sync + 'static) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let to = Arc::clone(&lines);
    (lines, move |line| to.lock().unwrap().push(line.to_string()))
}

/// Asserts that something is over within some seconds, with room for a busy machine.
pub fn within<T>(seconds: u64, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    let took = start.elapsed();
    assert!(took < Duration::from_secs(seconds + 3), "took {took:?} where {seconds} s were allowed");
    result
}

/// A listener that swallows connections: they wait in its queue until that is full; from then on, packets are dropped.
pub struct Dead {
    pub address: SocketAddr,
    _waiting: Vec<TcpStream>,
    _listener: TcpListener,
}

impl Dead {
    pub fn new(address: &str) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let mut waiting = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
            waiting.push(stream);
            assert!(waiting.len() < 100_000, "the queue does not fill");
        }
        Self { address, _waiting: waiting, _listener: listener }
    }
}

const PROXIES: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];

/// Runs a test that calls https in this process, whose environment is the developer's: where that asks for a proxy, the
/// test runs again in a process without it.
pub fn without_proxies(test: &str, body: impl FnOnce()) {
    if PROXIES.iter().all(|name| std::env::var_os(name).is_none()) {
        return body();
    }
    again(test, &[]);
}

/// Runs a test of this program in a process of its own, without proxies and with these variables.
pub fn again(test: &str, variables: &[(&str, &str)]) {
    let mut again = std::process::Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", test]).envs(variables.iter().copied());
    for name in PROXIES {
        again.env_remove(name);
    }
    let output = again.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// A private authority.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub pem: String,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate and its key for some names, as PEM.
    pub fn certify(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> (String, String) {
        let mut params =
            CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }

    /// TLS for the test server.
    pub fn wrap(&self, names: &[&str]) -> Wrap {
        tls(&self.certify(names, |_| {}))
    }
}

/// TLS for the test server with a certificate and key.
pub fn tls(identity: &(String, String)) -> Wrap {
    tls_counting(identity, Arc::default())
}

/// The same, counting the handshakes that resume a session.
pub fn tls_counting((certificate, key): &(String, String), resumed: Arc<AtomicU32>) -> Wrap {
    use rustls::pki_types::pem::PemObject;
    let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
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
            resumed.fetch_add(1, Ordering::Relaxed);
        }
        Some(Box::new(StreamOwned::new(session, stream)) as Box<dyn Connection>)
    })
}

/// A folder of the test's own, gone when dropped.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("turso-api-tokens-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    #[cfg(feature = "cli")]
    pub fn path(&self) -> String {
        self.0.display().to_string()
    }

    /// Writes a file and gives its path.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path.into_os_string().into_string().unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(feature = "cli")]
pub use process::*;

#[cfg(feature = "cli")]
mod process {
    use super::SECRET;
    use std::process::{Command, Output, Stdio};

    /// The binary with nothing in its environment but what a test gives it.
    pub struct Program(pub Command);

    /// How it ended.
    pub struct Ended {
        pub code: i32,
        pub stdout: String,
        pub stderr: String,
    }

    pub fn program(url: &str, args: &[&str]) -> Program {
        let mut program = bare(args);
        program.0.env("TURSO_API_TOKEN", SECRET).env("TURSO_API_BASEURL", url);
        program
    }

    pub fn bare(args: &[&str]) -> Program {
        let mut command = Command::new(env!("CARGO_BIN_EXE_turso-api-tokens"));
        command.env_clear().args(args).stdin(Stdio::null());
        Program(command)
    }

    impl Program {
        pub fn env(mut self, name: &str, value: &str) -> Self {
            self.0.env(name, value);
            self
        }

        pub fn run(mut self) -> Ended {
            let Output { status, stdout, stderr } = self.0.output().unwrap();
            let ended = Ended {
                code: status.code().expect("an exit code, not a signal"),
                stdout: String::from_utf8(stdout).unwrap(),
                stderr: String::from_utf8(stderr).unwrap(),
            };
            for text in [&ended.stdout, &ended.stderr] {
                assert!(!text.contains(&SECRET[..16]), "the credential shows: {text}");
            }
            for line in ended.stderr.lines() {
                assert!(line.starts_with("turso-api-tokens: "), "a line without the program's name: {line}");
                assert!(!line.chars().any(char::is_control), "a control character: {line:?}");
            }
            ended
        }
    }

    impl Ended {
        /// Asserts the exit code, and that nothing was printed.
        #[track_caller]
        pub fn failed(self, code: i32) -> String {
            assert_eq!((self.code, self.stdout.as_str()), (code, ""), "{}", self.stderr);
            self.stderr
        }

        /// Asserts success without a word on standard error.
        #[track_caller]
        pub fn succeeded(self) -> String {
            assert_eq!((self.code, self.stderr.as_str()), (0, ""), "{}", self.stdout);
            self.stdout
        }
    }
}
