"""Whether what a power loss left is whole: as a node would find the tree, and as the next run would find the folder beside it."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property

from tests.powerloss.disk import Disk, Entry
from tests.powerloss.recording import Recording
from tests.sites import STAMP

BOOT_SET = ("linux.1", "linux.2")
_OTHERS_READ = 0o004
_SHA256 = re.compile(r"[0-9a-f]{64}")
Listing = Mapping[str, Entry]


class Whole(Enum):
    """What lies at the tree's path, or is staged for booting."""

    OLD = "old"
    NEW = "new"
    MIXED = "mixed"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Verdict:
    """faults: everything that is not as promised.  situation: what distinguishes it for the next run, to choose examples by."""

    tree: Whole
    boot: Whole
    faults: tuple[str, ...]
    situation: tuple[object, ...]


class FaultError(Exception):
    """Something found that may not be."""


@dataclass
class Judge:
    """Knows from the real disk, before and after the run, what each generation is, and holds what remains against it."""

    recording: Recording
    known: dict[int, bool] = field(default_factory=dict)

    @cached_property
    def tree(self) -> str:
        return str(self.recording.site.tree)

    @cached_property
    def home(self) -> str:
        return str(self.recording.site.home)

    @cached_property
    def old(self) -> Listing:
        return published(self.recording.before, self.tree)

    @cached_property
    def new(self) -> Listing:
        return published(self.recording.after, self.tree)

    @cached_property
    def generations(self) -> dict[int, Listing]:
        """Every generation that was whole before the run or is after it."""
        found: dict[int, Listing] = {}
        for disk in (self.recording.before, self.recording.after):
            folder = f"{self.home}/generations"
            found |= {number: published(disk, f"{folder}/{number}") for number in numbers(disk, folder)}
        return found

    @cached_property
    def final(self) -> frozenset[int]:
        """The generations that the run leaves."""
        return frozenset(numbers(self.recording.after, f"{self.home}/generations"))

    def verdict(self, disk: Disk) -> Verdict:
        """What is to be said of a disk."""
        faults = []
        for look in (self._tree_faults, self._kept_faults, self._record_faults, self._pool_faults, self._boot_faults):
            faults += list(look(disk))
        lying = published(disk, self.tree)
        tree = Whole.OLD if lying == self.old else Whole.NEW if lying == self.new else Whole.BROKEN
        return Verdict(tree, self._boot(disk), tuple(faults), self._situation(disk, tree))

    # --- the tree

    def _tree_faults(self, disk: Disk) -> Iterator[str]:
        lying = published(disk, self.tree)
        if lying not in (self.old, self.new):
            yield f"tree: neither old nor new: {_difference(lying, self.new if len(lying.keys() ^ self.new.keys()) < 3 else self.old)}"
        try:
            number, seal = self._stamp(disk, self.tree)
        except FaultError as fault:
            yield f"tree: {fault}"
            return
        if number is None:
            if lying != self.old or self._stamp(self.recording.before, self.tree)[0] is not None:
                yield "tree: has no stamp"
            return
        if lying != self.generations.get(number):
            yield f"tree: is not generation {number}, which its stamp says"
        yield from self._sealed(disk, number, seal)

    def _stamp(self, disk: Disk, root: str) -> tuple[int | None, str]:
        """(number, digest of the record) as the stamp of a generation has it. Raises FaultError."""
        inode = self._at(disk, f"{root}/{STAMP}")
        if inode is None:
            return None, ""
        number, _, seal = self._text(disk, inode, STAMP).strip().partition(" ")
        if not number.isdigit():
            raise FaultError(f"{STAMP} is not a number")
        return int(number), seal

    def _sealed(self, disk: Disk, number: int, seal: str) -> Iterator[str]:
        try:
            record = self._text(disk, self._at(disk, f"{self.home}/journal/{number}.json"), f"the record of {number}")
        except FaultError as fault:
            yield f"journal: {fault}"
            return
        if seal and hashlib.sha256(record.encode()).hexdigest() != seal:
            yield f"journal: the record of {number} is not the one that the tree's stamp names"
        if number in self.final and number not in numbers(disk, f"{self.home}/generations"):
            yield f"generations/{number}: is not there, and the tree is that generation"

    # --- the folder beside it

    def _kept_faults(self, disk: Disk) -> Iterator[str]:
        """Generations that were published and are there are whole; directories that were the tree are what they were."""
        current = self._number(disk)
        for kind in ("generations", "retired"):
            for number in numbers(disk, f"{self.home}/{kind}"):
                lying = published(disk, f"{self.home}/{kind}/{number}")
                if number <= current and lying != self.generations.get(number):
                    yield f"{kind}/{number}: not whole: {_difference(lying, self.generations.get(number, {}))}"
        for number in self.final:
            if number < current and number not in numbers(disk, f"{self.home}/generations"):
                yield f"generations/{number}: is not there, and is to be kept"
        former = self._number(disk, f"{self.home}/building")
        for number in numbers(self.recording.after, f"{self.home}/retired"):
            if number < current and number != former and number not in numbers(disk, f"{self.home}/retired"):
                yield f"retired/{number}: the directory that was the tree is nowhere"
        if 0 < former < current and published(disk, f"{self.home}/building") != self.generations.get(former):
            yield f"building: the former tree {former}, not whole"

    def _record_faults(self, disk: Disk) -> Iterator[str]:
        folder = f"{self.home}/journal"
        for name, inode in disk.names.get(self._at(disk, folder) or 0, {}).items():
            if not name.startswith("."):
                yield from self._record_fault(disk, inode, name)
        for name in self.recording.after.names[self.recording.after.inode(folder) or 0]:
            number = name.partition(".")[0]
            if number.isdigit() and int(number) <= self._number(disk) and self._at(disk, f"{folder}/{name}") is None:
                yield f"journal/{name}: is not there, and that generation was published"

    def _record_fault(self, disk: Disk, inode: int, name: str) -> Iterator[str]:
        content = disk.contents.get(inode, 0)
        if content not in self.known:
            self.known[content] = content > 0 and _is_json(self.recording.contents.blobs[content])
        if not self.known[content]:
            yield f"journal/{name}: cannot be read"

    def _pool_faults(self, disk: Disk) -> Iterator[str]:
        for path, inode in disk.below(self._at(disk, f"{self.home}/pool")):
            name = path.rpartition("/")[2]
            if _SHA256.fullmatch(name) and not path.startswith("incoming/") and not self._is_named(disk, inode, name):
                yield f"pool/{path}: is not what its name says"

    def _is_named(self, disk: Disk, inode: int, sha256: str) -> bool:
        content = disk.contents.get(inode, 0)
        return content >= 0 and hashlib.sha256(self.recording.contents.blobs[content]).hexdigest() == sha256

    # --- the boot directory

    def _boot(self, disk: Disk) -> Whole:
        """Which boot set nodes load; none at all is the old one of a first run."""
        here, old, new = (self._staged(each) for each in (disk, self.recording.before, self.recording.after))
        if None in here and None in old:
            return Whole.OLD
        if None in here or any(content < 0 for content, _ in filter(None, here)):
            return Whole.BROKEN
        return Whole.OLD if here == old else Whole.NEW if here == new else Whole.MIXED

    def _staged(self, disk: Disk) -> list[tuple[int, bool] | None]:
        """Content of the kernel and of the initrd, and whether everybody may read it; None where there is none."""
        inodes = [look_at(disk, f"{self.recording.site.boot}/{name}") for name in BOOT_SET]
        return [None if inode is None else (disk.contents.get(inode, 0), bool(disk.modes[inode] & _OTHERS_READ)) for inode in inodes]

    def _boot_faults(self, disk: Disk) -> Iterator[str]:
        boot = self._boot(disk)
        if boot is Whole.BROKEN:
            yield "boot: a file is lost or torn"
        elif boot is Whole.MIXED:
            yield "boot: kernel and initrd of two sets"

    # --- looking

    def _situation(self, disk: Disk, tree: Whole) -> tuple[object, ...]:
        journal = sorted(name for name in disk.names.get(self._at(disk, f"{self.home}/journal") or 0, {}) if not name.startswith("."))
        kinds = [tuple(numbers(disk, f"{self.home}/{kind}")) for kind in ("generations", "retired", "discarded")]
        building = self._at(disk, f"{self.home}/building"), self._number(disk, f"{self.home}/building")
        return tree, self._number(disk), tuple(journal), *kinds, building[0] is not None, building[1], self._half_written(disk)

    def _half_written(self, disk: Disk) -> frozenset[str]:
        """The folders that hold a file which has not got its name yet."""
        folders = {self.tree, f"{self.home}/journal", f"{self.home}/pool/incoming", str(self.recording.site.boot)}
        return frozenset(
            folder for folder in folders if any(name.endswith(".new") for name in disk.names.get(self._at(disk, folder) or 0, {}))
        )

    def _number(self, disk: Disk, root: str | None = None) -> int:
        """The number on a stamp, 0 where there is none that can be read."""
        try:
            return self._stamp(disk, root or self.tree)[0] or 0
        except FaultError:
            return 0

    def _at(self, disk: Disk, path: str) -> int | None:
        return look_at(disk, path)

    def _text(self, disk: Disk, inode: int | None, what: str) -> str:
        if inode is None:
            raise FaultError(f"{what} is not there")
        if (content := disk.contents.get(inode, 0)) < 0:
            raise FaultError(f"{what} is torn")
        return self.recording.contents.blobs[content].decode(errors="replace")


