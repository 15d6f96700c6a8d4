"""The page as bytes: well-formed, whole in itself, the same every time, harmless whatever it is made of, bounded."""

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cache
from itertools import pairwise
from posixpath import dirname, join, normpath
from urllib.parse import unquote, urlsplit
from xml.etree.ElementTree import Element

import html5lib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirrorsync.model.advisory import Advisory, AdvisoryType, Reference
from mirrorsync.model.pending import Prospect, Urgency, Waiver
from mirrorsync.model.standing import RunRecord, Standing
from mirrorsync.model.version import NEVRA
from mirrorsync.report.page import names, parts_of, render
from tests import standings
from tests.standings import NASTY, NOW, Histories, pending, site, step

_LINKS = {"a": "href", "link": "href", "script": "src", "img": "src", "use": "href", "image": "href", "iframe": "src", "form": "action"}


def rendered(given: tuple[Sequence[Standing], Histories], advisories: Mapping[str, Advisory] | None = None) -> dict[str, bytes]:
    return dict(render(*given, advisories or {}, NOW))


@cache
def usual() -> dict[str, bytes]:
    return rendered(standings.usual_site())


@cache
def nasty() -> dict[str, bytes]:
    return rendered(site(standings.nasty(), standings.rocky()))


def parsed(content: bytes) -> Element:
    """The page as a browser reads it; any fault in its HTML is an error."""
    tree: Element = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(content.decode())
    return tree


def pages(files: Mapping[str, bytes]) -> Iterator[tuple[str, Element]]:
    return ((name, parsed(content)) for name, content in files.items() if name.endswith(".html"))


def links(tree: Element) -> Iterator[tuple[Element, str]]:
    for element in tree.iter():
        attribute = _LINKS.get(str(element.tag).rpartition("}")[2])
        if attribute and attribute in element.attrib:
            yield element, element.attrib[attribute]


def text(tree: Element) -> str:
    """As it is read: with a blank between cells, items and paragraphs, and none within words."""
    return " ".join("".join(_texts(tree)).split())


def _texts(element: Element) -> Iterator[str]:
    yield from ((element.text or ""), *(part for child in element for part in (*_texts(child), child.tail or "")))
    if element.tag in ("title", "td", "th", "li", "p", "dt", "dd", "h1", "h2", "h3", "text", "desc"):
        yield " "


def body_of(files: Mapping[str, bytes], name: str) -> str:
    return text(parsed(files[name]))


@pytest.mark.parametrize("files", [usual, nasty])
def test_every_page_is_well_formed_and_every_link_leads_to_a_file_or_a_place_on_the_page(files: object) -> None:
    written = files()  # type: ignore[operator]  # one of the two above
    anchors = {name: {element.attrib["id"] for element in tree.iter() if "id" in element.attrib} for name, tree in pages(written)}
    for name, tree in pages(written):
        for _, target in links(tree):
            parts = urlsplit(target)
            if parts.scheme:
                continue
            assert not target.startswith("/"), f"{name}: {target} would leave the folder"
            path = normpath(join(dirname(name), unquote(parts.path))) if parts.path else name
            assert path in written, f"{name}: {target} leads nowhere"
            assert not parts.fragment or parts.fragment in anchors[path], f"{name}: {target}: no such place"


@pytest.mark.parametrize("files", [usual, nasty])
def test_nothing_is_loaded_from_elsewhere_and_only_references_lead_out(files: object) -> None:
    for name, tree in pages(files()):  # type: ignore[operator]  # one of the two above
        for element, target in links(tree):
            if urlsplit(target).scheme:
                assert (element.tag, element.attrib.get("rel")) == ("a", "noreferrer noopener external"), f"{name}: {target}"
                assert urlsplit(target).scheme in ("http", "https", "ftp")


