"""The page in headless Chromium: from files and by HTTP, clicked, searched, sorted, by keyboard, on a telephone, light and dark."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from mirrorsync.app.sitefolder import write_site
from mirrorsync.report.page import names, parts_of
from tests import standings
from tests.browser import DESK, PHONE, Browser, browser, needs_chromium
from tests.standings import NOW, site

pytestmark = needs_chromium

_FOLDER = "reports/of trees & more"
TREE, ERRATUM, PACKAGE = names.tree_page("rocky9"), names.erratum_page("RLSA-2026:1202"), names.package_page("sudo")
KINDS = (
    names.OVERVIEW,
    TREE,
    ERRATUM,
    PACKAGE,
    names.generation_page("rocky9", 31),
    names.errata_page(1),
    names.PACKAGES,
    names.applied_page("rocky9"),
    names.history_page("rocky9"),
    names.tree_page("nasty"),
    names.tree_page("centos-stream10"),
    names.erratum_page(f"X{standings.MARKUP}"),
    names.package_page(standings.BIDI),
)


@dataclass(slots=True)
class Answers:
    """Where the folder is served, and what was asked for: path and status."""

    url: str
    log: list[tuple[str, int]] = field(default_factory=list)


class _Handler(SimpleHTTPRequestHandler):
    answers: Answers

    def log_request(self, code: object = "-", size: object = "-") -> None:
        self.answers.log.append((self.path, int(str(getattr(code, "value", code)))))


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    with browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The top of what is served; the page lies below it."""
    top = tmp_path_factory.mktemp("www")
    trees = site(
        standings.rocky(), standings.redhat73(), standings.current(), standings.broken(), standings.never_updated(), standings.nasty()
    )
    write_site(top / _FOLDER, lambda: parts_of(*trees, {}, NOW), ())
    return top


@pytest.fixture(scope="module")
def served(root: Path) -> Iterator[Answers]:
    handler = type("Handler", (_Handler,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(root))) as server:
        answers = Answers(f"http://127.0.0.1:{server.server_port}/{_FOLDER.replace(' ', '%20').replace('&', '%26')}/")
        handler.answers = answers  # type: ignore[attr-defined]  # of the class made above
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield answers
        server.shutdown()
        thread.join()


@pytest.fixture(params=["file", "http"])
def base(request: pytest.FixtureRequest, root: Path, served: Answers) -> str:
    return served.url if request.param == "http" else f"{(root / _FOLDER).as_uri()}/"


@pytest.fixture(scope="module")
def local(root: Path) -> str:
    return f"{(root / _FOLDER).as_uri()}/"


def element(window: Browser, selector: str) -> WebElement:
    return window.driver.find_element(By.CSS_SELECTOR, selector)


def elements(window: Browser, selector: str) -> list[WebElement]:
    return window.driver.find_elements(By.CSS_SELECTOR, selector)


def until(window: Browser, holds: Callable[[], object]) -> None:
    WebDriverWait(window.driver, 10, poll_frequency=0.05).until(lambda _: holds())


def here(window: Browser) -> str:
    """The page that is shown, below the site's folder."""
    return window.driver.current_url.partition("more/")[2]


def press(window: Browser, *keys: str) -> None:
    for key in keys:
        window.driver.switch_to.active_element.send_keys(key)


def script(*parts: str) -> str:
    """The accessibility folder's scripts, one after the other."""
    return "".join((Path(__file__).parent / "accessibility" / f"{part}.js").read_text(encoding="utf-8") for part in parts)


def focused(window: Browser) -> str:
    return str(window.run("return document.activeElement.textContent.trim() || document.activeElement.id"))


def test_every_kind_of_page_is_rendered_in_its_style_and_the_console_stays_silent(window: Browser, base: str) -> None:
    for page in KINDS:
        window.open(base + page)
        assert element(window, "h1").is_displayed(), page
        assert window.run("return getComputedStyle(document.querySelector('header.site')).position") == "sticky", page
        assert window.console() == [], page


def test_a_server_is_asked_for_nothing_but_the_page_and_has_all_of_it(window: Browser, served: Answers) -> None:
    window.command("Network.enable")
    window.command("Network.setCacheDisabled", cacheDisabled=True)
    served.log.clear()
    window.open(served.url)
    element(window, "#search").send_keys("bash")
    until(window, lambda: elements(window, "[role=option]"))
    window.command("Network.disable")
    asked = {path.removeprefix(served.url.partition("/reports")[1]) for path, _ in served.log}
    assert {status for _, status in served.log} <= {200, 304}
    assert {path.partition("?")[0].rpartition("/")[2] for path in asked} - {"icon.svg"} == {"", "style.css", "page.js", "search.js"}


def test_links_lead_from_the_overview_to_a_tree_its_errata_and_their_packages(window: Browser, base: str) -> None:
    window.open(base + names.OVERVIEW)
    element(window, ".trees tbody a[href*='rocky9']").click()
    until(window, lambda: here(window) == TREE)
    element(window, ".rows th a[href$='RLSA-2026_1202.html']").click()
    until(window, lambda: here(window) == ERRATUM)
    element(window, ".rows th a.package").click()
    until(window, lambda: here(window) == PACKAGE)
    element(window, "header .brand").click()
    until(window, lambda: element(window, "h1").text == "Install trees")


