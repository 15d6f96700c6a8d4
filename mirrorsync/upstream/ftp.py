"""A mirror that speaks FTP: passive, binary, resumed with REST; a listing by MLSD, or LIST where there is none."""

import ftplib
import io
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from threading import Lock
from types import TracebackType
from typing import Self
from urllib.parse import SplitResult, quote, unquote, urlsplit

from mirrorsync.errors import UpstreamError
from mirrorsync.upstream.body import (
    Body,
    HeadReader,
    Pace,
    Patience,
    RefusedError,
    TransferCutError,
    collected,
    persistently,
    plain,
    stream,
)
from mirrorsync.upstream.mirror import Mirror, without_credentials
from mirrorsync.upstream.pages import Entry, parse_list, parse_mlsd

_MOST_LISTING_BYTES = 32 << 20
_LONGEST_SIZE = 18  # digits
_FRESH_SECONDS = 10.0
_NOT_KNOWN = ("500", "501", "502", "504")
_FOREIGN = (OSError, EOFError, ftplib.Error, ValueError)  # ValueError for what is to be a number in a reply


class FtpTransport:
    """Connections are lent to one transfer at a time and kept for the next; one that a transfer left unsure is dropped."""

    def __init__(self, mirror: Mirror, patience: Patience) -> None:
        if mirror.proxy:
            raise UpstreamError(f"{mirror.name}: a proxy cannot be used with FTP; take the proxy out, or use the mirror's http:// address")
        self._mirror = mirror
        self._patience = patience
        self._pace = Pace(mirror.max_rate)
        self._idle: list[_Control] = []
        self._lock = Lock()
        self._has_mlsd = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for control in idle:
            control.close()

    @contextmanager
    def open(self, url: str, *, start: int = 0, end: int | None = None, validator: str | None = None) -> Iterator[Body]:
        """As Transport says; the validator is size and modification time."""
        with self._lent(url) as control:
            path = control.absolute(_path(url))
            total, present = control.stamp(path, url)
            if start == 0 and validator is not None and validator == present:
                yield Body(iter(()), total=total, validator=present, unchanged=True, url=url)
                return
            same = validator in (None, present) and (total is None or start <= total)
            first = start if same else 0
            with control.retrieval(path, first, url) as read:
                chunks = stream(read, url=url, start=first, end=end, total=total, pace=self._pace, patience=self._patience)
                yield Body(chunks, first, total, present, url=url)

    def entries(self, url: str) -> tuple[Entry, ...]:
        """As Transport says."""

        def read_once() -> tuple[Entry, ...]:
            with self._lent(url) as control:
                control.enter(control.absolute(_path(url)), url)
                return self._listed(control, url)

        return persistently(read_once)

    def _listed(self, control: "_Control", url: str) -> tuple[Entry, ...]:
        if self._has_mlsd:
            try:
                return parse_mlsd(control.lines("MLSD", url))
            except _UnknownCommandError:
                self._has_mlsd = False
        return parse_list(control.lines("LIST", url), datetime.now(UTC).date())

    @contextmanager
    def _lent(self, url: str) -> Iterator["_Control"]:
        control = self._taken(url)
        try:
            yield control
        except RefusedError:
            self._give_back(control)
            raise
        except BaseException:
            control.close()
            raise
        self._give_back(control)

    def _taken(self, url: str) -> "_Control":
        """An idle connection that still answers, else a new one."""
        while True:
            with self._lock:
                control = self._idle.pop() if self._idle else None
            if control is None:
                return self._connected(url)
            if control.answers():
                return control
            control.close()

    def _give_back(self, control: "_Control") -> None:
        if not control.settled:
            control.close()
            return
        control.used = time.monotonic()
        with self._lock:
            self._idle.append(control)

    def _connected(self, url: str) -> "_Control":
        parts = urlsplit(url)
        for pause in (*(0.5 * 2**attempt for attempt in range(self._patience.retries)), None):
            control = _Control(self._mirror.password)
            try:
                control.greet(parts, self._mirror, self._patience)
            except ftplib.error_perm as error:
                control.close()
                said = control.told_of(error)
                raise UpstreamError(f"{self._mirror.name}: the login was refused: {said}; check username and password") from error
            except _FOREIGN as error:
                control.close()
                if pause is None:
                    said = control.told_of(error)
                    raise UpstreamError(f"{self._mirror.name}: {said}; is the mirror, or the network, down?") from error
                time.sleep(pause)
            else:
                return control
        raise AssertionError("unreachable")


class _UnknownCommandError(UpstreamError):
    """The server does not know a command that it may leave out."""


