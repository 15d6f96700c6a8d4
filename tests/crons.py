"""Debian's cron for a test: in namespaces of its own, with the entries of a folder, and mail that is kept as it was sent."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message
from functools import cache
from pathlib import Path

_SCRIPT = """
set -e
mount --make-rprivate /
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
mkdir -p "$1/spool/crontabs" "$1/upper" "$1/work"
mount --bind "$1/cron.d" /etc/cron.d
mount --bind "$1/spool" /var/spool/cron
mount --bind "$1/crontab" /etc/crontab
mount -t overlay -o "lowerdir=/usr/sbin,upperdir=$1/upper,workdir=$1/work" overlay /usr/sbin
exec /usr/sbin/cron -f
"""
_SENDMAIL = """#!/bin/sh
exec cat >"{mail}/$(date +%s%N).eml"
"""


@cache
def obstacle() -> str:
    """Why cron cannot be run here, '' where it can."""
    if os.geteuid() != 0:
        return "only root can run cron"
    if not Path("/usr/sbin/cron").exists():
        return "this machine lacks Debian's cron; install cron"
    command = ["unshare", "--mount", "--pid", "--fork", "mount", "-t", "proc", "proc", "/proc"]
    return "" if subprocess.run(command, capture_output=True, check=False).returncode == 0 else "no namespaces can be made here"


@contextmanager
def cron(folder: Path, entries: Mapping[str, str]) -> Iterator[None]:
    """cron at work with these files in /etc/cron.d, until the block ends; what it mails is in `folder`."""
    for name in ("cron.d", "mail"):
        (folder / name).mkdir()
    for name, text in entries.items():
        (folder / "cron.d" / name).write_text(text)
        (folder / "cron.d" / name).chmod(0o644)
    (folder / "crontab").write_text("")
    (folder / "crontab").chmod(0o644)
    (folder / "upper").mkdir()
    (folder / "upper/sendmail").write_text(_SENDMAIL.format(mail=folder / "mail"))
    (folder / "upper/sendmail").chmod(0o755)
    command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-c", _SCRIPT, "bash", str(folder)]
    with (folder / "cron.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield
        assert process.poll() is None, (folder / "cron.log").read_text()
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(60)
        shutil.rmtree(folder / "work", ignore_errors=True)


def mails(folder: Path) -> list[Message]:
    """What was mailed, the oldest first."""
    return [message_from_bytes(path.read_bytes()) for path in sorted((folder / "mail").iterdir())]
