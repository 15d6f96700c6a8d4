"""`mirrorsync pending`: what trees lack, as an administrator asks for it; and dnf asked the same."""

import csv
import io
import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mirrorsync.app.assembly import opened_sources, site_of
from mirrorsync.app.pending import pending_tree
from mirrorsync.app.update import update_tree
from mirrorsync.config.loading import load
from mirrorsync.model.advisory import AdvisoryType
from mirrorsync.model.filter import Filter
from mirrorsync.model.pending import Prospect
from tests.commands import Mirrorsync, Result, nevra_text
from tests.conftest import Builder
from tests.errata import ERRATA, Erratum, announce, errata_site
from tests.machines import dnf_machine
from tests.sites import Site, add_tree
from tests.test_documents import validate
from tests.watched import run_at

TODAY = datetime.now(UTC).date()


@pytest.fixture
def site(tmp_path: Path, rpm: Builder) -> Site:
    return errata_site(tmp_path, rpm)


@pytest.fixture
def program(site: Site) -> Mirrorsync:
    return site.program()


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory, rpm: Builder) -> Site:
    """For what only looks."""
    return errata_site(tmp_path_factory.mktemp("site"), rpm)


def ids(result: Result) -> list[str]:
    return [erratum["advisory"]["id"] for erratum in result.tree["errata"]]


def configure(program: Mirrorsync, text: str) -> Mirrorsync:
    with program.config.open("a") as file:
        file.write(text)
    return program


# --- what it says ---------------------------------------------------------------------------------------------------------


def test_what_is_pending_is_told_by_urgency_with_its_packages_below_it(untouched: Site) -> None:
    result = untouched.program()("pending")
    ages = [f"{(TODAY - datetime.fromisoformat(day).date()).days} d" for day in ("2002-05-01", "2002-04-01")]
    lines = [" ".join(line.split()) for line in result.out.splitlines()]
    assert result.code == 100
    assert lines[:6] == [
        "rocky: 5 errata pending (3 security), 6 packages, 1 package of which no erratum tells",
        "ADVISORY TYPE SEVERITY ISSUED AGE DUE REBOOT CVES",
        f"RHSA-1 security critical 2002-05-01 {ages[0]} - yes CVE-2002-0001 CVE-2002-0002",
        "bash-1-1.noarch -> 2-1",
        f"RHSA-2 security important 2002-04-01 {ages[1]} - - CAN-2002-0003",
        "cpio-1-1.noarch -> 2-1",
    ]
    assert lines[-2:] == ["Updates that no erratum tells of:", "zlib-1-1.noarch -> 2-1"]
    assert "a description" not in result.out


def test_v_says_whole_descriptions_and_q_the_counts_alone(untouched: Site) -> None:
    whole = untouched.program()("-v", "pending", "--advisory", "RHSA-1")
    assert whole.out.splitlines()[-4:] == ["    a title", "", "    a description", ""]
    quiet = untouched.program()("-q", "pending")
    assert (quiet.code, quiet.out) == (100, "rocky: 5 errata pending (3 security), 6 packages, 1 package of which no erratum tells\n")


def test_nothing_pending_ends_with_0_and_with_q_says_nothing(program: Mirrorsync) -> None:
    assert program("update").code == 0
    found = program("pending")
    assert (found.code, found.out) == (0, "rocky: nothing is pending\n")
    assert program("-q", "pending").out == ""


def test_targets_and_waivers_say_what_is_due_late_or_waived(program: Mirrorsync, site: Site) -> None:
    young = (TODAY - timedelta(days=1)).isoformat()
    announce(site.mirror, [*ERRATA[:3], Erratum("RHSA-7", ("gzip-2-1.noarch",), severity="Critical", issued=young)])
    targets = '[errata.targets]\ncritical = "2d"\nimportant = "7d"\n'
    waivers = '[[errata.waivers]]\nreason = "a freeze"\nuntil = 2999-12-31\ncve = "CAN-2002-0003"\n'
    ended = '[[errata.waivers]]\nreason = "over"\nuntil = 2003-01-01\nadvisory = "RHSA-1"\n'
    found = configure(program, targets + waivers + ended)("pending")
    assert "3 overdue" not in found.out
    assert "2 overdue" in found.out
    assert "overdue since 2002-05-03" in found.out
    assert "waived to 2999-12-31" in found.out
    assert (TODAY + timedelta(days=1)).isoformat() in found.out
    assert "note: rocky: the waiver for RHSA-1 ended with 2003-01-01, and RHSA-1 is still pending; give it a later day" in found.err