class _Control(ftplib.FTP):
    """A control connection. `settled` is whether the server owes no reply and the next command may be sent.

    Names travel as the bytes they are: UTF-8 with surrogate escapes here, Latin-1 on ftplib's side.
    """

    def __init__(self, password: str | None) -> None:
        super().__init__(encoding="latin-1")
        self._password = password
        self.settled = False
        self.used = time.monotonic()
        self._home = "/"
        self._patience = Patience()
        self._reader: HeadReader | None = None

    def getmultiline(self) -> str:
        """A reply, which may be neither too long nor too long in coming."""
        if self._reader is None:
            self._reader = HeadReader(self.file.detach().detach())  # type: ignore[union-attr]  # connected; nothing of it was read yet
            self.file = io.TextIOWrapper(io.BufferedReader(self._reader), self.encoding)
        with self._reader.head():
            return super().getmultiline()

    def greet(self, parts: SplitResult, mirror: Mirror, patience: Patience) -> None:
        """Connect, log in and switch to binary. Raises ftplib's errors and OSError."""
        self._patience = patience
        self.connect(parts.hostname or "", parts.port or ftplib.FTP_PORT, timeout=patience.connect)
        self._wait(patience.read)
        self.login(*map(_wire, (mirror.username, mirror.password or "") if mirror.username else ("anonymous", "mirrorsync@")))
        self.voidcmd("TYPE I")
        self._home = self.pwd()
        self.settled = True

    def answers(self) -> bool:
        """Whether a connection that was kept is still there; one used a moment ago is taken to be."""
        if time.monotonic() - self.used < _FRESH_SECONDS:
            return True
        try:
            self.voidcmd("NOOP")
        except _FOREIGN:
            return False
        return True

    def absolute(self, path: str) -> str:
        """A URL's path, which is relative to the login folder (RFC 1738), as an absolute one."""
        return path if path.startswith("/") else f"{self._home.rstrip('/')}/{path}"

    def stamp(self, path: str, url: str) -> tuple[int | None, str | None]:
        """(bytes, validator) of a file; None where the server cannot tell."""
        size = self._told(f"SIZE {path}", url)
        modified = self._told(f"MDTM {path}", url)
        total = int(size) if size and size.isascii() and size.isdigit() and len(size) <= _LONGEST_SIZE else None
        return total, f"{total}-{modified}" if modified and total is not None else None

    def enter(self, path: str, url: str) -> None:
        """Change into a folder: only so do blanks and globs in its name mean themselves to every server's LIST."""
        with self._converted(url):
            self.voidcmd(f"CWD {path}")

    def lines(self, command: str, url: str) -> list[str]:
        """What MLSD or LIST says of the present folder."""
        with self._transfer(command, None, url) as read:
            chunks = stream(read, url=url, start=0, end=None, total=None, pace=Pace(None), patience=self._patience)
            listing = collected(Body(chunks), url, _MOST_LISTING_BYTES)
        return [line.rstrip(b"\r").decode(errors="surrogateescape") for line in listing.split(b"\n")]

    @contextmanager
    def retrieval(self, path: str, start: int, url: str) -> Iterator[Callable[[int], bytes]]:
        """A file's bytes from `start` on; leaving early cuts the transfer."""
        with self._transfer(f"RETR {path}", start or None, url) as read:
            yield read

    @contextmanager
    def _transfer(self, command: str, rest: int | None, url: str) -> Iterator[Callable[[int], bytes]]:
        with self._converted(url):
            data = self.transfercmd(command, rest)
        self.settled = False
        try:
            with data:
                yield self._receiver(data, url)
        finally:
            if not self.settled:
                self._settle()

    def _receiver(self, data: socket.socket, url: str) -> Callable[[int], bytes]:
        def read(size: int) -> bytes:
            try:
                block = data.recv(size)
                if not block and not self.settled:
                    self.voidresp()
                    self.settled = True
            except _FOREIGN as error:
                raise TransferCutError(f"{url}: the transfer broke off: {self.told_of(error)}; try later or another mirror") from error
            return block

        return read

    def _settle(self) -> None:
        """After a cut the server says 426, or 226 where it had sent all; without a reply the connection is of no use."""
        with suppress(*_FOREIGN):
            self._wait(self._patience.connect)
            self.getmultiline()
            self._wait(self._patience.read)
            self.settled = True

    def _wait(self, seconds: float) -> None:
        """Let the next replies and data take this long."""
        self.timeout = seconds
        if self.sock is not None:
            self.sock.settimeout(seconds)

    def _told(self, command: str, url: str) -> str | None:
        try:
            with self._converted(url):
                reply = self.sendcmd(command)
        except _UnknownCommandError:
            return None
        if not reply.startswith("213 "):
            raise TransferCutError(f"{url}: answered {self._shown(reply)!r} to {command[:4]}; try later or another mirror")
        return reply[4:].strip()

    @contextmanager
    def _converted(self, url: str) -> Iterator[None]:
        try:
            yield
        except ftplib.error_perm as error:
            if str(error)[:3] in _NOT_KNOWN:
                raise _UnknownCommandError(f"{url}: {self.told_of(error)}; the server lacks a command") from error
            raise RefusedError(f"{url}: {self.told_of(error)}; the mirror does not have it or does not give it") from error
        except _FOREIGN as error:
            raise TransferCutError(f"{url}: {self.told_of(error)}; try later or another mirror") from error

    def told_of(self, error: BaseException) -> str:
        """What went wrong, in the server's words where it said any."""
        if isinstance(error, ftplib.Error):
            return self._shown(str(error))
        if isinstance(error, TimeoutError):
            return "no answer in time"
        if isinstance(error, ValueError):
            return "an answer that cannot be understood"
        return (error.strerror if isinstance(error, OSError) else None) or "the connection was closed"

    def _shown(self, reply: str) -> str:
        """A reply without the password, which some servers repeat."""
        forms = (self._password, _wire(self._password), quote(self._password, errors="surrogateescape")) if self._password else ()
        for form in forms:
            reply = re.sub(re.escape(form), "…", reply, flags=re.IGNORECASE)
        return plain(reply)


def _path(url: str) -> str:
    """The path of a URL as ftplib sends it. Raises UpstreamError where it would be more than a path."""
    path = urlsplit(url).path.removeprefix("/")
    decoded = unquote(path, errors="surrogateescape")
    if any(character in decoded for character in "\r\n\0"):
        raise UpstreamError(f"{without_credentials(url)}: refused: control characters in a name")
    return _wire(decoded).rstrip("/")


def _wire(text: str) -> str:
    return text.encode(errors="surrogateescape").decode("latin-1")
