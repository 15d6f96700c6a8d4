"""Advisories made from the packages' changelogs, where nobody else tells what a move changes."""

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from fixtures.rpms import PackageSpec, build_rpms
from mirrorsync.model.advisory import Advisory, AdvisoryType, Told
from mirrorsync.model.changelog import ChangelogEntry
from mirrorsync.model.package import Package
from mirrorsync.model.plan import Plan
from mirrorsync.model.version import EVR
from mirrorsync.planning.changelogs import MOST_ENTRIES, curtailed, news
from mirrorsync.planning.derivation import Untold, derived, derived_id, untold, with_derived
from mirrorsync.rpmfile.changelog import changelog
from mirrorsync.rpmfile.header import read_rpm
from mirrorsync.tree.changelogs import held_changelogs
from mirrorsync.upstream.listing import ListingUpstream
from mirrorsync.upstream.memory import MirrorMemory
from mirrorsync.upstream.mirror import Mirror
from mirrorsync.upstream.transport import open_transport
from tests.corpus import CORPUS, needs_corpus
from tests.plans import MIRROR, advisory, catalogue, package, packages, plan
from tests.sites import Site, copy, redhat_site, repodata_site
from tests.trees import described, make_tree

SiteOf = Callable[[Path, list[Path], list[Path]], Site]
HELD = EVR.parse("2.05a-13")


def entry(day: str, text: str, author: str = "Somebody <some@body.example>") -> ChangelogEntry:
    return ChangelogEntry(int(datetime.fromisoformat(day).replace(hour=12, tzinfo=UTC).timestamp()), author, text)


FIRST = entry("2002-04-18", "- rebuilt")
FIX = entry("2002-09-01", "- fix a buffer overflow (CAN-2002-0651)")
LATER = entry("2002-09-03", "- new translations")


def test_the_news_are_the_entries_above_the_first_that_both_have() -> None:
    assert news((FIRST,), (LATER, FIX, FIRST), HELD) == (LATER, FIX)
    assert news((FIX, FIRST), (FIX, FIRST), HELD) == ()


def test_an_entry_that_createrepo_wrote_down_otherwise_is_the_same() -> None:
    mended = ChangelogEntry(FIRST.time + 1, "Somebody", "- rebuilt\n")
    assert news((FIRST,), (FIX, mended), HELD) == (FIX,)
    accents = entry("2002-01-01", "- für Glomsrød"), entry("2002-01-01", "- f\udcfcr Glomsr\udcf8d")
    assert news(accents[:1], (FIX, accents[1]), HELD) == (FIX,)


def test_of_another_branch_the_authors_line_tells_what_is_newer() -> None:
    branch = (entry("2003-01-01", "- b", "A B <a@b.example> 2.05a-20"), entry("2001-01-01", "- a", "A B <a@b.example> - 0:2.05a-12"))
    assert news((FIRST,), branch, HELD) == branch[:1]
    assert news((FIRST,), branch, EVR.parse("1:2.05a-13")) == branch[:1]


def test_of_another_branch_without_versions_the_younger_entries_are_the_news() -> None:
    assert news((FIX, FIRST), (LATER, entry("2002-08-01", "- other", "John Smith-Jones <j@x.example>")), HELD) == (LATER,)
    assert news((), (LATER,), HELD) == (LATER,)


def test_no_more_of_a_changelog_is_kept_than_anybody_needs() -> None:
    assert len(curtailed([FIX] * 1000)) == MOST_ENTRIES
    long = curtailed([entry("2002-01-01", "x" * 100_000, "y" * 1000)] * 50)
    assert (sum(len(each.text) for each in long), max(len(each.author) for each in long)) == (1 << 15, 200)


def bash(release: str, name: str = "bash", arch: str = "i386") -> Package:
    return package(f"{name}-2.05a-{release}.{arch}", source=f"bash-2.05a-{release}.src.rpm")


def moves(decided: Plan, held: Iterable[Package], offered: Iterable[Package]) -> tuple[Untold, ...]:
    return untold(decided, catalogue("rhl73", held), [catalogue(MIRROR, offered)])


def test_all_that_is_built_of_a_source_shares_one_advisory() -> None:
    held, offered = packages(bash("13"), bash("13", "bash-doc")), packages(bash("13.1"), bash("13.1", "bash-doc"))
    [move] = moves(plan(held, offered), held, offered)
    assert (move.id, move.held, move.offered, move.origin) == ("changelog:bash-2.05a-13.1", held[0], offered[0], MIRROR)
    assert [str(nevra) for nevra in move.packages] == ["bash-2.05a-13.1.i386", "bash-doc-2.05a-13.1.i386"]


