//! A call whose response is the input: a complete list or an error, in time, and the credential nowhere.

use super::{CREDENTIAL, assert_message, assert_secret};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use std::{str, thread};
use turso_api_tokens::{Answer, Client, Credential, Error};

const TIMEOUT: Duration = Duration::from_secs(5);

/// # Panics
/// If a promise is broken.
pub fn check(data: &[u8]) {
    let base_url = serve(data);
    let credential = Credential::new(CREDENTIAL).expect("a credential");
    let client = Client::builder(credential)
        .base_url(base_url)
        .retries(0)
        .timeout(TIMEOUT)
        .build()
        .expect("a client");
    let start = Instant::now();
    let result = client.list();
    // The server closes at once, so that nothing is worth waiting for.
    assert!(
        start.elapsed() < TIMEOUT && !matches!(result, Err(Error::Timeout { .. })),
        "{:?}",
        start.elapsed()
    );
    match result {
        Ok(tokens) => {
            let body = body(data).expect("a list needs a complete response");
            let body = String::from_utf8(body).expect("a list is UTF-8");
            assert_eq!(
                tokens,
                Answer::from_json(body)
                    .tokens()
                    .expect("the body is a list")
            );
        }
        Err(error) => {
            assert_message(&error.to_string());
            assert_message(&format!("{error:#}"));
            assert_secret(&format!("{error:?}"));
            assert!(
                !matches!(
                    error,
                    Error::Config { .. } | Error::Credential { .. } | Error::Lookup { .. }
                ),
                "{error}"
            );
        }
    }
}

/// Makes the input the response to every request, and gives the base URL.
fn serve(response: &[u8]) -> &'static str {
    static BASE_URL: OnceLock<String> = OnceLock::new();
    let base_url = BASE_URL.get_or_init(|| {
        log::set_logger(&Records).expect("no other logger");
        log::set_max_level(log::LevelFilter::Trace);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        thread::spawn(move || {
            for stream in listener.incoming() {
                // The client may have gone already, for instance as the head is too long.
                let _ = respond(stream.expect("a connection"));
            }
        });
        format!("http://{address}")
    });
    response.clone_into(&mut current());
    base_url
}

fn current() -> MutexGuard<'static, Vec<u8>> {
    static CURRENT: Mutex<Vec<u8>> = Mutex::new(Vec::new());
    CURRENT.lock().unwrap_or_else(PoisonError::into_inner)
}

fn respond(mut stream: TcpStream) -> std::io::Result<()> {
    let (mut request, mut buffer) = (Vec::new(), [0; 2048]);
    while !request.ends_with(b"\r\n\r\n") {
        let read = stream.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        request.extend_from_slice(&buffer[..read]);
    }
    let response = current().clone();
    stream.write_all(&response)?;
    stream.shutdown(Shutdown::Both)
}

/// The body of a complete response, as the HTTP standard has it; `None` if it is cut short or has another status than 200.
fn body(mut response: &[u8]) -> Option<Vec<u8>> {
    loop {
        let mut headers = [httparse::EMPTY_HEADER; 1024];
        let mut head = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(length) = head.parse(response).ok()? else {
            return None;
        };
        let rest = response.get(length..)?;
        match head.code? {
            100 | 102..=199 => response = rest,
            200 => {
                let values = |name: &'static str| {
                    let headers = head.headers.iter();
                    headers
                        .filter(move |header| header.name.eq_ignore_ascii_case(name))
                        .map(|header| header.value)
                };
                if values("transfer-encoding")
                    .any(|value| value.to_ascii_lowercase().ends_with(b"chunked"))
                {
                    return dechunk(rest);
                }
                return match values("content-length").next() {
                    Some(length) => rest
                        .get(..str::from_utf8(length).ok()?.trim().parse().ok()?)
                        .map(<[u8]>::to_vec),
                    None => Some(rest.to_vec()),
                };
            }
            _ => return None,
        }
    }
}

fn dechunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let httparse::Status::Complete((start, length)) = httparse::parse_chunk_size(rest).ok()?
        else {
            return None;
        };
        rest = rest.get(start..)?;
        if length == 0 {
            return Some(body);
        }
        let length = usize::try_from(length).ok()?;
        body.extend_from_slice(rest.get(..length)?);
        rest = rest.get(length..)?.strip_prefix(b"\r\n")?;
    }
}

/// Checks every log record of the library.
struct Records;

impl log::Log for Records {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target().starts_with("turso_api_tokens")
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            assert_message(&record.args().to_string());
        }
    }

    fn flush(&self) {}
}
