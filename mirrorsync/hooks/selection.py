"""Which programs are a folder's hooks for an occasion, and whether nobody else could have put them there."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from mirrorsync.filesystem import foreign_hands

BEFORE, AFTER = "pre-publish", "post-publish"
_TAKEN = re.compile(r"[A-Za-z0-9_-]+")  # run-parts(8)'s names: no copies that editors and packages leave


@dataclass(frozen=True, slots=True)
class Hook:
    """A program, what messages call it (`pre-publish`, or `pre-publish/10-scan`), and the configured folder that it is in."""

    name: str
    program: Path
    folder: Path

    @property
    def fault(self) -> str | None:
        """Why it is not run: `what; what to do`; None where it can be."""
        if not os.access(self.folder, os.R_OK | os.X_OK):
            return f"{self.folder} is not a folder that this user can read; put it back, or correct mirrorsync.hooks"
        if not (os.path.isfile(self.program) and os.access(self.program, os.X_OK)):  # noqa: PTH113  Path's raises where it may not look
            return f"{self.program} is not a program that this user can run; chmod 755 it, or take it away"
        if hands := foreign_hands(self.program):
            return f"{hands} may be changed by others than root and this user; chown it, and chmod go-w"
        return None


def hooks_for(folder: Path, occasion: str) -> tuple[Hook, ...]:
    """The program `folder`/`occasion`, or those in the folder of that name, in the order of their names; none where there is none.

    A folder that cannot be read, or is not there, is one hook, which cannot be run: who configured it wants to be asked.
    """
    place = folder / occasion
    if not os.path.isdir(folder) or not os.access(folder, os.R_OK | os.X_OK):  # noqa: PTH112  as above
        return (Hook(occasion, place, folder),)
    if not place.is_dir() or not os.access(place, os.R_OK | os.X_OK):
        return (Hook(occasion, place, folder),) if os.path.lexists(place) else ()
    names = sorted(path.name for path in place.iterdir() if _TAKEN.fullmatch(path.name))
    return tuple(Hook(f"{occasion}/{name}", place / name, folder) for name in names)
