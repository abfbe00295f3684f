//! Proxies: which one the environment asks for, and what it sees.

use crate::server::{ORIGINAL_LIST, Server, ok, response};
use crate::support::{
    Api, Proxy, SECRET, assert_line, builder, is_own_process, program, rerun_in_subprocess, tls,
};
use turso_api_tokens::ureq;

#[test]
fn every_variable_leads_through_the_proxy_which_never_sees_the_credential() {
    for variable in ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        let (api, proxy) = (Api::new([ok(ORIGINAL_LIST)]), Proxy::http());
        let tsv = api
            .program(&["--tsv"])
            .env(variable, &proxy.url("http", "user:p%40ss@"))
            .run()
            .succeeded();
        assert_eq!(tsv.lines().count(), 2);
        assert!(api.server.requests()[0].contains(SECRET));
        assert!(
            proxy.has_received(&format!(
                "CONNECT localhost:{} HTTP/1.1\r\n",
                api.server.port()
            )),
            "{variable}"
        );
        assert!(
            proxy.has_received("Proxy-Authorization: Basic dXNlcjpwQHNz\r\n"),
            "{variable}"
        );
        assert!(
            !proxy.has_received(&SECRET[..8]) && !proxy.has_received("Bearer"),
            "{variable}"
        );
    }
}

#[test]
fn a_socks_5_proxy_resolves_the_host_name_itself() {
    for scheme in ["socks5", "socks5h"] {
        let (api, proxy) = (Api::new([ok(ORIGINAL_LIST)]), Proxy::socks5());
        let tsv = api
            .program(&["--tsv"])
            .env("ALL_PROXY", &proxy.url(scheme, "user:p%40ss@"))
            .run()
            .succeeded();
        assert_eq!(tsv.lines().count(), 2);
        assert!(
            proxy.has_received("\u{5}\u{1}\0\u{3}\u{9}localhost"),
            "{scheme}: it got an address"
        );
        assert!(proxy.has_received("\u{4}user\u{4}p@ss") && !proxy.has_received(&SECRET[..8]));
    }
}

#[test]
fn a_socks_4_proxy_gets_an_ipv4_address() {
    let (api, proxy) = (Api::new([ok(ORIGINAL_LIST)]), Proxy::socks4());
    let tsv = api
        .program(&["--tsv"])
        .env("ALL_PROXY", &proxy.url("socks4", ""))
        .run()
        .succeeded();
    assert_eq!(tsv.lines().count(), 2);
    assert!(
        proxy.has_received("\u{7f}\0\0\u{1}\0"),
        "127.0.0.1, and no user name"
    );
    assert!(!proxy.has_received(&SECRET[..8]));
}

#[test]
fn an_https_proxy_is_spoken_to_inside_tls() {
    let api = Api::new([ok(ORIGINAL_LIST)]);
    // The tunnel inside is ureq's affair.
    let proxy = Server::tls([response("403 x", "", "")], tls(&api.identity));
    api.program(&[])
        .env("https_proxy", &proxy.https_url())
        .run()
        .failed(4);
    assert!(
        proxy.requests()[0].starts_with("CONNECT localhost:"),
        "{:?}",
        proxy.requests()
    );
}

#[test]
fn no_proxy_exempts_a_host() {
    for (variable, list) in [("NO_PROXY", "example.com, localhost"), ("no_proxy", "*")] {
        let (api, proxy) = (Api::new([ok(ORIGINAL_LIST)]), Proxy::http());
        let program = api.program(&[]).env("HTTPS_PROXY", &proxy.url("http", ""));
        program.env(variable, list).run().succeeded();
        assert!(proxy.is_untouched(), "{variable}");
    }
}

/// On Windows it is one variable.
#[cfg(not(windows))]
#[test]
fn no_proxy_in_lower_case_comes_first() {
    for (lower, upper, is_exempt) in [
        ("localhost", "example.com", true),
        ("example.com", "localhost", false),
    ] {
        let (api, proxy) = (Api::new([ok(ORIGINAL_LIST)]), Proxy::http());
        let program = api.program(&[]).env("HTTPS_PROXY", &proxy.url("http", ""));
        let program = program.env("no_proxy", lower).env("NO_PROXY", upper);
        program.run().succeeded();
        assert_eq!(proxy.is_untouched(), is_exempt, "{lower} {upper}");
    }
}

