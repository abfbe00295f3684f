//! The client and its builder.

use crate::transport::{Roots, Transport, agent_config};
use crate::{
    answer::Answer, call::Call, credential::Credential, env::first_set, error::Error, input,
    token::ApiToken,
};
use crate::{proxy, url};
use log::debug;
use std::{fmt, path::Path, sync::Arc, time::Duration};
use ureq::http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, USER_AGENT};
use ureq::{Agent, Proxy, http::HeaderValue};

const BASE_URL_SETTING: &str = "base URL";
const ROOTS_SETTING: &str = "root certificates";
const MAX_ROOTS_SIZE: u64 = 8 * 1024 * 1024;
/// Keeps `Instant + timeout` from overflowing, and a thread that is left behind from staying for ever.
const MAX_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// A client for the endpoint that lists API tokens.
///
/// It is cheap to clone and can be shared between threads. Clones share one pool of connections. Nothing is sent before
/// the first call.
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
    /// Creates a client with the defaults of [`ClientBuilder`].
    ///
    /// # Errors
    /// [`Error::Config`] if the environment's proxy variables are invalid.
    pub fn new(credential: Credential) -> Result<Self, Error> {
        Self::builder(credential).build()
    }

    /// Creates a client as the binary does without options: [`Credential::discover`] and [`ClientBuilder::environment`].
    ///
    /// # Errors
    /// Those of [`Credential::discover`] and [`ClientBuilder::build`].
    pub fn discover() -> Result<Self, Error> {
        Self::builder(Credential::discover()?).environment().build()
    }

    /// Returns a builder, which has the settings.
    pub fn builder(credential: Credential) -> ClientBuilder {
        ClientBuilder {
            credential,
            base_url: Ok(("default", "https://api.turso.tech".to_owned())),
            timeout: Duration::from_secs(30),
            retries: 2,
            max_response_bytes: 2 * 1024 * 1024,
            user_agent: concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")).to_owned(),
            roots: Ok(None),
            agent: None,
            #[cfg(feature = "resolver")]
            split_lookup: false,
        }
    }

    /// Lists all Platform API tokens of the user whose credential it is, in the API's order.
    ///
    /// # Errors
    /// Those of [`fetch`](Self::fetch) and [`Answer::tokens`].
    pub fn list(&self) -> Result<Vec<ApiToken>, Error> {
        self.fetch()?.tokens()
    }

    /// Fetches the list without decoding it: `GET {base}/v1/auth/api-tokens`, retried after transient failures.
    ///
    /// # Errors
    /// Any but [`Error::Credential`] and [`Error::Config`].
    pub fn fetch(&self) -> Result<Answer, Error> {
        self.call.run()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.call.credential.redact(&self.call.url.to_string());
        f.debug_struct("Client")
            .field("url", &url)
            .field("timeout", &self.call.timeout)
            .finish_non_exhaustive()
    }
}

/// The settings of a [`Client`], from [`Client::builder`]. [`build`](Self::build) reports invalid ones.
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
    /// Where it came from: the setting's name for messages.
    base_url: Result<(&'static str, String), Error>,
    timeout: Duration,
    retries: u32,
    max_response_bytes: u64,
    user_agent: String,
    roots: Result<Option<Roots>, Error>,
    agent: Option<Agent>,
    #[cfg(feature = "resolver")]
    split_lookup: bool,
}

impl ClientBuilder {
    /// Sets the API's base URL, with or without a path and a final slash; the default is `https://api.turso.tech`. It must
    /// be https, or http to a loopback address or `localhost`, and must not contain userinfo, a query or a fragment. The
    /// credential goes to its origin only.
    pub fn base_url(self, url: &str) -> Self {
        self.base_url_from(BASE_URL_SETTING, url)
    }

    /// The same for this crate's binary, whose messages name the option.
    #[doc(hidden)]
    pub fn base_url_from(self, option: &'static str, url: &str) -> Self {
        Self {
            base_url: Ok((option, url.to_owned())),
            ..self
        }
    }

    /// Sets the time after which a call ends, retries and waits included; the default is 30 seconds. It must not be zero.
    /// More than an hour counts as an hour.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Sets how often a transient failure is retried; the default is 2.
    pub fn retries(self, retries: u32) -> Self {
        Self { retries, ..self }
    }

    /// Sets the size of the largest body to read, in bytes; the default is 2 MiB, some ten thousand tokens.
    pub fn max_response_bytes(self, bytes: u64) -> Self {
        Self {
            max_response_bytes: bytes,
            ..self
        }
    }

    /// Sets the `User-Agent` header; the default is this crate's name and version. It must be non-empty, printable ASCII.
    pub fn user_agent(self, name: &str) -> Self {
        Self {
            user_agent: name.to_owned(),
            ..self
        }
    }

    /// Trusts these PEM certificates, one or several, of at most 8 MiB, instead of the bundled Mozilla roots. Cannot be
    /// combined with [`agent`](Self::agent).
    pub fn root_certificates_pem(self, pem: &[u8]) -> Self {
        let pem = input::read(pem, MAX_ROOTS_SIZE);
        Self {
            roots: Ok(Some(Roots {
                setting: ROOTS_SETTING,
                label: "the PEM text".to_owned(),
                pem,
            })),
            ..self
        }
    }

