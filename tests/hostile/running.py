"""A case run through the real program, and everything that is wrong with what came of it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.hostile import launcher
from tests.hostile.cases import Case, Ended
from tests.hostile.stock import Stock
from tests.hostile.world import World, world

_SPARE = 15  # seconds until a run that takes too long is ended
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A case's run; `faults` is empty where all is as it must be."""

    case: Case
    ended: Ended
    faults: tuple[str, ...]


def run_case(case: Case, stock: Stock, folder: Path, *, plant: str = "") -> Outcome:
    """The update of the case, in an empty folder; with a plant, of a program that lacks a check."""
    with world(folder, case.kind, stock) as made:
        if case.settled:
            first = _run(made, case, ["-m", "mirrorsync"])
            if first.code:
                raise RuntimeError(f"{case.id}: the update before it ended with {first.code}: {first.said}")
        before = made.published()
        case.misbehave(made)
        ended = _run(made, case, _program(case, plant))
        return Outcome(case, ended, tuple(_faults(case, made, before, ended)))


def _program(case: Case, plant: str) -> list[str]:
    if case.patience is None and not plant:
        return ["-m", "mirrorsync"]
    return ["-m", "tests.hostile.program", str(case.patience or 0), plant]


def _run(made: World, case: Case, program: Sequence[str]) -> Ended:
    file = made.folder / "run"
    command = [sys.executable, *program, "--config", str(made.mirrorsync().config), *case.arguments]
    environ = {**os.environ, "PYTHONPATH": str(_ROOT), "COLUMNS": "200"}
    subprocess.run(
        [sys.executable, "-I", "-S", launcher.__file__, str(file), str(case.seconds + _SPARE), *command], check=True, env=environ
    )
    cost = json.loads(file.with_suffix(".json").read_bytes())
    said = "".join(file.with_suffix(suffix).read_text(encoding="utf-8", errors="replace") for suffix in (".out", ".err"))
    return Ended(cost["code"], said, cost["seconds"], cost["processor"], cost["megabytes"])


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
