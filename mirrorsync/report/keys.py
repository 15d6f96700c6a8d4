"""What the commands about keys found, as plain text and as JSON documents; docs/schemas has their schemas."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from mirrorsync.model.key import KeyOwner, KeyPart
from mirrorsync.model.keys import ImportedKey, ImportOutcome, KeysOutcome, ListedKey, MirrorKeys, Signer, SignersOutcome
from mirrorsync.model.outcome import TreeFailure
from mirrorsync.report.documents import findings_list, trees_document
from mirrorsync.report.text import aligned, finding_lines


def key_lines(outcome: KeysOutcome) -> Iterator[str]:
    """The keys of a tree's update mirrors: a mirror, its keys, their subkeys, a line each."""
    yield f"{outcome.tree}:"
    for mirror in outcome.mirrors:
        yield f"  {mirror.mirror}: signatures {mirror.signatures.value}{', legacy' if mirror.legacy else ''}"
        for key in mirror.keys:
            yield f"    {_part_text(key.owner.primary)}{'' if key.pinned else ', not pinned'}: {key.owner.user_id or 'nobody'}"
            yield from (f"      subkey {_part_text(part)}" for part in key.owner.subkeys)
        if not mirror.keys:
            yield "    no keys"


def _part_text(part: KeyPart) -> str:
    until = f"expires {_moment(part.expires):%Y-%m-%d}" if part.expires is not None else "never expires"
    more = [", revoked"] if part.revoked else []
    more += [] if part.strong else [", needs legacy"]
    return f"{part.fingerprint}  {part.kind}, made {_moment(part.created):%Y-%m-%d}, {until}{''.join(more)}"


def import_lines(outcome: ImportOutcome) -> Iterator[str]:
    """The keys that can be used now, and what to write into the configuration."""
    for key in outcome.usable:
        expiry = ": it has expired, and counts for what it signed before" if key.expired else ""
        yield f"{key.file}: {key.owner.user_id or 'nobody'}{expiry}"
    if outcome.usable:
        yield "Compare the fingerprints with what their owners publish elsewhere, then write below [[trees.NAME.updates]]:"
        yield from (f"  {line}" for line in _configuration_lines(outcome))


def refusal_lines(outcome: ImportOutcome) -> Iterator[str]:
    """The keys that cannot be used, and why."""
    return (key.fault for key in outcome.keys if key.fault)


def _configuration_lines(outcome: ImportOutcome) -> Iterator[str]:
    settings = _configuration(outcome)
    for name in ("keys", "fingerprints"):
        yield f"{name} = [{', '.join(_quoted(text) for text in settings[name])}]"
    if settings["legacy"]:
        yield "legacy = true"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _configuration(outcome: ImportOutcome) -> dict[str, Any]:
    """What to write below [[trees.NAME.updates]]; legacy where one of the keys proves nothing without it."""
    return {
        "keys": [key.file for key in outcome.usable],
        "fingerprints": [key.owner.primary.fingerprint.upper() for key in outcome.usable],
        "legacy": any(not part.strong for key in outcome.usable for part in key.owner.parts if not part.revoked),
    }


def signer_lines(outcome: SignersOutcome) -> Iterator[str]:
    """Who signed how many packages, and what is wrong with it."""
    count = f"{outcome.packages} package{'' if outcome.packages == 1 else 's'}"
    yield f"{outcome.tree}: {count}, {len(outcome.findings)} finding{'' if len(outcome.findings) == 1 else 's'}"
    yield from (f"  {line}" for line in aligned([(str(signer.packages), _signer_text(signer)) for signer in outcome.signers]))
    yield from (f"  {line}" for line in finding_lines(outcome.findings))


def _signer_text(signer: Signer) -> str:
    if not signer.key:
        return "not signed"
    return f"by {signer.key} ({signer.user_id or 'nobody'})" if signer.pinned else f"by {signer.key}, which is not pinned"


def keys_list_document(outcomes: Sequence[KeysOutcome | TreeFailure]) -> dict[str, Any]:
    """The document of `mirrorsync keys list --json`."""
    return trees_document("mirrorsync-keys-list-1", outcomes, _listed)


def keys_check_document(outcomes: Sequence[SignersOutcome | TreeFailure]) -> dict[str, Any]:
    """The document of `mirrorsync keys check --json`."""
    return trees_document("mirrorsync-keys-check-1", outcomes, _signers)


def keys_import_document(outcome: ImportOutcome) -> dict[str, Any]:
    """The document of `mirrorsync keys import --json`."""
    return {
        "schema": "mirrorsync-keys-import-1",
        "exit_code": int(outcome.exit_code),
        "keys": [_imported(key) for key in outcome.keys],
        "configuration": _configuration(outcome),
    }


def _listed(outcome: KeysOutcome) -> dict[str, Any]:
    return {"tree": outcome.tree, "exit_code": int(outcome.exit_code), "mirrors": [_mirror(mirror) for mirror in outcome.mirrors]}


def _mirror(mirror: MirrorKeys) -> dict[str, Any]:
    return {
        "mirror": mirror.mirror,
        "signatures": mirror.signatures.value,
        "legacy": mirror.legacy,
        "keys": [_listed_key(key) for key in mirror.keys],
    }


def _listed_key(key: ListedKey) -> dict[str, Any]:
    return {**_owner(key.owner), "pinned": key.pinned}


def _owner(owner: KeyOwner) -> dict[str, Any]:
    return {"user_id": owner.user_id, **_part(owner.primary), "subkeys": [_part(part) for part in owner.subkeys]}


def _part(part: KeyPart) -> dict[str, Any]:
    return {
        "fingerprint": part.fingerprint,
        "algorithm": part.algorithm,
        "bits": part.bits or None,
        "created": _moment(part.created).isoformat(),
        "expires": None if part.expires is None else _moment(part.expires).isoformat(),
        "revoked": part.revoked,
        "needs_legacy": not part.strong,
    }


def _imported(key: ImportedKey) -> dict[str, Any]:
    return {**_owner(key.owner), "expired": key.expired, "file": key.file, "refused": key.fault or None}


def _signers(outcome: SignersOutcome) -> dict[str, Any]:
    return {
        "tree": outcome.tree,
        "exit_code": int(outcome.exit_code),
        "packages": outcome.packages,
        "signers": [
            {"key": signer.key or None, "user_id": signer.user_id, "pinned": signer.pinned, "packages": signer.packages}
            for signer in outcome.signers
        ],
        "findings": findings_list(outcome.findings),
    }


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
