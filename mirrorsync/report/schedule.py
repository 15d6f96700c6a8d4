"""What is scheduled, as text and as a document."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from mirrorsync.model.schedule import Lateness, Timing
from mirrorsync.report.text import aligned


def schedule_lines(entries: Sequence[tuple[Timing, datetime]]) -> Iterator[str]:
    """Each task with the time at which it next begins, as its zone has it; a line each, the first one first."""
    ordered = sorted(entries, key=lambda entry: (entry[1], entry[0].name))
    return aligned([(f"{moment:%a %Y-%m-%d %H:%M:%S %Z}", timing.name, str(timing.cron)) for timing, moment in ordered])


def schedule_document(entries: Sequence[tuple[Timing, datetime]]) -> dict[str, Any]:
    """The document of `mirrorsync daemon --list --json`; tree: null for what is of no tree."""
    return {"schema": "mirrorsync-schedule-1", "tasks": [_task(timing, moment) for timing, moment in entries]}


def lateness_text(entries: Sequence[Lateness]) -> str:
    """How many runs began late or not at all, and of the newest, why; '' for none."""
    if not entries:
        return ""
    dropped = sum(1 for entry in entries if entry.began is None)
    counts = [f"{number} {what}" for number, what in ((len(entries) - dropped, "began late"), (dropped, "did not begin")) if number]
    newest = entries[0]
    return f"{', '.join(counts)}; last the {newest.task} that was due at {newest.due:%Y-%m-%d %H:%M} UTC: {newest.reason}"


def _task(timing: Timing, moment: datetime) -> dict[str, Any]:
    return {
        "tree": timing.tree or None,
        "task": timing.task.value,
        "cron": str(timing.cron),
        "jitter_seconds": int(timing.jitter.total_seconds()),
        "late_seconds": int(timing.late.total_seconds()),
        "next": moment.isoformat(),
    }
