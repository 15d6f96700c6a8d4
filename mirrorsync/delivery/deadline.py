"""A limit for a whole conversation: a timeout for each piece alone lets a server that sends a byte now and then hold it for ever."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Timer


class Deadline:
    """Shuts a connection down when the time for it is over; close it with the connection, or its peer is never told of the end."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.passed = False
        self._watched: socket.socket | None = None

    def watch(self, connection: socket.socket) -> None:
        """Let this be the connection: before it is wrapped in TLS."""
        self.close()
        self._watched = connection.dup()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Whatever waits for the connection in this block fails when its seconds are over."""
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
        self.passed = True
        if self._watched is not None:
            with suppress(OSError):  # it has ended by itself
                self._watched.shutdown(socket.SHUT_RDWR)
