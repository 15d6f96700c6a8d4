"""Directory listings as entries: every recorded page against the tree that was served, and pages nobody would want to meet."""

import json
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from mirrorsync.errors import UpstreamError
from mirrorsync.upstream.pages import Entry, Kind, parse_list, parse_mlsd, parse_page
from tests.corpus import CORPUS, needs_corpus

LISTINGS = CORPUS / "listings"
HERE = "http://mirror.example/updates/7.3/"
RECORDED = date(2026, 11, 22)  # the day of the recordings, by the one date in them that is no file's own: a dangling link's


@dataclass(frozen=True, slots=True)
class Server:
    """What a recorded server's pages show, and leave out, by its own rules."""

    sizes: str  # "exact", "rounded" or "none"
    dates: timedelta | None  # the precision of its dates
    hides_dot_files: bool
    hides_dangling_links: bool
    hides: tuple[str, ...] = ()


SERVERS = {
    # nginx never lists names that begin with a dot; a dangling link is shown with the link's own size and time (lstat).
    "nginx-default": Server("exact", timedelta(minutes=1), hides_dot_files=True, hides_dangling_links=False),
    # Apache's default IndexIgnore (".??*" as Debian configures it) hides dot files, the plain recording was made without it.
    # A dangling link has no subrequest that succeeds, so mod_autoindex leaves it out.
    "apache24-fancy-default": Server("rounded", timedelta(minutes=1), hides_dot_files=True, hides_dangling_links=True),
    "apache24-plain": Server("none", None, hides_dot_files=False, hides_dangling_links=True),
    "python-http-server": Server("none", None, hides_dot_files=False, hides_dangling_links=False),
    # LIST prints the day for files older than half a year, so that is the precision of these.
    "ftp-vsftpd": Server("exact", timedelta(days=1), hides_dot_files=True, hides_dangling_links=False),
}


def recordings() -> list[Path]:
    return sorted(path for path in LISTINGS.glob("*__*")) if LISTINGS.is_dir() else []


def served(folder: str) -> dict[str, dict[str, object]]:
    """What lay in the folder, by name."""
    tree = json.loads((LISTINGS / "EXPECTED-tree.json").read_text())
    return {node["name"].partition("/")[2]: node for node in tree if node["name"].startswith(f"{folder}/")}


def resolved(name: str, tree: dict[str, dict[str, object]]) -> dict[str, object] | None:
    """The node itself, or what a link leads to; None where it leads nowhere."""
    node = tree.get(name)
    while node is not None and node["type"] == "link":
        node = tree.get(str(node["target"]))
    return node


def parsed(recording: Path) -> tuple[Entry, ...]:
    folder = recording.name.partition("__")[2].split(".")[0]
    if recording.name.startswith("ftp-"):
        return parse_list(recording.read_text().splitlines(), RECORDED)
    return parse_page(recording.read_bytes(), f"http://mirror.example/{folder}/")


def shown(tree: dict[str, dict[str, object]], server: Server, *, links_as_links: bool) -> dict[str, Kind]:
    """The names a server shows of a folder, and as what."""
    names = {}
    for name, node in tree.items():
        target = resolved(name, tree)
        if (server.hides_dot_files and name.startswith(".")) or (target is None and server.hides_dangling_links):
            continue
        is_link = links_as_links and node["type"] == "link"
        is_folder = target is not None and target["type"] == "dir"
        names[name] = Kind.LINK if is_link else Kind.DIRECTORY if is_folder else Kind.FILE
    return names


@pytest.mark.corpus
@pytest.mark.skipif(not LISTINGS.is_dir(), reason=f"the corpus is not at {CORPUS}")
@pytest.mark.parametrize("recording", recordings(), ids=lambda path: path.name)
class TestRecordedPages:
    def test_names_and_kinds_are_those_of_the_tree(self, recording: Path) -> None:
        server, _, rest = recording.name.partition("__")
        tree = served(rest.split(".")[0])
        expected = shown(tree, SERVERS[server], links_as_links=server.startswith("ftp-"))
        assert {entry.name: entry.kind for entry in parsed(recording)} == expected
