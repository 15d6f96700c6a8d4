"""Mirrors that go back in time, stand still, mix what they show, or lose packages: refused or told of, and taken when told to."""

import gzip
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from mirrorsync.app.vigilance import Terms, Vigil
from mirrorsync.errors import UpstreamError, VerificationError
from mirrorsync.model.advisory import Advisory, AdvisoryType
from mirrorsync.model.catalogue import Catalogue
from mirrorsync.model.choices import MetadataSignatures
from mirrorsync.model.package import Package
from mirrorsync.model.plan import Change, Incoming, Outgoing, Plan, Removal
from mirrorsync.model.version import EVR, NEVRA
from mirrorsync.model.view import Edition, Watch
from mirrorsync.planning import vigilance as rules
from mirrorsync.upstream import metadata
from mirrorsync.upstream.alternatives import Doors
from mirrorsync.upstream.mirror import Mirror
from mirrorsync.upstream.places import Places
from mirrorsync.upstream.repodata import RepodataUpstream
from tests.commands import Mirrorsync, configured
from tests.conftest import Builder
from tests.repositories import Item, Repository, primary_xml
from tests.servers import http_server
from tests.sites import Site, redhat_site, repodata_site
from tests.watched import DAY, NOW, codes, incoming, refusal, remembered, taken_out, updated

TODAY = int(NOW.timestamp())
UPDATEINFO = (
    b'<updates><update type="bugfix"><id>A-1</id><title>x</title><issued date="2020-01-01"/>'
    b'<pkglist><collection><package name="bash" version="9" release="1" arch="noarch"/></collection></pkglist></update></updates>'
)


# The rules


@pytest.mark.parametrize(
    ("shown", "last", "older"),
    [
        (Edition("a", 10, 5), Edition("b", 20, 5), True),
        (Edition("a", 20, 5), Edition("b", 10, 5), False),
        (Edition("a", 20, 1), Edition("b", 10, 9), False),  # another tool's revisions: the timestamp decides
        (Edition("a", 10, 4), Edition("b", 10, 5), True),
        (Edition("a", None, 4), Edition("b", 10, 5), True),
        (Edition("a", 10, 5), Edition("b", None, 4), False),
        (Edition("a", None, None), Edition("b", 10, 5), False),
        (Edition("a", 10, 4), Edition("a", 20, 5), False),  # the same bytes
    ],
)
def test_older_is_what_has_an_earlier_timestamp_or_else_a_smaller_revision(shown: Edition, last: Edition, *, older: bool) -> None:
    assert rules.is_older(shown, last) is older


@pytest.mark.parametrize(
    ("now", "before", "limit", "shrunk"),
    [(80, 100, 20, False), (79, 100, 20, True), (0, 1, 100, True), (0, 0, 20, False), (200, 100, 0, False), (99, 100, 0, True)],
)
def test_shrunk_is_more_than_the_limit_or_nothing_left(now: int, before: int, limit: int, *, shrunk: bool) -> None:
    assert rules.has_shrunk(now, before, limit) is shrunk


def package(name: str, *, built: int = 0) -> Package:
    return Package(NEVRA(name, EVR(None, "1", "1"), "noarch"), f"{name}.rpm", 1, built=built)


def test_what_claims_to_come_from_the_future_hides_no_standstill() -> None:
    offered = Catalogue("x", (package("a", built=TODAY - 50 * DAY), package("b", built=10**17)), edition=Edition("s", 10**17))
    assert rules.newest_of(offered, NOW) == TODAY - 50 * DAY
    assert rules.age(10**17, NOW, timedelta(days=30)) is None


def test_advisories_lag_where_the_newest_is_much_older_than_the_newest_package() -> None:
    issued, renewed = (NOW.date() - timedelta(days=days) for days in (82, 52))
    errata = (Advisory("A", AdvisoryType.BUGFIX, issued=issued, updated=renewed),)
    offered = Catalogue("x", (package("a", built=TODAY),), errata)
    assert rules.lag(offered, NOW, timedelta(days=60)) is None
    behind = rules.lag(offered, NOW, timedelta(days=30))
    assert behind is not None
    assert behind.days == 52


