"""The journal: one record a generation, each carrying the SHA-256 of the record before it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from mirrorsync.errors import TreeError
from mirrorsync.files import make_directory, write_file
from mirrorsync.model.generation import FileRecord, Generation, GraceCopy
from mirrorsync.tree.site import Tree

SCHEMA = "mirrorsync-generation-1"


def record_path(journal: Path, number: int) -> Path:
    """Where the record of generation `number` lies."""
    return journal / f"{number}.json"


def numbers(journal: Path) -> tuple[int, ...]:
    """The generations the journal has records of, oldest first."""
    if not journal.is_dir():
        return ()
    return tuple(sorted(int(path.stem) for path in journal.glob("*.json") if path.stem.isdigit()))


def write_record(journal: Path, generation: Generation) -> None:
    """Add a record, chained to the one before it."""
    earlier = [number for number in numbers(journal) if number < generation.number]
    previous = hashlib.sha256(record_path(journal, earlier[-1]).read_bytes()).hexdigest() if earlier else ""
    make_directory(journal)
    document = generation_document(replace(generation, previous=previous))
    write_file(record_path(journal, generation.number), json.dumps(document, indent=1).encode())


def read_record(journal: Path, number: int) -> Generation:
    """The record of generation `number`. Raises TreeError where it cannot be read."""
    path = record_path(journal, number)
    try:
        return _generation(json.loads(path.read_bytes()))
    except OSError as error:
        raise TreeError(f"{path}: cannot be read: {error.strerror}; the next update records the tree anew") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        remedy = "restore it from a backup, or the next update records the tree anew"
        raise TreeError(f"{path}: not a journal record ({error}); {remedy}") from error


def recorded(tree: Tree) -> Generation | None:
    """The record of what lies at the tree's path: None for a tree never published here, or whose record is lost or damaged."""
    number = tree.stamp()
    if number is None:
        return None
    try:
        return read_record(tree.journal, number)
    except TreeError:
        return None


def next_number(tree: Tree) -> int:
    """A number that no generation has or had, whatever of them is still there."""
    return max((*numbers(tree.journal), *tree.kept_generations(), tree.stamp() or 0), default=0) + 1


def generation_document(generation: Generation) -> dict[str, Any]:
    """A generation as JSON has it."""
    return {
        "schema": SCHEMA,
        "number": generation.number,
        "published": generation.published.isoformat(),
        "run": generation.run,
        "previous": generation.previous,
        "added": list(generation.added),
        "removed": list(generation.removed),
        "advisories": list(generation.advisories),
        "grace": [{"path": copy.path, "since": copy.since.isoformat()} for copy in generation.grace],
        "files": [[record.path, record.size, record.sha256] for record in generation.files],
    }


def _generation(document: Mapping[str, Any]) -> Generation:
    if document["schema"] != SCHEMA:
        raise ValueError(f"its schema is {document['schema']!r}")
    return Generation(
        number=int(document["number"]),
        published=_moment(document["published"]),
        run=str(document["run"]),
        files=tuple(FileRecord(str(path), int(size), str(sha256)) for path, size, sha256 in document["files"]),
        grace=tuple(GraceCopy(copy["path"], _moment(copy["since"])) for copy in document["grace"]),
        added=tuple(document["added"]),
        removed=tuple(document["removed"]),
        advisories=tuple(document["advisories"]),
        previous=str(document["previous"]),
    )


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment
