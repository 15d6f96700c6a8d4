"""A1, A2 and A12: packages that are not what was planned, or that nobody who is trusted signed."""

import re
from collections.abc import Callable, Iterator
from functools import partial

from mirrorsync.model.choices import MirrorKind
from tests.hostile.cases import LISTING, REPODATA, Case
from tests.hostile.stock import POISONED
from tests.hostile.world import World

_OTHER = "not taken: another mirror may have it as it should be"
_FILE = f"{POISONED}.noarch.rpm"


def cases() -> Iterator[Case]:
    """Every case of these rows."""
    for kind in (LISTING, REPODATA):
        yield from _arbitrary(kind)
        yield from _altered(kind)
    yield from _of_listings()
    yield from _of_repositories()


def _arbitrary(kind: MirrorKind) -> Iterator[Case]:
    unpinned = ("which is not pinned for this upstream", "pin its fingerprint if")
    yield Case("A1", kind, "unsigned", unsigned, (_FILE, "not signed", "refused: set `signatures`"))
    yield Case("A1", kind, "key not pinned", strange, (_FILE, *unpinned))
    yield Case("A1", kind, "short id forged", partial(forged, digits=8), (_FILE, "BAD", "another mirror may have it whole"))
    yield Case("A1", kind, "whole id forged", partial(forged, digits=16), (_FILE, "BAD", "another mirror may have it whole"))


def _altered(kind: MirrorKind) -> Iterator[Case]:
    damaged = ("refused: another mirror may have it whole",)
    yield Case("A2", kind, "payload altered", payload_altered, (_FILE, "ayload", "BAD", *damaged))
    yield Case("A2", kind, "header altered", header_altered, (_FILE, "eader", "BAD", *damaged))
    yield Case("A2", kind, "file truncated", truncated, (_FILE, *damaged))
    yield Case("A2", kind, "file longer", longer, (_FILE, *damaged))


def _of_listings() -> Iterator[Case]:
    yield Case(
        "A2",
        LISTING,
        "another package once its header is read",
        swapped,
        (_FILE, "BAD", "another mirror may have it whole"),
    )


def _of_repositories() -> Iterator[Case]:
    yield Case(
        "A2", REPODATA, "another package inside", another_inside, ("it is evil-6-1.noarch inside where bash-2-1.noarch was planned", _OTHER)
    )
    yield Case("A2", REPODATA, "another digest than announced", other_digest, (_FILE, "was planned", _OTHER))
    yield Case("A2", REPODATA, "another size than announced", other_size, (_FILE, "were announced", "another mirror may have it"))


def unsigned(world: World) -> None:
    """The update as rpmbuild left it."""
    world.offer(world.stock.unsigned(POISONED))


def strange(world: World) -> None:
    """The update, signed by a key of somebody else."""
    world.offer(world.stock.strangely_signed(POISONED))


def forged(world: World, digits: int) -> None:
    """The same, its signature saying that it is by a key with the last `digits` of the pinned key's id."""
    strange(world)
    own, pinned = (bytes.fromhex(key.fingerprint[-16:]) for key in (world.stock.strange, world.stock.pinned))
    count = digits // 2
    _edit(world, lambda content: content.replace(own, own[:-count] + pinned[-count:]))


def payload_altered(world: World) -> None:
    """One bit of the payload is another."""
    _edit(world, lambda content: content[:-40] + bytes([content[-40] ^ 1]) + content[-39:])


def header_altered(world: World) -> None:
    """One word of the header is another."""
    _edit(world, lambda content: content.replace(b"Made for a test", b"Made for a pest"))


def truncated(world: World) -> None:
    """The file ends within its payload, and its mirror says so."""
    _edit(world, lambda content: content[:-200])


def longer(world: World) -> None:
    """Something follows the payload."""
    _edit(world, lambda content: content + b"#" * 500)


def swapped(world: World) -> None:
    """Whoever asks for the first bytes gets the update's, whoever asks for all of it another package that the pinned key signed."""
    whole, other = world.file().read_bytes(), world.stock.signed("evil-6-1").read_bytes()

    def before_answer(path: str) -> None:
        if path == world.path():
            ranged = "Range" in world.server.asked(path)[-1].headers
            world.file().write_bytes(whole if ranged else other[: len(whole)].ljust(len(whole), b"\0"))

    world.server.behaviour.before_answer = before_answer


def another_inside(world: World) -> None:
    """The metadata calls a package bash-2-1 that is another, signed and of the digest announced."""
    world.file().unlink()
    world.offer(world.stock.signed("evil-6-1"))
    world.redescribe(lambda xml: xml.replace(">evil<", ">bash<").replace('ver="6"', 'ver="2"'), "evil")


def other_digest(world: World) -> None:
    """The metadata gives another file's digest."""
    world.redescribe(lambda xml: re.sub(r"(pkgid=\"YES\">)[0-9a-f]{64}", r"\g<1>" + "ab" * 32, xml))


def other_size(world: World) -> None:
    """The metadata says that the file is one byte shorter."""
    world.redescribe(lambda xml: re.sub(r'(?<=package=")\d+', lambda match: str(int(match[0]) - 1), xml))


def _edit(world: World, change: Callable[[bytes], bytes]) -> None:
    world.file().write_bytes(change(world.file().read_bytes()))
    world.describe()
