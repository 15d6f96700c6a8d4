"""Bare directories of packages read as catalogues: the same from every server, and nothing asked for twice."""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.rpms import PackageSpec, build_rpms
from mirrorsync.errors import UpstreamError
from mirrorsync.model.catalogue import Catalogue
from mirrorsync.rpmfile.header import parse_rpm, read_rpm
from mirrorsync.rpmfile.package import describe
from mirrorsync.upstream.listing import FIRST_READ, ListingUpstream, read_head
from mirrorsync.upstream.memory import MirrorMemory
from mirrorsync.upstream.mirror import Mirror, place
from mirrorsync.upstream.transport import Patience, open_transport
from tests import servers
from tests.servers import MirrorServer, Running, http_server
from tests.test_transport import file_mirror

Server = Callable[[Path, Path], AbstractContextManager[Running]]
RELEASE = "7.3/en/os"
BASH = f"/{RELEASE}/i386/bash-2.05a-13.1.i386.rpm"
ONCE = Patience(retries=0)
OLD = 1_021_000_000  # seconds since the epoch, in May 2002: old enough for every server to print a year
SPECS = (
    PackageSpec("bash", "2.05a", "13.1", "i386", files={"/bin/bash": "#!", "/usr/share/doc/bash/README": "read"}),
    PackageSpec("glibc", "2.2.5", "42", "i386", provides=("libc.so.6",)),
    PackageSpec("glibc", "2.2.5", "42", "i686", epoch=1, provides=("libc.so.6",)),
    PackageSpec("tzdata", "2002c", "1", "noarch", obsoletes=("timezone",), requires=("bash >= 2",)),
    PackageSpec("kernel", "2.4.18", "27.7.x", "athlon"),
    PackageSpec("openssl", "0.9.6b", "28", "x86_64"),
    # A header longer than what is read first.
    PackageSpec("kernel-source", "2.4.18", "27.7.x", "i386", files={f"/usr/src/linux-2.4/{number}.h": "" for number in range(1500)}),
)
PLACES = {"noarch": "noarch", "i386": "i386", "i686": "i686", "athlon": "athlon", "x86_64": "x86_64"}


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return build_rpms(SPECS, tmp_path_factory.mktemp("updates"))


