"""XML metadata read one element at a time, with bounded memory and without anything a document type could declare."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import cast
from xml.etree import ElementTree
from xml.etree.ElementTree import Element
from xml.parsers import expat

from mirrorsync.errors import UpstreamError

_ELEMENT_LIMIT = 16 << 20  # bytes of XML below one child of the root; the largest real ones (file lists) take about 6 MiB
_ELEMENT_MOST = 500_000  # elements below one child of the root
_TOKEN_LIMIT = 2 << 20  # bytes of one tag, text or comment
_PROLOGUE_LIMIT = 2 << 20  # bytes before the root element
_CHILDREN_MOST = 300_000
_DEPTH_LIMIT = 64
_GROWTH = 8
_MET = ("html", "metadata", "repomd", "metalink", "updates", "filelists", "otherdata", "comps")
_DIGITS = 18
_ENCODINGS = frozenset(("utf-8", "utf-16", "us-ascii", "iso-8859-1"))  # those of expat; for others it asks Python, which stumbles over most


def open_document(chunks: Iterable[bytes], child: str | None, *, source: str) -> tuple[Element, Iterator[Element]]:
    """The root element, with its attributes only, and the root's children of the local name `child` (all for None), each when complete.

    An element given before is empty once the next one is asked for. Raises UpstreamError, which names `source`, here or while
    iterating: for XML that is not well-formed, nested too deep, in a rare encoding, has a DOCTYPE, more than 300,000 children,
    one child beyond 16 MiB or 500,000 elements, or one tag or text beyond 2 MiB.
    """
    stream = _elements(chunks, child, source)
    try:
        return next(stream), stream
    except StopIteration:
        raise UpstreamError(f"{source}: is empty where XML was expected") from None


def called(root: Element) -> str:
    """What a message calls a document of the wrong kind: any other name could be anything, a password that the mirror was given too."""
    return f"<{local_name(root.tag)}>" if local_name(root.tag) in _MET else "another document"


@lru_cache(maxsize=1024)
def local_name(tag: str) -> str:
    """`entry` of `{http://linux.duke.edu/metadata/rpm}entry`."""
    return tag.rpartition("}")[2]


def children(element: Element | None, name: str) -> Iterator[Element]:
    """The children of that local name; none where there is no element."""
    return (child for child in (element if element is not None else ()) if local_name(child.tag) == name)


def child_of(element: Element, name: str) -> Element | None:
    """The first child of that local name."""
    return next(children(element, name), None)


def text_of(element: Element | None) -> str:
    """An element's own text without the blanks around it, '' where there is none."""
    return ((element.text if element is not None else None) or "").strip()


