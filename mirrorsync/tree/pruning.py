"""Removing what no install needs any more: former generations, and files of the pool that then nobody uses."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime
from itertools import chain, count
from pathlib import Path

from mirrorsync.errors import LockedError, TreeError
from mirrorsync.files import move, remove_contents, remove_empty, remove_file
from mirrorsync.locks import locked
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.model.outcome import Disposal
from mirrorsync.planning.retention import expendable
from mirrorsync.tree import journal
from mirrorsync.tree.pool import ORIGIN, Pool
from mirrorsync.tree.site import Tree, numbered
from mirrorsync.tree.usage import Census, inodes_at, inodes_below


def disposable(tree: Tree, now: datetime, *, keep: int | None = None, sparing: Collection[Path] = ()) -> Disposal:
    """What may go, and what that frees. `keep` former generations stay, by default as many as the tree keeps.

    sparing: files of the pool not to be counted: what would have to be fetched again.
    Reads only, and takes no lock: beside a run at work it is as good as what was there when it looked.
    """
    return _disposal(tree, now, _expendable(tree, now, tree.keep if keep is None else keep), sparing)


def _disposal(tree: Tree, now: datetime, numbers: tuple[int, ...], sparing: Collection[Path] = ()) -> Disposal:
    pool, before = Pool(tree.pool), now - tree.grace
    census = Census()
    census.count(chain.from_iterable(inodes_below(folder) for folder in (*_folders(tree, numbers), tree.discarded)))
    unused = [path for path in pool.unused(before, census.names) if path not in sparing]
    abandoned = [path for path in pool.abandoned(before) if path not in sparing]
    lists = [journal.files_path(tree.journal, number) for number in numbers]
    census.count(inodes_at([*unused, *pool.notes_of(unused), *abandoned, *lists]))
    freed = census.freed
    stopped = sum(1 for path in abandoned if path.suffix != ORIGIN)
    return Disposal(numbers, len(unused), stopped, sum(inode.bytes for inode in freed), len(freed))


def discard(tree: Tree, now: datetime, *, keep: int | None = None) -> tuple[Disposal, tuple[Finding, ...]]:
    """Put aside the generations that may go; `clear` then frees what is told here. The caller holds the tree's lock.

    Only renames: the removal of a file that an NFS client has a delegation of can take as long as the client's lease.
    What cannot be put aside stays, and is a finding: the tree is what it should be, and the next run tries again.
    """
    disposal = disposable(tree, now, keep=keep)
    refusals = {number: error for number in disposal.generations if (error := _retreat(tree, number))}
    if refusals:
        gone = tuple(number for number in disposal.generations if number not in refusals)
        disposal = replace(_disposal(tree, now, ()), generations=gone)
    return disposal, tuple(_left(tree, error) for error in refusals.values())[:1]


def _retreat(tree: Tree, number: int) -> OSError | None:
    """Put a generation aside, or say what refuses."""
    try:
        for folder in _folders(tree, [number]):
            _put_aside(tree, folder)
        remove_file(journal.files_path(tree.journal, number))
    except OSError as error:
        return error
    return None


def discard_surplus(tree: Tree, now: datetime) -> tuple[Finding, ...]:
    """`discard` where more generations lie there than are to be kept: one cheap look says whether it is worth its reading.

    Whatever refuses is a finding: what was published before is told.
    """
    try:
        return discard(tree, now)[1] if len(_present(tree)) > tree.keep + 1 else ()
    except OSError as error:
        return (_left(tree, error),)


def clear(tree: Tree, now: datetime) -> tuple[Finding, ...]:
    """Remove what was put aside, and then, unless a run is at work, what nobody uses of the pool. Without the tree's lock.

    What cannot be removed is a finding: the tree is what it should be, and the next run tries again.
    """
    refusals = remove_contents(tree.discarded) if tree.discarded.is_dir() and not tree.discarded.is_symlink() else ()
    try:
        _prune_pool(tree, now)
    except LockedError:
        pass  # that run does so when it ends
    except OSError as error:
        refusals = (*refusals, error)
    return tuple(_left(tree, error) for error in refusals[:1])


def _expendable(tree: Tree, now: datetime, keep: int) -> tuple[int, ...]:
    published = {number: _published(tree, number) for number in journal.numbers(tree.journal)}
    return expendable(_present(tree), published, current=tree.shown(), keep=keep, grace=tree.grace, now=now)


def _published(tree: Tree, number: int) -> datetime | None:
    try:
        return journal.read_record(tree.journal, number).published
    except TreeError:
        return None


def _present(tree: Tree) -> set[int]:
    """The generations of which anything is there, be it what a stopped run left."""
    names = chain(
        (path.name for folder in (tree.generations, tree.retired) if folder.is_dir() for path in folder.iterdir()),
        (path.stem for path in tree.journal.glob("*.files")),
    )
    return set(numbered(names))


def _folders(tree: Tree, numbers: Iterable[int]) -> list[Path]:
    """Where these generations lie."""
    places = (folder / str(number) for number in numbers for folder in (tree.retired, tree.generations))
    return [place for place in places if place.is_dir() and not (tree.path.exists() and place.samefile(tree.path))]


def _put_aside(tree: Tree, folder: Path) -> None:
    """The first becomes the folder of what is put aside itself: a disk that is full to the last block has none for a new one."""
    if not tree.discarded.exists():
        move(folder, tree.discarded)
        return
    names = (f"{folder.parent.name}-{folder.name}{f'.{again}' if again else ''}" for again in count())
    move(folder, next(place for name in names if not (place := tree.discarded / name).exists()))


def _prune_pool(tree: Tree, now: datetime) -> None:
    """Their other names are gone by now, and with them the delegations that would have kept us waiting."""
    if not tree.home.is_dir():
        return
    pool, before = Pool(tree.pool), now - tree.grace
    with locked(tree.lock, f"{tree.name}: {tree.path}"):
        remove_empty(tree.discarded)
        pool.prune(before)
        pool.prune_incoming(before)


def _left(tree: Tree, error: OSError) -> Finding:
    what = f"cannot be removed: {error.strerror or error}"
    remedy = f"mend that, and run `mirrorsync prune {tree.name}` again"
    return Finding(Severity.WARNING, "not-removed", f"{tree.name}: {error.filename or tree.home}", what, remedy)
