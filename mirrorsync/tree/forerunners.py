"""Directories that a tree's link led to before it led to generations: whoever made them removes them."""

import json
from dataclasses import dataclass
from pathlib import Path

from mirrorsync.files import write_file
from mirrorsync.tree.site import Tree
from mirrorsync.tree.usage import Census, inodes_below


@dataclass(frozen=True, slots=True)
class Forerunner:
    """target: what the tree's link said.  successor: the number of the generation that it was made to lead to instead."""

    target: str
    successor: int


def note_forerunner(tree: Tree, successor: int) -> None:
    """Remember where the tree's link leads, if that is no generation: it is about to lead to generation `successor`."""
    target = str(tree.path.readlink())
    if tree.path.resolve().parent == tree.generations.resolve():
        return
    known = [forerunner for forerunner in forerunners(tree) if forerunner.target != target]
    document = [[forerunner.target, forerunner.successor] for forerunner in (*known, Forerunner(target, successor))]
    write_file(tree.forerunners, json.dumps(document).encode())


def forerunners(tree: Tree) -> tuple[Forerunner, ...]:
    """All that are remembered; nothing where the note is damaged."""
    try:
        document = json.loads(tree.forerunners.read_bytes())
        return tuple(Forerunner(str(target), int(successor)) for target, successor in document)
    except (OSError, ValueError, TypeError, RecursionError):
        return ()


def left_over(tree: Tree) -> tuple[tuple[Path, Forerunner], ...]:
    """Those that are still there, where they lie; not what the tree's link leads to again."""
    present = tree.path.resolve()
    places = [(tree.path.parent / forerunner.target, forerunner) for forerunner in forerunners(tree)]
    return tuple((place, forerunner) for place, forerunner in places if place.is_dir() and place.resolve() != present)


def bytes_alone(folder: Path) -> int:
    """Bytes of blocks that removing a directory would free: of what has no other name."""
    census = Census()
    census.count(inodes_below(folder))
    return sum(inode.bytes for inode in census.freed)
