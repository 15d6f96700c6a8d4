"""Every case, in the order of the rows, and the table that docs/TRUST.md has of them."""

import re
from collections.abc import Iterable, Iterator, Sequence

from mirrorsync.model.choices import MirrorKind
from tests.hostile import bombs, lies, names, oddities, packages, signers, transfers, views
from tests.hostile.cases import LISTING, Case
from tests.hostile.running import Outcome

ROWS = (*(f"A{number}" for number in range(1, 13)), "F7")
NOT_APPLICABLE = {("A5", LISTING): "a bare directory has no metadata: each header is read from the very file, and A2 holds when it changes"}
BEGIN, END = "<!-- made by `python -m tests.hostile --table` -->", "<!-- end of the table -->"
_MODULES = (packages, views, transfers, bombs, names, lies, signers, oddities)
_PASSING = ((re.compile(r"(http|ftp|https)://127\.0\.0\.1:\d+"), r"\1://mirror"), (re.compile(r"\b[0-9a-f]{16,64}\b|\b[0-9a-f]{12}…"), "…"),
    (re.compile(r"\d{4}-\d\d-\d\d"), "a day"), (re.compile(r"revision \d{10}"), "revision …"),
    (re.compile(r"key ID [0-9a-f]+"), "key ID …"), (re.compile(r"\d+ days older"), "… days older"))  # fmt: skip


def all_cases() -> tuple[Case, ...]:
    """Sorted by row and kind, in the order of their modules within."""
    found = [case for module in _MODULES for case in module.cases()]
    return tuple(sorted(found, key=lambda case: (ROWS.index(case.row), case.kind)))


def table(outcomes: Iterable[Outcome]) -> Iterator[str]:
    """Markdown: row, kind, the test's id, the exit code, and what a person is told."""
    yield from (BEGIN, "| row | mirror | case | ends with | what a person is told |", "|---|---|---|---|---|")
    shown = list(outcomes)
    for row in ROWS:
        for kind in MirrorKind:
            if reason := NOT_APPLICABLE.get((row, kind)):
                yield f"| {row} | {kind} | n/a | | {reason} |"
            yield from (_line(outcome) for outcome in shown if (outcome.case.row, outcome.case.kind) == (row, kind))
    yield END


def listed(text: str) -> list[str]:
    """The ids of the cases that such a table has."""
    lines = text.partition(BEGIN)[2].partition(END)[0].splitlines()
    cells = [[cell.strip() for cell in line.split("|")] for line in lines if line.startswith("| ")][1:]
    return [cell[3].strip("`") for cell in cells if cell[3] != "n/a"]


def _line(outcome: Outcome) -> str:
    case = outcome.case
    told = _plain(case.line(outcome.ended) or "") if case.says else "nothing: nothing wrong came of it"
    return f"| {case.row} | {case.kind} | `{case.id}` | {int(case.code)} | {told} |"


def _plain(line: str) -> str:
    """The line without what is another with each run."""
    for passing, instead in _PASSING:
        line = passing.sub(instead, line)
    return line.replace("|", "\\|").replace("<", "&lt;")


def uncovered(cases: Sequence[Case]) -> list[str]:
    """Rows and kinds that no case is of although they apply."""
    covered = {(case.row, case.kind) for case in cases} | NOT_APPLICABLE.keys()
    return [f"{row} {kind}" for row in ROWS for kind in MirrorKind if (row, kind) not in covered]
