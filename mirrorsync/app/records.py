"""A tree, and what lies beside it, held against the journal."""

from collections.abc import Iterator

from mirrorsync.app.beside import cache_findings, foreign_findings, pool_findings
from mirrorsync.app.chain import chain_findings
from mirrorsync.app.kept import generation_findings
from mirrorsync.errors import TreeError
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.model.generation import FileRecord
from mirrorsync.tree import journal
from mirrorsync.tree.baseline import undoing
from mirrorsync.tree.cache import TreeCache
from mirrorsync.tree.inspection import Depth, Inspection
from mirrorsync.tree.layout import STAMP
from mirrorsync.tree.site import Tree, numbered


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
        yield from chain_findings(tree, numbers)
        yield from _tree_findings(tree, inspection, Depth.BYTES if deep else Depth.CHANGED)
        for number in _listed(tree):
            yield from generation_findings(tree, number, inspection, depth)
        yield from foreign_findings(tree)
        yield from pool_findings(tree, inspection, depth)
        if deep:
            yield from cache_findings(tree, cache, inspection)


def _listed(tree: Tree) -> list[int]:
    """The generations that are kept, or whose list of files says that they should be."""
    lists = numbered(path.stem for path in tree.journal.glob("*.files"))
    return [number for number in sorted({*tree.kept_generations(), *lists, tree.last()}) if number <= tree.last()]


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


def _recorded_files(tree: Tree, number: int) -> tuple[FileRecord, ...] | None:
    try:
        return journal.read_files(tree.journal, journal.read_record(tree.journal, number))
    except TreeError:
        return None  # the chain's findings, or the generation's, say so
