"""One erratum whole, and the errata that trees have taken: as text, and as JSON documents."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from mirrorsync.model.advisory import Advisory
from mirrorsync.model.errata import AppliedOutcome, Dossier, Involvement, Relation
from mirrorsync.model.generation import Generation
from mirrorsync.model.outcome import TreeFailure
from mirrorsync.model.pending import Step, Urgency
from mirrorsync.model.standing import AppliedErratum
from mirrorsync.model.version import NEVRA
from mirrorsync.planning.document import advisory_document, nevra_document
from mirrorsync.planning.pending_document import erratum_document
from mirrorsync.planning.standing_document import applied_entry
from mirrorsync.planning.urgency import urgency_of
from mirrorsync.report.documents import trees_document
from mirrorsync.report.pending import step_text
from mirrorsync.report.text import aligned

_APPLIED_HEAD = ("PUBLISHED", "GENERATION", "ADVISORY", "URGENCY", "DAYS", "TARGET", "IN TIME", "TITLE")


def dossier_lines(dossier: Dossier, today: date) -> Iterator[str]:
    """What an erratum says, and what it is to each tree."""
    if dossier.advisory is None:
        yield f"{dossier.id}: what it says was not kept"
    else:
        yield from _advisory_lines(dossier)
    for involvement in dossier.involvements:
        yield ""
        yield from _involvement_lines(involvement, today)


def dossiers_document(dossiers: Sequence[Dossier], today: date) -> dict[str, Any]:
    """The document of `mirrorsync errata show --json`."""
    errata = [_dossier(dossier, today) for dossier in dossiers if dossier.involvements]
    return {
        "schema": "mirrorsync-errata-show-1",
        "errata": errata,
        "unknown": [dossier.id for dossier in dossiers if not dossier.involvements],
    }


def applied_lines(outcome: AppliedOutcome) -> Iterator[str]:
    """A line for each erratum, and the totals."""
    when = f" since {outcome.since}" if outcome.since else ""
    if not outcome.errata:
        yield f"{outcome.tree}: no errata applied{when}"
        return
    yield f"{outcome.tree}: {_totals(outcome.errata, when)}"
    yield from (f"  {line}" for line in aligned([_APPLIED_HEAD, *map(_applied_row, outcome.errata)]))


def applied_report(outcomes: Sequence[AppliedOutcome | TreeFailure]) -> dict[str, Any]:
    """The document of `mirrorsync errata applied --json`."""
    return trees_document("mirrorsync-errata-applied-1", outcomes, _applied)


def _advisory_lines(dossier: Dossier) -> Iterator[str]:
    advisory = dossier.advisory
    if advisory is None:
        return
    yield f"{advisory.id}: {advisory.title}"
    facts = {
        "Type": advisory.type.value,
        "Severity": _severity(advisory),
        "Issued": advisory.issued.isoformat() if advisory.issued else "on a day that is not told",
        "Updated": advisory.updated.isoformat() if advisory.updated and advisory.updated != advisory.issued else "",
        "Revision": advisory.revision,
        "Status": advisory.status,
        "Told by": advisory.told.value,
        "Reboot": "suggested" if advisory.reboot_suggested else "",
        "CVEs": " ".join(advisory.cves),
    }
    yield from (f"  {line}" for line in aligned([(f"{name}:", text) for name, text in facts.items() if text]))
    yield from (f"  {each.url}" for each in advisory.references if each.url)
    yield ""
    yield from (f"  {line}".rstrip() for line in advisory.description.splitlines())


def _severity(advisory: Advisory) -> str:
    """The distributor's word, and what it is here where that is another."""
    word = urgency_of(advisory).word
    return advisory.severity if advisory.severity.lower() == word else f"{advisory.severity or 'not told'} ({word})"


def _involvement_lines(involvement: Involvement, today: date) -> Iterator[str]:
    yield f"{involvement.tree}: {_state(involvement, today)}"
    steps = involvement.pending.steps if involvement.pending else ()
    rows = [(str(nevra), _presence(nevra, builds, steps)) for nevra, builds in involvement.builds if builds]
    told = {nevra.name for nevra, builds in involvement.builds if builds}
    yield from (f"  {line}" for line in aligned(rows))
    yield from (f"  {step_text(step)}" for step in steps if step.to.name not in told)


