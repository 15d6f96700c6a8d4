"""What it costs to sync the whole file system before each publication (syncfs): rollbacks with it and without it, in turn.

Usage: python -m benchmarks.durability [--rounds N] [--beside MEGABYTES] [--large]

A rollback publishes as an update does and fetches nothing, so one tree serves for all rounds. The program is the same for both: strace,
which stops it at nothing but syncfs, lets that call through or answers it with success. Every run goes to the other one of two
generations, and which of a pair goes first changes from round to round. `--beside` lets somebody write to a file of so many megabytes on
the same file system all through each run: syncfs waits for everybody's data. `--large` adds a whole distribution; it needs the corpus
beside the checkout (../shared/corpus), and some GB of disk for little but links.
"""

import argparse
import os
import re
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fixtures.rpms import PackageSpec, build_rpms
from tests.commands import Mirrorsync, configured
from tests.full_size import build_rhel6
from tests.sites import REPODATA, repository

LIMIT_SECONDS = 1200
KEPT = 'grace = "0s"\nkeep_generations = 1000'
_MEGABYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Published:
    """Seconds of one run, and of those in syncfs."""

    run: float
    syncfs: float


def main() -> None:
    """Print the figures of each tree."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=6, help="even, so that each way goes first equally often")
    options.add_argument("--beside", type=int, default=0, metavar="MEGABYTES")
    options.add_argument("--large", action="store_true")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        compare("a small tree, 3 packages", small(folder / "small"), folder, asked.rounds, asked.beside)
        if asked.large:
            base, mirror = build_rhel6(folder / "rhel6")
            large = updated(folder / "large", base, mirror)
            compare(f"RHEL 6, {sum(1 for _ in base.rglob('*.rpm'))} packages", large, folder, asked.rounds, asked.beside)


def small(folder: Path) -> Mirrorsync:
    """A tree of three packages with an update published."""
    old, tar, zsh, new = build_rpms([PackageSpec(*each) for each in (("bash", "1"), ("tar", "1"), ("zsh", "1"), ("bash", "2"))], folder)
    return updated(folder, repository(folder / "base", [old, tar, zsh]), repository(folder / "mirror", [new]))


def updated(folder: Path, tree: Path, mirror: Path) -> Mirrorsync:
    """A tree with two generations to go back and forth between."""
    updates = f'url = "{mirror.as_uri()}/"\n{REPODATA}'
    mirrorsync = configured(folder, tree, updates, layout="repodata", arches='"x86_64"', more=KEPT)
    subprocess.run([*mirrorsync.command, "-q", "update"], check=False, timeout=LIMIT_SECONDS, stdout=subprocess.DEVNULL)
    return mirrorsync


def compare(what: str, mirrorsync: Mirrorsync, folder: Path, rounds: int, beside: int) -> None:
    """Both medians, and the median of the ratios pair by pair; the first pair warms up and does not count."""
    _, *pairs = [pair(mirrorsync, folder, beside, synced_first=bool(number % 2)) for number in range(rounds + 1)]
    run, without = (statistics.median(each[side].run for each in pairs) for side in (0, 1))
    ratios = sorted(each[0].run / each[1].run for each in pairs)
    syncfs = sorted(each[0].syncfs for each in pairs)
    print(
        f"{what}, {beside} MB beside: {run:.2f} s with syncfs ({statistics.median(syncfs):.3f} s in it, at most {syncfs[-1]:.3f}), "
        f"{without:.2f} s without: {statistics.median(ratios):.2f} x ({ratios[0]:.2f} to {ratios[-1]:.2f})",
        flush=True,
    )


def pair(mirrorsync: Mirrorsync, folder: Path, beside: int, *, synced_first: bool) -> tuple[Published, Published]:
    """One run with syncfs and one without, to the first generation and to the second."""
    order = (True, False) if synced_first else (False, True)
    runs = {synced: published(mirrorsync, number, folder, beside, synced=synced) for number, synced in enumerate(order, 1)}
    return runs[True], runs[False]


def published(mirrorsync: Mirrorsync, number: int, folder: Path, beside: int, *, synced: bool) -> Published:
    """One rollback, all that was written before it being on disk. Raises ValueError where it did not publish."""
    os.sync()
    log = folder / "strace.log"
    inject = () if synced else ("-e", "inject=syncfs:retval=0")
    tree = re.search(r"\[trees\.(\w+)\]", mirrorsync.config.read_text())
    command = ["strace", "-f", "--seccomp-bpf", "-T", "-o", str(log), "-e", "trace=syncfs", *inject, *mirrorsync.command, "-q", "rollback"]
    with written_beside(folder / "beside", beside):
        began = time.perf_counter()
        subprocess.run([*command, tree[1] if tree else "", str(number)], check=True, timeout=LIMIT_SECONDS, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - began
    calls = re.findall(r"syncfs\(.*<([\d.]+)>", log.read_text())
    if not calls:
        raise ValueError(f"generation {number}: nothing was published")
    return Published(seconds, sum(map(float, calls)))


@contextmanager
def written_beside(path: Path, megabytes: int) -> Iterator[None]:
    """Somebody else writes to a file all the time, and never syncs it."""
    stop = threading.Event()
    writer = threading.Thread(target=write_until, args=(stop, path, megabytes))
    writer.start()
    try:
        yield
    finally:
        stop.set()
        writer.join()


def write_until(stop: threading.Event, path: Path, megabytes: int) -> None:
    """Write the file over and over."""
    block = os.urandom(_MEGABYTE)
    with path.open("wb") as file:
        while megabytes and not stop.is_set():
            file.seek(0)
            for _ in range(megabytes):
                file.write(block)


if __name__ == "__main__":
    main()