def test_slash_begins_a_search_and_arrows_and_return_choose(window: Browser, base: str) -> None:
    window.open(base + PACKAGE)
    press(window, "/", "CVE-2026-1578")
    until(window, lambda: [option.text for option in elements(window, "[role=option]")] == ["CVE\nCVE-2026-1578\nRLSA-2026:1202"])
    search = element(window, "#search")
    assert search.get_attribute("aria-expanded") == "true"
    assert element(window, ".search [role=status]").get_property("textContent") == "1 result"
    press(window, Keys.ARROW_DOWN)
    chosen = element(window, "[role=option][aria-selected=true]")
    assert search.get_attribute("aria-activedescendant") == chosen.get_attribute("id")
    press(window, Keys.RETURN)
    until(window, lambda: here(window) == ERRATUM)


def test_a_search_finds_trees_errata_packages_and_says_when_it_finds_nothing(window: Browser, local: str) -> None:
    window.open(local + names.OVERVIEW)
    search = element(window, "#search")
    for asked, kind, name in (
        ("redhat73", "tree", "redhat73"),
        ("rlsa-2026:990", "erratum", "RLSA-2026:990"),
        ("gcc-c++", "package", "gcc-c++"),
    ):
        search.clear()
        search.send_keys(asked)
        until(
            window,
            lambda kind=kind, name=name: (options := elements(window, "[role=option]")) and options[0].text.split("\n")[:2] == [kind, name],
        )
    search.clear()
    search.send_keys("guest escape")
    until(window, lambda: [option.text.split("\n")[1] for option in elements(window, "[role=option]")] == ["RLSA-2026:990"])
    search.clear()
    search.send_keys("<script>nothing")
    until(window, lambda: element(window, "#results").text == "Nothing of that name.")
    search.send_keys(Keys.ESCAPE)
    assert not element(window, "#results").is_displayed()
    assert window.console() == []


def test_arrows_go_from_result_to_result_and_around(window: Browser, local: str) -> None:
    window.open(local + names.OVERVIEW)
    element(window, "#search").send_keys("openssl")
    until(window, lambda: len(elements(window, "[role=option]")) > 2)
    options = elements(window, "[role=option]")
    chosen = []
    for key in (Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_UP, Keys.ARROW_UP):
        press(window, key)
        chosen.append([option.get_attribute("aria-selected") for option in options].index("true"))
    assert chosen == [0, 1, 0, len(options) - 1]


def test_a_result_can_be_clicked(window: Browser, local: str) -> None:
    window.open(local + ERRATUM)
    element(window, "#search").send_keys("alma9")
    until(window, lambda: elements(window, "[role=option]"))
    elements(window, "[role=option]")[0].click()
    until(window, lambda: here(window) == names.tree_page("alma9"))


def _column(window: Browser, number: int) -> list[float]:
    script = "return [...document.querySelectorAll('#pending ~ .rows')[0].tBodies[0].rows].map(row => +row.cells[arguments[0]].dataset.key)"
    return [float(value) for value in window.run(script, number)]


def test_tables_are_sorted_by_their_headers_with_mouse_and_keyboard(window: Browser, base: str) -> None:
    window.open(base + TREE)
    button = element(window, "#pending ~ .rows thead th:nth-child(3) button")
    assert button.text == "Age"
    before = _column(window, 2)
    button.click()
    assert _column(window, 2) == sorted(before, reverse=True)
    header = element(window, "#pending ~ .rows thead th:nth-child(3)")
    assert header.get_attribute("aria-sort") == "descending"
    press(window, Keys.RETURN)
    assert _column(window, 2) == sorted(before)
    assert header.get_attribute("aria-sort") == "ascending"
    element(window, "#pending ~ .rows thead th:nth-child(2) button").click()
    assert header.get_attribute("aria-sort") is None


@pytest.mark.parametrize("width", [320, 360, 768, 1057, 1280])
def test_no_page_is_wider_than_its_window(window: Browser, local: str, width: int) -> None:
    for page in KINDS:
        window.open(local + page, size=(width, 740))
        wide = window.run("""return [...document.querySelectorAll("body *")]
            .filter(one => one.getBoundingClientRect().right > innerWidth + 1 && !one.closest(".unseen, .picture"))
            .map(one => `${one.tagName} ${one.className}: ${one.textContent.slice(0, 40)}`).slice(0, 3)""")
        assert wide == [], page
        assert window.run("return document.documentElement.scrollWidth") <= width, page


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_and_marks_stand_out_from_what_is_behind_them(window: Browser, local: str, *, dark: bool) -> None:
    grounds = set()
    for page in KINDS:
        window.open(local + page, dark=dark)
        count, faint = window.run(script("contrast", "texts"))
        assert count > 10
        assert faint == [], page
        assert window.run(script("contrast", "shapes")) == [], page
        grounds.add(window.run("return getComputedStyle(document.body).backgroundColor"))
    assert grounds == {"rgb(18, 21, 26)" if dark else "rgb(246, 247, 248)"}


