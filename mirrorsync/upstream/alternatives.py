"""Mirrorlist and metalink: the other places of the same files, and one door to all of them."""

import hashlib
import threading
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from itertools import islice
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

from mirrorsync.errors import UpstreamError
from mirrorsync.model.package import Digest
from mirrorsync.upstream.body import Body, Patience, plain
from mirrorsync.upstream.mirror import Mirror, without_credentials
from mirrorsync.upstream.pages import Entry
from mirrorsync.upstream.transport import Transport, open_transport
from mirrorsync.upstream.xmlstream import called, child_of, children, local_name, number_in, open_document, text_of
from mirrorsync.upstream.yumrepo import substitute

_REPOMD = "repodata/repomd.xml"
_LONGEST_URL = 2000  # characters
_MOST_PLACES = 200  # of a list; the longest ones of distributions name some 150
_REMOTE = ("http", "https", "ftp")
_STRENGTH = ("sha512", "sha384", "sha256", "sha1")  # MD5 alone proves nothing any more


@dataclass(frozen=True, slots=True)
class Expected:
    """A repomd.xml that a metalink knows: its size in bytes and seconds since the epoch where told, its strongest checksum."""

    digest: Digest
    size: int | None = None
    timestamp: int | None = None

    def matches(self, content: bytes) -> bool:
        """Whether these bytes are that file."""
        fits = self.size is None or self.size == len(content)
        return fits and hashlib.new(self.digest.algorithm, content, usedforsecurity=False).hexdigest() == self.digest.value


@dataclass(frozen=True, slots=True)
class Alternatives:
    """places: base URLs of one repository, best first, without a slash at the end.  expected: every repomd.xml that may be
    taken, the newest first; empty where nobody says.
    """

    places: tuple[str, ...]
    expected: tuple[Expected, ...] = ()

    def accepts(self, content: bytes) -> bool:
        """Whether a repomd.xml of these bytes is one that is expected."""
        return not self.expected or any(expected.matches(content) for expected in self.expected)


class Doors:
    """One Transport to places on many hosts. The mirror's credentials and client certificate go to its own origin only."""

    def __init__(self, mirror: Mirror, patience: Patience | None = None) -> None:
        self._mirror = mirror
        self._patience = patience
        self._opened: dict[tuple[str, str], Transport] = {}
        self._lock = threading.Lock()
        self._lifetime = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._lifetime.close()

    def open(self, url: str, *, start: int = 0, end: int | None = None, validator: str | None = None) -> AbstractContextManager[Body]:
        """As Transport says."""
        return self._door(url).open(url, start=start, end=end, validator=validator)

    def entries(self, url: str) -> tuple[Entry, ...]:
        """As Transport says."""
        return self._door(url).entries(url)

    def _door(self, url: str) -> Transport:
        origin = _origin(url)
        with self._lock:
            if origin not in self._opened:
                mirror = self._mirror if origin == _origin(self._mirror.url) else _stranger(self._mirror, url)
                self._opened[origin] = self._lifetime.enter_context(open_transport(mirror, self._patience))
            return self._opened[origin]


def parse_alternatives(content: bytes, *, source: str, variables: Mapping[str, str]) -> Alternatives:
    """The places that a mirrorlist or a metalink (whichever it is) names.

    `$releasever` and the like are replaced from `variables`. Raises UpstreamError, which names `source`, where it names none.
    """
    parse = parse_metalink if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") else parse_mirrorlist
    return parse(content, source=source, variables=variables)


def parse_mirrorlist(content: bytes, *, source: str, variables: Mapping[str, str]) -> Alternatives:
    """A URL a line; '#' begins a comment. Places that mirrorsync cannot speak to (rsync) are left out."""
    lines = [line for text in content.decode("utf-8", errors="replace").splitlines() if (line := text.strip()) and not line.startswith("#")]
    places = _places(lines, source, variables)
    if not places:
        said = f": it says {plain(lines[0], 80)!r}" if lines else ""
        raise UpstreamError(f"{source}: the mirrorlist names no mirror{said}; are release and architecture right?")
    return Alternatives(places)


def parse_metalink(content: bytes, *, source: str, variables: Mapping[str, str]) -> Alternatives:
    """The mirrors of repomd.xml by preference, and the checksums of the present one and of its `mm0:alternates`."""
    root, elements = open_document((content,), "files", source=source)
    if local_name(root.tag) != "metalink":
        raise UpstreamError(f"{source}: is neither a mirrorlist nor a metalink but {called(root)}")
    for files in elements:
        for file in children(files, "file"):
            if file.get("name") == "repomd.xml":
                return _metalink_file(file, source, variables)
    raise UpstreamError(f"{source}: the metalink does not speak of repomd.xml; is it a repository's?")


def _metalink_file(file: Element, source: str, variables: Mapping[str, str]) -> Alternatives:
    urls = sorted(children(child_of(file, "resources"), "url"), key=_preference)
    places = _places(map(text_of, urls), source, variables)
    if not places:
        raise UpstreamError(f"{source}: the metalink names no mirror of repomd.xml over http, https or ftp")
    known = [file, *children(child_of(file, "alternates"), "alternate")]
    expected = tuple(found for element in known if (found := _expected(element)))
    if not expected and child_of(file, "verification") is not None:
        raise UpstreamError(f"{source}: the metalink has no usable checksum of repomd.xml")
    return Alternatives(places, expected)


def _expected(element: Element) -> Expected | None:
    """What an entry says of repomd.xml, by the strongest checksum it has; None where that is no checksum."""
    told = {hash_.get("type", ""): text_of(hash_).lower() for hash_ in children(child_of(element, "verification"), "hash")}
    algorithm = next((name for name in _STRENGTH if name in told), None)
    if algorithm is None:
        return None
    return Expected(Digest(algorithm, told[algorithm]), _number(element, "size"), _number(element, "timestamp"))


def _preference(url: Element) -> int:
    """For sorting: the most preferred first; those without a preference last, as they come."""
    preference = number_in(url.get("preference", ""))
    return 1 if preference is None else -preference


def _number(element: Element, name: str) -> int | None:
    return number_in(text_of(child_of(element, name)))


def _places(urls: Iterable[str], source: str, variables: Mapping[str, str]) -> tuple[str, ...]:
    """Base URLs of the first 200 that can be spoken to, each once; file:// only where the list itself is a local file."""
    schemes = (*_REMOTE, "file") if source.startswith("file:") else _REMOTE
    bases = (substitute(url, variables).removesuffix(_REPOMD).rstrip("/") for url in urls)
    usable = (base for base in bases if base.partition("://")[0].lower() in schemes and _is_url(base))
    return tuple(islice(dict.fromkeys(usable), _MOST_PLACES))


def _is_url(text: str) -> bool:
    """Whether every part of it can be told; what is longer than any mirror's address is none."""
    try:
        parts = urlsplit(text)
        return len(text) <= _LONGEST_URL and parts.port != 0 and bool(parts.hostname or parts.scheme == "file")
    except ValueError:
        return False


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return (parts.scheme.lower(), parts.netloc.lower())


def _stranger(mirror: Mirror, url: str) -> Mirror:
    """A mirror on another host with the same patience and proxy, and nothing that proves who asks."""
    scheme, host = _origin(url)
    address = f"{scheme}://{host}"
    name = without_credentials(address)
    return replace(mirror, name=name, url=address, username=None, password=None, client_cert=None, client_key=None)
