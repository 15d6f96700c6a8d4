"""Many installs at once from two trees, each of which is published to underneath, and what became of them."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from tests.inflight.doors import Enter
from tests.inflight.installs import FAULTS, Install, Pause, stamp_of
from tests.inflight.ledger import Names
from tests.inflight.strand import Strand, UnpublishedError

PAUSE_SECONDS = 5
PACE_SECONDS = 20
AHEAD = 8  # publications that may be made before the installs they belong to begin
IDLER_EVERY = 10  # each tenth install waits through more publications

Read = Callable[["Strand", Pause, int], Install]
"""One install, the number given, of a strand's tree."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What a campaign came to: `rollbacks` are among the publications, `failures` are lines for a person.

    spans: how many publications each install lived through.
    """

    installs: int = 0
    publications: int = 0
    rollbacks: int = 0
    failures: tuple[str, ...] = ()
    spans: tuple[int, ...] = ()

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.installs + other.installs,
            self.publications + other.publications,
            self.rollbacks + other.rollbacks,
            self.failures + other.failures,
            self.spans + other.spans,
        )


def pinned(enter: Enter, read: Callable[..., Names], kind: str) -> Read:
    """An install through a door that is to show one generation from beginning to end, whichever the tree is meanwhile."""

    def install(strand: Strand, pause: Pause, _: int) -> Install:
        began = 0
        try:
            with enter(strand.path) as door:
                began = stamp_of(door)
                names = read(door, strand.stock.digests, pause)
                ended = stamp_of(door)
        except FAULTS as fault:
            return Install(kind, began, began, fault=str(fault))
        became = "" if ended == began else f"it became generation {ended}"
        return Install(kind, began, began, names, fault=became)

    return install


def campaign(strands: Sequence[tuple[Strand, Read, int]], installs: int, publications: int) -> Tally:
    """`installs` of each strand, as many at once as stands with it, while each gets `publications`."""
    with ThreadPoolExecutor(len(strands)) as pool:
        running = [pool.submit(_one_tree, *one, installs=installs, publications=publications) for one in strands]
        return sum((future.result() for future in running), Tally())


def _one_tree(strand: Strand, read: Read, at_once: int, *, installs: int, publications: int) -> Tally:
    before, rollbacks = strand.ledger.count, strand.rollbacks
    started = threading.Semaphore(0)

    def install(number: int) -> Install:
        started.release()
        return _timed(strand, read, number)

    with ThreadPoolExecutor(at_once) as pool:
        with strand.ledger.publishing():
            running = [pool.submit(install, number) for number in range(installs)]
            refusals = _publish(strand, started, installs, publications)
        ended = [future.result() for future in running]
    judged = [verdict for one in ended if (verdict := one.judged(strand.ledger.expected))]
    return Tally(
        len(ended),
        strand.ledger.count - before,
        strand.rollbacks - rollbacks,
        failures=(*judged, *refusals),
        spans=tuple(one.spanned for one in ended),
    )


def _timed(strand: Strand, read: Read, number: int) -> Install:
    before = strand.ledger.count
    ended = read(strand, _pause(strand, 3 if number % IDLER_EVERY == 0 else 1), number)
    return replace(ended, spanned=strand.ledger.count - before)


def _pause(strand: Strand, publications: int) -> Pause:
    """Wait until so many more were published."""
    return lambda: strand.ledger.wait_for(strand.ledger.count + publications, PAUSE_SECONDS)


def _publish(strand: Strand, started: threading.Semaphore, installs: int, publications: int) -> list[str]:
    """Publish at the pace of the installs; what was wrong with it."""
    begun = 0
    try:
        for number in range(publications):
            wanted = (number - AHEAD) * installs // publications
            while begun < wanted and started.acquire(timeout=PACE_SECONDS):
                begun += 1
            strand.publish(number)
    except UnpublishedError as refusal:
        return [str(refusal)]
    return []
