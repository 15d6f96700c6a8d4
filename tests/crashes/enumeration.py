"""The enumeration: killed before each point, or each point failed; what is found then; and the next run."""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import cycle

from mirrorsync.errors import ExitCode
from tests.crashes.calls import LINKING, Call
from tests.crashes.course import Course, end_of, faults, published
from tests.crashes.program import Ended, run, run_traced
from tests.crashes.scenarios import HOME
from tests.crashes.sites import copy_site, differences
from tests.crashes.tally import Failure, Tally

KILL = "KILL"
ERRORS = ("ENOSPC", "EDQUOT", "EIO", "EROFS")
_TOO_MANY_LINKS = "EMLINK"
_KILLED = -9
_MOST_LINES = 4
_MOST_DIFFERENCES = 3

Select = Callable[[Call], bool]


def kill_at_each(course: Course, select: Select = lambda _: True) -> Tally:
    """Kill before every point that is selected."""
    return _each(course, "killed", [(point, KILL) for point in course.points if select(point)])


def fail_at_each(course: Course, *, every_error: bool, cache_share: int = 1, select: Select = lambda _: True) -> Tally:
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
    tally = _each(course, "failed", chosen)
    tally.left_out = left_out
    return tally


def _shared(course: Course, points: Sequence[Call], share: int) -> tuple[list[Call], int]:
    """The points without most of those in the caches, and how many that leaves out."""
    caches = [point for point in points if point.within(str(course.ground.site / "state"))]
    left_out = set(caches) - set(caches[::share])
    return [point for point in points if point not in left_out], len(left_out)


def _each(course: Course, how: str, chosen: Iterable[tuple[Call, str]]) -> Tally:
    tally = Tally(f"{course.ground.known.layout.value} {course.scenario.name} {how}")
    began, used = time.monotonic(), _processor_seconds()
    for point, what in chosen:
        _one(course, point, what, tally)
    tally.seconds, tally.processor = time.monotonic() - began, _processor_seconds() - used
    return tally


def _processor_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _one(course: Course, point: Call, what: str, tally: Tally) -> None:
    """One kill or error, and all that is looked at after it."""
    copy_site(course.scenario.kept, course.ground.site)
    inject = f"{point.name}:{'signal' if what == KILL else 'error'}={what}:when={point.ordinal}"
    ended = run_traced(course.scenario.command, course.ground.output, plant=course.plant, inject=inject)
    hit = _hit(ended, point, what)
    found = [*_ending_faults(ended, what), *faults(course)] if hit else ["not hit: the run made other calls than the undisturbed one"]
    remaining = [f"after the next run: {fault}" for fault in _recover(course, what)] if hit else []
    tally.points += 1
    tally.missed += not hit
    tally.whole += not found
    tally.recovered += hit and not remaining
    tally.failures += [Failure(point.described(str(course.ground.site)), what, fault) for fault in (*found, *remaining)]


def _hit(ended: Ended, point: Call, what: str) -> bool:
    """Whether the call that was hit is the point."""
    if what == KILL:
        return ended.code == _KILLED and bool(ended.calls) and ended.calls[-1].identity == point.identity
    return [call.identity for call in ended.calls if call.injected] == [point.identity]


def _ending_faults(ended: Ended, what: str) -> Iterator[str]:
    """What is wrong with how a run ended that met an error: it must end with an exit code of its own, and say why in clear lines."""
    if what == KILL:
        return
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
