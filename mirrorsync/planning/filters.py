"""What a filter means, and how it is written: as options, and in documents.

Conditions narrow each other. dnf adds up what its options name, so that `--security --sec-severity Critical` is all security errata there.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from fnmatch import fnmatchcase

from mirrorsync.model.advisory import Advisory, AdvisoryType
from mirrorsync.model.filter import Filter
from mirrorsync.model.pending import PendingErratum, Step, Urgency
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
    return not {_present_name(cve) for cve in wanted.cves}.isdisjoint(map(_present_name, advisory.cves))


def _present_name(cve: str) -> str:
    """CAN-2002-0083 was the candidate that became CVE-2002-0083."""
    upper = cve.strip().upper()
    return f"CVE-{upper.removeprefix('CAN-')}" if upper.startswith("CAN-") else upper


def means_package(wanted: Filter, nevra: NEVRA) -> bool:
    """Whether the filter names no packages, or this one by its name or its name-evr.arch."""
    return not wanted.packages or any(fnmatchcase(text, glob) for glob in wanted.packages for text in (nevra.name, str(nevra)))


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