def test_an_advisory_of_the_future_hides_no_lag() -> None:
    issued = (NOW.date() - timedelta(days=82), NOW.date() + timedelta(days=3000))
    errata = tuple(Advisory(str(day), AdvisoryType.BUGFIX, issued=day) for day in issued)
    behind = rules.lag(Catalogue("x", (package("a", built=TODAY),), errata), NOW, timedelta(days=30))
    assert behind is not None
    assert behind.days == 82


def test_removals_count_where_nothing_takes_their_place() -> None:
    by = package("all")
    brought = Incoming(by, "mirror", Change.OBSOLETING, "obsoletes them")
    gone = tuple(Outgoing(package(name), Removal.OBSOLETED, by.nevra, "obsoleted") for name in "abc")
    renamed = Outgoing(package("d"), Removal.SUPERSEDED, by.nevra, "newer")
    assert rules.bare_removals(Plan("t", (brought,), (*gone, renamed)), set("abcd")) == {"mirror": 2}
    assert rules.bare_removals(Plan("t", (brought,), gone[:1]), set("abcd")) == {"mirror": 0}


def test_a_name_that_the_tree_had_takes_no_other_name_s_place() -> None:
    by = package("bash")
    newer = Incoming(by, "mirror", Change.UPGRADE, "newer")
    gone = (Outgoing(package("zip"), Removal.OBSOLETED, by.nevra, "obsoleted"),)
    assert rules.bare_removals(Plan("t", (newer,), gone), {"bash", "tar", "zip"}) == {"mirror": 1}


# One upstream, from run to run


class Watched:
    """A repository at several places, looked at as runs do: each with a memory of what the ones before showed."""

    def __init__(self, folder: Path, watch: Watch = Watch()) -> None:  # noqa: B008  a value that never changes
        self.folder = folder
        self.watch = watch

    def vigil(self, *, accepting: bool = False) -> Vigil:
        terms = Terms(MetadataSignatures.IF_PRESENT)
        return Vigil(self.folder / "view.json", self.watch, terms, ("x86_64",), NOW, accepting=accepting)

    @contextmanager
    def opened(self, *urls: str, accepting: bool = False) -> Iterator[RepodataUpstream]:
        mirror = replace(Mirror.at(urls[0]), name="mirror")
        vigil = self.vigil(accepting=accepting)
        with Doors(mirror) as doors:
            upstream = RepodataUpstream(mirror, doors, self.folder / "cache", ("x86_64",), Places(urls), vigil)
            yield upstream
            vigil.examine(upstream.read())
            vigil.remember()

    def names(self, *urls: str, accepting: bool = False) -> list[str]:
        """The packages of one run, which is remembered."""
        with self.opened(*urls, accepting=accepting) as upstream:
            return [package.name for package in upstream.read().packages]


def repository(folder: Path, name: str, *, timestamp: int | None = None, revision: int = 1) -> Repository:
    made = Repository(folder, {"primary": primary_xml(Item(name))}, timestamp=timestamp, revision=str(revision))
    made.write()
    return made


@pytest.mark.parametrize("dated", [{"timestamp": TODAY - DAY}, {"revision": 7}])
def test_an_older_repomd_is_refused_with_both_dates_and_what_to_do(dated: dict[str, int], tmp_path: Path) -> None:
    new = repository(tmp_path / "new", "new", **{key: value + 3 for key, value in dated.items()})
    old = repository(tmp_path / "old", "old", **dated)
    watched = Watched(tmp_path)
    with http_server(tmp_path / "mirror") as web:
        shutil.copytree(new.root, tmp_path / "mirror")
        assert watched.names(web.url) == ["new"]
        shutil.rmtree(tmp_path / "mirror")
        shutil.copytree(old.root, tmp_path / "mirror")
        with pytest.raises(UpstreamError) as raised:
            watched.names(web.url)
        assert watched.names(web.url, accepting=True) == ["old"]
        assert watched.names(web.url) == ["old"]  # the memory starts from there
    line = str(raised.value)
    assert line.startswith(f"{web.url}/repodata/repomd.xml: has gone back to ")
    assert f"seen on {NOW:%Y-%m-%d}" in line
    assert "--accept-upstream" in line
    assert "\n" not in line