    /// Trusts the PEM certificates in a file of at most 8 MiB, instead of the bundled Mozilla roots. The file is read now, and
    /// [`build`](Self::build) reports what is wrong with it. Cannot be combined with [`agent`](Self::agent).
    pub fn root_certificates_file(self, path: impl AsRef<Path>) -> Self {
        self.root_certificates_file_from(ROOTS_SETTING, path.as_ref())
    }

    /// The same for this crate's binary, whose messages name the option.
    #[doc(hidden)]
    pub fn root_certificates_file_from(self, option: &'static str, path: &Path) -> Self {
        Self {
            roots: Ok(Some(roots_from_file(option, path))),
            ..self
        }
    }

    /// Takes the base URL from `TURSO_API_BASEURL`, the official CLI's variable, else from `TURSO_BASE_URL`, the API
    /// documentation's, and the certificates to trust from the file that `SSL_CERT_FILE` names. An empty variable counts as
    /// unset. A setting made later wins.
    pub fn environment(self) -> Self {
        let base_url = first_set(&["TURSO_API_BASEURL", "TURSO_BASE_URL"])
            .transpose()
            .unwrap_or(self.base_url);
        let from_file =
            |(variable, path): (_, String)| Some(roots_from_file(variable, path.as_ref()));
        let roots = first_set(&["SSL_CERT_FILE"])
            .transpose()
            .map(|found| found.map(from_file))
            .unwrap_or(self.roots);
        Self {
            base_url,
            roots,
            ..self
        }
    }

    /// Sends through your own agent, with its connections, proxy, TLS and buffers. For these calls its timeouts, redirects
    /// and other limits are overridden by this crate's. As they are set per request, ureq builds its TLS anew for each
    /// connection until the agent has made a request of its own over https.
    ///
    /// `SSL_CERT_FILE` does not apply to such an agent. Use one to trust what the operating system trusts; this needs ureq's
    /// feature `platform-verifier`:
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
    pub fn agent(self, agent: Agent) -> Self {
        Self {
            agent: Some(agent),
            ..self
        }
    }

    /// Looks the host name up for IPv4 and IPv6 apart, side by side, so that a name server which refuses or drops one of the
    /// two questions neither fails the call nor holds it up. Cannot be combined with [`agent`](Self::agent).
    ///
    /// Once one family has addresses, the other is waited for 50 ms more (RFC 8305). This implements a trait that ureq keeps
    /// outside semver, so a later ureq 3 may need a later version of this crate.
    #[cfg(feature = "resolver")]
    #[cfg_attr(docsrs, doc(cfg(feature = "resolver")))]
    pub fn split_lookup(self) -> Self {
        Self {
            split_lookup: true,
            ..self
        }
    }

