"""What RHEL 6 as it was installed on 2012-09-01 lacks, held against the lists that dnf 4.14 made of the same."""

from collections.abc import Iterator
from datetime import date

import pytest

from mirrorsync.model.advisory import AdvisoryType
from mirrorsync.model.catalogue import Catalogue
from mirrorsync.model.filter import Filter
from mirrorsync.model.pending import PendingErratum, Prospect, Step, Urgency
from mirrorsync.model.version import NEVRA
from mirrorsync.planning.filters import chosen_errata
from mirrorsync.planning.pending import Terms, pending_errata
from mirrorsync.planning.update import plan_update
from tests.corpus import needs_corpus
from tests.rhel6 import CASE, PAIRS, POLICY, dnf, installed, offered, table, without_epochs

pytestmark = needs_corpus

Lacked = tuple[tuple[PendingErratum, ...], tuple[Step, ...]]
LABELS = {
    "Critical/Sec.": Urgency.CRITICAL,
    "Important/Sec.": Urgency.IMPORTANT,
    "Moderate/Sec.": Urgency.MODERATE,
    "Low/Sec.": Urgency.LOW,
    "bugfix": Urgency.UNRATED,
    "enhancement": Urgency.UNRATED,
}


@pytest.fixture(scope="module")
def available(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogue]:
    with offered(tmp_path_factory.mktemp("metadata")) as found:
        yield found


@pytest.fixture(scope="module")
def literal(available: Catalogue) -> Lacked:
    """By updateinfo.xml as it is written, as dnf takes it."""
    return lacked(without_epochs(available), installed(available))


@pytest.fixture(scope="module")
def lacking(available: Catalogue) -> Lacked:
    """As mirrorsync tells it: with the epochs of the repository's own packages."""
    return lacked(available, installed(available))


def lacked(available: Catalogue, held: Catalogue) -> Lacked:
    plan = plan_update("rhel6", held, [available], POLICY)
    return pending_errata(plan, held, [available], POLICY, Terms(date(2012, 12, 15)))


def lines(what: str) -> set[tuple[str, Urgency, str, str]]:
    """dnf's lines: the advisory, how urgent, and the package's name and architecture; which build it names is the advisory's."""
    found = [line.split() for line in dnf(what) if line]
    packages = [(advisory, LABELS[label], NEVRA.parse(nevra)) for advisory, label, nevra in found]
    return {(advisory, urgency, nevra.name, nevra.arch) for advisory, urgency, nevra in packages}


def ours(errata: tuple[PendingErratum, ...]) -> set[tuple[str, Urgency, str, str]]:
    return {(erratum.advisory.id, erratum.urgency, step.to.name, step.to.arch) for erratum in errata for step in erratum.steps}


def test_every_line_of_dnf_is_told_and_no_other_where_updateinfo_is_taken_literally(literal: Lacked) -> None:
    errata, _ = literal
    security = Filter(types=(AdvisoryType.SECURITY,))
    assert ours(errata) == lines("updateinfo-list")
    assert ours(chosen_errata(security, errata)) == lines("updateinfo-list-security")
    assert (len(errata), len(chosen_errata(security, errata)), len(ours(errata))) == (77, 32, 338)


def test_with_epochs_four_packages_of_three_advisories_are_told_besides(literal: Lacked, lacking: Lacked) -> None:
    """The version of these went back under a new epoch, which updateinfo.xml does not tell: without it they look older than the tree's."""
    errata, _ = lacking
    assert {(name, package, arch) for name, _, package, arch in ours(errata) - ours(literal[0])} == {
        ("RHBA-2012:0843", "perl-Compress-Raw-Zlib", "x86_64"),
        ("RHBA-2012:0856", "python-configshell", "noarch"),
        ("RHEA-2011:0589", "compat-openldap", "i686"),
        ("RHEA-2011:0589", "compat-openldap", "x86_64"),
    }
    assert ours(literal[0]) <= ours(errata)
    assert sum(1 for erratum in errata if erratum.advisory.type is AdvisoryType.SECURITY) == 32


def test_the_packages_are_the_380_of_dnf_and_those_that_no_advisory_tells_of_differ_by_their_epoch_alone(lacking: Lacked) -> None:
    errata, untold = lacking
    told = {step.to for erratum in errata for step in erratum.steps}
    assert {*told, *(step.to for step in untold)} == {NEVRA.parse(line) for line in dnf("repoquery-upgrades") if line}
    assert (len(told), len(untold), len(told) + len(untold)) == (228, 152, 380)
    moved = {step.to.name for step in untold if step.held is None or step.held.evr.key[1:] != step.to.evr.key[1:]}
    assert moved == set()


def test_everything_comes_with_the_next_update(lacking: Lacked) -> None:
    errata, untold = lacking
    assert {step.prospect for step in (*untold, *(step for erratum in errata for step in erratum.steps))} == {Prospect.COMES}


def test_types_severities_dates_and_cves_are_those_of_the_table(literal: Lacked) -> None:
    """The table takes CVEs of references of that kind; two more are in the titles of others."""
    more = {"RHBA-2012:1250": "CVE-2012-0876", "RHSA-2012:1580": "CVE-2011-4131"}
    rows = table(PAIRS / f"{CASE}.advisories.tsv")
    expected = {(*row[:4], *sorted({*filter(None, row[4].split(",")), *([more[row[0]]] if row[0] in more else [])})) for row in rows}
    advisories = [erratum.advisory for erratum in literal[0]]
    assert {(each.id, each.type.value, each.severity, str(each.issued), *each.cves) for each in advisories} == expected


def test_the_order_is_by_urgency_then_age_then_id(lacking: Lacked) -> None:
    keys = [(-erratum.urgency, erratum.advisory.issued, erratum.advisory.id) for erratum in lacking[0]]
    assert keys == sorted(keys)
    assert lacking[0][0].urgency is Urgency.CRITICAL
