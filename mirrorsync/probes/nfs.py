"""A tree by NFS as nodes mount it: read as an unprivileged user, by each version, and held against the disk."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from ctypes import CDLL
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from mirrorsync.files import sha256_of
from mirrorsync.model.finding import Finding, Severity, curtailed
from mirrorsync.probes import nfsclient
from mirrorsync.probes.exports import is_shown

_SMALL = 1 << 20  # bytes of a file that is always read whole
_SAMPLES = 16
_SILENCE_SECONDS = 60.0
_END_SECONDS = 5.0
_NOBODY = 65534
_LONGEST_SAID = 200
_DENIED = (errno.EACCES, errno.EPERM)
_MOUNT = "look at the export (`exportfs -v`), at the server, and at what lies between: rpcbind and mountd for version 3, port 2049 for both"
_READ = "let everybody read it: chmod o+r the file, o+rx every folder above it"
_SAME = "is the exported folder the one that the tree lies in, and is nothing mounted over it?"


@dataclass(frozen=True, slots=True)
class NfsPlace:
    """What nodes mount: a server, and the path there. clients: who they are, as export_findings takes it; nothing leaves it open."""

    server: str
    path: str
    clients: tuple[str, ...] = ()

    @classmethod
    def at(cls, url: str, clients: Sequence[str] = ()) -> Self:
        """The place of nfs://SERVER/PATH (RFC 2224)."""
        parts = urlsplit(url)
        return cls(parts.hostname or "", unquote(parts.path).rstrip("/") or "/", tuple(clients))

    def __str__(self) -> str:
        return f"{self.server}:{self.path}"


def nfs_findings(
    place: NfsPlace, versions: Sequence[int], root: Path, names: Sequence[str], packages: Sequence[str], *, deep: bool
) -> tuple[Finding, ...]:
    """What a node would meet that installs from the tree at `root` by this mount; names and packages are paths below it.

    The size of every file is asked for, and whether anybody may read it. Those of `names` up to 1 MiB and a few packages are read whole,
    with `deep` all. Files that are not in the tree are passed over: that is told elsewhere.
    """
    try:
        CDLL(nfsclient.LIBRARY)
    except OSError:
        remedy = "install the library libnfs (Debian: libnfs13; EL: libnfs from EPEL)"
        return (Finding(Severity.NOTE, "nfs-not-read", str(place), "nothing was read by NFS: there is no client for it here", remedy),)
    samples = set(packages[:: max(1, len(packages) // _SAMPLES)])
    own = {name: (root / name).stat().st_size for name in dict.fromkeys((*names, *packages)) if (root / name).is_file()}
    files = {name: deep or name in samples or (name in names and size <= _SMALL) for name, size in own.items()}
    found = (finding for version in versions for finding in _of_version(place, version, root, files, own))
    return curtailed(found)


def _of_version(place: NfsPlace, version: int, root: Path, files: Mapping[str, bool], own: Mapping[str, int]) -> Iterator[Finding]:
    """files: whether each is to be read.  own: its size in bytes on the disk."""
    how, answered = f"by NFS version {version}", False
    for answer in _answers(place, version, files):
        if "exports" in answer:
            answered = True
            yield from _shown_findings(place, answer["exports"])
        elif answer.get("mounted"):
            answered = True
        elif "path" in answer:
            yield from _file_findings(f"{place}/{answer['path']}", how, root / answer["path"], own[answer["path"]], answer)
        elif "said" in answer:
            answered = True
            yield _refusal(place, how, answer)
        elif answer.get("over"):
            what = f"nodes wait for it {how}: it {'ceased to answer' if answered else 'does not answer'}"
            yield Finding(Severity.ERROR, "nfs-unreachable", str(place), what, _MOUNT)


def _shown_findings(place: NfsPlace, shown: Sequence[tuple[str, Sequence[str]]]) -> Iterator[Finding]:
    """Who is missing of those to whom mountd says it exports the tree, or a folder above it: `showmount -e`."""
    for clients in place.clients or (None,):
        if not is_shown(place.path, clients, shown):
            what = f"its server's mountd shows no export of it to {clients or 'anybody'} (`showmount -e {place.server}`)"
            yield Finding(Severity.WARNING, "nfs-not-shown", str(place), what, _MOUNT)


def _refusal(place: NfsPlace, how: str, answer: Mapping[str, Any]) -> Finding:
    """A refusal to one who asks from a port that anybody has says nothing of nodes, which ask as root: exports(5), `secure`."""
    if answer["errno"] in _DENIED and not answer["reserved"]:
        what = f"nothing was read {how}: the server refuses this user, who has no port below 1024 to ask from, as nodes have"
        return Finding(Severity.NOTE, "nfs-not-read", str(place), what, "let root run `mirrorsync check` now and then")
    return Finding(Severity.ERROR, "nfs-unreachable", str(place), f"nodes cannot mount it {how}: {_said(answer)}", _MOUNT)


def _file_findings(where: str, how: str, path: Path, size: int, answer: Mapping[str, Any]) -> Iterator[Finding]:
    number = answer.get("errno")
    if number in _DENIED:
        yield Finding(Severity.ERROR, "nfs-unreadable", where, f"nodes may not read it {how}: {_said(answer)}", _READ)
    elif number == errno.ENOENT:
        yield Finding(Severity.ERROR, "nfs-missing", where, f"is not there for nodes {how}, though it is on the disk", _SAME)
    elif number is not None:
        yield Finding(Severity.ERROR, "nfs-missing", where, f"nodes cannot read it {how}: {_said(answer)}", _MOUNT)
    elif answer["size"] != size:
        yield Finding(Severity.ERROR, "nfs-differs", where, f"has {answer['size']} bytes {how}, and {size} on the disk", _SAME)
    elif answer["sha256"] is not None and answer["sha256"] != (own := sha256_of(path)):
        what = f"its sha256 is {answer['sha256'][:16]}… {how}, and {own[:16]}… on the disk"
        yield Finding(Severity.ERROR, "nfs-differs", where, what, _SAME)


def _said(answer: Mapping[str, Any]) -> str:
    """What the server or the library says, in a line."""
    words = "".join(character if character.isprintable() else " " for character in str(answer["said"]))
    return " ".join(words.split())[:_LONGEST_SAID] or os.strerror(int(answer["errno"]))


def _answers(place: NfsPlace, version: int, files: Mapping[str, bool]) -> Iterator[Mapping[str, Any]]:
    """What the client says, {"over": true} at last where it was ended for its silence, or fell."""
    request = {"server": place.server, "path": place.path, "version": version, "uid": _NOBODY, "files": list(files.items())}
    command = [sys.executable, "-I", str(Path(nfsclient.__file__))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as client:
        assert client.stdin  # noqa: S101  it is a pipe
        try:
            with suppress(BrokenPipeError):
                client.stdin.write(json.dumps(request).encode())
                client.stdin.close()
            while line := _line(client):
                yield json.loads(line)
            client.wait(_END_SECONDS)
        finally:
            client.kill()
    if client.returncode:
        yield {"over": True}


def _line(client: "subprocess.Popen[bytes]") -> bytes:
    """The next line, b'' where the client has ended or was ended because it said nothing."""
    timer = Timer(_SILENCE_SECONDS, client.kill)
    timer.start()
    try:
        return client.stdout.readline() if client.stdout else b""
    finally:
        timer.cancel()
