"""Mirrorlists and metalinks read, and a repository read from the mirrors that are left when others fail."""

import hashlib
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from mirrorsync.errors import UpstreamError
from mirrorsync.model.package import Digest
from mirrorsync.upstream.alternatives import Doors, parse_alternatives
from mirrorsync.upstream.body import Patience
from mirrorsync.upstream.mirror import Mirror
from mirrorsync.upstream.repodata import Places, RepodataUpstream
from tests.corpus import CORPUS, needs_corpus
from tests.repositories import Item, Repository, primary_xml
from tests.servers import MirrorServer, http_server

VARIABLES = {"releasever": "9", "basearch": "x86_64"}


def places(text: str, source: str = "https://list.example/9") -> tuple[str, ...]:
    return parse_alternatives(text.encode(), source=source, variables=VARIABLES).places


def metalink(*urls: tuple[str, int], content: bytes = b"", older: bytes | None = None) -> bytes:
    def verification(data: bytes) -> str:
        return (
            f"<size>{len(data)}</size><verification><hash type='md5'>0</hash>"
            f"<hash type='sha256'>{hashlib.sha256(data).hexdigest()}</hash></verification>"
        )

    alternates = f"<mm0:alternates><mm0:alternate>{verification(older)}</mm0:alternate></mm0:alternates>" if older is not None else ""
    listed = "".join(f"<url protocol='http' preference='{preference}'>{url}/repodata/repomd.xml</url>" for url, preference in urls)
    return (
        "<metalink xmlns='http://www.metalinker.org/' xmlns:mm0='http://fedorahosted.org/mirrormanager'><files><file name='repomd.xml'>"
        f"<mm0:timestamp>1381706941</mm0:timestamp>{verification(content)}{alternates}<resources>{listed}</resources></file></files></metalink>"
    ).encode()


# What the lists say


def test_a_mirrorlist_is_a_url_a_line_with_comments_and_variables() -> None:
    assert places("# comment\n\n  http://a.example/$releasever/${basearch}/\nftp://b.example/x\r\n#http://c.example\n") == (
        "http://a.example/9/x86_64",
        "ftp://b.example/x",
    )


def test_a_mirrorlist_may_name_repomd_itself_and_what_is_not_spoken_is_left_out() -> None:
    assert places("rsync://a.example/x/repodata/repomd.xml\nhttp://a.example/x/repodata/repomd.xml\nhttp://a.example/x\n") == (
        "http://a.example/x",
    )


def test_a_remote_list_cannot_send_to_local_files() -> None:
    assert places("file:///etc\nhttp://a.example/x") == ("http://a.example/x",)
    assert places("file:///srv/mirror", source="file:///srv/list") == ("file:///srv/mirror",)


def test_of_a_list_without_end_the_first_places_are_taken() -> None:
    assert places("".join(f"http://{number}.example/x\n" for number in range(100_000))) == tuple(
        f"http://{number}.example/x" for number in range(200)
    )


def test_what_a_mirrorlist_says_instead_of_mirrors_is_passed_on() -> None:
    with pytest.raises(UpstreamError, match=r"names no mirror: it says 'Invalid release/repo/arch combination'"):
        places("Invalid release/repo/arch combination\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names no mirror"),
        ("<html><body/></html>", "neither a mirrorlist nor a metalink but <html>"),
        ("<metalink><files><file name='x.iso'/></files></metalink>", "does not speak of repomd.xml"),
        ("<metalink><files><file name='repomd.xml'><resources/></file></files></metalink>", "names no mirror of repomd.xml"),
        ("<!DOCTYPE a><metalink/>", "declares a document type"),
        ("<metalink", "not well-formed"),
    ],
)
def test_what_names_no_mirror_is_refused(text: str, said: str) -> None:
    with pytest.raises(UpstreamError, match=said):
        places(text)


def test_a_metalink_is_sorted_by_preference_and_tells_the_strongest_checksum_of_each_repomd() -> None:
    content = metalink(("http://far.example", 5), ("http://near.example", 100), ("ftp://near.example", 100), content=b"new", older=b"older")
    read = parse_alternatives(content, source="https://list.example", variables={})
    assert read.places == ("http://near.example", "ftp://near.example", "http://far.example")
    digests = [Digest("sha256", hashlib.sha256(data).hexdigest()) for data in (b"new", b"older")]
    assert [expected.digest for expected in read.expected] == digests
    assert (read.expected[0].timestamp, read.expected[0].size) == (1381706941, 3)
    assert [read.accepts(data) for data in (b"new", b"older", b"other")] == [True, True, False]


