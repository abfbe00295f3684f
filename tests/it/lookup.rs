//! Host names that do not resolve, and those that are looked up for IPv4 and IPv6 apart.

use crate::support::{
    assert_within, attempts, builder, in_env_without_proxies, in_own_process, recorded,
    unresolvable_host,
};
use turso_api_tokens::Error;

#[test]
fn a_name_without_an_address_is_a_failed_lookup_that_is_transient() {
    in_env_without_proxies(|| {
        let client = builder(&format!("https://{}", unresolvable_host()))
            .retries(0)
            .build()
            .unwrap();
        let error = assert_within(1, || client.list()).unwrap_err();
        assert!(
            matches!(error, Error::Lookup { .. }) && error.is_transient(),
            "{error:?}"
        );
        let url = format!("https://{}/v1/auth/api-tokens", unresolvable_host());
        assert_eq!(
            error.to_string(),
            format!("could not resolve the host name of {url}")
        );
    });
}

#[test]
fn a_lookup_that_fails_within_a_second_is_retried() {
    in_own_process(|| {
        let client = builder(&format!("https://{}", unresolvable_host()))
            .retries(1)
            .build()
            .unwrap();
        let (result, records) = recorded(|| client.list());
        assert!(matches!(result, Err(Error::Lookup { .. })), "{result:?}");
        assert_eq!(attempts(&records), 2, "{records:#?}");
    });
}

#[cfg(feature = "resolver")]
mod split {
    use super::{Error, builder, in_env_without_proxies, unresolvable_host};
    use crate::server::{ORIGINAL_LIST, Server, ok};
    use crate::support::Authority;

    #[test]
    fn split_lookup_lists_over_a_name_and_over_a_literal_address() {
        in_env_without_proxies(|| {
            let authority = Authority::new();
            let tls = authority.tls(&["localhost", "127.0.0.1"]);
            let server = Server::tls([ok(ORIGINAL_LIST), ok(ORIGINAL_LIST)], tls);
            for host in ["localhost", "127.0.0.1"] {
                let client = authority
                    .client_builder(&server)
                    .base_url(&format!("https://{host}:{}", server.port()))
                    .split_lookup()
                    .build()
                    .unwrap();
                assert_eq!(client.list().unwrap().len(), 2, "{host}");
            }
        });
    }

    #[test]
    fn split_lookup_reports_a_name_without_an_address_as_a_failed_lookup() {
        in_env_without_proxies(|| {
            let url = format!("https://{}", unresolvable_host());
            let error = builder(&url)
                .split_lookup()
                .retries(0)
                .build()
                .unwrap()
                .list()
                .unwrap_err();
            assert!(matches!(error, Error::Lookup { .. }), "{error:?}");
        });
    }
}

/// Lookups that get no answer. They need a resolver of the test's own, which ureq has under `unversioned` only.
#[cfg(feature = "resolver")]
mod unanswered {
    use super::{Error, assert_within, builder, in_own_process, recorded};
    use crate::server::{ORIGINAL_LIST, Server, Step, ok, response};
    use crate::support::{Authority, BlackHole, failed_before};
    use std::net::SocketAddr;
    use std::sync::{Arc, Mutex};
    use std::thread::{self, ThreadId};
    use std::time::Duration;
    use turso_api_tokens::ureq::tls::{Certificate, RootCerts, TlsConfig};
    use turso_api_tokens::ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
    use turso_api_tokens::ureq::unversioned::transport::{DefaultConnector, NextTimeout};
    use turso_api_tokens::ureq::{self, Agent, config::Config, http::Uri};
    use turso_api_tokens::{ClientBuilder, ProxyFailure};

    /// How long a lookup may take, and the thread that it is on.
    type Lookups = Arc<Mutex<Vec<(Duration, ThreadId)>>>;

    /// A resolver that records each lookup. `None` is a lookup that nobody answers; the last stands for all further ones.
    #[derive(Debug, Clone)]
    struct Names {
        answers: Vec<Option<SocketAddr>>,
        lookups: Lookups,
    }

    impl Names {
        fn new(answers: &[Option<SocketAddr>]) -> Self {
            Self {
                answers: answers.to_vec(),
                lookups: Arc::default(),
            }
        }

