"""Waiting for what other processes do, with an end."""

import threading
import time
from collections.abc import Callable

import pytest


def until(happened: Callable[[], object], *, seconds: float = 60, what: str = "it", log: Callable[[], object] = str) -> None:
    """Wait until something has happened; where it has not in time the test fails, with what the log has then."""
    last = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > last:
            pytest.fail(f"{what} has not happened in {seconds:.0f} s: {log()}")
        time.sleep(0.02)


def wait_for(event: threading.Event) -> None:
    """Hold a server's thread until the event, or for a minute."""
    event.wait(60)
