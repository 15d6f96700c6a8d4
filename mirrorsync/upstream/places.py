"""The places that a repository lies at, in the order they are asked."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from mirrorsync.errors import UpstreamError
from mirrorsync.upstream.alternatives import Alternatives, parse_alternatives
from mirrorsync.upstream.body import persistently
from mirrorsync.upstream.metadata import MetadataFolder
from mirrorsync.upstream.mirror import without_credentials
from mirrorsync.upstream.transport import Transport, read_all

_LIST_LIMIT = 4 << 20
_MOST_REASONS = 3
LONGEST_SEARCH = 300.0  # seconds; a list may name any number of places, none of which answers
_LEAST_ASKED = 3  # places, however long they take: one that is slow and wrong is to hide no other

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Places:
    """Where a repository lies: `urls` in order of preference, and those of a mirrorlist or metalink at `list_url` after them.

    variables: what replaces $releasever and the like in the list.
    """

    urls: tuple[str, ...]
    list_url: str | None = None
    variables: Mapping[str, str] | None = None


class Order:
    """A repository's places, best first; those that failed in this run are last. `name` is what messages call the repository."""

    def __init__(self, name: str, transport: Transport, folder: MetadataFolder, known: Places) -> None:
        self._name = name
        self._transport = transport
        self._folder = folder
        self._known = known
        self._alternatives = Alternatives(())
        self._bases: list[str] = []

    @property
    def bases(self) -> tuple[str, ...]:
        """Their base URLs, without credentials and without a slash at the end."""
        return tuple(self._bases)

    def find(self) -> None:
        """Take them from the configuration, and from the list as it is now. Raises UpstreamError where the list was never to be had."""
        list_url = self._known.list_url
        self._alternatives = self._listed(without_credentials(list_url)) if list_url else Alternatives(())
        bases = (*self._known.urls, *self._alternatives.places)
        self._bases = list(dict.fromkeys(without_credentials(base).rstrip("/") for base in bases))

    def accepts(self, content: bytes) -> bool:
        """Whether the list, where it is a metalink, knows a repomd.xml of these bytes."""
        return self._alternatives.accepts(content)

    def prefer(self, base: str) -> None:
        """Ask this place first, if it is one of them."""
        if base in self._bases:
            self._bases.remove(base)
            self._bases.insert(0, base)

    def first(self, what: str, ask: Callable[[str], T]) -> T:
        """The answer of the first place that gives one; the others go to the end of the order. Raises UpstreamError where none does.

        After five minutes no further place is asked.
        """
        reasons: list[UpstreamError] = []
        until = time.monotonic() + LONGEST_SEARCH
        for base in tuple(self._bases):
            if len(reasons) >= _LEAST_ASKED and time.monotonic() > until:
                break
            try:
                return persistently(partial(ask, base))
            except UpstreamError as error:
                reasons.append(error)
                self._bases.append(self._bases.pop(0))
        if len(reasons) == 1:
            raise reasons[0]
        said = "; ".join(str(reason) for reason in reasons[:_MOST_REASONS])
        which = f"{len(reasons)} mirrors" if len(reasons) == len(self._bases) else f"the {len(reasons)} mirrors that were asked in time"
        raise UpstreamError(f"{self._name}: {what}: none of {which} gives it: {said}")

    def _listed(self, url: str) -> Alternatives:
        """What the mirrorlist or metalink says now, or said to an earlier run where it cannot be had."""
        variables = self._known.variables or {}
        try:
            content = read_all(self._transport, url, _LIST_LIMIT)
            listed = parse_alternatives(content, source=url, variables=variables)
        except UpstreamError:
            if (kept := self._folder.mirrors()) is None:
                raise
            return parse_alternatives(kept, source=url, variables=variables)
        self._folder.keep_mirrors(content)
        return listed
