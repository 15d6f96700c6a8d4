"""Which folders of the configuration may lie in which; judged where they really are, with symlinks resolved."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Any

from mirrorsync.config.rules import Problem, table
from mirrorsync.config.sources import Location
from mirrorsync.config.values import parse_path, parse_tree_path

_OWN = ".mirrorsync"


@dataclass(frozen=True, slots=True)
class _Tree:
    """A tree's folders. parent: where its own folder `home` lies; boot, export: None where the configuration has none that can be used."""

    where: Location
    path: Path
    parent: Path
    home: Path
    boot: Path | None
    export: Path | None

    @property
    def name(self) -> str:
        return str(self.where[-1])


def misplaced(values: Mapping[str, Any]) -> Iterator[Problem]:
    """(where, "what; what to do") of every folder that would be replaced, removed or written over with another's.

    Judged on the tables as written, so that these faults are told beside all others; looks at the disk for symlinks only.
    """
    trees = [tree for name, value in table(values.get("trees")).items() if (tree := _tree(name, table(value)))]
    state = _resolved(table(values.get("mirrorsync")).get("state"))
    for tree, other in permutations(trees, 2):
        yield from _pair(tree, other)
    for tree in trees:
        yield from _alone(tree)
        yield from _intrusion((*tree.where, "boot", "directory"), tree.boot, trees)
        if state and state in tree.path.parents:
            yield (*tree.where, "path"), f"lies in the state directory ({state}), which may be removed at any time; move one of them"
    yield from _intrusion(("mirrorsync", "state"), state, trees)
    yield from _intrusion(("report", "html"), _resolved(table(values.get("report")).get("html")), trees)
    metrics = _resolved(table(values.get("report")).get("prometheus"), lambda text: parse_path(text).parent)
    yield from _intrusion(("report", "prometheus"), metrics, trees)
    yield from _intrusion(("mirrorsync", "hooks"), _resolved(table(values.get("mirrorsync")).get("hooks")), trees)


def _tree(name: str, written: Mapping[str, Any]) -> _Tree | None:
    path = _resolved(written.get("path"), parse_tree_path)
    if path is None:
        return None
    parent = Path(written["path"]).parent
    own = _real(parent) / Path(written["path"]).name
    return _Tree(
        where=("trees", name),
        path=own if path.is_relative_to(_real(parent / _OWN) / own.name) else path,  # a link that the last publication made
        parent=_real(parent),
        home=_real(parent / _OWN),
        boot=_resolved(table(written.get("boot")).get("directory")),
        export=_resolved(table(written.get("export")).get("path")),
    )


def _resolved(written: object, parse: Callable[[str], Path] = parse_path) -> Path | None:
    """None for what is no path: the schema says so."""
    try:
        return _real(parse(written)) if isinstance(written, str) else None
    except ValueError:
        return None


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _pair(tree: _Tree, other: _Tree) -> Iterator[Problem]:
    """What a tree may not share with another one; of two that are the same, the later name is told."""
    here, later = (*tree.where, "path"), tree.name > other.name
    if tree.path == other.path:
        if later:
            yield here, f"is the folder of tree {other.name!r} too ({tree.path}); give each tree its own folder"
    elif tree.path.is_relative_to(other.path):
        yield here, f"lies inside tree {other.name!r} ({other.path}), which is replaced as a whole; move one of them"
    if tree.boot and tree.boot == other.boot and later:
        what = f"is the boot directory of tree {other.name!r} too ({tree.boot}), and each would stage its own boot set over the other's"
        yield (*tree.where, "boot", "directory"), f"{what}; give each tree its own"


def _alone(tree: _Tree) -> Iterator[Problem]:
    if _OWN in tree.path.parts:
        yield (*tree.where, "path"), f"leads to {tree.path}, where mirrorsync keeps its own files; name the tree itself"
    if tree.export is None:
        return
    here = (*tree.where, "export", "path")
    if tree.export.is_relative_to(tree.path):
        what = f"is the tree itself or lies in it ({tree.path}): mounts of it would go stale with each publication"
        yield here, f"{what}; export the folder above it, {tree.parent}"
    elif not tree.parent.is_relative_to(tree.export):
        yield here, f"is not above the tree ({tree.path}), so nodes would not find the tree in it; name the exported folder above it"


def _intrusion(where: Location, folder: Path | None, trees: Sequence[_Tree]) -> Iterator[Problem]:
    """A folder of mirrorsync's in a tree, or in what it keeps beside one."""
    if folder is None:
        return
    for tree in trees:
        if folder.is_relative_to(tree.path):
            yield where, f"lies in tree {tree.name!r} ({tree.path}), which is replaced as a whole; name a folder outside it"
        elif folder.is_relative_to(tree.home):
            yield where, f"lies in {tree.home}, where mirrorsync keeps the generations of tree {tree.name!r}; name a folder outside it"
