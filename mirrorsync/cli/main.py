"""The command line: options in, outcome out."""

import errno
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import click

from mirrorsync import __version__
from mirrorsync.cli.context import Call, Verbosity, problems_of
from mirrorsync.cli.output import enduring_streams, print_document, print_lines
from mirrorsync.errors import ExitCode, MirrorsyncError
from mirrorsync.report.documents import error_document
from mirrorsync.stopping import Stopped, ignore_ending

_PLUGIN_UNKNOWN = 3
_SIGNALLED = 128  # and the signal's number, as shells report it

# Each command and the module that has it: only the one that is called is loaded, so that a run with nothing to do is short.
_COMMANDS = {
    "apply": "mirrorsync.cli.apply:apply_command",
    "audit": "mirrorsync.cli.audit:audit_command",
    "boot": "mirrorsync.cli.boot:boot_commands",
    "check": "mirrorsync.cli.check:check_command",
    "diff": "mirrorsync.cli.history:diff_command",
    "config": "mirrorsync.cli.config:config_commands",
    "daemon": "mirrorsync.cli.daemon:daemon_command",
    "errata": "mirrorsync.cli.errata:errata_commands",
    "hdlist": "mirrorsync.cli.hdlist:hdlist",
    "history": "mirrorsync.cli.history:history_command",
    "keys": "mirrorsync.cli.keys:keys_commands",
    "pending": "mirrorsync.cli.pending:pending_command",
    "prune": "mirrorsync.cli.prune:prune_command",
    "repofile": "mirrorsync.cli.repofile:repofile_command",
    "report": "mirrorsync.cli.report:report_command",
    "rollback": "mirrorsync.cli.rollback:rollback_command",
    "status": "mirrorsync.cli.status:status_command",
    "update": "mirrorsync.cli.update:update_command",
}


class Commands(click.Group):
    """The commands, each loaded when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names, sorted."""
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, None where there is none."""
        module, _, attribute = _COMMANDS.get(cmd_name, "").partition(":")
        command = getattr(import_module(module), attribute) if module else None
        return command if isinstance(command, click.Command) else None

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that is asked for."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise click.Abort from error  # before click says an empty line to it


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config", "config_file", type=click.Path(path_type=Path), envvar="MIRRORSYNC_CONFIG", metavar="FILE",
    help="Configuration file.  [default: /etc/mirrorsync/mirrorsync.toml]",
)  # fmt: skip
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but what needs somebody's attention.")
@click.option("-v", "--verbose", is_flag=True, help="Say every entry of a plan, not only the exceptions.")
@click.version_option(__version__, prog_name="mirrorsync")
@click.pass_context
def cli(context: click.Context, config_file: Path | None, *, quiet: bool, verbose: bool) -> None:
    """Keep a network-install tree current with its update mirrors.

    Commands take the names of trees, and mean all of them where none is given.
    """
    if quiet and verbose:
        raise click.UsageError("-q and -v exclude each other")
    verbosity = Verbosity.QUIET if quiet else Verbosity.VERBOSE if verbose else Verbosity.NORMAL
    context.obj = Call(config_file, os.environ, verbosity)


def main() -> None:
    """Run the command line and end with its exit code; 1 in place of 0 where what it had to say could not be written."""
    os.umask(0o022)  # nodes read what is made here, from its first instant
    files = enduring_streams()
    try:
        code = _run()
        ignore_ending()  # from here on there is nothing left to interrupt
    except (click.Abort, KeyboardInterrupt) as error:
        _end_stopped(terminated=isinstance(error.__cause__ or error, Stopped))
    sys.stdout.flush()
    refusals = [file.refusal for file in files if file.refusal]
    _complain([f"the output: {refusal.strerror}; not all of it was written" for refusal in refusals if refusal.errno != errno.EPIPE])
    sys.exit(ExitCode.FAILURE if refusals and code == ExitCode.DONE else code)


def _run() -> int:
    """The exit code of the call; every error on purpose has been said in its one line by then."""
    try:
        code = cli.main(prog_name="mirrorsync", standalone_mode=False)
    except click.ClickException as error:
        if "--nagios" in sys.argv[1:]:  # whose readers know no usage errors
            print_lines([f"MIRRORSYNC UNKNOWN - {' '.join(error.format_message().split()).replace('|', '/')}"])
            return _PLUGIN_UNKNOWN
        _document(error.exit_code, (error.format_message(),))
        error.show()
        return error.exit_code
    except (MirrorsyncError, OSError) as error:
        code = error.exit_code if isinstance(error, MirrorsyncError) else ExitCode.FAILURE
        _document(code, problems_of(error))
        _complain(problems_of(error))
    return code if isinstance(code, int) else ExitCode.DONE


def _document(code: int, problems: Sequence[str]) -> None:
    """An error that ends the whole call, be it for its arguments, is a document too where documents are asked for."""
    if "--json" in sys.argv[1:]:
        print_document(error_document(code, problems))


def _complain(problems: Sequence[str]) -> None:
    print_lines((f"mirrorsync: {problem}" for problem in problems), err=True)


def _end_stopped(*, terminated: bool) -> NoReturn:
    """Everything has been closed by now; Python's own ending would die by the signal where it came while a module was loaded."""
    ignore_ending()
    word, number = ("terminated", signal.SIGTERM) if terminated else ("interrupted", signal.SIGINT)
    _complain([f"{word}; the tree is whole, as it was or as it was to be"])
    sys.stdout.flush()
    os._exit(_SIGNALLED + number)
