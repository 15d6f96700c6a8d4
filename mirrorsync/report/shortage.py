"""A file system without the room that is needed, in words: how much is needed for what, what is there, and what would make room."""

from mirrorsync.model.outcome import Disposal
from mirrorsync.planning.space import Demand, Shortage, inodes_of
from mirrorsync.report.text import size_text

_NAMED = 3  # purposes, those that take most


def shortage_text(tree: str, shortage: Shortage, prunable: Disposal | None) -> str:
    """One file system's shortage. `prunable`: what pruning the tree would free of it, None where that frees nothing there."""
    room = shortage.room
    asked, present = (shortage.bytes, room.bytes) if shortage.of_bytes else (shortage.inodes, room.inodes or 0)
    what = f"{room.mount_point}: {_amount(shortage, asked)} needed ({_purposes(shortage, asked)}) and {_amount(shortage, present)} there"
    return f"{what}; {_remedy(tree, shortage, prunable)}"


def _purposes(shortage: Shortage, asked: int) -> str:
    """The largest by name, and what is to stay free."""
    parts = sorted(((_part(shortage, demand), demand.purpose) for demand in shortage.demands), reverse=True)
    named = [f"{purpose} {_amount(shortage, part)}" for part, purpose in parts[:_NAMED]]
    rest = sum(part for part, _ in parts[_NAMED:])
    reserve = asked - sum(part for part, _ in parts)
    more = [f"other {_amount(shortage, rest)}"] if rest else []
    return ", ".join([*named, *more, f"to stay free {_amount(shortage, reserve)}"])


def _remedy(tree: str, shortage: Shortage, prunable: Disposal | None) -> str:
    if prunable is None:
        return "make room there and update again"
    freed = prunable.bytes if shortage.of_bytes else prunable.inodes
    pruning = f"`mirrorsync prune {tree}` would free"
    if freed >= shortage.lacking:
        return f"{pruning} {_amount(shortage, freed)}: run it and update again"
    return f"{pruning} {f'only {_amount(shortage, freed)}' if freed else 'nothing'}: make room there and update again"


def _part(shortage: Shortage, demand: Demand) -> int:
    return demand.bytes if shortage.of_bytes else inodes_of(demand, shortage.room)


def _amount(shortage: Shortage, amount: int) -> str:
    return size_text(amount) if shortage.of_bytes else f"{amount} inode{'' if amount == 1 else 's'}"