def test_results_of_a_search_stand_out_in_both_schemes(window: Browser, local: str) -> None:
    for dark in (False, True):
        window.open(local + names.OVERVIEW, dark=dark)
        element(window, "#search").send_keys("2026")
        until(window, lambda: elements(window, "[role=option]"))
        press(window, Keys.ARROW_DOWN)
        assert window.run(script("contrast", "texts"))[1] == []


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_landmarks_names_headings_and_references_are_as_a_screen_reader_needs_them(
    window: Browser, local: str, size: tuple[int, int]
) -> None:
    for page in KINDS:
        window.open(local + page, size=size)
        assert window.run(script("structure")) == [], page


def test_the_accessibility_tree_has_tables_with_rows_and_pictures_with_names_on_a_telephone_too(window: Browser, local: str) -> None:
    for size in (DESK, PHONE):
        window.open(local + TREE, size=size)
        nodes = window.command("Accessibility.getFullAXTree")["nodes"]
        roles = [node["role"]["value"] for node in nodes if not node["ignored"]]
        told = {node["name"]["value"] for node in nodes if node.get("role", {}).get("value") == "image" and node.get("name")}
        assert {"banner", "main", "contentinfo", "navigation", "search", "combobox", "table", "row", "rowheader", "cell"} <= set(roles)
        assert {"Age of pending errata against their targets", "Generations over time"} <= told


def test_the_keyboard_reaches_the_content_at_once_and_focus_is_seen(window: Browser, local: str) -> None:
    window.open(local + TREE)
    window.run("document.body.focus()")
    press(window, Keys.TAB)
    assert focused(window) == "Skip to the content"
    until(window, lambda: element(window, ".skip").location["y"] >= 0)
    assert window.run("return getComputedStyle(document.activeElement).outlineStyle") == "solid"
    press(window, Keys.RETURN)
    assert window.run("return document.activeElement.id") == "content"
    press(window, Keys.TAB)
    assert window.run("return document.activeElement.closest('main') !== null && document.activeElement.matches(':focus-visible')")
    assert window.run("return parseFloat(getComputedStyle(document.activeElement).outlineWidth)") >= 2


def test_without_scripts_everything_is_reached_by_links_and_nothing_pretends_to_work(window: Browser, base: str) -> None:
    window.open(base + names.OVERVIEW, scripts=False)
    assert not element(window, "form.search").is_displayed()
    assert not elements(window, "main button")
    window.driver.get(element(window, ".trees tbody a[href*='rocky9']").get_attribute("href") or "")
    assert element(window, "h1").text.startswith("rocky9")
    assert len(elements(window, "#pending ~ figure + .rows tbody tr")) == 48
    assert element(window, ".ages").is_displayed()
    for word in ("Errata", "Packages"):
        window.driver.get(element(window, f"header nav a[href$='{word.lower()}.html']").get_attribute("href") or "")
        assert element(window, "h1").text == word
    assert window.console() == []


def test_nasty_names_do_nothing_but_be_read(window: Browser, base: str) -> None:
    for page in (
        names.tree_page("nasty"),
        names.erratum_page(f"X{standings.MARKUP}"),
        names.package_page(standings.MARKUP),
        names.OVERVIEW,
    ):
        window.open(base + page)
        assert window.run("return document.scripts.length") == 1
        assert (
            window.run("return document.querySelectorAll('main img, main iframe, main form, main [onclick], main [onerror]').length") == 0
        )
        assert window.console() == []
    search = element(window, "#search")
    search.send_keys("alert(1)")
    until(window, lambda: elements(window, "[role=option]"))
    assert standings.MARKUP in element(window, "#results").text
    assert window.run("return document.querySelectorAll('#results img, #results script').length") == 0


def test_what_is_injected_all_the_same_does_not_run(window: Browser, base: str) -> None:
    """The policy's own proof: even markup that got into a page could not act."""
    window.open(base + names.OVERVIEW)
    markup = '<img src=x onerror="window.harmed=1"><p style="color:red" id=p>x</p>'
    window.run("document.querySelector('main').insertAdjacentHTML('beforeend', arguments[0])", markup)
    window.run("const s = document.createElement('script'); s.textContent = 'window.harmed=1'; document.body.append(s)")
    assert window.run("return window.harmed") is None
    assert window.run("return getComputedStyle(document.getElementById('p')).color") != "rgb(255, 0, 0)"
    assert any("Content Security Policy" in line for line in window.console())


def test_nothing_moves_for_those_who_asked_for_that_and_paper_has_no_controls(window: Browser, local: str) -> None:
    window.open(local + TREE)
    window.command("Emulation.setEmulatedMedia", media="print", features=[{"name": "prefers-reduced-motion", "value": "reduce"}])
    assert window.run("return getComputedStyle(document.querySelector('.skip')).transitionDuration") == "0s"
    for selector in ("header nav", "form.search", ".parts", ".skip"):
        assert not element(window, selector).is_displayed()
    assert element(window, "h1").is_displayed()