def test_style_and_script_ask_for_nothing_but_the_index() -> None:
    style, script = (usual()[name].decode() for name in (names.STYLE, names.SCRIPT))
    assert "url(" not in style
    assert "@import" not in style
    assert not re.search(r"fetch|XMLHttpRequest|innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval|https?:", script)


@pytest.mark.parametrize("files", [usual, nasty])
def test_the_policy_forbids_what_the_pages_do_not_do(files: object) -> None:
    for name, tree in pages(files()):  # type: ignore[operator]  # one of the two above
        meta = {element.attrib.get("http-equiv"): element.attrib["content"] for element in tree.iter("meta") if "content" in element.attrib}
        policy = dict(rule.strip().split(" ", 1) for rule in meta["Content-Security-Policy"].split(";"))
        assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == "'none'"
        assert {policy["script-src"], policy["style-src"], policy["img-src"]} == {"'self' file:"}
        for element in tree.iter():
            assert not [key for key in element.attrib if key.lower().startswith("on") or key == "style"], f"{name}: {element.attrib}"
            assert element.tag != "style" and (element.tag != "script" or "src" in element.attrib), name


def test_names_from_outside_are_text_and_nothing_else() -> None:
    for name, tree in pages(nasty()):
        assert [element.attrib["src"] for element in tree.iter("script")] == [f"{names.root_of(name)}{names.SCRIPT}?{_version(tree)}"]
        assert not list(tree.iter("img"))
        assert "{{" not in text(tree).replace("</title>{{ 7*7 }}{% raw %}", "")
    assert "<script>alert(1)</script>" in body_of(nasty(), names.tree_page("nasty"))


def _version(tree: Element) -> str:
    return next(element.attrib["href"].partition("?")[2] for element in tree.iter("link") if element.attrib["rel"] == "stylesheet")


def test_characters_that_nobody_sees_or_that_turn_text_around_are_shown_as_their_codes() -> None:
    for content in nasty().values():
        odd = {character for character in content.decode() if not (character.isprintable() or character == "\n")}
        assert not odd
    shown = body_of(nasty(), names.tree_page("nasty"))
    assert "evil\\u202egpj.exe\\u2066" in shown
    assert "a\\u0000b\\u001b[31mc" in shown
    assert "\\udcff\\udc80 bytes" in shown


def test_the_index_is_a_script_of_one_value_that_cannot_be_left() -> None:
    script = nasty()[names.SEARCH].decode("ascii")
    assert not set("<>&") & set(script)
    rows = json.loads(script.removeprefix("window.searchIndex = ").removesuffix(";\n"))
    assert {kind for kind, *_ in rows} == {"tree", "erratum", "CVE", "package"}
    assert {page for *_, page in rows} <= nasty().keys()


def test_files_have_names_that_every_file_system_and_url_takes_and_no_two_things_share_one() -> None:
    for name in nasty():
        assert re.fullmatch(r"(?:[A-Za-z0-9][A-Za-z0-9._+~-]*/)*[A-Za-z0-9][A-Za-z0-9._+~-]*", name), name
        assert ".." not in name.split("/")
    ids = ["A:B", "A_B", "A::B", "A:B:", "a b", "a_b", "é:", "é_", *NASTY]
    assert len({names.erratum_page(name) for name in ids}) == len(ids)
    assert len({names.package_page(name) for name in ids}) == len(ids)
    assert names.erratum_page("RHSA-2012:1540") == "errata/RHSA-2012_1540.html"
    assert names.package_page("gcc-c++") == "packages/gcc-c++.html"


def test_the_same_input_gives_the_same_bytes_whatever_the_order() -> None:
    given, histories = standings.usual_site()
    turned = {tree: tuple(reversed(histories[tree])) for tree in reversed(histories)}
    assert dict(render(tuple(reversed(given)), turned, {}, NOW)) == usual()


