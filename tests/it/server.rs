//! A loopback server that plays a script to the byte, and records the requests it gets.
//!
//! The tests, the demo and the benchmarks share it.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The list of the API's first documentation.
pub const ORIGINAL_LIST: &str = r#"{"tokens":[{"name":"token1","id":"SYzcpe3jEe2We-rqOx4wmQ"},{"name":"token2","id":"wPvoKe3qEe2We-rqOx4wmQ"}]}"#;

/// A list as the API documents it now, with tokens of all kinds.
pub const CURRENT_LIST: &str = r#"{"tokens":[
{"name":"laptop","id":"clGFZ4STEe6fljpFzIum8A","created_at":"2023-11-16"},
{"name":"ci","id":"SYzcpe3jEe2We-rqOx4wmQ","organization":"acme","created_at":"2025-02-03"},
{"name":"backup","id":"wPvoKe3qEe2We-rqOx4wmQ","organization":"acme","group":"default","scopes":["read"],"created_at":"2026-01-31"},
{"name":"deploy","id":"0Qm1bJ3mEe2We-rqOx4wmQ","organization":"acme","group":"edge","scopes":["read","db:mint-token"],"created_at":"2026-10-05"}
]}"#;

/// What a script does with one connection.
pub enum Step {
    /// Reads a request, then writes these bytes.
    Reply(Vec<u8>),
    /// Reads a request, then writes these bytes one by one, with a pause after each.
    Drip(Vec<u8>, Duration),
    /// Reads a request, writes the first bytes, then the second over and over until the client closes.
    Endless(Vec<u8>, Vec<u8>),
    /// Reads a request, and writes nothing until the client closes.
    Silence,
    /// Reads a request, writes these bytes, then nothing until the client closes.
    Stall(Vec<u8>),
    /// Writes these bytes without reading a request, then nothing until the client closes.
    Greet(Vec<u8>),
    /// Waits for a request on a new connection, writes these bytes, and closes without reading: a reset to the client.
    Reset(Vec<u8>),
    /// Closes this connection and continues with the next.
    Close,
}

/// A complete response with its length.
pub fn response(status: &str, headers: &str, body: &str) -> Step {
    Step::Reply(
        format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n{body}",
            body.len()
        )
        .into_bytes(),
    )
}

/// A response of the documented kind.
pub fn ok(body: &str) -> Step {
    response("200 OK", "Content-Type: application/json\r\n", body)
}

