"""The doors to mirrors: ranges, validators, cuts, redirects, credentials and listings, against real servers on loopback."""

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer

import pytest
from urllib3 import HTTPResponse

from mirrorsync.errors import UpstreamError
from mirrorsync.upstream import body
from mirrorsync.upstream.http import BoundedRetry
from mirrorsync.upstream.local import LocalTransport
from mirrorsync.upstream.mirror import Mirror, place, without_credentials
from mirrorsync.upstream.pages import Kind
from mirrorsync.upstream.transport import Patience, RefusedError, TransferCutError, Transport, open_transport, read_all
from tests import servers
from tests.servers import MirrorServer, Running, http_server

CONTENT = bytes(range(256)) * 2000
HASTY = Patience(connect=2, read=0.5, retries=2)
Server = Callable[[Path, Path], AbstractContextManager[Running]]
HTTP: tuple[Server, ...] = (servers.mirror_server, servers.python_server, servers.nginx, servers.apache, servers.lighttpd, servers.caddy)
FTP: tuple[Server, ...] = (servers.ftp_server, servers.list_only_ftp_server, servers.vsftpd)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that daemons of other users can read, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        path.chmod(0o755)
        (path / "big.rpm").write_bytes(CONTENT)
        yield path


@pytest.fixture
def server(folder: Path) -> Iterator[MirrorServer]:
    with http_server(folder) as running:
        yield running


@pytest.fixture
def door(server: MirrorServer) -> Iterator[Transport]:
    with open_transport(Mirror.at(server.url), HASTY) as transport:
        yield transport


def read(transport: Transport, url: str, start: int = 0, end: int | None = None, validator: str | None = None) -> tuple[int, bytes]:
    with transport.open(url, start=start, end=end, validator=validator) as body:
        return body.start, b"".join(body.chunks)


def file_mirror(root: Path, _work: Path) -> AbstractContextManager[Running]:
    class Folder:
        def __enter__(self) -> Running:
            return Running(root.as_uri(), list)

        def __exit__(self, *_words: object) -> None:
            """Nothing runs."""

    return Folder()


