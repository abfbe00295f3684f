//! Real programs from the distribution: nginx as TLS server, tinyproxy as proxy; and machines with odd names.
//!
//! Ignored unless asked for, as these must be installed or need root: `cargo test --test it -- --ignored`.

use crate::server::{CURRENT_LIST, Server, ok};
use crate::support::{Api, Authority, BlackHole, Folder, Proxy, SECRET, program, run_command};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A program that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// Starts a program and waits until it listens.
fn start(program: &str, args: &[&str], port: u16) -> Running {
    let mut command = Command::new(program);
    command
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit());
    let mut running = Running(
        command
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}; install it")),
    );
    let deadline = Instant::now() + Duration::from_secs(10);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(
            running.0.try_wait().unwrap().is_none() && Instant::now() < deadline,
            "{program} does not listen"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
    running
}

/// nginx in front of the mock server, with one protocol version. It compresses on request, and offers HTTP/2.
fn nginx(folder: &Folder, authority: &Authority, api: &Server, protocol: &str) -> (Running, u16) {
    let port = free_port();
    let identity = authority.issue(&["localhost", "127.0.0.1"], |_| {});
    let (certificate, key) = (
        folder.write("cert.pem", identity.certificate),
        folder.write("key.pem", identity.key),
    );
    let (root, api) = (folder.0.display(), api.url());
    let config = format!(
        "daemon off; master_process off; pid {root}/nginx.pid; error_log stderr error;
         events {{}}
         http {{
           access_log off; gzip on; gzip_min_length 1; gzip_types *;
           client_body_temp_path {root}/a; proxy_temp_path {root}/b; fastcgi_temp_path {root}/c; uwsgi_temp_path {root}/d; scgi_temp_path {root}/e;
           server {{
             listen 127.0.0.1:{port} ssl http2;
             ssl_certificate {certificate}; ssl_certificate_key {key}; ssl_protocols {protocol};
             location / {{ proxy_pass {api}; }}
           }}
         }}"
    );
    let config = folder.write("nginx.conf", config);
    (start("nginx", &["-e", "stderr", "-c", &config], port), port)
}

#[test]
#[ignore = "needs nginx"]
fn nginx_responds_over_tls_1_2_and_1_3() {
    for protocol in ["TLSv1.2", "TLSv1.3"] {
        let (folder, authority, api) = (
            Folder::new(),
            Authority::new(),
            Server::always(|| ok(CURRENT_LIST)),
        );
        let ca = folder.write("ca.pem", &authority.pem);
        let (_nginx, port) = nginx(&folder, &authority, &api, protocol);
        for host in ["localhost", "127.0.0.1"] {
            let json = program(
                &format!("https://{host}:{port}"),
                &["--json", "--ca-file", &ca],
            )
            .run()
            .succeeded();
            assert_eq!(json, format!("{CURRENT_LIST}\n"), "{protocol} {host}");
        }
        let stderr = program(&format!("https://localhost:{port}"), &[])
            .run()
            .failed(4);
        assert!(stderr.contains("--ca-file"), "{stderr}");
    }
}

#[test]
#[ignore = "needs nginx"]
fn nginx_with_nothing_newer_than_tls_1_1_is_refused() {
    let (folder, authority, api) = (
        Folder::new(),
        Authority::new(),
        Server::always(|| ok(CURRENT_LIST)),
    );
    let ca = folder.write("ca.pem", &authority.pem);
    let (_nginx, port) = nginx(&folder, &authority, &api, "TLSv1.1");
    let stderr = program(&format!("https://localhost:{port}"), &["--ca-file", &ca])
        .run()
        .failed(4);
    assert!(
        stderr.contains("TLS 1.2 or 1.3, with ECDHE and AES-GCM or ChaCha20"),
        "{stderr}"
    );
    assert_eq!(api.requests().len(), 0);
}

#[test]
#[ignore = "needs nginx and tinyproxy"]
fn tinyproxy_connects_to_nginx_and_refuses_other_ports() {
    let (folder, authority, api) = (
        Folder::new(),
        Authority::new(),
        Server::always(|| ok(CURRENT_LIST)),
    );
    let ca = folder.write("ca.pem", &authority.pem);
    let (_nginx, port) = nginx(&folder, &authority, &api, "TLSv1.3");
    let proxy_port = free_port();
    let log = folder.write("proxy.log", "");
    let allowed = |ports: u16| {
        format!(
            "Port {proxy_port}\nListen 127.0.0.1\nTimeout 10\nLogFile \"{log}\"\nLogLevel Connect\nConnectPort {ports}\n"
        )
    };
    let config = folder.write("proxy.conf", allowed(port));
    let url = format!("https://localhost:{port}");
    let proxy = format!("http://127.0.0.1:{proxy_port}");
    {
        let _proxy = start("tinyproxy", &["-d", "-c", &config], proxy_port);
        let json = program(&url, &["--json", "--ca-file", &ca])
            .env("HTTPS_PROXY", &proxy)
            .run()
            .succeeded();
        assert_eq!(json, format!("{CURRENT_LIST}\n"));
        let seen = std::fs::read_to_string(&log).unwrap();
        assert!(
            seen.contains(&format!("CONNECT localhost:{port}")) && !seen.contains(SECRET),
            "{seen}"
        );
    }
    let config = folder.write("proxy.conf", allowed(1));
    let _proxy = start("tinyproxy", &["-d", "-c", &config], proxy_port);
    let stderr = program(&url, &["--ca-file", &ca])
        .env("HTTPS_PROXY", &proxy)
        .run()
        .failed(4);
    assert!(
        stderr.contains("it responded 403")
            && stderr.contains("the proxy does not allow this host"),
        "{stderr}"
    );
}

