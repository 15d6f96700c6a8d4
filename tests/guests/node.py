"""The calls a node answers: installs begun, left idle, and brought to their ends, each on an NFS mount of its own."""

import json
import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.guests.calls import Call
from tests.guests.installer import Install, install
from tests.guests.system import do, drop_caches, said

ADDRESS = "10.77.0.2"

_DIGESTS = Path("/mnt/digests.json")
_JOIN_SECONDS = 300
_IDLE_SECONDS = 7200


@dataclass(slots=True)
class _Fleet:
    """The installs of this machine. published: the newest generation, as the test says; 0 before the first."""

    source: str = ""
    options: str = ""
    longest_pause: float = 0
    published: int = 0
    stopping: threading.Event = field(default_factory=threading.Event)
    idle: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    ended: list[dict[str, Any]] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)


_FLEET = _Fleet()


def start() -> None:
    """Have the NFS client's kernel modules loaded."""
    for module in ("nfs", "nfsv3", "nfsv4"):
        do("modprobe", module)


def mount_from(source: str, options: str, longest_pause: float) -> None:
    """What installs mount from now on, and how long they wait at most between two steps, in seconds."""
    _FLEET.source, _FLEET.options, _FLEET.longest_pause = source, options, longest_pause


def begin_idle(count: int, kind: str) -> None:
    """Begin installs that read hdlist and wait for `finish`; returns when all have read it."""
    for number in range(count):
        _begin(_idle_install, kind, number)
    for _ in range(count):
        if not _FLEET.idle.acquire(timeout=_JOIN_SECONDS):
            raise TimeoutError("an install did not come to the end of hdlist")


def begin_busy(count: int, kind: str) -> None:
    """Have `count` installs under way at any time, one after the other, until `finish`."""
    for number in range(count):
        _begin(_busy_installs, kind, number)


def published(number: int) -> None:
    """Know that generation `number` is published, and forget what the client has cached."""
    _FLEET.published = number
    drop_caches()


def ended() -> int:
    """How many installs have ended."""
    return len(_FLEET.ended)


def finish() -> list[dict[str, Any]]:
    """Every install since the last call, once all have come to their ends."""
    _FLEET.stopping.set()
    for thread in _FLEET.threads:
        thread.join(_JOIN_SECONDS)
        if thread.is_alive():
            raise TimeoutError(f"{thread.name} does not end")
    installs = list(_FLEET.ended)
    _FLEET.threads.clear()
    _FLEET.ended.clear()
    _FLEET.stopping.clear()
    return installs


def _begin(work: Callable[[str, int], None], kind: str, number: int) -> None:
    thread = threading.Thread(target=work, args=(kind, number), name=f"{kind}-{number}")
    _FLEET.threads.append(thread)
    thread.start()


def _idle_install(kind: str, number: int) -> None:
    steps = iter([_FLEET.idle.release])

    def pause() -> None:
        next(steps, _nothing)()
        _FLEET.stopping.wait(_IDLE_SECONDS)

    _mounted_install(kind, number, pause)


def _nothing() -> None:
    """What an idle install tells after its first step."""


def _busy_installs(kind: str, number: int) -> None:
    chance = random.Random(number)

    def pause() -> None:
        _FLEET.stopping.wait(chance.uniform(0, _FLEET.longest_pause))

    while not _FLEET.stopping.is_set():
        _mounted_install(kind, number, pause)


def _mounted_install(kind: str, number: int, pause: Callable[[], None]) -> None:
    """Every second install has a superblock of its own; the others share one, as mounts from one server do by default."""
    place = Path("/tmp", f"{kind}-{number}")
    place.mkdir(exist_ok=True)
    options = f"{_FLEET.options},nosharecache" if number % 2 else _FLEET.options
    began = _FLEET.published
    refusal = said("mount", "-t", "nfs", "-o", options, _FLEET.source, str(place))
    outcome = Install((), refusal) if refusal else install(place, _digests(), pause)
    stuck = "" if refusal else said("umount", str(place))
    _FLEET.ended.append({"kind": kind, "began": began, "ended": _FLEET.published, "stuck": stuck, **asdict(outcome)})


def _digests() -> dict[str, str]:
    digests: dict[str, str] = json.loads(_DIGESTS.read_text())
    return digests


CALLS: Mapping[str, Call] = {
    "mount_from": mount_from,
    "begin_idle": begin_idle,
    "begin_busy": begin_busy,
    "published": published,
    "ended": ended,
    "finish": finish,
}
