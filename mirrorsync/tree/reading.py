"""A tree on disk read as a catalogue, opening only the files that earlier runs have not read."""

import hashlib
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from mirrorsync.errors import HeaderError, PublishError, TreeError
from mirrorsync.files import FileIdentity, sha256_of, walk_files
from mirrorsync.model.catalogue import Catalogue
from mirrorsync.model.choices import Layout
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.model.generation import FileRecord, GraceCopy
from mirrorsync.model.package import Digest, Package
from mirrorsync.rpmfile.header import read_rpm
from mirrorsync.rpmfile.package import describe, paths
from mirrorsync.tree.cache import CachedFile, TreeCache
from mirrorsync.tree.comps import listed_names
from mirrorsync.tree.indexes import index_files, read_indexes
from mirrorsync.tree.journal import newest, recorded
from mirrorsync.tree.layout import STAMP
from mirrorsync.tree.site import Tree
from mirrorsync.tree.ways import check_path

_READERS = 4


@dataclass(frozen=True, slots=True)
class Scan:
    """Every file below a tree's root, by path, as stat(2) tells it; links to files as what they point to; the stamp is left out.

    special: what is neither file nor link: it is never read, and not carried into new generations.
    """

    files: Mapping[str, FileIdentity]
    special: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """A digest that changes when any file's path, size, time or inode does."""
        lines = (f"{file.path}\0{file.size}\0{file.mtime_ns}\0{file.inode}\0{file.target}\n" for file in self.files.values())
        return hashlib.sha256("".join(lines).encode(errors="surrogateescape")).hexdigest()


@dataclass(frozen=True, slots=True)
class Holding:
    """What a tree holds: its listed packages as a catalogue, all its files, and which of them are grace copies."""

    catalogue: Catalogue
    files: tuple[FileRecord, ...]
    grace: tuple[GraceCopy, ...]


def scan(tree: Tree) -> Scan:
    """Look at every file's size and time, opening none. Raises TreeError where there is no tree."""
    check_path(tree)
    files: dict[str, FileIdentity] = {}
    special: list[str] = []
    for name, entry in walk_files(tree.path):
        if entry.is_symlink() or entry.is_file():
            status = entry.stat(follow_symlinks=entry.is_file())
            target = str(Path(entry).readlink()) if entry.is_symlink() else ""
            files[name] = FileIdentity(name, status.st_size, status.st_mtime_ns, status.st_ino, target)
        else:
            special.append(name)
    files.pop(STAMP, None)
    return Scan(dict(sorted(files.items())), tuple(sorted(special)))


def read_tree(tree: Tree, seen: Scan, cache: TreeCache) -> Holding:
    """Read what `seen` has and the cache lacks, and describe the whole tree."""
    known, listed, shape = cache.files(), cache.with_paths(), tree.shape
    fresh = [file for file in seen.files.values() if not _is_known(known.get(file.path), file, listed, package=shape.is_package(file.path))]
    read = _read_files(tree, fresh, cache)
    cache.remember(found for found in read.values() if not found.identity.target)  # a link is read each time
    cache.forget_all_but(seen.files)
    files = {path: read.get(path) or known[path] for path in seen.files}
    return _holding(tree, files, seen.special)


def _is_known(cached: CachedFile | None, file: FileIdentity, listed: frozenset[str], *, package: bool) -> bool:
    """Whether all that is to be known of a file is: of a package, its file list too; and whether it was read as what it now counts as."""
    if cached is None or cached.identity != file or package != bool(cached.package or cached.problem):
        return False
    return not cached.package or cached.sha256 in listed


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
    cache.remember_paths({file.sha256: names for file, names in results if file.package})
    return {file.identity.path: file for file, _ in results}


def read_file(tree: Tree, path: Path, known: FileIdentity) -> tuple[CachedFile, tuple[str, ...]]:
    """One file's digest and, of a package, its description and all its paths. Raises TreeError where it cannot be opened."""
    package = tree.shape.is_package(known.path)
    if path.is_symlink() and not (package and path.is_file()):
        problem = f"a symbolic link to {path.readlink()}, where no file is" if package else None
        return CachedFile(known, content_digest(path), problem=problem), ()
    try:
        sha256 = sha256_of(path)
        if not package:
            return CachedFile(known, sha256), ()
        if tree.layout is Layout.REPODATA and not _is_text(known.path):
            return CachedFile(known, sha256, problem="its name is not UTF-8, and repodata can name no other"), ()
        headers = read_rpm(path)
        described = describe(headers, location=known.path, size=known.size, digest=Digest("sha256", sha256))
        return CachedFile(known, sha256, described), tuple(paths(headers))
    except HeaderError as error:
        return CachedFile(known, sha256, problem=str(error)), ()
    except OSError as error:
        raise TreeError(f"{path}: cannot be read: {error.strerror}; mend it or remove it; nothing was changed") from error


def content_digest(path: Path) -> str:
    """The SHA-256 of a file's bytes; of a symbolic link, of what it says, wherever that leads."""
    return sha256_of(path) if not path.is_symlink() else hashlib.sha256(str(path.readlink()).encode(errors="surrogateescape")).hexdigest()


def _is_text(name: str) -> bool:
    return name == name.encode(errors="replace").decode()


def _holding(tree: Tree, files: Mapping[str, CachedFile], special: Iterable[str]) -> Holding:
    grace = _grace(tree, files)
    copies = {copy.path for copy in grace}
    listed = [file for path, file in files.items() if path not in copies]
    packages = tuple(file.package for file in listed if file.package)
    if not packages:
        raise TreeError(f"{tree.name}: {tree.path}: no package in it; is the path right, and the layout {tree.layout.value}?")
    findings = [_damaged(tree, file) for file in listed if file.problem and tree.shape.is_package(file.identity.path)]
    findings += [_special(tree, name) for name in special]
    names = listed_names(tree.path, tree.layout, tree.arches, tree.kickstarts)
    catalogue = Catalogue(tree.name, packages, listed_names=names, findings=tuple(findings))
    records = tuple(FileRecord(path, file.identity.size, file.sha256) for path, file in sorted(files.items()))
    return Holding(catalogue, records, grace)


def _grace(tree: Tree, files: Mapping[str, CachedFile]) -> tuple[GraceCopy, ...]:
    """The copies that the tree's record says are unlisted; where it has none, those of the newest record that its indexes do not list."""
    record, present = newest(tree), recorded(tree)
    copies = tuple(copy for copy in (record.grace if record else ()) if copy.path in files)
    if present == record:
        return copies
    try:
        listed = {package.location for package in read_indexes(tree.shape, tree.path)} | set(index_files(tree.shape, tree.path))
    except PublishError:
        return ()
    return tuple(copy for copy in copies if copy.path not in listed)


def _special(tree: Tree, name: str) -> Finding:
    what = "neither file nor directory nor link; new generations are made without it"
    return Finding(Severity.WARNING, "special-file", f"{tree.name}: {name}", what, "remove it")


def _damaged(tree: Tree, file: CachedFile) -> Finding:
    return Finding(
        Severity.ERROR,
        "damaged-package",
        f"{tree.name}: {file.identity.path}",
        f"not a package that can be read: {file.problem}",
        "replace it from the distribution's discs or mirror, or remove it",
    )