/// An error as the API sends it.
pub fn error(status: &str, message: &str) -> Step {
    response(
        status,
        "Content-Type: application/json\r\n",
        &format!(r#"{{"error":"{message}"}}"#),
    )
}

/// The beginning of a response that is larger than the default limit.
pub fn too_large() -> Step {
    Step::Stall(b"HTTP/1.1 200 OK\r\nContent-Length: 2097153\r\n\r\n".to_vec())
}

/// Puts a connection inside TLS; `None` if the handshake fails.
pub type TlsLayer = Arc<dyn Fn(TcpStream) -> Option<Box<dyn Connection>> + Send + Sync>;

/// A stream in both directions.
pub trait Connection: Read + Write {}
impl<T: Read + Write> Connection for T {}

struct Shared {
    script: Mutex<VecDeque<Step>>,
    default_step: Option<fn() -> Step>,
    requests: Mutex<Vec<String>>,
    /// By number; `None` once finished, so that the last handle is gone.
    connections: Mutex<Vec<Option<TcpStream>>>,
    stop: Mutex<bool>,
    tls: Option<TlsLayer>,
}

/// The running server; it stops when dropped.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Plays a script, and closes every connection once it has ended.
    pub fn script(steps: impl IntoIterator<Item = Step>) -> Self {
        Self::script_at(loopback(), steps)
    }

    /// Plays a script on the caller's listener, whose address the script may need.
    pub fn script_at(listener: TcpListener, steps: impl IntoIterator<Item = Step>) -> Self {
        Self::start(listener, steps.into_iter().collect(), None, None)
    }

    /// Repeats one step forever.
    pub fn always(step: fn() -> Step) -> Self {
        Self::always_at(loopback(), step)
    }

    /// Repeats one step forever, on the caller's listener.
    pub fn always_at(listener: TcpListener, step: fn() -> Step) -> Self {
        Self::start(listener, VecDeque::new(), Some(step), None)
    }

    /// Plays a script inside TLS.
    pub fn tls(steps: impl IntoIterator<Item = Step>, tls: TlsLayer) -> Self {
        Self::start(loopback(), steps.into_iter().collect(), None, Some(tls))
    }

    fn start(
        listener: TcpListener,
        script: VecDeque<Step>,
        default_step: Option<fn() -> Step>,
        tls: Option<TlsLayer>,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            script: script.into(),
            default_step,
            requests: Mutex::default(),
            connections: Mutex::default(),
            stop: Mutex::default(),
            tls,
        });
        let for_thread = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                // Under the lock, so that a stop cannot miss a connection that is just being accepted.
                let stop = for_thread.stop.lock().unwrap();
                if *stop {
                    return;
                }
                let mut connections = for_thread.connections.lock().unwrap();
                connections.push(Some(stream.try_clone().unwrap()));
                let number = connections.len() - 1;
                let shared = Arc::clone(&for_thread);
                thread::spawn(move || {
                    shared.serve(stream);
                    shared.connections.lock().unwrap()[number] = None;
                });
            }
        });
        Self {
            address,
            shared,
            thread: Some(thread),
        }
    }

    /// The base URL for plain http.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The base URL for TLS.
    pub fn https_url(&self) -> String {
        format!("https://localhost:{}", self.port())
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The heads of the requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// The number of connections so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.lock().unwrap().len()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        *self.shared.stop.lock().unwrap() = true;
        for connection in self.shared.connections.lock().unwrap().iter().flatten() {
            let _ = connection.shutdown(Shutdown::Both);
        }
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn serve(&self, stream: TcpStream) {
        stream.set_nodelay(true).unwrap();
        if self.next_is(|step| matches!(step, Step::Reset(_))) {
            let step = self.script.lock().unwrap().pop_front();
            let _ = stream.peek(&mut [0]);
            if let Some(Step::Reset(bytes)) = step {
                let _ = (&stream).write_all(&bytes);
            }
            return;
        }
        let connection = match &self.tls {
            Some(tls) => tls(stream),
            None => Some(Box::new(stream) as Box<dyn Connection>),
        };
        if let Some(mut connection) = connection {
            // The client may close at any moment.
            let _ = self.play(&mut *connection);
        }
    }

    fn play(&self, connection: &mut dyn Connection) -> io::Result<()> {
        loop {
            if !self.next_is(|step| matches!(step, Step::Greet(_) | Step::Close)) {
                // A step is taken only once its request has come: another connection may be first.
                let Some(head) = read_head(connection)? else {
                    return Ok(());
                };
                self.requests.lock().unwrap().push(head);
            }
            let next = self.script.lock().unwrap().pop_front();
            let Some(step) = next.or_else(|| self.default_step.map(|step| step())) else {
                return Ok(());
            };
            match step {
                Step::Reply(bytes) => {
                    connection.write_all(&bytes)?;
                    connection.flush()?;
                }
                Step::Drip(bytes, pause) => {
                    for byte in bytes {
                        connection.write_all(&[byte])?;
                        connection.flush()?;
                        thread::sleep(pause);
                    }
                }
                Step::Endless(first, repeated) => {
                    connection.write_all(&first)?;
                    // In few writes, as each is slow on some systems.
                    let repeated = repeated.repeat(1024);
                    loop {
                        connection.write_all(&repeated)?;
                    }
                }
                Step::Stall(bytes) | Step::Greet(bytes) => {
                    connection.write_all(&bytes)?;
                    connection.flush()?;
                    return wait_for_close(connection);
                }
                Step::Silence => return wait_for_close(connection),
                Step::Reset(_) | Step::Close => return Ok(()),
            }
        }
    }

    fn next_is(&self, kind: impl Fn(&Step) -> bool) -> bool {
        self.script.lock().unwrap().front().is_some_and(kind)
    }
}

fn wait_for_close(connection: &mut dyn Connection) -> io::Result<()> {
    while connection.read(&mut [0; 1024])? > 0 {}
    Ok(())
}

/// A listener at a free port.
pub fn loopback() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

/// Reads a request up to its empty line; `None` if the client closes instead. Nothing may follow the head: a GET and a
/// CONNECT have no body, and the client waits for the response.
pub fn read_head(connection: &mut dyn Read) -> io::Result<Option<String>> {
    let mut head = Vec::new();
    let mut bytes = [0; 4096];
    while !head.ends_with(b"\r\n\r\n") {
        let count = connection.read(&mut bytes)?;
        if count == 0 {
            return Ok(None);
        }
        head.extend_from_slice(&bytes[..count]);
        assert!(head.len() < 1 << 20, "a request without an end");
    }
    Ok(Some(String::from_utf8(head).unwrap()))
}
