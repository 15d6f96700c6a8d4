"""repomd.xml: which metadata files a repository has, and what each must be."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from mirrorsync.errors import TreeError, UpstreamError
from mirrorsync.files import contained
from mirrorsync.model.package import Digest
from mirrorsync.model.view import Edition
from mirrorsync.upstream.xmlstream import called, child_of, local_name, number_in, open_document, text_of

SIZE_LIMIT = 1 << 30  # bytes of one metadata file where repomd.xml tells no size
OPEN_SIZE_LIMIT = 4 << 30  # bytes of one metadata file unpacked, whatever repomd.xml says
_LEAST_OPEN_SIZE = 16 << 20
_OPEN_RATIO = 100  # real metadata unpacks to the twentyfold
_SHA1_NAMES = {"sha": "sha1"}  # yum's name for it


@dataclass(frozen=True, slots=True)
class Record:
    """One metadata file: `location` relative to the repository's root, `size` and `open_size` (unpacked) in bytes, None where untold."""

    kind: str
    location: str
    checksum: Digest
    size: int | None = None
    open_size: int | None = None

    @property
    def size_limit(self) -> int:
        """How many bytes a mirror may send for it."""
        return min(self.size if self.size is not None else SIZE_LIMIT, SIZE_LIMIT)

    @property
    def open_size_limit(self) -> int:
        """How many bytes it may unpack to: no more than repomd.xml says, and than a hundredfold and 16 MiB."""
        most = min(_LEAST_OPEN_SIZE + _OPEN_RATIO * self.size_limit, OPEN_SIZE_LIMIT)
        return most if self.open_size is None else min(self.open_size, most)


@dataclass(frozen=True, slots=True)
class Repomd:
    """revision: as the repository's maker wrote it, '' where there is none.  timestamp: the newest of its records', seconds since the
    epoch, None where none has one.
    """

    revision: str
    records: tuple[Record, ...]
    timestamp: int | None = None

    def edition(self, sha256: str, *, signed: bool) -> Edition:
        """What it says of its own time; `sha256` is that of its bytes."""
        return Edition(sha256, self.timestamp, number_in(self.revision), signed)

    def record(self, kind: str) -> Record | None:
        """The first record of that kind ("primary", "updateinfo", …)."""
        return next((record for record in self.records if record.kind == kind), None)


def parse_repomd(content: bytes, *, source: str) -> Repomd:
    """Raises UpstreamError, which names `source`, where it is no repomd.xml or a location leaves the repository."""
    root, elements = open_document((content,), None, source=source)
    if local_name(root.tag) != "repomd":
        raise UpstreamError(f"{source}: is not a repomd.xml but {called(root)}; is the URL a repository's?")
    revision = ""
    records = []
    timestamps = []
    for element in elements:
        match local_name(element.tag):
            case "revision":
                revision = text_of(element)
            case "data":
                records.append(_record(element, source))
                timestamps.append(_seconds(element))
    return Repomd(revision, tuple(records), max((time for time in timestamps if time is not None), default=None))


def checksum(kind: str, value: str, *, source: str) -> Digest:
    """A checksum as repomd.xml and primary.xml write it; "sha" means SHA-1. UpstreamError for one nobody can compute."""
    algorithm = _SHA1_NAMES.get(kind, kind)
    if algorithm not in hashlib.algorithms_guaranteed or algorithm.startswith("shake"):
        raise UpstreamError(f"{source}: has a checksum of the unknown kind {kind!r:.40}")
    if len(value) != 2 * hashlib.new(algorithm, usedforsecurity=False).digest_size or not _is_hex(value):
        raise UpstreamError(f"{source}: {value[:80]!r} is not a {kind} checksum")
    return Digest(algorithm, value.lower())


def plain_location(href: str, *, source: str) -> str:
    """A location as a path below the repository's root, percent-decoded; UpstreamError where it could lead out of it."""
    location = unquote(href.removeprefix("./"), errors="surrogateescape")
    try:
        contained(Path("/"), location)
    except TreeError as error:
        raise UpstreamError(f"{source}: location {error}") from error
    return location


def _record(element: Element, source: str) -> Record:
    kind = element.get("type", "")
    name = f"{source}: {kind[:80] or 'a record without a type'}"
    digest = child_of(element, "checksum")
    location = child_of(element, "location")
    if digest is None or location is None:
        raise UpstreamError(f"{name}: has no checksum or no location")
    try:
        place = plain_location(location.get("href", ""), source=name)
    except UpstreamError as error:
        raise UpstreamError(f"{error}; use another mirror, and tell the mirror's owner") from error
    return Record(
        kind,
        place,
        checksum(digest.get("type", ""), text_of(digest), source=name),
        _bytes(element, "size", name),
        _bytes(element, "open-size", name),
    )


def _seconds(element: Element) -> int | None:
    """Of <timestamp>, which older createrepos write with a fraction; 0, and what is no number, tells nothing."""
    return number_in(text_of(child_of(element, "timestamp")).partition(".")[0]) or None


def _bytes(element: Element, name: str, source: str) -> int | None:
    text = text_of(child_of(element, name))
    if not text:
        return None
    if (number := number_in(text)) is None:
        raise UpstreamError(f"{source}: {name} {text[:40]!r} is not a number of bytes")
    return number


def _is_hex(text: str) -> bool:
    return all(character in "0123456789abcdefABCDEF" for character in text)
