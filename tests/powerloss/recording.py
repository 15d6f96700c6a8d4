"""A real run of mirrorsync under strace: the disk before it, what it did in order, and the disk after it."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mirrorsync.model.choices import Layout
from tests.powerloss.disk import Contents, Disk, read_disk
from tests.powerloss.operations import Player, Step
from tests.powerloss.sites import SCENARIOS, configured, make_site, roots
from tests.sites import Site
from tests.strace import PLAIN, read_calls

UMASK = 0o077  # the strictest: a mode that was set but not kept would show
RUN_SECONDS = 300
_NAMES = (
    "open|openat|openat2|creat|mkdir|mkdirat|rmdir|unlink|unlinkat|rename|renameat|renameat2|link|linkat|symlink|symlinkat|mknod|mknodat"
    "|write|pwrite64|writev|pwritev|pwritev2|lseek|truncate|ftruncate|fallocate|copy_file_range|sendfile|splice|mmap|ioctl"
    "|chmod|fchmod|fchmodat|fchmodat2|fsync|fdatasync|syncfs|sync|umask"
)
_OPTIONS = ("-f", *PLAIN, "-s", str(1 << 21), "-e", f"trace=/^({_NAMES})$")


@dataclass(frozen=True, slots=True)
class Recording:
    """before, after: the model's disks.  made: the mode that each new inode was made with.

    `site` lies on the real disk as the run left it, its former STATE beside it.
    """

    site: Site
    before: Disk
    after: Disk
    steps: tuple[Step, ...]
    contents: Contents
    made: Mapping[int, int]

    @property
    def former_state(self) -> Path:
        """STATE as it was before the run."""
        return self.site.folder / "state.former"

    def with_steps(self, steps: Sequence[Step]) -> "Recording":
        """The recording of a program that does other things, or in another order."""
        return replace(self, steps=tuple(steps))


def record(folder: Path, layout: str, scenario: str) -> Recording:
    """Make a site below `folder`, and record the scenario's command. Raises CalledProcessError, UnmodelledError, or ValueError."""
    site = make_site(folder / "site", Layout(layout))
    SCENARIOS[scenario].prepare(site)
    site.state.mkdir(exist_ok=True)
    shutil.copytree(site.state, site.folder / "state.former")
    contents = Contents()
    before = read_disk(roots(site), contents)
    log = _traced([*configured(site).command, *SCENARIOS[scenario].command], site.folder)
    player = Player(before.copy(), contents, UMASK, frozenset({str(site.home / "lock")}))
    with log.open(encoding="ascii") as lines:
        steps = player.play(call for call in read_calls(lines) if call.succeeded)
    after = read_disk(roots(site), contents)
    _compare(player.disk, after, site)
    return Recording(site, before, player.disk, tuple(steps), contents, player.made)


def _traced(command: list[str], folder: Path) -> Path:
    log = folder / "strace.log"
    environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        ["strace", *_OPTIONS, "-o", str(log), *command],
        capture_output=True, text=True, check=False, timeout=RUN_SECONDS, umask=UMASK, env=environ,
    )  # fmt: skip
    if done.returncode != 0:
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
    return log


def _compare(played: Disk, real: Disk, site: Site) -> None:
    """Raises ValueError where the model's disk is not the real one: a call was not recorded or not understood."""
    mine, theirs = played.seen(), real.seen()
    lock = str(site.home / "lock")
    differing = sorted(path for path in (mine.keys() | theirs.keys()) - {lock} if mine.get(path) != theirs.get(path))
    if differing:
        raise ValueError(f"the model differs from the disk at {', '.join(differing[:5])}: a call was not recorded or not understood")
