"""Packages fetched from real HTTP servers that cut, lie, change their minds and serve something else."""

import errno
import hashlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial as applied
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from fixtures.keys import signing_key
from mirrorsync.errors import PublishError, VerificationError
from mirrorsync.model.choices import Signatures
from mirrorsync.model.package import Digest, Package
from mirrorsync.tree.pool import Pool
from mirrorsync.trust.keys import Keyring
from mirrorsync.trust.signatures import verify
from mirrorsync.upstream.arrival import identify
from mirrorsync.upstream.download import Place
from mirrorsync.upstream.fetch import Failed, Fetched, Verify, Wanted, arrival_key, fetch
from mirrorsync.upstream.mirror import Mirror
from mirrorsync.upstream.transport import Transport, open_transport
from mirrorsync.upstream.workers import in_parallel
from tests.conftest import Builder
from tests.trees import described

NO_PAUSES = (0.0, 0.0)


@dataclass
class Served:
    """How one file is served. cuts: after how many bytes each of the next answers ends; says: what Content-Length announces."""

    content: bytes
    etag: str | None = '"1"'
    cuts: list[int] = field(default_factory=list)
    says: int | None = None
    ranges: bool = True
    stalls: bool = False
    trickles: bool = False


@dataclass
class Site:
    """A server on loopback: what it serves by path, and what it was asked: (path, Range, If-Range)."""

    url: str
    transport: Transport
    files: dict[str, Served] = field(default_factory=dict)
    asked: list[tuple[str, str | None, str | None]] = field(default_factory=list)

    def place(self, name: str) -> Place:
        return Place(self.transport, f"{self.url}/{name}")


class _Handler(BaseHTTPRequestHandler):
    server: "_Server"

    def do_GET(self) -> None:
        site, name = self.server.site, self.path.lstrip("/")
        site.asked.append((name, self.headers["Range"], self.headers["If-Range"]))
        served = site.files.get(name)
        if served is None:
            self.send_error(404)
            return
        start = self._start(served)
        body = served.content[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(served.content) - 1}/{len(served.content)}")
        if served.etag:
            self.send_header("ETag", served.etag)
        self.send_header("Content-Length", str(len(body) if served.says is None else served.says))
        self.end_headers()
        if served.trickles:
            self._trickle(body)
        self.wfile.write(body[: served.cuts.pop(0)] if served.cuts else body)
        if served.stalls:
            self.wfile.flush()
            self.server.leave.wait(30)
        self.close_connection = True

    def _trickle(self, body: bytes) -> None:
        """A kilobyte every hundredth of a second."""
        for place in range(0, len(body), 1024):
            self.wfile.write(body[place : place + 1024])
            self.server.leave.wait(0.01)

    def _start(self, served: Served) -> int:
        wanted = self.headers["Range"]
        if not wanted or not served.ranges or self.headers["If-Range"] not in (None, served.etag):
            return 0
        return int(wanted.removeprefix("bytes=").partition("-")[0])

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class names it so
        pass


class _Server(ThreadingHTTPServer):
    site: Site
    leave: threading.Event

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is what some of these tests are about."""


@contextmanager
def serving() -> Iterator[Site]:
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.leave = threading.Event()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        with open_transport(Mirror.at(url)) as transport:
            server.site = Site(url, transport)
            thread = threading.Thread(target=server.serve_forever, args=(0.02,))
            thread.start()
            yield server.site
        server.leave.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as started:
        yield started


@pytest.fixture
def mirror() -> Iterator[Site]:
    """Another place of the same packages."""
    with serving() as started:
        yield started


@pytest.fixture
def pool(tmp_path: Path) -> Pool:
    return Pool(tmp_path / "pool")


class Counter:
    """A Progress that adds up."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.bytes = 0
        self.ended: list[str] = []

    def started(self, package: Package, already: int) -> None:
        self.begun.append(already)

    def received(self, package: Package, size: int) -> None:
        self.bytes += size

    def finished(self, package: Package) -> None:
        self.ended.append(package.filename)


def digests_only(path: Path, package: Package) -> str | None:
    return verify(path, package, None, Signatures.DIGEST_ONLY)


