"""The page's folder on the disk: every file whole at every instant, what it no longer has removed, what others put there never touched.

`.mirrorsync-page` in it names the files that are the page's; nothing else is written over or removed.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mirrorsync.errors import PageError, TreeError
from mirrorsync.files import (
    contained,
    make_directory,
    move_each,
    remove_empty,
    remove_file,
    remove_strays,
    remove_tree,
    stage_file,
    write_file,
)
from mirrorsync.locks import in_turn
from mirrorsync.report.page.names import FOLDERS
from mirrorsync.tree.site import Tree

MANIFEST = ".mirrorsync-page"
SCHEMA = "mirrorsync-page-1"
_STAGE = f"{MANIFEST}.new"
_PATIENCE = 120.0  # seconds that another run's page is waited for
_READABLE = 0o444

Pages = Callable[[], Iterable[tuple[str, bytes]]]
"""What makes the pages, as (path below the folder, content): called when it is this run's turn, so that the last one knows all."""


@dataclass(frozen=True, slots=True)
class Written:
    """What became of the page: its files and their bytes; how many of them are new or other than before; how many are gone."""

    folder: Path
    files: int
    bytes: int
    changed: int
    removed: int


def write_site(folder: Path, pages: Pages, trees: Iterable[Tree]) -> Written:
    """Let the folder, which is made, hold these pages. Raises PageError where it may not, with nothing changed then; LockedError."""
    _require_outside(folder, trees)
    make_directory(folder)
    with in_turn(folder, f"{folder}: the page", patience=_PATIENCE):
        stage = folder / _STAGE
        remove_tree(stage)
        remove_strays(folder, MANIFEST)
        try:
            return _write(folder, stage, pages())
        finally:
            remove_tree(stage)


def _write(folder: Path, stage: Path, pages: Iterable[tuple[str, bytes]]) -> Written:
    former = _former(folder)
    names, changed, size = [], [], 0
    for name, content in pages:
        path = contained(folder, name)
        _require_free(folder, path, ours=name in former)
        if not _holds(path, content):
            stage_file(stage / name, content)
            changed.append(name)
        names.append(name)
        size += len(content)
    gone = sorted(former - set(names))
    if changed or gone or not (folder / MANIFEST).exists():
        _note(folder, former | set(names))  # first, so that what a killed run leaves is known to be the page's
        if changed:
            move_each(stage, folder, changed)
        _remove(folder, gone)
        _note(folder, names)
    return Written(folder, len(names), size, len(changed), len(gone))


def _require_outside(folder: Path, trees: Iterable[Tree]) -> None:
    """Raises PageError where the folder, or one of those in it, lies in a tree or in what is kept beside one."""
    places = [folder.resolve(), *((folder / name).resolve() for name in FOLDERS)]
    for tree in trees:
        own = tree.path.parent.resolve() / tree.path.name
        for root in (own, tree.path.resolve(), tree.home.resolve()):
            if any(place.is_relative_to(root) for place in places):
                raise PageError(f"{folder}: lies in tree {tree.name} ({root}), which is replaced as a whole; name a folder outside it")


def _require_free(folder: Path, path: Path, *, ours: bool) -> None:
    """Raises PageError where something of others' lies at a page's place, or at a folder's."""
    for parent in path.parents:
        if parent == folder:
            break
        if parent.is_symlink() or (parent.exists() and not parent.is_dir()):
            raise PageError(_foreign(parent))
    if (path.exists() or path.is_symlink()) and (path.is_dir() or not ours):
        raise PageError(_foreign(path))


def _foreign(path: Path) -> str:
    return f"{path}: not written by mirrorsync, and the page has a file there; name an empty folder, or move it away; nothing was written"


def _holds(path: Path, content: bytes) -> bool:
    """Whether a file is there with these bytes that everybody may read."""
    if path.is_symlink() or not path.is_file() or path.stat().st_mode & _READABLE != _READABLE:
        return False
    return path.stat().st_size == len(content) and path.read_bytes() == content


def _former(folder: Path) -> frozenset[str]:
    """The files that the page has had until now."""
    path = folder / MANIFEST
    if not path.exists():
        return frozenset()
    try:
        names = _names(json.loads(path.read_bytes()))
        for name in names:
            contained(folder, name)
    except (ValueError, KeyError, TypeError, RecursionError, TreeError) as error:
        raise PageError(f"{path}: not the list of the page's files ({error!s:.200}); empty the folder, or name another") from error
    return names


def _names(document: object) -> frozenset[str]:
    if not isinstance(document, dict) or document["schema"] != SCHEMA:
        raise ValueError("another schema")
    return frozenset(str(name) for name in document["files"])


def _note(folder: Path, names: Iterable[str]) -> None:
    content = json.dumps({"schema": SCHEMA, "files": sorted(names)}, indent=0)
    write_file(folder / MANIFEST, f"{content}\n".encode())


def _remove(folder: Path, names: Sequence[str]) -> None:
    """Remove what the page no longer has, and the folders that are empty then; what became a link or a folder is somebody else's."""
    for name in names:
        path = folder / name
        if not any(parent.is_symlink() for parent in _parents(folder, path)) and (path.is_symlink() or path.is_file()):
            remove_file(path)
    for parent in sorted({parent for name in names for parent in _parents(folder, folder / name)}, reverse=True):
        if not parent.is_symlink():
            remove_empty(parent)


def _parents(folder: Path, path: Path) -> Iterator[Path]:
    """The folders between the page's own and a file."""
    return (parent for parent in path.parents if parent != folder and parent.is_relative_to(folder))
