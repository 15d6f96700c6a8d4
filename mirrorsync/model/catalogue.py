"""The packages that a tree holds or an upstream offers, as values."""

from dataclasses import dataclass

from mirrorsync.model.advisory import Advisory
from mirrorsync.model.finding import Finding
from mirrorsync.model.package import Package
from mirrorsync.model.view import Edition


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What one reading of a tree or of an upstream found.

    origin: the tree's name, or the upstream's URL without credentials: what messages call it.
    packages: sorted by location.
    listed_names: package names that comps or a kickstart file names and the tree must keep.
    findings: damaged or foreign files met while reading.
    edition: the metadata that this was read from, None where there are none.
    """

    origin: str
    packages: tuple[Package, ...]
    advisories: tuple[Advisory, ...] = ()
    listed_names: frozenset[str] = frozenset()
    findings: tuple[Finding, ...] = ()
    edition: Edition | None = None
