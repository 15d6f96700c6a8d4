"""The HTML part of a mail: every style inline, tables for the layout, no script, and nothing that is fetched from anywhere.

What the style sheet in its head says is for dark displays alone: a client that drops it shows the light one.
"""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mirrorsync.model.pending import Urgency
from mirrorsync.report.mail.letter import Letter
from mirrorsync.report.mail.plain import stopping
from mirrorsync.report.page.condition import Tone
from mirrorsync.report.page.words import days_text, time_text
from mirrorsync.report.text import visible

_SANS = "-apple-system,Segoe UI,Roboto,Helvetica Neue,Arial,sans-serif"
_MONO = "ui-monospace,Menlo,Consolas,DejaVu Sans Mono,monospace"
_COLOURS = {
    "ground": "#eef1f4",
    "sheet": "#ffffff",
    "ink": "#1b2026",
    "soft": "#57606a",
    "mono": "#3b434c",
    "rule": "#d5dbe1",
    "late": "#a40e26",
}
_PILLS = {
    Urgency.CRITICAL.word: ("#a40e26", "#ffffff"),
    Urgency.IMPORTANT.word: ("#b04a00", "#ffffff"),
    Urgency.MODERATE.word: ("#7a5c00", "#ffffff"),
    Urgency.LOW.word: ("#0b5cad", "#ffffff"),
    Urgency.UNRATED.word: ("#57606a", "#ffffff"),
}
_TONES = {
    Tone.BAD: ("#ffebe9", "#cf222e"),
    Tone.WARNING: ("#fff4d6", "#9a6700"),
    Tone.NEWS: ("#e1f0ff", "#0b5cad"),
    Tone.GOOD: ("#dcf5e3", "#1a7f37"),
    Tone.PLAIN: ("#eaeef2", "#57606a"),
}
"""Of each its background and its foreground."""


def html_part(letter: Letter) -> str:
    """The same that the text part says."""
    return f"{_environment().get_template('letter.html').render(letter=letter, stopping=stopping(letter))}\n"


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader(__package__, "templates"),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(colour=_COLOURS, pills=_PILLS, tones=_TONES, sans=_SANS, mono=_MONO, time=time_text, days=days_text)
    return made


def _shown(value: Any) -> Any:
    """What escaping leaves: control characters, bidirectional ones and the like."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
