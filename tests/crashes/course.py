"""A scenario's undisturbed run: the points it has, and how everything is in the end."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mirrorsync.errors import ExitCode
from tests.crashes.calls import Call
from tests.crashes.installer import INITRD, KERNEL, BrokenError, Listing, boot_at, install
from tests.crashes.program import Plant, run, run_traced
from tests.crashes.scenarios import HOME, TREE, Ground, Scenario
from tests.crashes.sites import Appearance, appearance, copy_site

_NOT_COMPARED = ("state", f"{HOME}/lock")  # caches, which may be lost, and who had the lock, and when


@dataclass(frozen=True, slots=True)
class Course:
    """codes: what its commands end with.  generations: what each directory that was or is a generation lists, by path below the site."""

    ground: Ground
    scenario: Scenario
    plant: Plant | None
    points: tuple[Call, ...]
    codes: Mapping[tuple[str, ...], int]
    end: Appearance
    generations: Mapping[str, Listing]


def chart(ground: Ground, scenario: Scenario, plant: Plant | None = None) -> Course:
    """Run the scenario undisturbed, for its end and, on another copy, with the plant, for its points."""
    generations = _listings(ground, scenario.kept)
    copy_site(scenario.kept, ground.site)
    codes = {command: _code(ground, command) for command in (scenario.command, scenario.then) if command}
    if (listed := install(ground.site / TREE, ground.known)) != scenario.new:
        raise BrokenError(f"{scenario.name}: an undisturbed run lists {sorted(listed)}")
    end = end_of(ground)
    generations |= _listings(ground, ground.site)
    copy_site(scenario.kept, ground.site)
    traced = run_traced(scenario.command, ground.output, plant=plant, follow=True)
    points = tuple(call for call in traced.calls if call.changes and call.within(str(ground.site)))
    _require_one_thread(points, traced.process, ground)
    return Course(ground, scenario, plant, points, codes, end, generations)


def _code(ground: Ground, command: tuple[str, ...]) -> int:
    """What a command ends with that nothing disturbs: what a rollback took out is held by the next update."""
    ended = run(command, ground.output)
    if ended.code not in (ExitCode.DONE, ExitCode.PARTIAL):
        raise RuntimeError(f"undisturbed, {' '.join(command)} ended with {ended.code}: {ended.errors}")
    return ended.code


def _require_one_thread(points: Sequence[Call], process: int, ground: Ground) -> None:
    """Only the main thread is killed and failed: strace counts the calls of each thread and process by themselves."""
    for point in points:
        if point.thread != process:
            raise RuntimeError(f"not by mirrorsync's main thread: {point.described(str(ground.site))}")


def end_of(ground: Ground) -> Appearance:
    """The site as far as it must be the same in the end."""
    return appearance(ground.site, without=_NOT_COMPARED)


def _listings(ground: Ground, site: Path) -> dict[str, Listing]:
    return {folder: install(site / folder, ground.known) for folder in _kept(site)}


def _kept(site: Path) -> list[str]:
    """generations/N and retired/N up to the published one: later ones were never published."""
    current = published(site)
    folders = [path for kind in ("generations", "retired") for path in (site / HOME / kind).glob("[0-9]*") if path.name.isdigit()]
    return sorted(str(path.relative_to(site)) for path in folders if int(path.name) <= current)


def published(site: Path) -> int:
    """The number in the tree's stamp, 0 for a tree that has none."""
    try:
        return int((site / TREE / ".mirrorsync-generation").read_text().split()[0])
    except FileNotFoundError:
        return 0


def faults(course: Course) -> Iterator[str]:
    """What installers and nodes stumble over at the site as it is."""
    ground, scenario = course.ground, course.scenario
    try:
        listed = install(ground.site / TREE, ground.known)
        if listed not in (scenario.old, scenario.new):
            yield "the tree lists neither the old packages nor the new ones"
        elif scenario.pairs and boot_at(ground.site / TREE / KERNEL, ground.site / TREE / INITRD) != scenario.pairs[listed]:
            yield "the tree's boot images are of another generation than its packages"
    except BrokenError as error:
        yield f"the tree: {error}"
    for folder in _kept(ground.site):
        try:
            if install(ground.site / folder, ground.known) != course.generations.get(folder):
                yield f"{folder} lists other packages than it did"
        except BrokenError as error:
            yield f"{folder}: {error}"
    yield from _boot_faults(course)


def _boot_faults(course: Course) -> Iterator[str]:
    kernel, initrd = (course.ground.site / "tftpboot" / name for name in ("linux.1", "linux.2"))
    if not kernel.exists():
        if None not in course.scenario.staged:
            yield "the boot directory: linux.1 is gone"
    elif not initrd.exists() or boot_at(kernel, initrd) not in course.scenario.staged:
        yield "the boot directory: linux.1 and linux.2 are no boot set"
