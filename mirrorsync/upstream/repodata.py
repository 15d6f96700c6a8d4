"""Yum metadata read as a catalogue: packages, errata and modules of a repository and all its mirrors."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mirrorsync.errors import UpstreamError
from mirrorsync.model.advisory import Advisory
from mirrorsync.model.catalogue import Catalogue
from mirrorsync.model.changelog import ChangelogEntry
from mirrorsync.model.finding import Finding
from mirrorsync.model.package import Package
from mirrorsync.model.version import NEVRA
from mirrorsync.planning.architecture import installable
from mirrorsync.upstream.body import in_time
from mirrorsync.upstream.filelists import beyond_primary, read_filelists
from mirrorsync.upstream.lookout import REPOMD, Look, Lookout
from mirrorsync.upstream.metadata import MetadataFolder
from mirrorsync.upstream.mirror import Mirror, place
from mirrorsync.upstream.other import read_other
from mirrorsync.upstream.places import Order, Places
from mirrorsync.upstream.primary import Primary, read_primary
from mirrorsync.upstream.repomd import Record, Repomd
from mirrorsync.upstream.scrutiny import Scrutiny, Unwatched
from mirrorsync.upstream.transport import Transport
from mirrorsync.upstream.updateinfo import read_updateinfo, with_epochs
from mirrorsync.upstream.xmlstream import require_harmless

_MOST_PLACES = 8  # that a package is looked for at: a list may name hundreds, all of which give another file


class RepodataUpstream:
    """A repository with repodata, read through one transport to all its places; metadata files are kept in `folder`."""

    def __init__(
        self,
        mirror: Mirror,
        transport: Transport,
        folder: Path,
        arches: Sequence[str],
        places: Places | None = None,
        scrutiny: Scrutiny | None = None,
    ) -> None:
        self.mirror = mirror
        self._transport = transport
        self._folder = MetadataFolder(folder)
        self._arches = tuple(arches)
        self._order = Order(mirror.name, transport, self._folder, places or Places((mirror.url,)))
        self._lookout = Lookout(transport, self._folder, self._order, scrutiny or Unwatched())
        self._seen: Look | None = None

    def revision(self) -> str:
        """The digest of repomd.xml, which one conditional request looks at. Raises UpstreamError where no place gives it."""
        self._order.find()
        if kept := self._folder.repomd():
            self._order.prefer(kept[0].url.removesuffix(f"/{REPOMD}"))  # the place that last answered can say "unchanged"
        self._seen = self._lookout.look()
        return f"sha256:{self._seen.seen.sha256}"

    def read(self) -> Catalogue:
        """Packages for the architectures and all errata. Raises UpstreamError.

        A file that no place gives as repomd.xml describes it may mean that the mirror has just changed: repomd.xml is fetched
        anew, once.
        """
        before = self._present()
        try:
            return self._catalogue(before)
        except UpstreamError:
            if not self._has_changed():
                raise
        return self._catalogue(self._present())

    def with_paths(self, catalogue: Catalogue, paths: frozenset[str]) -> Catalogue:
        """The catalogue with those of `paths` in Package.files that only filelists knows; fetched where there is such a path."""
        asked = beyond_primary(paths)
        record = self._brought("filelists") if asked else None
        if record is None:
            return catalogue
        source = self._source(record)
        with self._folder.unpacked(record, source=source) as chunks:
            found = read_filelists(chunks, asked, source=source)
        return replace(catalogue, packages=tuple(_with_files(package, found) for package in catalogue.packages))

    def changelogs(self, packages: Iterable[Package]) -> Mapping[NEVRA, tuple[ChangelogEntry, ...]]:
        """What these packages say of their changes, the newest first, where the repository has `other` metadata. Raises UpstreamError."""
        asked = {package.digest.value: package.nevra for package in packages if package.digest}
        record = self._brought("other") if asked else None
        if record is None:
            return {}
        source = self._source(record)
        with self._folder.unpacked(record, source=source) as chunks:
            found = read_other(chunks, frozenset(asked), source=source)
        return {asked[name]: entries for name, entries in found.items()}

    def places(self, package: Package) -> tuple[str, ...]:
        """Its file's URL at the eight best mirrors."""
        return tuple(place(base, package.location) for base in self.bases()[:_MOST_PLACES])

    def bases(self) -> tuple[str, ...]:
        """The URLs of all its mirrors, best first, without a slash at the end: what lies beside their repodata."""
        self._present()
        return self._order.bases

    def forget(self, _package: Package) -> None:
        """Nothing is remembered of single packages: the metadata's digests decide."""

    def metadata(self, kind: str) -> bytes | None:
        """A metadata file ("group", "modules", "updateinfo", "productid", …) unpacked; None where the repository has none."""
        record = self._brought(kind)
        if record is None:
            return None
        content = self._folder.content(record, source=self._source(record))
        if kind == "group":
            require_harmless(content, source=self._source(record))
        return content

    def _brought(self, kind: str) -> Record | None:
        """The record of a metadata file, which then is in the folder; None where the repository has none.

        Where no place has it as described, repomd.xml is fetched anew, once: it is used if it describes the same packages.
        """
        before = self._present()
        record = before.repomd.record(kind)
        if record is None:
            return None
        try:
            self._bring(record)
        except UpstreamError as error:
            if not self._has_changed():
                raise
            after = self._present().repomd
            if after.record("primary") != before.repomd.record("primary"):
                raise UpstreamError(f"{self.mirror.name}: changed while it was read; run again") from error
            if (record := after.record(kind)) is not None:
                self._bring(record)
        return record

    def _has_changed(self) -> bool:
        """Whether repomd.xml, fetched anew, is another one; that is the present one from then on."""
        before = self._seen
        self._seen = self._lookout.look(anew=True)
        return before is None or before.seen.sha256 != self._seen.seen.sha256

    def _catalogue(self, look: Look) -> Catalogue:
        repomd = look.repomd
        primary = self._read_primary(repomd)
        advisories, findings = self._read_advisories(repomd, primary.packages)
        self._folder.drop_all_but(repomd.records)
        findings = (*primary.findings, *findings)
        return Catalogue(self.mirror.name, primary.packages, advisories, findings=findings, edition=look.edition)

    def _read_primary(self, repomd: Repomd) -> Primary:
        record = repomd.record("primary")
        if record is None:
            raise UpstreamError(f"{self.mirror.name}: repomd.xml names no primary metadata; mirrorsync does not read sqlite alone")
        streams = self._read_modules(repomd)
        self._bring(record)
        source = self._source(record)
        with self._folder.unpacked(record, source=source) as chunks:
            return read_primary(chunks, source=source, wanted=lambda arch: installable(arch, self._arches), modules=streams)

    def _read_modules(self, repomd: Repomd) -> Mapping[tuple[str, ...], str]:
        record = repomd.record("modules")
        if record is None:
            return {}
        from mirrorsync.upstream.modules import read_modules  # noqa: PLC0415  most repositories have none, and YAML takes long to load

        self._bring(record)
        source = self._source(record)
        return read_modules(self._folder.content(record, source=source), source=source)

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
                self._folder.keep(record, body.chunks if record.size is not None else in_time(body.chunks, url), source=url)

        self._order.first(record.location, download)

    def _present(self) -> Look:
        while self._seen is None:
            self.revision()
        return self._seen

    def _source(self, record: Record) -> str:
        return f"{self.mirror.name}: {record.location}"


def _with_files(package: Package, found: Mapping[str, tuple[str, ...]]) -> Package:
    paths = found.get(package.digest.value, ()) if package.digest else ()
    return replace(package, files=tuple(dict.fromkeys((*package.files, *paths)))) if paths else package
