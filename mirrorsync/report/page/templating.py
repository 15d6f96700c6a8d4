"""The site's templates: all they are given is escaped, and what a reader would not see, or be led astray by, is shown as its code."""

import re
from datetime import datetime
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mirrorsync.model.pending import PendingErratum
from mirrorsync.report.page import condition, names, words
from mirrorsync.report.page.ages import age_meter
from mirrorsync.report.page.moves import Move, moves_of_steps
from mirrorsync.report.text import size_text, visible

_LINK = re.compile(r"(?:https?|ftp)://[!-~]{1,2000}", re.IGNORECASE)
_LONGEST_TEXT = 20_000  # characters of a description
_BLANK_LINE = re.compile(r"\n[ \t]*\n\s*")


def page(template: str, path: str, **words: Any) -> bytes:
    """The page at `path` below the site's root, in UTF-8."""
    rendered = environment().get_template(template).render(root=names.root_of(path), version=version(), **words)
    return f"{rendered}\n".encode()


def asset(name: str) -> bytes:
    """A file that goes into the site as it is."""
    return files(__package__).joinpath(name).read_bytes()


@cache
def version() -> str:
    """What changes with style and script, so that no reader's cache pairs a page with older ones."""
    return sha256(asset(names.STYLE) + asset(names.SCRIPT)).hexdigest()[:8]


@cache
def environment() -> Environment:
    """jinja2 with the site's own words."""
    made = Environment(
        loader=PackageLoader(__package__, "templates"),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["pages"] = names
    made.globals["condition"] = condition
    made.globals["meter"] = age_meter
    made.filters.update(
        count=words.count_text,
        due=words.due_text,
        expected=_expected,
        moment=_moment,
        seconds=words.seconds_text,
        size=size_text,
        steps=moves_of_steps,
        paragraphs=_paragraphs,
    )
    made.tests["linkable"] = lambda url: bool(_LINK.fullmatch(url))
    return made


def _shown(value: Any) -> Any:
    """What autoescaping leaves: control characters, bidirectional ones and the like."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _moment(at: datetime) -> Markup:
    return Markup('<time datetime="{}">{}</time>').format(f"{at:%Y-%m-%dT%H:%MZ}", words.time_text(at))


def _expected(erratum: PendingErratum) -> list[tuple[str, Move]]:
    """What an erratum would change, as rows of a table of steps."""
    return [("", move) for move in moves_of_steps(erratum.steps)]


def _paragraphs(text: str) -> list[list[str]]:
    """A description's paragraphs, each a list of lines; an overlong one ends in an ellipsis."""
    cut = text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}…"
    plain = cut.replace("\r\n", "\n").expandtabs(4).strip("\n")
    return [paragraph.split("\n") for paragraph in _BLANK_LINE.split(plain) if paragraph.strip()]
