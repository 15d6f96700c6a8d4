"""What proves to a mirror who asks: files that others can read are refused, and nothing of it is ever told to anybody else."""

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer

import pytest

from tests.commands import Mirrorsync, Result, configured
from tests.conftest import Builder
from tests.servers import LOOPBACK, ftp_server, http_server
from tests.sites import LISTING, Site, redhat_site, repodata_site

SECRET = "hunter2-and-more"
USER = "joe"
COMMANDS = (["update", "--json"], ["history", "--json"], ["config", "show"])


def secret_file(folder: Path, mode: int = 0o600) -> Path:
    path = folder / "password"
    path.write_text(f"{SECRET}\n")
    path.chmod(mode)
    return path


def with_password(folder: Path, url: str) -> str:
    return f'url = "{url}/"\n{LISTING}\nusername = "{USER}"\npassword_file = "{secret_file(folder)}"'


@contextmanager
def command_lines() -> Iterator[set[str]]:
    """What `ps` could have shown meanwhile: the command lines and environments of all processes but this one and the servers in it."""
    seen: set[str] = set()
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.02):
            for entry in Path("/proc").glob("[0-9]*"):
                for name in ("cmdline", "environ"):
                    try:
                        seen.add((entry / name).read_text(errors="replace"))
                    except OSError:
                        continue

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        ended.set()
        watcher.join()


def said_by_all(program: Mirrorsync, *commands: list[str]) -> list[Result]:
    """What commands say, none of which, nor any process meanwhile, shows the secret."""
    with command_lines() as shown:
        results = [program(*command) for command in commands or COMMANDS]
    for result in results:
        assert SECRET not in result.out + result.err
    assert shown
    assert not [line for line in shown if SECRET in line]
    return results


def kept_files(site: Site) -> str:
    """All that mirrorsync keeps on disk about the site."""
    roots = (site.state, site.folder / "u1/.mirrorsync")
    return "\0".join(path.read_bytes().decode(errors="replace") for root in roots for path in root.rglob("*") if path.is_file())


@pytest.fixture
def site(tmp_path: Path, rpm: Builder) -> Site:
    return redhat_site(tmp_path, [rpm("bash", "1")], [rpm("bash", "2")])


# Files that others can read


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_password_file_that_others_can_read_is_refused(mode: int, site: Site) -> None:
    program = configured(site.folder, site.tree, with_password(site.folder, "http://m.example"))
    (site.folder / "password").chmod(mode)
    update, checked = said_by_all(program, ["update"], ["config", "check"])
    assert (update.code, checked.code) == (78, 78)
    assert f"password_file of http://m.example/: {site.folder}/password may be read by others; chmod 600 it" in update.err


@pytest.mark.parametrize("key", ["client_key", "client_cert"])
def test_a_private_key_that_others_can_read_is_refused(key: str, site: Site) -> None:
    files = {name: site.folder / f"{name}.pem" for name in ("client_key", "client_cert")}
    for file in files.values():
        file.write_text("-----BEGIN PRIVATE KEY-----\n")
        file.chmod(0o644)
    named = [f'{name} = "{file}"' for name, file in files.items() if key in ("client_key", name)]
    program = configured(site.folder, site.tree, "\n".join([f'url = "https://m.example/"\n{LISTING}', *named]))
    update, checked = program("update"), program("config", "check")
    assert (update.code, checked.code) == (78, 78)
    assert f"{key} of https://m.example/: {files[key]} may be read by others; chmod 600 it" in update.err
    assert f"{key}: {files[key]} may be read by others" in checked.err
    files[key].chmod(0o600)
    assert "may be read by others" not in program("config", "check").err


def test_a_configuration_that_names_a_proxys_password_is_private(site: Site) -> None:
    program = configured(site.folder, site.tree, f'url = "http://m.example/"\n{LISTING}\nproxy = "http://{USER}:{SECRET}@proxy.example:1"')
    [refused] = said_by_all(program, ["update"])
    assert refused.code == 78
    assert f"updates[1].proxy: names a password, and {program.config} may be read by others; chmod 600 it" in refused.err
    program.config.chmod(0o600)
    assert program("config", "check").code == 0


