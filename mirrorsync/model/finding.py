"""One thing that is wrong, where it is, and what to do about it."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

MOST_ALIKE = 20
"""Findings of one code that somebody will read: a hostile mirror, or a tree that is gone, has any number of them."""


class Severity(StrEnum):
    """`ERROR`: a node's install fails or may be wrong; `WARNING`: it will, or someone should look."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """`code` is a stable short word for programs; the rest is for a person."""

    severity: Severity
    code: str
    where: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.where}: {self.what}; {self.remedy}"


def curtailed(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings in their order, of each code no more than 20, the last of them saying how many more there are."""
    alike: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        alike[finding.code].append(finding)
    return tuple(shown for same in alike.values() for shown in _first(same))


def _first(same: list[Finding]) -> list[Finding]:
    if len(same) <= MOST_ALIKE:
        return same
    last, others = same[MOST_ALIKE - 1], len(same) - MOST_ALIKE
    return [*same[: MOST_ALIKE - 1], replace(last, what=f"{last.what}; and {others} more like this")]
