"""The doors by which mail leaves, against real servers, and the queue of what could not leave yet."""

import os
import shutil
import socket
import ssl
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mirrorsync.delivery.outbox import GIVEN_UP_AFTER, MOST, MOST_BYTES, WAITS, Attempt, Deliver, Entry, Fate, Outbox
from mirrorsync.delivery.sendmail import send
from mirrorsync.delivery.smtp import SmtpDoor, SmtpServer
from mirrorsync.delivery.webhook import Webhook, post
from mirrorsync.errors import DeliveryError
from mirrorsync.model.choices import StartTls
from tests.mailservers import CREDENTIALS, LOOPBACK, certificate, drops, echoes, free_port, mail_server, rude_server, trickles
from tests.namespaces import obstacle

SENDER, OPS = "mirrorsync@example.org", "ops@example.org"
UNSPOKEN = 255  # a family of addresses that no kernel has
MESSAGE = b"Subject: a test\r\n\r\n.a line that begins with a dot\r\n"
NOW = datetime(2026, 11, 22, 4, 17, tzinfo=UTC)


def deliver(server: SmtpServer, *recipients: str) -> None:
    with SmtpDoor(server, SENDER) as door:
        for recipient in recipients or (OPS,):
            door.deliver(recipient, MESSAGE)


def refusal(server: SmtpServer) -> str:
    with pytest.raises(DeliveryError) as caught:
        deliver(server)
    assert not caught.value.final
    return str(caught.value)


def plain(url: str, seconds: float = 60) -> SmtpServer:
    return SmtpServer(url, StartTls.NEVER, seconds=seconds)


# --- SMTP -----------------------------------------------------------------------------------------------------------------


def test_a_message_arrives_as_it_was_written() -> None:
    with mail_server() as server:
        deliver(plain(server.url))
    [received] = server.received
    assert (received.sender, received.recipients, received.content) == (SENDER, (OPS,), MESSAGE)


def test_one_conversation_carries_all_messages_of_a_run() -> None:
    with mail_server() as server:
        deliver(plain(server.url), OPS, "boss@example.org")
    assert [received.recipients for received in server.received] == [(OPS,), ("boss@example.org",)]


@pytest.mark.parametrize("starttls", [StartTls.REQUIRE, StartTls.IF_OFFERED])
def test_starttls_is_used_with_a_certificate_that_holds_and_a_password_only_under_it(tmp_path: Path, starttls: StartTls) -> None:
    made, key = certificate(tmp_path)
    with mail_server((made, key), password=True) as server:
        deliver(SmtpServer(server.url, starttls, made, *CREDENTIALS))
    [received] = server.received
    assert (received.secure, received.user) == (True, CREDENTIALS[0])


def test_a_server_of_smtps_has_tls_from_the_first_byte(tmp_path: Path) -> None:
    made, key = certificate(tmp_path)
    with mail_server((made, key), implicit=True, password=True) as server:
        deliver(SmtpServer(f"smtps://{LOOPBACK}:{server.port}", ca=made, username=CREDENTIALS[0], password=CREDENTIALS[1]))
    assert [(received.secure, received.user) for received in server.received] == [(True, CREDENTIALS[0])]


@pytest.mark.parametrize("implicit", [False, True])
def test_a_certificate_of_another_name_is_refused(tmp_path: Path, *, implicit: bool) -> None:
    made, key = certificate(tmp_path, "DNS:elsewhere.example")
    with mail_server((made, key), implicit=implicit) as server:
        url = f"smtps://{LOOPBACK}:{server.port}" if implicit else server.url
        assert "shows a certificate that does not hold: IP address mismatch" in refusal(SmtpServer(url, ca=made))
    assert not server.received


@pytest.mark.parametrize("starttls", [StartTls.REQUIRE, StartTls.IF_OFFERED])
def test_a_certificate_that_nobody_known_signed_is_refused(tmp_path: Path, starttls: StartTls) -> None:
    with mail_server(certificate(tmp_path)) as server:
        assert "shows a certificate that does not hold: self-signed certificate" in refusal(SmtpServer(server.url, starttls))
    assert not server.received


