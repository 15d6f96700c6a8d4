"""F7: what no well-kept mirror says, though nobody need mean harm by it."""

import shutil
from collections.abc import Iterator
from functools import partial

from mirrorsync.errors import ExitCode
from tests.hostile import answers
from tests.hostile.cases import LISTING, REPODATA, Case
from tests.hostile.ftp import hostile_ftp_server
from tests.hostile.stock import GOOD, POISONED, UPDATES
from tests.hostile.world import World

_FILE = f"{POISONED}.noarch.rpm"
_SIGN = "refused: a backslash, or characters that cannot be printed, in a name"
_OFFERED_NOT = ("it is not offered", "tell the mirror's owner")
_PROVIDES = "<rpm:provides>"
_LONG = f'<rpm:requires><rpm:entry name="{"n" * 1_000_000}"/></rpm:requires>'


def cases() -> Iterator[Case]:
    """Every case of the row."""
    yield Case(
        "F7", LISTING, "name that is not UTF-8", partial(linked, "caf%e9.rpm"), ("127.0.0.1", _SIGN, *_OFFERED_NOT), ExitCode.FINDINGS
    )
    no_number = ("ftp://", "an answer that cannot be understood", "try later or another mirror")
    yield Case("F7", LISTING, "over FTP a size of five thousand digits", over_ftp, no_number, ExitCode.FAILURE, ())
    yield from _in_metadata()
    for kind in (LISTING, REPODATA):
        yield Case("F7", kind, "twice with other content", twice, (), ExitCode.DONE, UPDATES)
        says = ("bash-1-1.noarch", "a mirror has other content under this name, version and release", "remove the tree's file to take it")
        yield Case("F7", kind, "built again under the same version", built_again, says, ExitCode.DONE)


def _in_metadata() -> Iterator[Case]:
    broken = ("primary", "is not well-formed XML", "refused: try later or another mirror")
    yield Case("F7", REPODATA, "text that is not UTF-8", not_utf8, broken, ExitCode.FAILURE, ())
    for name, old, new, says in (
        ("epoch that is no number", 'epoch="0"', 'epoch="one"', "its epoch 'one' is not a number"),
        ("size that is no number", 'package="', 'package="-', "is not a number"),
        ("size of nothing", 'package="', 'package="0" was="', "its file is said to be 0 bytes"),
        ("size beyond all disks", 'package="', 'package="100000000000000000" was="', "its file is said to be 100000000000000000 bytes"),
        ("version of a thousand characters", 'ver="2"', f'ver="{"2" * 1000}"', "characters long, and no file's name is"),
        ("requirement of a million characters", _PROVIDES, f"{_LONG}{_PROVIDES}", "a requires entry is 1000000 characters long"),
        ("build time out of range", 'build="', 'build="99999999999999999999', "is not a number"),
        ("digest of no known kind", 'type="sha256"', 'type="rot13"', "unknown kind 'rot13'"),
        ("digest that is none", 'pkgid="YES">', 'pkgid="YES">zz', "is not a sha256 checksum"),
    ):
        put = partial(described, old, new)
        yield Case("F7", REPODATA, name, put, ("primary", "bash", says, *_OFFERED_NOT), ExitCode.FINDINGS)
    for day in ("99999-99-99", "999999999999", "-1", "never"):
        yield Case("F7", REPODATA, f"erratum of the day {day}", partial(dated, day), (), ExitCode.DONE, UPDATES)


def linked(href: str, world: World) -> None:
    """The listing has this link in place of the update's."""
    world.file().unlink()
    world.serve("/", answers.page([href, f"{GOOD}.noarch.rpm"]))


def over_ftp(world: World) -> None:
    """The mirror speaks FTP, and says of what it sends that it is of a size that Python makes no number of."""
    opening = f"150 Here it comes ({'9' * 5000} bytes)"
    world.url = world.beside.enter_context(hostile_ftp_server(world.mirror, [], opening=opening))


def described(old: str, new: str, world: World) -> None:
    """primary.xml says something else of the update."""
    world.redescribe(lambda xml: xml.replace(old, new))


def not_utf8(world: World) -> None:
    """primary.xml has a byte that no UTF-8 has."""
    world.rewrite("primary", lambda xml: xml.replace(b"Made for", b"Made f\xf6r"))


def dated(day: str, world: World) -> None:
    """The only erratum is of a day that no calendar has."""
    package = '<package name="bash" version="2" release="1" epoch="0" arch="noarch"/>'
    update = f'<update type="security"><id>RHSA-1</id><issued date="{day}"/><pkglist><collection>{package}</collection></pkglist></update>'
    world.rewrite("updateinfo", lambda _: f"<updates>{update}</updates>".encode())


def twice(world: World) -> None:
    """The update is there a second time, in another folder and of other content, as well signed."""
    world.good[POISONED] = world.stock.variant("rebuilt")  # the first by location
    other = world.packages / "again"
    other.mkdir()
    shutil.copy(world.stock.variant("rebuilt"), other)
    world.describe()


def built_again(world: World) -> None:
    """A package of the tree's name and version is another file, as well signed; there is no update of it."""
    world.file().unlink()
    shutil.copy(world.stock.variant("old"), world.packages)
    world.describe()
