"""Small file systems of their own, mounted where nobody else sees them, for tests of what happens when they fill up."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.commands import Mirrorsync
from tests.namespaces import obstacle

_SECONDS = 60
_STEP = 1 << 18  # bytes: more than what a file takes beside its own
_BLOCK = 4096


def _missing() -> str | None:
    """Why there can be no volume here; None where there can."""
    lacking = [command for command in ("nsenter", "mkfs.ext4", "mount") if shutil.which(command) is None]
    return obstacle("mount") or (f"not installed: {', '.join(lacking)}" if lacking else None)


_MISSING = _missing()
needs_volumes = pytest.mark.skipif(_MISSING is not None, reason=_MISSING or "volumes can be made")


@dataclass(frozen=True)
class Volume:
    """A file system mounted at `path`, which only processes that `enter` see; everybody else reaches it at `outside`."""

    path: Path
    keeper: int

    @property
    def outside(self) -> Path:
        return Path(f"/proc/{self.keeper}/root{self.path}")

    @property
    def enter(self) -> list[str]:
        """What to put before a command."""
        return ["nsenter", "-t", str(self.keeper), "-m", f"--wd={Path.cwd()}"]

    @property
    def free(self) -> tuple[int, int]:
        """Bytes and inodes that nothing uses, once all is written."""
        subprocess.run([*self.enter, "sync", "-f", str(self.path)], check=True, timeout=_SECONDS)
        status = os.statvfs(self.outside)
        return status.f_bfree * status.f_frsize, status.f_ffree

    def leave(self, size: int) -> None:
        """Fill it up with one file until `size` bytes are left for others, less than a block more."""
        ballast = self.outside / "ballast"
        ballast.unlink(missing_ok=True)
        with ballast.open("wb", buffering=0) as file:
            os.posix_fallocate(file.fileno(), 0, max(1, self._surplus(size) - _STEP))
            file.seek(0, os.SEEK_END)
            for _ in range(2 * _STEP // _BLOCK):
                if self._surplus(size) < _BLOCK:
                    break
                file.write(bytes(_BLOCK))

    def _surplus(self, size: int) -> int:
        status = os.statvfs(self.outside)
        return status.f_bavail * status.f_frsize - size

    def leave_inodes(self, count: int) -> None:
        """Fill it up with empty files until `count` inodes are left."""
        crowd = self.outside / "crowd"
        shutil.rmtree(crowd, ignore_errors=True)
        crowd.mkdir()
        for number in range(os.statvfs(self.outside).f_ffree - count):
            (crowd / str(number)).touch()

    def mirrorsync(self, program: Mirrorsync) -> Mirrorsync:
        """The program, run where this is mounted."""
        return Confined(program.config, tuple(self.enter))


@dataclass(frozen=True)
class Confined(Mirrorsync):
    """The program behind a command that it is run by."""

    enter: tuple[str, ...] = ()

    @property
    def command(self) -> list[str]:
        return [*self.enter, *super().command]


@contextmanager
def ext4(folder: Path, megabytes: int, *options: str) -> Iterator[Volume]:
    """An ext4 in a file, by mkfs.ext4 with `options`, mounted at `folder`/volume."""
    image = folder / "volume.ext4"
    with image.open("wb") as file:
        file.truncate(megabytes << 20)
    command = ["mkfs.ext4", "-q", "-F", "-m", "0", "-b", str(_BLOCK), *options, str(image)]
    subprocess.run(command, check=True, capture_output=True, timeout=_SECONDS)
    with _mounted(folder, ["-o", "loop", str(image)]) as volume:
        yield volume


@contextmanager
def tmpfs(folder: Path, megabytes: int, inodes: int) -> Iterator[Volume]:
    """A tmpfs at `folder`/volume."""
    with _mounted(folder, ["-t", "tmpfs", "-o", f"size={megabytes}m,nr_inodes={inodes}", "tmpfs"]) as volume:
        yield volume


@contextmanager
def _mounted(folder: Path, arguments: list[str]) -> Iterator[Volume]:
    """A process keeps the namespace, and with it the mount, until its standard input ends: also when the test run is killed."""
    point = folder / "volume"
    point.mkdir()
    script = 'mount "$@" && echo mounted && read -r _'
    command = ["unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh", *arguments, str(point)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as keeper:
        try:
            assert keeper.stdout is not None
            assert keeper.stdout.readline() == "mounted\n", "the volume could not be mounted"
            yield Volume(point, keeper.pid)
        finally:
            keeper.communicate(timeout=_SECONDS)
