"""The packages that a tree holds or an upstream offers, as values."""

from dataclasses import dataclass

from mirrorsync.model.advisory import Advisory
from mirrorsync.model.finding import Finding
from mirrorsync.model.package import Package


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What one reading of a tree or of an upstream found.

    origin: the tree's name, or the upstream's URL without credentials: what messages call it.
    packages: sorted by location.
    listed_names: package names that comps or a kickstart file names and the tree must keep.
    findings: damaged or foreign files met while reading.
    """

    origin: str
    packages: tuple[Package, ...]
    advisories: tuple[Advisory, ...] = ()
    listed_names: frozenset[str] = frozenset()
    findings: tuple[Finding, ...] = ()