        fn agent(&self, proxy: Option<ureq::Proxy>, roots: RootCerts) -> Agent {
            let tls = TlsConfig::builder().root_certs(roots).build();
            let config = Agent::config_builder().proxy(proxy).tls_config(tls).build();
            Agent::with_parts(config, DefaultConnector::default(), self.clone())
        }
    }

    impl Resolver for Names {
        fn resolve(
            &self,
            _: &Uri,
            _: &Config,
            timeout: NextTimeout,
        ) -> Result<ResolvedSocketAddrs, ureq::Error> {
            let mut lookups = self.lookups.lock().unwrap();
            let answer = self.answers.get(lookups.len()).or(self.answers.last());
            lookups.push((*timeout.after, thread::current().id()));
            let Some(Some(address)) = answer else {
                // A name server's silence, not a wait.
                thread::sleep(*timeout.after);
                return Err(ureq::Error::Timeout(timeout.reason));
            };
            let mut found = self.empty();
            found.push(*address);
            Ok(found)
        }
    }

    /// A server inside TLS, as plain http looks nothing up.
    struct Api {
        authority: Authority,
        server: Server,
    }

    impl Api {
        fn new(steps: impl IntoIterator<Item = Step>) -> Self {
            let authority = Authority::new();
            let server = Server::tls(steps, authority.tls(&["localhost"]));
            Self { authority, server }
        }

        fn address(&self) -> SocketAddr {
            ([127, 0, 0, 1], self.server.port()).into()
        }

        /// A client for a host at the server's port whose lookups get these answers, and its lookups.
        fn client(&self, host: &str, answers: &[Option<SocketAddr>]) -> (ClientBuilder, Lookups) {
            let names = Names::new(answers);
            let certificate = Certificate::from_pem(self.authority.pem.as_bytes()).unwrap();
            let agent = names.agent(None, RootCerts::from(vec![certificate]));
            let url = format!("https://{host}:{}", self.server.port());
            (builder(&url).agent(agent), names.lookups)
        }
    }

    /// The error of a call whose last limit expires. It does so a tenth of a second before the call ends: a busy
    /// machine may be that late once, and not every time.
    fn eventually(call: impl Fn() -> Error, is_expected: impl Fn(&Error) -> bool) -> Error {
        let mut others = Vec::new();
        for _ in 0..5 {
            let error = call();
            if is_expected(&error) {
                return error;
            }
            others.push(error);
        }
        panic!("not once in five calls: {others:?}");
    }

    fn is_lookup(error: &Error) -> bool {
        matches!(error, Error::Lookup { .. })
    }

    #[test]
    fn a_lost_question_is_asked_again_after_a_second_within_the_attempt() {
        in_own_process(|| {
            let api = Api::new([ok(ORIGINAL_LIST)]);
            let (builder, lookups) = api.client("localhost", &[None, Some(api.address())]);
            let (result, records) = recorded(|| builder.retries(0).build().unwrap().list());
            assert_eq!(result.unwrap().len(), 2);
            let lookups = lookups.lock().unwrap();
            let [(first, first_thread), (second, second_thread)] = lookups[..] else {
                panic!("{lookups:?}")
            };
            assert_eq!(first.as_millis().div_ceil(1000), 1, "{lookups:?}");
            assert!(second > Duration::from_secs(20), "{lookups:?}");
            // Both are on the call's own thread.
            assert!(first_thread != thread::current().id() && second_thread == first_thread);
            assert!(
                records
                    .contains(&"turso_api_tokens::transport no address within 1000 ms".to_owned()),
                "{records:#?}"
            );
        });
    }

    #[test]
    fn a_lookup_that_the_deadline_ends_is_a_failed_lookup() {
        let api = Api::new([]);
        let call = || {
            let (builder, lookups) = api.client("localhost", &[None]);
            let client = builder.timeout(Duration::from_secs(2)).build().unwrap();
            let error = assert_within(2, || client.list()).unwrap_err();
            assert_eq!(lookups.lock().unwrap().len(), 2, "it is not retried");
            error
        };
        let error = eventually(call, is_lookup);
        assert!(error.is_transient());
        let Error::Lookup { source, .. } = &error else {
            panic!("{error:?}")
        };
        assert_eq!(source.to_string(), "no name server answered in time");
    }

