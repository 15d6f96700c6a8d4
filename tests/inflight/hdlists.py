"""hdlist and hdlist2 read and paired as the installer of Red Hat Linux 7.3 did, from the format alone; nothing of the product is used."""

import struct
from collections.abc import Iterator

FILENAME, MATCHER = 1000000, 1000004
_MAGIC = bytes.fromhex("8eade80100000000")
_INT32, _STRING = 4, 6


class UnpairedError(Exception):
    """The two files do not belong together, or one of them is no list of headers."""


def records(content: bytes) -> Iterator[dict[int, int | str]]:
    """{tag: value} of each header, for tags that are one number or one string."""
    offset = 0
    while offset < len(content):
        if content[offset : offset + 8] != _MAGIC:
            raise UnpairedError(f"no header at byte {offset}")
        entries, size = struct.unpack_from(">II", content, offset + 8)
        start = offset + 16 + 16 * entries
        if len(content) < start + size:
            raise UnpairedError(f"the header at byte {offset} is cut off")
        yield _values(content, offset + 16, entries, start)
        offset = start + size


def _values(content: bytes, index: int, entries: int, start: int) -> dict[int, int | str]:
    values: dict[int, int | str] = {}
    for number in range(entries):
        tag, kind, place, count = struct.unpack_from(">IIiI", content, index + 16 * number)
        if kind == _INT32 and count == 1:
            [values[tag]] = struct.unpack_from(">i", content, start + place)
        elif kind == _STRING:
            values[tag] = content[start + place : content.index(b"\0", start + place)].decode()
    return values


def paired(hdlist: bytes, hdlist2: bytes) -> tuple[str, ...]:
    """The file names of the packages, in order. Raises UnpairedError where a record's matcher is not that of the one at its position."""
    firsts, seconds = list(records(hdlist)), list(records(hdlist2))
    if len(firsts) != len(seconds):
        raise UnpairedError(f"hdlist has {len(firsts)} records, hdlist2 {len(seconds)}")
    for position, (first, second) in enumerate(zip(firsts, seconds, strict=True)):
        if first.get(MATCHER) is None or first[MATCHER] != second.get(MATCHER):
            raise UnpairedError(f"match tag mismatch at record {position}: {first.get(FILENAME)}")
    return tuple(str(first[FILENAME]) for first in firsts)
