"""Real servers on loopback for tests: Python's own, with every misbehaviour as a knob, pyftpdlib, and Debian's daemons where installed."""

import base64
import io
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import formatdate, parsedate_to_datetime
from functools import partial
from html import escape
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote, unquote

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # pyftpdlib stands on asyncore, which Python 3.11 deprecates
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import FTPHandler
    from pyftpdlib.servers import FTPServer

LOOPBACK = "127.0.0.1"
START_SECONDS = 15
BLOCK = 8192


@dataclass(frozen=True, slots=True)
class Running:
    """A server that serves a folder at `url`; `log` gives one line for every request or command so far."""

    url: str
    log: Callable[[], list[str]]

    def transfers(self, suffix: str = ".rpm") -> list[str]:
        """The GET and RETR lines for files whose names end so."""
        return [line for line in self.log() if any(f"{verb} " in line for verb in ("GET", "RETR")) and suffix in line]


@dataclass(slots=True)
class Behaviour:
    """What a MirrorServer does with a path (as requested, with its leading '/'); change it while it runs."""

    ignores_range: bool = False
    ignores_if_range: bool = False
    shifts_range: int = 0  # answers with a range that begins so many bytes later than asked
    shows_dates: bool = True  # in its directory listings
    shows_length: bool = True
    validates: bool = True  # sends ETag and Last-Modified
    weak_etags: bool = False
    credentials: tuple[str, str] | None = None
    cuts: dict[str, list[int]] = field(default_factory=dict)  # the next answers end after so many bytes
    failures: dict[str, list[int]] = field(default_factory=dict)  # the next answers are these statuses
    retry_after: str | None = None
    redirects: dict[str, str] = field(default_factory=dict)
    bodies: dict[str, bytes] = field(default_factory=dict)  # instead of the file
    answers: dict[str, Callable[[SimpleHTTPRequestHandler], None]] = field(default_factory=dict)  # write the whole answer, head and all
    trickle: float | None = None  # seconds between single bytes
    before_answer: Callable[[str], None] | None = None  # called with the path when a request has come
    after_answer: Callable[[str], None] | None = None  # called with the path once an answer is sent


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]


class MirrorServer(ThreadingHTTPServer):
    """HTTP/1.1 with Range, If-Range, ETag and conditional requests, as its `behaviour` lets it."""

    daemon_threads = True

    def __init__(self, root: Path) -> None:
        self.behaviour = Behaviour()
        self.requests: list[Request] = []
        super().__init__((LOOPBACK, 0), partial(_MirrorHandler, directory=str(root)))

    @property
    def url(self) -> str:
        """Without a slash at its end."""
        scheme = "https" if isinstance(self.socket, ssl.SSLSocket) else "http"
        return f"{scheme}://{LOOPBACK}:{self.server_port}"

    def handle_error(self, *_words: object) -> None:
        """A client that hangs up is no news."""
        if not isinstance(sys.exc_info()[1], OSError):
            traceback.print_exc()

    def asked(self, path: str) -> list[Request]:
        """The requests for one path."""
        return [request for request in self.requests if request.path == path]

    def lines(self) -> list[str]:
        """Every request's method and path."""
        return [f"{request.method} {request.path}" for request in self.requests]


