"""What systemd is told: sd_notify(3), by its socket alone."""

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress

_OWN = ("NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC")
_MICROSECONDS = 1_000_000


class Supervisor:
    """Who started the daemon and wants to hear of it; nobody where NOTIFY_SOCKET is not set."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        for_us = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        microseconds = environ.get("WATCHDOG_USEC", "")
        self.watchdog = int(microseconds) / _MICROSECONDS if for_us and microseconds.isdecimal() and int(microseconds) else None
        """Seconds within which it wants a sign of life; None for never."""

    def ready(self) -> None:
        """All is loaded, for the first time or again."""
        self._say("READY=1")

    def reloading(self) -> None:
        """The configuration is read anew; `ready` ends that."""
        self._say("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        """Nothing is begun any more."""
        self._say("STOPPING=1")

    def status(self, text: str) -> None:
        """One line for `systemctl status`."""
        self._say(f"STATUS={text}")

    def alive(self) -> None:
        """The sign of life."""
        if self.watchdog:
            self._say("WATCHDOG=1")

    def _say(self, *words: str) -> None:
        """A supervisor that does not listen any more is no reason to stop."""
        if not self._address:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
            door.settimeout(1)
            door.sendto("\n".join(words).encode(), self._address)


def unsupervised(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for what the daemon starts: without what is between it and its supervisor."""
    return {name: value for name, value in environ.items() if name not in _OWN}
