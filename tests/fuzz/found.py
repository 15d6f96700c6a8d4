"""Inputs that once ended a reader with a traceback, took it minutes, or filled the memory; each with what it is refused for now."""

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from fixtures.images import cpio_archive
from mirrorsync.rpmfile.header import ENTRY, INTRO, MAGIC, Value
from mirrorsync.rpmfile.serial import serialize, text
from mirrorsync.rpmfile.tags import Kind, Tag
from tests.fuzz.packages import LEAD

_MANY_DIGITS = b"9" * 5000
_DEEP = "[" * 990 + "]" * 990
_NO_LISTING = "is not a listing that can be read"


@dataclass(frozen=True, slots=True)
class Seed:
    """An input of a target. refusal: what the reader's refusal says of it, None where it is taken for what it is.

    by_version: Python's libraries differ by version, and some take it.
    """

    name: str
    target: str
    make: Callable[[], bytes]
    refusal: str | None
    by_version: bool = False


def _seed(name: str, target: str, content: bytes, refusal: str | None = None) -> Seed:
    return Seed(name, target, lambda: content, refusal)


def _xml(encoding: str, element: str) -> bytes:
    return f'<?xml version="1.0" encoding="{encoding}"?><{element}/>'.encode()


def _archive(size: bytes) -> bytes:
    """A cpio archive, the first entry's size written as told."""
    archive = cpio_archive({"x": b"hello"})
    return archive[:54] + size + archive[62:]


def _many_values() -> bytes:
    """60 MiB of NULs said to be as many names: one byte each on the way, forty in memory."""
    count = 60 << 20
    return serialize({Tag.NAME: text(b"old"), Tag.REQUIRENAME: Value(Kind.STRINGS, count, bytes(count))})


def _shared_values() -> bytes:
    """A package of 100 KiB whose header's 1,500 values are all its data: the same 64 KiB."""
    named = serialize(
        {Tag.NAME: text(b"old"), Tag.VERSION: text(b"1"), Tag.RELEASE: text(b"1"), Tag.ARCH: text(b"i386"), Tag.SOURCERPM: text(b"s")}
    )
    _, count, _ = INTRO.unpack_from(named)
    data = named[INTRO.size + count * ENTRY.size :].ljust(1 << 16, b"x")
    entries = [struct.pack(">IIII", tag, Kind.BINARY, 0, len(data)) for tag in range(5100, 6600)]
    index = named[INTRO.size : INTRO.size + count * ENTRY.size] + b"".join(entries)
    return LEAD + serialize({}) + INTRO.pack(MAGIC, count + len(entries), len(data)) + index + data


def _comments() -> bytes:
    """One before the root element: expat by itself reads it again with every piece of it."""
    return b"<!--" + b"x" * (15 << 20) + b'--><metadata packages="0"></metadata>'


def _attribute() -> bytes:
    return b'<metadata packages="1"><package a="' + b"x>" * (7 << 20) + b'"/></metadata>'


_PACKAGE = {"name": "a", "version": "1", "release": "1", "arch": "i386", "location": "a.rpm", "size": 1}
_UNREAD = "which is not read"
_MARKED = b'<a href="x-1-1.i386.rpm">x</a>'

