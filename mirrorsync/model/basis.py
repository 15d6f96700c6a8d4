"""What a plan was made from, so that it can be told later whether it is still that."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Basis:
    """generation, seal: of the tree, None and '' for one that was never published.  files: a digest of its files as stat(2)
    tells them.  mirrors: the revision of each update mirror, by its address.
    """

    generation: int | None
    seal: str
    files: str
    mirrors: Mapping[str, str]
