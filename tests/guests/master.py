"""The calls a master answers: mirrorsync's commands, and what its NFS server is asked to forget."""

import hashlib
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.guests.calls import Call
from tests.guests.installer import STAMP
from tests.guests.system import do, drop_caches
from tests.hdlists import HDLIST, records

ADDRESS = "10.77.0.1"
NETWORK = "10.77.0.0/24"
PARENT = Path("/u1")
TREE = PARENT / "redhat"
MIRROR = Path("/run/mirror")
ETC_EXPORTS = Path("/etc/exports")

_OFFERS = Path("/mnt/updates")
_NFS_STATE = Path("/var/lib/nfs")
_OPTIONS = "ro,no_subtree_check"
_THREADS = "8"


def start() -> None:
    """Mount the disk with the tree and start the NFS server, with nothing exported."""
    for folder in (PARENT, MIRROR, Path("/run/rpcbind"), _NFS_STATE / "v4recovery"):
        folder.mkdir(exist_ok=True)
    for file in (_NFS_STATE / "etab", _NFS_STATE / "rmtab", ETC_EXPORTS):
        file.write_text("")
    do("mount", "/dev/vdc", str(PARENT))
    do("modprobe", "nfsd")
    do("mount", "-t", "nfsd", "nfsd", "/proc/fs/nfsd")
    do("rpcbind", "-w")
    do("rpc.mountd")
    do("rpc.nfsd", _THREADS)
    Path("/proc/fs/nfsd/v4_end_grace").write_text("Y")  # no client of before is to be waited for


def export(path: str) -> None:
    """Let the node mount `path`, and nothing else."""
    ETC_EXPORTS.write_text(export_line(path))
    do("exportfs", "-ra")


def export_line(path: str) -> str:
    """The line of exports(5) that lets the node mount `path`."""
    return f"{path} {NETWORK}({_OPTIONS})\n"


def offer(number: int) -> None:
    """Put the update of that number on the master's mirror."""
    for file in (_OFFERS / f"{number:03}").iterdir():
        (MIRROR / file.name).symlink_to(file)


def run(command: Sequence[str], limit: float) -> tuple[int, str, str]:
    """How a command ended after at most `limit` seconds: exit code, output, errors."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=limit)
    return done.returncode, done.stdout, done.stderr


def forget() -> None:
    """Let the server decode every file handle from nothing, as after a restart."""
    do("exportfs", "-f")
    drop_caches()


def published() -> tuple[int, tuple[str, ...]]:
    """The tree's generation, and the file names in its hdlist, as they lie on the disk."""
    number = (TREE / STAMP).read_text(encoding="ascii").split()[0]
    return int(number), tuple(record.filename for record in records((TREE / HDLIST).read_bytes()))


def fingerprint() -> str:
    """A digest over every name and inode below the exported folder but the lock's: equal where nothing was built."""
    found = sorted(f"{path} {path.lstat().st_ino}" for path in PARENT.rglob("*") if path.name != "lock")
    return hashlib.sha256("\n".join(found).encode()).hexdigest()


CALLS: Mapping[str, Call] = {
    "export": export,
    "offer": offer,
    "run": run,
    "forget": forget,
    "published": published,
    "fingerprint": fingerprint,
}
