"""`mirrorsync repofile`."""

from pathlib import Path

import click

from mirrorsync.app.assembly import keyring_of, tree_of
from mirrorsync.app.repofile import repo_file
from mirrorsync.cli.context import Call, chosen_trees, complete_tree, require_outside_trees
from mirrorsync.cli.output import print_lines
from mirrorsync.config.values import parse_node_url
from mirrorsync.files import write_file


def _node_urls(_context: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return tuple(parse_node_url(value) for value in values)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command("repofile")
@click.argument("tree", shell_complete=complete_tree)
@click.option("--url", "urls", multiple=True, callback=_node_urls, metavar="URL", help="In place of the tree's `urls`; may be given again.")
@click.option("--gpgkey", "gpgkeys", multiple=True, metavar="URL", help="A key file's, in place of those in the tree; may be given again.")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE.repo", help="Write it there.")
@click.pass_obj
def repofile_command(call: Call, tree: str, urls: tuple[str, ...], gpgkeys: tuple[str, ...], output: Path | None) -> None:
    """Print a .repo file by which nodes take packages from a tree with dnf or yum: signed ones only (gpgcheck=1)."""
    config = call.config()
    [name] = chosen_trees(config, [tree])
    text = repo_file(tree_of(config, name), urls or config.trees[name].urls, keyring_of(config, name), gpgkeys)
    if output is None:
        print_lines(text.splitlines())
    else:
        require_outside_trees(config, output)
        write_file(output.resolve(), text.encode())
