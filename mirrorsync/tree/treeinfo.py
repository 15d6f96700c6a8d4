"""What a tree's .treeinfo says of its repodata: the checksum of repomd.xml, which every generation has another of.

The file is of the format of productmd, https://release-engineering.github.io/productmd/treeinfo-1.1.html, [checksums]; all else in it
stays to the letter, also what was written by others.
"""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mirrorsync.errors import TreeError
from mirrorsync.files import contained, link_file, read_plain, write_file
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.tree.layout import TREEINFO

_MOST_BYTES = 1 << 20
_SECTION = re.compile(rb"\s*\[(.*)\]")
_SUM = re.compile(rb"(\s*(\S*repodata/repomd\.xml)\s*=\s*(\w+):)([0-9A-Fa-f]+)(\s*)")
_VALUE = re.compile(rb"(?P<before>\s*(?P<key>[^=\s#;\[](?:[^=]*[^=\s])?)\s*=[ \t]*)(?P<value>[^\r\n]*?)(?P<after>\s*)")
_SUMS = b"checksums"
_ALGORITHMS = {"sha": "sha1"}
_SHOWN = 16  # digits


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of the file; sums only where it has that of a repomd.xml which is there: what it says, and what is."""

    text: bytes
    path: str = ""
    said: str = ""
    found: str = ""


def carry_treeinfo(old: Path, new: Path, changes: Mapping[tuple[str, str], str]) -> None:
    """Put the .treeinfo of the tree at `old` into the one at `new`, with the sums of what is there.

    changes: by section and key, what else it is to say.
    """
    for name in TREEINFO:
        content = _content(old / name)
        written = b"".join(line.text for line in _lines(_changed(content, changes), new))
        if written != content:
            write_file(new / name, written)
        elif os.path.lexists(old / name):
            link_file(old / name, new / name)


def treeinfo_findings(root: Path) -> Iterator[Finding]:
    """The sums of repomd.xml in a .treeinfo of the tree at `root` that are not those of the files."""
    for name in TREEINFO:
        for line in _lines(_content(root / name), root):
            if line.said != line.found:
                what = f"says {line.said[:_SHOWN]}… of {line.path}, and it is {line.found[:_SHOWN]}…: what looks at it refuses the tree"
                yield Finding(Severity.WARNING, "treeinfo-stale", str(root / name), what, "run `mirrorsync update`, which corrects it")


def _content(path: Path) -> bytes:
    """Nothing where it cannot be read as such a file."""
    try:
        return b"" if path.is_symlink() else read_plain(path, _MOST_BYTES)
    except OSError:
        return b""


def _changed(content: bytes, changes: Mapping[tuple[str, str], str]) -> bytes:
    """The same with other values; a checksum that it has not yet stands first in its section, anything else is left out."""
    if not content or not changes:
        return content
    values = {(section.encode(), key.encode()): value.encode() for (section, key), value in changes.items()}
    present = {(section, match["key"]) for text, section in _sections(content) if (match := _VALUE.fullmatch(text))}
    lacking = [
        b"%s = %s\n" % (key, value) for (section, key), value in values.items() if section == _SUMS and (section, key) not in present
    ]
    lines = []
    for text, section in _sections(content):
        match = _VALUE.fullmatch(text)
        value = values.get((section, match["key"])) if match else None
        lines.append(text if match is None or value is None else match["before"] + value + match["after"])
        if section == _SUMS and _SECTION.match(text):
            lines += lacking
    return b"".join(lines)


def _sections(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Each line, and the section that it stands in."""
    section = b""
    for text in content.splitlines(keepends=True):
        if heading := _SECTION.match(text):
            section = heading[1]
        yield text, section


def _lines(content: bytes, root: Path) -> list[_Line]:
    """The lines of a file; the sums are of the files at `root`."""
    matches = ((text, _SUM.fullmatch(text) if section == _SUMS else None) for text, section in _sections(content))
    return [_line(text, match, root) if match else _Line(text) for text, match in matches]


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
