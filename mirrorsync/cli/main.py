"""The command line: options in, outcome out."""

import os
import sys
from pathlib import Path

import click

from mirrorsync import __version__
from mirrorsync.cli.check import check_command
from mirrorsync.cli.config import config_commands
from mirrorsync.cli.context import Call, Verbosity
from mirrorsync.cli.hdlist import hdlist_command
from mirrorsync.cli.status import history_command, status_command
from mirrorsync.cli.update import update_command
from mirrorsync.errors import ExitCode, MirrorsyncError

_INTERRUPTED = 130  # 128 + SIGINT, as shells report it


@click.group(context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": None})
@click.option("--config", "config_file", type=click.Path(path_type=Path), envvar="MIRRORSYNC_CONFIG", metavar="FILE",
              help="Configuration file.  [default: /etc/mirrorsync/mirrorsync.toml]")
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


for command in (update_command, check_command, status_command, history_command, hdlist_command, config_commands):
    cli.add_command(command)


def main() -> None:
    """Run the command line; every error on purpose ends in its one line and its exit code."""
    try:
        cli.main(prog_name="mirrorsync", standalone_mode=False)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.Abort:
        _end("interrupted; the tree is as it was before, or as it was published", _INTERRUPTED)
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


def _end(message: str, code: int) -> None:
    for line in message.splitlines():
        click.echo(f"mirrorsync: {line}", err=True)
    sys.exit(code)
