"""Which recorded operations a power loss at each instant may keep: the assumptions of this package's docstring, as sets of operations."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.powerloss.operations import CONTENT, Barrier, Operation, Step, Thing


@dataclass(frozen=True, slots=True)
class Instant:
    """The moment after a step. durable: operations certainly kept, as bits.  pending: those that may be, in their order."""

    step: int
    durable: int
    pending: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """What one power loss keeps: operations kept, as bits, and those of them whose content is torn."""

    kept: int
    torn: int = 0


@dataclass(frozen=True, slots=True)
class Order:
    """The operations of a recording, and for each the last one before it that changed the same thing."""

    operations: tuple[Operation, ...]
    needs: tuple[tuple[int, ...], ...]

    def writes(self, number: int) -> bool:
        """Whether an operation can be torn."""
        return self.operations[number].changes[0][0][0] == CONTENT

    def possible(self, number: int, choice: Choice) -> bool:
        """Whether an operation can be kept on top of a choice: what it follows on is kept, and whole."""
        return all(choice.kept & ~choice.torn & 1 << need for need in self.needs[number])

    def closure(self, number: int) -> int:
        """An operation and all that are kept when it is, as bits."""
        bits = 1 << number
        for need in self.needs[number]:
            bits |= self.closure(need)
        return bits


def order_of(steps: Sequence[Step]) -> Order:
    """The order that operations on one thing keep."""
    last: dict[Thing, int] = {}
    operations = tuple(step for step in steps if isinstance(step, Operation))
    needs = []
    for number, operation in enumerate(operations):
        needs.append(tuple(sorted({last[thing] for thing, _ in operation.changes if thing in last})))
        last |= dict.fromkeys((thing for thing, _ in operation.changes), number)
    return Order(operations, tuple(needs))


def instants(steps: Sequence[Step], order: Order) -> Iterator[Instant]:
    """The moment before the first step and after each. An operation is durable once each thing it changed has been synced since."""
    durable = number = 0
    unsynced: dict[int, set[int]] = {}
    yield Instant(0, 0, ())
    for position, step in enumerate(steps, 1):
        if isinstance(step, Barrier):
            for done in _synced(unsynced, step.covers):
                durable |= order.closure(done)
        else:
            unsynced[number] = {inode for (_, inode, _), _ in step.changes}
            number += 1
        yield Instant(position, durable, tuple(one for one in range(number) if not durable & 1 << one))


def _synced(unsynced: dict[int, set[int]], covers: frozenset[int]) -> list[int]:
    """Take what a barrier covers out of `unsynced`; the operations of which nothing is left."""
    for inodes in unsynced.values():
        inodes.difference_update(covers)
    done = [number for number, inodes in unsynced.items() if not inodes]
    for number in done:
        del unsynced[number]
    return done


def choices(instant: Instant, order: Order, *, window: int, samples: int) -> Iterator[Choice]:
    """What a power loss at an instant may keep: every combination of the last `window` pending operations, on top of all and of none of the
    older ones, and `samples` combinations of them all, by lot but always the same.
    """
    older, last = instant.pending[: -window or None], instant.pending[-window:] if window else ()
    none = Choice(instant.durable)
    everything = Choice(instant.durable | sum(1 << number for number in older))
    for start in (everything, none) if older else (none,):
        yield from _combinations(start, last, order)
    lot = random.Random(instant.step)
    for _ in range(samples if older else 0):
        yield _drawn(none, instant.pending, order, lot)


def _combinations(start: Choice, numbers: Sequence[int], order: Order) -> Iterator[Choice]:
    """Each combination of some operations that keeps their order, on top of a choice."""
    open_ends = [(start, 0)]
    while open_ends:
        choice, position = open_ends.pop()
        if position == len(numbers):
            yield choice
            continue
        open_ends += [(more, position + 1) for more in (choice, *_with(choice, numbers[position], order))]


def _with(choice: Choice, number: int, order: Order) -> Iterator[Choice]:
    """The choice with one operation more, whole and torn, where that is possible."""
    if order.possible(number, choice):
        kept = choice.kept | 1 << number
        yield Choice(kept, choice.torn)
        if order.writes(number):
            yield Choice(kept, choice.torn | 1 << number)


def _drawn(choice: Choice, numbers: Sequence[int], order: Order, lot: random.Random) -> Choice:
    share = lot.random()
    for number in numbers:
        if lot.random() < share:
            choice = lot.choice([choice, *_with(choice, number, order)][1:] or [choice])
    return choice
