"""How trees stand as metrics, in Prometheus's text format (exposition format 0.0.4), for a textfile collector.

Times are Unix timestamps and not ages: an age that nobody counts on would say the less the longer no run has come by.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from mirrorsync import __version__
from mirrorsync.model.advisory import AdvisoryType
from mirrorsync.model.finding import Severity
from mirrorsync.model.pending import PendingErratum, Prospect, Urgency
from mirrorsync.model.standing import RunRecord, Standing

_PREFIX = "mirrorsync"


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of a metric. labels: in the order they are written."""

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Metric:
    """A gauge, what it means, and its values: without values it is not written."""

    name: str
    meaning: str
    samples: tuple[Sample, ...]


def metrics_text(standings: Sequence[Standing], undelivered: int, now: datetime) -> str:
    """All metrics of these trees. undelivered: messages that wait to be sent."""
    return "".join(f"{line}\n" for metric in metrics_of(standings, undelivered, now) if metric.samples for line in _lines(metric))


def metrics_of(standings: Sequence[Standing], undelivered: int, now: datetime) -> Iterator[Metric]:
    """The metrics, each with the values of all trees; every combination of type and severity has one, so that none is ever absent."""
    yield Metric("build_info", "The version that wrote this.", (Sample({"version": __version__}, 1),))
    yield Metric("written_timestamp_seconds", "When this was written.", (Sample({}, now.timestamp()),))
    yield Metric("undelivered_messages", "Mails and webhooks that wait to be sent.", (Sample({}, undelivered),))
    yield from _of_state(standings)
    yield from _of_errata(standings)
    yield from _of_runs(standings)


def _of_state(standings: Sequence[Standing]) -> Iterator[Metric]:
    yield _per_tree("generation", "The generation that nodes are given.", standings, {one.tree: one.generation for one in standings})
    published = {one.tree: _timestamp(one.published) for one in standings}
    yield _per_tree("published_timestamp_seconds", "When that generation was published.", standings, published)
    yield _per_tree("packages", "Packages that the tree lists.", standings, {one.tree: one.packages for one in standings})
    yield _per_tree("tree_bytes", "Bytes of the tree's files.", standings, {one.tree: one.bytes for one in standings})
    findings = (
        Sample({"tree": one.tree, "severity": severity.value}, sum(1 for finding in one.findings if finding.severity is severity))
        for one in standings
        for severity in Severity
    )
    yield Metric("findings", "What the last update and check found.", tuple(findings))


def _of_errata(trees: Sequence[Standing]) -> Iterator[Metric]:
    """Of a tree of which nobody knows it, none: a 0 would say that it lacks nothing."""
    standings = [one for one in trees if one.informed]
    counted = (
        Sample({"tree": one.tree, "type": kind.value, "severity": urgency.word}, _count(one.pending, kind, urgency))
        for one in standings
        for kind in AdvisoryType
        for urgency in reversed(Urgency)
    )
    yield Metric("pending_errata", "Errata that the tree lacks.", tuple(counted))
    rated = [(one, urgency) for one in standings for urgency in reversed(Urgency)]
    late = (Sample(_rated(one, urgency), _late(one, urgency)) for one, urgency in rated)
    yield Metric("overdue_errata", "Pending errata past their target, but for those that are waived.", tuple(late))
    oldest = (Sample(_rated(one, urgency), issued) for one, urgency in rated if (issued := _oldest(one.pending, urgency)) is not None)
    yield Metric("pending_errata_oldest_issued_timestamp_seconds", "When the oldest pending erratum was issued.", tuple(oldest))
    packages = (
        Sample({"tree": one.tree, "prospect": prospect.value.replace(" ", "_")}, _packages(one, prospect))
        for one in standings
        for prospect in Prospect
    )
    yield Metric("pending_packages", "Packages to replace: the next update brings, holds, or keeps them out.", tuple(packages))


def _of_runs(standings: Sequence[Standing]) -> Iterator[Metric]:
    yield _per_run("last_run_timestamp_seconds", "When the last run of its kind began.", standings, lambda run: run.began.timestamp())
    yield _per_run("last_run_duration_seconds", "How long it took.", standings, lambda run: run.seconds)
    yield _per_run("last_run_exit_code", "What it ended with.", standings, lambda run: run.exit_code)
    yield _per_run("last_run_fetched_bytes", "Bytes of packages that it fetched.", standings, lambda run: run.bytes_fetched)
    yield _per_run("last_run_withheld", "Whether a hook held what it was to publish.", standings, lambda run: bool(run.withheld))
    for name, meaning, times in (
        ("last_success_timestamp_seconds", "When an update last ended without an error.", {one.tree: one.succeeded for one in standings}),
        ("last_check_timestamp_seconds", "When the tree was last checked.", {one.tree: one.checked for one in standings}),
        ("next_run_timestamp_seconds", "When the next update is due.", {one.tree: one.next_run for one in standings}),
    ):
        yield _per_tree(name, meaning, standings, {tree: _timestamp(moment) for tree, moment in times.items()})


def _per_tree(name: str, meaning: str, standings: Iterable[Standing], values: Mapping[str, float | None]) -> Metric:
    """One value a tree, none where there is none."""
    known = ((one.tree, values.get(one.tree)) for one in standings)
    return Metric(name, meaning, tuple(Sample({"tree": tree}, value) for tree, value in known if value is not None))


def _per_run(name: str, meaning: str, standings: Iterable[Standing], value: Callable[[RunRecord], float]) -> Metric:
    """One value for the last update of a tree, and one for its last check: one that works hides nothing of the other."""
    ran = ((one.tree, kind, run) for one in standings for kind, run in (("update", one.last_update), ("check", one.last_check)) if run)
    return Metric(name, meaning, tuple(Sample({"tree": tree, "run": kind}, value(run)) for tree, kind, run in ran))


def _rated(one: Standing, urgency: Urgency) -> dict[str, str]:
    return {"tree": one.tree, "severity": urgency.word}


def _count(errata: Iterable[PendingErratum], kind: AdvisoryType, urgency: Urgency) -> int:
    return sum(1 for erratum in errata if erratum.advisory.type is kind and erratum.urgency is urgency)


def _late(one: Standing, urgency: Urgency) -> int:
    return sum(1 for erratum in one.pending if erratum.urgency is urgency and erratum.overdue(one.at.date()))


def _oldest(errata: Iterable[PendingErratum], urgency: Urgency) -> float | None:
    issued = [erratum.advisory.issued for erratum in errata if erratum.urgency is urgency and erratum.advisory.issued]
    return _midnight(min(issued)).timestamp() if issued else None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _packages(one: Standing, prospect: Prospect) -> int:
    steps = {step.to: step.prospect for erratum in one.pending for step in erratum.steps} | {step.to: step.prospect for step in one.untold}
    return sum(1 for found in steps.values() if found is prospect)


def _timestamp(moment: datetime | None) -> float | None:
    return moment.timestamp() if moment else None


def _lines(metric: Metric) -> Iterator[str]:
    name = f"{_PREFIX}_{metric.name}"
    yield f"# HELP {name} {_escaped(metric.meaning)}"
    yield f"# TYPE {name} gauge"
    for sample in metric.samples:
        labels = ",".join(f'{label}="{_quoted(value)}"' for label, value in sample.labels.items())
        yield f"{name}{{{labels}}} {_number(sample.value)}" if labels else f"{name} {_number(sample.value)}"


def _number(value: float) -> str:
    """Whole numbers as such, others to the millisecond."""
    return str(int(value)) if value == int(value) else f"{value:.3f}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")


def _quoted(text: str) -> str:
    return _escaped(text).replace('"', r"\"")
