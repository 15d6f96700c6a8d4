"""Directory listings as entries: every recorded page against the tree that was served, and pages nobody would want to meet."""

import json
import time
from contextlib import suppress
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
    return {node["name"].rpartition("/")[2]: node for node in tree if node["name"].rpartition("/")[0] == folder}


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


def rounding(size: int) -> float:
    """Half of the last digit that a size printed with a unit shows: 1.6M, 166K."""
    unit = 1
    while size >= unit * 1024:
        unit *= 1024
    return unit * (0.1 if size < 10 * unit else 1.0) / 2


@pytest.fixture(params=recordings(), ids=lambda path: path.name)
def recording(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


class TestRecordedPages:
    pytestmark = needs_corpus

    def test_names_and_kinds_are_those_of_the_tree(self, recording: Path) -> None:
        server, _, rest = recording.name.partition("__")
        tree = served(rest.split(".")[0])
        expected = shown(tree, SERVERS[server], links_as_links=server.startswith("ftp-"))
        assert {entry.name: entry.kind for entry in parsed(recording)} == expected

    def test_sizes_are_exact_or_within_rounding_or_absent_as_the_server_prints_them(self, recording: Path) -> None:
        server, _, rest = recording.name.partition("__")
        tree = served(rest.split(".")[0])
        files = [(entry, node) for entry in parsed(recording) if entry.kind is Kind.FILE and (node := resolved(entry.name, tree))]
        assert files
        for entry, node in files:
            size = int(str(node["size"]))
            if SERVERS[server].sizes == "none":
                assert entry.size is None
            elif SERVERS[server].sizes == "exact" or entry.exact:
                assert (entry.size, entry.exact) == (size, True)
            else:
                assert entry.size is not None
                assert abs(entry.size - size) <= rounding(entry.size) * 1.1

    def test_dates_are_right_to_the_precision_the_server_prints(self, recording: Path) -> None:
        server, _, rest = recording.name.partition("__")
        tree = served(rest.split(".")[0])
        precision = SERVERS[server].dates
        for entry in parsed(recording):
            node = resolved(entry.name, tree)
            if precision is None:
                assert entry.modified is None
            elif node is not None and entry.kind is not Kind.LINK:
                real = datetime.fromtimestamp(int(str(node["mtime"])), UTC).replace(tzinfo=None)
                assert entry.modified is not None
                assert timedelta(0) <= real - entry.modified < precision


def names(page: str, url: str = HERE) -> list[str]:
    return [entry.name for entry in parse_page(page.encode(), url)]


class TestLinksThatLeadOutOfTheFolder:
    @pytest.mark.parametrize(
        "href",
        [
            "../", "..", "/", "/updates/", "/updates/7.3", "/etc/passwd", "?C=N;O=D", "x.rpm?C=M", "#top", "", ".", "./",
            "http://elsewhere.example/updates/7.3/x.rpm", "//elsewhere.example/updates/7.3/x.rpm", "https://mirror.example/updates/7.3/x.rpm",
            "ftp://mirror.example/updates/7.3/x.rpm", "file:///etc/passwd", "javascript:alert(1)", "mailto:root@mirror.example", "data:,x",
            "%2e%2e/", "%2E%2E", "a/b.rpm", "../7.2/x.rpm", "http://[broken/x.rpm",
            "http://mirror.example:8080/updates/7.3/x.rpm", "http://mirror.example@elsewhere.example/updates/7.3/x.rpm",
        ],
    )  # fmt: skip
    def test_are_no_entries(self, href: str) -> None:
        assert names(f'<a href="{href}">x.rpm</a>') == []

    @pytest.mark.parametrize(("href", "name"), [("..%2fx.rpm", "../x.rpm"), ("a%2fb.rpm", "a/b.rpm"), ("x%00.rpm", "x\0.rpm")])
    def test_that_do_so_only_when_decoded_are_entries_which_whoever_uses_them_refuses_by_name(self, href: str, name: str) -> None:
        assert names(f'<a href="{href}">x.rpm</a>') == [name]

    @pytest.mark.parametrize(
        "href", ["x.rpm", "./x.rpm", "/updates/7.3/x.rpm", "http://mirror.example/updates/7.3/x.rpm", "//mirror.example/updates/7.3/x.rpm",
                 "../7.3/x.rpm", "%78.rpm", "&#120;.rpm", " x.rpm "],
    )  # fmt: skip
    def test_others_are_however_they_are_written(self, href: str) -> None:
        assert names(f'<a href="{href}">something else</a>') == ["x.rpm"]


class TestNames:
    def test_the_text_shown_is_never_taken(self) -> None:
        assert names('<a href="kernel-2.4.18-27.7.x.i686.rpm">kernel-2.4.18-27.7.x..&gt;</a>') == ["kernel-2.4.18-27.7.x.i686.rpm"]

    def test_a_folder_whose_url_is_encoded_otherwise_is_the_same_folder(self) -> None:
        assert names('<a href="/%7Ejo/a%20b/x.rpm">x</a>', "http://mirror.example/~jo/a%20b/") == ["x.rpm"]

    def test_bytes_that_are_not_utf_8_are_kept(self) -> None:
        page = b'<a href="caf%e9.rpm">1</a><a href="th\xe9.rpm">2</a>'
        assert [entry.name.encode(errors="surrogateescape") for entry in parse_page(page, HERE)] == [b"caf\xe9.rpm", b"th\xe9.rpm"]

    def test_icons_that_are_links_do_not_make_two_entries_of_one(self) -> None:
        page = '<a href="x.rpm"><img src="/icons/rpm.gif"></a> <a href="x.rpm">x.rpm</a> 2002-05-09 11:07  91K'
        assert parse_page(page.encode(), HERE) == (Entry("x.rpm", Kind.FILE, 91 * 1024, exact=False, modified=datetime(2002, 5, 9, 11, 7)),)


class TestBounds:
    def test_a_page_of_more_entries_than_any_mirror_has_is_refused(self) -> None:
        page = "".join(f'<a href="{number}.rpm">x</a>' for number in range(200_001))
        with pytest.raises(UpstreamError, match="more than 200000"):
            parse_page(page.encode(), HERE)

    @pytest.mark.parametrize("junk", ["<a ", "<!--", "<", "</", "<a href='x", "&", "<a href=", "<![CDATA[", "<script>", "<td><tr>", "<?"])
    def test_markup_without_end_takes_no_time(self, junk: str) -> None:
        began = time.process_time()
        with suppress(UpstreamError):  # one tag of so many bytes is refused
            parse_page(junk.encode() * 200_000, HERE)
        assert time.process_time() - began < 10

    def test_a_tag_that_is_longer_than_any_is_refused(self) -> None:
        with pytest.raises(UpstreamError, match="one tag has more than 128 KiB; is it a mirror's folder"):
            parse_page(b"<a " + b"x=y " * 200_000, HERE)

    def test_dates_that_no_calendar_has_are_left_out(self) -> None:
        [entry] = parse_page(b'<a href="x.rpm">x</a> 2002-13-41 99:99 91K', HERE)
        assert (entry.modified, entry.size) == (None, 91 * 1024)

    def test_a_page_that_is_no_listing_has_no_entries(self) -> None:
        assert names("<html><body><h1>It works!</h1><a href='https://httpd.apache.org/'>Apache</a></body></html>") == []


class TestList:
    def test_a_date_without_a_year_is_the_last_one_that_fits(self) -> None:
        lines = ["-rw-r--r--   1 root     root         1234 Dec 31 23:59 old.rpm", "-rw-r--r-- 1 0 0 5 Jan  2 03:04 new.rpm"]
        new, old = parse_list(lines, date(2003, 1, 2))
        assert (old.modified, new.modified) == (datetime(2002, 12, 31, 23, 59), datetime(2003, 1, 2, 3, 4))

    def test_wu_ftpd_without_a_group_column_is_understood(self) -> None:
        [entry] = parse_list(["total 8", "-rw-r--r--   1 root         1234 Apr  9  2002 bash-2.05a-13.i386.rpm"], date(2003, 1, 1))
        assert entry == Entry("bash-2.05a-13.i386.rpm", Kind.FILE, 1234, exact=True, modified=datetime(2002, 4, 9))

    def test_a_link_is_a_link_and_its_own_size_is_nobodys(self) -> None:
        [entry] = parse_list(["lrwxrwxrwx   1 0   0   37 Nov 22 14:23 latest.rpm -> kernel-2.rpm"], RECORDED)
        assert (entry.name, entry.kind, entry.size) == ("latest.rpm", Kind.LINK, None)

    def test_blanks_belong_to_the_name(self) -> None:
        [entry] = parse_list(["-rw-r--r--    1 0        0              17 Feb 29  2004  a  b.rpm"], RECORDED)
        assert entry.name == " a  b.rpm"

    @pytest.mark.parametrize("name", ["..", "."])
    def test_the_folder_itself_and_the_one_above_are_left_out(self, name: str) -> None:
        assert parse_list([f"-rw-r--r--    1 0        0              17 Feb 29  2004 {name}"], RECORDED) == ()
        assert parse_mlsd([f"type=file;size=17; {name}"]) == ()


class TestMlsd:
    def test_facts_are_read_whatever_their_case_and_order(self) -> None:
        lines = ["Modify=20020509110755.123;SIZE=91;Type=File; x.rpm", "type=dir;modify=20020509110755; i386", "type=cdir; ."]
        assert parse_mlsd([*lines, "type=pdir; .."]) == (
            Entry("i386", Kind.DIRECTORY, modified=datetime(2002, 5, 9, 11, 7, 55)),
            Entry("x.rpm", Kind.FILE, 91, exact=True, modified=datetime(2002, 5, 9, 11, 7, 55)),
        )

    def test_links_are_links_however_the_server_calls_them(self) -> None:
        lines = ["type=OS.unix=slink:/pub/x; a", "type=OS.unix=symlink; b"]
        assert [entry.kind for entry in parse_mlsd(lines)] == [Kind.LINK, Kind.LINK]
