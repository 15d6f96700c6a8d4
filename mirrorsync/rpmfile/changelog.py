"""The changelog in a package's header, as far as it tells of what is new."""

from mirrorsync.errors import HeaderError
from mirrorsync.model.changelog import ChangelogEntry
from mirrorsync.planning.changelogs import MOST_ENTRIES, curtailed
from mirrorsync.rpmfile.header import RawHeader
from mirrorsync.rpmfile.tags import Tag


def changelog(main: RawHeader) -> tuple[ChangelogEntry, ...]:
    """The newest entries first, as rpmbuild has them; none where they cannot be read: without them it is a package all the same."""
    try:
        times, authors, texts = main.integers(Tag.CHANGELOGTIME), main.byte_strings(Tag.CHANGELOGNAME), main.byte_strings(Tag.CHANGELOGTEXT)
    except HeaderError:
        return ()
    if not len(times) == len(authors) == len(texts):
        return ()
    newest = zip(times[:MOST_ENTRIES], authors[:MOST_ENTRIES], texts[:MOST_ENTRIES], strict=True)
    return curtailed(ChangelogEntry(time, _text(author), _text(text)) for time, author, text in newest)


def _text(stored: bytes) -> str:
    """In UTF-8 or, as until 2003, in Latin-1."""
    try:
        return stored.decode()
    except UnicodeDecodeError:
        return stored.decode("latin-1")
