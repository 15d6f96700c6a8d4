"""What the file systems of this machine can do and where they are mounted: tried, and read of mountinfo (proc(5))."""

import errno
import os
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from mirrorsync.files import exchange_names, make_directory, remove_tree

_MOST_LINKS = 40  # on one way: path_resolution(7)
_NOT_SUPPORTED = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.EMLINK)


class Ability(Enum):
    """What a publication needs of a file system, and not every one has."""

    LINKS = auto()
    SYMLINKS = auto()
    EXCHANGE = auto()


def abilities(trial: Path) -> frozenset[Ability]:
    """What the file system can do, tried in the folder `trial`, which is made for it and removed."""
    remove_tree(trial)
    attempts: dict[Ability, Callable[[], None]] = {
        Ability.LINKS: lambda: _try_link(trial / "file"),
        Ability.SYMLINKS: lambda: (trial / "link").symlink_to("left"),
        Ability.EXCHANGE: lambda: exchange_names(trial / "left", trial / "right"),
    }
    try:
        make_directory(trial / "left")
        make_directory(trial / "right")
        return frozenset(ability for ability, attempt in attempts.items() if _possible(attempt))
    finally:
        remove_tree(trial)


def _try_link(path: Path) -> None:
    path.touch()
    path.with_name("again").hardlink_to(path)


def has_symbolic_links(trial: Path) -> bool:
    """Whether the file system can have them: one is made at `trial`, and removed."""
    trial.unlink(missing_ok=True)
    if not _possible(lambda: trial.symlink_to(trial.name)):
        return False
    trial.unlink()
    return True


def _possible(attempt: Callable[[], None]) -> bool:
    try:
        attempt()
    except OSError as error:
        if not unsupported(error):
            raise
        return False
    return True


def unsupported(error: OSError) -> bool:
    """Whether it is what a file system answers that has no such thing."""
    return error.errno in _NOT_SUPPORTED


@dataclass(frozen=True, slots=True)
class Mount:
    """Where something is mounted, its device as "major:minor", and the kind of its file system."""

    point: Path
    device: str
    kind: str


def mounts() -> tuple[Mount, ...]:
    """Everything that this process sees mounted; nothing where that cannot be read."""
    try:
        text = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ()
    return tuple(_mount(line.split(" ")) for line in text.splitlines())


def _mount(words: list[str]) -> Mount:
    """Blanks and the like in its path are octal escapes."""
    point = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), words[4])
    return Mount(Path(point), words[2], words[words.index("-") + 1])


def mount_points(path: Path) -> tuple[Path, ...]:
    """What is mounted at `path` or below it, be it of the same file system."""
    places = (path.parent.resolve() / path.name, path.resolve())
    return tuple(sorted({mount.point for mount in mounts() if any(mount.point.is_relative_to(place) for place in places)}))


def kind_of(device: int) -> str:
    """What kind of file system a device (as stat(2) numbers it) is; '' where mountinfo has it not, as with btrfs's subvolumes."""
    number = f"{os.major(device)}:{os.minor(device)}"
    return next((mount.kind for mount in mounts() if mount.device == number), "")


def foreign_hands(path: Path) -> Path | None:
    """The file itself, or what lies on the way to it, that others than root and this user may change; None where there is nothing.

    A folder such as /tmp, whose files are their owners' alone, does no harm.
    """
    for place in reversed(_way_to(path)):
        try:
            status = place.lstat()
        except OSError:
            return place
        guarded = stat.S_ISLNK(status.st_mode) or (stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX)
        if status.st_uid not in (0, os.geteuid()) or (status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not guarded):
            return place
    return None


def _way_to(path: Path) -> list[Path]:
    """All that is passed on the way from / to what a path leads to: folders, links, the folders of what these lead to, and itself."""
    place, links = Path("/"), 0
    passed, rest = [place], [*reversed(path.absolute().parts[1:])]
    while rest:
        part = rest.pop()
        following = place.parent if part == ".." else place / part
        passed.append(following)
        if os.path.islink(following) and links < _MOST_LINKS:  # noqa: PTH114  Path's raises where it may not look
            links += 1
            target = following.readlink()
            rest += [*reversed(target.parts[1:] if target.is_absolute() else target.parts)]
            place = Path("/") if target.is_absolute() else place
        else:
            place = following
    return passed
