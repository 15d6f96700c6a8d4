"""The command line: options in, outcome out."""

import os
import sys
from importlib import import_module
from pathlib import Path

import click

from mirrorsync import __version__
from mirrorsync.cli.context import Call, Verbosity
from mirrorsync.errors import ExitCode, MirrorsyncError

_INTERRUPTED = 130  # 128 + SIGINT, as shells report it

# Each command and the module that has it: only the one that is called is loaded, so that a run with nothing to do is short.
_COMMANDS = {
    "check": "mirrorsync.cli.check:check_command",
    "config": "mirrorsync.cli.config:config_commands",
    "hdlist": "mirrorsync.cli.hdlist:hdlist",
    "history": "mirrorsync.cli.status:history_command",
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
    """Run the command line; every error on purpose ends in its one line and its exit code."""
    try:
        code = cli.main(prog_name="mirrorsync", standalone_mode=False)
    except click.Abort:
        _end("interrupted; the tree is whole, as it was or as it was to be", _INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except MirrorsyncError as error:
        _end(str(error), error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads on: nothing to flush at exit
        sys.exit(ExitCode.FAILURE)
    except OSError as error:
        _end(f"{error.filename or 'the system'}: {error.strerror}; nothing half done was published", ExitCode.FAILURE)
    sys.exit(code if isinstance(code, int) else ExitCode.DONE)


def _end(message: str, code: int) -> None:
    for line in message.splitlines():
        click.echo(f"mirrorsync: {line}", err=True)
    sys.exit(code)
