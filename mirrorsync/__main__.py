"""`python -m mirrorsync` and the console script: an interruption ends in one line, also while the program is still being loaded."""

import os
import signal

_LOADING = b"mirrorsync: interrupted before anything was done\n"
_STDERR = 2
_INTERRUPTED = 130  # 128 + SIGINT, as shells report it


def main() -> None:
    """Load the command line and run it."""
    heeded = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # a shell's background jobs ignore it
    if heeded:
        signal.signal(signal.SIGINT, _end)
    from mirrorsync.cli.main import main as run  # noqa: PLC0415  what takes time to load, loaded once an interruption can be answered

    if heeded:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    run()


def _end(*_: object) -> None:
    """Leave at once: an exception here could come up inside any module that is being loaded, and be lost or reported there."""
    try:
        os.write(_STDERR, _LOADING)
    finally:
        os._exit(_INTERRUPTED)


if __name__ == "__main__":
    main()