@pytest.mark.parametrize("serve", [*HTTP, *FTP, file_mirror], ids=lambda serve: serve.__name__)
class TestEveryServer:
    def test_a_file_comes_whole_from_any_byte_on_and_up_to_any(self, serve: Server, folder: Path, work: Path) -> None:
        with serve(folder, work) as running, open_transport(Mirror.at(running.url)) as transport:
            url = place(running.url, "big.rpm")
            for start, end in [(0, None), (1000, None), (0, 24_576), (1000, 2000), (len(CONTENT) - 1, None), (0, 10 * len(CONTENT))]:
                served_from, data = read(transport, url, start, end)
                assert served_from in (0, start)
                assert data == CONTENT[served_from:end]

    def test_the_whole_size_is_told_with_every_part(self, serve: Server, folder: Path, work: Path) -> None:
        with (
            serve(folder, work) as running,
            open_transport(Mirror.at(running.url)) as transport,
            transport.open(place(running.url, "big.rpm"), end=100) as body,
        ):
            assert body.total == len(CONTENT)

    def test_a_validator_that_holds_brings_no_bytes(self, serve: Server, folder: Path, work: Path) -> None:
        with serve(folder, work) as running, open_transport(Mirror.at(running.url)) as transport:
            url = place(running.url, "big.rpm")
            with transport.open(url, end=10) as body:
                validator = body.validator
            assert validator
            with transport.open(url, validator=validator) as body:
                assert (body.unchanged, b"".join(body.chunks)) == (True, b"")

    def test_a_file_that_changed_is_served_from_its_beginning(self, serve: Server, folder: Path, work: Path) -> None:
        with serve(folder, work) as running, open_transport(Mirror.at(running.url)) as transport:
            url = place(running.url, "big.rpm")
            with transport.open(url, end=10) as body:
                validator = body.validator
            (folder / "big.rpm").write_bytes(CONTENT[::-1] + b"more")
            os.utime(folder / "big.rpm", (1_000_000_000, 1_000_000_000))
            assert read(transport, url, 1000, None, validator) == (0, CONTENT[::-1] + b"more")

    def test_a_file_that_is_not_there_is_refused_in_one_line(self, serve: Server, folder: Path, work: Path) -> None:
        with serve(folder, work) as running, open_transport(Mirror.at(running.url)) as transport:
            with pytest.raises(RefusedError, match=r"missing\.rpm: .+; .+") as caught:
                read(transport, place(running.url, "missing.rpm"))
            assert "\n" not in str(caught.value)
            assert read(transport, place(running.url, "big.rpm"), 0, 5) == (0, CONTENT[:5])

    def test_reading_no_further_leaves_the_next_transfer_right(self, serve: Server, folder: Path, work: Path) -> None:
        with serve(folder, work) as running, open_transport(Mirror.at(running.url)) as transport:
            url = place(running.url, "big.rpm")
            for start in (5, 50, 500):
                with transport.open(url) as body:
                    next(body.chunks)
                served_from, data = read(transport, url, start, start + 7)
                assert data == CONTENT[served_from : start + 7]

    def test_a_folder_of_odd_names_is_listed_as_it_is(self, serve: Server, folder: Path, work: Path) -> None:
        odd = ["a b", "a+b", "a%20b", "a&amp;b", "it's", 'say"so"', "a<b>c", "ünï", *(f"a{mark}x" for mark in "?#:;=~[]*@$!(),")]
        (folder / "in here").mkdir()
        for name in odd:
            (folder / "in here" / f"{name}.rpm").write_bytes(b"12345")
        (folder / "in here" / "sub.rpms").mkdir()
        with serve(folder, work) as running, open_transport(Mirror.at(running.url)) as transport:
            entries = transport.entries(place(running.url, "in here"))
            names = {entry.name: entry.kind for entry in entries}
            assert names == {"sub.rpms": Kind.DIRECTORY, **{f"{name}.rpm": Kind.FILE for name in odd}}
            for name in odd:
                assert read(transport, place(running.url, f"in here/{name}.rpm")) == (0, b"12345")

    def test_a_folder_that_is_not_there_is_refused(self, serve: Server, folder: Path, work: Path) -> None:
        with serve(folder, work) as running, open_transport(Mirror.at(running.url)) as transport, pytest.raises(RefusedError):
            transport.entries(place(running.url, "missing"))

    def test_several_threads_may_use_one_transport(self, serve: Server, folder: Path, work: Path) -> None:
        results: list[tuple[int, bytes]] = []
        with serve(folder, work) as running, open_transport(Mirror.at(running.url)) as transport:
            url = place(running.url, "big.rpm")
            threads = [threading.Thread(target=lambda: results.append(read(transport, url))) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert results == [(0, CONTENT)] * 4


class TestRanges:
    def test_a_mirror_that_ignores_ranges_serves_from_0(self, server: MirrorServer, door: Transport) -> None:
        server.behaviour.ignores_range = True
        assert read(door, f"{server.url}/big.rpm", 100) == (0, CONTENT)

    def test_another_range_than_the_one_asked_for_is_an_error(self, server: MirrorServer, door: Transport) -> None:
        server.behaviour.shifts_range = 3
        with pytest.raises(UpstreamError, match="asked for the bytes from 100 on"):
            read(door, f"{server.url}/big.rpm", 100)

    def test_a_mirror_that_ignores_if_range_is_still_found_out(self, folder: Path, server: MirrorServer, door: Transport) -> None:
        with door.open(f"{server.url}/big.rpm", end=10) as body:
            validator = body.validator
        server.behaviour.ignores_if_range = True
        (folder / "big.rpm").write_bytes(b"another file, as long as you like" * 100)
        assert read(door, f"{server.url}/big.rpm", 1000, None, validator) == (0, b"another file, as long as you like" * 100)

    def test_a_changed_file_takes_one_answer_with_if_range(self, folder: Path, server: MirrorServer, door: Transport) -> None:
        with door.open(f"{server.url}/big.rpm", end=10) as body:
            validator = body.validator
        (folder / "big.rpm").write_bytes(CONTENT[::-1])
        assert read(door, f"{server.url}/big.rpm", 1000, None, validator) == (0, CONTENT[::-1])
        assert len(server.asked("/big.rpm")) == 2

    def test_weak_etags_are_no_validators(self, server: MirrorServer, door: Transport) -> None:
        server.behaviour.weak_etags = True
        with door.open(f"{server.url}/big.rpm", end=10) as body:
            assert body.validator is not None
            assert body.validator.endswith("GMT")

    def test_a_mirror_without_validators_gives_none(self, server: MirrorServer, door: Transport) -> None:
        server.behaviour.validates = False
        with door.open(f"{server.url}/big.rpm", end=10) as body:
            assert body.validator is None

    def test_resuming_a_file_that_is_complete_brings_nothing_more(self, server: MirrorServer, door: Transport) -> None:
        with door.open(f"{server.url}/big.rpm", end=10) as body:
            validator = body.validator
        assert read(door, f"{server.url}/big.rpm", len(CONTENT), None, validator) == (len(CONTENT), b"")

    def test_resuming_past_the_end_of_a_file_that_shrank_begins_anew(self, folder: Path, server: MirrorServer, door: Transport) -> None:
        (folder / "big.rpm").write_bytes(b"short")
        assert read(door, f"{server.url}/big.rpm", len(CONTENT)) == (0, b"short")

    def test_an_empty_file_is_empty_however_it_is_asked_for(self, folder: Path, server: MirrorServer, door: Transport) -> None:
        (folder / "big.rpm").write_bytes(b"")
        assert read(door, f"{server.url}/big.rpm") == read(door, f"{server.url}/big.rpm", 0, 100) == (0, b"")


class TestCuts:
    def test_an_answer_that_ends_early_is_a_cut_and_what_came_is_good(self, server: MirrorServer, door: Transport) -> None:
        server.behaviour.cuts["/big.rpm"] = [300_000]
        blocks = []
        with door.open(f"{server.url}/big.rpm") as body, pytest.raises(TransferCutError, match=r"big\.rpm: "):
            for block in body.chunks:
                blocks.append(block)
        received = b"".join(blocks)
        assert 0 < len(received) <= 300_000
        start, rest = read(door, f"{server.url}/big.rpm", len(received), None, body.validator)
        assert (start, received + rest) == (len(received), CONTENT)

    def test_an_ftp_transfer_that_ends_early_is_a_cut(self, folder: Path, work: Path) -> None:
        (folder / "big.rpm").write_bytes(CONTENT + bytes(64 << 20))  # more than the sockets between take before anybody reads
        with servers.ftp_server(folder, work) as running, open_transport(Mirror.at(running.url)) as transport:
            with transport.open(f"{running.url}/big.rpm") as body, pytest.raises(TransferCutError):
                next(body.chunks)
                (folder / "big.rpm").write_bytes(CONTENT[:1000])
                os.truncate(folder / "big.rpm", 1000)
                for _ in body.chunks:
                    pass
            assert read(transport, f"{running.url}/big.rpm") == (0, CONTENT[:1000])

    def test_read_all_asks_again_after_a_cut(self, server: MirrorServer, door: Transport) -> None:
        server.behaviour.cuts["/big.rpm"] = [10, 20]
        assert read_all(door, f"{server.url}/big.rpm", len(CONTENT)) == CONTENT

    def test_read_all_gives_up_after_three_cuts(self, server: MirrorServer, door: Transport) -> None:
        server.behaviour.cuts["/big.rpm"] = [10, 20, 30, 40]
        with pytest.raises(TransferCutError):
            read_all(door, f"{server.url}/big.rpm", len(CONTENT))
        assert len(server.asked("/big.rpm")) == 3

    def test_read_all_takes_no_more_than_the_limit(self, server: MirrorServer, door: Transport) -> None:
        server.behaviour.shows_length = False
        with pytest.raises(UpstreamError, match="more than 1000 bytes"):
            read_all(door, f"{server.url}/big.rpm", 1000)

    def test_a_sender_that_trickles_is_given_up(self, server: MirrorServer, door: Transport) -> None:
        server.behaviour.trickle = 0.02
        with pytest.raises(TransferCutError, match="fewer than 1024 bytes a second"):
            read(door, f"{server.url}/big.rpm")

    def test_a_sender_that_stands_still_is_given_up(self, server: MirrorServer, door: Transport) -> None:
        server.behaviour.trickle = 3
        with pytest.raises(TransferCutError, match="no answer in time"):
            read(door, f"{server.url}/big.rpm")


class TestRetries:
    def test_a_busy_mirror_is_asked_again(self, server: MirrorServer, door: Transport) -> None:
        server.behaviour.failures["/big.rpm"] = [503, 500]
        assert read(door, f"{server.url}/big.rpm") == (0, CONTENT)
        assert len(server.asked("/big.rpm")) == 3

    def test_retry_after_is_respected(self, server: MirrorServer, door: Transport) -> None:
        server.behaviour.failures["/big.rpm"] = [429]
        server.behaviour.retry_after = "1"
        began = time.monotonic()
        assert read(door, f"{server.url}/big.rpm") == (0, CONTENT)
        assert time.monotonic() - began >= 1

    def test_retry_after_is_respected_for_a_minute_at_most(self) -> None:
        assert BoundedRetry().get_retry_after(HTTPResponse(headers={"Retry-After": "86400"})) == 60

    @pytest.mark.parametrize("asked", ["soon", "-5", "9" * 5000, "Fri, 31 Dec 99999999 23:59:59 GMT", "", "\xff"])
    def test_a_retry_after_that_is_no_time_is_as_if_it_were_not_there(self, server: MirrorServer, door: Transport, asked: str) -> None:
        server.behaviour.failures["/big.rpm"] = [503]
        server.behaviour.retry_after = asked
        assert read(door, f"{server.url}/big.rpm") == (0, CONTENT)

    def test_a_mirror_that_stays_busy_is_an_error(self, server: MirrorServer, door: Transport) -> None:
        server.behaviour.failures["/big.rpm"] = [503] * 20
        server.behaviour.retry_after = "0"
        with pytest.raises(UpstreamError, match="503 Service Unavailable, again and again"):
            read(door, f"{server.url}/big.rpm")
        assert len(server.asked("/big.rpm")) == 3

    def test_a_refusal_is_not_asked_for_again(self, server: MirrorServer, door: Transport) -> None:
        server.behaviour.failures["/big.rpm"] = [403, 403]
        with pytest.raises(RefusedError, match="403 Forbidden"):
            read(door, f"{server.url}/big.rpm")
        assert len(server.asked("/big.rpm")) == 1

    @pytest.mark.parametrize("scheme", ["http", "ftp"])
    def test_a_mirror_that_is_down_is_named_with_the_reason(self, scheme: str) -> None:
        with (
            open_transport(Mirror.at(f"{scheme}://127.0.0.1:1/updates"), HASTY) as transport,
            pytest.raises(UpstreamError, match=rf"^{scheme}://127.0.0.1:1/updates.*: Connection refused; is the mirror, .* down\?$"),
        ):
            read(transport, f"{scheme}://127.0.0.1:1/updates/x.rpm")


class TestRedirects:
    def test_are_followed_to_another_host_without_the_credentials(self, folder: Path, server: MirrorServer) -> None:
        with http_server(folder) as other:
            server.behaviour.credentials = ("jo", "secret")
            server.behaviour.redirects["/pub/big.rpm"] = f"{other.url}/big.rpm"
            server.behaviour.redirects["/old/big.rpm"] = "/big.rpm"
            mirror = Mirror.at(server.url.replace("http://", "http://jo:secret@"))
            with open_transport(mirror) as transport:
                assert read(transport, f"{server.url}/old/big.rpm") == (0, CONTENT)
                server.behaviour.credentials = None
                assert read(transport, f"{server.url}/pub/big.rpm", 10) == (10, CONTENT[10:])
        assert "Authorization" in server.asked("/pub/big.rpm")[0].headers
        assert [request.headers["Range"] for request in other.requests] == ["bytes=10-"]
        assert not any("Authorization" in request.headers for request in other.requests)

    @pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://x/", "http://[/", "data:,x", "https:///x"])
    def test_to_what_is_not_http_are_refused(self, server: MirrorServer, door: Transport, target: str) -> None:
        server.behaviour.redirects["/big.rpm"] = target
        with pytest.raises(UpstreamError, match="redirected to"):
            read(door, f"{server.url}/big.rpm")

    def test_without_end_are_refused(self, server: MirrorServer, door: Transport) -> None:
        server.behaviour.redirects["/big.rpm"] = "/big.rpm"
        with pytest.raises(UpstreamError, match="more than 8 redirects"):
            read(door, f"{server.url}/big.rpm")

    def test_of_a_folder_decide_what_its_links_mean(self, folder: Path, server: MirrorServer, door: Transport) -> None:
        (folder / "real").mkdir()
        (folder / "real" / "x.rpm").write_bytes(b"x")
        server.behaviour.redirects["/updates/"] = "/real/"
        assert [entry.name for entry in door.entries(f"{server.url}/updates")] == ["x.rpm"]


class TestCredentials:
    def test_are_sent_and_never_shown(self, server: MirrorServer) -> None:
        server.behaviour.credentials = ("jo", "grüße")
        mirror = replace(Mirror.at(server.url), username="jo", password="grüße")
        with open_transport(mirror) as transport:
            assert read(transport, f"{server.url}/big.rpm") == (0, CONTENT)
            with pytest.raises(RefusedError) as caught:
                read(transport, f"{server.url}/missing.rpm")
        assert "grüße" not in f"{caught.value} {mirror!r}"

    def test_that_are_wrong_are_an_error_that_says_so(self, server: MirrorServer) -> None:
        server.behaviour.credentials = ("jo", "secret")
        with (
            open_transport(Mirror.at(server.url.replace("//", "//jo:wrong@"))) as transport,
            pytest.raises(UpstreamError, match="401 Unauthorized; check the mirror's username and password") as caught,
        ):
            read(transport, f"{server.url}/big.rpm")
        assert "wrong" not in str(caught.value)

    def test_work_with_ftp_too(self, folder: Path, work: Path) -> None:
        with servers.ftp_server(folder, work, credentials=("jo", "secret")) as running:
            with open_transport(Mirror.at(running.url.replace("//", "//jo:secret@"))) as transport:
                assert read(transport, f"{running.url}/big.rpm") == (0, CONTENT)
            with open_transport(Mirror.at(running.url)) as transport, pytest.raises(UpstreamError, match="the login was refused"):
                read(transport, f"{running.url}/big.rpm")

    def test_are_taken_out_of_a_mirrors_url(self) -> None:
        mirror = Mirror.at("https://jo:p%40ss@mirror.example/updates/")
        assert (mirror.url, mirror.name, mirror.username, mirror.password) == (
            "https://mirror.example/updates", "https://mirror.example/updates", "jo", "p@ss",
        )  # fmt: skip
        assert without_credentials("http://jo:secret@[broken") == "[broken"


class TestTls:
    @pytest.fixture
    def certificate(self, tmp_path: Path) -> tuple[Path, Path]:
        certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=mirror"]
        command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
        subprocess.run(command, check=True, capture_output=True)
        return certificate, key

    def test_a_certificate_nobody_vouches_for_is_refused(self, folder: Path, certificate: tuple[Path, Path]) -> None:
        with (
            http_server(folder, certificate) as server,
            open_transport(Mirror.at(server.url)) as transport,
            pytest.raises(UpstreamError, match=r"its certificate is not trusted: .*self.signed.*; set `ca`"),
        ):
            read(transport, f"{server.url}/big.rpm")

    def test_the_configured_authority_is_trusted(self, folder: Path, certificate: tuple[Path, Path]) -> None:
        with (
            http_server(folder, certificate) as server,
            open_transport(replace(Mirror.at(server.url), ca=str(certificate[0]))) as transport,
        ):
            assert read(transport, f"{server.url}/big.rpm") == (0, CONTENT)

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            ({"ca": "garbage"}, "`ca` names a file without a certificate in PEM"),
            ({"ca": "certificate", "client_cert": "garbage"}, "the client's certificate or key cannot be used"),
            ({"ca": "certificate", "client_cert": "certificate", "client_key": "other"}, "the client's key does not belong to its"),
        ],
    )
    def test_files_of_certificates_that_cannot_be_used_are_named(
        self, folder: Path, certificate: tuple[Path, Path], tmp_path: Path, words: dict[str, str], said: str
    ) -> None:
        (tmp_path / "garbage").write_text("no PEM\n")
        subprocess.run(["openssl", "genrsa", "-out", str(tmp_path / "other"), "2048"], check=True, capture_output=True)
        places = {"garbage": tmp_path / "garbage", "certificate": certificate[0], "other": tmp_path / "other"}
        with http_server(folder, certificate) as server:
            mirror = replace(Mirror.at(server.url), **{key: str(places[name]) for key, name in words.items()})  # type: ignore[arg-type]  # Mirror's words
            with open_transport(mirror, HASTY) as transport, pytest.raises(UpstreamError, match=said):
                read(transport, f"{server.url}/big.rpm")

    def test_a_port_where_no_tls_is_spoken_is_told(self, server: MirrorServer) -> None:
        secure = server.url.replace("http:", "https:")
        with open_transport(Mirror.at(secure), HASTY) as transport, pytest.raises(UpstreamError, match="speaks no TLS; correct the port"):
            read(transport, f"{secure}/big.rpm")

    @pytest.mark.parametrize("host", ["a" * 70, "a..b", "xn--\u00e9"])
    def test_a_name_that_no_host_can_have_is_told(self, host: str) -> None:
        with (
            open_transport(Mirror.at(f"http://{host}"), HASTY) as transport,
            pytest.raises(UpstreamError, match="no name that a host can have"),
        ):
            read(transport, f"http://{host}/big.rpm")

    def test_a_redirect_from_https_to_http_is_refused(self, folder: Path, server: MirrorServer, certificate: tuple[Path, Path]) -> None:
        with http_server(folder, certificate) as secure:
            secure.behaviour.redirects["/big.rpm"] = f"{server.url}/big.rpm"
            with (
                open_transport(replace(Mirror.at(secure.url), ca=str(certificate[0]))) as transport,
                pytest.raises(UpstreamError, match="redirected from https to http; refused"),
            ):
                read(transport, f"{secure.url}/big.rpm")
        assert server.requests == []


