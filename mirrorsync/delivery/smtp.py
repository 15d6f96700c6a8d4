"""Mail handed to an SMTP server: one conversation for all messages of a run, under TLS as the configuration asks for it."""

import base64
import re
import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self
from urllib.parse import urlsplit

from mirrorsync.delivery.deadline import Deadline
from mirrorsync.errors import DeliveryError
from mirrorsync.model.choices import StartTls

_PORTS = {"smtp": 25, "smtps": 465}
_PIECE_SECONDS, _WHOLE_SECONDS = 30.0, 60.0
_LONGEST_REPLY = 300  # characters of it that are told
_LARGEST_REPLY = 64 << 10  # bytes
_MOST_LOSSES = 3
_PERMANENT, _TOO_LARGE, _NOT_TAKEN = 500, 552, 554
_NO_SUCH_RECIPIENT = re.compile(r"5\.1\.(?:1|2|3|6|10)\b")  # RFC 3463; 5.1.7 and 5.1.8 are of the sender
_MENDABLE = re.compile(r"5\.(?:7\.[0-9]|2\.2\b)")  # by policy; a mailbox that is full, which has the code of a message too large
_HIDDEN = "***"


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """A server by its URL. ca: who signed its certificate, None for those the system knows.  seconds: for a message, and for connecting."""

    url: str
    starttls: StartTls = StartTls.REQUIRE
    ca: Path | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    seconds: float = _WHOLE_SECONDS

    @property
    def secure(self) -> bool:
        """Whether TLS comes before the first word."""
        return urlsplit(self.url).scheme == "smtps"

    @property
    def host(self) -> str:
        """The host's name."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """As the URL has it, or as is usual."""
        parts = urlsplit(self.url)
        return parts.port or _PORTS[parts.scheme]

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"{self.host}:{self.port}"


class _Replies:
    """What comes through a connection, of one reply no more than any has: the library collects its lines, which may have no end."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._left = 0

    def begin(self) -> None:
        """The next line is the first of a reply."""
        self._left = _LARGEST_REPLY

    def readline(self, size: int) -> bytes:
        """The next line. Raises _Refusal where the reply is too long."""
        line = self._source.readline(size)
        self._left -= len(line)
        if self._left < 0:
            raise _Refusal(f"sends a reply of more than {_LARGEST_REPLY >> 10} KiB")
        return line

    def close(self) -> None:
        """Let go of the connection."""
        self._source.close()


class _Watched(smtplib.SMTP):
    """A conversation whose connection the deadline makes, and whose replies have an end."""

    def __init__(self, deadline: Deadline, **words: Any) -> None:
        self._deadline = deadline
        super().__init__(**words)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return self._deadline.connected(host, port, timeout)

    def getreply(self) -> tuple[int, bytes]:
        """The next reply."""
        if self.file is None and self.sock is not None:
            self.file = _Replies(self.sock.makefile("rb"))
        if self.file is not None:
            self.file.begin()
        return super().getreply()


class _WatchedTls(smtplib.SMTP_SSL, _Watched):
    """The same, with TLS from its first byte."""

    def __init__(self, deadline: Deadline, **words: Any) -> None:
        self._deadline = deadline
        smtplib.SMTP_SSL.__init__(self, **words)


