"""Packages, catalogues and plans in a few words, for the tests of planning."""

from collections.abc import Iterable, Mapping, Sequence

from mirrorsync.model.advisory import Advisory, AdvisoryType
from mirrorsync.model.catalogue import Catalogue
from mirrorsync.model.package import Dependency, Digest, Package, Sense
from mirrorsync.model.plan import Plan
from mirrorsync.model.policy import NewPackages, Policy
from mirrorsync.model.version import EVR, NEVRA
from mirrorsync.planning.update import plan_update

_SENSES = {"<": Sense.LESS, "<=": Sense.LESS | Sense.EQUAL, "=": Sense.EQUAL, ">=": Sense.GREATER | Sense.EQUAL, ">": Sense.GREATER}
Contents = list[str | Package]
"""What a tree holds or a mirror offers: NEVRAs, or packages that say more."""
MIRROR = "http://mirror/updates"


def dependency(text: str) -> Dependency:
    """`name`, `name >= 1:2-3` or a rich one in parentheses."""
    if text.startswith("(") or " " not in text:
        return Dependency(text)
    name, sign, evr = text.split(" ")
    return Dependency(name, _SENSES[sign], EVR.parse(evr))


def package(
    nevra: str,
    *,
    requires: Iterable[str] = (),
    provides: Iterable[str] = (),
    obsoletes: Iterable[str] = (),
    files: Iterable[str] = (),
    source: str = "",
    module: str | None = None,
    digest: str | None = None,
    header: str | None = None,
) -> Package:
    """A package that provides its own name and EVR, as all built packages do."""
    named = NEVRA.parse(nevra)
    own = Dependency(named.name, Sense.EQUAL, named.evr)
    return Package(
        named,
        f"Packages/{named.filename}",
        1000,
        Digest("sha256", digest) if digest else None,
        header,
        source,
        (own, *map(dependency, provides)),
        tuple(map(dependency, requires)),
        tuple(map(dependency, obsoletes)),
        tuple(files),
        module,
    )


def packages(*nevras: str | Package) -> tuple[Package, ...]:
    return tuple(package(nevra) if isinstance(nevra, str) else nevra for nevra in nevras)


def advisory(name: str, *nevras: str) -> Advisory:
    return Advisory(name, AdvisoryType.SECURITY, packages=tuple(NEVRA.parse(nevra) for nevra in nevras))


def catalogue(origin: str, contents: Iterable[Package], advisories: Sequence[Advisory] = (), listed: Iterable[str] = ()) -> Catalogue:
    return Catalogue(origin, tuple(sorted(contents, key=lambda package: package.location)), tuple(advisories), frozenset(listed))


def plan(
    held: Iterable[str | Package],
    offered: Iterable[str | Package],
    *,
    arches: tuple[str, ...] = ("i386",),
    advisories: Sequence[Advisory] = (),
    listed: Iterable[str] = (),
    new: NewPackages = NewPackages.NEEDED,
    exclude: tuple[str, ...] = (),
    include: tuple[str, ...] = (),
    pins: Mapping[str, str] | None = None,
    barred: Mapping[str, str] | None = None,
    promote_epochs: bool = False,
) -> Plan:
    """The plan for one tree and one mirror."""
    policy = Policy(arches, new, exclude, include, {name: EVR.parse(evr) for name, evr in (pins or {}).items()}, promote_epochs)
    return plan_update(
        "rhl73",
        catalogue("rhl73", packages(*held), listed=listed),
        [catalogue(MIRROR, packages(*offered), advisories)],
        policy,
        barred={NEVRA.parse(nevra): reason for nevra, reason in (barred or {}).items()},
    )


def incoming(decided: Plan) -> list[str]:
    return [str(entry.package.nevra) for entry in decided.incoming]


def outgoing(decided: Plan) -> list[str]:
    return [str(entry.package.nevra) for entry in decided.outgoing]


def held_back(decided: Plan) -> dict[str, str]:
    return {str(entry.nevra): entry.reason for entry in decided.held}


def kept(decided: Plan) -> dict[str, str]:
    return {str(entry.package.nevra): entry.reason for entry in decided.kept}


def applied(decided: Plan, held: Catalogue) -> Catalogue:
    """The tree after the plan."""
    gone = {(entry.package.nevra.key, entry.package.location) for entry in decided.outgoing}
    staying = [package for package in held.packages if (package.nevra.key, package.location) not in gone]
    return catalogue(held.origin, [*staying, *(entry.package for entry in decided.incoming)], listed=held.listed_names)
