"""Boot files as nodes are given them by TFTP: by Debian's server, and by servers that misbehave."""

import shutil
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.images import cpio_archive
from mirrorsync.errors import ProbeError
from mirrorsync.probes import tftp
from mirrorsync.probes.served import served_findings
from mirrorsync.probes.tftp import LARGEST_PLAIN, Granted, TftpPlace, fetch, look
from tests.commands import Mirrorsync
from tests.mailservers import LOOPBACK, free_port
from tests.sites import Site
from tests.waiting import until

IN_TFTPD = shutil.which("in.tftpd", path="/usr/sbin:/usr/bin:/sbin")
needs_server = pytest.mark.skipif(IN_TFTPD is None, reason="no in.tftpd is installed (bash fixtures/setup test)")
HASTE = 0.2  # seconds that an answer is waited for, four times
CONTENT = bytes(range(256)) * 4321


@contextmanager
def tftp_server(root: Path, *options: str) -> Iterator[TftpPlace]:
    """Debian's server as it is run by default, on a port of its own."""
    port = free_port()
    command = [str(IN_TFTPD), "-L", "-4", "-a", f"{LOOPBACK}:{port}", "-s", "-u", "nobody", *options, str(root)]
    with subprocess.Popen(command) as process:
        place = TftpPlace(LOOPBACK, port, "")
        try:
            until(lambda: answers(place))
            yield place
        finally:
            process.terminate()


def answers(place: TftpPlace) -> bool:
    try:
        look(place / "nothing", seconds=0.05)
    except ProbeError as error:
        return "no answer" not in str(error) and "refused" not in str(error)
    return True


