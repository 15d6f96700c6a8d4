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
from mirrorsync.tree.baseline import undoing
from mirrorsync.tree.cache import TreeCache
from mirrorsync.tree.inspection import Depth, Inspection
from mirrorsync.tree.layout import STAMP
from mirrorsync.tree.site import Tree, numbered

_RESTORE = "restore it from a backup"
_POOLED = re.compile(r"[0-9a-f]{2}/([0-9a-f]{64})")


def records_findings(tree: Tree, *, deep: bool) -> Iterator[Finding]:
    """Whatever is not as it was recorded; nothing for a tree that was never published here. `deep`: every byte is read.

    What a run that is at work, or was stopped, has not published yet is passed over.
    """
    if tree.last() == 0:
        return
    numbers = journal.published(tree)
    with TreeCache(tree.cache) as cache:
        inspection = Inspection(cache)
        depth = Depth.BYTES if deep else Depth.CHANGED if inspection.informed else Depth.SIZES
        yield from _chain_findings(tree, numbers)
        yield from _tree_findings(tree, inspection, Depth.BYTES if deep else Depth.CHANGED)
        for number in _listed(tree):
            yield from _generation_findings(tree, number, inspection, depth)
        yield from _foreign_findings(tree)
        yield from _pool_findings(tree, inspection, depth)
        if deep:
            yield from _cache_findings(tree, cache, inspection)


def _listed(tree: Tree) -> list[int]:
    """The generations that are kept, or whose list of files says that they should be."""
    lists = numbered(path.stem for path in tree.journal.glob("*.files"))
    return [number for number in sorted({*tree.kept_generations(), *lists, tree.last()}) if number <= tree.last()]


def _chain_findings(tree: Tree, numbers: Sequence[int]) -> Iterator[Finding]:
    """Each record has the digest of the one before; the tree's stamp has the last one's."""
    previous = _beginning(tree, numbers)
    for before, number in zip([None, *numbers], [*numbers, tree.last() + 1], strict=True):
        if previous and (missing := number - 1 - (before or 0)):
            yield _gap(tree, number - missing, number - 1)
        if number not in numbers:
            break
        try:
            generation = journal.read_record(tree.journal, number)
        except TreeError as error:
            yield _journal_finding(tree, number, str(error))
            previous = ""
            continue
        if before == number - 1 and previous and generation.previous != previous:
            yield _changed(journal.record_path(tree.journal, before), f"is not the record that {number}.json follows")
        previous = journal.digest(tree.journal, number)
    shown, seal = tree.stamped()
    if shown is not None and shown in numbers and seal != journal.digest(tree.journal, shown):
        yield _changed(journal.record_path(tree.journal, shown), "is not the record that the tree was published with")


def _beginning(tree: Tree, numbers: Sequence[int]) -> str:
    """What the oldest record there is says it follows: '' where it is the first."""
    try:
        return journal.read_record(tree.journal, numbers[0]).previous if numbers else "lost"
    except TreeError:
        return ""


def _gap(tree: Tree, first: int, last: int) -> Finding:
    more = f" to {last}.json" if last > first else ""
    what = f"is missing{more}"
    return Finding(Severity.ERROR, "journal-lost", str(journal.record_path(tree.journal, first)), what, _RESTORE)


def _journal_finding(tree: Tree, number: int, what: str) -> Finding:
    path = journal.record_path(tree.journal, number)
    code = "journal-changed" if path.exists() else "journal-lost"
    return Finding(Severity.ERROR, code, str(path), what.removeprefix(f"{path}: ").partition("; ")[0], _RESTORE)


def _changed(path: Path, what: str) -> Finding:
    return Finding(Severity.ERROR, "journal-changed", str(path), what, "restore it from a backup; nothing it says can be relied on")


def _tree_findings(tree: Tree, inspection: Inspection, depth: Depth) -> Iterator[Finding]:
    number = tree.shown()
    if number is None:
        what = f"says {tree.stamp() or 'nothing'}, and generation {tree.last()} was published last"
        yield Finding(Severity.ERROR, "changed-by-hand", str(tree.path / STAMP), what, _adopting(tree))
        return
    files = _recorded_files(tree, number)
    for edit in inspection.edits(tree.path, files, depth) if files is not None else ():
        yield Finding(Severity.ERROR, "changed-by-hand", str(tree.path / edit.path), f"{edit.kind} by hand", _adopting(tree))


