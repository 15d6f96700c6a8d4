"""How urgent an advisory is, and by when it is to be published; docs/ERRATA.md has the table for administrators."""

from collections.abc import Mapping
from datetime import date, timedelta

from mirrorsync.model.advisory import Advisory
from mirrorsync.model.pending import Urgency

_WORDS = {
    "critical": Urgency.CRITICAL,
    "urgent": Urgency.CRITICAL,  # Fedora, EPEL
    "important": Urgency.IMPORTANT,
    "high": Urgency.IMPORTANT,  # Fedora, EPEL
    "moderate": Urgency.MODERATE,
    "medium": Urgency.MODERATE,  # Amazon, Fedora, EPEL
    "low": Urgency.LOW,
}


def urgency_of(advisory: Advisory) -> Urgency:
    """One word for what distributors call its severity, whatever its type; UNRATED where they say nothing, or nothing that is known."""
    return _WORDS.get(advisory.severity.strip().lower(), Urgency.UNRATED)


def due_of(advisory: Advisory, urgency: Urgency, targets: Mapping[Urgency, timedelta]) -> date | None:
    """By when it is to be published, None where it has no date or its urgency no target. A target of hours counts whole days."""
    target = targets.get(urgency)
    if advisory.issued is None or target is None:
        return None
    try:
        return advisory.issued + target
    except OverflowError:  # an issue date at the end of time
        return None
