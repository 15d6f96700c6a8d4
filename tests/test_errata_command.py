"""`mirrorsync errata`: what an erratum says and is to each tree, and which ones trees have taken, asking no mirror."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mirrorsync.app.library import Library
from tests.commands import Mirrorsync
from tests.conftest import Builder
from tests.errata import ERRATA, Erratum, announce, errata_site
from tests.sites import Site, add_tree
from tests.test_documents import validate

TODAY = datetime.now(UTC).date()


@pytest.fixture
def site(tmp_path: Path, rpm: Builder) -> Site:
    return errata_site(tmp_path, rpm)


@pytest.fixture
def program(site: Site) -> Mirrorsync:
    """After an update by which the security errata came, and with no mirror to ask any more."""
    program = site.program()
    assert program("update", "--security").code == 0
    shutil.rmtree(site.mirror)
    return program


def test_an_erratum_is_shown_whole_with_when_it_came_and_by_which_run(program: Mirrorsync) -> None:
    found = program("errata", "show", "RHSA-1")
    lines = [" ".join(line.split()) for line in found.out.splitlines()]
    assert found.code == 0
    assert lines[:8] == [
        "RHSA-1: a title", "Type: security", "Severity: Critical", "Issued: 2002-05-01", "Revision: 1", "Status: final",
        "Told by: updateinfo", "Reboot: suggested",
    ]  # fmt: skip
    assert "CVEs: CVE-2002-0001 CVE-2002-0002" in lines
    assert "http://cve/CVE-2002-0001" in lines
    assert lines[-4:-1] == ["a description", "", next(line for line in lines if line.startswith("rocky: applied with generation 2, "))]
    assert "by update (process" in lines[-2]
    assert lines[-1] == "bash-2-1.noarch in the tree"


def test_a_pending_one_says_what_the_tree_has_and_what_becomes_of_it(program: Mirrorsync) -> None:
    found = program("errata", "show", "RHBA-4", "RHEA-5")
    assert found.code == 0
    assert f"rocky: pending, {(TODAY - datetime(2002, 5, 3, tzinfo=UTC).date()).days} days old\n" in found.out
    assert "  gzip-2-1.noarch  the tree has gzip-1-1.noarch; 2-1 comes\n" in found.out
    assert "Severity:  not told (unrated)" in found.out


def test_one_that_a_rollback_took_out_says_so(program: Mirrorsync) -> None:
    assert program("rollback", "rocky").code == 0
    found = program("errata", "show", "RHSA-1", "--json")
    validate(found.document)
    [tree] = found.document["errata"][0]["trees"]
    assert (tree["relation"], [each["number"] for each in tree["generations"]]) == ("pending", [2])
    assert tree["packages"][0]["in_tree"][0]["version"] == "1"
    assert "although it was applied with generation 2" in program("errata", "show", "RHSA-1").out


def test_what_no_tree_had_to_do_with_ends_with_2_beside_what_is_known(program: Mirrorsync, tmp_path: Path, site: Site) -> None:
    add_tree(program, tmp_path / "gone", site.mirror)
    found = program("errata", "show", "RHSA-99", "RHSA-1")
    assert (found.code, found.out.splitlines()[0]) == (2, "RHSA-1: a title")
    assert "RHSA-99: no tree has it pending or applied" in found.err
    document = program("errata", "show", "RHSA-99", "RHSA-1", "--json").document
    validate(document)
    assert (document["unknown"], len(document["errata"])) == (["RHSA-99"], 1)
    assert program("errata", "show", "RHSA-1", "--tree", "gone").code == 2
    assert program("errata", "show", "RHSA-1", "--tree", "none").code == 2


def test_what_was_applied_is_listed_with_its_target_and_the_totals(program: Mirrorsync) -> None:
    with program.config.open("a") as file:
        file.write('[errata.targets]\ncritical = "2d"\n')
    found = program("errata", "applied")
    lines = [" ".join(line.split()) for line in found.out.splitlines()]
    days = [(TODAY - datetime.fromisoformat(day).date()).days for day in ("2002-05-01", "2002-04-01", "2002-06-01")]
    assert found.code == 0
    assert lines[0] == (
        "rocky: 3 errata applied (1 critical, 2 important); 0 of 1 in time; "
        f"half of them within {days[0]} days of issue, all within {days[1]}"
    )
    assert [line.split()[3:7] for line in lines[2:]] == [
        ["RHSA-1", "critical", str(days[0]), "2002-05-03"],
        ["RHSA-2", "important", str(days[1]), "-"],
        ["RHSA-3", "important", str(days[2]), "-"],
    ]
    assert lines[2].endswith("no a title CVE-2002-0001 CVE-2002-0002")


def test_what_was_applied_is_limited_to_a_time_and_leaves_out_what_was_taken_out(program: Mirrorsync) -> None:
    assert len(program("errata", "applied", "--since", f"{TODAY - timedelta(days=1)}", "--json").tree["errata"]) == 3
    later = program("errata", "applied", "--since", f"{TODAY + timedelta(days=1)}")
    assert later.out == f"rocky: no errata applied since {TODAY + timedelta(days=1)}\n"
    assert program("rollback", "rocky").code == 0
    document = program("errata", "applied", "--json").document
    validate(document)
    assert (document["trees"][0]["errata"], document["trees"][0]["totals"]) == ([], {"errata": 0, "judged": 0, "met": 0})


def test_a_target_that_was_met_is_told(site: Site) -> None:
    announce(site.mirror, [Erratum("RHSA-7", ("bash-2-1.noarch",), severity="Low", issued=(TODAY - timedelta(days=3)).isoformat())])
    program = site.program()
    with program.config.open("a") as file:
        file.write('[errata.targets]\nlow = "30d"\n')
    program("update")
    [erratum] = program("errata", "applied", "--json").tree["errata"]
    assert (erratum["days"], erratum["met"]) == (3, True)


def test_a_lost_library_costs_what_old_errata_say_and_no_more(program: Mirrorsync, site: Site) -> None:
    library = site.state / "trees/rocky/errata.sqlite"
    library.write_bytes(b"no database")
    found = program("errata", "show", "RHSA-1")
    assert (found.code, found.out.splitlines()[0]) == (0, "RHSA-1: what it says was not kept")
    assert "rocky: applied with generation 2" in found.out
    assert [erratum["title"] for erratum in program("errata", "applied", "--json").tree["errata"]] == [""] * 3


def test_words_that_are_no_text_or_move_a_terminal_end_no_command_and_no_run(program: Mirrorsync, site: Site, tmp_path: Path) -> None:
    library = Library(site.state / "trees/rocky/errata.sqlite")
    known = library.all(["RHSA-1", "RHBA-4"]).values()
    library.learn(replace(each, title="\ud800\x1b]0;x\x07", description="\x00 \udcff\x9b2J", severity="\udc80") for each in known)
    for line in ("errata show RHSA-1 RHBA-4", "errata show RHSA-1 --json", "errata applied", "errata applied --json", "report"):
        found = program(*line.split(), environ={"PYTHONIOENCODING": "ascii"})
        assert (found.code, found.out.isascii(), found.out.replace("\n", "").isprintable()) == (0, True, True), line
    page = tmp_path / "page"
    with program.config.open("a") as file:
        file.write(f'[report]\nhtml = "{page}"\n')
    assert program("update").err.count("\n") == 1  # there is no mirror
    assert ["\\ud800" in path.read_text() for path in page.rglob("*RHSA-1*.html")] == [True]


def test_a_tree_that_is_not_there_is_told_beside_the_others(program: Mirrorsync, tmp_path: Path, site: Site) -> None:
    add_tree(program, tmp_path / "gone", site.mirror)
    found = program("errata", "applied")
    assert (found.code, "rocky: 3 errata" in found.out, "gone" in found.err) == (1, True, True)


def test_completion_knows_the_ids(program: Mirrorsync) -> None:
    words = f"mirrorsync --config {program.config} errata show RHSA"
    environ = {"_MIRRORSYNC_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": "5"}
    known = [f"plain,{erratum.id}" for erratum in ERRATA[:3]]
    assert program("errata", environ=environ).out.split() == known
