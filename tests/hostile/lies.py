"""A10: servers that lead elsewhere, are not who they should be, or send other bytes than they say."""

import subprocess
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

from mirrorsync.errors import ExitCode
from mirrorsync.model.choices import MirrorKind
from tests.hostile import answers
from tests.hostile.answers import Answer
from tests.hostile.cases import LISTING, REPODATA, Case, Ended
from tests.hostile.stock import POISONED, UPDATES
from tests.hostile.transfers import at_once, index, once_planned
from tests.hostile.world import World
from tests.servers import MirrorServer, http_server

_FILE = f"{POISONED}.noarch.rpm"
_INDEX = {LISTING: "127.0.0.1", REPODATA: "repomd.xml"}
_SECRET = "the-password"
_CUT = 3000  # bytes that come before a transfer is cut
_ELSEWHERE = {
    "file": ("file:///etc/passwd", "redirected to a 'file' URL", "only http and https are followed"),
    "ftp": ("ftp://127.0.0.1/x.rpm", "redirected to a 'ftp' URL", "only http and https are followed"),
    "no URL": ("http://[", "redirected to something that is no URL", "correct the mirror's URL"),
}


def cases() -> Iterator[Case]:
    """Every case of the row."""
    for kind in (LISTING, REPODATA):
        yield from _redirects(kind)
        yield from _certificates(kind)
        yield from _pages(kind)
        yield from _lengths(kind)
        yield from _ranges(kind)


def _redirects(kind: MirrorKind) -> Iterator[Case]:
    for name, (location, *says) in _ELSEWHERE.items():
        yield Case("A10", kind, f"redirect to {name}", partial(once_planned, answers.redirect(location)), (_FILE, *says))
    downgrade = ("redirected from https to http", "correct the mirror's URL")
    yield Case("A10", kind, "redirect from https to http", downgraded, (_INDEX[kind], *downgrade), ExitCode.FAILURE, ())
    yield Case("A10", kind, "redirect to another host", led_away, (), ExitCode.DONE, UPDATES, also=_kept_secret)


def _certificates(kind: MirrorKind) -> Iterator[Case]:
    def case(name: str, ends: int, address: str, *says: str, known: bool = True) -> Case:
        put = partial(over_tls, ends=ends, address=address, known=known)
        return Case("A10", kind, f"certificate {name}", put, ("127.0.0.1", "its certificate is not trusted", *says), ExitCode.FAILURE, ())

    yield case("of nobody", 2, "IP:127.0.0.1", "self-signed", "set `ca`", known=False)
    yield case("of another name", 2, "DNS:mirror.example", "mismatch", "correct the mirror's URL")
    yield case("that has expired", -1, "IP:127.0.0.1", "expired", "tell the mirror's owner, or use another mirror")


def _pages(kind: MirrorKind) -> Iterator[Case]:
    login = answers.html("Please accept the terms of this network")
    other = "another mirror may have it"
    yield Case("A10", kind, "error page for a package", partial(once_planned, login), (_FILE, "bytes where", "were announced", other))
    yield Case(
        "A10",
        kind,
        "compressed although not asked",
        partial(once_planned, answers.packed(b"0" * 10_000_000)),
        (_FILE, "more than the", other),
    )
    if kind is LISTING:
        says = (_FILE, "begins with 3c68746d", "it is not offered; the next run tries again")
        yield Case("A10", kind, "error page for a header", partial(at_once, login), says, ExitCode.FINDINGS)
        says = ("127.0.0.1", "its listings show no package", "look at the URL with a browser")
        yield Case("A10", kind, "error page for the listing", partial(index, login), says, ExitCode.FINDINGS, ())
    else:
        says = ("repomd.xml", "is not a repomd.xml but <html>", "is the URL a repository's?")
        yield Case("A10", kind, "error page for repomd.xml", partial(index, login), says, ExitCode.FAILURE, ())


def _lengths(kind: MirrorKind) -> Iterator[Case]:
    other = "another mirror may have it"
    yield Case("A10", kind, "length above what comes", partial(lying_length, 100), (_FILE, "bytes where", other))
    yield Case("A10", kind, "length below what comes", partial(lying_length, -100), (_FILE, "bytes where", other))
    yield Case("A10", kind, "less than its own length", partial(lying_length, 0), (_FILE, "", "is the mirror, or the network, down?"))


def _ranges(kind: MirrorKind) -> Iterator[Case]:
    """The transfer is cut once; how the rest is asked for is answered decides."""
    other = "another mirror may have it"
    good = ((), ExitCode.DONE, UPDATES)
    yield Case("A10", kind, "range that begins later", partial(once_cut, "shifted"), (_FILE, "the mirror sent others", other))
    yield Case("A10", kind, "range without its place", partial(once_cut, "nowhere"), (_FILE, "the mirror sent others", other))
    yield Case("A10", kind, "range ignored", partial(once_cut, "whole"), *good)
    yield Case("A10", kind, "another file after the cut", partial(once_cut, "exchanged"), (_FILE, other))
    yield Case("A10", kind, "another file after the cut under the same ETag", partial(once_cut, "spliced"), (_FILE, other))


