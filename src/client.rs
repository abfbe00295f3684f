//! What a caller sets, and the client that comes of it.

use crate::agent::{self, Roots};
use crate::answer::Answer;
use crate::call::{Call, Observer};
use crate::credential::Credential;
use crate::error::Error;
use crate::token::ApiToken;
use crate::{proxy, url};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use ureq::http::HeaderValue;
use ureq::http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, USER_AGENT};
use ureq::{Agent, Proxy};

const BASE_URL: &str = "https://api.turso.tech";
const BASE_URL_SETTING: &str = "base URL";
const BASE_URL_VARIABLES: [&str; 2] = ["TURSO_API_BASEURL", "TURSO_BASE_URL"];
const CA_FILE_VARIABLES: [&str; 1] = ["SSL_CERT_FILE"];
/// No clock overflows with it, and nobody waits for its end.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// A client of the one endpoint.
///
/// Cheap to clone, and to be shared between threads; clones share one pool of connections. Nothing is sent before the
/// first call.
///
/// ```no_run
/// use turso_api_tokens::{Client, Credential};
///
/// let client = Client::new(Credential::from_file("/run/secrets/turso")?)?;
/// println!("{} tokens", client.list()?.len());
/// # Ok::<(), turso_api_tokens::Error>(())
/// ```
#[derive(Clone)]
pub struct Client {
    call: Arc<Call>,
}

impl Client {
    /// A client with the defaults of [`ClientBuilder`].
    ///
    /// # Errors
    /// [`Error::Config`] where the environment's proxy variables are wrong.
    pub fn new(credential: Credential) -> Result<Self, Error> {
        Self::builder(credential).build()
    }

    /// A client as the binary makes it without options: [`Credential::discover`] and [`ClientBuilder::environment`].
    ///
    /// # Errors
    /// Those of [`Credential::discover`] and [`ClientBuilder::build`].
    pub fn from_env() -> Result<Self, Error> {
        Self::builder(Credential::discover()?).environment().build()
    }

