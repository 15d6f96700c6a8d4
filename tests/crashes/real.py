"""The program as an administrator starts it, killed by strace: does it leave what a fork leaves that is killed at the same call?"""

import os
import re
import subprocess
import sys
from dataclasses import replace

from tests.crashes.calls import Call, options, read_log
from tests.crashes.course import Course
from tests.crashes.program import TIMEOUT, run_traced
from tests.crashes.scenarios import HOME
from tests.crashes.sites import Appearance, appearance, copy_site

_NAMES = ("linkat", "symlink", "renameat2")  # only the main thread makes these calls, and Python's start none
_DATED = re.compile(r"/journal/[^/]*\.json|/\.mirrorsync-generation$")


def comparable(course: Course, most: int) -> tuple[Call, ...]:
    """At most so many points, evenly taken, that have the same ordinals in both."""
    points = [point for point in course.points if point.name in _NAMES]
    return tuple(points[:: max(1, -(-len(points) // most))])


def same(course: Course, point: Call) -> bool:
    """Whether both leave the same names, modes, links and, where no time is in it, content."""
    copy_site(course.scenario.kept, course.ground.site)
    inject = f"{point.name}:signal=KILL:when={point.ordinal}"
    run_traced(course.scenario.command, course.ground.output, inject=inject)
    forked = _undated(course)
    copy_site(course.scenario.kept, course.ground.site)
    return _killed(course, point, inject) and forked == _undated(course)


def _killed(course: Course, point: Call, inject: str) -> bool:
    """Kill `python -m mirrorsync`; whether it was killed at the point."""
    log = course.ground.output.with_suffix(".strace")
    command = ["strace", "-f", *options(str(log)), "-e", f"inject={inject}", sys.executable, "-m", "mirrorsync", *course.scenario.command]
    subprocess.run(command, check=False, capture_output=True, timeout=TIMEOUT, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    with log.open(encoding="utf-8", errors="replace") as lines:
        calls = list(read_log(lines, 0))
    main = [call for call in calls if call.thread == calls[0].thread]
    return main[-1].identity == point.identity


def _undated(course: Course) -> Appearance:
    """What is there, but for the content that names the time or the process."""
    found = appearance(course.ground.site, without=("state", f"{HOME}/lock"))
    return {name: replace(seen, content="") if _DATED.search(f"/{name}") else seen for name, seen in found.items()}