SEEDS = (
    *[
        _seed(f"metadata in {encoding}", "repomd", _xml(encoding, "repomd"), _UNREAD)
        for encoding in ("nonexistent", "utf-7", "hex", "idna", "punycode")
    ],
    *[
        _seed(f"{target} in a multi-byte encoding", target, _xml("gb2312", "metadata"), _UNREAD)
        for target in ("primary", "filelists", "updateinfo", "mirrors")
    ],
    *[
        _seed(f"comps in {encoding}", "comps", _xml(encoding, "comps"), _UNREAD)
        for encoding in ("nonexistent", "gb2312", "idna", "punycode")
    ],
    *[
        Seed(f"a listing with a marked section {of}", "listing-page", partial(bytes, _MARKED + rest), _NO_LISTING, by_version=True)
        for of, rest in (("of no known kind", b"<![foo[bar]]>"), ("without a name", b"<![ foo"))
    ],
    _seed("a size of 5,000 digits in LIST", "listing-ftp", b"-rw-r--r-- 1 0 0 " + _MANY_DIGITS + b" Jan 01 2020 x-1-1.i386.rpm"),
    _seed("a size of 5,000 digits in MLSD", "listing-mlsd", b"type=file;size=" + _MANY_DIGITS + b"; x-1-1.i386.rpm"),
    _seed("a mirror in a mirrorlist that is no URL", "mirrors", b"http://[x/\nhttp://x:99999/\nhttp://x:0/", "names no mirror"),
    _seed("a mirror's address of 60,000 characters", "mirrors", b"http://" + b"x" * 60000, "names no mirror"),
    _seed("a cpio archive with a negative size", "image", _archive(b"-0000005"), "a cpio header without numbers"),
    _seed("a cpio archive whose file ends before it begins", "image", _archive(b"-0000001"), "a cpio header without numbers"),
    _seed("a checksum of 5,000 digits in .treeinfo", "treeinfo", b"[checksums]\na = " + _MANY_DIGITS, "its checksum of a is none"),
    _seed("a number of 5,000 digits in the configuration", "configuration", b"a = " + _MANY_DIGITS, "a number with too many digits"),
    _seed("3,000 lists in each other in the configuration", "configuration", b"a = " + b"[" * 3000, "nested too deep"),
    _seed(
        "a rate of 400 digits in a .repo file",
        "repo-file",
        b"[a]\nbaseurl=http://x/\nthrottle=" + b"9" * 400,
        "is not a number of bytes a second",
    ),
    _seed("a value over two lines in a .repo file", "repo-file", b"[a]\nbaseurl=http://x/\nthrottle=1\n x", "throttle=1 x is not a number"),
    _seed("a line of 60,000 blanks in a .repo file", "repo-file", b"[a]\nb" + b" " * 60000 + b"x", "a line of more than 8192 characters"),
    _seed("a line of 60,000 blanks in .treeinfo", "treeinfo", b"[a]\nb" + b" " * 60000 + b"x", "a line of more than 8192 characters"),
    _seed("a package whose header's digest is empty", "package-document", json.dumps(_PACKAGE | {"header": "", "module": ""}).encode()),
    _seed(
        "a journal's record with an infinite number",
        "journal-record",
        b'{"schema": "mirrorsync-generation-1", "number": 1e999, "files": {}}',
        "not a journal record",
    ),
    _seed("a journal's list of files that is none", "journal-files", b"7", "not a list of files"),
    _seed("a journal's list of files with an infinite size", "journal-files", b'[["a", 1e999, "b"]]', "not a list of files"),
    _seed("a journal's list of files nested too deep", "journal-files", b"[" * 5000, "not a list of files"),
    _seed("a kept repomd.json nested too deep", "kept-repomd", b"[" * 5000),
    _seed("a plan nested as deep as JSON's reader can go", "plan", f'{{"schema": {_DEEP}}}'.encode(), "expected"),
    _seed(
        "a package's size of 4,000 digits",
        "package-document",
        json.dumps(dict.fromkeys(("name", "version", "release", "arch", "location", "size"), 10**4000)).encode(),
        "not a package's description",
    ),
    _seed("a name of 5,000 characters", "name", b"../" * 2000, "refused"),
    _seed("an epoch of thousands of characters", "version", b"a-1\x00" * 1000 + b":1", "the epoch before"),
    _seed("an address over two lines", "address", b"ftp:\r\n\r\n//[:rv/x", "cannot be printed"),
    _seed("a line of gpgv's status without a word", "gpgv-status", b"[GNUPG:] \n[GNUPG:]  \n", "its signature cannot be read"),
    _seed(
        "a key of more bytes than its length can tell", "keys", b"\x9a" + (70000).to_bytes(4) + b"\4" + bytes(69999), "a key of 70000 bytes"
    ),
    Seed("a comment of 15 MiB", "primary", _comments, "more than 2 MiB"),
    Seed("an attribute of 14 MiB", "primary", _attribute, "more than 2 MiB"),
    _seed("30,000 groups of comps in each other", "comps", b"4\n" + b"{\n" * 30000),
    _seed("25,000 beginnings of armour", "keys", b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n" * 25000, "holds no OpenPGP public key"),
    Seed("a header of 60 million names", "header", _many_values, "62914560 values; more than 1048576 are not read"),
    Seed("a header whose values are all the same bytes", "package", _shared_values, "its values share bytes"),
)
