"""hdlist and hdlist2 read and paired as the installer of Red Hat Linux 7.3 did, from the format alone.

Nothing of the product is used, so that it proves something about the code that writes these files; nothing but the standard library
either, so that machines without anything else can read them.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

HDLIST, HDLIST2 = "RedHat/base/hdlist", "RedHat/base/hdlist2"

_MAGIC = bytes.fromhex("8eade80100000000")
_INTRO = struct.Struct(">8sII")
_ENTRY = struct.Struct(">IIiI")
_INT32, _STRING = 4, 6
_FILENAME, _FILESIZE, _MATCHER = 1000000, 1000001, 1000004


class UnpairedError(Exception):
    """The two files do not belong together, or one of them is no list of headers."""


@dataclass(frozen=True, slots=True)
class Record:
    """What an install needs of one package's record; hdlist2 has neither file names nor sizes. size: in bytes."""

    filename: str
    size: int | None
    matcher: int | None


def paired(hdlist: bytes, hdlist2: bytes) -> tuple[Record, ...]:
    """The records of hdlist, where hdlist2 belongs to it. Raises UnpairedError."""
    found = records(hdlist)
    require_pair(found, records(hdlist2))
    return found


def require_pair(hdlist: tuple[Record, ...], hdlist2: tuple[Record, ...]) -> None:
    """The installer pairs by position, and the matchers must agree. Raises UnpairedError."""
    if len(hdlist) != len(hdlist2):
        raise UnpairedError(f"hdlist has {len(hdlist)} records, hdlist2 {len(hdlist2)}")
    for position, (first, second) in enumerate(zip(hdlist, hdlist2, strict=True)):
        if first.matcher is None or first.matcher != second.matcher:
            raise UnpairedError(f"match tag mismatch at record {position}: {first.filename}")


def records(content: bytes) -> tuple[Record, ...]:
    """The records of hdlist or hdlist2 in their order. Raises UnpairedError where there is none, or one is not whole."""
    found = tuple(_records(content))
    if not found:
        raise UnpairedError("a list without a record")
    return found


def _records(content: bytes) -> Iterator[Record]:
    offset = 0
    while offset < len(content):
        try:
            magic, count, size = _INTRO.unpack_from(content, offset)
        except struct.error as error:
            raise UnpairedError(f"the list is cut off at byte {offset}") from error
        start = offset + _INTRO.size + count * _ENTRY.size
        if magic != _MAGIC or len(content) < start + size:
            raise UnpairedError(f"no whole header at byte {offset}")
        yield _record(content, offset + _INTRO.size, start)
        offset = start + size


def _record(content: bytes, index: int, start: int) -> Record:
    """The record whose entries begin at byte `index` and whose values begin at byte `start`."""
    values: dict[int, int | str] = {}
    for tag, kind, place, count in _ENTRY.iter_unpack(content[index:start]):
        if kind == _INT32 and count == 1:
            [values[tag]] = struct.unpack_from(">i", content, start + place)
        elif kind == _STRING:
            values[tag] = content[start + place : content.index(b"\0", start + place)].decode()
    size, matcher = values.get(_FILESIZE), values.get(_MATCHER)
    return Record(str(values.get(_FILENAME, "")), None if size is None else int(size), None if matcher is None else int(matcher))
