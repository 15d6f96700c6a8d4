"""A12, and A3 of metadata: signatures that prove less than they seem to."""

from collections.abc import Callable, Iterator
from functools import partial

from fixtures.keys import SigningKey
from mirrorsync.errors import ExitCode
from mirrorsync.model.choices import MirrorKind
from tests import judgement
from tests.hostile.cases import LISTING, REPODATA, Case
from tests.hostile.stock import POISONED, UPDATES
from tests.hostile.world import World

_FILE = f"{POISONED}.noarch.rpm"


def cases() -> Iterator[Case]:
    """Every case of these rows."""
    for kind in (LISTING, REPODATA):
        yield from _packages(kind)
    yield from _metadata()


def _packages(kind: MirrorKind) -> Iterator[Case]:
    era = ("which proves nothing today", "set legacy = true for this mirror if its packages are of that age; refused")
    yield Case("A12", kind, "signed with SHA-1", partial(signed, "sha1"), (_FILE, "SHA-1", *era))
    yield Case("A12", kind, "signed with DSA of 1024 bits", partial(signed, "dsa"), (_FILE, "a DSA key of 1024 bits", *era))
    yield Case("A12", kind, "signed with SHA-1 where legacy says so", partial(signed, "sha1", legacy=True), (), ExitCode.DONE, UPDATES)
    expired = ("which had expired on 2021-01-01", "pin the key that followed it")
    yield Case("A12", kind, "signed after the key expired", partial(signed, "late"), (_FILE, "signed on 2022-06-01", *expired))
    says = (_FILE, "signed on 2022-06-01", *expired)
    yield Case("A12", kind, "signed after the key expired and copied with another day", dated_anew, says)
    yield Case("A12", kind, "signed before the key expired", partial(signed, "spent"), (), ExitCode.DONE, UPDATES)
    revoked = ("a subkey of", "which its owner has revoked", "refused: take the package")
    yield Case("A12", kind, "signed by a revoked subkey", partial(signed, "revoked"), (_FILE, *revoked))


def _metadata() -> Iterator[Case]:
    def case(name: str, misbehave: Callable[[World], None], *says: str) -> Case:
        return Case("A12", REPODATA, name, misbehave, ("repomd.xml", *says), ExitCode.FAILURE, ())

    unpinned = ("which is not pinned for this upstream", "pin its fingerprint if you trust it")
    yield case("metadata signed by a key that is not pinned", strangely_signed, *unpinned)
    required = ("is not signed", 'metadata_signatures = "require"', "use a mirror that has repomd.xml.asc")
    yield case("metadata not signed where it has to be", unsigned, *required)
    yield case("metadata altered after it was signed", altered, "its signature does not fit it", "run again, or use another mirror")


def signed(how: str, world: World, *, legacy: bool = False) -> None:
    """The update is signed in that way."""
    world.good[POISONED] = world.stock.variant(how)
    world.offer(world.stock.variant(how))
    world.settings = f"legacy = {'true' if legacy else 'false'}"


def dated_anew(world: World) -> None:
    """The update is signed late, and beside the signature is a copy that says another day, where only newer rpms look."""
    signed("late", world)
    judgement.dated_anew(world.file(), world.file(), judgement.IN_TIME)
    world.describe()


def unsigned(world: World) -> None:
    """repomd.xml has no signature."""
    world.settings = 'metadata_signatures = "require"'


def strangely_signed(world: World) -> None:
    """repomd.xml is signed by somebody whose key is not pinned."""
    unsigned(world)
    _sign(world, world.stock.strange)


def altered(world: World) -> None:
    """repomd.xml says another date than the one that was signed."""
    unsigned(world)
    _sign(world, world.stock.pinned)
    repomd = world.mirror / "repodata/repomd.xml"
    repomd.write_text(repomd.read_text().replace("<timestamp>1", "<timestamp>2"))


def _sign(world: World, key: SigningKey) -> None:
    repomd = world.mirror / "repodata/repomd.xml"
    key.gpg("--armor", "--local-user", key.fingerprint, "--detach-sign", str(repomd))