def legacy_digests_too(path: Path, package: Package) -> str | None:
    return verify(path, package, None, Signatures.DIGEST_ONLY, legacy=True)


def from_repodata(rpm: Path) -> Package:
    """What yum metadata tells: the file's digest, nothing of its header."""
    digest = Digest("sha256", hashlib.sha256(rpm.read_bytes()).hexdigest())
    return replace(described(rpm), header=None, digest=digest)


def run(*wanted: Wanted, pool: Pool, progress: Counter | None = None, connections: int = 2) -> list[Fetched | Failed]:
    return list(fetch(wanted, pool=pool, connections=connections, progress=progress or Counter(), pauses=NO_PAUSES))


@pytest.fixture(scope="module")
def bash(rpm: Builder) -> Path:
    """A package of some 300 kB."""
    noise = "".join(hashlib.sha512(str(number).encode()).hexdigest() for number in range(4000))
    return rpm("bash", "2.05a", "13.1", arch="i386", files={"/bin/bash": noise})


@pytest.fixture(scope="module")
def popt(rpm: Builder) -> Path:
    return rpm("popt", "1.6.4", "7x", arch="i386")


Planned = Callable[[Path], Package]
both_kinds = pytest.mark.parametrize("planned", [described, from_repodata], ids=["listing", "repodata"])


@both_kinds
def test_a_package_comes_into_the_pool_under_its_sha256(site: Site, pool: Pool, bash: Path, planned: Planned) -> None:
    site.files["bash.rpm"] = Served(bash.read_bytes())
    [outcome] = run(Wanted(planned(bash), (site.place("bash.rpm"),), digests_only), pool=pool)
    assert isinstance(outcome, Fetched)
    assert outcome.path.read_bytes() == bash.read_bytes()
    assert outcome.path == pool.path_of(hashlib.sha256(bash.read_bytes()).hexdigest())
    assert list((pool.folder / "incoming").glob("*")) == list((pool.folder / "incoming").glob("*.kept"))


@both_kinds
def test_a_second_run_asks_for_nothing(site: Site, pool: Pool, bash: Path, planned: Planned) -> None:
    site.files["bash.rpm"] = Served(bash.read_bytes())
    wanted = Wanted(planned(bash), (site.place("bash.rpm"),), digests_only)
    [first] = run(wanted, pool=pool)
    site.asked.clear()
    [second] = run(wanted, pool=pool)
    assert isinstance(first, Fetched)
    assert second == replace(first, from_pool=True)
    assert site.asked == []


@both_kinds
@pytest.mark.parametrize("rotten", [20, -50], ids=["where rpm does not look", "where it does"])
def test_a_file_that_rotted_in_the_pool_is_fetched_anew(site: Site, pool: Pool, bash: Path, planned: Planned, rotten: int) -> None:
    site.files["bash.rpm"] = Served(bash.read_bytes())
    wanted = Wanted(planned(bash), (site.place("bash.rpm"),), digests_only)
    [first] = run(wanted, pool=pool)
    assert isinstance(first, Fetched)
    content = bytearray(bash.read_bytes())
    content[rotten] ^= 1
    first.path.write_bytes(content)
    [second] = run(wanted, pool=pool)
    assert second == first
    assert first.path.read_bytes() == bash.read_bytes()


def test_a_file_that_is_wanted_twice_at_once_is_fetched_once(site: Site, pool: Pool, bash: Path) -> None:
    site.files["bash.rpm"] = Served(bash.read_bytes())
    wanted = Wanted(described(bash), (site.place("bash.rpm"),), digests_only)
    first, second = run(wanted, wanted, pool=pool)
    assert isinstance(first, Fetched)
    assert isinstance(second, Fetched)
    assert sorted((first.from_pool, second.from_pool)) == [False, True]
    assert len(site.asked) == 1


def test_outcomes_are_in_the_order_of_the_packages(site: Site, pool: Pool, rpm: Builder) -> None:
    rpms = [rpm(name, "1") for name in ("e", "a", "d", "b", "c")]
    site.files = {path.name: Served(path.read_bytes()) for path in rpms}
    wanted = [Wanted(described(path), (site.place(path.name),), digests_only) for path in rpms]
    assert [outcome.package.name for outcome in run(*wanted, pool=pool, connections=3)] == ["e", "a", "d", "b", "c"]


