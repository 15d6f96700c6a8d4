"""A new generation built beside the tree out of links and new indexes, and checked as an installer would read it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path, PurePosixPath

from mirrorsync.errors import PublishError
from mirrorsync.files import carry, clone_directories, identity, link_file, make_directory, open_to_others, remove_tree, walk_files
from mirrorsync.model.choices import Layout
from mirrorsync.model.generation import FileRecord, GraceCopy
from mirrorsync.model.plan import Plan
from mirrorsync.tree.cache import TreeCache
from mirrorsync.tree.contents import Contents
from mirrorsync.tree.indexes import index_files, read_indexes, write_indexes
from mirrorsync.tree.layout import REPODATA, STAMP
from mirrorsync.tree.metadata import Carried
from mirrorsync.tree.pool import Pool
from mirrorsync.tree.publication import write_stamp
from mirrorsync.tree.reading import Scan, content_digest, read_file, scan
from mirrorsync.tree.site import Tree
from mirrorsync.tree.treeinfo import carry_treeinfo


def build(
    tree: Tree, number: int, contents: Contents, pool: Pool, cache: TreeCache, *, now: datetime, offered: Mapping[str, Sequence[Carried]]
) -> None:
    """Build generation `number` at the tree's `building` folder. `offered` is the mirrors' metadata, by repository.

    The stamp comes first, so that what is half built is known for what it is. Raises PublishError, OSError; the tree is untouched.
    """
    remove_tree(tree.building)
    make_directory(tree.building)
    write_stamp(tree.building, number)
    clone_directories(tree.path, tree.building)
    if tree.layout is Layout.REPODATA:
        for repository in tree.repositories:
            remove_tree(tree.building / repository / REPODATA)
    old, new = tree.path, tree.building
    for record in contents.kept:
        carry(old / record.path, new / record.path, read_by_nodes=tree.shape.is_package(record.path))
    for arrival in contents.arrivals:
        link_file(pool.path_of(arrival.sha256), tree.building / arrival.path)
    for folder in _read_by_nodes(contents):
        open_to_others(tree.building / folder)
    _remember_arrivals(tree, contents, cache)
    write_indexes(tree, contents, cache, now=now, offered=offered)
    if tree.layout is Layout.REPODATA:
        carry_treeinfo(old, new, contents.treeinfo)
    for record in contents.outdated:  # after the indexes, whose writer would write through a link that has the name of one of its files
        if not (new / record.path).exists():
            link_file(old / record.path, new / record.path)


def require_unchanged(tree: Tree, seen: Scan, files: Iterable[FileRecord]) -> None:
    """Raises PublishError where the tree's files are not those that were read: what somebody did meanwhile would be lost, or published.

    files: what was read of those in `seen`.
    """
    present, read = scan(tree).files, {record.path: record.sha256 for record in files}
    for path in sorted(present.keys() | seen.files.keys()):
        if present.get(path) == seen.files.get(path):
            continue
        if path not in present or path not in seen.files or content_digest(tree.path / path) != read.get(path):
            what = "changed by hand while the generation was built; run it again"
            raise PublishError(f"{tree.name}: {path}: {what}; nothing was published")


def _read_by_nodes(contents: Contents) -> list[str]:
    """The folders on the way to the packages, the tree's own first."""
    holding = {package.location.rpartition("/")[0] for package in contents.listed}
    return sorted({str(folder) for name in holding for folder in (PurePosixPath(name), *PurePosixPath(name).parents)})


def _remember_arrivals(tree: Tree, contents: Contents, cache: TreeCache) -> None:
    """What was fetched is read now, so that the next run opens only what changed."""
    read = [
        read_file(tree, tree.building / arrival.path, identity(tree.building / arrival.path, arrival.path)) for arrival in contents.arrivals
    ]
    for arrival, (file, _) in zip(contents.arrivals, read, strict=True):
        if file.sha256 != arrival.sha256:
            what = "changed in the pool since it was verified; run it again"
            raise PublishError(f"{tree.name}: {arrival.path}: {what}; nothing was published")
    cache.remember(file for file, _ in read)
    cache.remember_paths({file.sha256: names for file, names in read})


def verify(tree: Tree, contents: Contents, plan: Plan, needed: frozenset[str]) -> None:
    """Read the new indexes as an installer does: readable, paired, complete, every file there with its size.

    `needed` are the names that comps and kickstarts ask for: none that the present indexes have may be lost to damage.
    Raises PublishError naming the first fault.
    """
    indexed = {package.location: package.size for package in read_indexes(tree.shape, tree.building)}
    wanted = {package.location: package.size for package in contents.listed}
    for location in sorted(wanted.keys() ^ indexed.keys()):
        fault = "missing from the new indexes" if location in wanted else "in the new indexes, but not in the plan"
        raise PublishError(f"{tree.name}: {location}: {fault}; nothing was published")
    building = tree.building
    for location, size in sorted(indexed.items()):
        path = building / location
        if not path.is_file() or not size == wanted[location] == path.stat().st_size:
            raise PublishError(f"{tree.name}: {location}: not the file that the new indexes name; nothing was published")
    for name in sorted(needed & _lost(tree, contents, plan) if needed else ()):
        what = "comps or a kickstart names it, and no file of it can be read any more"
        raise PublishError(f"{tree.name}: {name}: {what}; restore it from the distribution; nothing was published")


def _lost(tree: Tree, contents: Contents, plan: Plan) -> set[str]:
    """Names that the present indexes have, the new ones have not, and the plan says nothing of."""
    try:
        present = {package.nevra.name for package in read_indexes(tree.shape, tree.path)}
    except PublishError:
        return set()
    return present - {package.name for package in contents.listed} - {entry.package.name for entry in plan.outgoing}


def files_of(tree: Tree, contents: Contents, cache: TreeCache) -> tuple[FileRecord, ...]:
    """Every file of what was just built, for the journal, sorted by path. Raises PublishError for one that nobody planned."""
    known = {record.path: record for record in contents.kept}
    known |= {arrival.path: FileRecord(arrival.path, arrival.size, arrival.sha256) for arrival in contents.arrivals}
    made = [_read_made(tree, name, cache) for name, _ in walk_files(tree.building) if name not in known and name != STAMP]
    return tuple(sorted([*known.values(), *made], key=lambda record: record.path))


def _read_made(tree: Tree, name: str, cache: TreeCache) -> FileRecord:
    if not tree.shape.is_index(name):
        raise PublishError(f"{tree.name}: {name}: not expected in the new generation; nothing was published")
    file, _ = read_file(tree, tree.building / name, identity(tree.building / name, name))
    cache.remember([file])
    return FileRecord(name, file.identity.size, file.sha256)


def unlisted(tree: Tree, grace: Sequence[GraceCopy], root: Path) -> tuple[GraceCopy, ...]:
    """The copies that the indexes at `root` really do not name: metadata that did not change has the name it had."""
    listed = set(index_files(tree.shape, root))
    return tuple(copy for copy in grace if copy.path not in listed)


def new_bytes(files: Sequence[FileRecord], former: Sequence[FileRecord]) -> int:
    """How many bytes `files` have that `former` has not, under whatever name."""
    known = {record.sha256 for record in former}
    return sum({record.sha256: record.size for record in files if record.sha256 not in known}.values())
