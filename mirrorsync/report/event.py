"""What a webhook is told: news of one tree, or how it stands, as a JSON document; docs/schemas/event.json has its schema."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from mirrorsync.model.choices import Occasion
from mirrorsync.model.news import News
from mirrorsync.model.pending import PendingErratum, Urgency
from mirrorsync.model.standing import AppliedErratum, RunRecord, Standing
from mirrorsync.planning.pending_document import step_document
from mirrorsync.report.documents import findings_list

_MOST = 100
"""Entries of each kind: the counts tell of all."""


def event_document(occasion: Occasion, standing: Standing, news: News, text: str, host: str) -> dict[str, Any]:
    """`text` is one line for a person, under the key that chat servers show."""
    return {
        "schema": "mirrorsync-event-1",
        "event": occasion.value,
        "text": text,
        "host": host,
        "tree": standing.tree,
        "at": standing.at.isoformat(),
        "generation": standing.generation,
        "pending": _counts(standing),
        "news": {
            "published": _published(news),
            "applied": [_applied(erratum) for erratum in news.applied[:_MOST]],
            "taken_back": [_applied(erratum) for erratum in news.gone[:_MOST]],
            "appeared": _errata(news.appeared),
            "held": _errata(news.stuck),
            "overdue": _errata(news.late),
            "waiver_over": _errata(news.unwaived),
            "untold": [step_document(step) for step in news.untold[:_MOST]],
            "findings": findings_list(news.findings[:_MOST]),
            "withheld": news.withheld or None,
            "failure": _run(news.failure),
            "mended": _run(news.mended),
        },
    }


def _counts(standing: Standing) -> dict[str, int]:
    counts = {urgency.word: sum(1 for erratum in standing.pending if erratum.urgency is urgency) for urgency in reversed(Urgency)}
    return {**counts, "overdue": sum(1 for erratum in standing.pending if erratum.overdue(standing.at.date()))}


def _published(news: News) -> dict[str, Any] | None:
    found = news.publication
    if found is None:
        return None
    return {"generation": found.number, "run": found.run, "added": found.added, "removed": found.removed, "back_to": found.back_to}


def _errata(errata: Sequence[PendingErratum]) -> list[dict[str, Any]]:
    return [
        {
            "id": erratum.advisory.id,
            "type": erratum.advisory.type.value,
            "severity": erratum.urgency.word,
            "title": erratum.advisory.title,
            "cves": list(erratum.advisory.cves),
            "issued": _day(erratum.advisory.issued),
            "due": _day(erratum.due),
            "packages": [step_document(step) for step in erratum.steps],
        }
        for erratum in errata[:_MOST]
    ]


def _applied(erratum: AppliedErratum) -> dict[str, Any]:
    return {
        "id": erratum.id,
        "type": erratum.type,
        "severity": erratum.urgency,
        "title": erratum.title,
        "cves": list(erratum.cves),
        "issued": _day(erratum.issued),
        "in_time": erratum.met,
    }


def _run(run: RunRecord | None) -> dict[str, Any] | None:
    if run is None:
        return None
    return {"name": run.name, "began": run.began.isoformat(), "exit_code": run.exit_code, "words": list(run.words)}


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None


def occasion_of(news: News) -> Occasion:
    """A failure counts for more than what else the run changed."""
    return Occasion.FAILURE if news.failure or news.mended else Occasion.CHANGES
