"""An rpm header's bytes as an index of tags, read within bounds and without librpm.

A header is a 16-byte intro (magic, reserved, number of index entries, bytes of data), the index, 16 bytes an entry
(tag, kind, offset into the data, number of values), and the data. All integers are big-endian.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from mirrorsync.errors import HeaderError
from mirrorsync.rpmfile.tags import Kind

INTRO = struct.Struct(">8sII")
ENTRY = struct.Struct(">IIiI")
MAGIC = b"\x8e\xad\xe8\x01\0\0\0\0"
_LEAD_MAGIC = b"\xed\xab\xee\xdb"
_LEAD_SIZE = 96
_MOST_ENTRIES = 0xFFFF  # rpm's hdrchkTags
_MOST_DATA = 256 << 20  # rpm's hdrchkData
_MOST_VALUES = 1 << 20  # of one tag: the largest packages have some 300,000 files; bytes and characters may be more
_FIRST_READ = 64 << 10
MOST_HEADER_BYTES = 64 << 20  # of packages that nobody has verified yet
_MANY = 16  # strings of one tag from which on counting NULs is quicker than finding each
_CODES: Mapping[int, str] = {Kind.CHAR: "B", Kind.INT8: "B", Kind.INT16: "H", Kind.INT32: "I", Kind.INT64: "Q"}
_UNCOUNTED = frozenset((Kind.CHAR, Kind.INT8, Kind.BINARY))
# The least bytes one value takes, by kind: a string has at least its NUL.
_LEAST_SIZES = (0, 1, 1, 2, 4, 8, 1, 1, 1, 1)


class Entry(NamedTuple):
    """One line of the index: `length` values, `offset` bytes from the start of the data."""

    tag: int
    kind: int
    offset: int
    length: int


class Value(NamedTuple):
    """What a tag holds, as stored: `length` values, numbers big-endian, strings each with its NUL."""

    kind: int
    length: int
    data: bytes


@dataclass(frozen=True, slots=True)
class RawHeader:
    """`blob` is the whole header, `entries` its index by tag, `start` where the data begins in `blob`.

    Values are decoded when asked for. Bytes that are not UTF-8 become surrogate escapes. A value that does not lie within
    the header, or is not of the kind asked for, raises HeaderError; a tag that is absent has no values.
    """

    blob: bytes
    entries: Mapping[int, Entry]
    start: int

    def tags(self) -> tuple[int, ...]:
        """The tags present, sorted."""
        return tuple(sorted(self.entries))

    def strings(self, tag: int) -> tuple[str, ...]:
        """All strings of a tag; of an i18n string, all its languages."""
        return tuple([part.decode(errors="surrogateescape") for part in self.byte_strings(tag)])

    def string(self, tag: int) -> str | None:
        """The tag's only or first string."""
        parts = self.byte_strings(tag)
        return parts[0].decode(errors="surrogateescape") if parts else None

    def byte_strings(self, tag: int) -> list[bytes]:
        """All strings of a tag as the bytes they are, without their NULs."""
        entry = self.entries.get(tag)
        if entry is None:
            return []
        if entry.kind not in (Kind.STRING, Kind.STRINGS, Kind.I18N):
            raise HeaderError(f"tag {tag} is of kind {entry.kind} where strings belong")
        first = self.start + entry.offset
        if entry.length == 1:
            return [self.blob[first : self._after_strings(entry) - 1]]
        parts = self.blob[first : self._bound(entry)].split(b"\0", entry.length)
        if len(parts) <= entry.length:
            return self.blob[first : self._after_strings(entry) - 1].split(b"\0")
        parts.pop()
        return parts

    def integers(self, tag: int) -> tuple[int, ...]:
        """All numbers of a tag, unsigned."""
        entry = self.entries.get(tag)
        if entry is None:
            return ()
        code = _CODES.get(entry.kind)
        if code is None:
            raise HeaderError(f"tag {tag} is of kind {entry.kind} where numbers belong")
        return struct.unpack_from(f">{entry.length}{code}", self.blob, self.start + entry.offset)

    def integer(self, tag: int) -> int | None:
        """The tag's only or first number."""
        return next(iter(self.integers(tag)), None)

    def data(self, tag: int) -> bytes | None:
        """The tag's bytes as stored, whatever its kind."""
        value = self.value(tag)
        return None if value is None else value.data

    def value(self, tag: int) -> Value | None:
        """What the tag holds, as stored."""
        entry = self.entries.get(tag)
        if entry is None:
            return None
        first = self.start + entry.offset
        return Value(entry.kind, entry.length, self.blob[first : self._after(entry)])

    def _after(self, entry: Entry) -> int:
        """Where in `blob` the entry's values end."""
        if entry.kind in (Kind.STRING, Kind.STRINGS, Kind.I18N):
            return self._after_strings(entry)
        return self.start + entry.offset + entry.length * _LEAST_SIZES[entry.kind]

    def _after_strings(self, entry: Entry) -> int:
        at = self.start + entry.offset
        if entry.length > _MANY:
            bound = self._bound(entry)
            filling = self.blob.count(0, at, bound) - entry.length
            if filling >= 0 and self.blob.endswith(b"\0" * (filling + 1), at, bound):
                return bound - filling  # nothing but the next value's alignment follows
        for _ in range(entry.length):
            at = self.blob.find(b"\0", at) + 1
            if at == 0:
                raise HeaderError(f"tag {entry.tag}: its strings run past the end of the header")
        return at

    def _bound(self, entry: Entry) -> int:
        """Where in `blob` the next entry's values begin: these end there or before, unless the two share bytes."""
        following = [other.offset for other in self.entries.values() if other.offset > entry.offset]
        return self.start + min(following) if following else len(self.blob)


