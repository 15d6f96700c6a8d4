"""What lies beside a tree, and the tree, held against the journal: the chain of records, every kept generation, the pool, the cache."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from mirrorsync.errors import TreeError
from mirrorsync.files import identity, walk_files
from mirrorsync.model.edit import Edit, EditKind
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.model.generation import FileRecord
from mirrorsync.tree import journal
from mirrorsync.tree.cache import TreeCache
from mirrorsync.tree.inspection import Depth, Inspection
from mirrorsync.tree.layout import STAMP
from mirrorsync.tree.site import Tree

_POOLED = re.compile(r"[0-9a-f]{2}/([0-9a-f]{64})")


def records_findings(tree: Tree, *, deep: bool) -> Iterator[Finding]:
    """Whatever is not as it was recorded; nothing for a tree that was never published here. `deep`: every byte is read."""
    numbers = journal.numbers(tree.journal)
    if not numbers and tree.stamp() is None:
        return
    with TreeCache(tree.cache) as cache:
        inspection = Inspection(cache)
        yield from _chain_findings(tree, numbers)
        yield from _tree_findings(tree, inspection, Depth.BYTES if deep else Depth.CHANGED)
        for number in tree.kept_generations():
            yield from _generation_findings(tree, number, inspection, Depth.BYTES if deep else Depth.SIZES)
        yield from _pool_findings(tree, inspection, Depth.BYTES if deep else Depth.SIZES)
        if deep:
            yield from _cache_findings(tree, cache, inspection)


def _chain_findings(tree: Tree, numbers: Sequence[int]) -> Iterator[Finding]:
    """Each record has the digest of the one before; the tree's stamp has the last one's."""
    present = tree.stamp()
    previous = ""
    for number in range(_first(tree, numbers), max([*numbers, present or 0]) + 1):
        try:
            generation = journal.read_record(tree.journal, number)
        except TreeError as error:
            yield _journal_finding(tree, number, str(error))
            previous = ""
            continue
        if previous and generation.previous != previous:
            yield _changed(journal.record_path(tree.journal, number - 1), f"is not the record that {number}.json follows")
        previous = journal.digest(tree.journal, number)
    if present is not None and present in numbers and previous and tree.seal() != journal.digest(tree.journal, present):
        yield _changed(journal.record_path(tree.journal, present), "is not the record that the tree was published with")


def _first(tree: Tree, numbers: Sequence[int]) -> int:
    """Where the chain should begin: one before the oldest record there is, where that follows another."""
    try:
        return numbers[0] - bool(journal.read_record(tree.journal, numbers[0]).previous) if numbers else 1
    except TreeError:
        return numbers[0]


def _journal_finding(tree: Tree, number: int, what: str) -> Finding:
    path = journal.record_path(tree.journal, number)
    code = "journal-changed" if path.exists() else "journal-lost"
    return Finding(Severity.ERROR, code, str(path), what.removeprefix(f"{path}: "), "restore it from a backup")


def _changed(path: Path, what: str) -> Finding:
    return Finding(Severity.ERROR, "journal-changed", str(path), what, "restore it from a backup; nothing it says can be relied on")


def _tree_findings(tree: Tree, inspection: Inspection, depth: Depth) -> Iterator[Finding]:
    number = tree.stamp()
    if number is None:
        what = f"{STAMP} is missing, and the journal says that generations were published"
        yield Finding(Severity.ERROR, "changed-by-hand", str(tree.path / STAMP), what, _adopting(tree, None))
        return
    files = _recorded_files(tree, number)
    for edit in inspection.edits(tree.path, files, depth) if files is not None else ():
        yield Finding(Severity.ERROR, "changed-by-hand", str(tree.path / edit.path), f"{edit.kind} by hand", _adopting(tree, number))


def _adopting(tree: Tree, number: int | None) -> str:
    back = f"`mirrorsync rollback {tree.name} {number}` undoes it, " if number else ""
    return f"{back}`mirrorsync update --adopt-changes` takes it as it is"


def _generation_findings(tree: Tree, number: int, inspection: Inspection, depth: Depth) -> Iterator[Finding]:
    """The generation under its own path, and the directory that was the tree, where there is one."""
    try:
        generation = journal.read_record(tree.journal, number)
        files = journal.read_files(tree.journal, generation)
    except TreeError as error:
        if journal.record_path(tree.journal, number).exists():
            path = journal.files_path(tree.journal, number)
            what = str(error).removeprefix(f"{path}: ")
            code = "journal-changed" if path.exists() else "journal-lost"
            yield Finding(Severity.ERROR, code, str(path), what, f"generation {number} cannot be gone back to without it")
        return
    own = tree.generations / str(number)
    for edit in inspection.edits(own, files, depth):
        yield _generation_finding(own, edit, Severity.ERROR)
    if (tree.stamp(own), tree.seal(own)) != (number, journal.digest(tree.journal, number)):
        yield _generation_finding(own, Edit(EditKind.REPLACED, STAMP), Severity.ERROR)
    former = tree.retired / str(number)
    for edit in inspection.edits(former, files, depth) if former.is_dir() else ():
        yield _generation_finding(former, edit, Severity.NOTE)


def _generation_finding(root: Path, edit: Edit, severity: Severity) -> Finding:
    what = f"{edit.kind} by hand: installs that began in generation {root.name} may meet it"
    return Finding(severity, "generation-changed", str(root / edit.path), what, "it goes with its generation (`mirrorsync prune`)")


def _recorded_files(tree: Tree, number: int) -> tuple[FileRecord, ...] | None:
    try:
        return journal.read_files(tree.journal, journal.read_record(tree.journal, number))
    except TreeError:
        return None  # the chain's findings, or the generation's, say so


def _pool_findings(tree: Tree, inspection: Inspection, depth: Depth) -> Iterator[Finding]:
    for name, _ in walk_files(tree.pool) if tree.pool.is_dir() else ():
        path = tree.pool / name
        pooled = _POOLED.fullmatch(name)
        if name.startswith("incoming/"):
            continue
        if not pooled:
            yield Finding(Severity.WARNING, "pool-changed", str(path), "is nothing that mirrorsync put there", "remove it")
        elif inspection.digest(path, depth) not in (None, pooled[1]):
            yield Finding(Severity.WARNING, "pool-changed", str(path), "is not what its name, its SHA-256, says", "remove it")


def _cache_findings(tree: Tree, cache: TreeCache, inspection: Inspection) -> Iterator[Finding]:
    """Whether what earlier runs read of unchanged files is what they hold."""
    for file in cache.files().values():
        path = tree.path / file.identity.path
        if path.is_file() and identity(path, file.identity.path) == file.identity and inspection.digest(path, Depth.BYTES) != file.sha256:
            what = f"has another digest of {file.identity.path} than its bytes have"
            yield Finding(Severity.WARNING, "cache-wrong", str(tree.cache), what, "remove it: it is made anew")
            return