@both_kinds
@pytest.mark.parametrize("cut", [1, 1000, 65536, 65537, 200_000, -1])
def test_a_transfer_that_was_cut_goes_on_where_it_ended(site: Site, pool: Pool, bash: Path, planned: Planned, cut: int) -> None:
    content = bash.read_bytes()
    here = cut % len(content)
    site.files["bash.rpm"] = Served(content, cuts=[here])
    counter = Counter()
    [outcome] = run(Wanted(planned(bash), (site.place("bash.rpm"),), digests_only), pool=pool, progress=counter)
    assert isinstance(outcome, Fetched)
    assert site.asked == [("bash.rpm", None, None), ("bash.rpm", f"bytes={here}-", '"1"')]
    assert counter.bytes == len(content)
    assert counter.begun == [0, here]


def test_the_next_run_goes_on_where_this_one_had_to_stop(site: Site, pool: Pool, bash: Path) -> None:
    content = bash.read_bytes()
    site.files["bash.rpm"] = Served(content, cuts=[50_000, 60_000, 70_000])
    wanted = Wanted(described(bash), (site.place("bash.rpm"),), digests_only)
    [first] = run(wanted, pool=pool)
    assert isinstance(first, Failed)
    site.asked.clear()
    [second] = run(wanted, pool=pool)
    assert isinstance(second, Fetched)
    assert site.asked == [("bash.rpm", "bytes=180000-", '"1"')]


def test_a_file_that_changed_meanwhile_begins_anew_and_is_never_spliced(site: Site, pool: Pool, bash: Path) -> None:
    content = bash.read_bytes()
    older = bytes(reversed(content))
    site.files["bash.rpm"] = Served(older, etag='"0"', cuts=[100_000] * 3)
    wanted = Wanted(described(bash), (site.place("bash.rpm"),), digests_only)
    run(wanted, pool=pool)
    site.files["bash.rpm"] = Served(content, etag='"1"')
    site.asked.clear()
    [outcome] = run(wanted, pool=pool)
    assert isinstance(outcome, Fetched)
    assert len(site.asked) == 1
    assert outcome.path.read_bytes() == content


def test_a_server_that_ignores_ranges_is_read_from_the_beginning(site: Site, pool: Pool, bash: Path) -> None:
    site.files["bash.rpm"] = Served(bash.read_bytes(), cuts=[100_000], ranges=False)
    counter = Counter()
    [outcome] = run(Wanted(described(bash), (site.place("bash.rpm"),), digests_only), pool=pool, progress=counter)
    assert isinstance(outcome, Fetched)
    assert counter.begun == [0, 0]


def test_without_a_validator_nothing_is_resumed(site: Site, pool: Pool, bash: Path) -> None:
    site.files["bash.rpm"] = Served(bash.read_bytes(), etag=None, cuts=[100_000])
    [outcome] = run(Wanted(described(bash), (site.place("bash.rpm"),), digests_only), pool=pool)
    assert isinstance(outcome, Fetched)
    assert site.asked == [("bash.rpm", None, None)] * 2


def test_what_one_place_began_is_not_gone_on_with_from_another(site: Site, mirror: Site, pool: Pool, bash: Path) -> None:
    content = bash.read_bytes()
    site.files["bash.rpm"] = Served(content, cuts=[1000, 1000, 1000])
    mirror.files["bash.rpm"] = Served(content)
    places = (site.place("bash.rpm"), mirror.place("bash.rpm"))
    [outcome] = run(Wanted(described(bash), places, digests_only), pool=pool)
    assert isinstance(outcome, Fetched)
    assert mirror.asked == [("bash.rpm", None, None)]


