//! The client.

use crate::answer::Answer;
use crate::builder::ClientBuilder;
use crate::call::{Call, Shared};
use crate::credential::Credential;
use crate::error::Error;
use crate::token::ApiToken;
use std::fmt;
use std::sync::Arc;

/// A client for the endpoint that lists API tokens.
///
/// It is cheap to clone and can be shared between threads. Clones share one pool of connections.
/// Nothing is sent before the first call.
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
    shared: Arc<Shared>,
}

impl Client {
    /// Creates a client with the defaults of [`ClientBuilder`].
    ///
    /// # Errors
    /// [`Error::Config`] if the environment's proxy variables are invalid, or without the feature
    /// `rustls`, as the default base URL is https.
    pub fn new(credential: Credential) -> Result<Self, Error> {
        Self::builder(credential).build()
    }

    /// Creates a client as the binary does without options: [`Credential::discover`] and
    /// [`ClientBuilder::environment`].
    ///
    /// # Errors
    /// Those of [`Credential::discover`] and [`ClientBuilder::build`].
    pub fn discover() -> Result<Self, Error> {
        let credential = Credential::discover()?;
        Self::builder(credential).environment().build()
    }

    /// Returns a builder, which has the settings.
    pub fn builder(credential: Credential) -> ClientBuilder {
        ClientBuilder::new(credential)
    }

    /// Returns a client for another account that shares this client's settings and connections.
    ///
    /// ```no_run
    /// use turso_api_tokens::{Client, Credential};
    ///
    /// let first = Client::discover()?;
    /// for account in ["a", "b"] {
    ///     let credential = Credential::from_file(format!("/run/secrets/{account}"))?;
    ///     println!("{account}: {} tokens", first.with_credential(credential).list()?.len());
    /// }
    /// # Ok::<(), turso_api_tokens::Error>(())
    /// ```
    #[must_use]
    pub fn with_credential(&self, credential: Credential) -> Self {
        Self::from_shared(self.shared.with_credential(credential))
    }

    pub(crate) fn from_shared(shared: Shared) -> Self {
        Self {
            shared: Arc::new(shared),
        }
    }

    #[cfg(test)]
    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Lists all Platform API tokens of the user that the credential belongs to, in the API's
    /// order.
    ///
    /// # Errors
    /// Those of [`fetch`](Self::fetch) and [`Answer::tokens`].
    pub fn list(&self) -> Result<Vec<ApiToken>, Error> {
        self.fetch()?.tokens()
    }

    /// Fetches the list without decoding it: `GET {base}/v1/auth/api-tokens`, retried after
    /// transient failures. A call runs on a thread of its own, so that it ends in time whatever it
    /// waits for.
    ///
    /// # Errors
    /// Any but [`Error::Credential`] and [`Error::Config`].
    ///
    /// # Panics
    /// At once if the call's thread does. ureq panics if it cannot start a thread to look up a name.
    pub fn fetch(&self) -> Result<Answer, Error> {
        Call::run(&self.shared)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = &self.shared.target;
        f.debug_struct("Client")
            .field("url", &target.shown_url())
            .field("timeout", &target.timeout)
            .finish_non_exhaustive()
    }
}