def look_at(disk: Disk, path: str) -> int | None:
    """What lies at a path, None where nothing does, or no way leads there."""
    try:
        return disk.inode(path)
    except FileNotFoundError:
        return None


def published(disk: Disk, root: str) -> Listing:
    """What a node sees of a generation at a path, mode of its top directory included, without the stamp and what is about to become it."""
    top = look_at(disk, root)
    if top is None or top not in disk.names:
        return {}
    inside = {path: entry for path, entry in disk.listing(top).items() if not path.lstrip(".").startswith(STAMP[1:])}
    return {"": disk.entry(top), **inside}


def numbers(disk: Disk, folder: str) -> list[int]:
    """The entries of a folder that are numbers."""
    return sorted(int(name) for name in disk.names.get(look_at(disk, folder) or 0, {}) if name.isdigit())


def _difference(found: Listing, wanted: Listing) -> str:
    names = sorted(path for path in found.keys() | wanted.keys() if found.get(path) != wanted.get(path))
    return ", ".join(f"{name or '.'} ({_fate(found.get(name))})" for name in names[:3])


def _fate(entry: Entry | None) -> str:
    if entry is None:
        return "lost"
    return "torn" if entry[1] < 0 else "not as it was"


def _is_json(blob: bytes) -> bool:
    try:
        json.loads(blob)
    except ValueError:
        return False
    return True
