"""What is to be sent, until it is: a file for each message, tried again after growing waits, given up after some days."""

import base64
import errno
import json
import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import accumulate, islice
from pathlib import Path
from typing import Any

from mirrorsync.errors import DeliveryError, LockedError
from mirrorsync.files import make_directory, remove_file, remove_strays, write_file
from mirrorsync.locks import locked

WAITS = (timedelta(), timedelta(minutes=15), timedelta(hours=1), timedelta(hours=3), timedelta(hours=6), timedelta(hours=12))
"""After the first attempt, the second and so on; the last of them after every later one. The next run tries in any case."""
GIVEN_UP_AFTER = timedelta(days=5)
MOST = 500
MOST_BYTES = 64 << 20
_MOST_LOSSES = 50
_AT_MOST_SECONDS = 120.0
_OLD_SECONDS = 86400
_PRIVATE = 0o600
_ENTRIES = "[0-9]*.json"
_LOSSES = "given-up.json"
_FAULTS = (OSError, ValueError, KeyError, TypeError, RecursionError)


@dataclass(frozen=True, slots=True)
class Entry:
    """A message to send. kind: which door it leaves by.  label: what people call it.  next_try: None for at once.  refusal: the last."""

    kind: str
    destination: str
    label: str
    payload: bytes
    queued: datetime
    attempts: int = 0
    next_try: datetime | None = None
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Loss:
    """A message that was given up, and why."""

    kind: str
    destination: str
    label: str
    queued: datetime
    given_up: datetime
    reason: str


class Fate(StrEnum):
    """What became of a message."""

    DELIVERED = "delivered"
    WAITS = "waits"
    GIVEN_UP = "given up"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A message, and what became of it. reason: of a refusal."""

    entry: Entry
    fate: Fate
    reason: str = ""


Deliver = Callable[[Entry], None]
"""Hands a message over; raises DeliveryError."""


class Outbox:
    """A folder of messages. Whoever adds waits for nobody; of those who deliver one is at it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, entry: Entry) -> tuple[Loss, ...]:
        """Keep a message to be sent. Where there are too many, or too much, the oldest are given up, and returned."""
        make_directory(self._folder)
        name = f"{entry.queued:%Y%m%dT%H%M%S}-{time.time_ns()}-{secrets.token_hex(4)}.json"
        write_file(self._folder / name, json.dumps(_document(entry)).encode(), mode=_PRIVATE)
        surplus = self._surplus()
        reason = f"more than {MOST} messages or {MOST_BYTES >> 20} MiB wait"
        losses = tuple(_loss(old, entry.queued, reason) for path in surplus if (old := _read(path)))
        self._note(losses)
        for path in surplus:
            remove_file(path)
        return losses

    @property
    def empty(self) -> bool:
        """Whether nothing waits."""
        return not self._paths()

    def waiting(self) -> tuple[Entry, ...]:
        """What is to be sent, the oldest first."""
        return tuple(entry for path in self._paths() if (entry := _read(path)))

    def losses(self, since: datetime) -> tuple[Loss, ...]:
        """What was given up since then, the oldest first; as many as are remembered."""
        try:
            found = [_loss_from(document) for document in json.loads((self._folder / _LOSSES).read_bytes())]
            return tuple(loss for loss in found if loss.given_up >= since)
        except _FAULTS:
            return ()

    def deliver(self, doors: Mapping[str, Deliver], clock: Callable[[], datetime], *, at_once: bool = False) -> Iterator[Attempt]:
        """Try what is due, the oldest first, or `at_once` all there is. Nothing where another run is at it: it looks again before it ends.

        After two minutes the rest is left to the next run. Raises OSError where what is sent could not be taken out, and sends nothing.
        """
        if self.empty:
            return
        if not os.access(self._folder, os.W_OK):
            raise PermissionError(errno.EACCES, "it cannot be written to, so that nothing is sent", str(self._folder))
        try:
            with locked(self._folder / "lock", str(self._folder)):
                yield from self._delivered(doors, clock, at_once=at_once)
        except LockedError:
            return

    def _delivered(self, doors: Mapping[str, Deliver], clock: Callable[[], datetime], *, at_once: bool) -> Iterator[Attempt]:
        remove_strays(self._folder, idle=_OLD_SECONDS)  # no write takes a day
        end, tried = time.monotonic() + _AT_MOST_SECONDS, set[Path]()
        while time.monotonic() < end and (path := next((path for path in self._paths() if path not in tried), None)):
            tried.add(path)
            entry = _read(path)
            if entry is None and os.access(path, os.R_OK):
                remove_file(path)  # damaged: as if it were not there
            elif entry and entry.kind in doors and (at_once or _is_due(entry, clock())):
                yield self._attempt(path, entry, doors[entry.kind], clock())

    def _attempt(self, path: Path, entry: Entry, deliver: Deliver, now: datetime) -> Attempt:
        try:
            deliver(entry)
        except DeliveryError as error:
            final = error.final or now - entry.queued >= GIVEN_UP_AFTER
            with suppress(OSError):  # what a full disk takes no note of is as it was
                return self._refused(path, entry, now, str(error), final=final)
            return Attempt(entry, Fate.WAITS, str(error))
        remove_file(path)
        return Attempt(entry, Fate.DELIVERED)

    def _refused(self, path: Path, entry: Entry, now: datetime, reason: str, *, final: bool) -> Attempt:
        if final:
            self._note([_loss(entry, now, reason)])
            remove_file(path)
            return Attempt(entry, Fate.GIVEN_UP, reason)
        write_file(path, json.dumps(_document(_postponed(entry, now, reason))).encode(), mode=_PRIVATE)
        return Attempt(entry, Fate.WAITS, reason)

    def _paths(self) -> list[Path]:
        return sorted(path for path in self._folder.glob(_ENTRIES) if path.is_file()) if self._folder.is_dir() else []

    def _surplus(self) -> list[Path]:
        """The oldest, for which there is no room beside those that are newer."""
        paths = self._paths()
        taken = accumulate(_size(path) for path in reversed(paths))
        fitting = sum(1 for size in islice(taken, MOST) if size <= MOST_BYTES)
        return paths[: len(paths) - fitting]

    def _note(self, losses: Iterable[Loss]) -> None:
        if new := tuple(losses):
            kept = (*self.losses(datetime.min.replace(tzinfo=new[0].given_up.tzinfo)), *new)[-_MOST_LOSSES:]
            write_file(self._folder / _LOSSES, json.dumps([_loss_document(loss) for loss in kept]).encode(), mode=_PRIVATE)


