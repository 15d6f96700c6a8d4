"""Bars on a terminal for files that are arriving; apart, for loading rich takes longer than a run with nothing to do."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from mirrorsync.model.arriving import Arriving
from mirrorsync.report.text import visible


class BarProgress:
    """A bar for all files together, and one for each that is arriving."""

    def __init__(self, bars: Progress, files: Sequence[Arriving]) -> None:
        self._bars = bars
        self._lock = Lock()
        self._count = len(files)
        self._ended = 0
        self._shown: dict[str, TaskID] = {}
        self._whole = bars.add_task(self._caption(), total=sum(file.size for file in files))
        self._arrived: dict[str, int] = {}

    def started(self, file: Arriving, already: int) -> None:
        """Show its bar, `already` bytes long."""
        with self._lock:
            if file.location not in self._shown:
                self._shown[file.location] = self._bars.add_task(visible(file.filename), total=file.size)
            self._set(file, already)

    def received(self, file: Arriving, size: int) -> None:
        """Lengthen its bar, and that of all, by `size` bytes."""
        with self._lock:
            self._set(file, self._arrived.get(file.location, 0) + size)

    def finished(self, file: Arriving) -> None:
        """Take its bar away and count it as done, whatever became of it."""
        with self._lock:
            self._ended += 1
            self._set(file, file.size)
            if file.location in self._shown:
                self._bars.remove_task(self._shown.pop(file.location))
            self._bars.update(self._whole, description=self._caption())

    def _set(self, file: Arriving, arrived: int) -> None:
        before = self._arrived.get(file.location, 0)
        self._arrived[file.location] = arrived
        self._bars.advance(self._whole, arrived - before)
        if file.location in self._shown:
            self._bars.update(self._shown[file.location], completed=arrived)

    def _caption(self) -> str:
        return f"{self._ended} of {self._count} files"


@contextmanager
def bars_on(stream: TextIO, files: Sequence[Arriving]) -> Iterator[BarProgress]:
    """Bars for `files` on `stream`, gone when the block ends."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=stream), transient=True) as bars:
        yield BarProgress(bars, files)