    /// Checks the settings and creates the client. Nothing is sent.
    ///
    /// # Errors
    /// [`Error::Config`] that names the setting, or the variable that it came from, and says what is wrong with it.
    pub fn build(self) -> Result<Client, Error> {
        let (credential, timeout) = (self.credential, self.timeout.min(MAX_TIMEOUT));
        let (url_setting, base_url) = self.base_url?;
        let shown_url = credential.redact(&base_url);
        let url = url::endpoint(&base_url, &shown_url)
            .map_err(|problem| Error::config(url_setting, problem))?;
        if timeout.is_zero() {
            return Err(Error::config("timeout", "it must be greater than zero"));
        }
        let is_valid = |value: &HeaderValue| !value.is_empty() && value.to_str().is_ok();
        let header = HeaderValue::from_str(&self.user_agent)
            .ok()
            .filter(is_valid);
        let user_agent = header
            .ok_or_else(|| Error::config("user agent", "it must be non-empty, printable ASCII"))?;
        let mut authorization = HeaderValue::try_from(format!("Bearer {}", credential.secret()))
            .map_err(|_| Error::credential("the credential cannot be sent in a header"))?;
        authorization.set_sensitive(true);
        let is_callers = self.agent.is_some();
        #[cfg(feature = "resolver")]
        if is_callers && self.split_lookup {
            return Err(Error::config(
                "split lookup",
                "cannot be combined with `agent`, which has its own resolver",
            ));
        }
        let by_program = "given by the program";
        let given = |setting, default| {
            if setting == default {
                by_program
            } else {
                setting
            }
        };
        let (agent, proxy, proxy_source, roots_label) = if let Some(agent) = self.agent {
            // `SSL_CERT_FILE` does not apply to it, but what the program has set must not be ignored.
            if let Ok(Some(Roots {
                setting: ROOTS_SETTING,
                ..
            })) = self.roots
            {
                return Err(Error::config(
                    ROOTS_SETTING,
                    "cannot be combined with `agent`; set them on the agent",
                ));
            }
            let uses_proxy =
                |proxy: &&Proxy| url.scheme_str() == Some("https") && !proxy.is_no_proxy(&url);
            let proxy = agent.config().proxy().filter(uses_proxy).cloned();
            (agent, proxy, "from your agent", "the agent's".to_owned())
        } else {
            let roots = self.roots?;
            let roots_label = match &roots {
                None => "the bundled Mozilla roots".to_owned(),
                Some(Roots { setting, label, .. }) => {
                    format!("{label} ({})", given(setting, ROOTS_SETTING))
                }
            };
            let (proxy_source, proxy) = proxy::from_env(&url, first_set)?.unzip();
            let max_header_len = credential.secret().len().max(self.user_agent.len()) + 64;
            let config = agent_config(
                &url,
                timeout,
                proxy.clone(),
                &self.user_agent,
                max_header_len,
                roots,
            )?;
            #[cfg(feature = "resolver")]
            let agent = if self.split_lookup {
                crate::resolver::agent(config)
            } else {
                config.new_agent()
            };
            #[cfg(not(feature = "resolver"))]
            let agent = config.new_agent();
            (agent, proxy, proxy_source.unwrap_or_default(), roots_label)
        };
        // Never its user name or password.
        let label = |proxy: &Proxy| format!("{}:{} ({proxy_source})", proxy.host(), proxy.port());
        let proxy_label = proxy.as_ref().map(label);
        let source = credential
            .source()
            .map_or_else(|| by_program.to_owned(), ToString::to_string);
        debug!("credential: {source}");
        debug!(
            "base URL: {shown_url} ({})",
            given(url_setting, BASE_URL_SETTING)
        );
        debug!("proxy: {}", proxy_label.as_deref().unwrap_or("none"));
        debug!("certificates: {roots_label}");
        let headers = [
            (AUTHORIZATION, authorization),
            (ACCEPT, HeaderValue::from_static("application/json")),
            // Explicit: otherwise ureq asks for every coding that another crate has enabled.
            (ACCEPT_ENCODING, HeaderValue::from_static("identity")),
            (USER_AGENT, user_agent),
        ];
        let transport = Transport {
            agent,
            is_callers,
            headers,
            proxy,
        };
        let (retries, max_response_bytes) = (self.retries, self.max_response_bytes);
        let call = Call {
            transport,
            url,
            proxy_label,
            credential,
            timeout,
            retries,
            max_response_bytes,
        };
        Ok(Client {
            call: Arc::new(call),
        })
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("credential", &self.credential)
            .finish_non_exhaustive()
    }
}

fn roots_from_file(setting: &'static str, path: &Path) -> Roots {
    Roots {
        setting,
        label: input::shown(path),
        pem: input::read_file(path, MAX_ROOTS_SIZE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ureq_gets_the_credential_in_a_header_marked_sensitive() {
        let client = Client::builder(Credential::new("secret").unwrap())
            .base_url("http://127.0.0.1:1")
            .build()
            .unwrap();
        let headers = &client.call.transport.headers;
        let sensitive: Vec<_> = headers
            .iter()
            .filter(|(_, value)| value.is_sensitive())
            .collect();
        assert!(
            matches!(sensitive[..], [(AUTHORIZATION, value)] if value.as_bytes() == b"Bearer secret")
        );
    }

    #[test]
    fn a_timeout_of_more_than_an_hour_counts_as_an_hour() {
        let timeout = |timeout| {
            let builder =
                Client::builder(Credential::new("secret").unwrap()).base_url("http://127.0.0.1:1");
            builder.timeout(timeout).build().unwrap().call.timeout
        };
        assert_eq!(timeout(Duration::MAX), Duration::from_secs(3600));
        assert_eq!(
            timeout(Duration::from_secs(3600)),
            Duration::from_secs(3600)
        );
        assert_eq!(
            timeout(Duration::from_secs(3599)),
            Duration::from_secs(3599)
        );
    }

    #[test]
    fn debug_shows_where_a_client_goes_and_no_secret() {
        let builder = Client::builder(Credential::new("secret").unwrap())
            .base_url("http://127.0.0.1:1/secret");
        assert_eq!(
            format!("{builder:?}"),
            "ClientBuilder { credential: Credential { source: None, .. }, .. }"
        );
        let client = format!("{:?}", builder.build().unwrap());
        assert_eq!(
            client,
            r#"Client { url: "http://127.0.0.1:1/***/v1/auth/api-tokens", timeout: 30s, .. }"#
        );
    }

    #[test]
    fn an_agents_proxy_counts_only_for_https_and_hosts_that_it_does_not_exempt() {
        let label = |base_url: &str| {
            let proxy = Proxy::builder(ureq::ProxyProtocol::Http)
                .host("p")
                .port(1)
                .no_proxy("exempt")
                .build()
                .unwrap();
            let agent = Agent::config_builder()
                .proxy(Some(proxy))
                .build()
                .new_agent();
            let builder = Client::builder(Credential::new("secret").unwrap())
                .base_url(base_url)
                .agent(agent);
            builder.build().unwrap().call.proxy_label.clone()
        };
        assert_eq!(label("https://h").as_deref(), Some("p:1 (from your agent)"));
        assert_eq!(label("https://exempt"), None);
        assert_eq!(label("http://127.0.0.1:1"), None);
    }
}
