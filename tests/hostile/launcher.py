"""Runs a command to its end and says what it cost: a small program of its own, for a child's peak memory begins with its parent's."""

import json
import os
import select
import signal
import sys
import time


def main() -> None:
    """`launcher.py FILE SECONDS COMMAND…`: what the command prints goes to FILE.out and FILE.err, what it cost to FILE.json."""
    file, limit, *command = sys.argv[1:]
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        for descriptor, suffix in ((1, "out"), (2, "err")):
            os.dup2(os.open(f"{file}.{suffix}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), descriptor)
        os.setsid()
        os.execvp(command[0], command)
    if not select.select([os.pidfd_open(child)], [], [], float(limit))[0]:
        os.killpg(child, signal.SIGKILL)
    _, status, usage = os.wait4(child, 0)
    processor = usage.ru_utime + usage.ru_stime
    cost = {
        "processor": processor,
        "code": os.waitstatus_to_exitcode(status),
        "seconds": time.monotonic() - began,
        "megabytes": usage.ru_maxrss / 1024,
    }
    with open(f"{file}.json", "w", encoding="utf-8") as written:  # noqa: PTH123  pathlib would double this program's memory
        json.dump(cost, written)


if __name__ == "__main__":
    main()
