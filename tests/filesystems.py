"""File systems for tests, mounted in a namespace that takes mounts, loop devices and daemons with it when it ends."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.commands import Mirrorsync, Result

_MEGABYTE = 1 << 20
_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Machine:
    """A mount namespace, and a process namespace whose processes end with it. `process` is the one that made them."""

    process: int

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """How a command ends there, in this process's folder."""
        spaces = (f"--mount=/proc/{self.process}/ns/mnt", f"--pid=/proc/{self.process}/ns/pid_for_children")
        return subprocess.run(
            ["nsenter", *spaces, "--", "sh", "-c", 'cd "$0" && exec "$@"', str(Path.cwd()), *command],
            capture_output=True,
            text=True,
            check=False,
            timeout=5 * _SECONDS,
        )

    def do(self, *command: str) -> None:
        """Let a command do what it must."""
        done = self.run(*command)
        assert done.returncode == 0, (command, done.stdout, done.stderr)

    def mirrorsync(self, program: Mirrorsync, *arguments: str) -> Result:
        """The program, run there."""
        done = self.run(*program.command, *arguments)
        assert "Traceback" not in done.stderr, done.stderr
        return Result(done.returncode, done.stdout, done.stderr)

    def inside(self, path: Path) -> Path:
        """Where a path of the machine is found from here; links in it must be relative ones."""
        return Path(f"/proc/{self.process}/root{path}")

    def mount(self, kind: str, folder: Path) -> Path:
        """A new file system of that kind, mounted at `folder`, which is made."""
        folder.mkdir(parents=True)
        MOUNTS[kind](self, folder)
        return folder


@contextmanager
def machine() -> Iterator[Machine]:
    """A machine that ends with this process too: its first process reads a pipe that this one holds."""
    command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private", "--", "cat"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        try:
            holder.stdin.write(b"ready\n")
            holder.stdin.flush()
            assert holder.stdout.readline() == b"ready\n"
            yield Machine(holder.pid)
        finally:
            holder.stdin.close()
            try:
                holder.wait(_SECONDS)
            finally:
                holder.kill()


def _image(folder: Path, megabytes: int) -> str:
    path = folder.with_name(f"{folder.name}.image")
    with path.open("xb") as file:
        file.truncate(megabytes * _MEGABYTE)
    return str(path)


def _on_loop(megabytes: int, *maker: str) -> Callable[[Machine, Path], None]:
    def mount(machine: Machine, folder: Path) -> None:
        image = _image(folder, megabytes)
        subprocess.run([*maker, image], check=True, capture_output=True, timeout=_SECONDS)
        machine.do("mount", "-o", "loop", image, str(folder))

    return mount


def _tmpfs(machine: Machine, folder: Path) -> None:
    machine.do("mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder))


def _fuse2fs(machine: Machine, folder: Path) -> None:
    """ext4 in user space, by FUSE 2, which knows no RENAME_EXCHANGE."""
    image = _image(folder, 64)
    subprocess.run(["mkfs.ext4", "-q", image], check=True, capture_output=True, timeout=_SECONDS)
    machine.do("fuse2fs", image, str(folder))


def _vfat(machine: Machine, folder: Path) -> None:
    """vfat in user space, which is where this kernel may have it."""
    image = _image(folder, 64)
    subprocess.run(["mkfs.vfat", image], check=True, capture_output=True, timeout=_SECONDS)
    machine.do("fusefat", "-o", "rw+", image, str(folder))


MOUNTS: dict[str, Callable[[Machine, Path], None]] = {
    "ext4": _on_loop(128, "mkfs.ext4", "-q"),
    "xfs": _on_loop(320, "mkfs.xfs", "-q"),
    "btrfs": _on_loop(160, "mkfs.btrfs", "-q"),
    "tmpfs": _tmpfs,
    "fuse2fs": _fuse2fs,
    "vfat": _vfat,
}
