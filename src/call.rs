//! One call: its attempts, and what each response means.

use crate::answer::Answer;
use crate::credential::Credential;
use crate::deadline::{Slot, run_until};
use crate::error::{AnswerFailure, Error};
use crate::escape::excerpt;
use crate::html::{describe_page, is_html};
use crate::json::{self, ErrorBody};
use crate::retry;
use crate::target::Target;
use crate::transport::{Transport, bearer, read_body, read_error_body};
use log::debug;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};
use ureq::Body;
use ureq::http::header::{CONTENT_ENCODING, CONTENT_TYPE, DATE, LOCATION, RETRY_AFTER};
use ureq::http::{HeaderName, Response};

/// What all calls of a client share.
pub(crate) struct Shared {
    pub(crate) transport: Transport,
    pub(crate) target: Target,
    pub(crate) retries: u32,
    pub(crate) max_response_bytes: u64,
}

impl Shared {
    /// The same for another credential.
    pub(crate) fn with_credential(&self, credential: Credential) -> Self {
        Self {
            transport: Transport {
                authorization: bearer(&credential),
                ..self.transport.clone()
            },
            target: Target {
                credential,
                ..self.target.clone()
            },
            retries: self.retries,
            max_response_bytes: self.max_response_bytes,
        }
    }
}

/// What a call has come to so far: the result that it would have if the deadline came now.
#[derive(Default)]
struct Outcome {
    result: Option<Result<Answer, Error>>,
}

impl Outcome {
    /// This is the result, whatever came before.
    fn set(&mut self, result: Result<Answer, Error>) {
        self.result = Some(result);
    }

    /// This is the result if nothing has happened before, as an earlier failure tells more.
    fn set_if_empty(&mut self, error: Error) {
        self.result.get_or_insert(Err(error));
    }
}

/// One call of a client.
pub(crate) struct Call {
    shared: Arc<Shared>,
    deadline: Instant,
}

impl Call {
    /// Makes a call. It ends at the deadline, whatever its thread is waiting for then.
    pub(crate) fn run(shared: &Arc<Shared>) -> Result<Answer, Error> {
        let target = &shared.target;
        let deadline = Instant::now() + target.timeout;
        let call = Self {
            shared: Arc::clone(shared),
            deadline,
        };

        match run_until(deadline, move |outcome| call.make_attempts(outcome)) {
            Ok(outcome) => outcome
                .result
                .unwrap_or_else(|| Err(target.timed_out(None))),
            Err(error) => {
                let cause = format!("nothing was sent, as no thread could be started: {error}");
                Err(target.connection_failed(None, cause))
            }
        }
    }

    /// Makes attempts until one succeeds or no further one is due.
    fn make_attempts(&self, outcome: &Slot<Outcome>) {
        let mut failures = 0;
        loop {
            let start = Instant::now();
            let error = match self.attempt(outcome) {
                Ok(answer) => {
                    outcome.lock().set(Ok(answer));
                    return;
                }
                Err(error) => error,
            };
            failures += 1;
            let took = start.elapsed();
            debug!(
                "attempt {failures} failed after {} ms: {error:#}",
                took.as_millis()
            );

            let Some(delay) = self.next_delay(&error, took, failures) else {
                match error {
                    // It says less than what had failed before.
                    Error::Timeout { .. } => outcome.lock().set_if_empty(error),
                    error => outcome.lock().set(Err(error)),
                }
                return;
            };

            // The result if the deadline comes before the next attempt ends.
            let timeout = self.shared.target.timed_out(Some(error));
            outcome.lock().set(Err(timeout));

            debug!("next attempt in {} ms", delay.as_millis());
            thread::sleep(delay);
        }
    }

    /// How long to wait before the next attempt; `None` if this was the last.
    fn next_delay(&self, error: &Error, took: Duration, failures: u32) -> Option<Duration> {
        // The first attempt is not a retry.
        let retries = failures - 1;
        if retries >= self.shared.retries {
            return None;
        }
        retry::delay(error, took, failures, self.remaining(), random())
    }

    /// One request, and what its response means.
    fn attempt(&self, outcome: &Slot<Outcome>) -> Result<Answer, Error> {
        let target = &self.shared.target;
        debug!(
            "GET {}, {} ms left",
            target.shown_url_and_proxy(),
            self.remaining().as_millis()
        );

        let start = Instant::now();
        let on_slow_connect = || {
            let timeout = target.timed_out(Some(target.no_connection_in_time()));
            outcome.lock().set_if_empty(timeout);
        };
        let response = self
            .shared
            .transport
            .send(target, self.deadline, on_slow_connect)?;
        debug!(
            "{} after {} ms",
            response.status(),
            start.elapsed().as_millis()
        );

        match response.status().as_u16() {
            200 => self.read_answer(response),
            status @ (301 | 302 | 303 | 307 | 308) => {
                let location = header_text(&response, &LOCATION);
                Err(target.redirected(status, &location.unwrap_or_default()))
            }
            _ => Err(self.status_error(response, outcome)),
        }
    }

