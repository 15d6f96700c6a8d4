"""Signals that end the program: an exception where the work can be given up, and waiting where it is to be carried through."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_ENDING = (signal.SIGINT, signal.SIGTERM)


class Stopped(KeyboardInterrupt):
    """SIGTERM came: what a KeyboardInterrupt ends, this ends in the same way."""


def heed_termination() -> None:
    """Let SIGTERM raise Stopped from here on."""
    signal.signal(signal.SIGTERM, _stop)


def ignore_ending() -> None:
    """Go on whatever comes: what is left is soon done."""
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one, as systemd may send, would break into what closes files and locks
    raise Stopped


@contextmanager
def unbroken() -> Iterator[None]:
    """Signals that would end the program wait until the block is over, and then do."""
    if threading.current_thread() is not threading.main_thread():  # where no signal ever comes
        yield
        return
    came: list[int] = []
    former = {number: signal.getsignal(number) for number in _ENDING}
    for number in _ENDING:
        if former[number] is not signal.SIG_IGN:
            signal.signal(number, lambda number, _frame: came.append(number))
    try:
        yield
    finally:
        for number in _ENDING:
            signal.signal(number, former[number])
        if came:
            signal.raise_signal(came[0])
