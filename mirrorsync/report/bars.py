"""Bars on a terminal for packages that are arriving; apart, for loading rich takes longer than a run with nothing to do."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from mirrorsync.model.package import Package
from mirrorsync.report.text import visible


class BarProgress:
    """A bar for all packages together, and one for each that is arriving."""

    def __init__(self, bars: Progress, packages: Sequence[Package]) -> None:
        self._bars = bars
        self._lock = Lock()
        self._count = len(packages)
        self._ended = 0
        self._shown: dict[str, TaskID] = {}
        self._whole = bars.add_task(self._caption(), total=sum(package.size for package in packages))
        self._arrived: dict[str, int] = {}

    def started(self, package: Package, already: int) -> None:
        """Show its bar, `already` bytes long."""
        with self._lock:
            if package.location not in self._shown:
                self._shown[package.location] = self._bars.add_task(visible(package.filename), total=package.size)
            self._set(package, already)

    def received(self, package: Package, size: int) -> None:
        """Lengthen its bar, and that of all, by `size` bytes."""
        with self._lock:
            self._set(package, self._arrived.get(package.location, 0) + size)

    def finished(self, package: Package) -> None:
        """Take its bar away and count it as done, whatever became of it."""
        with self._lock:
            self._ended += 1
            self._set(package, package.size)
            if package.location in self._shown:
                self._bars.remove_task(self._shown.pop(package.location))
            self._bars.update(self._whole, description=self._caption())

    def _set(self, package: Package, arrived: int) -> None:
        before = self._arrived.get(package.location, 0)
        self._arrived[package.location] = arrived
        self._bars.advance(self._whole, arrived - before)
        if package.location in self._shown:
            self._bars.update(self._shown[package.location], completed=arrived)

    def _caption(self) -> str:
        return f"{self._ended} of {self._count} packages"


@contextmanager
def bars_on(stream: TextIO, packages: Sequence[Package]) -> Iterator[BarProgress]:
    """Bars for `packages` on `stream`, gone when the block ends."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=stream), transient=True) as bars:
        yield BarProgress(bars, packages)