def downgraded(world: World) -> None:
    """The mirror is asked by https, and leads to where it can be asked without."""
    secure = _secure(world, 2, "IP:127.0.0.1")
    secure.behaviour.redirects[world.index] = f"{world.server.url}{world.index}"


def over_tls(world: World, *, ends: int, address: str, known: bool) -> None:
    """The mirror is asked by https, and has this certificate; `known`: its authority is the configured one."""
    _secure(world, ends, address, known=known)


def _secure(world: World, ends: int, address: str, *, known: bool = True) -> MirrorServer:
    certificate, key = world.folder / "mirror.pem", world.folder / "mirror.key"
    _certify(certificate, key, ends, address)
    server = world.beside.enter_context(http_server(world.mirror, (certificate, key)))
    world.url = server.url
    world.settings = f'ca = "{certificate}"' if known else ""
    return server


_AUTHORITY = """
[ca]
default_ca = own
[own]
database = {folder}/mirror.index
rand_serial = yes
default_md = sha256
policy = any
x509_extensions = extensions
[any]
commonName = supplied
[extensions]
subjectAltName = {address}
basicConstraints = CA:TRUE
"""


def _certify(certificate: Path, key: Path, ends: int, address: str) -> None:
    """A certificate for that address, which its own key signed; it ends so many days from now."""
    folder, issued = certificate.parent, certificate.with_suffix(".issued")
    request, settings = certificate.with_suffix(".csr"), certificate.with_suffix(".cnf")
    settings.write_text(_AUTHORITY.format(folder=folder, address=address))
    (folder / "mirror.index").touch()
    issued.mkdir(exist_ok=True)
    start, end = (f"{datetime.now(UTC) + timedelta(days=days):%Y%m%d%H%M%SZ}" for days in (ends - 9, ends))
    _openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=mirror", "-keyout", str(key), "-out", str(request))
    signing = ("-batch", "-notext", "-selfsign", "-config", str(settings), "-keyfile", str(key), "-in", str(request))
    _openssl("ca", *signing, "-startdate", start, "-enddate", end, "-out", str(certificate), "-outdir", str(issued))


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def led_away(world: World) -> None:
    """The mirror wants a password, and leads to another host for the update's file."""
    other = world.beside.enter_context(http_server(world.mirror))
    world.others.append(other)
    world.server.behaviour.redirects[world.path()] = f"{other.url}{world.path()}"
    world.server.behaviour.credentials = ("somebody", _SECRET)
    secret = world.folder / "password"
    secret.write_text(_SECRET)
    secret.chmod(0o600)
    world.settings = f'username = "somebody"\npassword_file = "{secret}"'


def _kept_secret(world: World, ended: Ended) -> Iterable[str]:
    [other] = world.others
    if not other.requests:
        yield "the other host was never asked"
    if any("Authorization" in request.headers for request in other.requests):
        yield "the other host was sent the credentials"
    if _SECRET in ended.said:
        yield "the password was printed"


def lying_length(more: int, world: World) -> None:
    """The Content-Length of the update's file is not its length; with 0 more, the file ends before its length."""
    content = world.file().read_bytes()
    sent = content if more else content[:-500]
    once_planned(answers.answer((sent,), {"Content-Length": str(len(content) + more)}), world)


def once_cut(then: str, world: World) -> None:
    """The first transfer of the update's file is cut; who asks for the rest is answered so, and then it is another file for good."""
    content = world.file().read_bytes()
    other = content[:100] + bytes(len(content) - 100)
    asked: list[str] = []

    def answered(handler: SimpleHTTPRequestHandler) -> None:
        asked.append(handler.headers.get("Range", ""))
        rest = handler.headers.get("Range", "").startswith(f"bytes={_CUT}-")
        if len(asked) == 1:
            answers.answer((content[:_CUT],), {"Content-Length": str(len(content)), "ETag": '"first"'})(handler)
        elif rest:
            _rest(then, content, other)(handler)
        else:
            answers.answer((other,), {"Content-Length": str(len(other)), "ETag": '"second"'})(handler)

    once_planned(answered, world)


def _rest(then: str, content: bytes, other: bytes) -> Answer:
    """What follows the cut."""
    total, last = len(content), len(content) - 1
    match then:
        case "shifted":
            return answers.answer((content[_CUT + 7 :],), {"Content-Range": f"bytes {_CUT + 7}-{last}/{total}", "ETag": '"first"'}, 206)
        case "nowhere":
            return answers.answer((content[_CUT:],), {"ETag": '"first"'}, 206)
        case "spliced":
            return answers.answer((other[_CUT:],), {"Content-Range": f"bytes {_CUT}-{last}/{total}", "ETag": '"first"'}, 206)
        case "exchanged":
            return answers.answer((other,), {"Content-Length": str(total), "ETag": '"second"'})
        case _:
            return answers.answer((content,), {"Content-Length": str(total), "ETag": '"first"'})
