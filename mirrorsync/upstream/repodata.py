"""Yum metadata read as a catalogue: packages, errata and modules of a repository and all its mirrors."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from mirrorsync.errors import UpstreamError
from mirrorsync.model.advisory import Advisory
from mirrorsync.model.catalogue import Catalogue
from mirrorsync.model.finding import Finding
from mirrorsync.model.package import Package
from mirrorsync.planning.architecture import installable
from mirrorsync.upstream.alternatives import Alternatives, parse_alternatives
from mirrorsync.upstream.body import collected, persistently
from mirrorsync.upstream.filelists import beyond_primary, read_filelists
from mirrorsync.upstream.metadata import MetadataFolder, Seen
from mirrorsync.upstream.mirror import Mirror, place
from mirrorsync.upstream.primary import Primary, read_primary
from mirrorsync.upstream.repomd import Record, Repomd, parse_repomd
from mirrorsync.upstream.transport import Transport, read_all
from mirrorsync.upstream.updateinfo import read_updateinfo, with_epochs

_REPOMD = "repodata/repomd.xml"
_REPOMD_LIMIT = 4 << 20
_LIST_LIMIT = 4 << 20
_MOST_REASONS = 3

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Places:
    """Where a repository lies: `urls` in order of preference, and those of a mirrorlist or metalink at `list_url` after them.

    variables: what replaces $releasever and the like in the list.
    """

    urls: tuple[str, ...]
    list_url: str | None = None
    variables: Mapping[str, str] | None = None


class RepodataUpstream:
    """A repository with repodata, read through one transport to all its places; metadata files are kept in `folder`."""

    def __init__(self, mirror: Mirror, transport: Transport, folder: Path, arches: Sequence[str], places: Places | None = None) -> None:
        self.mirror = mirror
        self._transport = transport
        self._folder = MetadataFolder(folder)
        self._arches = tuple(arches)
        self._known = places or Places((mirror.url,))
        self._alternatives = Alternatives(())
        self._order: list[str] = []  # the places, those that failed in this run last
        self._repomd: Repomd | None = None
        self._revision = ""

    def revision(self) -> str:
        """The digest of repomd.xml, which one conditional request looks at. Raises UpstreamError where no place gives it."""
        self._alternatives = self._find_places()
        self._order = list(self._alternatives.places)
        if (kept := self._folder.repomd()) and (last := kept[0].url.removesuffix(f"/{_REPOMD}")) in self._order:
            self._order.remove(last)
            self._order.insert(0, last)  # the place that last answered is the one that can say "unchanged"
        self._look()
        return self._revision

    def read(self) -> Catalogue:
        """Packages for the architectures and all errata. Raises UpstreamError.

        A file that no place gives as repomd.xml describes it may mean that the mirror has just changed: repomd.xml is fetched
        anew, once.
        """
        repomd, before = self._present(), self._revision
        try:
            return self._catalogue(repomd)
        except UpstreamError:
            self._look(anew=True)
            if self._revision == before:
                raise
        return self._catalogue(self._present())

    def with_paths(self, catalogue: Catalogue, paths: frozenset[str]) -> Catalogue:
        """The catalogue with those of `paths` in Package.files that only filelists knows; fetched where there is such a path."""
        asked = beyond_primary(paths)
        record = self._present().record("filelists")
        if not asked or record is None:
            return catalogue
        self._bring(record)
        source = self._source(record)
        with self._folder.unpacked(record, source=source) as chunks:
            found = read_filelists(chunks, asked, source=source)
        return replace(catalogue, packages=tuple(_with_files(package, found) for package in catalogue.packages))

    def places(self, package: Package) -> tuple[str, ...]:
        """Its file's URL at every mirror, best first."""
        self._present()
        return tuple(place(base, package.location) for base in self._order)

    def forget(self, _package: Package) -> None:
        """Nothing is remembered of single packages: the metadata's digests decide."""

    def metadata(self, kind: str) -> bytes | None:
        """A metadata file ("group", "modules", "updateinfo", "productid", …) unpacked; None where the repository has none."""
        record = self._present().record(kind)
        if record is None:
            return None
        self._bring(record)
        return self._folder.content(record, source=self._source(record))

    def _catalogue(self, repomd: Repomd) -> Catalogue:
        primary = self._read_primary(repomd)
        advisories, findings = self._read_advisories(repomd, primary.packages)
        self._folder.drop_all_but(repomd.records)
        return Catalogue(self.mirror.name, primary.packages, advisories, findings=(*primary.findings, *findings))

    def _read_primary(self, repomd: Repomd) -> Primary:
        record = repomd.record("primary")
        if record is None:
            raise UpstreamError(f"{self.mirror.name}: repomd.xml names no primary metadata; mirrorsync does not read sqlite alone")
        streams = self._read_modules()
        self._bring(record)
        source = self._source(record)
        with self._folder.unpacked(record, source=source) as chunks:
            return read_primary(chunks, source=source, wanted=lambda arch: installable(arch, self._arches), modules=streams)

    def _read_modules(self) -> Mapping[tuple[str, ...], str]:
        modules = self.metadata("modules")
        if modules is None:
            return {}
        from mirrorsync.upstream.modules import read_modules  # noqa: PLC0415  most repositories have none, and YAML takes long to load

        return read_modules(modules, source=f"{self.mirror.name}: modules")

    def _read_advisories(self, repomd: Repomd, packages: Sequence[Package]) -> tuple[tuple[Advisory, ...], tuple[Finding, ...]]:
        record = repomd.record("updateinfo")
        if record is None:
            return (), ()
        self._bring(record)
        source = self._source(record)
        with self._folder.unpacked(record, source=source) as chunks:
            updateinfo = read_updateinfo(chunks, source=source)
        return with_epochs(updateinfo.advisories, packages), updateinfo.findings

    def _bring(self, record: Record) -> None:
        if self._folder.holds(record):
            return

        def download(base: str) -> None:
            url = place(base, record.location)
            with self._transport.open(url) as body:
                self._folder.keep(record, body.chunks, source=url)

        self._from_places(record.location, download)

    def _look(self, *, anew: bool = False) -> None:
        """Take the repomd.xml of the first place that has one; `anew`: without asking whether the kept one still holds."""
        content = self._from_places(_REPOMD, lambda base: self._repomd_at(base, anew=anew))
        self._repomd = parse_repomd(content, source=f"{self.mirror.name}: {_REPOMD}")
        self._revision = f"sha256:{hashlib.sha256(content).hexdigest()}"

    def _repomd_at(self, base: str, *, anew: bool) -> bytes:
        url = place(base, _REPOMD)
        kept = None if anew else self._folder.repomd()
        validator = kept[0].validator if kept and kept[0].url == url else None
        with self._transport.open(url, validator=validator) as body:
            if kept and body.unchanged:
                return self._accepted(kept[1], url)
            content = self._accepted(collected(body, url, _REPOMD_LIMIT), url)
        self._folder.keep_repomd(Seen(url, body.validator, hashlib.sha256(content).hexdigest()), content)
        return content

    def _accepted(self, content: bytes, url: str) -> bytes:
        """The same bytes where they are a repomd.xml that may be used."""
        if not self._alternatives.accepts(content):
            raise UpstreamError(f"{url}: is not one of the repomd.xml files that the metalink names; the mirror may be out of date")
        parse_repomd(content, source=url)
        return content

    def _find_places(self) -> Alternatives:
        listed = self._listed(self._known.list_url) if self._known.list_url else Alternatives(())
        own = tuple(url.rstrip("/") for url in self._known.urls)
        return replace(listed, places=tuple(dict.fromkeys((*own, *listed.places))))

    def _listed(self, url: str) -> Alternatives:
        """What the mirrorlist or metalink says now, or said to an earlier run where it cannot be had."""
        variables = self._known.variables or {}
        try:
            content = read_all(self._transport, url, _LIST_LIMIT)
            listed = parse_alternatives(content, source=url, variables=variables)
        except UpstreamError:
            if (kept := self._folder.mirrors()) is None:
                raise
            return parse_alternatives(kept, source=url, variables=variables)
        self._folder.keep_mirrors(content)
        return listed

    def _from_places(self, what: str, ask: Callable[[str], T]) -> T:
        """The answer of the first place that gives one; the others go to the end of the order."""
        reasons = []
        for base in tuple(self._order):
            try:
                return persistently(partial(ask, base))
            except UpstreamError as error:
                reasons.append(error)
                self._order.append(self._order.pop(0))
        if len(reasons) == 1:
            raise reasons[0]
        said = "; ".join(str(reason) for reason in reasons[:_MOST_REASONS])
        raise UpstreamError(f"{self.mirror.name}: {what}: none of {len(reasons)} mirrors gives it: {said}")

    def _present(self) -> Repomd:
        while self._repomd is None:
            self.revision()
        return self._repomd

    def _source(self, record: Record) -> str:
        return f"{self.mirror.name}: {record.location}"


def _with_files(package: Package, found: Mapping[str, tuple[str, ...]]) -> Package:
    paths = found.get(package.digest.value, ()) if package.digest else ()
    return replace(package, files=tuple(dict.fromkeys((*package.files, *paths)))) if paths else package