def _adopting(tree: Tree) -> str:
    return f"{undoing(tree)}, `mirrorsync update --adopt-changes` takes it as it is"


def _generation_findings(tree: Tree, number: int, inspection: Inspection, depth: Depth) -> Iterator[Finding]:
    """The generation under its own path, and the directory that was the tree, where there is one."""
    try:
        generation = journal.read_record(tree.journal, number)
        files = journal.read_files(tree.journal, generation)
    except TreeError as error:
        if journal.record_path(tree.journal, number).exists():
            path = journal.files_path(tree.journal, number)
            what = str(error).removeprefix(f"{path}: ").partition("; ")[0]
            code = "journal-changed" if path.exists() else "journal-lost"
            yield Finding(Severity.ERROR, code, str(path), what, f"generation {number} cannot be gone back to without it")
        return
    own, former = tree.generations / str(number), tree.retired / str(number)
    if not own.is_dir():
        yield Finding(Severity.ERROR, "generation-lost", str(own), "is not there", f"generation {number} cannot be gone back to")
    else:
        yield from _farm_findings(tree, own, files, inspection, depth, Severity.ERROR)
        if tree.stamped(own) != (number, journal.digest(tree.journal, number)) and own.is_dir():
            yield _generation_finding(own, Edit(EditKind.REPLACED, STAMP), Severity.ERROR)
    if former.is_dir():
        yield from _farm_findings(tree, former, files, inspection, depth, Severity.NOTE)


def _farm_findings(
    tree: Tree, root: Path, files: Sequence[FileRecord], inspection: Inspection, depth: Depth, severity: Severity
) -> Iterator[Finding]:
    """What differs below `root`; nothing where a run removed it meanwhile."""
    try:
        edits = inspection.edits(root, files, depth)
        found = [_generation_finding(root, edit, severity) for edit in edits if severity is not Severity.NOTE or not _was_link(root, edit)]
    except FileNotFoundError:
        found = []
    yield from found if root.is_dir() else ()


def _was_link(root: Path, edit: Edit) -> bool:
    """A tree that was adopted may have had links to packages elsewhere; its generations have not."""
    return edit.kind is EditKind.REPLACED and (root / edit.path).is_symlink()


def _generation_finding(root: Path, edit: Edit, severity: Severity) -> Finding:
    what = f"{edit.kind} by hand: installs that began in generation {root.name} may meet it"
    return Finding(severity, "generation-changed", str(root / edit.path), what, "it goes with its generation (`mirrorsync prune`)")


def _recorded_files(tree: Tree, number: int) -> tuple[FileRecord, ...] | None:
    try:
        return journal.read_files(tree.journal, journal.read_record(tree.journal, number))
    except TreeError:
        return None  # the chain's findings, or the generation's, say so


def _foreign_findings(tree: Tree) -> Iterator[Finding]:
    """What mirrorsync did not put beside the tree."""
    own = {path.name for path in tree.places}
    kept = [path for folder in (tree.generations, tree.retired) if folder.is_dir() for path in folder.iterdir()]
    known = {str(number) for number in journal.numbers(tree.journal)}
    farms = [path for path in kept if path.name not in known]
    records = [path for path in tree.journal.glob("*") if not _is_record(path)]
    others = [path for path in tree.home.iterdir() if path.name not in own and not path.name.endswith(".new")]
    for path in sorted([*others, *farms, *records]):
        yield Finding(Severity.WARNING, "foreign-file", str(path), "is nothing that mirrorsync put there", "remove it")
    if tree.discarded.is_symlink():
        yield Finding(Severity.ERROR, "foreign-file", str(tree.discarded), "a symbolic link, which is not followed", "remove it")


def _is_record(path: Path) -> bool:
    """Or what is about to be one."""
    return path.suffix == ".new" or (path.suffix in (".json", ".files") and bool(numbered([path.stem])))


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
