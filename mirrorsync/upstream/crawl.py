"""The folders of a mirror walked for packages, within bounds: which files could be wanted, and what the listings say of them."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mirrorsync.errors import MirrorsyncError, TreeError, UpstreamError
from mirrorsync.files import contained
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.planning.architecture import installable
from mirrorsync.upstream.body import RefusedError
from mirrorsync.upstream.pages import Entry, Kind

DEEPEST = 8
MOST_FOLDERS = 500
MOST_FILES = 200_000
_SUFFIX = ".rpm"
_SOURCES = (".src.rpm", ".nosrc.rpm")
_SKIPPED_FOLDERS = frozenset(("srpms", "src", "source", "repodata", "headers", "drpms", "debug", "debuginfo"))
# The names of folders and files that say an architecture: what only other machines can install need not be looked at.
_ARCHITECTURES = frozenset(
    (
        *("i386", "i486", "i586", "i686", "athlon", "x86_64", "amd64", "ia32e", "ia64"),
        *("alpha", "alphaev5", "alphaev56", "alphaev6", "ppc", "ppc64", "ppc64le", "ppciseries", "ppcpseries"),
        *("s390", "s390x", "sparc", "sparcv9", "sparc64", "aarch64", "armv7hl", "riscv64", "mips", "mipsel"),
    )
)


@dataclass(frozen=True, slots=True)
class Offer:
    """A file that a mirror lists: where it lies below the mirror's URL, and the listing's words on it."""

    location: str
    entry: Entry

    @property
    def stamp(self) -> str:
        """What changes when the file does, '' where the listing shows no date: a size alone, maybe rounded, tells too little."""
        return f"{self.entry.size}:{self.entry.modified.isoformat()}" if self.entry.modified else ""


@dataclass(frozen=True, slots=True)
class Crawl:
    """Every package file in the folders, sorted by location, and what could not be looked at."""

    offers: tuple[Offer, ...]
    findings: tuple[Finding, ...]

    @property
    def digest(self) -> str:
        """SHA-256 over what the listings say: another one where a file came, went or changed visibly."""
        lines = ((offer.location, offer.entry.size, str(offer.entry.modified)) for offer in self.offers)
        return hashlib.sha256(json.dumps(list(lines)).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Folder:
    location: str
    above: tuple[tuple[Entry, ...], ...] = ()


def crawl(list_folder: Callable[[str], tuple[Entry, ...]], origin: str, arches: Sequence[str]) -> Crawl:
    """Walk the folders that `list_folder` (of a location; '' is the mirror's own) lists.

    A folder below that is refused is a finding. Raises UpstreamError for the first one, and past any of the bounds.
    """
    offers: list[Offer] = []
    findings: list[Finding] = []
    pending = [_Folder("")]
    for folder in _visited(pending, origin):
        try:
            entries = list_folder(folder.location)
        except RefusedError as error:
            if not folder.location:
                raise
            findings.append(_warning("folder-refused", f"{origin}/{folder.location}", error, "its packages are not offered"))
            continue
        if entries in folder.above:  # a link to a folder above
            continue
        safe, refused = _sorted_out(entries, f"{origin}/{folder.location}")
        findings += refused
        offers += [Offer(folder.location + entry.name, entry) for entry in safe if _is_wanted_file(entry, arches)]
        below = [f"{folder.location}{entry.name}/" for entry in safe if _is_wanted_folder(entry, arches)]
        pending += [_Folder(location, (*folder.above, entries)) for location in reversed(below)]
        if len(offers) > MOST_FILES:
            raise UpstreamError(f"{origin}: more than {MOST_FILES} packages; give the URL of one release's updates")
    return Crawl(tuple(sorted(offers, key=lambda offer: offer.location)), tuple(findings))


def _visited(pending: list[_Folder], origin: str) -> Iterator[_Folder]:
    """Take the folders that are pending, while others come, up to the bounds."""
    count = 0
    while pending:
        count += 1
        if count > MOST_FOLDERS:
            raise UpstreamError(f"{origin}: more than {MOST_FOLDERS} folders; give the URL of one release's updates")
        folder = pending.pop()
        if len(folder.above) <= DEEPEST:
            yield folder


def _sorted_out(entries: Iterable[Entry], where: str) -> tuple[list[Entry], list[Finding]]:
    """The entries whose names are safe, and a finding for every package's or folder's that is not."""
    safe, refused = [], []
    for entry in entries:
        try:
            _require_plain(entry.name)
        except TreeError as error:
            if entry.kind is not Kind.FILE or entry.name.endswith(_SUFFIX):
                refused.append(_warning("name-refused", where, error, "it is not offered; tell the mirror's owner"))
        else:
            safe.append(entry)
    return safe, refused


def _require_plain(name: str) -> None:
    """Raises TreeError for what is not the name of something directly in its folder."""
    contained(Path("/"), name)
    if "/" in name:
        raise TreeError(f"{name!r:.200}: refused: a slash in a name")


def _is_wanted_file(entry: Entry, arches: Sequence[str]) -> bool:
    if entry.kind is Kind.DIRECTORY or not entry.name.endswith(_SUFFIX) or entry.name.endswith(_SOURCES):
        return False
    return not _is_for_others(entry.name.removesuffix(_SUFFIX).rpartition(".")[2], arches)


def _is_wanted_folder(entry: Entry, arches: Sequence[str]) -> bool:
    if entry.kind is Kind.FILE or entry.name.endswith(_SUFFIX) or entry.name.lower() in _SKIPPED_FOLDERS:
        return False
    return not _is_for_others(entry.name, arches)


def _is_for_others(word: str, arches: Sequence[str]) -> bool:
    return word in _ARCHITECTURES and not installable(word, arches)


def _warning(code: str, where: str, error: MirrorsyncError, remedy: str) -> Finding:
    return Finding(Severity.WARNING, code, where, str(error), remedy)