def test_what_is_held_or_kept_out_says_why(site: Site, rpm: Builder) -> None:
    site.offer(rpm("tar", "3", requires=["nothing-has-this"]))
    announce(site.mirror, [*ERRATA, Erratum("RHSA-8", ("tar-3-1.noarch",), severity="Low")])
    result = site.program(more='exclude = ["bash"]')("pending", "--json")
    steps = {step["to"]["name"]: (step["prospect"], step["reason"]) for erratum in result.tree["errata"] for step in erratum["steps"]}
    assert steps["bash"] == ("kept out", "excluded by 'bash'")
    assert steps["tar"] == ("held", "needs nothing-has-this, which neither the tree nor the mirror has")
    assert steps["cpio"][1].startswith("waits for tar-3-1.noarch, with which it belongs to RHSA-2")
    assert steps["sed"] == ("comes", "")


def test_the_document_is_what_its_schema_says_and_has_advisories_whole(untouched: Site) -> None:
    options = "--security --severity critical,important --since 2002-05-01 --package bash --cve CVE-2002-0001"
    result = untouched.program()("pending", "--json", *options.split())
    validate(result.document)
    [erratum] = result.tree["errata"]
    assert (erratum["advisory"]["description"], erratum["urgency"], erratum["overdue"]) == ("a description", "critical", False)
    assert result.document["filter"] == {
        "types": ["security"], "severities": ["critical", "important"], "cves": ["CVE-2002-0001"], "since": "2002-05-01",
        "packages": ["bash"],
    }  # fmt: skip


def test_csv_has_a_line_for_each_package_and_reads_back(untouched: Site) -> None:
    done = subprocess.run([*untouched.program().command, "pending", "--csv"], capture_output=True, check=False)
    assert done.returncode == 100
    assert done.stdout.count(b"\r\n") == done.stdout.count(b"\n") == 8
    rows = list(csv.DictReader(io.StringIO(done.stdout.decode(), newline="")))
    assert [(row["advisory"], row["from"], row["to"]) for row in rows if row["type"] != "security"] == [
        ("RHBA-4", "gzip-1-1.noarch", "gzip-2-1.noarch"),
        ("RHEA-5", "less-1-1.noarch", "less-2-1.noarch"),
        ("", "zlib-1-1.noarch", "zlib-2-1.noarch"),
    ]
    assert (rows[0]["cves"], rows[0]["reboot_suggested"], rows[0]["severity"]) == ("CVE-2002-0001 CVE-2002-0002", "yes", "Critical")


def test_what_a_mirror_says_does_nothing_to_terminals_and_spreadsheets(site: Site, program: Mirrorsync) -> None:
    title = '=cmd(",") \N{RIGHT-TO-LEFT OVERRIDE}"x"'
    announce(site.mirror, [Erratum("RHSA-1", ("bash-2-1.noarch",), title=title, description="a&#x9b;31m")])
    assert next(csv.DictReader(io.StringIO(program("pending", "--csv").out)))["title"] == '\'=cmd(",") \\u202e"x"'
    assert "\\u009b31m" in program("-v", "pending").out


# --- how it looks ---------------------------------------------------------------------------------------------------------


def test_it_changes_nothing_but_caches_and_waits_for_nobody(untouched: Site) -> None:
    before = {path: path.stat().st_mtime_ns for path in untouched.tree.parent.rglob("*")}
    assert untouched.program()("pending").code == 100
    assert {path: path.stat().st_mtime_ns for path in untouched.tree.parent.rglob("*")} == before
    assert not (untouched.state / "trees/rocky/standing.json").exists()


def test_a_tree_that_cannot_be_looked_at_counts_for_more_than_what_is_pending(program: Mirrorsync, site: Site, tmp_path: Path) -> None:
    add_tree(program, tmp_path / "gone", site.mirror)
    result = program("pending", "--json")
    validate(result.document)
    assert (result.code, [tree["exit_code"] for tree in result.document["trees"]]) == (1, [1, 100])
    assert program("pending", "rocky").code == 100


