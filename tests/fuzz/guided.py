"""One target fuzzed under atheris: `python -m tests.fuzz.guided TARGET SECONDS FOLDER`; what covers new code is kept and changed further.

libFuzzer ends a process itself, so each target has one, and whoever starts it makes and removes the folder. It tells on
standard error what is covered; the tally comes on standard output.
"""

import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import atheris  # type: ignore[import-not-found, import-untyped, unused-ignore]  # an extra, which need not be there, and has no types

_OURS = 0.5  # how often an input is made by the target's own mutator, not by libFuzzer's
_KEPT = 64  # inputs to make others of


def main() -> None:
    """Does not return."""
    name, seconds, folder = sys.argv[1], float(sys.argv[2]), Path(sys.argv[3])
    with atheris.instrument_imports(include=["mirrorsync"]):
        from tests.fuzz import campaign, examination, targets  # noqa: PLC0415  imported here, for coverage to be seen
    target = targets.TARGETS[name]
    with examination.limits():
        seeds = [*target.seeds(), *target.corpus()]
        pool = _laid_out(folder / "seeds", seeds)
        work = folder / "work"
        work.mkdir()
        tally = campaign.Tally(name)
        examiner = examination.Examiner(target, work)
        one = _taking(tally, examiner, time.monotonic() + seconds)
        arguments = [sys.argv[0], f"-max_len={target.largest}", f"-artifact_prefix={folder}/", "-len_control=0", str(pool)]
        atheris.Setup(arguments, one, custom_mutator=_mutating(target, seeds))
        atheris.Fuzz()


def _laid_out(folder: Path, seeds: Sequence[bytes]) -> Path:
    """Seeds as libFuzzer takes them: files."""
    folder.mkdir()
    for number, content in enumerate(seeds):
        (folder / str(number)).write_bytes(content)
    return folder


def _taking(tally: Any, examiner: Any, until: float) -> Callable[[bytes], None]:
    def take(content: bytes) -> None:
        tally.note(content, examiner.examine(content))
        if time.monotonic() > until:
            print(*tally.lines(), sep="\n", flush=True)
            os._exit(0 if not tally.found else 1)

    return take


def _mutating(target: Any, seeds: Sequence[bytes]) -> Callable[[bytes, int, int], bytes]:
    pool = list(seeds[:_KEPT])

    def mutate(content: bytes, largest: int, number: int) -> bytes:
        random = Random(number)
        if random.random() < _OURS:
            return bytes(target.mutate(random, content, pool)[:largest])
        return bytes(atheris.Mutate(content, largest))

    return mutate


if __name__ == "__main__":
    main()
