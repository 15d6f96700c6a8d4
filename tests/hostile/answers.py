"""Answers that no honest server gives, written to the connection head and all."""

import gzip
import itertools
import select
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from http.server import SimpleHTTPRequestHandler

Answer = Callable[[SimpleHTTPRequestHandler], None]


def answer(body: Iterable[bytes], headers: Mapping[str, str] | None = None, status: int = 200, *, pause: float = 0) -> Answer:
    """A head, and then the blocks of the body with `pause` seconds between them."""

    def write(handler: SimpleHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Connection": "close", **(headers or {})}.items():
            handler.send_header(name, value)
        handler.end_headers()
        _flow(handler, body, pause)

    return write


def endless(block: bytes = b"#" * (1 << 16), *, pause: float = 0) -> Answer:
    """A body without an end, and without a length."""
    return answer(_Always(block), pause=pause)


def endless_head(*, pause: float = 0) -> Answer:
    """Headers without an end."""
    return _raw(_Always(b"X-More: on and on\r\n"), pause)


def endless_line(block: bytes = b"x", *, pause: float = 0) -> Answer:
    """One header without an end."""
    return _raw(_Always(block), pause, b"X: ")


def endless_preliminaries() -> Answer:
    """`100 Continue`, again and again."""
    return _raw(_Always(b"\r\nHTTP/1.1 100 Continue\r\n"), 0, status=b"100 Continue")


def chunked(block: bytes, *, pause: float = 0, before: bytes = b"") -> Answer:
    """In chunks; what frames them has no end."""
    return _raw(_Always(block), pause, b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + before)


def silence() -> Answer:
    """A head, and nothing after it."""
    return answer(_Always(b""), pause=0.2)


def redirect(location: str) -> Answer:
    """To somewhere else."""
    return answer((), {"Location": location, "Content-Length": "0"}, 302)


def circle(handler: SimpleHTTPRequestHandler) -> None:
    """To the same place."""
    redirect(handler.path)(handler)


def html(text: str) -> Answer:
    """A page, as if it were what was asked for."""
    body = f"<html><body>{text}</body></html>".encode()
    return answer((body,), {"Content-Type": "text/html", "Content-Length": str(len(body))})


def packed(body: bytes) -> Answer:
    """Compressed although nobody asked for it."""
    return answer((gzip.compress(body),), {"Content-Encoding": "gzip"})


def page(names: Iterable[str]) -> bytes:
    """A listing whose links are these, as they are."""
    return b"<html><pre>" + b"\n".join(f'<a href="{name}">x</a>'.encode(errors="surrogateescape") for name in names) + b"</pre></html>"


class _Always:
    """The same block for as long as somebody takes it, each time anew."""

    def __init__(self, block: bytes) -> None:
        self._block = block

    def __iter__(self) -> Iterator[bytes]:
        return itertools.repeat(self._block)


def _raw(body: Iterable[bytes], pause: float, before: bytes = b"", status: bytes = b"200 OK") -> Answer:
    def write(handler: SimpleHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 " + status + b"\r\n" + before)
        _flow(handler, body, pause)

    return write


def _flow(handler: SimpleHTTPRequestHandler, body: Iterable[bytes], pause: float) -> None:
    handler.wfile.flush()
    for block in body:
        handler.wfile.write(block)
        time.sleep(pause)
        if pause and not block and _gone(handler):
            return


def _gone(handler: SimpleHTTPRequestHandler) -> bool:
    """Whether the other side has hung up, where nothing is written that would tell."""
    readable, _, _ = select.select([handler.connection], [], [], 0)
    return bool(readable)
