"""Outcomes as plain text for a terminal or a cron mail."""

from collections.abc import Iterable, Iterator, Sequence

from mirrorsync.model.activity import RECENT, Activity, Presence
from mirrorsync.model.comparison import Comparison
from mirrorsync.model.finding import Finding
from mirrorsync.model.outcome import (
    BootChange,
    CheckOutcome,
    Disposal,
    HistoryOutcome,
    PruneOutcome,
    RollbackOutcome,
    StatusOutcome,
    TreeFailure,
    UpdateOutcome,
    Withheld,
)
from mirrorsync.model.plan import Kept, Plan

_UNIT = 1000
_MANY = 10
_MOST_NODES = 20
_MINUTE = 60
_LAST_OF_FOUR_DIGITS = 0xFFFF


def plan_lines(plan: Plan, *, whole: bool = True) -> Iterator[str]:
    """The plan as a table, an entry a line: what happens, to which package, why, under which errata.

    Unless `whole`, packages that stay for one and the same reason are one line where they are many.
    """
    rows = [(entry.change.value, str(entry.package.nevra), entry.reason, " ".join(entry.advisories)) for entry in plan.incoming]
    rows += [(entry.removal.value, str(entry.package.nevra), entry.reason, "") for entry in plan.outgoing]
    rows += [("boot image", image.path, f"of {plan.images.build}", "") for image in plan.images.files] if plan.images else []
    rows += [("kept", what, reason, "") for what, reason in _kept(plan.kept, whole=whole)]
    rows += [("held", str(entry.nevra), entry.reason, " ".join(entry.advisories)) for entry in plan.held]
    return aligned(rows)


def _kept(entries: Sequence[Kept], *, whole: bool) -> Iterator[tuple[str, str]]:
    by_reason: dict[str, list[Kept]] = {}
    for entry in entries:
        by_reason.setdefault(entry.reason, []).append(entry)
    for reason, same in by_reason.items():
        if whole or len(same) <= _MANY:
            yield from ((str(entry.package.nevra), reason) for entry in same)
        else:
            yield _count(len(same), "package"), f"{reason} (-v names them)"


def plan_summary(plan: Plan) -> str:
    """The plan's counts in one line."""
    parts = [f"{_count(len(plan.incoming), 'package')} to fetch ({size_text(plan.bytes_to_fetch)})"] if plan.incoming else []
    parts += [f"{_count(len(plan.images.files), 'boot image')} of {plan.images.build}"] if plan.images else []
    parts += [f"{len(plan.outgoing)} to leave the indexes"] if plan.outgoing else []
    parts += [f"{len(plan.kept)} kept"] if plan.kept else []
    parts += [f"{len(plan.held)} held"] if plan.held else []
    return ", ".join([*parts, f"{plan.unchanged} unchanged"]) if parts else f"nothing to do, {_count(plan.unchanged, 'package')} current"


def update_lines(outcome: UpdateOutcome, *, verbose: bool) -> Iterator[str]:
    """What an update did, or with a dry run would do; the whole plan where it is a dry run or `verbose`."""
    yield f"{outcome.tree}: {plan_summary(outcome.plan)}"
    plan = outcome.plan if outcome.dry_run or verbose else _exceptions(outcome.plan)
    yield from _indented(plan_lines(plan, whole=verbose))
    yield from (f"{outcome.tree}: {failed.reason}" for failed in outcome.failed)
    if outcome.stale:
        yield f"{outcome.tree}: indexes {'to be ' if outcome.dry_run else ''}made anew: {outcome.stale}"
    yield from _withheld_lines(outcome.tree, outcome.withheld)
    if outcome.generation is not None:
        yield (
            f"{outcome.tree}: generation {outcome.generation} published: {_count(outcome.fetched, 'package')} fetched, "
            f"{size_text(outcome.bytes_fetched)}, {outcome.seconds.total:.1f} s"
        )
    yield from _left_lines(outcome)
    yield from _boot_lines(outcome.tree, outcome.boot)
    yield from finding_lines(outcome.findings)


