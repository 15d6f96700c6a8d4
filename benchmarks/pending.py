"""`mirrorsync pending` against `dnf updateinfo list`: what RHEL 6 as installed on 2012-09-01 lacks of what came by the end of that year.

Usage: python -m benchmarks.pending [ROUNDS]

Needs the corpus beside the checkout (../shared/corpus), createrepo_c, rpm and dnf. Both have the same packages (as a tree, and as an rpm
database) and the same repository. Printed is how many errata, security errata and packages each names, and what only one does. Then the
two are run in turn, with what they keep of the repository and without: the medians, and their ratio.
"""

import csv
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.commands import Mirrorsync, configured
from tests.full_size import build_rhel6, link_copy
from tests.machines import dnf_machine, named, upgrades

_PENDING = 100


def main(rounds: int) -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        base, mirror = build_rhel6(folder)
        machine, program = dnf_machine(folder, base, mirror, release=6), site(folder, base, mirror)
        dnf, looking = [*machine, "updateinfo", "list"], [*program.command, "pending", "--csv"]
        compare("errata", errata(machine), column(looking, "advisory"))
        compare("security errata", errata(machine, "--security"), column([*looking, "--security"], "advisory"))
        compare("packages", {str(nevra) for nevra in upgrades(machine)}, column(looking, "to"))
        show("nothing has changed", [(timed(dnf), timed(looking)) for _ in range(rounds)])
        show("the repository is new", [(afresh(folder / "cache", dnf), afresh(known(folder), looking)) for _ in range(rounds)])


def show(what: str, pairs: Sequence[tuple[float, float]]) -> None:
    """Both medians, and the median of the ratios pair by pair."""
    theirs, ours = (statistics.median(pair[side] for pair in pairs) for side in (0, 1))
    ratio = statistics.median(own / their for their, own in pairs)
    print(f"{what}: {ours:.2f} s, dnf {theirs:.2f} s: {ratio:.2f} x")


def known(folder: Path) -> Path:
    """What mirrorsync knows of the repository; what it knows of the tree stays, as dnf's rpm database does."""
    return folder / "program/state/trees/rhel6/pending.json"


def afresh(cache: Path, command: Sequence[str]) -> float:
    """Seconds of a run without what is kept of the repository."""
    shutil.rmtree(cache) if cache.is_dir() else cache.unlink()
    return timed(command)


def site(folder: Path, base: Path, mirror: Path) -> Mirrorsync:
    """A tree of the installed packages, configured for the mirror."""
    tree = link_copy(base, folder / "u1/rhel6")
    updates = f'url = "{mirror.as_uri()}/"\nkind = "repodata"\nsignatures = "digest-only"'
    return configured(folder / "program", tree, updates, layout="repodata", arches='"x86_64"')


def errata(machine: Sequence[str], *options: str) -> set[str]:
    """Those that dnf names."""
    return {advisory for advisory, _, _ in named(machine, *options)}


def column(command: Sequence[str], name: str) -> set[str]:
    """What is in a column of the table that `pending --csv` prints."""
    return {row[name] for row in csv.DictReader(run(command).splitlines())} - {""}


def compare(what: str, theirs: set[str], ours: set[str]) -> None:
    """How many each names, and what only one does."""
    print(f"{what}: dnf {len(theirs)}, mirrorsync {len(ours)}", *(f"only {side}: {name}" for side, name in only(theirs, ours)), sep="\n  ")


def only(theirs: set[str], ours: set[str]) -> list[tuple[str, str]]:
    """By whom what is named that the other does not name."""
    return [*(("dnf", name) for name in sorted(theirs - ours)), *(("mirrorsync", name) for name in sorted(ours - theirs))]


def run(command: Sequence[str]) -> str:
    """What a command prints; mirrorsync ends with 100 where something is pending."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in (0, _PENDING):
        raise SystemExit(f"{' '.join(command)}: {done.returncode}: {done.stderr}")
    return done.stdout


def timed(command: Sequence[str]) -> float:
    """Seconds of one run."""
    began = time.perf_counter()
    run(command)
    return time.perf_counter() - began


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
