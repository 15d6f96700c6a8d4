"""The installer's indexes of a tree: written for a new generation, and read as an installer does."""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mirrorsync.errors import HeaderError, PublishError
from mirrorsync.files import link_file, make_directory, remove_tree, write_file
from mirrorsync.model.choices import Layout
from mirrorsync.model.finding import Finding
from mirrorsync.model.package import IndexedPackage, Package
from mirrorsync.rpmfile.header import read_rpm
from mirrorsync.tree.cache import TreeCache
from mirrorsync.tree.hdlist import HdlistEntry, HdlistRecord, assemble, make_record, matcher_base, read_hdlist, read_pair
from mirrorsync.tree.layout import BASE, HDLIST, HDLIST2, REPOMD, RPMS, Shape, inside
from mirrorsync.tree.metadata import Carried, carried, carried_from_tree
from mirrorsync.tree.repodata import indexed_packages, metadata_files, write_repodata
from mirrorsync.tree.site import Tree
from mirrorsync.tree.treeinfo import treeinfo_findings

if TYPE_CHECKING:
    from mirrorsync.tree.contents import Contents  # which is made from what was read, by these indexes too

_PART = "hdlist"
_ERROR_TEXT = 300


def write_indexes(tree: Tree, contents: "Contents", cache: TreeCache, *, now: datetime, offered: Mapping[str, Sequence[Carried]]) -> None:
    """Write the indexes of `contents` into the tree's `building` folder, where the packages lie. Raises PublishError."""
    if tree.layout is Layout.REPODATA:
        for repository in tree.repositories:
            taken = carried(carried_from_tree(tree.path / repository), offered.get(repository, ()))
            packages, revision = _packages_in(repository, tree.shape, contents.listed), int(now.timestamp())
            write_repodata(tree.building / repository, packages, taken, compression=tree.compression, revision=revision, cache=cache)
    elif tree.genhdlist:
        _run_genhdlist(tree, contents.listed)
    else:
        _write_hdlists(tree, contents, cache)


def _packages_in(repository: str, shape: Shape, packages: Sequence[Package]) -> list[Package]:
    """Those of one repository, with their locations below it."""
    prefix = inside(repository, "")
    own = (package for package in packages if shape.repository_of(package.location) == repository)
    return [replace(package, location=package.location.removeprefix(prefix)) for package in own]


def _write_hdlists(tree: Tree, contents: "Contents", cache: TreeCache) -> None:
    try:
        records = _records(tree.building, contents.listed, cache)
    except HeaderError as error:
        raise PublishError(f"{tree.name}: hdlist cannot be written: {error}; nothing was published") from error
    discs, order = _numbers(tree.path / HDLIST, contents)
    pairs = list(assemble(records, base=matcher_base(records), discs=discs, order=order))
    make_directory(tree.building / BASE)
    write_file(tree.building / HDLIST, (main for main, _ in pairs))
    write_file(tree.building / HDLIST2, (files for _, files in pairs))


def _numbers(hdlist: Path, contents: "Contents") -> tuple[list[int] | None, dict[str, int] | None]:
    """The disc and order numbers of the present hdlist, handed on to what replaces a package; None where it has none."""
    try:
        present = {package.filename: package for package in read_hdlist(hdlist.read_bytes())}
    except (FileNotFoundError, HeaderError):
        return None, None
    replaced = {package.filename: _first_replaced(package, contents) for package in contents.listed}
    discs = [_disc(present.get(replaced[package.filename])) for package in contents.listed]
    order = {name: entry.order for name, old in replaced.items() if (entry := present.get(old)) and entry.order is not None}
    numbered = any(package.disc is not None for package in present.values())
    return (discs if numbered else None), (order or None)


def _first_replaced(package: Package, contents: "Contents") -> str:
    replaced = contents.replaced.get(package.location, ())
    return replaced[0].rpartition("/")[2] if replaced else package.filename