    #[test]
    fn a_lookup_within_a_second_of_timeout_is_not_asked_again() {
        let api = Api::new([]);
        let call = || {
            let (builder, lookups) = api.client("localhost", &[None]);
            let client = builder.timeout(Duration::from_millis(700)).build().unwrap();
            let error = client.list().unwrap_err();
            assert_eq!(lookups.lock().unwrap().len(), 1);
            error
        };
        eventually(call, is_lookup);
    }

    #[test]
    fn a_retry_that_had_no_time_for_its_lookup_is_a_timeout_that_tells_what_failed_before() {
        // Whatever the jitter, some of the second that is left is for the retry, and less than a lookup's first try.
        let headers = "Connection: close\r\nRetry-After: 1\r\n";
        let api = Api::new([response("503 x", headers, "")]);
        let (builder, lookups) = api.client("localhost", &[Some(api.address()), None]);
        let client = builder.timeout(Duration::from_secs(2)).build().unwrap();
        let error = client.list().unwrap_err();
        let previous = failed_before(&error);
        assert_eq!(
            (previous.status(), lookups.lock().unwrap().len()),
            (Some(503), 2)
        );
    }

    #[test]
    fn a_timeout_tells_of_the_earlier_attempt_even_if_the_last_was_connecting() {
        let api = Api::new([response("503 x", "Connection: close\r\n", "")]);
        let hole = BlackHole::new("127.0.0.1:0");
        let (builder, _) = api.client("localhost", &[Some(api.address()), Some(hole.address)]);
        let client = builder.timeout(Duration::from_secs(3)).build().unwrap();
        let error = assert_within(3, || client.list()).unwrap_err();
        let previous = failed_before(&error);
        assert_eq!(previous.status(), Some(503), "{error:?}");
    }

    #[test]
    fn a_retry_whose_lookup_had_time_is_a_failed_lookup() {
        let call = || {
            let api = Api::new([response("503 x", "Connection: close\r\n", "")]);
            let (builder, lookups) = api.client("localhost", &[Some(api.address()), None]);
            let client = builder.timeout(Duration::from_secs(3)).build().unwrap();
            let error = client.list().unwrap_err();
            assert_eq!(lookups.lock().unwrap().len(), 3);
            error
        };
        eventually(call, is_lookup);
    }

    #[test]
    fn an_address_whose_time_runs_out_is_a_timeout_and_no_failed_lookup() {
        let api = Api::new([]);
        let call = || {
            let (builder, _) = api.client("127.0.0.1", &[None]);
            let client = builder.timeout(Duration::from_secs(1)).build().unwrap();
            client.list().unwrap_err()
        };
        let is_expected = |error: &Error| match error {
            Error::Timeout {
                source: Some(before),
                ..
            } => matches!(before.as_ref(), Error::Connection { status: None, .. }),
            Error::Timeout { source: None, .. } => false,
            other => panic!("{other:?}"),
        };
        eventually(call, is_expected);
    }

    #[cfg(feature = "rustls")]
    #[test]
    fn a_lookup_for_a_proxy_that_nobody_answers_is_the_proxys_failure() {
        let call = || {
            let proxy = ureq::Proxy::new("socks4://127.0.0.1:1").unwrap();
            let agent = Names::new(&[None]).agent(Some(proxy), RootCerts::WebPki);
            let client = builder("https://localhost:1")
                .agent(agent)
                .timeout(Duration::from_secs(2))
                .build()
                .unwrap();
            assert_within(2, || client.list()).unwrap_err()
        };
        let is_expected = |error: &Error| match error {
            Error::Timeout {
                source: Some(before),
                ..
            } => matches!(
                before.as_ref(),
                Error::Proxy {
                    reason: ProxyFailure::NoResponse,
                    ..
                }
            ),
            Error::Timeout { source: None, .. } => false,
            other => panic!("{other:?}"),
        };
        eventually(call, is_expected);
    }
}
