"""One tree with everything the use cases need to know about it, put together from the configuration."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mirrorsync.model.catalogue import Catalogue
from mirrorsync.model.package import Package
from mirrorsync.model.policy import Policy
from mirrorsync.tree.site import Tree
from mirrorsync.upstream.transport import Transport


class Upstream(Protocol):
    """An update mirror as the use cases see it: a listing or a repository."""

    @property
    def name(self) -> str:
        """What messages and plans call it: its URL without credentials."""

    def revision(self) -> str:
        """A digest of what it offers now, from one cheap look."""

    def read(self) -> Catalogue:
        """All it offers that the tree's machines could install."""

    def with_paths(self, catalogue: Catalogue, paths: frozenset[str]) -> Catalogue:
        """The catalogue with `Package.files` completed for these paths."""

    def places(self, package: Package) -> tuple[str, ...]:
        """URLs of a package's file, best first."""

    def metadata_files(self) -> tuple[tuple[str, Path], ...]:
        """(type, file) of its group, modules, updateinfo and productid metadata."""


@dataclass(frozen=True, slots=True)
class Source:
    """An upstream, how to fetch from it, and how to judge what it sends."""

    upstream: Upstream
    transport: Transport
    verify: Callable[[Path, Package], str | None]
    connections: int


@dataclass(frozen=True, slots=True)
class Export:
    """How nodes mount the tree: the path they ask for, and who they are (a network or host pattern of exports(5))."""

    path: str
    clients: str | None


@dataclass(frozen=True, slots=True)
class Site:
    """A tree and what was decided about it. `boot_directory` is where linux.1 and linux.2 go, None for nowhere."""

    tree: Tree
    policy: Policy
    boot_directory: Path | None = None
    export: Export | None = None
