"""What a tree's .treeinfo says of its repodata: the checksum of repomd.xml, which every generation has another of.

The file is of the format of productmd, https://release-engineering.github.io/productmd/treeinfo-1.1.html, [checksums]; all else in it
stays to the letter, also what was written by others.
"""

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mirrorsync.errors import TreeError
from mirrorsync.files import contained, link_file, read_plain, write_file
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.tree.layout import TREEINFO

_MOST_BYTES = 1 << 20
_SECTION = re.compile(rb"\s*\[(.*)\]")
_SUM = re.compile(rb"(\s*(\S*repodata/repomd\.xml)\s*=\s*(\w+):)([0-9A-Fa-f]+)(\s*)")
_ALGORITHMS = {"sha": "sha1"}
_SHOWN = 16  # digits


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of the file; sums only where it has that of a repomd.xml which is there: what it says, and what is."""

    text: bytes
    path: str = ""
    said: str = ""
    found: str = ""


def carry_treeinfo(old: Path, new: Path) -> None:
    """Put the .treeinfo of the tree at `old` into the one at `new`, with the sums of what is there."""
    for name in TREEINFO:
        lines = _lines(old / name, new)
        if any(line.said != line.found for line in lines):
            write_file(new / name, b"".join(line.text for line in lines))
        elif os.path.lexists(old / name):
            link_file(old / name, new / name)


def treeinfo_findings(root: Path) -> Iterator[Finding]:
    """The sums of repomd.xml in a .treeinfo of the tree at `root` that are not those of the files."""
    for name in TREEINFO:
        for line in _lines(root / name, root):
            if line.said != line.found:
                what = f"says {line.said[:_SHOWN]}… of {line.path}, and it is {line.found[:_SHOWN]}…: what looks at it refuses the tree"
                yield Finding(Severity.WARNING, "treeinfo-stale", str(root / name), what, "run `mirrorsync update`, which corrects it")


def _lines(path: Path, root: Path) -> list[_Line]:
    """The file's, none where it cannot be read as such; the sums are of the files at `root`."""
    try:
        content = b"" if path.is_symlink() else read_plain(path, _MOST_BYTES)
    except OSError:
        return []
    lines, section = [], b""
    for text in content.splitlines(keepends=True):
        if heading := _SECTION.match(text):
            section = heading[1]
        match = _SUM.fullmatch(text) if section == b"checksums" else None
        lines.append(_line(text, match, root) if match else _Line(text))
    return lines


def _line(text: bytes, match: re.Match[bytes], root: Path) -> _Line:
    before, name, algorithm, value, after = match.groups()
    path = name.decode(errors="replace")
    found = _found(root, path, algorithm.decode().lower())
    if found is None:
        return _Line(text)
    return _Line(before + found.encode() + after, path, value.decode().lower(), found)


def _found(root: Path, path: str, algorithm: str) -> str | None:
    """None where there is no such file in the tree, or no such algorithm is known."""
    try:
        content = read_plain(contained(root, path), _MOST_BYTES)
        return hashlib.new(_ALGORITHMS.get(algorithm, algorithm), content, usedforsecurity=False).hexdigest()
    except (OSError, TreeError, ValueError, TypeError):  # TypeError: shake_128 has no length of its own
        return None