def test_a_place_that_is_behind_is_passed_over_for_one_that_is_not(tmp_path: Path) -> None:
    old, new = repository(tmp_path / "a", "old", timestamp=TODAY - DAY), repository(tmp_path / "b", "new", timestamp=TODAY)
    watched = Watched(tmp_path)
    with http_server(old.root) as first, http_server(new.root) as second:
        assert watched.names(second.url) == ["new"]
        assert watched.names(first.url, second.url) == ["new"]
        shutil.rmtree(tmp_path / "cache")  # disposable: the memory is not in it
        assert watched.names(first.url, second.url) == ["new"]


def test_a_repomd_that_was_kept_and_is_unchanged_is_held_against_the_memory_too(tmp_path: Path) -> None:
    mirror = repository(tmp_path / "mirror", "old", timestamp=TODAY - DAY)
    watched = Watched(tmp_path)
    with http_server(mirror.root) as web:
        with watched.opened(web.url):
            pass
        document = json.loads((tmp_path / "view.json").read_text())
        document["edition"] |= {"timestamp": TODAY, "sha256": "0" * 64}
        (tmp_path / "view.json").write_text(json.dumps(document))
        with pytest.raises(UpstreamError, match="has gone back"):
            watched.names(web.url)
    assert "If-None-Match" in web.requests[-1].headers


def test_a_timestamp_of_the_future_does_not_make_all_that_follows_look_old(tmp_path: Path) -> None:
    mirror = repository(tmp_path / "mirror", "one", timestamp=TODAY - DAY)
    watched = Watched(tmp_path)
    watched.names(mirror.root.as_uri())
    for name, timestamp in (("two", TODAY + 400 * DAY), ("three", TODAY)):
        mirror.files["primary"], mirror.timestamp = primary_xml(Item(name)), timestamp
        mirror.write()
        assert watched.names(mirror.root.as_uri()) == [name]


def test_nor_does_one_that_was_the_first_ever_seen(tmp_path: Path) -> None:
    mirror = repository(tmp_path / "mirror", "one", timestamp=TODAY + 400 * DAY, revision=99)
    watched = Watched(tmp_path)
    watched.names(mirror.root.as_uri())
    mirror.files["primary"], mirror.timestamp, mirror.revision = primary_xml(Item("two")), TODAY, "1"
    mirror.write()
    assert watched.names(mirror.root.as_uri()) == ["two"]


def test_that_it_was_signed_is_remembered_of_one_that_is_dated_ahead_too(tmp_path: Path) -> None:
    file, edition = tmp_path / "view.json", Edition("a", TODAY + 400 * DAY, 99, signed=True)
    terms = Terms(MetadataSignatures.IF_PRESENT, lambda _content, _signature: "f")
    for before in (Edition("b", TODAY, 1), None):
        file.unlink(missing_ok=True)
        for shown in (before, edition):
            vigil = Vigil(file, Watch(), terms, ("x86_64",), NOW, accepting=False)
            vigil.examine(Catalogue("x", (package("a"),), edition=shown))
            vigil.remember()
        with pytest.raises(VerificationError, match="was signed when it was last taken"):
            Vigil(file, Watch(), terms, ("x86_64",), NOW, accepting=False).vouch(b"", None)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff", b'{"edition": null, "packages": "7", "arches": [], "seen": "x"}'])
def test_a_damaged_memory_is_as_none(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "view.json").write_bytes(content)
    assert Watched(tmp_path).names(repository(tmp_path / "mirror", "a").root.as_uri()) == ["a"]


def test_other_places_are_asked_only_where_the_first_stands_still_and_the_newest_is_used(tmp_path: Path) -> None:
    ages = {"a": 50, "b": 40, "c": 60}
    roots = [repository(tmp_path / name, name, timestamp=TODAY - days * DAY).root for name, days in ages.items()]
    with ExitStack() as stack:
        servers = [stack.enter_context(http_server(root)) for root in roots]
        urls = [server.url for server in servers]
        assert Watched(tmp_path / "calm", Watch(timedelta(days=55))).names(*urls) == ["a"]
        assert [len(server.requests) for server in servers] == [2, 0, 0]
        assert Watched(tmp_path / "alert", Watch(timedelta(days=30))).names(*urls) == ["b"]


# Metadata of two times


