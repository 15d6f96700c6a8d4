"""The plan of a whole distribution: RHEL 6 as it was installed on 2012-09-01, against what was published by the end of that year."""

from collections.abc import Iterator

import pytest

from mirrorsync.model.catalogue import Catalogue
from mirrorsync.model.plan import Change, Plan, Removal
from mirrorsync.model.version import EVR, NEVRA
from mirrorsync.planning.update import plan_update
from tests.corpus import needs_corpus
from tests.plans import applied
from tests.rhel6 import CASE, PAIRS, POLICY, dnf, installed, offered, table, upgrades, without_epochs

pytestmark = needs_corpus


@pytest.fixture(scope="module")
def available(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogue]:
    with offered(tmp_path_factory.mktemp("metadata")) as found:
        yield found


@pytest.fixture(scope="module")
def held(available: Catalogue) -> Catalogue:
    return installed(available)


@pytest.fixture(scope="module")
def decided(held: Catalogue, available: Catalogue) -> Plan:
    return plan_update("rhel6", held, [available], POLICY)


def test_the_upgrades_are_those_of_the_table(decided: Plan) -> None:
    assert {entry.package.nevra for entry in decided.incoming} == {new for _, new in upgrades()}
    assert len(decided.incoming) == 380 and {entry.change for entry in decided.incoming} == {Change.UPGRADE}
    assert {old for old, _ in upgrades()} <= {entry.package.nevra for entry in decided.outgoing}


def test_the_upgrades_are_those_that_dnf_names(decided: Plan) -> None:
    named = {NEVRA.parse(line) for line in dnf("repoquery-upgrades") if line}
    assert named == {entry.package.nevra for entry in decided.incoming}


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
