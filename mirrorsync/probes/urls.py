"""A tree's URLs as nodes use them: the same bytes as on the disk, parts where they are asked for, and nothing above the tree."""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from mirrorsync.errors import ProbeError
from mirrorsync.files import sha256_of
from mirrorsync.model.finding import Finding, Severity, curtailed

_SMALL = 1 << 20  # bytes of a file that is always read whole
_SAMPLES = 16
_PART = 64  # bytes
_OTHERS_READ = 0o004
_SERVER = "look at the server: does this URL lead to the tree, and may the server's user read it?"
_CACHE = "look at what the server, or a cache before it, has there"
_NO_PARTS = "let the server answer requests for a Range of a file, as nginx and Apache do by themselves"
_SLASHES = "let location and alias both end with a slash, or neither (nginx)"
_ELSEWHERE = "let the server's root be a folder that has nothing but what nodes are to fetch"
_ALWAYS_THERE = ("etc/os-release", "etc/passwd")


class MissingError(ProbeError):
    """The server answers, and does not give this file."""


class Answer(Protocol):
    """The bytes of a file from `start` on, which is 0 where the server does not give parts. total: of the whole file, None if not said."""

    @property
    def chunks(self) -> Iterator[bytes]:
        """Reading them raises ProbeError where they end early."""

    @property
    def start(self) -> int:
        """Bytes."""

    @property
    def total(self) -> int | None:
        """Bytes."""


class Window(Protocol):
    """What nodes are given below a URL."""

    def open(self, path: str, *, start: int = 0, end: int | None = None) -> AbstractContextManager[Answer]:
        """The bytes [start, end) of a file. Raises MissingError for this file, ProbeError where the server as a whole fails."""


Opener = Callable[[str], AbstractContextManager[Window]]
"""The window below a URL."""


def url_findings(url: str, root: Path, names: Sequence[str], packages: Sequence[str], opener: Opener, *, deep: bool) -> tuple[Finding, ...]:
    """What a node would meet that installs from the tree at `root` by this URL; names and packages are paths below it.

    Of the files `names`, those up to 1 MiB are read whole and of the others the size is asked; so it is of a few packages. With `deep`
    everything is read whole. Files that are not in the tree are passed over: that is told elsewhere.
    """
    wanted = [*names, *(packages if deep else packages[:: max(1, len(packages) // _SAMPLES)])]
    own = [name for name in dict.fromkeys(wanted) if (root / name).is_file()]
    try:
        with opener(url) as window:
            found = [finding for name in own for finding in _file_findings(window, url, root, name, deep=deep)]
            found += () if found else _part_findings(window, url, root, own)
        found += _above_findings(url, root, own, opener)
    except ProbeError as error:
        found = [Finding(Severity.ERROR, "url-unreachable", url, f"nodes cannot install from it: {error}", _SERVER)]
    return curtailed(found)


def _file_findings(window: Window, url: str, root: Path, name: str, *, deep: bool) -> Iterator[Finding]:
    path = root / name
    try:
        with window.open(name) as answer:
            size, whole = path.stat().st_size, deep or answer.total is None
            if answer.total not in (None, size):
                yield _other(url, name, f"has {answer.total} bytes there, and {size} in the tree")
            elif (whole or size <= _SMALL) and (found := _sha256(answer)) != (own := sha256_of(path)):
                yield _other(url, name, f"its sha256 is {found[:16]}… there, and {own[:16]}… in the tree")
    except MissingError as error:
        yield Finding(Severity.ERROR, "url-missing", f"{url}/{name}", f"nodes cannot fetch it: {error}", _SERVER)


def _sha256(answer: Answer) -> str:
    digest = hashlib.sha256()
    for chunk in answer.chunks:
        digest.update(chunk)
    return digest.hexdigest()


def _part_findings(window: Window, url: str, root: Path, names: Sequence[str]) -> Iterator[Finding]:
    """Of one file, the end is asked for alone."""
    name = next((name for name in names if (root / name).stat().st_size > _PART), None)
    if name is None:
        return
    size = (root / name).stat().st_size
    try:
        with window.open(name, start=size - _PART, end=size) as answer:
            part = b"".join(answer.chunks) if answer.start else None
    except MissingError:
        return  # told already
    if part is None:
        what = "the server sends the whole file where a part is asked for: a transfer that breaks off begins anew"
        yield Finding(Severity.WARNING, "url-no-parts", f"{url}/{name}", what, _NO_PARTS)
    elif part != _tail(root / name):
        yield _other(url, name, f"its last {_PART} bytes, asked for alone, are others than in the tree")


def _tail(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(-_PART, os.SEEK_END)
        return file.read()


@dataclass(frozen=True, slots=True)
class _Above:
    """A URL that may give what lies in `folder`, above the tree. witness: a path below both.  remedy: what to do where it does."""

    url: str
    folder: Path
    witness: str
    remedy: str


def _above_findings(url: str, root: Path, names: Sequence[str], opener: Opener) -> Iterator[Finding]:
    """The tree's parent, where generations are kept, may be served; what lies above that concerns no node."""
    for above in (*_round_the_alias(url, root, names), *_upwards(url, root)):
        if _is_served(above, opener):
            what = f"gives {above.folder / above.witness}, and so all in {above.folder} that the server may read"
            yield Finding(Severity.WARNING, "url-above", f"{above.url}/{above.witness}", what, above.remedy)


def _round_the_alias(url: str, root: Path, names: Sequence[str]) -> Iterator[_Above]:
    """With `location /redhat { alias /u1/redhat/; }` nginx gives /u1/redhat/../… to who asks for /redhat../…"""
    if urlsplit(url).path.strip("/"):
        yield from (_Above(f"{url.rstrip('/')}..", root.parent, f"{root.name}/{name}", _SLASHES) for name in names[:1])


def _upwards(url: str, root: Path) -> Iterator[_Above]:
    """The folders above the tree's parent, as far as they have the names in the URL that they have on the disk."""
    parts = urlsplit(url)
    path, folder = unquote(parts.path).strip("/").split("/"), root
    while path and path[-1] == folder.name != "":
        path, folder = path[:-1], folder.parent
        if folder != root.parent and (witness := _witness(folder)):
            yield _Above(urlunsplit(parts._replace(path=quote("/".join(("", *path))))), folder, witness, _ELSEWHERE)


def _witness(folder: Path) -> str | None:
    """A small file there that everybody may read."""
    try:
        found = [folder / name for name in _ALWAYS_THERE] if folder == folder.parent else sorted(folder.iterdir())
        return next((str(path.relative_to(folder)) for path in found if _is_open(path)), None)
    except OSError:
        return None


def _is_open(path: Path) -> bool:
    return path.is_file() and bool(path.stat().st_mode & _OTHERS_READ) and 0 < path.stat().st_size <= _SMALL


def _is_served(above: _Above, opener: Opener) -> bool:
    path = above.folder / above.witness
    try:
        with opener(above.url) as window, window.open(above.witness) as answer:
            return answer.total in (None, path.stat().st_size) and _sha256(answer) == sha256_of(path)
    except (ProbeError, OSError):
        return False


def _other(url: str, name: str, what: str) -> Finding:
    return Finding(Severity.ERROR, "url-differs", f"{url}/{name}", f"{what}: nodes install something else", _CACHE)
