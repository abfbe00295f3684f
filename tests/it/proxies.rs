//! Proxies: which one the environment asks for, what it sees, and whose fault is named.

use crate::server::{FIRST, Server, Step, answer, error, ok};
use crate::support::{Authority, Folder, Program, SECRET, builder, program, within};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use turso_api_tokens::{Error, ureq};

/// A proxy that leads to where it is asked to, and records all it sees.
struct Proxy {
    port: u16,
    seen: Arc<Mutex<Vec<u8>>>,
}

impl Proxy {
    fn start(lead: impl Fn(TcpStream, &Mutex<Vec<u8>>) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&seen);
        let lead = Arc::new(lead);
        thread::spawn(move || {
            for client in listener.incoming() {
                let (record, lead) = (Arc::clone(&record), Arc::clone(&lead));
                thread::spawn(move || lead(client.unwrap(), &record));
            }
        });
        Self { port, seen }
    }

    fn http() -> Self {
        Self::start(|mut client, record| {
            let head = read_head(&mut client);
            record.lock().unwrap().extend_from_slice(head.as_bytes());
            let Some(target) = head.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next()) else { return };
            let server = TcpStream::connect(target).unwrap();
            client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            copy(client, server, record);
        })
    }

    /// SOCKS5 for a user with a password, by host name or address.
    fn socks() -> Self {
        Self::start(|mut client, record| {
            let bytes = |client: &mut TcpStream, count: usize| {
                let mut bytes = vec![0; count];
                client.read_exact(&mut bytes).unwrap();
                record.lock().unwrap().extend_from_slice(&bytes);
                bytes
            };
            let methods = bytes(&mut client, 2)[1];
            assert!(bytes(&mut client, methods.into()).contains(&2));
            client.write_all(&[5, 2]).unwrap();
            let user = bytes(&mut client, 2)[1];
            let password = bytes(&mut client, usize::from(user) + 1)[usize::from(user)];
            bytes(&mut client, password.into());
            client.write_all(&[1, 0]).unwrap();
            let by_name = bytes(&mut client, 4)[3] == 3;
            let length = if by_name { bytes(&mut client, 1)[0] } else { 4 };
            let host = bytes(&mut client, length.into());
            let address = || host.iter().map(u8::to_string).collect::<Vec<_>>().join(".");
            let host = if by_name { String::from_utf8(host).unwrap() } else { address() };
            let port = u16::from_be_bytes(bytes(&mut client, 2).try_into().unwrap());
            let server = TcpStream::connect((host, port)).unwrap();
            client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).unwrap();
            copy(client, server, record);
        })
    }

    fn seen(&self, words: &str) -> bool {
        self.seen.lock().unwrap().windows(words.len()).any(|window| window == words.as_bytes())
    }
}

fn read_head(client: &mut dyn Read) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && client.read(&mut byte).unwrap_or(0) == 1 {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

fn copy(mut client: TcpStream, mut server: TcpStream, record: &Mutex<Vec<u8>>) {
    let (mut back, mut to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    thread::spawn(move || {
        let _ = std::io::copy(&mut back, &mut to_client);
        let _ = to_client.shutdown(Shutdown::Write);
    });
    let mut bytes = [0; 4096];
    while let Ok(count @ 1..) = client.read(&mut bytes) {
        record.lock().unwrap().extend_from_slice(&bytes[..count]);
        if server.write_all(&bytes[..count]).is_err() {
            return;
        }
    }
}

/// An API over TLS, and the binary that trusts it.
struct Api {
    server: Server,
    authority: Authority,
    folder: Folder,
}

impl Api {
    fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        let authority = Authority::new();
        let server = Server::wrapped(steps, authority.wrap(&["localhost", "127.0.0.1"]));
        Self { server, authority, folder: Folder::new() }
    }

    fn url(&self) -> String {
        format!("https://localhost:{}", self.server.port())
    }

    fn program(&self, args: &[&str]) -> Program {
        let ca = self.folder.write("ca.pem", &self.authority.pem);
        program(&self.url(), &[&["--ca-file", &ca], args].concat())
    }
}

#[test]
fn every_variable_leads_through_the_proxy_which_never_sees_the_credential() {
    for variable in ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        let (api, proxy) = (Api::new([ok(FIRST)]), Proxy::http());
        let value = format!("http://user:p%40ss@127.0.0.1:{}", proxy.port);
        let text = api.program(&["--tsv"]).env(variable, &value).run().succeeded();
        assert_eq!(text.lines().count(), 2);
        assert!(api.server.requests()[0].contains(SECRET));
        assert!(proxy.seen(&format!("CONNECT localhost:{} HTTP/1.1\r\n", api.server.port())), "{variable}");
        assert!(proxy.seen("Proxy-Authorization: Basic dXNlcjpwQHNz\r\n"), "{variable}");
        assert!(!proxy.seen(&SECRET[..8]) && !proxy.seen("Bearer"), "{variable}");
    }
}

