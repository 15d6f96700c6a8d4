"""The bounds that a mirror's answers are read within, and the door that its names go through, each by itself."""

import io
import time
import tracemalloc
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirrorsync.errors import TreeError, UpstreamError, VerificationError
from mirrorsync.files import contained
from mirrorsync.model.catalogue import Catalogue
from mirrorsync.model.finding import MOST_ALIKE, Finding, Severity, curtailed
from mirrorsync.model.package import Digest, Package
from mirrorsync.model.version import EVR, NEVRA
from mirrorsync.planning.lookalikes import without_lookalikes
from mirrorsync.rpmfile.header import ENTRY, INTRO, MAGIC
from mirrorsync.rpmfile.tags import Kind, Tag
from mirrorsync.trust.signatures import claims
from mirrorsync.upstream import body, losses
from mirrorsync.upstream.arrival import require_planned_header
from mirrorsync.upstream.body import Body, HeadReader, collected
from mirrorsync.upstream.losses import Losses
from mirrorsync.upstream.modules import read_modules
from mirrorsync.upstream.repomd import Record
from mirrorsync.upstream.xmlstream import open_document, require_harmless

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

LEAD = b"\xed\xab\xee\xdb" + bytes(92)
COMPS = b'<?xml version="1.0"?>\n<!DOCTYPE comps PUBLIC "-//Red Hat, Inc.//DTD Comps info//EN" "comps.dtd">\n<comps><group/></comps>'


class TestHeaders:
    """Of packages that nobody has verified yet."""

    def test_one_that_is_too_long_is_not_read(self, tmp_path: Path) -> None:
        file = tmp_path / "long.rpm"
        with file.open("wb") as writing:
            writing.write(LEAD + INTRO.pack(MAGIC, 0, 0) + INTRO.pack(MAGIC, 0, 100 << 20))
            writing.truncate(101 << 20)
        tracemalloc.start()
        with pytest.raises(VerificationError, match=r"its header claims to be .* more than 67108864 are not read; not taken"):
            require_planned_header(file, replace(package("long.rpm"), size=101 << 20))
        assert claims(file) == ()
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
        tracemalloc.stop()

    def test_one_of_more_dependencies_than_any_package_has_is_not_read(self, tmp_path: Path) -> None:
        count = 200_000
        texts = {1000: b"bash", 1001: b"2", 1002: b"1", 1022: b"noarch", 1044: b"bash.src.rpm"}
        store, entries = bytearray(), []
        for tag, text in texts.items():
            entries.append(ENTRY.pack(tag, Kind.STRING, len(store), 1))
            store += text + b"\0"
        entries.append(ENTRY.pack(Tag.OBSOLETENAME, Kind.STRINGS, len(store), count))
        store += b"x\0" * count
        header = INTRO.pack(MAGIC, len(entries), len(store)) + b"".join(entries) + store
        (tmp_path / "many.rpm").write_bytes(LEAD + INTRO.pack(MAGIC, 0, 0) + header)
        with pytest.raises(VerificationError, match="it claims 200000 dependencies of one kind; more than 131072 are not read"):
            require_planned_header(tmp_path / "many.rpm", package("many.rpm"))


class TestNames:
    @pytest.mark.parametrize("name", ["a.rpm", "a/b.rpm", "x-1.0~rc1-1.noarch.rpm", "café.rpm", "a b.rpm", "...", ".hidden", "x" * 255])
    def test_plain_ones_lie_below_their_root(self, name: str) -> None:
        assert contained(Path("/root"), name) == Path("/root") / name

    @pytest.mark.parametrize(
        "name",
        ["", ".", "..", "/", "/etc", "a//b", "a/", "./a", "../a", "a/../b", "a\\b", "a\0", "a\nb", "a\tb", "\x1b[2J", "\u202ea", "\udce9",
         "\u2028", "-rf", "a/-rf", "~", "~root/a", "x" * 256, "é" * 128, "/".join(["d" * 200] * 25)],
    )  # fmt: skip
    def test_others_are_refused(self, name: str) -> None:
        with pytest.raises(TreeError, match="refused"):
            contained(Path("/root"), name)

    @given(st.text())
    def test_what_passes_leads_nowhere_else_and_is_one_line(self, name: str) -> None:
        try:
            path = contained(Path("/root"), name)
        except TreeError:
            return
        assert path.is_relative_to("/root")
        assert ".." not in path.parts
        assert name.isprintable()


