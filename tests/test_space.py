"""An update that does not fit is refused before its first package is fetched, and says what would make room; one that fits is done."""

import random
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mirrorsync.planning.space import Demand, Room, shortages
from tests.commands import Mirrorsync, Result, configured
from tests.conftest import Builder
from tests.servers import MirrorServer, http_server
from tests.sites import REPODATA, Site, repository, rhl_tree
from tests.trees import snapshot
from tests.volumes import Volume, ext4, needs_volumes, tmpfs

KEEP_ALL = 'grace = "0s"\nkeep_generations = 9'
MEGABYTE = 1_000_000
LITTLE = 50_000  # enough for the lock


@dataclass(frozen=True)
class Case:
    """A tree on a volume, the program that updates it, and the mirror."""

    program: Mirrorsync
    tree: Path
    volume: Volume
    mirror: Path
    server: MirrorServer

    def offer(self, rpm: Path) -> None:
        shutil.rmtree(self.mirror)
        repository(self.mirror, [rpm])


def noise(size: int, seed: int) -> str:
    """Text that packs to about `size` bytes."""
    return random.Random(seed).randbytes(size).hex()


@pytest.fixture(scope="module")
def big(rpm: Builder) -> list[Path]:
    """Five versions of a package of about 1 MB."""
    return [rpm("big", str(version), files={"/noise": noise(MEGABYTE, version)}) for version in range(1, 6)]


def case_on(volume: Volume, folder: Path, files: list[Path], server: MirrorServer, mirror: Path) -> Case:
    shutil.copytree(rhl_tree(folder, files), volume.outside / "u1/redhat")
    program = configured(folder, volume.path / "u1/redhat", f'url = "{server.url}/"\n{REPODATA}', more=KEEP_ALL)
    return Case(volume.mirrorsync(program), volume.outside / "u1/redhat", volume, mirror, server)


@pytest.fixture
def server(tmp_path: Path, big: list[Path]) -> Iterator[MirrorServer]:
    repository(tmp_path / "mirror", big[1:2])
    with http_server(tmp_path / "mirror") as running:
        yield running


@pytest.fixture
def case(tmp_path: Path, rpm: Builder, big: list[Path], server: MirrorServer) -> Iterator[Case]:
    """On an ext4 of 48 MB: an update of 1 MB is to come."""
    with ext4(tmp_path, 48) as volume:
        yield case_on(volume, tmp_path, [big[0], rpm("tar", "1")], server, tmp_path / "mirror")


def packages_fetched(server: MirrorServer) -> list[str]:
    return [line for line in server.lines() if "GET" in line and ".rpm" in line]


def refused(result: Result) -> re.Match[str]:
    """The one line of a refusal."""
    assert (result.code, result.out) == (1, ""), result
    words = r"redhat: (?P<point>\S+): (?P<needed>[\d.]+ \w+) needed \((?P<what>.*)\) and (?P<there>.*) there; (?P<remedy>.*)\n"
    found = re.fullmatch(words, result.err)
    assert found, result.err
    return found


def size(text: str) -> int:
    """The bytes, or inodes, of a text as messages have it."""
    number, unit = text.split()
    return int(float(number) * {"bytes": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9}.get(unit, 1))


@needs_volumes
def test_an_update_that_does_not_fit_is_refused_before_anything_is_fetched_and_the_tree_is_untouched(case: Case) -> None:
    before = snapshot(case.tree)
    case.volume.leave(MEGABYTE)
    refusal = refused(case.program("update"))
    assert refusal["point"] == str(case.volume.path)
    assert size(refusal["there"]) == pytest.approx(MEGABYTE, abs=20_000)  # the lock is there too
    assert refusal["what"].startswith("1 package 1.2 MB, ")
    assert refusal["remedy"] == "`mirrorsync prune redhat` would free nothing: make room there and update again; nothing was fetched"
    assert packages_fetched(case.server) == []
    assert snapshot(case.tree) == before


