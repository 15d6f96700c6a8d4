"""What a tree of openSUSE 11.0 lacks that has the oldest build of each package that was superseded by October 2008."""

from collections.abc import Iterator
from datetime import date

import pytest

from mirrorsync.model.catalogue import Catalogue
from mirrorsync.model.pending import Prospect, Urgency
from mirrorsync.model.policy import Policy
from mirrorsync.model.version import NEVRA
from mirrorsync.planning.pending import Terms, pending_errata
from mirrorsync.planning.update import plan_update, required_paths
from mirrorsync.upstream.alternatives import Doors
from mirrorsync.upstream.mirror import Mirror
from mirrorsync.upstream.repodata import RepodataUpstream
from tests.corpus import CORPUS, needs_corpus

pytestmark = needs_corpus

CASE = "opensuse-11.0-update-2008-10"
POLICY = Policy(("i586", "x86_64", "ppc"))


@pytest.fixture(scope="module")
def available(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogue]:
    mirror = Mirror.at(str(CORPUS / "repodata" / CASE))
    with Doors(mirror) as doors:
        upstream = RepodataUpstream(mirror, doors, tmp_path_factory.mktemp("metadata"), POLICY.arches)
        upstream.revision()
        offered = upstream.read()
        yield upstream.with_paths(offered, required_paths([offered]))


@pytest.fixture(scope="module")
def held(available: Catalogue) -> Catalogue:
    oldest: dict[tuple[str, str], NEVRA] = {}
    for nevra in listed("superseded"):
        key = nevra.name, nevra.arch
        oldest[key] = min(oldest.get(key, nevra), nevra, key=lambda each: each.evr)
    wanted = set(oldest.values())
    return Catalogue("opensuse", tuple(package for package in available.packages if package.nevra in wanted))


def listed(what: str) -> list[NEVRA]:
    lines = (CORPUS / "pairs" / f"{CASE}.{what}.txt").read_text().split("\n")
    return [NEVRA.parse(line) for line in lines if line and not line.startswith("#")]


def test_the_errata_are_those_that_have_a_newer_build_and_the_packages_the_newest(available: Catalogue, held: Catalogue) -> None:
    plan = plan_update("opensuse", held, [available], POLICY)
    errata, untold = pending_errata(plan, held, [available], POLICY, Terms(date(2008, 11, 1)))
    builds = {(package.name, package.arch): package.evr for package in held.packages}
    plainly = {
        advisory.id
        for advisory in available.advisories
        for nevra in advisory.packages
        if (nevra.name, nevra.arch) in builds and nevra.evr > builds[nevra.name, nevra.arch]
    }
    steps = {step.to: step for erratum in errata for step in erratum.steps}
    assert {erratum.advisory.id for erratum in errata} == plainly and len(plainly) == 42
    assert set(steps) <= set(listed("newest")) and (len(steps), untold) == (447, ())
    assert {step.held.name for step in steps.values() if step.held and step.prospect is Prospect.HELD} == {
        entry.nevra.name for entry in plan.held
    }
    assert {erratum.urgency for erratum in errata} == {Urgency.UNRATED}
