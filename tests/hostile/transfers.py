"""A7: servers that never end or never begin."""

import itertools
import re
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler

from mirrorsync.errors import ExitCode
from mirrorsync.model.choices import MirrorKind
from tests.hostile import answers
from tests.hostile.answers import Answer
from tests.hostile.cases import LISTING, REPODATA, Case
from tests.hostile.ftp import hostile_ftp_server
from tests.hostile.stock import GREED, POISONED
from tests.hostile.views import greedy
from tests.hostile.world import World

_FILE = f"{POISONED}.noarch.rpm"
_INDEX = {LISTING: "127.0.0.1", REPODATA: "repomd.xml"}
_SHORT = 0.5  # seconds
_TRAILER = b"X-More: on and on\r\n"
_LATER = "another mirror may have it"


def cases() -> Iterator[Case]:
    """Every case of the row."""
    for kind in (LISTING, REPODATA):
        yield from _indexes(kind)
        yield from _packages(kind)
    yield from _heads()
    says = ("repomd.xml: none of the", "mirrors that were asked in time gives it", "no answer in time")
    yield Case("A7", REPODATA, "a hundred thousand silent places", silent_places, says, ExitCode.FAILURE, (), patience=_SHORT)
    says = ("primary", "not whole after", "try later or another mirror")
    yield Case("A7", REPODATA, "metadata of no known size that is slow", unmeasured, says, ExitCode.FAILURE, (), patience=_SHORT)
    yield Case(
        "A7", LISTING, "FTP listing without end", endless_over_ftp, ("ftp://", "bytes, which no such", "correct the"), ExitCode.FAILURE, ()
    )


def _indexes(kind: MirrorKind) -> Iterator[Case]:
    """What is asked for first; without it there is no update."""

    def case(name: str, answer: Answer, *says: str, patience: float | None = None) -> Case:
        return Case("A7", kind, name, partial(index, answer), (_INDEX[kind], *says), ExitCode.FAILURE, (), patience=patience)

    no_http = ("not HTTP as it should be", "use another mirror")
    slow = ("fewer than 1024 bytes a second", "try later or another mirror")
    yield case("index without end", answers.endless(), "bytes, which no such file should have", "correct the mirror's URL")
    yield case("headers without end", answers.endless_head(), *no_http)
    yield case("header line without end", answers.endless_line(b"x" * 9000), *no_http)
    yield case(
        "preliminary answers without end", answers.endless_preliminaries(), "a reply without end", "is the mirror, or the network, down?"
    )
    yield case("redirects without end", answers.circle, "more than 8 redirects", "correct the mirror's URL")
    yield case("index byte by byte", answers.endless(b"#", pause=0.2), *slow, patience=_SHORT)
    yield case(
        "index slow and without end",
        answers.endless(b"#" * 400, pause=0.2),
        "not whole after",
        "try later or another mirror",
        patience=_SHORT,
    )
    in_time = ("in time", "is the mirror, or the network, down?")
    yield case("headers one by one", answers.endless_head(pause=0.2), *in_time, patience=_SHORT)
    yield case("header line byte by byte", answers.endless_line(pause=0.2), *in_time, patience=_SHORT)
    yield case("body that never comes", answers.silence(), *in_time, patience=_SHORT)
    yield from _chunks(kind)


def _chunks(kind: MirrorKind) -> Iterator[Case]:
    """What comes first is in chunks, and what is between or behind them does not end."""

    def case(name: str, answer: Answer, what: str, patience: float | None = None) -> Case:
        says = (_INDEX[kind], "the answer broke off", what, "is the mirror, or the network, down?")
        return Case("A7", kind, name, partial(index, answer), says, ExitCode.FAILURE, (), patience=patience)

    yield case("trailers without end", answers.chunked(_TRAILER, before=b"0\r\n"), "a reply without end")
    yield case("trailers one by one", answers.chunked(_TRAILER, before=b"0\r\n", pause=0.2), "in time", _SHORT)
    yield case("size of a chunk byte by byte", answers.chunked(b"0", pause=0.2), "in time", _SHORT)


