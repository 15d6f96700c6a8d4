"""The options that say which errata are meant, of `pending` and `update`."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from itertools import chain
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from mirrorsync.app.assembly import tree_of
from mirrorsync.app.library import LIBRARY, Library
from mirrorsync.cli.output import print_lines
from mirrorsync.config.loading import load
from mirrorsync.errors import ConfigError
from mirrorsync.model.advisory import Advisory, AdvisoryType
from mirrorsync.model.filter import Filter
from mirrorsync.model.pending import Urgency
from mirrorsync.model.version import NEVRA
from mirrorsync.planning.filters import unmet

F = TypeVar("F", bound=Callable[..., Any])
_TYPES = (AdvisoryType.SECURITY, AdvisoryType.BUGFIX, AdvisoryType.ENHANCEMENT)
_TEXTS = ("advisory", "cve", "package")


def complete_advisory(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The ids of the advisories that the trees' libraries have, for the shell."""
    try:
        config = load(context.find_root().params.get("config_file"), {})
    except ConfigError:
        return []
    found = {name for tree in config.trees for name in Library(tree_of(config, tree).state / LIBRARY).ids(incomplete)}
    return [CompletionItem(name) for name in sorted(found)]


def filter_options(command: F) -> F:
    """Give a command the options of a filter; `filter_of` takes them out of what it is called with."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


_OPTIONS = (
    click.option("--security", is_flag=True, help="Security errata."),
    click.option("--bugfix", is_flag=True, help="Bugfix errata."),
    click.option("--enhancement", is_flag=True, help="Enhancement errata."),
    click.option(
        "--severity", multiple=True, metavar="WORD", callback=lambda *given: tuple(map(_urgency, _split(given[2]))),
        help="Errata of this urgency: critical, important, moderate, low, unrated. Several: one of them; so below.",
    ),
    click.option("--cve", multiple=True, metavar="ID", callback=lambda *given: _split(given[2]), help="Errata that mend it."),
    click.option(
        "--advisory", multiple=True, metavar="GLOB", shell_complete=complete_advisory, callback=lambda *given: _split(given[2]),
        help="The errata of that id; or named by --cve.",
    ),
    click.option("--since", type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD", help="Errata that were issued on that day or later."),
    click.option(
        "--package", multiple=True, metavar="GLOB", callback=lambda *given: _split(given[2]),
        help="Packages of that name, name.arch or name-[epoch:]version[-release[.arch]], and the errata that have them.",
    ),
)  # fmt: skip


def filter_of(options: dict[str, Any]) -> Filter:
    """What the options come to; they are taken out of `options`."""
    types = tuple(kind for kind in _TYPES if options.pop(kind.value))
    advisories, cves, packages = (tuple(sorted(set(options.pop(key)))) for key in _TEXTS)
    since: datetime | None = options.pop("since")
    urgencies: Iterable[Urgency] = options.pop("severity")
    return Filter(types, tuple(sorted(set(urgencies), reverse=True)), advisories, cves, since.date() if since else None, packages)


def print_unmet(wanted: Filter, advisories: Iterable[Advisory], packages: Iterable[NEVRA]) -> None:
    """A line on standard error for each id and glob of the filter that names nothing of what the trees lack."""
    options = unmet(wanted, tuple(advisories), tuple(packages))
    print_lines([f"mirrorsync: {option} names nothing that is pending; is it written right?" for option in options], err=True)


def _split(values: Iterable[str]) -> tuple[str, ...]:
    """Several values may be given in one, with commas between; one that is empty would mean everything."""
    parts = [[part for text in value.split(",") if (part := text.strip())] for value in values]
    if not all(parts):
        raise click.BadParameter("is empty where it is to name something; write a value, or leave the option out")
    return tuple(chain.from_iterable(parts))


def _urgency(word: str) -> Urgency:
    known: Mapping[str, Urgency] = {urgency.word: urgency for urgency in reversed(Urgency)}
    if word.lower() not in known:
        raise click.BadParameter(f"{word!r} is none of {', '.join(known)}")
    return known[word.lower()]
