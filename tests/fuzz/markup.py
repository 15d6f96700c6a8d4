"""Changes to XML and HTML that leave it such: elements, attributes, declarations, depth."""

import re
from collections.abc import Callable, Sequence
from random import Random

from tests.fuzz.mutation import found

_TAG = re.compile(rb"<[^<>]{0,400}>")
_ATTRIBUTE = re.compile(rb"""\b([\w:]{1,40})=("[^"]{0,400}"|'[^']{0,400}')""")  # bounded: what is searched has long words in it
_TEXT = re.compile(rb">([^<>]{1,400})<")
_ELEMENT = re.compile(rb"<(\w{1,40})\b[^<>]{0,400}>[^<>]{0,400}</\1>")
_DECLARATION = re.compile(rb"^\s*<\?xml[^>]*\?>")
_ENCODINGS = (
    b"UTF-8",
    b"utf-16",
    b"latin1",
    b"nonexistent",
    b"utf-7",
    b"gb2312",
    b"hex",
    b"idna",
    b"punycode",
    b"unicode_escape",
    b"",
    b"x" * 300,
)
_VALUES = (
    *(b"", b" ", b"0", b"-1", b"1e9", b"9" * 30, b"9" * 5000, b"None", b"&#0;", b"&#x10FFFF;", b"&lt;", b"&nosuch;"),
    *(b"\0", b"\xff\xfe", b"a" * 5000),
    *(b"../../etc/passwd", b"/etc/passwd", b"%2e%2e/x", b"x\\y", b"a//b", b"sha1", b"shake_128", b"md5"),
    *(b"EQ", b"src", b"2012-99-99", b"0000-00-00"),
)  # fmt: skip
_SPECIALS = (
    *(b"<!--", b"-->", b"<![CDATA[", b"]]>", b"<!DOCTYPE a>", b"<![foo[", b"<![if !IE]>"),
    *(b"<!", b"<?", b"</", b"<", b"&", b"<a ", b"<a b='", b"<>"),
)
_DOCTYPES = (
    b'<!DOCTYPE a [<!ENTITY b "xxxxxxxxxx"><!ENTITY c "&b;&b;&b;&b;">]>',
    b'<!DOCTYPE a SYSTEM "file:///etc/passwd">', b"<!DOCTYPE metadata []>",
)  # fmt: skip


def _attribute(random: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    """Another value for an attribute."""
    return _put(found(random, _ATTRIBUTE, content), content, 2, b'"' + random.choice(_VALUES).replace(b'"', b"") + b'"')


def _attribute_gone(random: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    return _put(found(random, _ATTRIBUTE, content), content, 0, b"")


def _text(random: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    return _put(found(random, _TEXT, content), content, 1, random.choice(_VALUES))


def _tag(random: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    """A tag lost, or in another's place."""
    other = found(random, _TAG, content)
    return _put(found(random, _TAG, content), content, 0, other[0] if other and random.random() < 0.5 else b"")


def _element(random: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    """An element lost, or there several times."""
    element = found(random, _ELEMENT, content)
    return _put(element, content, 0, element[0] * random.choice((0, 2, 300))) if element else content


def _deeper(random: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    """An element inside others of its kind."""
    element = found(random, _ELEMENT, content)
    if element is None:
        return content
    depth = random.choice((1, 60, 70, 3000))
    name = element[1]
    return _put(element, content, 0, (b"<" + name + b">") * depth + element[0] + (b"</" + name + b">") * depth)


def _declaration(random: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    """Another encoding said, or none."""
    said = b'<?xml version="1.0" encoding="' + random.choice(_ENCODINGS) + b'"?>'
    return said + _DECLARATION.sub(b"", content)


def _encoded(random: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    return content.decode(errors="replace").encode(random.choice(("utf-16", "utf-16-le", "utf-16-be", "latin-1")), errors="replace")


def _doctype(random: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    tag = found(random, _TAG, content)
    return _put(tag, content, 0, random.choice(_DOCTYPES) + tag[0]) if tag else content


def _special(random: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    at = random.randint(0, len(content))
    return content[:at] + random.choice(_SPECIALS) * random.choice((1, 1, 500)) + content[at:]


def _put(match: re.Match[bytes] | None, content: bytes, group: int, by: bytes) -> bytes:
    return content[: match.start(group)] + by + content[match.end(group) :] if match else content


CHANGES: tuple[Callable[[Random, bytes, Sequence[bytes]], bytes], ...] = (
    _attribute, _attribute, _attribute_gone, _text, _text, _tag, _element, _deeper, _declaration, _encoded, _doctype, _special,
)  # fmt: skip