#[test]
fn http_proxy_is_ignored() {
    let (api, proxy) = (Api::new([ok(ORIGINAL_LIST)]), Proxy::http());
    let value = proxy.url("http", "");
    api.program(&[])
        .env("HTTP_PROXY", &value)
        .env("http_proxy", &value)
        .run()
        .succeeded();
    assert!(proxy.is_untouched());
}

#[test]
fn plain_http_uses_no_proxy() {
    let (server, proxy) = (Server::script([ok(ORIGINAL_LIST)]), Proxy::http());
    let program = program(&server.url(), &[]).env("HTTPS_PROXY", &proxy.url("http", ""));
    program.env("ALL_PROXY", "nonsense").run().succeeded();
    assert!(proxy.is_untouched());
}

/// Which values are invalid, `proxy` has unit tests for.
#[test]
fn an_invalid_proxy_url_is_reported_by_variable_without_its_value() {
    for variable in ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        let stderr = program("https://localhost:1", &[])
            .env(variable, "http://user:hidden@h")
            .run()
            .failed(2);
        let problem =
            "it is not the URL of a proxy with its port, such as http://proxy.example:3128";
        // On Windows the names of variables have no case, and users know them in capitals.
        let shown = if cfg!(windows) {
            variable.to_ascii_uppercase()
        } else {
            variable.to_owned()
        };
        assert_line(&stderr, &format!("{shown}: {problem}"));
        assert!(!stderr.contains("hidden"), "{stderr}");
    }
}

/// On Windows the names of variables have no case.
#[cfg(not(windows))]
#[test]
fn the_more_specific_variable_wins_and_lower_case_before_capitals() {
    let names = ["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy"];
    for set in 1..=names.len() {
        let mut program = program("https://localhost:1", &["-v", "--retries=0"]);
        for name in &names[..set] {
            program = program.env(name, "http://127.0.0.1:1");
        }
        let expected = format!("proxy: 127.0.0.1:1 ({})", names[set - 1]);
        assert_line(&program.run().failed(4), &expected);
    }
}

#[test]
fn a_proxy_of_the_program_replaces_the_environments_beside_its_own_certificates() {
    let (api, proxy) = (Api::new([ok(ORIGINAL_LIST)]), Proxy::http());
    let given = ureq::Proxy::new(&proxy.url("http", "user:hidden@")).unwrap();
    let client = builder(&api.server.https_url())
        .root_certificates_file(&api.ca_file)
        .proxy(Some(given))
        .build()
        .unwrap();
    assert_eq!(client.list().unwrap().len(), 2);
    assert!(proxy.has_received("CONNECT localhost:"));
    assert!(!proxy.has_received(&SECRET[..8]));
}

#[test]
fn a_socks_5_proxy_of_the_program_resolves_the_host_name_itself() {
    let (api, proxy) = (Api::new([ok(ORIGINAL_LIST)]), Proxy::socks5());
    let given = ureq::Proxy::new(&proxy.url("socks5", "user:p%40ss@")).unwrap();
    let client = builder(&api.server.https_url())
        .root_certificates_file(&api.ca_file)
        .proxy(Some(given))
        .build()
        .unwrap();
    assert_eq!(client.list().unwrap().len(), 2);
    assert!(proxy.has_received("\u{5}\u{1}\0\u{3}\u{9}localhost"));
    assert!(proxy.has_received("\u{4}user\u{4}p@ss"));
}

#[test]
fn messages_name_a_proxy_of_the_program() {
    let given = ureq::Proxy::new("http://user:hidden@127.0.0.1:1").unwrap();
    let client = builder("https://localhost:1")
        .proxy(Some(given))
        .retries(0)
        .build()
        .unwrap();
    let error = client.list().unwrap_err();
    assert_eq!(
        error.to_string(),
        "no connection to https://localhost:1/v1/auth/api-tokens through the proxy 127.0.0.1:1 \
         (given by the program)"
    );
}

#[test]
fn without_a_proxy_of_the_program_the_environments_is_not_read() {
    let test = || {
        let api = Api::new([ok(ORIGINAL_LIST)]);
        let builder = || builder(&api.server.https_url()).root_certificates_file(&api.ca_file);
        let error = builder().build().unwrap_err();
        assert!(error.to_string().starts_with("HTTPS_PROXY: "), "{error}");
        let client = builder().proxy(None).build().unwrap();
        assert_eq!(client.list().unwrap().len(), 2);
    };
    if is_own_process() {
        return test();
    }
    // Broken, so that reading it is an error.
    rerun_in_subprocess(&test, &[("HTTPS_PROXY", "nonsense")]);
}
