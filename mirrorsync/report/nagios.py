"""A check as a plugin of Nagios or Icinga says it: a state, one line with performance data, and a line for each fault.

By the Monitoring Plugins Development Guidelines: https://www.monitoring-plugins.org/doc/guidelines.html
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from mirrorsync.model.advisory import AdvisoryType
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.model.outcome import CheckOutcome, TreeFailure
from mirrorsync.model.pending import Urgency
from mirrorsync.model.standing import Standing
from mirrorsync.planning.standing import failed, faults
from mirrorsync.report.page.words import count_text


class State(IntEnum):
    """What a plugin ends with."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


_WORST_FIRST = (State.CRITICAL, State.UNKNOWN, State.WARNING, State.OK)

_AHEAD = timedelta(hours=1)  # what clocks of one machine may be set back by


@dataclass(frozen=True, slots=True)
class Checked:
    """One tree: what the check found, and how it stands after its last run."""

    outcome: CheckOutcome | TreeFailure
    standing: Standing


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that is not as it should be."""

    state: State
    text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the plugin ends with, and what it prints."""

    state: State
    lines: tuple[str, ...]


def verdict_of(trees: Sequence[Checked], now: datetime, limit: timedelta) -> Verdict:
    """The state of all trees together. limit: how long ago the last update that succeeded may be."""
    remarks = {one.standing.tree: tuple(_remarks(one, now, limit)) for one in trees}
    states = {remark.state for found in remarks.values() for remark in found} | {State.OK}
    worst = next(state for state in _WORST_FIRST if state in states)
    data = " ".join(datum for one in trees for datum in _performance(one, now))
    details = (f"{tree}: {remark.state.name}: {_plain(remark.text)}" for tree, found in remarks.items() for remark in found)
    findings = (f"{one.standing.tree}: {_plain(str(finding))}" for one in trees for finding in _found(one))
    return Verdict(worst, (f"MIRRORSYNC {worst.name} - {_summary(trees, remarks)} | {data}", *details, *findings))


def _summary(trees: Sequence[Checked], remarks: dict[str, tuple[Remark, ...]]) -> str:
    told = [f"{tree}: {', '.join(_plain(remark.text) for remark in found)}" for tree, found in remarks.items() if found]
    pending = sum(len(one.standing.pending) for one in trees)
    return "; ".join(told) or f"{count_text(len(trees), 'tree')} in order, {count_text(pending, 'erratum', 'errata')} pending in time"


def _remarks(one: Checked, now: datetime, limit: timedelta) -> Iterator[Remark]:
    yield from _of_check(one)
    yield from _of_runs(one.standing, now, limit)
    late = [erratum.urgency for erratum in one.standing.pending if erratum.overdue(now.date())]
    if late:
        state = State.CRITICAL if max(late) >= Urgency.IMPORTANT else State.WARNING
        yield Remark(state, f"{count_text(len(late), 'erratum', 'errata')} overdue, the most urgent {max(late).word}")


def _of_check(one: Checked) -> Iterator[Remark]:
    if isinstance(one.outcome, TreeFailure):
        yield Remark(State.UNKNOWN, f"cannot be checked: {one.outcome.message}")
        return
    errors = sum(1 for finding in _found(one) if finding.severity is Severity.ERROR)
    warnings = sum(1 for finding in _found(one) if finding.severity is Severity.WARNING)
    if errors:
        yield Remark(State.CRITICAL, count_text(errors, "error"))
    if warnings:
        yield Remark(State.WARNING, count_text(warnings, "warning"))


def _of_runs(standing: Standing, now: datetime, limit: timedelta) -> Iterator[Remark]:
    run = standing.last_update
    if run is None:
        yield Remark(State.UNKNOWN, "no update is recorded: nobody knows what is pending")
        return
    if failed(run):
        yield Remark(State.WARNING, f"the last {run.name} failed")
    if run.withheld:
        yield Remark(State.WARNING, f"the last {run.name} was held by {run.withheld}")
    if standing.succeeded is None:
        yield Remark(State.CRITICAL, "no update has succeeded yet")
    elif standing.succeeded - now > _AHEAD:
        yield Remark(State.WARNING, f"the last success is of {standing.succeeded:%Y-%m-%d %H:%M} UTC, when it is {now:%Y-%m-%d %H:%M} now")
    elif now - standing.succeeded > limit:
        yield Remark(State.CRITICAL, f"no update has succeeded since {standing.succeeded:%Y-%m-%d %H:%M} UTC")


def _found(one: Checked) -> tuple[Finding, ...]:
    """What the check found, and what the last update did; each once."""
    checked = () if isinstance(one.outcome, TreeFailure) else one.outcome.findings
    return tuple(faults(dict.fromkeys((*checked, *one.standing.findings))))


def _performance(one: Checked, now: datetime) -> Iterator[str]:
    """'label'=value[unit];warn;crit;min, of which only the least is known here."""
    standing = one.standing
    security = sum(1 for erratum in standing.pending if erratum.advisory.type is AdvisoryType.SECURITY)
    late = sum(1 for erratum in standing.pending if erratum.overdue(now.date()))
    counts = {"pending": len(standing.pending), "security": security, "overdue": late, "findings": len(_found(one))}
    yield from (f"'{standing.tree}_{name}'={count};;;0" for name, count in counts.items())
    if standing.succeeded:
        yield f"'{standing.tree}_success_age'={max(0, int((now - standing.succeeded).total_seconds()))}s;;;0"


def _plain(text: str) -> str:
    """In one line, without the bar behind which performance data would be looked for."""
    return " ".join(text.replace("|", "/").split())
