"""An FTP server on loopback that lists what is not there, or never comes to an end."""

import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from tests.servers import LOOPBACK

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # pyftpdlib stands on asyncore, which Python 3.11 deprecates
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.filesystems import AbstractedFS
    from pyftpdlib.handlers import FTPHandler
    from pyftpdlib.servers import FTPServer


@contextmanager
def hostile_ftp_server(root: Path, lines: Sequence[str], *, repeat: int = 1, opening: str = "") -> Iterator[str]:
    """The URL of an anonymous server of the folder whose listings have these MLSD lines too, so many times.

    opening: what it answers before it sends a file or a listing.
    """

    class Files(AbstractedFS):  # type: ignore[misc]  # pyftpdlib ships no types
        def format_mlsx(self, *arguments: Any, **options: Any) -> Iterator[bytes]:
            yield from super().format_mlsx(*arguments, **options)
            for _ in range(repeat):
                yield from (f"{line}\r\n".encode(errors="surrogateescape") for line in lines)

    class Handler(FTPHandler):  # type: ignore[misc]  # as above
        abstracted_fs: ClassVar = Files
        use_sendfile = False
        authorizer = DummyAuthorizer()

        def respond(self, reply: str, *arguments: Any, **options: Any) -> None:
            super().respond(opening if opening and reply.startswith(("125 ", "150 ")) else reply, *arguments, **options)

        def log(self, *_words: object, **_options: object) -> None:
            """Nothing is printed."""

        def log_transfer(self, *_words: object, **_options: object) -> None:
            """Nor this."""

    Handler.authorizer.add_anonymous(str(root))
    server = FTPServer((LOOPBACK, 0), Handler)
    stop = threading.Event()

    def run() -> None:
        while not stop.is_set():
            server.ioloop.loop(timeout=0.02, blocking=False)
        server.close_all()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield f"ftp://{LOOPBACK}:{server.address[1]}"
    finally:
        stop.set()
        thread.join()