@pytest.fixture
def root(built: list[Path]) -> Iterator[Path]:
    """An updates tree of that time, which daemons of other users can read."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for spec, path in zip(SPECS, built, strict=True):
            put(path, root / RELEASE / PLACES[spec.arch])
        for folder in ("SRPMS", "repodata", "headers"):
            put(built[0], root / RELEASE / folder)
        (root / RELEASE / "i386" / "kernel-2.4.18-27.7.x.src.rpm").write_bytes(b"not asked for")
        for below in [root, *root.rglob("*/")]:
            below.chmod(0o755)
        yield root


@pytest.fixture
def server(root: Path) -> Iterator[MirrorServer]:
    with http_server(root) as running:
        yield running


def put(rpm: Path, folder: Path, name: str | None = None, when: int = OLD) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / (name or rpm.name)
    shutil.copyfile(rpm, target)
    os.utime(target, (when, when))
    return target


def more(root: Path, server: MirrorServer, status: int, count: int) -> None:
    """So many more packages, listed before all others, that are each answered with a status."""
    for number in range(count):
        path = put(next((root / RELEASE / "i386").glob("bash*")), root / RELEASE / "apps", f"more-{number}-1.i386.rpm")
        server.behaviour.failures[f"/{path.relative_to(root)}"] = [status]


@contextmanager
def upstream(url: str, memory: Path, arches: tuple[str, ...] = ("i386",), patience: Patience | None = None) -> Iterator[ListingUpstream]:
    mirror = Mirror.at(place(url, RELEASE))
    with open_transport(mirror, patience) as transport, MirrorMemory(memory) as remembered:
        yield ListingUpstream(mirror, transport, remembered, arches)


def read(url: str, memory: Path, arches: tuple[str, ...] = ("i386",), patience: Patience | None = None) -> Catalogue:
    with upstream(url, memory, arches, patience) as source:
        return source.read()


def expected(root: Path) -> list[object]:
    """What reading the files on disk says of the packages that an i386 machine can install."""
    paths = sorted(path for arch in ("athlon", "i386", "i686", "noarch") for path in (root / RELEASE / arch).glob("*[!c].rpm"))
    return [describe(read_rpm(path), location=str(path.relative_to(root / RELEASE)), size=path.stat().st_size) for path in paths]


EVERY = (
    servers.mirror_server, servers.python_server, servers.nginx, servers.apache, servers.lighttpd, servers.caddy,
    servers.ftp_server, servers.list_only_ftp_server, servers.vsftpd, file_mirror,
)  # fmt: skip


@pytest.mark.parametrize("serve", EVERY, ids=lambda serve: serve.__name__)
class TestEveryServer:
    def test_the_catalogue_is_what_the_files_say(self, serve: Server, root: Path, work: Path) -> None:
        with serve(root, work) as running:
            catalogue = read(running.url, work / "memory.sqlite")
        assert list(catalogue.packages) == expected(root)
        assert catalogue.findings == ()

    def test_a_second_run_gives_the_same_and_asks_for_no_package(self, serve: Server, root: Path, work: Path) -> None:
        with serve(root, work) as running:
            first = read(running.url, work / "memory.sqlite")
            after_first = len(running.transfers())
            assert read(running.url, work / "memory.sqlite") == first
            second = running.transfers()[after_first:]
        # Python's server shows no dates, so it can only be asked whether its files are still the same.
        assert all(" 304 " in line for line in second) if serve is servers.python_server else not second

    def test_a_package_replaced_under_its_name_is_read_again(self, serve: Server, root: Path, built: list[Path], work: Path) -> None:
        with serve(root, work) as running:
            read(running.url, work / "memory.sqlite")
            put(built[3], root / RELEASE / "i386", built[0].name, OLD + 86_400)
            assert list(read(running.url, work / "memory.sqlite").packages) == expected(root)

    def test_the_revision_changes_when_a_package_comes(self, serve: Server, root: Path, built: list[Path], work: Path) -> None:
        with serve(root, work) as running, upstream(running.url, work / "memory.sqlite") as source:
            before = source.revision()
            assert source.revision() == before
            put(built[0], root / RELEASE / "i386", "more-1.0-1.i386.rpm")
            assert source.revision() != before


class TestReading:
    def test_no_more_of_a_package_is_fetched_than_its_headers(self, root: Path, server: MirrorServer, work: Path) -> None:
        catalogue = read(server.url, work / "memory.sqlite")
        ranges = [request.headers["Range"] for request in server.requests if request.path.endswith("kernel-source-2.4.18-27.7.x.i386.rpm")]
        headers = read_rpm(root / RELEASE / "i386" / "kernel-source-2.4.18-27.7.x.i386.rpm")
        assert headers.end > FIRST_READ
        assert ranges == [f"bytes=0-{FIRST_READ - 1}", f"bytes={FIRST_READ}-{headers.end - 1}"]
        assert "kernel-source" in [package.name for package in catalogue.packages]

    def test_a_file_that_changes_between_two_ranges_is_read_anew(self, root: Path, built: list[Path], server: MirrorServer) -> None:
        path = f"/{RELEASE}/i386/{built[6].name}"

        def replaced(answered: str) -> None:
            server.behaviour.after_answer = None
            assert answered == path
            put(built[0], root / RELEASE / "i386", built[6].name, OLD + 1)

        server.behaviour.after_answer = replaced
        with open_transport(Mirror.at(server.url)) as transport:
            head = read_head(transport, f"{server.url}{path}")
        assert head is not None
        assert parse_rpm(head.data).main.string(1000) == "bash"
        assert head.total == built[0].stat().st_size

    def test_a_cut_is_asked_for_again(self, root: Path, server: MirrorServer, work: Path) -> None:
        server.behaviour.cuts[f"/{RELEASE}/i386/bash-2.05a-13.1.i386.rpm"] = [100, 1000]
        server.behaviour.cuts[f"/{RELEASE}/i386/"] = [100]
        assert list(read(server.url, work / "memory.sqlite").packages) == expected(root)

    def test_what_is_no_package_is_a_finding_and_the_rest_is_read(self, root: Path, server: MirrorServer, work: Path) -> None:
        (root / RELEASE / "i386" / "garbage-1.0-1.i386.rpm").write_bytes(b"<html>It works!</html>" * 5000)
        (root / RELEASE / "i386" / "empty-1.0-1.i386.rpm").write_bytes(b"")
        whole = (root / RELEASE / "i386" / "kernel-source-2.4.18-27.7.x.i386.rpm").read_bytes()
        (root / RELEASE / "i386" / "short-1.0-1.i386.rpm").write_bytes(whole[: FIRST_READ + 10])
        server.behaviour.failures[f"/{RELEASE}/i386/glibc-2.2.5-42.i386.rpm"] = [404]
        catalogue = read(server.url, work / "memory.sqlite")
        names = ["empty-1.0-1.i386.rpm", "garbage-1.0-1.i386.rpm", "glibc-2.2.5-42.i386.rpm", "short-1.0-1.i386.rpm"]
        assert [finding.where.rpartition("/")[2] for finding in catalogue.findings] == names
        assert {finding.code for finding in catalogue.findings} == {"package-unreadable"}
        assert len(catalogue.packages) == 5

    @pytest.mark.parametrize("statuses", [[500], [401], [206]], ids=["busy", "unauthorized", "range-without-its-place"])
    def test_one_file_that_is_answered_badly_holds_up_no_other(self, server: MirrorServer, work: Path, statuses: list[int]) -> None:
        server.behaviour.failures[BASH] = statuses
        catalogue = read(server.url, work / "memory.sqlite", patience=ONCE)
        assert [(finding.code, finding.where) for finding in catalogue.findings] == [("package-unreadable", f"{server.url}{BASH}")]
        assert len(catalogue.packages) == 5

    @pytest.mark.parametrize("target", [BASH, "file:///etc/passwd", "http://127.0.0.1:9/bash.rpm", "http://[/"])
    def test_one_file_that_is_redirected_to_nowhere_holds_up_no_other(self, server: MirrorServer, work: Path, target: str) -> None:
        server.behaviour.redirects[BASH] = target
        catalogue = read(server.url, work / "memory.sqlite", patience=ONCE)
        assert [(finding.code, finding.where) for finding in catalogue.findings] == [("package-unreadable", f"{server.url}{BASH}")]
        assert len(catalogue.packages) == 5

    def test_a_mirror_that_goes_away_in_between_is_an_error(self, root: Path, server: MirrorServer, work: Path) -> None:
        for path in root.rglob("*.rpm"):
            server.behaviour.failures[f"/{path.relative_to(root)}"] = [503]
        with pytest.raises(UpstreamError, match=r"given up.* 6 packages in a row.* 503"):
            read(server.url, work / "memory.sqlite", patience=ONCE)

    def test_a_mirror_that_is_gone_is_not_asked_for_every_package(self, root: Path, server: MirrorServer, work: Path) -> None:
        more(root, server, 503, 40)
        with pytest.raises(UpstreamError, match=r"given up.* 8 packages in a row"):
            read(server.url, work / "memory.sqlite", patience=ONCE)
        assert len([request for request in server.requests if "/more-" in request.path]) < 15

    def test_packages_that_are_all_refused_are_findings_for_the_mirror_answers(self, root: Path, server: MirrorServer, work: Path) -> None:
        more(root, server, 403, 40)
        catalogue = read(server.url, work / "memory.sqlite", patience=ONCE)
        assert (len(catalogue.findings), len(catalogue.packages)) == (20, 6)
        assert catalogue.findings[-1].what.endswith("; and 20 more like this")

    def test_a_mirror_without_packages_says_so(self, root: Path, server: MirrorServer, work: Path) -> None:
        shutil.rmtree(root / RELEASE)
        (root / RELEASE).mkdir()
        [finding] = read(server.url, work / "memory.sqlite").findings
        assert finding.code == "mirror-empty"

    def test_a_mirror_that_is_not_there_is_an_error(self, root: Path, server: MirrorServer, work: Path) -> None:
        shutil.rmtree(root / RELEASE)
        with pytest.raises(UpstreamError, match=f"{RELEASE}/: 404 Not Found"):
            read(server.url, work / "memory.sqlite")


class TestCrawling:
    def test_what_is_for_other_machines_is_not_looked_at(self, root: Path, built: list[Path], server: MirrorServer, work: Path) -> None:
        put(built[0], root / RELEASE / "i386", "bash-2.05a-13.1.s390.rpm")
        read(server.url, work / "memory.sqlite")
        asked = [request.path.removeprefix(f"/{RELEASE}/") for request in server.requests]
        assert [path for path in asked if any(word in path for word in ("SRPMS", "repodata", "headers", "x86_64", ".src.", "s390"))] == []

    def test_the_header_decides_whom_a_package_is_for(self, root: Path, built: list[Path], server: MirrorServer, work: Path) -> None:
        put(built[5], root / RELEASE / "i386", "openssl.rpm")
        catalogue = read(server.url, work / "memory.sqlite")
        assert "openssl" not in {package.name for package in catalogue.packages}

    def test_a_skipped_folder_is_read_where_the_url_names_it(self, root: Path, built: list[Path], server: MirrorServer, work: Path) -> None:
        mirror = Mirror.at(f"{server.url}/{RELEASE}/headers")
        with open_transport(mirror) as transport, MirrorMemory(work / "memory.sqlite") as memory:
            catalogue = ListingUpstream(mirror, transport, memory, ("i386",)).read()
        assert [package.location for package in catalogue.packages] == [built[0].name]

    def test_a_link_to_a_folder_above_is_not_followed_round_and_round(self, root: Path, server: MirrorServer, work: Path) -> None:
        (root / RELEASE / "i386" / "all").symlink_to("..")
        os.utime(root / RELEASE / "i386", (OLD, OLD))
        assert list(read(server.url, work / "memory.sqlite").packages) == expected(root)
        assert max(request.path.count("all/") for request in server.requests) == 1

    def test_a_folder_that_is_refused_is_a_finding(self, root: Path, server: MirrorServer, work: Path) -> None:
        server.behaviour.failures[f"/{RELEASE}/athlon/"] = [403]
        catalogue = read(server.url, work / "memory.sqlite")
        assert [(finding.code, finding.where) for finding in catalogue.findings] == [("folder-refused", f"{server.url}/{RELEASE}/athlon/")]
        assert len(catalogue.packages) == 5

    @pytest.mark.parametrize("href", ["back%5Cslash.rpm", "esc%1b[2J.rpm", "line%0aend.rpm", f"{'x' * 300}.rpm"])
    def test_names_that_could_do_harm_are_findings_and_never_asked_for(self, server: MirrorServer, work: Path, href: str) -> None:
        server.behaviour.bodies[f"/{RELEASE}/"] = f'<a href="{href}">x</a>'.encode()
        catalogue = read(server.url, work / "memory.sqlite")
        assert [finding.code for finding in catalogue.findings] == ["name-refused", "mirror-empty"]
        assert [request.path for request in server.requests] == [f"/{RELEASE}/"]
        assert catalogue.findings[0].what.isprintable()

    def test_folders_without_end_are_an_error(self, server: MirrorServer, work: Path) -> None:
        folders = "".join(f'<a href="{number}/">x</a>' for number in range(501))
        server.behaviour.bodies[f"/{RELEASE}/"] = folders.encode()
        server.behaviour.bodies |= {f"/{RELEASE}/{number}/": b"" for number in range(501)}
        with pytest.raises(UpstreamError, match="more than 500 folders"):
            read(server.url, work / "memory.sqlite")


class TestPaths:
    def test_with_paths_adds_those_a_package_has(self, server: MirrorServer, work: Path) -> None:
        wanted = frozenset(("/usr/share/doc/bash/README", "/usr/src/linux-2.4/7.h", "/nowhere"))
        with upstream(server.url, work / "memory.sqlite") as source:
            catalogue = source.read()
            completed = source.with_paths(catalogue, wanted)
        files = {package.name: package.files for package in completed.packages}
        assert files["bash"] == ("/bin/bash", "/usr/share/doc/bash/README")
        assert files["kernel-source"] == ("/usr/src/linux-2.4/7.h",)
        for before, after in zip(catalogue.packages, completed.packages, strict=True):
            assert replace(after, files=before.files) == before

    def test_paths_are_read_again_where_the_memory_was_lost(self, server: MirrorServer, work: Path) -> None:
        catalogue = read(server.url, work / "memory.sqlite")
        with upstream(server.url, work / "other.sqlite") as source:
            completed = source.with_paths(catalogue, frozenset(("/usr/share/doc/bash/README",)))
        assert completed.packages[1].files == ("/bin/bash", "/usr/share/doc/bash/README")

    def test_a_package_is_in_one_place(self, server: MirrorServer, work: Path) -> None:
        with upstream(server.url, work / "memory.sqlite") as source:
            package = source.read().packages[1]
            assert source.places(package) == (f"{server.url}/{RELEASE}/i386/bash-2.05a-13.1.i386.rpm",)


class TestMemory:
    @pytest.mark.parametrize("damage", [b"", b"not a database" * 1000])
    def test_a_damaged_one_is_made_anew(self, root: Path, server: MirrorServer, work: Path, damage: bytes) -> None:
        read(server.url, work / "memory.sqlite")
        (work / "memory.sqlite").write_bytes(damage)
        assert list(read(server.url, work / "memory.sqlite").packages) == expected(root)
        count = len(server.requests)
        read(server.url, work / "memory.sqlite")
        assert not any(request.path.endswith(".rpm") for request in server.requests[count:])

    def test_rows_that_make_no_sense_are_read_again(self, root: Path, server: MirrorServer, work: Path) -> None:
        read(server.url, work / "memory.sqlite")
        database = sqlite3.connect(work / "memory.sqlite")
        with database:
            database.execute("UPDATE package SET document = '{}'")
        database.close()
        assert list(read(server.url, work / "memory.sqlite").packages) == expected(root)

    def test_a_folder_that_cannot_be_written_costs_requests_only(self, root: Path, server: MirrorServer, work: Path) -> None:
        (work / "file").write_bytes(b"")
        assert list(read(server.url, work / "file" / "memory.sqlite").packages) == expected(root)

    def test_packages_that_are_gone_are_forgotten(self, root: Path, server: MirrorServer, work: Path) -> None:
        read(server.url, work / "memory.sqlite")
        shutil.rmtree(root / RELEASE / "i386")
        read(server.url, work / "memory.sqlite")
        with MirrorMemory(work / "memory.sqlite") as memory:
            assert not [url for url in memory.below(server.url) if "/i386/" in url]

    def test_a_forgotten_package_is_asked_for_again(self, server: MirrorServer, work: Path) -> None:
        with upstream(server.url, work / "memory.sqlite") as source:
            bash = source.read().packages[1]
            source.forget(bash)
            source.read()
        assert len(server.asked(f"/{RELEASE}/{bash.location}")) == 2

    def test_a_thread_that_comes_too_late_does_not_take_it_for_damaged(self, server: MirrorServer, work: Path) -> None:
        read(server.url, work / "memory.sqlite")
        with MirrorMemory(work / "memory.sqlite") as closed:
            [remembered, *_] = closed.below(server.url).values()
        closed.remember(f"{server.url}/late.rpm", remembered, ())
        with MirrorMemory(work / "memory.sqlite") as memory:
            assert len(memory.below(server.url)) == 6

    def test_another_mirrors_packages_stay(self, root: Path, work: Path) -> None:
        with http_server(root) as one, http_server(root) as other:
            read(one.url, work / "memory.sqlite")
            read(other.url, work / "memory.sqlite")
            with MirrorMemory(work / "memory.sqlite") as memory:
                assert len(memory.below(one.url)) == len(memory.below(other.url)) == 6