def test_a_ca_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert refusal(SmtpServer(f"smtp://{LOOPBACK}:{free_port()}", ca=tmp_path / "none")).endswith("none: No such file or directory")


def test_without_starttls_nothing_is_sent_where_it_is_required() -> None:
    with mail_server() as server:
        assert refusal(SmtpServer(server.url)) == f'{LOOPBACK}:{server.port} offers no STARTTLS, which starttls = "require" asks for'
    assert not server.received


def test_without_starttls_no_password_is_sent() -> None:
    heard: list[bytes] = []

    def listens(connection: socket.socket) -> None:
        connection.sendall(b"220 hello\r\n")
        while line := connection.recv(1000):
            heard.append(line)
            connection.sendall(b"250-hello\r\n250 AUTH PLAIN LOGIN\r\n" if line.lower().startswith(b"ehlo") else b"250 fine\r\n")

    for starttls in (StartTls.IF_OFFERED, StartTls.NEVER):
        with rude_server(listens) as url:
            assert refusal(SmtpServer(url, starttls, None, *CREDENTIALS)).endswith("offers no TLS, and without it no password is sent")
    assert not [line for line in heard if line.lower().startswith((b"auth", b"mail"))]


def test_a_wrong_password_is_told_and_not_shown(tmp_path: Path) -> None:
    made, key = certificate(tmp_path)
    with mail_server((made, key), password=True) as server:
        told = refusal(SmtpServer(server.url, StartTls.REQUIRE, made, CREDENTIALS[0], "guess-work"))
    assert "refuses the username or its password: 535 " in told
    assert "guess-work" not in told