#[test]
fn socks_and_https_proxies_lead_to_the_api_as_well() {
    for (scheme, by_proxy) in [("socks5", false), ("socks5h", true)] {
        let (api, proxy) = (Api::new([ok(FIRST)]), Proxy::socks());
        let value = format!("{scheme}://user:p%40ss@127.0.0.1:{}", proxy.port);
        assert_eq!(api.program(&["--tsv"]).env("ALL_PROXY", &value).run().succeeded().lines().count(), 2);
        assert!(proxy.seen("p@ss") && !proxy.seen(&SECRET[..8]));
        assert_eq!(proxy.seen("\u{5}\u{1}\0\u{3}\u{9}localhost"), by_proxy, "{scheme}: who looks the name up");
    }
    let api = Api::new([ok(FIRST)]);
    // Only that TLS to it stands and that it is asked; a tunnel inside is ureq's affair.
    let proxy = Server::wrapped([answer("403 x", "", "")], api.authority.wrap(&["localhost"]));
    let value = format!("https://localhost:{}", proxy.port());
    api.program(&[]).env("https_proxy", &value).run().failed(4);
    assert!(proxy.requests()[0].starts_with("CONNECT localhost:"), "{:?}", proxy.requests());
}

#[test]
fn no_proxy_exempts_a_host_and_http_proxy_and_plain_http_take_none() {
    let (api, proxy) = (Api::new([ok(FIRST), ok(FIRST), ok(FIRST)]), Proxy::http());
    let value = format!("http://127.0.0.1:{}", proxy.port);
    for (variable, list) in [("NO_PROXY", "example.com, localhost"), ("no_proxy", "*")] {
        api.program(&[]).env("HTTPS_PROXY", &value).env(variable, list).run().succeeded();
    }
    api.program(&[]).env("HTTP_PROXY", &value).env("http_proxy", &value).run().succeeded();
    let plain = Server::script([ok(FIRST)]);
    program(&plain.url(), &[]).env("HTTPS_PROXY", &value).env("ALL_PROXY", "nonsense").run().succeeded();
    assert!(proxy.seen.lock().unwrap().is_empty());
}

#[test]
fn a_value_that_is_no_proxy_is_named_by_its_variable_and_never_repeated() {
    for variable in ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        for value in
            ["nonsense", "nonsense://user:hidden@h:1", "http://user:hidden@h:99999", "http://hidden@:1", "http://h"]
        {
            let said = program("https://localhost:1", &[]).env(variable, value).run().failed(2);
            assert!(said.contains(&format!("{variable}: ")) && !said.contains("hidden"), "{said}");
        }
    }
}

#[test]
fn what_a_proxy_says_or_that_it_cannot_be_reached_is_its_own_fault() {
    let run = |value: &str| {
        let program = program("https://localhost:1", &["--timeout", "4", "--retries", "1"]).env("HTTPS_PROXY", value);
        within(4, || program.run()).failed(4)
    };
    let with_user = |server: &Server| server.url().replace("//", "//user:hidden@");
    for (reply, requests) in [
        (answer("403 Forbidden", "", ""), 1),
        (answer("407 Proxy Authentication Required", "", ""), 1),
        (Step::Reply(b"220 mail.example ESMTP\r\n\r\n".to_vec()), 1),
        (answer("429 x", "", ""), 2),
        (answer("502 Bad Gateway", "", ""), 2),
    ] {
        let proxy = Server::script([reply]);
        let said = run(&with_user(&proxy));
        assert!(said.contains(&format!("through the proxy 127.0.0.1:{} (HTTPS_PROXY)", proxy.port())), "{said}");
        assert!(!said.contains("hidden") && !said.contains("user@"), "{said}");
        assert!(proxy.requests().iter().all(|request| !request.to_ascii_lowercase().contains("bearer")));
        assert_eq!(proxy.connections(), requests, "{said}");
    }
    // A port that only looks like it.
    assert!(!run("http://127.0.0.1:407").contains("asks for a user"));
    let asks = Server::script([answer("407 x", "", "")]);
    assert!(run(&asks.url()).contains("asks for a user"));
    // Nobody listens there any more.
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for scheme in ["http", "socks5"] {
        let said = run(&format!("{scheme}://{gone}"));
        assert!(
            said.contains(&format!("through the proxy {gone} (HTTPS_PROXY)")) && said.contains("refused"),
            "{said}"
        );
    }
    let said = run("http://no-such-proxy.invalid:3128");
    assert!(said.contains("through the proxy no-such-proxy.invalid:3128"), "{said}");
    let refusing = Server::script([Step::Greet(vec![5, 0, 5, 2, 0, 1]), Step::Silence]);
    let said = run(&refusing.url().replace("http", "socks5"));
    assert!(said.contains("through the proxy") && said.contains("not allowed by ruleset"), "{said}");
}

