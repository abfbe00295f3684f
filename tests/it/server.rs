//! A loopback server that plays a script to the byte, and records what its clients send.
//!
//! The tests, the demo and the benchmarks share it. What goes wrong in the server itself is a panic of the test that it
//! belongs to, when it is dropped.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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

/// What a script does with one connection. A step is taken once its request has come, as another connection's may come
/// first; one that reads no request is taken at once.
pub enum Step {
    /// Reads a request, then writes these bytes.
    Reply(Vec<u8>),
    /// Reads a request, then writes these bytes and closes.
    ReplyAndClose(Vec<u8>),
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
    /// Closes this connection without reading a request, and continues with the next.
    Close,
}

impl Step {
    fn needs_request(&self) -> bool {
        !matches!(self, Self::Greet(_) | Self::Reset(_) | Self::Close)
    }
}

/// The head of a response, with the length of its body.
pub fn head(status: &str, length: usize) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n")
}

/// A complete response with its length.
pub fn response(status: &str, headers: &str, body: &str) -> Step {
    let length = body.len();
    let text = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{headers}\r\n{body}");
    Step::Reply(text.into_bytes())
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
    Step::Stall(head("200 OK", 2_097_153).into_bytes())
}

/// Reads a request, and closes without a response.
pub fn hang_up() -> Step {
    Step::ReplyAndClose(Vec::new())
}

/// Puts a connection inside TLS; `None` if the handshake fails.
pub type TlsLayer = Arc<dyn Fn(TcpStream) -> Option<Box<dyn Connection>> + Send + Sync>;

/// A stream in both directions.
pub trait Connection: Read + Write {}
impl<T: Read + Write> Connection for T {}

struct Shared {
    script: Mutex<VecDeque<Step>>,
    /// What follows the script.
    default_step: Option<fn() -> Step>,
    requests: Mutex<Vec<String>>,
    received: Mutex<Vec<u8>>,
    /// By number; `None` once finished, so that the last handle is gone.
    connections: Mutex<Vec<Option<TcpStream>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    is_stopped: AtomicBool,
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
        Self::tls_at(loopback(), steps, tls)
    }

    /// Plays a script inside TLS, on the caller's listener.
    pub fn tls_at(
        listener: TcpListener,
        steps: impl IntoIterator<Item = Step>,
        tls: TlsLayer,
    ) -> Self {
        Self::start(listener, steps.into_iter().collect(), None, Some(tls))
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
            received: Mutex::default(),
            connections: Mutex::default(),
            threads: Mutex::default(),
            is_stopped: AtomicBool::new(false),
            tls,
        });

        let for_thread = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if for_thread.is_stopped.load(Ordering::SeqCst) {
                    return;
                }
                Shared::accept(&for_thread, stream.unwrap());
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
        lock(&self.shared.requests).clone()
    }

    /// The number of connections so far.
    pub fn connections(&self) -> usize {
        lock(&self.shared.connections).len()
    }

    /// Everything that clients have sent, inside TLS where the server speaks it. Waits until they have closed their
    /// connections.
    pub fn received(&self) -> String {
        if let Err(panic) = self.shared.join_connections() {
            panic::resume_unwind(panic);
        }
        String::from_utf8_lossy(&lock(&self.shared.received)).into_owned()
    }

    /// Asserts that the whole script was played.
    #[track_caller]
    pub fn assert_played(&self) {
        let left = lock(&self.shared.script).len();
        assert_eq!(left, 0, "steps of the script that were not played");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.is_stopped.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
        let accepted = self.thread.take().map_or(Ok(()), JoinHandle::join);

        for connection in lock(&self.shared.connections).iter().flatten() {
            let _ = connection.shutdown(Shutdown::Both);
        }
        let served = self.shared.join_connections();

        // A second panic would abort the process, and all other results would be lost.
        if let (Err(panic), false) = (accepted.and(served), thread::panicking()) {
            panic::resume_unwind(panic);
        }
    }
}

