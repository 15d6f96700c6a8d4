"""One tree and its update mirrors, as the use cases work with them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from mirrorsync.app.vigilance import Vigil
from mirrorsync.boot.staging import Staging
from mirrorsync.model.catalogue import Catalogue
from mirrorsync.model.changelog import ChangelogEntry
from mirrorsync.model.choices import Images
from mirrorsync.model.package import Package
from mirrorsync.model.pending import Urgency, WaiverRule
from mirrorsync.model.policy import Policy
from mirrorsync.model.version import NEVRA
from mirrorsync.tree.site import Tree
from mirrorsync.upstream.fetch import Verify
from mirrorsync.upstream.mirror import Mirror
from mirrorsync.upstream.transport import Transport


class Upstream(Protocol):
    """An update mirror: a listing or a repository. Every method raises UpstreamError."""

    mirror: Mirror

    def revision(self) -> str:
        """A digest of what it offers now, from one cheap look."""

    def read(self) -> Catalogue:
        """All it offers that the tree's machines could install; its origin is the mirror's name."""

    def with_paths(self, catalogue: Catalogue, paths: frozenset[str], /) -> Catalogue:
        """The catalogue with `Package.files` completed for these paths."""

    def places(self, package: Package) -> tuple[str, ...]:
        """URLs of a package's file, best first."""

    def changelogs(self, packages: Iterable[Package], /) -> Mapping[NEVRA, tuple[ChangelogEntry, ...]]:
        """What these packages say of their own changes, the newest first; those that say nothing may be left out."""

    def bases(self) -> tuple[str, ...]:
        """URLs of the folder that has all it offers, best first."""

    def forget(self, package: Package) -> None:
        """Look at a package anew next time: its file was another than what was read of it says."""

    def metadata(self, kind: str) -> bytes | None:
        """Its "group", "modules", "updateinfo" or "productid" metadata, unpacked; None where it has none."""


@dataclass(frozen=True, slots=True)
class Source:
    """An upstream, the door to it, what judges the signatures of its packages, what was seen of it before, which of them are
    wanted (yum's globs), into which of the tree's repositories they go, and what is done about its boot images.
    """

    upstream: Upstream
    transport: Transport
    verify: Verify
    vigil: Vigil
    exclude: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    repository: str = ""
    images: Images = Images.IGNORE


@dataclass(frozen=True, slots=True)
class Export:
    """That nodes mount the tree by NFS, and who they are: clients of exports(5); () for whoever is let in.

    nfs: the URL of what they mount, None where nobody said.  versions: of NFS.
    """

    clients: tuple[str, ...]
    nfs: str | None = None
    versions: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class BootPlace:
    """Where boot sets go. tftp: the URL of that directory as nodes ask for it.  log: the TFTP server's. None where nobody said."""

    staging: Staging
    tftp: str | None = None
    log: Path | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """A tree and what was decided about it. boot: None where nothing is staged.

    urls: the tree's own, as nodes use them.  access_log: of the server behind them, None where nobody said.
    unsigned: the update mirrors whose packages need not be signed.
    texts: where advisories of the distributor lie as texts.
    targets: by when errata are to be published, from their issue on.  waivers: what may be late; ended ones too.
    """

    tree: Tree
    policy: Policy
    boot: BootPlace | None = None
    export: Export | None = None
    urls: tuple[str, ...] = ()
    unsigned: tuple[str, ...] = ()
    texts: tuple[Path, ...] = ()
    targets: Mapping[Urgency, timedelta] = field(default_factory=dict)
    waivers: tuple[WaiverRule, ...] = ()
    access_log: Path | None = None
