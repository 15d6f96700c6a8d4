"""The audit: where a tree's packages came from, when, and who signed them; by what is on this machine."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path

from mirrorsync.app.books import Books, Entry, read_books
from mirrorsync.app.site import Site
from mirrorsync.app.steadiness import steady
from mirrorsync.errors import HeaderError, UsageError
from mirrorsync.files import sha256_of
from mirrorsync.model.audit import Audited, AuditOutcome, Coming, Provenance, Signature, Signing, Standing
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.model.generation import FileRecord
from mirrorsync.rpmfile.header import read_rpm
from mirrorsync.rpmfile.package import nevra as nevra_of
from mirrorsync.tree.cache import TreeCache
from mirrorsync.tree.inspection import Depth, Inspection
from mirrorsync.tree.site import Tree
from mirrorsync.tree.ways import check_path
from mirrorsync.trust.keys import Keyring
from mirrorsync.trust.signatures import issuers, verdicts
from mirrorsync.trust.verdict import Bad, Signed, UnknownKey, Unsigned

OpenKeyring = Callable[[], Keyring | None]
"""Makes the keyring of everybody who may sign the tree's packages; None where no key is configured."""


def audit_tree(site: Site, keyring: OpenKeyring, asked: str | None) -> AuditOutcome:
    """What is known of the packages that `asked` names: a NEVRA, a name, a glob of them, a path below the tree, or a file anywhere.

    None asks for all that the tree lists. Raises TreeError where there is no tree, UsageError for a file that is no package.
    """
    check_path(site.tree)
    return steady(site.tree, partial(_audited_tree, site.tree, keyring, asked))


def _audited_tree(tree: Tree, keyring: OpenKeyring, asked: str | None) -> AuditOutcome:
    if tree.last() == 0:
        what = "never published by mirrorsync: nothing is recorded of it"
        finding = Finding(Severity.WARNING, "never-published", tree.name, what, "`mirrorsync update` begins with recording it as it is")
        return AuditOutcome(tree.name, asked, (), (finding,))
    books, findings = read_books(tree)
    file = Path(asked) if asked and ("/" in asked or asked.endswith(".rpm")) and Path(asked).is_file() else None
    if file and not _is_listed(books, file):
        return AuditOutcome(tree.name, asked, (_of_file(books, file, keyring),), findings)
    wanted = [entry for entry in books.entries if (entry.listed if asked is None else _matches(entry, _below(books, asked)))]
    return AuditOutcome(tree.name, asked, _audited(books, wanted, keyring, Depth.CHANGED if asked is None else Depth.BYTES), findings)


def _is_listed(books: Books, file: Path) -> bool:
    """Whether it is a package in the tree itself, of which more is known than its bytes tell."""
    found = books.place(file)
    return found is not None and found[0] is books.files and found[1] in books.listed


def _below(books: Books, asked: str) -> str:
    """A path in the tree as it is recorded; anything else as it is."""
    found = books.place(Path(asked)) if "/" in asked else None
    return found[1] if found else asked


def _matches(entry: Entry, asked: str) -> bool:
    """By name, name.arch, NEVRA with or without the architecture, file name or path."""
    whole, _, arch = entry.nevra.rpartition(".")
    name = whole.rpartition("-")[0].rpartition("-")[0]
    texts = (entry.nevra, whole, name, f"{name}.{arch}", entry.filename, entry.path or "")
    return any(fnmatchcase(text, asked) for text in texts)


def _audited(books: Books, entries: Sequence[Entry], keyring: OpenKeyring, depth: Depth) -> tuple[Audited, ...]:
    records = {entry: books.record(entry) for entry in entries}
    came = {entry: books.ledger.provenance(entry.nevra, listed=entry.listed, sha256=_sha256(records[entry])) for entry in entries}
    paths = {entry: books.tree.path / entry.path for entry in entries if entry.path and entry.listed}
    unsigned = [path for entry, path in paths.items() if came[entry].coming is not Coming.FETCHED and path.is_file()]
    looked = _signatures(unsigned, keyring)
    with TreeCache(books.tree.cache) as cache:
        inspection = Inspection(cache)
        found = {entry: _digest(path, inspection, depth) for entry, path in paths.items()}
    return tuple(
        _told(entry, records[entry], came[entry], _signature(came[entry], looked.get(paths.get(entry))), found.get(entry))
        for entry in entries
    )


def _told(entry: Entry, record: FileRecord | None, came: Provenance, signature: Signature, found: str | None) -> Audited:
    standing, unclear = _standing(entry, record, found)
    unclear = unclear or _unknown(came, record)
    return Audited(entry.nevra, standing, came, signature, entry.path, record.size if record else None, _sha256(record), unclear)