def _state(involvement: Involvement, today: date) -> str:
    came = "; ".join(map(_coming, involvement.came))
    match involvement.relation:
        case Relation.APPLIED:
            return f"applied {came}"
        case Relation.TAKEN_OUT:
            return f"taken out again by a rollback; it was applied {came}"
        case Relation.KNOWN:
            if involvement.seen is None:
                return "known, and whether it is pending is not, for no run is recorded; `mirrorsync pending` looks"
            return f"not pending on {involvement.seen:%Y-%m-%d %H:%M} UTC, when the last run ended, and never applied by mirrorsync"
        case Relation.PENDING:
            pending = involvement.pending
            parts = ["pending"]
            parts += [f"{pending.age} days old"] if pending and pending.age is not None else []
            parts += [f"{'overdue since' if pending.overdue(today) else 'due'} {pending.due}"] if pending and pending.due else []
            parts += [f"waived to {pending.waiver.until}: {pending.waiver.reason}"] if pending and pending.waiver else []
            return ", ".join([*parts, *([f"although it was applied {came}"] if came else [])])


def _coming(generation: Generation) -> str:
    by = f" ({generation.by})" if generation.by else ""
    return f"with generation {generation.number}, {generation.published:%Y-%m-%d %H:%M} UTC, by {generation.run}{by}"


def _presence(nevra: NEVRA, builds: Sequence[NEVRA], steps: Sequence[Step]) -> str:
    same = [build for build in builds if build.arch == nevra.arch] or builds
    newest = max(same, key=lambda build: build.evr)
    if newest.evr >= nevra.evr:
        return "in the tree" if newest.evr == nevra.evr else f"the tree has the newer {newest}"
    step = next((step for step in steps if (step.to.name, step.to.arch) == (nevra.name, newest.arch)), None)
    return f"the tree has {newest}; {step.to.evr} {step.prospect.value} {step.reason}".rstrip() if step else f"the tree has {newest}"


def _totals(errata: Sequence[AppliedErratum], when: str) -> str:
    counts = Counter(erratum.urgency for erratum in errata)
    words = ", ".join(f"{counts[urgency.word]} {urgency.word}" for urgency in reversed(Urgency) if counts[urgency.word])
    judged = [erratum.met for erratum in errata if erratum.met is not None]
    met = f"; {sum(judged)} of {len(judged)} in time" if judged else ""
    days = sorted(erratum.days for erratum in errata if erratum.days is not None)
    took = f"; half of them within {days[(len(days) - 1) // 2]} days of issue, all within {days[-1]}" if days else ""
    return f"{len(errata)} {'erratum' if len(errata) == 1 else 'errata'} applied{when} ({words}){met}{took}"


def _applied_row(erratum: AppliedErratum) -> tuple[str, ...]:
    return (
        f"{erratum.published:%Y-%m-%d %H:%M}",
        str(erratum.generation),
        erratum.id,
        erratum.urgency,
        "-" if erratum.days is None else str(erratum.days),
        "-" if erratum.target is None else erratum.target.isoformat(),
        {None: "-", True: "yes", False: "no"}[erratum.met],
        " ".join([erratum.title, *erratum.cves]),
    )


def _applied(outcome: AppliedOutcome) -> dict[str, Any]:
    judged = [erratum.met for erratum in outcome.errata if erratum.met is not None]
    return {
        "tree": outcome.tree,
        "exit_code": int(outcome.exit_code),
        "since": outcome.since.isoformat() if outcome.since else None,
        "errata": [{**applied_entry(erratum), "days": erratum.days, "met": erratum.met} for erratum in outcome.errata],
        "totals": {"errata": len(outcome.errata), "judged": len(judged), "met": sum(judged)},
    }


def _dossier(dossier: Dossier, today: date) -> dict[str, Any]:
    return {
        "id": dossier.id,
        "advisory": advisory_document(dossier.advisory) if dossier.advisory else None,
        "trees": [_involvement(involvement, today) for involvement in dossier.involvements],
    }


def _involvement(involvement: Involvement, today: date) -> dict[str, Any]:
    pending = involvement.pending
    packages = [(nevra_document(nevra), list(map(nevra_document, builds))) for nevra, builds in involvement.builds]
    return {
        "tree": involvement.tree,
        "relation": involvement.relation.value,
        "seen": involvement.seen.isoformat() if involvement.seen else None,
        "generations": [
            {"number": each.number, "published": each.published.isoformat(), "run": each.run, "by": each.by} for each in involvement.came
        ],
        "pending": {**erratum_document(pending), "overdue": pending.overdue(today)} if pending else None,
        "packages": [{"package": nevra, "in_tree": builds} for nevra, builds in packages],
    }