@pytest.mark.parametrize(
    "lines",
    [
        f"baseurl=http://{USER}:{SECRET}@m.example/x",
        f"baseurl=http://m.example/x\nusername={USER}\npassword={SECRET}",
        f"baseurl=http://m.example/x\nproxy=http://{USER}:{SECRET}@p.example:1",
        f"mirrorlist=http://{USER}:{SECRET}@m.example/x",
        f"baseurl=http://m.example/x\ngpgkey=http://{USER}:{SECRET}@m.example/key",
    ],
    ids=["baseurl", "password", "proxy", "mirrorlist", "gpgkey"],  # a test's name is in its programs' environment
)
def test_a_repo_file_that_names_a_password_is_private(lines: str, site: Site) -> None:
    repo = site.folder / "x.repo"
    repo.write_text(f"[x]\ngpgcheck=0\n{lines}\n")
    repo.chmod(0o644)
    program = configured(site.folder, site.tree, "", more=f'updates_from = ["{repo}"]')
    [refused] = said_by_all(program, ["update"])
    assert (refused.code, f"{repo}: [x]: {repo} may be read by others; chmod 600 it" in refused.err) == (78, True)


def test_a_repo_files_client_key_is_private(site: Site) -> None:
    key = site.folder / "key.pem"
    key.write_text("-----BEGIN PRIVATE KEY-----\n")
    key.chmod(0o644)
    repo = site.folder / "x.repo"
    repo.write_text(f"[x]\ngpgcheck=0\nbaseurl=https://m.example/\nsslclientcert=/c.pem\nsslclientkey={key}\n")
    refused = configured(site.folder, site.tree, "", more=f'updates_from = ["{repo}"]')("update")
    assert (refused.code, f"{key} may be read by others" in refused.err) == (78, True)


# What nobody is told


WRITTEN = {
    "a slash": "http://joe:{}/x@m.example/", "a hash": "http://joe:{}#x@m.example/", "a question mark": "http://joe:{}?x@m.example/",
    "a number and a slash": "http://joe:12/{}@m.example/", "no colon": "http//joe:{}@m.example/", "no slashes": "HTTP:joe:{}@m.example",
    "no scheme": "joe:{}@m.example/", "two hosts": "http://joe:{}@m@m.example:x/", "a bracket": "http://joe:[{}@m.example/",
}  # fmt: skip
"""Passwords in URLs whose parts cannot be told, or are not URLs."""


@pytest.mark.parametrize("key", ["url", "proxy", "mirrorlist"])
@pytest.mark.parametrize("how", WRITTEN)
def test_a_password_in_a_url_that_cannot_be_taken_apart_is_not_repeated(how: str, key: str, site: Site) -> None:
    lines = {"url": 'url = "http://m.example/"'} | {key: f'{key} = "{WRITTEN[how].format(SECRET)}"'}
    if key == "mirrorlist":
        del lines["url"]
    program = configured(site.folder, site.tree, "\n".join([*lines.values(), 'kind = "repodata"', 'signatures = "digest-only"']))
    program.config.chmod(0o600)
    for said in said_by_all(program, ["update"], ["update", "--json"], ["config", "check"], ["config", "show"]):
        assert (said.code, "***@" in said.out + said.err) == (78, True)


@pytest.mark.parametrize("key", ["baseurl", "gpgkey", "mirrorlist", "metalink", "proxy"])
@pytest.mark.parametrize("how", WRITTEN)
def test_a_password_in_a_repo_files_url_is_not_repeated(how: str, key: str, site: Site) -> None:
    lines = {"baseurl": "baseurl=http://m.example/", "gpgkey": "gpgkey=file:///nowhere"} | {key: f"{key}={WRITTEN[how].format(SECRET)}"}
    for said in said_of_repo_file("\n".join(lines.values()), site):
        assert "***@" in said.err


@pytest.mark.parametrize("line", ["password {}", "{}", "password={}\npassword={}", "[x]\n{}={}\n{}=2"])
def test_a_password_in_a_line_that_is_none_of_a_repo_file_is_not_repeated(line: str, site: Site) -> None:
    for said in said_of_repo_file(line.replace("{}", SECRET), site):
        assert ": line " in said.err
    for said in said_of_repo_file("", site, before=f"{SECRET}\n"):
        assert ": line 1 stands before the first [section]" in said.err


def test_a_password_with_a_variable_in_it_is_not_repeated(site: Site) -> None:
    for said in said_of_repo_file(f"baseurl=http://joe:x${SECRET.replace('-', '_')}@m.example/", site):
        assert "a $ in it has no value here" in said.err
        assert "hunter2" not in said.err


