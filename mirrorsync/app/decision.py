"""Deciding with as little reading as will do: that nothing is to be done is remembered by all that it was decided from."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from mirrorsync import __version__
from mirrorsync.app.remembered import lacked_then, remember, settled
from mirrorsync.app.run import Run
from mirrorsync.app.silence import answered
from mirrorsync.app.site import Site, Source
from mirrorsync.errors import UpstreamError
from mirrorsync.model.basis import Basis
from mirrorsync.model.choices import Images
from mirrorsync.model.finding import Finding
from mirrorsync.model.pending import PendingOutcome
from mirrorsync.model.plan import Plan
from mirrorsync.tree.cache import TreeCache
from mirrorsync.tree.reading import Scan, scan
from mirrorsync.upstream.workers import in_parallel

if TYPE_CHECKING:
    from mirrorsync.app.planning import Inputs


@dataclass(frozen=True, slots=True)
class Decision:
    """A plan, what it was made from, what was seen meanwhile, and its inputs: None where the plan is empty and was remembered.

    stale: why the indexes are to be made anew whatever the plan says.  pending: what the tree lacks, whatever a filter means.
    """

    plan: Plan
    basis: Basis
    stale: str | None
    findings: tuple[Finding, ...]
    inputs: "Inputs | None"
    pending: PendingOutcome


@dataclass(frozen=True, slots=True)
class Look:
    """What a tree and its mirrors show at a glance. silent: of the mirrors that do not answer.

    key: a digest of everything that a plan without a filter depends on.
    """

    seen: Scan
    basis: Basis
    answering: tuple[Source, ...]
    silent: tuple[Finding, ...]
    key: str


def decide(site: Site, sources: Sequence[Source], cache: TreeCache, run: Run) -> Decision:
    """Look at the tree and the mirrors, read them where anything has changed, and plan.

    Raises UpstreamError where no mirror answers, and TreeError where the tree was changed by hand.
    """
    look = _look(site, sources, run)
    if not run.accept_upstream and (known := settled(site, look.key, run)) is not None:
        plan, pending = known
        return Decision(plan, look.basis, None, (), None, pending)
    return _read(site, look, cache, run)


def lacking(site: Site, sources: Sequence[Source], cache: TreeCache, run: Run) -> tuple[PendingOutcome, tuple[Finding, ...]]:
    """What the tree lacks, and what was seen meanwhile. Where nothing has changed nothing is read, though there is something to do.

    Raises as `decide`.
    """
    look = _look(site, sources, run)
    if (known := lacked_then(site, look.key, run)) is not None and (whole := _whole(site, known)) is not None:
        return whole, ()
    decision = _read(site, look, cache, run)
    return decision.pending, decision.findings


def _look(site: Site, sources: Sequence[Source], run: Run) -> Look:
    seen = scan(site.tree)
    revisions = in_parallel([partial(answered, site.tree.name, partial(_revision, source)) for source in sources], len(sources))
    silent = tuple(revision for revision in revisions if isinstance(revision, Finding))
    if silent and len(silent) == len(revisions):
        raise UpstreamError("; ".join(finding.what for finding in silent))
    mirrors = {source.upstream.mirror.name: str(revision) for source, revision in zip(sources, revisions, strict=True)}
    basis = Basis(site.tree.stamp(), site.tree.seal(), seen.fingerprint, mirrors)
    answering = tuple(source for source, revision in zip(sources, revisions, strict=True) if isinstance(revision, str))
    return Look(seen, basis, answering, silent, _key(site, sources, basis, run))


def _revision(source: Source) -> str:
    if source.images is Images.IGNORE:
        return source.upstream.revision()
    from mirrorsync.app.images import revision  # noqa: PLC0415  as below: most trees follow no images

    return revision(source)


def _read(site: Site, look: Look, cache: TreeCache, run: Run) -> Decision:
    from mirrorsync.app.planning import read_and_plan  # noqa: PLC0415  loading it takes as long as all of a run with nothing to do

    planned = read_and_plan(site, look.answering, look.seen, cache, run)
    decision = Decision(planned.plan, look.basis, planned.stale, (*look.silent, *planned.findings), planned.inputs, planned.pending)
    if not (decision.findings or decision.stale or run.accept_upstream):  # what is accepted for one run is not for the next
        remember(site, look.key, decision.plan, decision.pending, run, planned.inputs.expiry)
    return decision


def _whole(site: Site, known: PendingOutcome) -> PendingOutcome | None:
    """The same with all that its advisories say; None where the library has lost one, which a reading gives back to it."""
    from mirrorsync.app.library import LIBRARY, Library  # noqa: PLC0415  as above; updates do not need it

    told = Library(site.tree.state / LIBRARY).all(erratum.advisory.id for erratum in known.errata)
    if any(erratum.advisory.id not in told for erratum in known.errata):
        return None
    return replace(known, errata=tuple(replace(erratum, advisory=told[erratum.advisory.id]) for erratum in known.errata))


def _key(site: Site, sources: Sequence[Source], basis: Basis, run: Run) -> str:
    """A digest of everything a plan depends on."""
    kickstarts = [path.read_bytes() if path.is_file() else b"" for path in site.tree.kickstarts]
    offers = [(source.upstream.mirror.name, source.exclude, source.include, source.repository, source.images) for source in sources]
    watched = [(vigil.terms, repr(vigil.watch), vigil.has_forgotten) for vigil in (source.vigil for source in sources)]
    facts = (__version__, repr(basis), offers, watched, repr(site.policy), site.tree.shape, kickstarts, run.reapply)
    return hashlib.sha256(repr(facts).encode()).hexdigest()
