"""A whole distribution: RHEL 6 as it was installed on 2012-09-01, against what was published by the end of that year."""

import csv
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from mirrorsync.model.catalogue import Catalogue
from mirrorsync.model.package import Dependency, Package, Sense
from mirrorsync.model.plan import Change, Plan, Removal
from mirrorsync.model.policy import Policy
from mirrorsync.model.version import EVR, NEVRA
from mirrorsync.planning.update import plan_update, required_paths
from mirrorsync.upstream.alternatives import Doors
from mirrorsync.upstream.mirror import Mirror
from mirrorsync.upstream.repodata import RepodataUpstream
from tests.corpus import CORPUS, needs_corpus
from tests.plans import applied

pytestmark = needs_corpus

PAIRS = CORPUS / "pairs"
CASE = "rhel6-installed-at-2012-09-01"
POLICY = Policy(("x86_64",))


@pytest.fixture(scope="module")
def available(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogue]:
    """The repository; files it knows only from filelists are completed as in a real run."""
    mirror = Mirror.at(str(CORPUS / "repodata/rhel6-server-x86_64-2012-12"))
    with Doors(mirror) as doors:
        upstream = RepodataUpstream(mirror, doors, tmp_path_factory.mktemp("metadata"), POLICY.arches)
        upstream.revision()
        offered = upstream.read()
        yield upstream.with_paths(offered, required_paths([offered]))


@pytest.fixture(scope="module")
def held(available: Catalogue) -> Catalogue:
    """What was installed: each package as the repository's of that name and architecture, moved to its own version."""
    known = {(package.name, package.arch): package for package in available.packages}
    names = [NEVRA.parse(line) for line in (PAIRS / f"{CASE}.installed.txt").read_text().split("\n") if line and not line.startswith("#")]
    moved = [at(known[nevra.name, nevra.arch], nevra) for nevra in names]
    return Catalogue("rhel6", tuple(sorted(moved, key=lambda package: package.location)))


def at(package: Package, nevra: NEVRA) -> Package:
    def moved(dependencies: tuple[Dependency, ...]) -> tuple[Dependency, ...]:
        return tuple(
            replace(dependency, evr=nevra.evr) if dependency.sense == Sense.EQUAL and dependency.evr == package.evr else dependency
            for dependency in dependencies
        )

    location = f"Packages/{nevra.filename}"
    return replace(package, nevra=nevra, location=location, digest=None, provides=moved(package.provides), requires=moved(package.requires))


@pytest.fixture(scope="module")
def decided(held: Catalogue, available: Catalogue) -> Plan:
    return plan_update("rhel6", held, [available], POLICY)


@cache
def table(path: Path) -> tuple[tuple[str, ...], ...]:
    with path.open(newline="") as lines:
        return tuple(tuple(row) for row in csv.reader(lines, delimiter="\t") if not row[0].startswith("#"))


def upgrades() -> list[tuple[NEVRA, NEVRA]]:
    return [(NEVRA.parse(old), NEVRA.parse(new)) for old, new in table(PAIRS / f"{CASE}.upgrades.tsv")]


def dnf(what: str) -> list[str]:
    return (PAIRS / f"{CASE}.DNF-4.14-{what}.txt").read_text().split("\n")


def test_the_upgrades_are_those_of_the_table(decided: Plan) -> None:
    assert {entry.package.nevra for entry in decided.incoming} == {new for _, new in upgrades()}
    assert len(decided.incoming) == 380 and {entry.change for entry in decided.incoming} == {Change.UPGRADE}
    assert {old for old, _ in upgrades()} <= {entry.package.nevra for entry in decided.outgoing}


def test_the_upgrades_are_those_that_dnf_names(decided: Plan) -> None:
    named = {NEVRA.parse(line) for line in dnf("repoquery-upgrades") if line}
    assert named == {entry.package.nevra for entry in decided.incoming}


