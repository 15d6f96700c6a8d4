"""A bare directory of packages read as a catalogue: the listings say what is there, the headers say what it is."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from mirrorsync.errors import HeaderError, UpstreamError
from mirrorsync.model.catalogue import Catalogue
from mirrorsync.model.changelog import ChangelogEntry
from mirrorsync.model.finding import Finding, Severity, curtailed
from mirrorsync.model.package import Package
from mirrorsync.model.version import NEVRA
from mirrorsync.planning.architecture import installable
from mirrorsync.rpmfile.changelog import changelog
from mirrorsync.rpmfile.header import MOST_HEADER_BYTES, header_size, parse_rpm, require_bounded
from mirrorsync.rpmfile.package import describe, paths
from mirrorsync.upstream.body import RefusedError, persistently
from mirrorsync.upstream.crawl import Crawl, Offer, crawl
from mirrorsync.upstream.losses import MOST, Losses
from mirrorsync.upstream.memory import MirrorMemory, Remembered
from mirrorsync.upstream.mirror import Mirror, place
from mirrorsync.upstream.pages import Entry, Kind
from mirrorsync.upstream.transport import Transport
from mirrorsync.upstream.workers import in_parallel

FIRST_READ = 24 << 10
_MOST_READS = 8  # more only where the file keeps changing


@dataclass(frozen=True, slots=True)
class Head:
    """The first bytes of a file, which is `total` bytes long."""

    data: bytes
    total: int | None
    validator: str | None


class ListingUpstream:
    """An update mirror without metadata. `arches` are those of the machines that install; only what they can install is offered."""

    def __init__(self, mirror: Mirror, transport: Transport, memory: MirrorMemory, arches: Sequence[str]) -> None:
        self.mirror = mirror
        self._transport = transport
        self._memory = memory
        self._arches = tuple(arches)

    def revision(self) -> str:
        """A digest of the listings: names, and sizes and dates where the server shows them. Raises UpstreamError."""
        return self._crawl().digest

    def read(self) -> Catalogue:
        """Every package the machines can install. What is remembered from an earlier run is not asked for again.

        A package that cannot be read is a finding. Raises UpstreamError where the mirror as a whole cannot be read.
        """
        found = self._crawl()
        known = self._memory.below(self.mirror.url)
        losses = _losses(len(found.offers))
        self._memory.forget(set(known) - {self._url(offer.location) for offer in found.offers})
        actions: list[Callable[[], Package | Finding]] = [
            partial(self._described, offer, known.get(self._url(offer.location)), losses) for offer in found.offers
        ]
        described = in_parallel(actions, self.mirror.connections)
        packages = tuple(one for one in described if isinstance(one, Package) and installable(one.arch, self._arches))
        findings = tuple(one for one in described if isinstance(one, Finding))
        return Catalogue(self.mirror.name, packages, findings=curtailed((*found.findings, *findings, *self._emptiness(found))))

    def with_paths(self, catalogue: Catalogue, wanted: frozenset[str]) -> Catalogue:
        """The same packages, their `files` completed with those of the `wanted` paths that they have."""
        owners = self._memory.owners(self.mirror.url, wanted)
        lost = [package for package in catalogue.packages if self._url(package.location) not in owners]
        if lost:
            self._read_again(lost)
            owners = self._memory.owners(self.mirror.url, wanted)
        completed = (_completed(package, owners.get(self._url(package.location), frozenset())) for package in catalogue.packages)
        return replace(catalogue, packages=tuple(completed))

    def changelogs(self, packages: Iterable[Package]) -> Mapping[NEVRA, tuple[ChangelogEntry, ...]]:
        """What these packages say of their changes, the newest first; those that cannot be read are left out. Raises UpstreamError."""
        asked = {self._url(package.location): package for package in packages}
        known = self._memory.changelogs(asked)
        if lost := [package for url, package in asked.items() if url not in known]:
            self._read_again(lost)
            known = self._memory.changelogs(asked)
        return {asked[url].nevra: entries for url, entries in known.items()}

    def places(self, package: Package) -> tuple[str, ...]:
        """The one URL of a package's file."""
        return (self._url(package.location),)

    def bases(self) -> tuple[str, ...]:
        """The mirror's own URL."""
        return (self.mirror.url.rstrip("/"),)

    def metadata(self, _kind: str) -> bytes | None:
        """A listing has no metadata."""
        return None

    def forget(self, package: Package) -> None:
        """Read the package's header anew next time: its file turned out to be another than the listing's date and size tell."""
        self._memory.forget(self.places(package))

    def _url(self, location: str) -> str:
        return place(self.mirror.url, location)

    def _crawl(self) -> Crawl:
        return crawl(lambda location: self._transport.entries(self._url(location)), self.mirror.name, self._arches)

    def _emptiness(self, found: Crawl) -> tuple[Finding, ...]:
        if found.offers:
            return ()
        what, remedy = "its listings show no package for these architectures", "look at the URL with a browser"
        return (Finding(Severity.WARNING, "mirror-empty", self.mirror.name, what, remedy),)

    def _read_again(self, lost: Sequence[Package]) -> None:
        """Let the memory have again what it has lost of these packages."""
        losses = _losses(len(lost))
        actions = [partial(self._described, _bare_offer(package), None, losses) for package in lost]
        in_parallel(actions, self.mirror.connections)

    def _described(self, offer: Offer, known: Remembered | None, losses: Losses) -> Package | Finding:
        """One package: from memory where the listing's words on it are the same, else from the mirror.

        Raises UpstreamError where too many before it, and it, could not be read.
        """
        if known is not None and offer.stamp and offer.stamp == known.stamp:
            return known.package
        url = self._url(offer.location)
        losses.begin(url)
        try:
            package = self._asked(offer, known)
        except (HeaderError, RefusedError) as error:
            losses.end(url)
            return self._unreadable(offer, error)
        except UpstreamError as error:
            losses.add(url, error)
            losses.begin(url)  # the last of them is one too many, too
            return self._unreadable(offer, error)
        losses.end(url)
        return package

    def _unreadable(self, offer: Offer, error: HeaderError | UpstreamError) -> Finding:
        what, remedy = str(error).removeprefix(f"{self._url(offer.location)}: "), "it is not offered; the next run tries again"
        return Finding(Severity.WARNING, "package-unreadable", f"{self.mirror.name}/{offer.location}", what, remedy)

    def _asked(self, offer: Offer, known: Remembered | None) -> Package:
        """One package as the mirror has it now; none of it is sent where the remembered validator still holds."""
        url = self._url(offer.location)
        head = persistently(partial(read_head, self._transport, url, known.validator if known else None))
        if head is None and known is not None:
            self._memory.restamp(url, offer.stamp)
            return known.package
        if head is None:
            raise HeaderError("the mirror says that it is unchanged, to a first request")
        headers = parse_rpm(head.data)
        package = describe(headers, location=offer.location, size=_file_size(head, offer))
        self._memory.remember(url, Remembered(package, offer.stamp, head.validator), paths(headers), changelog(headers.main))
        return package


