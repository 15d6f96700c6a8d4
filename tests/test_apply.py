"""Plan, then apply: just the plan that was looked at, or nothing and what has moved."""

import json
import os
from pathlib import Path

import pytest

from tests.commands import Mirrorsync, changes
from tests.conftest import Builder
from tests.servers import http_server
from tests.sites import Site
from tests.trees import snapshot


@pytest.fixture
def plan(mirrorsync: Mirrorsync, tmp_path: Path) -> str:
    """The saved plan of the first update."""
    file = str(tmp_path / "plan.json")
    assert mirrorsync("update", "--dry-run", "--save", file).code == 0
    return file


def refusal(mirrorsync: Mirrorsync, plan: str, tree: Path) -> str:
    """What `apply` says, having changed nothing of the tree."""
    before = snapshot(tree)
    refused = mirrorsync("apply", plan)
    assert (refused.code, len(refused.err.splitlines()), snapshot(tree)) == (1, 1, before)
    return refused.err


def test_a_saved_plan_is_carried_out_and_the_journal_says_so(mirrorsync: Mirrorsync, plan: str) -> None:
    applied = mirrorsync("apply", "--json", plan)
    assert (applied.code, changes(applied)["incoming"], applied.tree["generation"]) == (0, ["bash-2-1.noarch"], 2)
    assert mirrorsync("history", "--json").tree["generations"][0]["run"] == "apply"
    assert mirrorsync("check", "--deep").code == 0


@pytest.mark.usefixtures("plan")
def test_saving_a_plan_touches_nothing_of_the_tree(redhat: Site) -> None:
    assert not redhat.home.parent.exists()


def test_a_mirror_that_moved_is_refused_by_name_and_with_what_differs(
    mirrorsync: Mirrorsync, plan: str, redhat: Site, rpm: Builder
) -> None:
    redhat.offer(rpm("bash", "3"), rpm("tar", "2"))
    said = refusal(mirrorsync, plan, redhat.tree)
    assert f"upstream has moved ({redhat.mirror.as_uri()}" in said
    assert "now also: bash-3-1.noarch in, tar-2-1.noarch in" in said
    assert "no longer: bash-2-1.noarch in" in said


def test_a_mirror_that_moved_beside_the_plan_keeps_nothing_from_it(mirrorsync: Mirrorsync, plan: str, redhat: Site, rpm: Builder) -> None:
    redhat.offer(rpm("unwanted", "1"))
    assert mirrorsync("apply", plan).code == 0


def test_a_tree_that_moved_is_refused(mirrorsync: Mirrorsync, plan: str, tree: Path) -> None:
    assert mirrorsync("update").code == 0
    assert "the tree has moved: generation none then, 2 now" in refusal(mirrorsync, plan, tree)


def test_a_tree_that_was_changed_by_hand_since_is_refused(mirrorsync: Mirrorsync, plan: str, tree: Path) -> None:
    (tree / "README").write_text("mine")
    assert "the tree was changed by hand since" in refusal(mirrorsync, plan, tree)


def test_a_package_that_cannot_be_fetched_refuses_the_whole_plan(tmp_path: Path, rpm: Builder, redhat: Site) -> None:
    redhat.offer(rpm("tar", "2"))
    with http_server(redhat.mirror) as server:
        mirrorsync = redhat.program(server.url)
        plan = str(tmp_path / "plan.json")
        assert mirrorsync("update", "-n", "--save", plan).code == 0
        with (redhat.mirror / "tar-2-1.noarch.rpm").open("r+b") as file:
            file.seek(-20, 2)
            file.write(b"\0" * 20)
        said = refusal(mirrorsync, plan, redhat.tree)
    assert "tar-2-1.noarch.rpm" in said
    assert "nothing was published" in said


def test_what_is_held_back_stays_held_in_the_applied_plan(mirrorsync: Mirrorsync, redhat: Site, tmp_path: Path, rpm: Builder) -> None:
    redhat.offer(rpm("tar", "2", requires=["/usr/share/nobody-has-this"]))
    plan = str(tmp_path / "plan.json")
    assert mirrorsync("update", "-n", "--save", plan).code == 3
    applied = mirrorsync("apply", "--json", plan)
    assert (applied.code, changes(applied)["incoming"]) == (3, ["bash-2-1.noarch"])


