"""What a tree lacks, how urgent it is and by when it is due, from values alone."""

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirrorsync.errors import PlanError
from mirrorsync.model.advisory import Advisory, AdvisoryType
from mirrorsync.model.catalogue import Catalogue
from mirrorsync.model.finding import Severity
from mirrorsync.model.pending import PendingErratum, PendingOutcome, Prospect, Step, Urgency, Waiver, WaiverRule
from mirrorsync.model.plan import Change, Held, Incoming, Plan
from mirrorsync.model.policy import NewPackages, Policy
from mirrorsync.model.version import EVR, NEVRA
from mirrorsync.planning.node import Node
from mirrorsync.planning.pending import Terms, aged, pending_errata, remaining, sorted_errata
from mirrorsync.planning.pending_document import erratum_document, erratum_from, pending_document, pending_from
from mirrorsync.planning.update import plan_update
from mirrorsync.planning.urgency import due_of, urgency_of
from mirrorsync.planning.waivers import waiver_findings, waiver_of
from tests import accounts
from tests.accounts import NOW, TODAY
from tests.plans import MIRROR, Contents, advisory, applied, catalogue, incoming, package, packages
from tests.test_plan_properties import SETTINGS, situations

Lacked = tuple[tuple[PendingErratum, ...], tuple[Step, ...]]


def lacked(
    held: Contents,
    offered: Contents,
    *advisories: Advisory,
    arches: tuple[str, ...] = ("i386",),
    exclude: tuple[str, ...] = (),
    pins: dict[str, str] | None = None,
    new: NewPackages = NewPackages.NEEDED,
    barred: dict[str, str] | None = None,
) -> Lacked:
    policy = Policy(arches, new, exclude, (), {name: EVR.parse(evr) for name, evr in (pins or {}).items()})
    tree, mirror = catalogue("rhl73", packages(*held)), catalogue(MIRROR, packages(*offered), advisories)
    plan = plan_update("rhl73", tree, [mirror], policy, barred={NEVRA.parse(text): why for text, why in (barred or {}).items()})
    return pending_errata(plan, tree, [mirror], policy, Terms(TODAY))


def steps(found: Lacked) -> dict[str, list[str]]:
    """By advisory, '' for none: from, to, and what becomes of it."""
    errata, untold = found
    return {erratum.advisory.id: [text(step) for step in erratum.steps] for erratum in errata} | (
        {"": [text(step) for step in untold]} if untold else {}
    )


def text(step: Step) -> str:
    reason = f": {step.reason}" if step.reason else ""
    return f"{step.held or 'nothing'} -> {step.to}{'' if step.prospect is Prospect.COMES else f' {step.prospect.value}{reason}'}"


# --- urgency, dates and order ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "urgency"),
    [
        ("Critical", Urgency.CRITICAL), ("critical", Urgency.CRITICAL), ("urgent", Urgency.CRITICAL),
        ("Important", Urgency.IMPORTANT), ("IMPORTANT", Urgency.IMPORTANT), ("high", Urgency.IMPORTANT),
        ("Moderate", Urgency.MODERATE), ("medium", Urgency.MODERATE), (" moderate\n", Urgency.MODERATE),
        ("Low", Urgency.LOW), ("low", Urgency.LOW),
        ("", Urgency.UNRATED), ("None", Urgency.UNRATED), ("unspecified", Urgency.UNRATED), ("severity_1", Urgency.UNRATED),
        ("N/A", Urgency.UNRATED),
    ],
)  # fmt: skip
def test_distributors_words_are_ranked(word: str, urgency: Urgency) -> None:
    assert urgency_of(Advisory("A", AdvisoryType.SECURITY, word)) is urgency
    assert urgency_of(Advisory("A", AdvisoryType.BUGFIX, word)) is urgency


def test_it_is_due_when_its_target_is_over_counted_in_days() -> None:
    told = accounts.advisory(issued=date(2003, 2, 4))
    targets = {Urgency.IMPORTANT: timedelta(days=7), Urgency.CRITICAL: timedelta(hours=36)}
    assert due_of(told, Urgency.IMPORTANT, targets) == date(2003, 2, 11)
    assert due_of(told, Urgency.CRITICAL, targets) == date(2003, 2, 5)
    assert due_of(told, Urgency.LOW, targets) is None
    assert due_of(accounts.advisory(issued=None), Urgency.IMPORTANT, targets) is None
    assert due_of(accounts.advisory(issued=date.max), Urgency.IMPORTANT, targets) is None