def offered(*names: str, nevra: str = "bash") -> Catalogue:
    return Catalogue("a mirror", tuple(package(name, nevra) for name in names))


def package(location: str, name: str = "bash") -> Package:
    return Package(NEVRA(name, EVR(None, "2", "1"), "noarch"), location, 1, None, "", built=0)


def kept(catalogue: Catalogue, present: Sequence[str] = ()) -> tuple[list[str], list[str]]:
    found = without_lookalikes(catalogue, present)
    return [one.location for one in found.packages], [finding.where for finding in found.findings]


class TestLookalikes:
    def test_a_file_of_the_tree_stays_and_what_looks_like_it_is_refused(self) -> None:
        assert kept(offered("BASH-2-1.noarch.rpm"), ["bash-2-1.noarch.rpm"]) == ([], ["a mirror/BASH-2-1.noarch.rpm"])

    def test_of_two_offered_the_one_stays_that_is_called_what_its_header_says(self) -> None:
        names = ("BASH-2-1.noarch.rpm", "bash-2-1.noarch.rpm")
        assert kept(offered(*names)) == (["bash-2-1.noarch.rpm"], ["a mirror/BASH-2-1.noarch.rpm"])

    def test_names_that_are_one_to_whoever_normalises_are_alike(self) -> None:
        composed, taken_apart = (unicodedata.normalize(form, "caf\u00e9.rpm") for form in ("NFC", "NFD"))
        assert kept(offered(composed), [taken_apart]) == ([], [f"a mirror/{composed}"])

    def test_the_same_name_in_two_folders_is_no_lookalike(self) -> None:
        assert kept(offered("a/bash-2-1.noarch.rpm", "b/bash-2-1.noarch.rpm"))[1] == []

    def test_what_the_tree_has_under_both_names_may_come_under_both(self) -> None:
        names = ["BASH-2-1.noarch.rpm", "bash-2-1.noarch.rpm"]
        assert kept(offered(*names), names) == (names, [])


class TestReplies:
    def reader(self, monkeypatch: pytest.MonkeyPatch, seconds: float) -> HeadReader:
        monkeypatch.setattr(body, "LONGEST_HEAD", seconds)
        return HeadReader(_Endless())

    def test_a_head_without_end_is_given_up_by_its_size(self, monkeypatch: pytest.MonkeyPatch) -> None:
        reader = io.BufferedReader(self.reader(monkeypatch, 60))
        with reader, reader.raw.head(), pytest.raises(OSError, match="a reply without end"):
            while reader.read(1000):
                pass

    def test_a_head_that_takes_too_long_is_given_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with self.reader(monkeypatch, -1) as reader, reader.head(), pytest.raises(TimeoutError):
            reader.read(1)

    def test_what_follows_the_head_may_take_its_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with self.reader(monkeypatch, -1) as reader:
            with reader.head():
                pass
            assert reader.read(10) == b"x" * 10

    def test_what_announces_no_size_has_a_quarter_of_an_hour(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(body, "LONGEST_COLLECTION", 0.0)
        with pytest.raises(UpstreamError, match="u: not whole after 0 seconds; given up: try later or another mirror"):
            collected(Body(_slowly()), "u", 100)


def _slowly() -> Iterator[bytes]:
    time.sleep(0.01)
    yield b"x"


class _Endless(io.RawIOBase):
    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer)
        view[:] = b"x" * len(view)
        return len(view)