def filelists(name: str) -> bytes:
    return f'<filelists packages="1"><package pkgid="{"a" * 64}" name="{name}"><file>/opt/{name}</file></package></filelists>'.encode()


KINDS = ("primary", "filelists", "updateinfo", "modules", "group")
READ: dict[str, Callable[[RepodataUpstream], object]] = {
    "filelists": lambda upstream: upstream.with_paths(upstream.read(), frozenset({"/opt/bash"})),
    "group": lambda upstream: upstream.metadata("group"),
}


@pytest.fixture
def mixed(tmp_path: Path) -> Repository:
    """A repository whose repomd.xml names all kinds of metadata."""
    modules = b"document: modulemd\nversion: 2\ndata:\n  name: m\n  stream: s\n"
    files = {"primary": primary_xml(Item("bash")), "filelists": filelists("bash"), "updateinfo": UPDATEINFO, "modules": modules}
    made = Repository(tmp_path / "mirror", {**files, "group": b"<comps/>"})
    made.write()
    return made


def spoil(repository: Repository, kind: str) -> None:
    """A file of the same length and another time."""
    path = repository.metadata_file(kind)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("kind", KINDS)
def test_metadata_of_another_time_is_asked_for_once_more_with_a_new_repomd_and_then_refused(
    kind: str, mixed: Repository, tmp_path: Path
) -> None:
    spoil(mixed, kind)
    refused = pytest.raises(UpstreamError, match=r"repomd\.xml says")
    with http_server(mixed.root) as web, refused as raised, Watched(tmp_path).opened(web.url) as upstream:
        READ.get(kind, RepodataUpstream.read)(upstream)
    assert mixed.metadata_file(kind).name in str(raised.value)
    assert len(web.asked("/repodata/repomd.xml")) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_metadata_that_changes_while_it_is_read_is_read_anew(kind: str, mixed: Repository, tmp_path: Path) -> None:
    with http_server(mixed.root) as web, Watched(tmp_path).opened(web.url) as upstream:
        upstream.revision()
        if kind in READ:
            upstream.read()
        mixed.metadata_file(kind).unlink()
        mixed.files[kind] += b"\n"
        mixed.write()
        assert READ.get(kind, RepodataUpstream.read)(upstream)


def test_lists_of_files_that_belong_to_other_packages_are_refused(mixed: Repository, tmp_path: Path) -> None:
    with http_server(mixed.root) as web, Watched(tmp_path).opened(web.url) as upstream:
        catalogue = upstream.read()
        mixed.metadata_file("filelists").unlink()
        mixed.files |= {"primary": primary_xml(Item("other")), "filelists": filelists("other")}
        mixed.write()
        with pytest.raises(UpstreamError, match="changed while it was read; run again"):
            upstream.with_paths(catalogue, frozenset({"/opt/bash"}))


# Whole updates


@pytest.fixture(params=["redhat", "rocky"])
def site(request: pytest.FixtureRequest, tmp_path: Path, rpm: Builder) -> Site:
    """A tree of both layouts, at bash-3 by its one update, whose mirror has five packages."""
    names = ("zsh", "ed", "words", "tar")
    make = redhat_site if request.param == "redhat" else repodata_site
    made = make(tmp_path, [rpm("bash", "1"), rpm("tar", "1")], [rpm("bash", "3"), *(rpm(name, "1") for name in names)])
    assert incoming(updated(made.program())) == ["bash-3-1.noarch"]
    return made


def offer_only(site: Site, *files: Path) -> None:
    """Let the mirror have these packages and no others."""
    shutil.rmtree(site.mirror)
    site.mirror.mkdir()
    site.offer(*files)


def test_an_older_package_is_never_taken(site: Site, rpm: Builder) -> None:
    offer_only(site, *(rpm(name, version) for name, version in (("bash", "2"), ("zsh", "1"), ("ed", "1"), ("words", "1"), ("tar", "1"))))
    outcome = updated(site.program())
    assert (outcome.plan.incoming, outcome.plan.outgoing) == ((), ())


def test_a_mirror_that_lost_too_much_is_refused_with_both_numbers_until_told_otherwise(site: Site, rpm: Builder) -> None:
    offer_only(site, rpm("bash", "4"), rpm("zsh", "1"))
    line = refusal(site.program())
    assert "offers 2 packages, 5 when it was last taken: more than shrink_limit = 20 per cent fewer" in line
    assert "--accept-upstream" in line
    assert incoming(updated(site.program(), accepting=True)) == ["bash-4-1.noarch"]
    assert codes(updated(site.program())) == []


