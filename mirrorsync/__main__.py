"""`python -m mirrorsync` and the console script: a signal ends it in one line, also while the program is still being loaded."""

import os
import signal

_LOADING = {signal.SIGINT: b"interrupted", signal.SIGTERM: b"terminated"}
_STDERR = 2
_SIGNALLED = 128  # and the signal's number, as shells report it


def main() -> None:
    """Load the command line and run it."""
    heeded = [number for number in _LOADING if signal.getsignal(number) is not signal.SIG_IGN]  # a shell's background jobs ignore SIGINT
    for number in heeded:
        signal.signal(number, _end)
    from mirrorsync.cli.main import main as run  # noqa: PLC0415  what takes time to load, loaded once a signal can be answered
    from mirrorsync.stopping import heed_termination  # noqa: PLC0415  as above

    if signal.SIGINT in heeded:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.SIGTERM in heeded:
        heed_termination()
    run()


def _end(number: int, _frame: object) -> None:
    """Leave at once: an exception here could come up inside any module that is being loaded, and be lost or reported there."""
    try:
        os.write(_STDERR, b"mirrorsync: %s before anything was done\n" % _LOADING[signal.Signals(number)])
    finally:
        os._exit(_SIGNALLED + number)


if __name__ == "__main__":
    main()
