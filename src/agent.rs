//! The ureq agent of this crate's own: trust, limits, proxy.

use crate::error::Error;
use crate::retry::FIRST_CONNECTING;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;
use ureq::http::Uri;
use ureq::{Agent, Proxy};

/// The largest header, plus one byte to see that it is larger. ureq compares it with all that has come at once, an interim
/// answer and the beginning of a body included: over TLS that is little more than a record, over loopback much more.
const INPUT_BUFFER: usize = 24 * 1024;
const LOOPBACK_INPUT_BUFFER: usize = 256 * 1024;
/// The longest request line, which a redirect decides. A header goes out in one piece as well.
const OUTPUT_BUFFER: usize = 16 * 1024;

/// Whom to trust.
#[cfg_attr(not(feature = "rustls"), expect(dead_code, reason = "without TLS nobody has to be trusted"))]
pub(crate) enum Roots {
    /// The bundled Mozilla roots.
    Bundled,
    /// Certificates in PEM, as the caller gave them.
    Pem(Vec<u8>),
    /// A file of them, and the variable that names it.
    File(&'static str, PathBuf),
}

impl fmt::Display for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bundled => f.write_str("the bundled Mozilla roots"),
            Self::Pem(_) => f.write_str("given by the program"),
            Self::File(variable, path) => write!(f, "{} ({variable})", path.display()),
        }
    }
}

/// An agent whose requests need no configuration of their own: with one, ureq builds its TLS anew for each connection.
///
/// `longest` is that of the headers to be sent.
pub(crate) fn new(
    url: &Uri,
    timeout: Duration,
    proxy: Option<Proxy>,
    user_agent: &str,
    longest: usize,
    roots: Roots,
) -> Result<Agent, Error> {
    let input_buffer = if url.scheme_str() == Some("https") { INPUT_BUFFER } else { LOOPBACK_INPUT_BUFFER };
    let config = Agent::config_builder()
        .proxy(proxy)
        .user_agent(user_agent)
        .http_status_as_error(false)
        .max_redirects(0)
        .input_buffer_size(input_buffer)
        .output_buffer_size(OUTPUT_BUFFER.max(longest))
        .max_response_header_size(largest_header(input_buffer))
        .timeout_global(Some(timeout))
        .timeout_resolve(Some(FIRST_CONNECTING))
        .timeout_connect(Some(FIRST_CONNECTING));
    Ok(trust(config, url, roots)?.build().new_agent())
}

/// The largest header that an input buffer of this size can hold. Where one fills the buffer, ureq takes that for a lost
/// connection, so it must be refused before.
pub(crate) fn largest_header(input_buffer: usize) -> usize {
    input_buffer.saturating_sub(1)
}

type AgentConfig = ureq::config::ConfigBuilder<ureq::typestate::AgentScope>;

#[cfg(feature = "rustls")]
fn trust(config: AgentConfig, _: &Uri, roots: Roots) -> Result<AgentConfig, Error> {
    use ureq::tls::{RootCerts, TlsConfig, TlsProvider};
    let roots = match roots {
        Roots::Bundled => RootCerts::WebPki,
        Roots::Pem(pem) => certificates("root certificates", "the PEM text", Ok(pem))?,
        Roots::File(variable, path) => certificates(variable, &path.display().to_string(), std::fs::read(&path))?,
    };
    // Both are said, as what ureq takes by default may change with its features.
    Ok(config.tls_config(TlsConfig::builder().provider(TlsProvider::Rustls).root_certs(roots).build()))
}

/// The certificates in a PEM text that goes by a name, for a setting.
#[cfg(feature = "rustls")]
fn certificates(
    setting: &'static str,
    name: &str,
    pem: std::io::Result<Vec<u8>>,
) -> Result<ureq::tls::RootCerts, Error> {
    use ureq::tls::{PemItem, parse_pem};
    let wrong = |problem, source| Error::Config { setting, problem, source };
    let pem = pem.map_err(|error| wrong(format!("could not read {name}"), Some(error.into())))?;
    let items: Result<Vec<_>, _> = parse_pem(&pem).collect();
    let items = items.map_err(|error| wrong(format!("{name} is not PEM"), Some(error.into())))?;
    let certificate = |item| if let PemItem::Certificate(certificate) = item { Some(certificate) } else { None };
    let certificates: Vec<_> = items.into_iter().filter_map(certificate).collect();
    if certificates.is_empty() {
        return Err(wrong(format!("{name} holds no PEM certificate"), None));
    }
    Ok(certificates.into())
}

#[cfg(not(feature = "rustls"))]
fn trust(config: AgentConfig, url: &Uri, _: Roots) -> Result<AgentConfig, Error> {
    if url.scheme_str() == Some("https") {
        return Err(Error::config("base URL", "https needs the feature `rustls`, or an agent of your own"));
    }
    Ok(config)
}
