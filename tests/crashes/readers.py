"""Those who only read a site: whatever a killed run has left, they end in their own codes, without a traceback, and change nothing."""

from collections.abc import Iterator

from mirrorsync.errors import ExitCode
from tests.crashes.program import run
from tests.crashes.scenarios import Ground, Scenario
from tests.crashes.sites import appearance, differences

EVERY = 10  # points from one that they are tried at to the next
_SEEN = (ExitCode.DONE, ExitCode.FINDINGS)
_READERS = {
    ("status",): (ExitCode.DONE,),
    ("history",): (ExitCode.DONE,),
    ("check",): _SEEN,
    ("update", "--dry-run"): (*_SEEN, ExitCode.PARTIAL),
}
_CACHES = ("state",)  # which they write to


def reading_faults(ground: Ground, scenario: Scenario) -> Iterator[str]:
    """What is wrong with how each command that only reads ends at the site as it is, and with what it leaves there."""
    before = appearance(ground.site, without=_CACHES)
    for command, codes in _READERS.items():
        ended = run((*scenario.command[:2], *command), ground.output)
        if ended.code not in codes or "Traceback" in ended.errors:
            yield f"{command[0]} ended with {ended.code}: {ended.errors.strip()}"
        after = appearance(ground.site, without=_CACHES)
        yield from (f"{command[0]} changed {line}" for line in differences(before, after))
        before = after