def said_of_repo_file(lines: str, site: Site, before: str = "") -> list[Result]:
    repo = site.folder / "x.repo"
    repo.write_text(f"{before}[x]\n{lines}\n")
    repo.chmod(0o600)
    program = configured(site.folder, site.tree, "", more=f'updates_from = ["{repo}"]')
    found = said_by_all(program, ["update"], ["config", "check"])
    assert [said.code for said in found] in ([1, 78], [78, 78])
    return found


def test_a_password_for_http_is_told_to_the_mirror_alone(site: Site) -> None:
    with http_server(site.mirror) as web:
        web.behaviour.credentials = (USER, SECRET)
        program = configured(site.folder, site.tree, with_password(site.folder, web.url))
        [updated, *_] = said_by_all(program)
        assert updated.code == 0
        web.behaviour.credentials = (USER, "another")
        [refused] = said_by_all(program, ["-v", "update"])
    assert (refused.code, "401" in refused.err) == (1, True)
    assert SECRET not in kept_files(site)


def test_a_password_for_ftp_is_told_to_the_mirror_alone(site: Site, work: Path) -> None:
    with ftp_server(site.mirror, work, credentials=(USER, SECRET)) as server:
        program = configured(site.folder, site.tree, with_password(site.folder, server.url))
        [updated, *_] = said_by_all(program)
    assert updated.code == 0
    with ftp_server(site.mirror, work, credentials=(USER, "another")) as server:
        program = configured(site.folder, site.tree, with_password(site.folder, server.url))
        [refused] = said_by_all(program, ["-v", "update"])
    assert (refused.code, "login was refused" in refused.err) == (1, True)
    assert SECRET not in kept_files(site)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "has an empty first line; write the secret there"),
        (b"\nsecret\n", "has an empty first line"),
        (b"caf\xe9\n", "byte 4 is not UTF-8; save the file as UTF-8"),
        (bytes(70_000), "cannot be read: it is larger than 65536 bytes"),
    ],
)
def test_a_password_file_that_says_no_password_is_refused(content: bytes, problem: str, site: Site) -> None:
    program = configured(site.folder, site.tree, with_password(site.folder, "http://m.example"))
    (site.folder / "password").write_bytes(content)
    for command in ("update", "config check"):
        refused = program(*command.split())
        assert (refused.code, problem in refused.err) == (78, True)


@pytest.mark.parametrize("content", [f"{SECRET}\r\nmore\r\n", f"\ufeff{SECRET}"], ids=["CRLF", "BOM"])  # the environment has the test's id
def test_a_password_file_may_be_written_elsewhere(content: str, site: Site) -> None:
    with http_server(site.mirror) as web:
        web.behaviour.credentials = (USER, SECRET)
        program = configured(site.folder, site.tree, with_password(site.folder, web.url))
        (site.folder / "password").write_text(content, newline="")
        assert program("update").code == 0


class RepeatingFtp(StreamRequestHandler):
    """Has the password in its answer to one command, and grants all others."""

    def handle(self) -> None:
        password = "?"
        self.wfile.write(b"220 Hello\r\n")
        for line in self.rfile:
            command, _, words = line.decode("latin-1").strip().partition(" ")
            password = words if command == "PASS" else password
            reply = {"USER": "331 And your password?", "PASS": "230 Welcome", "PWD": '257 "/"'}.get(command, "200 Yes")
            if code := self.server.repeats.get(command):  # type: ignore[attr-defined]  # set where the server is made
                reply = f"{code} {password.upper()} {password}"
            self.wfile.write(f"{reply}\r\n".encode("latin-1"))


COMMANDS_OF_FTP = ("PASS 530", "PASS 421", "PASS ?", "PWD 550", "CWD 550", "CWD 500", "CWD 426", "PASV 227")


REPEATED = [*((command, SECRET) for command in COMMANDS_OF_FTP), ("PASS 530", "é"), ("CWD 550", "Pässwörd mit %")]


@pytest.mark.parametrize(("command", "secret"), REPEATED, ids=map(str, range(len(REPEATED))))  # the environment has the test's id
def test_a_password_that_an_ftp_server_repeats_is_in_no_message(command: str, secret: str, site: Site) -> None:
    repeats = dict([command.split()])
    with ThreadingTCPServer((LOOPBACK, 0), RepeatingFtp) as server:
        server.daemon_threads = True
        server.repeats = repeats  # type: ignore[attr-defined]  # as above
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        program = configured(site.folder, site.tree, with_password(site.folder, f"ftp://{LOOPBACK}:{server.server_address[1]}"))
        (site.folder / "password").write_text(secret)
        refused = program("-v", "update")
        server.shutdown()
        thread.join()
    assert (refused.code, next(iter(repeats.values())) in refused.err, "…" in refused.err) == (1, True, True)
    shown = (refused.out + refused.err).lower()
    assert not [form for form in (secret, secret.encode().decode("latin-1")) if form.lower() in shown]


