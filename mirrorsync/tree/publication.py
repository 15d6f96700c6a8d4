"""Putting a built generation in the tree's place by one system call, and finishing or dropping what a stopped run left."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from mirrorsync.errors import PublishError
from mirrorsync.files import (
    carry,
    clone_directories,
    clone_tree,
    exchange,
    make_directory,
    move,
    point,
    remove_strays,
    remove_tree,
    sync_filesystem,
    sync_names,
    write_file,
)
from mirrorsync.locks import locked
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.model.generation import FileRecord, Generation
from mirrorsync.tree import journal
from mirrorsync.tree.forerunners import note_forerunner
from mirrorsync.tree.layout import STAMP
from mirrorsync.tree.site import Tree, numbered
from mirrorsync.tree.ways import Way, make_home, way_of

_AN_HOUR = 3600.0  # seconds


@contextmanager
def writing(tree: Tree) -> Iterator[None]:
    """Be the one writer of a tree. Raises LockedError where another run is, PublishError where nothing can be kept beside the tree."""
    make_home(tree)
    with locked(tree.lock, f"{tree.name}: {tree.path}"):
        yield


def recover(tree: Tree) -> None:
    """Bring the folder beside the tree back in step with the tree after a run that was stopped at any point.

    The tree's stamp decides: one system call commits a generation, and the stamp ends an adoption. Records and
    generations newer than the stamp, and than any that was ever published, never happened; a former tree still lying at
    `building` goes where former trees are kept. A tree that shows an older generation than was published last was changed by
    hand: nothing of what was published since is removed.
    """
    _remove_strays(tree)
    _settle_building(tree, tree.stamp())
    last = tree.last()
    for later in journal.numbers(tree.journal):
        if later > last:
            journal.remove_record(tree.journal, later)
    for later in numbered(path.name for path in tree.generations.glob("*")):
        if later > last and (last or later == 1):  # where nothing tells what was published, the first adoption may have begun
            remove_tree(tree.generations / str(later))
    if tree.shown() is not None:
        _mark(tree, last)


def _mark(tree: Tree, number: int) -> None:
    """Say which generation was published last."""
    content = f"{number}\n".encode()
    if not tree.marker.is_file() or tree.marker.read_bytes() != content:
        write_file(tree.marker, content)


def _remove_strays(tree: Tree) -> None:
    """What was about to be written when a run was killed."""
    for stray in (tree.trial, tree.next_link, tree.genhdlist_stage):
        remove_tree(stray)
    for folder in (tree.home, tree.journal):
        remove_strays(folder)
    remove_strays(tree.path, STAMP)
    remove_strays(tree.state, idle=_AN_HOUR)  # runs that only look write there too, and take no lock


def _settle_building(tree: Tree, number: int | None) -> None:
    """A former tree has an older stamp than the tree; all else that lies there is half built."""
    former = tree.stamp(tree.building)
    if former is not None and number is not None and former < number:
        _retire(tree, former)
    else:
        remove_tree(tree.building)


def _retire(tree: Tree, number: int) -> None:
    """Keep the directory that was the tree: mounts made while it was go on in it. One that was put there by hand goes."""
    target = tree.retired / str(number)
    make_directory(tree.retired)
    if target.exists():
        remove_tree(tree.building)
    else:
        move(tree.building, target)


def adopt(tree: Tree, generation: Generation, files: Sequence[FileRecord]) -> None:
    """Record a tree that was not published here, and give it its own path; its stamp, written last, ends the adoption."""
    own = tree.generations / str(generation.number)
    clone_directories(tree.path, own)
    for record in files:
        carry(tree.path / record.path, own / record.path, read_by_nodes=tree.shape.is_package(record.path))
    seal = journal.write_record(tree.journal, generation, files)
    write_stamp(own, generation.number, seal)
    sync_filesystem(tree.home)
    _end_adoption(tree, generation.number, seal)
    with suppress(OSError):  # the stamp says it, too, and the next run marks it
        _mark(tree, generation.number)


def _end_adoption(tree: Tree, number: int, seal: str) -> None:
    try:
        write_stamp(tree.path, number, seal)
    except OSError as error:
        if tree.stamp() != number:
            raise
        what = f"recorded as generation {number}, and nothing else was done, for that could not be made durable: {error.strerror}"
        raise PublishError(f"{tree.path}: {what}; mend that and run again") from error


def write_stamp(root: Path, number: int, seal: str = "") -> None:
    """Say in the tree at `root` which generation it is, and by `seal` which record of the journal is its."""
    write_file(root / STAMP, f"{number} {seal}".strip().encode() + b"\n")


def publish(tree: Tree, generation: Generation, files: Sequence[FileRecord]) -> tuple[Finding, ...]:
    """Put `building` in the tree's place. A crash before that leaves the old tree, after it the new one.

    Raises PublishError, TreeError or OSError with the tree as it was. What goes wrong once it is published is a finding.
    """
    write_stamp(tree.building, generation.number, journal.write_record(tree.journal, generation, files))
    former = None
    if way_of(tree) is Way.LINK:
        _point(tree, generation.number)
    else:
        former = _exchange(tree, generation.number)
    try:
        _finish(tree, generation.number, former)
    except OSError as error:
        what = f"generation {generation.number} is published; what was left to do then was not done: {error.strerror}"
        remedy = "mend that and run `mirrorsync update`: it finishes"
        return (Finding(Severity.ERROR, "not-finished", str(error.filename or tree.path), what, remedy),)
    return ()


def _finish(tree: Tree, number: int, former: int | None) -> None:
    """Make it durable, put the former tree where former trees are kept (None where the tree is a link), and say that it is done."""
    if former is None:
        sync_names(tree.path, tree.next_link)
    else:
        sync_names(tree.path, tree.building)
        _retire(tree, former)
    _mark(tree, number)


def _exchange(tree: Tree, number: int) -> int:
    """The directories change places; the number of the tree that lies at `building` then."""
    clone_tree(tree.building, tree.generations / str(number))
    make_directory(tree.retired)  # durable before the former tree is moved into it
    former = tree.shown() or number - 1
    sync_filesystem(tree.home)
    exchange(tree.path, tree.building)
    return former


def _point(tree: Tree, number: int) -> None:
    """The generation's own directory, which never moves again, becomes what the tree's link points to."""
    note_forerunner(tree, number)
    own = tree.generations / str(number)
    make_directory(tree.generations)
    move(tree.building, own)
    sync_filesystem(tree.home)
    point(tree.path, str(own.relative_to(tree.path.parent)), by=tree.next_link)
