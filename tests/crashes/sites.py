"""Copies of a folder, and what of two of them is the same: content, modes, symbolic links, and which names are one file."""

import hashlib
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

Appearance = Mapping[str, "Seen"]


@dataclass(frozen=True, slots=True)
class Seen:
    """One name: its kind and permissions, its content's digest or its link's target, and all names of the same file."""

    mode: int
    content: str
    names: tuple[str, ...]


def copy_site(source: Path, target: Path) -> None:
    """`target` becomes a copy of `source`: files of several names stay files of several names, and times stay."""
    shutil.rmtree(target, ignore_errors=True)
    _copy_folder(source, target, {})


def _copy_folder(source: Path, target: Path, known: dict[int, Path]) -> None:
    target.mkdir()
    with os.scandir(source) as entries:
        for entry in entries:
            status, copy = entry.stat(follow_symlinks=False), target / entry.name
            if entry.is_symlink():
                copy.symlink_to(Path(entry).readlink())
            elif stat.S_ISDIR(status.st_mode):
                _copy_folder(Path(entry), copy, known)
            elif status.st_ino in known:
                os.link(known[status.st_ino], copy)
            else:
                _copy_file(Path(entry), copy, status)
                known[status.st_ino] = copy
    target.chmod(stat.S_IMODE(source.stat().st_mode))


def _copy_file(source: Path, target: Path, status: os.stat_result) -> None:
    target.write_bytes(source.read_bytes())
    target.chmod(stat.S_IMODE(status.st_mode))
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))


def appearance(root: Path, *, without: tuple[str, ...] = ()) -> Appearance:
    """Everything below `root` by relative path, but the paths `without` and what lies below them."""
    inodes = {name: path.lstat() for name, path in _walk(root, "", without)}
    names: dict[int, list[str]] = {}
    for name, status in inodes.items():
        names.setdefault(status.st_ino, []).append(name)
    contents: dict[int, str] = {}
    for name, status in inodes.items():
        if status.st_ino not in contents:
            contents[status.st_ino] = _content(root / name, status.st_mode)
    return {name: Seen(status.st_mode, contents[status.st_ino], tuple(names[status.st_ino])) for name, status in inodes.items()}


def _walk(root: Path, prefix: str, without: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    with os.scandir(root / prefix) as entries:
        ordered = sorted(entries, key=lambda entry: entry.name)
    for entry in ordered:
        name = f"{prefix}{entry.name}"
        if name in without:
            continue
        yield name, Path(entry)
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(root, f"{name}/", without)


def _content(path: Path, mode: int) -> str:
    if stat.S_ISLNK(mode):
        return str(path.readlink())
    return hashlib.sha256(path.read_bytes()).hexdigest() if stat.S_ISREG(mode) else ""


def differences(expected: Appearance, found: Appearance, *, links: bool = True, without: str = "") -> tuple[str, ...]:
    """One line for each name that is not the same in both, but those that begin with `without`.

    Without `links` it does not matter which names are one file.
    """
    names = [name for name in sorted(expected.keys() | found.keys()) if not without or not name.startswith(without)]
    return tuple(line for name in names for line in _faults(name, expected.get(name), found.get(name), links=links))


def _faults(name: str, expected: Seen | None, found: Seen | None, *, links: bool) -> Iterator[str]:
    if expected is None or found is None:
        yield f"{name}: {'left over' if found else 'missing'}"
    elif expected.mode != found.mode:
        yield f"{name}: mode {found.mode:o} where {expected.mode:o} was expected"
    elif expected.content != found.content:
        yield f"{name}: other content"
    elif links and expected.names != found.names:
        yield f"{name}: one file with {len(found.names)} names where {len(expected.names)} were expected"
