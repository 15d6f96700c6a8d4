"""What a package says of its own changes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ChangelogEntry:
    """One entry. time: seconds since the epoch, noon of its day.  author: name, address and often an EVR, as they are written."""

    time: int
    author: str
    text: str
