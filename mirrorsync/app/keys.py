"""Keys as an administrator meets them: which a tree's mirrors have, which can be imported, and who signed what."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from mirrorsync.app.signatures import present, verdict_findings
from mirrorsync.app.site import Site
from mirrorsync.app.steadiness import steady
from mirrorsync.app.updates import Update
from mirrorsync.errors import TrustError
from mirrorsync.files import make_directory
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.model.key import KeyPart
from mirrorsync.model.keys import ImportedKey, ImportOutcome, KeysOutcome, ListedKey, MirrorKeys, Signer, SignersOutcome
from mirrorsync.tree.indexes import read_indexes
from mirrorsync.tree.ways import check_path
from mirrorsync.trust.keys import Keyring, chosen, export, newest, normalised
from mirrorsync.trust.publickey import PublicKey, read_keys
from mirrorsync.trust.signatures import issuers, verdicts
from mirrorsync.trust.verdict import Bad, Signed, UnknownKey, Unsigned, Verdict

_SUCCESSOR = "look whether its owner has published it with a new date, or a key that follows it"


def listed_keys(tree: str, updates: Iterable[Update]) -> KeysOutcome:
    """The keys in the files of a tree's update mirrors. Raises TrustError where a file cannot be read."""
    return KeysOutcome(tree, tuple(_mirror_keys(update) for update in updates))


def _mirror_keys(update: Update) -> MirrorKeys:
    found = newest(key for path in update.keys for key in read_keys(path))
    names = {normalised(text) for text in update.fingerprints} or set(found)
    keys = tuple(ListedKey(found[name].owner, name in names) for name in sorted(found))
    return MirrorKeys(update.mirror.name, update.signatures, update.legacy, keys)


def import_keys(files: Sequence[Path], folder: Path, fingerprints: Sequence[str], now: datetime) -> ImportOutcome:
    """Write each key to a file of its own in `folder`, as rpm can import it; those of `fingerprints` only, where any are given.

    Raises TrustError where a file cannot be read, or holds no such key.
    """
    keys = chosen([key for path in files for key in read_keys(path)], [normalised(text) for text in fingerprints])
    try:
        make_directory(folder)
    except OSError as error:
        raise TrustError(f"{folder}: cannot be made: {error.strerror}; name a folder that you may write to") from error
    return ImportOutcome(tuple(_imported(key, folder.absolute(), now) for key in keys))


def _imported(key: PublicKey, folder: Path, now: datetime) -> ImportedKey:
    if key.revoked:
        return ImportedKey(key.owner, fault=f"{key.fingerprint} ({key.user_id}): its owner has revoked it; import the key that followed it")
    try:
        file = export(key, folder)
    except TrustError as error:
        return ImportedKey(key.owner, fault=str(error))
    return ImportedKey(key.owner, str(file), expired=key.owner.primary.expired(int(now.timestamp())))


def tree_signers(site: Site, keyring: Keyring | None, now: datetime, ahead: timedelta) -> SignersOutcome:
    """Who signed the packages that a tree lists, and which keys expire within `ahead`. Raises MirrorsyncError where there is no tree."""
    check_path(site.tree)
    return steady(site.tree, partial(_signers, site, keyring, now, ahead))


def _signers(site: Site, keyring: Keyring | None, now: datetime, ahead: timedelta) -> SignersOutcome:
    tree = site.tree
    indexed = read_indexes(tree.shape, tree.path)
    paths = present(tree.path, indexed)
    judged = list(zip(paths, _judged(paths, keyring), strict=True))
    legacy = keyring.legacy if keyring else frozenset()
    findings = [finding for path, verdict in judged for finding in verdict_findings(path, verdict, legacy)]
    findings += [_absent(path) for package in indexed if not (path := tree.path / package.location).is_file()]
    findings += _expiries(keyring, int(now.timestamp()), ahead) if keyring else ()
    return SignersOutcome(tree.name, len(indexed), _counted((verdict for _, verdict in judged), keyring), tuple(findings))


def _absent(path: Path) -> Finding:
    return Finding(Severity.ERROR, "missing-file", str(path), "is listed, and is not a file that is there", "run `mirrorsync check`")


def _judged(paths: Sequence[Path], keyring: Keyring | None) -> list[Verdict]:
    """By rpm; where no key is configured, by what intact packages say of themselves, so that it is known which keys to look for."""
    found = list(verdicts(paths, keyring))
    if keyring:
        return found
    claimed = [next(iter(issuers(path)), None) for path in paths]
    return [UnknownKey(key) if key and isinstance(verdict, Unsigned) else verdict for key, verdict in zip(claimed, found, strict=True)]


def _counted(found: Iterable[Verdict], keyring: Keyring | None) -> tuple[Signer, ...]:
    """Most packages first; damaged ones are nobody's."""
    names = {key.fingerprint: key.user_id for key in keyring.keys} if keyring else {}
    counts = Counter(_signer(verdict) for verdict in found if not isinstance(verdict, Bad))
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Signer(key, names.get(key, ""), key in names, count) for key, count in ordered)


def _signer(verdict: Signed | UnknownKey | Unsigned) -> str:
    match verdict:
        case Signed(fingerprint):
            return fingerprint
        case UnknownKey(key_id):
            return key_id
        case Unsigned():
            return ""


def _expiries(keyring: Keyring, now: int, ahead: timedelta) -> Iterator[Finding]:
    """Keys that have expired, or soon will: what they sign after that is refused. In an archive of old packages that is as it should be."""
    for key in keyring.keys:
        severity = Severity.NOTE if key.fingerprint in keyring.legacy else Severity.WARNING
        for part in _expiring(key):
            day = f"{datetime.fromtimestamp(part.expires or 0, UTC):%Y-%m-%d}"
            if part.expired(now):
                what = f"expired on {day}: what it signed before counts, nothing that it signs after that"
                yield Finding(severity, "key-expired", _naming(key, part), what, _SUCCESSOR)
            elif part.expired(now + int(ahead.total_seconds())):
                yield Finding(Severity.WARNING, "key-expires", _naming(key, part), f"expires on {day}", _SUCCESSOR)


def _expiring(key: PublicKey) -> Iterator[KeyPart]:
    """The primary key, and subkeys that end before it."""
    primary = key.owner.primary
    return (part for part in key.owner.parts if not part.revoked and (part is primary or part.expires != primary.expires))


def _naming(key: PublicKey, part: KeyPart) -> str:
    of = "" if part is key.owner.primary else f" (subkey of {key.fingerprint})"
    return f"{part.fingerprint}{of}"