def test_a_package_that_names_no_source_is_its_own() -> None:
    assert derived_id(package("a-1:2-3.i386")) == "changelog:a-2-3"
    assert derived_id(package("a-1:2-3.i386", source="b-1-1.nosrc.rpm")) == "changelog:b-1-1"


def test_what_an_advisory_tells_of_needs_no_other() -> None:
    held, offered = packages(bash("13")), packages(bash("13.1"))
    told = plan(held, offered, advisories=[advisory("RHSA-1", "bash-2.05a-13.1.i386")])
    assert moves(told, held, offered) == ()


def test_what_is_new_to_the_tree_makes_no_advisory_by_itself() -> None:
    held, offered = packages("a-1-1.i386"), packages(package("a-2-1.i386", requires=["b"]), "b-1-1.i386")
    assert [move.id for move in moves(plan(held, offered), held, offered)] == ["changelog:a-2-1"]


def test_a_new_epoch_alone_makes_no_advisory() -> None:
    held, offered = packages("a-1-1.i386"), packages("a-1:1-1.i386")
    decided = plan(held, offered)
    assert decided.incoming and moves(decided, held, offered) == ()


def test_what_waits_gets_its_advisory_too() -> None:
    held, offered = packages("a-1-1.i386"), packages(package("a-2-1.i386", requires=["missing"]))
    decided = plan(held, offered)
    assert decided.held and [move.id for move in moves(decided, held, offered)] == ["changelog:a-2-1"]


def told(*entries: ChangelogEntry, before: tuple[ChangelogEntry, ...] = (FIRST,)) -> Advisory | None:
    held, offered = packages(bash("13")), packages(bash("13.1"))
    [move] = moves(plan(held, offered), held, offered)
    return derived(move, before, entries)


def test_an_entry_that_names_a_cve_makes_a_security_advisory() -> None:
    made = told(LATER, FIX, FIRST)
    assert made
    assert (made.id, made.type, made.told, made.cves) == (
        "changelog:bash-2.05a-13.1",
        AdvisoryType.SECURITY,
        Told.CHANGELOG,
        ("CAN-2002-0651",),
    )
    assert (made.issued, made.title, made.severity) == (date(2002, 9, 3), "bash-2.05a-13.1: new translations", "")
    assert made.description.startswith("* 2002-09-03 Somebody <some@body.example>\n- new translations\n\n* 2002-09-01 ")
    assert [str(nevra) for nevra in made.packages] == ["bash-2.05a-13.1.i386"]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("- Fixed printing", AdvisoryType.BUGFIX),
        ("- bug 123", AdvisoryType.BUGFIX),
        ("- closes #51234", AdvisoryType.BUGFIX),
        ("- don't crash on SPARC", AdvisoryType.BUGFIX),
        ("- rebuilt", AdvisoryType.OTHER),
        ("- prefix all names", AdvisoryType.OTHER),
        ("", AdvisoryType.OTHER),
    ],
)
def test_without_a_cve_its_words_tell_a_bugfix_from_the_rest(text: str, kind: AdvisoryType) -> None:
    made = told(entry("2002-09-01", text), FIRST)
    assert made and made.type is kind


def test_a_changelog_that_tells_nothing_new_makes_no_advisory() -> None:
    assert told(FIRST) is None
    assert told() is None


def test_a_day_that_cannot_be_is_none() -> None:
    made = told(ChangelogEntry(1 << 62, "a", "- b"))
    assert made and made.issued is None and "on a day unknown" in made.description


def test_an_advisory_goes_to_the_mirror_that_offers_its_packages() -> None:
    move = Untold("changelog:a-1-1", package("a-0-1.i386"), package("a-1-1.i386"), "two", ())
    made = advisory("changelog:a-1-1", "a-1-1.i386")
    one, two = with_derived([catalogue("one", ()), catalogue("two", ())], [move], {made.id: made})
    assert (one.advisories, two.advisories) == ((), (made,))


CHANGES = """* Tue Sep 03 2002 Somebody <some@body.example> 2-1
- fix a hole (CAN-2002-0651)
* Thu Apr 18 2002 Somebody <some@body.example> 1-1
- rebuilt"""
BEFORE = CHANGES.partition("\n* Thu")[2]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    specs = (
        PackageSpec("tar", "1", arch="i386", changelog=f"* Thu{BEFORE}"),
        PackageSpec("tar", "2", arch="i386", changelog=CHANGES),
        PackageSpec("sed", "1", arch="i386"),
        PackageSpec("sed", "2", arch="i386"),
    )
    return build_rpms(specs, tmp_path_factory.mktemp("rpms"))


def test_a_headers_changelog_is_read_the_newest_entry_first(built: list[Path]) -> None:
    entries = changelog(read_rpm(built[1]).main)
    assert [each.text for each in entries] == ["- fix a hole (CAN-2002-0651)", "- rebuilt"]
    assert entries[0].author == "Somebody <some@body.example> 2-1"
    assert changelog(read_rpm(built[2]).main) == ()


@pytest.mark.parametrize("site_of", [redhat_site, repodata_site])
class TestAnUpdateWithoutAdvisories:
    def test_the_plan_names_what_the_changelogs_tell(self, site_of: SiteOf, tmp_path: Path, built: list[Path]) -> None:
        site = site_of(tmp_path, [built[0], built[2]], [built[1], built[3]])
        outcome = site.program()("update", "--dry-run", "--json")
        plan = outcome.document["trees"][0]["plan"]
        [made] = plan["advisories"]
        assert (made["id"], made["type"], made["told"], made["cves"]) == ("changelog:tar-2-1", "security", "changelog", ["CAN-2002-0651"])
        assert (made["issued"], made["title"]) == ("2002-09-03", "tar-2-1: fix a hole (CAN-2002-0651)")
        assert [entry["advisories"] for entry in plan["incoming"]] == [[], ["changelog:tar-2-1"]]

    def test_an_update_records_it_and_a_second_one_has_nothing_to_do(self, site_of: SiteOf, tmp_path: Path, built: list[Path]) -> None:
        site = site_of(tmp_path, [built[0], built[2]], [built[1], built[3]])
        program = site.program()
        assert program("update").code == 0
        assert program("history", "--json").document["trees"][0]["generations"][0]["advisories"] == ["changelog:tar-2-1"]
        assert program("update", "--json").document["trees"][0]["plan"]["advisories"] == []


class TestWithTheCorpus:
    pytestmark = needs_corpus

    def test_the_news_of_a_real_package_are_the_entries_between_its_builds(self) -> None:
        old, new = (read_rpm(CORPUS / f"rhl-era/rpms/conary-tmpwatch-{evr}.i386.rpm").main for evr in ("2.9.1-1", "2.9.7-1.1.el5.2"))
        entries = news(changelog(old), changelog(new), EVR.parse("2.9.1-1"))
        assert entries == changelog(new)[: len(entries)]
        assert (len(entries), entries[-1].author.rpartition(" ")[2]) == (13, "2.9.2-1")
        assert entries[0].author == "Miloslav Trmač <mitr@redhat.com> - 2.9.7-1.1.el5.2"


class TestWhereChangelogsAreLost:
    def test_a_repository_that_does_not_give_them_is_one_line_and_the_update_goes_on(self, tmp_path: Path, built: list[Path]) -> None:
        site = repodata_site(tmp_path, [built[0]], [built[1]])
        for path in (site.mirror / "repodata").glob("*other.xml*"):
            path.unlink()
        outcome = site.program()("update", "--json")
        [finding] = outcome.findings
        assert (outcome.code, finding["code"], outcome.tree["plan"]["advisories"]) == (4, "changelogs-unreadable", [])
        assert [entry["package"]["name"] for entry in outcome.tree["plan"]["incoming"]] == ["tar"]

    def test_a_listing_reads_again_what_its_memory_has_lost(self, tmp_path: Path, built: list[Path]) -> None:
        mirror = Mirror.at(str(copy([built[1]], tmp_path / "mirror")))
        with open_transport(mirror) as transport, MirrorMemory(tmp_path / "memory.sqlite") as memory:
            upstream = ListingUpstream(mirror, transport, memory, ("i386",))
            [offered] = upstream.read().packages
            known = upstream.changelogs([offered])
            memory.forget(upstream.places(offered))
            assert upstream.changelogs([offered]) == known
        assert [entry.text for entry in known[offered.nevra]] == ["- fix a hole (CAN-2002-0651)", "- rebuilt"]

    def test_a_file_of_the_tree_that_cannot_be_read_says_nothing(self, tmp_path: Path, built: list[Path]) -> None:
        tree = make_tree(tmp_path, [built[0], built[2]])
        held = [described(path, f"RedHat/RPMS/{path.name}") for path in (built[0], built[2])]
        (tree.path / "RedHat/RPMS" / built[2].name).unlink()
        assert {nevra.name: len(entries) for nevra, entries in held_changelogs(tree, held).items()} == {"tar": 1}
