"""Where each page lies below the site's root: names that any file system and URL takes, whatever outsiders call things."""

import re
from hashlib import sha256

OVERVIEW = "index.html"
PACKAGES = "packages.html"
STYLE = "static/style.css"
SCRIPT = "static/page.js"
ICON = "static/icon.svg"
SEARCH = "static/search.js"
FOLDERS = ("errata", "packages", "static", "trees")
"""The folders that the site has; the rest are files beside index.html."""

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")
_ODD = re.compile(r"[^A-Za-z0-9.+-]+")
_SHOWN = 60  # characters of an odd name that its file's name keeps


def tree_page(tree: str) -> str:
    """A tree's own page."""
    return f"trees/{_plain(tree)}/index.html"


def pending_page(tree: str) -> str:
    """All that a tree lacks, where its own page does not hold it."""
    return f"trees/{_plain(tree)}/pending.html"


def applied_page(tree: str) -> str:
    """All that was applied to a tree, where its own page does not hold it."""
    return f"trees/{_plain(tree)}/applied.html"


def history_page(tree: str) -> str:
    """All of a tree's generations, where its own page does not hold them."""
    return f"trees/{_plain(tree)}/history.html"


def generation_page(tree: str, number: int) -> str:
    """What one generation changed."""
    return f"trees/{_plain(tree)}/generation-{number}.html"


def erratum_page(name: str) -> str:
    """An advisory's page. A colon becomes an underscore; an id that has one of its own gets a digest, so that no two share a file."""
    plain = name.replace(":", "_")
    return f"errata/{plain if '_' not in name and _PLAIN.fullmatch(plain) else _digested(name)}.html"


def errata_page(number: int) -> str:
    """Part `number`, from 1 on, of the list of errata."""
    return "errata.html" if number == 1 else f"errata-{number}.html"


def package_page(name: str) -> str:
    """A package's page."""
    return f"packages/{_plain(name)}.html"


def root_of(page: str) -> str:
    """The way from a page up to the site's root: "" or "../" as often as it takes."""
    return "../" * page.count("/")


def _plain(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else _digested(name)


def _digested(name: str) -> str:
    """What is harmless of a name, and a digest of all of it behind a tilde, which no harmless name has."""
    shown = _ODD.sub("_", name)[:_SHOWN].strip("._+-") or "x"
    return f"{shown}~{sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"
