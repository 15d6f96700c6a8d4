"""How a tree stands after a run, from values alone, and as the document that is kept of it."""

import json
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirrorsync.errors import ExitCode, PlanError
from mirrorsync.model.advisory import Reference
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.model.generation import Generation
from mirrorsync.model.outcome import BootChange, CheckOutcome, FailedFetch, RollbackOutcome, TreeFailure, UpdateOutcome, Withheld
from mirrorsync.model.pending import PendingOutcome, Prospect, Urgency, Waiver
from mirrorsync.model.plan import Plan
from mirrorsync.model.standing import Standing
from mirrorsync.planning.applied import applied_errata, pending_again, taken_out, untold_ids
from mirrorsync.planning.failures import Failures
from mirrorsync.planning.standing import Outcome, Present, after, as_of, failing, run_record
from mirrorsync.planning.standing_document import (
    failures_document,
    failures_from,
    runs_document,
    runs_from,
    standing_document,
    standing_from,
)
from mirrorsync.report.page.condition import condition_of
from tests import accounts
from tests.accounts import NOW

LATER = NOW + timedelta(days=1)
PRESENT = Present("redhat73", "/u1/redhat", "redhat", 5, NOW, 1441, 1_730_000_000)
WARNING = Finding(Severity.WARNING, "mirror-empty", "x", "offers nothing", "look")


def stands(before: Standing | None, outcome: Outcome, present: Present = PRESENT, name: str = "update") -> Standing:
    applied = before.applied if before else ()
    return after(before, present, outcome, run_record(name, LATER - timedelta(seconds=3), LATER, outcome), applied)


def update(**words: object) -> UpdateOutcome:
    return replace(UpdateOutcome("redhat73", Plan("redhat73")), **words)  # type: ignore[arg-type]  # UpdateOutcome's words


# --- after a run ----------------------------------------------------------------------------------------------------------


def test_the_first_update_makes_a_standing() -> None:
    standing = stands(None, update(fetched=3, bytes_fetched=99, generation=5))
    assert (standing.generation, standing.packages, standing.at, standing.succeeded) == (5, 1441, LATER, LATER)
    assert standing.last
    assert (standing.last.fetched, standing.last.bytes_fetched, standing.last.generation, standing.last.seconds) == (3, 99, 5, 3)


def test_a_remembered_nothing_to_do_keeps_what_is_pending() -> None:
    before = accounts.standing()
    assert stands(before, update()).pending == before.pending


def test_a_standing_is_seen_on_a_later_day_with_new_ages_and_without_waivers_that_are_over() -> None:
    waived = replace(accounts.pending(), waiver=Waiver("a freeze", date(2003, 2, 12)))
    undated = replace(accounts.pending(), advisory=accounts.advisory(issued=None), age=None)
    first, second = as_of(accounts.standing(pending=(waived, undated)), LATER.date()).pending
    assert (first.age, first.waiver, second.age) == (9, None, None)


def test_an_update_that_looked_says_what_is_pending() -> None:
    looked = PendingOutcome("redhat73", LATER, (accounts.pending(),), (), (WARNING,))
    standing = stands(accounts.standing(), update(pending=looked))
    assert (standing.pending, standing.untold, standing.findings) == ((accounts.pending(),), (), (WARNING,))


def test_a_failure_keeps_pending_and_published_and_says_its_words() -> None:
    before = accounts.standing()
    standing = stands(before, TreeFailure("redhat73", "the mirror is down", ExitCode.FAILURE))
    assert [erratum.advisory.id for erratum in standing.pending] == [erratum.advisory.id for erratum in before.pending]
    assert (standing.published, standing.findings, standing.succeeded) == (before.published, before.findings, NOW)
    assert failing(standing) == (standing.last_update,)
    assert standing.last_update
    assert (standing.last_update.words, standing.last_update.exit_code) == (("the mirror is down",), 1)


def test_checks_that_work_hide_no_updates_that_fail() -> None:
    failed = stands(accounts.standing(), TreeFailure("redhat73", "the mirror is down", ExitCode.FAILURE))
    checked = stands(failed, CheckOutcome("redhat73", 2, deep=False, findings=()), name="check")
    assert (failing(checked), checked.succeeded, checked.checked) == ((failed.last_update,), NOW, LATER)
    assert condition_of(checked, LATER.date()).why == "the last update failed (exit code 1)"
    assert failing(stands(checked, update())) == ()


