"""Files with what proves who asks: passwords, keys, secrets of webhooks. Nobody but their owner may read them."""

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mirrorsync.config.rules import table
from mirrorsync.config.schema import UpdateSource
from mirrorsync.config.sources import Location, Sources
from mirrorsync.errors import ConfigError
from mirrorsync.files import read_plain

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_LARGEST = 1 << 16  # bytes of a file whose first line is all that counts


def unreadable(path: Path) -> str | None:
    """What is wrong with a file that is to be read, and what to do."""
    if os.access(path, os.R_OK) and path.is_file():
        return None
    return f"{path} is not a file that this user can read; put it there, or correct the name or the mode"


def exposed(path: Path) -> str | None:
    """What is wrong with a file that holds a secret, and what to do, where others than its owner may read or write it."""
    if os.access(path, os.F_OK) and path.stat().st_mode & _OTHERS:
        return f"{path} may be read by others; chmod 600 it"
    return None


def unusable_secret(path: Path) -> str | None:
    """What is wrong with a file whose first line is a password or the like, and what to do."""
    try:
        read_secret(path)
    except ConfigError as error:
        return "; ".join(error.problems)
    return None


def read_secret(path: Path) -> str:
    """The first line of a file. Raises ConfigError where others may read it, or it cannot be read, or says nothing there."""
    if problem := unreadable(path) or exposed(path):
        raise ConfigError((problem,))
    try:
        line = read_plain(path, _LARGEST).decode("utf-8-sig").partition("\n")[0].removesuffix("\r")
    except OSError as error:
        raise ConfigError((f"{path} cannot be read: {error.strerror}; write the secret in its first line",)) from error
    except UnicodeDecodeError as error:
        raise ConfigError((f"{path}: byte {error.start + 1} is not UTF-8; save the file as UTF-8",)) from error
    if not line:
        raise ConfigError((f"{path} has an empty first line; write the secret there",))
    return line


def read_password(update: UpdateSource) -> str | None:
    """The mirror's password, None where it has none. Raises ConfigError where others may read that, or another proof of who asks."""
    for key, path in proofs(update):
        problem = unusable_secret(path) if key == "password_file" else unreadable(path) or exposed(path)
        if problem:
            raise ConfigError((f"{key} of {update.name}: {problem}",))
    return read_secret(update.password_file) if update.password_file else None


def proofs(update: UpdateSource) -> Iterator[tuple[str, Path]]:
    """(key, file) of what proves who asks: a certificate's file holds its key too where no other is named."""
    if update.password_file:
        yield "password_file", update.password_file
    if update.client_key:
        yield "client_key", update.client_key
    elif update.client_cert:
        yield "client_cert", update.client_cert


def exposed_proxies(sources: Sources) -> Iterator[tuple[Location, str]]:
    """(where, "what; what to do") of every proxy whose password stands in a file that others may read."""
    for where, value in _proxies(sources.values):
        problem = exposed(sources.origin(where).file) if "@" in value else None
        if problem:
            yield where, f"names a password, and {problem}"


def _proxies(values: Mapping[str, Any]) -> Iterator[tuple[Location, str]]:
    for name, tree in table(values.get("trees")).items():
        updates = table(tree).get("updates")
        for index, update in enumerate(updates if isinstance(updates, list) else []):
            if isinstance(proxy := table(update).get("proxy"), str):
                yield ("trees", name, "updates", index, "proxy"), proxy
