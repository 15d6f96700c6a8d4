"""Several pieces of work at once, which end together when one of them cannot go on."""

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


def in_parallel(actions: Iterable[Callable[[], T]], workers: int) -> tuple[T, ...]:
    """What the actions return, in their order, `workers` of them at a time; the first exception of one is raised at once.

    The threads are daemons: a person who ends the program need not wait for a mirror that stands still.
    """
    waiting: SimpleQueue[tuple[Callable[[], T], Future[T]]] = SimpleQueue()
    futures: list[Future[T]] = []
    for action in actions:
        futures.append(Future())
        waiting.put((action, futures[-1]))
    for _ in range(min(workers, len(futures))):
        Thread(target=_work, args=(waiting,), name="fetch", daemon=True).start()
    try:
        done, _pending = wait(futures, return_when=FIRST_EXCEPTION)
        for future in done:
            future.result()
        return tuple(future.result() for future in futures)
    finally:
        for future in futures:
            future.cancel()


def _work(waiting: SimpleQueue[tuple[Callable[[], T], Future[T]]]) -> None:
    """Take one piece after another until none is left or one fails."""
    while True:
        try:
            action, future = waiting.get_nowait()
        except Empty:
            return
        if future.set_running_or_notify_cancel():
            _settle(action, future)
            if future.exception():
                return


def _settle(action: Callable[[], T], future: Future[T]) -> None:
    try:
        future.set_result(action())
    except BaseException as error:  # noqa: BLE001  handed over to the thread that waits for it, which raises it
        future.set_exception(error)
