"""Planned packages brought into the pool, verified: in parallel, resumed, from another place where one fails."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial as applied
from pathlib import Path
from threading import Event, Lock
from typing import Protocol

from mirrorsync.errors import PublishError, UpstreamError, VerificationError
from mirrorsync.model.package import Package
from mirrorsync.upstream.arrival import identify, require_planned_header
from mirrorsync.upstream.body import RefusedError, TransferCutError
from mirrorsync.upstream.download import Partial, Place, Progress, download
from mirrorsync.upstream.losses import Losses
from mirrorsync.upstream.workers import in_parallel

PAUSES = (1.0, 5.0)  # seconds before a place is asked the second and the third time

Verify = Callable[[Path, Package], str | None]
"""The full fingerprint of who signed the file, None where nobody needs to have; raises VerificationError where it is refused."""


class Pool(Protocol):
    """Where verified files are kept by their SHA-256, and where those arrive that are not yet whole."""

    def path_of(self, sha256: str) -> Path:
        """Where the file with this SHA-256 is."""

    def has(self, sha256: str) -> bool:
        """Whether it is there."""

    def incoming(self, key: str) -> Path:
        """Where the file called `key` arrives."""

    def arrived(self, key: str) -> str | None:
        """The SHA-256 of the kept file that arrived as `key`."""

    def source(self, key: str) -> str | None:
        """Where the kept file that arrived as `key` came from, as `keep` was told."""

    def keep(self, partial: Path, sha256: str, source: str | None) -> Path:
        """Move a whole, verified file to its place."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A planned package, the places of its file, best first, and what decides whether its signature will do."""

    package: Package
    places: tuple[Place, ...]
    verify: Verify


@dataclass(frozen=True, slots=True)
class Fetched:
    """A package whose file is in the pool at `path`, verified.

    source: the URL that gave it, in this run or an earlier one, without credentials.  from_pool: no mirror was asked for it.
    """

    package: Package
    path: Path
    sha256: str
    signer: str | None
    source: str | None = None
    from_pool: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """A package that no place gave as it was planned; `reason` is one line that names it."""

    package: Package
    reason: str


class RejectedError(VerificationError):
    """The planned file, byte for byte, and not to be trusted: no other place has a better one."""


@dataclass(frozen=True, slots=True)
class _Run:
    """`turns`: one lock for each file, which two wanted packages may share; the second finds it in the pool."""

    pool: Pool
    progress: Progress
    pauses: tuple[float, ...]
    stop: Event
    turns: Mapping[str, Lock]
    losses: Losses


def fetch(
    wanted: Sequence[Wanted], *, pool: Pool, connections: int, progress: Progress, pauses: tuple[float, ...] = PAUSES
) -> tuple[Fetched | Failed, ...]:
    """What became of each wanted package, in the order given, `connections` of them at a time.

    A place whose transfers are cut is asked again after each of `pauses` seconds; a host that in five minutes gives none of 8 in
    a row is asked for no other. Raises PublishError where the disk does not
    take the files. Whatever ends the run, what has arrived so far stays and is gone on from by the next one.
    """
    turns = {arrival_key(entry.package): Lock() for entry in wanted}
    run = _Run(pool, progress, pauses, Event(), turns, Losses())
    try:
        return in_parallel([applied(_fetch_one, run, entry) for entry in wanted], connections)
    finally:
        run.stop.set()


def _fetch_one(run: _Run, wanted: Wanted) -> Fetched | Failed:
    package = wanted.package
    try:
        with run.turns[arrival_key(package)]:
            return _from_pool(run, wanted) or _from_places(run, wanted)
    except (UpstreamError, VerificationError) as error:
        return Failed(package, _naming(package, str(error)))
    except OSError as error:
        where = error.filename or package.filename
        raise PublishError(f"{where}: {error.strerror}; make room or mend the disk and run again: what has arrived is kept") from error
    finally:
        run.progress.finished(package)


def _from_pool(run: _Run, wanted: Wanted) -> Fetched | None:
    """The package where its file is in the pool already; what is not (any more) as planned there is fetched anew."""
    digest = wanted.package.digest
    sha256 = digest.value if digest and digest.algorithm == "sha256" else run.pool.arrived(arrival_key(wanted.package))
    if sha256 is None or not run.pool.has(sha256):
        return None
    path = run.pool.path_of(sha256)
    try:
        if identify(path, wanted.package) != sha256:
            return None
        source = run.pool.source(arrival_key(wanted.package))
        return Fetched(wanted.package, path, sha256, _signer(wanted, path), source, from_pool=True)
    except VerificationError:
        return None


def _from_places(run: _Run, wanted: Wanted) -> Fetched:
    """The package from the first place that has it as planned. Raises what the last one asked raised."""
    failure: UpstreamError | VerificationError = UpstreamError("no mirror has it; run again, the next plan is made without it")
    for place in wanted.places:
        try:
            return _hopefully(run, wanted, place)
        except RejectedError:
            raise
        except (UpstreamError, VerificationError) as error:
            failure = error
    raise failure


def _hopefully(run: _Run, wanted: Wanted, place: Place) -> Fetched:
    """The package from one place, unless its host is given up."""
    run.losses.begin(place.url)
    try:
        fetched = _from_place(run, wanted, place)
    except (RefusedError, VerificationError):
        run.losses.end(place.url)
        raise
    except UpstreamError as error:
        run.losses.add(place.url, error)
        raise
    run.losses.end(place.url)
    return fetched


def _from_place(run: _Run, wanted: Wanted, place: Place) -> Fetched:
    """The package from one place, asked again where the transfer was cut, or where what earlier tries left was not its beginning."""
    partial = Partial(run.pool.incoming(arrival_key(wanted.package)))
    for pause in run.pauses:
        resumed = partial.size > 0
        try:
            return _attempt(run, wanted, place, partial)
        except RejectedError:
            raise
        except VerificationError:
            if not resumed:
                raise
        except TransferCutError:
            if run.stop.wait(pause):
                raise
    return _attempt(run, wanted, place, partial)


def _attempt(run: _Run, wanted: Wanted, place: Place, partial: Partial) -> Fetched:
    try:
        if partial.size != wanted.package.size:
            download(place, wanted.package, partial, run.progress, run.stop)
        return _kept(run.pool, wanted, partial)
    except VerificationError:
        partial.discard()
        raise


def _kept(pool: Pool, wanted: Wanted, partial: Partial) -> Fetched:
    """The package once its whole file is verified and in the pool."""
    package = wanted.package
    sha256 = identify(partial.path, package)
    signer = _signer(wanted, partial.path)
    source = partial.source
    path = pool.keep(partial.path, sha256, source)
    partial.forget_origin()
    return Fetched(package, path, sha256, signer, source)


def _signer(wanted: Wanted, path: Path) -> str | None:
    """Who signed the file, and with it all that it says of itself. Raises VerificationError."""
    try:
        signer = wanted.verify(path, wanted.package)
        require_planned_header(path, wanted.package)
    except VerificationError as error:
        if wanted.package.digest is None:
            raise
        raise RejectedError(str(error)) from error
    return signer


def arrival_key(package: Package) -> str:
    """What a package's file is called while it arrives: the same wherever it comes from, another for any other content."""
    said = (str(package.nevra), str(package.digest), str(package.header), str(package.size))
    return hashlib.sha256("\n".join(said).encode(errors="surrogateescape")).hexdigest()


def _naming(package: Package, reason: str) -> str:
    return reason if reason.startswith(f"{package.filename}: ") else f"{package.filename}: {reason}"