def test_what_a_hook_held_is_said_until_it_is_published() -> None:
    held = stands(accounts.standing(pending=(), untold=(), findings=()), update(withheld=Withheld("pre-publish: not now")))
    checked = stands(held, CheckOutcome("redhat73", 2, deep=False, findings=()), name="check")
    assert condition_of(checked, LATER.date()).why == "held by pre-publish: not now"
    assert condition_of(stands(checked, update()), LATER.date()).word == "Current"


def test_what_is_held_back_is_not_said_to_come() -> None:
    held = accounts.step("zsh-1-1.i386", "zsh-2-1.i386", "needs libacl")
    standing = accounts.standing(pending=(), findings=(), untold=(held, accounts.step()))
    assert condition_of(standing, LATER.date()).why == "1 to come with the next update"
    assert condition_of(replace(standing, untold=(held,)), LATER.date()).word == "Held back"


def test_a_check_replaces_what_a_check_looks_for_and_keeps_what_only_an_update_sees() -> None:
    export, image = (accounts.finding(code) for code in ("export-missing", "image-damaged"))
    pool, record = (accounts.finding(code) for code in ("pool-changed", "journal-lost"))
    updated = stands(None, update(findings=(WARNING, export)))
    checked = stands(updated, CheckOutcome("redhat73", 2, deep=True, findings=(pool, image)), name="check")
    assert (set(checked.findings), checked.of_check, checked.checked) == ({WARNING, pool, image}, (pool,), LATER)
    again = stands(checked, CheckOutcome("redhat73", 2, deep=True, findings=(record,)), name="check")
    assert set(again.findings) == {WARNING, record}
    assert set(stands(again, update(findings=(export,))).findings) == {export, record}
    assert stands(again, update(generation=6)).findings == ()


def test_another_kernel_is_told_until_a_check_no_longer_finds_it_whoever_found_it() -> None:
    kernel = accounts.finding("kernel-differs")
    nothing, found = (CheckOutcome("redhat73", 2, deep=True, findings=findings) for findings in ((), (kernel,)))
    by_check, by_update = stands(None, found, name="check"), stands(None, update(findings=(kernel,)))
    assert stands(by_check, update()).findings == (kernel,)
    assert [stands(before, nothing, name="check").findings for before in (by_check, by_update)] == [(), ()]


def test_a_run_says_what_needs_somebodys_attention() -> None:
    outcome = update(
        failed=(FailedFetch("bash", "bash: not signed"),), boot=BootChange.FAILED, withheld=Withheld("pre-publish: no"),
        findings=(WARNING, replace(WARNING, severity=Severity.NOTE)),
    )  # fmt: skip
    words = run_record("update", NOW, LATER, outcome).words
    assert words == ("bash: not signed", "pre-publish: no", "boot set could not be staged", str(WARNING))


# --- applied errata -------------------------------------------------------------------------------------------------------


def record(number: int, *errata: str, back_to: int | None = None) -> Generation:
    return Generation(number, NOW + timedelta(hours=number), "update", advisories=errata, back_to=back_to)


RECORDS = {each.number: each for each in (record(1), record(2, "a"), record(3, "b", "a"), record(4, back_to=2), record(5, "c"))}


def names(number: int | None) -> list[tuple[str, int]]:
    made = applied_errata(RECORDS, number, (), {}, lambda _: (Urgency.LOW, None))
    return [(erratum.id, erratum.generation) for erratum in made]


def test_applied_errata_are_those_whose_updates_are_in_the_tree_newest_first() -> None:
    assert names(3) == [("a", 3), ("b", 3)]
    assert names(4) == [("a", 2)]
    assert names(5) == [("c", 5), ("a", 2)]
    assert names(None) == []


def test_an_applied_erratum_says_whether_its_target_was_met() -> None:
    told = {"a": accounts.advisory("a", issued=date(2003, 2, 4))}
    for day, met in ((11, False), (12, True)):
        [erratum] = applied_errata({2: record(2, "a")}, 2, (), told, lambda _, day=day: (Urgency.CRITICAL, date(2003, 2, day)))  # type: ignore[misc]  # a default binds it
        assert (erratum.urgency, erratum.met, erratum.title) == ("critical", met, "Updated PHP packages available")