class SmtpDoor:
    """Use it as a context manager; the server is called with the first message, and not again in this run once it could not be reached."""

    def __init__(self, server: SmtpServer, sender: str) -> None:
        self._server = server
        self._sender = sender
        self._deadline = Deadline(server.seconds)
        self._conversation: smtplib.SMTP | None = None
        self._losses = 0
        self._down: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._conversation is not None:
            with self._deadline.running(), suppress(smtplib.SMTPException, OSError):
                self._conversation.quit()
        self._hang_up()

    def deliver(self, recipient: str, message: bytes) -> None:
        """Hand a message over. Raises DeliveryError, in words."""
        if self._down is not None:
            raise DeliveryError(self._down)
        with self._deadline.running(), self._told():
            conversation = self._conversation or self._connected()
            with self._lost():
                conversation.sendmail(self._sender, [recipient], message)

    def _connected(self) -> smtplib.SMTP:
        server, context = self._server, self._context()
        words: dict[str, Any] = {"host": server.host, "port": server.port, "local_hostname": "localhost", "timeout": _PIECE_SECONDS}
        made = _WatchedTls(self._deadline, context=context, **words) if server.secure else _Watched(self._deadline, **words)
        self._conversation = made
        made.local_hostname = _own_address(made)
        made.ehlo_or_helo_if_needed()
        if not server.secure:
            self._start_tls(made, context)
        if server.username is not None:
            self._log_in(made, server.username)
        return made

    def _context(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self._server.ca)
        except OSError as error:
            raise _Refusal(f"cannot be verified: {self._server.ca}: {error.strerror or error}") from error

    def _start_tls(self, conversation: smtplib.SMTP, context: ssl.SSLContext) -> None:
        """As the configuration asks for it; a certificate that cannot be verified is never taken."""
        if self._server.starttls is StartTls.NEVER:
            return
        if conversation.has_extn("starttls"):
            conversation.starttls(context=context)
            conversation.ehlo()
        elif self._server.starttls is StartTls.REQUIRE:
            raise _Refusal('offers no STARTTLS, which starttls = "require" asks for')

    def _log_in(self, conversation: smtplib.SMTP, username: str) -> None:
        if not isinstance(conversation.sock, ssl.SSLSocket):
            raise _Refusal("offers no TLS, and without it no password is sent")
        if not f"{username}{self._server.password}".isascii():
            raise _Refusal("is to be shown a username or password with other characters than ASCII's, which cannot be sent")
        conversation.login(username, self._server.password or "")

    @contextmanager
    def _lost(self) -> Iterator[None]:
        """A connection that ends with one message may be that message's fault: the next one gets another, a few times in a run."""
        try:
            yield
        except (smtplib.SMTPServerDisconnected, ConnectionError) as error:
            self._losses += 1
            if self._losses > _MOST_LOSSES or self._deadline.passed:
                raise
            what = self._fault(error)
            self._hang_up()
            raise DeliveryError(f"{self._server.name} {what}") from error

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What ends a conversation, in words; but for a message that is refused, nothing is tried with this server again."""
        try:
            yield
        except smtplib.SMTPRecipientsRefused as error:
            [(code, reply)] = error.recipients.values()
            final = code >= _PERMANENT and bool(_NO_SUCH_RECIPIENT.match(_text(reply)))
            raise self._refused(code, reply, final=final) from error
        except smtplib.SMTPAuthenticationError as error:
            raise self._broken(f"refuses the username or its password: {self._reply(error.smtp_code, error.smtp_error)}") from error
        except smtplib.SMTPSenderRefused as error:
            raise self._refused(error.smtp_code, error.smtp_error, final=error.smtp_code == _TOO_LARGE) from error
        except smtplib.SMTPDataError as error:
            final = error.smtp_code in (_TOO_LARGE, _NOT_TAKEN) and not _MENDABLE.match(_text(error.smtp_error))
            raise self._refused(error.smtp_code, error.smtp_error, final=final) from error
        except smtplib.SMTPResponseException as error:
            raise self._broken(f"says {self._reply(error.smtp_code, error.smtp_error)}") from error
        except (smtplib.SMTPException, OSError, UnicodeError, ValueError) as error:
            raise self._broken(self._fault(error)) from error

    def _refused(self, code: int, reply: bytes | str, *, final: bool) -> DeliveryError:
        """Of this one message.

        final: what is said of the recipient or of the message itself. Whom a server takes mail from can be mended, and so can what it
        lets through; and one that says no more than 550 may mean that it does not relay.
        """
        error = DeliveryError(f"{self._server.name} refuses it: {self._reply(code, reply)}", final=final)
        if self._conversation is None or self._conversation.sock is None:
            self._hang_up()
        return error

    def _broken(self, what: str) -> DeliveryError:
        self._hang_up()
        self._down = f"{self._server.name} {what}"
        return DeliveryError(self._down)

    def _hang_up(self) -> None:
        if self._conversation is not None:
            self._conversation.close()
            self._conversation = None
        self._deadline.close()

    def _fault(self, error: Exception) -> str:
        """What went wrong with the whole conversation."""
        silent = isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError)
        if self._deadline.passed or silent:
            return f"took longer than {self._server.seconds:.0f} s" if self._deadline.passed else "does not answer"
        match error:
            case _Refusal():
                text = str(error)
            case smtplib.SMTPServerDisconnected() if isinstance(error.__context__, _Refusal):
                text = str(error.__context__)
            case smtplib.SMTPServerDisconnected():
                text = "closed the connection"
            case ssl.SSLCertVerificationError():
                text = f"shows a certificate that does not hold: {error.verify_message}"
            case ssl.SSLError():
                text = f"cannot be spoken to under TLS: {error.reason or error}"
            case OSError() if not isinstance(error, smtplib.SMTPException):
                text = f"cannot be reached: {error.strerror or error}"
            case _:
                text = f"cannot be used: {self._shown(str(error))}"
        return text

    def _reply(self, code: int, reply: bytes | str) -> str:
        return f"{code} {self._shown(' '.join(_text(reply).split()))}"

    def _shown(self, text: str) -> str:
        """A server's words without what it was told in confidence, which it may repeat."""
        for secret in _forms(self._server.username, self._server.password):
            text = text.replace(secret, _HIDDEN)
        return text if len(text) <= _LONGEST_REPLY else f"{text[:_LONGEST_REPLY]}…"


class _Refusal(smtplib.SMTPException):
    """What the server offers is not enough."""


def _text(reply: bytes | str) -> str:
    return reply.decode(errors="replace") if isinstance(reply, bytes) else reply


def _own_address(conversation: smtplib.SMTP) -> str:
    """This end as EHLO may name it (RFC 5321, 4.1.3): no look-up, which could wait for a name server."""
    assert conversation.sock is not None  # noqa: S101  it is connected
    address = str(conversation.sock.getsockname()[0])
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


def _forms(username: str | None, password: str | None) -> Iterator[str]:
    """What AUTH PLAIN and LOGIN send, longest first."""
    if username and password:
        for text in (f"\0{username}\0{password}", password, username):
            yield base64.b64encode(text.encode()).decode()
        yield password
