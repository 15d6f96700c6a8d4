"""RHEL 6 as it was installed on 2012-09-01, what was published by the end of that year, and what others said of it."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path

from mirrorsync.model.catalogue import Catalogue
from mirrorsync.model.package import Dependency, Package, Sense
from mirrorsync.model.policy import Policy
from mirrorsync.model.version import EVR, NEVRA
from mirrorsync.planning.update import required_paths
from mirrorsync.upstream.alternatives import Doors
from mirrorsync.upstream.mirror import Mirror
from mirrorsync.upstream.repodata import RepodataUpstream
from tests.corpus import CORPUS

PAIRS = CORPUS / "pairs"
CASE = "rhel6-installed-at-2012-09-01"
POLICY = Policy(("x86_64",))


@contextmanager
def offered(folder: Path) -> Iterator[Catalogue]:
    """The repository; files it knows only from filelists are completed as in a real run."""
    mirror = Mirror.at(str(CORPUS / "repodata/rhel6-server-x86_64-2012-12"))
    with Doors(mirror) as doors:
        upstream = RepodataUpstream(mirror, doors, folder, POLICY.arches)
        upstream.revision()
        found = upstream.read()
        yield upstream.with_paths(found, required_paths([found]))


def installed(available: Catalogue) -> Catalogue:
    """What was installed: each package as the repository's of that name and architecture, moved to its own version."""
    known = {(package.name, package.arch): package for package in available.packages}
    names = [NEVRA.parse(line) for line in (PAIRS / f"{CASE}.installed.txt").read_text().split("\n") if line and not line.startswith("#")]
    moved = [_at(known[nevra.name, nevra.arch], nevra) for nevra in names]
    return Catalogue("rhel6", tuple(sorted(moved, key=lambda package: package.location)))


def _at(package: Package, nevra: NEVRA) -> Package:
    def moved(dependencies: tuple[Dependency, ...]) -> tuple[Dependency, ...]:
        return tuple(
            replace(dependency, evr=nevra.evr) if dependency.sense == Sense.EQUAL and dependency.evr == package.evr else dependency
            for dependency in dependencies
        )

    location = f"Packages/{nevra.filename}"
    return replace(package, nevra=nevra, location=location, digest=None, provides=moved(package.provides), requires=moved(package.requires))


def without_epochs(available: Catalogue) -> Catalogue:
    """The errata as this updateinfo.xml writes them, and as the table and dnf took them: no package has an epoch."""
    errata = [
        replace(
            advisory, packages=tuple(replace(nevra, evr=EVR(None, nevra.evr.version, nevra.evr.release)) for nevra in advisory.packages)
        )
        for advisory in available.advisories
    ]
    return replace(available, advisories=tuple(errata))


@cache
def table(path: Path) -> tuple[tuple[str, ...], ...]:
    with path.open(newline="") as lines:
        return tuple(tuple(row) for row in csv.reader(lines, delimiter="\t") if not row[0].startswith("#"))


def upgrades() -> list[tuple[NEVRA, NEVRA]]:
    return [(NEVRA.parse(old), NEVRA.parse(new)) for old, new in table(PAIRS / f"{CASE}.upgrades.tsv")]


def dnf(what: str) -> list[str]:
    return (PAIRS / f"{CASE}.DNF-4.14-{what}.txt").read_text().split("\n")
