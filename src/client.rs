//! One call, from settings to the body of the answer.

use crate::credential::Credential;
use crate::error::Error;
use crate::escape::excerpt;
use crate::token::ApiToken;
use crate::{json, proxy, retry, url, wire};
use log::debug;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{env, error, fmt, fs, io, thread};
use ureq::http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, LOCATION, RETRY_AFTER, USER_AGENT,
};
use ureq::http::{HeaderName, HeaderValue, Response, Uri};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, Body};

const BASE_URL: &str = "https://api.turso.tech";
const BASE_URL_VARIABLES: [&str; 2] = ["TURSO_API_BASEURL", "TURSO_BASE_URL"];
const CA_FILE_VARIABLE: &str = "SSL_CERT_FILE";
const REDIRECTS: usize = 10;

/// The largest header, plus one byte to see that it is larger. A TLS record fits as well.
const INPUT_BUFFER: usize = 16 * 1024 + 1;
/// The request line and the headers besides what the caller may make long.
const OUTPUT_BUFFER: usize = 2 * 1024;
/// How much of an error's body is read for what it says.
const ERROR_BODY: u64 = 16 * 1024;

/// A client of the one endpoint.
///
/// Cheap to clone, and to be shared between threads; clones share one pool of connections. Nothing is sent before the
/// first call.
#[derive(Clone)]
pub struct Client {
    /// What every call needs, or the setting and problem that every call reports.
    call: Result<Arc<Call>, (&'static str, Arc<str>)>,
}

impl Client {
    /// A client with the defaults of [`ClientBuilder`]. Where the environment's proxy variables are wrong, every call
    /// says so; to hear of it at once, use [`builder`](Self::builder).
    #[must_use]
    pub fn new(credential: Credential) -> Self {
        match Self::builder(credential).build() {
            Ok(client) => client,
            Err(Error::Config { setting, problem, .. }) => Self { call: Err((setting, problem.into())) },
            Err(error) => Self { call: Err(("client", error.to_string().into())) },
        }
    }

    /// A client with credential, base URL and CA file from the environment: [`Credential::from_env`] and
    /// [`ClientBuilder::environment`].
    ///
    /// # Errors
    /// Those of [`Credential::from_env`] and [`ClientBuilder::build`].
    pub fn from_env() -> Result<Self, Error> {
        Self::builder(Credential::from_env()?).environment().build()
    }

    /// A client with settings of its own.
    pub fn builder(credential: Credential) -> ClientBuilder {
        ClientBuilder {
            credential,
            base_url: BASE_URL.to_owned(),
            timeout: Duration::from_secs(30),
            retries: 2,
            max_response_bytes: 8 * 1024 * 1024,
            user_agent: concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")).to_owned(),
            roots: Roots::Default,
            agent: None,
            observer: None,
        }
    }

    /// Lists all Platform API tokens of the authenticated user, in the API's order.
    ///
    /// # Errors
    /// Those of [`fetch`](Self::fetch) and [`Answer::tokens`].
    pub fn list(&self) -> Result<Vec<ApiToken>, Error> {
        self.fetch()?.tokens()
    }