def _size(path: Path) -> int:
    """0 for what was delivered meanwhile."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _postponed(entry: Entry, now: datetime, refusal: str) -> Entry:
    wait = WAITS[min(entry.attempts, len(WAITS) - 1)]
    return replace(entry, attempts=entry.attempts + 1, next_try=now + wait, refusal=refusal)


def _is_due(entry: Entry, now: datetime) -> bool:
    """What is to wait for longer than anything waits was put off by a clock that was wrong."""
    return entry.next_try is None or not now < entry.next_try <= now + WAITS[-1]


def _loss(entry: Entry, now: datetime, reason: str) -> Loss:
    return Loss(entry.kind, entry.destination, entry.label, entry.queued, now, reason)


def _read(path: Path) -> Entry | None:
    """None for a file that is damaged, or somebody else's, or was delivered meanwhile."""
    try:
        document = json.loads(path.read_bytes())
        return Entry(
            str(document["kind"]),
            str(document["destination"]),
            str(document["label"]),
            base64.b64decode(document["payload"], validate=True),
            _moment(document["queued"]),
            int(document["attempts"]),
            _moment(document["next_try"]) if document["next_try"] else None,
            str(document["refusal"]),
        )
    except _FAULTS:
        return None


def _document(entry: Entry) -> dict[str, Any]:
    return {
        "kind": entry.kind,
        "destination": entry.destination,
        "label": entry.label,
        "queued": entry.queued.isoformat(),
        "attempts": entry.attempts,
        "next_try": entry.next_try.isoformat() if entry.next_try else None,
        "refusal": entry.refusal,
        "payload": base64.b64encode(entry.payload).decode(),
    }


def _loss_document(loss: Loss) -> dict[str, str]:
    texts = {"kind": loss.kind, "destination": loss.destination, "label": loss.label, "reason": loss.reason}
    return {**texts, "queued": loss.queued.isoformat(), "given_up": loss.given_up.isoformat()}


def _loss_from(document: Mapping[str, Any]) -> Loss:
    kind, destination, label, reason = (str(document[key]) for key in ("kind", "destination", "label", "reason"))
    return Loss(kind, destination, label, _moment(document["queued"]), _moment(document["given_up"]), reason)


def _moment(text: str) -> datetime:
    """Raises ValueError for a time without its zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment
