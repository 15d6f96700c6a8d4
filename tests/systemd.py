"""A systemd of its own for a test: the first process of new namespaces, with the units of a folder and nothing else to do."""

import os
import shutil
import signal
import subprocess
import sysconfig
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.waiting import until

SYSTEMD = "/lib/systemd/systemd"
_START_SECONDS = 20
_PROJECT = Path(__file__).parents[1]
_TARGETS = ("test", "sysinit", "basic", "shutdown", "network-online", "multi-user", "umount")
_SCRIPT = """
set -e
echo $$ >"$1/cgroup.procs"
exec unshare --mount --uts --ipc --pid --fork --cgroup --kill-child bash -c '
set -e
mount --make-rprivate /
mount -t proc proc /proc
umount -l /sys/fs/cgroup/* 2>/dev/null || true
umount -l /sys/fs/cgroup || true
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/systemd/system
cp -r "$1"/. /run/systemd/system/
# what is the machine'"'"'s own is neither started nor changed
mount --bind "$2" "$2"
mkdir "$2"/code "$2"/code/project "$2"/code/packages
mount --bind "$4" "$2"/code/project
mount --bind "$5" "$2"/code/packages
mount -o remount,bind,ro /
for folder in /dev /proc/sys; do
    mount --bind "$folder" "$folder"
    mount -o remount,bind,ro "$folder"
done
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
for folder in /tmp /var/tmp /lib/systemd/system-generators; do mount -t tmpfs -o mode=1777 tmpfs "$folder"; done
export container=other SYSTEMD_UNIT_PATH=/run/systemd/system
exec "$3" --system --unit=test.target --log-target=console --show-status=0
' bash "$2" "$3" "$4" "$5" "$6"
"""


@dataclass
class System:
    """A running one; `process` is outside of its namespaces, their first process its child."""

    process: "subprocess.Popen[bytes]"

    @property
    def first(self) -> int:
        [child] = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(child)

    def systemctl(self, *words: str) -> str:
        """What it prints."""
        inside = ["nsenter", "-t", str(self.first), "-m", "-p", "systemctl", *words]
        return subprocess.run(inside, capture_output=True, text=True, check=False, timeout=120).stdout

    def show(self, unit: str, name: str) -> str:
        """One property of a unit."""
        return self.systemctl("show", "--value", "-p", name, unit).strip()


@cache
def obstacle() -> str:
    """Why none can be run here, '' where one can."""
    if os.geteuid() != 0:
        return "only root can make systemd's namespaces"
    if not Path(SYSTEMD).exists() or shutil.which("nsenter") is None:
        return "this machine lacks systemd; install it"
    return "" if _control_groups() else "this machine has no control groups of version 2, which systemd needs"


def _control_groups() -> Path | None:
    mounts = (line.split() for line in Path("/proc/mounts").read_text().splitlines())
    return next((Path(words[1]) for words in mounts if words[2] == "cgroup2" and os.access(words[1], os.W_OK)), None)


@contextmanager
def booted(folder: Path, units: Mapping[str, str], *, writable: Path) -> Iterator[System]:
    """A systemd that knows these units, by name, and targets with nothing in them; what it says goes to `folder`/systemd.log.

    None of the machine's own units is there, and nothing of its disks can be written but what lies in the folder `writable`. Its
    code/project and code/packages are this project and what it needs, wherever they are.
    """
    targets = {f"{name}.target": f"[Unit]\nDescription={name}\nDefaultDependencies=no\n" for name in _TARGETS}
    for name, text in {**targets, **units}.items():
        (folder / "units" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "units" / name).write_text(text)
    groups = _control_groups()
    assert groups is not None, obstacle()
    group = groups / f"mirrorsync-test-{os.getpid()}-{time.monotonic_ns()}"
    group.mkdir()
    with (folder / "systemd.log").open("wb") as log:
        words = (group, folder / "units", writable, SYSTEMD, _PROJECT, sysconfig.get_path("purelib"))
        command = ["bash", "-c", _SCRIPT, "bash", *map(str, words)]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        system = System(process)
        until(lambda: _answers(system), seconds=_START_SECONDS, what="systemd's start")
        yield system
    finally:
        with suppress(ValueError, OSError):
            os.kill(system.first, signal.SIGKILL)  # with the first process of a namespace all others go
        process.wait(60)
        _remove(group)


def _answers(system: System) -> bool:
    with suppress(ValueError, OSError):
        return "running" in (state := system.systemctl("is-system-running")) or "degraded" in state or "starting" in state
    return False


def _remove(group: Path) -> None:
    """Control groups go from the innermost on, and only once nobody is in them."""
    for path, _, _ in os.walk(group, topdown=False):
        until(lambda: _removed(Path(path)), seconds=10, what=f"the end of {path}")  # noqa: B023  called before the next one


def _removed(path: Path) -> bool:
    with suppress(OSError):
        path.rmdir()
    return not path.exists()
