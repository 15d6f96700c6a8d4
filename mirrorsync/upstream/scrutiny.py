"""What decides outside of this room whether a repomd.xml may be used: who must have signed it, and what was seen before it."""

from typing import Protocol

from mirrorsync.model.view import Edition


class Scrutiny(Protocol):
    """terms: a text that is another where a repomd.xml that was taken before has to be judged anew.

    wants_signatures: whether to ask for repomd.xml.asc at all.
    """

    @property
    def terms(self) -> str:
        """See above."""

    @property
    def wants_signatures(self) -> bool:
        """See above."""

    def vouch(self, content: bytes, signature: bytes | None) -> bool:
        """Whether a pinned key signed it, None being for no signature at all. Raises VerificationError where it is refused."""

    def admit(self, edition: Edition) -> None:
        """Raises UpstreamError where it is older than one that was taken before."""

    def is_frozen(self, edition: Edition) -> bool:
        """Whether it is so old that other places should be asked."""


class Unwatched:
    """Takes what comes: for places whose word nobody depends on."""

    terms = ""
    wants_signatures = False

    def vouch(self, _content: bytes, _signature: bytes | None) -> bool:
        """Not asked."""
        return False

    def admit(self, _edition: Edition) -> None:
        """All are taken."""

    def is_frozen(self, _edition: Edition) -> bool:
        """Never."""
        return False
