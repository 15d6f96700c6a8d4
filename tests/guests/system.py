"""What a guest asks its own system for."""

import subprocess
from pathlib import Path

_LIMIT_SECONDS = 120
_DROP = Path("/proc/sys/vm/drop_caches")


def do(*command: str) -> None:
    """Run a command that has to succeed."""
    subprocess.run(command, check=True, timeout=_LIMIT_SECONDS)


def said(*command: str) -> str:
    """What a command that failed said, "" for one that did not."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_LIMIT_SECONDS)
    return "" if done.returncode == 0 else done.stderr.strip() or f"{command[0]} ended with {done.returncode}"


def drop_caches() -> None:
    """Let the kernel forget every page, name and inode that is not in use."""
    do("sync")
    _DROP.write_text("3\n")
