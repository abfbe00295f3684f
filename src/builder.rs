//! The client's builder: settings in, checked one by one, a client out.

use crate::call::Shared;
use crate::client::Client;
use crate::credential::Credential;
use crate::env::first_set;
use crate::error::Error;
use crate::input;
use crate::proxy::Via;
use crate::target::Target;
use crate::transport::{AgentSettings, Certificates, Transport, agent_config, bearer};
use crate::url::{destination, endpoint, is_https};
use log::debug;
use std::path::Path;
use std::time::Duration;
use std::{fmt, io};
use ureq::config::Config;
use ureq::http::header::{ACCEPT, ACCEPT_ENCODING, HOST, USER_AGENT};
use ureq::http::{HeaderName, HeaderValue, Uri};
use ureq::{Agent, Proxy};

const BASE_URL_SETTING: &str = "base URL";
const ROOTS_SETTING: &str = "root certificates";

const DEFAULT_BASE_URL: &str = "https://api.turso.tech";
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
const DEFAULT_RETRIES: u32 = 2;
const DEFAULT_MAX_RESPONSE_BYTES: u64 = 2 * 1024 * 1024;
const DEFAULT_USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

/// Keeps `Instant + timeout` from overflowing, and a thread that is left behind from staying
/// forever.
const MAX_TIMEOUT: Duration = Duration::from_secs(60 * 60);
const MAX_ROOTS_SIZE: u64 = 8 * 1024 * 1024;

/// The settings of a [`Client`], from [`Client::builder`]. [`build`](Self::build) reports invalid
/// ones.
///
/// ```no_run
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
    base_url: Result<BaseUrl, Error>,
    timeout: Duration,
    retries: u32,
    max_response_bytes: u64,
    connection: ConnectionSettings,
}

impl ClientBuilder {
    pub(crate) fn new(credential: Credential) -> Self {
        Self {
            credential,
            base_url: Ok(BaseUrl {
                origin: Origin::Default,
                text: DEFAULT_BASE_URL.to_owned(),
            }),
            timeout: DEFAULT_TIMEOUT,
            retries: DEFAULT_RETRIES,
            max_response_bytes: DEFAULT_MAX_RESPONSE_BYTES,
            connection: ConnectionSettings {
                user_agent: DEFAULT_USER_AGENT.to_owned(),
                roots: None,
                proxy: ProxySetting::Environment,
                agent: None,
                split_lookup: false,
            },
        }
    }

    /// Sets the API's base URL, with or without a path, a final slash and white space around it;
    /// the default is `https://api.turso.tech`. It must be https, or http to a loopback address or
    /// `localhost`, and must not contain userinfo, a query or a fragment.
    ///
    /// The credential goes to this URL only. `http://localhost` connects to 127.0.0.1, without
    /// asking a name server.
    pub fn base_url(self, url: &str) -> Self {
        self.set_base_url(Origin::Program, url)
    }

    /// Does the same as [`base_url`](Self::base_url), for this crate's binary: `option` is the name
    /// that messages use.
    #[doc(hidden)]
    pub fn base_url_from(self, option: &'static str, url: &str) -> Self {
        self.set_base_url(Origin::Named(option), url)
    }

    fn set_base_url(mut self, origin: Origin, url: &str) -> Self {
        self.base_url = Ok(BaseUrl {
            origin,
            text: url.trim_ascii().to_owned(),
        });
        self
    }

    /// Sets the time after which a call ends, retries and waits included; the default is 30
    /// seconds. It must not be zero. More than an hour counts as an hour. Decoding comes after the
    /// call.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets how often a transient failure is retried at most; the default is 2, and 0 turns it off.
    /// The wait before a retry is random, up to 0.5 s before the first and twice as long before
    /// each further one, up to 10 s. A `Retry-After` comes first, and the random part after it is up to
    /// a quarter of it if that is longer. No retry begins that the timeout leaves no time for.
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// Sets the size of the largest body to read, in bytes; the default is 2 MiB, some ten thousand
    /// tokens. A larger one is [`Error::TooLarge`]. Of an error's body at most 16 KiB are read,
    /// whatever the limit is.
    pub fn max_response_bytes(mut self, bytes: u64) -> Self {
        self.max_response_bytes = bytes;
        self
    }

    /// Sets the `User-Agent` header; the default is this crate's name and version. It must be
    /// non-empty, printable ASCII.
    pub fn user_agent(mut self, name: &str) -> Self {
        name.clone_into(&mut self.connection.user_agent);
        self
    }

