//! One call: attempts, redirects, and what each answer means.

use crate::agent;
use crate::answer::{Answer, is_html};
use crate::credential::Credential;
use crate::error::Error;
use crate::escape::excerpt;
use crate::json::{self, ErrorWords};
use crate::{retry, url};
use log::debug;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, ErrorKind, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{fmt, thread};
use ureq::http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RETRY_AFTER, SET_COOKIE, TRANSFER_ENCODING,
};
use ureq::http::{HeaderName, HeaderValue, Response, Uri};
use ureq::{Agent, Body, Timeout};

const REDIRECTS: u32 = 10;
/// How much of an error's body is read for what it says, and for how long.
const ERROR_BODY: u64 = 16 * 1024;
const ERROR_TIME: Duration = Duration::from_secs(2);
/// Room for a body in one piece, but not for whatever a server declares under a limit that somebody lifted.
const MOST_AT_ONCE: u64 = 16 * 1024 * 1024;

/// What every call of a client needs.
pub(crate) struct Call {
    pub(crate) agent: Mutex<Agent>,
    /// Whether the agent is this crate's own, which has this call's limits already.
    pub(crate) is_own: bool,
    pub(crate) url: Uri,
    pub(crate) headers: [(HeaderName, HeaderValue); 4],
    /// The proxy that is in use, as messages name it.
    pub(crate) proxy: Option<String>,
    pub(crate) credential: Credential,
    pub(crate) timeout: Duration,
    pub(crate) retries: u32,
    pub(crate) max_response_bytes: u64,
    pub(crate) observer: Option<Observer>,
}

