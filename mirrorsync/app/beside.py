"""What else lies beside a tree: the pool and the cache held against the bytes they speak of, and what mirrorsync did not put there."""

import re
from collections.abc import Iterator
from pathlib import Path

from mirrorsync.errors import TreeError
from mirrorsync.files import identity, walk_files
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.report.text import size_text
from mirrorsync.tree import journal
from mirrorsync.tree.cache import TreeCache
from mirrorsync.tree.forerunners import bytes_alone, left_over
from mirrorsync.tree.inspection import Depth, Inspection
from mirrorsync.tree.site import Tree, numbered

_POOLED = re.compile(r"[0-9a-f]{2}/([0-9a-f]{64})")


def foreign_findings(tree: Tree) -> Iterator[Finding]:
    """What mirrorsync did not put beside the tree."""
    own = {path.name for path in tree.places}
    kept = [path for folder in (tree.generations, tree.retired) if folder.is_dir() for path in folder.iterdir()]
    known = {str(number) for number in journal.numbers(tree.journal)}
    farms = [path for path in kept if path.name not in known]
    records = [path for path in tree.journal.glob("*") if not _is_record(path)]
    others = [path for path in tree.home.iterdir() if path.name not in own and not path.name.endswith(".new")]
    for path in sorted([*others, *farms, *records]):
        yield Finding(Severity.WARNING, "foreign-file", str(path), "is nothing that mirrorsync put there", "remove it")
    yield from _forerunner_findings(tree)
    if tree.discarded.is_symlink():
        yield Finding(Severity.ERROR, "foreign-file", str(tree.discarded), "a symbolic link, which is not followed", "remove it")


def _forerunner_findings(tree: Tree) -> Iterator[Finding]:
    """Directories that the tree's link led to before generations, and what removing them frees: whoever made them removes them."""
    for path, forerunner in left_over(tree):
        size = size_text(bytes_alone(path))
        what = f"the tree's link led there before generation {forerunner.successor}, and does no more: {size} have no other name"
        remedy = f"remove it{_grace_text(tree, forerunner.successor)} when no install from it is going on"
        yield Finding(Severity.NOTE, "forerunner-left", str(path), what, remedy)


def _grace_text(tree: Tree, successor: int) -> str:
    """When the grace of what a generation replaced is over; '' where its record does not tell."""
    try:
        return f" after {journal.read_record(tree.journal, successor).published + tree.grace:%Y-%m-%d %H:%M} UTC,"
    except TreeError:
        return ""


def _is_record(path: Path) -> bool:
    """Or what is about to be one."""
    return path.suffix == ".new" or (path.suffix in (".json", ".files") and bool(numbered([path.stem])))


def pool_findings(tree: Tree, inspection: Inspection, depth: Depth) -> Iterator[Finding]:
    """Files of the pool that are not what their names say."""
    for name, _ in walk_files(tree.pool) if tree.pool.is_dir() else ():
        path = tree.pool / name
        pooled = _POOLED.fullmatch(name)
        if name.startswith("incoming/"):
            continue
        if not pooled:
            yield Finding(Severity.WARNING, "pool-changed", str(path), "is nothing that mirrorsync put there", "remove it")
        elif inspection.digest(path, depth) not in (None, pooled[1]):
            yield Finding(Severity.WARNING, "pool-changed", str(path), "is not what its name, its SHA-256, says", "remove it")


def cache_findings(tree: Tree, cache: TreeCache, inspection: Inspection) -> Iterator[Finding]:
    """Whether what earlier runs read of unchanged files is what they hold."""
    for file in cache.files().values():
        path = tree.path / file.identity.path
        if path.is_file() and identity(path, file.identity.path) == file.identity and inspection.digest(path, Depth.BYTES) != file.sha256:
            what = f"has another digest of {file.identity.path} than its bytes have"
            yield Finding(Severity.WARNING, "cache-wrong", str(tree.cache), what, "remove it: it is made anew")
            return
