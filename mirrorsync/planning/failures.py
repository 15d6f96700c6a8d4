"""Which failures are told: each at once, the same again when a day has passed, and that it is over, once."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from mirrorsync.errors import ExitCode
from mirrorsync.model.standing import RunRecord
from mirrorsync.planning.standing import failed

AGAIN = timedelta(hours=23)  # so that a run of every night, which never begins to the second, is told every night
_MOST = 50
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Failures:
    """What was told of a tree's failures. told: when, by what kind of failure.  lasting: the kinds of run whose end is not told yet."""

    told: Mapping[str, datetime] = field(default_factory=dict)
    lasting: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a run's failure is told, or that an earlier one is over, and what is remembered then."""

    failure: bool
    mended: bool
    memory: Failures


def judged(memory: Failures, run: RunRecord) -> Verdict:
    """What of a run is told. A call that asked for what there is not is told to whoever called, and to nobody else."""
    kind = "check" if run.looked else "update"
    if run.exit_code == ExitCode.USAGE:
        return Verdict(failure=False, mended=False, memory=memory)
    if not failed(run):
        mended = kind in memory.lasting
        return Verdict(failure=False, mended=mended, memory=replace(memory, lasting=memory.lasting - {kind}) if mended else memory)
    key = _key(kind, run)
    told = {name: when for name, when in memory.told.items() if timedelta() <= run.ended - when < AGAIN}
    if key in told:
        return Verdict(failure=False, mended=False, memory=memory)
    newest = sorted({**told, key: run.ended}.items(), key=lambda item: item[1])[-_MOST:]
    return Verdict(failure=True, mended=False, memory=Failures(dict(newest), memory.lasting | {kind}))


def _key(kind: str, run: RunRecord) -> str:
    """The same for failures that differ in numbers only: of processes, ports, bytes."""
    words = _NUMBER.sub("#", "\n".join((kind, *run.words)))
    return hashlib.sha256(words.encode(errors="surrogatepass")).hexdigest()[:32]
