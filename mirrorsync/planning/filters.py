"""What a filter means, and how it is written: as options, and in documents.

Conditions narrow each other. dnf adds up what its options name, so that `--security --sec-severity Critical` is all security errata there.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from fnmatch import fnmatchcase

from mirrorsync.model.advisory import Advisory, AdvisoryType
from mirrorsync.model.filter import Filter
from mirrorsync.model.pending import PendingErratum, PendingOutcome, Step, Urgency
from mirrorsync.model.version import NEVRA
from mirrorsync.planning.document import Document
from mirrorsync.planning.node import Node
from mirrorsync.planning.urgency import urgency_of


def means(wanted: Filter, advisory: Advisory) -> bool:
    """Whether all that the filter says of errata holds for this one."""
    issued = advisory.issued
    return (
        (not wanted.types or advisory.type in wanted.types)
        and (not wanted.urgencies or urgency_of(advisory) in wanted.urgencies)
        and (not (wanted.advisories or wanted.cves) or _named(wanted, advisory))
        and (wanted.since is None or (issued is not None and issued >= wanted.since))
    )


def _named(wanted: Filter, advisory: Advisory) -> bool:
    if any(fnmatchcase(advisory.id, glob) for glob in wanted.advisories):
        return True
    return not {present_name(cve) for cve in wanted.cves}.isdisjoint(map(present_name, advisory.cves))


def present_name(cve: str) -> str:
    """CAN-2002-0083 was the candidate that became CVE-2002-0083."""
    upper = cve.strip().upper()
    return f"CVE-{upper.removeprefix('CAN-')}" if upper.startswith("CAN-") else upper


def means_package(wanted: Filter, nevra: NEVRA) -> bool:
    """Whether the filter names no packages, or this one in one of the ways that dnf knows."""
    return not wanted.packages or any(_matches(glob, nevra) for glob in wanted.packages)


def _matches(glob: str, nevra: NEVRA) -> bool:
    return any(fnmatchcase(text, glob) for text in _spellings(nevra))


def _spellings(nevra: NEVRA) -> Iterator[str]:
    """name, name.arch, name-version, name-version-release and name-version-release.arch; a version with its epoch, and without."""
    name, evr, arch = nevra.name, nevra.evr, nevra.arch
    yield from (name, f"{name}.{arch}")
    for version in (evr.version, f"{evr.epoch or 0}:{evr.version}"):
        yield from (f"{name}-{version}", f"{name}-{version}-{evr.release}", f"{name}-{version}-{evr.release}.{arch}")


def means_step(wanted: Filter, step: Step) -> bool:
    """The same of a package that is to be replaced: by what it is, or what it becomes."""
    return means_package(wanted, step.to) or (step.held is not None and means_package(wanted, step.held))


def chosen_errata(wanted: Filter, errata: Iterable[PendingErratum]) -> tuple[PendingErratum, ...]:
    """Those that are meant, whole: an erratum is applied whole."""
    return tuple(
        erratum for erratum in errata if means(wanted, erratum.advisory) and any(means_step(wanted, step) for step in erratum.steps)
    )


def chosen_untold(wanted: Filter, untold: Sequence[Step]) -> tuple[Step, ...]:
    """The updates that are meant of those that no erratum tells of: none where it is errata that are meant."""
    return () if wanted.of_errata else tuple(step for step in untold if means_step(wanted, step))


def concerned(outcome: PendingOutcome) -> Iterator[NEVRA]:
    """The packages of all that a tree lacks, those that it has and those that would come."""
    for step in (*(step for erratum in outcome.errata for step in erratum.steps), *outcome.untold):
        yield from (step.to, step.held) if step.held else (step.to,)


def unmet(wanted: Filter, advisories: Sequence[Advisory], packages: Sequence[NEVRA]) -> tuple[str, ...]:
    """The options of the filter that name none of these: what is applied already, or written wrong."""
    cves = {present_name(cve) for advisory in advisories for cve in advisory.cves}
    return (
        *(f"--advisory {glob}" for glob in wanted.advisories if not any(fnmatchcase(each.id, glob) for each in advisories)),
        *(f"--cve {cve}" for cve in wanted.cves if present_name(cve) not in cves),
        *(f"--package {glob}" for glob in wanted.packages if not any(_matches(glob, nevra) for nevra in packages)),
    )


def filter_text(wanted: Filter) -> str:
    """The filter as the options that make it: "--security --severity critical"."""
    words = [f"--{kind.value}" for kind in wanted.types]
    words += [f"--severity {urgency.word}" for urgency in wanted.urgencies]
    words += [f"--{option} {value}" for option, values in _texts(wanted) for value in values]
    return " ".join([*words, *([f"--since {wanted.since}"] if wanted.since else [])])


def filter_document(wanted: Filter) -> Document:
    """A filter as an object that has what it says; `filter_from` gives it back."""
    document: Document = {
        "types": [kind.value for kind in wanted.types],
        "severities": [urgency.word for urgency in wanted.urgencies],
        "advisories": list(wanted.advisories),
        "cves": list(wanted.cves),
        "since": wanted.since.isoformat() if wanted.since else None,
        "packages": list(wanted.packages),
    }
    return {key: value for key, value in document.items() if value}


def filter_from(node: Node) -> Filter:
    """The filter that an object tells of. Raises PlanError."""
    types, words, *texts = (
        tuple(node.items(key)) if node.has(key) else () for key in ("types", "severities", "advisories", "cves", "packages")
    )
    advisories, cves, packages = (tuple(str(inner.own(str, "text")) for inner in each) for each in texts)
    since: date | None = node.field("since").made(date.fromisoformat) if node.has("since") else None
    kinds = tuple(inner.made(AdvisoryType) for inner in types)
    return Filter(kinds, tuple(inner.made(Urgency.of, "an urgency") for inner in words), advisories, cves, since, packages)


def _texts(wanted: Filter) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return ("advisory", wanted.advisories), ("cve", wanted.cves), ("package", wanted.packages)