def test_a_metalink_with_a_weak_checksum_alone_is_refused() -> None:
    text = metalink(("http://a.example", 1)).replace(b"sha256", b"md4")
    with pytest.raises(UpstreamError, match="no usable checksum"):
        parse_alternatives(text, source="https://list.example", variables={})


class TestWithTheCorpus:
    pytestmark = needs_corpus

    def read(self, name: str, **variables: str) -> tuple[str, ...]:
        path = CORPUS / "repodata" / name
        return parse_alternatives(path.read_bytes(), source="http://127.0.0.1/list", variables=variables).places

    @pytest.mark.parametrize("form", ["metalink.xml", "mirrors.txt"])
    def test_both_forms_of_one_list_name_the_same_mirrors(self, form: str) -> None:
        hosts = ("ftp-stud.hs-esslingen.de/pub", "mirror.eurid.eu")
        wanted = tuple(f"{scheme}://{host}/fedora/linux/updates/13/x86_64" for host in hosts for scheme in ("http", "ftp"))
        assert self.read(f"mirrorlist-metalink/libzypp/data/Mirrorlist/remote-site/{form}") == wanted

    def test_variables_in_a_list_are_replaced(self) -> None:
        folder = "mirrorlist-metalink/librepo/python/tests/servermock/yum_mock/static/mirrorlist"
        assert self.read(f"{folder}/varsub", version="01") == ("http://127.0.0.1:5000/yum/static/01",)
        assert self.read("librepo-testdata/yum_mock/static/metalink/varsub.xml", version="01") == ("http://127.0.0.1:5000/yum/static/01",)

    @pytest.mark.parametrize(
        "name",
        [
            "mirrorlist-metalink/librepo/test_data/mirrorlists/mirrorlist_02",
            "mirrorlist-metalink/librepo/test_data/mirrorlists/mirrorlist_03",
            "mirrorlist-metalink/librepo/python/tests/servermock/yum_mock/static/mirrorlist/nourls",
            "librepo-testdata/yum_mock/static/metalink/nourls.xml",
            "librepo-testdata/yum_mock/static/metalink/badfilename.xml",
        ],
    )
    def test_a_bad_list_is_refused_in_one_line(self, name: str) -> None:
        with pytest.raises(UpstreamError, match=r"\Ahttp://127.0.0.1/list: [^\n]+\Z"):
            self.read(name)

    @pytest.mark.parametrize(("name", "good"), [("good_01.xml", True), ("metalink_with_alternates.xml", True), ("badchecksum.xml", False)])
    def test_a_metalink_accepts_the_repomd_it_describes(self, name: str, good: bool) -> None:  # noqa: FBT001  # a table's column
        static = CORPUS / "repodata/librepo-testdata/yum_mock/static"
        content = (static / "metalink" / name).read_bytes().replace(b"{PORT_PLACEHOLDER}", b"80")
        listed = parse_alternatives(content, source="http://127.0.0.1/list", variables={})
        assert listed.accepts((static / "01/repodata/repomd.xml").read_bytes()) is good

    def test_a_metalink_without_checksums_is_a_list_of_mirrors(self) -> None:
        path = CORPUS / "repodata/librepo-testdata/yum_mock/static/metalink/mirrors_01.xml"
        listed = parse_alternatives(path.read_bytes().replace(b"{PORT_PLACEHOLDER}", b"80"), source="http://127.0.0.1/list", variables={})
        assert (len(listed.places), listed.expected, listed.accepts(b"any")) == (3, (), True)


# What is done with them


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "mirror", {"primary": primary_xml(Item("bash"))})
    made.write()
    return made


@pytest.fixture
def dead() -> str:
    """A URL where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}/dead"


class Reading:
    """Opens upstreams on one list, in one cache."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._stack = stack
        self.lists = self.serve(folder / "lists")
        self._list = folder / "lists/list"
        self._cache = folder / "cache"

    def serve(self, folder: Path) -> MirrorServer:
        folder.mkdir(exist_ok=True)
        return self._stack.enter_context(http_server(folder))

    def upstream(self, content: bytes | None, *urls: str) -> RepodataUpstream:
        mirror = Mirror.at(f"{self.lists.url}/list")
        if content is None:
            self._list.unlink()
        else:
            self._list.write_bytes(content)
        doors = self._stack.enter_context(Doors(mirror, Patience(connect=1, read=2)))
        return RepodataUpstream(mirror, doors, self._cache, ("x86_64",), Places(urls, mirror.url))


