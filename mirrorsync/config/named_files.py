"""The files and folders the configuration names: are they there, and are the secret ones secret?"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from mirrorsync.config.schema import Config, UpdateSource
from mirrorsync.config.sources import Location
from mirrorsync.errors import ConfigError

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def unusable_files(config: Config) -> Iterator[tuple[Location, str]]:
    """(where, "what; what to do") of every file or folder the configuration names that cannot be used by this user."""
    for name, tree in config.trees.items():
        here: Location = ("trees", name)
        if not _is_folder(tree.path):
            yield (*here, "path"), f"{tree.path} is not a folder that this user can read; put the distribution's tree there"
        for key in ("kickstarts", "updates_from"):
            yield from _unreadable_in((*here, key), getattr(tree, key))
        if tree.genhdlist and not os.access(tree.genhdlist[0], os.X_OK):
            yield (*here, "genhdlist", 0), f"{tree.genhdlist[0]} cannot be run; install it or remove the key"
        if tree.boot and not _is_folder(tree.boot.directory):
            yield (*here, "boot", "directory"), f"{tree.boot.directory} is not a folder that this user can read; make it"
        for index, update in enumerate(tree.updates):
            yield from _update_files((*here, "updates", index), update)


def _update_files(here: Location, update: UpdateSource) -> Iterator[tuple[Location, str]]:
    yield from _unreadable_in((*here, "keys"), update.keys)
    for key in ("client_cert", "client_key", "ca", "password_file"):
        path = getattr(update, key)
        if path and (problem := _unreadable(path)):
            yield (*here, key), problem
    if update.password_file and (problem := _exposed(update.password_file)):
        yield (*here, "password_file"), problem


def _unreadable_in(here: Location, paths: tuple[Path, ...]) -> Iterator[tuple[Location, str]]:
    for index, path in enumerate(paths):
        if problem := _unreadable(path):
            yield (*here, index), problem


def _is_folder(path: Path) -> bool:
    return os.access(path, os.R_OK | os.X_OK) and path.is_dir()


def _unreadable(path: Path) -> str | None:
    if os.access(path, os.R_OK) and path.is_file():
        return None
    return f"{path} is not a file that this user can read; put it there, or correct the name or the mode"


def _exposed(path: Path) -> str | None:
    if os.access(path, os.F_OK) and path.stat().st_mode & _OTHERS:
        return f"{path} may be read by others; chmod 600 it"
    return None


def read_password(update: UpdateSource) -> str | None:
    """The first line of the mirror's password file, None where it has none. Raises ConfigError where others may read the file."""
    if update.password_file is None:
        return None
    problem = _unreadable(update.password_file) or _exposed(update.password_file)
    if problem:
        raise ConfigError((f"password_file of {update.name}: {problem}",))
    return update.password_file.read_text(encoding="utf-8").partition("\n")[0]
