//! What the tests share besides the server.

mod log;
#[cfg(feature = "cli")]
mod process;
#[cfg(all(feature = "cli", feature = "rustls"))]
mod proxy;
#[cfg(feature = "rustls")]
mod tls;

pub use self::log::{recorded, take_recorded_elsewhere};
#[cfg(feature = "cli")]
pub use process::{
    Finished, Program, assert_line, program, program_with_empty_env, run_command, shell,
};
#[cfg(all(feature = "cli", feature = "rustls"))]
pub use proxy::{Api, Proxy};
#[cfg(feature = "rustls")]
pub use tls::{Authority, Identity, tls, tls_counting_resumptions};

use crate::server::{Server, Step};
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

/// A loopback address that nobody listens at.
pub fn refusing_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

/// A host name that no resolver asks a name server for: one of its labels is longer than 63 letters.
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
        let mut waiting = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
            waiting.push(stream);
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

/// Runs the body of a test that calls https. Where the developer's environment asks for a proxy, the test is run again in
/// a process without it.
pub fn in_env_without_proxies(body: impl FnOnce()) {
    if PROXY_VARIABLES
        .iter()
        .all(|name| env::var_os(name).is_none())
    {
        return body();
    }
    rerun_in_subprocess(&body, &[]);
}

/// Runs the test that holds this closure in a process of its own, without proxies and with these variables.
pub fn rerun_in_subprocess<F>(_: &F, variables: &[(&str, &str)]) {
    let name = std::any::type_name::<F>();
    let test = name
        .strip_suffix("::{{closure}}")
        .and_then(|name| name.split_once("::"))
        .expect(name)
        .1;
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--exact", test])
        .envs(variables.iter().copied());
    for name in PROXY_VARIABLES {
        command.env_remove(name);
    }
    let output = command.output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && stdout.contains("1 passed"),
        "{stdout}"
    );
}

/// A temporary folder, removed when dropped.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "turso-api-tokens-{}-{}",
            this_process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let path = env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    #[cfg(feature = "cli")]
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