def test_errata_are_sorted_by_urgency_then_age_then_id_and_those_without_a_date_come_last() -> None:
    days = {"b": date(2003, 1, 1), "a": date(2003, 1, 1), "c": None, "d": date(2002, 1, 1)}
    errata = [accounts.pending(name, Urgency.LOW, advisory=accounts.advisory(name, issued=day)) for name, day in days.items()]
    errata.append(accounts.pending("e", Urgency.CRITICAL))
    assert [erratum.advisory.id for erratum in sorted_errata(errata)] == ["e", "d", "a", "b", "c"]


def test_on_another_day_ages_dues_waivers_and_urgencies_are_others() -> None:
    before = accounts.pending(advisory=accounts.advisory(severity="Critical"), waiver=Waiver("a freeze", TODAY))
    terms = Terms(TODAY + timedelta(days=1), {Urgency.CRITICAL: timedelta(days=2)})
    [erratum] = aged([before], terms)
    assert (erratum.urgency, erratum.age, erratum.due, erratum.waiver) == (Urgency.CRITICAL, 9, date(2003, 2, 6), None)
    assert erratum.steps == before.steps
    [young] = aged([before], Terms(date(2003, 2, 1)))
    assert (young.age, young.due) == (0, None)


# --- waivers --------------------------------------------------------------------------------------------------------------


def rule(until: date = TODAY, **words: str) -> WaiverRule:
    return WaiverRule(Waiver("a freeze", until), **words)


@pytest.mark.parametrize(
    ("rules", "found"),
    [
        ([rule(advisory="RHSA-2003:017")], Waiver("a freeze", TODAY)),
        ([rule(advisory="RHSA-2003:018")], None),
        ([rule(cve="CAN-2002-1396")], Waiver("a freeze", TODAY)),
        ([rule(cve="CVE-2002-1396")], Waiver("a freeze", TODAY)),
        ([rule(cve="CAN-2002")], None),
        ([rule(package="php*")], Waiver("a freeze", TODAY)),
        ([rule(package="ph")], None),
        ([rule(TODAY - timedelta(days=1), package="php*")], None),
        ([], None),
    ],
)
def test_a_waiver_is_for_an_advisory_a_cve_or_packages_to_the_end_of_its_day(rules: list[WaiverRule], found: Waiver | None) -> None:
    perl = accounts.step("perl-1-1.i386", "perl-2-1.i386")
    assert waiver_of(accounts.advisory(), [accounts.step(), perl], rules, TODAY) == found


def test_of_several_waivers_the_one_that_holds_longest_counts() -> None:
    rules = [rule(TODAY + timedelta(days=days), package="php") for days in (1, 9, 3)]
    assert waiver_of(accounts.advisory(), [accounts.step()], rules, TODAY) == Waiver("a freeze", TODAY + timedelta(days=9))


def test_waivers_that_have_ended_or_are_for_nothing_are_notes() -> None:
    over = TODAY - timedelta(days=1)
    rules = [rule(package="php"), rule(over, advisory="RHSA-2003:017"), rule(over, cve="CVE-1"), rule(package="bash*")]
    found = list(waiver_findings("redhat73", [accounts.pending()], rules, TODAY))
    assert [(finding.code, finding.what) for finding in found] == [
        ("waiver-ended", "the waiver for RHSA-2003:017 ended with 2003-02-11, and RHSA-2003:017 is still pending"),
        ("waiver-ended", "the waiver for CVE-1 ended with 2003-02-11"),
        ("waiver-unused", "the waiver for packages 'bash*' is for nothing that is pending here"),
    ]
    assert {(finding.severity, finding.where) for finding in found} == {(Severity.NOTE, "redhat73")}


# --- what is pending ------------------------------------------------------------------------------------------------------