@needs_volumes
def test_a_dry_run_tells_the_same_as_a_finding(case: Case) -> None:
    case.volume.leave(MEGABYTE)
    dry = case.program("update", "--dry-run", "--json")
    [finding] = dry.findings
    assert (dry.code, finding["code"], finding["severity"]) == (4, "no-space", "error")
    assert finding["what"].startswith(f"{case.volume.path}: ")
    assert not (case.tree.parent / ".mirrorsync").exists()


@needs_volumes
def test_a_tree_behind_a_link_needs_room_for_one_farm_of_links(case: Case) -> None:
    case.tree.rename(case.tree.with_name("first"))
    case.tree.symlink_to("first")
    case.volume.leave(LITTLE)
    needed = size(refused(case.program("update"))["needed"])
    case.volume.leave(needed + 100_000)
    before = case.volume.free[0]
    assert case.program("update").code == 0
    assert before - case.volume.free[0] <= needed


@needs_volumes
def test_an_update_that_just_fits_is_done(case: Case) -> None:
    case.volume.leave(LITTLE)
    needed = size(refused(case.program("update"))["needed"])
    case.volume.leave(needed - 100_000)
    refused(case.program("update"))
    case.volume.leave(needed + 100_000)
    before = case.volume.free[0]
    done = case.program("update")
    assert (done.code, done.err) == (0, "")
    used = before - case.volume.free[0]
    reserve = (48 << 20) // 100
    print(f"estimated {needed} bytes, {reserve} of them to stay free; used {used}")
    assert used <= needed - reserve <= 1.5 * used
    assert case.program("check", "--deep").code == 0


@needs_volumes
def test_inodes_are_looked_at_too(tmp_path: Path, rpm: Builder, big: list[Path], server: MirrorServer) -> None:
    with ext4(tmp_path, 48, "-N", "512") as volume:
        case = case_on(volume, tmp_path, [big[0], rpm("tar", "1")], server, tmp_path / "mirror")
        volume.leave_inodes(12)
        refusal = refused(case.program("update"))
        assert refusal["there"] == "9 inodes"  # two folders and the lock are there by now
        assert packages_fetched(server) == []
        volume.leave_inodes(size(refusal["needed"]) + 1)  # and the crowd's own folder
        before = volume.free[1]
        assert case.program("update").code == 0
        print(f"estimated {refusal['needed']}; used {before - volume.free[1]}")
        assert before - volume.free[1] <= size(refusal["needed"]) <= 3 * (before - volume.free[1])


@needs_volumes
def test_on_a_tmpfs_every_name_counts_as_an_inode(tmp_path: Path, rpm: Builder, big: list[Path], server: MirrorServer) -> None:
    with tmpfs(tmp_path, 48, 400) as volume:
        case = case_on(volume, tmp_path, [big[0], *(rpm(f"p{number}", "1") for number in range(20))], server, tmp_path / "mirror")
        volume.leave_inodes(70)  # two farms of folders fit, two farms of links do not
        refusal = refused(case.program("update"))
        assert "inodes needed" in str(refusal[0])
        volume.leave_inodes(size(refusal["needed"]) + 1)
        before = volume.free[1]
        assert case.program("update").code == 0
        print(f"estimated {refusal['needed']}; used {before - volume.free[1]}")


