//! What the tests share besides the server.

mod log;
#[cfg(feature = "cli")]
mod process;
#[cfg(all(feature = "cli", feature = "rustls"))]
mod proxy;
#[cfg(feature = "rustls")]
mod tls;

pub use self::log::{attempts, recorded};
#[cfg(feature = "cli")]
pub use process::{
    Finished, Program, assert_line, lines, program, program_with_empty_env, run_command, shell,
};
#[cfg(all(feature = "cli", feature = "rustls"))]
pub use proxy::{Api, Proxy};
#[cfg(feature = "rustls")]
pub use tls::{Authority, Identity, tls, tls_counting_resumptions};

use crate::server::{Server, Step};
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, process as this_process};
use turso_api_tokens::{ApiToken, Client, ClientBuilder, Credential, Error};

/// Long enough that a part of it is recognised, and not a text that a message could hold by chance.
pub const SECRET: &str = "eyJhbGciOiJFZERTQSJ9.c2VjcmV0LXBheWxvYWQtMDEyMzQ1Njc4OQ.Q1JFREVOVElBTA";

pub fn builder(url: &str) -> ClientBuilder {
    Client::builder(Credential::new(SECRET).unwrap()).base_url(url)
}

/// A client that does not retry, so that a script is played once.
pub fn client(url: &str) -> Client {
    builder(url)
        .retries(0)
        .timeout(Duration::from_secs(10))
        .build()
        .unwrap()
}

/// Plays a script for one call.
pub fn call(steps: impl IntoIterator<Item = Step>) -> Result<Vec<ApiToken>, Error> {
    client(&Server::script(steps).url()).list()
}

/// What had failed before the timeout that this error must be.
#[track_caller]
pub fn failed_before(error: &Error) -> &Error {
    match error {
        Error::Timeout {
            source: Some(before),
            ..
        } => before,
        _ => panic!("{error:?}"),
    }
}

/// How the lines of a call begin whose first attempt gets a 503, and whose second gets the original list.
pub const RETRY_LOG: [&str; 7] = [
    "GET http://127.0.0.1:",
    "503 Service Unavailable after ",
    "attempt 1 failed after ",
    "next attempt in ",
    "GET http://127.0.0.1:",
    "200 OK after ",
    "108 bytes after ",
];

/// Asserts that work takes at most so many seconds, and two more on a busy machine.
#[track_caller]
pub fn assert_within<T>(seconds: u64, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    let took = start.elapsed();
    assert!(
        took < Duration::from_secs(seconds + 2),
        "took {took:?} instead of {seconds} s"
    );
    result
}

/// Runs work for each item, side by side, and returns the results in order. A panic is passed on.
pub fn side_by_side<I: Send, T: Send>(
    items: impl IntoIterator<Item = I>,
    work: impl Fn(I) -> T + Sync,
) -> Vec<T> {
    let work = &work;
    std::thread::scope(|scope| {
        let threads: Vec<_> = items
            .into_iter()
            .map(|item| scope.spawn(move || work(item)))
            .collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, T>| {
            thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        threads.into_iter().map(join).collect()
    })
}

/// A loopback address that nobody listens at. No listener at a free port can get this one.
pub const REFUSING_ADDRESS: &str = "127.0.0.1:1";

/// A host name that no resolver asks a name server for: one of its labels is longer than 63 letters.
#[cfg(feature = "rustls")]
pub fn unresolvable_host() -> String {
    format!("{}.example", "x".repeat(64))
}

/// A listener that swallows connections: they wait in its queue until that is full; then packets are dropped.
pub struct BlackHole {
    pub address: SocketAddr,
    _waiting: Vec<TcpStream>,
    _listener: TcpListener,
}

impl BlackHole {
    pub fn new(address: &str) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let (mut waiting, mut dropped) = (Vec::new(), 0);

        // One that is late may be a busy machine's; two in a row are a full queue.
        while dropped < 2 {
            match TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
                Ok(stream) => {
                    waiting.push(stream);
                    dropped = 0;
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
                    dropped += 1;
                }
            }
            assert!(waiting.len() < 100_000, "the queue does not fill");
        }

        Self {
            address,
            _waiting: waiting,
            _listener: listener,
        }
    }
}

const PROXY_VARIABLES: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];

/// What else the library reads.
const OTHER_VARIABLES: [&str; 10] = [
    "no_proxy",
    "NO_PROXY",
    "TURSO_API_TOKEN",
    "TURSO_TOKEN",
    "TURSO_API_BASEURL",
    "TURSO_BASE_URL",
    "TURSO_CONFIG_FOLDER",
    "XDG_CONFIG_HOME",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// Is set in a process that runs one test only.
const OWN_PROCESS: &str = "TURSO_API_TOKENS_TEST";

/// Runs the body of a test that calls https. Where the developer's environment asks for a proxy, the test is run again in
/// a process without it.
#[cfg(feature = "rustls")]
pub fn in_env_without_proxies<F: FnOnce()>(body: F) {
    if PROXY_VARIABLES
        .iter()
        .all(|name| env::var_os(name).is_none())
    {
        return body();
    }
    in_own_process(body);
}

/// Runs the body of a test in a process of its own, where nobody else logs, without any of the variables that the library
/// reads.
pub fn in_own_process<F: FnOnce()>(body: F) {
    if is_own_process() {
        return body();
    }
    rerun_in_subprocess(&body, &[]);
}

/// Whether this process was started by [`rerun_in_subprocess`].
pub fn is_own_process() -> bool {
    env::var_os(OWN_PROCESS).is_some()
}

/// Runs the test that holds this closure in a process of its own. Of the variables that the library reads it has these only.
pub fn rerun_in_subprocess<F>(_: &F, variables: &[(&str, &str)]) {
    // std does not promise this form of the name. With another one no test would be found, and the assertion below fail.
    let name = std::any::type_name::<F>();
    let test = name
        .strip_suffix("::{{closure}}")
        .and_then(|name| name.split_once("::"))
        .expect(name)
        .1;
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", test]);
    for name in PROXY_VARIABLES.iter().chain(&OTHER_VARIABLES) {
        command.env_remove(name);
    }
    command
        .env(OWN_PROCESS, "1")
        .envs(variables.iter().copied());
    let output = command.output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && stdout.contains("1 passed"),
        "{stdout}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A temporary folder, removed when dropped.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = format!("turso-api-tokens-{}-{number}", this_process::id());
            let path = env::temp_dir().join(name);
            match fs::create_dir(&path) {
                Ok(()) => return Self(path),
                // Left behind by a process that had this number before.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => panic!("{}: {error}", path.display()),
            }
        }
    }

    pub fn path(&self) -> String {
        self.0.display().to_string()
    }

    /// Writes a file and returns its path.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path.into_os_string().into_string().unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
