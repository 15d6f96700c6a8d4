"""What the site's search looks in: trees, errata, CVEs and packages, as a script of one value, since pages that are files read no data."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from mirrorsync.report.page import names
from mirrorsync.report.page.book import Book
from mirrorsync.report.page.chronicle import Chapter, Chronicles
from mirrorsync.report.page.condition import condition_of
from mirrorsync.report.page.dossiers import Dossier
from mirrorsync.report.text import visible

_LONGEST = 120  # characters of a title
_MOST_CVES = 50  # of one advisory: more are on its page

Row = tuple[str, str, str, str]
"""Kind, name, what it is, and the page below the site's root."""


def index_script(book: Book, dossiers: Sequence[Dossier], chronicles: Chronicles) -> bytes:
    """The index, in ASCII, with nothing in it that could end a script or begin a comment of HTML."""
    rows = [*_trees(book), *_errata(dossiers), *_cves(dossiers), *_packages(chronicles)]
    lines = ",\n".join(json.dumps([_shown(cell) for cell in row], separators=(",", ":")) for row in rows)
    harmless = lines.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return f"window.searchIndex = [\n{harmless}\n];\n".encode("ascii")


def _trees(book: Book) -> Iterator[Row]:
    for standing in book.standings:
        yield "tree", standing.tree, condition_of(standing, book.today).word, names.tree_page(standing.tree)


def _errata(dossiers: Iterable[Dossier]) -> Iterator[Row]:
    for dossier in dossiers:
        yield "erratum", dossier.id, dossier.title, names.erratum_page(dossier.id)


def _cves(dossiers: Iterable[Dossier]) -> Iterator[Row]:
    found = {(cve, dossier.id) for dossier in dossiers for cve in dossier.cves[:_MOST_CVES]}
    for cve, name in sorted(found, reverse=True):
        yield "CVE", cve, name, names.erratum_page(name)


def _packages(chronicles: Mapping[str, Sequence[Chapter]]) -> Iterator[Row]:
    for name, chapters in chronicles.items():
        pending = sum(1 for chapter in chapters if chapter.expected)
        yield "package", name, f"pending in {pending} of {len(chapters)}" if pending else "", names.package_page(name)


def _shown(cell: str) -> str:
    return visible(cell if len(cell) <= _LONGEST else f"{cell[: _LONGEST - 1]}…")
