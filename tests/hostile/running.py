"""A case run through the real program, and everything that is wrong with what came of it."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from tests.hostile.cases import Case, Ended
from tests.hostile.program import Program, Run
from tests.hostile.stock import Stock
from tests.hostile.world import World, world

_SPARE = 15  # seconds until a run that takes too long is ended
_LACKING = 10  # seconds that a program may take which lacks a check; more is as wrong as anything


@dataclass(frozen=True, slots=True)
class Outcome:
    """A case's run; `faults` is empty where all is as it must be."""

    case: Case
    ended: Ended
    faults: tuple[str, ...]


def run_case(case: Case, stock: Stock, program: Program, folder: Path, *, plant: str = "") -> Outcome:
    """The update of the case, in an empty folder; with a plant, of a program that lacks a check."""
    with world(folder, case.kind, stock) as made:
        if case.settled:
            first = program(_run(made, case))
            if first.code:
                raise RuntimeError(f"{case.id}: the update before it ended with {first.code}: {first.said}")
        before = made.published()
        case.misbehave(made)
        run = replace(_run(made, case), patience=case.patience)
        ended = program(replace(run, plant=plant, limit=_LACKING) if plant else run)
        return Outcome(case, ended, tuple(_faults(case, made, before, ended)))


def require_right(case: Case, stock: Stock, program: Program, folder: Path) -> None:
    """Run a case that must have no faults, and leave nothing of it. Raises AssertionError."""
    outcome = run_case(case, stock, program, folder)
    shutil.rmtree(folder)
    assert not outcome.faults, f"{outcome.faults}\n{outcome.ended.said}"


def _run(made: World, case: Case) -> Run:
    arguments = ("--config", str(made.mirrorsync().config), *case.arguments)
    return Run(arguments, str(made.folder / "run"), case.seconds + _SPARE)


def _faults(case: Case, made: World, before: dict[str, bytes], ended: Ended) -> Iterator[str]:
    if ended.code != case.code:
        yield f"ended with {ended.code}, not {case.code}"
    if "Traceback" in ended.said:
        yield "a traceback"
    if case.line(ended) is None:
        yield f"no line says {case.says}"
    if ended.seconds > case.seconds:
        yield f"took {ended.seconds:.0f} s, more than {case.seconds:.0f}"
    if ended.processor > case.processor:
        yield f"took {ended.processor:.1f} s of processor time, more than {case.processor}"
    if ended.megabytes > case.megabytes:
        yield f"took {ended.megabytes:.0f} MB, more than {case.megabytes:.0f}"
    yield from _wrongly_published(case, made, before)
    yield from (f"{name}: written where nothing should be" for name in made.strays())
    if case.also:
        yield from case.also(made, ended)


def _wrongly_published(case: Case, made: World, before: dict[str, bytes]) -> Iterator[str]:
    after = made.published()
    if not case.arrives and after != before:
        yield f"the tree changed: {sorted(after.keys() ^ before.keys())}"
    packages = {Path(name).name: content for name, content in after.items() if name.endswith(".rpm")}
    old = {Path(name).name: content for name, content in before.items() if name.endswith(".rpm")}
    good = {f"{name}.noarch.rpm": made.good.get(name, made.stock.signed(name)).read_bytes() for name in case.arrives}
    wanted = old | good
    yield from (f"{name}: published, and should not be" for name in sorted(packages.keys() - wanted.keys()))
    yield from (f"{name}: not published, and should be" for name in sorted(wanted.keys() - packages.keys()))
    yield from (f"{name}: published with other content" for name in sorted(packages) if packages[name] != wanted.get(name, packages[name]))
