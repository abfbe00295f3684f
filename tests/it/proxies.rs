//! Proxies from the environment, through the binary, whose environment is its own.

#[cfg(all(feature = "cli", feature = "rustls"))]
mod through_the_binary {
    use crate::server::{FIRST, Server, Step, answer, ok};
    use crate::support::{Authority, Folder, SECRET, program, within};
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::sync::{Arc, Mutex};
    use std::thread;

    /// A CONNECT proxy that records all it sees in the clear and in the tunnel.
    struct Proxy {
        url: String,
        seen: Arc<Mutex<Vec<u8>>>,
    }

    fn proxy() -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://user:p%40ss@{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&seen);
        thread::spawn(move || {
            for client in listener.incoming() {
                let record = Arc::clone(&record);
                thread::spawn(move || tunnel(client.unwrap(), &record));
            }
        });
        Proxy { url, seen }
    }

    fn tunnel(mut client: TcpStream, record: &Mutex<Vec<u8>>) {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && client.read(&mut byte).unwrap_or(0) == 1 {
            head.push(byte[0]);
        }
        record.lock().unwrap().extend_from_slice(&head);
        let head = String::from_utf8(head).unwrap();
        let Some(target) = head.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next()) else { return };
        let mut server = TcpStream::connect(target).unwrap();
        client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        let (mut back, mut to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        thread::spawn(move || std::io::copy(&mut back, &mut to_client));
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = client.read(&mut bytes) {
            record.lock().unwrap().extend_from_slice(&bytes[..count]);
            if server.write_all(&bytes[..count]).is_err() {
                return;
            }
        }
    }

    fn has(haystack: &[u8], needle: &str) -> bool {
        haystack.windows(needle.len()).any(|window| window == needle.as_bytes())
    }

    #[test]
    fn every_variable_leads_through_the_proxy_which_never_sees_the_credential() {
        let (authority, folder) = (Authority::new(), Folder::new());
        let ca = folder.write("ca.pem", &authority.pem);
        for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"] {
            let (api, proxy) = (Server::wrapped([ok(FIRST)], authority.wrap(&["localhost"])), proxy());
            let url = format!("https://localhost:{}", api.port());
            let text = program(&url, &["--tsv", "--ca-file", &ca]).env(variable, &proxy.url).run().succeeded();
            assert_eq!(text.lines().count(), 2);
            assert!(api.requests()[0].contains(SECRET));
            let seen = proxy.seen.lock().unwrap().clone();
            assert!(has(&seen, &format!("CONNECT localhost:{} HTTP/1.1\r\n", api.port())), "{variable}");
            assert!(has(&seen, "Proxy-Authorization: Basic dXNlcjpwQHNz\r\n"), "{variable}");
            assert!(!has(&seen, &SECRET[..8]) && !has(&seen, "Bearer"), "{variable}");
        }
    }

    #[test]
    fn no_proxy_exempts_a_host_and_plain_http_never_takes_a_proxy() {
        let (authority, folder) = (Authority::new(), Folder::new());
        let ca = folder.write("ca.pem", &authority.pem);
        for (variable, list) in [("NO_PROXY", "example.com, localhost"), ("no_proxy", "*")] {
            let (api, proxy) = (Server::wrapped([ok(FIRST)], authority.wrap(&["localhost"])), proxy());
            let url = format!("https://localhost:{}", api.port());
            let program = program(&url, &["--ca-file", &ca]).env("HTTPS_PROXY", &proxy.url).env(variable, list);
            program.run().succeeded();
            assert!(proxy.seen.lock().unwrap().is_empty());
        }
        let (api, proxy) = (Server::script([ok(FIRST)]), proxy());
        program(&api.url(), &[]).env("HTTP_PROXY", &proxy.url).env("ALL_PROXY", &proxy.url).run().succeeded();
        assert!(proxy.seen.lock().unwrap().is_empty());
    }

    #[test]
    fn a_proxy_that_refuses_or_hangs_or_is_none_is_a_clear_error_within_the_deadline() {
        let run = |proxy: &str| {
            let program = program("https://localhost:1", &["--timeout", "2"]).env("HTTPS_PROXY", proxy);
            within(2, || program.run())
        };
        for status in ["403 Forbidden", "407 Proxy Authentication Required"] {
            let refusing = Server::script([answer(status, "", "")]);
            let said = run(&refusing.url()).failed(4);
            assert!(
                said.contains("the proxy refused") && said.contains("HTTPS_PROXY") && said.contains(&status[..3]),
                "{said}"
            );
            assert_eq!(refusing.requests().len(), 1);
            assert!(!refusing.requests()[0].to_ascii_lowercase().contains("bearer"));
        }
        let failing = Server::always(|| answer("502 Bad Gateway", "", ""));
        run(&failing.url()).failed(4);
        assert_eq!(failing.requests().len(), 3, "a gateway's failure is transient");
        run(&Server::always(|| Step::Silence).url()).failed(4);
        run("socks5://127.0.0.1:1").failed(4);
        let said = run("nonsense://user:hidden@h").failed(2);
        assert!(said.contains("HTTPS_PROXY") && !said.contains("hidden"), "{said}");
    }
}