    fn read_answer(&self, response: Response<Body>) -> Result<Answer, Error> {
        let target = &self.shared.target;

        if let Some(coding) = content_coding(&response) {
            let coding = excerpt(&target.redact(&coding));
            let problem = format!("unrequested `Content-Encoding: {coding}`");
            return Err(target.invalid(AnswerFailure::Encoding, problem, None));
        }

        let start = Instant::now();
        let content_type = header_text(&response, &CONTENT_TYPE);
        let bytes = read_body(response, self.shared.max_response_bytes, target)?;

        let json = match String::from_utf8(bytes) {
            Ok(json) => json,
            Err(error) => {
                let byte = error.utf8_error().valid_up_to() + 1;
                let problem = format!("byte {byte} of it is not UTF-8");
                return Err(target.invalid(AnswerFailure::Encoding, problem, None));
            }
        };
        debug!(
            "{} bytes after {} ms",
            json.len(),
            start.elapsed().as_millis()
        );

        Ok(Answer::new(
            json,
            content_type.as_deref(),
            target.shown_url_and_proxy(),
            target.credential.clone(),
        ))
    }

    /// The error for any other status, with what came with it.
    ///
    /// The status is in the outcome before the body is read: it must not be lost if the body is
    /// still coming at the deadline.
    fn status_error(&self, response: Response<Body>, outcome: &Slot<Outcome>) -> Error {
        let status = response.status().as_u16();
        let retry_after = retry_after_header(&response);
        let content_type = header_text(&response, &CONTENT_TYPE);

        // Without a body, the content type alone shows whether it is a page.
        let nothing_yet = self.describe("", content_type.as_deref());
        let without_body = self.status_or_refused(status, retry_after, nothing_yet);
        outcome.lock().set(Err(without_body));

        let body = self.error_body(response);
        let description = self.describe(&body, content_type.as_deref());
        self.status_or_refused(status, retry_after, description)
    }

    fn error_body(&self, response: Response<Body>) -> String {
        if content_coding(&response).is_some() {
            return String::new();
        }
        let bytes = read_error_body(response.into_body(), self.deadline);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Says what an error's body is. Each text is redacted before it is cut or joined, so that no
    /// part of the credential is left at its end.
    fn describe(&self, body: &str, content_type: Option<&str>) -> Description {
        let target = &self.shared.target;

        if let Some(ErrorBody { error, code }) = json::from_object(body) {
            let error = target.redact(&error);
            let message = match code {
                Some(code) => format!("{error} ({})", target.redact(&code)),
                None => error,
            };
            return Description {
                message,
                html: false,
            };
        }

        if is_html(body, content_type) {
            return Description {
                message: describe_page(body, |title| target.redact(title)),
                html: true,
            };
        }

        Description {
            message: excerpt(&target.redact(body)),
            html: false,
        }
    }

    fn status_or_refused(
        &self,
        status: u16,
        retry_after: Option<Duration>,
        description: Description,
    ) -> Error {
        let target = &self.shared.target;
        let Description { message, html } = description;

        // An HTML page is not the API's, so it does not refuse the credential.
        if matches!(status, 401 | 403) && !html {
            return target.refused(status, message);
        }
        target.returned(status, message, retry_after, html)
    }

    fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

/// What came with an error's status.
struct Description {
    message: String,
    html: bool,
}

fn retry_after_header(response: &Response<Body>) -> Option<Duration> {
    let value = header_text(response, &RETRY_AFTER)?;
    let date = header_text(response, &DATE);
    retry::parse_retry_after(&value, date.as_deref(), SystemTime::now())
}

/// A content coding that nobody asked for; `None` if there is none.
fn content_coding(response: &Response<Body>) -> Option<String> {
    let coding = header_text(response, &CONTENT_ENCODING)?;
    if coding.eq_ignore_ascii_case("identity") {
        return None;
    }
    Some(coding)
}

fn header_text(response: &Response<Body>, name: &HeaderName) -> Option<String> {
    let value = response.headers().get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// A number in `0.0..1.0`. A new `RandomState` has new keys, so even the hash of nothing differs.
fn random() -> f64 {
    let hash = RandomState::new().hash_one(());
    // The upper half, which always fits.
    let bits = u32::try_from(hash >> 32).unwrap_or_default();
    f64::from(bits) / 4_294_967_296.0
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
