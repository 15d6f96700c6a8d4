"""Faults put into readers, one or more of each family, that a target's usual inputs must find: they show that fuzzing here can fail."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from mirrorsync.errors import TreeError
from mirrorsync.files import contained
from mirrorsync.model.package import Package
from mirrorsync.planning import document


@dataclass(frozen=True, slots=True)
class Planted:
    """A wrong value for what `name` says, a module and an attribute of it. fault: what the examination then says, some of it."""

    what: str
    target: str
    name: str
    value: Any
    fault: str

    def put(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Make the product wrong."""
        monkeypatch.setattr(self.name, self.value, raising=False)  # False: it may stand before a builtin of that name


def _date(year: str, month: str, *rest: str) -> datetime:
    return datetime(int(year), int(month) if month.isdigit() else 1, *map(int, rest))  # type: ignore[arg-type]  # mypy sees a time zone in rest


def _let_in(root: Path, name: str) -> Path:
    try:
        return contained(root, name)
    except TreeError:
        return root / name


def _package(described: Any, _where: str) -> Package:
    return document._package(described)


def _whole(piece: bytes, _offset: int, _length: int) -> bytes:
    return piece


PLANTED = (
    Planted("values are not held against the size of the data", "header", "mirrorsync.rpmfile.header._LEAST_SIZES", (0,) * 10, "error:"),
    Planted("the number of a file's directory is not checked", "package", "mirrorsync.rpmfile.package.max", lambda _: -1, "IndexError"),
    Planted("a date is taken for one unseen", "listing-page", "mirrorsync.upstream.pages._composed", _date, "ValueError"),
    Planted("numbers are taken for such unseen", "primary", "mirrorsync.upstream.primary.number_in", int, "ValueError"),
    Planted("a name is let in that leads elsewhere", "name", "tests.fuzz.names.contained", _let_in, "was let in as"),
    Planted("an image's end is not seen", "image", "mirrorsync.boot.image._whole", _whole, "error:"),
    Planted("a size in an archive may have a sign", "image", "mirrorsync.boot.cpio._DIGITS", re.compile(rb"[-0-9A-Fa-f]{8}"), "Error: "),
    Planted("what decoders raise is not converted", "unpacking", "mirrorsync.unpacking._FAULTS", (), "Error: "),
    Planted("what unpacks is not counted", "unpacking", "mirrorsync.unpacking.len", lambda _: 0, "unpacks to more than it may"),
    Planted("a key may be of any length", "keys", "mirrorsync.trust.material._LONGEST", 1 << 30, "OverflowError"),
    Planted("TOML may be of any kind", "configuration", "mirrorsync.config.sources.ValueError", KeyError, "ValueError"),
    Planted("a package's fields are not looked for", "plan", "mirrorsync.planning.document.package_from", _package, "Error: "),
    Planted(
        "a day in a text is taken unseen", "advisory-text", "mirrorsync.upstream.redhattext.read_date", date.fromisoformat, "ValueError"
    ),
    Planted("a damaged cache is not expected", "tree-cache", "mirrorsync.tree.cache._FAULTS", (), "Error: "),
)
