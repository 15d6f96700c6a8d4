"""A8: little that unpacks to much, nests without end, or claims to be larger than it is."""

import bz2
import gzip
import hashlib
import lzma
import re
import struct
from collections.abc import Callable, Iterator
from functools import cache, partial

import zstandard

from mirrorsync.errors import ExitCode
from mirrorsync.rpmfile.header import INTRO, MAGIC
from tests.forgeries import packet
from tests.hostile import answers
from tests.hostile.cases import LISTING, REPODATA, Case
from tests.hostile.stock import POISONED
from tests.hostile.world import World

_BRIEF = 2.0  # seconds: a good update takes 1
_HUGE = 250.0  # megabytes: what 32 MB of listing, or 200,000 packages, may take
_OPEN = 10 << 30  # bytes that a bomb unpacks to
_BLOCK = 1 << 20
_HEAD = b'<?xml version="1.0" encoding="UTF-8"?>\n'
_METADATA = b'<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="1">'
_ENTITIES = "".join(f'<!ENTITY l{number} "{f"&l{number - 1};" * 10}">' for number in range(1, 10))
_LAUGHS = f'<!DOCTYPE metadata [<!ENTITY l0 "lol">{_ENTITIES}]>'.encode()
_OUTSIDE = b'<!DOCTYPE metadata [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
_ALIASES = ("a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10))).encode()
_PACKAGE = (
    b'<package type="rpm"><name>p</name><arch>noarch</arch><version epoch="0" ver="1" rel="1"/><checksum type="sha256" pkgid="YES">'
    + b"a" * 64
    + b'</checksum><time build="1"/><size package="9"/><location href="p.rpm"/><format/></package>'
)
_SPACE = {"zeros": b"\0" * _BLOCK, "blanks": b" " * _BLOCK, "elements": b"<x/>" * (_BLOCK // 4), "packages": b"<package/>" * (_BLOCK // 10)}
_LEAD = b"\xed\xab\xee\xdb" + bytes(92)


def cases() -> Iterator[Case]:
    """Every case of the row."""
    yield from _compressed()
    yield from _marked_up()
    yield from _beside_primary()
    yield from _pages()
    yield from _headers()


def _compressed() -> Iterator[Case]:
    """primary.xml, 10 GB of it."""
    for suffix in (".gz", ".bz2", ".xz", ".zst"):
        for filling in _SPACE:
            put = partial(bomb, suffix, filling)
            yield Case(
                "A8",
                REPODATA,
                f"10 GB of {filling} as {suffix[1:]}",
                put,
                (f"bomb{suffix}", "refused"),
                ExitCode.FAILURE,
                (),
                processor=_BRIEF,
            )
    says = ("repomd.xml", "its signature cannot be read", "another mirror may have it whole")
    yield Case("A8", REPODATA, "200 MB as the signature of repomd.xml", signature, says, ExitCode.FAILURE, (), processor=_BRIEF)


def _marked_up() -> Iterator[Case]:
    def case(name: str, xml: Callable[[], bytes], *says: str) -> Case:
        put = partial(primary, xml)
        return Case("A8", REPODATA, name, put, ("primary", *says), ExitCode.FAILURE, (), seconds=90, megabytes=_HUGE)

    declared, owner = "declares a document type", "use another mirror, and tell its owner"
    yield case("entities in entities", lambda: _LAUGHS + _METADATA + b"&l9;</metadata>", declared, owner)
    yield case("external entity", lambda: _OUTSIDE + _METADATA + b"<package>&x;</package></metadata>", declared, owner)
    yield case("deep nesting", lambda: _METADATA + b"<a>" * 1_000_000, "nested more than 64 deep", owner)
    yield case("a million attributes", _attributes, "one tag or text has more than", owner)
    yield case(
        "a package of 25 million elements", lambda: _METADATA + b"<package>" + b"<a/>" * 25_000_000, "one element has more than", owner
    )
    yield case("a text of 100 MB", lambda: _METADATA + b"<package><name>" + b"n" * 100_000_000, "one tag or text has more than", owner)
    yield case("a comment of 100 MB", lambda: _METADATA + b"<!--" + b"#" * 100_000_000, "one tag or text has more than", owner)
    yield case("a million packages", lambda: _METADATA + _PACKAGE * 1_000_000, "more than 200000 packages", "give the URL of")


def _beside_primary() -> Iterator[Case]:
    """Metadata that goes into the tree as it is, or merged."""

    def case(name: str, kind: str, content: Callable[[], bytes], *says: str) -> Case:
        put = partial(beside, kind, content)
        return Case("A8", REPODATA, name, put, (kind, *says), ExitCode.FAILURE, (), seconds=90, megabytes=_HUGE)

    owner = "use another mirror, and tell its owner"
    yield case("entities in errata", "updateinfo", lambda: _LAUGHS + b"<updates>&l9;</updates>", "declares a document type", owner)
    yield case(
        "entities in comps", "group", lambda: _LAUGHS.replace(b"metadata", b"comps") + b"<comps>&l9;</comps>", "declares entities", owner
    )
    yield case("aliases of aliases in modules", "modules", lambda: _ALIASES, "has aliases of aliases", owner)
    yield case("nested modules", "modules", lambda: b"---\n" + b"[" * 1_000_000, "nested more than 64 deep", owner)
    yield case("300 MB of modules", "modules", lambda: b"---\nkey: value\n" * 20_000_000, "unpacks to more than", "use another mirror")


def _pages() -> Iterator[Case]:
    def case(name: str, content: Callable[[], bytes], *says: str, code: ExitCode = ExitCode.FAILURE) -> Case:
        return Case("A8", LISTING, name, partial(page, content), ("127.0.0.1", *says), code, (), seconds=90, megabytes=_HUGE)

    folder, tag = "is it a mirror's folder?", "one tag has more than 128 KiB"
    yield case("a million lines", _lines, "lists more than 200000 files", folder)
    yield case("a page of open tags", lambda: b"<a " * 10_000_000, tag, folder)
    yield case("a page of open comments", lambda: b"<!--" * 8_000_000, tag, folder)
    yield case("a tag of 32 MB", lambda: b"<a " + b"x=y " * 8_000_000 + b">", tag, folder)
    yield case("a page of entities", lambda: b"&amp;&#x;" * 3_000_000, "no package", "look at the URL", code=ExitCode.FINDINGS)
    yield case("a page of folders", _folders, "more than 500 folders", "give the URL of one release's updates")
    yield case("a page of refused names", _refused, "99980 more like this", "tell the mirror's owner", code=ExitCode.FINDINGS)


def _headers() -> Iterator[Case]:
    """What a package's header claims of itself."""
    sizes = {
        "more entries than rpm allows": (0xFFFFFFFF, 16), "more data than rpm allows": (1, 0xFFFFFFFF), "more than is read": (1, 200 << 20),
    }  # fmt: skip
    for name, (entries, size) in sizes.items():
        content = _LEAD + INTRO.pack(MAGIC, entries, size) + bytes(20_000)
        yield _unreadable(f"signature header of {name}", content)
        yield _unreadable(f"header of {name}", _LEAD + INTRO.pack(MAGIC, 0, 0) + INTRO.pack(MAGIC, entries, size) + bytes(20_000))
    faults = {
        "values outside": (1000, 6, 5000, 1), "values before": (1000, 6, -8, 1),
        "a billion values": (1000, 4, 0, 1 << 30), "unknown kind": (1000, 99, 0, 1),
    }  # fmt: skip
    for name, entry in faults.items():
        index = struct.pack(">IIiI", *entry)
        yield _unreadable(f"header with {name}", _LEAD + INTRO.pack(MAGIC, 0, 0) + INTRO.pack(MAGIC, 1, 16) + index + bytes(20_000))
    says = ("held", f"{POISONED}.noarch.rpm", "not a whole package", "another mirror may have it whole")
    yield Case("A8", REPODATA, "package with a header of 200 MB", large_header, says)


def _unreadable(name: str, content: bytes) -> Case:
    says = (f"{POISONED}.noarch.rpm", "it is not offered; the next run tries again")
    return Case("A8", LISTING, name, partial(package, content), says, ExitCode.FINDINGS)


def bomb(suffix: str, filling: str, world: World) -> None:
    """primary.xml is 10 GB of one thing, compressed; its sizes and its digest are as announced."""
    content = _packed(suffix, filling)
    repomd = world.mirror / "repodata/repomd.xml"
    (world.mirror / f"repodata/bomb{suffix}").write_bytes(content)
    repomd.write_text(
        '<repomd xmlns="http://linux.duke.edu/metadata/repo"><revision>1</revision><data type="primary">'
        f'<checksum type="sha256">{hashlib.sha256(content).hexdigest()}</checksum><location href="repodata/bomb{suffix}"/>'
        f"<size>{len(content)}</size><open-size>{_OPEN}</open-size></data></repomd>"
    )


def signature(world: World) -> None:
    """What lies beside repomd.xml is a packet that unpacks to 200 MB, behind one that looks like a signature."""
    (world.mirror / "repodata/repomd.xml.asc").write_bytes(b"\x88\0" + packet(8, b"\3" + bz2.compress(packet(11, b"b" + bytes(200 << 20)))))


@cache
def _packed(suffix: str, filling: str) -> bytes:
    """10 GB, compressed a piece at a time, or the same compressed piece again and again where the format has it so."""
    head = _HEAD + _METADATA if filling != "zeros" else b""
    return _PACK[suffix](head) + _PACK[suffix](_SPACE[filling] * 16) * (_OPEN // (16 * _BLOCK))


_PACK: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}


def primary(xml: Callable[[], bytes], world: World) -> None:
    """primary.xml is this."""
    world.rewrite("primary", lambda _: _HEAD + xml())


def _attributes() -> bytes:
    return _METADATA + b"<package " + b" ".join(b"a%d=''" % number for number in range(1_000_000)) + b"/></metadata>"


def beside(kind: str, content: Callable[[], bytes], world: World) -> None:
    """Another metadata file is this."""
    world.rewrite(kind, lambda _: content())


def page(content: Callable[[], bytes], world: World) -> None:
    """The listing is this."""
    world.serve("/", content())


def _lines() -> bytes:
    return b"".join(b'<a href="p%d.rpm">x</a>\n' % number for number in range(1_000_000))


def _folders() -> bytes:
    return answers.page(f"d{number}/" for number in range(10_000))


def _refused() -> bytes:
    return answers.page(f"{number}%01.rpm" for number in range(100_000))


def large_header(world: World) -> None:
    """The update's file is next to nothing but a header, and of the size and digest announced."""
    size = 200 << 20
    content = _LEAD + INTRO.pack(MAGIC, 0, 0) + INTRO.pack(MAGIC, 0, size) + bytes(size)
    world.file().write_bytes(content)

    def described(xml: str) -> str:
        sized = re.sub(r'(?<=package=")\d+', str(len(content)), xml)
        return re.sub(r'(?<=pkgid="YES">)[0-9a-f]{64}', hashlib.sha256(content).hexdigest(), sized)

    world.redescribe(described)


def package(content: bytes, world: World) -> None:
    """The update's file is this."""
    world.file().write_bytes(content)
