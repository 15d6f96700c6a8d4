"""Looking for a repository's repomd.xml: the first place whose file may be used, or of old ones the newest."""

import hashlib
from dataclasses import dataclass
from functools import partial

from mirrorsync.errors import UpstreamError, VerificationError
from mirrorsync.model.view import Edition
from mirrorsync.planning.vigilance import is_older
from mirrorsync.upstream.body import RefusedError, collected, persistently
from mirrorsync.upstream.metadata import MetadataFolder, Seen
from mirrorsync.upstream.mirror import place
from mirrorsync.upstream.places import Order
from mirrorsync.upstream.repomd import Repomd, parse_repomd
from mirrorsync.upstream.scrutiny import Scrutiny
from mirrorsync.upstream.transport import Transport, read_all

REPOMD = "repodata/repomd.xml"
_SIGNATURE = f"{REPOMD}.asc"
_REPOMD_LIMIT = 4 << 20
_SIGNATURE_LIMIT = 1 << 20
_MOST_OTHERS = 8  # places that are asked whether they have something newer


@dataclass(frozen=True, slots=True)
class Look:
    """A repomd.xml that may be used, and how it was come by."""

    base: str
    seen: Seen
    content: bytes
    repomd: Repomd

    @property
    def edition(self) -> Edition:
        """What it says of its own time."""
        return self.repomd.edition(self.seen.sha256, signed=self.seen.signed)


class Lookout:
    """Asks a repository's places in their order, and keeps what was found for the next run."""

    def __init__(self, transport: Transport, folder: MetadataFolder, order: Order, scrutiny: Scrutiny) -> None:
        self._transport = transport
        self._folder = folder
        self._order = order
        self._scrutiny = scrutiny

    def look(self, *, anew: bool = False) -> Look:
        """The repomd.xml to use; `anew`: without asking whether the kept one still holds. Raises UpstreamError where there is none.

        Only where it has not changed for too long are the other places asked too.
        """
        found = self._order.first(REPOMD, partial(self._at, anew=anew))
        if self._scrutiny.is_frozen(found.edition):
            found = self._newest(found)
            self._order.prefer(found.base)
        self._keep(found)
        return found

    def _newest(self, found: Look) -> Look:
        for base in self._order.bases[1 : 1 + _MOST_OTHERS]:
            try:
                other = persistently(partial(self._at, base))
            except UpstreamError:
                continue
            if is_older(found.edition, other.edition):
                found = other
        return found

    def _at(self, base: str, *, anew: bool = False) -> Look:
        """The repomd.xml of one place, asked for anew, once, where its signature does not fit: the mirror may have just changed."""
        try:
            return self._read(base, anew=anew)
        except VerificationError:
            pass
        try:
            return self._read(base, anew=True)
        except VerificationError as error:
            raise UpstreamError(f"{place(base, REPOMD)}: {error}") from error

    def _read(self, base: str, *, anew: bool) -> Look:
        url = place(base, REPOMD)
        kept = None if anew else self._kept(url)
        with self._transport.open(url, validator=kept[0].validator if kept else None) as body:
            if kept and body.unchanged:
                self._require_listed(url, kept[1])
                return self._used(base, *kept)
            content, validator = collected(body, url, _REPOMD_LIMIT), body.validator
        self._require_listed(url, content)
        signed = self._scrutiny.vouch(content, self._signature(base))
        digest = hashlib.sha256(content).hexdigest()
        return self._used(base, Seen(url, validator, digest, self._scrutiny.terms, signed), content)

    def _used(self, base: str, seen: Seen, content: bytes) -> Look:
        """Raises UpstreamError for what is no repomd.xml, or goes back in time."""
        look = Look(base, seen, content, parse_repomd(content, source=seen.url))
        try:
            self._scrutiny.admit(look.edition)
        except UpstreamError as error:
            raise UpstreamError(f"{seen.url}: {error}") from error
        return look

    def _require_listed(self, url: str, content: bytes) -> None:
        if not self._order.accepts(content):
            raise UpstreamError(f"{url}: is not one of the repomd.xml files that the metalink names; the mirror may be out of date")

    def _signature(self, base: str) -> bytes | None:
        """What lies beside repomd.xml as its signature, None where there is nothing."""
        if not self._scrutiny.wants_signatures:
            return None
        try:
            return read_all(self._transport, place(base, _SIGNATURE), _SIGNATURE_LIMIT)
        except RefusedError:
            return None

    def _kept(self, url: str) -> tuple[Seen, bytes] | None:
        """The repomd.xml that an earlier run took from there under the same terms."""
        kept = self._folder.repomd()
        return kept if kept and kept[0].url == url and kept[0].terms == self._scrutiny.terms else None

    def _keep(self, found: Look) -> None:
        kept = self._folder.repomd()
        if kept is None or kept[0] != found.seen:
            self._folder.keep_repomd(found.seen, found.content)