    /// Fetches the list without decoding it: `GET {base}/v1/auth/api-tokens`, tried again after transient failures.
    ///
    /// # Errors
    /// Any but [`Error::Credential`]; [`Error::Config`] only from a client made by [`new`](Self::new).
    pub fn fetch(&self) -> Result<Answer, Error> {
        let call = self.call.as_ref().map_err(|(setting, problem)| Error::config(setting, &**problem))?;
        let deadline = Instant::now() + call.timeout;
        let mut failures = 0;
        let mut before = None;
        loop {
            failures += 1;
            let error = match call.attempt(deadline) {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            call.note(format_args!("attempt {failures}: {}", chain(&error)));
            let left = deadline.saturating_duration_since(Instant::now());
            let Some(pause) = retry::wait(&error, failures, call.retries, left, random()) else {
                return Err(match error {
                    Error::Timeout { url, timeout, .. } => Error::Timeout { url, timeout, source: before },
                    error => error,
                });
            };
            call.note(format_args!("next attempt in {} ms", pause.as_millis()));
            thread::sleep(pause);
            before = Some(Box::new(error));
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.call {
            Ok(call) => f
                .debug_struct("Client")
                .field("url", &call.url)
                .field("timeout", &call.timeout)
                .field("retries", &call.retries)
                .finish_non_exhaustive(),
            Err(problem) => f.debug_tuple("Client").field(problem).finish(),
        }
    }
}

/// The settings of a [`Client`]; from [`Client::builder`]. What is wrong with one is said by [`build`](Self::build).
#[derive(Debug)]
#[must_use]
pub struct ClientBuilder {
    credential: Credential,
    base_url: String,
    timeout: Duration,
    retries: u32,
    max_response_bytes: u64,
    user_agent: String,
    roots: Roots,
    agent: Option<Agent>,
    observer: Option<Observer>,
}

type Observer = fn(fmt::Arguments<'_>);

#[derive(Debug)]
enum Roots {
    Default,
    Pem(Vec<u8>),
    File(PathBuf),
}

impl ClientBuilder {
    /// The API's base URL, with or without a path and a final slash; by default `https://api.turso.tech`. It must be
    /// https, or http to a loopback address, and have no user, query or fragment. The credential goes to its origin
    /// only.
    pub fn base_url(mut self, url: &str) -> Self {
        url.clone_into(&mut self.base_url);
        self
    }

    /// The time after which a call is over, retries and waits included; by default 30 seconds. Resolving the name and
    /// connecting may take a third of it each.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How often to try again after a transient failure; by default 2.
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// The largest body to read, in bytes; by default 8 MiB.
    pub fn max_response_bytes(mut self, bytes: u64) -> Self {
        self.max_response_bytes = bytes;
        self
    }

    /// The `User-Agent` header; by default this crate's name and version.
    pub fn user_agent(mut self, name: &str) -> Self {
        name.clone_into(&mut self.user_agent);
        self
    }

    /// Trusts these PEM certificates, one or several, instead of the default ones. Not together with
    /// [`agent`](Self::agent).
    pub fn root_certificates_pem(mut self, pem: &[u8]) -> Self {
        self.roots = Roots::Pem(pem.to_vec());
        self
    }

    /// Takes the base URL from `TURSO_API_BASEURL`, the variable of the official CLI, else from `TURSO_BASE_URL`, that
    /// of the API's documentation, and the certificates to trust from the file that `SSL_CERT_FILE` names. An empty
    /// variable counts as unset. What is set later wins.
    pub fn environment(mut self) -> Self {
        let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        if let Some(url) = BASE_URL_VARIABLES.into_iter().find_map(set) {
            self.base_url = url.to_string_lossy().into_owned();
        }
        if let Some(path) = set(CA_FILE_VARIABLE) {
            self.roots = Roots::File(path.into());
        }
        self
    }

    /// Sends through an agent of the caller's, with its connections, proxy, TLS and buffers. Timeouts, redirects and
    /// error statuses are handled as by this crate's own.
    ///
    /// `SSL_CERT_FILE` has no say over such an agent, and [`root_certificates_pem`](Self::root_certificates_pem) cannot be
    /// combined with one.
    ///
    /// Unlike this crate's own, it hands the credential to ureq itself, whose protocol layer writes every
    /// request to the log at trace level: keep the log target `ureq_proto` below that.
    pub fn agent(mut self, agent: Agent) -> Self {
        self.agent = Some(agent);
        self
    }

    /// Calls `observer` with a line for every step of a call: what is tried, and how it goes. The same lines go to the
    /// `log` facade at debug level; this is for programs without a logger. They hold the server's words as they came:
    /// print them [`Escaped`](crate::Escaped).
    pub fn observer(mut self, observer: fn(fmt::Arguments<'_>)) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Checks the settings and makes the client; nothing is sent.
    ///
    /// # Errors
    /// [`Error::Config`] that names the setting and says what is wrong with it: one of the above, or a proxy variable of
    /// the environment.
    pub fn build(self) -> Result<Client, Error> {
        const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);
        let url = url::endpoint(&self.base_url)?;
        if self.timeout.is_zero() || self.timeout > LONGEST {
            return Err(Error::config("timeout", "it must be longer than nothing and at most a year"));
        }
        let user_agent = HeaderValue::from_str(&self.user_agent)
            .ok()
            .filter(|value| !value.is_empty() && value.to_str().is_ok())
            .ok_or_else(|| {
                Error::config("user agent", "it must be visible ASCII characters and spaces, at least one")
            })?;
        let (agent, authorization) = match self.agent {
            Some(_) if matches!(self.roots, Roots::Pem(_)) => {
                return Err(Error::config("root certificates", "an agent of your own brings its own; set them there"));
            }
            Some(agent) => (agent, format!("Bearer {}", self.credential.secret())),
            None => {
                (own_agent(&self.credential, &url, &self.user_agent, self.roots)?, wire::placeholder(&self.credential))
            }
        };
        let mut authorization = HeaderValue::try_from(authorization)
            .map_err(|_| Error::credential("the credential cannot be sent in a header"))?;
        authorization.set_sensitive(true);
        let config = agent.config();
        Ok(Client {
            call: Ok(Arc::new(Call {
                headers: vec![
                    (AUTHORIZATION, authorization),
                    (ACCEPT, HeaderValue::from_static("application/json")),
                    (ACCEPT_ENCODING, HeaderValue::from_static("identity")),
                    (USER_AGENT, user_agent),
                ],
                // Where a header fills the buffer, ureq takes it for a lost connection; so it must be refused before.
                largest_header: config.max_response_header_size().min(config.input_buffer_size().saturating_sub(1)),
                agent,
                url,
                credential_origin: self.credential.origin().map(str::to_owned),
                timeout: self.timeout,
                retries: self.retries,
                max_response_bytes: self.max_response_bytes,
                observer: self.observer,
            })),
        })
    }
}

/// What the API answered: status 200 and a body that is UTF-8; from [`Client::fetch`].
#[derive(Debug, Clone)]
pub struct Answer {
    json: String,
    url: String,
    content_type: Option<String>,
}

impl Answer {
    /// The body exactly as it came. Only [`tokens`](Self::tokens) knows whether it is a list.
    #[must_use]
    pub fn json(&self) -> &str {
        &self.json
    }

    /// Decodes the list: all of it, or nothing.
    ///
    /// `{"tokens": null}` is an empty list. Unknown fields are ignored.
    ///
    /// # Errors
    /// [`Error::InvalidAnswer`] where the body is not one whole JSON object with `tokens`, or a token has no name or no
    /// id, or a documented field has another type or comes twice.
    pub fn tokens(&self) -> Result<Vec<ApiToken>, Error> {
        json::tokens(&self.json, self.content_type.as_deref()).map_err(|(problem, source)| Error::InvalidAnswer {
            url: self.url.clone(),
            problem,
            source,
        })
    }
}

/// What every call of a client needs.
struct Call {
    agent: Agent,
    url: Uri,
    headers: Vec<(HeaderName, HeaderValue)>,
    largest_header: usize,
    credential_origin: Option<String>,
    timeout: Duration,
    retries: u32,
    max_response_bytes: u64,
    observer: Option<Observer>,
}

impl Call {
    /// One request, with the redirects inside the origin.
    fn attempt(&self, deadline: Instant) -> Result<Answer, Error> {
        let mut url = self.url.clone();
        for _ in 0..=REDIRECTS {
            let response = self.send(&url, deadline)?;
            self.note(format_args!("{url}: {}", response.status()));
            match response.status().as_u16() {
                200 => return self.read(&url, response),
                301 | 302 | 303 | 307 | 308 => url = self.redirect(&url, &response)?,
                status => return Err(self.refusal(&url, status, response)),
            }
        }
        Err(invalid(&url, format!("it is a chain of more than {REDIRECTS} redirects")))
    }

    /// Says what is tried and how it goes, to whoever listens.
    fn note(&self, line: fmt::Arguments<'_>) {
        debug!("{line}");
        if let Some(observer) = self.observer {
            observer(line);
        }
    }

    /// The only place that sends.
    fn send(&self, url: &Uri, deadline: Instant) -> Result<Response<Body>, Error> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(self.timed_out(url));
        }
        self.note(format_args!("GET {url}, {} ms left", left.as_millis()));
        let mut request = self.agent.get(url.clone());
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let mut config = request
            .config()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_response_header_size(self.largest_header)
            .timeout_global(Some(left))
            .timeout_resolve(Some(self.timeout / 3))
            .timeout_connect(Some(self.timeout / 3));
        if url.scheme_str() == Some("http") {
            // It is loopback; a proxy would see the credential.
            config = config.proxy(None);
        }
        config.build().call().map_err(|error| self.failure(url, error))
    }

    fn redirect(&self, from: &Uri, response: &Response<Body>) -> Result<Uri, Error> {
        let location = response.headers().get(LOCATION).map(|location| String::from_utf8_lossy(location.as_bytes()));
        let to = location.as_deref().and_then(|location| url::redirect(from, location)).ok_or_else(|| {
            let place = location.as_deref().map_or("nowhere".to_owned(), excerpt);
            invalid(from, format!("it is a redirect ({}) to {place}", response.status().as_u16()))
        })?;
        if url::same_origin(&self.url, &to) {
            return Ok(to);
        }
        Err(Error::Redirect { url: from.to_string(), origin: url::origin(&to) })
    }

    fn read(&self, url: &Uri, response: Response<Body>) -> Result<Answer, Error> {
        let text = |name| response.headers().get(name).map(|value| excerpt(&String::from_utf8_lossy(value.as_bytes())));
        if let Some(encoding) = text(CONTENT_ENCODING).filter(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
            return Err(invalid(url, format!("it is encoded as {encoding}, which was not asked for")));
        }
        let content_type = text(CONTENT_TYPE);
        let too_large = || Error::TooLarge { url: url.to_string(), limit: self.max_response_bytes };
        let body = response.into_body();
        let length = body.content_length().unwrap_or(0);
        if length > self.max_response_bytes {
            return Err(too_large());
        }
        // Room for the body in one piece, but not for whatever a server declares under a limit that somebody lifted.
        let mut bytes = Vec::with_capacity(usize::try_from(length.min(16 * 1024 * 1024)).unwrap_or(0));
        let mut reader = body.into_with_config().limit(self.max_response_bytes).reader();
        reader.read_to_end(&mut bytes).map_err(|error| match ureq::Error::from(error) {
            ureq::Error::BodyExceedsLimit(_) => too_large(),
            error => self.failure(url, error),
        })?;
        let json = String::from_utf8(bytes).map_err(|error| {
            invalid(url, format!("byte {} of it is not UTF-8", error.utf8_error().valid_up_to() + 1))
        })?;
        self.note(format_args!("{url}: {} bytes", json.len()));
        Ok(Answer { json, url: url.to_string(), content_type })
    }

    /// The error for a status other than 200, with what came with it.
    fn refusal(&self, url: &Uri, status: u16, response: Response<Body>) -> Error {
        let url = url.to_string();
        let retry_after =
            response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let mut bytes = Vec::new();
        if !response.headers().contains_key(CONTENT_ENCODING) {
            // The status says what is wrong; whatever of the body is lost, it is still that.
            let read = response.into_body().into_with_config().limit(ERROR_BODY).reader().read_to_end(&mut bytes);
            if let Err(error) = read {
                self.note(format_args!("{url}: body of the error: {error}"));
            }
        }
        let body = String::from_utf8_lossy(&bytes);
        let texts = json::texts(&body).unwrap_or_default();
        let message = match (texts.error, texts.code) {
            (Some(error), Some(code)) => format!("{error} ({code})"),
            (Some(error), None) => error,
            (None, _) => excerpt(&body),
        };
        if matches!(status, 401 | 403) {
            return Error::Refused { status, url, message, origin: self.credential_origin.clone() };
        }
        Error::Status { status, url, message, retry_after: retry_after.map(Duration::from_secs) }
    }

    /// What a failure of ureq's means to the caller.
    fn failure(&self, url: &Uri, error: ureq::Error) -> Error {
        use ureq::{Error as Ureq, Timeout};
        let place = url.to_string();
        match error {
            Ureq::Timeout(Timeout::Connect | Timeout::Resolve) => {
                Error::Connection { url: place, source: format!("no connection within {:?}", self.timeout / 3).into() }
            }
            Ureq::Timeout(_) => self.timed_out(url),
            // What rustls refuses comes as this kind.
            Ureq::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
                Error::Tls { url: place, source: error.into() }
            }
            Ureq::Io(error) => Error::Connection { url: place, source: error.into() },
            error @ (Ureq::Tls(_) | Ureq::TlsRequired) => Error::Tls { url: place, source: error.into() },
            #[cfg(any(feature = "rustls", feature = "native-tls"))]
            error @ Ureq::Pem(_) => Error::Tls { url: place, source: error.into() },
            #[cfg(feature = "rustls")]
            error @ Ureq::Rustls(_) => Error::Tls { url: place, source: error.into() },
            #[cfg(feature = "native-tls")]
            error @ (Ureq::NativeTls(_) | Ureq::Der(_)) => Error::Tls { url: place, source: error.into() },
            // A gateway that cannot reach the API now may later; ureq keeps the status in the text alone.
            Ureq::ConnectProxyFailed(said) if said.contains("responded 5") || !said.contains("responded") => {
                Error::Connection { url: place, source: Ureq::ConnectProxyFailed(said).into() }
            }
            error @ Ureq::ConnectProxyFailed(_) => Error::Proxy { url: place, source: error.into() },
            error @ (Ureq::Protocol(_) | Ureq::LargeResponseHeader(..)) => Error::InvalidAnswer {
                url: place,
                problem: "it is not the HTTP that it should be".to_owned(),
                source: Some(error.into()),
            },
            error => Error::Connection { url: place, source: error.into() },
        }
    }

    fn timed_out(&self, url: &Uri) -> Error {
        Error::Timeout { url: url.to_string(), timeout: self.timeout, source: None }
    }
}

fn invalid(url: &Uri, problem: String) -> Error {
    Error::InvalidAnswer { url: url.to_string(), problem, source: None }
}

/// An agent with what this one call needs: small buffers, the environment's proxy, and the credential below ureq's log.
fn own_agent(credential: &Credential, url: &Uri, user_agent: &str, roots: Roots) -> Result<Agent, Error> {
    let proxy = proxy::from_env(url, |name| env::var_os(name).map(|value| value.to_string_lossy().into_owned()))?;
    let long = credential.secret().len() + url.path().len() + user_agent.len();
    let config = Agent::config_builder()
        .proxy(proxy)
        .user_agent(user_agent)
        .input_buffer_size(INPUT_BUFFER)
        .output_buffer_size(OUTPUT_BUFFER + long);
    let config = trust(config, url, roots)?;
    let connector =
        wire::SigningConnector { inner: DefaultConnector::new(), origin: url.clone(), credential: credential.clone() };
    Ok(Agent::with_parts(config.build(), connector, wire::LiteralResolver(DefaultResolver::default())))
}

type AgentConfig = ureq::config::ConfigBuilder<ureq::typestate::AgentScope>;

#[cfg(any(feature = "rustls", feature = "native-tls"))]
fn trust(config: AgentConfig, _: &Uri, roots: Roots) -> Result<AgentConfig, Error> {
    use ureq::tls::{PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};
    const SETTING: &str = "root certificates";
    let pem = match roots {
        Roots::Default => None,
        Roots::Pem(pem) => Some(("the PEM text".to_owned(), pem)),
        Roots::File(path) => {
            let name = path.display().to_string();
            let pem = fs::read(&path).map_err(|error| Error::Config {
                setting: SETTING,
                problem: format!("could not read {name}"),
                source: Some(error.into()),
            })?;
            Some((name, pem))
        }
    };
    let roots = match pem {
        Some((name, pem)) => {
            let mut certificates = Vec::new();
            for item in parse_pem(&pem) {
                match item {
                    Ok(PemItem::Certificate(certificate)) => certificates.push(certificate),
                    Ok(_) => {}
                    Err(error) => {
                        let problem = format!("{name} is not PEM");
                        return Err(Error::Config { setting: SETTING, problem, source: Some(error.into()) });
                    }
                }
            }
            if certificates.is_empty() {
                return Err(Error::config(SETTING, format!("{name} holds no PEM certificate")));
            }
            RootCerts::from(certificates)
        }
        None if cfg!(any(feature = "native-tls", feature = "platform-verifier")) => RootCerts::PlatformVerifier,
        None => RootCerts::WebPki,
    };
    let provider = if cfg!(feature = "native-tls") { TlsProvider::NativeTls } else { TlsProvider::Rustls };
    Ok(config.tls_config(TlsConfig::builder().provider(provider).root_certs(roots).build()))
}

#[cfg(not(any(feature = "rustls", feature = "native-tls")))]
fn trust(config: AgentConfig, url: &Uri, _: Roots) -> Result<AgentConfig, Error> {
    if url.scheme_str() == Some("https") {
        return Err(Error::config(
            "base URL",
            "https needs the feature `rustls` or `native-tls`, or an agent of your own",
        ));
    }
    Ok(config)
}

/// An error with its causes, for the log.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// A number in `0.0..1.0`; the standard library seeds its hash maps well enough for jitter.
fn random() -> f64 {
    let bits = RandomState::new().build_hasher().finish() >> 32;
    u32::try_from(bits).map_or(0.0, |bits| f64::from(bits) / 2f64.powi(32))
}
