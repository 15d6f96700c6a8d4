"""One case's surroundings: a tree, a mirror on loopback that is good until it is told otherwise, and a configuration."""

import gzip
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

from mirrorsync.model.choices import MirrorKind
from tests.commands import Mirrorsync, configured
from tests.hostile.stock import POISONED, Stock, createrepo, packages_below
from tests.repositories import Repository
from tests.servers import MirrorServer, http_server
from tests.trees import snapshot

TREE = "redhat"


@dataclass(slots=True)
class World:
    """`folder` has the tree at u1/redhat, the mirror's files in `mirror`, the program's state in `state`, and nothing else that may change.

    good: the files that may come in under a package's name, where they are others than the stock's signed ones.
    beside: what ends with the case.  url: '' for the server's.  url_is: the key that it is configured by.
    settings: further TOML lines of the update mirror.
    others: other hosts that the mirror leads to.
    """

    folder: Path
    kind: MirrorKind
    stock: Stock
    server: MirrorServer
    beside: ExitStack
    url: str = ""
    url_is: str = "url"
    settings: str = ""
    others: list[MirrorServer] = field(default_factory=list)
    good: dict[str, Path] = field(default_factory=dict)

    @property
    def tree(self) -> Path:
        return self.folder / "u1" / TREE

    @property
    def mirror(self) -> Path:
        return self.folder / "mirror"

    @property
    def packages(self) -> Path:
        """Where the mirror's packages lie."""
        return packages_below(self.mirror, self.kind)

    def file(self, name: str = POISONED) -> Path:
        """A package's file at the mirror."""
        return self.packages / f"{name}.noarch.rpm"

    def path(self, name: str = POISONED) -> str:
        """What is asked for to get it."""
        return f"/{self.file(name).relative_to(self.mirror)}"

    def offer(self, *packages: Path) -> None:
        """Put packages onto the mirror, each under its own name, and describe them."""
        self.packages.mkdir(parents=True, exist_ok=True)
        for package in packages:
            shutil.copy(package, self.packages)
        self.describe()

    def describe(self) -> None:
        """Make the mirror's metadata anew, where it has any."""
        if self.kind is MirrorKind.REPODATA:
            createrepo(self.mirror)

    def rewrite(self, kind: str, change: Callable[[bytes], bytes]) -> None:
        """Change a metadata file ("primary"), and let repomd.xml describe what it is now."""
        folder = self.mirror / "repodata"
        found = {name: _unpacked(folder / f"{name}.xml.gz") for name in ("primary", "filelists", "other")}
        found[kind] = change(found.get(kind, b""))
        Repository(self.mirror, found).write()

    def redescribe(self, change: Callable[[str], str], name: str = "bash") -> None:
        """Change what primary.xml says of one package."""

        def changed(xml: bytes) -> bytes:
            parts = re.split(r"(?<=</package>)\n?", xml.decode())
            return "\n".join(change(part) if f"<name>{name}</name>" in part else part for part in parts).encode()

        self.rewrite("primary", changed)

    @property
    def index(self) -> str:
        """What is asked for first."""
        return "/" if self.kind is MirrorKind.LISTING else "/repodata/repomd.xml"

    def answer(self, path: str, answer: Callable[[SimpleHTTPRequestHandler], None]) -> None:
        """Answer so in place of a file."""
        self.server.behaviour.answers[path] = answer

    def serve(self, path: str, body: bytes) -> None:
        """Answer with this in place of a file."""
        self.server.behaviour.bodies[path] = body

    def mirrorsync(self) -> Mirrorsync:
        """The program, configured for what the mirror is now."""
        files = ", ".join(f'"{key.public}"' for key in self.stock.keys)
        fingerprints = ", ".join(f'"{key.fingerprint}"' for key in self.stock.keys)
        lines = (
            f'{self.url_is} = "{self.url or self.server.url}"',
            f'kind = "{self.kind}"',
            f"keys = [{files}]",
            f"fingerprints = [{fingerprints}]",
            self.settings,
        )
        return configured(self.folder, self.tree, "\n".join(lines), layout=_LAYOUTS[self.kind])

    def published(self) -> dict[str, bytes]:
        """Every file of the tree."""
        return snapshot(self.tree)

    def strays(self) -> list[str]:
        """Files where the program has no business."""
        own = ("u1/redhat/", "u1/.mirrorsync/redhat/", "state/", "mirror/", "mirror.", "password", "mirrorsync.toml", "run.")
        return [name for name in snapshot(self.folder) if not name.startswith(own)]


_LAYOUTS = {MirrorKind.LISTING: "redhat", MirrorKind.REPODATA: "repodata"}


@contextmanager
def world(folder: Path, kind: MirrorKind, stock: Stock) -> Iterator[World]:
    """A tree of three old packages, and a mirror that offers updates of two of them, both as they should be."""
    shutil.copytree(stock.mirror(kind), folder / "mirror")
    shutil.copytree(stock.tree(kind), folder / "u1" / TREE)
    with ExitStack() as beside, http_server(folder / "mirror") as server:
        yield World(folder, kind, stock, server, beside)


def _unpacked(file: Path) -> bytes:
    return gzip.decompress(file.read_bytes())
