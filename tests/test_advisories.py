"""One advisory for each id: what wins where several tell of it, what is united, and what is a conflict."""

import subprocess
from dataclasses import replace
from datetime import date
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from mirrorsync.model.advisory import Advisory, AdvisoryType, Reference, Told
from mirrorsync.model.finding import Severity
from mirrorsync.model.version import NEVRA
from mirrorsync.planning.advisories import conflicts, merged
from tests.conftest import Builder
from tests.sites import REPODATA, repodata_site, repository

SPRING, SUMMER = date(2024, 4, 1), date(2024, 7, 1)
CVE = Reference("https://cve.example/1", "CVE-2024-1111", "cve")
BUG = Reference("https://bugs.example/1", "1", "bugzilla", "it breaks")


def told(*packages: str, kind: AdvisoryType = AdvisoryType.SECURITY, severity: str = "", issued: date | None = SPRING) -> Advisory:
    return Advisory("RHSA-1", kind, severity, "a title", issued, packages=tuple(NEVRA.parse(text) for text in packages))


def union(*advisories: Advisory) -> Advisory:
    [advisory] = merged(advisories).values()
    return advisory


def names(advisory: Advisory) -> list[str]:
    return [str(nevra) for nevra in advisory.packages]


def test_the_highest_revision_wins_over_a_later_day() -> None:
    tenth = replace(told(), revision="10", title="tenth")
    second = replace(told(issued=SUMMER), revision="2", title="second")
    assert union(second, tenth).title == union(tenth, second).title == "tenth"


def test_revisions_do_not_count_where_not_all_have_one() -> None:
    assert union(replace(told(), revision="10"), replace(told(issued=SUMMER), title="later")).title == "later"


def test_revisions_of_texts_and_of_metadata_are_not_compared() -> None:
    text = replace(told(), told=Told.TEXT, revision="20", title="text")
    assert union(text, replace(told(issued=SUMMER), revision="1", title="metadata")).title == "metadata"


def test_the_later_update_wins_then_the_later_issue_then_what_comes_first() -> None:
    updated = replace(told(), updated=SUMMER, title="updated")
    assert union(told(), updated).title == "updated"
    assert union(replace(told(), title="first"), told()).title == "first"


def test_of_equals_the_distributors_metadata_count_for_more_than_a_text() -> None:
    assert union(replace(told(), told=Told.TEXT), told()).told is Told.UPDATEINFO


def test_packages_cves_and_references_of_all_are_united() -> None:
    left = replace(told("a-1-1.i386", "b-1-1.i386"), cves=("CVE-2024-1111",), references=(CVE,))
    right = replace(told("b-1-1.i386", "c-1-1.i386"), cves=("CVE-2024-0001",), references=(CVE, BUG), reboot_suggested=True)
    both = union(left, right)
    assert names(both) == ["a-1-1.i386", "b-1-1.i386", "c-1-1.i386"]
    assert both.cves == ("CVE-2024-0001", "CVE-2024-1111")
    assert (both.references, both.reboot_suggested) == ((CVE, BUG), True)


def test_a_package_that_one_tells_without_its_epoch_is_no_second_one() -> None:
    assert names(union(told("a-1-1.i386"), told("a-1:1-1.i386"))) == ["a-1:1-1.i386"]


def test_of_different_severities_of_one_day_the_graver_counts_as_it_is_written() -> None:
    assert union(told(severity="Low"), told(severity="CRITICAL")).severity == "CRITICAL"
    assert union(told(severity="Critical", issued=SPRING), told(severity="Low", issued=SUMMER)).severity == "Low"


def test_security_for_one_is_security_for_all_of_the_same_day() -> None:
    assert union(told(kind=AdvisoryType.BUGFIX), told()).type is AdvisoryType.SECURITY
    assert union(told(), told(kind=AdvisoryType.BUGFIX, issued=SUMMER)).type is AdvisoryType.BUGFIX


def test_what_the_latest_leaves_unsaid_is_taken_from_the_one_before() -> None:
    both = union(told(severity="Moderate"), replace(told(issued=SUMMER), title="", description="why"))
    assert (both.title, both.severity, both.description, both.issued) == ("a title", "Moderate", "why", SUMMER)


