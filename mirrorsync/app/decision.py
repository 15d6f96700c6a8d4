"""Deciding with as little reading as will do: that nothing is to be done is remembered by all that it was decided from."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mirrorsync import __version__
from mirrorsync.app.run import Run
from mirrorsync.app.silence import answered
from mirrorsync.app.site import Site, Source
from mirrorsync.errors import PlanError, UpstreamError
from mirrorsync.files import make_directory, write_file
from mirrorsync.model.basis import Basis
from mirrorsync.model.finding import Finding
from mirrorsync.model.pending import PendingOutcome
from mirrorsync.model.plan import Plan
from mirrorsync.planning.document import plan_document, plan_from
from mirrorsync.tree.cache import TreeCache
from mirrorsync.tree.reading import scan
from mirrorsync.upstream.workers import in_parallel

if TYPE_CHECKING:
    from mirrorsync.app.planning import Inputs


_SETTLED = "settled.json"
_SETTLED_PART = "settled-part.json"  # for updates that a filter limits: else the two would take each other's place


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


def decide(site: Site, sources: Sequence[Source], cache: TreeCache, run: Run) -> Decision:
    """Look at the tree and the mirrors, read them where anything has changed, and plan.

    Raises UpstreamError where no mirror answers, and TreeError where the tree was changed by hand.
    """
    seen = scan(site.tree)
    revisions = in_parallel([partial(answered, site.tree.name, source.upstream.revision) for source in sources], len(sources))
    silent = tuple(revision for revision in revisions if isinstance(revision, Finding))
    if silent and len(silent) == len(revisions):
        raise UpstreamError("; ".join(finding.what for finding in silent))
    mirrors = {source.upstream.mirror.name: str(revision) for source, revision in zip(sources, revisions, strict=True)}
    basis = Basis(site.tree.stamp(), site.tree.seal(), seen.fingerprint, mirrors)
    key = _key(site, sources, basis, run)
    if not run.accept_upstream and (settled := _remembered(site, key, run)) is not None:
        plan, pending = settled
        return Decision(plan, basis, None, (), None, pending)
    from mirrorsync.app.planning import read_and_plan  # noqa: PLC0415  loading it takes as long as all of a run with nothing to do

    answering = [source for source, revision in zip(sources, revisions, strict=True) if isinstance(revision, str)]
    planned = read_and_plan(site, answering, seen, cache, run)
    decision = Decision(planned.plan, basis, planned.stale, (*silent, *planned.findings), planned.inputs, planned.pending)
    if decision.plan.empty and not decision.findings and not decision.stale:
        _remember(_settled(site, run), key, decision, planned.inputs.expiry)
    return decision


def _key(site: Site, sources: Sequence[Source], basis: Basis, run: Run) -> str:
    """A digest of everything a plan depends on."""
    kickstarts = [path.read_bytes() if path.is_file() else b"" for path in site.tree.kickstarts]
    offers = [
        (source.upstream.mirror.name, source.exclude, source.include, source.vigil.terms, repr(source.vigil.watch)) for source in sources
    ]
    facts = (__version__, repr(basis), offers, repr(site.policy), site.tree.layout, kickstarts, run.reapply, run.wanted)
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def _settled(site: Site, run: Run) -> Path:
    return site.tree.state / (_SETTLED if run.wanted.empty else _SETTLED_PART)


def _remembered(site: Site, key: str, run: Run) -> tuple[Plan, PendingOutcome] | None:
    try:
        document = json.loads(_settled(site, run).read_bytes())
        if document["key"] != key or (document["until"] is not None and run.now.timestamp() >= document["until"]):
            return None
        return plan_from(document["plan"]), _pending(site, document["pending"], run)
    except (OSError, ValueError, KeyError, TypeError, PlanError, RecursionError):
        return None  # disposable: a lost or damaged one costs a reading


def _pending(site: Site, document: Mapping[str, Any], run: Run) -> PendingOutcome:
    """What was pending then, as of now: the day, targets and waivers may be others."""
    if not (document["errata"] or document["untold"] or site.waivers):
        return PendingOutcome(site.tree.name, run.now)
    from mirrorsync.app.lack import renewed  # noqa: PLC0415  as above: most often nothing is pending

    return renewed(site, document, run.now)


def _remember(file: Path, key: str, decision: Decision, until: float | None) -> None:
    """until: when an update mirror would have stood still for too long, in seconds since the epoch."""
    from mirrorsync.planning.pending_document import pending_document  # noqa: PLC0415  as above

    make_directory(file.parent)
    plan, pending = plan_document(decision.plan), pending_document(decision.pending)
    write_file(file, json.dumps({"key": key, "until": until, "plan": plan, "pending": pending}).encode())
