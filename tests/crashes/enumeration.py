"""The enumeration: killed before each point, or each point failed; what is found then, also by those who only read; and the next run."""

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle

from mirrorsync.errors import ExitCode
from tests.crashes.calls import LINKING, SYNCING, TIMING, Call
from tests.crashes.course import Course, end_of, faults, published
from tests.crashes.program import Ended, run, run_traced
from tests.crashes.readers import EVERY, reading_faults
from tests.crashes.scenarios import HOME
from tests.crashes.sites import copy_site, differences
from tests.crashes.tally import Failure, Tally

KILL = "KILL"
ERRORS = ("ENOSPC", "EDQUOT", "EIO", "EROFS")
_TOO_MANY_LINKS = "EMLINK"
_KILLED = -9
_MOST_LINES = 4
_MOST_DIFFERENCES = 3

_BLOCK = 16  # points that follow each other: many leave the same

Select = Callable[[Call], bool]


@dataclass(frozen=True, slots=True)
class Share:
    """The `number`-th of `of` who enumerate the same, each in a place of its own."""

    number: int = 0
    of: int = 1

    def has(self, position: int) -> bool:
        """Whether the point at this position is one of this share's."""
        return position // _BLOCK % self.of == self.number


@dataclass(frozen=True, slots=True)
class Judged:
    """What was wrong with a state, and after the next run."""

    found: tuple[str, ...]
    remaining: tuple[str, ...]


@dataclass(slots=True)
class Judge:
    """Looks at what a kill or an error has left, and at what the next run makes of it; the same state is judged once."""

    course: Course
    known: dict[str, Judged] = field(default_factory=dict)
    readings: int = 0

    def killed(self, ended: Ended, point: Call, *, read: bool) -> Judged:
        """What is to be said of the site as a kill before the point has left it."""
        state = _state(self.course, ended, point)
        if state not in self.known or read:
            found = tuple(faults(self.course))
            if read:
                self.readings += 1
                found += tuple(reading_faults(self.course.ground, self.course.scenario))
            self.known[state] = Judged(found, tuple(_recover(self.course, KILL)))
        return self.known[state]

    def failed(self, ended: Ended, error: str) -> Judged:
        """What is to be said of how a run ended that met an error, and of the site."""
        found = (*_ending_faults(ended), *self._silence(ended), *faults(self.course))
        return Judged(found, tuple(_recover(self.course, error)))

    def _silence(self, ended: Ended) -> Iterator[str]:
        """A run that published and ends as one that did not hides it; an adoption's number 1 is no publication."""
        now, before = published(self.course.ground.site), published(self.course.scenario.kept)
        if now > max(before, 1) and ended.code == ExitCode.FAILURE:
            yield f"it ended as if generation {now} had not been published: {ended.errors.strip()}"


def kill_at_each(course: Course, select: Select = lambda _: True, share: Share = Share()) -> Tally:
    """Kill before every point that is selected."""
    return _each(course, "killed", [(point, KILL) for point in course.points if select(point)], share)


def fail_at_each(
    course: Course, *, every_error: bool, cache_share: int = 1, select: Select = lambda _: True, share: Share = Share()
) -> Tally:
    """Let every point fail that is selected: with each error, or with the next of them in turn.

    cache_share: of the points in SQLite's caches, which may be lost, only one in so many.
    """
    turns = {False: cycle(ERRORS), True: cycle((_TOO_MANY_LINKS, *ERRORS))}
    points, left_out = _shared(course, [point for point in course.points if select(point)], cache_share)
    chosen: list[tuple[Call, str]] = []
    for point in points:
        links = point.name in LINKING
        errors = (*ERRORS, _TOO_MANY_LINKS) if links else ERRORS
        chosen += [(point, error) for error in (errors if every_error else [next(turns[links])])]
    tally = _each(course, "failed", chosen, share)
    tally.left_out = left_out if share.number == 0 else 0
    return tally


def _shared(course: Course, points: Sequence[Call], share: int) -> tuple[list[Call], int]:
    """The points without most of those in the caches, and how many that leaves out."""
    caches = [point for point in points if point.within(str(course.ground.site / "state"))]
    left_out = set(caches) - set(caches[::share])
    return [point for point in points if point not in left_out], len(left_out)


