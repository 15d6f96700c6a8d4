"""A value in a JSON document from outside, which knows where it is, for messages that name the first fault."""

from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from reprlib import Repr
from typing import Any, NoReturn

from mirrorsync.errors import PlanError

_BRIEF = Repr()
_BRIEF.maxstring = _BRIEF.maxother = 60


def abbreviated(value: object) -> str:
    """As `repr`, of no more than the first items, characters and levels."""
    return _BRIEF.repr(value)


class Node:
    """A value in a document, and where it is."""

    def __init__(self, value: object, where: str) -> None:
        self.value = value
        self.where = where

    def wrong(self, expected: str) -> NoReturn:
        """Raise PlanError: something else was expected here."""
        raise PlanError(f"{self.where}: expected {expected}, found {abbreviated(self.value)}")

    def field(self, name: str) -> "Node":
        """A member of the object. Raises PlanError."""
        if not isinstance(self.value, Mapping):
            self.wrong("an object")
        if name not in self.value:
            raise PlanError(f"{self.where}.{name}: missing")
        return Node(self.value[name], f"{self.where}.{name}")

    def has(self, name: str) -> bool:
        """Whether it is an object that has this member."""
        return isinstance(self.value, Mapping) and name in self.value

    def items(self, name: str) -> Iterator["Node"]:
        """The items of a member that is a list. Raises PlanError."""
        node = self.field(name)
        if not isinstance(node.value, list):
            node.wrong("a list")
        return (Node(value, f"{node.where}[{number}]") for number, value in enumerate(node.value))

    def own(self, kind: type, called: str) -> Any:
        """The value, of just this kind. Raises PlanError."""
        if type(self.value) is not kind:
            self.wrong(called)
        return self.value

    def text(self, name: str) -> str:
        """A member that is text. Raises PlanError."""
        return str(self.field(name).own(str, "text"))

    def integer(self, name: str) -> int:
        """A member that is a whole number. Raises PlanError."""
        return int(self.field(name).own(int, "a whole number"))

    def texts(self, name: str) -> tuple[str, ...]:
        """A member that is a list of texts. Raises PlanError."""
        return tuple(node.own(str, "text") for node in self.items(name))

    def made(self, make: Callable[[Any], Any], called: str = "a date") -> Any:
        """What `make` makes of the value; PlanError where it raises ValueError."""
        try:
            return make(self.value)
        except (ValueError, TypeError):
            self.wrong(", ".join(repr(member.value) for member in make) if isinstance(make, type) and issubclass(make, Enum) else called)
