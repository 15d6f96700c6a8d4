"""A file that is fetched, as a person is shown it: a package, or a boot image."""

from typing import Protocol


class Arriving(Protocol):
    """What is known of it before it is here."""

    @property
    def location(self) -> str:
        """Where it lies below the mirror's URL."""

    @property
    def filename(self) -> str:
        """The last part of that."""

    @property
    def size(self) -> int:
        """Its bytes; 0 where nobody says."""