def _packages(kind: MirrorKind) -> Iterator[Case]:
    """What a package's file is answered with once its header has been read."""

    def case(name: str, answer: Answer, *says: str, patience: float | None = None) -> Case:
        return Case("A7", kind, name, partial(once_planned, answer), (_FILE, *says), patience=patience)

    more = ("more than the", "bytes announced", _LATER)
    yield case("package without end", answers.endless(), *more)
    yield case("package longer than announced", answers.answer(itertools.repeat(b"#" * 100, 200)), *more)
    yield case("package announced longer", answers.answer((b"#" * 20_000,), {"Content-Length": "20000"}), "is 20000 bytes where", _LATER)
    yield case(
        "package byte by byte", answers.endless(b"#", pause=0.2), "fewer than 1024 bytes a second", "another mirror", patience=_SHORT
    )
    yield case("package with headers one by one", answers.endless_head(pause=0.2), "in time", "is the mirror", patience=_SHORT)
    none = ("given up, for", "packages in a row did not come", "run again later, or use another mirror")
    yield Case("A7", kind, "fifty packages that never come", giving_none, ("more", *none), arrives=(), patience=_SHORT, seconds=90)
    yield case("package that never comes", answers.silence(), "in time", "is the mirror", patience=_SHORT)


def _heads() -> Iterator[Case]:
    """What a listing's package is answered with when its header is asked for."""

    def case(name: str, answer: Answer, *says: str, patience: float | None = None) -> Case:
        found = (_FILE, *says, "it is not offered; the next run tries again")
        return Case("A7", LISTING, name, partial(at_once, answer), found, ExitCode.FINDINGS, patience=patience)

    yield case("header without end", answers.endless(), "begins with 23232323")
    yield case("header byte by byte", answers.endless(b"#", pause=0.2), "fewer than 1024 bytes a second", patience=_SHORT)


def index(answer: Answer, world: World) -> None:
    """The listing, or repomd.xml, is answered so."""
    world.answer(world.index, answer)


def at_once(answer: Answer, world: World) -> None:
    """The update's file is answered so."""
    world.answer(world.path(), answer)


def endless_over_ftp(world: World) -> None:
    """The mirror speaks FTP, and its listing goes on and on."""
    world.url = world.beside.enter_context(hostile_ftp_server(world.mirror, ["type=file;size=10; x.rpm"], repeat=1 << 40))


def unmeasured(world: World) -> None:
    """repomd.xml does not say how large primary.xml is, and it comes slowly and without end."""
    repomd = world.mirror / "repodata/repomd.xml"
    repomd.write_text(re.sub("<size>.*?</size>", "", repomd.read_text()))
    [primary] = repomd.parent.glob("*primary.xml*")
    world.answer(f"/repodata/{primary.name}", answers.endless(b"#" * 400, pause=0.2))


def silent_places(world: World) -> None:
    """The mirror list names any number of places, none of which ever says more than that it has the file."""
    world.url_is, world.url = "mirrorlist", f"{world.server.url}/list"
    world.serve("/list", "".join(f"{world.server.url}/{number}\n" for number in range(100_000)).encode())
    for number in range(8):
        world.answer(f"/{number}/repodata/repomd.xml", answers.silence())


def giving_none(world: World) -> None:
    """The update brings fifty packages along, none of which comes."""
    greedy(world, offered=True)
    for number in range(GREED):
        once_planned(answers.silence(), world, f"more{number}-1-1")


def once_planned(answer: Answer, world: World, name: str = POISONED) -> None:
    """The update's file is answered so where all of it is asked for; its first bytes are as they should be."""
    content = world.file(name).read_bytes()
    head = {"Content-Range": f"bytes 0-{len(content) - 1}/{len(content)}", "Content-Length": str(len(content)), "ETag": '"first"'}

    def either(handler: SimpleHTTPRequestHandler) -> None:
        first = handler.headers.get("Range", "").startswith("bytes=0-")
        (answers.answer((content,), head, 206) if first else answer)(handler)

    world.answer(world.path(name), either)