def number_in(text: str) -> int | None:
    """The non-negative number a text is, None where it is none or has more digits than a size or a time could."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else None


class _Reader:
    """Chunks in, completed children of the root out; what was given before is dropped."""

    def __init__(self, child: str | None, source: str) -> None:
        self._parser: ElementTree.XMLPullParser[Element] = ElementTree.XMLPullParser(("start", "end"))
        self._child = child
        self._source = source
        self._root: Element | None = None
        self._depth = 0
        self._children = 0
        self._begun = 0  # elements
        self._begun_before = 0  # when the last chunk was given
        self._most = _ELEMENT_MOST  # elements that may have begun before the present child is complete
        self._silent = 0  # bytes since an element last began
        self.pending = 0  # bytes since the last completed child

    def feed(self, chunk: bytes) -> Iterator[Element]:
        if self._begun != self._begun_before:
            self._begun_before, self._silent = self._begun, 0
        if self._silent > _TOKEN_LIMIT:
            raise self._refusal(f"one tag or text has more than {_TOKEN_LIMIT >> 20} MiB")
        self.pending += len(chunk)
        self._silent += len(chunk)
        if self.pending > _ELEMENT_LIMIT:
            raise self._refusal(f"one element has more than {_ELEMENT_LIMIT >> 20} MiB")
        self._parser.feed(chunk)
        return self._completed()

    def finish(self) -> Iterator[Element]:
        self._parser.close()
        return self._completed()

    def _completed(self) -> Iterator[Element]:
        for event, element in cast("Iterator[tuple[str, Element]]", self._parser.read_events()):
            if event == "start":
                self._depth += 1
                self._begun += 1
                if self._depth > _DEPTH_LIMIT or self._begun > self._most:
                    raise self._excess()
                if self._root is None:
                    self._root = element
                    yield element
                continue
            self._depth -= 1
            if self._depth == 1 and self._root is not None:
                self._end_child()
                if self._child in (None, local_name(element.tag)):
                    yield element
                self._root.clear()
                self.pending = 0

    def _end_child(self) -> None:
        self._most = self._begun + _ELEMENT_MOST
        self._children += 1
        if self._children > _CHILDREN_MOST:
            raise self._refusal(f"it has more than {_CHILDREN_MOST} entries")

    def _excess(self) -> UpstreamError:
        if self._depth > _DEPTH_LIMIT:
            return self._refusal(f"its elements are nested more than {_DEPTH_LIMIT} deep")
        return self._refusal(f"one element has more than {_ELEMENT_MOST} others in it")

    def _refusal(self, what: str) -> UpstreamError:
        return UpstreamError(f"{self._source}: {what}; refused: use another mirror, and tell its owner")


def _elements(chunks: Iterable[bytes], child: str | None, source: str) -> Iterator[Element]:
    reader = _Reader(child, source)
    try:
        for chunk in _without_doctype(_growing(chunks, reader), source):
            yield from reader.feed(chunk)
        yield from reader.finish()
    except ElementTree.ParseError as error:
        raise UpstreamError(f"{source}: is not well-formed XML: {error}; refused: try later or another mirror") from error


def require_harmless(content: bytes, *, source: str) -> None:
    """Raises UpstreamError for XML that goes on unread to others, and that they could not read without harm: it declares entities, is
    nested too deep, or is not well-formed. A document type alone, as in every comps.xml, is none.
    """
    parser = expat.ParserCreate()
    depth = 0

    def refuse(*_: object) -> None:
        raise UpstreamError(f"{source}: declares entities; refused: use another mirror, and tell its owner")

    def go(by: int) -> None:
        nonlocal depth
        depth += by
        if depth > _DEPTH_LIMIT:
            what = f"its elements are nested more than {_DEPTH_LIMIT} deep"
            raise UpstreamError(f"{source}: {what}; refused: use another mirror, and tell its owner")

    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = lambda *_: go(1)
    parser.EndElementHandler = lambda *_: go(-1)
    try:
        parser.Parse(content, True)  # noqa: FBT003  expat takes no keywords
    except expat.ExpatError as error:
        raise UpstreamError(f"{source}: is not well-formed XML: {error}; refused: try later or another mirror") from error


def _growing(chunks: Iterable[bytes], reader: _Reader) -> Iterator[bytes]:
    """The same bytes, in pieces that grow with what is pending: expat reads an unfinished tag or comment again with each of them."""
    held: list[bytes] = []
    size = 0
    for chunk in chunks:
        held.append(chunk)
        size += len(chunk)
        if size >= reader.pending // _GROWTH:
            yield b"".join(held)
            held, size = [], 0
    yield b"".join(held)


def _without_doctype(chunks: Iterable[bytes], source: str) -> Iterator[bytes]:
    """The same bytes; those up to the root element are first read for a DOCTYPE, the only place it may stand.

    None is passed on before: an expat that puts unfinished tokens off (2.6, and 2.5 as Debian mends it) may tell of one chunks later.
    """
    rest = iter(chunks)
    head, told = bytearray(), 0
    scout = _Scout(source)
    while not scout.done and (chunk := next(rest, None)) is not None:
        head += chunk
        if len(head) - told < told // _GROWTH:
            continue  # as above: an unfinished comment is read again with each piece
        scout.read(bytes(head[told:]))
        told = len(head)
        if told > _PROLOGUE_LIMIT and not scout.done:
            what = f"its first element comes after more than {_PROLOGUE_LIMIT >> 20} MiB"
            raise UpstreamError(f"{source}: {what}; refused: use another mirror, and tell its owner")
    scout.end(bytes(head[told:]))
    yield bytes(head)
    yield from rest


class _Scout:
    """Reads a document up to its root element. Raises UpstreamError for a DOCTYPE, or an encoding that is not read.

    What is not well-formed is left to the parser behind, which says the same with its line.
    """

    def __init__(self, source: str) -> None:
        self.done = False
        self._source = source
        self._parser = expat.ParserCreate()
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._parser.XmlDeclHandler = self._see_declaration
        self._parser.StartElementHandler = self._see_root

    def read(self, chunk: bytes, *, last: bool = False) -> None:
        try:
            self._parser.Parse(chunk, last)
        except expat.ExpatError:
            self.done = True

    def end(self, rest: bytes) -> None:
        """What was put off is told now, where the root was not seen."""
        if not self.done:
            self.read(rest, last=True)

    def _refuse(self, *_: object) -> None:
        what = "declares a document type, which no metadata has"
        raise UpstreamError(f"{self._source}: {what}; refused: use another mirror, and tell its owner")

    def _see_root(self, *_: object) -> None:
        self.done = True

    def _see_declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if (encoding or "utf-8").lower() not in _ENCODINGS:
            raise UpstreamError(f"{self._source}: is in the encoding {encoding!s:.40}, which is not read; metadata is in UTF-8")
