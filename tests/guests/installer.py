"""A Red Hat Linux 7.3 install as the tree meets it: hdlist, hdlist2 paired by position and matcher, then every package in turn.

Written from the format alone, so that it proves something about the code that writes these files.
"""

import errno
import hashlib
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

RPMS = "RedHat/RPMS"
HDLIST = "RedHat/base/hdlist"
HDLIST2 = "RedHat/base/hdlist2"
STAMP = ".mirrorsync-generation"

_INTRO = struct.Struct(">8sII")
_ENTRY = struct.Struct(">IIII")
_NUMBER = struct.Struct(">I")
_MAGIC = bytes.fromhex("8eade80100000000")
_FILENAME = 1000000
_MATCHER = 1000004

Pause = Callable[[], None]


class BrokenTreeError(Exception):
    """The installer would stop here, or install something that does not belong together."""


@dataclass(frozen=True, slots=True)
class Record:
    """What pairs one package's record in hdlist with that in hdlist2; hdlist2 has no file names."""

    filename: str
    matcher: int


@dataclass(frozen=True, slots=True)
class Install:
    """How an install went. listed: the file names that hdlist had when it began. fault: what stopped it, "" for nothing."""

    listed: tuple[str, ...]
    fault: str = ""


def install(root: Path, digests: Mapping[str, str], pause: Pause) -> Install:
    """Install from the tree at `root`. `digests` has the SHA-256 of every package ever built, by file name.

    `pause` is called between the steps: after hdlist, and before each package.
    """
    listed: tuple[str, ...] = ()
    try:
        stamp = _stamp(root)
        packages = records((root / HDLIST).read_bytes())
        listed = tuple(package.filename for package in packages)
        pause()
        pair(packages, records((root / HDLIST2).read_bytes()))
        for package in packages:
            pause()
            _open_package(root / RPMS / package.filename, digests)
        _same_tree(stamp, _stamp(root))
    except OSError as error:
        return Install(listed, f"{errno.errorcode[error.errno or 0]}: {error.filename}")
    except BrokenTreeError as error:
        return Install(listed, str(error))
    return Install(listed)


def records(index: bytes) -> list[Record]:
    """The records of hdlist or hdlist2 in their order. Raises BrokenTreeError."""
    found = []
    at = 0
    while at < len(index):
        record, at = _record(index, at)
        found.append(record)
    if not found:
        raise BrokenTreeError("an index without a record")
    return found


def pair(hdlist: list[Record], hdlist2: list[Record]) -> None:
    """The installer pairs by position, and the matchers must agree. Raises BrokenTreeError."""
    if [record.matcher for record in hdlist] != [record.matcher for record in hdlist2]:
        raise BrokenTreeError(f"mixed: hdlist of {len(hdlist)} records and hdlist2 of {len(hdlist2)} do not belong together")


def _record(index: bytes, at: int) -> tuple[Record, int]:
    """The record that begins at byte `at`, and where the next one does."""
    try:
        magic, count, size = _INTRO.unpack_from(index, at)
    except struct.error as error:
        raise BrokenTreeError(f"the index is cut at byte {at}") from error
    data = at + _INTRO.size + count * _ENTRY.size
    if magic != _MAGIC or data + size > len(index):
        raise BrokenTreeError(f"no whole header at byte {at} of the index")
    places = {tag: data + offset for tag, offset in _entries(index, at + _INTRO.size, count)}
    name = places.get(_FILENAME)
    filename = "" if name is None else index[name : index.index(b"\0", name)].decode()
    return Record(filename, _NUMBER.unpack_from(index, places[_MATCHER])[0]), data + size


def _entries(index: bytes, start: int, count: int) -> Iterator[tuple[int, int]]:
    for position in range(count):
        tag, _, offset, _ = _ENTRY.unpack_from(index, start + position * _ENTRY.size)
        yield tag, offset


def _open_package(path: Path, digests: Mapping[str, str]) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != digests.get(path.name):
        raise BrokenTreeError(f"another file: {path.name}: sha256 {found[:12]}…, built with {digests.get(path.name, 'no such name')[:12]}…")


def _stamp(root: Path) -> str:
    try:
        return (root / STAMP).read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return ""


def _same_tree(began: str, ended: str) -> None:
    """A tree that was not published by mirrorsync has no stamp; its adoption gives it the first."""
    number = ended.partition(" ")[0]
    if began != ended and not (began == "" and number == "1"):
        raise BrokenTreeError(f"mixed: began in generation {began or 'none'}, ended in {ended or 'none'}")