@pytest.mark.parametrize("where", ["phrase", "location", "scheme", "header", "body", "line"])
def test_a_password_that_a_web_server_repeats_is_in_no_message(where: str, site: Site) -> None:
    def repeat(handler: SimpleHTTPRequestHandler) -> None:
        secret = base64.b64decode(handler.headers["Authorization"].removeprefix("Basic ")).decode().removeprefix(f"{USER}:")
        if where == "line":
            handler.wfile.write(f"{secret} 200 {secret}\r\n\r\n".encode())
            return
        places = {"location": f"http://{LOOPBACK}:1/{secret}", "scheme": f"{secret}://x/"}
        handler.send_response(302 if where in places else 403, secret if where == "phrase" else None)
        handler.send_header("Connection", "close")
        if where in places:
            handler.send_header("Location", places[where])
        if where == "header":
            handler.send_header("WWW-Authenticate", f'Basic realm="{secret}"')
        handler.end_headers()
        handler.wfile.write(secret.encode())

    with http_server(site.mirror) as web:
        web.behaviour.answers["/"] = repeat
        program = configured(site.folder, site.tree, with_password(site.folder, web.url))
        [refused] = said_by_all(program, ["-v", "update"])
    assert (refused.code, LOOPBACK in refused.err) == (1, True)


class Proxy(BaseHTTPRequestHandler):
    """Lets nobody through, and says by whose password."""

    def do_GET(self) -> None:
        said = base64.b64decode(self.headers["Proxy-Authorization"].removeprefix("Basic ")).decode()
        self.send_response(407, said)
        self.send_header("X-Said", said)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_CONNECT = do_GET  # noqa: N815  the name that http.server asks for

    def log_message(self, *_words: object) -> None:
        """Nothing."""


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("answers", [True, False])
def test_a_proxys_password_is_in_no_message(scheme: str, answers: bool, site: Site) -> None:  # noqa: FBT001  a parameter of the test
    with ThreadingHTTPServer((LOOPBACK, 0), Proxy) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        port = server.server_port if answers else 1
        proxy = f'proxy = "http://{USER}:{SECRET}@{LOOPBACK}:{port}"'
        program = configured(site.folder, site.tree, f'url = "{scheme}://m.example/"\n{LISTING}\n{proxy}')
        program.config.chmod(0o600)
        [refused, shown] = said_by_all(program, ["-v", "update"], ["config", "show"])
        server.shutdown()
        thread.join()
    assert (refused.code, "m.example" in refused.err) == (1, True)
    assert "***@" in shown.out


def test_a_url_with_a_password_is_refused_and_not_repeated(site: Site) -> None:
    program = configured(site.folder, site.tree, f'url = "http://{USER}:{SECRET}@m.example/"\n{LISTING}')
    [refused] = said_by_all(program, ["update"])
    assert (refused.code, "use username and password_file" in refused.err) == (78, True)


@pytest.mark.parametrize("form", ["url", "keys", "list"])
def test_a_repo_files_password_is_told_to_its_mirror_alone(form: str, tmp_path: Path, rpm: Builder) -> None:
    site = repodata_site(tmp_path, [rpm("bash", "1")], [rpm("bash", "2")])
    repo = tmp_path / "x.repo"
    with http_server(site.mirror) as web:
        web.behaviour.credentials = (USER, SECRET)
        inside = web.url.replace("://", f"://{USER}:{SECRET}@")
        (site.mirror / "list").write_text(f"{web.url}\n")
        keys = f"baseurl={web.url}\nusername={USER}\npassword={SECRET}"
        lines = {"url": f"baseurl={inside}", "list": f"mirrorlist={inside}/list", "keys": keys}
        repo.write_text(f"[x]\ngpgcheck=0\n{lines[form]}\n")
        repo.chmod(0o600)
        program = configured(tmp_path, site.tree, "", layout="repodata", more=f'updates_from = ["{repo}"]')
        [updated, *_] = said_by_all(program)
        assert updated.code == 0, updated.out
        (site.mirror / "repodata/repomd.xml").unlink()
        [refused] = said_by_all(program, ["-v", "update"])
    assert (refused.code, "404" in refused.err) == (1, True)
    assert SECRET not in kept_files(site)
