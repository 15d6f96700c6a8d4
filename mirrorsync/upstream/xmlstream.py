"""XML metadata read one element at a time, with bounded memory and without anything a document type could declare."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import cast
from xml.etree import ElementTree
from xml.etree.ElementTree import Element
from xml.parsers import expat

from mirrorsync.errors import UpstreamError

_ELEMENT_LIMIT = 16 << 20  # bytes of XML below one child of the root; the largest real ones (file lists) take about 6 MiB
_DEPTH_LIMIT = 64
_DIGITS = 18


def open_document(chunks: Iterable[bytes], child: str | None, *, source: str) -> tuple[Element, Iterator[Element]]:
    """The root element, with its attributes only, and the root's children of the local name `child` (all for None), each when complete.

    An element given before is empty once the next one is asked for. Raises UpstreamError, which names `source`, here or while
    iterating: for XML that is not well-formed, nested too deep, has a DOCTYPE, or one child beyond 16 MiB.
    """
    stream = _elements(_without_doctype(chunks, source), child, source)
    try:
        return next(stream), stream
    except StopIteration:
        raise UpstreamError(f"{source}: is empty where XML was expected") from None


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
        self._pending = 0  # bytes since the last completed child

    def feed(self, chunk: bytes) -> Iterator[Element]:
        self._pending += len(chunk)
        if self._pending > _ELEMENT_LIMIT:
            raise UpstreamError(f"{self._source}: one element has more than {_ELEMENT_LIMIT >> 20} MiB; refused")
        self._parser.feed(chunk)
        return self._completed()

    def finish(self) -> Iterator[Element]:
        self._parser.close()
        return self._completed()

    def _completed(self) -> Iterator[Element]:
        for event, element in cast("Iterator[tuple[str, Element]]", self._parser.read_events()):
            if event == "start":
                self._depth += 1
                if self._depth > _DEPTH_LIMIT:
                    raise UpstreamError(f"{self._source}: its elements are nested more than {_DEPTH_LIMIT} deep; refused")
                if self._root is None:
                    self._root = element
                    yield element
                continue
            self._depth -= 1
            if self._depth == 1 and self._root is not None:
                if self._child in (None, local_name(element.tag)):
                    yield element
                self._root.clear()
                self._pending = 0


def _elements(chunks: Iterable[bytes], child: str | None, source: str) -> Iterator[Element]:
    reader = _Reader(child, source)
    try:
        for chunk in chunks:
            yield from reader.feed(chunk)
        yield from reader.finish()
    except ElementTree.ParseError as error:
        raise UpstreamError(f"{source}: is not well-formed XML: {error}") from error


def _without_doctype(chunks: Iterable[bytes], source: str) -> Iterator[bytes]:
    """The same chunks; those up to the root element are first read for a DOCTYPE, the only place it may stand."""
    scout = expat.ParserCreate()
    root_seen = False

    def refuse(*_: object) -> None:
        raise UpstreamError(f"{source}: declares a document type; metadata has none, so it is refused")

    def see_root(*_: object) -> None:
        nonlocal root_seen
        root_seen = True

    scout.StartDoctypeDeclHandler = refuse
    scout.StartElementHandler = see_root
    for chunk in chunks:
        if not root_seen:
            _scan(scout, chunk)
        yield chunk


def _scan(scout: expat.XMLParserType, chunk: bytes) -> None:
    try:
        scout.Parse(chunk)
    except expat.ExpatError:
        return  # the parser behind says the same with its line