    /// Trusts these PEM certificates, one or several, of at most 8 MiB, instead of the bundled
    /// Mozilla roots. Cannot be combined with [`agent`](Self::agent).
    pub fn root_certificates_pem(mut self, pem: &[u8]) -> Self {
        // The same limit and the same byte order mark as in a file.
        let pem = input::read(pem, MAX_ROOTS_SIZE);
        self.connection.roots = Some(Roots::new(Origin::Program, "the PEM text", pem));
        self
    }

    /// Trusts the PEM certificates in a file of at most 8 MiB, instead of the bundled Mozilla
    /// roots. The file is read now, and [`build`](Self::build) reports what is wrong with it.
    /// Cannot be combined with [`agent`](Self::agent).
    pub fn root_certificates_file(self, path: impl AsRef<Path>) -> Self {
        self.set_roots_file(Origin::Program, path.as_ref())
    }

    /// Does the same as [`root_certificates_file`](Self::root_certificates_file), for this crate's
    /// binary: `option` is the name that messages use.
    #[doc(hidden)]
    pub fn root_certificates_file_from(self, option: &'static str, path: &Path) -> Self {
        self.set_roots_file(Origin::Named(option), path)
    }

    fn set_roots_file(mut self, origin: Origin, path: &Path) -> Self {
        let label = self.credential.redact(&path.display().to_string());
        let pem = input::read_file(path, MAX_ROOTS_SIZE);
        self.connection.roots = Some(Roots::new(origin, &label, pem));
        self
    }

    /// Takes the base URL from `TURSO_API_BASEURL`, the official CLI's variable, else from
    /// `TURSO_BASE_URL`, the API documentation's, and the certificates to trust from the file that
    /// `SSL_CERT_FILE` names. The file is read now, and [`build`](Self::build) reports what is
    /// wrong with it. An empty variable counts as unset. A setting made later wins.
    pub fn environment(mut self) -> Self {
        match first_set(&["TURSO_API_BASEURL", "TURSO_BASE_URL"]) {
            Ok(Some(found)) => {
                self = self.set_base_url(Origin::Named(found.name), &found.value);
            }
            Ok(None) => {}
            Err(error) => self.base_url = Err(error),
        }

        match first_set(&["SSL_CERT_FILE"]) {
            Ok(Some(found)) => {
                let path = Path::new(&found.value);
                self = self.set_roots_file(Origin::Named(found.name), path);
            }
            Ok(None) => {}
            Err(error) => {
                self.connection.roots = Some(Roots {
                    origin: Origin::Named("SSL_CERT_FILE"),
                    trusted: Err(error),
                });
            }
        }
        self
    }