def test_an_erratum_is_pending_where_the_tree_has_an_older_build_of_one_of_its_packages() -> None:
    told = {"A": "bash-2-1.i386", "B": "bash-3-1.i386", "C": "tar-2-1.i386", "D": "zsh-1-1.i386"}
    held: Contents = ["bash-1-1.i386", "tar-2-1.i386"]
    found = lacked(held, ["bash-3-1.i386", "tar-2-1.i386", "zsh-1-1.i386"], *(advisory(name, nevra) for name, nevra in told.items()))
    assert steps(found) == {"A": ["bash-1-1.i386 -> bash-3-1.i386"], "B": ["bash-1-1.i386 -> bash-3-1.i386"]}


def test_what_is_for_other_machines_or_has_an_epoch_that_is_not_told_is_not_pending() -> None:
    told = advisory("A", "bash-2-1.ppc"), advisory("B", "tar-1-1.i386")
    assert lacked(["bash-1-1.noarch", "tar-1:1-1.i386"], ["tar-1:1-1.i386"], *told) == ((), ())


def test_of_builds_that_lie_beside_each_other_the_newest_counts() -> None:
    held: Contents = ["bash-1-1.i386", "bash-2-1.i386"]
    assert lacked(held, ["bash-2-1.i386"], advisory("A", "bash-2-1.i386")) == ((), ())


def test_updates_that_no_erratum_tells_of_are_apart() -> None:
    found = lacked(["bash-1-1.i386", "tar-1-1.i386"], ["bash-2-1.i386", "tar-2-1.i386"], advisory("A", "bash-2-1.i386"))
    assert steps(found) == {"A": ["bash-1-1.i386 -> bash-2-1.i386"], "": ["tar-1-1.i386 -> tar-2-1.i386"]}


def test_what_is_held_says_why() -> None:
    found = lacked(["bash-1-1.i386"], [package("bash-2-1.i386", requires=["libx"])], advisory("A", "bash-2-1.i386"))
    assert steps(found) == {"A": ["bash-1-1.i386 -> bash-2-1.i386 held: needs libx, which neither the tree nor the mirror has"]}


def test_what_a_rollback_took_out_is_held() -> None:
    found = lacked(["bash-1-1.i386"], ["bash-2-1.i386"], advisory("A", "bash-2-1.i386"), barred={"bash-2-1.i386": "taken out"})
    assert steps(found) == {"A": ["bash-1-1.i386 -> bash-2-1.i386 held: taken out"]}


def test_what_the_configuration_keeps_out_says_so_where_an_erratum_tells_of_it() -> None:
    held: Contents = ["bash-1-1.i386", "tar-1-1.i386", "zsh-1-1.i386"]
    offered: Contents = ["bash-3-1.i386", "tar-2-1.i386", "zsh-2-1.i386"]
    told = advisory("A", "bash-2-1.i386"), advisory("B", "zsh-2-1.i386")
    found = lacked(held, offered, *told, exclude=("bash", "tar"), pins={"zsh": "1-1"})
    assert steps(found) == {
        "A": ["bash-1-1.i386 -> bash-3-1.i386 kept out: excluded by 'bash'"],
        "B": ["zsh-1-1.i386 -> zsh-2-1.i386 kept out: pinned to 1-1"],
    }


def test_what_no_mirror_offers_is_pending_all_the_same() -> None:
    found = lacked(["bash-1-1.i386"], ["bash-2-1.i386"], advisory("A", "bash-3-1.i386"))
    assert steps(found) == {"A": ["bash-1-1.i386 -> bash-3-1.i386 held: no mirror offers it"], "": ["bash-1-1.i386 -> bash-2-1.i386"]}


def test_what_is_obsoleted_by_an_update_comes_with_it() -> None:
    obsoleting = package("newbash-1-1.i386", obsoletes=["bash"])
    found = lacked(["bash-1-1.i386"], ["bash-2-1.i386", obsoleting], advisory("A", "bash-2-1.i386"))
    assert steps(found)["A"] == ["bash-1-1.i386 -> newbash-1-1.i386"]


def test_what_an_obsoleting_package_that_is_held_would_replace_is_held_too() -> None:
    obsoleting = package("newbash-1-1.i386", obsoletes=["bash"], requires=["libx"])
    found = lacked(["bash-1-1.i386"], ["bash-2-1.i386", obsoleting], advisory("A", "bash-2-1.i386"))
    assert steps(found)["A"] == ["bash-1-1.i386 -> newbash-1-1.i386 held: needs libx, which neither the tree nor the mirror has"]


