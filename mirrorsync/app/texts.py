"""An update mirror whose errata are told by texts that lie on this machine, and its tree's files held against the texts' sums."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mirrorsync.app.site import Upstream
from mirrorsync.errors import VerificationError
from mirrorsync.model.catalogue import Catalogue
from mirrorsync.model.changelog import ChangelogEntry
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.model.package import IndexedPackage, Package
from mirrorsync.model.version import NEVRA
from mirrorsync.planning.sums import told_sums
from mirrorsync.upstream.advisorytexts import Offered, fingerprint, read_texts
from mirrorsync.upstream.arrival import require_told


class TextTold:
    """An update mirror of either kind with the advisories of the texts in `places`, which are taken by the names of its files."""

    def __init__(self, upstream: Upstream, places: Sequence[Path]) -> None:
        self.mirror = upstream.mirror
        self._upstream = upstream
        self._places = tuple(places)

    def revision(self) -> str:
        """The mirror's own, and what stat(2) tells of the texts."""
        return f"{self._upstream.revision()} texts:{fingerprint(self._places)}"

    def read(self) -> Catalogue:
        """What it offers, with its own advisories and those of the texts."""
        catalogue = self._upstream.read()
        texts = read_texts(self._places, _by_filename((package.filename, package.nevra) for package in catalogue.packages))
        advisories, findings = (*catalogue.advisories, *texts.advisories), (*catalogue.findings, *texts.findings)
        return replace(catalogue, advisories=advisories, findings=findings)

    def with_paths(self, catalogue: Catalogue, paths: frozenset[str], /) -> Catalogue:
        """As the mirror itself."""
        return self._upstream.with_paths(catalogue, paths)

    def changelogs(self, packages: Iterable[Package], /) -> Mapping[NEVRA, tuple[ChangelogEntry, ...]]:
        """As the mirror itself."""
        return self._upstream.changelogs(packages)

    def places(self, package: Package) -> tuple[str, ...]:
        """As the mirror itself."""
        return self._upstream.places(package)

    def bases(self) -> tuple[str, ...]:
        """As the mirror itself."""
        return self._upstream.bases()

    def forget(self, package: Package) -> None:
        """As the mirror itself."""
        self._upstream.forget(package)

    def metadata(self, kind: str) -> bytes | None:
        """As the mirror itself."""
        return self._upstream.metadata(kind)


def text_findings(root: Path, indexed: Sequence[IndexedPackage], places: Sequence[Path]) -> Iterator[Finding]:
    """The packages of a tree whose files are not what the texts that name them say; and which texts cannot be read."""
    texts = read_texts(places, _by_filename((package.location.rpartition("/")[2], package.nevra) for package in indexed))
    yield from texts.findings
    sums = told_sums(texts.advisories)
    for package in indexed:
        path = root / package.location
        told = sums.get(path.name)
        if told and path.is_file():
            try:
                require_told(path, told)
            except VerificationError as error:
                what, _, _ = str(error).removeprefix(f"{path.name}: ").partition("; ")
                yield Finding(Severity.ERROR, "not-as-announced", str(path), what, "replace it from the distributor's mirror")


def _by_filename(packages: Iterable[tuple[str, NEVRA]]) -> Offered:
    found: dict[str, list[NEVRA]] = defaultdict(list)
    for name, nevra in packages:
        found[name].append(nevra)
    return found