def test_pages_of_what_did_not_change_stay_as_they_are_when_time_goes_on() -> None:
    given, histories = standings.usual_site()
    later = dict(render(given, histories, {}, NOW + timedelta(minutes=50)))
    changed = {name for name, content in later.items() if content != usual()[name]}
    assert changed == {names.OVERVIEW, *(names.tree_page(standing.tree) for standing in given)}


def test_what_a_run_or_a_check_changes_is_on_few_pages_and_the_others_are_known_for_the_same() -> None:
    given, histories = standings.usual_site()
    run = RunRecord("update", NOW, NOW, 1, ("the mirror is down",))
    later = [replace(each, at=NOW, last_update=run, findings=(), succeeded=NOW - timedelta(days=9)) for each in given]
    (usual_details, _), (details, fronts) = (parts_of(some, histories, {}, NOW) for some in (given, later))
    assert details.key == usual_details.key
    assert dict(details.pages()) == dict(usual_details.pages())
    assert {*dict(details.pages()), *dict(fronts.pages())} == {*usual()}
    assert all(name.startswith("trees/") or name in (names.SEARCH, names.OVERVIEW) for name, _ in fronts.pages())
    tomorrow, _ = parts_of(given, histories, {}, NOW + timedelta(days=1))
    fewer, _ = parts_of([replace(given[0], pending=given[0].pending[1:]), *given[1:]], histories, {}, NOW)
    assert len({usual_details.key, tomorrow.key, fewer.key}) == 3


def test_each_file_comes_after_what_it_leads_to_and_the_overview_last() -> None:
    order = list(usual())
    assert order[-1] == names.OVERVIEW
    assert order.index(names.STYLE) < min(place for place, name in enumerate(order) if name.endswith(".html"))
    assert order.index(names.erratum_page("RLSA-2026:1202")) < order.index(names.tree_page("rocky9"))


def test_every_page_has_its_landmarks_one_heading_of_the_first_level_and_a_title() -> None:
    for name, tree in pages(usual()):
        tags = [str(element.tag) for element in tree.iter()]
        assert [tags.count(tag) for tag in ("h1", "main", "header", "footer", "title")][:4] == [1, 1, 1, 1], name
        levels = [int(tag[1]) for tag in tags if re.fullmatch("h[1-6]", tag)]
        assert all(after - before <= 1 for before, after in pairwise(levels)), f"{name}: {levels}"
        skip = next(element for element in tree.iter("a"))
        assert skip.attrib["href"] == "#content"


def test_headers_of_tables_say_of_what_they_are() -> None:
    for name, tree in pages(usual()):
        for table in tree.iter("table"):
            assert table.find("caption") is not None, name
            assert all(header.attrib.get("scope") in ("row", "col") for header in table.iter("th")), name


def test_pictures_have_a_role_a_title_and_a_description_and_a_table_or_list_says_the_same() -> None:
    tree = parsed(usual()[names.tree_page("rocky9")])
    pictures = [element for element in tree.iter() if element.attrib.get("role") == "img"]
    assert len(pictures) == 2
    told = {element.attrib["id"]: text(element) for element in tree.iter() if "id" in element.attrib}
    for picture in pictures:
        assert told[picture.attrib["aria-labelledby"]]
        assert "below has each of them" in told[picture.attrib["aria-describedby"]]
    assert "Critical: 9, 6 overdue · target 2 d, the oldest 3 days old" in told["ages-desc"]


def test_the_overview_tells_every_tree_by_its_worst() -> None:
    overview = parsed(usual()[names.OVERVIEW])
    rows = {
        text(row.find("th")): text(row.findall("td")[0]) for row in overview.iter("tr") if row.findall("td") and row.find("th") is not None
    }  # type: ignore[arg-type]  # it was looked at
    assert (
        rows | {"fedora44": "Failed", "rocky9": "Overdue", "redhat73": "Pending", "alma9": "Current", "centos-stream10": "Never updated"}
        == rows
    )
    matters = text(next(element for element in overview.iter("ul") if element.attrib.get("class") == "matters"))
    assert "no address for that name" in matters
    assert "16 errata past the target" in matters
    assert "indexed and not there" in matters


