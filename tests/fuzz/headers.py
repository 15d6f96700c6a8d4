"""Changes to rpm headers that leave them headers: entries of the index, the sizes in the intro, values that share bytes."""

import struct
from collections.abc import Sequence
from random import Random

from mirrorsync.rpmfile.header import ENTRY, INTRO, MAGIC
from mirrorsync.rpmfile.tags import Tag

_TAGS: tuple[int, ...] = (*(int(tag) for tag in Tag), 257, 259, 262, 267, 268, 1004, 1030, 1097, *range(1000000, 1000005))
_NUMBERS = (0, 1, 2, 3, 15, 16, 17, 255, 4096, 65535, 65536, 1 << 20, 1 << 24, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_MOST_ENTRIES = 200


def entry_changed(random: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    """One field of one entry: its tag, kind, offset or number of values."""
    at, count, size = _header(random, content)
    if not count:
        return content
    place = at + INTRO.size + random.randrange(count) * ENTRY.size
    if place + ENTRY.size > len(content):
        return content
    fields = list(struct.unpack_from(">IIII", content, place))
    field = random.randrange(4)
    fields[field] = _value(random, field, size, fields)
    return content[:place] + struct.pack(">IIII", *fields) + content[place + ENTRY.size :]


def _value(random: Random, field: int, size: int, fields: Sequence[int]) -> int:
    if field == 0:
        return random.choice(_TAGS)
    if field == 1:
        return random.randint(0, 11)
    near: tuple[int, ...] = (
        fields[field] + random.randint(-4, 4),
        size + random.randint(-4, 4),
        random.randint(0, size),
        random.choice(_NUMBERS),
    )
    return random.choice(near) & 0xFFFFFFFF


def entry_added(random: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    """Entries that take bytes other values have too; the intro counts them."""
    at, count, size = _header(random, content)
    index_end = at + INTRO.size + count * ENTRY.size
    if at < 0 or index_end > len(content):
        return content
    tags = [random.choice(_TAGS) for _ in range(random.choice((1, 1, 2, _MOST_ENTRIES)))]
    added = b"".join(
        struct.pack(">IIII", tag, random.randint(1, 9), random.randint(0, size), random.choice((0, 1, size // 2, size))) for tag in tags
    )
    intro = INTRO.pack(MAGIC, count + len(tags), size)
    return content[:at] + intro + content[at + INTRO.size : index_end] + added + content[index_end:]


def intro_changed(random: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    """How many entries, or how many bytes, the header says it has."""
    at, count, size = _header(random, content)
    if at < 0:
        return content
    numbers = [count, size]
    numbers[random.randrange(2)] = random.choice((random.choice(numbers) + random.randint(-17, 17), random.choice(_NUMBERS))) & 0xFFFFFFFF
    return content[:at] + INTRO.pack(MAGIC, *numbers) + content[at + INTRO.size :]


def data_spoilt(random: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    """NULs put into the data, or the NULs there taken away."""
    at, count, size = _header(random, content)
    start = at + INTRO.size + count * ENTRY.size
    end = min(start + size, len(content))
    if at < 0 or start >= end:
        return content
    first = random.randrange(start, end)
    last = min(first + random.choice((1, 8, size)), end)
    piece = bytes(last - first) if random.random() < 0.5 else content[first:last].replace(b"\0", b"a")
    return content[:first] + piece + content[last:]


def _header(random: Random, content: bytes) -> tuple[int, int, int]:
    """(where it begins, entries, bytes of data) of some header in the content; (-1, 0, 0) where there is none."""
    at = content.find(MAGIC, random.randint(0, len(content)))
    at = content.find(MAGIC) if at < 0 else at
    if at < 0 or at + INTRO.size > len(content):
        return -1, 0, 0
    _, count, size = INTRO.unpack_from(content, at)
    return at, count, size


CHANGES = (entry_changed, entry_changed, entry_added, intro_changed, data_spoilt)
