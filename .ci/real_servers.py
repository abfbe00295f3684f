"""The servers and proxies of `.ci/real`: certificates, the mock API, a DNS server, and a configuration for each program."""

import gzip, http.server, os, pathlib, shutil, socket, ssl, struct, subprocess, sys, threading, time

API = "api.turso.tech"
TOKEN = "real-test"
LIST = (b'{"tokens":[{"name":"ci","id":"clGFZ4STEe6fljpFzIum8A","organization":"acme","created_at":"2026-01-05"},'
        b'{"name":"laptop","id":"SYzcpe3jEe2We-rqOx4wmQ","created_at":"2024-05-01"}]}')
USER, PASSWORD = "ops", "s3cret"
# The private /etc/hosts. Nothing listens on port 9 of any of them.
HOSTS = {API: "127.0.0.1", "gateway.example": "127.0.0.1", "proxy.example": "127.0.0.1", "forbidden.example": "127.0.0.9"}
# Only Squid knows this one.
HIDDEN = "hidden.example"


# --- Certificates -----------------------------------------------------------------------------------------------------

CA_CONFIG = """
[ca]
default_ca = it
[it]
database = {0}/index
new_certs_dir = {0}
rand_serial = yes
unique_subject = no
default_md = default
default_days = 30
policy = any
[any]
commonName = supplied
[ca_cert]
basicConstraints = critical, CA:TRUE
keyUsage = keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[server]
basicConstraints = CA:FALSE
keyUsage = digitalSignature, keyEncipherment
extendedKeyUsage = serverAuth
subjectAltName = ${{ENV::SAN}}
authorityKeyIdentifier = keyid
"""
KEYS = {
    "rsa": ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "p384": ["EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "ed25519": ["ED25519"],
}


class Certificates:
    """Chains of root, intermediate and leaf; `NAME.pem` is the chain that a server sends, `NAME.key` its key."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        (folder / "index").touch()
        (folder / "ca.cnf").write_text(CA_CONFIG.format(folder))
        for kind in KEYS:
            self.sign(f"root-{kind}", kind, None, "ca_cert")
            self.sign(f"intermediate-{kind}", kind, f"root-{kind}", "ca_cert")
            self.leaf(kind, kind)
        self.leaf("expired", dates=("20240101000000Z", "20250101000000Z"))
        self.leaf("future", dates=("20900101000000Z", "20910101000000Z"))
        self.leaf("other-host", san="DNS:other.example")
        self.leaf("short", issuer="root-rsa")
        # A server that leaves its intermediate out.
        shutil.copy(folder / "rsa.key", folder / "leaf-only.key")
        shutil.copy(folder / "rsa.crt", folder / "leaf-only.pem")
        # What `openssl req -x509` makes is an authority's certificate.
        self.sign("ca-as-server", "rsa", None, "ca_cert", common_name=API)
        shutil.copy(folder / "ca-as-server.crt", folder / "ca-as-server.pem")
        (folder / "ca.pem").write_text("".join((folder / f"root-{kind}.crt").read_text() for kind in KEYS))

    def leaf(self, name, kind="rsa", issuer=None, san=None, dates=()):
        san = san or ",".join([f"DNS:{host}" for host in (*HOSTS, HIDDEN)] + ["IP:127.0.0.1", "IP:::1"])
        issuer = issuer or f"intermediate-{kind}"
        self.sign(name, kind, issuer, "server", san, dates)
        chain = [self.folder / f"{part}.crt" for part in (name, issuer)]
        (self.folder / f"{name}.pem").write_text("".join(part.read_text() for part in chain))

    def sign(self, name, kind, issuer, extensions, san="DNS:unused", dates=(), common_name=None):
        path = lambda suffix, of=name: str(self.folder / f"{of}.{suffix}")
        self.openssl("genpkey", "-algorithm", *KEYS[kind], "-out", path("key"))
        os.chmod(path("key"), 0o644)
        self.openssl("req", "-new", "-key", path("key"), "-subj", f"/CN={common_name or name}", "-out", path("csr"))
        by = ["-cert", path("crt", issuer), "-keyfile", path("key", issuer)] if issuer else ["-selfsign", "-keyfile", path("key")]
        dates = ["-startdate", dates[0], "-enddate", dates[1]] if dates else []
        self.openssl("ca", "-batch", "-notext", "-config", path("cnf", "ca"), *by, *dates, "-extensions", extensions,
                     "-in", path("csr"), "-out", path("crt"), san=san)

    def openssl(self, *args, san="DNS:unused"):
        done = subprocess.run(["openssl", *args], env=os.environ | {"SAN": san}, capture_output=True, text=True, timeout=30)
        if done.returncode:
            raise RuntimeError(f"openssl {' '.join(args)}: {done.stderr}")


# --- The mock API -----------------------------------------------------------------------------------------------------

class Handler(http.server.BaseHTTPRequestHandler):
    """The API behind the servers. The first part of the path, from the base URL, selects what it does."""

    protocol_version = "HTTP/1.1"
    timeout = 20

    def do_GET(self):
        kind = self.path.removesuffix("/v1/auth/api-tokens").strip("/")
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            return self.reply(401, b'{"error":"token is invalid or expired"}')
        if kind == "forbidden":
            return self.reply(403, b'{"error":"no permission"}')
        if kind == "sign-in":
            page = b"<!DOCTYPE html>\n<html><head><title>Sign in to the guest network</title></head><body>...</body></html>"
            return self.reply(200, page, {"Content-Type": "text/html"})
        if kind == "chunked":
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for chunk in (LIST[:50], LIST[50:], b""):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            return None
        if kind == "gzip":
            return self.reply(200, gzip.compress(LIST), {"Content-Encoding": "gzip"})
        if kind == "cut":
            self.close_connection = True
            return self.reply(200, LIST[:50], length=len(LIST))
        if kind == "slow":
            time.sleep(8)
        return self.reply(200, LIST)

    def reply(self, status, body, headers=(), length=None):
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json"} | dict(headers)).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length or len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class MockApi(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address, port, certificates=None):
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.context = None
        if certificates:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(certificates / "rsa.pem", certificates / "rsa.key")
        super().__init__((address, port), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def finish_request(self, request, client_address):
        # In the thread of the request, so that a slow handshake holds nobody up.
        if self.context:
            request.settimeout(20)
            request = self.context.wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)

    def handle_error(self, request, client_address):
        pass


def swallow(port):
    """Accepts connections and never responds."""
    listener = socket.create_server(("127.0.0.1", port))
    held = []
    def run():
        while True:
            held.append(listener.accept())
    threading.Thread(target=run, daemon=True).start()


# --- The DNS server ---------------------------------------------------------------------------------------------------

TYPES = {1: "A", 28: "AAAA"}
RCODES = {"SERVFAIL": 2, "NXDOMAIN": 3, "REFUSED": 5}


class Dns:
    """A name server that gives each question's type its own treatment.

    `rules` maps `A` and `AAAA` to `drop`, to a code of `RCODES`, or to a list of addresses, which may be empty. A list that
    begins with `late` drops the first question.
    """

    def __init__(self, rules, address="127.0.0.1", names=(API,)):
        self.rules, self.names, self.seen = rules, names, {}
        self.socket = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 53))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            query, client = self.socket.recvfrom(4096)
            answer = self.answer(query)
            if answer:
                self.socket.sendto(answer, client)

    def answer(self, query):
        end, labels = 12, []
        while query[end]:
            labels.append(query[end + 1:end + 1 + query[end]].decode())
            end += 1 + query[end]
        question = query[12:end + 5]
        kind = TYPES.get(struct.unpack(">H", query[end + 1:end + 3])[0])
        self.seen[kind] = self.seen.get(kind, 0) + 1
        rule = self.rules.get(kind, []) if ".".join(labels).lower() in self.names else "NXDOMAIN"
        if rule == "drop" or (rule and rule[0] == "late" and self.seen[kind] == 1):
            return None
        code, records = (RCODES[rule], []) if isinstance(rule, str) else (0, [entry for entry in rule if entry != "late"])
        family = socket.AF_INET if kind == "A" else socket.AF_INET6
        # Each record's name points to the question's.
        records = [socket.inet_pton(family, record) for record in records]
        body = b"".join(b"\xc0\x0c" + question[-4:] + struct.pack(">IH", 0, len(record)) + record for record in records)
        return query[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, len(records), 0, 0) + question + body


# --- Programs ---------------------------------------------------------------------------------------------------------

class Programs:
    """Starts programs and says of each that it could not start why."""

    def __init__(self, folder, certificates):
        self.folder, self.certificates = folder, certificates
        self.problems = {}

    def file(self, name, text, mode=0o644):
        path = self.folder / name
        path.write_text(text)
        path.chmod(mode)
        return str(path)

    def start(self, name, command, ports, env=None):
        """Starts a program and waits until its ports accept connections."""
        log = self.folder / f"{name.replace(' ', '-')}.log"
        try:
            with log.open("wb") as output:
                process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=env,
                                           cwd=self.folder)
            deadline = time.monotonic() + 30
            for port in ports:
                while not accepts(port):
                    if process.poll() not in (None, 0) or time.monotonic() > deadline:
                        raise RuntimeError(f"port {port} does not accept connections")
                    time.sleep(0.05)
        except (OSError, RuntimeError, subprocess.TimeoutExpired) as error:
            self.problems[name] = f"{error}\n{tail(log)}"

    def start_all(self):
        for start in (self.nginx, self.haproxy, self.apache, self.caddy, self.stunnel, self.squid, self.tinyproxy,
                      self.dante, self.microsocks, self.ssh, self.mitmproxy):
            try:
                start()
            except Exception as error:  # The others are still to be tried.
                self.problems[start.__name__] = repr(error)

    def nginx(self):
        good = "proxy_pass http://127.0.0.1:8000; proxy_http_version 1.1; proxy_set_header Connection '';"
        old = "ssl_protocols {}; ssl_ciphers {}:@SECLEVEL=0;"
        compress = "gzip on; gzip_types application/json; gzip_min_length 1;"
        servers = [
            (443, "rsa", compress),
            (8401, "p384", ""),
            (8402, "ed25519", ""),
            (8403, "rsa", "ssl_protocols TLSv1.2;"),
            (8404, "rsa", "ssl_protocols TLSv1.3;"),
            (8405, "expired", ""),
            (8406, "future", ""),
            (8407, "other-host", ""),
            (8408, "ca-as-server", ""),
            (8409, "leaf-only", ""),
            (8410, "rsa", old.format("TLSv1.2", "AES128-SHA:AES256-SHA256")),
            (8411, "rsa", old.format("TLSv1 TLSv1.1", "ALL")),
            (8412, "rsa", f"ssl_verify_client on; ssl_client_certificate {self.certificates}/ca.pem;"),
        ]
        blocks = [f"""
  server {{
    listen 127.0.0.1:{port} ssl http2; listen [::1]:{port} ssl http2;
    ssl_certificate {self.certificates}/{name}.pem; ssl_certificate_key {self.certificates}/{name}.key; {extra}
    location / {{ {good} }}
    location /old/ {{ return 301 /v1/auth/api-tokens; }}
    location /old-absolute/ {{ return 308 https://$http_host/v1/auth/api-tokens; }}
    location /elsewhere/ {{ return 302 https://login.example/sign-in?from=$uri; }}
    location /closed/ {{ return 444; }}
    location /limited/ {{ limit_req zone=limited; limit_req_status 429; rewrite ^/limited(/.*) $1 break; {good} }}
    location /retry-after/ {{ add_header Retry-After 120 always; return 429; }}
    location /busy/ {{ limit_req zone=busy; rewrite ^/busy(/.*) $1 break; {good} }}
    location /down/ {{ proxy_pass http://127.0.0.1:9; }}
    location /not-found/ {{ return 404; }}
    location /denied/ {{ deny all; }}
    location /slow/ {{ proxy_read_timeout 1s; {good} }}
  }}""" for port, name, extra in servers]
        config = self.file("nginx.conf", f"""
daemon off; master_process off; pid {self.folder}/nginx.pid; error_log stderr;
events {{ worker_connections 256; }}
http {{
  access_log off; server_names_hash_bucket_size 128;
  client_body_temp_path {self.folder}/nginx-body; proxy_temp_path {self.folder}/nginx-proxy;
  fastcgi_temp_path {self.folder}/nginx-fastcgi; uwsgi_temp_path {self.folder}/nginx-uwsgi;
  scgi_temp_path {self.folder}/nginx-scgi;
  limit_req_zone $server_port zone=limited:32k rate=1r/m; limit_req_zone $server_port zone=busy:32k rate=1r/m;
  {"".join(blocks)}
}}""")
        self.start("nginx", ["nginx", "-e", "stderr", "-c", config], [port for port, *_ in servers])

    def haproxy(self):
        pem = self.file("haproxy.pem", "".join((self.certificates / f"rsa.{part}").read_text() for part in ("pem", "key")))
        config = self.file("haproxy.cfg", f"""
defaults
  mode http
  timeout connect 2s
  timeout client 20s
  timeout server 1s
frontend tls
  bind 127.0.0.1:8420 ssl crt {pem} alpn h2,http/1.1
  http-request deny deny_status 429 if {{ path_beg /limited/ }}
  http-request reject if {{ path_beg /closed/ }}
  http-request silent-drop if {{ path_beg /dropped/ }}
  use_backend down if {{ path_beg /down/ }}
  default_backend api
backend api
  server api 127.0.0.1:8000
backend down
  server down 127.0.0.1:9
""")
        self.start("HAProxy", ["haproxy", "-db", "-f", config], [8420])

    def apache(self):
        modules = ["mpm_event", "ssl", "http2", "proxy", "proxy_http", "authz_core", "authz_user", "authn_core", "authn_file", "auth_basic"]
        load = "\n".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so" for name in modules)
        users = self.file("apache-users", f"{USER}:{apr1(PASSWORD)}\n")
        config = self.file("apache.conf", f"""
ServerName {API}
ServerRoot {self.folder}
PidFile {self.folder}/apache.pid
Mutex posixsem
ErrorLog /dev/stderr
{load}
User www-data
Group www-data
Listen 127.0.0.1:8430
Protocols h2 http/1.1
SSLEngine on
SSLCertificateFile {self.certificates}/rsa.pem
SSLCertificateKeyFile {self.certificates}/rsa.key
SSLSessionCache none
ProxyPass /down/ http://127.0.0.1:9/
ProxyPass / http://127.0.0.1:8000/
<Location /staff/>
  ProxyPass http://127.0.0.1:8000/
  AuthType Basic
  AuthName staff
  AuthUserFile {users}
  Require valid-user
</Location>
<Location /denied/>
  ProxyPass http://127.0.0.1:8000/
  Require all denied
</Location>
""")
        self.start("Apache", ["apache2", "-DFOREGROUND", "-f", config], [8430])

    def caddy(self):
        config = self.file("Caddyfile", f"""
{{
  admin off
  auto_https off
  storage file_system {self.folder}/caddy
}}
https://{API}:8440 {{
  bind 127.0.0.1
  tls {self.certificates}/p384.pem {self.certificates}/p384.key
  handle /down/* {{
    reverse_proxy 127.0.0.1:9
  }}
  handle {{
    encode gzip
    reverse_proxy 127.0.0.1:8000
  }}
}}
""")
        env = {"PATH": os.environ["PATH"], "HOME": str(self.folder)}
        self.start("Caddy", ["caddy", "run", "--adapter", "caddyfile", "--config", config], [8440], env)

    def stunnel(self):
        tls = f"cert = {self.certificates}/rsa.pem\nkey = {self.certificates}/rsa.key"
        config = self.file("stunnel.conf", f"""
foreground = yes
pid =
[api]
accept = 127.0.0.1:8450
connect = 127.0.0.1:8000
{tls}
[down]
accept = 127.0.0.1:8451
connect = 127.0.0.1:9
{tls}
""")
        self.start("stunnel", ["stunnel4", config], [8450, 8451])

    def squid(self):
        users = self.file("squid-users", f"{USER}:{apr1(PASSWORD)}\n")
        hosts = self.file("squid-hosts", "".join(f"{address} {host}\n" for host, address in {**HOSTS, HIDDEN: "127.0.0.1"}.items()))
        # It drops root's rights. Of a chain it sends the first certificate only.
        (self.folder / "squid").mkdir()
        shutil.chown(self.folder / "squid", "proxy")
        config = self.file("squid.conf", f"""
http_port 127.0.0.1:3128 name=open
http_port 127.0.0.1:3129 name=users
https_port 127.0.0.1:3130 name=tls tls-cert={self.certificates}/short.crt tls-key={self.certificates}/short.key
auth_param basic program /usr/lib/squid/basic_ncsa_auth {users}
auth_param basic realm proxy
acl on_users myportname users
acl known proxy_auth REQUIRED
acl forbidden dstdomain forbidden.example
http_access deny forbidden
http_access deny on_users !known
http_access allow all
hosts_file {hosts}
dns_nameservers 127.0.0.1
dns_v4_first on
connect_timeout 2 seconds
forward_timeout 3 seconds
shutdown_lifetime 0 seconds
visible_hostname proxy.example
cache deny all
netdb_filename none
pinger_enable off
pid_filename none
access_log none
cache_log {self.folder}/squid/cache.log
coredump_dir {self.folder}/squid
""")
        self.start("Squid", ["squid", "-N", "-f", config], [3128, 3129, 3130])

    def tinyproxy(self):
        common = "User nobody\nGroup nogroup\nListen 127.0.0.1\nTimeout 10\nLogLevel Info\nMaxClients 20\n"
        deny = self.file("tinyproxy-filter", "forbidden\\.example\n")
        config = self.file("tinyproxy.conf", f'{common}Port 8888\nFilter "{deny}"\n')
        users = self.file("tinyproxy-users.conf", f"{common}Port 8889\nBasicAuth {USER} {PASSWORD}\n")
        self.start("tinyproxy", ["tinyproxy", "-d", "-c", config], [8888])
        self.start("tinyproxy with a user", ["tinyproxy", "-d", "-c", users], [8889])

    def dante(self):
        for name, port, method in (("Dante", 1080, "none"), ("Dante with a user", 1081, "username")):
            config = self.file(f"danted-{port}.conf", f"""
logoutput: stderr
internal: 127.0.0.1 port = {port}
external: 127.0.0.1
clientmethod: none
socksmethod: {method}
user.privileged: root
user.unprivileged: nobody
client pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}
socks block {{ from: 0.0.0.0/0 to: forbidden.example }}
socks pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}
""")
            self.start(name, ["danted", "-f", config, "-p", f"{self.folder}/danted-{port}.pid"], [port])

    def microsocks(self):
        self.start("microsocks", ["microsocks", "-i", "127.0.0.1", "-p", "1082"], [1082])
        self.start("microsocks with a user", ["microsocks", "-i", "127.0.0.1", "-p", "1083", "-u", USER, "-P", PASSWORD], [1083])

    def ssh(self):
        for name in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / f"ssh-{name}")],
                           check=True, timeout=30)
        # A folder that sshd wants and Debian makes when the service starts.
        pathlib.Path("/run/sshd").mkdir(exist_ok=True)
        self.start("sshd", ["/usr/sbin/sshd", "-D", "-e", "-f", "/dev/null", "-h", str(self.folder / "ssh-host"),
                            "-o", "ListenAddress=127.0.0.1:2222", "-o", "PidFile=none", "-o", "UsePAM=no", "-o", "StrictModes=no",
                            "-o", f"AuthorizedKeysFile={self.folder}/ssh-user.pub"], [2222])
        self.start("ssh -D", ["ssh", "-F", "/dev/null", "-N", "-D", "127.0.0.1:1084", "-p", "2222", "-i", str(self.folder / "ssh-user"),
                              "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes",
                              "-o", "ConnectTimeout=10", "root@127.0.0.1"], [1084])

    def mitmproxy(self):
        packages = self.folder / "mitmproxy"
        if not packages.is_dir():
            raise RuntimeError("it is not installed")
        command = [sys.executable, "-c", "from mitmproxy.tools.main import mitmdump; mitmdump()", "-q", "--listen-host", "127.0.0.1",
                   "--set", f"confdir={self.folder}/mitm", "--set", f"ssl_verify_upstream_trusted_ca={self.certificates}/ca.pem"]
        env = os.environ | {"PYTHONPATH": str(packages), "PYTHONDONTWRITEBYTECODE": "1"}
        self.start("mitmproxy", [*command, "--listen-port", "8080"], [8080], env)
        self.start("mitmproxy with a user", [*command, "--listen-port", "8081", "--proxyauth", f"{USER}:{PASSWORD}"], [8081], env)
        self.start("mitmproxy as SOCKS", [*command, "--mode", "socks5", "--listen-port", "8082"], [8082], env)


def accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def apr1(password):
    done = subprocess.run(["openssl", "passwd", "-apr1", password], capture_output=True, text=True, check=True, timeout=10)
    return done.stdout.strip()


def tail(path):
    text = path.read_text(errors="replace") if path.exists() else ""
    return "\n".join(text.strip().split("\n")[-8:])
