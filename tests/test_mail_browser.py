"""The HTML of mails in headless Chromium: as wide as its reader's window, light and dark, without images and without a style sheet."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from mirrorsync.model.news import News
from mirrorsync.report.account import Scope, account_of
from mirrorsync.report.mail.letter import Cause, Letter, subject_of
from mirrorsync.report.mail.markup import html_part
from tests import accounts, standings
from tests.accounts import NOW
from tests.browser import Browser, browser, needs_chromium
from tests.test_page_browser import script

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    with browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def mails(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Of a change, of a failure, the digest of all kinds of trees."""
    folder = tmp_path_factory.mktemp("mails")
    failure = accounts.run("update", 1, "http://mirror.example.org/: cannot be read: Connection refused; no mirror answers")
    all_trees = (standings.rocky(), standings.redhat73(), standings.current(), standings.broken(), standings.nasty())
    digest = [account_of(tree, standings.NOW, scope=Scope(since=standings.NOW - timedelta(days=7))) for tree, _ in all_trees]
    made = {
        "change": [account_of(accounts.standing(), NOW, accounts.news())],
        "failure": [account_of(accounts.standing(last_update=failure), NOW, News(failure=failure))],
        "digest": digest,
    }
    for name, told in made.items():
        letter = Letter(Cause.DIGEST, "master1", "ops@example.org", NOW, tuple(told), subject_of(Cause.DIGEST, told), ("one mail waits",))
        (folder / f"{name}.html").write_text(html_part(letter))
    return {name: folder / f"{name}.html" for name in made}


KINDS = ("change", "failure", "digest")


@pytest.mark.parametrize("width", [320, 360, 700, 1280])
@pytest.mark.parametrize("kind", KINDS)
def test_a_mail_is_no_wider_than_the_window_and_640_pixels(window: Browser, mails: Mapping[str, Path], kind: str, width: int) -> None:
    window.open(mails[kind].as_uri(), size=(width, 800))
    assert window.run("return document.documentElement.scrollWidth") <= width
    assert window.run("return document.querySelector('.sheet').getBoundingClientRect().width") <= 640
    wide = """return [...document.querySelectorAll("body *")]
        .filter(one => one.getBoundingClientRect().right > innerWidth + 1).map(one => one.textContent.slice(0, 40)).slice(0, 3)"""
    assert window.run(wide) == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("kind", KINDS)
def test_text_stands_out_in_light_and_dark(window: Browser, mails: Mapping[str, Path], kind: str, *, dark: bool) -> None:
    window.open(mails[kind].as_uri(), size=(700, 800), dark=dark)
    count, faint = window.run(script("contrast", "texts"))
    assert count > 10
    assert faint == []
    ground = window.run("return getComputedStyle(document.querySelector('.sheet')).backgroundColor")
    assert ground == ("rgb(25, 31, 38)" if dark else "rgb(255, 255, 255)")


@pytest.mark.parametrize("kind", KINDS)
def test_a_client_that_drops_the_style_sheet_shows_the_light_one(window: Browser, mails: Mapping[str, Path], kind: str) -> None:
    window.open(mails[kind].as_uri(), size=(700, 800), dark=True)
    window.run("document.querySelector('style').remove(); document.querySelectorAll('meta[name*=color]').forEach(one => one.remove())")
    assert window.run(script("contrast", "texts"))[1] == []
    assert window.run("return getComputedStyle(document.querySelector('.sheet')).backgroundColor") == "rgb(255, 255, 255)"


@pytest.mark.parametrize("kind", KINDS)
def test_a_mail_fetches_nothing_and_runs_nothing(window: Browser, mails: Mapping[str, Path], kind: str) -> None:
    window.open(mails[kind].as_uri())
    assert window.run("return performance.getEntriesByType('resource').length") == 0
    assert window.run("return document.scripts.length + document.images.length + document.links.length") == 0
    assert window.console() == []