def test_a_password_that_a_server_repeats_is_not_told(tmp_path: Path) -> None:
    made, key = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made, key)

    def repeats(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            echoes(secured)

    with rude_server(repeats) as url:
        told = refusal(SmtpServer(url.replace("smtp:", "smtps:"), ca=made, username="joe", password="hunter2-and-more"))
    assert "535 no: " in told
    assert "***" in told
    assert "hunter2" not in told
    assert "am9l" not in told  # joe, in base64


def test_a_refused_recipient_is_final_and_the_others_get_theirs() -> None:
    with mail_server() as server:
        server.refusals["gone@example.org"] = "550 5.1.1 no such user"
        with SmtpDoor(plain(server.url), SENDER) as door:
            with pytest.raises(DeliveryError, match=r"refuses it: 550 5\.1\.1 no such user") as caught:
                door.deliver("gone@example.org", MESSAGE)
            door.deliver(OPS, MESSAGE)
    assert caught.value.final
    assert [received.recipients for received in server.received] == [(OPS,)]


@pytest.mark.parametrize(
    ("reply", "final"),
    [
        ("550 5.1.1 user unknown", True),
        ("553 5.1.3 that is no address", True),
        ("556 5.1.10 that domain takes no mail", True),
        ("550 no such user, or relay not permitted", False),
        ("550 5.1.8 Sender address rejected: Domain not found", False),
        ("550 5.2.1 mailbox disabled", False),
        ("552 5.2.2 mailbox full", False),
        ("450 5.1.1 user unknown, for now", False),
        ("530 5.7.1 Authentication required", False),
        ("554 5.7.1 Relay access denied", False),
    ],
)
def test_of_refused_recipients_those_that_do_not_exist_are_given_up(reply: str, *, final: bool) -> None:
    with mail_server() as server:
        server.refusals[OPS] = reply
        with SmtpDoor(plain(server.url), SENDER) as door, pytest.raises(DeliveryError, match=reply) as caught:
            door.deliver(OPS, MESSAGE)
    assert caught.value.final is final


@pytest.mark.parametrize(
    ("reply", "final"),
    [
        ("530 5.7.0 Must issue a STARTTLS command first", False),
        ("530 5.7.1 Authentication required", False),
        ("553 5.1.8 that sender has no domain", False),
        ("552 5.3.4 message too large", True),
    ],
)
def test_a_refused_sender_is_something_to_mend_and_all_messages_wait(tmp_path: Path, reply: str, *, final: bool) -> None:
    outbox = Outbox(tmp_path)
    for number in range(3):
        outbox.add(entry(number))
    with mail_server() as server, SmtpDoor(plain(server.url), SENDER) as door:
        server.sender_refusal = reply
        attempts = tried(outbox, lambda each: door.deliver(each.destination, each.payload))
    assert [(each.fate, reply in each.reason) for each in attempts] == [(Fate.GIVEN_UP if final else Fate.WAITS, True)] * 3


@pytest.mark.parametrize(
    ("reply", "final"),
    [
        ("451 4.7.1 greylisted", False),
        ("554 5.7.1 looks like spam", False),
        ("552 5.2.2 mailbox full", False),
        ("554 5.6.0 not like that", True),
        ("552 too large", True),
    ],
)
def test_a_refused_message_is_tried_again_unless_the_server_says_never(reply: str, *, final: bool) -> None:
    with mail_server() as server:
        server.content_refusal = reply
        with SmtpDoor(plain(server.url), SENDER) as door, pytest.raises(DeliveryError, match=reply) as caught:
            door.deliver(OPS, MESSAGE)
    assert caught.value.final is final


def test_a_server_that_is_not_there_is_told_and_asked_once_in_a_run() -> None:
    with SmtpDoor(plain(f"smtp://{LOOPBACK}:{free_port()}"), SENDER) as door:
        for _ in range(2):
            with pytest.raises(DeliveryError, match="cannot be reached: Connection refused"):
                door.deliver(OPS, MESSAGE)


def test_a_server_that_hangs_up_is_told() -> None:
    with rude_server(drops) as url:
        assert refusal(plain(url)).endswith("closed the connection")


@pytest.mark.parametrize("answer", [b"554 no service here\r\n", b"hello\r\n", b"\xff\xfe\r\n", b"220 " + b"x" * 9000])
def test_a_server_that_is_no_mail_server_is_told(answer: bytes) -> None:
    def says(connection: socket.socket) -> None:
        connection.sendall(answer)
        connection.recv(100)

    with rude_server(says) as url:
        assert refusal(plain(url)).startswith(f"{LOOPBACK}:")


@pytest.mark.parametrize("behave", [trickles, lambda _connection: time.sleep(3)])
def test_a_slow_server_has_its_time_and_no_more(behave: Callable[[socket.socket], None]) -> None:
    with rude_server(behave) as url:
        began = time.monotonic()
        assert refusal(plain(url, seconds=0.5)).endswith("took longer than 0 s")
        assert time.monotonic() - began < 2


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes no connection and refuses none: whoever listens there has all he wants."""
    with socket.create_server((LOOPBACK, 0), backlog=0) as listener, ExitStack() as waiting:
        for _ in range(2):
            caller = waiting.enter_context(socket.socket())
            caller.setblocking(False)  # noqa: FBT003  the socket takes no keyword
            caller.connect_ex(listener.getsockname())
        time.sleep(0.1)
        yield int(listener.getsockname()[1])


def test_a_server_that_takes_no_connection_has_its_time_and_no_more(silent_port: int) -> None:
    began = time.monotonic()
    assert refusal(plain(f"smtp://{LOOPBACK}:{silent_port}", seconds=0.5)).endswith("took longer than 0 s")
    with pytest.raises(DeliveryError, match="did not answer within 0 s"):
        post(Webhook(f"http://{LOOPBACK}:{silent_port}/", seconds=0.4), b"{}", 1)
    assert time.monotonic() - began < 2


def test_an_address_of_a_kind_that_this_machine_does_not_speak_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """As IPv6's where the kernel has none, or the unit lets nobody use it."""
    look_up = socket.getaddrinfo

    def with_another(*arguments: Any, **words: Any) -> list[Any]:
        found = look_up(*arguments, **words)
        return [(UNSPOKEN, *found[0][1:]), *found]

    monkeypatch.setattr(socket, "getaddrinfo", with_another)
    with pytest.raises(OSError, match="not supported"):
        socket.socket(UNSPOKEN, socket.SOCK_STREAM)
    with mail_server() as server, SmtpDoor(plain(server.url), SENDER) as door:
        door.deliver(OPS, MESSAGE)
    assert len(server.received) == 1


def test_a_greeting_without_end_is_given_up_after_some_kilobytes() -> None:
    came = [0]

    def greets(connection: socket.socket) -> None:
        while True:
            came[0] += connection.send(b"220-hello\r\n" * 100)

    with (
        rude_server(greets) as url,
        SmtpDoor(plain(url), SENDER) as door,
        pytest.raises(DeliveryError, match="sends a reply of more than 64 KiB") as raised,
    ):
        door.deliver(OPS, MESSAGE)
    assert not raised.value.final
    assert came[0] < 32 << 20  # the rest lay in the sockets' buffers


def hangs_up_on_the_first(connection: socket.socket) -> None:
    """Takes every message but those to the first address, at whose end the connection is gone."""
    connection.sendall(b"220 hello\r\n")
    lines, first = connection.makefile("rb"), False
    for line in lines:
        word = line[:4].upper()
        first = first or (word == b"RCPT" and b"first@" in line)
        if word == b"DATA":
            connection.sendall(b"354 go on\r\n")
            while next(lines) != b".\r\n":
                pass
            if first:
                return
        connection.sendall(b"250 yes\r\n")


def test_a_message_that_ends_the_connection_holds_up_no_other() -> None:
    with rude_server(hangs_up_on_the_first) as url, SmtpDoor(plain(url), SENDER) as door:
        for _ in range(2):
            with pytest.raises(DeliveryError, match="closed the connection"):
                door.deliver("first@example.org", MESSAGE)
            door.deliver("second@example.org", MESSAGE)


def test_a_server_that_hangs_up_on_every_message_is_left_alone_after_some() -> None:
    called = [0]

    def hangs_up(connection: socket.socket) -> None:
        called[0] += 1
        hangs_up_on_the_first(connection)

    with rude_server(hangs_up) as url, SmtpDoor(plain(url), SENDER) as door:
        for _ in range(10):
            with pytest.raises(DeliveryError, match="closed the connection"):
                door.deliver("first@example.org", MESSAGE)
    assert called[0] == 4


SILENT_NAMES = """
import socket, time
from mirrorsync.delivery.smtp import SmtpDoor, SmtpServer
from mirrorsync.delivery.webhook import Webhook, post
from mirrorsync.errors import DeliveryError
from mirrorsync.model.choices import StartTls
silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
silent.bind(("127.0.0.1", 53))
began = time.monotonic()
try:
    with SmtpDoor(SmtpServer("smtp://mail.example.org", StartTls.NEVER, seconds=0.5), "a@example.org") as door:
        door.deliver("b@example.org", b"")
except DeliveryError as error:
    print(error)
try:
    post(Webhook("http://chat.example.org/", seconds=0.5), b"{}", 1)
except DeliveryError as error:
    print(error)
print(time.monotonic() - began < 3)
"""


@pytest.mark.skipif(bool(obstacle("mount", "net")), reason=obstacle("mount", "net"))
def test_a_name_server_that_does_not_answer_has_its_time_and_no_more(tmp_path: Path) -> None:
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.1\n")
    steps = f"ip link set lo up && mount --bind {tmp_path}/resolv.conf /etc/resolv.conf && exec {sys.executable} -c '{SILENT_NAMES}'"
    done = subprocess.run(["unshare", "--mount", "--net", "sh", "-c", steps], capture_output=True, text=True, check=False)
    smtp, webhook, in_time = done.stdout.splitlines() or ["", "", done.stderr]
    assert (smtp, in_time) == ("mail.example.org:25 took longer than 0 s", "True")
    assert webhook.endswith("did not answer within 0 s")


# --- sendmail -------------------------------------------------------------------------------------------------------------


def command(folder: Path, text: str) -> Path:
    path = folder / "sendmail"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_sendmail_gets_the_recipient_as_an_argument_and_lines_of_unix(tmp_path: Path) -> None:
    program = command(tmp_path, f'printf "%s\\n" "$@" >{tmp_path}/arguments; cat >{tmp_path}/message')
    send(program, SENDER, OPS, MESSAGE)
    assert (tmp_path / "arguments").read_text().splitlines() == ["-oi", "-f", SENDER, "--", OPS]
    assert (tmp_path / "message").read_bytes() == MESSAGE.replace(b"\r\n", b"\n")


@pytest.mark.parametrize(("code", "final"), [(75, False), (67, True), (1, False)])
def test_what_sendmail_says_is_told_and_no_such_user_is_final(tmp_path: Path, code: int, *, final: bool) -> None:
    program = command(tmp_path, f"cat >/dev/null; echo queue full >&2; exit {code}")
    with pytest.raises(DeliveryError, match=f"sendmail ended with {code}: queue full") as caught:
        send(program, SENDER, OPS, MESSAGE)
    assert caught.value.final is final


def test_a_sendmail_that_takes_no_end_is_ended(tmp_path: Path) -> None:
    with pytest.raises(DeliveryError, match="took longer than"):
        send(command(tmp_path, "exec sleep 60"), SENDER, OPS, MESSAGE, seconds=0.3)


def test_a_sendmail_that_reads_nothing_and_one_that_is_not_there_are_told(tmp_path: Path) -> None:
    with pytest.raises(DeliveryError, match="ended with 3"):
        send(command(tmp_path, "exit 3"), SENDER, OPS, MESSAGE * 10000)
    with pytest.raises(DeliveryError, match="none cannot be run: No such file or directory"):
        send(tmp_path / "none", SENDER, OPS, MESSAGE)


# --- the outbox -----------------------------------------------------------------------------------------------------------


def entry(number: int = 0) -> Entry:
    return Entry("mail", OPS, f"message {number}", b"\x00\xff payload", NOW + timedelta(seconds=number))


def refusing(*, final: bool = False) -> Deliver:
    def refuse(_entry: Entry) -> None:
        raise DeliveryError("the server is down", final=final)

    return refuse


def tried(outbox: Outbox, deliver: Deliver, now: datetime = NOW, *, at_once: bool = False) -> list[Attempt]:
    return list(outbox.deliver({"mail": deliver}, lambda: now, at_once=at_once))


def test_what_is_delivered_is_gone_and_what_is_not_waits(tmp_path: Path) -> None:
    outbox, arrived = Outbox(tmp_path / "outbox"), list[Entry]()
    for number in range(3):
        outbox.add(entry(number))
    assert outbox.waiting() == (entry(0), entry(1), entry(2))
    assert [attempt.fate for attempt in tried(outbox, refusing())] == [Fate.WAITS] * 3
    assert {waiting.refusal for waiting in outbox.waiting()} == {"the server is down"}
    later = NOW + WAITS[0]
    assert [attempt.fate for attempt in tried(outbox, arrived.append, later)] == [Fate.DELIVERED] * 3
    assert [each.payload for each in arrived] == [entry().payload] * 3
    assert not outbox.waiting()
    assert not tried(outbox, refusing())


def test_waits_grow_and_nothing_is_tried_before_they_are_over(tmp_path: Path) -> None:
    outbox, now = Outbox(tmp_path), NOW
    outbox.add(entry())
    for wait in (*WAITS, WAITS[-1]):
        assert len(tried(outbox, refusing(), now)) == 1
        assert not wait or not tried(outbox, refusing(), now + wait - timedelta(seconds=1))
        now += wait
    assert len(tried(outbox, refusing(), now - timedelta(hours=1), at_once=True)) == 1


def test_what_a_wrong_clock_put_off_is_tried_at_once(tmp_path: Path) -> None:
    outbox, wrong = Outbox(tmp_path), NOW + timedelta(days=3650)
    outbox.add(replace(entry(), queued=wrong))
    for _ in range(2):
        assert len(tried(outbox, refusing(), wrong)) == 1
    assert [attempt.fate for attempt in tried(outbox, refusing())] == [Fate.WAITS]


def test_after_some_days_a_message_is_given_up_and_that_is_remembered(tmp_path: Path) -> None:
    outbox, end = Outbox(tmp_path), NOW + GIVEN_UP_AFTER
    outbox.add(entry())
    assert tried(outbox, refusing(), end - timedelta(hours=13))[0].fate is Fate.WAITS
    assert tried(outbox, refusing(), end)[0].fate is Fate.GIVEN_UP
    assert not outbox.waiting()
    [loss] = outbox.losses(NOW)
    assert (loss.label, loss.given_up, loss.reason) == ("message 0", end, "the server is down")
    assert not outbox.losses(end + timedelta(days=1))


def test_a_final_refusal_is_not_tried_again(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    outbox.add(entry())
    assert tried(outbox, refusing(final=True))[0].fate is Fate.GIVEN_UP
    assert (outbox.waiting(), len(outbox.losses(NOW))) == ((), 1)


def test_the_outbox_is_bounded_and_the_oldest_gives_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST == 500
    monkeypatch.setattr("mirrorsync.delivery.outbox.MOST", 3)
    outbox = Outbox(tmp_path)
    assert not [loss for number in range(3) for loss in outbox.add(entry(number))]
    assert [loss.label for loss in outbox.add(entry(3))] == ["message 0"]
    assert [each.label for each in outbox.waiting()] == ["message 1", "message 2", "message 3"]


def test_the_outbox_is_bounded_in_bytes_too_and_what_gives_way_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST_BYTES == 64 << 20
    monkeypatch.setattr("mirrorsync.delivery.outbox.MOST_BYTES", 1 << 20)
    outbox = Outbox(tmp_path)
    for number in range(3):
        assert not outbox.add(replace(entry(number), payload=b"x" * 200_000))
    assert [loss.label for loss in outbox.add(replace(entry(3), payload=b"x" * 500_000))] == ["message 0", "message 1"]
    assert [each.label for each in outbox.waiting()] == ["message 2", "message 3"]
    assert {loss.reason for loss in outbox.losses(NOW)} == {"more than 500 messages or 1 MiB wait"}
    assert [loss.label for loss in outbox.add(replace(entry(4), payload=b"x" * 900_000))] == ["message 2", "message 3", "message 4"]


def test_messages_of_one_second_leave_in_the_order_they_came(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    for number in range(20):
        outbox.add(replace(entry(), label=f"message {number}"))
    assert [each.label for each in outbox.waiting()] == [f"message {number}" for number in range(20)]


def test_messages_are_nobody_elses_to_read(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox")
    outbox.add(entry())
    tried(outbox, refusing())
    files = [path for path in (tmp_path / "outbox").iterdir() if path.suffix == ".json"]
    assert [stat.S_IMODE(path.stat().st_mode) for path in files] == [0o600]


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"{}", b"\xff" * 99, b'{"kind": 1}', b"[" * 100_000])
def test_a_damaged_message_is_as_if_it_were_not_there(tmp_path: Path, damage: bytes) -> None:
    outbox = Outbox(tmp_path)
    outbox.add(entry())
    next(tmp_path.glob("2*.json")).write_bytes(damage)
    (tmp_path / "given-up.json").write_bytes(damage)
    outbox.add(entry(1))
    assert [each.label for each in outbox.waiting()] == ["message 1"]
    assert [attempt.fate for attempt in tried(outbox, refusing(final=True))] == [Fate.GIVEN_UP]
    assert [loss.label for loss in outbox.losses(NOW)] == ["message 1"]
    assert not list(tmp_path.glob("2*.json"))


def test_what_is_no_file_is_no_message_and_is_not_waited_for(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    outbox.add(entry())
    os.mkfifo(tmp_path / "20000101T000000-1-a.json")
    (tmp_path / "20000101T000000-2-b.json").mkdir()
    assert outbox.waiting() == (entry(),)
    assert [attempt.fate for attempt in tried(outbox, refusing(final=True))] == [Fate.GIVEN_UP]
    assert outbox.empty


@pytest.mark.parametrize("final", [False, True])
def test_what_the_disk_takes_no_note_of_waits_and_the_others_leave(tmp_path: Path, *, final: bool) -> None:
    """Another process's folder stands where a file would be written, as nothing can be on a full disk."""
    outbox, arrived = Outbox(tmp_path), list[str]()
    for number in range(2):
        outbox.add(entry(number))
    first = min(tmp_path.glob("2*.json"))
    for name in (first.name, "given-up.json"):
        (tmp_path / f".{name}.{os.getpid()}.new").mkdir()

    def deliver(each: Entry) -> None:
        if each.label == "message 0":
            raise DeliveryError("no such user", final=final)
        arrived.append(each.label)

    assert [attempt.fate for attempt in tried(outbox, deliver)] == [Fate.WAITS, Fate.DELIVERED]
    assert outbox.waiting() == (entry(0),)
    assert arrived == ["message 1"]


@pytest.mark.skipif(bool(obstacle("mount")), reason=obstacle("mount"))
def test_nothing_is_sent_that_could_not_be_taken_out(tmp_path: Path) -> None:
    """Else each run would send it again."""
    outbox = Outbox(tmp_path / "outbox")
    outbox.add(entry())
    steps = f"mount -t tmpfs none {tmp_path} && mkdir {tmp_path}/outbox && cp -a $0/. {tmp_path}/outbox && mount -o remount,ro {tmp_path}"
    kept = shutil.copytree(tmp_path / "outbox", tmp_path.with_name(f"{tmp_path.name}-kept"))
    command = ["unshare", "--mount", "sh", "-ec", f"{steps} && exec {sys.executable} -c '{DELIVER_ALL}' {tmp_path}/outbox", str(kept)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == (f"{tmp_path}/outbox: it cannot be written to, so that nothing is sent\n", "")


DELIVER_ALL = """
import sys
from datetime import datetime, timezone
from pathlib import Path
from mirrorsync.delivery.outbox import Outbox
try:
    list(Outbox(Path(sys.argv[1])).deliver({"mail": print}, lambda: datetime.now(timezone.utc)))
except OSError as error:
    print(f"{error.filename}: {error.strerror}")
"""


def test_of_two_runs_one_delivers_and_takes_what_the_other_adds_meanwhile(tmp_path: Path) -> None:
    outbox, began, go_on, arrived = Outbox(tmp_path), threading.Event(), threading.Event(), list[str]()

    def slow(each: Entry) -> None:
        arrived.append(each.label)
        began.set()
        go_on.wait(10)

    outbox.add(entry())
    other = threading.Thread(target=tried, args=(outbox, slow))
    other.start()
    assert began.wait(10)
    outbox.add(entry(1))
    assert not tried(outbox, refusing())
    go_on.set()
    other.join()
    assert arrived == ["message 0", "message 1"]


def test_what_takes_too_long_is_left_to_the_next_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mirrorsync.delivery.outbox._AT_MOST_SECONDS", 0.2)
    outbox = Outbox(tmp_path)
    for number in range(3):
        outbox.add(entry(number))
    assert len(tried(outbox, lambda _entry: time.sleep(0.3))) == 1
    assert len(outbox.waiting()) == 2


def test_a_mail_server_takes_what_waited_for_it(tmp_path: Path) -> None:
    outbox, port = Outbox(tmp_path), free_port()
    outbox.add(entry())

    def door(url: str) -> Deliver:
        return lambda each: deliver(plain(url), each.destination)

    assert [attempt.fate for attempt in tried(outbox, door(f"smtp://{LOOPBACK}:{port}"))] == [Fate.WAITS]
    with mail_server() as server:
        assert [attempt.fate for attempt in tried(outbox, door(server.url), at_once=True)] == [Fate.DELIVERED]
        assert len(server.received) == 1
