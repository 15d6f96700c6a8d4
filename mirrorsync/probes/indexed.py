"""What the indexes name, held against the files: present, whole, readable by nodes, and no name twice."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from mirrorsync.model.finding import Finding, Severity
from mirrorsync.model.package import Digest, IndexedPackage
from mirrorsync.model.version import NEVRA

_REFETCH = "run `mirrorsync update`, or copy it again from the distribution"
_OTHERS_READ = 0o004
_OTHERS_ENTER = 0o005


def presence_findings(root: Path, indexed: Iterable[IndexedPackage]) -> Iterator[Finding]:
    """Packages that the index names and that are missing or of another size: a node's install ends there."""
    for package in indexed:
        path = root / package.location
        if not path.is_file():
            yield Finding(Severity.ERROR, "missing-package", str(path), "the index names it, but it is not there", _REFETCH)
        elif path.stat().st_size != package.size:
            what = f"has {path.stat().st_size} bytes, the index says {package.size}"
            yield Finding(Severity.ERROR, "wrong-size", str(path), what, _REFETCH)


def digest_findings(root: Path, expected: Mapping[str, Digest]) -> Iterator[Finding]:
    """Files whose bytes are not those recorded; missing ones are `presence_findings`' business."""
    for location, digest in sorted(expected.items()):
        path = root / location
        if path.is_file() and (found := _digest(path, digest.algorithm)) != digest.value:
            what = f"{digest.algorithm} is {found[:16]}…, recorded was {digest.value[:16]}…"
            yield Finding(Severity.ERROR, "wrong-digest", str(path), what, _REFETCH)


def _digest(path: Path, algorithm: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha1" if algorithm == "sha" else algorithm).hexdigest()


def duplicate_findings(root: Path, indexed: Sequence[IndexedPackage], *, severity: Severity) -> Iterator[Finding]:
    """Names that the index has twice for one architecture: RHL 7.3 takes the first it meets, not the newest."""
    by_name: dict[tuple[str, str], list[NEVRA]] = defaultdict(list)
    for package in indexed:
        by_name[package.nevra.name, package.nevra.arch].append(package.nevra)
    for (name, arch), found in sorted(by_name.items()):
        if len(found) > 1:
            what = f"listed {len(found)} times: {', '.join(str(nevra) for nevra in sorted(found, key=lambda nevra: nevra.evr))}"
            same = len({nevra.key for nevra in found}) < len(found)
            remedy = "remove all but one of the files" if same else "run `mirrorsync update`: it keeps the newest"
            yield Finding(severity, "listed-twice", f"{root}: {name}.{arch}", what, remedy)


def name_findings(root: Path, indexed: Iterable[IndexedPackage], names: Iterable[str]) -> Iterator[Finding]:
    """Names that comps or a kickstart asks for and no package has: a traceback in RHL 7.3's installer."""
    for name in sorted(set(names) - {package.nevra.name for package in indexed}):
        what = "comps or a kickstart names this package, and the tree has none of that name"
        remedy = "add the package, or take the name out of comps or the kickstart"
        yield Finding(Severity.ERROR, "name-missing", f"{root}: {name}", what, remedy)


def mode_findings(root: Path, files: Iterable[str]) -> Iterator[Finding]:
    """Files and folders that a node, reading as an unprivileged user through root_squash, cannot read."""
    folders = {root}
    for name in files:
        path = root / name
        folders.add(path.parent)
        if path.is_file() and not path.stat().st_mode & _OTHERS_READ:
            yield _unreadable(path, "read", "0644")
    for folder in sorted(folders):
        if folder.is_dir() and folder.stat().st_mode & _OTHERS_ENTER != _OTHERS_ENTER:
            yield _unreadable(folder, "enter", "0755")


def _unreadable(path: Path, use: str, mode: str) -> Finding:
    what = f"mode {path.stat().st_mode & 0o777:04o}: nodes cannot {use} it"
    return Finding(Severity.ERROR, "unreadable", str(path), what, f"chmod {mode} {path}")
