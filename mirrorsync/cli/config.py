"""`mirrorsync config`: is the configuration right, and what does it come to?"""

import click

from mirrorsync.app.assembly import source_problems
from mirrorsync.cli.context import Call, Verbosity, json_option
from mirrorsync.cli.output import print_document, print_lines
from mirrorsync.config import display, loading
from mirrorsync.errors import ConfigError, ExitCode


@click.group("config")
def config_commands() -> None:
    """Check the configuration, or show what it comes to."""


@config_commands.command("check")
@json_option
@click.pass_obj
def check_command(call: Call, *, as_json: bool) -> None:
    """See that every key, and every file that the keys name, can be used.

    Ends with 78, and one line for each fault, where something cannot.
    """
    try:
        files, trees = loading.check(call.config_file, call.environ)
        if problems := source_problems(call.config()):
            raise ConfigError(problems)
    except ConfigError as error:
        if not as_json:
            raise
        print_document(display.check_document(problems=error.problems))
        raise click.exceptions.Exit(int(ExitCode.CONFIGURATION)) from error
    if as_json:
        print_document(display.check_document(files=files, trees=trees))
    elif call.verbosity is not Verbosity.QUIET:
        drop_ins = f" and {len(files) - 1} in conf.d" if files[1:] else ""
        print_lines([f"{files[0]}{drop_ins}: no problem; {len(trees)} tree{'' if len(trees) == 1 else 's'}"])


@config_commands.command("show")
@json_option
@click.pass_obj
def show_command(call: Call, *, as_json: bool) -> None:
    """Print the configuration as it holds: all files merged, defaults filled in, no passwords."""
    config = call.config()
    if as_json:
        print_document(display.config_document(config))
    else:
        print_lines(display.config_text(config).removesuffix("\n").split("\n"))