@dataclass(frozen=True, slots=True)
class RpmHeaders:
    """A package's two headers; the main one takes the bytes `start` to `end` of the file."""

    signature: RawHeader
    main: RawHeader
    start: int
    end: int


def parse_header(data: bytes, offset: int = 0) -> RawHeader:
    """The header that begins at `offset` of `data`. Raises HeaderError where it is damaged, too large or cut short.

    Where a tag is in the index twice the last one counts, as rpm does for tags added after a region.
    """
    end = offset + _size_at(data, offset, "header")
    if end > len(data):
        raise HeaderError(f"cut short: the header takes {end - offset} bytes, {len(data) - offset} are there")
    blob = data[offset:end]
    start = INTRO.size + INTRO.unpack_from(blob)[1] * ENTRY.size
    store = end - offset - start
    entries: dict[int, Entry] = {}
    for fields in ENTRY.iter_unpack(blob[INTRO.size : start]):
        tag, kind, place, count = fields
        if not 1 <= kind <= len(_LEAST_SIZES) - 1:
            raise HeaderError(f"tag {tag} is of the unknown kind {kind}")
        if place < 0 or place + count * _LEAST_SIZES[kind] > store:
            raise HeaderError(f"tag {tag}: its {count} values at {place} do not fit into {store} bytes of data")
        if count > _MOST_VALUES and kind not in _UNCOUNTED:
            raise HeaderError(f"tag {tag} claims {count} values; more than {_MOST_VALUES} are not read")
        entries[tag] = Entry._make(fields)
    return RawHeader(blob, entries, start)


def parse_rpm(prefix: bytes) -> RpmHeaders:
    """The two headers of a package, from its first bytes or all of them. Raises HeaderError."""
    start = _main_start(prefix)
    if start is None:
        raise HeaderError(f"cut short within the lead and signature: only {len(prefix)} bytes are there")
    signature = parse_header(prefix, _LEAD_SIZE)
    main = parse_header(prefix, start)
    return RpmHeaders(signature, main, start, start + len(main.blob))


def header_size(prefix: bytes) -> int | None:
    """How many of the file's first bytes parse_rpm needs; None while `prefix` is too short to tell.

    Raises HeaderError where `prefix` is not the beginning of a package.
    """
    start = _main_start(prefix)
    if start is None or len(prefix) < start + INTRO.size:
        return None
    return start + _size_at(prefix, start, "main header")


def require_bounded(size: int, most: int) -> None:
    """Raises HeaderError for headers of more than so many bytes."""
    if size > most:
        raise HeaderError(f"its header claims to be {size} bytes long; more than {most} are not read")


def read_rpm(path: Path, *, most: int | None = None) -> RpmHeaders:
    """The headers of the package at `path`, reading no more of it than they take. Raises HeaderError naming the file.

    most: how many bytes they may take, where that is less than rpm's own limits.
    """
    try:
        with path.open("rb", buffering=0) as file:
            prefix = file.read(_FIRST_READ)
            while (size := header_size(prefix)) is None or len(prefix) < size:
                needed = size or 2 * len(prefix)
                require_bounded(needed, needed if most is None else most)
                more = file.read(needed - len(prefix))
                if not more:
                    break
                prefix += more
            return parse_rpm(prefix)
    except HeaderError as error:
        raise HeaderError(f"{path}: not a readable package: {error}") from error
    except OSError as error:
        raise HeaderError(f"{path}: cannot be read: {error.strerror}") from error


def _main_start(prefix: bytes) -> int | None:
    """Where the main header begins: the lead, then the signature header filled up to a multiple of 8 bytes."""
    if prefix[:4] != _LEAD_MAGIC[: len(prefix)]:
        raise HeaderError(f"begins with {prefix[:4].hex()} where a package has {_LEAD_MAGIC.hex()}")
    if len(prefix) < _LEAD_SIZE + INTRO.size:
        return None
    return _LEAD_SIZE + -(-_size_at(prefix, _LEAD_SIZE, "signature header") // 8) * 8


def _size_at(data: bytes, offset: int, what: str) -> int:
    """Bytes of the header whose intro is at `offset`."""
    if len(data) < offset + INTRO.size:
        raise HeaderError(f"cut short: {len(data)} bytes, where a {what} begins at {offset}")
    magic, entries, size = INTRO.unpack_from(data, offset)
    if magic != MAGIC:
        raise HeaderError(f"no {what} at byte {offset}: {magic.hex()} where {MAGIC.hex()} belongs")
    if entries > _MOST_ENTRIES or size > _MOST_DATA:
        raise HeaderError(f"the {what} at byte {offset} claims {entries} entries and {size} bytes: more than rpm allows")
    return INTRO.size + int(entries) * ENTRY.size + int(size)