    /// Sends through this proxy, or directly if it is `None`. If this method is not called, the
    /// proxy comes from `https_proxy`, `HTTPS_PROXY`, `all_proxy` or `ALL_PROXY`, in this order,
    /// unless `no_proxy` or `NO_PROXY` lists the host. If it is called, these variables are
    /// ignored.
    ///
    /// The proxy's own `no_proxy` counts. A SOCKS 5 proxy resolves the host name itself. SOCKS 4
    /// with a user name is not supported: [`build`](Self::build) reports it. Plain http uses no
    /// proxy, as it is for loopback. Cannot be combined with [`agent`](Self::agent), which has its
    /// own proxy.
    ///
    /// ```no_run
    /// use turso_api_tokens::ureq::Proxy;
    /// use turso_api_tokens::{Client, Credential};
    ///
    /// let proxy = Proxy::new("http://user:password@proxy.example:3128")?;
    /// let client = Client::builder(Credential::new("eyJhbGciOi")?).proxy(Some(proxy)).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn proxy(mut self, proxy: Option<Proxy>) -> Self {
        self.connection.proxy = ProxySetting::Program(proxy);
        self
    }

    /// Sends through your own agent, with its connections, proxy, TLS and buffers. For these calls
    /// its timeouts, redirects and other limits are overridden by this crate's. Cannot be combined
    /// with [`proxy`](Self::proxy), with certificates that the program sets, or with
    /// `split_lookup`.
    ///
    /// These are per-request overrides. ureq does not cache TLS state for such requests, so make
    /// one https request with the agent first if you need session resumption.
    ///
    /// `SSL_CERT_FILE` does not apply to such an agent. Use one to trust what the operating system
    /// trusts; this needs ureq's feature `platform-verifier`:
    ///
    #[cfg_attr(feature = "rustls", doc = "```no_run")]
    #[cfg_attr(not(feature = "rustls"), doc = "```ignore")]
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
        self.connection.agent = Some(agent);
        self
    }

    /// Looks the host name up for IPv4 and IPv6 apart, side by side, so that a name server which
    /// refuses or drops one of the two questions neither fails the call nor holds it up. Cannot be
    /// combined with [`agent`](Self::agent).
    ///
    /// Once one family has addresses, the other is waited for 50 ms more (RFC 8305). This
    /// implements a trait that ureq keeps outside semver, so a later ureq 3 may need a later
    /// version of this crate.
    #[cfg(feature = "resolver")]
    #[cfg_attr(docsrs, doc(cfg(feature = "resolver")))]
    pub fn split_lookup(mut self) -> Self {
        self.connection.split_lookup = true;
        self
    }

    /// Checks the settings and creates the client. Nothing is sent.
    ///
    /// # Errors
    /// [`Error::Config`] that names the setting, or the variable that it came from, and says what
    /// is wrong with it.
    pub fn build(self) -> Result<Client, Error> {
        self.connection.check_combinations()?;
        let timeout = checked_timeout(self.timeout)?;
        let user_agent = user_agent_header(&self.connection.user_agent)?;

        let base_url = self.base_url?;
        let url = checked_endpoint(&base_url, &self.credential)?;
        let route = self.connection.route(&url, base_url.origin, timeout)?;

        let target = Target {
            url,
            proxy: route.via.as_ref().map(Via::label),
            credential: self.credential,
            timeout,
        };
        log_settings(&target, &base_url, &route.roots_label);

        let to = destination(&target.url);
        let transport = Transport {
            agent: route.agent,
            agent_is_given: route.agent_is_given,
            url: to.url,
            authorization: bearer(&target.credential),
            other_headers: other_headers(user_agent, to.host),
            proxy: route.via.map(|via| via.proxy),
        };
        Ok(Client::from_shared(Shared {
            transport,
            target,
            retries: self.retries,
            max_response_bytes: self.max_response_bytes,
        }))
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("credential", &self.credential)
            .finish_non_exhaustive()
    }
}

/// Where a setting came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Default,
    /// The program that embeds this library called a method of the builder.
    Program,
    /// A variable, or an option of the binary.
    Named(&'static str),
}

impl Origin {
    /// What an error calls the setting: the variable or option that it came from, else `name`.
    fn setting(self, name: &'static str) -> &'static str {
        match self {
            Self::Named(variable) => variable,
            Self::Default | Self::Program => name,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Default => "default",
            Self::Program => "given by the program",
            Self::Named(variable) => variable,
        })
    }
}

struct BaseUrl {
    origin: Origin,
    text: String,
}

/// The certificates to trust, as they were set.
struct Roots {
    origin: Origin,
    /// The certificates, or what is wrong with them.
    trusted: Result<Trusted, Error>,
}

struct Trusted {
    certificates: Certificates,
    /// What the log calls them.
    label: String,
}

impl Roots {
    /// `label` is what messages call the text.
    fn new(origin: Origin, label: &str, pem: io::Result<Vec<u8>>) -> Self {
        Self {
            origin,
            trusted: Trusted::new(origin, label, pem),
        }
    }
}

impl Trusted {
    fn new(origin: Origin, label: &str, pem: io::Result<Vec<u8>>) -> Result<Self, Error> {
        let setting = origin.setting(ROOTS_SETTING);

        let pem = match pem {
            Ok(pem) => pem,
            Err(source) => {
                return Err(Error::Config {
                    setting,
                    problem: format!("could not read {label}"),
                    source: Some(source.into()),
                });
            }
        };
        match Certificates::from_pem(&pem) {
            Ok(certificates) => Ok(Self {
                certificates,
                label: format!("{label} ({origin})"),
            }),
            Err(problem) => Err(Error::config(setting, format!("{label} {problem}"))),
        }
    }

    fn bundled() -> Self {
        Self {
            certificates: Certificates::bundled(),
            label: "the bundled Mozilla roots".to_owned(),
        }
    }
}

enum ProxySetting {
    Environment,
    /// `None` connects directly.
    Program(Option<Proxy>),
}