@both_kinds
def test_what_one_place_has_wrong_another_may_have_right(
    site: Site, mirror: Site, pool: Pool, bash: Path, popt: Path, planned: Planned
) -> None:
    content = bytearray(bash.read_bytes())
    content[-50] ^= 1
    site.files["bash.rpm"] = Served(bytes(content))
    mirror.files["bash.rpm"] = Served(bash.read_bytes())
    places = (site.place("bash.rpm"), mirror.place("bash.rpm"))
    [outcome] = run(Wanted(planned(bash), places, digests_only), pool=pool)
    assert isinstance(outcome, Fetched)
    assert (len(site.asked), len(mirror.asked)) == (1, 1)


def test_a_wrong_digest_is_named_with_the_one_expected(site: Site, pool: Pool, bash: Path) -> None:
    package = replace(from_repodata(bash), digest=Digest("sha256", "ab" * 32))
    site.files["bash.rpm"] = Served(bash.read_bytes())
    [outcome] = run(Wanted(package, (site.place("bash.rpm"),), digests_only), pool=pool)
    assert isinstance(outcome, Failed)
    real = hashlib.sha256(bash.read_bytes()).hexdigest()
    assert outcome.reason == (
        f"bash-2.05a-13.1.i386.rpm: sha256 {real} where '{'ab' * 32}' was planned; not taken: another mirror may have it as it should be"
    )
    assert list((pool.folder / "incoming").iterdir()) == []


@pytest.mark.parametrize("algorithm", ["sha1", "md5", "sha512"])
def test_digests_of_other_kinds_count_too(site: Site, pool: Pool, bash: Path, algorithm: str) -> None:
    value = hashlib.new(algorithm, bash.read_bytes()).hexdigest()
    site.files["bash.rpm"] = Served(bash.read_bytes())
    good, bad = (replace(described(bash), digest=Digest(algorithm, text)) for text in (value, value[::-1]))
    outcomes = run(*(Wanted(package, (site.place("bash.rpm"),), legacy_digests_too) for package in (good, bad)), pool=pool)
    assert [type(outcome) for outcome in outcomes] == [Fetched, Failed]


@pytest.mark.parametrize("digest", [Digest("crc32", "0"), Digest("shake_128", "00"), Digest("sha256", "../../../etc/passwd")])
def test_a_digest_that_makes_no_sense_fails_the_package_and_not_the_run(site: Site, pool: Pool, bash: Path, digest: Digest) -> None:
    site.files["bash.rpm"] = Served(bash.read_bytes())
    [outcome] = run(Wanted(replace(described(bash), digest=digest), (site.place("bash.rpm"),), digests_only), pool=pool)
    assert isinstance(outcome, Failed)


def test_a_file_that_always_ends_early_fails_with_what_is_missing(site: Site, pool: Pool, bash: Path) -> None:
    content = bash.read_bytes()
    site.files["bash.rpm"] = Served(content[:1000], says=1000)
    [outcome] = run(Wanted(described(bash), (site.place("bash.rpm"),), digests_only), pool=pool)
    assert isinstance(outcome, Failed)
    assert f"is 1000 bytes where {len(content)} were announced" in outcome.reason
    assert len(site.asked) == 1


def test_a_place_is_asked_three_times_and_no_more(site: Site, pool: Pool, bash: Path) -> None:
    site.files["bash.rpm"] = Served(bash.read_bytes(), cuts=[10] * 9)
    [outcome] = run(Wanted(described(bash), (site.place("bash.rpm"),), digests_only), pool=pool)
    assert isinstance(outcome, Failed)
    assert len(site.asked) == 3


def test_more_bytes_than_announced_are_neither_waited_for_nor_written(site: Site, pool: Pool, bash: Path) -> None:
    endless = bash.read_bytes() + b"x" * (64 << 20)
    site.files["bash.rpm"] = Served(endless, says=-1)
    counter = Counter()
    [outcome] = run(Wanted(described(bash), (site.place("bash.rpm"),), digests_only), pool=pool, progress=counter)
    assert isinstance(outcome, Failed)
    assert f"sends more than the {len(bash.read_bytes())} bytes announced" in outcome.reason
    assert counter.bytes <= len(bash.read_bytes())
    assert list((pool.folder / "incoming").iterdir()) == []


