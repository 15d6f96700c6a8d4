"""The text part of a mail."""

from collections.abc import Iterator

from mirrorsync.report.account_text import WIDTH, account_lines, wrapped
from mirrorsync.report.mail.letter import Letter
from mirrorsync.report.page.words import time_text
from mirrorsync.report.text import visible


def text_part(letter: Letter) -> str:
    """Lines of 78 columns where names and addresses allow it; every character can be seen."""
    return "".join(f"{visible(line)}\n" for line in _lines(letter))


def _lines(letter: Letter) -> Iterator[str]:
    for account in letter.accounts:
        yield from account_lines(account)
        yield ""
    if letter.undelivered:
        yield "Messages that did not arrive:"
        yield from (part for line in letter.undelivered for part in wrapped(line, WIDTH, "  "))
        yield ""
    yield "--\u0020"  # what follows is a signature, which readers may hide
    yield from wrapped(f"mirrorsync on {letter.host}, {time_text(letter.now)} UTC. {stopping(letter)}", WIDTH, more=" ")


def stopping(letter: Letter) -> str:
    """Why this came, and how to stop it."""
    where = f"in [[report.mail.recipients]] of mirrorsync's configuration on {letter.host}"
    return f"Sent to {letter.recipient} because {letter.cause}. To get less of this, or none, change `when`, `severity` or `trees` {where}."
