"""`python -m tests.fuzz`: fuzz as long as told, print what came of it, and end with 1 where anything was found."""

import argparse
import importlib.util
import re
import subprocess
import sys
import time
from collections.abc import Sequence

from tests.fuzz.campaign import campaign
from tests.fuzz.scratch import scratch_folder
from tests.fuzz.target import Target
from tests.fuzz.targets import TARGETS

_COVERED = re.compile(r"cov: (\d+) ft: (\d+)")
_GRACE = 120  # seconds beyond those that were asked for


def main() -> int:
    """Do what the command line says."""
    options = _options()
    guided = importlib.util.find_spec("atheris") is not None and not options.unguided
    print("guided by coverage (atheris)" if guided else "guided by new outcomes", flush=True)
    run = _guided if guided else _unguided
    results = [run(TARGETS[name], options.seconds) for name in options.target or TARGETS]
    return 0 if all(results) else 1


def _guided(target: Target, seconds: float) -> bool:
    """Whether nothing was found, in a process of its own."""
    with scratch_folder() as folder:
        command = [sys.executable, "-m", "tests.fuzz.guided", target.name, str(seconds), str(folder)]
        done = subprocess.run(command, capture_output=True, check=False, timeout=seconds + _GRACE)
    covered = _COVERED.findall(done.stderr.decode(errors="replace"))
    print(
        done.stdout.decode(errors="replace").rstrip() or f"{target.name}: ended by {done.returncode}: {done.stderr[-2000:]!r}", flush=True
    )
    if covered:
        print(f"    edges covered by the seeds {covered[0][0]}, at the end {covered[-1][0]}", flush=True)
    return done.returncode == 0


def _unguided(target: Target, seconds: float) -> bool:
    tally = campaign(target, seconds=seconds, seed=time.time_ns())
    print(*tally.lines(), sep="\n", flush=True)
    return not tally.found


def _options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="for each target (60)")
    parser.add_argument("--target", action="append", choices=sorted(TARGETS))
    parser.add_argument("--unguided", action="store_true", help="not by coverage, even where atheris is installed")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