def test_a_tree_tells_what_is_pending_held_applied_and_wrong() -> None:
    page = body_of(usual(), names.tree_page("rocky9"))
    assert "needs libjava-1.8.0-openjdk-headless" not in page.partition("Held back and kept out")[0].partition("Pending errata")[0]
    held = page.partition("Held back and kept out")[2].partition("Findings")[0]
    assert "which nothing provides" in held
    assert "nothing new for 9 days" in page
    assert "38 of 62 errata that had a target met it." in page
    assert "All 34 generations" in page
    assert "local-tools" in page.partition("Updates that no erratum tells of")[2]


def test_an_advisory_says_all_that_is_known_of_it() -> None:
    page = body_of(usual(), names.erratum_page("RHSA-2002:207"))
    for said in ("Updated openssl packages fix remote vulnerabilities", "CAN-2002-0656", "an advisory text", "Revision 06", "critical"):
        assert said in page
    assert "openssl 0.9.6b-18 →to 0.9.6b-28 i386 i686 comes" in page
    assert "Pending since 2026-11-21; due 2026-11-23." in page
    assert "http://www.cert.org/advisories/CA-2002-23.html" in page


def test_an_applied_erratum_names_its_generation_and_whether_it_was_in_time() -> None:
    page = body_of(usual(), names.erratum_page("RLBA-2026:330"))
    assert "Came with generation 33, 2026-11-17 04:17; target 2026-11-05 missed." in page
    assert "What the advisory says is not kept on this machine." in page


def test_an_erratum_that_a_rollback_took_out_is_told_so() -> None:
    tree, history = standings.rocky()
    back = next(generation for generation in history if generation.back_to is not None)
    taken = next(generation for generation in history if generation.number == back.number - 1).advisories[0]
    page = body_of(rendered(site((replace(tree, applied=()), history))), names.erratum_page(taken))
    assert "Rolled back" in page
    assert "a rollback took it out" in page


def test_what_an_applied_advisory_says_comes_from_the_library() -> None:
    known = Advisory(
        "RLBA-2026:330",
        AdvisoryType.BUGFIX,
        title="bash: mended",
        description="One.\n\nTwo\nlines.",
        references=(Reference("https://errata.example.org/330", title="the advisory"), Reference("javascript:alert(1)", title="no link")),
    )
    files = rendered(standings.usual_site(), {known.id: known})
    tree = parsed(files[names.erratum_page(known.id)])
    assert "Two lines." in text(tree)
    assert [target for _, target in links(tree) if urlsplit(target).scheme] == ["https://errata.example.org/330"]


def test_a_package_has_its_versions_over_generations_and_what_is_pending() -> None:
    page = body_of(usual(), names.package_page("sudo"))
    assert "2.3-1.el9 →to 2.4-1.el9 x86_64" in page
    assert "1.4-1.el9 →to 1.6-1.el9_4 i686 x86_64 FEDORA-SA-2026:1112 comes" in page
    assert names.package_page("never-changed") not in usual()


def test_ages_and_waivers_are_those_of_the_day_the_page_is_made() -> None:
    waiver = Waiver("the lab says so", NOW.date())
    erratum = pending("X-1", [step("bash", "1-1", "2-1")], urgency=Urgency.CRITICAL, age=10, waiver=waiver)
    tree = Standing("t", "/t", "repodata", NOW - timedelta(days=2), 1, NOW, 1, 1, (erratum,))
    today = body_of(dict(render([tree], {}, {}, NOW)), names.tree_page("t"))
    tomorrow = body_of(dict(render([tree], {}, {}, NOW + timedelta(days=1))), names.tree_page("t"))
    assert "waived until 2026-11-22" in today
    assert "Overdue" in tomorrow
    assert "11 d" in tomorrow


