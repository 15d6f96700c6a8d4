"""Reading the tree and its mirrors, and deciding; a decision that nothing is to be done is remembered by what it was made from."""

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from mirrorsync.app.site import Site, Source
from mirrorsync.errors import PlanError, UpstreamError
from mirrorsync.files import make_directory, write_file
from mirrorsync.model.catalogue import Catalogue
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.model.package import Package
from mirrorsync.model.plan import Plan
from mirrorsync.planning.document import plan_document, plan_from
from mirrorsync.planning.update import plan_update, required_paths
from mirrorsync.tree.cache import TreeCache
from mirrorsync.tree.metadata import CARRIED, Carried
from mirrorsync.tree.reading import Holding, Scan, read_tree, scan, with_paths


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a plan was made from: the tree, and one catalogue for each source that answered."""

    holding: Holding
    sources: tuple[Source, ...]
    available: tuple[Catalogue, ...]

    @property
    def offered(self) -> tuple[Carried, ...]:
        """The mirrors' metadata that no package carries."""
        found = ((kind, source.upstream.metadata(kind)) for source in self.sources for kind in CARRIED)
        return tuple(Carried(kind, content) for kind, content in found if content is not None)


@dataclass(frozen=True, slots=True)
class Decision:
    """A plan, what was seen while making it, and its inputs: None where the plan is empty and was remembered."""

    plan: Plan
    findings: tuple[Finding, ...]
    inputs: Inputs | None


def decide(site: Site, sources: Sequence[Source], cache: TreeCache) -> Decision:
    """Read what the tree holds and the mirrors offer, as little of it as needed, and plan. Raises UpstreamError where none answers."""
    seen = scan(site.tree)
    revisions = _revisions(sources)
    key = _key(site, seen, revisions)
    plan = _remembered(site, key)
    if plan is not None:
        return Decision(plan, (), None)
    decision = _decided(site, sources, revisions, seen, cache)
    if decision.plan.empty and not decision.findings:
        _remember(site, key, decision.plan)
    return decision


def _decided(site: Site, sources: Sequence[Source], revisions: Sequence[str | UpstreamError], seen: Scan, cache: TreeCache) -> Decision:
    answering = tuple(source for source, revision in zip(sources, revisions, strict=True) if isinstance(revision, str))
    silent = [_silence(site, revision) for revision in revisions if isinstance(revision, UpstreamError)]
    available = [_admitted(source.upstream.read(), source) for source in answering]
    holding = read_tree(site.tree, seen, cache)
    paths = required_paths([holding.catalogue, *available])
    holding = replace(holding, catalogue=with_paths(holding.catalogue, paths, cache))
    available = [source.upstream.with_paths(catalogue, paths) for source, catalogue in zip(answering, available, strict=True)]
    plan = plan_update(site.tree.name, holding.catalogue, available, site.policy)
    findings = (*silent, *holding.catalogue.findings, *(finding for catalogue in available for finding in catalogue.findings))
    return Decision(plan, findings, Inputs(holding, answering, tuple(available)))


def _admitted(catalogue: Catalogue, source: Source) -> Catalogue:
    """The catalogue without what the source's own excludes and includes keep out."""
    packages = tuple(
        package
        for package in catalogue.packages
        if not _matches(package, source.exclude) and (not source.include or _matches(package, source.include))
    )
    return replace(catalogue, packages=packages)


def _matches(package: Package, globs: Sequence[str]) -> bool:
    """As yum does: by name, or by name-evr.arch."""
    return any(fnmatchcase(text, glob) for glob in globs for text in (package.name, str(package.nevra)))


def _revisions(sources: Sequence[Source]) -> list[str | UpstreamError]:
    """Each source's revision, or why it has none; they are asked at once."""
    with ThreadPoolExecutor(max(1, len(sources))) as askers:
        revisions = list(askers.map(_revision, sources))
    errors = [revision for revision in revisions if isinstance(revision, UpstreamError)]
    if errors and len(errors) == len(revisions):
        raise UpstreamError("; ".join(str(error) for error in errors))
    return revisions


def _revision(source: Source) -> str | UpstreamError:
    try:
        return source.upstream.revision()
    except UpstreamError as error:
        return error


def _silence(site: Site, error: UpstreamError) -> Finding:
    return Finding(
        Severity.ERROR, "mirror-unavailable", site.tree.name, str(error), "planned without it; check the mirror, or configure another"
    )


def _key(site: Site, seen: Scan, revisions: Sequence[str | UpstreamError]) -> str:
    """A digest of everything a plan depends on."""
    kickstarts = [path.read_bytes() if path.is_file() else b"" for path in site.tree.kickstarts]
    offers = [str(revision) for revision in revisions]
    facts = (seen.fingerprint, site.tree.stamp(), offers, repr(site.policy), site.tree.layout, kickstarts)
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def _settled(site: Site) -> Path:
    return site.tree.state / "settled.json"


def _remembered(site: Site, key: str) -> Plan | None:
    try:
        document = json.loads(_settled(site).read_bytes())
        return plan_from(document["plan"]) if document["key"] == key else None
    except (OSError, ValueError, KeyError, TypeError, PlanError):
        return None  # disposable: a lost or damaged one costs a reading


def _remember(site: Site, key: str, plan: Plan) -> None:
    make_directory(site.tree.state)
    write_file(_settled(site), json.dumps({"key": key, "plan": plan_document(plan)}).encode())
