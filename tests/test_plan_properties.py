"""Laws that every plan keeps, over small trees and mirrors made to collide."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from mirrorsync.model.catalogue import Catalogue
from mirrorsync.model.package import Dependency, Package
from mirrorsync.model.plan import Plan
from mirrorsync.model.policy import NewPackages, Policy
from mirrorsync.planning.architecture import installable, related
from mirrorsync.planning.update import plan_update
from tests.plans import advisory, applied, catalogue, package

NAMES = ("a", "b", "c", "d")
EVRS = ("1-1", "2-1", "2-2", "1:1-1")
ARCHES = ("i386", "i686", "noarch", "x86_64")
CAPABILITIES = ("x", "x = 1", "x >= 2", "y", "a", "b >= 2", "c = 1-1", "/bin/d", "(x or y)", "(a if b)")

SETTINGS = settings(max_examples=150, deadline=None, derandomize=True)  # the same plans in every run


@st.composite
def built(draw: st.DrawFn) -> Package:
    name, evr, arch = draw(st.sampled_from(NAMES)), draw(st.sampled_from(EVRS)), draw(st.sampled_from(ARCHES))
    return package(
        f"{name}-{evr}.{arch}",
        requires=draw(st.lists(st.sampled_from(CAPABILITIES), max_size=2)),
        provides=draw(st.lists(st.sampled_from(("x", "x = 1", "x = 2", "y")), max_size=1)),
        obsoletes=[text for text in draw(st.sampled_from([[], [], [], ["a"], ["a", "b < 2"], ["c"]])) if text < name],  # never in a circle
        files=draw(st.sampled_from([[], [], ["/bin/d"]])),
        source=draw(st.sampled_from(["", f"{name}-{evr}.src.rpm", f"s-{evr}.src.rpm"])),
    )


def several(most: int) -> st.SearchStrategy[list[Package]]:
    return st.lists(built(), max_size=most, unique_by=lambda package: package.nevra.key)


POLICIES = st.builds(
    Policy,
    st.sampled_from([("i386",), ("x86_64",), ("i386", "x86_64")]),
    st.sampled_from(NewPackages),
    st.sampled_from([(), (), ("c*",), ("*.i686",)]),
)
LISTED = st.frozensets(st.sampled_from(NAMES), max_size=1)
ERRATA = st.lists(st.sampled_from([f"{name}-{evr}.{arch}" for name in NAMES for evr in EVRS for arch in ARCHES]), max_size=3)


@st.composite
def situations(draw: st.DrawFn) -> tuple[Catalogue, list[Catalogue], Policy]:
    policy = draw(POLICIES)
    had = [package for package in draw(several(7)) if installable(package.arch, policy.arches)]  # a tree holds what its machines install
    held = catalogue("tree", had, listed=draw(LISTED))
    errata = [advisory(f"E-{number}", *names) for number, names in enumerate(draw(st.lists(ERRATA, max_size=2)))]
    return held, [catalogue("one", draw(several(8)), errata), catalogue("two", draw(several(3)))], policy


def decide(situation: tuple[Catalogue, list[Catalogue], Policy]) -> Plan:
    held, available, policy = situation
    return plan_update("tree", held, available, policy)


def unmet(packages: Sequence[Package]) -> set[tuple[str, str]]:
    """Names with the capability names they lack: a plain reading of the rules, without libsolv."""
    return {
        (package.name, requirement.name)
        for package in packages
        for requirement in package.requires
        if not requirement.name.startswith("(") and not any(provides(other, requirement) for other in packages)
    }


def provides(package: Package, wanted: Dependency) -> bool:
    if wanted.name in package.files:
        return True
    return any(provided.name == wanted.name and (provided.evr is None or wanted.matches(provided.evr)) for provided in package.provides)


@SETTINGS
@given(situations())
def test_a_plan_that_was_applied_leaves_nothing_to_do(situation: tuple[Catalogue, list[Catalogue], Policy]) -> None:
    held, available, policy = situation
    again = plan_update("tree", applied(decide(situation), held), available, policy)
    assert again.empty, again


@SETTINGS
@given(situations())
def test_nothing_is_ever_taken_back(situation: tuple[Catalogue, list[Catalogue], Policy]) -> None:
    held, _, _ = situation
    for entry in decide(situation).incoming:
        beside = [other for other in held.packages if other.name == entry.package.name and related(other.arch, entry.package.arch)]
        assert all(other.evr <= entry.package.evr for other in beside)
        assert entry.package.nevra.key not in {other.nevra.key for other in held.packages}


@SETTINGS
@given(situations())
def test_the_order_of_the_packages_does_not_matter(situation: tuple[Catalogue, list[Catalogue], Policy]) -> None:
    held, available, policy = situation
    turned = [
        Catalogue(one.origin, tuple(reversed(one.packages)), tuple(reversed(one.advisories)), one.listed_names)
        for one in (held, *available)
    ]
    assert decide(situation) == plan_update("tree", turned[0], turned[1:], policy)


@SETTINGS
@given(situations())
def test_the_changed_tree_lacks_nothing_that_is_new(situation: tuple[Catalogue, list[Catalogue], Policy]) -> None:
    held, _, _ = situation
    assert unmet(applied(decide(situation), held).packages) <= unmet(held.packages)


@SETTINGS
@given(situations())
def test_every_entry_has_its_reason_and_every_successor_is_in_the_changed_tree(
    situation: tuple[Catalogue, list[Catalogue], Policy],
) -> None:
    held, _, _ = situation
    decided = decide(situation)
    result = {package.nevra.key for package in applied(decided, held).packages}
    reasons = [*(entry.reason for entry in decided.incoming), *(entry.reason for entry in decided.outgoing)]
    reasons += [*(entry.reason for entry in decided.kept), *(entry.reason for entry in decided.held)]
    assert all(reasons)
    assert all(entry.by.key in result for entry in decided.outgoing)
    told = [*(entry.package for entry in decided.outgoing), *(entry.package for entry in decided.kept)]
    assert all(package in held.packages for package in told)
    assert len(held.packages) == len(decided.outgoing) + len(decided.kept) + decided.unchanged


@SETTINGS
@given(situations())
def test_no_name_that_comps_lists_is_lost(situation: tuple[Catalogue, list[Catalogue], Policy]) -> None:
    held, _, _ = situation
    names = {package.name for package in held.packages} & held.listed_names
    assert names <= {package.name for package in applied(decide(situation), held).packages}


@SETTINGS
@given(situations())
def test_an_advisory_comes_in_whole_or_not_at_all(situation: tuple[Catalogue, list[Catalogue], Policy]) -> None:
    decided = decide(situation)
    coming = {name for entry in decided.incoming for name in entry.advisories if entry.change != "brought along"}
    assert not coming & {name for entry in decided.held for name in entry.advisories}
