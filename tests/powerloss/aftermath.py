"""What the next run makes of what a power loss left: states written to a real disk, the real program run on them, and how they end."""

import itertools
import random
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.commands import Result
from tests.powerloss.disk import write_disk
from tests.powerloss.ending import ending
from tests.powerloss.sites import SCENARIOS, configured, roots
from tests.powerloss.states import Remains, torn_blobs
from tests.powerloss.survey import State, Survey
from tests.powerloss.verdict import Whole
from tests.sites import Site
from tests.warm import Program

STATES = ("after", "before", "none", "torn")  # what becomes of STATE


@dataclass(frozen=True, slots=True)
class Aftermath:
    """One state that was run on; `differences` from an undisturbed run, nothing where it recovered."""

    state: State
    differences: tuple[str, ...]


def chosen(survey: Survey, most: int) -> list[State]:
    """At most so many of the distinct states, from every situation in turn: the first one met, then others by lot, always the same."""
    groups: dict[tuple[object, ...], list[State]] = {}
    for state in survey.distinct.values():
        groups.setdefault(state.verdict.situation, []).append(state)
    rounds = itertools.zip_longest(*(_spread(group, most) for group in groups.values()))
    return [state for turn in rounds for state in turn if state is not None][:most]


def _spread(group: Sequence[State], most: int) -> list[State]:
    lot = random.Random(len(group))
    return [group[0], *lot.sample(group[1:], min(most, len(group) - 1))]


def aftermaths(survey: Survey, scenario: str, states: Sequence[State], program: Program, folder: Path) -> Iterator[Aftermath]:
    """Run the next command on each state in a new place below `folder`, which is removed afterwards."""
    site = survey.recording.site
    undisturbed, wanted = _next_runs(site, scenario, Whole.NEW, program)
    for number, state in enumerate(states):
        place = replace(site, folder=folder / str(number))
        try:
            _lay_out(survey, state, place, number)
            ended, found = _next_runs(place, scenario, state.verdict.tree, program)
            yield Aftermath(state, (*_unlike(undisturbed, ended), *_differences(wanted, found)))
        finally:
            shutil.rmtree(place.folder, ignore_errors=True)


def _next_runs(site: Site, scenario: str, tree: Whole, program: Program) -> tuple[list[Result], dict[str, str]]:
    """Where it was lost the command again, an update, and what removes superfluous generations: how they ended, and what is there then.

    A run that finds nothing to do leaves such generations to the next publication, or to `mirrorsync prune`.
    """
    again = [SCENARIOS[scenario].command] if tree is Whole.OLD else []
    commands = [*(command for command in again if command != ("update",)), ("update",), ("prune",)]
    config = str(configured(site).config)
    return [program("--config", config, *command) for command in commands], ending(site)


def _lay_out(survey: Survey, state: State, place: Site, number: int) -> None:
    recording = survey.recording
    remains = Remains(recording, survey.order)
    disk = remains.disk(state.choice)
    blobs = dict(enumerate(recording.contents.blobs)) | dict(torn_blobs(recording, survey.order, zeros=number % 2 == 0))
    write_disk(disk, blobs, {str(old): new for old, new in zip(roots(recording.site), roots(place), strict=True)})
    _lay_out_state(recording.former_state, recording.site.state, place.state, STATES[number % len(STATES)])


def _lay_out_state(before: Path, after: Path, target: Path, kind: str) -> None:
    """The caches as they were before or after the run, as half of what they were after it, or none.

    What mirrors showed is renamed into place whole, and a run says so where it is lost: that is no cache.
    """
    if kind != "none":
        shutil.copytree(before if kind == "before" else after, target)
    for path in target.rglob("*") if kind == "torn" else ():
        if path.is_file() and path.parent.name != "views":
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _unlike(undisturbed: list[Result], ended: list[Result]) -> list[str]:
    """How the runs ended where not as undisturbed ones; a command given again ends with 0."""
    wanted, codes = [result.code for result in undisturbed], [result.code for result in ended]
    if codes[-len(wanted) :] == wanted and not any(codes[: -len(wanted)]):
        return []
    said = " ".join(result.out + result.err for result in ended)
    return [f"exit codes {codes} in place of {wanted}: {said[-400:]}"]


def _differences(wanted: dict[str, str], found: dict[str, str]) -> list[str]:
    paths = sorted(path for path in wanted.keys() | found.keys() if wanted.get(path) != found.get(path))
    return [f"{path}: {found.get(path, 'nothing')[:120]}, undisturbed {wanted.get(path, 'nothing')[:120]}" for path in paths]
