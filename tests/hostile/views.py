"""A3, A4, A5 and A11: mirrors that go back in time, stand still, mix two times, or lose what they had; and A6, one that wants too much."""

import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler

from mirrorsync.errors import ExitCode
from mirrorsync.model.choices import MirrorKind
from tests.hostile import answers
from tests.hostile.cases import LISTING, REPODATA, Case
from tests.hostile.stock import GOOD, GREED, UPDATES
from tests.hostile.world import World

_DAY = 86_400
_LONG_AGO, _AHEAD = "2001-05-09", "2099-01-01"
_OTHER = "not taken: another mirror may have it as it should be"
_INDEX = {LISTING: "127.0.0.1", REPODATA: "repomd.xml"}
_ACCEPTING = "`mirrorsync update --accept-upstream` takes it as it is"


def cases() -> Iterator[Case]:
    """Every case of these rows."""
    for kind in (LISTING, REPODATA):
        yield Case("A3", kind, "only an older package", older_package, (), ExitCode.DONE)
        yield Case("A3", kind, "an older package than was taken", older_package, (), ExitCode.DONE, (), settled=True)
        yield from _frozen(kind)
        yield from _greedy(kind)
        yield from _shrunk(kind)
    yield from _misdescribed()
    yield from _gone_back()
    yield from _mixed()


def _gone_back() -> Iterator[Case]:
    says = ("repomd.xml", "has gone back to", "another mirror may be current", _ACCEPTING)
    yield Case("A3", REPODATA, "an older repomd.xml", gone_back, says, ExitCode.FAILURE, (), settled=True)
    yield Case("A3", REPODATA, "a repomd.xml of the future before", once_ahead, (), ExitCode.DONE, UPDATES)


def _frozen(kind: MirrorKind) -> Iterator[Case]:
    frozen_says = ("127.0.0.1", "shows nothing that is younger than", "ask its owner whether it is kept current, or use another")
    yield Case("A4", kind, "nothing new for long", frozen, frozen_says, ExitCode.FINDINGS, UPDATES)
    if kind is REPODATA:
        lagging_says = ("127.0.0.1", "its newest advisory is", "older than its newest package", "ask its owner, or use another")
        for name, days in (("advisories that lag", (_LONG_AGO,)), ("advisories that lag but for one of the future", (_LONG_AGO, _AHEAD))):
            yield Case("A4", kind, name, partial(lagging, days), lagging_says, ExitCode.FINDINGS, UPDATES)


def _mixed() -> Iterator[Case]:
    for kind in ("primary", "updateinfo", "modules"):
        says = (kind, "repomd.xml says", "run again, the mirror may be changing, or use another mirror")
        yield Case("A5", REPODATA, f"{kind} of another time", partial(of_another_time, kind), says, ExitCode.FAILURE, ())
    yield Case("A5", REPODATA, "all of another time between two requests", changing, (), ExitCode.DONE, UPDATES)


def _greedy(kind: MirrorKind) -> Iterator[Case]:
    says = ("brought along", "more7-1-1", "bash-2-1.noarch needs more7")
    yield Case("A6", kind, "fifty more offered", partial(greedy, offered=True), says, ExitCode.DONE, (), ("update", "--dry-run"))
    says = ("held", "bash-2-1", "needs more0, which neither the tree nor the mirror has")
    yield Case("A6", kind, "fifty more nowhere", partial(greedy, offered=False), says)


def _misdescribed() -> Iterator[Case]:
    """What the metadata says of a package that is as well signed as ever, and what its header does not, or the other way round."""
    no_header, no_metadata = ("and its header does not", _OTHER), ("and its metadata does not", _OTHER)

    def case(name: str, misbehave: Callable[[World], None], *says: str) -> Case:
        return Case("A6", REPODATA, name, misbehave, ("held", "bash-2-1.noarch.rpm", *says))

    zip_, evil = relation("obsoletes", "zip"), relation("requires", "evil")
    yield case("obsoletes in the metadata alone", partial(saying, zip_), "its metadata says that it obsoletes zip", *no_header)
    yield case("requirement in the metadata alone", partial(saying, evil), "its metadata says that it requires evil", *no_header)
    yield case("requirements in the header alone", leaving_out, "its header says that it requires more0", *no_metadata)
    says = ("tar-2-1.noarch.rpm", "its metadata says that it provides more0", *no_header)
    yield Case("A6", REPODATA, "what is needed provided in the metadata alone", pretending, says, arrives=())


def _shrunk(kind: MirrorKind) -> Iterator[Case]:
    limit = "more than shrink_limit = 20 per cent fewer"
    says = ("127.0.0.1", "offers no packages, 2 when it was last taken", limit, _ACCEPTING)
    yield Case("A11", kind, "nothing listed", partial(lacking, names=UPDATES), says, ExitCode.FAILURE, (), settled=True)
    says = ("127.0.0.1", "offers 1 packages, 2 when it was last taken", limit, _ACCEPTING)
    yield Case("A11", kind, "half of it listed", partial(lacking, names=(GOOD,)), says, ExitCode.FAILURE, (), settled=True)
    says = ("127.0.0.1", "would take 1 of the tree's 3 names out", "more than shrink_limit = 20 per cent", "look at its Obsoletes")
    yield Case("A11", kind, "another name obsoleted", devouring, says, ExitCode.FAILURE, ())


