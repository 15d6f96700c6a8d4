"""What a tree's own packages say of their changes, read from their headers when it is asked."""

from collections.abc import Iterable, Mapping

from mirrorsync.errors import HeaderError
from mirrorsync.model.changelog import ChangelogEntry
from mirrorsync.model.package import Package
from mirrorsync.model.version import NEVRA
from mirrorsync.rpmfile.changelog import changelog
from mirrorsync.rpmfile.header import read_rpm
from mirrorsync.tree.site import Tree


def held_changelogs(tree: Tree, packages: Iterable[Package]) -> Mapping[NEVRA, tuple[ChangelogEntry, ...]]:
    """The newest entries first; of a file that cannot be read, nothing."""
    found: dict[NEVRA, tuple[ChangelogEntry, ...]] = {}
    for package in packages:
        try:
            found[package.nevra] = changelog(read_rpm(tree.path / package.location).main)
        except HeaderError:
            continue
    return found
