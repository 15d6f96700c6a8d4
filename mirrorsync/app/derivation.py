"""Changelogs asked for where a plan's moves have no advisory, and the catalogues completed by what they tell."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from mirrorsync.app.site import Source
from mirrorsync.errors import UpstreamError
from mirrorsync.model.advisory import Advisory
from mirrorsync.model.catalogue import Catalogue
from mirrorsync.model.changelog import ChangelogEntry
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.model.plan import Plan
from mirrorsync.model.version import NEVRA
from mirrorsync.planning.derivation import Untold, derived, untold, with_derived
from mirrorsync.tree.changelogs import held_changelogs
from mirrorsync.tree.site import Tree


def completed(
    tree: Tree, plan: Plan, held: Catalogue, sources: Sequence[Source], available: tuple[Catalogue, ...]
) -> tuple[tuple[Catalogue, ...], tuple[Finding, ...]]:
    """The catalogues with advisories derived for those moves of the plan that no advisory tells of; the same ones where there are none.

    Nothing is asked for where every move is told of. A mirror that does not give its changelogs is a finding.
    """
    moves = untold(plan, held, available)
    if not moves:
        return available, ()
    after, findings = _offered(sources, moves)
    wanted = [move for move in moves if move.offered.nevra in after]
    made = dict(_made(wanted, held_changelogs(tree, [move.held for move in wanted]), after))
    return (with_derived(available, wanted, made) if made else available), findings


def _offered(sources: Sequence[Source], moves: Iterable[Untold]) -> tuple[Mapping[NEVRA, tuple[ChangelogEntry, ...]], tuple[Finding, ...]]:
    found: dict[NEVRA, tuple[ChangelogEntry, ...]] = {}
    findings = []
    for source in sources:
        name = source.upstream.mirror.name
        try:
            found.update(source.upstream.changelogs([move.offered for move in moves if move.origin == name]))
        except UpstreamError as error:
            remedy = "what its packages change is not told where no advisory tells it; run again later"
            findings.append(Finding(Severity.WARNING, "changelogs-unreadable", name, str(error), remedy))
    return found, tuple(findings)


def _made(
    moves: Iterable[Untold], before: Mapping[NEVRA, Sequence[ChangelogEntry]], after: Mapping[NEVRA, Sequence[ChangelogEntry]]
) -> Iterator[tuple[str, Advisory]]:
    for move in moves:
        advisory = derived(move, before.get(move.held.nevra, ()), after[move.offered.nevra])
        if advisory is not None:
            yield move.id, advisory