pub(crate) type Observer = Arc<dyn Fn(fmt::Arguments<'_>) + Send + Sync>;

/// Which of the attempts of a call it is, and when the call has to be over.
struct Attempt {
    deadline: Instant,
    is_first: bool,
    is_last: bool,
}

impl Attempt {
    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

impl Call {
    /// Makes the call, with as many attempts as it takes and may take.
    pub(crate) fn run(&self) -> Result<Answer, Error> {
        let deadline = Instant::now() + self.timeout;
        let mut failures = 0;
        let mut before = None;
        loop {
            let attempt = Attempt { deadline, is_first: failures == 0, is_last: failures >= self.retries };
            let start = Instant::now();
            let error = match self.attempt(&attempt) {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            failures = failures.saturating_add(1);
            self.note(format_args!("attempt {failures} failed after {} ms: {error:#}", start.elapsed().as_millis()));
            let Some(pause) = retry::wait(&error, failures, self.retries, attempt.left(), random()) else {
                return Err(match error {
                    Error::Timeout { url, timeout, source } => {
                        Error::Timeout { url, timeout, source: source.or(before) }
                    }
                    error => error,
                });
            };
            self.note(format_args!("next attempt in {} ms", pause.as_millis()));
            thread::sleep(pause);
            before = Some(Box::new(error));
        }
    }

    /// Says what is tried and how it goes, to whoever listens.
    pub(crate) fn note(&self, line: fmt::Arguments<'_>) {
        debug!("{line}");
        if let Some(observer) = &self.observer {
            observer(line);
        }
    }

    /// One request, with the redirects inside the origin.
    fn attempt(&self, attempt: &Attempt) -> Result<Answer, Error> {
        let mut url = self.url.clone();
        for redirects in 0..=REDIRECTS {
            self.note(format_args!("GET {}, {} ms left", Place(self, &url), attempt.left().as_millis()));
            let start = Instant::now();
            let response = self.send(&url, attempt, redirects)?;
            self.note(format_args!("{} after {} ms", response.status(), start.elapsed().as_millis()));
            match response.status().as_u16() {
                200 => return self.read(&url, response),
                301 | 302 | 303 | 307 | 308 => url = self.redirect(&url, &response)?,
                status => return Err(self.refusal(&url, status, response, attempt)),
            }
        }
        Err(self.invalid(&url, format!("it is a chain of more than {REDIRECTS} redirects")))
    }

    /// Sends, and connects with more patience each time that it takes too long.
    fn send(&self, url: &Uri, attempt: &Attempt, redirects: u32) -> Result<Response<Body>, Error> {
        let mut slow = None;
        for time in 0.. {
            let left = attempt.left();
            let budget = retry::connecting(time, left, attempt.is_last);
            let Some(budget) = budget.filter(|_| !left.is_zero()) else { break };
            let is_ordinary = self.is_own && attempt.is_first && redirects == 0 && time == 0;
            match self.exchange(url, left, budget, is_ordinary) {
                Ok(response) => return Ok(response),
                Err(ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect)) if budget < left => {
                    self.note(format_args!("no connection within {budget:?}"));
                    let source = format!("no connection within {budget:?}").into();
                    slow = Some(Error::Connection { url: self.place(url), source });
                }
                Err(ureq::Error::Timeout(_)) => return Err(self.timed_out(url, slow)),
                Err(error) => return Err(self.unsent(url, error)),
            }
        }
        match slow {
            Some(slow) if !attempt.left().is_zero() => Err(slow),
            slow => Err(self.timed_out(url, slow)),
        }
    }

    /// The only place that sends; connecting may take `budget` of what is `left`.
    fn exchange(
        &self,
        url: &Uri,
        left: Duration,
        budget: Duration,
        is_ordinary: bool,
    ) -> Result<Response<Body>, ureq::Error> {
        let agent = lock(&self.agent).clone();
        let mut request = agent.get(url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if !is_ordinary {
            let mut config = request.config().timeout_global(Some(left));
            config = config.timeout_resolve(Some(budget)).timeout_connect(Some(budget));
            if !self.is_own {
                let header = agent::largest_header(agent.config().input_buffer_size());
                config = config.http_status_as_error(false).https_only(false).max_redirects(0);
                config = config.max_response_header_size(header).timeout_per_call(None);
                config = config.timeout_per_read(None).timeout_per_write(None).timeout_send_request(None);
                config = config.timeout_send_body(None).timeout_recv_response(None).timeout_recv_body(None);
            }
            if url.scheme_str() == Some("http") {
                // It is loopback; a proxy would see the credential.
                config = config.proxy(None);
            }
            request = config.build();
        }
        let response = if self.proxy.is_some() {
            // ureq gives each read of a proxy's answer all the time there is.
            let answered = aside(left, move |slot| *lock(slot) = Some(request.call()));
            answered.unwrap_or(Err(ureq::Error::Timeout(Timeout::Global)))?
        } else {
            request.call()?
        };
        if self.is_own && response.headers().contains_key(SET_COOKIE) {
            // Where another crate has turned ureq's cookies on, the agent would send it back.
            let mut own = lock(&self.agent);
            *own = own.config().new_agent();
        }
        Ok(response)
    }

    fn redirect(&self, from: &Uri, response: &Response<Body>) -> Result<Uri, Error> {
        let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
        match location.and_then(|location| url::redirect(from, location)) {
            Some(Ok(to)) => Ok(to),
            Some(Err(origin)) => Err(Error::Redirect { url: self.place(from), origin: self.credential.mask(&origin) }),
            None => {
                let status = response.status().as_u16();
                Err(self.invalid(from, format!("it is a redirect ({status}) to neither a URL nor an absolute path")))
            }
        }
    }

    fn read(&self, url: &Uri, response: Response<Body>) -> Result<Answer, Error> {
        let start = Instant::now();
        let shown = |value: &HeaderValue| excerpt(&self.credential.mask(&String::from_utf8_lossy(value.as_bytes())));
        let coding = response.headers().get(CONTENT_ENCODING);
        if let Some(coding) = coding.filter(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
            return Err(self.invalid(url, format!("it is encoded as {}, which was not asked for", shown(coding))));
        }
        let content_type = response.headers().get(CONTENT_TYPE).cloned();
        if let Some(kind) = content_type.as_ref().filter(|kind| has_foreign_charset(kind)) {
            return Err(self.invalid(url, format!("it is {}, not UTF-8", shown(kind))));
        }
        let is_framed = [CONTENT_LENGTH, TRANSFER_ENCODING].iter().any(|name| response.headers().contains_key(name));
        let too_large = || Error::TooLarge { url: self.place(url), limit: self.max_response_bytes };
        let length = response.body().content_length();
        if length > Some(self.max_response_bytes) {
            return Err(too_large());
        }
        let room = length.unwrap_or(self.max_response_bytes).min(MOST_AT_ONCE);
        let mut bytes = Vec::with_capacity(usize::try_from(room).unwrap_or(0));
        let mut reader = response.into_body().into_with_config().limit(self.max_response_bytes).reader();
        reader.read_to_end(&mut bytes).map_err(|error| match ureq::Error::from(error) {
            ureq::Error::BodyExceedsLimit(_) => too_large(),
            ureq::Error::Timeout(_) => self.timed_out(url, None),
            error => self.failure(url, error),
        })?;
        bytes.shrink_to_fit();
        let json = String::from_utf8(bytes).map_err(|error| {
            self.invalid(url, format!("byte {} of it is not UTF-8", error.utf8_error().valid_up_to() + 1))
        })?;
        // Only the end of the connection ends such a body, and ureq does not tell a reset from a proper end.
        let is_cut = !is_framed && !json.trim_ascii_end().ends_with('}');
        if is_cut && !is_html(&json, content_type.as_ref()) {
            let source = io::Error::new(ErrorKind::UnexpectedEof, "the connection ended within the answer").into();
            return Err(Error::Connection { url: self.place(url), source });
        }
        self.note(format_args!("{} bytes after {} ms", json.len(), start.elapsed().as_millis()));
        Ok(Answer::new(json, self.place(url), content_type, self.credential.clone()))
    }

    /// The error for a status other than 200, with what came with it.
    fn refusal(&self, url: &Uri, status: u16, response: Response<Body>, attempt: &Attempt) -> Error {
        let retry_after =
            response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let content_type = response.headers().get(CONTENT_TYPE).cloned();
        let is_encoded = response.headers().contains_key(CONTENT_ENCODING);
        let bytes = if is_encoded { Vec::new() } else { begin_of(response.into_body(), attempt.left()) };
        let body = String::from_utf8_lossy(&bytes);
        let message = match json::object(&body) {
            Some(ErrorWords { error, code: Some(code) }) => self.credential.mask(&format!("{error} ({code})")),
            Some(ErrorWords { error, code: None }) => self.credential.mask(&error),
            None => excerpt(&self.credential.mask(&body)),
        };
        let url = self.place(url);
        if matches!(status, 401 | 403) && !is_html(&body, content_type.as_ref()) {
            return Error::Refused { status, url, message, place: self.credential.place().map(str::to_owned) };
        }
        Error::Status { status, url, message, retry_after: retry_after.map(Duration::from_secs) }
    }

    /// Where a call goes, as messages name it.
    fn place(&self, url: &Uri) -> String {
        Place(self, url).to_string()
    }

    fn invalid(&self, url: &Uri, problem: String) -> Error {
        Error::InvalidAnswer { url: self.place(url), problem, source: None }
    }

    fn timed_out(&self, url: &Uri, source: Option<Error>) -> Error {
        Error::Timeout { url: self.place(url), timeout: self.timeout, source: source.map(Box::new) }
    }

    /// What a failure before there was an answer means to the caller.
    fn unsent(&self, url: &Uri, error: ureq::Error) -> Error {
        match (&self.proxy, proxys_fault(&error)) {
            (Some(proxy), Some(transient)) => {
                let url = self.credential.mask(&url.to_string());
                Error::Proxy { url, proxy: proxy.clone(), transient, source: error.into_io().into() }
            }
            _ => self.failure(url, error),
        }
    }

    /// What any other failure of ureq's means to the caller.
    fn failure(&self, url: &Uri, error: ureq::Error) -> Error {
        use ureq::Error as Ureq;
        let url = self.place(url);
        let is_tls = match &error {
            // What rustls refuses comes as this kind.
            Ureq::Io(error) => error.kind() == ErrorKind::InvalidData,
            Ureq::Tls(_) | Ureq::TlsRequired => true,
            // These variants are there or not as other crates have it.
            error => ["rustls: ", "native-tls: ", "der: "].iter().any(|tls| error.to_string().starts_with(tls)),
        };
        let is_lost = matches!(error, Ureq::Io(_) | Ureq::HostNotFound | Ureq::ConnectionFailed | Ureq::Other(_));
        let source = error.into_io().into();
        match (is_tls, is_lost) {
            (true, _) => Error::Tls { url, source },
            (_, true) => Error::Connection { url, source },
            _ => {
                let problem = "it is not the HTTP that it should be".to_owned();
                Error::InvalidAnswer { url, problem, source: Some(source) }
            }
        }
    }
}

/// Where a call goes; made into text only where somebody reads it.
struct Place<'a>(&'a Call, &'a Uri);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(call, url) = self;
        f.write_str(&call.credential.mask(&url.to_string()))?;
        call.proxy.as_ref().map_or(Ok(()), |proxy| write!(f, " through the proxy {proxy}"))
    }
}

/// Whether an error before there was an answer is the proxy's, where there is one, and then whether it is transient.
///
/// ureq has no type for this: a status that the proxy gave is in the text, and what SOCKS says is an I/O error. Once the
/// tunnel stands, only TLS and a lost connection can fail.
fn proxys_fault(error: &ureq::Error) -> Option<bool> {
    match error {
        ureq::Error::ConnectProxyFailed(said) => Some(
            said.split_once("responded ")
                .is_none_or(|(_, status)| status.starts_with("429") || status.starts_with('5')),
        ),
        ureq::Error::HostNotFound => Some(true),
        // It did not speak HTTP; a server whose TLS could be trusted does.
        ureq::Error::Protocol(_) => Some(false),
        ureq::Error::Io(error) => {
            let said = error.to_string();
            match error.kind() {
                ErrorKind::InvalidData => said.starts_with("invalid res").then_some(false),
                ErrorKind::UnexpectedEof => said.starts_with("failed to fill").then_some(true),
                ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => None,
                ErrorKind::Other | ErrorKind::PermissionDenied | ErrorKind::InvalidInput => Some(false),
                _ => Some(true),
            }
        }
        _ => None,
    }
}

/// Whether it is a text that is not in UTF-8, which ureq would convert where another crate has turned its `charset` on.
fn has_foreign_charset(kind: &HeaderValue) -> bool {
    let kind = kind.to_str().unwrap_or_default();
    let mut charsets = kind.split(';').filter_map(|part| part.trim().strip_prefix("charset="));
    kind.starts_with("text/") && charsets.any(|charset| !charset.eq_ignore_ascii_case("utf-8"))
}

/// What comes of an error's body in a short time: the status is what matters.
fn begin_of(body: Body, left: Duration) -> Vec<u8> {
    aside(ERROR_TIME.min(left), move |bytes: &Mutex<Vec<u8>>| {
        let mut reader = body.into_with_config().limit(ERROR_BODY).reader();
        let mut part = [0; 1024];
        while let Ok(length @ 1..) = reader.read(&mut part) {
            lock(bytes).extend(part.iter().take(length));
        }
    })
}

/// Does what may take too long on a thread of its own, leaves it behind when the time is over, and gives what it has come
/// to by then.
fn aside<T: Default + Send + 'static>(time: Duration, work: impl FnOnce(&Mutex<T>) + Send + 'static) -> T {
    let until = Instant::now() + time;
    let result = Arc::new((Mutex::new(T::default()), AtomicBool::new(false)));
    let (to, caller) = (Arc::clone(&result), thread::current());
    let thread = thread::Builder::new().spawn(move || {
        work(&to.0);
        to.1.store(true, Ordering::Release);
        caller.unpark();
    });
    let (value, is_done) = &*result;
    while thread.is_ok() && !is_done.load(Ordering::Acquire) && Instant::now() < until {
        thread::park_timeout(until.saturating_duration_since(Instant::now()));
    }
    std::mem::take(&mut *lock(value))
}

/// A panic elsewhere leaves nothing half done behind these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A number in `0.0..1.0`; the standard library seeds its hash maps well enough for jitter.
fn random() -> f64 {
    let bits = RandomState::new().build_hasher().finish() >> 32;
    u32::try_from(bits).map_or(0.0, |bits| f64::from(bits) / 2f64.powi(32))
}
