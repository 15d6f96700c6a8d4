"""Kept generations, and the directories that were the tree, held against their records."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from mirrorsync.errors import TreeError
from mirrorsync.model.edit import Edit, EditKind
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.model.generation import FileRecord
from mirrorsync.tree import journal
from mirrorsync.tree.inspection import Depth, Inspection
from mirrorsync.tree.layout import STAMP
from mirrorsync.tree.site import Tree


def generation_findings(tree: Tree, number: int, inspection: Inspection, depth: Depth) -> Iterator[Finding]:
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
