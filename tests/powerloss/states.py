"""The disks that a power loss can leave: the one before the run, with what is kept on top of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.powerloss.disk import Contents, Disk
from tests.powerloss.operations import CONTENT, MODE
from tests.powerloss.recording import Recording
from tests.powerloss.reordering import Choice, Order


@dataclass(slots=True)
class Remains:
    """Makes disks out of choices; what is durable at an instant is applied once for all of its choices.

    A torn content has a negative number.
    """

    recording: Recording
    order: Order
    base: Disk = field(init=False)
    applied: int = 0

    def __post_init__(self) -> None:
        self.base = self.recording.before.copy()
        for inode, mode in self.recording.after.modes.items():  # what is made during the run is as the call made it, once it has a name
            self.base.modes.setdefault(inode, self.recording.made.get(inode, mode))
            if inode in self.recording.after.names:
                self.base.names.setdefault(inode, {})
        self.base.targets |= self.recording.after.targets

    def advance(self, durable: int) -> None:
        """Apply what has become durable."""
        _apply(self.base, durable & ~self.applied, Choice(durable), self.order, set(self.base.names))
        self.applied = durable

    def disk(self, choice: Choice) -> Disk:
        """The disk that a choice leaves, to be looked at only: directories without a change are the base's own."""
        base = self.base
        disk = Disk(base.roots, dict(base.names), dict(base.contents), dict(base.modes), base.targets)
        _apply(disk, choice.kept & ~self.applied, choice, self.order, set())
        return disk


def _apply(disk: Disk, bits: int, choice: Choice, order: Order, own: set[int]) -> None:
    """Make changes in their order. `own`: the directories whose entries belong to this disk alone; others are copied first."""
    while bits:
        number = (bits & -bits).bit_length() - 1
        bits &= bits - 1
        for (kind, inode, name), value in order.operations[number].changes:
            if kind == CONTENT:
                disk.contents[inode] = -number - 1 if choice.torn & 1 << number else value or 0
            elif kind == MODE:
                disk.modes[inode] = value or 0
            else:
                _set_name(disk, inode, name, value, own)


def _set_name(disk: Disk, directory: int, name: str, value: int | None, own: set[int]) -> None:
    if directory not in own:
        disk.names[directory] = dict(disk.names.get(directory, {}))
        own.add(directory)
    if value is None:
        disk.names[directory].pop(name, None)
    else:
        disk.names[directory][name] = value


def torn_blobs(recording: Recording, order: Order, *, zeros: bool) -> Mapping[int, bytes]:
    """What each torn content's number stands for: half of what was added, or all of its length with the second half zeros."""
    former: dict[int, int] = dict(recording.before.contents)
    torn = {}
    for number, operation in enumerate(order.operations):
        (kind, inode, _), value = operation.changes[0]
        if kind == CONTENT:
            torn[-number - 1] = _torn(recording.contents, former.get(inode, 0), value or 0, zeros=zeros)
            former[inode] = value or 0
    return torn


def _torn(contents: Contents, former: int, new: int, *, zeros: bool) -> bytes:
    old, whole = contents.blobs[former], contents.blobs[new]
    half = (len(old) + len(whole)) // 2
    longer = max(old, whole, key=len)
    return longer[:half] + b"\0" * (len(longer) - half if zeros else 0)
