"""EVR order is librpm's, row by row of the corpus and for whatever bytes a header may hold."""

import subprocess
import sys
from collections.abc import Callable

import pytest
import rpm
from hypothesis import assume, given
from hypothesis import strategies as st

from mirrorsync.errors import PlanError
from mirrorsync.model.package import Dependency, Sense
from mirrorsync.model.version import EVR, NEVRA
from tests.corpus import CORPUS, needs_corpus

Row = tuple[str, str, int]

# Rows that do not reach librpm as they stand, each with the reason.
NUMBERLESS_EPOCH = "EVR.parse refuses an epoch that is no number, since a pin with one is a mistake"
UNREADABLE_EVRS = {("~3:12.2.3-45", "0:1.2.3-45"): NUMBERLESS_EPOCH}
NO_NEVRA = "a part is missing: no package has such a name"
UNREADABLE_NEVRAS = {
    ("1:1-1", "0:99-99"): NO_NEVRA,
    ("1-1", "1-2"): NO_NEVRA,
    ("1-1", "1-1"): NO_NEVRA,
    ("a-1-1", "1-1"): NO_NEVRA,
    ("1-1", "1-1-a"): NO_NEVRA,
    ("1-1.aarch64", "1-1"): NO_NEVRA,
    ("1-1", "1-1.aarch64"): NO_NEVRA,
    ("a-1-1", "b-1-1"): NO_NEVRA,
}
NAMES_AS_VERSIONS = "orders two names by rpmvercmp; planning compares packages of one name only"
FOREIGN_ORDER = {
    ("python3.9-3.9.12-2.fc39.i386", "python3.11-3.11.7-2.fc39.x86_64"): NAMES_AS_VERSIONS,
    ("python3.11-3.11.7-2.fc39.x86_64", "python3.9-3.9.12-2.fc39.x86_64"): NAMES_AS_VERSIONS,
}

VERSIONS = st.text("019az.~^_", min_size=1, max_size=4)
EVRS = st.builds(EVR, st.sampled_from([None, "0", "1", "10"]), VERSIONS, st.one_of(st.just(""), VERSIONS))
HEADER_TEXTS = st.text(st.sampled_from("01a.~^-: \0é\udcff"), max_size=4)
HEADER_EVRS = st.builds(EVR, st.sampled_from([None, "", "0", "7", "x"]), HEADER_TEXTS, HEADER_TEXTS)


def rows(kind: str) -> list[Row]:
    lines = (CORPUS / "rpmvercmp.tsv").read_text().split("\n")
    table = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return [(row[1], row[2], int(row[3])) for row in table if row[0] == kind]


def version(text: str) -> EVR:
    return EVR(None, text, "")


def parts(text: str) -> EVR:
    epoch, whole, release = text.split("|")
    return EVR(epoch or None, whole, release)


def sign(left: str, right: str) -> int:
    return (left > right) - (left < right)


@pytest.mark.parametrize(("kind", "read", "count"), [("ver", version, 4697), ("evr", EVR.parse, 140), ("evr3", parts, 18)])
class TestCorpusRows:
    pytestmark = needs_corpus

    def test_every_row_compares_as_the_corpus_says_from_both_sides(
        self, kind: str, read: Callable[[str], EVR], count: int, capsys: pytest.CaptureFixture[str]
    ) -> None:
        known = [row for row in rows(kind) if row[:2] not in UNREADABLE_EVRS]
        with capsys.disabled():
            print(f"\n{kind}: {len(known)} rows compared")
        assert [row for row in known if read(row[0]).compare(read(row[1])) != row[2]] == []
        assert [row for row in known if read(row[1]).compare(read(row[0])) != -row[2]] == []
        assert len(known) >= count


class TestCorpusNames:
    pytestmark = needs_corpus

    def test_every_readable_nevra_compares_by_name_then_evr_then_architecture(self) -> None:
        unread = {**UNREADABLE_NEVRAS, **FOREIGN_ORDER}
        known = [row for row in rows("nevra") if row[:2] not in unread]
        found = [(NEVRA.parse(a), NEVRA.parse(b), expected) for a, b, expected in known]
        assert [
            (str(a), str(b))
            for a, b, expected in found
            if (sign(a.name, b.name) or a.evr.compare(b.evr) or sign(a.arch, b.arch)) != expected
        ] == []
        assert len(known) + len(unread) == 22

    @pytest.mark.parametrize("row", sorted(UNREADABLE_NEVRAS), ids=str)
    def test_a_row_that_names_no_package_is_refused(self, row: tuple[str, str]) -> None:
        with pytest.raises(PlanError, match="is not name-"):
            [NEVRA.parse(text) for text in row]

    @pytest.mark.parametrize("row", sorted(UNREADABLE_EVRS), ids=str)
    def test_a_row_with_an_epoch_that_is_no_number_is_refused(self, row: tuple[str, str]) -> None:
        with pytest.raises(PlanError, match="must be a number"):
            [EVR.parse(text) for text in row]