class TestRate:
    def test_is_kept_by_all_connections_together(self, server: MirrorServer) -> None:
        with open_transport(replace(Mirror.at(server.url), max_rate=len(CONTENT) * 2)) as transport:
            began = time.monotonic()
            threads = [threading.Thread(target=read, args=(transport, f"{server.url}/big.rpm")) for _ in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert time.monotonic() - began >= 1.2


class TestMirror:
    @pytest.mark.parametrize("address", ["gopher://x/", "mirror.example/updates", "http://", "http://host:port/", "http://[x/", ""])
    def test_what_is_no_mirrors_url_is_refused(self, address: str) -> None:
        with pytest.raises(UpstreamError, match=r"not .*URL"):
            Mirror.at(address)

    def test_a_folder_is_a_mirror(self, folder: Path) -> None:
        assert Mirror.at(f"{folder}/").url == folder.as_uri()

    def test_a_file_url_of_another_machine_is_refused(self) -> None:
        with LocalTransport(Mirror.at("file://server/folder")) as transport, pytest.raises(UpstreamError, match="three slashes"):
            transport.entries("file://server/folder")

    def test_a_pipe_in_a_folder_is_not_waited_for(self, folder: Path) -> None:
        os.mkfifo(folder / "pipe.rpm")
        with open_transport(Mirror.at(str(folder))) as transport:
            assert [entry.name for entry in transport.entries(folder.as_uri())] == ["big.rpm"]
            with pytest.raises(RefusedError, match="is not a file"):
                read(transport, place(folder.as_uri(), "pipe.rpm"))

    def test_an_ftp_name_with_a_line_end_is_never_sent(self, folder: Path, work: Path) -> None:
        with (
            servers.ftp_server(folder, work) as running,
            open_transport(Mirror.at(running.url)) as transport,
            pytest.raises(UpstreamError, match="control characters"),
        ):
            read(transport, f"{running.url}/big.rpm%0d%0aDELE big.rpm")

    def test_a_proxy_for_ftp_is_refused(self) -> None:
        with pytest.raises(UpstreamError, match="a proxy cannot be used with FTP"):
            open_transport(replace(Mirror.at("ftp://mirror.example/"), proxy="http://proxy:3128"))

    def test_an_http_proxy_is_asked_for_the_whole_url(self, folder: Path, server: MirrorServer) -> None:
        (folder / "x.rpm").write_bytes(b"x")
        server.behaviour.bodies["http://mirror.example/x.rpm"] = b"by proxy"
        with open_transport(replace(Mirror.at("http://mirror.example"), proxy=server.url)) as transport:
            assert read(transport, "http://mirror.example/x.rpm") == (0, b"by proxy")

    def test_a_proxy_whose_answer_to_connect_does_not_end_is_given_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(body, "LONGEST_HEAD", 0.5)
        began = time.monotonic()
        with ThreadingTCPServer(("127.0.0.1", 0), EndlessProxy) as proxy:
            threading.Thread(target=proxy.serve_forever, args=(0.02,), daemon=True).start()
            mirror = replace(Mirror.at("https://mirror.example"), proxy=f"http://127.0.0.1:{proxy.server_address[1]}")
            with (
                open_transport(mirror, replace(HASTY, retries=0)) as transport,
                pytest.raises(UpstreamError, match="did not come to an end"),
            ):
                read(transport, "https://mirror.example/x.rpm")
            proxy.shutdown()
        assert time.monotonic() - began < 5


class EndlessProxy(StreamRequestHandler):
    """Lets everybody through, and then tells of it for ever."""

    def handle(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 Go ahead\r\n")
        with suppress(OSError):
            while True:
                self.wfile.write(b"X-More: on and on\r\n")
                time.sleep(0.05)