@contextmanager
def rude_server(behave: Callable[[socket.socket, bytes, tuple[str, int]], None]) -> Iterator[TftpPlace]:
    """A server that does with each request just this, from the port that was asked."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind((LOOPBACK, 0))
        listener.settimeout(0.05)
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                try:
                    packet, peer = listener.recvfrom(2048)
                except TimeoutError:
                    continue
                behave(listener, packet, peer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield TftpPlace(LOOPBACK, listener.getsockname()[1], "") / "linux.1"
        finally:
            over.set()
            thread.join()


def data(number: int, content: bytes) -> bytes:
    return struct.pack(">HH", 3, number & 0xFFFF) + content


def granting(**options: object) -> bytes:
    return struct.pack(">H", 6) + b"".join(f"{word}\0".encode() for option in options.items() for word in option)


def fetched(place: TftpPlace) -> tuple[bytes, Granted]:
    blocks: list[bytes] = []
    granted = fetch(place, blocks.append, seconds=HASTE)
    return b"".join(blocks), granted


# --- Debian's server --------------------------------------------------------------------------------------------------------


@needs_server
class TestDebiansServer:
    @pytest.mark.parametrize("size", [0, 1, 1427, 1428, 1429, 1428 * 3, len(CONTENT)])
    def test_a_file_comes_whole_whatever_its_size(self, work: Path, size: int) -> None:
        (work / "linux.1").write_bytes(CONTENT[:size])
        (work / "linux.1").chmod(0o644)
        with tftp_server(work) as root:
            assert fetched(root / "linux.1") == (CONTENT[:size], Granted(1428, size))
            assert look(root / "linux.1") == Granted(1428, size)

    def test_an_old_server_that_knows_no_options_sends_small_blocks(self, work: Path) -> None:
        (work / "linux.1").write_bytes(CONTENT)
        (work / "linux.1").chmod(0o644)
        with tftp_server(work, "--refuse", "blksize", "--refuse", "tsize") as root:
            assert fetched(root / "linux.1") == (CONTENT, Granted(512, None))

    def test_more_blocks_than_can_be_numbered(self, work: Path) -> None:
        content = CONTENT * 31  # 34 MB
        assert len(content) > LARGEST_PLAIN
        (work / "linux.2").write_bytes(content)
        (work / "linux.2").chmod(0o644)
        with tftp_server(work, "--refuse", "blksize") as root:
            assert fetched(root / "linux.2")[0] == content
            [finding] = served_findings(root, work, ["linux.2"], deep=False)
        assert (finding.code, "no blocks of more than 512 bytes" in finding.what) == ("boot-served-blocks", True)

    @pytest.mark.parametrize(("name", "mode", "said"), [("linux.1", 0o600, "([Aa]ccess|Permission)"), ("Linux.1", 0o644, "File not found")])
    def test_what_a_node_cannot_load_is_said_in_the_servers_words(self, work: Path, name: str, mode: int, said: str) -> None:
        (work / "linux.1").write_bytes(CONTENT)
        (work / "linux.1").chmod(mode)
        with tftp_server(work) as root, pytest.raises(ProbeError, match=f"the server says: .*{said}"):
            look(root / name)


# --- servers that misbehave ---------------------------------------------------------------------------------------------------


def test_a_server_that_is_silent_is_given_up() -> None:
    began = time.monotonic()
    with rude_server(lambda *_: None) as place, pytest.raises(ProbeError, match="no answer in 1 seconds"):
        look(place, seconds=HASTE)
    assert time.monotonic() - began < 5


def test_a_port_where_nobody_listens_is_told() -> None:
    with pytest.raises(ProbeError, match=r"no answer|refused"):
        look(TftpPlace(LOOPBACK, free_port(), "x"), seconds=0.05)


def test_a_name_that_no_host_has_is_told() -> None:
    with pytest.raises(ProbeError):
        look(TftpPlace("a..b", 69, "x"))


def test_a_lost_packet_is_sent_again() -> None:
    seen: list[bytes] = []

    def behave(server: socket.socket, packet: bytes, peer: tuple[str, int]) -> None:
        seen.append(packet)
        if len(seen) % 2:
            return  # every other is lost
        if packet[1] == 1:
            server.sendto(granting(tsize=600, blksize=512), peer)
        else:
            number = struct.unpack(">H", packet[2:4])[0] + 1
            server.sendto(data(number, CONTENT[(number - 1) * 512 : min(600, number * 512)]), peer)

    with rude_server(behave) as place:
        assert fetched(place) == (CONTENT[:600], Granted(512, 600))


def test_blocks_that_come_twice_or_from_elsewhere_are_passed_over() -> None:
    def behave(server: socket.socket, packet: bytes, peer: tuple[str, int]) -> None:
        if packet[1] == 1:
            server.sendto(data(1, CONTENT[:512]), peer)
        elif packet == struct.pack(">HH", 4, 1):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                stranger.sendto(data(2, b"evil"), peer)
            server.sendto(data(1, CONTENT[:512]), peer)
            server.sendto(data(2, CONTENT[512:600]), peer)

    with rude_server(behave) as place:
        assert fetched(place) == (CONTENT[:600], Granted(512, None))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (struct.pack(">HH", 5, 1) + b"\0", "the server says: file not found"),
        (struct.pack(">HH", 5, 77), "the server says: error 77"),
        (struct.pack(">HH", 5, 0) + b"\x1b[31mno\r\n\0", r"the server says: \[31mno$"),
        (granting(blksize=4096), "grants blocks of '4096' bytes"),
        (granting(blksize="9" * 5000), "grants blocks of '99999999999999999999' bytes"),
        (granting(blksize="x"), "grants blocks of 'x' bytes"),
        (data(1, bytes(513)), "something else than block 1"),
        (b"\0\3", "no answer"),
        (b"", "no answer"),
    ],
)
def test_answers_that_are_none_are_told(answer: bytes, said: str) -> None:
    with rude_server(lambda server, _, peer: server.sendto(answer, peer) and None) as place, pytest.raises(ProbeError, match=said):
        fetched(place)


@given(st.binary(max_size=60))
def test_no_answer_does_worse_than_be_refused(answer: bytes) -> None:
    try:
        assert isinstance(tftp._granted(b"\0\6" + answer), Granted)
    except ProbeError:
        return


# --- what check says ----------------------------------------------------------------------------------------------------------


def staged(folder: Path) -> None:
    for name in ("linux.1", "linux.2"):
        (folder / name).write_bytes(CONTENT)
        (folder / name).chmod(0o644)


@needs_server
def test_what_is_served_as_it_was_staged_is_no_finding(work: Path) -> None:
    staged(work)
    with tftp_server(work) as root:
        for deep in (False, True):
            assert [*served_findings(root, work, ("linux.1", "linux.2", "linux.3"), deep=deep)] == []


@needs_server
def test_other_bytes_than_those_that_were_staged_are_found(work: Path, tmp_path: Path) -> None:
    staged(work)
    staged(tmp_path)
    (tmp_path / "linux.1").write_bytes(CONTENT[:-1] + b"!")
    (tmp_path / "linux.2").write_bytes(CONTENT + b"!")
    with tftp_server(work) as root:
        shallow, deep = ([*served_findings(root, tmp_path, ("linux.1", "linux.2"), deep=deep)] for deep in (False, True))
    assert [(finding.code, finding.where) for finding in shallow] == [("boot-served-differs", f"{root / 'linux.2'}")]
    assert [finding.code for finding in deep] == ["boot-served-differs"] * 2
    assert f"has {len(CONTENT)} bytes there, and {len(CONTENT) + 1} in {tmp_path}" in shallow[0].what


@needs_server
def test_check_asks_the_configured_server_as_a_node_would(redhat: Site, work: Path) -> None:
    boot = work / "X86PC/UNDI/linux-install"
    boot.mkdir(parents=True)
    pxeboot = redhat.tree / "images/pxeboot"
    (pxeboot / "vmlinuz").write_bytes(CONTENT)
    (pxeboot / "initrd.img").write_bytes(cpio_archive({"init": CONTENT}))
    program: Mirrorsync = redhat.program()
    with tftp_server(work) as root:
        text = f'[trees.redhat.boot]\ndirectory = "{boot}"\ntftp = "{root / "X86PC/UNDI/linux-install"}"\n'
        program.config.write_text(program.config.read_text() + text)
        assert program("update").code == 0
        assert program("check", "--deep").code == 0
        (boot / ".mirrorsync-boot").resolve().chmod(0o700)
        closed = program("check")
    assert closed.code == 4
    assert f"error: {root / 'X86PC/UNDI/linux-install/linux.1'}: nodes cannot load it: the server says: " in closed.out
    gone = program("check")
    assert "nodes cannot load it: " in gone.out
