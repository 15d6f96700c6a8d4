"""The page's two pictures in docs/, taken of a made-up site: `python -m tests.screenshots`."""

import sys
import tempfile
from pathlib import Path

from mirrorsync.app.sitefolder import write_site
from mirrorsync.report.page import names, parts_of
from tests import standings
from tests.browser import PHONE, browser

DOCS = Path(__file__).resolve().parents[1] / "docs"
PICTURES = (
    ("page-light.png", names.tree_page("rocky9"), (1280, 880), False),
    ("page-phone-dark.png", names.OVERVIEW, PHONE, True),
)
_LARGEST = 150_000  # bytes


def take(folder: Path) -> None:
    """Put the pictures into a folder. Ends the program where one is too large."""
    with tempfile.TemporaryDirectory() as site, browser() as window:
        write_site(Path(site), lambda: parts_of(*standings.usual_site(), {}, standings.NOW), ())
        for picture, page, size, dark in PICTURES:
            window.open((Path(site) / page).as_uri(), size=size, dark=dark)
            window.screenshot(folder / picture)
            if (folder / picture).stat().st_size > _LARGEST:
                sys.exit(f"{folder / picture}: larger than {_LARGEST} bytes")


if __name__ == "__main__":
    take(DOCS)