@pytest.fixture
def reading(tmp_path: Path) -> Iterator[Reading]:
    with ExitStack() as stack:
        yield Reading(stack, tmp_path)


def test_a_mirror_that_is_down_is_passed_over_and_comes_last_from_then_on(repository: Repository, dead: str, reading: Reading) -> None:
    web = reading.serve(repository.root)
    upstream = reading.upstream(f"{dead}\n{web.url}\n".encode())
    [package] = upstream.read().packages
    assert upstream.places(package) == (f"{web.url}/{package.location}", f"{dead}/{package.location}")


def test_a_mirror_with_other_files_than_its_repomd_names_is_passed_over(repository: Repository, tmp_path: Path, reading: Reading) -> None:
    half = Repository(tmp_path / "half", dict(repository.files))
    half.write()
    half.metadata_file("primary").write_bytes(b"an error page, with status 200")
    first, second = reading.serve(half.root), reading.serve(repository.root)
    upstream = reading.upstream(f"{first.url}\n{second.url}\n".encode())
    assert [package.name for package in upstream.read().packages] == ["bash"]
    name = f"GET /repodata/{repository.metadata_file('primary').name}"
    assert (first.lines(), second.lines()) == (["GET /repodata/repomd.xml", name], [name])


def test_a_mirror_that_the_metalink_does_not_vouch_for_is_passed_over(repository: Repository, tmp_path: Path, reading: Reading) -> None:
    stale = Repository(tmp_path / "stale", {"primary": primary_xml(Item("old"))})
    stale.write()
    first, second = reading.serve(stale.root), reading.serve(repository.root)
    content = (repository.root / "repodata/repomd.xml").read_bytes()
    upstream = reading.upstream(metalink((first.url, 100), (second.url, 90), content=content))
    assert [package.name for package in upstream.read().packages] == ["bash"]


def test_credentials_go_to_their_own_mirror_only(repository: Repository, tmp_path: Path, reading: Reading) -> None:
    own, other = reading.serve(repository.root), reading.serve(repository.root)
    mirror = Mirror.at(own.url.replace("http://", "http://user:secret@"))
    repository.metadata_file("primary").rename(tmp_path / "moved")
    with Doors(mirror, Patience(connect=1, read=2)) as doors, pytest.raises(UpstreamError) as raised:
        RepodataUpstream(mirror, doors, tmp_path / "cache", ("x86_64",), Places((mirror.url, other.url))).read()
    said = [{request.headers.get("Authorization") for request in server.requests} for server in (own, other)]
    assert said == [{"Basic dXNlcjpzZWNyZXQ="}, {None}]
    assert "secret" not in str(raised.value)


def test_when_no_mirror_is_left_each_says_why(dead: str, reading: Reading) -> None:
    empty = reading.lists
    upstream = reading.upstream(f"{dead}\n{empty.url}/none\n".encode())
    with pytest.raises(UpstreamError, match=r"none of 2 mirrors gives it: .*/dead.*; .*404") as raised:
        upstream.revision()
    assert "\n" not in str(raised.value)


def test_the_mirror_that_answered_last_time_is_asked_first(repository: Repository, reading: Reading) -> None:
    preferred, last = reading.serve(repository.root), reading.serve(repository.root)
    first = reading.upstream(last.url.encode()).revision()
    last.requests.clear()
    assert reading.upstream(f"{preferred.url}\n{last.url}\n".encode()).revision() == first
    assert (preferred.requests, ["If-None-Match" in request.headers for request in last.requests]) == ([], [True])


def test_a_list_that_cannot_be_had_is_taken_from_the_last_run(repository: Repository, reading: Reading) -> None:
    web = reading.serve(repository.root)
    first = reading.upstream(web.url.encode()).revision()
    assert reading.upstream(None).revision() == first


def test_places_that_are_configured_come_before_those_of_a_list(repository: Repository, reading: Reading) -> None:
    own, listed = reading.serve(repository.root), reading.serve(repository.root)
    upstream = reading.upstream(listed.url.encode(), f"{own.url}/")
    [package] = upstream.read().packages
    assert [url.partition("/Packages")[0] for url in upstream.places(package)] == [own.url, listed.url]
    assert listed.requests == []
