"""A real NFS server in namespaces of its own: nfs-ganesha with rpcbind, where nothing that it does is seen from outside.

The caller is re-run by `unshare` in a network, mount and process namespace; the end of that process ends all that ran in it.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from tests.inflight import nfs
from tests.namespaces import obstacle

ADDRESS = "10.77.0.1"
START_SECONDS = 20
UNSHARE = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
"""What makes a command the first process of such namespaces."""

_PORTMAPPER, _NFS, _MOUNT = 111, 2049, 20048
_DAEMONS = ("ganesha.nfsd", "rpcbind", "ip", "unshare")
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"

# Nothing is remembered of attributes and names, so that a mount made right after an exchange is one of the new tree,
# and every look of an older mount is made by its handle again, as it would be long after the exchange.
_CONFIG = """
NFS_CORE_PARAM {{
    Protocols = {versions}; Bind_addr = {address}; NFS_Port = {nfs}; MNT_Port = {mount};
    Enable_NLM = false; Enable_RQUOTA = false; mount_path_pseudo = false;
}}
NFS_KRB5 {{ Active_krb5 = false; }}
NFSv4 {{ Graceless = true; RecoveryRoot = {work}/recovery; Minor_Versions = 0, 1, 2; }}
MDCACHE {{ Dir_Chunk = 0; Entries_HWMark = 50; LRU_Run_Interval = 1; }}
EXPORT {{
    Export_Id = 1; Path = {export}; Pseudo = {export}; Attr_Expiration_Time = 0;
    Access_Type = RO; Squash = root_squash; SecType = sys; FSAL {{ Name = VFS; }}
}}
"""


def missing() -> str:
    """What keeps this machine from serving NFS here, '' where nothing does."""
    if reason := obstacle("net", "mount", "pid"):
        return reason
    lacking = [name for name in _DAEMONS if shutil.which(name, path=_PATH) is None]
    if not nfs.available():
        lacking.append("libnfs13")
    return f"not installed: {', '.join(lacking)}" if lacking else ""


def run_inside(module: str, arguments: Sequence[str]) -> NoReturn:
    """Become `module`, run in new namespaces."""
    os.execvp(UNSHARE[0], [*UNSHARE, sys.executable, "-m", module, *arguments])


def enter_network() -> None:
    """Give this namespace an address, and a /run that rpcbind's socket can lie in."""
    commands: Sequence[Sequence[str]] = (
        ("mount", "-t", "tmpfs", "tmpfs", "/run"),
        ("ip", "link", "set", "lo", "up"),
        ("ip", "link", "add", "server", "type", "veth", "peer", "name", "nodes"),
        ("ip", "address", "add", f"{ADDRESS}/24", "dev", "server"),
        ("ip", "link", "set", "server", "up"),
        ("ip", "link", "set", "nodes", "up"),
    )
    for command in commands:
        subprocess.run(command, check=True, env={**os.environ, "PATH": _PATH})


@contextmanager
def portmapper(work: Path) -> Iterator[None]:
    """rpcbind, without which ganesha does not serve version 3."""
    with daemon(["rpcbind", "-f", "-w"], work / "rpcbind.log", answering(_PORTMAPPER)):
        yield


@contextmanager
def ganesha(export: Path, versions: Sequence[int], work: Path) -> Iterator[None]:
    """Serve the folder `export` under its own path at ADDRESS, by these versions of NFS."""
    (work / "recovery").mkdir(exist_ok=True)
    config = work / "ganesha.conf"
    protocols = ", ".join(map(str, versions))
    config.write_text(_CONFIG.format(versions=protocols, address=ADDRESS, nfs=_NFS, mount=_MOUNT, work=work, export=export))
    command = ["ganesha.nfsd", "-F", "-f", str(config), "-L", str(work / "ganesha.log"), "-p", str(work / "ganesha.pid")]
    with daemon(command, work / "output.log", answering(_NFS)):
        yield


@contextmanager
def daemon(command: Sequence[str], log: Path, ready: Callable[[], bool]) -> Iterator[None]:
    """A daemon in the foreground, from when it is ready until it is ended."""
    with log.open("ab") as output, subprocess.Popen(command, stdout=output, stderr=output, env={**os.environ, "PATH": _PATH}) as process:
        try:
            _wait_until(ready, process, log)
            yield
        finally:
            _end(process)


def answering(port: int) -> Callable[[], bool]:
    """Whether somebody takes connections at that port of ADDRESS."""

    def answers() -> bool:
        try:
            socket.create_connection((ADDRESS, port), 1).close()
        except OSError:
            return False
        return True

    return answers


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(START_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


def _wait_until(ready: Callable[[], bool], process: "subprocess.Popen[bytes]", log: Path) -> None:
    limit = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < limit:
        if ready():
            return
        time.sleep(0.02)
    raise RuntimeError(f"{process.args!r} does not answer: {log.read_text(errors='replace')[-1000:]}")