@needs_volumes
def test_the_refusal_says_what_pruning_frees_and_after_it_the_update_fits(case: Case, big: list[Path]) -> None:
    for coming in big[2:]:
        assert case.program("update").code == 0
        case.offer(coming)
    config = case.program.config
    config.write_text(config.read_text().replace("keep_generations = 9", "keep_generations = 1"))
    case.volume.leave(LITTLE)
    needed = size(refused(case.program("update"))["needed"])
    case.volume.leave(needed - MEGABYTE // 2)
    fetched = packages_fetched(case.server)
    remedy = refused(case.program("update"))["remedy"]
    freed = re.match(r"`mirrorsync prune redhat` would free ([\d.]+ MB): run it and update again;", remedy)
    assert freed, remedy
    assert packages_fetched(case.server) == fetched
    before = case.volume.free[0]
    assert case.program("prune").code == 0
    assert case.volume.free[0] - before == pytest.approx(size(freed[1]), abs=60_000)
    updated = case.program("update")
    assert (updated.code, updated.err) == (0, "")


@needs_volumes
def test_what_has_arrived_of_a_package_needs_no_room_again(case: Case) -> None:
    case.server.behaviour.cuts["/Packages/big-2-1.noarch.rpm"] = [600_000, 1, 1]
    case.volume.leave(LITTLE)
    needed = size(refused(case.program("update"))["needed"])
    case.volume.leave(20 * MEGABYTE)
    assert case.program("update").code == 3
    case.volume.leave(LITTLE)
    assert needed - size(refused(case.program("update"))["needed"]) == pytest.approx(600_000, abs=100_000)


@needs_volumes
def test_a_full_file_system_of_the_boot_directory_is_named(redhat: Site, tmp_path: Path) -> None:
    with ext4(tmp_path, 16) as volume:
        (volume.outside / "tftpboot").mkdir()
        program = redhat.program(more=f'[trees.redhat.boot]\ndirectory = "{volume.path}/tftpboot"')
        volume.leave(1000)
        refusal = refused(volume.mirrorsync(program)("update"))
        assert (refusal["point"], refusal["what"][:9]) == (str(volume.path), "boot set ")
        assert refusal["remedy"].startswith("make room there")
        volume.leave(MEGABYTE)
        assert volume.mirrorsync(program)("update").code == 0


def room(device: int = 1, size: int = 10**9, inodes: int | None = 1000, *, counts_names: bool = False) -> Room:
    return Room(device, f"/{device}", size, inodes, 0, 4096, counts_names)


def test_demands_on_one_file_system_are_added_up_and_others_left_alone() -> None:
    demands = [Demand("a", "packages", 600, 1), Demand("b", "boot set", 10, 1), Demand("c", "indexes", 500, 1)]
    [shortage] = shortages(demands, {"a": room(1, 1000), "b": room(2), "c": room(1, 1000)})
    assert (shortage.room.mount_point, shortage.bytes, shortage.lacking) == ("/1", 1100, 100)
    assert [demand.purpose for demand in shortage.demands] == ["packages", "indexes"]


def test_where_nothing_is_written_a_full_file_system_is_no_shortage() -> None:
    assert shortages([Demand("a", "boot set", 0, 0)], {"a": room(size=0, inodes=0)}) == ()


def test_a_file_system_without_a_number_of_inodes_lacks_none() -> None:
    assert shortages([Demand("a", "packages", 1, 10**9)], {"a": room(inodes=None)}) == ()


def test_names_count_where_every_one_takes_an_inode() -> None:
    demand = Demand("a", "folders", 1, 1, names=1500)
    assert shortages([demand], {"a": room()}) == ()
    [shortage] = shortages([demand], {"a": room(counts_names=True)})
    assert (shortage.of_bytes, shortage.lacking) == (False, 1501 + 10 - 1000)


@needs_volumes
def test_a_rollback_that_does_not_fit_is_refused_and_one_that_fits_is_done(case: Case, big: list[Path]) -> None:
    for coming in big[2:4]:
        assert case.program("update").code == 0
        case.offer(coming)
    before = snapshot(case.tree)
    case.volume.leave(LITTLE)
    refusal = refused(case.program("rollback", "redhat", "2"))
    assert (refusal["point"], snapshot(case.tree)) == (str(case.volume.path), before)
    assert refusal["remedy"].endswith("nothing was done")
    case.volume.leave(size(refusal["needed"]) + 100_000)
    assert case.program("rollback", "redhat", "2").code == 0
    assert case.program("check", "--deep").code == 0
