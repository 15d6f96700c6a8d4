"""What a careless program would do, to see that these tools notice it."""

import time
from collections.abc import Sequence
from pathlib import Path

from mirrorsync.files import copy_file, remove_tree
from mirrorsync.model.generation import FileRecord, Generation
from mirrorsync.tree import journal
from mirrorsync.tree.site import Tree
from tests.hdlists import HDLIST, HDLIST2
from tests.inflight.readers import REPOMD

BETWEEN_SECONDS = 0.005  # as a busy disk would take


def removed_before_renamed(tree: Tree, _: Generation, __: Sequence[FileRecord]) -> None:
    """The former tree goes before the new one comes."""
    remove_tree(tree.path)
    time.sleep(BETWEEN_SECONDS)
    tree.building.rename(tree.path)


def written_in_place(tree: Tree, _: Generation, __: Sequence[FileRecord]) -> None:
    """The indexes are renamed into the tree one after the other."""
    for name in (HDLIST2, HDLIST, REPOMD):
        copy_file(tree.building / name, tree.path / name)
        time.sleep(BETWEEN_SECONDS)
    remove_tree(tree.building)


def without_grace_copies(path: Path) -> None:
    """Whatever the new indexes at the tree's `path` do not list is gone at once."""
    home = path.parent / ".mirrorsync" / path.name
    newest = journal.numbers(home / "journal")[-1]
    for copy in journal.read_record(home / "journal", newest).grace:
        (path / copy.path).unlink()
