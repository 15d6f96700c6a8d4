"""An older generation made anew as the next one: its files, its indexes, and unlisted what installs of the present one still want."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath

from mirrorsync.errors import PublishError, TreeError, UsageError
from mirrorsync.files import carry, clone_directories, link_file, make_directory, open_to_others, remove_tree
from mirrorsync.model.generation import FileRecord, Generation, GraceCopy
from mirrorsync.planning.edits import edits_text
from mirrorsync.tree import journal
from mirrorsync.tree.indexes import read_indexes
from mirrorsync.tree.inspection import Depth, Inspection
from mirrorsync.tree.layout import Shape
from mirrorsync.tree.publication import write_stamp
from mirrorsync.tree.site import Tree


@dataclass(frozen=True, slots=True)
class Recorded:
    """A generation's record and its files."""

    generation: Generation
    files: tuple[FileRecord, ...]

    @property
    def listed(self) -> Mapping[str, FileRecord]:
        """Its files without the grace copies, by path."""
        copies = {copy.path for copy in self.generation.grace}
        return {record.path: record for record in self.files if record.path not in copies}

    def wanted(self, before: datetime) -> Mapping[str, FileRecord]:
        """Its files without the grace copies that left the indexes before then, by path."""
        over = {copy.path for copy in self.generation.grace if copy.since <= before}
        return {record.path: record for record in self.files if record.path not in over}


@dataclass(frozen=True, slots=True)
class Restoration:
    """kept: files linked from the older generation.  copies: files linked from the present one, unlisted, as `grace` says since when."""

    kept: tuple[FileRecord, ...]
    copies: tuple[FileRecord, ...]
    grace: tuple[GraceCopy, ...]

    @property
    def files(self) -> tuple[FileRecord, ...]:
        """All of them, sorted by path."""
        return tuple(sorted([*self.kept, *self.copies], key=lambda record: record.path))


def goal_of(tree: Tree, number: int | None) -> int:
    """The generation to go back to: `number`, or by default the newest kept one before what the tree now shows. Raises UsageError."""
    kept = tree.kept_generations()
    known = f"kept: {', '.join(map(str, kept)) or 'none'}"
    if number is not None:
        if number not in kept:
            raise UsageError(f"{tree.name}: generation {number} is not kept; {known}")
        return number
    shown = _origin(tree)
    earlier = [candidate for candidate in kept if candidate < shown]
    if not earlier:
        raise UsageError(f"{tree.name}: no generation before {shown} is kept; {known}")
    return earlier[-1]


def _origin(tree: Tree) -> int:
    """The generation whose files the tree shows: rollbacks of rollbacks lead back to it."""
    number = tree.stamp() or tree.last() + 1
    with suppress(TreeError):
        while (back := journal.read_record(tree.journal, number).back_to) and back < number:
            number = back
    return number


def recorded(tree: Tree, number: int) -> Recorded:
    """A generation as the journal has it. Raises TreeError where its record is not the one that was published."""
    journal.require_followed(tree, number)
    generation = journal.read_record(tree.journal, number)
    return Recorded(generation, journal.read_files(tree.journal, generation))


def recorded_or_none(tree: Tree) -> Recorded | None:
    """What lies at the tree's path as the journal has it; None where that is lost."""
    try:
        generation = journal.current(tree)
        return Recorded(generation, journal.read_files(tree.journal, generation)) if generation else None
    except TreeError:
        return None


def require_whole(tree: Tree, goal: Recorded, inspection: Inspection) -> None:
    """Raises TreeError where the kept generation is no longer what its record says."""
    number = goal.generation.number
    edits = inspection.edits(tree.generations / str(number), goal.files, Depth.CHANGED)
    if edits:
        where = tree.generations / str(number)
        remedy = "choose another generation (`mirrorsync history`)"
        raise TreeError(f"{tree.name}: {where}: changed by hand: {edits_text(edits)}; {remedy}; nothing was done")


def restoration(shape: Shape, goal: Recorded, present: Recorded | None, *, now: datetime, grace: timedelta) -> Restoration:
    """The files of the generation that brings `goal` back in the place of `present`."""
    kept = goal.wanted(now - grace)
    known = {record.path: record for record in present.files} if present else {}
    since = {copy.path: copy.since for copy in present.generation.grace if copy.since + grace > now} if present else {}
    leaving = present.listed if present else {}
    since |= {path: now for path in leaving if shape.is_package(path) or shape.outlives(path)}
    own = tuple(copy for copy in goal.generation.grace if copy.path in kept)
    grace_copies = tuple(GraceCopy(path, since[path]) for path in sorted(since.keys() - kept.keys()) if path in known)
    return Restoration(tuple(kept.values()), tuple(known[copy.path] for copy in grace_copies), (*own, *grace_copies))


def sound(tree: Tree, made: Restoration, present: int | None, inspection: Inspection) -> Restoration:
    """Without the copies that are gone, or not what the record of the present generation says."""
    places = {record.path: source_of(tree, record, present) for record in made.copies}
    good = [record for record in made.copies if places[record.path].is_file() and _same(places[record.path], record, inspection)]
    dropped = {record.path for record in made.copies} - {record.path for record in good}
    return Restoration(made.kept, tuple(good), tuple(copy for copy in made.grace if copy.path not in dropped))


def _same(path: Path, record: FileRecord, inspection: Inspection) -> bool:
    return inspection.digest(path, Depth.CHANGED) == record.sha256


def rebuild(tree: Tree, number: int, goal: int, made: Restoration, present: int | None) -> None:
    """Build generation `number` at `building`: directories, files and indexes of `goal`, copies of `present`."""
    remove_tree(tree.building)
    make_directory(tree.building)
    write_stamp(tree.building, number)
    own = tree.generations / str(goal)
    clone_directories(own, tree.building)
    for record in made.kept:
        carry(own / record.path, tree.building / record.path, read_by_nodes=tree.shape.read_by_nodes(record.path))
    for record in made.copies:
        link_file(source_of(tree, record, present), tree.building / record.path)
    for folder in {str(parent) for record in made.kept for parent in PurePosixPath(record.path).parents}:
        open_to_others(tree.building / folder)


def source_of(tree: Tree, record: FileRecord, present: int | None) -> Path:
    """The generation's own folder where it is kept: it is not what somebody edits when he edits the tree."""
    own = tree.generations / str(present) / record.path
    return own if own.exists() else tree.path / record.path


def verify_restored(tree: Tree, goal: int, made: Restoration) -> None:
    """Read the indexes as an installer does. Raises PublishError naming the first fault."""
    sizes = {record.path: record.size for record in made.kept}
    try:
        for package in read_indexes(tree.shape, tree.building):
            path = tree.building / package.location
            if sizes.get(package.location) != package.size or not path.is_file() or path.stat().st_size != package.size:
                raise PublishError(f"{package.location}: not the file that its indexes name")
    except PublishError as error:
        remedy = f"go back to another (`mirrorsync history {tree.name}`)"
        what = f"generation {goal} could not be installed from: {error}"
        raise PublishError(f"{tree.name}: {what}; {remedy}; nothing was published") from error


def listed_nevras(tree: Tree, root: Path, otherwise: Sequence[Path] = ()) -> frozenset[str]:
    """What the indexes at `root` list, or at the first of the others that can be read; nothing where none can."""
    for place in (root, *otherwise):
        try:
            return frozenset(str(package.nevra) for package in read_indexes(tree.shape, place))
        except PublishError:
            continue
    return frozenset()
