//! A call whose response is the input: a complete list or an error, in time, and the credential nowhere.

use super::{CREDENTIAL, assert_message, assert_secret};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use std::{str, thread};
use turso_api_tokens::{Answer, AnswerFailure, ApiToken, Client, Credential, Error};

const TIMEOUT: Duration = Duration::from_secs(5);
/// How many requests the server has got.
static REQUESTS: AtomicUsize = AtomicUsize::new(0);

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
    let took = start.elapsed();
    assert!(took < TIMEOUT, "{took:?}");
    assert_eq!(REQUESTS.swap(0, Ordering::SeqCst), 1, "{result:?}");
    match result {
        Ok(tokens) => assert_list(&tokens, data),
        Err(error) => assert_error(&error, data),
    }
}

fn assert_list(tokens: &[ApiToken], response: &[u8]) {
    let body = body(response).expect("a list needs a complete response");
    let body = String::from_utf8(body).expect("a list is UTF-8");
    let expected = Answer::from_json(body).tokens();
    assert_eq!(tokens, expected.expect("the body is a list"));
}

fn assert_error(error: &Error, response: &[u8]) {
    assert_message(&error.to_string());
    assert_message(&format!("{error:#}"));
    assert_secret(&format!("{error:?}"));

    let status = final_head(response).map(|head| head.status);
    let is_redirect = matches!(status, Some(301 | 302 | 303 | 307 | 308));
    match error {
        Error::Redirect { .. } => assert!(is_redirect, "{error}"),
        Error::Refused { .. } | Error::Status { .. } => assert!(!is_redirect, "{error}"),
        Error::Connection { .. } | Error::TooLarge { .. } => assert!(!is_redirect, "{error}"),
        // ureq refuses more heads than are looked at here.
        Error::InvalidAnswer { reason, .. } => {
            assert!(!is_redirect || *reason == AnswerFailure::Http, "{error}");
        }
        _ => panic!("{error:?}"),
    }
    if let Some(reported) = error.status() {
        assert_eq!(Some(reported), status, "{error}");
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
    REQUESTS.fetch_add(1, Ordering::SeqCst);
    stream.write_all(&response)?;
    stream.shutdown(Shutdown::Both)
}

/// A response after its interim ones, as the HTTP standard has it.
struct Head<'a> {
    status: u16,
    is_chunked: bool,
    content_length: Option<Vec<u8>>,
    rest: &'a [u8],
}

fn final_head(mut response: &[u8]) -> Option<Head<'_>> {
    loop {
        let mut headers = [httparse::EMPTY_HEADER; 1024];
        let mut head = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(length) = head.parse(response).ok()? else {
            return None;
        };
        let rest = response.get(length..)?;
        let status = head.code?;
        if matches!(status, 100 | 102..=199) {
            response = rest;
            continue;
        }

        let values = |name: &'static str| {
            let headers = head.headers.iter();
            headers
                .filter(move |header| header.name.eq_ignore_ascii_case(name))
                .map(|header| header.value)
        };
        return Some(Head {
            status,
            is_chunked: values("transfer-encoding")
                .any(|value| value.to_ascii_lowercase().ends_with(b"chunked")),
            content_length: values("content-length").next().map(<[u8]>::to_vec),
            rest,
        });
    }
}

/// The body of a complete response; `None` if it is cut short or has another status than 200.
fn body(response: &[u8]) -> Option<Vec<u8>> {
    let head = final_head(response)?;
    if head.status != 200 {
        return None;
    }
    if head.is_chunked {
        return dechunk(head.rest);
    }
    let Some(length) = head.content_length else {
        return Some(head.rest.to_vec());
    };
    let length = str::from_utf8(&length).ok()?.trim().parse().ok()?;
    head.rest.get(..length).map(<[u8]>::to_vec)
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
