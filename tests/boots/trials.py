"""The trials: each publishes, lets a node boot, and says what was not as it has to be."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.boots.fresh import fresh_master
from tests.boots.judgement import faults
from tests.boots.machine import Boot, boot
from tests.boots.master import VERSIONS, Master, make_master
from tests.boots.services import requests, services
from tests.boots.styles import STYLES
from tests.boots.wire import advertised
from tests.guests.image import Image
from tests.guests.kernel import Kernel

FIRST, SECOND = "first", "second"
_ENOUGH_REQUESTS = 5
_UNREAD = {"export-not-loaded", "export-not-flushed"}
"""What a check finds of an edit of /etc/exports that neither exportfs nor the kernel has read."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one boot went. faults: what was wrong, nothing where it passed."""

    what: str
    boot: Boot
    faults: Sequence[str]


@dataclass(frozen=True, slots=True)
class Bench:
    """Where a trial is run: an empty folder and a kernel. image: a fresh master's, where one was made."""

    folder: Path
    kernel: Kernel
    image: Image | None = None

    @contextmanager
    def master(self, style: str) -> Iterator[Master]:
        """A master of that style, with its servers up and its tree published."""
        master = make_master(self.folder, STYLES[style], self.kernel, FIRST)
        with advertised(), services(master.served, master.style.booting, self.folder):
            master.publish("update")
            yield master

    def boot(self, master: Master, on_event: Callable[[dict[str, Any]], None], enough: Callable[[Boot], bool]) -> Boot:
        """Boot a node of the master's."""
        return boot(master.style.firmware, self.folder, on_event, enough)


Trial = Callable[[Bench], Iterator[Outcome]]


def healthy(style: str, bench: Bench) -> Iterator[Outcome]:
    """The node reads by every way what is published, byte for byte."""
    with bench.master(style) as master:
        master.order(())
        yield _booted(bench, master, "reads the tree by each way", FIRST)


def in_flight(style: str, bench: Bench) -> Iterator[Outcome]:
    """The same, and an update is published each time it reads by NFS."""
    with bench.master(style) as master:
        master.order(("nfs3", "nfs4"))
        versions = iter(VERSIONS[1:])

        def publish(words: dict[str, Any]) -> None:
            if words["event"] == "waiting":
                master.offer(next(versions))
                master.publish("update")
                (master.served.order / words["way"]).touch()

        yield _booted(bench, master, "reads it while two updates are published", FIRST, publish)


def renewed(style: str, bench: Bench) -> Iterator[Outcome]:
    """New images come as a generation, and the boot set with them; a rollback brings back both."""
    with bench.master(style) as master:
        for what, build, act in (
            ("loads the images of the second generation", SECOND, lambda: master.renew_images(SECOND)),
            ("loads the first ones after the rollback", FIRST, lambda: master.publish("rollback", master.site.name)),
        ):
            act()
            master.order(())
            yield _booted(bench, master, what, build)


def fresh(bench: Bench) -> Iterator[Outcome]:
    """The same off a machine of its own, whose systemd runs mirrorsync's unit as its own user; knfsd serves it."""
    made = make_master(bench.folder, STYLES["undi"], bench.kernel, FIRST)
    assert bench.image is not None
    with advertised(), fresh_master(bench.image, made, bench.folder) as master:
        master.publish()
        found = [*master.check(), *(f"for its user: {finding}" for finding in master.check("runuser", "-u", "mirrorsync", "--"))]
        versions = iter(VERSIONS[1:])
        heard: set[str] = set()

        def publish(words: dict[str, Any]) -> None:
            if words["event"] == "waiting":
                master.offer(next(versions))
                master.publish()
                heard.update(master.heard())
                master.open_gate(words["way"])

        went = bench.boot(made, publish, lambda _: False)
        master.run("sed", "-i", "s/ro,/rw,/", "/etc/exports")
        codes = {finding.partition(" ")[0] for finding in master.check()}
        missed = [f"check does not find {code}" for code in sorted(_UNREAD - codes)]
        missed += [f"status has not heard of it by {way}" for way in sorted({"NFS", "NFS 4.2"} - heard)]
        what = "boots off a fresh master, and reads while its unit publishes twice"
        yield Outcome(what, went, [*(f"check finds {finding}" for finding in found), *faults(went, master, FIRST), *missed])


def _booted(bench: Bench, master: Master, what: str, build: str, on_event: Callable[[dict[str, Any]], None] = lambda _: None) -> Outcome:
    """A check has to find nothing before."""
    found = master.check()
    went = bench.boot(master, on_event, lambda _: False)
    expected = {"HTTP", "TFTP"} if master.style.booting.dnsmasq else {"HTTP"}  # in.tftpd has no log of its own here
    unheard = [f"status has not heard of it by {way}" for way in sorted(expected - master.heard())]
    return Outcome(what, went, [*(f"check finds {finding}" for finding in found), *faults(went, master, build), *unheard])


@dataclass(frozen=True, slots=True)
class Plant:
    """damage: what is done to the boot directory.  code: what a check has to find.  seen: whether the node stopped at just that."""

    what: str
    damage: Callable[[Path], object]
    code: str
    seen: Callable[[Boot, Sequence[str]], bool]


def _cut_off(directory: Path) -> None:
    os.truncate(directory / "linux.2", (directory / "linux.2").stat().st_size // 10)


def _misspell(directory: Path) -> None:
    menu = directory / "pxelinux.cfg/default"
    menu.write_text(menu.read_text().replace("linux.1", "Linux.1"))


PLANTS: Mapping[str, Plant] = {
    "truncated": Plant("stops at an initrd that is cut off", _cut_off, "boot-file-differs", lambda boot, _: "Kernel panic" in boot.console),
    "missing": Plant(
        "stops without ldlinux.c32",
        lambda directory: (directory / "ldlinux.c32").unlink(),
        "boot-loader-missing",
        lambda _, asked: sum("ldlinux.c32 not found" in line for line in asked) >= _ENOUGH_REQUESTS,
    ),
    "case": Plant(
        "stops at a menu that says Linux.1", _misspell, "boot-menu-leads-nowhere", lambda boot, _: "Loading Linux.1 failed" in boot.console
    ),
}


def planted(plant: Plant, bench: Bench) -> Iterator[Outcome]:
    """What keeps a node from booting is found by a check before, and does keep it."""
    with bench.master("undi-dnsmasq") as master:
        master.order(())
        plant.damage(master.directory)
        found = master.check()
        went = bench.boot(master, lambda _: None, lambda boot: bool(boot.events) or plant.seen(boot, requests(bench.folder)))
    missed = [] if any(finding.startswith(plant.code) for finding in found) else [f"check finds {found}, and not {plant.code}"]
    stopped = plant.seen(went, requests(bench.folder)) and not went.events
    yield Outcome(plant.what, went, [*missed, *([] if stopped else ["the node did not stop at it"])])


TRIALS: Mapping[str, Trial] = {
    "undi": partial(in_flight, "undi"),
    "renewed": partial(renewed, "undi"),
    **{style: partial(healthy, style) for style in STYLES if not style.startswith("undi")},
    **{name: partial(planted, plant) for name, plant in PLANTS.items()},
}
FRESH = "fresh"
"""The one trial that takes an image, and minutes."""
