"""A limit for a whole conversation: a timeout for each piece alone lets a server that sends a byte now and then hold it for ever."""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from threading import Thread, Timer
from typing import Any


class Deadline:
    """Makes a connection, and shuts it down when the time is over; close it with the connection, or its peer is never told of the end."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end_at = float("inf")
        self._watched: socket.socket | None = None

    @property
    def passed(self) -> bool:
        """Whether the time is over; to be asked within its block."""
        return time.monotonic() >= self._end_at

    def connected(self, host: str, port: int, piece: float) -> socket.socket:
        """A connection to the first of the host's addresses that answers, in the time that is left; `piece` seconds for each step.

        Raises OSError, or UnicodeError for a name that no host can have.
        """
        fault = OSError(f"{host} has no address")
        for family, kind, protocol, _, address in self._addresses(host, port):
            try:
                made = self._called(socket.socket(family, kind, protocol), address, piece)
            except OSError as error:  # of a family that this machine does not speak, too
                fault = error
            else:
                self._watch(made)
                return made
        raise fault

    def _called(self, made: socket.socket, address: Any, piece: float) -> socket.socket:
        """The socket, connected. Raises OSError; it is closed then."""
        try:
            made.settimeout(min(piece, self._left()))
            made.connect(address)
        except OSError:
            made.close()
            raise
        made.settimeout(piece)
        return made

    def _addresses(self, host: str, port: int) -> list[tuple[Any, ...]]:
        """By a thread of its own, for nothing can interrupt a look-up; one that comes too late has nobody to tell."""
        found: Future[list[tuple[Any, ...]]] = Future()

        def look_up() -> None:
            try:
                found.set_result([*socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)])
            except (OSError, UnicodeError) as error:
                found.set_exception(error)

        Thread(target=look_up, daemon=True).start()
        return found.result(self._left())

    def _left(self) -> float:
        """Seconds. Raises TimeoutError where there are none."""
        left = self._end_at - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def _watch(self, connection: socket.socket) -> None:
        """Let this be the connection: before it is wrapped in TLS."""
        self.close()
        self._watched = connection.dup()
        if self.passed:
            self._end()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Whatever makes the connection or waits for it in this block fails when its seconds are over."""
        self._end_at = time.monotonic() + self.seconds
        timer = Timer(self.seconds, self._end)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()

    def close(self) -> None:
        """Let go of the connection."""
        if self._watched is not None:
            self._watched.close()
            self._watched = None

    def _end(self) -> None:
        if self._watched is not None:
            with suppress(OSError):  # it has ended by itself
                self._watched.shutdown(socket.SHUT_RDWR)
