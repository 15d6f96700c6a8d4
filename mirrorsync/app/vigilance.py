"""One update mirror watched from run to run: what it showed is remembered, and held against what it shows now."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mirrorsync.app.views import ViewFile
from mirrorsync.errors import UpstreamError, VerificationError
from mirrorsync.model.catalogue import Catalogue
from mirrorsync.model.choices import MetadataSignatures
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.model.plan import Plan
from mirrorsync.model.view import Edition, View, Watch
from mirrorsync.planning import vigilance as rules
from mirrorsync.trust.metadata import is_signature

_ACCEPTING = "`mirrorsync update --accept-upstream` takes it as it is"

Signer = Callable[[bytes, bytes], str]
"""The fingerprint of the pinned key that signed the first bytes by the second; raises VerificationError where none did."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Under which a repomd.xml is taken. signer: None where no key is known.  keys: the pinned fingerprints, in a text."""

    policy: MetadataSignatures
    signer: Signer | None = None
    keys: str = ""

    @property
    def wanted(self) -> bool:
        """Whether signatures are looked at: where nobody is known who could sign, only to refuse."""
        known = self.signer is not None and self.policy is MetadataSignatures.IF_PRESENT
        return known or self.policy is MetadataSignatures.REQUIRE


class Vigil:
    """One upstream of one tree, and in `file` the memory of it. accepting: it is taken as it is, although it has gone back or shrunk."""

    def __init__(self, file: Path, watch: Watch, terms: Terms, arches: tuple[str, ...], now: datetime, *, accepting: bool) -> None:
        self.watch = watch
        self.accepting = accepting
        self._memory = ViewFile(file)
        self._terms = terms
        self._arches = arches
        self._now = now
        self._accepted: View | None = None

    @property
    def terms(self) -> str:
        """A text that is another where signatures are to be judged by another policy or by other keys."""
        return f"{self._terms.policy} {self._terms.keys}"

    @property
    def wants_signatures(self) -> bool:
        """Whether repomd.xml's signature is looked at."""
        return self._terms.wanted

    @property
    def has_forgotten(self) -> bool:
        """Whether what was accepted last cannot be read any more, so that all is to be examined anew."""
        return self._memory.is_lost

    def vouch(self, content: bytes, signature: bytes | None) -> bool:
        """Whether repomd.xml is signed by a pinned key. Raises VerificationError where its upstream's policy refuses it, and TrustError."""
        if not self._terms.wanted:
            return False
        if self._terms.signer and signature is not None and is_signature(signature):
            self._terms.signer(content, signature)
            return True
        if self._terms.policy is MetadataSignatures.REQUIRE:
            raise VerificationError('is not signed, which metadata_signatures = "require" asks for; use a mirror that has repomd.xml.asc')
        last = self._memory.last()
        if last and last.edition and last.edition.signed:
            before = f"was signed when it was last taken ({last.seen:%Y-%m-%d}), and is not any more"
            raise VerificationError(f'{before}; set metadata_signatures = "ignore" if its owner has ceased to sign it')
        return False

    def admit(self, edition: Edition) -> None:
        """Raises UpstreamError for a repomd.xml that is older than the one that was accepted last."""
        last = self._memory.last()
        if self.accepting or last is None or last.edition is None or not rules.is_older(edition, last.edition):
            return
        newer = f"{rules.told(last.edition)}, seen on {last.seen:%Y-%m-%d}"
        raise UpstreamError(f"has gone back to {rules.told(edition)} from {newer}; another mirror may be current, or {_ACCEPTING}")

    def is_frozen(self, edition: Edition) -> bool:
        """Whether a repomd.xml is older than `stale_after`."""
        return rules.age(edition.timestamp, self._now, self.watch.stale_after) is not None

    def examine(self, catalogue: Catalogue) -> tuple[Finding, ...]:
        """What somebody should look at. Raises UpstreamError where far fewer packages are offered than before."""
        last = self._memory.last()
        before = last.packages if last and last.arches == self._arches else 0
        count = len(catalogue.packages)
        if not self.accepting and rules.has_shrunk(count, before, self.watch.shrink_limit):
            what = f"offers {count or 'no'} packages, {before} when it was last taken"
            limit = f"more than shrink_limit = {self.watch.shrink_limit} per cent fewer"
            raise UpstreamError(f"{catalogue.origin}: {what}: {limit}; look whether it is whole, or {_ACCEPTING}")
        self._accepted = self._view(catalogue, last)
        return (*self._loss(catalogue), *self._staleness(catalogue))

    def _loss(self, catalogue: Catalogue) -> Iterator[Finding]:
        if self.has_forgotten:
            what = f"what it showed before cannot be read ({self._memory.file}): it may have gone back, shrunk or ceased to sign unseen"
            yield Finding(
                Severity.WARNING, "view-lost", catalogue.origin, what, "look whether it is current and whole; an update remembers it anew"
            )

    def expiry(self, catalogue: Catalogue) -> float | None:
        """From when on, in seconds since the epoch, the same catalogue would be too old; None for never."""
        newest = rules.newest_of(catalogue, self._now)
        return None if newest is None or self.watch.stale_after is None else newest + self.watch.stale_after.total_seconds()

    def remember(self) -> None:
        """Let what was examined be what the next run is held against."""
        if self._accepted is not None and self._accepted != self._memory.last():
            self._memory.keep(self._accepted)

    def _view(self, catalogue: Catalogue, last: View | None) -> View:
        edition = rules.to_remember(catalogue.edition, last.edition if last else None, self._now)
        view = View(edition, len(catalogue.packages), self._arches, self._now)
        same = last and (last.edition, last.packages, last.arches) == (view.edition, view.packages, view.arches)
        return last if last and same else view

    def _staleness(self, catalogue: Catalogue) -> Iterator[Finding]:
        if old := rules.age(rules.newest_of(catalogue, self._now), self._now, self.watch.stale_after):
            what, remedy = f"shows nothing that is younger than {old.days} days", "ask its owner whether it is kept current, or use another"
            yield Finding(Severity.WARNING, "upstream-frozen", catalogue.origin, what, remedy)
        if behind := rules.lag(catalogue, self._now, self.watch.stale_after):
            what = f"its newest advisory is {behind.days} days older than its newest package"
            remedy = "the plan may lack errata; ask its owner, or use another"
            yield Finding(Severity.WARNING, "advisories-lag", catalogue.origin, what, remedy)


def remember(vigils: Iterable[Vigil]) -> None:
    """Let what these upstreams showed be what the next run is held against."""
    for vigil in vigils:
        vigil.remember()


def require_no_mass_removal(plan: Plan, held: Catalogue, watched: Iterable[tuple[str, Vigil]]) -> None:
    """Raises UpstreamError where one upstream (by its name) would take more out of the tree than may go without being replaced."""
    names = rules.names_of(held)
    removed = rules.bare_removals(plan, names)
    for origin, vigil in watched:
        limit, count = vigil.watch.shrink_limit, removed.get(origin, 0)
        if not vigil.accepting and rules.is_mass_removal(count, len(names), limit):
            what = f"its packages would take {count} of the tree's {len(names)} names out and put nothing in their place"
            raise UpstreamError(f"{origin}: {what}: more than shrink_limit = {limit} per cent; look at its Obsoletes, or {_ACCEPTING}")