def test_an_erratum_names_all_its_packages_also_those_that_are_new_to_the_tree() -> None:
    offered: Contents = [package("bash-2-1.i386", requires=["bash-doc"]), "bash-doc-2-1.i386"]
    found = lacked(["bash-1-1.i386"], offered, advisory("A", "bash-2-1.i386", "bash-doc-2-1.i386"))
    assert steps(found) == {"A": ["bash-1-1.i386 -> bash-2-1.i386", "nothing -> bash-doc-2-1.i386"]}


def test_an_erratum_of_what_only_comes_along_was_not_lacking() -> None:
    offered: Contents = [package("bash-2-1.i386", requires=["libx"]), "libx-1-1.i386"]
    found = lacked(["bash-1-1.i386"], offered, advisory("A", "bash-2-1.i386"), advisory("B", "libx-1-1.i386"))
    assert steps(found) == {"A": ["bash-1-1.i386 -> bash-2-1.i386"], "": ["nothing -> libx-1-1.i386"]}


def test_new_packages_are_pending_where_all_are_taken() -> None:
    found = lacked(["bash-1-1.i386"], ["zsh-1-1.i386"], advisory("A", "zsh-1-1.i386"), new=NewPackages.ALL)
    assert steps(found) == {"A": ["nothing -> zsh-1-1.i386"]}


def test_builds_for_several_architectures_are_steps_of_their_own() -> None:
    names = [f"glibc-{version}-1.{arch}" for version in (1, 2) for arch in ("i686", "x86_64")]
    found = lacked([*names[:2]], [*names[2:]], advisory("A", *names[2:]), arches=("x86_64",))
    assert steps(found) == {"A": ["glibc-1-1.i686 -> glibc-2-1.i686", "glibc-1-1.x86_64 -> glibc-2-1.x86_64"]}


def test_an_erratum_of_another_module_stream_is_not_pending() -> None:
    held: Contents = [package("nodejs-10-1.x86_64", module="nodejs:10")]
    offered: Contents = [package("nodejs-10-1.x86_64", module="nodejs:10"), package("nodejs-12-2.x86_64", module="nodejs:12")]
    told = advisory("A", "nodejs-12-2.x86_64"), advisory("B", "nodejs-12-1.x86_64"), advisory("C", "nodejs-10-2.x86_64")
    assert lacked(held, offered, *told[:2], arches=("x86_64",)) == ((), ())
    newer: Contents = [package("nodejs-10-3.x86_64", module="nodejs:10"), *offered]
    assert list(steps(lacked(held, newer, *told, arches=("x86_64",)))) == ["C"]


def test_sources_in_a_tree_lack_nothing() -> None:
    assert lacked(["bash-1-1.src", "tar-1-1.i386"], ["tar-1-1.i386"], advisory("A", "bash-2-1.i386")) == ((), ())


# --- after an update ------------------------------------------------------------------------------------------------------


def test_what_came_is_not_lacked_any_more_and_what_could_not_be_fetched_is_held() -> None:
    held: Contents = ["bash-1-1.i386", "tar-1-1.i386", "zsh-1-1.i386"]
    found = lacked(held, ["bash-2-1.i386", "tar-2-1.i386", "zsh-2-1.i386"], advisory("A", "bash-2-1.i386", "tar-2-1.i386"))
    bash = Incoming(package("bash-2-1.i386"), MIRROR, Change.UPGRADE, "newer")
    plan = Plan("rhl73", incoming=(bash,), held=(Held(NEVRA.parse("tar-2-1.i386"), "not signed"),))
    assert steps(remaining(*found, plan, published=True)) == {
        "A": ["tar-1-1.i386 -> tar-2-1.i386 held: not signed"],
        "": ["zsh-1-1.i386 -> zsh-2-1.i386"],
    }
    assert len(steps(remaining(*found, plan, published=False))["A"]) == 2


