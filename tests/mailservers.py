"""Real mail servers on loopback: aiosmtpd with TLS, passwords and refusals as they are asked for, and servers that misbehave."""

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

LOOPBACK = "127.0.0.1"
CREDENTIALS = ("mirrorsync", "correct horse battery")


@dataclass(frozen=True, slots=True)
class Received:
    """A message as it came. secure: under TLS.  user: who logged in, None for nobody."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    secure: bool
    user: str | None

    @property
    def message(self) -> EmailMessage:
        """As a mail client reads it."""
        parsed = message_from_bytes(self.content, policy=default)
        assert isinstance(parsed, EmailMessage)
        return parsed


@dataclass(slots=True)
class MailServer:
    """port: where it listens.  received: all that came.  refusals: what it answers to RCPT, by address; change them while it runs.

    secure: TLS comes before the first word.  sender_refusal, content_refusal: what it answers to MAIL and to the end of DATA.
    """

    port: int = 0
    secure: bool = False
    received: list[Received] = field(default_factory=list)
    refusals: dict[str, str] = field(default_factory=dict)
    sender_refusal: str = ""
    content_refusal: str = ""

    @property
    def url(self) -> str:
        return f"smtp://{LOOPBACK}:{self.port}"

    async def handle_MAIL(  # noqa: N802  aiosmtpd calls it so
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self.sender_refusal:
            return self.sender_refusal
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802  as above
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if refusal := self.refusals.get(address):
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  as above
        if self.content_refusal:
            return self.content_refusal
        content = envelope.original_content or b""
        login = session.auth_data.login.decode() if isinstance(session.auth_data, LoginPassword) else None
        recipients = tuple(envelope.rcpt_tos)
        secure = session.ssl is not None or self.secure
        self.received.append(Received(envelope.mail_from or "", recipients, content, secure, login))
        return "250 OK"


def _authenticate(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
    return AuthResult(success=(data.login.decode(), data.password.decode()) == CREDENTIALS, auth_data=data, handled=False)


@contextmanager
def mail_server(certificate: tuple[Path, Path] | None = None, *, implicit: bool = False, password: bool = False) -> Iterator[MailServer]:
    """A server that takes what it is given; with STARTTLS, or TLS from the first byte, where there is a certificate and its key.

    password: whoever logs in does so with CREDENTIALS, and with STARTTLS everybody has to.
    """
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
    server = MailServer(secure=implicit)
    words: dict[str, Any] = {"enable_SMTPUTF8": True, "ident": "a mail server"}
    if password:
        # aiosmtpd does not see that TLS from the first byte is TLS too, and warns
        words |= {"auth_required": not implicit, "authenticator": _authenticate, "auth_require_tls": not implicit}
    if implicit:
        words["ssl_context"] = context
    elif context:
        words["tls_context"] = context
    controller = Controller(server, hostname=LOOPBACK, port=free_port(), **words)
    controller.start()
    server.port = controller.port
    try:
        yield server
    finally:
        controller.stop()


def free_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as listener:
        return int(listener.getsockname()[1])


def certificate(folder: Path, name: str = f"IP:{LOOPBACK}") -> tuple[Path, Path]:
    """A certificate that vouches for itself, and its key. name: whom it is of, as X.509's subjectAltName has it."""
    made, key = folder / "server.crt", folder / "server.key"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=mail", "-addext", f"subjectAltName={name}", "-keyout", str(key), "-out", str(made)]
    subprocess.run(command, check=True, capture_output=True)
    return made, key


@contextmanager
def rude_server(behave: Callable[[socket.socket], None]) -> Iterator[str]:
    """The URL of a server that does with each connection just this, and hangs up."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        thread = threading.Thread(target=_serve, args=(listener, behave), daemon=True)
        thread.start()
        yield f"smtp://{LOOPBACK}:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def _serve(listener: socket.socket, behave: Callable[[socket.socket], None]) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection, suppress(OSError):
            behave(connection)


def drops(connection: socket.socket) -> None:
    """Greets, and hangs up at the first word."""
    connection.sendall(b"220 hello\r\n")
    connection.recv(100)


def trickles(connection: socket.socket) -> None:
    """Sends a byte of its greeting now and then, for ever."""
    connection.sendall(b"220 ")
    while True:
        connection.sendall(b"x")
        time.sleep(0.1)


def echoes(connection: socket.socket) -> None:
    """Takes no login, and repeats what it was told."""
    connection.sendall(b"220 hello\r\n")
    while line := connection.recv(1000):
        if line.lower().startswith(b"ehlo"):
            connection.sendall(b"250-hello\r\n250 AUTH PLAIN LOGIN\r\n")
        else:
            connection.sendall(b"535 no: " + line)
