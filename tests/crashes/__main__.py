"""`python -m tests.crashes`: enumerate, print what came of it, and end with 1 where anything was not whole."""

import argparse
import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import NoReturn

from mirrorsync.model.choices import Layout
from tests.crashes import program
from tests.crashes.course import chart
from tests.crashes.enumeration import Share, fail_at_each, kill_at_each
from tests.crashes.plants import PLANTED
from tests.crashes.real import comparable, same
from tests.crashes.scenarios import NAMES, Ground, furnish, scenarios
from tests.crashes.tally import Tally, together
from tests.memory import memory

_COMPARED = 3  # points a scenario
_WITHOUT_CLOCK = ("first",)


def main() -> int:
    """Do what the command line says; 1 where anything failed, or where a planted fault was not found."""
    _require_one_order()
    signal.signal(signal.SIGTERM, _stop)
    options = _options()
    program.load()
    layouts = [Layout(layout) for layout in options.layout or list(Layout)]
    if options.plants or options.real:
        program.stay_on(program.processors()[-1])
        results = [result for layout in layouts for result in _on_ground(layout, options, _plants if options.plants else _compare)]
    else:
        results = [_shown(tally).clean for layout in layouts for tally in _shared(layout, options)]
    return 0 if all(results) else 1


def _on_ground(layout: Layout, options: argparse.Namespace, work: Callable[[Ground, argparse.Namespace], Iterator[bool]]) -> Iterator[bool]:
    with ground_folder() as folder:
        yield from work(furnish(folder, layout, large=options.large), options)


def _shared(layout: Layout, options: argparse.Namespace) -> Iterator[Tally]:
    """The enumerations of a layout, shared out to as many processes as there are processors, each with a ground of its own."""
    processors = program.processors()
    shares = [Share(number, len(processors)) for number in range(len(processors))]
    with ExitStack() as stack:
        folders = [stack.enter_context(ground_folder()) for _ in shares]
        pool = stack.enter_context(ProcessPoolExecutor(len(shares), multiprocessing.get_context("fork")))
        for tallies in zip(*pool.map(partial(_enumerated, layout, options), folders, shares, processors), strict=True):
            yield together(tallies)


def _stop(*_: object) -> NoReturn:
    """End those that share the work too, and what they run ends with them; then every folder is removed."""
    for child in multiprocessing.active_children():
        child.kill()
    sys.exit(1)


def _enumerated(layout: Layout, options: argparse.Namespace, folder: Path, share: Share, processor: int) -> list[Tally]:
    """What came of one share of each enumeration."""
    program.stay_on(processor)
    tallies = []
    ground = furnish(folder, layout, large=options.large)
    for scenario in scenarios(ground):
        if options.scenario and scenario.name not in options.scenario:
            continue
        course = chart(ground, scenario)
        if not options.errors:
            tallies.append(kill_at_each(course, share=share))
        if not options.kill:
            tallies.append(fail_at_each(course, every_error=options.all_errors, cache_share=options.cache_share, share=share))
    return tallies


def _plants(ground: Ground, _: argparse.Namespace) -> Iterator[bool]:
    """Whether each planted fault was found."""
    later = next(scenario for scenario in scenarios(ground) if scenario.name == "later")
    for planted in PLANTED:
        if ground.known.layout not in planted.layouts:
            continue
        course = chart(ground, later, planted.put)
        tally = fail_at_each(course, every_error=False, select=planted.selects) if planted.fails else kill_at_each(course, planted.selects)
        found = [failure.fault for failure in tally.failures if planted.shows(failure.fault)]
        told = f"found {len(found)} times at {tally.points} points: {found[0]}" if found else f"NOT FOUND at {tally.points} points"
        print(f"{ground.known.layout.value}, planted {planted.name}: {told}", flush=True)
        yield bool(found)


def _compare(ground: Ground, _: argparse.Namespace) -> Iterator[bool]:
    """Whether the program itself leaves what a fork leaves; without threads at work times in indexes, or what the clock lets go."""
    if ground.known.layout is not Layout.REDHAT:
        return
    for scenario in scenarios(ground):
        if scenario.name in _WITHOUT_CLOCK:
            course = chart(ground, scenario)
            points = comparable(course, _COMPARED)
            alike = sum(same(course, point) for point in points)
            print(f"{scenario.name}, killed as `python -m mirrorsync` too: points {len(points)}, the same {alike}", flush=True)
            yield len(points) == alike


def _shown(tally: Tally) -> Tally:
    for line in tally.lines():
        print(line, flush=True)
    return tally


def _options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.crashes", description=__doc__)
    parser.add_argument("--layout", action="append", choices=[layout.value for layout in Layout])
    parser.add_argument("--scenario", action="append", choices=NAMES)
    parser.add_argument("--kill", action="store_true", help="only kill")
    parser.add_argument("--errors", action="store_true", help="only let calls fail")
    parser.add_argument("--all-errors", action="store_true", help="each error at each point, not one in turn")
    parser.add_argument("--cache-share", type=int, default=1, metavar="N", help="in caches let one call in N fail")
    parser.add_argument("--plants", action="store_true", help="make the product wrong in one way after the other; each must be found")
    parser.add_argument("--real", action="store_true", help="compare some kills with those of `python -m mirrorsync` itself")
    parser.add_argument("--large", action="store_true", help="trees of more packages")
    return parser.parse_args(arguments)


def _require_one_order() -> None:
    """Sets have the same order in every run only where Python was started so."""
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.execve(sys.executable, [sys.executable, "-m", "tests.crashes", *sys.argv[1:]], {**os.environ, "PYTHONHASHSEED": "0"})


@contextmanager
def ground_folder() -> Iterator[Path]:
    """A folder in memory, where there is room: that changes nothing of what is shown here."""
    with tempfile.TemporaryDirectory(prefix="mirrorsync-crashes-", dir=memory()) as name:
        yield Path(name)


if __name__ == "__main__":
    sys.exit(main())
