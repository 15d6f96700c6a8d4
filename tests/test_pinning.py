"""The simulated installer and the judgement of the long test in tests/guests, and that test itself where it is asked for."""

import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from mirrorsync.files import exchange
from tests.commands import Mirrorsync
from tests.conftest import Builder
from tests.guests import pinning
from tests.guests.image import obstacle
from tests.guests.installer import RPMS, Install, install
from tests.guests.tally import ABSENT, STALE, tally
from tests.hdlists import HDLIST2
from tests.trees import make_tree

ASKED_FOR = "MIRRORSYNC_GUESTS"
LISTINGS = {0: frozenset({"bash-1"}), 2: frozenset({"bash-2"}), 3: frozenset({"bash-3"})}


@pytest.fixture
def tree(tmp_path: Path, rpm: Builder) -> Callable[..., Path]:
    """`tree(name, version)`: a small Red Hat Linux tree whose bash is of that version."""

    def make(name: str, version: str) -> Path:
        path = make_tree(tmp_path / name, [rpm("bash", version), rpm("tar", "1")]).path
        assert Mirrorsync(tmp_path / "no.toml")("hdlist", str(path)).code == 0
        return path

    return make


def digests(*trees: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for tree in trees for file in (tree / RPMS).iterdir()}


def after_steps(count: int, act: Callable[[], object]) -> Callable[[], None]:
    """A pause that acts when it is called for the `count`th time."""
    left = count

    def pause() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            act()

    return pause


def outcome(**words: Any) -> Mapping[str, Any]:
    return {"kind": "busy", "began": 2, "ended": 3, "fault": "", "stuck": "", "listed": ["bash-2"], **words}


def test_an_install_of_a_whole_tree_opens_what_hdlist_names(tree: Callable[..., Path]) -> None:
    whole = tree("one", "1")
    assert install(whole, digests(whole), lambda: None) == Install(("bash-1-1.noarch.rpm", "tar-1-1.noarch.rpm"))


def test_an_install_notices_that_hdlist2_belongs_to_another_hdlist(tree: Callable[..., Path]) -> None:
    old, new = tree("old", "1"), tree("new", "2")
    swap = after_steps(1, lambda: exchange(old / HDLIST2, new / HDLIST2))
    assert install(old, digests(old, new), swap).fault.startswith("match tag mismatch at record 0")


def test_an_install_notices_that_the_tree_is_exchanged_under_it(tree: Callable[..., Path]) -> None:
    old, new = tree("old", "1"), tree("new", "2")
    assert install(old, digests(old, new), after_steps(2, lambda: exchange(old, new))).fault.startswith("ENOENT: ")


def test_an_install_notices_that_it_ends_in_another_generation(tree: Callable[..., Path]) -> None:
    old, new = tree("old", "1"), tree("new", "1")
    (old / ".mirrorsync-generation").write_text("2 aa\n")
    (new / ".mirrorsync-generation").write_text("3 bb\n")
    fault = install(old, digests(old, new), after_steps(2, lambda: exchange(old, new))).fault
    assert fault == "mixed: began in generation 2 aa, ended in 3 bb"


def test_an_install_notices_another_file_under_a_known_name(tree: Callable[..., Path]) -> None:
    whole = tree("one", "1")
    known = digests(whole)
    (whole / RPMS / "tar-1-1.noarch.rpm").write_bytes(b"not it")
    assert install(whole, known, lambda: None).fault.startswith("another file: tar-1-1.noarch.rpm: sha256 ")


def test_an_adoption_during_an_install_is_not_another_generation(tree: Callable[..., Path]) -> None:
    whole = tree("one", "1")
    adopt = after_steps(2, lambda: (whole / ".mirrorsync-generation").write_text("1 aa\n"))
    assert install(whole, digests(whole), adopt).fault == ""


def test_an_install_may_be_in_the_generation_that_the_node_is_about_to_be_told_of() -> None:
    assert tally([outcome(), outcome(listed=["bash-3"])], LISTINGS, 2).failures == ()


def test_an_install_in_a_generation_that_was_over_when_it_began_has_failed() -> None:
    [failure] = tally([outcome(listed=["bash-1"])], LISTINGS, 2).failures
    assert failure.startswith("busy install begun at generation 2, ended at 3: its hdlist is that of no generation")


def test_failures_are_told_apart_by_their_kind() -> None:
    faults = ["ENOENT: /m/RedHat/base/hdlist", "ESTALE: /m/RedHat/base/hdlist", "mixed: 1 and 2"]
    figures = tally([outcome(fault=fault) for fault in faults], LISTINGS, 2)
    assert (figures.installs, figures.crossed, len(figures.failures)) == (3, 3, 3)
    assert (len(figures.of_kind(ABSENT)), len(figures.of_kind(STALE))) == (1, 1)


@pytest.mark.skipif(ASKED_FOR not in os.environ, reason=f"boots virtual machines for ten minutes and more; set {ASKED_FOR}=1")
@pytest.mark.skipif(bool(obstacle()), reason=obstacle())
def test_installs_stay_in_the_generation_they_began_with_on_a_real_nfs_server(tmp_path: Path) -> None:
    assert pinning.main(["--scratch", str(tmp_path), "--publications", "5", "--installs", "20"]) == 0
