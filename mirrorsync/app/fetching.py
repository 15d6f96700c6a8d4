"""Fetching what a plan names; a package that does not arrive holds what belongs to it, and the rest goes on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mirrorsync.app.planning import Inputs
from mirrorsync.app.run import Run
from mirrorsync.app.site import Site, Source
from mirrorsync.model.outcome import FailedFetch
from mirrorsync.model.package import Package
from mirrorsync.model.plan import Incoming, Plan
from mirrorsync.model.version import NEVRA
from mirrorsync.planning.sums import Told, told_sums
from mirrorsync.planning.update import plan_update
from mirrorsync.tree.pool import Pool
from mirrorsync.upstream.arrival import require_told
from mirrorsync.upstream.download import Place, Progress
from mirrorsync.upstream.fetch import Failed, Fetched, Verify, Wanted, fetch
from mirrorsync.upstream.images import Image


@dataclass(frozen=True, slots=True)
class Obtained:
    """The plan as it can be carried out, and each package and boot image that it brings in as it lies in the pool."""

    plan: Plan
    arrived: Mapping[NEVRA, Fetched]
    fetched: int
    bytes_fetched: int
    failed: tuple[FailedFetch, ...]
    images: tuple[Image, ...] = ()

    @property
    def staged(self) -> Mapping[NEVRA, str]:
        """The SHA-256 in the pool of each package."""
        return {nevra: fetched.sha256 for nevra, fetched in self.arrived.items()}


def obtain(site: Site, inputs: Inputs, plan: Plan, pool: Pool, run: Run) -> Obtained:
    """Fetch the plan's packages. What fails is barred and the plan made anew, until everything it names is in the pool.

    Raises PublishError where the disk does not take the files.
    """
    arrived: dict[NEVRA, Fetched] = {}
    barred: dict[NEVRA, str] = {}
    sums = told_sums(advisory for catalogue in inputs.available for advisory in catalogue.advisories)
    while missing := [entry for entry in plan.incoming if entry.package.nevra not in arrived]:
        with run.progress([entry.package for entry in missing]) as shown:
            results = _fetched(inputs.sources, missing, pool, shown, sums)
        arrived |= {result.package.nevra: result for result in results if isinstance(result, Fetched)}
        failures = {result.package.nevra: result.reason for result in results if isinstance(result, Failed)}
        if not failures:
            break
        barred |= failures
        forbidden = {**inputs.barred, **barred}
        plan = plan_update(site.tree.name, inputs.holding.catalogue, inputs.available, site.policy, barred=forbidden, wanted=run.wanted)
    planned = {entry.package.nevra: arrived[entry.package.nevra] for entry in plan.incoming}
    transferred = [result.package.size for result in arrived.values() if not result.from_pool]
    failed = tuple(FailedFetch(str(nevra), reason) for nevra, reason in sorted(barred.items(), key=lambda item: item[0].key))
    return Obtained(plan, planned, len(transferred), sum(transferred), failed)


def _fetched(
    sources: Sequence[Source], entries: Sequence[Incoming], pool: Pool, progress: Progress, sums: Mapping[str, Told]
) -> list[Fetched | Failed]:
    """What became of each entry; every source is asked with its own number of connections."""
    results: list[Fetched | Failed] = []
    for source in sources:
        own = [entry for entry in entries if entry.origin == source.upstream.mirror.name]
        wanted = [_wanted(source, entry, sums.get(entry.package.filename, {})) for entry in own]
        fetched = fetch(wanted, pool=pool, connections=source.upstream.mirror.connections, progress=progress)
        for result in fetched:
            if isinstance(result, Failed):
                source.upstream.forget(result.package)
        results += fetched
    return results


def _wanted(source: Source, entry: Incoming, told: Told) -> Wanted:
    places = tuple(Place(source.transport, url) for url in source.upstream.places(entry.package))
    return Wanted(entry.package, places, partial(_as_told, told, source.verify) if told else source.verify)


def _as_told(told: Told, verify: Verify, path: Path, package: Package) -> str | None:
    """Who signed the file, which is the one that the advisories' texts tell of. Raises VerificationError."""
    require_told(path, told, package.filename)
    return verify(path, package)
