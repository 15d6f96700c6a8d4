"""Readings that take no lock: done again where a publication came between, so that they never speak of two generations."""

from collections.abc import Callable
from typing import TypeVar

from mirrorsync.errors import MirrorsyncError
from mirrorsync.tree.site import Tree

T = TypeVar("T")

_TRIES = 5


def steady(tree: Tree, read: Callable[[], T]) -> T:
    """What `read` returns, or raises, for one and the same state of the tree's path; after five publications, as it comes."""
    for _ in range(_TRIES):
        before = tree.stamp()
        try:
            result = read()
        except (MirrorsyncError, OSError):
            if tree.stamp() == before:
                raise
        else:
            if tree.stamp() == before:
                return result
    return read()
