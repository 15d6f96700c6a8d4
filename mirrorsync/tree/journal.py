"""The journal: a record for each generation, chained by SHA-256, and the list of its files as long as it is kept.

journal/42.json    the record; it has the SHA-256 of 41.json and of 42.files, and the tree's stamp has its own
journal/42.files   a JSON array: [path, size in bytes, SHA-256] of every file, a line each; it goes with its generation
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from mirrorsync.errors import TreeError
from mirrorsync.files import make_directory, remove_file, write_file
from mirrorsync.model.generation import FileRecord, Generation, GraceCopy, Inventory, Received, Returned
from mirrorsync.tree.site import Tree, numbered

SCHEMA = "mirrorsync-generation-1"
_RESTORE = "restore it from a backup"
_FAULTS = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)


def record_path(journal: Path, number: int) -> Path:
    """Where the record of generation `number` lies."""
    return journal / f"{number}.json"


def files_path(journal: Path, number: int) -> Path:
    """Where the list of the files of generation `number` lies."""
    return journal / f"{number}.files"


def numbers(journal: Path) -> tuple[int, ...]:
    """The generations the journal has records of, oldest first."""
    if not journal.is_dir():
        return ()
    return numbered(path.stem for path in journal.glob("*.json"))


def write_record(journal: Path, generation: Generation, files: Sequence[FileRecord]) -> str:
    """Add a record, chained to the one before it, after the list of its files; the SHA-256 of the record."""
    make_directory(journal)
    listing = _listing(files)
    write_file(files_path(journal, generation.number), listing)
    inventory = replace(
        generation.inventory, count=len(files), bytes=sum(record.size for record in files), sha256=hashlib.sha256(listing).hexdigest()
    )
    earlier = [number for number in numbers(journal) if number < generation.number]
    previous = digest(journal, earlier[-1]) if earlier else ""
    content = json.dumps(generation_document(replace(generation, inventory=inventory, previous=previous)), indent=1).encode()
    write_file(record_path(journal, generation.number), content)
    return hashlib.sha256(content).hexdigest()


def remove_record(journal: Path, number: int) -> None:
    """Take back the record of a generation that was never published."""
    remove_file(record_path(journal, number))
    remove_file(files_path(journal, number))


def _listing(files: Sequence[FileRecord]) -> bytes:
    lines = ",\n".join(json.dumps([record.path, record.size, record.sha256]) for record in files)
    return f"[\n{lines}\n]\n".encode()


def digest(journal: Path, number: int) -> str:
    """The SHA-256 of a record as it lies there, '' where it cannot be read."""
    try:
        return hashlib.sha256(record_path(journal, number).read_bytes()).hexdigest()
    except OSError:
        return ""


def read_record(journal: Path, number: int) -> Generation:
    """The record of generation `number`. Raises TreeError where it cannot be read."""
    path = record_path(journal, number)
    try:
        generation = _generation(json.loads(path.read_bytes()))
        if generation.number != number:
            raise ValueError(f"it is of generation {generation.number}")
    except OSError as error:
        raise TreeError(f"{path}: cannot be read: {error.strerror}; {_RESTORE}") from error
    except _FAULTS as error:
        raise TreeError(f"{path}: not a journal record ({error!s:.200}); {_RESTORE}") from error
    return generation


def read_files(journal: Path, generation: Generation) -> tuple[FileRecord, ...]:
    """The files of a generation, sorted by path. Raises TreeError where their list is lost, or not the one that was recorded."""
    path = files_path(journal, generation.number)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TreeError(f"{path}: cannot be read: {error.strerror}; {_RESTORE}") from error
    if hashlib.sha256(content).hexdigest() != generation.inventory.sha256:
        raise TreeError(f"{path}: not the list that was recorded; {_RESTORE}")
    try:
        return tuple(FileRecord(str(path), int(size), str(sha256)) for path, size, sha256 in json.loads(content))
    except _FAULTS as error:
        raise TreeError(f"{path}: not a list of files ({error!s:.200}); {_RESTORE}") from error


def current(tree: Tree) -> Generation | None:
    """The record of what lies at the tree's path; None for a tree that was never published here.

    Raises TreeError where it is lost or damaged, or is not the one the tree was published with.
    """
    number, seal = tree.stamped()
    if number is None:
        return None
    generation = read_record(tree.journal, number)
    if seal != digest(tree.journal, number):
        raise TreeError(f"{record_path(tree.journal, number)}: not the record that the tree was published with; {_RESTORE}")
    return generation


def recorded(tree: Tree) -> Generation | None:
    """As `current`, and None too where the record cannot be used."""
    try:
        return current(tree)
    except TreeError:
        return None


def published(tree: Tree) -> tuple[int, ...]:
    """As `numbers`, without what a run that is at work, or was stopped, has not published yet."""
    last = tree.last()
    return tuple(number for number in numbers(tree.journal) if number <= last)


def newest(tree: Tree) -> Generation | None:
    """The newest record that can be read, of what was published: what it bars and lets stay holds also where the tree shows another."""
    return next(_readable(tree, reversed(published(tree))), None)


def readable(tree: Tree) -> tuple[Generation, ...]:
    """Every record that can be read, of what was published, oldest first."""
    return tuple(_readable(tree, published(tree)))


def _readable(tree: Tree, wanted: Iterable[int]) -> Iterator[Generation]:
    for number in wanted:
        with suppress(TreeError):
            yield read_record(tree.journal, number)


def require_followed(tree: Tree, number: int) -> None:
    """Raises TreeError where the next record, or the tree's stamp, says that the record of generation `number` was another."""
    expected = [tree.seal()] if number == tree.stamp() else []
    with suppress(TreeError):  # the next one is lost, or there is none
        expected += [read_record(tree.journal, number + 1).previous]
    if any(seal != digest(tree.journal, number) for seal in expected):
        raise TreeError(f"{record_path(tree.journal, number)}: not the record that was published; {_RESTORE}")