@SETTINGS
@given(situations())
def test_an_update_leaves_of_what_was_pending_what_it_said_it_would(situation: tuple[Catalogue, list[Catalogue], Policy]) -> None:
    held, available, policy = situation
    plan = plan_update("tree", held, available, policy)
    errata, untold = pending_errata(plan, held, available, policy, Terms(TODAY))
    assert all(erratum.steps for erratum in errata)
    assert all(bool(step.reason) == (step.prospect is not Prospect.COMES) for step in _all(errata, untold))
    coming = {str(step.to) for step in _all(errata, untold) if step.prospect is Prospect.COMES}
    assert set(incoming(plan)) <= coming
    after = applied(plan, held)
    again = plan_update("tree", after, available, policy)
    left = pending_errata(again, after, available, policy, Terms(TODAY))[0]
    said = remaining(errata, untold, plan, published=True)[0]
    assert {erratum.advisory.id for erratum in left} <= {erratum.advisory.id for erratum in said}


def _all(errata: Sequence[PendingErratum], untold: Sequence[Step]) -> list[Step]:
    return [*untold, *(step for erratum in errata for step in erratum.steps)]


# --- documents ------------------------------------------------------------------------------------------------------------

EVRS = st.builds(EVR, st.sampled_from([None, "0", "2"]), st.text("12.", min_size=1), st.text("1el.", min_size=1))
NEVRAS = st.builds(NEVRA, st.text("abc", min_size=1), EVRS, st.sampled_from(["i386", "noarch"]))
STEPS = st.builds(Step, st.none() | NEVRAS, NEVRAS, st.sampled_from(Prospect), st.text())
ERRATA = st.builds(
    PendingErratum,
    st.builds(Advisory, st.text(min_size=1), st.sampled_from(AdvisoryType), st.text(), st.text(), st.none() | st.dates()),
    st.sampled_from(Urgency),
    st.none() | st.integers(0, 9999),
    st.lists(STEPS, max_size=3).map(tuple),
    st.none() | st.dates(),
    st.none() | st.builds(Waiver, st.text(), st.dates()),
)


@given(ERRATA)
def test_an_erratum_reads_back_from_its_document(erratum: PendingErratum) -> None:
    assert erratum_from(Node(json.loads(json.dumps(erratum_document(erratum))), "erratum")) == erratum


def test_what_is_kept_of_what_is_pending_reads_back_but_for_what_advisories_say_at_length() -> None:
    long = accounts.pending(advisory=accounts.advisory(description="long", packages=(NEVRA.parse("php-2-1.i386"),)))
    outcome = PendingOutcome("redhat73", NOW, (long,), (accounts.step(),))
    short = replace(long, advisory=accounts.advisory())
    assert pending_from(json.loads(json.dumps(pending_document(outcome)))) == ((short,), (accounts.step(),))


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("urgency", "grave", "erratum.urgency: expected an urgency, found 'grave'"),
        ("urgency", 3, "erratum.urgency: expected an urgency, found 3"),
        ("due", "soon", "erratum.due: expected a date, found 'soon'"),
        ("age", "1", "erratum.age: expected a whole number, found '1'"),
        ("steps", {}, "erratum.steps: expected a list, found {}"),
        ("steps", [{"held": None}], "erratum.steps[0].prospect: missing"),
    ],
)
def test_the_first_fault_of_a_document_is_told(key: str, value: object, line: str) -> None:
    document = erratum_document(accounts.pending()) | {key: value}
    with pytest.raises(PlanError) as caught:
        erratum_from(Node(document, "erratum"))
    assert str(caught.value) == line


def test_what_waits_is_looked_through_once_however_much_is_lacked() -> None:
    held = catalogue("rhl73", packages(*(f"p{number}-1-1.i386" for number in range(2000))))
    others = packages("late-1-1.i386", *(f"q{number}-1-1.i386" for number in range(10_000)))
    told = [advisory(f"A{number}", f"p{number}-9-1.i386") for number in range(2000)]
    mirror = catalogue(MIRROR, (*held.packages, *others), told)
    plan = Plan("rhl73", held=(Held(NEVRA.parse("late-1-1.i386"), "it waits"),))
    began = time.monotonic()
    errata, _ = pending_errata(plan, held, [mirror], Policy(("i386",)), Terms(TODAY))
    assert len(errata) == 2000
    assert time.monotonic() - began < 4
