"""Survey what a power loss can leave of an update, an adoption or a rollback, and run the program on some of it.

    python -m tests.powerloss [--layout redhat|repodata] [--scenario NAME]… [--window N] [--materialise N] [--plant NAME]

Ends with 1 where anything is broken, lost, or does not recover.
"""

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from tests.memory import memory
from tests.powerloss.aftermath import aftermaths, chosen
from tests.powerloss.planting import PLANTS
from tests.powerloss.recording import UMASK, record
from tests.powerloss.sites import LAYOUTS, SCENARIOS
from tests.powerloss.survey import SAMPLES, WINDOW, Survey, survey
from tests.warm import warm_program

SHOWN = 12  # faults of each kind that are printed


def main() -> int:
    """Print the figures of each layout and scenario; how many faults there were, at most 1."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--layout", action="append", choices=LAYOUTS)
    options.add_argument("--scenario", action="append", choices=sorted(SCENARIOS))
    options.add_argument("--window", type=int, default=WINDOW, help="so many of the last operations in every combination")
    options.add_argument("--samples", type=int, default=SAMPLES, help="so many combinations of all of them, by lot, at each instant")
    options.add_argument("--materialise", type=int, default=100, metavar="N", help="so many states to run on")
    options.add_argument("--plant", choices=sorted(PLANTS), help="a fault to find")
    asked = options.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that what was made is removed
    faults = 0
    for layout in asked.layout or LAYOUTS:
        for scenario in asked.scenario or SCENARIOS:
            faults += _one(layout, scenario, asked)
    return min(faults, 1)


def _one(layout: str, scenario: str, asked: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(dir=memory()) as name:
        recording = record(Path(name), layout, scenario)
        if asked.plant:
            recording = PLANTS[asked.plant](recording)
        found = survey(recording, window=asked.window, samples=asked.samples)
        states = chosen(found, 0 if asked.plant else asked.materialise)
        with warm_program(UMASK) as program:
            ends = list(aftermaths(found, scenario, states, program, Path(name) / "states"))
    failed = [end for end in ends if end.differences]
    print(f"{layout} {scenario}: {found.line}, materialised {len(ends)} (recovered {len(ends) - len(failed)})", flush=True)
    _explain(found)
    for end in failed[:SHOWN]:
        print(f"  not recovered, step {end.state.step}: {'; '.join(end.differences[:4])}")
    return len(found.broken) + found.lost + len(failed)


def _explain(found: Survey) -> None:
    """Each fault, how often, and after which call it is seen first."""
    for fault, count in found.faults.most_common(SHOWN):
        first = min(state.step for state in found.broken if fault in state.verdict.faults)
        call = found.recording.steps[first - 1] if first else None
        print(f"  broken, {count} states, first after {call.call if call else 'nothing'} {call.path if call else ''}: {fault}")


if __name__ == "__main__":
    sys.exit(main())