impl ProxySetting {
    fn via(self, url: &Uri) -> Result<Option<Via>, Error> {
        match self {
            Self::Environment => Via::from_env(url),
            Self::Program(Some(proxy)) => Via::from_program(proxy, url),
            Self::Program(None) => Ok(None),
        }
    }
}

/// What decides how requests get to the server.
struct ConnectionSettings {
    user_agent: String,
    /// `None` trusts the bundled Mozilla roots.
    roots: Option<Roots>,
    proxy: ProxySetting,
    agent: Option<Agent>,
    split_lookup: bool,
}

/// How requests get to the server.
struct Route {
    agent: Agent,
    /// Whether the agent is the caller's.
    agent_is_given: bool,
    via: Option<Via>,
    /// What is trusted, for the log.
    roots_label: String,
}

impl ConnectionSettings {
    /// Rejects settings that the program made and its own agent would ignore. `SSL_CERT_FILE` is not
    /// one: whoever set it did not write the program.
    fn check_combinations(&self) -> Result<(), Error> {
        if self.agent.is_none() {
            return Ok(());
        }

        if self.split_lookup {
            let problem = "cannot be combined with `agent`, which has its own resolver";
            return Err(Error::config("split lookup", problem));
        }
        if let ProxySetting::Program(_) = self.proxy {
            let problem = "cannot be combined with `agent`, which has its own proxy";
            return Err(Error::config("proxy", problem));
        }
        if let Some(Roots {
            origin: Origin::Program,
            ..
        }) = self.roots
        {
            let problem = "cannot be combined with `agent`; set them on the agent";
            return Err(Error::config(ROOTS_SETTING, problem));
        }
        Ok(())
    }

    /// The route to a URL, whose base came from `base_url`.
    fn route(self, url: &Uri, base_url: Origin, timeout: Duration) -> Result<Route, Error> {
        if let Some(agent) = self.agent {
            return Ok(Route {
                via: Via::of_agent(&agent, url),
                agent,
                agent_is_given: true,
                roots_label: "the agent's".to_owned(),
            });
        }

        let via = self.proxy.via(url)?;
        let trusted = match self.roots {
            Some(roots) => roots.trusted?,
            None => Trusted::bundled(),
        };
        check_tls_is_there(url, base_url)?;

        let config = agent_config(AgentSettings {
            is_https: is_https(url),
            timeout,
            proxy: via.as_ref().map(|via| via.proxy.clone()),
            user_agent: &self.user_agent,
            certificates: trusted.certificates,
        });
        Ok(Route {
            agent: new_agent(&config, self.split_lookup),
            agent_is_given: false,
            via,
            roots_label: trusted.label,
        })
    }
}

fn checked_timeout(timeout: Duration) -> Result<Duration, Error> {
    if timeout.is_zero() {
        return Err(Error::config("timeout", "it must be greater than zero"));
    }
    Ok(timeout.min(MAX_TIMEOUT))
}

fn user_agent_header(name: &str) -> Result<HeaderValue, Error> {
    let is_printable = name.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    match HeaderValue::from_str(name) {
        Ok(header) if is_printable && !name.is_empty() => Ok(header),
        _ => {
            let problem = "it must be non-empty, printable ASCII";
            Err(Error::config("user agent", problem))
        }
    }
}

fn checked_endpoint(base_url: &BaseUrl, credential: &Credential) -> Result<Uri, Error> {
    endpoint(&base_url.text).map_err(|fault| {
        let setting = base_url.origin.setting(BASE_URL_SETTING);
        let shown = credential.redact(&base_url.text);
        Error::config(setting, fault.describe(&shown))
    })
}

fn check_tls_is_there(url: &Uri, origin: Origin) -> Result<(), Error> {
    if is_https(url) && cfg!(not(feature = "rustls")) {
        let setting = origin.setting(BASE_URL_SETTING);
        let problem = "https needs the feature `rustls`, or an agent of your own";
        return Err(Error::config(setting, problem));
    }
    Ok(())
}

#[cfg(feature = "resolver")]
fn new_agent(config: &Config, split_lookup: bool) -> Agent {
    if split_lookup {
        crate::resolver::agent(config.clone())
    } else {
        config.new_agent()
    }
}

#[cfg(not(feature = "resolver"))]
fn new_agent(config: &Config, _split_lookup: bool) -> Agent {
    config.new_agent()
}

