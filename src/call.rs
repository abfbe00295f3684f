//! One call: retries, redirects, and what each status means.

use crate::answer::{Answer, html_title, is_html};
use crate::error::{Cause, Error};
use crate::json::{self, ErrorBody};
use crate::transport::{Attempt, Failure, Transport, read_prefix};
use crate::{credential::Credential, escape::excerpt, retry, url::origin, url::resolve};
use log::debug;
use std::hash::{BuildHasher, RandomState};
use std::{thread, time::Duration, time::Instant};
use ureq::http::header::{CONTENT_ENCODING, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use ureq::{Body, http::HeaderName, http::Response, http::Uri};

const MAX_REDIRECTS: u32 = 10;

/// What every call of a client needs.
pub(crate) struct Call {
    pub(crate) transport: Transport,
    pub(crate) url: Uri,
    /// The proxy in use, as messages name it.
    pub(crate) proxy_label: Option<String>,
    pub(crate) credential: Credential,
    pub(crate) timeout: Duration,
    pub(crate) retries: u32,
    pub(crate) max_response_bytes: u64,
}

impl Call {
    /// Makes the call, and retries as configured.
    pub(crate) fn run(&self) -> Result<Answer, Error> {
        let deadline = Instant::now() + self.timeout;
        let mut failures = 0;
        let mut previous = None;
        loop {
            let attempt = Attempt {
                deadline,
                is_first: failures == 0,
                is_last: failures >= self.retries,
            };
            let start = Instant::now();
            let mut error = match self.try_once(&attempt) {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            failures = failures.saturating_add(1);
            let took = start.elapsed();
            debug!(
                "attempt {failures} failed after {} ms: {error:#}",
                took.as_millis()
            );
            let remaining = attempt.remaining();
            let delay = retry::delay(&error, took, failures, remaining, random())
                .filter(|_| !attempt.is_last);
            let Some(delay) = delay else {
                if let Error::Timeout { source, .. } = &mut error {
                    *source = previous.or(source.take());
                }
                return Err(error);
            };
            debug!("next attempt in {} ms", delay.as_millis());
            thread::sleep(delay);
            previous = Some(Box::new(error));
        }
    }

    /// One attempt: a request, and its redirects inside the origin.
    fn try_once(&self, attempt: &Attempt) -> Result<Answer, Error> {
        let mut url = self.url.clone();
        for redirects in 0..=MAX_REDIRECTS {
            debug!(
                "GET {}, {} ms left",
                self.target(&url),
                attempt.remaining().as_millis()
            );
            let start = Instant::now();
            let response = self.transport.send(&url, attempt, redirects);
            let response = response.map_err(|failure| self.error(&url, failure))?;
            debug!(
                "{} after {} ms",
                response.status(),
                start.elapsed().as_millis()
            );
            match response.status().as_u16() {
                200 => return self.read_answer(&url, response),
                301 | 302 | 303 | 307 | 308 => url = self.redirect(&url, &response)?,
                status => return Err(self.status_error(&url, status, response, attempt)),
            }
        }
        Err(self.invalid(&url, format!("more than {MAX_REDIRECTS} redirects"), None))
    }

    fn redirect(&self, from: &Uri, response: &Response<Body>) -> Result<Uri, Error> {
        let Some(target) = resolve(from, header(response, &LOCATION).unwrap_or_default()) else {
            let problem = format!(
                "redirect ({}) without a usable `Location`",
                response.status().as_u16()
            );
            return Err(self.invalid(from, problem, None));
        };
        if origin(&target) == origin(from) {
            return Ok(target);
        }
        Err(Error::Redirect {
            url: self.target(from),
            origin: self.credential.redact(&origin(&target)),
        })
    }

    fn read_answer(&self, url: &Uri, response: Response<Body>) -> Result<Answer, Error> {
        let start = Instant::now();
        let coding = response.headers().get(CONTENT_ENCODING);
        if let Some(coding) =
            coding.filter(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
        {
            let coding = excerpt(
                &self
                    .credential
                    .redact(&String::from_utf8_lossy(coding.as_bytes())),
            );
            return Err(self.invalid(
                url,
                format!("unrequested `Content-Encoding: {coding}`"),
                None,
            ));
        }
        let content_type = header(&response, &CONTENT_TYPE).map(str::to_owned);
        let body = self.transport.read_body(response, self.max_response_bytes);
        let body = body.map_err(|failure| self.error(url, failure))?;
        let json = String::from_utf8(body).map_err(|error| error.utf8_error().valid_up_to() + 1);
        let json = json
            .map_err(|byte| self.invalid(url, format!("byte {byte} of it is not UTF-8"), None))?;
        debug!(
            "{} bytes after {} ms",
            json.len(),
            start.elapsed().as_millis()
        );
        Ok(Answer::new(
            json,
            content_type.as_deref(),
            self.target(url),
            self.credential.clone(),
        ))
    }

    /// The error for a status other than 200, with what came with it.
    fn status_error(
        &self,
        url: &Uri,
        status: u16,
        response: Response<Body>,
        attempt: &Attempt,
    ) -> Error {
        let retry_after =
            header(&response, &RETRY_AFTER).and_then(|value| value.trim().parse().ok());
        let content_type = header(&response, &CONTENT_TYPE).map(str::to_owned);
        let is_encoded = response.headers().contains_key(CONTENT_ENCODING);
        let bytes = if is_encoded {
            Vec::new()
        } else {
            read_prefix(response.into_body(), attempt.remaining())
        };
        let (body, redact) = (String::from_utf8_lossy(&bytes), |text: &str| {
            self.credential.redact(text)
        });
        // Each text is redacted before it is cut or joined, so that no part of the credential is left at its end.
        let (message, html) = match json::from_object(&body) {
            Some(ErrorBody {
                error,
                code: Some(code),
            }) => (format!("{} ({})", redact(&error), redact(&code)), false),
            Some(ErrorBody { error, code: None }) => (redact(&error), false),
            None if is_html(&body, content_type.as_deref()) => (html_title(&body, redact), true),
            None => (excerpt(&redact(&body)), false),
        };
        let url = self.target(url);
        if matches!(status, 401 | 403) && !html {
            return Error::Refused {
                status,
                url,
                message,
                credential_source: self.credential.source().cloned(),
            };
        }
        Error::Status {
            status,
            url,
            message,
            retry_after: retry_after.map(Duration::from_secs),
            html,
        }
    }

    /// What a failure of the transport means to the caller.
    fn error(&self, url: &Uri, failure: Failure) -> Error {
        let target = self.target(url);
        match failure {
            Failure::Lookup(source) => Error::Lookup {
                url: target,
                source,
            },
            Failure::Connection(source) => Error::Connection {
                url: target,
                source,
            },
            Failure::Proxy(reason, status, source) => {
                let url = self.credential.redact(&url.to_string());
                let proxy = self.proxy_label.clone().unwrap_or_default();
                Error::Proxy {
                    url,
                    proxy,
                    reason,
                    status,
                    source,
                }
            }
            Failure::Tls(reason, source) => Error::Tls {
                url: target,
                reason,
                source,
            },
            Failure::Timeout(before) => {
                let source = before.map(|before| Box::new(self.error(url, *before)));
                Error::Timeout {
                    url: target,
                    timeout: self.timeout,
                    source,
                }
            }
            Failure::TooLarge => Error::TooLarge {
                url: target,
                limit: self.max_response_bytes,
            },
            Failure::Invalid(problem, source) => self.invalid(url, problem, Some(source)),
        }
    }

    fn invalid(&self, url: &Uri, problem: impl Into<String>, source: Option<Cause>) -> Error {
        Error::InvalidAnswer {
            url: self.target(url),
            problem: problem.into(),
            token: None,
            html: false,
            source,
        }
    }

    /// A URL as messages name it, and the proxy.
    fn target(&self, url: &Uri) -> String {
        let through = self
            .proxy_label
            .as_ref()
            .map(|proxy| format!(" through the proxy {proxy}"));
        self.credential.redact(&url.to_string()) + &through.unwrap_or_default()
    }
}

/// A header as text; `None` if it is missing or is not ASCII.
fn header<'a>(response: &'a Response<Body>, name: &HeaderName) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

/// A number in `0.0..1.0`. The standard library seeds its hash maps well enough for jitter.
fn random() -> f64 {
    u32::try_from(RandomState::new().hash_one(()) >> 32)
        .map_or(0.0, |bits| f64::from(bits) / 2f64.powi(32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_numbers_fill_the_range_from_0_to_1() {
        let numbers: Vec<f64> = (0..1000).map(|_| random()).collect();
        assert!(numbers.iter().all(|number| (0.0..1.0).contains(number)));
        assert!(
            numbers.iter().any(|number| *number < 0.1)
                && numbers.iter().any(|number| *number > 0.9)
        );
    }
}
