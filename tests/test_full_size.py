"""RHEL 6 at full size: 3,629 packages of a day, 380 upgrades; plan and errata are as expected, and a killed run leaves a whole tree."""

import csv
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from mirrorsync.model.choices import Layout
from mirrorsync.model.version import NEVRA
from mirrorsync.tree.indexes import read_indexes
from mirrorsync.tree.layout import Shape
from tests.commands import Mirrorsync, configured, dnf, nevra_text
from tests.corpus import needs_corpus
from tests.full_size import build_rhel6, link_copy, table
from tests.machines import dnf_machine, named, upgrades
from tests.servers import MirrorServer, http_server

pytestmark = needs_corpus

KILLS = int(os.environ.get("MIRRORSYNC_KILLS", "4"))  # every system call is killed at on small trees: tests/crashes

# The table takes updateinfo.xml as it is written, without epochs; so does dnf. These three bring the very packages that come in,
# whose version went back under a new epoch (tests/test_rhel6_plan.py shows both ways).
WENT_BACK = {"RHBA-2012:0843", "RHBA-2012:0856", "RHEA-2011:0589"}


@pytest.fixture(scope="module")
def rhel6(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return build_rhel6(tmp_path_factory.mktemp("rhel6"))


@pytest.fixture(scope="module")
def server(rhel6: tuple[Path, Path]) -> Iterator[MirrorServer]:
    with http_server(rhel6[1]) as running:
        yield running


def rhel6_tree(folder: Path, base: Path, server: MirrorServer, state: Path | None = None) -> tuple[Path, Mirrorsync]:
    """A tree of links to `base` and its configuration; with the caches of another run's `state`, which links keep valid."""
    tree = link_copy(base, folder / "u1" / "rhel6")
    updates = f'url = "{server.url}/"\nkind = "repodata"\nsignatures = "digest-only"'
    if state:
        shutil.copytree(state, folder / "state")
    return tree, configured(folder, tree, updates, layout="repodata", arches='"x86_64"')


def with_epoch(nevra: str) -> str:
    """The tables write every epoch."""
    name, version, release = nevra.rsplit("-", 2)
    return f"{name}-{version if ':' in version else f'0:{version}'}-{release}"


def test_the_plan_is_the_expected_one_and_dnf_resolves_and_downloads_from_the_published_tree(
    tmp_path: Path, rhel6: tuple[Path, Path], server: MirrorServer
) -> None:
    tree, mirrorsync = rhel6_tree(tmp_path, rhel6[0], server)
    updated = mirrorsync("update", "--json")
    assert updated.code == 0, updated.err
    plan = updated.tree["plan"]
    assert sorted(with_epoch(nevra_text(entry["package"])) for entry in plan["incoming"]) == sorted(new for _, new in table("upgrades.tsv"))
    assert {old for old, _ in table("upgrades.tsv")} <= {with_epoch(nevra_text(entry["package"])) for entry in plan["outgoing"]}
    advisories = {name for entry in plan["incoming"] for name in entry["advisories"]}
    assert advisories == {row[0] for row in table("advisories.tsv")} | WENT_BACK

    checked = mirrorsync("check", "--deep", "--json")
    assert (checked.code, checked.findings) == (0, []), checked.out
    again = mirrorsync("-q", "update")
    assert (again.code, again.out, again.err) == (0, "", "")
    kinds = {path.name.split("-", 1)[-1].split(".")[0] for path in (tree / "repodata").iterdir()}
    assert {"primary", "filelists", "other", "comps", "updateinfo", "productid"} <= kinds
    if shutil.which("dnf"):
        options = [f"--installroot={tmp_path}/root", "--releasever=6", "--forcearch=x86_64", "--nogpgcheck", "-y"]
        dnf(tmp_path, tree, *options, f"--downloaddir={tmp_path}/got", "--downloadonly", "install", "bash", "httpd", "kernel")
        assert {"bash", "httpd", "kernel"} <= {path.name.rsplit("-", 2)[0] for path in (tmp_path / "got").iterdir()}


@pytest.mark.skipif(not (shutil.which("dnf") and shutil.which("rpm")), reason="dnf or rpm is not installed")
def test_what_is_pending_is_what_dnf_names_but_for_three_errata_whose_packages_went_back(
    tmp_path: Path, rhel6: tuple[Path, Path], server: MirrorServer
) -> None:
    _, mirrorsync = rhel6_tree(tmp_path, rhel6[0], server)
    machine = dnf_machine(tmp_path / "machine", *rhel6, release=6)
    rows, security = (list(csv.DictReader(mirrorsync("pending", "--csv", *more).out.splitlines())) for more in ((), ("--security",)))
    theirs, ours = named(machine), lines_of(rows)
    assert theirs <= ours
    assert {advisory for advisory, _, _ in ours - theirs} == WENT_BACK
    assert named(machine, "--security") == lines_of(security)
    assert upgrades(machine) == {NEVRA.parse(row["to"]) for row in rows}
    counts = [len({line[0] for line in lines}) for lines in (theirs, ours, lines_of(security))]
    assert (counts, len({row["to"] for row in rows})) == ([77, 80, 32], 380)


def lines_of(rows: Iterable[Mapping[str, str]]) -> set[tuple[str, str, str]]:
    """What lines of `mirrorsync pending --csv` say of errata, as dnf's lines do."""
    packages = ((row["advisory"], NEVRA.parse(row["to"])) for row in rows if row["advisory"])
    return {(advisory, nevra.name, nevra.arch) for advisory, nevra in packages}


def whole(tree: Path) -> bool:
    """Whether an installer finds every package that the indexes name, with its size."""
    packages = read_indexes(Shape(Layout.REPODATA), tree)
    return len(packages) > 3000 and all((tree / package.location).stat().st_size == package.size for package in packages)


def test_a_run_killed_at_any_instant_leaves_a_whole_tree_and_the_next_one_finishes(
    tmp_path: Path, rhel6: tuple[Path, Path], server: MirrorServer
) -> None:
    """A tree is killed until an update gets through in spite of it, and then the next tree, until there were enough kills."""
    first, planned = rhel6_tree(tmp_path / "unkilled", rhel6[0], server)
    assert planned("update", "--dry-run").code == 0
    state = shutil.copytree(tmp_path / "unkilled/state", tmp_path / "state")
    began = time.monotonic()
    assert planned("update").code == 0
    length = time.monotonic() - began
    instants = random.Random(2012)
    killed = finished = 0
    while killed < KILLS:
        folder = tmp_path / str(finished)
        tree, mirrorsync = rhel6_tree(folder, rhel6[0], server, state)
        while generation(mirrorsync) != 2 and killed < KILLS:
            killed += kill_after(mirrorsync, instants.uniform(0.3, length))
            assert whole(tree), f"after {killed} kills"
        assert mirrorsync("update").code == 0
        assert files(tree) == files(first)
        finished += 1
        shutil.rmtree(folder)
    print(f"killed {killed}, whole {killed}, finished {finished}")


def kill_after(mirrorsync: Mirrorsync, delay: float) -> int:
    """1 where an update was still running after `delay` seconds and was killed then, 0 where it had ended."""
    process = subprocess.Popen([*mirrorsync.command, "update"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        _, errors = process.communicate(timeout=delay)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.communicate()
        return 1
    assert process.returncode == 0, errors
    return 0


def generation(mirrorsync: Mirrorsync) -> int | None:
    number: int | None = mirrorsync("status", "--json").tree["generation"]
    return number


def files(tree: Path) -> set[str]:
    """The tree's files but the metadata, which names the time of its making."""
    return {str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file() and path.parent.name != "repodata"}
