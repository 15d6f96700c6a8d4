"""The runs of a tree that did not begin when they were due: noted by who schedules them, told by reports."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mirrorsync.files import make_directory, write_file
from mirrorsync.model.schedule import Lateness, Task

_KEPT = 100


def note_lateness(state: Path, tree: str, lateness: Lateness) -> None:
    """Note one more, the newest first; the state directory is `state`. Raises OSError."""
    path = _path(state, tree)
    make_directory(path.parent)
    entries = (lateness, *lateness_of(state, tree))[:_KEPT]
    write_file(path, json.dumps([_document(entry) for entry in entries], indent=1).encode())


def lateness_of(state: Path, tree: str) -> tuple[Lateness, ...]:
    """What was noted, the newest first; nothing where there is no note that can be read: it is disposable."""
    try:
        return tuple(_lateness(entry) for entry in json.loads(_path(state, tree).read_bytes()))
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return ()


def _path(state: Path, tree: str) -> Path:
    return state / "daemon" / "late" / f"{tree}.json" if tree else state / "daemon" / "late.json"


def _document(lateness: Lateness) -> dict[str, Any]:
    began = lateness.began.isoformat() if lateness.began else None
    return {"task": lateness.task, "due": lateness.due.isoformat(), "began": began, "reason": lateness.reason}


def _lateness(entry: Mapping[str, Any]) -> Lateness:
    began = _moment(entry["began"]) if entry["began"] else None
    return Lateness(Task(entry["task"]), _moment(entry["due"]), began, str(entry["reason"]))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
