"""Reading a tree and its mirrors whole, and planning from what they have."""

import gc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import partial

from mirrorsync.app.derivation import completed
from mirrorsync.app.images import offered_images
from mirrorsync.app.lack import lacked
from mirrorsync.app.run import Run
from mirrorsync.app.silence import answered
from mirrorsync.app.site import Site, Source
from mirrorsync.app.vigilance import require_no_mass_removal
from mirrorsync.errors import UpstreamError
from mirrorsync.model.catalogue import Catalogue
from mirrorsync.model.finding import Finding, Severity, curtailed
from mirrorsync.model.generation import Generation
from mirrorsync.model.package import Package
from mirrorsync.model.pending import PendingOutcome
from mirrorsync.model.plan import Plan
from mirrorsync.model.version import NEVRA
from mirrorsync.planning.advisories import conflicts
from mirrorsync.planning.lookalikes import without_lookalikes
from mirrorsync.planning.update import plan_update, required_paths
from mirrorsync.tree.baseline import Baseline, read_baseline, require_unedited
from mirrorsync.tree.cache import TreeCache
from mirrorsync.tree.indexes import stale
from mirrorsync.tree.metadata import CARRIED, Carried
from mirrorsync.tree.reading import Holding, Scan, read_tree, with_paths


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a plan was made from: the tree, as stat(2) told it and as it was read, what it was published as, and one catalogue for each
    source that answered.

    barred: what may not come in although offered, because a rollback took it out.
    """

    seen: Scan
    holding: Holding
    baseline: Baseline
    sources: tuple[Source, ...]
    available: tuple[Catalogue, ...]
    barred: Mapping[NEVRA, str]

    @property
    def expiry(self) -> float | None:
        """When the first of the sources, unchanged, would be too old, in seconds since the epoch; None for never."""
        times = [source.vigil.expiry(catalogue) for source, catalogue in zip(self.sources, self.available, strict=True)]
        return min((time for time in times if time is not None), default=None)

    @property
    def offered(self) -> Mapping[str, tuple[Carried, ...]]:
        """The mirrors' metadata that no package carries, by the repository that it is for."""
        return {repository: tuple(self._offered(repository)) for repository in self.repositories.values()}

    @property
    def repositories(self) -> Mapping[str, str]:
        """Which of the tree's repositories each origin's packages go into."""
        return {source.upstream.mirror.name: source.repository for source in self.sources}

    def _offered(self, repository: str) -> Iterator[Carried]:
        for source in (source for source in self.sources if source.repository == repository):
            found = ((kind, source.upstream.metadata(kind)) for kind in CARRIED)
            yield from (Carried(kind, content) for kind, content in found if content is not None)


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, what was seen while making it, and what it was made from. stale: why the indexes are to be made anew in any case.

    pending: what the tree lacks, and what becomes of it by an update that no filter limits.
    """

    plan: Plan
    stale: str | None
    findings: tuple[Finding, ...]
    inputs: Inputs
    pending: PendingOutcome


def read_and_plan(site: Site, sources: Sequence[Source], seen: Scan, cache: TreeCache, run: Run) -> Planned:
    """Read `sources` and the tree, and plan. A source that cannot be read is a finding.

    Raises UpstreamError where none can be, or one would take too much out, and TreeError where the tree is not what its record
    says, unless `run` adopts that.
    """
    readings = [(source, answered(site.tree.name, partial(_admitted, source))) for source in sources]
    silent = [reading for _, reading in readings if isinstance(reading, Finding)]
    read = [(source, reading) for source, reading in readings if isinstance(reading, Catalogue)]
    if not read:
        raise UpstreamError("; ".join(finding.what for finding in silent))
    holding = read_tree(site.tree, seen, cache)
    names = [record.path.rpartition("/")[2] for record in holding.files]
    read = [(source, without_lookalikes(catalogue, names)) for source, catalogue in read]
    baseline = read_baseline(site.tree, holding.files)
    if not run.adopt_changes:
        require_unedited(site.tree, baseline)
    paths = required_paths([holding.catalogue, *(catalogue for _, catalogue in read)])
    holding = replace(holding, catalogue=with_paths(holding.catalogue, paths, cache))
    available = tuple(source.upstream.with_paths(catalogue, paths) for source, catalogue in read)
    barred = {} if run.reapply else rolled_back(baseline.former, available)
    plan, available, unread = _decided(site, holding.catalogue, [source for source, _ in read], available, barred)
    pending = lacked(site, plan, holding.catalogue, available, run.now)
    offer = offered_images(site, [source for source, _ in read], holding, baseline.former, run)
    if run.wanted.empty:
        plan = replace(plan, images=offer.images)
    else:
        plan = plan_update(site.tree.name, holding.catalogue, available, site.policy, barred=barred, wanted=run.wanted)
    require_no_mass_removal(plan, holding.catalogue, [(source.upstream.mirror.name, source.vigil) for source, _ in read])
    findings = [*silent, *holding.catalogue.findings, *(finding for catalogue in available for finding in catalogue.findings)]
    findings += [_emptiness(catalogue) for catalogue in available if not catalogue.packages]
    findings += [*offer.findings, *unread, *curtailed(conflicts((catalogue.origin, catalogue.advisories) for catalogue in available))]
    inputs = Inputs(seen, holding, baseline, tuple(source for source, _ in read), available, barred)
    return Planned(plan, baseline.difference or stale(site.tree, holding.catalogue.packages), tuple(findings), inputs, pending)


def _decided(
    site: Site, held: Catalogue, sources: Sequence[Source], available: tuple[Catalogue, ...], barred: Mapping[NEVRA, str]
) -> tuple[Plan, tuple[Catalogue, ...], tuple[Finding, ...]]:
    """The plan; the catalogues it was made from, completed by what changelogs tell where no advisory does; and what of these is missing."""
    gc.freeze()  # or the collector looks through every package again and again while the plan is made
    plan = plan_update(site.tree.name, held, available, site.policy, barred=barred)
    told, unread = completed(site.tree, plan, held, sources, available)
    if told is not available:
        plan = plan_update(site.tree.name, held, told, site.policy, barred=barred)
    gc.unfreeze()
    return plan, told, unread


def rolled_back(generation: Generation | None, available: Iterable[Catalogue]) -> Mapping[NEVRA, str]:
    """What is offered and may not come in, because a rollback took it out, with that reason."""
    texts = frozenset(generation.barred if generation else ())
    reason = "taken out by a rollback; `mirrorsync update --reapply` lets it in again"
    return {package.nevra: reason for catalogue in available for package in catalogue.packages if texts and str(package.nevra) in texts}


def _emptiness(catalogue: Catalogue) -> Finding:
    what = "offers no package that the tree's machines could install"
    return Finding(Severity.WARNING, "mirror-empty", catalogue.origin, what, "check its URL, and `arches`")


def _admitted(source: Source) -> Catalogue:
    """What a source offers, without what its own excludes and includes keep out. Raises UpstreamError, also where it has shrunk."""
    catalogue = source.upstream.read()
    findings = (*catalogue.findings, *source.vigil.examine(catalogue))
    packages = tuple(
        package
        for package in catalogue.packages
        if not _matches(package, source.exclude) and (not source.include or _matches(package, source.include))
    )
    return replace(catalogue, packages=packages, findings=findings)


def _matches(package: Package, globs: Sequence[str]) -> bool:
    """As yum does: by name, or by name-evr.arch."""
    return any(fnmatchcase(text, glob) for glob in globs for text in (package.name, str(package.nevra)))