def test_that_what_a_mirror_showed_before_is_lost_is_told_once(site: Site, rpm: Builder) -> None:
    program = site.program()
    updated(program)
    [memory] = remembered(site.state)
    memory.write_text("{")
    site.offer(rpm("tar", "2"))
    assert codes(updated(program)) == ["view-lost"]
    site.offer(rpm("tar", "3"))
    assert codes(updated(program)) == []
    memory.write_text("")
    assert codes(updated(program)) == ["view-lost"]  # though nothing is to be done
    assert codes(updated(program)) == []


def test_a_mirror_that_lists_nothing_any_more_is_refused(site: Site) -> None:
    offer_only(site)
    program = site.program(more="")
    program.config.write_text(program.config.read_text() + "shrink_limit = 100\n")
    assert "offers no packages, 5 when it was last taken" in refusal(program)


def test_a_limit_that_is_configured_holds(site: Site, rpm: Builder) -> None:
    offer_only(site, rpm("bash", "4"), rpm("zsh", "1"))
    program = site.program()
    program.config.write_text(program.config.read_text() + "shrink_limit = 60\n")
    assert incoming(updated(program)) == ["bash-4-1.noarch"]


def test_other_architectures_are_no_loss(site: Site) -> None:
    program = site.program()
    program.config.write_text(program.config.read_text().replace('arches = ["i386"]', 'arches = ["i686"]'))
    [memory] = remembered(site.state)
    memory.write_text(memory.read_text().replace('"packages": 5', '"packages": 500'))
    assert codes(updated(program)) == []


def test_a_dry_run_shows_what_would_be_taken_and_does_not_take_it(site: Site, rpm: Builder) -> None:
    offer_only(site, rpm("bash", "4"))
    assert incoming(updated(site.program(), accepting=True, dry=True)) == ["bash-4-1.noarch"]
    assert "shrink_limit" in refusal(site.program())


def test_a_plan_saved_with_the_option_is_applied_with_it(site: Site, rpm: Builder, tmp_path: Path) -> None:
    offer_only(site, rpm("bash", "4"))
    program, plan = site.program(), tmp_path / "plan.json"
    assert program("update", "--dry-run", "--accept-upstream", "--save", str(plan)).code == 0
    assert program("update").code == 1
    assert program("apply", str(plan)).code == 0
    assert program("update").code == 0


def test_a_refused_mirror_ends_the_command_with_one_line_and_the_old_tree(site: Site, rpm: Builder) -> None:
    offer_only(site, rpm("bash", "4"))
    refused = site.program()("update")
    assert (refused.code, len(refused.err.splitlines())) == (1, 1)
    assert list(site.tree.rglob("bash-3-1.noarch.rpm"))
    assert not list(site.tree.rglob("bash-4*"))


def test_a_package_that_would_take_much_of_the_tree_out_is_refused_until_told_otherwise(tmp_path: Path, rpm: Builder) -> None:
    site = redhat_site(tmp_path, [rpm(name, "1") for name in ("ed", "tar", "words", "zsh")], [])
    site.offer(rpm("all", "1", obsoletes=["ed", "tar", "words"]))
    line = refusal(site.program())
    assert "would take 2 of the tree's 4 names out" in line
    assert "--accept-upstream" in line
    assert incoming(updated(site.program(), accepting=True)) == ["all-1-1.noarch"]


def stale(program: Mirrorsync, days: int) -> Mirrorsync:
    program.config.write_text(program.config.read_text() + f'stale_after = "{days}d"\n')
    return program


def test_a_mirror_that_stands_still_is_told_of_when_its_time_has_come_though_nothing_changes(site: Site) -> None:
    program = stale(site.program(), 30)
    now = max(file.stat().st_mtime for file in site.mirror.rglob("*") if file.is_file())
    begin = NOW.fromtimestamp(now + DAY, NOW.tzinfo)
    assert codes(updated(program, begin)) == []
    assert codes(updated(program, begin + timedelta(days=20))) == []
    outcome = updated(program, begin + timedelta(days=40))
    assert codes(outcome) == ["upstream-frozen"]
    assert any("nothing that is younger than 4" in finding.what for finding in outcome.findings)