def _left_lines(outcome: UpdateOutcome) -> Iterator[str]:
    """What the tree lacks still: kept out, held, or not of what was asked for."""
    errata, untold = (len(outcome.pending.errata), len(outcome.pending.untold)) if outcome.pending else (0, 0)
    if not outcome.dry_run and (errata or untold):
        parts = [f"{errata} {'erratum' if errata == 1 else 'errata'}"] if errata else []
        parts += [f"{_count(untold, 'package')} that no erratum tells of"] if untold else []
        yield f"{outcome.tree}: still pending: {', '.join(parts)}; `mirrorsync pending` names them"


def _exceptions(plan: Plan) -> Plan:
    return Plan(plan.tree, kept=plan.kept, held=plan.held)


def rollback_lines(outcome: RollbackOutcome) -> Iterator[str]:
    """What a rollback did, or with a dry run would do."""
    counts = f"{_count(len(outcome.added), 'package')} back, {_count(len(outcome.removed), 'package')} out"
    if outcome.generation is not None:
        yield f"{outcome.tree}: generation {outcome.generation} published: as generation {outcome.back_to} was; {counts}"
    elif outcome.dry_run:
        yield f"{outcome.tree}: would go back to generation {outcome.back_to}: {counts}"
    elif outcome.withheld:
        yield from _withheld_lines(outcome.tree, outcome.withheld)
    else:
        yield f"{outcome.tree}: is generation {outcome.back_to} as it was published; nothing to do"
    yield from _indented(aligned([*(("back", name) for name in outcome.added), *(("out", name) for name in outcome.removed)]))
    yield from _boot_lines(outcome.tree, outcome.boot)
    yield from finding_lines(outcome.findings)


def _withheld_lines(tree: str, withheld: Withheld | None) -> Iterator[str]:
    if withheld:
        yield f"{tree}: held by {withheld.reason}; nothing was published, and what was fetched is kept for the next run"


def _boot_lines(tree: str, boot: BootChange) -> Iterator[str]:
    if boot in (BootChange.STAGED, BootChange.WOULD_STAGE, BootChange.FAILED):
        yield f"{tree}: boot set {boot.value}"


def check_lines(outcome: CheckOutcome) -> Iterator[str]:
    """What a check found; one line where all is well."""
    depth = "sizes and digests, and signatures where keys are pinned" if outcome.deep else "sizes"
    yield f"{outcome.tree}: {_count(outcome.packages, 'package')} checked ({depth}), {_count(len(outcome.findings), 'finding')}"
    yield from _indented(finding_lines(outcome.findings))


def prune_lines(outcome: PruneOutcome) -> Iterator[str]:
    """What was removed, or with a dry run would be, what that frees, and which generations are kept."""
    disposal = outcome.disposal
    gone = _disposed(disposal)
    would = "would go" if outcome.dry_run else "removed"
    freed = f"{size_text(disposal.bytes)} and {_count(disposal.inodes, 'inode')} {'to be freed' if outcome.dry_run else 'freed'}"
    yield f"{outcome.tree}: {f'{gone} {would}: {freed}' if gone else 'nothing to remove'}"
    yield f"  kept generations: {', '.join(map(str, outcome.kept)) or 'none'}"
    yield from _indented(finding_lines(outcome.findings))


def _disposed(disposal: Disposal) -> str:
    numbers = ", ".join(map(str, disposal.generations))
    parts = [f"generation{'s' if disposal.generations[1:] else ''} {numbers}"] if numbers else []
    parts += [f"{_count(disposal.pool_files, 'file')} that no generation uses"] if disposal.pool_files else []
    parts += [f"{_count(disposal.incoming, 'file')} that stopped arriving"] if disposal.incoming else []
    return ", ".join(parts) or ("what earlier runs left" if disposal.inodes else "")


