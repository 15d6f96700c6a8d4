"""Installs in flight and readers that never rest: whatever is published underneath, nobody meets a missing or a mixed file."""

import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from mirrorsync.model.choices import Layout
from mirrorsync.tree import publication
from tests.hdlists import HDLIST, HDLIST2, UnpairedError, paired
from tests.inflight import faults, ganesha
from tests.inflight.campaign import campaign, pinned
from tests.inflight.doors import held_door, http_door
from tests.inflight.hammering import Publish, hammered, two_states
from tests.inflight.installs import Install, Pause, redhat_packages, repodata_packages
from tests.inflight.protocols import CAMPAIGNS, dnf_install, own_path
from tests.inflight.stock import Stock, build_stock
from tests.inflight.strand import Strand, strand
from tests.memory import memory
from tests.servers import MirrorServer, http_server

TOOL_SECONDS = 240
DNF = pytest.mark.skipif(shutil.which("dnf") is None, reason="dnf is not installed")
NFS = pytest.mark.skipif(bool(ganesha.missing()), reason=f"no NFS here: {ganesha.missing()}")


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Stock:
    return build_stock(tmp_path_factory.mktemp("stock"), 5)


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return two_states(tmp_path_factory.mktemp("states"))


@pytest.fixture
def fast(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is room."""
    with tempfile.TemporaryDirectory(dir=memory() or tmp_path) as name:
        yield Path(name)


def tool(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-m", *arguments], capture_output=True, text=True, check=False, timeout=TOOL_SECONDS)


@DNF
@pytest.mark.parametrize("protocol", ["http", "ftp"])
def test_no_install_fails_while_the_trees_are_published_to(work: Path, stock: Stock, protocol: str) -> None:
    tally = CAMPAIGNS[protocol](work, stock, 8, 4)
    assert (tally.installs, tally.publications, tally.rollbacks, tally.failures) == (8, 8, 2, ())
    assert max(tally.spans) > 0


@NFS
def test_no_install_by_nfs_fails_while_the_trees_are_published_to() -> None:
    done = tool("tests.inflight", "--protocol", "nfs", "--installs", "16", "--publications", "8")
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "nfs: installs 16, publications 16, failures 0" in done.stdout


@NFS
@pytest.mark.parametrize("version", ["3", "4"])
def test_an_nfs_install_that_rests_through_many_publications_ends_in_its_own_generation(version: str) -> None:
    done = tool("tests.inflight.pinning", "--nfs", version)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert f"NFSv{version}: began with 2, the tree is 8, a new mount shows 8; fault: none" in done.stdout


def test_an_install_by_http_from_the_generations_own_path_never_sees_another(work: Path, stock: Stock) -> None:
    with strand(Layout.REDHAT, work, stock) as tree, http_server(tree.served) as server:
        enter = partial(own_path, partial(http_door, server.url), tree)
        install = pinned(enter, redhat_packages, "HTTP")(tree, publishing(tree), 0)
        assert install.judged(tree.ledger.expected) == ""
        assert (install.first, tree.ledger.newest) == (2, 4)


def test_an_install_by_http_from_the_trees_own_path_is_found_to_be_mixed(work: Path, stock: Stock) -> None:
    with strand(Layout.REDHAT, work, stock) as tree, http_server(tree.served) as server:
        install = pinned(partial(http_door, server.url), redhat_packages, "HTTP")(tree, publishing(tree), 0)
        assert "match tag mismatch" in install.judged(tree.ledger.expected)


def test_a_campaign_counts_the_installs_that_were_mixed(work: Path, stock: Stock) -> None:
    with strand(Layout.REDHAT, work, stock) as tree, http_server(tree.served) as server:
        tally = campaign([(tree, pinned(partial(http_door, server.url), redhat_packages, "HTTP"), 4)], 4, 4)
        assert tally.installs == 4 == tally.publications
        assert tally.failures


def test_a_node_that_holds_the_tree_goes_on_in_its_generation(work: Path, stock: Stock) -> None:
    with strand(Layout.REPODATA, work, stock) as tree:
        install = pinned(partial(held_door, tree.served), repodata_packages, "held")(tree, publishing(tree), 0)
        assert install.judged(tree.ledger.expected) == ""
        assert (install.first, tree.ledger.newest) == (2, 4)


BEFORE = pytest.mark.parametrize("suffix", ["-primary.xml.gz", ".rpm"])


@DNF
@BEFORE
def test_dnf_takes_what_was_listed_when_it_began_though_the_tree_was_published_to_since(work: Path, stock: Stock, suffix: str) -> None:
    with strand(Layout.REPODATA, work, stock) as tree, http_server(tree.served) as server:
        install = dnf_met_by_a_publication(work, server, tree, suffix)
        assert install.fault == ""
        assert install.read == tree.ledger.expected[2] != tree.ledger.expected[3]


@DNF
@BEFORE
def test_dnf_is_found_to_fail_where_no_grace_copies_are_kept(work: Path, stock: Stock, suffix: str) -> None:
    with strand(Layout.REPODATA, work, stock) as tree, http_server(tree.served) as server:
        tree.afterwards = faults.without_grace_copies
        install = dnf_met_by_a_publication(work, server, tree, suffix)
        assert "dnf ended with 1" in install.judged(tree.ledger.expected)


def test_what_no_generation_lists_counts_as_a_failure() -> None:
    expected = {1: frozenset({"a-1-1.noarch.rpm"}), 2: frozenset({"a-2-1.noarch.rpm"})}
    assert Install("dnf", 1, 2, expected[2]).judged(expected) == ""
    assert "which no such generation lists" in Install("NFS", 1, 1, expected[2]).judged(expected)
    assert "not there" in Install("NFS", 1, 1, expected[1], fault="not there").judged(expected)


def test_readers_that_never_rest_find_every_index_and_no_mixed_pair(fast: Path, states: tuple[Path, Path]) -> None:
    met = hammered(fast, states, publication.publish, publications=100, opens=20_000)
    assert met.seen.opens >= 20_000
    assert (met.publications >= 100, met.seen.missing, met.seen.mixed) == (True, 0, 0), str(met)


@pytest.mark.parametrize(("publish", "fault"), [(faults.removed_before_renamed, "missing"), (faults.written_in_place, "mixed")])
def test_readers_notice_a_publication_that_is_not_one_step(fast: Path, states: tuple[Path, Path], publish: Publish, fault: str) -> None:
    met = hammered(fast, states, publish, publications=100, opens=3_000)
    assert getattr(met.seen, fault) > 0, str(met)


def test_the_lists_of_two_generations_do_not_pair(states: tuple[Path, Path]) -> None:
    first, second = states
    assert len(paired((first / HDLIST).read_bytes(), (first / HDLIST2).read_bytes())) == 2
    with pytest.raises(UnpairedError, match="match tag mismatch"):
        paired((first / HDLIST).read_bytes(), (second / HDLIST2).read_bytes())


def publishing(tree: Strand) -> Pause:
    """At each rest of an install, one publication."""
    return partial(lambda steps: tree.publish(next(steps)), iter(range(2)))


def dnf_met_by_a_publication(folder: Path, server: MirrorServer, tree: Strand, suffix: str) -> Install:
    """A run of dnf, and one publication after it has asked for the first file whose name ends so, and before it is given any of these."""
    asked, pending = threading.Lock(), [suffix]

    def publish(path: str) -> None:
        with asked:
            if path.endswith(suffix) and pending:
                pending.clear()
                tree.publish(0)

    server.behaviour.before_answer = publish
    return dnf_install(folder / "nodes", server.url, "dnf", tree, lambda: None, 1)
