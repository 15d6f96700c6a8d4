"""`python -m tests.inflight.hammering`: readers that never rest while one publication follows the other; ends with 1 if one met a fault.

What publishes is the program's own code, called in this process on trees that it made before.
"""

import argparse
import multiprocessing
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mirrorsync.files import clone_tree, sha256_of, walk_files
from mirrorsync.model.choices import Layout
from mirrorsync.model.generation import ADOPTION, FileRecord, Generation
from mirrorsync.tree import publication
from mirrorsync.tree.layout import STAMP
from mirrorsync.tree.site import Tree
from tests.hdlists import HDLIST, HDLIST2, UnpairedError, paired
from tests.inflight.readers import REPOMD, Seen, Watch, read_by_path, read_pairs
from tests.inflight.stock import Stock, build_stock
from tests.inflight.strand import strand
from tests.memory import memory

HAMMERING_SECONDS = 300
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

Publish = Callable[[Tree, Generation, Sequence[FileRecord]], None]
"""What puts a generation that was built at the tree's `building` in the tree's place."""


@dataclass(frozen=True, slots=True)
class Hammered:
    """What the readers met through so many publications."""

    publications: int
    seen: Seen

    def __str__(self) -> str:
        return f"opens {self.seen.opens}, publications {self.publications}, ENOENT {self.seen.missing}, mixed {self.seen.mixed}"


def hammered(folder: Path, made: Sequence[Path], publish: Publish, *, publications: int, opens: int) -> Hammered:
    """Publish the states `made` in turn to a tree in `folder`, at least so often, until the readers have made at least so many opens."""
    states = [Path(shutil.copytree(state, folder / "states" / state.name)) for state in made]
    tree = Tree("hammered", folder / "u1/hammered", Layout.REDHAT, folder / "state", ("i386",))
    clone_tree(states[0], tree.path)
    files = [_records(state) for state in states]
    publication.adopt(tree, Generation(1, NOW, ADOPTION), files[0])
    with _reading(folder, tree.path, states, opens) as readers:
        number = 1
        while number <= publications or not readers.satisfied:
            readers.check()
            clone_tree(states[number % len(states)], tree.building)
            moment = NOW + timedelta(seconds=number)
            publish(tree, Generation(number + 1, moment, "update"), files[number % len(states)])
            number += 1
    return Hammered(number - 1, readers.seen)


def _records(state: Path) -> tuple[FileRecord, ...]:
    return tuple(FileRecord(name, entry.stat().st_size, sha256_of(state / name)) for name, entry in walk_files(state))


@dataclass(slots=True)
class Readers:
    """Processes that read until they are stopped."""

    watches: Sequence[Watch]
    running: Sequence["Future[Seen]"]

    @property
    def satisfied(self) -> bool:
        """Whether each has made its share of the opens."""
        return all(watch.satisfied.exists() for watch in self.watches)

    @property
    def seen(self) -> Seen:
        """What they met, all together, once they have ended."""
        return sum((future.result() for future in self.running), Seen())

    def check(self) -> None:
        """Raises what a reader ended with, and TimeoutError where they took too long."""
        for future in self.running:
            if future.done():
                future.result()
                raise TimeoutError(f"the readers did not come to an end in {HAMMERING_SECONDS} s")


@contextmanager
def _reading(folder: Path, tree: Path, states: Sequence[Path], opens: int) -> Iterator[Readers]:
    """One process for each index by path, and one for the pair below the directory."""
    stop, limit = folder / "stop", time.monotonic() + HAMMERING_SECONDS
    hdlists, repomds = (frozenset((state / name).read_bytes() for state in states) for name in (HDLIST, REPOMD))
    watches = [Watch(stop, folder / f"satisfied-{number}", opens // 3 + 1, limit) for number in range(3)]
    with ProcessPoolExecutor(len(watches), multiprocessing.get_context("spawn")) as pool:
        running = [
            pool.submit(read_by_path, tree / HDLIST, hdlists, watches[0]),
            pool.submit(read_by_path, tree / REPOMD, repomds, watches[1]),
            pool.submit(read_pairs, tree, _pairs(states), watches[2]),
        ]
        try:
            yield Readers(watches, running)
        finally:
            stop.touch()


def _pairs(states: Sequence[Path]) -> dict[bytes, bytes]:
    """Which hdlist2 belongs to which hdlist; each of the others would end an install."""
    pairs = {(state / HDLIST).read_bytes(): (state / HDLIST2).read_bytes() for state in states}
    for first, second in pairs.items():
        for other in pairs.values():
            if _pair(first, other) != (second == other):
                raise ValueError("the states to be published cannot be told apart")
    return pairs


def _pair(hdlist: bytes, hdlist2: bytes) -> bool:
    try:
        return bool(paired(hdlist, hdlist2))
    except UnpairedError:
        return False


def two_states(folder: Path) -> tuple[Path, Path]:
    """Two small trees with both kinds of index, made by the program from different packages."""
    stock = build_stock(folder / "stock", 2)
    few = replace(stock, first=stock.first[:2])
    return _state(folder, "first", few), _state(folder, "second", replace(few, later=stock.later[1:]))


def _state(folder: Path, name: str, stock: Stock) -> Path:
    state = folder / name
    with strand(Layout.REDHAT, folder / f"{name}-made", stock) as redhat, strand(Layout.REPODATA, folder / f"{name}-made", stock) as rocky:
        clone_tree(redhat.served / redhat.path, state)
        clone_tree(rocky.served / rocky.path / "repodata", state / "repodata")
    (state / STAMP).unlink()
    return state


def main() -> int:
    """Hammer as long as asked, and print what the readers met."""
    parser = argparse.ArgumentParser(prog="python -m tests.inflight.hammering", description=__doc__)
    parser.add_argument("--opens", type=int, default=1_000_000, help="at least so many [default: 1000000]")
    parser.add_argument("--publications", type=int, default=1_000, help="at least so many [default: 1000]")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=memory()) as name:
        folder = Path(name)
        met = hammered(folder, two_states(folder), publication.publish, publications=asked.publications, opens=asked.opens)
    print(met)
    return 1 if met.seen.missing or met.seen.mixed else 0


if __name__ == "__main__":
    sys.exit(main())
