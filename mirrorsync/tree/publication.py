"""Putting a built generation in the tree's place by one exchange, and finishing or dropping what a stopped run left."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from mirrorsync.errors import TreeError
from mirrorsync.files import clone_tree, exchange, locked, make_directory, move, remove_tree, sync_filesystem, write_file
from mirrorsync.model.generation import Generation
from mirrorsync.tree import journal
from mirrorsync.tree.layout import STAMP
from mirrorsync.tree.site import Tree

ADOPTION = "adoption"


@contextmanager
def writing(tree: Tree) -> Iterator[None]:
    """Be the one writer of a tree. Raises LockedError where another run is."""
    with locked(tree.lock, f"{tree.name}: {tree.path}"):
        yield


def recover(tree: Tree) -> None:
    """Bring the folder beside the tree back in step with the tree after a run that was stopped at any point.

    The tree's stamp decides: the exchange is what commits a generation, and the stamp what ends an adoption. Records and
    generations newer than the stamp never happened; a former tree still lying at `building` goes where former trees are kept.
    """
    number = tree.stamp()
    _settle_building(tree, number)
    for later in _unfinished(tree, number):
        remove_tree(tree.generations / str(later))
        remove_tree(journal.record_path(tree.journal, later))
    recorded = set(journal.numbers(tree.journal))
    for kept in tree.kept_generations():
        if kept not in recorded and kept > (number or 0):
            remove_tree(tree.generations / str(kept))


def _unfinished(tree: Tree, number: int | None) -> list[int]:
    """The records of what was not published: newer than the stamp or, in a tree without one, an adoption not ended."""
    recorded = journal.numbers(tree.journal)
    if number is not None:
        return [later for later in recorded if later > number]
    return [later for later in recorded[-1:] if _is_adoption(tree, later)]


def _is_adoption(tree: Tree, number: int) -> bool:
    try:
        return journal.read_record(tree.journal, number).run == ADOPTION
    except TreeError:
        return False


def _settle_building(tree: Tree, number: int | None) -> None:
    """A former tree has an older stamp than the tree; all else that lies there is half built."""
    former = tree.stamp(tree.building)
    if former is not None and number is not None and former < number:
        _retire(tree, former)
    else:
        remove_tree(tree.building)


def _retire(tree: Tree, number: int) -> None:
    """Keep the directory that was the tree: mounts made while it was go on in it."""
    target = tree.retired / str(number)
    make_directory(tree.retired)
    remove_tree(target)
    move(tree.building, target)


def adopt(tree: Tree, generation: Generation) -> None:
    """Record a tree that was not published here, and give it its own path; its stamp, written last, ends the adoption."""
    clone_tree(tree.path, tree.generations / str(generation.number))
    journal.write_record(tree.journal, generation)
    write_stamp(tree.path, generation.number)


def write_stamp(root: Path, number: int) -> None:
    """Say in the tree at `root` which generation it is."""
    write_file(root / STAMP, f"{number}\n".encode())


def publish(tree: Tree, generation: Generation) -> None:
    """Exchange `building` with the tree. A crash before the exchange leaves the old tree, after it the new one.

    Raises PublishError or TreeError with the tree as it was.
    """
    clone_tree(tree.building, tree.generations / str(generation.number))
    journal.write_record(tree.journal, generation)
    sync_filesystem(tree.home)
    former = tree.stamp() or generation.number - 1
    exchange(tree.path, tree.building)
    _retire(tree, former)


def _ended(tree: Tree, follower: int, now: datetime) -> bool:
    """Whether the grace of what `follower` took the place of is over; not where that cannot be known."""
    try:
        return journal.read_record(tree.journal, follower).published + tree.grace <= now
    except TreeError:
        return False


def collect(tree: Tree, now: datetime) -> None:
    """Remove generations beyond `keep` whose grace is over; the current one always stays."""
    current = tree.stamp()
    if current is None:
        return
    former = [number for number in journal.numbers(tree.journal) if number < current]
    followers = [*former[1:], current]
    for number, follower in list(zip(former, followers, strict=True))[: max(0, len(former) - tree.keep)]:
        if number in tree.kept_generations() and _ended(tree, follower, now):
            remove_tree(tree.generations / str(number))
            remove_tree(tree.retired / str(number))