def test_a_site_of_no_trees_says_what_to_do() -> None:
    files = dict(render([], {}, {}, NOW))
    assert "No tree has been looked at yet" in body_of(files, names.OVERVIEW)
    assert dict(pages(files))


def test_what_is_longer_than_its_page_has_a_page_of_its_own() -> None:
    tree, history = standings.rocky()
    many = replace(tree, pending=standings.pending_errata("RL", 340))
    files = rendered(site((many, history)))
    whole = parsed(files[names.pending_page("rocky9")])
    assert len(list(whole.iter("tr"))) == 341
    assert len(files[names.tree_page("rocky9")]) < 500_000
    assert "All 340 pending errata" in body_of(files, names.tree_page("rocky9"))


def test_a_list_of_errata_is_cut_into_parts() -> None:
    tree, history = standings.rocky()
    files = rendered(site((replace(tree, pending=standings.pending_errata("RL", 900)), history)))
    assert names.errata_page(2) in files
    assert "Part 2" in body_of(files, names.errata_page(1))


def test_a_huge_site_is_made_in_seconds_and_stays_small() -> None:
    """As many errata as all of RHEL 6 had: 1,448, each of 20 packages that are 3,657 in all."""
    errata = tuple(
        pending(
            f"RHSA-2012:{number}",
            [step(f"package-{(number * 5 + place) % 3657}", "1-1", "2-1", prospect=Prospect.COMES) for place in range(20)],
            urgency=Urgency(number % 5),
            age=number,
            cves=tuple(f"CVE-2012-{number}{place}" for place in range(3)),
            title="x" * 100,
            description="A flaw was found in it. " * 60,
        )
        for number in range(1448)
    )
    tree = Standing("rhel6", "/srv/rhel6", "repodata", NOW, 2, NOW, 3657, 1, errata)
    began = time.monotonic()
    files = rendered(site((tree, standings.generations(NOW - timedelta(days=300), 120, prefix="RH"))))
    assert time.monotonic() - began < 60
    assert sum(map(len, files.values())) < 60_000_000
    assert max(map(len, files.values())) < 4_000_000
    assert len(files[names.SEARCH]) < 2_000_000


def test_hostile_lengths_are_cut() -> None:
    steps = [step(f"p{number}", "1-1", "2-1") for number in range(5000)]
    erratum = pending(
        "X-1",
        steps,
        age=1,
        title="t" * 1_000_000,
        description="d" * 1_000_000,
        cves=tuple(f"CVE-1-{n}" for n in range(5000)),
        references=tuple(Reference(f"https://e.org/{n}") for n in range(5000)),
    )
    files = dict(render([Standing("t", "/t", "repodata", NOW, 1, NOW, 1, 1, (erratum,))], {}, {}, NOW))
    assert len(files[names.erratum_page("X-1")]) < 300_000
    assert len(files[names.tree_page("t")]) < 100_000


@given(st.lists(st.text(st.characters(codec=None), min_size=1, max_size=40), min_size=4, max_size=4))
@settings(max_examples=40, deadline=None)
def test_any_text_makes_a_well_formed_page_of_its_own(words: list[str]) -> None:
    name, title, package, reason = words
    steps = [step("bash", "1-1", "2-1", reason=reason, prospect=Prospect.HELD), replace(step("x", "", "1-1"), to=_named(package))]
    erratum = pending(name, steps, title=title, description=reason, cves=(title,), references=(Reference(title, name, reason, package),))
    files = dict(render([Standing("t", reason, title, NOW, 1, NOW, 1, 1, (erratum,))], {}, {}, NOW))
    for _, tree in pages(files):
        assert len(list(tree.iter("script"))) == 1
    assert names.erratum_page(name) in files
    assert names.package_page(package) in files


def _named(package: str) -> NEVRA:
    return replace(NEVRA.parse("x-1-1.noarch"), name=package)
