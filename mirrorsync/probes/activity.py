"""What the servers that nodes use have to tell of who is installing: the kernel's NFS server by /proc, TFTP and HTTP by their logs."""

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from mirrorsync.model.activity import RECENT, Activity, Sign
from mirrorsync.planning.traces import http_signs, latest, nfs4_signs, nfs_signs, own_addresses, reaches_back, tftp_signs

_MOST_BYTES = 1 << 20  # of a log, from its end
_MOST_CLIENTS = 65536
_MINUTES = int(RECENT.total_seconds() // 60)


def by_nfs(proc: Path = Path("/proc")) -> Activity:
    """Who is a client of this machine's NFS server, but for this machine itself, whose checks read as nodes do."""
    looked_up = proc / "net/rpc/auth.unix.ip/content"
    try:
        content = looked_up.read_text(encoding="utf-8", errors="replace")
        folders = list(os.scandir(proc / "fs/nfsd/clients"))[:_MOST_CLIENTS]
    except OSError as error:
        return Activity(unknown=(f"NFS: {error.filename}: {error.strerror}: the server is another's, or only root may look",))
    signs = [*nfs_signs(content)]
    for folder in folders:
        with suppress(OSError):  # it has left meanwhile
            signs += nfs4_signs(Path(folder.path, "info").read_text(encoding="utf-8", errors="replace"))
    own = own_addresses(_text(proc / "net/fib_trie"), _text(proc / "net/if_inet6"))
    return Activity(tuple(sign for sign in signs if sign.node not in own))


def _text(path: Path) -> str:
    """Nothing where this kernel has no such file: without IPv6, say."""
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def by_tftp(log: Path, names: Collection[str], now: datetime) -> Activity:
    """Who has loaded one of these files, by in.tftpd's or dnsmasq's lines."""
    return _by_log("TFTP", log, lambda lines: tftp_signs(lines, names, now), now)


def by_http(log: Path, path: str, now: datetime) -> Activity:
    """Who has asked for what lies below the path, by a server's access log."""
    return _by_log("HTTP", log, lambda lines: http_signs(lines, path, now), now)


def together(looks: Iterable[Activity]) -> Activity:
    """What all of them come to."""
    looks = tuple(looks)
    return Activity(latest(sign for look in looks for sign in look.signs), tuple(reason for look in looks for reason in look.unknown))


def _by_log(name: str, log: Path, signs: Callable[[Sequence[str]], Iterator[Sign]], now: datetime) -> Activity:
    """That a log has no sign counts only where it reaches back far enough."""
    try:
        lines = _last_lines(log)
    except OSError as error:
        return Activity(unknown=(f"{name}: {log}: cannot be read: {error.strerror}",))
    found = tuple(signs(lines))
    if found or reaches_back(lines, now):
        return Activity(found)
    return Activity(unknown=(f"{name}: {log}: does not reach back {_MINUTES} minutes",))


def _last_lines(log: Path) -> list[str]:
    """Whole lines of the log's end. A pipe is no log."""
    with open(log, "rb", opener=lambda path, flags: os.open(path, flags | os.O_NONBLOCK)) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _MOST_BYTES))
        lines = file.read(_MOST_BYTES).decode(errors="replace").splitlines()
    return lines[1:] if size > _MOST_BYTES else lines