@both_kinds
def test_another_package_under_the_right_name_is_refused(site: Site, pool: Pool, bash: Path, popt: Path, planned: Planned) -> None:
    disguised = replace(planned(bash), size=popt.stat().st_size, digest=from_repodata(popt).digest)
    site.files["bash.rpm"] = Served(popt.read_bytes())
    [outcome] = run(Wanted(disguised, (site.place("bash.rpm"),), digests_only), pool=pool)
    assert isinstance(outcome, Failed)
    remedy = "not taken: another mirror may have it as it should be"
    assert outcome.reason.endswith(f"it is popt-1.6.4-7x.i386 inside where bash-2.05a-13.1.i386 was planned; {remedy}")


def test_a_rebuilt_package_of_the_same_nevra_is_refused(site: Site, pool: Pool, rpm: Builder) -> None:
    planned, rebuilt = rpm("foo", "1", requires=["a"]), rpm("foo", "1", requires=["b"])
    site.files["foo.rpm"] = Served(rebuilt.read_bytes())
    package = replace(described(planned), size=rebuilt.stat().st_size)
    [outcome] = run(Wanted(package, (site.place("foo.rpm"),), digests_only), pool=pool)
    assert isinstance(outcome, Failed)
    assert "its header is another than the one that was planned with" in outcome.reason


def test_a_page_instead_of_a_package_is_refused(site: Site, pool: Pool, bash: Path) -> None:
    page = b"<html>Please log in</html>"
    site.files["bash.rpm"] = Served(page)
    [outcome] = run(Wanted(replace(described(bash), size=len(page)), (site.place("bash.rpm"),), digests_only), pool=pool)
    assert isinstance(outcome, Failed)
    assert "not a whole package" in outcome.reason


def test_a_package_that_is_nowhere_fails_at_once_and_the_others_arrive(
    site: Site, mirror: Site, pool: Pool, bash: Path, popt: Path
) -> None:
    site.files["popt.rpm"] = Served(popt.read_bytes())
    lost = Wanted(described(bash), (site.place("bash.rpm"), mirror.place("bash.rpm")), digests_only)
    found = Wanted(described(popt), (site.place("popt.rpm"),), digests_only)
    first, second = run(lost, found, pool=pool)
    assert isinstance(first, Failed)
    assert first.reason.startswith(f"bash-2.05a-13.1.i386.rpm: {mirror.url}/bash.rpm: 404 ")
    assert isinstance(second, Fetched)
    assert (len(site.asked), len(mirror.asked)) == (2, 1)


def test_a_package_without_a_place_fails(pool: Pool, bash: Path) -> None:
    [outcome] = run(Wanted(described(bash), (), digests_only), pool=pool)
    assert isinstance(outcome, Failed)
    assert "no mirror has it" in outcome.reason


@dataclass(frozen=True, slots=True)
class Signing:
    """A package signed by a pinned key and what demands that signature."""

    signed: Path
    unsigned: Path
    fingerprint: str
    demand: Verify


@pytest.fixture(scope="module")
def signing(bash: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signing]:
    folder = tmp_path_factory.mktemp("signing")
    with signing_key() as key:
        signed = Path(shutil.copy(bash, folder))
        key.sign([signed])
        keyring = Keyring.make(folder / "keyrings", [key.public], [key.fingerprint])
        yield Signing(signed, bash, key.fingerprint, lambda path, package: verify(path, package, keyring, Signatures.REQUIRE))


@both_kinds
def test_the_signer_is_known_afterwards(site: Site, pool: Pool, signing: Signing, planned: Planned) -> None:
    site.files["bash.rpm"] = Served(signing.signed.read_bytes())
    [outcome] = run(Wanted(planned(signing.signed), (site.place("bash.rpm"),), signing.demand), pool=pool)
    assert isinstance(outcome, Fetched)
    assert outcome.signer == signing.fingerprint


@both_kinds
def test_an_unsigned_package_is_refused_where_a_signature_is_required(site: Site, pool: Pool, signing: Signing, planned: Planned) -> None:
    site.files["bash.rpm"] = Served(signing.unsigned.read_bytes())
    [outcome] = run(Wanted(planned(signing.unsigned), (site.place("bash.rpm"),), signing.demand), pool=pool)
    assert isinstance(outcome, Failed)
    assert outcome.reason.startswith("bash-2.05a-13.1.i386.rpm: not signed; refused")
    assert not list(pool.folder.glob("??/*"))


