//! How a client is built: from settings, from the environment, and never with a request.

use crate::server::{ORIGINAL_LIST, Server, loopback, ok};
#[cfg(feature = "rustls")]
use crate::support::{Authority, in_env_without_proxies};
use crate::support::{
    Folder, REFUSING_ADDRESS, SECRET, builder, is_own_process, rerun_in_subprocess,
};
use std::io::ErrorKind;
use std::net::TcpStream;
use std::time::Duration;
use turso_api_tokens::{Client, Error, ureq};

#[test]
fn build_rejects_invalid_settings() {
    let url = &format!("http://{REFUSING_ADDRESS}");
    let plain =
        "http://example.com: plain http would expose the credential to the network; use https";
    let agent = || ureq::Agent::new_with_defaults();
    #[cfg(feature = "rustls")]
    let blank = vec![b' '; (8 << 20) + 1];
    for (builder, expected_setting, expected) in [
        (builder("http://example.com"), "base URL", plain),
        (
            builder(url).timeout(Duration::ZERO),
            "timeout",
            "it must be greater than zero",
        ),
        (
            builder(url).user_agent("a\r\nb"),
            "user agent",
            "it must be non-empty, printable ASCII",
        ),
        (
            builder(url).user_agent(""),
            "user agent",
            "it must be non-empty, printable ASCII",
        ),
        (
            builder(url).user_agent("caf\u{e9}"),
            "user agent",
            "it must be non-empty, printable ASCII",
        ),
        (
            builder(url).user_agent("a\u{7f}"),
            "user agent",
            "it must be non-empty, printable ASCII",
        ),
        #[cfg(feature = "rustls")]
        (
            builder(url).root_certificates_pem(b"no pem"),
            "root certificates",
            "the PEM text holds no PEM certificate",
        ),
        #[cfg(feature = "rustls")]
        (
            builder(url).root_certificates_pem(&blank[1..]),
            "root certificates",
            "the PEM text holds no PEM certificate",
        ),
        #[cfg(feature = "rustls")]
        (
            builder(url).root_certificates_pem(&blank),
            "root certificates",
            "could not read the PEM text",
        ),
        #[cfg(feature = "rustls")]
        (
            builder(url).root_certificates_pem(b"-----BEGIN CERTIFICATE-----\n!"),
            "root certificates",
            "the PEM text is not PEM",
        ),
        (
            builder(url).agent(agent()).root_certificates_pem(b"x"),
            "root certificates",
            "cannot be combined with `agent`; set them on the agent",
        ),
        (
            builder(url).agent(agent()).root_certificates_file("x"),
            "root certificates",
            "cannot be combined with `agent`; set them on the agent",
        ),
        #[cfg(feature = "resolver")]
        (
            builder(url).agent(agent()).split_lookup(),
            "split lookup",
            "cannot be combined with `agent`, which has its own resolver",
        ),
    ] {
        let error = builder.build().unwrap_err();
        let Error::Config {
            setting, problem, ..
        } = error
        else {
            panic!("{error:?}")
        };
        assert_eq!((setting, problem.as_str()), (expected_setting, expected));
    }
}

#[test]
fn build_sends_nothing() {
    let listener = loopback();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let client = builder(&url).build().unwrap();
    // A connection would be in the listener's queue by now.
    let none = listener.accept().unwrap_err();
    assert_eq!(none.kind(), ErrorKind::WouldBlock);

    drop(client);
    let _connection = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    listener.accept().expect("one that was made is there");
}

#[test]
fn a_user_agent_is_any_visible_ascii_and_spaces() {
    for name in ["a", "sync-tool/1.2 (x; ~!\"#)"] {
        let server = Server::script([ok(ORIGINAL_LIST)]);
        let client = builder(&server.url()).user_agent(name).build().unwrap();
        client.list().unwrap();
        let request = &server.requests()[0];
        assert!(
            request.contains(&format!("user-agent: {name}\r\n")),
            "{request}"
        );
    }
}

