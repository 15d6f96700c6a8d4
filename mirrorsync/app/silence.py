"""An update mirror that does not answer: the others are asked all the same."""

from collections.abc import Callable
from typing import TypeVar

from mirrorsync.errors import UpstreamError
from mirrorsync.model.finding import Finding, Severity

T = TypeVar("T")


def answered(tree: str, ask: Callable[[], T]) -> T | Finding:
    """What `ask` returns, or the finding that its mirror cannot be read."""
    try:
        return ask()
    except UpstreamError as error:
        remedy = "the plan was made without it; check the mirror, or configure another"
        return Finding(Severity.ERROR, "mirror-unavailable", tree, str(error), remedy)