def _disc(entry: HdlistEntry | None) -> int:
    return (entry.disc if entry else None) or 1


def _records(root: Path, packages: Sequence[Package], cache: TreeCache) -> list[HdlistRecord]:
    """Each package's hdlist records, made from its header only where the cache has none."""

    def make(package: Package) -> HdlistRecord:
        return make_record(read_rpm(root / package.location), package.filename, package.size)

    return cache.made(_PART, packages, read=HdlistRecord.from_bytes, make=make, pack=HdlistRecord.to_bytes)


def _run_genhdlist(tree: Tree, packages: Sequence[Package]) -> None:
    """The configured command on a folder that lists no grace copies: genhdlist indexes whatever lies in RedHat/RPMS."""
    stage = tree.genhdlist_stage
    remove_tree(stage)
    for package in packages:
        link_file(tree.building / package.location, stage / RPMS / package.filename)
    make_directory(stage / BASE)
    try:
        result = subprocess.run([*tree.genhdlist, str(stage)], capture_output=True, text=True, errors="replace", check=False)
    except OSError as error:
        raise PublishError(f"{tree.name}: {tree.genhdlist[0]}: {error.strerror}; correct `genhdlist`; nothing was published") from error
    if result.returncode != 0:
        said = result.stderr.strip()[-_ERROR_TEXT:]
        raise PublishError(f"{tree.name}: {tree.genhdlist[0]} ended with {result.returncode}: {said}; nothing was published")
    make_directory(tree.building / BASE)
    for index in (HDLIST, HDLIST2):
        if not (stage / index).is_file():
            raise PublishError(f"{tree.name}: {tree.genhdlist[0]} wrote no {index}; nothing was published")
        write_file(tree.building / index, (stage / index).read_bytes())
    remove_tree(stage)


def stale(tree: Tree, packages: Sequence[Package]) -> str | None:
    """Why the tree's indexes have to be made anew although its packages stay; None where they list just those."""
    try:
        indexed = {package.location: package.size for package in read_indexes(tree.shape, tree.path)}
    except PublishError as error:
        return str(error)
    held = {package.location: package.size for package in packages}
    differing = sorted(location for location in held.keys() | indexed.keys() if held.get(location) != indexed.get(location))
    if not differing:
        return next((finding.where + " " + finding.what for finding in _treeinfo_findings(tree)), None)
    more = f" and {len(differing) - 1} more" if differing[1:] else ""
    return f"the indexes and the files differ in {differing[0]}{more}"


def _treeinfo_findings(tree: Tree) -> Iterator[Finding]:
    return treeinfo_findings(tree.path) if tree.layout is Layout.REPODATA else iter(())


def read_indexes(shape: Shape, root: Path) -> tuple[IndexedPackage, ...]:
    """The packages that the indexes at `root` list, in their order. Raises PublishError where an installer could not read them."""
    if shape.layout is Layout.REPODATA:
        return tuple(
            replace(package, location=inside(repository, package.location))
            for repository in shape.repositories
            for package in indexed_packages(root / repository)
        )
    try:
        pair = read_pair((root / HDLIST).read_bytes(), (root / HDLIST2).read_bytes())
    except HeaderError as error:
        raise PublishError(f"{root / BASE}: {error}") from error
    except OSError as error:
        raise PublishError(f"{error.filename}: cannot be read: {error.strerror}") from error
    return tuple(IndexedPackage(f"{RPMS}/{package.filename}", package.size, package.nevra) for package in pair)


def index_files(shape: Shape, root: Path) -> tuple[str, ...]:
    """The index files at `root` that an installer reads, by path below it. Raises PublishError where they cannot be known."""
    if shape.layout is Layout.REDHAT:
        return (HDLIST, HDLIST2)
    return tuple(inside(repository, name) for repository in shape.repositories for name in (REPOMD, *metadata_files(root / repository)))