#[cfg(feature = "rustls")]
#[test]
fn the_file_of_the_certificates_is_read_when_it_is_given() {
    in_env_without_proxies(|| {
        let (authority, folder) = (Authority::new(), Folder::new());
        let server = Server::tls([ok(ORIGINAL_LIST)], authority.tls(&["localhost"]));
        let path = folder.write("ca.pem", &authority.pem);
        let builder = builder(&server.https_url()).root_certificates_file(&path);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(builder.build().unwrap().list().unwrap().len(), 2);
    });
}

#[cfg(not(feature = "rustls"))]
#[test]
fn https_needs_a_feature_or_a_callers_agent() {
    let error = builder("https://localhost:1").build().unwrap_err();
    let expected = "base URL: https needs the feature `rustls`, or an agent of your own";
    assert_eq!(error.to_string(), expected);
}

/// `Client::discover` against a server, whose authority `SSL_CERT_FILE` names.
#[cfg(feature = "rustls")]
#[test]
fn discover_takes_credential_base_url_and_certificates_from_the_environment() {
    let test = || assert_eq!(Client::discover().unwrap().list().unwrap().len(), 2);
    if is_own_process() {
        return test();
    }
    let (authority, folder) = (Authority::new(), Folder::new());
    let server = Server::tls([ok(ORIGINAL_LIST)], authority.tls(&["localhost"]));
    let variables = [
        ("TURSO_API_TOKEN", SECRET),
        ("TURSO_API_BASEURL", &server.https_url()),
        ("SSL_CERT_FILE", &folder.write("ca.pem", &authority.pem)),
    ];
    rerun_in_subprocess(&test, &variables);
    assert!(server.requests()[0].contains(&format!("Bearer {SECRET}\r\n")));
}

#[test]
fn discover_takes_the_login_of_the_turso_cli_where_there_is_no_variable() {
    let test = || assert_eq!(Client::discover().unwrap().list().unwrap().len(), 2);
    if is_own_process() {
        return test();
    }
    let (server, folder) = (Server::script([ok(ORIGINAL_LIST)]), Folder::new());
    folder.write("settings.json", format!(r#"{{"token":"{SECRET}"}}"#));
    let variables = [
        ("TURSO_CONFIG_FOLDER", &*folder.path()),
        ("TURSO_BASE_URL", &server.url()),
    ];
    rerun_in_subprocess(&test, &variables);
    assert!(server.requests()[0].contains(&format!("Bearer {SECRET}\r\n")));
}

#[test]
fn the_base_url_is_taken_from_turso_api_baseurl_before_turso_base_url() {
    let test = || {
        let client = builder("").environment().build().unwrap();
        assert_eq!(client.list().unwrap().len(), 2);
    };
    if is_own_process() {
        return test();
    }
    let server = Server::script([ok(ORIGINAL_LIST)]);
    let variables = [
        ("TURSO_API_BASEURL", &*server.url()),
        ("TURSO_BASE_URL", "nonsense"),
    ];
    rerun_in_subprocess(&test, &variables);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_variable_that_is_unset_or_empty_keeps_an_earlier_setting_and_a_later_setting_wins() {
    let test = || {
        let server = Server::script([ok(ORIGINAL_LIST), ok(ORIGINAL_LIST)]);
        let earlier = builder(&server.url()).environment();
        assert_eq!(earlier.build().unwrap().list().unwrap().len(), 2);
        assert_eq!(server.requests().len(), 1);
    };
    if is_own_process() {
        return test();
    }
    rerun_in_subprocess(&test, &[]);
    rerun_in_subprocess(
        &test,
        &[
            ("TURSO_API_BASEURL", ""),
            ("TURSO_BASE_URL", ""),
            ("SSL_CERT_FILE", ""),
        ],
    );
}

#[cfg(feature = "rustls")]
#[test]
fn new_reports_an_invalid_proxy_variable_by_its_name() {
    let test = || {
        let error = Client::new(turso_api_tokens::Credential::new("x").unwrap()).unwrap_err();
        let expected = "HTTPS_PROXY: it is not the URL of a proxy with its port, such as http://proxy.example:3128";
        assert_eq!(error.to_string(), expected);
    };
    if is_own_process() {
        return test();
    }
    rerun_in_subprocess(&test, &[("HTTPS_PROXY", "nonsense")]);
}