def test_what_was_said_of_an_applied_erratum_stays_said() -> None:
    known = accounts.applied("a", 2)
    assert known in applied_errata(RECORDS, 5, (known,), {}, lambda _: (Urgency.LOW, None))
    assert untold_ids(RECORDS, (known,)) == ("a", "b", "c")
    assert untold_ids({2: RECORDS[2]}, (known,)) == ()


def test_an_erratum_of_which_nothing_is_known_is_named() -> None:
    [erratum] = applied_errata({2: record(2, "a")}, 2, (), {}, lambda _: (Urgency.LOW, None))
    assert (erratum.type, erratum.urgency, erratum.met) == ("other", "unrated", None)


def test_an_erratum_that_is_too_old_to_be_told_is_not_taken_out_by_that() -> None:
    assert taken_out((accounts.applied("a", 2),), (), RECORDS, 5) == ()
    assert [erratum.id for erratum in taken_out((accounts.applied("b", 3),), (), RECORDS, 4)] == ["b"]


def test_errata_that_a_rollback_took_out_are_pending_again() -> None:
    told = accounts.advisory(packages=(accounts.step().to,))
    back = {6: record(6, back_to=3)}
    gone = taken_out((accounts.applied("RHSA-2003:017"), accounts.applied("kept")), (accounts.applied("kept"),), back, 6)
    outcome = RollbackOutcome("redhat73", 3, 6, added=("php-4.1.2-7.i386",), removed=("php-4.1.2-7.3.6.i386",))
    [erratum] = pending_again(gone, outcome, {told.id: told}, NOW.date())
    assert (erratum.advisory, erratum.urgency, erratum.due) == (told, Urgency.CRITICAL, date(2003, 1, 22))
    [step] = erratum.steps
    assert (str(step.held), str(step.to), step.prospect) == ("php-4.1.2-7.i386", "php-4.1.2-7.3.6.i386", Prospect.KEPT_OUT)
    assert "update --reapply" in step.reason
    assert not [*pending_again(gone, outcome, {}, NOW.date())]


# --- documents ------------------------------------------------------------------------------------------------------------


def through_json(document: object) -> object:
    return json.loads(json.dumps(document))


@pytest.mark.parametrize(
    "standing",
    [
        accounts.standing(of_check=(accounts.finding(),)),
        accounts.standing(
            generation=None, published=None, last_update=None, last_check=None, succeeded=None, checked=None, next_run=None, applied=()
        ),
        accounts.standing(applied=(accounts.applied(issued=None, target=None),), untold=(accounts.step(None),)),
        accounts.standing(path="/u1/\udcff\u202e\n", last_update=accounts.run("update", 1, "\udcff")),
    ],
)
def test_a_standing_reads_back_the_same(standing: Standing) -> None:
    assert standing_from(through_json(standing_document(standing))) == standing


def test_a_standing_is_kept_without_what_advisories_say_at_length() -> None:
    long = accounts.advisory(description="x" * 9999, references=(Reference("http://x"),), sums=(("a.rpm", "00"),))
    kept = standing_from(through_json(standing_document(accounts.standing(pending=(replace(accounts.pending(), advisory=long),)))))
    assert kept.pending[0].advisory == accounts.advisory()


def test_runs_and_what_was_told_of_failures_read_back_the_same() -> None:
    runs = (accounts.run(), accounts.run("check", 4, "a", "b"))
    assert runs_from(through_json(runs_document(runs))) == runs
    failures = Failures({"ab": NOW}, frozenset({"update", "check"}))
    assert failures_from(through_json(failures_document(failures))) == failures


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner),
)


@given(st.sampled_from(sorted(standing_document(accounts.standing()))), _JSON)
def test_a_damaged_standing_is_refused_or_read_and_nothing_else(key: str, value: object) -> None:
    document = {**standing_document(accounts.standing()), key: value}
    try:
        assert isinstance(standing_from(through_json(document)), Standing)
    except PlanError:
        return


@pytest.mark.parametrize("key", ["at", "published", "succeeded"])
def test_a_time_without_its_zone_is_refused(key: str) -> None:
    with pytest.raises(PlanError, match=f"standing.{key}: expected a time with its zone"):
        standing_from({**standing_document(accounts.standing()), key: "2003-02-12T04:17:09"})
