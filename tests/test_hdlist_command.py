"""`mirrorsync hdlist`: genhdlist's options, and none of its faults."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fixtures.rpms import PackageSpec, build_rpms
from mirrorsync.app.hdlist import Change, HdlistOptions, rebuild_hdlist
from mirrorsync.cli.hdlist import hdlist
from mirrorsync.errors import ExitCode, TreeError, UsageError
from mirrorsync.tree.hdlist import HdlistEntry, read_pair

SPECS = [PackageSpec("time", "1.7", "2"), PackageSpec("time", "1.7", "22"), PackageSpec("bash", "2.05", files={"/bin/bash": "x"})]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return build_rpms(SPECS, tmp_path_factory.mktemp("rpms"))


@pytest.fixture
def tree(built: list[Path], tmp_path: Path) -> Path:
    """A tree with bash and the newer time."""
    folder = tmp_path / "tree"
    (folder / "RedHat/RPMS").mkdir(parents=True)
    for path in built[1:]:
        shutil.copy(path, folder / "RedHat/RPMS")
    return folder


@pytest.fixture
def strict_umask() -> Iterator[None]:
    former = os.umask(0o077)
    yield
    os.umask(former)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(hdlist, [str(argument) for argument in arguments], catch_exceptions=False)


def entries(tree: Path) -> tuple[HdlistEntry, ...]:
    base = tree / "RedHat/base"
    return read_pair((base / "hdlist").read_bytes(), (base / "hdlist2").read_bytes())


def test_both_lists_are_written_sorted_by_file_name(tree: Path) -> None:
    result = run(tree)
    assert result.exit_code == 0
    assert "written: 2 packages" in result.output
    assert [entry.filename for entry in entries(tree)] == ["bash-2.05-1.noarch.rpm", "time-1.7-22.noarch.rpm"]


def test_a_second_run_leaves_right_lists_alone(tree: Path) -> None:
    run(tree)
    before = (tree / "RedHat/base/hdlist").stat()
    result = run(tree)
    assert "right already" in result.output
    assert (tree / "RedHat/base/hdlist").stat() == before


def test_lists_are_new_files_so_that_hard_links_keep_the_old_ones(tree: Path) -> None:
    run(tree, "--matcher", "1")
    kept = tree / "kept"
    kept.hardlink_to(tree / "RedHat/base/hdlist")
    old = kept.read_bytes()
    run(tree, "--matcher", "9")
    assert kept.read_bytes() == old
    assert [entry.matcher for entry in entries(tree)] == [9, 10]


@pytest.mark.usefixtures("strict_umask")
def test_everyone_can_read_the_lists_whatever_the_umask(tree: Path) -> None:
    run(tree)
    assert {path.stat().st_mode & 0o777 for path in (tree / "RedHat/base").iterdir()} == {0o644}


def test_a_relative_path_works(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree)
    assert run(".").exit_code == 0
    assert len(entries(tree)) == 2


def test_a_damaged_package_is_named_and_keeps_the_lists_as_they_are(tree: Path) -> None:
    run(tree)
    before = entries(tree)
    (tree / "RedHat/RPMS/cut-1-1.noarch.rpm").write_bytes((tree / "RedHat/RPMS/bash-2.05-1.noarch.rpm").read_bytes()[:999])
    result = run(tree)
    assert result.exit_code == ExitCode.FINDINGS
    assert f"error: {tree}/RedHat/RPMS/cut-1-1.noarch.rpm: not a readable package: cut short" in result.stderr
    assert "left as they are" in result.stdout
    assert entries(tree) == before


def test_a_damaged_package_is_left_out_on_request(tree: Path) -> None:
    (tree / "RedHat/RPMS/cut-1-1.noarch.rpm").write_bytes(b"")
    result = run(tree, "--skip-damaged")
    assert result.exit_code == ExitCode.FINDINGS
    assert len(entries(tree)) == 2


def test_one_name_twice_is_written_and_named(tree: Path, built: list[Path]) -> None:
    shutil.copy(built[0], tree / "RedHat/RPMS")
    result = run(tree)
    assert result.exit_code == ExitCode.FINDINGS
    assert "time.noarch: listed 2 times" in result.stderr
    assert len(entries(tree)) == 3


def test_the_order_file_is_matched_exactly(tree: Path, built: list[Path], tmp_path: Path) -> None:
    shutil.copy(built[0], tree / "RedHat/RPMS")
    (tmp_path / "order").write_text("time-1.7-2.i386.rpm\nbash-2.05-1.noarch.rpm\ntime-1.7-22.noarch.rpm\n")
    run(tree, "--fileorder", tmp_path / "order")
    assert {entry.filename: entry.order for entry in entries(tree)} == {
        "time-1.7-2.noarch.rpm": 0, "bash-2.05-1.noarch.rpm": 1, "time-1.7-22.noarch.rpm": 2,
    }  # fmt: skip


def test_packages_that_the_order_file_does_not_name_have_no_place(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "order").write_text("\ntime-1.7-2.noarch.rpm\nbash-2.05-1\n")
    run(tree, "--fileorder", tmp_path / "order")
    assert [entry.order for entry in entries(tree)] == [2, None]


def test_discs_are_numbered_in_the_order_given(tree: Path, built: list[Path], tmp_path: Path) -> None:
    second = tmp_path / "disc2/RedHat/RPMS"
    second.mkdir(parents=True)
    shutil.move(tree / "RedHat/RPMS/bash-2.05-1.noarch.rpm", second)
    run("--withnumbers", tree, tmp_path / "disc2")
    assert [(entry.filename, entry.disc) for entry in entries(tree)] == [("time-1.7-22.noarch.rpm", 1), ("bash-2.05-1.noarch.rpm", 2)]


def test_lists_and_packages_may_be_elsewhere(tree: Path, tmp_path: Path) -> None:
    (tree / "RedHat").rename(tree / "Fedora")
    assert run("--productpath", "Fedora", "--hdlist", tmp_path / "out/list", tree).exit_code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["list", "list2"]


def test_source_packages_are_not_listed(tree: Path) -> None:
    (tree / "RedHat/RPMS/x-1-1.src.rpm").write_bytes(b"whatever")
    assert run(tree).exit_code == 0


def test_the_outcome_is_one_json_document(tree: Path) -> None:
    assert json.loads(run(tree, "--json").stdout) == {
        "schema": "mirrorsync-hdlist-1",
        "exit_code": 0,
        "hdlist": f"{tree}/RedHat/base/hdlist",
        "packages": 2,
        "change": "written",
        "findings": [],
    }


def test_a_tree_without_packages_keeps_its_lists(tree: Path) -> None:
    rebuild_hdlist([tree], HdlistOptions())
    for path in (tree / "RedHat/RPMS").iterdir():
        path.unlink()
    with pytest.raises(TreeError, match="no packages"):
        rebuild_hdlist([tree], HdlistOptions())
    assert len(entries(tree)) == 2


def test_a_folder_that_is_no_tree_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="RedHat/RPMS: cannot read it: No such file"):
        rebuild_hdlist([tmp_path], HdlistOptions())


def test_an_order_file_that_is_not_there_is_a_usage_error(tree: Path) -> None:
    with pytest.raises(UsageError, match="cannot read the order"):
        rebuild_hdlist([tree], HdlistOptions(file_order=tree / "none"))


def test_lists_of_the_wrong_mode_are_replaced(tree: Path) -> None:
    rebuild_hdlist([tree], HdlistOptions())
    (tree / "RedHat/base/hdlist2").chmod(0o600)
    assert rebuild_hdlist([tree], HdlistOptions()).change is Change.WRITTEN
