"""The package names that a comps file or a kickstart asks for; RHL 7.3's installer ends in a traceback where one is not in hdlist."""

import re
from pathlib import Path
from xml.etree import ElementTree

from mirrorsync.errors import TreeError
from mirrorsync.model.choices import Layout
from mirrorsync.tree.layout import BASE

_LIMIT = 32 << 20
_HEAD = 1024
_ENCODING = re.compile(rb"""<\?xml[^>]*?\bencoding\s*=\s*["']([^"']{0,40})""")
_ENCODINGS = (b"utf-8", b"utf-16", b"us-ascii", b"iso-8859-1")  # expat's own; for others it asks Python, which stumbles over most


def comps_names(content: bytes, arches: tuple[str, ...]) -> frozenset[str]:
    """The names a comps file asks for on machines of `arches`.

    Of either kind: XML (RHL 8.0 and later) or the text of RHL 7.x ("3" or "4" in its first line). Raises TreeError.
    """
    if content.lstrip()[:1] == b"<":
        return _xml_names(content)
    return _text_names(content.decode(errors="surrogateescape"), arches)


def _xml_names(content: bytes) -> frozenset[str]:
    if re.search(rb"<!ENTITY", content):
        raise TreeError("refused: it declares XML entities")
    said = _ENCODING.search(content[:_HEAD].replace(b"\0", b""))
    if said and said[1].lower() not in _ENCODINGS:
        raise TreeError(f"refused: it is in the encoding {said[1].decode(errors='replace')!r}, which is not read")
    try:
        root = ElementTree.fromstring(content)  # noqa: S314  entities are refused above
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # the latter two for encodings that are none
        raise TreeError(f"not well-formed XML: {error}") from error
    return frozenset((element.text or "").strip() for element in root.iter("packagereq")) - {""}


def _text_names(text: str, arches: tuple[str, ...]) -> frozenset[str]:
    """`[expr:] 0|1 [--hide] Group {`, in it `[expr:] package`, `@ Group` and `[expr:] ? Group {`, each block closed by `}`."""
    names: set[str] = set()
    blocks: list[bool] = []  # of each open block, whether it and all around it apply
    for raw in text.splitlines()[1:]:
        line = raw.split("#", 1)[0].strip()
        condition, colon, rest = line.rpartition(": ")
        applies = (not colon or _applies(condition, arches)) and all(blocks[-1:])
        if line == "}":
            del blocks[-1:]
        elif line.endswith("{"):
            blocks.append(applies)
        elif blocks and applies and rest and not rest.startswith("@"):
            names.add(rest.strip())
    return frozenset(names)


def _applies(condition: str, arches: tuple[str, ...]) -> bool:
    """`i386`, `!i386`, or `(lang ja and arch !s390 …)`; any language may be chosen on a node."""
    terms = [term.strip() for term in condition.strip().strip("()").split(" and ")]
    return all(_term_applies(term.removeprefix("arch "), arches) for term in terms if not term.startswith("lang "))


def _term_applies(term: str, arches: tuple[str, ...]) -> bool:
    return term.removeprefix("!") not in arches if term.startswith("!") else term in arches


def kickstart_names(text: str) -> frozenset[str]:
    """The names in a ks.cfg's %packages section; groups (@), exclusions (-) and globs name no single package."""
    names: set[str] = set()
    inside = False
    for raw in text.splitlines():
        line = raw.split("#", 1)[0].strip()
        if line.startswith("%"):
            inside = line.split()[0] == "%packages"
        elif inside and line and line[0] not in "@-" and not any(mark in line for mark in "*?["):
            names.add(line.rpartition(".")[0] if line.endswith((".i386", ".i686", ".x86_64", ".noarch")) else line)
    return frozenset(names)


def listed_names(root: Path, layout: Layout, arches: tuple[str, ...], kickstarts: tuple[Path, ...]) -> frozenset[str]:
    """What the tree's comps (RHL layout: later installers skip a name that is not there) and the kickstart files name.

    Raises TreeError for a file that cannot be read.
    """
    comps = (root / BASE / "comps", root / BASE / "comps.xml") if layout is Layout.REDHAT else ()
    names: set[str] = set()
    for path in comps:
        if path.is_file():
            names |= _comps_names(path, arches)
    for path in kickstarts:
        names |= kickstart_names(_content(path).decode(errors="surrogateescape"))
    return frozenset(names)


def _comps_names(path: Path, arches: tuple[str, ...]) -> frozenset[str]:
    try:
        return comps_names(_content(path), arches)
    except TreeError as error:
        raise TreeError(f"{path}: {error}; restore it from the distribution") from error


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LIMIT)
    except OSError as error:
        raise TreeError(f"{path}: cannot be read: {error.strerror}; make it readable or take it out of the configuration") from error