def test_the_mirrors_of_repo_files_may_stand_still_for_as_long_as_the_tree_says(tmp_path: Path, rpm: Builder) -> None:
    rocky = repodata_site(tmp_path, [rpm("bash", "1")], [rpm("bash", "2")])
    (tmp_path / "x.repo").write_text(f"[x]\nname=x\nbaseurl={rocky.mirror.as_uri()}/\ngpgcheck=0\n")
    found = {}
    for days in (30, 50):
        more = f'updates_from = ["{tmp_path}/x.repo"]\nstale_after = "{days}d"'
        program = configured(tmp_path, rocky.tree, "", layout="repodata", more=more)
        now = max(file.stat().st_mtime for file in rocky.mirror.rglob("*") if file.is_file())
        found[days] = codes(updated(program, NOW.fromtimestamp(now + 40 * DAY, NOW.tzinfo), dry=True))
    assert found == {30: ["upstream-frozen"], 50: []}


def test_errata_that_lag_behind_are_told_of(tmp_path: Path, rpm: Builder) -> None:
    mirror = Repository(tmp_path / "mirror", {"primary": primary_xml(Item("bash")), "updateinfo": UPDATEINFO}, timestamp=TODAY)
    mirror.write()
    site = replace(repodata_site(tmp_path, [rpm("tar", "1")], []), mirror=mirror.root)
    mirror.write()  # over createrepo_c's
    outcome = updated(stale(site.program(), 30))
    [finding] = [finding for finding in outcome.findings if finding.code == "advisories-lag"]
    assert "1413 days older than its newest package" in finding.what


def test_a_run_with_nothing_to_do_asks_no_more_than_before(tmp_path: Path, rpm: Builder) -> None:
    site = repodata_site(tmp_path, [rpm("bash", "2")], [rpm("bash", "2")])
    with http_server(site.mirror) as web:
        program = stale(site.program(web.url), 3650)
        updated(program)
        web.requests.clear()
        updated(program)
        assert web.lines() == ["GET /repodata/repomd.xml"]


# Checks taken out: each of the attacks gets through then


def test_without_the_rule_of_age_a_replay_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken_out(monkeypatch, rules.is_older, lambda _shown, _last: False)
    mirror = repository(tmp_path / "mirror", "new", timestamp=TODAY)
    watched = Watched(tmp_path)
    watched.names(mirror.root.as_uri())
    mirror.files["primary"], mirror.timestamp = primary_xml(Item("old")), TODAY - DAY
    mirror.write()
    assert watched.names(mirror.root.as_uri()) == ["old"]


def test_without_the_checksums_metadata_of_two_times_is_mixed(mixed: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken_out(monkeypatch, metadata._verified, lambda _record, chunks, _source: chunks)
    mixed.metadata_file("primary").write_bytes(gzip.compress(primary_xml(Item("bald")), mtime=0))
    assert Watched(tmp_path).names(mixed.root.as_uri()) == ["bald"]


def test_without_the_limit_a_mass_deletion_is_taken(site: Site, rpm: Builder, monkeypatch: pytest.MonkeyPatch) -> None:
    taken_out(monkeypatch, rules.has_shrunk, lambda _now, _before, _limit: False)
    offer_only(site, rpm("bash", "4"))
    assert incoming(updated(site.program())) == ["bash-4-1.noarch"]


def test_without_the_rule_of_removals_a_tree_is_emptied(tmp_path: Path, rpm: Builder, monkeypatch: pytest.MonkeyPatch) -> None:
    taken_out(monkeypatch, rules.is_mass_removal, lambda _removed, _names, _limit: False)
    site = redhat_site(tmp_path, [rpm(name, "1") for name in ("ed", "tar", "words")], [rpm("all", "1", obsoletes=["ed", "tar", "words"])])
    assert len(updated(site.program()).plan.outgoing) == 3


def test_without_the_rule_of_standing_still_nobody_hears_of_it(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    taken_out(monkeypatch, rules.age, lambda _made, _now, _limit: None)
    assert codes(updated(stale(site.program(), 30), NOW + timedelta(days=4000))) == []