def test_offline_it_says_what_the_last_run_left_as_of_today(program: Mirrorsync, site: Site) -> None:
    refused = program("pending", "--offline")
    assert (refused.code, "no run is recorded" in refused.err) == (1, True)
    assert program("update", "--security").code == 0
    shutil.rmtree(site.mirror)
    found = program("-v", "pending", "--offline")
    assert (found.code, "RHBA-4" in found.out, "RHSA" in found.out, "a description" in found.out) == (100, True, False, True)
    assert "as the run of" in found.out
    assert program("pending").code == 1


def test_what_nothing_has_changed_since_is_told_without_reading_the_mirror_again(site: Site) -> None:
    program = site.program(more='exclude = ["bash", "gzip"]')
    assert program("update").code == 0
    first = program("pending", "--json")
    assert (first.code, ids(first)) == (100, ["RHSA-1", "RHBA-4"])
    primary = next((site.mirror / "repodata").glob("*primary.xml*"))
    primary.chmod(0)
    primary.write_bytes(b"no XML")
    again = configure(program, '[errata.targets]\ncritical = "2d"\n')("pending", "--json")
    assert ids(again) == ids(first)
    assert [erratum["overdue"] for erratum in again.tree["errata"]] == [True, False]
    assert again.tree["errata"][0]["advisory"] == first.tree["errata"][0]["advisory"]


def test_what_is_remembered_is_that_of_this_tree_and_these_mirrors(program: Mirrorsync, site: Site, rpm: Builder) -> None:
    assert len(ids(program("pending", "--json"))) == 5
    announce(site.mirror, ERRATA[:1])
    assert ids(program("pending", "--json")) == ["RHSA-1"]
    assert program("update").code == 0
    assert program("pending").code == 0
    (site.state / "trees/rocky/pending.json").write_bytes(b"{}")
    assert program("pending").code == 0


def test_what_was_accepted_for_a_dry_run_is_not_remembered(program: Mirrorsync, site: Site, rpm: Builder) -> None:
    assert program("pending").code == 100
    for package in (site.mirror / "Packages").glob("[!b]*.rpm"):
        package.unlink()
    subprocess.run(["createrepo_c", "-q", str(site.mirror)], check=True, capture_output=True)
    assert program("update", "--dry-run", "--accept-upstream").code == 0
    refused = program("pending")
    assert (refused.code, "offers 1 packages, 7 when it was last taken" in refused.err) == (1, True)


def test_what_cannot_be_remembered_hinders_nobody(program: Mirrorsync, site: Site) -> None:
    (site.state / "trees/rocky/pending.json").mkdir(parents=True)
    assert [program(command).code for command in ("pending", "pending", "update", "update", "pending")] == [100, 100, 0, 0, 0]


def test_a_mirror_that_stands_still_is_told_of_when_its_time_has_come_though_all_else_is_remembered(site: Site) -> None:
    announce(site.mirror, [Erratum("RHSA-1", ("bash-2-1.noarch",), issued=TODAY.isoformat())])
    config = load(configure(site.program(), 'stale_after = "30d"\n').config, {})
    found = []
    for days in (0, 20, 40):
        run = run_at(datetime.now(UTC) + timedelta(days=days))
        with opened_sources(config, "rocky", run) as sources:
            found.append(pending_tree(site_of(config, "rocky"), sources, run))
    assert [[finding.code for finding in outcome.findings] for outcome in found] == [[], [], ["upstream-frozen"]]
    assert [[(erratum.advisory.id, erratum.age) for erratum in outcome.errata] for outcome in found] == [
        [("RHSA-1", days)] for days in (0, 20, 40)
    ]


@pytest.mark.parametrize("damage", [b"no database", b""])
def test_a_lost_library_is_made_anew_from_the_mirror(program: Mirrorsync, site: Site, damage: bytes) -> None:
    first = program("pending", "--json").tree["errata"]
    (site.state / "trees/rocky/errata.sqlite").write_bytes(damage)
    assert program("pending", "--json").tree["errata"] == first
    assert "a description" in program("errata", "show", "RHSA-1").out


def test_an_update_that_has_nothing_to_do_keeps_what_is_pending_in_its_standing(site: Site) -> None:
    program = site.program(more='exclude = ["bash"]')
    assert program("update").code == 0
    announce(site.mirror, [*ERRATA, Erratum("RHSA-8", ("bash-3-1.noarch",))])
    assert program("update", "-n").code == 0
    assert program("update").code == 0
    assert ids(program("pending", "--offline", "--json")) == ["RHSA-1", "RHSA-8"]