def _each(course: Course, how: str, chosen: Sequence[tuple[Call, str]], share: Share) -> Tally:
    tally = Tally(f"{course.ground.known.layout.value} {course.scenario.name} {how}")
    judge = Judge(course)
    began, used = time.monotonic(), _processor_seconds()
    for position, (point, what) in enumerate(chosen):
        if share.has(position):
            _one(judge, point, what, tally, read=position % EVERY == 0)
    tally.seconds, tally.processor = time.monotonic() - began, _processor_seconds() - used
    tally.states, tally.readings = len(judge.known), judge.readings
    return tally


def _processor_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _one(judge: Judge, point: Call, what: str, tally: Tally, *, read: bool) -> None:
    """One kill or error, and all that is looked at after it."""
    course = judge.course
    copy_site(course.scenario.kept, course.ground.site)
    inject = f"{point.name}:{'signal' if what == KILL else 'error'}={what}:when={point.ordinal}"
    ended = run_traced(course.scenario.command, course.ground.output, plant=course.plant, inject=inject)
    tally.points += 1
    if not _hit(ended, point, what):
        tally.missed += 1
        judged = Judged((_missed(ended, str(course.ground.site)),), ("not tried",))
    else:
        judged = judge.killed(ended, point, read=read) if what == KILL else judge.failed(ended, what)
    tally.whole += not judged.found
    tally.recovered += not judged.remaining
    wrong = (*judged.found, *(f"after the next run: {fault}" for fault in judged.remaining))
    tally.failures += [Failure(point.described(str(course.ground.site)), what, fault) for fault in wrong]


def _state(course: Course, ended: Ended, point: Call) -> str:
    """Equal for two kills that leave the same; what is in the caches is told by how many calls that may change them went before.

    So are times. Inodes are other ones after each kill, and so are the times of what the run itself has made.
    """
    caches = str(course.ground.site / "state")
    before = course.points[: course.points.index(point)]
    done = sum(call.name in TIMING or (call.within(caches) and call.name not in SYNCING) for call in before)
    seen = repr(sorted(end_of(course.ground).items())).replace(f".{ended.process}.", ".PID.")
    return f"{done} {hashlib.sha256(seen.encode()).hexdigest()}"


def _hit(ended: Ended, point: Call, what: str) -> bool:
    """Whether the call that was hit is the point."""
    if what == KILL:
        return ended.code == _KILLED and bool(ended.calls) and ended.calls[-1].identity == point.identity
    return [call.identity for call in ended.calls if call.injected] == [point.identity]


def _missed(ended: Ended, folder: str) -> str:
    """What was hit in place of the point."""
    hit = [call for call in ended.calls if call.injected] or ended.calls[-1:]
    return f"not hit: the run ended with {ended.code}, hit at {', '.join(call.described(folder) for call in hit) or 'no call'}"


def _ending_faults(ended: Ended) -> Iterator[str]:
    """What is wrong with how a run ended that met an error: it must end with an exit code of its own, and say why in clear lines."""
    lines = ended.errors.strip().splitlines()
    if ended.code not in set(ExitCode):
        yield f"it ended with {ended.code}"
    if any(word in ended.errors for word in ("Traceback", "Exception ignored", "Warning")) or len(lines) > _MOST_LINES:
        yield f"it said: {lines[-1]}"
    if ended.code == ExitCode.FAILURE and not lines:
        yield "it failed without a word"


def _recover(course: Course, what: str) -> Iterator[str]:
    """What is still wrong after the next run, which meets nothing."""
    for command in _next_commands(course):
        ended = run(command, course.ground.output, plant=course.plant)
        if ended.code != course.codes[command]:
            yield f"it ended with {ended.code}: {ended.errors.strip()}"
    unlinked = what == _TOO_MANY_LINKS  # a copy took the link's place: the files are the same, what they share is not
    lines = differences(course.end, end_of(course.ground), links=not unlinked, without=f"{HOME}/pool/" if unlinked else "")
    yield from lines[:_MOST_DIFFERENCES]
    if len(lines) > _MOST_DIFFERENCES:
        yield "and more names that are not as they should be"
    yield from faults(course)


def _next_commands(course: Course) -> Sequence[tuple[str, ...]]:
    """The same command once more; where it must not be done twice, only what follows once it is done."""
    scenario = course.scenario
    done = bool(scenario.then) and published(course.ground.site) != published(scenario.kept)
    return [command for command in (() if done else scenario.command, scenario.then) if command]