    /// A client with settings of its own.
    pub fn builder(credential: Credential) -> ClientBuilder {
        ClientBuilder {
            credential,
            base_url: Ok((BASE_URL_SETTING, BASE_URL.to_owned())),
            timeout: Duration::from_secs(30),
            retries: 2,
            max_response_bytes: 8 * 1024 * 1024,
            user_agent: concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")).to_owned(),
            roots: Ok(Roots::Bundled),
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
    /// Any but [`Error::Credential`] and [`Error::Config`].
    pub fn fetch(&self) -> Result<Answer, Error> {
        self.call.run()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("url", &self.call.credential.mask(&self.call.url.to_string()))
            .field("timeout", &self.call.timeout)
            .field("retries", &self.call.retries)
            .finish_non_exhaustive()
    }
}

/// The settings of a [`Client`]; from [`Client::builder`]. What is wrong with one is said by [`build`](Self::build).
///
/// ```
/// use std::time::Duration;
/// use turso_api_tokens::{Client, Credential};
///
/// let credential = Credential::new("eyJhbGciOi")?;
/// let client = Client::builder(credential).timeout(Duration::from_secs(5)).retries(0).build()?;
/// # Ok::<(), turso_api_tokens::Error>(())
/// ```
#[must_use]
pub struct ClientBuilder {
    credential: Credential,
    /// What to call it in messages, and its value.
    base_url: Result<(&'static str, String), Error>,
    timeout: Duration,
    retries: u32,
    max_response_bytes: u64,
    user_agent: String,
    roots: Result<Roots, Error>,
    agent: Option<Agent>,
    observer: Option<Observer>,
}

impl ClientBuilder {
    /// The API's base URL, with or without a path and a final slash; by default `https://api.turso.tech`. It must be
    /// https, or http to a loopback address or `localhost`, and have no user, query or fragment. The credential goes to
    /// its origin only.
    pub fn base_url(mut self, url: &str) -> Self {
        self.base_url = Ok((BASE_URL_SETTING, url.to_owned()));
        self
    }

    /// The time after which a call is over, retries and waits included; by default 30 seconds. Any but zero;
    /// [`Duration::MAX`] is as good as none.
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

    /// Trusts these PEM certificates, one or several, instead of the bundled Mozilla roots. Not together with
    /// [`agent`](Self::agent).
    pub fn root_certificates_pem(mut self, pem: &[u8]) -> Self {
        self.roots = Ok(Roots::Pem(pem.to_vec()));
        self
    }

    /// Takes the base URL from `TURSO_API_BASEURL`, the variable of the official CLI, else from `TURSO_BASE_URL`, that
    /// of the API's documentation, and the certificates to trust from the file that `SSL_CERT_FILE` names. An empty
    /// variable counts as unset. What is set later wins.
    pub fn environment(mut self) -> Self {
        if let Some(found) = proxy::variable(&BASE_URL_VARIABLES).transpose() {
            self.base_url = found;
        }
        if let Some(found) = proxy::variable(&CA_FILE_VARIABLES).transpose() {
            self.roots = found.map(|(name, path)| Roots::File(name, path.into()));
        }
        self
    }

    /// Sends through an agent of the caller's, with its connections, proxy, TLS and buffers. Its timeouts, its redirects
    /// and whatever else it limits are switched off for these calls; this crate's hold instead. As that is said with each
    /// request, ureq builds its TLS anew for each connection, until the agent has made a request of its own over https.
    ///
    /// `SSL_CERT_FILE` has no say over such an agent, and [`root_certificates_pem`](Self::root_certificates_pem) cannot be
    /// combined with one. It is the way to other certificates than the bundled ones or one's own, such as those that
    /// the operating system trusts; this needs ureq's feature `platform-verifier`:
    ///
    /// ```no_run
    /// use turso_api_tokens::ureq::Agent;
    /// use turso_api_tokens::ureq::tls::{RootCerts, TlsConfig};
    /// use turso_api_tokens::{Client, Credential};
    ///
    /// let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
    /// let agent = Agent::config_builder().tls_config(tls).build().new_agent();
    /// let client = Client::builder(Credential::from_env()?).agent(agent).build()?;
    /// # Ok::<(), turso_api_tokens::Error>(())
    /// ```
    pub fn agent(mut self, agent: Agent) -> Self {
        self.agent = Some(agent);
        self
    }

    /// Calls `observer` with a line for every step: where the settings come from, what is tried, and how it goes. The
    /// same lines go to the `log` facade at debug level; this is for programs without a logger. They hold the server's
    /// words as they came: print them [`Escaped`](crate::Escaped).
    pub fn observer(mut self, observer: impl Fn(fmt::Arguments<'_>) + Send + Sync + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Checks the settings and makes the client; nothing is sent.
    ///
    /// # Errors
    /// [`Error::Config`] that names the setting, or the variable that it came from, and says what is wrong with it.
    pub fn build(self) -> Result<Client, Error> {
        let (base_url_from, base_url) = self.base_url?;
        let url = url::endpoint(&base_url).map_err(|problem| Error::config(base_url_from, problem))?;
        if self.timeout.is_zero() {
            return Err(Error::config("timeout", "it must be longer than nothing"));
        }
        let user_agent = HeaderValue::from_str(&self.user_agent).ok();
        let user_agent = user_agent.filter(|value| !value.is_empty() && value.to_str().is_ok()).ok_or_else(|| {
            Error::config("user agent", "it must be visible ASCII characters and spaces, at least one")
        })?;
        let mut authorization = HeaderValue::try_from(format!("Bearer {}", self.credential.secret()))
            .map_err(|_| Error::credential("the credential cannot be sent in a header"))?;
        authorization.set_sensitive(true);
        let timeout = self.timeout.min(LONGEST);
        let is_own = self.agent.is_none();
        let (agent, trust, proxy) = match self.agent {
            Some(_) if matches!(self.roots, Ok(Roots::Pem(_))) => {
                return Err(Error::config("root certificates", "an agent of your own brings its own; set them there"));
            }
            Some(agent) => {
                let takes = |proxy: &&Proxy| url.scheme_str() == Some("https") && !proxy.is_no_proxy(&url);
                let proxy = agent.config().proxy().filter(takes).map(|proxy| proxy::name(proxy, "of the agent"));
                (agent, "the agent's".to_owned(), proxy)
            }
            None => {
                let (roots, found) = (self.roots?, proxy::from_env(&url, proxy::variable)?);
                let trust = roots.to_string();
                let longest = self.credential.secret().len().max(self.user_agent.len()) + 64;
                let named = found.as_ref().map(|(variable, proxy)| proxy::name(proxy, variable));
                let proxy = found.map(|(_, proxy)| proxy);
                (agent::new(&url, timeout, proxy, &self.user_agent, longest, roots)?, trust, named)
            }
        };
        let call = Call {
            agent: Mutex::new(agent),
            is_own,
            url,
            headers: [
                (AUTHORIZATION, authorization),
                (ACCEPT, HeaderValue::from_static("application/json")),
                // In so many words, as ureq would ask for those that other crates have turned on.
                (ACCEPT_ENCODING, HeaderValue::from_static("identity")),
                (USER_AGENT, user_agent),
            ],
            proxy,
            credential: self.credential,
            timeout,
            retries: self.retries,
            max_response_bytes: self.max_response_bytes,
            observer: self.observer,
        };
        let place = call.credential.place().unwrap_or("given by the program");
        call.note(format_args!("credential: {place}"));
        call.note(format_args!("{base_url_from}: {}", call.credential.mask(&base_url)));
        call.note(format_args!("proxy: {}", call.proxy.as_deref().unwrap_or("none")));
        call.note(format_args!("certificates: {trust}"));
        Ok(Client { call: Arc::new(call) })
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("credential", &self.credential)
            .field("timeout", &self.timeout)
            .field("retries", &self.retries)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ureq_gets_the_credential_in_a_header_marked_sensitive() {
        let client =
            Client::builder(Credential::new("secret").unwrap()).base_url("http://127.0.0.1:1").build().unwrap();
        let sensitive: Vec<_> = client.call.headers.iter().filter(|(_, value)| value.is_sensitive()).collect();
        assert!(matches!(sensitive[..], [(AUTHORIZATION, value)] if value.as_bytes() == b"Bearer secret"));
    }
}
