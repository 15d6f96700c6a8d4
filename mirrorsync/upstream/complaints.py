"""A mirror's faults as many as somebody will read: a hostile one has any number of them."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from mirrorsync.model.finding import Finding

MOST = 20


def curtailed(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings in their order, of each code no more than 20, the last of them saying how many more there are."""
    alike: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        alike[finding.code].append(finding)
    return tuple(shown for same in alike.values() for shown in _first(same))


def _first(same: list[Finding]) -> list[Finding]:
    if len(same) <= MOST:
        return same
    last, others = same[MOST - 1], len(same) - MOST
    return [*same[: MOST - 1], replace(last, what=f"{last.what}; and {others} more like this")]
