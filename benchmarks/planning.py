"""How long planning takes: 50,000 offered against 20,000 held packages, beside libsolv's own load and solve of the same in the same run.

    python benchmarks/planning.py [--offered N] [--held N] [--changed SHARE]

Prints seconds, their ratio and the peak memory; the packages are made up from a fixed seed, with the shape of a real distribution:
about fifteen requirements and fifteen capabilities a package, most requirements met by a few libraries.
"""

import argparse
import random
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import solv

from mirrorsync.model.advisory import Advisory, AdvisoryType
from mirrorsync.model.catalogue import Catalogue
from mirrorsync.model.package import Dependency, Package, Sense
from mirrorsync.model.plan import Plan
from mirrorsync.model.policy import Policy
from mirrorsync.model.version import EVR, NEVRA
from mirrorsync.planning.update import plan_update

T = TypeVar("T")

_SEED = 20020506
_LIBRARIES = 400
_OBSOLETING_SHARE = 0.05
_NOARCH_SHARE = 0.25
_MULTILIB_SHARE = 0.3
_SENSES = {Sense.EQUAL: solv.REL_EQ, Sense.GREATER | Sense.EQUAL: solv.REL_GT | solv.REL_EQ, Sense.LESS: solv.REL_LT}


@dataclass(frozen=True, slots=True)
class Situation:
    """A tree and a mirror of made-up packages."""

    held: Catalogue
    offered: Catalogue


def make(offered: int, held: int, changed: float) -> Situation:
    """`changed`: the share of the held names that the mirror has a newer build of."""
    chance = random.Random(_SEED)
    tree: list[Package] = []
    mirror: list[Package] = []
    number = 0
    while len(mirror) < offered:
        number += 1
        noarch, multilib = chance.random() < _NOARCH_SHARE, chance.random() < _MULTILIB_SHARE
        library = number <= _LIBRARIES
        arches = ["noarch"] if noarch and not library else ["x86_64", "i686"] if multilib or library else ["x86_64"]
        builds = [_package(chance, number, arch, EVR(None, f"{chance.randint(1, 9)}.{chance.randint(0, 40)}", "1.el9")) for arch in arches]
        mirror += builds
        if len(tree) < held:
            tree += builds
            if chance.random() < changed:
                mirror += [_newer(package) for package in builds]
    advisories = tuple(
        Advisory(f"RHSA-{index}", AdvisoryType.SECURITY, packages=(package.nevra,))
        for index, package in enumerate(package for package in mirror if package.evr.release == "2.el9")
    )
    return Situation(_catalogue("tree", tree, ()), _catalogue("http://mirror", mirror, advisories))


def _catalogue(origin: str, packages: Sequence[Package], advisories: tuple[Advisory, ...]) -> Catalogue:
    return Catalogue(origin, tuple(sorted(packages, key=lambda package: package.location)), advisories)


def _package(chance: random.Random, number: int, arch: str, evr: EVR) -> Package:
    name = f"package{number}"
    isa = "()(64bit)" if arch == "x86_64" else ""
    library = number <= _LIBRARIES
    provides = [Dependency(name, Sense.EQUAL, evr), Dependency(f"{name}({arch})", Sense.EQUAL, evr)]
    provides += [Dependency(f"lib{number}.so.{index}{isa}") for index in range(25 if library else chance.randint(0, 26))]
    requires = [Dependency("/bin/sh"), Dependency("rpmlib(CompressedFileNames)", Sense.LESS | Sense.EQUAL, EVR.parse("3.0.4-1"))]
    if arch != "noarch":
        requires += [_need(chance, isa) for _ in range(chance.randint(4, 22))]
    if chance.random() < 0.4 and number > _LIBRARIES:
        requires.append(Dependency(f"package{chance.randint(1, _LIBRARIES)}", Sense.GREATER | Sense.EQUAL, EVR(None, "0.1", "")))
    obsoletes = (Dependency(f"old{number}", Sense.LESS, evr),) if chance.random() < _OBSOLETING_SHARE else ()
    files = ("/bin/sh", "/bin/bash") if number == 1 else tuple(f"/usr/bin/{name}-{index}" for index in range(chance.randint(0, 4)))
    nevra = NEVRA(name, evr, arch)
    source = f"{name}-{evr.version}-{evr.release}.src.rpm"
    return Package(nevra, f"Packages/{nevra.filename}", 10_000, None, None, source, tuple(provides), tuple(requires), obsoletes, files)


