"""URLs as people write them: where a name and password stand in one, and what of it may be shown."""

import re
from urllib.parse import urlsplit

HIDDEN = "***"
_BEFORE_HOST = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)?.*@", re.DOTALL)


def shown(text: str) -> str:
    """What a message may show of a URL, be it one or not: *** in place of all that stands before its last @."""
    return _BEFORE_HOST.sub(lambda match: f"{match['scheme'] or ''}{HIDDEN}@", text, count=1)


def is_readable(text: str) -> bool:
    """Whether it can be told what in it is host and port."""
    try:
        return urlsplit(text).port != 0
    except ValueError:
        return False


def fault(text: str) -> str:
    """Why it cannot be told where in a URL a password ends, and what to do; '' where it can, or where there is none."""
    if not text.isprintable():
        return "has a character in it that cannot be printed; write it as %XX"
    if not is_readable(text):
        return "is not a URL: its host or port cannot be read; write %2F, %23, %3F and %40 for /, #, ? and @ in a name or password"
    parts = urlsplit(text)
    if parts.scheme != "file" and "@" in f"{parts.path}{parts.query}{parts.fragment}":
        return "has an @ behind its host; write %40 there, and %2F, %23, %3F for /, #, ? in a name or password"
    return ""
