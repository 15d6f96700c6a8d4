"""Power loss during an update, an adoption or a rollback: every state it may leave is whole, and the next run needs no help."""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.memory import memory
from tests.powerloss.aftermath import aftermaths, chosen
from tests.powerloss.disk import Contents, Disk
from tests.powerloss.operations import CONTENT, NAME, Barrier, Operation, Player, Step, UnmodelledError
from tests.powerloss.planting import PLANTS, former_tree_removed_synced, former_tree_removed_unsynced
from tests.powerloss.recording import UMASK, Recording, record
from tests.powerloss.reordering import Choice, choices, instants, order_of
from tests.powerloss.survey import Survey, survey
from tests.strace import Call, in_hex, read_calls
from tests.warm import Program, warm_program

Recorder = Callable[[str, str], Recording]
Surveyor = Callable[[Recording], Survey]
MATERIALISED = 16
SCENARIOS = [
    *((layout, scenario) for layout in ("redhat", "repodata") for scenario in ("first", "later", "rollback")),
    ("redhat", "linked-first"),
    ("repodata", "linked-later"),
]
FOUND_BY = {
    "without-syncfs": "tree: neither old nor new",
    "record-after-commitment": "journal: the record of 3 is not there",
    "renamed-before-synced": "journal/3.json: cannot be read",
    "former-tree-removed-unsynced": "tree: neither old nor new",
}


