"""other.xml: what the packages of a repository say of their own changes."""

from collections.abc import Iterable, Mapping
from xml.etree.ElementTree import Element

from mirrorsync.model.changelog import ChangelogEntry
from mirrorsync.planning.changelogs import curtailed
from mirrorsync.upstream.xmlstream import children, number_in, open_document, text_of


def read_other(chunks: Iterable[bytes], wanted: frozenset[str], *, source: str) -> Mapping[str, tuple[ChangelogEntry, ...]]:
    """The changelogs, the newest entries first, of the packages with the `wanted` ids (the checksums primary.xml gives).

    createrepo keeps the newest ten entries of each unless it is told otherwise. Raises UpstreamError where the file is broken.
    """
    found: dict[str, tuple[ChangelogEntry, ...]] = {}
    for package in open_document(chunks, "package", source=source)[1]:
        if (name := package.get("pkgid", "").lower()) in wanted:
            entries = [_entry(element) for element in children(package, "changelog")]
            found[name] = curtailed(sorted(entries, key=lambda entry: entry.time, reverse=True))
    return found


def _entry(element: Element) -> ChangelogEntry:
    return ChangelogEntry(number_in(element.get("date", "")) or 0, element.get("author", ""), text_of(element))
