//! A loopback server that does to the byte what a script says, and records what it was sent.
//!
//! The tests, the demo and the benchmarks share it.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The answer of the API's first documentation.
pub const FIRST: &str =
    r#"{"tokens":[{"name":"token1","id":"SYzcpe3jEe2We-rqOx4wmQ"},{"name":"token2","id":"wPvoKe3qEe2We-rqOx4wmQ"}]}"#;

/// An answer as documented today, with tokens of all kinds.
pub const TODAY: &str = r#"{"tokens":[
{"name":"laptop","id":"clGFZ4STEe6fljpFzIum8A","created_at":"2023-11-16"},
{"name":"ci","id":"SYzcpe3jEe2We-rqOx4wmQ","organization":"acme","created_at":"2025-02-03"},
{"name":"backup","id":"wPvoKe3qEe2We-rqOx4wmQ","organization":"acme","group":"default","scopes":["read"],"created_at":"2026-01-31"},
{"name":"deploy","id":"0Qm1bJ3mEe2We-rqOx4wmQ","organization":"acme","group":"edge","scopes":["read","db:mint-token"],"created_at":"2026-10-05"}
]}"#;

/// What a script does with one connection.
pub enum Step {
    /// Reads a request, then writes these bytes.
    Reply(Vec<u8>),
    /// The same, with a pause before every byte.
    Drip(Vec<u8>, Duration),
    /// Reads a request, writes the first, then the second over and over until the client goes.
    Endless(Vec<u8>, Vec<u8>),
    /// Reads a request, and writes nothing until the client goes.
    Silence,
    /// Writes these bytes without reading.
    Greet(Vec<u8>),
    /// Lets a request come on a new connection, writes these bytes, and closes without reading it: to the client, a reset.
    Reset(Vec<u8>),
    /// Ends this connection and takes the next.
    Close,
}

/// A whole answer with its length.
pub fn answer(status: &str, headers: &str, body: &str) -> Step {
    Step::Reply(format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n{body}", body.len()).into_bytes())
}

/// The documented kind of answer.
pub fn ok(body: &str) -> Step {
    answer("200 OK", "Content-Type: application/json\r\n", body)
}

/// An error as the API gives it.
pub fn error(status: &str, message: &str) -> Step {
    answer(status, "Content-Type: application/json\r\n", &format!(r#"{{"error":"{message}"}}"#))
}

/// What a connection is wrapped in; `None` where that fails, as with a client that does not trust it.
pub type Wrap = Arc<dyn Fn(TcpStream) -> Option<Box<dyn Connection>> + Send + Sync>;

/// A stream in both directions.
pub trait Connection: Read + Write {}
impl<T: Read + Write> Connection for T {}

struct Shared {
    script: Mutex<VecDeque<Step>>,
    last: Option<fn() -> Step>,
    requests: Mutex<Vec<String>>,
    /// By number; `None` once over, so that the last handle is gone.
    connections: Mutex<Vec<Option<TcpStream>>>,
    stop: Mutex<bool>,
    wrap: Option<Wrap>,
}

/// The running server; it stops when dropped.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Follows a script, and closes every connection once it is at its end.
    pub fn script(steps: impl IntoIterator<Item = Step>) -> Self {
        Self::start(steps.into_iter().collect(), None, None)
    }

    /// Does the same forever.
    pub fn always(step: fn() -> Step) -> Self {
        Self::always_at(TcpListener::bind("127.0.0.1:0").unwrap(), step)
    }

    /// Follows a script inside TLS or whatever else.
    pub fn wrapped(steps: impl IntoIterator<Item = Step>, wrap: Wrap) -> Self {
        Self::start(steps.into_iter().collect(), None, Some(wrap))
    }

    /// Does the same forever, at an address of the caller's.
    pub fn always_at(listener: TcpListener, step: fn() -> Step) -> Self {
        Self::listen(listener, VecDeque::new(), Some(step), None)
    }

    fn start(script: VecDeque<Step>, last: Option<fn() -> Step>, wrap: Option<Wrap>) -> Self {
        Self::listen(TcpListener::bind("127.0.0.1:0").unwrap(), script, last, wrap)
    }

    fn listen(listener: TcpListener, script: VecDeque<Step>, last: Option<fn() -> Step>, wrap: Option<Wrap>) -> Self {
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            script: script.into(),
            last,
            requests: Mutex::default(),
            connections: Mutex::default(),
            stop: Mutex::default(),
            wrap,
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
        Self { address, shared, thread: Some(thread) }
    }

    /// The base URL, in plain http.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The heads of the requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// How many connections there have been.
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
        let wrapped = match &self.wrap {
            Some(wrap) => wrap(stream),
            None => Some(Box::new(stream) as Box<dyn Connection>),
        };
        if let Some(mut connection) = wrapped {
            // The client may go at any moment; that is its affair.
            let _ = self.follow(&mut *connection);
        }
    }

    fn follow(&self, connection: &mut dyn Connection) -> std::io::Result<()> {
        loop {
            if !self.next_is(|step| matches!(step, Step::Greet(_) | Step::Close)) {
                // Only when a request is there is the next step its own: another connection may come first.
                let Some(head) = read_head(connection)? else { return Ok(()) };
                self.requests.lock().unwrap().push(head);
            }
            let next = self.script.lock().unwrap().pop_front();
            let Some(step) = next.or_else(|| self.last.map(|last| last())) else { return Ok(()) };
            match step {
                Step::Reply(bytes) | Step::Greet(bytes) => {
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
                Step::Endless(first, again) => {
                    connection.write_all(&first)?;
                    // In few writes, as each is slow on some systems.
                    let again = again.repeat(1024);
                    loop {
                        connection.write_all(&again)?;
                    }
                }
                Step::Silence => {
                    while connection.read(&mut [0; 1024])? > 0 {}
                    return Ok(());
                }
                Step::Reset(_) | Step::Close => return Ok(()),
            }
        }
    }

    fn next_is(&self, kind: impl Fn(&Step) -> bool) -> bool {
        self.script.lock().unwrap().front().is_some_and(kind)
    }
}

/// Reads a request up to the empty line; `None` where the client closed instead.
fn read_head(connection: &mut dyn Connection) -> std::io::Result<Option<String>> {
    let mut head = Vec::new();
    let mut bytes = [0; 4096];
    // A GET has no body, and the client waits for its answer: nothing follows the head.
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