@pytest.fixture(scope="module")
def recorded() -> Iterator[Recorder]:
    """`recorded(layout, scenario)`: the recording of that run, made the first time it is asked for."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    with tempfile.TemporaryDirectory(dir=memory()) as name:
        yield cache(lambda layout, scenario: record(Path(name) / f"{layout}-{scenario}", layout, scenario))


@pytest.fixture(scope="module")
def surveyed() -> Surveyor:
    """The survey of a recording, made once."""
    made: dict[int, Survey] = {}
    return lambda recording: made[id(recording)] if id(recording) in made else made.setdefault(id(recording), survey(recording))


@pytest.fixture(scope="module")
def program() -> Iterator[Program]:
    with warm_program(UMASK) as waiting:
        yield waiting


@pytest.mark.parametrize(("layout", "scenario"), SCENARIOS)
def test_whatever_a_power_loss_leaves_is_the_old_tree_or_the_new_one_whole(
    recorded: Recorder, surveyed: Surveyor, layout: str, scenario: str
) -> None:
    found = surveyed(recorded(layout, scenario))
    print(f"{layout} {scenario}: {found.line}")
    assert found.states > 1000
    assert (found.faults, found.lost) == ({}, 0)


@pytest.mark.parametrize(("layout", "scenario"), SCENARIOS)
def test_the_next_run_ends_as_an_undisturbed_one(
    recorded: Recorder, surveyed: Surveyor, program: Program, tmp_path: Path, layout: str, scenario: str
) -> None:
    found = surveyed(recorded(layout, scenario))
    ends = list(aftermaths(found, scenario, chosen(found, MATERIALISED), program, tmp_path / "states"))
    assert len(ends) == MATERIALISED
    assert [(end.state.step, end.differences) for end in ends if end.differences] == []


@pytest.mark.parametrize("plant", FOUND_BY)
def test_an_order_of_calls_that_does_not_hold_is_found(recorded: Recorder, plant: str) -> None:
    found = survey(PLANTS[plant](recorded("redhat", "later")), window=4)
    assert any(fault.startswith(FOUND_BY[plant]) for fault in found.faults), found.faults


def test_a_publication_that_is_not_synced_may_be_lost_after_its_run_has_ended(recorded: Recorder) -> None:
    assert survey(PLANTS["commitment-not-synced"](recorded("redhat", "later")), window=2).lost > 0


def test_what_is_removed_after_the_commitment_is_on_disk_does_no_harm_to_the_tree(recorded: Recorder) -> None:
    def harm(found: Survey) -> list[str]:
        return [fault for fault in found.faults if fault.startswith("tree:")]

    assert harm(survey(former_tree_removed_unsynced(recorded("redhat", "later")), window=3))
    assert harm(survey(former_tree_removed_synced(recorded("redhat", "later")), window=3)) == []


def test_the_tool_prints_its_figures_and_ends_with_1_where_something_is_broken() -> None:
    command = [sys.executable, "-m", "tests.powerloss", "--layout=redhat", "--scenario=first", "--window=1", "--plant=without-syncfs"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    figures = r"operations \d+, instants \d+, states \d+ \(distinct \d+\), old \d+, new \d+, broken [1-9]\d*, .*materialised 0 "
    assert (done.returncode, done.stderr) == (1, "")
    assert re.search(figures, done.stdout)


# --- the model itself


def kept_after(steps: list[Step]) -> set[frozenset[int]]:
    """What a power loss after the last step may keep, as sets of operations."""
    order = order_of(steps)
    *_, last = instants(steps, order)
    kept = (choice.kept for choice in choices(last, order, window=9, samples=0))
    return {frozenset(number for number in range(len(order.operations)) if bits & 1 << number) for bits in kept}


def named(directory: int, name: str, inode: int | None = 7) -> tuple[tuple[str, int, str], int | None]:
    return (NAME, directory, name), inode


def synced(inode: int) -> Barrier:
    return Barrier("fsync", "", frozenset({inode}))


def test_names_in_two_directories_reach_the_disk_in_any_order() -> None:
    steps: list[Step] = [Operation("link", "", (named(1, "a"),)), Operation("unlink", "", (named(2, "b", None),))]
    assert kept_after(steps) == {frozenset(), frozenset({0}), frozenset({1}), frozenset({0, 1})}


def test_changes_of_one_name_keep_their_order() -> None:
    steps: list[Step] = [Operation("link", "", (named(1, "a"),)), Operation("unlink", "", (named(1, "a", None),))]
    assert kept_after(steps) == {frozenset(), frozenset({0}), frozenset({0, 1})}


def test_a_rename_between_directories_is_certain_once_both_are_synced() -> None:
    rename = Operation("rename", "", (named(1, "a", None), named(2, "b")))
    assert kept_after([rename, synced(2)]) == {frozenset(), frozenset({0})}
    assert kept_after([rename, synced(2), synced(1)]) == {frozenset({0})}


def test_a_synced_change_brings_along_what_it_follows_on() -> None:
    rename = Operation("rename", "", (named(1, "a", None), named(2, "b")))
    assert kept_after([rename, Operation("unlink", "", (named(2, "b", None),)), synced(2)]) == {frozenset({0, 1})}


def test_syncing_a_file_keeps_its_content_and_not_its_name() -> None:
    steps: list[Step] = [Operation("create", "", (named(1, "a"),)), Operation("write", "", (((CONTENT, 7, ""), 1),)), synced(7)]
    assert kept_after(steps) == {frozenset({1}), frozenset({0, 1})}


def test_content_that_is_not_synced_may_be_torn() -> None:
    steps: list[Step] = [Operation("write", "", (((CONTENT, 7, ""), 1),))]
    order = order_of(steps)
    *_, last = instants(steps, order)
    assert set(choices(last, order, window=1, samples=0)) == {Choice(0), Choice(1), Choice(1, torn=1)}


def test_calls_that_threads_make_at_once_are_read_whole() -> None:
    path = in_hex("/u1/a")
    first, last = f'7 rename("{path}" <unfinished ...>\n', f'7 <... rename resumed>, "{path}") = 0\n'
    lines = [first, "8 sync()       = 0\n", last, "7 +++ exited with 0 +++\n"]
    assert list(read_calls(lines)) == [Call("sync", ("",), "0", 8), Call("rename", (f'"{path}"', f'"{path}"'), "0", 7)]


def test_a_call_that_the_model_does_not_know_is_refused_where_it_would_matter() -> None:
    player = Player(Disk({"/u1": 2}, {2: {}}), Contents(), 0o022)
    assert player.play([Call("fallocate", (f"3<{in_hex('/elsewhere')}>", "0", "0", "9"), "0")]) == []
    with pytest.raises(UnmodelledError, match="fallocate"):
        player.play([Call("fallocate", (f"3<{in_hex('/u1/a')}>", "0", "0", "9"), "0")])