class _MirrorHandler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: MirrorServer

    def log_message(self, *_words: object) -> None:
        """Requests are recorded, not printed."""

    def do_GET(self) -> None:
        self.server.requests.append(Request("GET", self.path, dict(self.headers.items())))
        behaviour = self.server.behaviour
        if behaviour.before_answer is not None:
            behaviour.before_answer(self.path)
        failures = behaviour.failures.get(self.path)
        if failures:
            self._answer(failures.pop(0), {"Retry-After": behaviour.retry_after} if behaviour.retry_after else {}, b"")
        elif self.path in behaviour.redirects:
            self._answer(302, {"Location": behaviour.redirects[self.path]}, b"")
        elif behaviour.credentials is not None and self.headers.get("Authorization") != _basic(behaviour.credentials):
            self._answer(401, {"WWW-Authenticate": 'Basic realm="mirror"'}, b"")
        else:
            self._serve(Path(self.translate_path(self.path)))
        if behaviour.after_answer is not None:
            behaviour.after_answer(self.path)

    def _serve(self, path: Path) -> None:
        if self.path in self.server.behaviour.answers:
            self.close_connection = True
            with suppress(OSError):  # the client has had enough
                self.server.behaviour.answers[self.path](self)
        elif self.path in self.server.behaviour.bodies:
            self._answer(200, {}, self.server.behaviour.bodies[self.path])
        elif path.is_dir() and self.path.endswith("/"):
            self._answer(200, {"Content-Type": "text/html"}, _page(path, dated=self.server.behaviour.shows_dates))
        elif path.is_dir():
            self._answer(301, {"Location": f"{self.path}/"}, b"")
        elif path.is_file():
            self._file(path)
        else:
            self._answer(404, {}, b"<a href='x.rpm'>not here</a>")

    def _file(self, path: Path) -> None:
        content, status = path.read_bytes(), path.stat()
        etag = f'{"W/" if self.server.behaviour.weak_etags else ""}"{status.st_mtime_ns:x}-{status.st_size:x}"'
        modified = formatdate(status.st_mtime, usegmt=True)
        headers = {"ETag": etag, "Last-Modified": modified} if self.server.behaviour.validates else {}
        if self._unchanged(etag, modified):
            self._answer(304, headers, None)
            return
        first, last = self._range(len(content), etag, modified)
        if first is None:
            self._answer(200, headers, content)
        elif first >= len(content):
            self._answer(416, {**headers, "Content-Range": f"bytes */{len(content)}"}, b"")
        else:
            first += self.server.behaviour.shifts_range
            headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
            self._answer(206, headers, content[first : last + 1])

    def _unchanged(self, etag: str, modified: str) -> bool:
        if not self.server.behaviour.validates:
            return False
        if "If-None-Match" in self.headers:
            return self.headers["If-None-Match"] == etag
        since = self.headers.get("If-Modified-Since")
        return since is not None and parsedate_to_datetime(modified) <= parsedate_to_datetime(since)

    def _range(self, size: int, etag: str, modified: str) -> tuple[int | None, int]:
        wanted = self.headers.get("Range", "")
        condition = self.headers.get("If-Range")
        stale = condition is not None and condition not in (etag, modified) and not self.server.behaviour.ignores_if_range
        if not wanted or stale or self.server.behaviour.ignores_range:
            return None, size - 1
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        return int(first), min(int(last), size - 1) if last else size - 1

    def _answer(self, status: int, headers: dict[str, str], body: bytes | None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if body is not None and self.server.behaviour.shows_length:
            self.send_header("Content-Length", str(len(body)))
        elif body is not None:
            self.close_connection = True
            self.send_header("Connection", "close")
        self.end_headers()
        self._send(body or b"")

    def _send(self, body: bytes) -> None:
        cuts = self.server.behaviour.cuts.get(self.path)
        if cuts:
            body = body[: cuts.pop(0)]
            self.close_connection = True
        source = io.BytesIO(body)
        trickle = self.server.behaviour.trickle
        try:
            while block := source.read(1 if trickle else BLOCK):
                self.wfile.write(block)
                time.sleep(trickle or 0)
        except OSError:  # the client has had enough
            self.close_connection = True


def _basic(credentials: tuple[str, str]) -> str:
    return "Basic " + base64.b64encode(":".join(credentials).encode()).decode()


def _page(folder: Path, *, dated: bool) -> bytes:
    """A listing in nginx's manner."""
    lines = ["<html><body><h1>Index</h1><hr><pre><a href='../'>../</a>"]
    for path in sorted(folder.iterdir()):
        slash = "/" if path.is_dir() else ""
        stamp = time.strftime("%d-%b-%Y %H:%M", time.gmtime(path.stat().st_mtime)) + f" {path.stat().st_size if not slash else '-':>20}"
        lines.append(f'<a href="{quote(path.name)}{slash}">{escape(path.name)}{slash}</a> {stamp if dated else ""}')
    return "\n".join([*lines, "</pre></body></html>"]).encode()


@contextmanager
def http_server(root: Path, certificate: tuple[Path, Path] | None = None) -> Iterator[MirrorServer]:
    """A MirrorServer of the folder `root`; over TLS with a certificate and its key."""
    server = MirrorServer(root)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    with _threaded(server):
        yield server


@contextmanager
def mirror_server(root: Path, _work: Path) -> Iterator[Running]:
    """`http_server` in the manner of the others."""
    with http_server(root) as server:
        yield Running(server.url, server.lines)


@contextmanager
def python_server(root: Path, _work: Path) -> Iterator[Running]:
    """What `python -m http.server` runs: HTTP/1.0, no Range, no dates in its listings."""
    lines: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, form: str, *words: object) -> None:
            lines.append(form % words)

    with ThreadingHTTPServer((LOOPBACK, 0), partial(Handler, directory=str(root))) as server:
        server.daemon_threads = True
        with _threaded(server):
            yield Running(f"http://{LOOPBACK}:{server.server_port}", lambda: list(lines))