def _standing(entry: Entry, record: FileRecord | None, found: str | None) -> tuple[Standing, str]:
    """The file in the tree, whose SHA-256 was `found`, held against its record."""
    if not entry.listed:
        return Standing.GONE, ""
    if record is None:
        return Standing.UNRECORDED, "no record has a file of this path: it was put there since"
    if found is None:
        return Standing.MISSING, ""
    if not found:
        return Standing.DIFFERS, "what lies there is not a file"
    if found != record.sha256:
        return Standing.DIFFERS, f"the file there has SHA-256 {found}"
    return Standing.RECORDED, ""


def _unknown(came: Provenance, record: FileRecord | None) -> str:
    """What cannot be told, in one line."""
    if came.coming is Coming.UNKNOWN:
        return "how it came is not known: the records from before are lost"
    if came.coming is Coming.BY_HAND and came.generation is None:
        return "an update mirror gave another file of this name; when this one took its place is not recorded"
    if came.received and came.received.source is None:
        return "the URL it came from is not known: the pool had lost its note of it"
    return "" if record else "its SHA-256 is not known: the lists of files went with their generations"


def _of_file(books: Books, file: Path, keyring: OpenKeyring) -> Audited:
    """A file that is not the tree's own, by its bytes; by what it says it is only where those were never recorded."""
    nevra, sha256 = _named(file), sha256_of(file)
    known = next((entry for entry in books.entries if entry.nevra == nevra), None)
    record = books.recorded_as(sha256)
    listed = bool(known and known.listed)
    came = books.ledger.provenance(nevra, listed=listed, sha256=sha256 if record else None)
    recorded = came if record and came.received else None
    signature = _signature(recorded, None if recorded else _signatures([file], keyring)[file])
    if record is None:
        other = books.record(known) if known else None
        unclear = f"{file}: SHA-256 {sha256}" + (f", and {other.sha256} is recorded" if other else ", and no record has it")
        return Audited(nevra, Standing.DIFFERS if known else Standing.UNRECORDED, came, signature, unclear=unclear)
    place = books.place(file)
    if place and _sha256(place[0].get(place[1])) != sha256:
        unclear = f"{file}: this file is recorded as {record.path}, and not here"
        return Audited(nevra, Standing.DIFFERS, came, signature, record.path, record.size, sha256, unclear)
    current = listed and any(books.files[path].sha256 == sha256 for path in books.listed if path in books.files)
    standing = Standing.RECORDED if current else Standing.GONE
    return Audited(nevra, standing, came, signature, record.path, record.size, sha256, _unknown(came, record))


def _named(file: Path) -> str:
    """What it says it is. Raises UsageError for what is no package: a file of any size, or of /proc, where some have no size and no end."""
    if file.stat().st_size == 0:
        raise UsageError(f"{file}: not a package (it is empty); `mirrorsync check --deep` looks at a tree's other files")
    try:
        return str(nevra_of(read_rpm(file).main))
    except HeaderError as error:
        raise UsageError(f"{file}: not a package ({error}); `mirrorsync check --deep` looks at a tree's other files") from error


def _signature(came: Provenance | None, looked: Signature | None) -> Signature:
    """As it was recorded when the package was fetched, else as it was found now."""
    if came and came.received:
        return Signature(Signing.AT_ARRIVAL, came.received.signer) if came.received.signer else Signature(Signing.NOT_ASKED)
    return looked or Signature(Signing.UNKNOWN)


def _signatures(paths: Sequence[Path], open_keyring: OpenKeyring) -> Mapping[Path | None, Signature]:
    """Who signed the files, by rpm's verdict; where no key is configured, by what they say themselves."""
    keyring = open_keyring() if paths else None
    if keyring is None:
        return {path: _claimed(issuers(path)) for path in paths}
    return {path: _judged(verdict) for path, verdict in zip(paths, verdicts(paths, keyring), strict=True)}


def _claimed(issued: Iterable[str]) -> Signature:
    signer = next(iter(issued), None)
    return Signature(Signing.UNPINNED if signer else Signing.UNSIGNED, signer)


def _judged(verdict: Signed | Unsigned | UnknownKey | Bad) -> Signature:
    match verdict:
        case Signed(fingerprint, weakness):
            return Signature(Signing.NOW, fingerprint, weakness)
        case UnknownKey(key_id):
            return Signature(Signing.UNPINNED, key_id)
        case Unsigned():
            return Signature(Signing.UNSIGNED)
        case Bad(what):
            return Signature(Signing.DAMAGED, remark=what)


def _digest(path: Path, inspection: Inspection, depth: Depth) -> str | None:
    """None where nothing lies there, '' where that is no file."""
    if not path.is_file():
        return "" if os.path.lexists(path) else None
    return inspection.digest(path, depth)


def _sha256(record: FileRecord | None) -> str | None:
    return record.sha256 if record else None
