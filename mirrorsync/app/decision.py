"""Deciding with as little reading as will do: that nothing is to be done is remembered by all that it was decided from."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mirrorsync import __version__
from mirrorsync.app.run import Run
from mirrorsync.app.silence import answered
from mirrorsync.app.site import Site, Source
from mirrorsync.errors import PlanError, UpstreamError
from mirrorsync.files import make_directory, write_file
from mirrorsync.model.basis import Basis
from mirrorsync.model.finding import Finding
from mirrorsync.model.plan import Plan
from mirrorsync.planning.document import plan_document, plan_from
from mirrorsync.tree.cache import TreeCache
from mirrorsync.tree.reading import scan
from mirrorsync.upstream.workers import in_parallel

if TYPE_CHECKING:
    from mirrorsync.app.planning import Inputs


@dataclass(frozen=True, slots=True)
class Decision:
    """A plan, what it was made from, what was seen meanwhile, and its inputs: None where the plan is empty and was remembered.

    stale: why the indexes are to be made anew whatever the plan says.
    """

    plan: Plan
    basis: Basis
    stale: str | None
    findings: tuple[Finding, ...]
    inputs: "Inputs | None"


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
    key = _key(site, sources, basis, reapply=run.reapply)
    if not run.accept_upstream and (plan := _remembered(site, key, run.now.timestamp())) is not None:
        return Decision(plan, basis, None, (), None)
    from mirrorsync.app.planning import read_and_plan  # noqa: PLC0415  loading it takes as long as all of a run with nothing to do

    answering = [source for source, revision in zip(sources, revisions, strict=True) if isinstance(revision, str)]
    planned = read_and_plan(site, answering, seen, cache, run)
    decision = Decision(planned.plan, basis, planned.stale, (*silent, *planned.findings), planned.inputs)
    if decision.plan.empty and not decision.findings and not decision.stale:
        _remember(site, key, decision.plan, planned.inputs.expiry)
    return decision


def _key(site: Site, sources: Sequence[Source], basis: Basis, *, reapply: bool) -> str:
    """A digest of everything a plan depends on."""
    kickstarts = [path.read_bytes() if path.is_file() else b"" for path in site.tree.kickstarts]
    offers = [
        (source.upstream.mirror.name, source.exclude, source.include, source.vigil.terms, repr(source.vigil.watch)) for source in sources
    ]
    facts = (__version__, repr(basis), offers, repr(site.policy), site.tree.layout, kickstarts, reapply)
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def _settled(site: Site) -> Path:
    return site.tree.state / "settled.json"


def _remembered(site: Site, key: str, now: float) -> Plan | None:
    try:
        document = json.loads(_settled(site).read_bytes())
        holds = document["key"] == key and (document["until"] is None or now < document["until"])
        return plan_from(document["plan"]) if holds else None
    except (OSError, ValueError, KeyError, TypeError, PlanError, RecursionError):
        return None  # disposable: a lost or damaged one costs a reading


def _remember(site: Site, key: str, plan: Plan, until: float | None) -> None:
    """until: when an update mirror would have stood still for too long, in seconds since the epoch."""
    make_directory(site.tree.state)
    write_file(_settled(site), json.dumps({"key": key, "until": until, "plan": plan_document(plan)}).encode())