def test_the_sums_of_a_file_are_those_of_the_latest_that_names_it() -> None:
    old = replace(told(), sums=(("a.rpm", "1" * 32), ("b.rpm", "2" * 32)))
    new = replace(told(issued=SUMMER), sums=(("a.rpm", "3" * 32), ("a.rpm", "4" * 32)))
    assert union(old, new).sums == (("a.rpm", "3" * 32), ("a.rpm", "4" * 32), ("b.rpm", "2" * 32))


def test_mirrors_that_say_the_same_do_not_conflict() -> None:
    assert conflicts([("one", [told("a-1-1.i386")]), ("two", [told("b-1-1.i386", severity="Low")])]) == ()


def test_mirrors_that_say_different_things_on_one_day_are_a_note() -> None:
    [finding] = conflicts([("one", [told(severity="Low")]), ("two", [told(kind=AdvisoryType.BUGFIX)])])
    assert (finding.severity, finding.code, finding.where) == (Severity.NOTE, "advisories-differ", "RHSA-1")
    assert finding.what == "one calls it security (Low); two calls it bugfix"


def test_a_later_word_on_an_erratum_is_no_conflict() -> None:
    assert conflicts([("one", [told(severity="Low")]), ("two", [told(severity="Critical", issued=SUMMER)])]) == ()


def test_one_id_for_two_errata_is_a_note() -> None:
    other = replace(told("b-1-1.i386", issued=SUMMER), title="another")
    [finding] = conflicts([("one", [told("a-1-1.i386")]), ("two", [other])])
    assert finding.what == "one and two have different errata of this id: 'a title' and 'another'"


ADVISORIES = st.builds(
    Advisory,
    st.sampled_from(["RHSA-1", "RHSA-2"]),
    st.sampled_from(AdvisoryType),
    st.sampled_from(["", "Low", "Critical", "odd"]),
    st.sampled_from(["", "x"]),
    st.sampled_from([None, SPRING, SUMMER]),
    st.sampled_from([None, SUMMER]),
    packages=st.lists(st.sampled_from(["a-1-1.i386", "a-1:1-1.i386", "b-1-1.i386"]).map(NEVRA.parse), max_size=2).map(tuple),
    revision=st.sampled_from(["", "1", "02", "x"]),
    told=st.sampled_from(Told),
)


@given(st.lists(ADVISORIES, max_size=4))
def test_merging_what_is_merged_changes_nothing(advisories: list[Advisory]) -> None:
    once = merged(advisories)
    again = merged(once.values())
    assert {name: replace(advisory, packages=()) for name, advisory in again.items()} == {
        name: replace(advisory, packages=()) for name, advisory in once.items()
    }
    assert {advisory.id for advisory in advisories} == set(once)


@given(st.lists(ADVISORIES, max_size=4))
def test_no_package_is_lost(advisories: list[Advisory]) -> None:
    bare = {(each.id, nevra.name) for each in advisories for nevra in each.packages}
    assert {(each.id, nevra.name) for each in merged(advisories).values() for nevra in each.packages} == bare


UPDATEINFO = """<updates><update type="{kind}" version="1"><id>RHSA-1</id><title>one</title><severity>{severity}</severity>
<issued date="2024-04-01"/><pkglist><collection><package name="tar" version="2" release="1" arch="noarch"/></collection></pkglist>
</update></updates>"""


def test_an_update_from_two_mirrors_takes_the_graver_word_and_tells_of_it(tmp_path: Path, rpm: Builder) -> None:
    site = repodata_site(tmp_path, [rpm("tar", "1")], [rpm("tar", "2")])
    program = site.program()
    other = repository(tmp_path / "other", [rpm("tar", "2")])
    with program.config.open("a") as file:
        file.write(f'[[trees.rocky.updates]]\nurl = "{other.as_uri()}/"\n{REPODATA}\n')
    for mirror, kind, severity in ((site.mirror, "bugfix", "None"), (other, "security", "Important")):
        (tmp_path / "updateinfo.xml").write_text(UPDATEINFO.format(kind=kind, severity=severity))
        subprocess.run(["modifyrepo_c", tmp_path / "updateinfo.xml", mirror / "repodata"], check=True, capture_output=True)
    outcome = program("update", "--dry-run", "--json")
    [advisory] = outcome.tree["plan"]["advisories"]
    [finding] = outcome.findings
    assert (advisory["type"], advisory["severity"]) == ("security", "Important")
    assert (finding["severity"], finding["code"], finding["where"], outcome.code) == ("note", "advisories-differ", "RHSA-1", 0)
