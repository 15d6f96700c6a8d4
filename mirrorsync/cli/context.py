"""What every command shares: the configuration, the trees that are meant, and how outcomes end the call."""

import errno
import getpass
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click
from click.shell_completion import CompletionItem

from mirrorsync.config.loading import load
from mirrorsync.config.schema import Config
from mirrorsync.config.values import parse_duration
from mirrorsync.errors import ConfigError, ExitCode, MirrorsyncError, UsageError
from mirrorsync.model.outcome import TreeFailure

T = TypeVar("T")

# The exit code of a call over several trees is the first of these that any of them ended with.
_WORST_FIRST = (
    ExitCode.CONFIGURATION,
    ExitCode.USAGE,
    ExitCode.FAILURE,
    ExitCode.LOCKED,
    ExitCode.PENDING,
    ExitCode.PARTIAL,
    ExitCode.FINDINGS,
    ExitCode.DONE,
)

_PERMISSION = "run as the user who owns it, or let root `chown` it to the one who runs mirrorsync"
_REMEDIES = {
    errno.ENOSPC: "make room on its file system (df, df -i) and run again",
    errno.EDQUOT: "raise the user's quota there, or make room, and run again",
    errno.EROFS: "mount its file system read-write and run again",
    errno.EACCES: _PERMISSION,
    errno.EPERM: _PERMISSION,
    errno.EIO: "look at the disk (dmesg) before running again",
}


class Verbosity(Enum):
    """How much a command says."""

    QUIET = "quiet"
    NORMAL = "normal"
    VERBOSE = "verbose"


@dataclass(frozen=True, slots=True)
class Call:
    """The options before the command."""

    config_file: Path | None
    environ: Mapping[str, str]
    verbosity: Verbosity

    def config(self) -> Config:
        """The configuration. Raises ConfigError with every fault of it."""
        return load(self.config_file, self.environ)


def complete_tree(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The configured trees' names for the shell; a configuration that cannot be read completes nothing."""
    try:
        config = load(context.find_root().params.get("config_file"), {})
    except ConfigError:
        return []
    return [CompletionItem(name) for name in sorted(config.trees) if name.startswith(incomplete)]


class LengthOfTime(click.ParamType[timedelta]):
    """`7d`, `12h`, `1d12h`, as in the configuration."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Fails for a text that is none."""
        try:
            return value if isinstance(value, timedelta) else parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


tree_arguments = click.argument("trees", nargs=-1, metavar="[TREE]...", shell_complete=complete_tree)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of text.")


def caller() -> str:
    """Which process of whom this is, for the journal: "process 4711 of root"; the one who called sudo is named too."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user id without a name
        user = str(os.getuid())
    caller = os.environ.get("SUDO_USER")
    return f"process {os.getpid()} of {user}{f' for {caller}' if caller and caller != user else ''}"


def chosen_trees(config: Config, trees: Sequence[str]) -> tuple[str, ...]:
    """The trees that are meant: those named, else all. Raises UsageError for a name that is not configured."""
    for name in trees:
        if name not in config.trees:
            known = ", ".join(sorted(config.trees)) or "none"
            raise UsageError(f"no tree is called {name!r}; configured: {known}")
    if not config.trees:
        raise ConfigError(("no tree is configured; add a [trees.NAME] table, see config/mirrorsync.toml",))
    return tuple(dict.fromkeys(trees)) or tuple(sorted(config.trees))


def require_outside_trees(config: Config, file: Path) -> None:
    """Raises UsageError for a file that would be written into a tree, or into what is kept beside one."""
    real = file.resolve()
    for name, settings in sorted(config.trees.items()):
        if any(real.is_relative_to(place.resolve()) for place in (settings.path, settings.path.parent / ".mirrorsync")):
            raise UsageError(f"{file}: lies in tree {name}, or in what is kept beside it; name a file elsewhere")


def each_tree(trees: Iterable[str], action: Callable[[str], T]) -> Iterator[T | TreeFailure]:
    """`action` for one tree after the other; an error ends that tree's work only."""
    for name in trees:
        try:
            yield action(name)
        except MirrorsyncError as error:
            yield TreeFailure(name, "; ".join(problems_of(error)), error.exit_code)
        except OSError as error:
            yield TreeFailure(name, f"{name}: {_fault(error)}; the tree is whole, old or new; {_remedy(error)}", ExitCode.FAILURE)


def problems_of(error: MirrorsyncError | OSError) -> tuple[str, ...]:
    """What an error says, a line for each fault, with what to do about it."""
    if isinstance(error, ConfigError):
        return error.problems
    if isinstance(error, MirrorsyncError):
        return (str(error),)
    return (f"{_fault(error)}; {_remedy(error)}",)


def _fault(error: OSError) -> str:
    where = error.filename2 or error.filename  # of two names the second is the one that was to be made
    return f"{where or 'the system'}: {error.strerror or error}"


def _remedy(error: OSError) -> str:
    return _REMEDIES.get(error.errno or 0, "mend that and run again")


def end_with(codes: Iterable[ExitCode]) -> NoReturn:
    """End the call with the worst of the trees' exit codes."""
    found = set(codes)
    raise click.exceptions.Exit(int(next((code for code in _WORST_FIRST if code in found), ExitCode.DONE)))
