"""How an installer reaches a tree: by name below one directory that it holds, or below one address."""

import ftplib
import http.client
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, urlsplit

TIMEOUT_SECONDS = 30


class RefusedError(Exception):
    """The server did not give the file: the text says what it answered."""


class Door(Protocol):
    """Whole files by their path below the tree."""

    def read(self, path: str) -> bytes:
        """The file's bytes. Raises RefusedError."""


Enter = Callable[[str], AbstractContextManager[Door]]
"""A door to the tree at a path below what is served."""


class HttpDoor:
    """One connection, kept open as long as the server likes."""

    def __init__(self, connection: http.client.HTTPConnection, folder: str) -> None:
        self._connection = connection
        self._folder = folder

    def read(self, path: str) -> bytes:
        """GET it."""
        try:
            self._connection.request("GET", quote(f"{self._folder}/{path}"))
            response = self._connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise RefusedError(f"{path}: {error!r}") from error
        if response.status != http.client.OK:
            raise RefusedError(f"{path}: HTTP {response.status}")
        return content


@contextmanager
def http_door(url: str, path: str) -> Iterator[Door]:
    """The tree at `path` below `url`."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT_SECONDS)
    try:
        yield HttpDoor(connection, f"/{path}")
    finally:
        connection.close()


class FtpDoor:
    """One session, as the installer has it: every file by its whole path."""

    def __init__(self, session: ftplib.FTP, folder: str) -> None:
        self._session = session
        self._folder = folder

    def read(self, path: str) -> bytes:
        """RETR it."""
        blocks: list[bytes] = []
        try:
            self._session.retrbinary(f"RETR {self._folder}/{path}", blocks.append)
        except ftplib.all_errors as error:
            raise RefusedError(f"{path}: {error!r}") from error
        return b"".join(blocks)


@contextmanager
def ftp_door(url: str, path: str) -> Iterator[Door]:
    """The tree at `path` below `url`."""
    address = urlsplit(url)
    with ftplib.FTP(timeout=TIMEOUT_SECONDS) as session:
        try:
            session.connect(address.hostname or "", address.port or 0)
            session.login()
        except ftplib.all_errors as error:
            raise RefusedError(f"{url}: {error!r}") from error
        yield FtpDoor(session, f"/{path}")


class HeldDoor:
    """A directory of this machine that is held open, as an NFS mount holds one."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def read(self, path: str) -> bytes:
        """Open it below the directory and read it."""
        try:
            with os.fdopen(os.open(path, os.O_RDONLY, dir_fd=self._descriptor), "rb") as file:
                return file.read()
        except OSError as error:
            raise RefusedError(f"{path}: {error.strerror}") from error


@contextmanager
def held_door(root: Path, path: str) -> Iterator[Door]:
    """The directory at `path` below `root`, whatever its name will be."""
    descriptor = os.open(root / path, os.O_PATH | os.O_DIRECTORY)
    try:
        yield HeldDoor(descriptor)
    finally:
        os.close(descriptor)