@given(EVRS, EVRS)
def test_order_is_librpms(left: EVR, right: EVR) -> None:
    labels = [(evr.epoch, evr.version, evr.release) for evr in (left, right)]
    assert left.compare(right) == rpm.labelCompare(*labels)
    assert (left < right, left == right, left > right) == tuple(left.compare(right) == order for order in (-1, 0, 1))


@given(HEADER_EVRS, HEADER_EVRS, HEADER_EVRS)
def test_any_text_of_a_header_has_its_place_in_one_order(first: EVR, second: EVR, third: EVR) -> None:
    assert first.compare(first) == 0 and first.compare(second) == -second.compare(first)
    try:
        labels = [(evr.epoch or None, evr.version, evr.release) for evr in (first, second)]
        assert first.compare(second) == rpm.labelCompare(*labels)
    except ValueError:
        assume(first <= second <= third)
        assert first <= third


@given(EVRS)
def test_a_missing_epoch_is_zero(evr: EVR) -> None:
    missing, zero = EVR(None, evr.version, evr.release), EVR("0", evr.version, evr.release)
    assert missing == zero and hash(missing) == hash(zero) and missing.key == zero.key


@given(EVRS.filter(lambda evr: evr.epoch != "0"))
def test_an_evr_reads_back_from_its_text(evr: EVR) -> None:
    assert EVR.parse(str(evr)) == evr


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.0", (None, "1.0", "")),
        ("2:1.0-3", ("2", "1.0", "3")),
        ("1-2-3", (None, "1-2", "3")),
        ("0:1-", ("0", "1", "")),
        (":1-2", (None, "1", "2")),
    ],
)
def test_an_evr_is_cut_at_the_first_colon_and_the_last_dash(text: str, expected: tuple[str | None, str, str]) -> None:
    evr = EVR.parse(text)
    assert (evr.epoch, evr.version, evr.release) == expected


@pytest.mark.parametrize(
    "text", ["", "bash", "bash-1", "bash-1.i386", "-1-1.i386", "bash--1.i386", "bash-1-.i386", "bash-1-1.", "bash-1-1"]
)
def test_a_text_that_lacks_a_part_is_no_nevra(text: str) -> None:
    with pytest.raises(PlanError, match="is not name-"):
        NEVRA.parse(text)


def test_a_nevra_reads_back_from_its_text_and_names_its_file_without_epoch() -> None:
    nevra = NEVRA.parse("kernel-smp-2:2.4.18-3.i686")
    assert (nevra.name, nevra.evr.epoch, nevra.arch) == ("kernel-smp", "2", "i686")
    assert str(nevra) == "kernel-smp-2:2.4.18-3.i686" and nevra.filename == "kernel-smp-2.4.18-3.i686.rpm"


@given(st.sampled_from([Sense(bits) for bits in (0, 2, 4, 8, 10, 12)]), EVRS, EVRS.filter(lambda evr: evr.release))
def test_a_dependency_means_the_versions_that_rpm_says(sense: Sense, wanted: EVR, present: EVR) -> None:
    asking = rpm.ds(("foo", int(sense), str(wanted)), rpm.RPMTAG_OBSOLETENAME)
    having = rpm.ds(("foo", int(Sense.EQUAL), str(present)), rpm.RPMTAG_PROVIDENAME)
    assert Dependency("foo", sense, wanted).matches(present) == bool(asking.Compare(having))


def test_a_dependency_without_a_version_means_every_version() -> None:
    assert Dependency("foo").matches(EVR.parse("1-1")) and str(Dependency("foo")) == "foo"
    assert str(Dependency("foo", Sense.GREATER | Sense.EQUAL, EVR.parse("1:2-3"))) == "foo >= 1:2-3"


def test_librpm_is_loaded_by_the_first_comparison_only() -> None:
    program = (
        "import sys; from mirrorsync.model.version import EVR; print('rpm' in sys.modules)\n"
        "EVR.parse('1') < EVR.parse('2'); print('rpm' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout == "False\nTrue\n"
