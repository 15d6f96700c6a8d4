"""An account as lines of text, for a terminal and for the text part of a mail."""

import textwrap
from collections.abc import Iterable, Iterator

from mirrorsync.report.account import Account, Blocked, Line, Listed, Tally
from mirrorsync.report.page.words import count_text
from mirrorsync.report.text import aligned

WIDTH = 78
_INDENT = "  "


def account_lines(account: Account, *, width: int = WIDTH) -> Iterator[str]:
    """A tree: its condition, what happened, what is pending, held, applied and found, and its runs."""
    yield from wrapped(f"{account.tree}: {account.word.lower()}: {account.why}", width)
    yield from (line for event in account.events for line in wrapped(event, width, _INDENT))
    yield from _section("What it said", (line for words in account.words for line in wrapped(words, width, _INDENT * 2)))
    yield from _section("Pending, by urgency", aligned([_tally(tally) for tally in account.tallies]), indent=_INDENT * 2)
    yield from _section("Pending errata", _errata(account.pending, width, f"mirrorsync pending {account.tree}"))
    yield from _section("Pending without an erratum", _untold(account, width))
    yield from _section("Held back, and why", (line for blocked in account.blocked for line in _blocked(blocked, width)))
    yield from _section(f"Applied {account.applied_when}", _errata(account.applied, width, "mirrorsync errata applied"))
    yield from _section("Findings", _findings(account, width))
    yield from _section("Runs", aligned([(f"{what}:", value) for what, value in account.facts]), indent=_INDENT * 2)


def wrapped(text: str, width: int, indent: str = "", more: str = "") -> Iterator[str]:
    """A text in lines; words that are longer than one, such as addresses, stay whole."""
    found = textwrap.wrap(
        text, width, initial_indent=indent, subsequent_indent=f"{indent}{more or _INDENT}", break_long_words=False, break_on_hyphens=False
    )
    return iter(found)


def _section(title: str, lines: Iterable[str], *, indent: str = "") -> Iterator[str]:
    """Nothing where there are no lines."""
    if found := list(lines):
        yield from ("", f"{_INDENT}{title}:")
        yield from (f"{indent}{line}" for line in found)


def _tally(tally: Tally) -> tuple[str, str, str]:
    oldest = "" if tally.oldest is None else f"the oldest {count_text(tally.oldest, 'day')} old"
    late = f"{tally.late:,} overdue" if tally.late else ""
    coming = f"in {count_text(tally.due, 'day')}" if tally.due else "today"
    due = f"the next due {coming}" if tally.due is not None else ""
    return tally.urgency.word, f"{tally.count:,}", ", ".join(filter(None, (oldest, late, due)))


def _errata(listed: Listed, width: int, command: str) -> Iterator[str]:
    for line in listed.lines:
        yield from _erratum(line, width)
    if listed.more:
        yield f"{_INDENT * 2}and {listed.more:,} more: `{command}` has them all"


def _erratum(line: Line, width: int) -> Iterator[str]:
    mark = "new: " if line.new else ""
    kind = f"{line.urgency} {line.type}" if line.urgency != "unrated" else line.type
    yield from wrapped(f"{mark}{line.id}: {kind}, {', '.join(line.remarks)}", width, _INDENT * 2)
    for text in (line.title, " ".join(line.cves), *line.steps):
        yield from wrapped(text, width, _INDENT * 4) if text else ()


def _untold(account: Account, width: int) -> Iterator[str]:
    for step in account.untold:
        yield from wrapped(step, width, _INDENT * 2)
    if account.more_untold:
        yield f"{_INDENT * 2}and {account.more_untold:,} more"


def _blocked(blocked: Blocked, width: int) -> Iterator[str]:
    more = blocked.count - len(blocked.names)
    names = ", ".join(blocked.names) + (f" and {more:,} more" if more else "")
    yield from wrapped(f"{names}: {blocked.reason}", width, _INDENT * 2)


def _findings(account: Account, width: int) -> Iterator[str]:
    for finding in account.findings:
        yield from wrapped(str(finding), width, _INDENT * 2)
    if account.more_findings:
        yield f"{_INDENT * 2}and {account.more_findings:,} more: `mirrorsync check {account.tree}` has them all"