/// The headers besides `Authorization`. `host` is there if the URL to connect to has another one.
fn other_headers(
    user_agent: HeaderValue,
    host: Option<HeaderValue>,
) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = vec![
        (ACCEPT, HeaderValue::from_static("application/json")),
        // Explicit: otherwise ureq asks for every coding that another crate has enabled.
        (ACCEPT_ENCODING, HeaderValue::from_static("identity")),
        (USER_AGENT, user_agent),
    ];
    if let Some(host) = host {
        headers.push((HOST, host));
    }
    headers
}

fn log_settings(target: &Target, base_url: &BaseUrl, roots_label: &str) {
    match target.credential.source() {
        Some(source) => debug!("credential: {source}"),
        None => debug!("credential: {}", Origin::Program),
    }
    let shown = target.redact(&base_url.text);
    debug!("base URL: {shown} ({})", base_url.origin);
    debug!(
        "proxy: {}",
        target.shown_proxy().unwrap_or_else(|| "none".to_owned())
    );
    debug!("certificates: {roots_label}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use ureq::http::header::AUTHORIZATION;

    fn builder() -> ClientBuilder {
        Client::builder(Credential::new("secret").unwrap()).base_url("http://127.0.0.1:1")
    }

    fn target(builder: ClientBuilder) -> Target {
        builder.build().unwrap().shared().target.clone()
    }

    #[test]
    fn ureq_gets_the_credential_in_a_header_marked_sensitive() {
        let client = builder().build().unwrap();
        let transport = &client.shared().transport;
        assert!(transport.authorization.is_sensitive());
        assert_eq!(transport.authorization.as_bytes(), b"Bearer secret");
        for (name, value) in &transport.other_headers {
            assert!(*name != AUTHORIZATION && !value.is_sensitive(), "{name}");
        }
    }

    #[test]
    fn another_credential_replaces_the_first_everywhere() {
        let first = builder().base_url("http://127.0.0.1:1/secret/other");
        let client = first.build().unwrap();
        let other = client.with_credential(Credential::new("other").unwrap());

        let transport = &other.shared().transport;
        assert_eq!(transport.authorization.as_bytes(), b"Bearer other");
        assert!(transport.authorization.is_sensitive());
        let url = |client: &Client| client.shared().target.shown_url();
        assert!(url(&client).contains("/***/other/"));
        assert!(url(&other).contains("/secret/***/"));
    }

    #[test]
    fn a_timeout_of_more_than_an_hour_counts_as_an_hour() {
        let timeout = |timeout| target(builder().timeout(timeout)).timeout;
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
        let builder = builder().base_url("http://127.0.0.1:1/secret");
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
            target(builder().base_url(base_url).agent(agent)).proxy
        };
        assert_eq!(label("https://h").as_deref(), Some("p:1 (from your agent)"));
        assert_eq!(label("https://exempt"), None);
        assert_eq!(label("http://127.0.0.1:1"), None);
    }

    #[test]
    fn a_caller_s_agent_excludes_what_it_would_ignore() {
        let with_agent = || builder().agent(Agent::new_with_defaults());
        for (builder, expected) in [
            (
                with_agent().proxy(None),
                "proxy: cannot be combined with `agent`, which has its own proxy",
            ),
            (
                with_agent().root_certificates_pem(b"x"),
                "root certificates: cannot be combined with `agent`; set them on the agent",
            ),
            (
                with_agent().root_certificates_file("/missing"),
                "root certificates: cannot be combined with `agent`; set them on the agent",
            ),
        ] {
            assert_eq!(builder.build().unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn a_user_agent_is_printable_ascii() {
        for invalid in ["", "a\tb", "a\r\nb", "\u{e9}", "\u{7f}"] {
            let error = builder().user_agent(invalid).build().unwrap_err();
            assert_eq!(
                error.to_string(),
                "user agent: it must be non-empty, printable ASCII",
                "{invalid:?}"
            );
        }
        assert!(builder().user_agent("a b~!").build().is_ok());
    }

    #[cfg(feature = "resolver")]
    #[test]
    fn only_a_client_that_asks_for_it_looks_families_up_apart() {
        let agent = |builder: ClientBuilder| {
            let client = builder.build().unwrap();
            format!("{:?}", client.shared().transport.agent)
        };
        assert!(agent(builder().split_lookup()).contains("SplitLookup"));
        assert!(!agent(builder()).contains("SplitLookup"));
    }
}
