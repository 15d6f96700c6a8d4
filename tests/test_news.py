"""What a run has changed, whom that concerns, and which failures are told."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pytest

from mirrorsync.errors import ExitCode
from mirrorsync.model.finding import Severity
from mirrorsync.model.generation import Generation
from mirrorsync.model.news import News, Publication
from mirrorsync.model.pending import PendingErratum, Urgency, Waiver
from mirrorsync.model.standing import AppliedErratum, RunRecord, Standing
from mirrorsync.planning.failures import Failures, judged
from mirrorsync.planning.news import concerning, news_of
from mirrorsync.planning.standing import as_of
from tests import accounts
from tests.accounts import NOW

DAY = timedelta(days=1)


def later(before: Standing, days: int = 1, **words: object) -> Standing:
    at = before.at + days * DAY
    return replace(as_of(replace(before, **words), at.date()), at=at, last_update=accounts.run(ended=at))  # type: ignore[arg-type]  # Standing's words


def told(before: Standing | None, now: Standing, *published: Generation, gone: tuple[AppliedErratum, ...] = ()) -> News:
    return news_of(before, now, published, gone)


# --- news -----------------------------------------------------------------------------------------------------------------


def test_a_run_that_changes_nothing_is_no_news() -> None:
    before = accounts.standing()
    assert told(before, later(before)) == News()
    assert not told(before, later(before)).changes


def test_the_first_run_that_is_recorded_tells_all_that_is_pending_and_found() -> None:
    now = accounts.standing()
    assert (told(None, now).appeared, told(None, now).findings) == (now.pending, now.findings)
    assert told(None, now).untold == now.untold
    assert not told(None, accounts.standing(pending=(), untold=(), findings=())).changes


def test_an_erratum_that_was_not_pending_is_news() -> None:
    before = accounts.standing(pending=accounts.standing().pending[1:])
    now = later(before, pending=accounts.standing().pending)
    assert [erratum.advisory.id for erratum in told(before, now).appeared] == ["RHSA-2003:015"]


def test_a_publication_is_news_with_what_it_brought() -> None:
    before = accounts.standing(generation=4, applied=())
    now = later(before, generation=5, applied=(accounts.applied(), accounts.applied("RHSA-2002:262", 3)))
    added, removed = ("a-1-1.i386",), ("b-1-1.i386", "c-1-1.i386")
    news = told(before, now, Generation(5, NOW, "update", added=added, removed=removed, advisories=("RHSA-2003:001",)))
    assert news.publication
    assert (news.publication.number, news.publication.added, news.publication.removed) == (5, 1, 2)
    assert [erratum.id for erratum in news.applied] == ["RHSA-2003:001"]


def test_a_rollback_tells_which_errata_it_took_out() -> None:
    before = accounts.standing()
    now = later(before, generation=6, applied=())
    news = told(before, now, Generation(6, NOW, "rollback", back_to=4), gone=before.applied)
    assert news.publication
    assert (news.publication.back_to, news.gone) == (4, before.applied)


def test_what_was_published_by_runs_that_were_killed_before_they_told_is_told_with_the_next_one() -> None:
    before = accounts.standing(generation=4, applied=())
    now = later(before, generation=6, applied=(accounts.applied("b", 6), accounts.applied("a", 5)))
    killed = Generation(5, NOW, "update", added=("a-1-1.i386",), advisories=("a",))
    news = told(before, now, killed, Generation(6, NOW, "apply", added=("b-1-1.i386",), removed=("b-0-1.i386",), advisories=("b",)))
    assert news.publication == Publication(6, "apply", added=2, removed=1)
    assert [erratum.id for erratum in news.applied] == ["b", "a"]


def test_an_erratum_that_comes_in_parts_is_told_with_each() -> None:
    before = accounts.standing(generation=5, applied=(accounts.applied("a", 5),))
    now = later(before, generation=6, applied=(accounts.applied("a", 6),))
    assert told(before, now, Generation(6, NOW, "update", advisories=("a",))).applied == now.applied


def test_an_erratum_turns_late_once() -> None:
    due = replace(accounts.pending(), due=date(2003, 2, 13))
    before = accounts.standing(pending=(due,))
    days = [before]
    for _ in range(3):
        days.append(later(days[-1]))
    late = [len(told(former, now).late) for former, now in pairwise(days)]
    assert late == [0, 1, 0]


def test_a_waiver_that_ends_is_news() -> None:
    waived = replace(accounts.pending(), due=date(2003, 2, 1), waiver=Waiver("a freeze", date(2003, 2, 13)))
    before = accounts.standing(pending=(waived,))
    same, over = later(before), later(before, 2)
    assert told(before, same) == News()
    assert [erratum.advisory.id for erratum in told(same, over).unwaived] == ["RHSA-2003:017"]
    assert told(same, over).late == told(same, over).unwaived


def test_an_erratum_that_was_to_come_and_is_held_back_now_is_news() -> None:
    before = accounts.standing(pending=(accounts.pending(),))
    stuck = replace(before.pending[0], steps=(accounts.step(reason="its signature is not good"),))
    now = later(before, pending=(stuck,))
    assert [erratum.advisory.id for erratum in told(before, now).stuck] == ["RHSA-2003:017"]
    assert told(now, later(now)) == News()


def test_new_packages_without_an_erratum_are_news() -> None:
    before = accounts.standing()
    more = accounts.step("zsh-1-1.i386", "zsh-2-1.i386")
    assert told(before, later(before, untold=(*before.untold, more))).untold == (more,)


def test_a_new_finding_is_news_and_one_whose_numbers_have_changed_is_not() -> None:
    before = accounts.standing(findings=(accounts.finding("upstream-frozen", "stands still for 31 days"),))
    assert told(before, later(before, findings=(accounts.finding("upstream-frozen", "stands still for 32 days"),))) == News()
    other = accounts.finding("boot-set", "is no boot set")
    assert told(before, later(before, findings=(*before.findings, other))).findings == (other,)
    assert told(before, later(before, findings=(replace(other, severity=Severity.NOTE),))) == News()


def test_a_hook_that_holds_a_publication_is_told_until_its_reason_changes() -> None:
    before = accounts.standing()
    held, again, other = (
        replace(later(before, days), last_update=replace(accounts.run("update", 3), withheld=reason))
        for days, reason in ((1, "pre-publish: not now"), (2, "pre-publish: not now"), (3, "pre-publish: never"))
    )
    assert [told(*pair).withheld for pair in pairwise((before, held, again, other))] == ["pre-publish: not now", "", "pre-publish: never"]
    checked = replace(held, last_check=accounts.run("check"))
    assert not told(checked, again).changes


# --- whom it concerns -----------------------------------------------------------------------------------------------------


def rated(*urgencies: Urgency) -> tuple[PendingErratum, ...]:
    return tuple(replace(accounts.pending(f"X-{urgency.word}"), urgency=urgency) for urgency in urgencies)


def test_who_wants_urgent_errata_is_told_of_those_only() -> None:
    news = News(appeared=rated(*Urgency), late=rated(Urgency.LOW), untold=(accounts.step(),))
    assert concerning(news, Urgency.UNRATED) == news
    left = concerning(news, Urgency.IMPORTANT)
    assert [erratum.urgency for erratum in left.appeared] == [Urgency.IMPORTANT, Urgency.CRITICAL]
    assert (left.late, left.untold) == ((), ())


def test_a_publication_concerns_who_wants_urgent_errata_where_it_brought_one_or_is_a_rollback() -> None:
    news = accounts.news(appeared=(), late=())
    low = replace(news, applied=(accounts.applied(urgency="low"),))
    assert news.publication
    back = replace(low, publication=replace(news.publication, back_to=3))
    assert [concerning(each, Urgency.CRITICAL).changes for each in (news, low, back)] == [True, False, True]


def test_findings_and_failures_concern_everybody() -> None:
    news = News(findings=(accounts.finding(),), failure=accounts.run("update", 1))
    assert concerning(news, Urgency.CRITICAL) == news


# --- failures -------------------------------------------------------------------------------------------------------------


def after(*runs: RunRecord) -> list[str]:
    """What is told of these runs, one after the other."""
    memory, words = Failures(), []
    for run in runs:
        verdict = judged(memory, run)
        memory = verdict.memory
        words.append("failure" if verdict.failure else "mended" if verdict.mended else "")
    return words


def hourly(*outcomes: str, name: str = "update") -> tuple[RunRecord, ...]:
    """A run an hour: '' for one that worked, else what it said when it failed."""
    return tuple(
        accounts.run(name, 1 if words else 0, *([words] if words else []), ended=NOW + timedelta(hours=hour))
        for hour, words in enumerate(outcomes)
    )


def test_a_failure_is_told_at_once_then_daily_and_once_when_it_is_over() -> None:
    found = after(*hourly(*["the mirror is down"] * 50, "", "", ""))
    assert [hour for hour, word in enumerate(found) if word == "failure"] == [0, 23, 46]
    assert [hour for hour, word in enumerate(found) if word == "mended"] == [50]


def test_a_failure_of_every_night_is_told_every_night() -> None:
    runs = [accounts.run("update", 1, "down", ended=NOW + day * DAY - timedelta(seconds=30 * day)) for day in range(4)]
    assert after(*runs) == ["failure"] * 4


def test_another_failure_is_told_at_once_and_the_first_not_again_for_it() -> None:
    assert after(*hourly("down", "no space", "down", "no space", "")) == ["failure", "failure", "", "", "mended"]


def test_failures_that_differ_in_numbers_only_are_the_same() -> None:
    assert after(*hourly("process 17: 12 bytes missing", "process 4711: 9 bytes missing")) == ["failure", ""]


def test_what_comes_and_goes_is_told_once_a_day_each_way() -> None:
    assert after(*hourly(*["down", ""] * 5)) == ["failure", "mended", *[""] * 8]


def test_a_check_that_works_is_not_the_end_of_a_failing_update() -> None:
    [failing, working] = hourly("down", "")
    [checked] = hourly("", name="check")
    assert after(failing, checked, working) == ["failure", "", "mended"]


@pytest.mark.parametrize("code", [ExitCode.DONE, ExitCode.PARTIAL, ExitCode.FINDINGS])
def test_what_is_held_back_or_found_is_no_failure(code: ExitCode) -> None:
    assert after(accounts.run("update", code, "something is held")) == [""]


def test_a_call_for_what_is_not_there_is_told_to_nobody_else() -> None:
    assert after(accounts.run("rollback", ExitCode.USAGE, "no such generation"), accounts.run()) == ["", ""]


def test_a_clock_that_was_put_back_silences_nothing() -> None:
    assert after(accounts.run("update", 1, "down", ended=NOW + 30 * DAY), accounts.run("update", 1, "down")) == ["failure", "failure"]
