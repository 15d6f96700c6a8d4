"""Every error mirrorsync raises on purpose, each with the exit code it ends the program with."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What the process says to cron; 75 and 78 are sysexits.h's EX_TEMPFAIL and EX_CONFIG, 100 is dnf's for pending updates."""

    DONE = 0
    FAILURE = 1
    USAGE = 2
    PARTIAL = 3
    FINDINGS = 4
    LOCKED = 75
    CONFIGURATION = 78
    PENDING = 100


class MirrorsyncError(Exception):
    """Something that ends the work on a tree: one line for a person, and an exit code."""

    exit_code = ExitCode.FAILURE


class UsageError(MirrorsyncError):
    """The command line asks for something that is not there."""

    exit_code = ExitCode.USAGE


class ConfigError(MirrorsyncError):
    """The configuration cannot be used; `problems` holds one line for each fault found."""

    exit_code = ExitCode.CONFIGURATION

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class LockedError(MirrorsyncError):
    """Another run is working on the same tree."""

    exit_code = ExitCode.LOCKED


class TreeError(MirrorsyncError):
    """The tree, or the folder beside it, is not in a state to work on."""


class HeaderError(MirrorsyncError):
    """Bytes that should be an rpm header, an .rpm or an hdlist are not."""


class UpstreamError(MirrorsyncError):
    """An update mirror could not be read, or what it said cannot be true."""


class PlanError(MirrorsyncError):
    """A plan cannot be made or read back."""


class VerificationError(MirrorsyncError):
    """A fetched file is not what was planned, or nobody trusted signed it."""


class PublishError(MirrorsyncError):
    """A generation could not be built, failed its check, or could not be put in place."""


class SpaceError(PublishError):
    """A file system has not the room that an update takes; nothing was fetched."""


class BootError(MirrorsyncError):
    """The boot set could not be staged."""


class ProbeError(MirrorsyncError):
    """A server that nodes ask does not answer as they need it."""


class TrustError(MirrorsyncError):
    """A key file cannot be used, or does not hold the key that is pinned."""


class UnpackingError(MirrorsyncError):
    """Compressed bytes are damaged, of a kind that is not read, or larger than they may be; the text follows the file's name."""


class DeliveryError(MirrorsyncError):
    """A message could not be handed over. final: it is not tried again, as it would be refused again."""

    def __init__(self, message: str, *, final: bool = False) -> None:
        super().__init__(message)
        self.final = final


class PageError(MirrorsyncError):
    """The page cannot be put where it is to go: into a tree, or over what others put there."""
