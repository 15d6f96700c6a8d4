"""An update at full size against `createrepo_c --update`: with nothing new, and with 1 % of the packages new.

Usage: python -m benchmarks.update [ROUNDS]

Needs the corpus beside the checkout (../shared/corpus), createrepo_c and a few GB of disk for nothing but links. Every figure is
taken in turn with the tool it is compared to, in one run; the medians and their ratios are printed.
"""

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from mirrorsync.rpmfile.header import read_rpm
from mirrorsync.rpmfile.package import nevra
from tests.commands import configured
from tests.full_size import build_rhel6, link_copy

SHARE = 100  # one package in so many is new


def main(rounds: int) -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        base, mirror = build_rhel6(folder)
        present = link_copy(mirror, folder / "u1/present")
        nothing = configured(folder / "nothing", present, source(mirror), layout="repodata", arches='"x86_64"')
        for _ in range(2):
            command([*nothing.command, "-q", "update"])
        createrepo = ["createrepo_c", "-q", "--update", str(link_copy(base, folder / "createrepo"))]
        command(createrepo)
        pairs = [(timed(createrepo), timed([*nothing.command, "-q", "update"])) for _ in range(rounds)]
        show("nothing new", pairs, "createrepo_c --update")
        pairs = [(timed(createrepo), publishing(folder / f"round{number}", base, mirror)) for number in range(rounds)]
        show(f"1 in {SHARE} new, publishing", pairs, "createrepo_c --update")
        print(f"peak memory of any run: {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000:.0f} MB")


def source(mirror: Path) -> str:
    """The update mirror's part of the configuration."""
    return f'url = "{mirror.as_uri()}/"\nkind = "repodata"\nsignatures = "digest-only"'


def publishing(folder: Path, base: Path, mirror: Path) -> float:
    """Seconds from the last byte fetched to the exchange done, for a tree that lacks one in SHARE packages."""
    tree = link_copy(mirror, folder / "u1/rhel6")
    new = {path.name: path for path in (tree / "Packages").iterdir()}
    older = [path for path in sorted((base / "Packages").iterdir()) if path.name not in new][: len(new) // SHARE]
    replaced = {nevra(read_rpm(path).main).name for path in older}
    for path in new.values():
        if nevra(read_rpm(path).main).name in replaced:
            path.unlink()
    for path in older:
        (tree / "Packages" / path.name).hardlink_to(path)
    command(["createrepo_c", "-q", "--update", str(tree)])
    before = link_copy(tree, folder / "before")
    shutil.rmtree(tree / "repodata")  # so that the first run publishes what is there, and the second finds its caches as usual
    for upstream in (before, mirror):
        mirrorsync = configured(folder, tree, source(upstream), layout="repodata", arches='"x86_64"')
        done = json.loads(command([*mirrorsync.command, "update", "--json"]))
    shutil.rmtree(folder)
    [outcome] = done["trees"]
    return float(outcome["seconds"]["publishing"])


def timed(arguments: Sequence[str]) -> float:
    """Seconds of one run."""
    began = time.perf_counter()
    command(arguments)
    return time.perf_counter() - began


def command(arguments: Sequence[str]) -> str:
    """What it prints; exit code 3 says that something is held, which is a result too."""
    done = subprocess.run(arguments, stdout=subprocess.PIPE, text=True, check=False, env={**os.environ, "LC_ALL": "C"})
    if done.returncode not in (0, 3):
        sys.exit(f"{' '.join(arguments)} ended with {done.returncode}")
    return done.stdout


def show(what: str, pairs: Sequence[tuple[float, float]], other: str) -> None:
    """Both medians, and the median of the ratios pair by pair."""
    theirs, ours = (statistics.median(pair[side] for pair in pairs) for side in (0, 1))
    ratio = statistics.median(own / their for their, own in pairs)
    print(f"{what}: {ours:.2f} s, {other} {theirs:.2f} s: {ratio:.2f} x")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 5)