def older_package(world: World) -> None:
    """In place of the update there is a package older than the tree's, signed as it should be."""
    world.file().unlink()
    world.offer(world.stock.signed("bash-0.9-1"))


def gone_back(world: World) -> None:
    """repomd.xml is as it was ten days before."""
    _dated(world, -10 * _DAY)


def once_ahead(world: World) -> None:
    """The first that was seen of the mirror was of seventy years from now."""
    _dated(world, 70 * 365 * _DAY)
    if (result := world.mirrorsync()("update", "--dry-run")).code:
        raise RuntimeError(result.err)
    _dated(world, -70 * 365 * _DAY)


def _dated(world: World, shift: int) -> None:
    repomd = world.mirror / "repodata/repomd.xml"
    moved = re.sub(r"(?:(?<=<timestamp>)|(?<=<revision>))\d+", lambda match: str(int(match[0]) + shift), repomd.read_text())
    repomd.write_text(moved)


def frozen(world: World) -> None:
    """The newest that it has is older than it may be."""
    if world.kind is REPODATA:
        _dated(world, -90 * _DAY)
        world.settings = 'stale_after = "30d"'
    else:
        world.settings = 'stale_after = "1s"'
        time.sleep(max(0.0, 2 - (time.time() - world.file().stat().st_mtime)))


def lagging(days: Sequence[str], world: World) -> None:
    """The newest erratum that can be is of a year when nobody had these packages."""
    world.rewrite("updateinfo", lambda _: _updateinfo(*days))
    world.settings = 'stale_after = "30d"'


def _updateinfo(*days: str) -> bytes:
    updates = (
        f'<update type="security"><id>RHSA-{number}</id><issued date="{day} 00:00:00"/><pkglist><collection>'
        '<package name="bash" version="2" release="1" epoch="0" arch="noarch"/></collection></pkglist></update>'
        for number, day in enumerate(days, 1)
    )
    return f"<updates>{''.join(updates)}</updates>".encode()


def of_another_time(kind: str, world: World) -> None:
    """One metadata file is as long as it should be, and another."""
    if kind != "primary":
        world.rewrite(kind, lambda _: b"---\n...\n" if kind == "modules" else _updateinfo("2020-01-01"))
    [file] = [path for path in (world.mirror / "repodata").iterdir() if kind in path.name and path.suffix == ".gz"]
    content = file.read_bytes()
    file.write_bytes(content[:-8] + bytes(byte ^ 1 for byte in content[-8:]))


def changing(world: World) -> None:
    """Who asks for repomd.xml gets that of before, once; all the rest is of now."""
    old = (world.mirror / "repodata/repomd.xml").read_bytes()
    shutil.rmtree(world.mirror / "repodata")
    world.offer(world.stock.signed("bash-0.9-1"))
    asked: list[str] = []

    def first_old(handler: SimpleHTTPRequestHandler) -> None:
        asked.append(handler.path)
        content = old if len(asked) == 1 else (world.mirror / "repodata/repomd.xml").read_bytes()
        answers.answer((content,), {"Content-Length": str(len(content))})(handler)

    world.answer(world.index, first_old)


def greedy(world: World, *, offered: bool) -> None:
    """The update suddenly requires fifty other packages."""
    more = [world.stock.signed(f"more{number}-1-1") for number in range(GREED)] if offered else []
    world.offer(world.stock.variant("greedy"), *more)


def relation(kind: str, *names: str) -> str:
    """What primary.xml says of a package's relations of one kind."""
    entries = "".join(f'<rpm:entry name="{name}"/>' for name in names)
    return f"<rpm:{kind}>{entries}</rpm:{kind}>"


def saying(more: str, world: World) -> None:
    """primary.xml says this of the update too, and the mirror has what it may lead to."""
    world.settings = "shrink_limit = 50"
    world.offer(world.stock.signed("evil-6-1"))
    world.redescribe(lambda xml: xml.replace("</format>", f"{more}</format>"))


def leaving_out(world: World) -> None:
    """primary.xml does not say what the update requires, and nobody has it."""
    greedy(world, offered=False)
    world.redescribe(lambda xml: re.sub("<rpm:requires>.*</rpm:requires>", "", xml, flags=re.DOTALL))


def pretending(world: World) -> None:
    """primary.xml says that another package provides what the update requires."""
    greedy(world, offered=False)
    provided = relation("provides", *(f"more{number}" for number in range(GREED))).removesuffix("</rpm:provides>")
    world.redescribe(lambda xml: xml.replace("<rpm:provides>", provided), "tar")


def devouring(world: World) -> None:
    """The update obsoletes another name of the tree, and is the newer build of one that the tree had."""
    world.offer(world.stock.variant("devouring"))


def lacking(world: World, names: Sequence[str]) -> None:
    """The mirror has lost these packages."""
    for name in names:
        world.file(name).unlink()
    world.describe()