def status_lines(outcome: StatusOutcome) -> Iterator[str]:
    """A tree's state, a fact a line."""
    yield f"{outcome.tree}: {outcome.path} ({outcome.layout})"
    if outcome.generation is None:
        yield "  never updated by mirrorsync"
    else:
        published = f"{outcome.published:%Y-%m-%d %H:%M:%S} UTC" if outcome.published else "unknown"
        yield f"  generation {outcome.generation}, published {published}"
        copies = _count(outcome.grace_copies, "superseded file")
        yield f"  {_count(outcome.packages, 'package')}, {size_text(outcome.bytes)}; {copies} in grace"
        yield f"  kept generations: {', '.join(map(str, outcome.kept_generations))}"
    yield f"  boot set: {outcome.boot.value}"
    if outcome.running:
        yield f"  at work now: {outcome.running}"
    yield from _indented(_activity_lines(outcome.activity))
    yield from _indented(finding_lines(outcome.findings))


def _activity_lines(activity: Activity) -> Iterator[str]:
    """Who seems to be installing; that nobody knows counts as busy."""
    minutes = int(RECENT.total_seconds() // _MINUTE)
    if activity.presence is Presence.IDLE:
        yield f"nobody seems to be installing: nothing was heard of a node for {minutes} minutes"
    elif not activity.signs:
        yield "whether somebody is installing is not known, which counts as busy:"
    else:
        nodes = {sign.node for sign in activity.signs}
        yield f"{_count(len(nodes), 'node')} heard of within {minutes} minutes:"
    for sign in activity.signs[:_MOST_NODES]:
        age = "" if sign.age is None else f", {int(sign.age.total_seconds() // _MINUTE)} min ago"
        yield f"  {sign.node} ({sign.way}{age})"
    if activity.signs[_MOST_NODES:]:
        yield f"  and {len(activity.signs) - _MOST_NODES} more; --json has all"
    yield from (f"  {reason}" for reason in activity.unknown)


def history_lines(outcome: HistoryOutcome) -> Iterator[str]:
    """A tree's generations, newest first, a line each."""
    yield f"{outcome.tree}:"
    rows = [
        (
            str(generation.number),
            f"{generation.published:%Y-%m-%d %H:%M:%S}",
            generation.run,
            f"+{len(generation.added)} -{len(generation.removed)}",
            size_text(generation.inventory.new_bytes),
            generation.by,
            "; ".join([generation.reason, *([" ".join(generation.advisories)] if generation.advisories else [])]),
        )
        for generation in outcome.generations
    ]
    yield from _indented(aligned(rows))


def diff_lines(comparison: Comparison) -> Iterator[str]:
    """What differs between two generations, a thing a line."""
    counts = f"{_count(len(comparison.added), 'package')} in, {len(comparison.removed)} out"
    yield f"{comparison.tree}: from generation {comparison.older} to {comparison.newer}: {counts}"
    rows = [("in", name) for name in comparison.added] + [("out", name) for name in comparison.removed]
    rows += [("errata in", name) for name in comparison.errata_in] + [("errata out", name) for name in comparison.errata_out]
    rows += [(f"file {edit.kind}", edit.path) for edit in comparison.files or ()]
    yield from _indented(aligned(rows))
    if comparison.files is None:
        yield "  other files: not known, as not both generations are kept with their records"


def failure_lines(failure: TreeFailure) -> Iterator[str]:
    """The one line of a tree whose work ended in an error; the message names the tree where that matters."""
    yield failure.message if failure.message.startswith(f"{failure.tree}:") else f"{failure.tree}: {failure.message}"


def finding_lines(findings: Iterable[Finding]) -> Iterator[str]:
    """A finding a line."""
    return (str(finding) for finding in findings)


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Rows of cells as lines, each column but the last as wide as its widest cell."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def visible(text: str) -> str:
    """The text with everything that a terminal could act on, or not show, written as its code: `\\u009b` for U+009B.

    Names come from mirrors, packages and files of any bytes. The code is the one that TOML and JSON know.
    """
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else _code(ord(character)) for character in text)


def _code(number: int) -> str:
    return f"\\u{number:04x}" if number <= _LAST_OF_FOUR_DIGITS else f"\\U{number:08x}"


def size_text(size: int) -> str:
    """Bytes for a person, in decimal units: "12.3 MB"."""
    amount = float(size)
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < _UNIT:
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= _UNIT
    return f"{amount:.1f} TB"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)
