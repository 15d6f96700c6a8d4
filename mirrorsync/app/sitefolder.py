"""The page's folder on the disk: every file whole at every instant, what it no longer has removed, what others put there never touched.

`.mirrorsync-page` in it names the files that are the page's, and what those were made of that a run need not make again; nothing else is
written over or removed.
"""

import json
import stat
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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
from mirrorsync.report.page import Part
from mirrorsync.report.page.names import FOLDERS
from mirrorsync.tree.site import Tree

MANIFEST = ".mirrorsync-page"
SCHEMA = "mirrorsync-page-1"
_STAGE = f"{MANIFEST}.new"
_PATIENCE = 120.0  # seconds that another run's page is waited for
_READABLE = 0o444

Parts = Callable[[], Sequence[Part]]
"""What tells the parts of the page: called when it is this run's turn, so that the last one knows all."""


@dataclass(frozen=True, slots=True)
class _Manifest:
    """The page's files, and of parts that have a key the files by it."""

    files: frozenset[str] = frozenset()
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Written:
    """What became of the page: its files and their bytes; how many of them are new or other than before; how many are gone."""

    folder: Path
    files: int
    bytes: int
    changed: int
    removed: int


def write_site(folder: Path, parts: Parts, trees: Iterable[Tree], *, anew: bool = False) -> Written:
    """Let the folder, which is made, hold these parts; one that was made of the same before and is there stays, but for `anew`.

    Raises PageError where the folder may not be written, with nothing changed then; LockedError.
    """
    _require_outside(folder, trees)
    make_directory(folder)
    with in_turn(folder, f"{folder}: the page", patience=_PATIENCE):
        stage = folder / _STAGE
        remove_tree(stage)
        remove_strays(folder, MANIFEST)
        try:
            return _write(folder, stage, parts(), anew=anew)
        finally:
            remove_tree(stage)


def _write(folder: Path, stage: Path, parts: Sequence[Part], *, anew: bool) -> Written:
    former = _former(folder)
    made: dict[str, tuple[str, ...]] = {}
    changed: list[str] = []
    for part in parts:
        there = () if anew else former.parts.get(part.key, ())
        made[part.key] = there if there and _all_there(folder, there) else _staged(folder, stage, part, former.files, changed)
    names = [name for some in made.values() for name in some]
    present = _Manifest(frozenset(names), {key: some for key, some in made.items() if key})
    gone = sorted(former.files - present.files)
    if changed or gone or present != former:
        _note(folder, _Manifest(former.files | present.files))  # first, so that what a killed run leaves is known to be the page's
        if changed:
            move_each(stage, folder, changed)
        _remove(folder, gone)
        _note(folder, present)
    return Written(folder, len(names), sum((folder / name).stat().st_size for name in names), len(changed), len(gone))


def _staged(folder: Path, stage: Path, part: Part, former: Container[str], changed: list[str]) -> tuple[str, ...]:
    """The names of a part's pages; those that are new, or other than before, lie at `stage` then and are added to `changed`."""
    names = []
    for name, content in part.pages():
        path = contained(folder, name)
        _require_free(folder, path, ours=name in former)
        if not _holds(path, content):
            stage_file(stage / name, content)
            changed.append(name)
        names.append(name)
    return tuple(names)


def _all_there(folder: Path, names: Iterable[str]) -> bool:
    """Whether each is a file that everybody may read."""
    return all(_is_readable(folder / name) for name in names)


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
    return _is_readable(path) and path.stat().st_size == len(content) and path.read_bytes() == content


def _is_readable(path: Path) -> bool:
    try:
        mode = path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    return stat.S_ISREG(mode) and mode & _READABLE == _READABLE


def _former(folder: Path) -> _Manifest:
    """What the page has had until now."""
    path = folder / MANIFEST
    if not path.exists():
        return _Manifest()
    try:
        manifest = _manifest(json.loads(path.read_bytes()))
        for name in manifest.files:
            contained(folder, name)
    except (ValueError, KeyError, TypeError, RecursionError, TreeError) as error:
        raise PageError(f"{path}: not the list of the page's files ({error!s:.200}); empty the folder, or name another") from error
    return manifest


def _manifest(document: object) -> _Manifest:
    if not isinstance(document, dict) or document["schema"] != SCHEMA:
        raise ValueError("another schema")
    files = frozenset(str(name) for name in document["files"])
    parts = {str(key): tuple(map(str, names)) for key, names in dict(document["parts"]).items()}
    if not files.issuperset(name for names in parts.values() for name in names):
        raise ValueError("a part has a file that the page has not")
    return _Manifest(files, parts)


def _note(folder: Path, manifest: _Manifest) -> None:
    content = json.dumps({"schema": SCHEMA, "files": sorted(manifest.files), "parts": manifest.parts}, indent=0)
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