def _need(chance: random.Random, isa: str) -> Dependency:
    """Few libraries are needed by nearly everything, most by few: the square of an even chance."""
    return Dependency(f"lib{1 + int(_LIBRARIES * chance.random() ** 2)}.so.{chance.randint(0, 24)}{isa}")


def _newer(package: Package) -> Package:
    evr = replace(package.evr, release="2.el9")
    nevra = replace(package.nevra, evr=evr)
    provides = tuple(replace(dependency, evr=evr) if dependency.evr == package.evr else dependency for dependency in package.provides)
    return replace(package, nevra=nevra, location=f"Packages/{nevra.filename}", source=f"{nevra.name}-2.src.rpm", provides=provides)


def solve_with_libsolv(situation: Situation) -> int:
    """The same update as libsolv does it: every package loaded, everything updated. How many packages it would install."""
    pool = solv.Pool()
    pool.setarch("x86_64")
    pool.set_flag(solv.Pool.POOL_FLAG_IMPLICITOBSOLETEUSESCOLORS, 1)  # i686 and x86_64 builds beside each other, as dnf sets it
    pool.installed = _load(pool, "installed", situation.held.packages)
    _load(pool, "mirror", situation.offered.packages)
    pool.addfileprovides()
    pool.createwhatprovides()
    solver = pool.Solver()
    problems = solver.solve([pool.Job(solv.Job.SOLVER_UPDATE | solv.Job.SOLVER_SOLVABLE_ALL, 0)])
    if problems:
        raise SystemExit(f"libsolv sees {len(problems)} problems")
    return len(solver.transaction().newsolvables())


def _load(pool: solv.Pool, name: str, packages: Sequence[Package]) -> solv.Repo:
    repo = pool.add_repo(name)
    for package in packages:
        solvable = repo.add_solvable()
        solvable.name, solvable.evr, solvable.arch = package.name, str(package.evr), package.arch
        for dependency in package.provides:
            solvable.add_provides(_dependency(pool, dependency))
        for dependency in package.requires:
            if not dependency.name.startswith("rpmlib("):
                solvable.add_requires(_dependency(pool, dependency))
        for dependency in package.obsoletes:
            solvable.add_obsoletes(_dependency(pool, dependency))
        for path in package.files:
            solvable.add_provides(pool.Dep(path))
    return repo


def _dependency(pool: solv.Pool, dependency: Dependency) -> solv.Dep:
    named = pool.Dep(dependency.name)
    return named if dependency.evr is None else named.Rel(_SENSES[dependency.sense], pool.Dep(str(dependency.evr)))


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def _peak_mebibytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Make the packages, plan, solve, and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--offered", type=int, default=50_000)
    options.add_argument("--held", type=int, default=20_000)
    options.add_argument("--changed", type=float, default=0.1)
    chosen = options.parse_args()
    situation = make(chosen.offered, chosen.held, chosen.changed)
    made = _peak_mebibytes()
    policy = Policy(("x86_64",))
    runs = [_timed(lambda: plan_update("tree", situation.held, [situation.offered], policy)) for _ in range(3)]
    seconds, plan = min(runs, key=lambda run: run[0])
    planned = _peak_mebibytes()
    solving, installed = _timed(lambda: solve_with_libsolv(situation))
    _report(plan, runs[0][0], seconds, solving, installed)
    print(f"memory: {made:.0f} MiB for the packages, {planned - made:.0f} MiB more at most for planning")


def _report(plan: Plan, first: float, seconds: float, solving: float, installed: int) -> None:
    counts = f"{len(plan.incoming)} come in, {len(plan.outgoing)} leave, {len(plan.held)} wait, {plan.unchanged} stay"
    print(f"planning: {seconds:.3f} s: {counts}")
    print(f"planning for the first time, with a garbage collection of all packages: {first:.3f} s")
    print(f"libsolv, load and solve: {solving:.3f} s: {installed} come in")
    print(f"ratio: {seconds / solving:.2f}")


if __name__ == "__main__":
    main()