impl Shared {
    /// Serves a connection on a thread of its own.
    fn accept(shared: &Arc<Self>, stream: TcpStream) {
        // Held until the thread is in the list: whoever has noticed its work finds it there.
        let mut threads = lock(&shared.threads);
        let mut connections = lock(&shared.connections);
        connections.push(Some(stream.try_clone().unwrap()));
        let number = connections.len() - 1;

        let shared = Arc::clone(shared);
        threads.push(thread::spawn(move || {
            let served = panic::catch_unwind(AssertUnwindSafe(|| shared.serve(stream)));
            // Also after a panic, so that the client does not wait for a response.
            lock(&shared.connections)[number] = None;
            if let Err(panic) = served {
                panic::resume_unwind(panic);
            }
        }));
    }

    /// Waits for the threads of all connections, and returns the first panic.
    fn join_connections(&self) -> thread::Result<()> {
        let threads = std::mem::take(&mut *lock(&self.threads));
        let results = threads.into_iter().map(JoinHandle::join);
        results.fold(Ok(()), thread::Result::and)
    }

    fn serve(&self, stream: TcpStream) {
        stream.set_nodelay(true).unwrap();
        if let Some(Step::Reset(bytes)) = self.take_step_if(|step| matches!(step, Step::Reset(_))) {
            // Unread, so that closing is a reset.
            let _ = stream.peek(&mut [0]);
            let _ = (&stream).write_all(&bytes);
            return;
        }

        let connection = match &self.tls {
            Some(tls) => tls(stream),
            None => Some(Box::new(stream) as Box<dyn Connection>),
        };
        if let Some(connection) = connection {
            let received = &self.received;
            // The client may close at any moment.
            let _ = self.play(&mut Recorder {
                connection,
                received,
            });
        }
    }

    fn play(&self, connection: &mut Recorder) -> io::Result<()> {
        while let Some(step) = self.next_step(connection)? {
            match step {
                Step::Reply(bytes) => connection.send(&bytes)?,
                Step::ReplyAndClose(bytes) => return connection.send(&bytes),
                Step::Drip(bytes, pause) => {
                    for byte in bytes {
                        connection.send(&[byte])?;
                        thread::sleep(pause);
                    }
                }
                Step::Endless(first, repeated) => {
                    connection.send(&first)?;
                    // In few writes, as each is slow on some systems.
                    let repeated = repeated.repeat(1024);
                    loop {
                        connection.send(&repeated)?;
                    }
                }
                Step::Stall(bytes) | Step::Greet(bytes) => {
                    connection.send(&bytes)?;
                    return connection.wait_for_close();
                }
                Step::Silence => return connection.wait_for_close(),
                Step::Close => return Ok(()),
                Step::Reset(_) => panic!("a reset must be the first step of its connection"),
            }
        }
        Ok(())
    }

    /// The next step of a connection, once its request has come if it needs one; `None` if the client closes instead, and
    /// after the end of the script.
    fn next_step(&self, connection: &mut Recorder) -> io::Result<Option<Step>> {
        if let Some(step) = self.take_step_if(|step| !step.needs_request()) {
            return Ok(Some(step));
        }
        let Some(head) = read_head(connection)? else {
            return Ok(None);
        };
        lock(&self.requests).push(head);
        Ok(self.take_step_if(|_| true))
    }

    /// Takes the next step, of the script or after it, if it is of this kind.
    fn take_step_if(&self, is_wanted: impl Fn(&Step) -> bool) -> Option<Step> {
        let mut script = lock(&self.script);
        match script.front() {
            Some(step) if is_wanted(step) => script.pop_front(),
            Some(_) => None,
            None => self.default_step.map(|step| step()).filter(is_wanted),
        }
    }
}

/// A connection that records what it reads.
struct Recorder<'a> {
    connection: Box<dyn Connection>,
    received: &'a Mutex<Vec<u8>>,
}

impl Recorder<'_> {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.connection.write_all(bytes)?;
        self.connection.flush()
    }

    fn wait_for_close(&mut self) -> io::Result<()> {
        while self.read(&mut [0; 1024])? > 0 {}
        Ok(())
    }
}

impl Read for Recorder<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = self.connection.read(bytes)?;
        lock(self.received).extend_from_slice(&bytes[..count]);
        Ok(count)
    }
}

/// These values are valid even if a holder has panicked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
