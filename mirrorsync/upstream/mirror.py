"""Where an update mirror is and how to speak to it."""

import posixpath
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from mirrorsync.errors import UpstreamError
from mirrorsync.model.address import fault, shown
from mirrorsync.upstream.body import plain

_SCHEMES = ("http", "https", "ftp", "file")


@dataclass(frozen=True, slots=True)
class Mirror:
    """One place of packages. `Mirror.at` makes one of what a person writes.

    name: what messages call it, without credentials.  url: without credentials and without a slash at its end.
    connections: how many transfers at a time.  max_rate: bytes per second of all of them together.
    proxy: an HTTP proxy's URL.  client_cert, client_key, ca: PEM files.
    """

    name: str
    url: str
    connections: int = 4
    max_rate: int | None = None
    proxy: str | None = field(default=None, repr=False)
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    client_cert: str | None = None
    client_key: str | None = None
    ca: str | None = None

    @classmethod
    def at(cls, address: str) -> Self:
        """The mirror at a URL, its credentials taken out of it, or in a plain folder; `dataclasses.replace` sets the rest.

        Raises UpstreamError for a URL that is none, or of a scheme that mirrorsync does not speak.
        """
        if address.startswith("/"):
            return cls(address, Path(posixpath.normpath(address)).as_uri())
        name = plain(shown(address))
        if what := fault(address):
            raise UpstreamError(f"{name}: {what}")
        parts = urlsplit(address)
        if parts.scheme not in _SCHEMES or not (parts.scheme == "file" or parts.hostname):
            raise UpstreamError(f"{name}: not the URL of a mirror; write http://, https://, ftp://, file:// or a folder's absolute path")
        bare = without_credentials(address).rstrip("/")
        return cls(bare, bare, username=_decoded(parts.username), password=_decoded(parts.password))


def without_credentials(url: str) -> str:
    """The URL as messages may show it: no user name, no password."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def place(url: str, location: str) -> str:
    """The URL of what lies at `location` ('/' between its parts, not encoded) below `url`."""
    return f"{url.rstrip('/')}/{quote(location.encode(errors='surrogateescape'), safe='/~')}"


def local_path(url: str) -> Path:
    """The path a file:// URL names. Raises UpstreamError where it names another host."""
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost"):
        raise UpstreamError(f"{plain(shown(url))}: names a host; a file:// URL has three slashes: file:///folder")
    path = unquote(parts.path, errors="surrogateescape")
    if "\0" in path:
        raise UpstreamError(f"{plain(url)}: %00 stands in no name; correct it")
    return Path(path)


def _decoded(text: str | None) -> str | None:
    return None if text is None else unquote(text)
