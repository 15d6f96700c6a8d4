"""A tree on disk read as a catalogue, opening only the files that earlier runs have not read."""

import hashlib
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from mirrorsync.errors import HeaderError, TreeError
from mirrorsync.files import FileIdentity, sha256_of, walk_files
from mirrorsync.model.catalogue import Catalogue
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.model.generation import FileRecord, GraceCopy
from mirrorsync.model.package import Digest, Package
from mirrorsync.rpmfile.header import read_rpm
from mirrorsync.rpmfile.package import describe, paths
from mirrorsync.tree.cache import CachedFile, TreeCache
from mirrorsync.tree.comps import listed_names
from mirrorsync.tree.journal import read_record
from mirrorsync.tree.layout import STAMP, is_package
from mirrorsync.tree.site import Tree

_READERS = 4


@dataclass(frozen=True, slots=True)
class Scan:
    """Every file below a tree's root, by path, as stat(2) tells it; the stamp is left out."""

    files: Mapping[str, FileIdentity]

    @property
    def fingerprint(self) -> str:
        """A digest that changes when any file's path, size, time or inode does."""
        lines = (f"{file.path}\0{file.size}\0{file.mtime_ns}\0{file.inode}\n" for file in self.files.values())
        return hashlib.sha256("".join(lines).encode(errors="surrogateescape")).hexdigest()


@dataclass(frozen=True, slots=True)
class Holding:
    """What a tree holds: its listed packages as a catalogue, all its files, and which of them are grace copies."""

    catalogue: Catalogue
    files: tuple[FileRecord, ...]
    grace: tuple[GraceCopy, ...]


def scan(tree: Tree) -> Scan:
    """Look at every file's size and time, opening none. Raises TreeError where there is no tree."""
    if tree.path.is_symlink() or not tree.path.is_dir():
        raise TreeError(f"{tree.name}: {tree.path}: not a directory; set [trees.{tree.name}] path to the directory nodes mount")
    files = {}
    for name, entry in walk_files(tree.path):
        if name != STAMP:
            status = entry.stat(follow_symlinks=False)
            files[name] = FileIdentity(name, status.st_size, status.st_mtime_ns, status.st_ino)
    return Scan(dict(sorted(files.items())))


def read_tree(tree: Tree, seen: Scan, cache: TreeCache) -> Holding:
    """Read what `seen` has and the cache lacks, and describe the whole tree."""
    known = cache.files()
    fresh = [file for file in seen.files.values() if file.path not in known or known[file.path].identity != file]
    read = _read_files(tree, fresh, cache)
    cache.remember(read.values())
    cache.forget_all_but(seen.files)
    files = {path: read.get(path) or known[path] for path in seen.files}
    return _holding(tree, files)


def with_paths(catalogue: Catalogue, wanted: frozenset[str], cache: TreeCache) -> Catalogue:
    """The same catalogue, its packages' `files` completed by those of the `wanted` paths that they have."""
    owners = cache.owners(wanted) if wanted else {}
    return replace(catalogue, packages=tuple(_completed(package, owners) for package in catalogue.packages))


def _completed(package: Package, owners: Mapping[str, frozenset[str]]) -> Package:
    own = owners.get(package.digest.value if package.digest else "")
    return replace(package, files=tuple(sorted({*package.files, *own}))) if own else package


def _read_files(tree: Tree, fresh: Iterable[FileIdentity], cache: TreeCache) -> Mapping[str, CachedFile]:
    with ThreadPoolExecutor(_READERS) as readers:
        results = list(readers.map(lambda file: read_file(tree, tree.path / file.path, file), fresh))
    cache.remember_paths({file.sha256: names for file, names in results if names})
    return {file.identity.path: file for file, _ in results}


def read_file(tree: Tree, path: Path, identity: FileIdentity) -> tuple[CachedFile, tuple[str, ...]]:
    """One file's digest and, of a package, its description and all its paths. Raises TreeError where it cannot be opened."""
    if path.is_symlink():
        target = str(path.readlink())
        digest = hashlib.sha256(target.encode(errors="surrogateescape")).hexdigest()
        return CachedFile(identity, digest, problem=f"a symbolic link to {target}"), ()
    try:
        sha256 = sha256_of(path)
        if not is_package(tree.layout, identity.path):
            return CachedFile(identity, sha256), ()
        headers = read_rpm(path)
        package = describe(headers, location=identity.path, size=identity.size, digest=Digest("sha256", sha256))
        return CachedFile(identity, sha256, package), tuple(paths(headers))
    except HeaderError as error:
        return CachedFile(identity, sha256, problem=str(error)), ()
    except OSError as error:
        raise TreeError(f"{path}: cannot be read: {error.strerror}; nothing was changed") from error


def _holding(tree: Tree, files: Mapping[str, CachedFile]) -> Holding:
    number = tree.stamp()
    grace = tuple(copy for copy in (read_record(tree.journal, number).grace if number is not None else ()) if copy.path in files)
    copies = {copy.path for copy in grace}
    listed = [file for path, file in files.items() if path not in copies]
    catalogue = Catalogue(
        origin=tree.name,
        packages=tuple(file.package for file in listed if file.package),
        listed_names=listed_names(tree.path, tree.layout, tree.arches, tree.kickstarts),
        findings=tuple(_damaged(tree, file) for file in listed if file.problem and is_package(tree.layout, file.identity.path)),
    )
    records = tuple(FileRecord(path, file.identity.size, file.sha256) for path, file in files.items())
    return Holding(catalogue, records, grace)


def _damaged(tree: Tree, file: CachedFile) -> Finding:
    return Finding(
        Severity.ERROR, "damaged-package", f"{tree.name}: {file.identity.path}", f"not a package that can be read: {file.problem}",
        "replace it from the distribution's discs or mirror, or remove it",
    )
