"""A tree's files held against the record of them: what was changed by hand."""

from collections.abc import Iterable, Sequence

from mirrorsync.model.edit import Edit, EditKind
from mirrorsync.model.generation import FileRecord

_NAMED = 3


def hand_edits(recorded: Iterable[FileRecord], found: Iterable[FileRecord]) -> tuple[Edit, ...]:
    """Files added, removed, or with other bytes than recorded, sorted by path."""
    known = {record.path: record.sha256 for record in recorded}
    there = {record.path: record.sha256 for record in found}
    kinds = dict.fromkeys(there.keys() - known.keys(), EditKind.ADDED)
    kinds |= dict.fromkeys(known.keys() - there.keys(), EditKind.REMOVED)
    kinds |= {path: EditKind.REPLACED for path in known.keys() & there.keys() if known[path] != there[path]}
    return tuple(Edit(kind, path) for path, kind in sorted(kinds.items()))


def edits_text(edits: Sequence[Edit]) -> str:
    """The edits in a few words: the first of each kind by name, the others counted."""
    return "; ".join(_kind_text(kind, [edit.path for edit in edits if edit.kind is kind]) for kind in EditKind if _has(edits, kind))


def _has(edits: Sequence[Edit], kind: EditKind) -> bool:
    return any(edit.kind is kind for edit in edits)


def _kind_text(kind: EditKind, paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    return f"{kind.value}: {', '.join(paths[:_NAMED])}{more}"