def without_epochs(available: Catalogue) -> Catalogue:
    """The errata as this updateinfo.xml writes them, and as the table and dnf took them: no package has an epoch."""
    errata = [
        replace(
            advisory, packages=tuple(replace(nevra, evr=EVR(None, nevra.evr.version, nevra.evr.release)) for nevra in advisory.packages)
        )
        for advisory in available.advisories
    ]
    return replace(available, advisories=tuple(errata))


def test_the_advisories_are_those_of_the_table_where_updateinfo_is_taken_literally(held: Catalogue, available: Catalogue) -> None:
    rows = sorted(table(PAIRS / f"{CASE}.advisories.tsv"))
    found = plan_update("rhel6", held, [without_epochs(available)], POLICY).advisories
    assert [(advisory.id, advisory.type.value) for advisory in found] == [(row[0], row[1]) for row in rows] and len(rows) == 77
    assert {line.split()[0] for line in dnf("updateinfo-list") if line} == {advisory.id for advisory in found}


def test_with_epochs_more_are_named_where_the_version_went_back_under_a_new_one(decided: Plan, held: Catalogue) -> None:
    """Ours are right: each of these brings the very package that comes in; without epochs it looks older than the held one."""
    more = {advisory.id for advisory in decided.advisories} - {row[0] for row in table(PAIRS / f"{CASE}.advisories.tsv")}
    went_back = {
        name
        for entry in decided.incoming
        for name in entry.advisories
        for other in held.packages
        if (other.name, other.arch) == (entry.package.name, entry.package.arch) and bare(other.evr) > bare(entry.package.evr)
    }
    assert more == went_back == {"RHBA-2012:0843", "RHBA-2012:0856", "RHEA-2011:0589"}
    assert len(decided.advisories) == 80


def bare(evr: EVR) -> EVR:
    return EVR(None, evr.version, evr.release)


def test_nothing_is_held_or_kept_or_brought_along(decided: Plan) -> None:
    assert not decided.held and not decided.kept and decided.unchanged == 3629 - len(decided.outgoing)


def test_moves_between_noarch_and_x86_64_leave_no_second_package_of_a_name(decided: Plan, held: Catalogue) -> None:
    """dnf's list says what comes in, not what leaves: that a noarch build replaces an x86_64 one it finds out when it installs.

    In a tree both would stay listed, and the RHL-era installer takes the x86_64 build by its architecture score although it is older.
    So ours removes, besides what the table names, exactly the builds that are older than the name's other build.
    """
    more = {entry.package.nevra for entry in decided.outgoing} - {old for old, _ in upgrades()}
    assert more == moves_expected(decided, held)
    assert {nevra.name for nevra in more} == {"hsqldb", "mysql-connector-java", "perf", "postgresql-jdbc", "virt-manager"}
    assert {entry.removal for entry in decided.outgoing} == {Removal.SUPERSEDED}


def moves_expected(decided: Plan, held: Catalogue) -> set[NEVRA]:
    """Held builds that are older than a build of their name which is, or becomes, noarch where they are not, or the other way round."""
    after = [*held.packages, *(entry.package for entry in decided.incoming)]
    newest: dict[tuple[str, bool], EVR] = {}
    for package in after:
        key = package.name, package.arch == "noarch"
        newest[key] = max(newest.get(key, package.evr), package.evr)
    replaced = {old for old, _ in upgrades()}
    return {
        package.nevra
        for package in held.packages
        if package.nevra not in replaced and (other := newest.get((package.name, package.arch != "noarch"))) and other > package.evr
    }


def test_each_name_has_one_version_an_architecture_afterwards(decided: Plan, held: Catalogue) -> None:
    packages = applied(decided, held).packages
    both = {package.name for package in packages if package.arch == "noarch"} & {
        package.name for package in packages if package.arch != "noarch"
    }
    assert both == set() and len({(package.name, package.arch) for package in packages}) == len(packages)


def test_the_plan_leaves_nothing_to_do(decided: Plan, held: Catalogue, available: Catalogue) -> None:
    again = plan_update("rhel6", applied(decided, held), [available], POLICY)
    assert again.empty and not again.held
