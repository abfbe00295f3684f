//! Host names that do not resolve, and those that are looked up for IPv4 and IPv6 apart.

use crate::support::{assert_within, builder, in_env_without_proxies, recorded, unresolvable_host};
use turso_api_tokens::Error;

#[test]
fn a_name_without_an_address_is_a_failed_lookup_that_is_transient() {
    in_env_without_proxies(|| {
        let client = builder(&format!("https://{}", unresolvable_host())).retries(0).build().unwrap();
        let error = assert_within(1, || client.list()).unwrap_err();
        assert!(matches!(error, Error::Lookup { .. }) && error.is_transient(), "{error:?}");
        let url = format!("https://{}/v1/auth/api-tokens", unresolvable_host());
        assert_eq!(error.to_string(), format!("could not resolve the host name of {url}"));
    });
}

#[test]
fn a_lookup_that_fails_within_a_second_is_retried() {
    in_env_without_proxies(|| {
        let client = builder(&format!("https://{}", unresolvable_host())).retries(1).build().unwrap();
        let (result, records) = recorded(|| client.list());
        assert!(matches!(result, Err(Error::Lookup { .. })), "{result:?}");
        let attempts = records.iter().filter(|record| record.starts_with("turso_api_tokens::call GET ")).count();
        assert_eq!(attempts, 2, "{records:#?}");
    });
}

#[cfg(feature = "resolver")]
mod split {
    use super::{Error, builder, in_env_without_proxies, unresolvable_host};
    use crate::server::{ORIGINAL_LIST, Server, ok};
    use turso_api_tokens::ureq;

    #[test]
    fn split_lookup_lists_over_a_name_and_over_a_literal_address() {
        let server = Server::always(|| ok(ORIGINAL_LIST));
        for host in ["localhost", "127.0.0.1"] {
            let url = format!("http://{host}:{}", server.port());
            let client = builder(&url).split_lookup().retries(0).build().unwrap();
            assert_eq!(client.list().unwrap().len(), 2, "{host}");
        }
    }

    #[test]
    fn split_lookup_reports_a_name_without_an_address_as_a_failed_lookup() {
        in_env_without_proxies(|| {
            let url = format!("https://{}", unresolvable_host());
            let error = builder(&url).split_lookup().retries(0).build().unwrap().list().unwrap_err();
            assert!(matches!(error, Error::Lookup { .. }), "{error:?}");
        });
    }

    #[test]
    fn split_lookup_cannot_be_combined_with_an_agent() {
        let builder = builder("http://127.0.0.1:1").split_lookup().agent(ureq::Agent::new_with_defaults());
        let error = builder.build().unwrap_err();
        assert!(matches!(error, Error::Config { setting: "split lookup", .. }), "{error:?}");
    }
}
