"""Repositories with metadata written by hand, so that each fault can be put where a test wants it."""

import bz2
import gzip
import hashlib
import lzma
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import zstandard

PACK: Mapping[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": partial(gzip.compress, mtime=0),
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.compress,
}


@dataclass(frozen=True)
class Item:
    """One <package> of primary.xml; `extra` is XML inside <format>."""

    name: str
    version: str = "1"
    release: str = "1"
    arch: str = "noarch"
    epoch: str = "0"
    location: str = ""
    base: str = ""
    digest: str = "a" * 64
    algorithm: str = "sha256"
    extra: str = ""

    @property
    def xml(self) -> str:
        location = self.location or f"Packages/{self.name}-{self.version}-{self.release}.{self.arch}.rpm"
        base = f' xml:base="{self.base}"' if self.base else ""
        return (
            f'<package type="rpm"><name>{self.name}</name><arch>{self.arch}</arch>'
            f'<version epoch="{self.epoch}" ver="{self.version}" rel="{self.release}"/>'
            f'<checksum type="{self.algorithm}" pkgid="YES">{self.digest}</checksum>'
            f'<time file="1" build="1700000000"/><size package="2000" installed="0" archive="0"/>'
            f'<location{base} href="{location}"/><format>{self.extra}</format></package>'
        )


def primary_xml(*items: Item, announced: int | None = None) -> bytes:
    body = "".join(item.xml for item in items)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<metadata xmlns="http://linux.duke.edu/metadata/common" '
        f'xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="{len(items) if announced is None else announced}">{body}</metadata>'
    ).encode()


@dataclass
class Repository:
    """A repository below `root`; call `write` after each change. algorithm: as repomd.xml spells it.  timestamp: of every record."""

    root: Path
    files: dict[str, bytes] = field(default_factory=dict)
    suffix: str = ".gz"
    algorithm: str = "sha256"
    revision: str = "1"
    timestamp: int | None = None

    @property
    def repomd(self) -> Path:
        return self.root / "repodata/repomd.xml"

    def write(self) -> None:
        folder = self.root / "repodata"
        folder.mkdir(parents=True, exist_ok=True)
        records = "".join(self._record(folder, kind, content) for kind, content in self.files.items())
        head = f'<?xml version="1.0" encoding="UTF-8"?>\n<repomd xmlns="http://linux.duke.edu/metadata/repo"><revision>{self.revision}</revision>'
        self.repomd.write_text(f"{head}{records}</repomd>")

    def _record(self, folder: Path, kind: str, content: bytes) -> str:
        packed = PACK[self.suffix](content)
        digest = hashlib.new({"sha": "sha1"}.get(self.algorithm, self.algorithm), packed).hexdigest()
        name = f"{digest}-{kind}{self.suffix}"
        (folder / name).write_bytes(packed)
        dated = "" if self.timestamp is None else f"<timestamp>{self.timestamp}</timestamp>"
        return (
            f'<data type="{kind}">{dated}<checksum type="{self.algorithm}">{digest}</checksum><location href="repodata/{name}"/>'
            f"<size>{len(packed)}</size><open-size>{len(content)}</open-size></data>"
        )

    def metadata_file(self, kind: str) -> Path:
        return next((self.root / "repodata").glob(f"*-{kind}{self.suffix}"))
