"""`mirrorsync pending` against `dnf updateinfo list`: what RHEL 6 as installed on 2012-09-01 lacks of what came by the end of that year.

Usage: python -m benchmarks.pending [ROUNDS]

Needs the corpus beside the checkout (../shared/corpus), createrepo_c, rpm and dnf. Both have the same packages (as a tree, and as an rpm
database) and the same repository, and read their caches of it; each has made them once before. The two are run in turn; the medians and
their ratio are printed, and how many errata each names.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.commands import Mirrorsync, configured
from tests.full_size import build_rhel6, link_copy

_PENDING = 100


def main(rounds: int) -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        base, mirror = build_rhel6(folder)
        dnf = [*machine(folder, base, mirror), "updateinfo", "list"]
        program = site(folder, base, mirror)
        offline = [*program.command, "pending", "--offline", "--csv"]
        looking = [*program.command, "pending", "--csv"]
        theirs, ours = run(dnf), run(looking)
        print(f"dnf names {len({line.split()[0] for line in theirs.splitlines()})} errata, mirrorsync {len(ids(ours))}")
        subprocess.run([*program.command, "-q", "update", "--package", "nothing"], check=True)
        triples = [(timed(dnf), timed(looking), timed(offline)) for _ in range(rounds)]
        medians = [statistics.median(times) for times in zip(*triples, strict=True)]
        for what, seconds in zip(("dnf updateinfo list", "mirrorsync pending", "mirrorsync pending --offline"), medians, strict=True):
            print(f"{what}: {seconds:.2f} s, ratio {seconds / medians[0]:.2f}")


def site(folder: Path, base: Path, mirror: Path) -> Mirrorsync:
    """A tree of the installed packages, configured for the mirror."""
    tree = link_copy(base, folder / "u1/rhel6")
    updates = f'url = "{mirror.as_uri()}/"\nkind = "repodata"\nsignatures = "digest-only"'
    return configured(folder / "program", tree, updates, layout="repodata", arches='"x86_64"')


def machine(folder: Path, base: Path, mirror: Path) -> list[str]:
    """dnf on a machine that has the same packages installed."""
    root = folder / "root"
    root.mkdir()
    install = ["rpm", "--root", str(root), "--justdb", "--nodeps", "--noscripts", "--nosignature", "--nodigest", "--force", "--ignorearch"]
    subprocess.run([*install, "-i", *map(str, (base / "Packages").iterdir())], check=True, capture_output=True)
    settings = {"reposdir": "/nonexistent", "cachedir": f"{folder}/cache", "logdir": str(folder), "persistdir": str(folder)}
    options = [f"--setopt={name}={value}" for name, value in settings.items()]
    repository = [f"--repofrompath=rhel6,{mirror.as_uri()}", "--repo=rhel6"]
    return ["dnf", "-q", f"--installroot={root}", "--releasever=6", "--forcearch=x86_64", *options, *repository]


def ids(table: str) -> set[str]:
    """The errata that a CSV table names."""
    return {line.split(",")[1] for line in table.splitlines()[1:]} - {""}


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
