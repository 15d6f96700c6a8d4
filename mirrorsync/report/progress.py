"""What is shown of a fetch while it runs: bars on a terminal, nothing anywhere else."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from mirrorsync.model.arriving import Arriving

if TYPE_CHECKING:
    from mirrorsync.report.bars import BarProgress


class NullProgress:
    """Shows nothing."""

    def started(self, file: Arriving, already: int) -> None:
        """A transfer goes on after `already` bytes."""

    def received(self, file: Arriving, size: int) -> None:
        """`size` more bytes have come."""

    def finished(self, file: Arriving) -> None:
        """A file is here, or given up."""


@contextmanager
def progress_on(stream: TextIO, files: Sequence[Arriving], *, quiet: bool = False) -> "Iterator[NullProgress | BarProgress]":
    """What shows the arrival of `files` on `stream`: bars where that is a terminal, nothing otherwise."""
    if quiet or not files or not stream.isatty():
        yield NullProgress()
        return
    from mirrorsync.report.bars import bars_on  # noqa: PLC0415  rich is loaded only where it shows something

    with bars_on(stream, files) as progress:
        yield progress
