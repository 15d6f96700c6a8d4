"""`python -m tests.hostile.program SECONDS PLANT ARGUMENT…`: the program with shorter waits, or with one check removed, or both."""

import importlib
import pkgutil
import sys
from functools import partial

import mirrorsync
from mirrorsync.upstream import body, losses, places, transport
from tests.hostile.plants import PLANTS


def main() -> None:
    """Put in place what is asked for, and be mirrorsync; 0 and '' are the program's own waits and a program that lacks nothing."""
    patience, plant, *arguments = sys.argv[1:]
    sys.argv = ["mirrorsync", *arguments]
    for module in pkgutil.walk_packages(mirrorsync.__path__, "mirrorsync."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    if seconds := float(patience):
        transport.Patience = partial(body.Patience, connect=seconds, read=seconds, retries=1)  # type: ignore[assignment, misc]  # less patience
        body.LONGEST_HEAD, body.LONGEST_COLLECTION, losses.LONGEST_SILENCE = 2 * seconds, 4 * seconds, 8 * seconds
        places.LONGEST_SEARCH = 4 * seconds
    if plant:
        next(planted for planted in PLANTS if planted.name == plant).put()
    from mirrorsync.cli.main import main as mirrorsync_main  # noqa: PLC0415  after everything is in place

    mirrorsync_main()


if __name__ == "__main__":
    main()