def test_a_tampered_payload_behind_the_planned_header_is_refused(site: Site, pool: Pool, signing: Signing) -> None:
    content = bytearray(signing.signed.read_bytes())
    content[-50] ^= 1
    site.files["bash.rpm"] = Served(bytes(content))
    [outcome] = run(Wanted(described(signing.signed), (site.place("bash.rpm"),), signing.demand), pool=pool)
    assert isinstance(outcome, Failed)
    assert "digest: BAD" in outcome.reason


def test_another_place_is_not_asked_for_the_same_bytes_that_were_refused(site: Site, mirror: Site, pool: Pool, signing: Signing) -> None:
    for server in (site, mirror):
        server.files["bash.rpm"] = Served(signing.unsigned.read_bytes())
    places = (site.place("bash.rpm"), mirror.place("bash.rpm"))
    [outcome] = run(Wanted(from_repodata(signing.unsigned), places, signing.demand), pool=pool)
    assert isinstance(outcome, Failed)
    assert mirror.asked == []


def test_what_is_in_the_pool_is_refused_when_its_key_is_no_longer_pinned(site: Site, pool: Pool, signing: Signing) -> None:
    site.files["bash.rpm"] = Served(signing.unsigned.read_bytes())
    wanted = Wanted(from_repodata(signing.unsigned), (site.place("bash.rpm"),), digests_only)
    [first] = run(wanted, pool=pool)
    [second] = run(replace(wanted, verify=signing.demand), pool=pool)
    assert (type(first), type(second)) == (Fetched, Failed)


def test_a_leftover_that_is_not_the_files_beginning_is_dropped_and_the_file_fetched_whole(site: Site, pool: Pool, bash: Path) -> None:
    site.files["bash.rpm"] = Served(bash.read_bytes(), cuts=[1000, 1000, 1000])
    wanted = Wanted(described(bash), (site.place("bash.rpm"),), digests_only)
    run(wanted, pool=pool)
    [partial] = [path for path in (pool.folder / "incoming").iterdir() if not path.suffix]
    partial.write_bytes(bytes(len(partial.read_bytes())))
    [outcome] = run(wanted, pool=pool)
    assert isinstance(outcome, Fetched)


def test_a_whole_file_that_was_not_yet_kept_is_verified_and_not_asked_for(site: Site, pool: Pool, bash: Path) -> None:
    wanted = Wanted(described(bash), (site.place("bash.rpm"),), digests_only)
    site.files["bash.rpm"] = Served(bash.read_bytes(), cuts=[10, 10, 10])
    run(wanted, pool=pool)
    [partial] = [path for path in (pool.folder / "incoming").iterdir() if not path.suffix]
    shutil.copy(bash, partial)
    site.asked.clear()
    [outcome] = run(wanted, pool=pool)
    assert isinstance(outcome, Fetched)
    assert site.asked == []


def test_every_package_is_reported_as_finished_once(site: Site, pool: Pool, bash: Path, popt: Path) -> None:
    site.files["popt.rpm"] = Served(popt.read_bytes())
    counter = Counter()
    wanted = [Wanted(described(path), (site.place(name),), digests_only) for path, name in ((bash, "none.rpm"), (popt, "popt.rpm"))]
    run(*wanted, wanted[1], pool=pool, progress=counter, connections=1)
    assert sorted(counter.ended) == [bash.name, popt.name, popt.name]