/// Name resolution that hangs: a network of its own, whose only name server never answers.
#[test]
#[ignore = "needs unshare, as root"]
fn name_resolution_that_hangs_ends_at_the_deadline() {
    let folder = Folder::new();
    let resolv = folder.write(
        "resolv.conf",
        "nameserver 127.0.0.1\noptions timeout:30 attempts:5\n",
    );
    let binary = env!("CARGO_BIN_EXE_turso-api-tokens");
    // Without an interface, a query would fail at once: loopback is up, and a socket takes queries without a word.
    let script = format!(
        "ip link set lo up && mount --bind {resolv} /etc/resolv.conf && \
         exec python3 -c 'import socket,subprocess,sys; s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.bind((\"127.0.0.1\",53)); sys.exit(subprocess.run(sys.argv[1:]).returncode)' \
         {binary} --timeout 2 --base-url https://api.turso.example"
    );
    let mut command = Command::new("unshare");
    command.args(["--net", "--mount", "sh", "-c", &script]);
    command
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("TURSO_API_TOKEN", SECRET);
    let output = crate::support::assert_within(2, || command.output().unwrap());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{stderr}");
    assert!(
        stderr.contains("could not resolve the host name of https://api.turso.example"),
        "{stderr}"
    );
}

/// The binary with `localhost` at these addresses: in a mount namespace with another hosts file.
fn with_hosts(folder: &Folder, addresses: &[&str], args: &str) -> Command {
    let hosts = folder.write(
        "hosts",
        format!("{} localhost\n", addresses.join(" localhost\n")),
    );
    let script = format!("mount --bind {hosts} /etc/hosts && exec \"$0\" {args}");
    let mut command = Command::new("unshare");
    command.args([
        "--mount",
        "sh",
        "-c",
        &script,
        env!("CARGO_BIN_EXE_turso-api-tokens"),
    ]);
    command
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("TURSO_API_TOKEN", SECRET);
    command
}

/// A name with several addresses, of which all but one swallow connections.
#[test]
#[ignore = "needs unshare, as root"]
fn addresses_that_swallow_connections_cost_less_than_a_second_and_no_attempt() {
    let all = ["127.0.0.1", "127.0.0.2", "127.0.0.3", "::1"];
    for (addresses, alive) in [
        (&all[..2], "127.0.0.1"),
        (&all[..2], "127.0.0.2"),
        (&all, "127.0.0.1"),
        (&all, "127.0.0.3"),
        (&all, "::1"),
    ] {
        let folder = Folder::new();
        let socket =
            |ip: &str, port: u16| std::net::SocketAddr::new(ip.parse().unwrap(), port).to_string();
        let listener = TcpListener::bind(socket(alive, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let authority = Authority::new();
        let tls = authority.tls(&["localhost"]);
        let server = Server::tls_at(listener, [ok(CURRENT_LIST)], tls);
        let _dead: Vec<BlackHole> = addresses
            .iter()
            .filter(|ip| **ip != alive)
            .map(|ip| BlackHole::new(&socket(ip, port)))
            .collect();
        let mut command = with_hosts(&folder, addresses, "-v -q --retries 0 --timeout 5");
        command
            .env("TURSO_BASE_URL", format!("https://localhost:{port}"))
            .env("SSL_CERT_FILE", folder.write("ca.pem", &authority.pem));
        let output = command.output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{alive} of {addresses:?}: {stderr}"
        );
        // Of the one second that the first try gets.
        let (_, after) = stderr.split_once("200 OK after ").unwrap();
        let millis: u32 = after.split_once(" ms").unwrap().0.parse().unwrap();
        assert!(millis < 1000, "{alive} of {addresses:?}: {stderr}");
        assert!(!stderr.contains("no connection within"), "{stderr}");
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
#[ignore = "needs unshare, as root"]
fn socks_proxies_lead_to_a_name_that_has_an_ipv6_address_first() {
    for (scheme, proxy) in [("socks4", Proxy::socks4()), ("socks5", Proxy::socks5())] {
        let (folder, api) = (Folder::new(), Api::new([ok(CURRENT_LIST)]));
        let mut command = with_hosts(&folder, &["::1", "127.0.0.1"], "-q --retries 0 --timeout 5");
        command
            .env("TURSO_BASE_URL", api.server.https_url())
            .env("SSL_CERT_FILE", &api.ca_file);
        let userinfo = if scheme == "socks5" {
            "user:password@"
        } else {
            ""
        };
        run_command(command.env("ALL_PROXY", proxy.url(scheme, userinfo))).succeeded();
        assert_eq!(api.server.requests().len(), 1, "{scheme}");
    }
}