def test_options_of_the_dry_run_are_the_plans_own(mirrorsync: Mirrorsync, tree: Path, tmp_path: Path) -> None:
    assert mirrorsync("update").code == 0
    (tree / "README").write_text("mine")
    plan = str(tmp_path / "plan.json")
    assert mirrorsync("update", "-n", "--adopt-changes", "--save", plan).code == 0
    assert mirrorsync("apply", plan).code == 0
    assert mirrorsync("check", "--deep").code == 0


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"schema": "mirrorsync-plan-1"}', '{"schema": "mirrorsync-saved-plan-1", "trees": [{}]}', "[" * 100_000, "\0"],
)
def test_a_file_that_is_no_saved_plan_is_refused_in_one_line(mirrorsync: Mirrorsync, tmp_path: Path, content: str) -> None:
    (tmp_path / "plan.json").write_text(content)
    refused = mirrorsync("apply", str(tmp_path / "plan.json"))
    assert (refused.code, len(refused.err.splitlines()), "not a saved plan" in refused.err) == (1, 1, True)


def test_a_plan_of_a_tree_that_is_not_configured_is_refused(mirrorsync: Mirrorsync, plan: str) -> None:
    mirrorsync.config.write_text(mirrorsync.config.read_text().replace("[trees.redhat", "[trees.elsewhere"))
    assert mirrorsync("apply", plan).code == 2
    assert mirrorsync("update", "--save", plan).code == 2
    assert mirrorsync("apply", f"{plan}.gone").code == 2


def test_a_plan_cannot_be_saved_where_nothing_can_be_written(mirrorsync: Mirrorsync) -> None:
    refused = mirrorsync("update", "-n", "--save", "/proc/plan.json")
    assert (refused.code, "/proc/" in refused.err) == (1, True)


def test_a_plan_is_saved_over_nothing_but_another(mirrorsync: Mirrorsync, plan: str, tree: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for place in (mirrorsync.config, tmp_path / "pipe", tree / "plan.json", tmp_path, ""):
        refused = mirrorsync("update", "-n", "--save", str(place))
        assert (refused.code, len(refused.err.splitlines()) >= 1) == (2, True), place
    assert mirrorsync("update", "-n", "--save", plan).code == 0


def test_no_plan_is_saved_where_one_could_not_be_made(mirrorsync: Mirrorsync, tree: Path, tmp_path: Path) -> None:
    assert mirrorsync("update").code == 0
    (tree / "README").write_text("mine")
    refused = mirrorsync("update", "-n", "--save", str(tmp_path / "none.json"))
    assert (refused.code, "not saved" in refused.err) == (1, True)
    assert not (tmp_path / "none.json").exists()


@pytest.mark.parametrize("option", ["adopt_changes", "reapply"])
def test_a_plan_whose_options_were_edited_is_refused(mirrorsync: Mirrorsync, plan: str, tree: Path, option: str) -> None:
    document = json.loads(Path(plan).read_bytes())
    document["trees"][0][option] = True
    Path(plan).write_text(json.dumps(document))
    assert "plan.json: not a saved plan: edited since it was saved" in refusal(mirrorsync, plan, tree)


def test_a_plan_whose_packages_were_edited_is_refused(mirrorsync: Mirrorsync, plan: str, tree: Path) -> None:
    document = json.loads(Path(plan).read_bytes())
    document["trees"][0]["plan"]["incoming"] = []
    Path(plan).write_text(json.dumps(document))
    assert "edited since it was saved" in refusal(mirrorsync, plan, tree)


def test_a_plan_that_was_only_laid_out_anew_is_carried_out(mirrorsync: Mirrorsync, plan: str) -> None:
    document = json.loads(Path(plan).read_bytes())
    Path(plan).write_text(json.dumps(dict(reversed(document.items())), indent=7, ensure_ascii=False))
    assert mirrorsync("apply", plan).code == 0