def test_a_full_disk_ends_the_run_with_one_line_and_keeps_what_has_arrived(site: Site, tmp_path: Path, bash: Path, popt: Path) -> None:
    pool = Pool(tmp_path / "pool")
    site.files = {"bash.rpm": Served(bash.read_bytes()), "popt.rpm": Served(popt.read_bytes())}
    wanted = [Wanted(described(path), (site.place(name),), digests_only) for path, name in ((bash, "bash.rpm"), (popt, "popt.rpm"))]
    with largest_file(100_000), pytest.raises(PublishError, match=f"{os.strerror(errno.EFBIG)}; make room or mend the disk and run again"):
        run(*wanted, pool=pool, connections=1)
    assert [len(path.read_bytes()) for path in (pool.folder / "incoming").iterdir() if not path.suffix] == [100_000]
    site.asked.clear()
    outcomes = run(*wanted, pool=pool)
    assert [type(outcome) for outcome in outcomes] == [Fetched, Fetched]
    assert ("bash.rpm", "bytes=100000-", '"1"') in site.asked


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let the kernel refuse every write past `size` bytes of a file, as it does where a disk is full."""
    former, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (former, hard))
        signal.signal(signal.SIGXFSZ, ignored)


def test_an_error_in_one_transfer_ends_the_others(site: Site, pool: Pool, bash: Path, popt: Path) -> None:
    site.files = {"bash.rpm": Served(bash.read_bytes(), trickles=True), "popt.rpm": Served(popt.read_bytes())}

    def interrupted(path: Path, package: Package) -> str | None:
        time.sleep(0.3)
        raise KeyboardInterrupt

    slow = Wanted(described(bash), (site.place("bash.rpm"),), digests_only)
    with pytest.raises(KeyboardInterrupt):
        run(slow, Wanted(described(popt), (site.place("popt.rpm"),), interrupted), pool=pool)
    time.sleep(0.2)
    before = pool.incoming(arrival_key(slow.package)).stat().st_size
    time.sleep(0.3)
    assert 0 < before == pool.incoming(arrival_key(slow.package)).stat().st_size < bash.stat().st_size


def test_a_file_of_another_size_is_not_the_planned_one(bash: Path) -> None:
    with pytest.raises(VerificationError, match="bytes where 7 were planned"):
        identify(bash, replace(described(bash), size=7))


def test_a_person_who_interrupts_it_need_not_wait_for_a_mirror_that_stands_still(site: Site, pool: Pool, bash: Path) -> None:
    content = bash.read_bytes()
    site.files["bash.rpm"] = Served(content, cuts=[100_000], stalls=True)
    program = (
        "import sys; from pathlib import Path; from tests.test_fetch import *\n"
        "url, folder, rpm = sys.argv[1:]\n"
        "with open_transport(Mirror.at(url)) as transport:\n"
        "    wanted = Wanted(described(Path(rpm)), (Place(transport, url + '/bash.rpm'),), digests_only)\n"
        "    run(wanted, pool=Pool(Path(folder)))\n"
    )
    arguments = [sys.executable, "-c", program, site.url, str(pool.folder), str(bash)]
    child = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 20
    while not any(path.stat().st_size >= 65_536 for path in pool.folder.glob("incoming/*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    began = time.monotonic()
    child.send_signal(signal.SIGINT)
    _, errors = child.communicate(timeout=20)
    assert time.monotonic() - began < 5
    assert "KeyboardInterrupt" in errors
    site.files["bash.rpm"] = Served(content)
    [outcome] = run(Wanted(described(bash), (site.place("bash.rpm"),), digests_only), pool=pool)
    assert isinstance(outcome, Fetched)
    assert site.asked[-1][1] not in (None, "bytes=0-")


def test_no_piece_of_work_is_begun_after_one_has_failed() -> None:
    begun: list[int] = []

    def slow(number: int) -> None:
        begun.append(number)
        time.sleep(0.2)

    def broken() -> None:
        raise PublishError("the disk is full")

    with pytest.raises(PublishError):
        in_parallel([applied(slow, 0), applied(broken), *(applied(slow, number) for number in range(1, 5))], 2)
    time.sleep(0.5)
    assert begun == [0]


def test_a_verifier_that_refuses_is_a_failure_that_names_the_package(site: Site, pool: Pool, popt: Path) -> None:
    site.files["popt.rpm"] = Served(popt.read_bytes())

    def refuse(path: Path, package: Package) -> str | None:
        raise VerificationError("refused on principle")

    [outcome] = run(Wanted(described(popt), (site.place("popt.rpm"),), refuse), pool=pool)
    assert outcome == Failed(outcome.package, "popt-1.6.4-7x.i386.rpm: refused on principle")