def test_the_outcome_of_an_update_has_what_is_pending_still_whatever_part_was_wanted(program: Mirrorsync, site: Site) -> None:
    next((site.mirror / "Packages").glob("sed-2*")).write_bytes(b"no package")
    config = load(program.config, {})
    run = replace(run_at(datetime.now(UTC)), wanted=Filter(types=(AdvisoryType.SECURITY,)))
    with opened_sources(config, "rocky", run) as sources:
        pending = update_tree(site_of(config, "rocky"), sources, run).pending
    assert pending is not None
    assert [erratum.advisory.id for erratum in pending.errata] == ["RHSA-3", "RHBA-4", "RHEA-5"]
    [sed] = pending.errata[0].steps
    assert (sed.prospect, str(sed.to), len(pending.untold)) == (Prospect.HELD, "sed-2-1.noarch", 1)
    assert "sed-2-1.noarch" in sed.reason


@pytest.mark.parametrize("options", ["--csv --json", "--severity grave", "--since 2002"])
def test_calls_that_make_no_sense_are_refused(untouched: Site, options: str) -> None:
    assert untouched.program()("pending", *options.split()).code == 2


# --- dnf ------------------------------------------------------------------------------------------------------------------

needs_dnf = pytest.mark.skipif(not (shutil.which("dnf") and shutil.which("rpm")), reason="dnf or rpm is not installed")


@pytest.fixture(scope="module")
def machine(untouched: Site, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """dnf on a machine that has the tree's packages installed and the mirror as its only repository."""
    return dnf_machine(tmp_path_factory.mktemp("machine"), untouched.tree, untouched.mirror, release=9)


@needs_dnf
@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ([], []),
        (["--security"], ["--security"]),
        (["--bugfix", "--enhancement"], ["--bugfix", "--enhancement"]),
        (["--sec-severity=Important"], ["--severity", "important"]),
        (["--sec-severity=Critical", "--sec-severity=Important"], ["--severity", "critical,important"]),
        (["--cve=CVE-2002-0001"], ["--cve", "CVE-2002-0001"]),
        (["--cve=CVE-2002-0001", "--cve=CAN-2002-0003"], ["--cve", "CVE-2002-0001", "--cve", "CAN-2002-0003"]),
        (["--advisory=RHBA-4"], ["--advisory", "RHBA-4"]),
        (["--advisory=RHBA-4", "--cve=CVE-2002-0001"], ["--advisory", "RHBA-4", "--cve", "CVE-2002-0001"]),
        (["--cve=CVE-1"], ["--cve", "CVE-1"]),
    ],
)
def test_filters_mean_what_they_mean_to_dnf(machine: Sequence[str], untouched: Site, theirs: list[str], ours: list[str]) -> None:
    done = subprocess.run([*machine, "updateinfo", "list", *theirs], capture_output=True, text=True, check=True)
    told = {(line.split()[0], line.split()[-1]) for line in done.stdout.splitlines()}
    found = untouched.program()("pending", "--json", *ours).tree["errata"]
    assert {(erratum["advisory"]["id"], nevra_text(step["to"])) for erratum in found for step in erratum["steps"]} == told


@needs_dnf
def test_conditions_narrow_each_other_where_dnf_adds_them_up(machine: Sequence[str], untouched: Site) -> None:
    done = subprocess.run(
        [*machine, "updateinfo", "list", "--security", "--sec-severity=Critical"], capture_output=True, text=True, check=True
    )
    assert {line.split()[0] for line in done.stdout.splitlines()} == {"RHSA-1", "RHSA-2", "RHSA-3"}
    assert ids(untouched.program()("pending", "--json", "--security", "--severity", "critical")) == ["RHSA-1"]


def test_completion_knows_the_ids_of_the_trees_errata(program: Mirrorsync) -> None:
    program("pending")
    words = f"mirrorsync --config {program.config} pending --advisory RHSA"
    environ = {"_MIRRORSYNC_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": "5"}
    assert program("pending", environ=environ).out.split() == ["plain,RHSA-1", "plain,RHSA-2", "plain,RHSA-3"]


def test_the_remembered_errata_are_small_json(site: Site) -> None:
    program = site.program(more='exclude = ["*"]')
    program("update")
    document = json.loads((site.state / "trees/rocky/pending.json").read_bytes())
    assert [erratum["advisory"]["description"] for erratum in document["errata"]] == [""] * 5
