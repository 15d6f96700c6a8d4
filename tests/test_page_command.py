"""`mirrorsync report --html`, and the page that is made after every run where the configuration names a folder."""

from pathlib import Path

import pytest

from tests.commands import Mirrorsync, Result
from tests.sites import Site, add_tree


def with_page(program: Mirrorsync, folder: Path) -> Mirrorsync:
    with program.config.open("a") as file:
        file.write(f'\n[report]\nhtml = "{folder}"\n')
    return program


def only_line(result: Result) -> str:
    [line] = result.out.splitlines()
    return line


def test_the_page_of_all_trees_is_made_from_what_runs_recorded(updated: Mirrorsync, tmp_path: Path) -> None:
    result = updated("report", "--html", str(tmp_path / "page"))
    assert result.code == 0
    assert only_line(result).startswith(f"{tmp_path}/page/index.html: ")
    assert " written, 0 removed" in only_line(result)
    tree = (tmp_path / "page/trees/redhat/index.html").read_text()
    assert "Generation 2, " in tree
    assert "1 upgrade" in tree
    assert "bash-2-1.i386" not in tree
    package = (tmp_path / "page/packages/bash.html").read_text()
    assert "<span>1-1</span>" in package
    assert "<span>2-1</span>" in package


def test_it_is_made_again_without_writing_what_stayed_the_same(updated: Mirrorsync, tmp_path: Path) -> None:
    updated("report", "--html", str(tmp_path / "page"))
    before = (tmp_path / "page/packages/bash.html").stat().st_ino
    assert updated("-q", "report", "--html", str(tmp_path / "page")) == Result(0, "", "")
    assert (tmp_path / "page/packages/bash.html").stat().st_ino == before


def test_a_tree_that_is_named_is_all_that_the_page_has(updated: Mirrorsync, redhat: Site, tmp_path: Path) -> None:
    other = tmp_path / "u2" / "other"
    (other / "RedHat/RPMS").mkdir(parents=True)
    add_tree(updated, other, redhat.mirror)
    assert updated("report", "--html", str(tmp_path / "page")).code == 0
    assert (tmp_path / "page/trees/other/index.html").exists()
    assert updated("report", "--html", str(tmp_path / "page"), "redhat").code == 0
    assert not (tmp_path / "page/trees/other").exists()


def test_a_folder_in_a_tree_or_with_files_of_others_is_refused_in_one_line(updated: Mirrorsync, redhat: Site, tmp_path: Path) -> None:
    inside = updated("report", "--html", str(redhat.tree / "page"))
    assert (inside.code, inside.out) == (1, "")
    assert f"{redhat.tree}/page: lies in tree redhat ({redhat.tree}), which is replaced as a whole; name a folder outside it" in inside.err
    assert not (redhat.tree / "page").exists()
    (tmp_path / "www").mkdir()
    (tmp_path / "www/index.html").write_text("mine")
    foreign = updated("report", "--html", str(tmp_path / "www"))
    assert foreign.code == 1
    assert "index.html: not written by mirrorsync" in foreign.err
    assert (tmp_path / "www/index.html").read_text() == "mine"


def test_html_goes_with_no_other_option(updated: Mirrorsync, tmp_path: Path) -> None:
    result = updated("report", "--html", str(tmp_path / "page"), "--json")
    assert result.code == 2
    assert "--html goes with no other option" in result.err


def test_a_configured_page_is_made_after_each_run_and_shows_it(redhat: Site, mirrorsync: Mirrorsync, tmp_path: Path) -> None:
    folder = tmp_path / "www" / "page"
    program = with_page(mirrorsync, folder)
    assert program("hdlist", str(redhat.tree)).code == 0
    assert program("update").code == 0
    assert "generation-2.html" in (folder / "trees/redhat/index.html").read_text()
    assert program("rollback", "redhat").code == 0
    assert "generation-3.html" in (folder / "trees/redhat/index.html").read_text()
    assert program("check").code == 0
    assert "Last check" in (folder / "trees/redhat/index.html").read_text()


def test_a_failed_run_is_on_the_page_too(redhat: Site, mirrorsync: Mirrorsync, tmp_path: Path) -> None:
    folder = tmp_path / "page"
    program = with_page(mirrorsync, folder)
    for file in redhat.mirror.iterdir():
        file.unlink()
    redhat.mirror.rmdir()
    failed = program("update")
    assert failed.code == 1
    assert "Failed" in (folder / "index.html").read_text()


def test_a_page_that_cannot_be_made_is_told_and_changes_nothing_else(redhat: Site, mirrorsync: Mirrorsync, tmp_path: Path) -> None:
    folder = tmp_path / "www"
    folder.mkdir()
    (folder / "index.html").write_text("mine")
    program = with_page(mirrorsync, folder)
    assert program("hdlist", str(redhat.tree)).code == 0
    updated = program("update")
    assert updated.code == 0
    assert f"mirrorsync: the page: {folder}/index.html: not written by mirrorsync" in updated.err
    assert [path.name for path in folder.iterdir()] == ["index.html"]


def test_a_configured_folder_in_a_tree_or_that_cannot_be_written_to_is_a_fault_of_the_configuration(
    redhat: Site, mirrorsync: Mirrorsync, tmp_path: Path
) -> None:
    with_page(mirrorsync, redhat.tree / "page")
    inside = mirrorsync("config", "check")
    assert inside.code == 78
    assert f"report.html: lies in tree 'redhat' ({redhat.tree})" in inside.err
    (tmp_path / "file").write_text("")
    mirrorsync.config.write_text(mirrorsync.config.read_text().replace(f"{redhat.tree}/page", f"{tmp_path}/file/page"))
    unusable = mirrorsync("config", "check")
    assert unusable.code == 78
    assert f"report.html: {tmp_path}/file is not a folder that this user can write to" in unusable.err


@pytest.mark.parametrize("options", [["--html", ""], ["--html="]])
def test_a_folder_without_a_name_is_refused(options: list[str], updated: Mirrorsync) -> None:
    refused = updated("report", *options)
    assert (refused.code, "names no folder; write one, or leave the option out" in refused.err) == (2, True)
