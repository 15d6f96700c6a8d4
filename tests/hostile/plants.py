"""Checks removed from the program, at least one for each row: the case that is named must fail then."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http.client import HTTPResponse
from pathlib import Path
from urllib.parse import urljoin

from mirrorsync.files import contained
from mirrorsync.model.key import KeyPart
from mirrorsync.planning import closure, description, proposal, vigilance
from mirrorsync.trust import metadata as gpgv
from mirrorsync.trust import proof, signatures
from mirrorsync.trust.keys import Keyring
from mirrorsync.trust.proof import Claim
from mirrorsync.trust.verdict import Check, Signed
from mirrorsync.upstream import arrival, body, connections, http, metadata, places, repomd, xmlstream
from tests.crashes.program import substitute


@dataclass(frozen=True, slots=True)
class Plant:
    """A check that is taken out by `put`, and the id of the case that must fail for it."""

    row: str
    name: str
    put: Callable[[], None]
    case: str


def _instead(original: object, replacement: object) -> Callable[[], None]:
    return lambda: substitute(original, replacement)


def _setting(owner: object, name: str, value: object) -> Callable[[], None]:
    return lambda: setattr(owner, name, value)


def _anywhere(root: Path, name: str) -> Path:
    return root / name


def _unverified(_record: object, chunks: Iterable[bytes], _source: str) -> Iterable[bytes]:
    return chunks


def _followed(_url: str, target: str, location: str) -> str:
    return urljoin(target, location)


def _most(_word: Check, held: Iterable[Claim], keyring: Keyring, payload_digest: str | None) -> Signed | None:
    owned = [(claim, owner) for claim in held if (owner := keyring.owner_of(claim.signature.key_id))]
    found = [proof._weighed(claim.signature, owner[0].fingerprint, owner[1], payload_digest) for claim, owner in owned]
    return next((each for each in found if isinstance(each, Signed)), None)


PLANTS = (
    Plant("A1", "the verdict on signatures", _instead(signatures.verify, lambda *_, **__: "0" * 40), "A1-listing-unsigned"),
    Plant("A1", "the pinned keys", _instead(signatures.verify, lambda *_, **__: "0" * 40), "A1-repodata-key-not-pinned"),
    Plant("A2", "the header", _instead(arrival.require_planned_header, lambda *_: None), "A2-repodata-another-package-inside"),
    Plant("A2", "the announced digest", _instead(arrival._same_digest, lambda *_: None), "A2-repodata-another-digest-than-announced"),
    Plant("A3", "the order of editions", _instead(vigilance.is_older, lambda *_: False), "A3-repodata-an-older-repomd.xml"),
    Plant("A4", "the age of what is newest", _instead(vigilance.age, lambda *_: None), "A4-listing-nothing-new-for-long"),
    Plant("A5", "the digests in repomd.xml", _instead(metadata._verified, _unverified), "A5-repodata-primary-of-another-time"),
    Plant("A6", "what is lacking", _setting(closure._Attempt, "_unmet_before", lambda *_: True), "A6-listing-fifty-more-nowhere"),
    Plant("A6", "what the header says", _instead(description.departure, lambda *_: ""), "A6-repodata-obsoletes-in-the-metadata-alone"),
    Plant("A7", "the slowest rate", _setting(body._Flow, "stalls", lambda *_: False), "A7-listing-index-byte-by-byte"),
    Plant("A7", "the end of an answer's head", _setting(body, "_MOST_HEAD_BYTES", 1 << 60), "A7-listing-preliminary-answers-without-end"),
    Plant("A7", "the end of trailers", _setting(connections._Response, "read1", HTTPResponse.read1), "A7-repodata-trailers-without-end"),
    Plant("A7", "the time for all places", _setting(places, "LONGEST_SEARCH", 1 << 60), "A7-repodata-a-hundred-thousand-silent-places"),
    Plant("A8", "the document type", _instead(xmlstream._without_doctype, lambda chunks, _: chunks), "A8-repodata-external-entity"),
    Plant("A8", "elements counted", _setting(xmlstream, "_ELEMENT_MOST", 1 << 60), "A8-repodata-a-package-of-25-million-elements"),
    Plant("A8", "what gpgv is given", _instead(gpgv._bare, bytes), "A8-repodata-200-MB-as-the-signature-of-repomd.xml"),
    Plant("A9", "the door for names", _instead(contained, _anywhere), "A9-listing-option"),
    Plant("A9", "the door for locations", _instead(repomd.plain_location, lambda href, **_: href), "A9-repodata-dot-dot"),
    Plant("A10", "where redirects lead", _instead(http._redirected, _followed), "A10-repodata-redirect-from-https-to-http"),
    Plant("A10", "whose credentials they are", _instead(http._origin, lambda _: ("", "")), "A10-listing-redirect-to-another-host"),
    Plant("A11", "the number of packages", _instead(vigilance.has_shrunk, lambda *_: False), "A11-repodata-half-of-it-listed"),
    Plant("A11", "the names taken out", _instead(vigilance.is_mass_removal, lambda *_: False), "A11-listing-another-name-obsoleted"),
    Plant("A12", "weak digests and keys", _instead(proof._weakness, lambda *_: ""), "A12-listing-signed-with-SHA-1"),
    Plant("A12", "keys that have expired", _setting(KeyPart, "expired", lambda *_: False), "A12-repodata-signed-after-the-key-expired"),
    Plant("A12", "whose word it is", _instead(proof._least, _most), "A12-listing-signed-after-the-key-expired-and-copied-with-another-day"),
    Plant(
        "F7",
        "other content under one version",
        _instead(proposal._rebuilt, lambda *_: False),
        "F7-listing-built-again-under-the-same-version",
    ),
)