@contextmanager
def _threaded(server: ThreadingHTTPServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def ftp_server(root: Path, _work: Path, *, mlsd: bool = True, credentials: tuple[str, str] | None = None) -> Iterator[Running]:
    """pyftpdlib in a thread; with or without MLSD, anonymous unless there are credentials."""
    lines: list[str] = []
    authorizer = DummyAuthorizer()
    if credentials is None:
        authorizer.add_anonymous(str(root))
    else:
        authorizer.add_user(*credentials, str(root))

    class Handler(FTPHandler):  # type: ignore[misc]  # pyftpdlib ships no types
        proto_cmds: ClassVar = {name: command for name, command in FTPHandler.proto_cmds.items() if mlsd or name != "MLSD"}
        use_sendfile = False

        def log_cmd(self, cmd: str, arg: str, respcode: int, respstr: str) -> None:
            """Every command, not only those pyftpdlib thinks worth a line; paths are below the folder served."""
            lines.append(f"{cmd} {arg.removeprefix(str(root))} {respcode} {respstr}")

    Handler.authorizer = authorizer
    Handler.auth_failed_timeout = 0
    server = FTPServer((LOOPBACK, 0), Handler)
    stop = threading.Event()

    def run() -> None:
        while not stop.is_set():
            server.ioloop.loop(timeout=0.02, blocking=False)
        server.close_all()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield Running(f"ftp://{LOOPBACK}:{server.address[1]}", lambda: list(lines))
    finally:
        stop.set()
        thread.join()


@contextmanager
def list_only_ftp_server(root: Path, work: Path) -> Iterator[Running]:
    """pyftpdlib as a server of before RFC 3659 lists."""
    with ftp_server(root, work, mlsd=False) as running:
        yield running


@contextmanager
def nginx(root: Path, work: Path, *, rate: int = 0, more: str = "") -> Iterator[Running]:
    """Debian's nginx with autoindex, as one process; `rate` is in bytes a second for each request, 0 for no limit.

    more: further directives of the server.
    """
    config = """
        daemon off; master_process off; pid {work}/nginx.pid; error_log {work}/error.log;
        events {{ }}
        http {{
          access_log {work}/access.log;
          client_body_temp_path {work}/t1; proxy_temp_path {work}/t2; fastcgi_temp_path {work}/t3;
          uwsgi_temp_path {work}/t4; scgi_temp_path {work}/t5;
          server {{ listen 127.0.0.1:{port}; root {root}; autoindex on; limit_rate {rate}; {more} }}
        }}
    """.replace("{more}", more.replace("{", "{{").replace("}", "}}"))
    with _daemon("nginx", ["-c", "{config}", "-e", "{work}/error.log"], config, root, work, rate=rate) as running:
        yield running


@contextmanager
def apache(root: Path, work: Path, *, options: str = "FancyIndexing HTMLTable NameWidth=20") -> Iterator[Running]:
    """Debian's Apache with mod_autoindex and the given IndexOptions; it also lists dot files."""
    modules = ("mpm_event", "authz_core", "dir", "autoindex", "mime")
    config = "\n".join(
        (
            "ServerRoot /usr/lib/apache2",
            "ServerName localhost",
            "PidFile {work}/apache.pid",
            "DefaultRuntimeDir {work}",
            "Listen 127.0.0.1:{port}",
            "ErrorLog {work}/error.log",
            'CustomLog {work}/access.log "%r %>s"',
            "TypesConfig /etc/mime.types",
            *(f"LoadModule {name}_module modules/mod_{name}.so" for name in modules),
            *(("User www-data", "Group www-data") if os.geteuid() == 0 else ()),
            "DocumentRoot {root}",
            "<Directory {root}>",
            "Options +Indexes +FollowSymLinks",
            f"IndexOptions {options}",
            "Require all granted",
            "</Directory>",
        )
    )
    with _daemon("apache2", ["-D", "FOREGROUND", "-f", "{config}"], config, root, work) as running:
        yield running


@contextmanager
def lighttpd(root: Path, work: Path) -> Iterator[Running]:
    """Debian's lighttpd with mod_dirlisting.

    Its stat cache is off: for a second after a change it serves the new bytes under the old ETag, which no client can notice.
    """
    config = """
        server.document-root = "{root}"
        server.bind = "127.0.0.1"
        server.port = {port}
        server.modules = ("mod_dirlisting", "mod_accesslog")
        dir-listing.activate = "enable"
        server.stat-cache-engine = "disable"
        mimetype.assign = (".rpm" => "application/x-rpm")
        accesslog.filename = "{work}/access.log"
    """
    with _daemon("lighttpd", ["-D", "-f", "{config}"], config, root, work) as running:
        yield running


@contextmanager
def caddy(root: Path, work: Path) -> Iterator[Running]:
    """Debian's Caddy with `file_server browse`."""
    config = """
    {{
        admin off
        storage file_system {work}
    }}
    http://127.0.0.1:{port} {{
        root * {root}
        file_server browse
        log {{
            output file {work}/access.log
        }}
    }}
    """
    with _daemon("caddy", ["run", "--config", "{config}", "--adapter", "caddyfile"], config, root, work) as running:
        yield Running(running.url, lambda: [_caddy_line(line) for line in running.log()])


def _caddy_line(line: str) -> str:
    entry = json.loads(line)
    return f"{entry['request']['method']} {entry['request']['uri']} {entry['status']}"


@contextmanager
def vsftpd(root: Path, work: Path, *, rate: int = 0) -> Iterator[Running]:
    """Debian's vsftpd, anonymous: no MLSD; `rate` is in bytes a second for each session, 0 for no limit."""
    (work / "empty").mkdir()
    config = "\n".join(
        (
            "listen=YES",
            "listen_address=127.0.0.1",
            "listen_port={port}",
            "background=NO",
            "anonymous_enable=YES",
            "no_anon_password=YES",
            "local_enable=NO",
            "write_enable=NO",
            "anon_root={root}",
            "secure_chroot_dir={work}/empty",
            "seccomp_sandbox=NO",
            "isolate=NO",
            "isolate_network=NO",
            "anon_max_rate={rate}",
            "xferlog_enable=YES",
            "log_ftp_protocol=YES",
            "vsftpd_log_file={work}/access.log",
        )
    )
    if os.geteuid() != 0:
        config += "\nrun_as_launching_user=YES"
    with _daemon("vsftpd", ["{config}"], config, root, work, scheme="ftp", rate=rate) as running:
        yield running


@contextmanager
def _daemon(
    name: str, arguments: list[str], config: str, root: Path, work: Path, scheme: str = "http", *, rate: int = 0
) -> Iterator[Running]:
    """Start a daemon in the foreground on a port of its own, and end it and its children; skip the test where it is not installed."""
    program = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.skip(f"{name} is not installed")
    port = _free_port()
    file = work / f"{name}.conf"
    words = {"root": root, "work": work, "port": port, "config": file, "rate": rate}
    file.write_text(f"{config.format(**words)}\n")
    with (work / "output.log").open("wb") as output:
        command = [program, *(argument.format(**words) for argument in arguments)]
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True, cwd=work)
    try:
        _wait_for(port, process, work / "output.log")
        yield Running(f"{scheme}://{LOOPBACK}:{port}", lambda: _log_lines(work / "access.log"))
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(START_SECONDS)


def _free_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as server:
        return int(server.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes], output: Path) -> None:
    limit = time.monotonic() + START_SECONDS
    while time.monotonic() < limit:
        if process.poll() is not None:
            pytest.fail(f"{process.args!r} ended at once: {output.read_text(errors='replace')}")
        try:
            socket.create_connection((LOOPBACK, port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"{process.args!r} does not listen: {output.read_text(errors='replace')}")


def _log_lines(path: Path) -> list[str]:
    return [unquote(line) for line in path.read_text(errors="replace").splitlines()] if path.exists() else []