#[test]
fn any_other_failure_through_a_proxy_names_it_too() {
    for (steps, args, code) in [
        (vec![error("503 x", "busy")], &["--retries=0"][..], 4),
        (vec![error("401 x", "no")], &[], 3),
        (vec![ok("{}")], &[], 5),
        (vec![Step::Close], &["--retries=0"], 4),
        (vec![Step::Silence], &["--timeout=2"], 4),
    ] {
        let (api, proxy) = (Api::new(steps), Proxy::http());
        let value = format!("http://127.0.0.1:{}", proxy.port);
        let said = api.program(args).env("HTTPS_PROXY", &value).run().failed(code);
        assert!(said.contains(&format!("through the proxy 127.0.0.1:{} (HTTPS_PROXY)", proxy.port)), "{said}");
    }
    let (api, proxy) = (Api::new([ok(FIRST)]), Proxy::http());
    let value = format!("http://127.0.0.1:{}", proxy.port);
    let said = program(&api.url(), &[]).env("HTTPS_PROXY", &value).run().failed(4);
    assert!(said.contains("through the proxy") && said.contains("authority"), "{said}");
}

/// Answers to CONNECT with a byte now and then, for ever.
fn dripping() -> Server {
    Server::script([Step::Drip(
        [b"HTTP/1.1 200 OK\r\nX: ".to_vec(), vec![b'x'; 9999]].concat(),
        Duration::from_millis(100),
    )])
}

#[test]
fn a_proxy_that_drips_its_answer_ends_at_the_deadline() {
    let proxy = dripping();
    let program = program("https://localhost:1", &["--timeout", "2"]).env("HTTPS_PROXY", &proxy.url());
    let said = within(2, || program.run()).failed(4);
    assert!(said.contains("within 2s") && said.contains("through the proxy"), "{said}");
    let silent = Server::script([Step::Silence]);
    let program = crate::support::program("https://localhost:1", &["--timeout", "2"]).env("HTTPS_PROXY", &silent.url());
    within(2, || program.run()).failed(4);
}

#[test]
fn an_agent_of_the_callers_keeps_its_proxy_and_the_deadline_holds() {
    let agent = |value: &str| {
        let proxy = ureq::Proxy::new(value).unwrap();
        ureq::Agent::config_builder().proxy(Some(proxy)).build().new_agent()
    };
    let proxy = dripping();
    let client = builder("https://localhost:1").agent(agent(&proxy.url())).timeout(Duration::from_secs(2));
    let error = within(2, || client.build().unwrap().list()).unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error:?}");
    let refusing = Server::script([answer("403 Forbidden", "", "")]);
    let error = builder("https://localhost:1").agent(agent(&refusing.url())).build().unwrap().list().unwrap_err();
    let named = format!("127.0.0.1:{} (of the agent)", refusing.port());
    assert!(matches!(&error, Error::Proxy { proxy, transient: false, .. } if *proxy == named), "{error:?}");
    let (plain, proxy) = (Server::script([ok(FIRST)]), Server::script([]));
    assert_eq!(builder(&plain.url()).agent(agent(&proxy.url())).build().unwrap().list().unwrap().len(), 2);
    assert_eq!(proxy.connections(), 0, "plain http takes no proxy");
}
