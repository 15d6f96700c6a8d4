"""Which errata a filter means, and updates that one limits: whole errata with what they need, and nothing else."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirrorsync.model.advisory import Advisory, AdvisoryType
from mirrorsync.model.catalogue import Catalogue
from mirrorsync.model.filter import EVERYTHING, Filter
from mirrorsync.model.package import Package
from mirrorsync.model.pending import Urgency
from mirrorsync.model.plan import Change, Plan
from mirrorsync.model.policy import NewPackages, Policy
from mirrorsync.model.version import EVR, NEVRA
from mirrorsync.planning.filters import chosen_errata, chosen_untold, filter_document, filter_from, filter_text, means, means_package
from mirrorsync.planning.node import Node
from mirrorsync.planning.update import plan_update
from tests import accounts
from tests.commands import Mirrorsync, changes
from tests.conftest import Builder
from tests.errata import ERRATA, Erratum, announce, errata_site
from tests.plans import MIRROR, Contents, advisory, applied, catalogue, held_back, incoming, kept, outgoing, package, packages
from tests.sites import Site
from tests.test_plan_properties import LISTED, unmet

SECURITY = Filter(types=(AdvisoryType.SECURITY,))


def told(name: str = "RHSA-1", kind: AdvisoryType = AdvisoryType.SECURITY, **words: object) -> Advisory:
    facts = {"severity": "Critical", "issued": date(2003, 2, 4), "cves": ("CAN-2002-1396",)} | words
    return Advisory(name, kind, **facts)  # type: ignore[arg-type]  # the caller's words are Advisory's


# --- what is meant --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wanted",
    [
        EVERYTHING,
        SECURITY,
        Filter(types=(AdvisoryType.BUGFIX, AdvisoryType.SECURITY)),
        Filter(urgencies=(Urgency.LOW, Urgency.CRITICAL)),
        Filter(advisories=("RHBA-*", "RHSA-1")),
        Filter(advisories=("RHSA-?",)),
        Filter(cves=("CAN-2002-1396",)),
        Filter(cves=("CVE-2002-1396",)),
        Filter(cves=("cve-2002-1396",)),
        Filter(cves=("CVE-1",), advisories=("RHSA-1",)),
        Filter(since=date(2003, 2, 4)),
        Filter(types=(AdvisoryType.SECURITY,), urgencies=(Urgency.CRITICAL,), since=date(2003, 1, 1)),
    ],
)
def test_an_erratum_is_meant_where_all_conditions_hold_each_by_one_of_its_values(wanted: Filter) -> None:
    assert means(wanted, told())


@pytest.mark.parametrize(
    "wanted",
    [
        Filter(types=(AdvisoryType.BUGFIX,)),
        Filter(urgencies=(Urgency.IMPORTANT,)),
        Filter(advisories=("RHSA",)),
        Filter(cves=("CVE-2002-139",)),
        Filter(since=date(2003, 2, 5)),
        Filter(types=(AdvisoryType.SECURITY,), urgencies=(Urgency.LOW,)),
        Filter(types=(AdvisoryType.BUGFIX,), advisories=("RHSA-1",)),
    ],
)
def test_conditions_narrow_each_other(wanted: Filter) -> None:
    assert not means(wanted, told())


def test_an_erratum_without_a_date_was_issued_since_no_day() -> None:
    assert not means(Filter(since=date.min), told(issued=None))


def test_packages_are_meant_by_what_they_are_or_become_and_untold_updates_by_that_alone() -> None:
    php, untold = accounts.pending(), (accounts.step("xpdf-1.00-3.i386", "xpdf-1.00-4.i386"),)
    for glob in ("php", "ph*", "php-4.1.2-7.3.6.i386", "php-4.1.2-7.i386"):
        assert chosen_errata(Filter(packages=(glob,)), [php]) == (php,)
    assert chosen_errata(Filter(packages=("xpdf",)), [php]) == ()
    assert chosen_untold(Filter(packages=("xpdf",)), untold) == chosen_untold(EVERYTHING, untold) == untold
    assert chosen_untold(Filter(types=(AdvisoryType.SECURITY,), packages=("xpdf",)), untold) == ()


@pytest.mark.parametrize(
    ("glob", "meant"),
    [
        ("bind", True),
        ("bind.x86_64", True),
        ("bind-9.8.2", True),
        ("bind-9.8*", True),
        ("bind-9.8.2-0.10.el6", True),
        ("bind-9.8.2-0.10.el6.x86_64", True),
        ("bind-32:9.8.2", True),
        ("bind-32:9.8.2-0.10.el6.x86_64", True),
        ("bind-3?:9.8*", True),
        ("bind-9.8", False),
        ("bind-0:9.8.2", False),
        ("bind.i686", False),
        ("bin", False),
    ],
)
def test_packages_are_meant_in_the_ways_that_dnf_knows(glob: str, meant: bool) -> None:  # noqa: FBT001  a parameter of the test
    assert means_package(Filter(packages=(glob,)), NEVRA("bind", EVR("32", "9.8.2", "0.10.el6"), "x86_64")) is meant


def test_no_epoch_is_that_of_0() -> None:
    assert means_package(Filter(packages=("bash-0:2-1",)), NEVRA("bash", EVR(None, "2", "1"), "noarch"))


WHOLE = Filter(
    types=(AdvisoryType.SECURITY, AdvisoryType.BUGFIX), urgencies=(Urgency.CRITICAL, Urgency.LOW),
    advisories=("RHSA-*",), cves=("CVE-1", "CVE-2"), since=date(2003, 1, 1), packages=("a*",),
)  # fmt: skip


def test_a_filter_is_written_as_its_options() -> None:
    assert filter_text(WHOLE) == (
        "--security --bugfix --severity critical --severity low --advisory RHSA-* --cve CVE-1 --cve CVE-2 --package a* --since 2003-01-01"
    )


@pytest.mark.parametrize("wanted", [EVERYTHING, SECURITY, WHOLE])
def test_a_filter_reads_back_from_its_document(wanted: Filter) -> None:
    assert filter_from(Node(filter_document(wanted), "filter")) == wanted


# --- plans that are limited -----------------------------------------------------------------------------------------------


def limited(wanted: Filter, held: Contents, offered: Contents, *advisories: Advisory, exclude: tuple[str, ...] = ()) -> Plan:
    policy = Policy(("i386",), exclude=exclude)
    tree, mirror = catalogue("rhl73", packages(*held)), catalogue(MIRROR, packages(*offered), advisories)
    return plan_update("rhl73", tree, [mirror], policy, wanted=wanted)


def only(*names: str) -> Filter:
    return Filter(advisories=names)


def reasons(decided: Plan) -> dict[str, str]:
    return {str(entry.package.nevra): entry.reason for entry in decided.incoming}


def test_only_what_is_meant_is_in_the_plan_and_goes_to_the_newest_build() -> None:
    errata = advisory("A", "bash-2-1.i386"), advisory("B", "bash-3-1.i386"), advisory("C", "tar-2-1.i386")
    held: Contents = ["bash-1-1.i386", "tar-1-1.i386", "zsh-1-1.i386"]
    decided = limited(only("A"), held, ["bash-3-1.i386", "tar-2-1.i386", "zsh-2-1.i386"], *errata)
    assert (incoming(decided), outgoing(decided), decided.unchanged) == (["bash-3-1.i386"], ["bash-1-1.i386"], 2)
    assert [told.id for told in decided.advisories] == ["A", "B"]


def test_an_erratum_comes_over_all_its_packages_and_with_what_shares_an_erratum_or_a_source_with_it() -> None:
    held: Contents = [f"{name}-1-1.i386" for name in "abcde"]
    sourced = [package(f"{name}-2-1.i386", source="x.src.rpm") for name in "ac"]
    offered: Contents = [*sourced, "b-2-1.i386", "d-2-1.i386", "e-2-1.i386"]
    decided = limited(only("A"), held, offered, advisory("A", "a-2-1.i386"), advisory("B", "a-2-1.i386", "b-2-1.i386"))
    assert reasons(decided) == {
        "a-2-1.i386": "newer than a-1-1.i386",
        "b-2-1.i386": "newer than b-1-1.i386; taken along: belongs to B",
        "c-2-1.i386": "newer than c-1-1.i386; taken along: belongs to a-2-1.i386",
    }


def test_what_the_meant_ones_need_of_the_rest_is_taken_along() -> None:
    held: Contents = ["app-1-1.i386", "lib-1-1.i386", "other-1-1.i386"]
    offered: Contents = [package("app-2-1.i386", requires=["lib >= 2"]), "lib-2-1.i386", "other-2-1.i386"]
    decided = limited(only("A"), held, offered, advisory("A", "app-2-1.i386"))
    assert reasons(decided) == {
        "app-2-1.i386": "newer than app-1-1.i386",
        "lib-2-1.i386": "newer than lib-1-1.i386; taken along: app-2-1.i386 needs lib >= 2",
    }


def test_what_would_break_by_the_meant_ones_is_taken_along() -> None:
    held: Contents = [package("lib-1-1.i386", provides=["lib.so.1"]), package("app-1-1.i386", requires=["lib.so.1"]), "other-1-1.i386"]
    offered: Contents = [
        package("lib-2-1.i386", provides=["lib.so.2"]), package("app-2-1.i386", requires=["lib.so.2"]), "other-2-1.i386",
    ]  # fmt: skip
    decided = limited(only("A"), held, offered, advisory("A", "lib-2-1.i386"))
    assert reasons(decided) == {
        "app-2-1.i386": "newer than app-1-1.i386; taken along: app-1-1.i386 needs lib.so.1, which would be gone",
        "lib-2-1.i386": "newer than lib-1-1.i386",
    }


def test_what_is_new_and_needed_comes_along_as_in_a_whole_update() -> None:
    offered: Contents = [package("app-2-1.i386", requires=["new"]), "new-1-1.i386", "other-2-1.i386"]
    decided = limited(only("A"), ["app-1-1.i386", "other-1-1.i386"], offered, advisory("A", "app-2-1.i386"))
    assert [(str(entry.package.nevra), entry.change) for entry in decided.incoming] == [
        ("app-2-1.i386", Change.UPGRADE),
        ("new-1-1.i386", Change.BROUGHT),
    ]


def test_what_is_meant_and_cannot_be_is_held_and_what_is_not_meant_is_not_told() -> None:
    held: Contents = ["a-1-1.i386", "b-1-1.i386", "c-1-1.i386"]
    offered: Contents = [package("a-2-1.i386", requires=["x"]), package("b-2-1.i386", requires=["y"]), "c-2-1.i386"]
    decided = limited(only("A"), held, offered, advisory("A", "a-2-1.i386"), advisory("B", "b-2-1.i386"))
    assert held_back(decided) == {"a-2-1.i386": "needs x, which neither the tree nor the mirror has"}
    assert decided.empty


def test_what_stays_for_a_reason_is_told_where_it_is_meant() -> None:
    errata = advisory("A", "a-2-1.i386"), advisory("B", "b-2-1.i386")
    decided = limited(only("A"), ["a-1-1.i386", "b-1-1.i386"], ["a-2-1.i386", "b-2-1.i386"], *errata, exclude=("a", "b"))
    assert kept(decided) == {"a-1-1.i386": "excluded by 'a'; a mirror has a-2-1.i386"}
    assert decided.unchanged == 1


def test_an_erratum_of_what_another_package_obsoletes_brings_that_one() -> None:
    offered: Contents = ["old-2-1.i386", package("new-1-1.i386", obsoletes=["old"]), "other-2-1.i386"]
    decided = limited(only("A"), ["old-1-1.i386", "other-1-1.i386"], offered, advisory("A", "old-2-1.i386"))
    assert (incoming(decided), outgoing(decided)) == (["new-1-1.i386"], ["old-1-1.i386"])


def test_packages_without_an_erratum_are_meant_by_their_names_alone() -> None:
    held: Contents = ["a-1-1.i386", "b-1-1.i386"]
    assert incoming(limited(Filter(packages=("b",)), held, ["a-2-1.i386", "b-2-1.i386"])) == ["b-2-1.i386"]
    both = replace(SECURITY, packages=("b",))
    assert limited(both, held, ["a-2-1.i386", "b-2-1.i386"], advisory("A", "a-2-1.i386")).empty


def test_what_names_nothing_leaves_all_as_it_is() -> None:
    decided = limited(only("X"), ["a-1-1.i386", "a-2-1.i386"], ["a-3-1.i386"], advisory("A", "a-3-1.i386"))
    assert decided == Plan("rhl73", unchanged=2)


# --- laws -----------------------------------------------------------------------------------------------------------------

NAMES = "abcdef"
NEEDS = ("x", "x = 1", "x >= 2", "y", "a = 1-1", "b >= 2", "c = 2-1", "d < 2", "e", "f", "/bin/d", "(x or y)", "(a if b)")
FILTERS = st.sampled_from(
    [
        only("E-0"), only("E-1"), only("E-*"),
        Filter(packages=("a",)), Filter(packages=("b", "c")), Filter(advisories=("E-*",), packages=("a",)),
    ]
)  # fmt: skip
LAWS = settings(max_examples=300, deadline=None, derandomize=True)


@st.composite
def built(draw: st.DrawFn, versions: Sequence[str]) -> Package:
    name, evr = draw(st.sampled_from(NAMES)), draw(st.sampled_from(versions))
    arch = draw(st.sampled_from(["i386", "i386", "i686", "noarch"]))
    return package(
        f"{name}-{evr}.{arch}",
        requires=draw(st.lists(st.sampled_from(NEEDS), max_size=2)),
        provides=draw(st.lists(st.sampled_from(("x = 1", "x = 2", "y")), max_size=1)),
        obsoletes=[text for text in draw(st.sampled_from([[], [], [], [], ["a"], ["a", "b < 2"], ["c"]])) if text < name],
        files=draw(st.sampled_from([[], [], ["/bin/d"]])),
        source=draw(st.sampled_from(["", f"{name}-{evr}.src.rpm", f"s-{evr}.src.rpm"])),
    )


def several(versions: Sequence[str], least: int, most: int) -> st.SearchStrategy[list[Package]]:
    return st.lists(built(versions), min_size=least, max_size=most, unique_by=lambda package: package.nevra.key)


@st.composite
def updates(draw: st.DrawFn) -> tuple[Catalogue, list[Catalogue], Policy]:
    """Small trees that most often have much to update, by errata of a few of the packages."""
    policy = Policy(("i386",), draw(st.sampled_from([NewPackages.NEEDED, *NewPackages])), draw(st.sampled_from([(), (), ("c*",)])))
    held = catalogue("tree", draw(several(("1-1", "2-1"), 3, 8)), listed=draw(LISTED))
    first, second = draw(several(("2-1", "3-1", "1-1"), 3, 9)), draw(several(("2-1", "3-1"), 0, 2))
    names = sorted({str(package.nevra) for package in (*first, *second)})
    choices = draw(st.lists(st.lists(st.sampled_from(names), min_size=1, max_size=2), min_size=1, max_size=4))
    errata = [advisory(f"E-{number}", *choice) for number, choice in enumerate(choices)]
    return held, [catalogue("one", first, errata), catalogue("two", second)], policy


def parts(decided: Plan) -> tuple[set[object], set[object], set[object]]:
    return (
        {(entry.package.nevra.key, entry.change) for entry in decided.incoming},
        {(entry.package.nevra.key, entry.package.location) for entry in decided.outgoing},
        {entry.nevra.key for entry in decided.held},
    )


@LAWS
@given(updates(), FILTERS)
def test_a_limited_plan_is_a_part_of_the_whole_one(situation: tuple[Catalogue, list[Catalogue], Policy], wanted: Filter) -> None:
    held, available, policy = situation
    whole = plan_update("tree", held, available, policy)
    part = plan_update("tree", held, available, policy, wanted=wanted)
    assert all(some <= every for some, every in zip(parts(part), parts(whole), strict=True))
    assert len(held.packages) == len(part.outgoing) + len(part.kept) + part.unchanged


@LAWS
@given(updates(), FILTERS)
def test_a_limited_plan_breaks_nothing(situation: tuple[Catalogue, list[Catalogue], Policy], wanted: Filter) -> None:
    held, available, policy = situation
    part = plan_update("tree", held, available, policy, wanted=wanted)
    assert unmet(applied(part, held).packages) <= unmet(held.packages)


@LAWS
@given(updates(), st.sampled_from([only("E-0"), only("E-1"), only("E-*")]))
def test_an_erratum_that_is_meant_comes_whole_where_the_whole_plan_brings_it(
    situation: tuple[Catalogue, list[Catalogue], Policy], wanted: Filter
) -> None:
    held, available, policy = situation
    whole = plan_update("tree", held, available, policy)
    came = set(incoming(plan_update("tree", held, available, policy, wanted=wanted)))
    for entry in whole.incoming:
        meant = any(fnmatchcase(name, glob) for name in entry.advisories for glob in wanted.advisories)
        assert not meant or entry.change is Change.BROUGHT or str(entry.package.nevra) in came


@LAWS
@given(updates(), FILTERS)
def test_the_rest_comes_with_a_later_update_so_that_the_tree_is_what_it_would_have_been(
    situation: tuple[Catalogue, list[Catalogue], Policy], wanted: Filter
) -> None:
    """Of a tree that lacks nothing: what a first update mends, the second may not break again; at once, both are weighed together."""
    held, available, policy = situation
    if unmet(held.packages):
        return
    after = applied(plan_update("tree", held, available, policy, wanted=wanted), held)
    at_once = applied(plan_update("tree", held, available, policy), held)
    assert applied(plan_update("tree", after, available, policy), after) == at_once


# --- `mirrorsync update` with filters -------------------------------------------------------------------------------------


@pytest.fixture
def site(tmp_path: Path, rpm: Builder) -> Site:
    return errata_site(tmp_path, rpm)


@pytest.fixture
def program(site: Site) -> Mirrorsync:
    return site.program()


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory, rpm: Builder) -> Mirrorsync:
    """For dry runs."""
    return errata_site(tmp_path_factory.mktemp("site"), rpm).program()


def listed(site: Site) -> set[str]:
    return {path.name.removesuffix(".rpm") for path in (site.tree / "Packages").glob("*-2-1.*")}


def test_an_update_applies_what_is_meant_and_a_later_one_the_rest(program: Mirrorsync, site: Site) -> None:
    assert program("update", "--security").code == 0
    assert listed(site) == {f"{name}-2-1.noarch" for name in ("bash", "cpio", "sed", "tar")}
    assert program("update", "--bugfix", "--package", "gzip").code == 0
    assert program("update").code == 0
    assert len(listed(site)) == 7
    reasons = [generation["reason"] for generation in program("history", "--json").tree["generations"]]
    limits = ["1 upgrade; limited to --bugfix --package gzip", "4 upgrade; limited to --security"]
    assert reasons == ["2 upgrade", *limits, "taken as it was found"]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ("--security --severity critical", "bash"),
        ("--severity critical,low --severity IMPORTANT", "bash cpio sed tar"),
        ("--cve CVE-2002-0003", "cpio tar"),
        ("--cve CVE-2002-0002 --advisory RHBA-*", "bash gzip"),
        ("--since 2002-05-04", "less sed"),
        ("--package z*,less", "less zlib"),
        ("--package tar", "cpio tar"),
        ("--enhancement", "less"),
        ("--bugfix --enhancement", "gzip less"),
        ("--severity unrated", "gzip less"),
        ("--cve CVE-1", ""),
    ],
)
def test_what_is_meant_is_what_comes(untouched: Mirrorsync, options: str, names: str) -> None:
    found = changes(untouched("update", "-n", "--json", *options.split()))
    assert [name.partition("-")[0] for name in found["incoming"]] == names.split()
    assert [name.partition("-")[0] for name in found["outgoing"]] == names.split()


def test_an_option_that_names_nothing_is_told_and_one_that_names_what_came_is_not(program: Mirrorsync) -> None:
    options = "--advisory RHSA-1 --advisory RHSA-100 --cve CVE-2002-9 --package bash --package bsah*"
    for command in ("pending", "update -n", "update"):
        told = [line for line in program(*command.split(), *options.split()).err.splitlines() if line.startswith("mirrorsync: ")]
        named = ("--advisory RHSA-100", "--cve CVE-2002-9", "--package bsah*")
        assert told == [f"mirrorsync: {option} names nothing that is pending; is it written right?" for option in named]
    assert program("-q", "update", *options.split()).err == ""


@pytest.mark.parametrize("option", ["--advisory", "--cve", "--package", "--severity"])
def test_an_option_without_a_word_is_no_update_of_everything(program: Mirrorsync, site: Site, option: str) -> None:
    for value in ("", " ", ","):
        done = program("update", option, value)
        assert (done.code, f"Invalid value for '{option}': is empty where it is to name something" in done.err) == (2, True)
    assert listed(site) == set()
    assert program("update", "-n", option, "low," if option == "--severity" else "a,,b,").code == 0


def test_what_is_not_meant_does_not_end_the_call_with_3(program: Mirrorsync, site: Site, rpm: Builder) -> None:
    site.offer(rpm("gzip", "3", requires=["nothing-has-this"]))
    announce(site.mirror, [*ERRATA, Erratum("RHBA-6", ("gzip-3-1.noarch",), type="bugfix")])
    assert program("update", "--security").code == 0
    assert program("update", "--bugfix").code == 3


def test_a_package_that_cannot_be_fetched_holds_what_is_meant_and_brings_nothing_else(program: Mirrorsync, site: Site) -> None:
    next((site.mirror / "Packages").glob("tar-2*")).write_bytes(b"no package")
    assert program("update", "--security", "--severity", "critical,important").code == 3
    assert listed(site) == {"bash-2-1.noarch", "sed-2-1.noarch"}


def test_a_saved_plan_is_applied_with_its_filter(program: Mirrorsync, site: Site) -> None:
    plan = f"{site.folder}/plan.json"
    assert program("update", "-n", "--security", "--severity", "critical", "--save", plan).code == 0
    assert program("apply", plan).code == 0
    assert listed(site) == {"bash-2-1.noarch"}


def test_a_remembered_decision_is_that_of_its_filter(program: Mirrorsync, site: Site) -> None:
    assert program("update", "--security").code == 0
    assert changes(program("update", "-n", "--security", "--json"))["incoming"] == []
    assert len(changes(program("update", "-n", "--json"))["incoming"]) == 3
    assert program("update").code == 0
    assert [program("update", *options).code for options in ((), ("--security",), ("--bugfix",))] == [0, 0, 0]
    assert (site.state / "trees/rocky/settled.json").is_file() and (site.state / "trees/rocky/settled-part.json").is_file()


@pytest.mark.parametrize("options", ["--severity grave", "--since tomorrow"])
def test_filters_that_mean_nothing_are_refused(program: Mirrorsync, options: str) -> None:
    assert program("update", *options.split()).code == 2