class TestLosses:
    def lost(self, number: int, url: str = "http://mirror/x.rpm") -> Losses:
        found = Losses()
        for _ in range(number):
            found.begin(url)
            found.add(url, UpstreamError(f"{url}: it broke off"))
        return found

    def test_a_host_that_gives_nothing_for_long_is_given_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(losses, "LONGEST_SILENCE", -1.0)
        found = self.lost(8)
        with pytest.raises(UpstreamError, match="http://mirror: given up, for 8 packages in a row did not come; run again later"):
            found.begin("http://mirror/y.rpm")
        found.begin("http://other/y.rpm")

    def test_one_that_breaks_off_quickly_is_asked_on(self) -> None:
        self.lost(100).begin("http://mirror/y.rpm")

    def test_any_answer_ends_the_row(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(losses, "LONGEST_SILENCE", -1.0)
        found = self.lost(7)
        found.end("http://mirror/y.rpm")
        found.begin("http://mirror/y.rpm")


class TestMetadata:
    def test_unpacks_to_a_hundredfold_at_most_whatever_repomd_says(self) -> None:
        record = Record("primary", "p.gz", Digest("sha256", "a" * 64), size=10 << 20, open_size=10 << 30)
        assert record.open_size_limit == (16 << 20) + 100 * (10 << 20)
        assert replace(record, open_size=5).open_size_limit == 5

    @pytest.mark.parametrize(
        ("xml", "fault"),
        [
            (b"<a>" + b"<b/>" * 300_001, "more than 300000 entries"),
            (b"<a><b>" + b"<c/>" * 500_001, "more than 500000 others"),
            (b"<a><b c='" + b"x" * 4_000_000, "more than 2 MiB"),
            (b"<a>" * 65, "nested more than 64 deep"),
        ],
    )
    def test_of_more_than_any_repository_has_is_refused(self, xml: bytes, fault: str) -> None:
        chunks = (xml[start : start + 4096] for start in range(0, len(xml), 4096))
        with pytest.raises(UpstreamError, match=f"x: .*{fault}.*; refused: use another mirror, and tell its owner"):
            list(open_document(chunks, None, source="x")[1])

    def test_a_document_type_alone_does_no_harm(self) -> None:
        require_harmless(COMPS, source="comps")

    @pytest.mark.parametrize(
        ("xml", "fault"),
        [
            (COMPS.replace(b'"comps.dtd"', b'"comps.dtd" [<!ENTITY a "b">]'), "declares entities"),
            (b"<a>" * 65 + b"</a>" * 65, "nested more than 64 deep"),
            (b"<comps>", "not well-formed"),
        ],
    )
    def test_what_would_harm_whoever_reads_it_is_not_passed_on(self, xml: bytes, fault: str) -> None:
        with pytest.raises(UpstreamError, match=f"comps: .*{fault}"):
            require_harmless(xml, source="comps")

    def test_aliases_are_read_and_aliases_of_aliases_refused(self) -> None:
        assert read_modules(b"a: &a [x]\nb: [*a, *a]\n", source="m") == {}
        with pytest.raises(UpstreamError, match="m: has aliases of aliases; refused: use another mirror"):
            read_modules(b"a: &a [x]\nb: &b [*a, *a]\n", source="m")


@given(st.lists(st.sampled_from("abc"), max_size=100))
def test_no_more_findings_of_a_kind_are_told_than_somebody_will_read(codes: list[str]) -> None:
    found = curtailed(Finding(Severity.WARNING, code, str(number), "odd", "look") for number, code in enumerate(codes))
    for code in "abc":
        same, shown = codes.count(code), [finding for finding in found if finding.code == code]
        assert len(shown) == min(same, MOST_ALIKE)
        assert bool(shown) and shown[-1].what.endswith(f"and {same - MOST_ALIKE} more like this") if same > MOST_ALIKE else True
