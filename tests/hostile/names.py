"""A9: names that would lead out of a folder, or confuse whoever reads them."""

import shutil
import unicodedata
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import quote

from mirrorsync.errors import ExitCode
from mirrorsync.model.choices import MirrorKind
from tests.hostile import answers
from tests.hostile.cases import LISTING, REPODATA, Case
from tests.hostile.ftp import hostile_ftp_server
from tests.hostile.stock import GOOD, POISONED
from tests.hostile.world import World

_OFFERED_NOT = ("it is not offered", "tell the mirror's owner")
_PATH = "refused: not a plain relative path"
_SIGN = "refused: a backslash, or characters that cannot be printed, in a name"
_LONG = "refused: longer than a file name may be"
_SHELL = "refused: a part of it begins with - or ~"
# name of the case, the name at the mirror, what it is refused for
_NAMES = (
    ("dot dot", "../../etc/cron.d/x.rpm", _PATH),
    ("dot dot within", "a/../../x.rpm", _PATH),
    ("absolute", "/etc/cron.d/x.rpm", _PATH),
    ("backslashes", "..\\..\\x.rpm", _SIGN),
    ("NUL", "x\0.rpm", _SIGN),
    ("control character", "x\x1b[2J.rpm", _SIGN),
    ("newline", "x\nheld y.rpm", _SIGN),
    ("right to left", "x\u202emoc.rpm", _SIGN),
    ("300 bytes", f"{'x' * 300}.rpm", _LONG),
    ("home of somebody", "~root.rpm", _SHELL),
    ("option", "-rf.rpm", _SHELL),
)
_DEEP = "/".join(["d" * 200] * 25) + "/x.rpm"
_LONE = {"empty": "", "dot": ".", "parent": ".."}


def cases() -> Iterator[Case]:
    """Every case of the row."""
    yield from _in_pages()
    yield from _in_primary()
    yield from _in_repomd()
    yield from _over_ftp()
    for kind in (LISTING, REPODATA):
        yield from _lookalikes(kind)


def _in_pages() -> Iterator[Case]:
    """Links of a page; each is encoded as a link has to be, so that it is one name until it is decoded."""
    for name, text, reason in _NAMES:
        yield Case("A9", LISTING, name, partial(linked, quote(text, safe="")), (reason, *_OFFERED_NOT), ExitCode.FINDINGS)
    for name, href in {"encoded parent": "%2e%2e/x.rpm", "absolute link": "/etc/x.rpm", "other host": "//127.0.0.2/x.rpm"}.items():
        yield Case("A9", LISTING, f"link to {name}", partial(linked, href), (), ExitCode.DONE)
    for name, text in _LONE.items():
        yield Case("A9", LISTING, f"link that is {name}", partial(linked, text), (), ExitCode.DONE)


def _in_primary() -> Iterator[Case]:
    """Locations of packages."""
    encoded = (("encoded dot dot", "%2e%2e/x.rpm", _PATH), ("encoded slashes", "..%2f..%2fx.rpm", _PATH), ("5000 bytes", _DEEP, _LONG))
    unwritable = ("NUL", "control character", "newline")  # XML has no way to write these but by percent signs
    for name, text, reason in (*_NAMES, *encoded):
        href = quote(text) if name in unwritable else text
        yield Case("A9", REPODATA, name, partial(located, href), ("bash", reason, *_OFFERED_NOT), ExitCode.FINDINGS)
    for name, text in _LONE.items():
        yield Case("A9", REPODATA, f"location that is {name}", partial(located, text), ("bash", _PATH, *_OFFERED_NOT), ExitCode.FINDINGS)
    elsewhere = ("bash", "lies elsewhere", "give that place as an update source")
    yield Case("A9", REPODATA, "base elsewhere", based_elsewhere, elsewhere, ExitCode.FINDINGS)


def _in_repomd() -> Iterator[Case]:
    """Locations of metadata files."""
    for name, text, reason in (
        ("dot dot", "../../primary.xml.gz", _PATH),
        ("absolute", "/etc/passwd", _PATH),
        ("encoded", "%2e%2e/p", _PATH),
    ):
        says = ("repomd.xml", "primary", reason, "tell the mirror's owner")
        yield Case("A9", REPODATA, f"metadata at {name}", partial(metadata_at, text), says, ExitCode.FAILURE, ())


def _over_ftp() -> Iterator[Case]:
    """Lines of MLSD; a link is no name, and what it leads to is what the server gives."""
    for name, text, reason in _NAMES:
        if name not in ("newline", "NUL"):  # a line cannot have them
            line = f"type=file;size=10;modify=20200101000000; {text}"
            yield Case("A9", LISTING, f"over FTP {name}", partial(over_ftp, line), (reason, *_OFFERED_NOT), ExitCode.FINDINGS)
    link = "type=OS.unix=slink:/etc;size=10; x.rpm"
    says = ("x.rpm", "it is not offered; the next run tries again")
    yield Case("A9", LISTING, "over FTP link", partial(over_ftp, link), says, ExitCode.FINDINGS)


def _lookalikes(kind: MirrorKind) -> Iterator[Case]:
    says = ("only by case or Unicode form", *_OFFERED_NOT)
    yield Case("A9", kind, "another case", in_another_case, ("BASH-2-1", *says), ExitCode.FINDINGS, (GOOD, POISONED))
    yield Case("A9", kind, "another Unicode form", in_another_form, ("caf", *says), ExitCode.FINDINGS, (GOOD, POISONED))


def linked(href: str, world: World) -> None:
    """The listing has this link in place of the update's."""
    world.file().unlink()
    world.serve("/", answers.page([href.replace("&", "&amp;"), f"{GOOD}.noarch.rpm"]))


def located(href: str, world: World) -> None:
    """primary.xml says that the update lies there."""
    world.redescribe(lambda xml: xml.replace('href="Packages/bash-2-1.noarch.rpm"', f'href="{href}"'))


def based_elsewhere(world: World) -> None:
    """primary.xml says that the update lies at another host."""
    world.redescribe(lambda xml: xml.replace("<location ", '<location xml:base="http://127.0.0.2/" '))


def metadata_at(href: str, world: World) -> None:
    """repomd.xml says that primary.xml lies there."""
    repomd = world.mirror / "repodata/repomd.xml"
    repomd.write_text(repomd.read_text().replace('href="repodata/primary.xml.gz"', f'href="{href}"'))


def over_ftp(line: str, world: World) -> None:
    """The mirror speaks FTP, and lists this in place of the update."""
    world.file().unlink()
    world.url = world.beside.enter_context(hostile_ftp_server(world.mirror, [line]))


def in_another_case(world: World) -> None:
    """The update is there twice: under its name, and under the same in capitals."""
    _also(world, world.stock.signed(POISONED), f"{POISONED.upper()}.noarch.rpm")


def in_another_form(world: World) -> None:
    """An old package is there under two names that are one to whoever normalises: with é, and with e and an accent."""
    for form in ("NFC", "NFD"):
        _also(world, world.stock.signed("bash-0.9-1"), unicodedata.normalize(form, "caf\u00e9.rpm"))


def _also(world: World, package: Path, name: str) -> None:
    shutil.copy(package, world.packages / name)
    world.describe()
