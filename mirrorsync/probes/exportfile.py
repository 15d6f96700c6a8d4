"""exports(5): the text of an exports file as entries, read as nfs-utils' exportfs reads it."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mirrorsync.model.finding import Finding, Severity

WORLD = "*"
_FLAGS = frozenset(
    [
        "ro",
        "rw",
        "secure",
        "insecure",
        "sync",
        "async",
        "nordirplus",
        "security_label",
        "nohide",
        "hide",
        "crossmnt",
        "nocrossmnt",
        "wdelay",
        "no_wdelay",
        "root_squash",
        "no_root_squash",
        "all_squash",
        "no_all_squash",
        "subtree_check",
        "no_subtree_check",
        "auth_nlm",
        "no_auth_nlm",
        "secure_locks",
        "insecure_locks",
        "acl",
        "no_acl",
        "pnfs",
        "no_pnfs",
        "mountpoint",
        "mp",
    ]
)
_SETTINGS = frozenset(
    [
        "anonuid",
        "anongid",
        "squash_uids",
        "squash_gids",
        "fsid",
        "mountpoint",
        "mp",
        "refer",
        "replicas",
        "sec",
        "xprtsec",
        "reexport",
    ]
)
_TOKEN = re.compile(
    r"""(?P<blank>(?:[^\S\n]|\\\n)+)  # a backslash at a line's end makes the next line part of this one
      | (?P<end>\n)
      | (?P<comment>\#[^\n]*)
      | (?P<word>(?:"[^"]*"|[^\s"\\]|\\(?!\n))+)
      | (?P<unclosed>")
    """,
    re.VERBOSE | re.ASCII,
)
_JOINED = re.compile(rb"\\\n[ \t]*")
_OCTAL = re.compile(rb"\\([0-3][0-7]{2})")


@dataclass(frozen=True, slots=True)
class Export:
    """One client's leave to mount one directory.

    client: a host, network, wildcard, @netgroup, or "*" for everybody.  options: the line's defaults first, then its own.
    blank: whether a blank before "(…)" made it everybody's.  file, line: where it is written.
    """

    path: str
    client: str
    options: tuple[str, ...]
    file: str
    line: int
    blank: bool = False

    @property
    def where(self) -> str:
        """`file:line`, as messages name it."""
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    line: int


class _StopError(ValueError):
    """What exportfs stops at."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(what)
        self.line = line


def parse_exports(text: str, file: str) -> tuple[tuple[Export, ...], tuple[Finding, ...]]:
    """(entries, problems) of the exports file named `file`. As with exportfs, nothing counts that comes after the first problem."""
    entries: list[Export] = []
    try:
        for words in _lines(text):
            for export in _entry(words, file):
                entries.append(export)  # one by one: those before a fault on the same line count
    except _StopError as stop:
        what = f"{stop}; exportfs reads nothing from here on"
        remedy = "correct the line (see exports(5)), then `exportfs -ra`"
        return tuple(entries), (Finding(Severity.ERROR, "export-syntax", f"{file}:{stop.line}", what, remedy),)
    return tuple(entries), ()


def _lines(text: str) -> Iterator[list[_Word]]:
    """The words of each entry: a directory, then its clients."""
    words: list[_Word] = []
    line = 1
    for token in _TOKEN.finditer(text):
        if token.lastgroup == "unclosed":
            raise _StopError(line, "a quotation mark is not closed")
        if token.lastgroup == "word":
            words.append(_Word(plain(token.group()), line))
        elif token.lastgroup == "end" and words:
            yield words
            words = []
        line += token.group().count("\n")
    if words:
        yield words


def plain(word: str) -> str:
    r"""Without quotation marks, and with \040 and the like as the bytes they stand for."""
    raw = _JOINED.sub(b" ", os.fsencode(word.replace('"', "")))
    return os.fsdecode(_OCTAL.sub(lambda match: bytes([int(match[1], 8)]), raw))


def _entry(words: Sequence[_Word], file: str) -> Iterator[Export]:
    """One Export for each client; a line, or a list of defaults, that no client follows is everybody's."""
    path, *rest = words
    defaults: tuple[str, ...] = ()
    bare = False  # whether the client before had no options
    listed = False  # whether the word before was a list of defaults: what follows that is a client, '-' or not
    for word in rest:
        if word.text.startswith("-") and not listed:
            defaults += _options(word.text[1:], word.line)
            listed = True
            continue
        client, options = _client(word)
        yield Export(path.text, client or WORLD, defaults + options, file, word.line, blank=bare and not client)
        bare, listed = "(" not in word.text, False
    if not rest or listed:
        yield Export(path.text, WORLD, defaults, file, path.line)


def _client(word: _Word) -> tuple[str, tuple[str, ...]]:
    client, opened, rest = word.text.partition("(")
    if not opened:
        return client, ()
    options, closed, after = rest.partition(")")
    if not closed or after:
        raise _StopError(word.line, f"{word.text!r}: its list of options does not end with ')'; there may be no blank in it")
    return client, _options(options, word.line)


def _options(text: str, line: int) -> tuple[str, ...]:
    """The options of a list with commas, of which the last may be followed by one."""
    options = [option.lstrip() for option in text.split(",")]
    if not options[-1]:
        options.pop()
    for option in options:
        name, setting, _ = option.partition("=")
        if not (name in _SETTINGS if setting else option in _FLAGS):
            raise _StopError(line, f"{option!r} is no option of exports(5)")
    return tuple(options)
