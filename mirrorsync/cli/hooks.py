"""The administrator's hooks, as the commands that publish have them."""

from collections.abc import Sequence

import click

from mirrorsync.app.run import Hooks, Say
from mirrorsync.cli.context import Verbosity
from mirrorsync.cli.output import print_lines
from mirrorsync.config.schema import Config

hooks_option = click.option(
    "--no-hooks", "unhooked", is_flag=True, help="Neither ask the pre-publish hooks nor tell those of post-publish."
)  # fmt: skip


def hooks_of(config: Config, *, unhooked: bool) -> Hooks | None:
    """The configured hooks, None where there are none or the call is to do without."""
    general = config.mirrorsync
    return Hooks(general.hooks, general.hooks_timeout) if general.hooks and not unhooked else None


def speaker(verbosity: Verbosity) -> Say:
    """Says what hooks say on standard error; with -q, only that of those that failed."""

    def say(lines: Sequence[str], *, matters: bool) -> None:
        if matters or verbosity is not Verbosity.QUIET:
            print_lines(lines, err=True)

    return say
