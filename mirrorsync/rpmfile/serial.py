"""A header's bytes made from the values of its tags."""

from collections.abc import Mapping, Sequence
from struct import pack

from mirrorsync.rpmfile.header import ENTRY, INTRO, MAGIC, Value
from mirrorsync.rpmfile.tags import Kind, Tag

_ALIGNMENTS: Mapping[int, int] = {Kind.INT16: 2, Kind.INT32: 4, Kind.INT64: 8}


def numbers(values: Sequence[int]) -> Value:
    """A value of 32-bit integers, of which the low 32 bits are kept."""
    return Value(Kind.INT32, len(values), pack(f">{len(values)}I", *[value & 0xFFFFFFFF for value in values]))


def text(value: bytes) -> Value:
    """A value of one string."""
    return Value(Kind.STRING, 1, value + b"\0")


def texts(values: Sequence[bytes]) -> Value:
    """A value of an array of strings."""
    return Value(Kind.STRINGS, len(values), b"\0".join([*values, b""]))


def serialize(values: Mapping[int, Value], *, region: Tag | None = None) -> bytes:
    """The header holding `values`, sorted by tag, data in the same order and zero filled to each kind's alignment.

    With `region`, an entry of that tag comes first and its 16-byte trailer last: together they enclose everything.
    """
    entries = []
    data = bytearray()
    for tag in sorted(values):
        kind, count, stored = values[tag]
        data += bytes(-len(data) % _ALIGNMENTS.get(kind, 1))
        entries.append(ENTRY.pack(tag, kind, len(data), count))
        data += stored
    if region is not None:
        entries.insert(0, ENTRY.pack(region, Kind.BINARY, len(data), ENTRY.size))
        data += ENTRY.pack(region, Kind.BINARY, -ENTRY.size * len(entries), ENTRY.size)
    return b"".join([INTRO.pack(MAGIC, len(entries), len(data)), *entries, data])
