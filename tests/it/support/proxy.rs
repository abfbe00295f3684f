//! Forwarding proxies, and an API behind them. A proxy that meets what it does not expect makes its test fail when it is
//! dropped.

use super::{Authority, Folder, Identity, Program, program, tls};
use crate::server::{Server, Step, loopback, read_head};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// A proxy that forwards to wherever it is asked to, and records every byte that its clients send.
pub struct Proxy {
    pub port: u16,
    received: Arc<Mutex<Vec<u8>>>,
    /// The panic of a connection's thread.
    panic: Arc<Mutex<thread::Result<()>>>,
}

impl Proxy {
    /// `CONNECT`, for any user or none.
    pub fn http() -> Self {
        Self::connect(|target| TcpStream::connect(target))
    }

    /// The same, but whatever it is asked for, it connects to this port of 127.0.0.1.
    pub fn http_to(port: u16) -> Self {
        Self::connect(move |_| TcpStream::connect(("127.0.0.1", port)))
    }

    fn connect(connect: impl Fn(&str) -> io::Result<TcpStream> + Send + Sync + 'static) -> Self {
        Self::start(move |client| {
            let head = read_head(client)?.ok_or(io::ErrorKind::UnexpectedEof)?;
            let target = head
                .strip_prefix("CONNECT ")
                .and_then(|rest| rest.split(' ').next())
                .expect("a CONNECT");
            let server = connect(target)?;
            client.stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
            Ok(server)
        })
    }

    /// SOCKS 5 for users with a password, to a name or an IPv4 address.
    pub fn socks5() -> Self {
        Self::start(|client| {
            let method_count = client.take(2)?[1];
            assert!(
                client.take(method_count)?.contains(&2),
                "the client offers no password"
            );
            client.stream.write_all(&[5, 2])?;
            let user_length = client.take(2)?[1];
            client.take(user_length)?;
            let password_length = client.take(1)?[0];
            client.take(password_length)?;
            client.stream.write_all(&[1, 0])?;
            let host = match client.take(4)?[3] {
                3 => {
                    let length = client.take(1)?[0];
                    String::from_utf8(client.take(length)?).unwrap()
                }
                1 => client.take_ipv4()?.to_string(),
                kind => panic!("an address of kind {kind}"),
            };
            let server = TcpStream::connect((host, client.take_port()?))?;
            client.stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
            Ok(server)
        })
    }

    /// SOCKS 4 for nobody in particular, to an IPv4 address.
    pub fn socks4() -> Self {
        Self::start(|client| {
            assert_eq!(client.take(2)?, [4, 1]);
            let port = client.take_port()?;
            let address = client.take_ipv4()?;
            assert_eq!(client.take(1)?, [0], "a user name");
            let server = TcpStream::connect((address, port))?;
            client.stream.write_all(&[0, 90, 0, 0, 0, 0, 0, 0])?;
            Ok(server)
        })
    }

    /// `open` speaks the proxy's protocol with a client until the tunnel is open, and returns the connection to the server.
    fn start(open: impl Fn(&mut Client) -> io::Result<TcpStream> + Send + Sync + 'static) -> Self {
        let (listener, open) = (loopback(), Arc::new(open));
        let port = listener.local_addr().unwrap().port();
        let received = Arc::new(Mutex::new(Vec::new()));
        let panic = Arc::new(Mutex::new(Ok(())));
        let (for_thread, panic_for_thread) = (Arc::clone(&received), Arc::clone(&panic));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (open, panic) = (Arc::clone(&open), Arc::clone(&panic_for_thread));
                let mut client = Client {
                    stream: stream.unwrap(),
                    received: Arc::clone(&for_thread),
                };
                thread::spawn(move || {
                    let opened = panic::catch_unwind(AssertUnwindSafe(|| open(&mut client)));
                    // Either side may close at any moment. A panic is kept before the client can notice it.
                    let _ = match opened {
                        Ok(server) => server.and_then(|server| forward(client, server)),
                        Err(caught) => {
                            *lock(&panic) = Err(caught);
                            Ok(())
                        }
                    };
                });
            }
        });
        Self {
            port,
            received,
            panic,
        }
    }

    /// Its URL with a scheme, and `user:password@` or nothing.
    pub fn url(&self, scheme: &str, userinfo: &str) -> String {
        format!("{scheme}://{userinfo}127.0.0.1:{}", self.port)
    }

    /// Its name in messages, if `HTTPS_PROXY` names it.
    pub fn label(&self) -> String {
        format!("127.0.0.1:{} (HTTPS_PROXY)", self.port)
    }

    /// Whether clients have sent this text.
    pub fn has_received(&self, text: &str) -> bool {
        lock(&self.received)
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    }

    /// Whether no client has sent anything.
    pub fn is_untouched(&self) -> bool {
        lock(&self.received).is_empty()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let result = std::mem::replace(&mut *lock(&self.panic), Ok(()));
        if let (Err(panic), false) = (result, thread::panicking()) {
            panic::resume_unwind(panic);
        }
    }
}

/// These values are valid even if a holder has panicked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A connection that records what it reads.
struct Client {
    stream: TcpStream,
    received: Arc<Mutex<Vec<u8>>>,
}

impl Client {
    fn take(&mut self, count: u8) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; count.into()];
        self.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn take_port(&mut self) -> io::Result<u16> {
        Ok(u16::from_be_bytes(self.take(2)?.try_into().unwrap()))
    }

    fn take_ipv4(&mut self) -> io::Result<Ipv4Addr> {
        Ok(<[u8; 4]>::try_from(self.take(4)?).unwrap().into())
    }
}

impl Read for Client {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.read(bytes)?;
        lock(&self.received).extend_from_slice(&bytes[..count]);
        Ok(count)
    }
}

fn forward(mut client: Client, mut server: TcpStream) -> io::Result<()> {
    let (mut from_server, mut to_client) = (server.try_clone()?, client.stream.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut from_server, &mut to_client);
        let _ = to_client.shutdown(Shutdown::Write);
    });
    io::copy(&mut client, &mut server).map(|_| ())
}

/// An API inside TLS, and the file with the authority to trust.
pub struct Api {
    pub server: Server,
    pub identity: Identity,
    pub ca_file: String,
    _folder: Folder,
}

impl Api {
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        let (authority, folder) = (Authority::new(), Folder::new());
        let identity = authority.issue(&["localhost", "127.0.0.1"], |_| {});
        let server = Server::tls(steps, tls(&identity));
        Self {
            server,
            identity,
            ca_file: folder.write("ca.pem", authority.pem),
            _folder: folder,
        }
    }

    /// The binary, with the authority to trust.
    pub fn program(&self, args: &[&str]) -> Program {
        program(
            &self.server.https_url(),
            &[&["--ca-file", &self.ca_file], args].concat(),
        )
    }
}