def _losses(offered: int) -> Losses:
    """All of a few packages lost are as much as many in a row; a single one never is. No header takes so long that time would tell."""
    return Losses(min(MOST, max(2, offered)), silence=0.0)


def read_head(transport: Transport, url: str, validator: str | None = None) -> Head | None:
    """The first bytes of a package, at least its headers where the file has as many; None where `validator` still holds.

    Raises HeaderError for what is no package, and UpstreamError.
    """
    with transport.open(url, end=FIRST_READ, validator=validator) as body:
        if body.unchanged:
            return None
        head = Head(b"".join(body.chunks), body.total, body.validator)
    for _ in range(_MOST_READS):
        needed = _needed(head)
        if len(head.data) >= needed:
            break
        head = _extended(transport, url, head, needed)
    return head


def _needed(head: Head) -> int:
    """How many of the file's first bytes its headers take, as far as those that are here tell."""
    needed = header_size(head.data) or 2 * len(head.data)
    require_bounded(needed, MOST_HEADER_BYTES)
    return needed if head.total is None else min(needed, head.total)


def _extended(transport: Transport, url: str, head: Head, needed: int) -> Head:
    """The first `needed` bytes: what is here and the rest, or all anew where that could be another file's."""
    start = len(head.data) if head.validator else 0
    with transport.open(url, start=start, end=needed, validator=head.validator if start else None) as body:
        return Head(head.data[: body.start] + b"".join(body.chunks), body.total, body.validator)


def _file_size(head: Head, offer: Offer) -> int:
    if head.total is not None:
        return head.total
    if offer.entry.size is not None and offer.entry.exact:
        return offer.entry.size
    raise HeaderError("the mirror does not say how many bytes it has")


def _bare_offer(package: Package) -> Offer:
    return Offer(package.location, Entry(package.filename, Kind.FILE))


def _completed(package: Package, owned: frozenset[str]) -> Package:
    more = owned.difference(package.files)
    return replace(package, files=(*package.files, *sorted(more))) if more else package
