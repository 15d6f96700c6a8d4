"""A check as a plugin of Nagios or Icinga says it."""

import dataclasses
import re
from datetime import timedelta

import pytest

from mirrorsync.errors import ExitCode
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.model.outcome import CheckOutcome, TreeFailure
from mirrorsync.model.pending import Urgency
from mirrorsync.model.standing import Standing
from mirrorsync.report.nagios import Checked, State, Verdict, verdict_of
from tests.standings import NASTY, NOW, current, never_updated, pending, rocky, step

LIMIT = timedelta(days=2)
ERROR = Finding(Severity.ERROR, "file-missing", "RedHat/RPMS/a|b.rpm", "is not there", "run `mirrorsync rollback`")
WARNING = dataclasses.replace(ERROR, severity=Severity.WARNING)
PERFORMANCE = re.compile(r"('[^'=|]+'=\d+s?;;;0)( '[^'=|]+'=\d+s?;;;0)*")


def fresh() -> Standing:
    """In order, and its last run just over."""
    standing = current()[0]
    assert standing.last_update
    last = dataclasses.replace(standing.last_update, began=NOW - timedelta(hours=1), ended=NOW - timedelta(minutes=50), exit_code=0)
    return dataclasses.replace(standing, succeeded=NOW - timedelta(minutes=50), last_update=last, findings=(), pending=(), untold=())


def told(standing: Standing, *findings: Finding) -> Verdict:
    return verdict_of([Checked(CheckOutcome(standing.tree, 10, deep=False, findings=findings), standing)], NOW, LIMIT)


def test_a_tree_in_order_is_ok_in_one_line() -> None:
    verdict = told(fresh())
    assert verdict.state is State.OK
    [line] = verdict.lines
    assert line.startswith("MIRRORSYNC OK - 1 tree in order, 0 errata pending in time | ")


@pytest.mark.parametrize(("finding", "state"), [(ERROR, State.CRITICAL), (WARNING, State.WARNING)])
def test_findings_are_told_by_their_severity(finding: Finding, state: State) -> None:
    verdict = told(fresh(), finding)
    assert verdict.state is state
    assert "RedHat/RPMS/a/b.rpm: is not there; run `mirrorsync rollback`" in verdict.lines[-1]


@pytest.mark.parametrize(
    ("urgency", "state"), [(Urgency.CRITICAL, State.CRITICAL), (Urgency.IMPORTANT, State.CRITICAL), (Urgency.LOW, State.WARNING)]
)
def test_overdue_errata_count_by_their_urgency(urgency: Urgency, state: State) -> None:
    late = pending("RHSA-2026:1", [step("bash", "1-1", "1-2")], urgency=urgency, age=400)
    verdict = told(dataclasses.replace(fresh(), pending=(late,)))
    assert verdict.state is state
    assert f"1 erratum overdue, the most urgent {urgency.word}" in verdict.lines[0]


def test_errata_that_are_pending_in_time_are_no_fault() -> None:
    soon = pending("RHSA-2026:1", [step("bash", "1-1", "1-2")], urgency=Urgency.LOW, age=1)
    assert told(dataclasses.replace(fresh(), pending=(soon,))).state is State.OK


def test_a_success_that_is_still_to_come_is_a_warning_for_the_clock_was_wrong() -> None:
    verdict = told(dataclasses.replace(fresh(), succeeded=NOW + timedelta(days=3)))
    assert verdict.state is State.WARNING
    assert "the last success is of" in verdict.lines[0]


def test_a_master_on_which_nothing_succeeds_any_more_is_critical() -> None:
    verdict = told(dataclasses.replace(fresh(), succeeded=NOW - timedelta(days=3)))
    assert verdict.state is State.CRITICAL
    assert "no update has succeeded since" in verdict.lines[0]


def test_a_failed_run_is_a_warning_while_the_success_before_it_is_young() -> None:
    standing = fresh()
    assert standing.last_update
    assert told(dataclasses.replace(standing, last_update=dataclasses.replace(standing.last_update, exit_code=1))).state is State.WARNING


def test_an_update_that_a_hook_held_is_a_warning() -> None:
    standing = fresh()
    assert standing.last_update
    verdict = told(dataclasses.replace(standing, last_update=dataclasses.replace(standing.last_update, withheld="pre-publish: a freeze")))
    assert verdict.state is State.WARNING
    assert "the last update was held by pre-publish: a freeze" in verdict.lines[0]


def test_of_a_tree_that_was_never_updated_nobody_knows_what_is_pending() -> None:
    verdict = told(never_updated()[0])
    assert (verdict.state, "nobody knows what is pending" in verdict.lines[0]) == (State.UNKNOWN, True)


def test_a_tree_that_cannot_be_looked_at_is_unknown_and_an_error_elsewhere_counts_for_more() -> None:
    failure = Checked(TreeFailure("gone", "gone: no such directory", ExitCode.FAILURE), dataclasses.replace(fresh(), tree="gone"))
    good = Checked(CheckOutcome("a", 1, deep=False), dataclasses.replace(fresh(), tree="a"))
    bad = Checked(CheckOutcome("b", 1, deep=False, findings=(ERROR,)), dataclasses.replace(fresh(), tree="b"))
    assert verdict_of([good, failure], NOW, LIMIT).state is State.UNKNOWN
    assert verdict_of([good, failure, bad], NOW, LIMIT).state is State.CRITICAL


@pytest.mark.parametrize("name", NASTY)
def test_performance_data_is_found_behind_the_only_bar(name: str) -> None:
    finding = dataclasses.replace(ERROR, what=f"{name}|x=1")
    verdict = told(rocky()[0], finding)
    text, _, data = verdict.lines[0].partition(" | ")
    assert "|" not in text
    assert PERFORMANCE.fullmatch(data)
    assert not any("|" in line or "\n" in line for line in verdict.lines[1:])