def next_number(tree: Tree) -> int:
    """A number that no generation has or had, whatever of them is still there."""
    known = max((*numbers(tree.journal), *tree.kept_generations(), tree.last()))
    return (known or tree.stamp() or 0) + 1  # where all is lost but the stamp, it is all there is to go by


def generation_document(generation: Generation) -> dict[str, Any]:
    """A generation as JSON has it."""
    inventory = generation.inventory
    return {
        "schema": SCHEMA,
        "number": generation.number,
        "published": generation.published.isoformat(),
        "run": generation.run,
        "by": generation.by,
        "reason": generation.reason,
        "back_to": generation.back_to,
        "previous": generation.previous,
        "added": list(generation.added),
        "removed": list(generation.removed),
        "advisories": list(generation.advisories),
        "received": [_received_document(received) for received in generation.received],
        "returned": {returned.nevra: returned.generation for returned in generation.returned},
        "barred": list(generation.barred),
        "images": generation.images,
        "grace": [{"path": copy.path, "since": copy.since.isoformat()} for copy in generation.grace],
        "files": {"count": inventory.count, "bytes": inventory.bytes, "new_bytes": inventory.new_bytes, "sha256": inventory.sha256},
    }


def _generation(document: Mapping[str, Any]) -> Generation:
    if document["schema"] != SCHEMA:
        raise ValueError(f"its schema is {document['schema']!r:.60}")
    files = document["files"]
    return Generation(
        number=int(document["number"]),
        published=_moment(document["published"]),
        run=str(document["run"]),
        by=str(document["by"]),
        reason=str(document["reason"]),
        back_to=_number_or_none(document["back_to"]),
        added=_texts(document["added"]),
        removed=_texts(document["removed"]),
        advisories=_texts(document["advisories"]),
        received=tuple(_received(received) for received in document["received"]),
        returned=tuple(Returned(nevra, _number_or_none(number)) for nevra, number in document["returned"].items()),
        barred=_texts(document["barred"]),
        images=str(document.get("images", "")),  # records of earlier versions have none
        grace=tuple(GraceCopy(str(copy["path"]), _moment(copy["since"])) for copy in document["grace"]),
        inventory=Inventory(int(files["count"]), int(files["bytes"]), int(files["new_bytes"]), str(files["sha256"])),
        previous=str(document["previous"]),
    )


def _received_document(received: Received) -> dict[str, Any]:
    return {
        "nevra": received.nevra,
        "path": received.file.path,
        "size": received.file.size,
        "sha256": received.file.sha256,
        "signer": received.signer,
        "source": received.source,
        "announced": received.announced,
        "advisories": list(received.advisories),
    }


def _received(document: Mapping[str, Any]) -> Received:
    return Received(
        nevra=str(document["nevra"]),
        file=FileRecord(str(document["path"]), int(document["size"]), str(document["sha256"])),
        signer=_text_or_none(document["signer"]),
        source=_text_or_none(document["source"]),
        announced=_text_or_none(document["announced"]),
        advisories=_texts(document["advisories"]),
    )


def _text_or_none(value: Any) -> str | None:
    return None if value is None else str(value)


def _number_or_none(value: Any) -> int | None:
    return None if value is None else int(value)


def _texts(values: Sequence[Any]) -> tuple[str, ...]:
    return tuple(str(value) for value in values)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment
