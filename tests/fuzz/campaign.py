"""A run of one target: inputs made from its seeds and from inputs that ended in new ways, the same ones in every run."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from tests.fuzz.examination import Examiner, Outcome, limits
from tests.fuzz.scratch import scratch_folder
from tests.fuzz.target import Target

_FIRST = 20020418
_FRESH = 0.3  # how often an input is made of a seed, not of an input that was new


@dataclass(frozen=True, slots=True)
class Found:
    """An input, and what is wrong with how it was taken."""

    fault: str
    way: str
    content: bytes


@dataclass(slots=True)
class Tally:
    """What a run came to. ways: in how many ways inputs ended.  seconds, peak: the most that one took, of the processor and in bytes."""

    target: str
    executions: int = 0
    accepted: int = 0
    ways: set[str] = field(default_factory=set)
    seconds: float = 0.0
    peak: int = 0
    found: dict[str, Found] = field(default_factory=dict)  # by the way it ended

    def note(self, content: bytes, outcome: Outcome) -> bool:
        """Count an input; whether it ended in a way that none before did."""
        new = outcome.way not in self.ways
        self.executions += 1
        self.accepted += outcome.accepted
        self.ways.add(outcome.way)
        self.seconds = max(self.seconds, outcome.seconds)
        self.peak = max(self.peak, outcome.peak)
        if outcome.fault:
            self.found.setdefault(outcome.way, Found(outcome.fault, outcome.way, content))
        return new

    def lines(self) -> Iterator[str]:
        """For a person."""
        most = f"{self.seconds:.2f} s and {self.peak >> 20} MiB at most"
        counts = f"{self.executions} executions, {self.accepted} accepted, {len(self.ways)} ways"
        yield f"{self.target}: {counts}, {most}, {len(self.found)} found"
        for found in self.found.values():
            yield f"    {found.way}: {found.fault}: {found.content[:120]!r} ({len(found.content)} bytes)"


def campaign(
    target: Target, *, executions: int | None = None, seconds: float = float("inf"), seed: int = _FIRST, until_found: bool = False
) -> Tally:
    """Give the target its seeds, and then inputs made of them, up to so many executions and so many seconds, or a finding."""
    tally = Tally(target.name)
    until = time.monotonic() + seconds
    random = Random(seed)
    with scratch_folder() as folder, limits():
        examiner = Examiner(target, folder)
        pool = list(target.seeds())
        for content in _inputs(target, pool, random):
            if tally.executions == executions or time.monotonic() > until or (until_found and tally.found):
                break
            if tally.note(content, examiner.examine(content)):
                pool.append(content)
    return tally


def _inputs(target: Target, pool: list[bytes], random: Random) -> Iterator[bytes]:
    """Everything that is in the pool, then what is made of it while it grows, without end."""
    seeds = tuple(pool)
    yield from seeds
    while True:
        base = random.choice(seeds if random.random() < _FRESH else pool)
        yield target.mutate(random, base, pool)[: target.largest]
