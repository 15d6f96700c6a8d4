"""hdlist and hdlist2: as the period's tool wrote them, and read more strictly than the installer reads them."""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.rpms import PackageSpec, build_rpms
from mirrorsync.errors import HeaderError
from mirrorsync.rpmfile.header import RpmHeaders, Value, parse_header, read_rpm
from mirrorsync.rpmfile.serial import numbers, serialize, text, texts
from mirrorsync.rpmfile.tags import Kind, Tag
from mirrorsync.tree.hdlist import HdlistRecord, assemble, make_record, matcher_base, read_hdlist, read_pair
from mirrorsync.tree.hdlist.filelist import FileList, read_file_list, split_paths
from mirrorsync.tree.hdlist.tags import HdlistTag
from tests.corpus import CORPUS, needs_corpus

DIGEST_TOOL = CORPUS.parent / "tools" / "hdlist_digest.py"
REFERENCE_FOLDERS = (
    "cavaliergopher+rpm", "rpm-software-management+rpm", "rpm-software-management+createrepo_c", "rpm-software-management+librepo",
    "pulp+pulp-fixtures", "debian-src-dnf", "SUSE+rmt",
)  # fmt: skip
SHELL = PackageSpec("shell", "1.0", files={"/bin/sh": "x", "/bin/other": "y", "/usr/share/doc/sh": "z"})
SCRIPT = PackageSpec("script", "2.0", requires=["/bin/sh"], files={"/usr/bin/script": "x"})
EMPTY = PackageSpec("empty", "3.0")


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> list[HdlistRecord]:
    paths = build_rpms([EMPTY, SCRIPT, SHELL], tmp_path_factory.mktemp("rpms"))
    return [made(path) for path in sorted(paths)]


def made(path: Path) -> HdlistRecord:
    return make_record(read_rpm(path), path.name, path.stat().st_size)


def package(values: dict[int, Value] | None = None, signature: dict[int, Value] | None = None) -> RpmHeaders:
    words = {Tag.NAME: b"old", Tag.VERSION: b"1", Tag.RELEASE: b"2", Tag.ARCH: b"i386", Tag.SOURCERPM: b"old-1-2.src.rpm"}
    named: dict[int, Value] = {tag: text(word) for tag, word in words.items()}
    main = parse_header(serialize({**named, **(values or {})}))
    return RpmHeaders(parse_header(serialize(signature or {})), main, 0, len(main.blob))


def joined(pairs: Iterable[tuple[bytes, bytes]]) -> tuple[bytes, bytes]:
    both = list(pairs)
    return b"".join(main for main, _ in both), b"".join(files for _, files in both)


def digests(folder: Path) -> list[str]:
    command = [sys.executable, str(DIGEST_TOOL), str(folder / "hdlist"), str(folder / "hdlist2")]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def written(folder: Path, pairs: Iterable[tuple[bytes, bytes]]) -> Path:
    folder.mkdir()
    for name, content in zip(("hdlist", "hdlist2"), joined(pairs), strict=True):
        (folder / name).write_bytes(content)
    return folder


def test_what_is_assembled_is_read_back(records: list[HdlistRecord]) -> None:
    entries = read_pair(*joined(assemble(records, base=1000, discs=[1, 1, 2], order={"shell-1.0-1.noarch.rpm": 5})))
    assert [entry.filename for entry in entries] == ["empty-3.0-1.noarch.rpm", "script-2.0-1.noarch.rpm", "shell-1.0-1.noarch.rpm"]
    assert [(entry.matcher, entry.disc, entry.order) for entry in entries] == [(1000, 1, None), (1001, 1, None), (1002, 2, 5)]
    assert [entry.nevra.evr.version for entry in entries] == ["3.0", "2.0", "1.0"]


def test_only_files_that_some_package_requires_are_in_hdlist(records: list[HdlistRecord]) -> None:
    headers = [parse_header(main) for main, _ in assemble(records, base=1)]
    assert [list(read_file_list(header).paths()) for header in headers] == [[], [], [b"/bin/sh"]]
    assert headers[2].integers(Tag.FILEFLAGS) == (0,)


def test_nothing_is_put_back_once_no_package_requires_it(records: list[HdlistRecord]) -> None:
    without_script = [record for record in records if not record.filename.startswith("script")]
    assert all(Tag.BASENAMES not in parse_header(main).entries for main, _ in assemble(without_script, base=1))


@given(disc=st.none() | st.integers(1, 9), order=st.none() | st.integers(0, 9999))
def test_numbers_slipped_in_are_where_a_fresh_record_would_have_them(disc: int | None, order: int | None) -> None:
    record = make_record(package(), "old-1-2.i386.rpm", 99)
    discs = None if disc is None else [disc]
    places = None if order is None else {record.filename: order}
    [(main, _)] = assemble([record], base=7, discs=discs, order=places)
    before = parse_header(record.main)
    values = {tag: value for tag in before.tags() if tag != Tag.IMAGE and (value := before.value(tag))}
    given_numbers = {HdlistTag.DISC: disc, HdlistTag.ORDER: order, HdlistTag.MATCHER: 7}
    values |= {tag: numbers([number]) for tag, number in given_numbers.items() if number is not None}
    assert main == serialize(values, region=Tag.IMAGE)


def test_a_record_survives_its_cache(records: list[HdlistRecord]) -> None:
    for record in records:
        assert HdlistRecord.from_bytes(record.to_bytes()) == record
        with pytest.raises(HeaderError, match="is damaged"):
            HdlistRecord.from_bytes(record.to_bytes()[:-1])
    with pytest.raises(HeaderError, match="is damaged"):
        HdlistRecord.from_bytes(b"")


def test_the_matcher_base_follows_the_packages(records: list[HdlistRecord]) -> None:
    assert matcher_base(records) == matcher_base(list(records))
    assert matcher_base(records) != matcher_base(records[1:])


def test_a_package_without_versioned_provides_gets_them_and_provides_itself() -> None:
    values: dict[int, Value] = {Tag.PROVIDENAME: texts([b"mta"]), Tag.EPOCH: numbers([3])}
    main = parse_header(make_record(package(values), "old.rpm", 1).main)
    assert main.strings(Tag.PROVIDENAME) == ("mta", "old")
    assert main.strings(Tag.PROVIDEVERSION) == ("", "3:1-2")
    assert main.integers(Tag.PROVIDEFLAGS) == (0, 8)


def test_a_package_says_nothing_in_the_tags_that_are_hdlists_own() -> None:
    main = parse_header(make_record(package({1000000: text(b"../../etc/passwd"), 1000005: numbers([1])}), "old.rpm", 1).main)
    assert main.string(HdlistTag.FILENAME) == "old.rpm"
    assert main.tags()[-1] == HdlistTag.MATCHER


def test_the_size_is_counted_in_whole_blocks_with_the_slip_of_the_time() -> None:
    main = parse_header(make_record(package({Tag.FILESIZES: numbers([0, 2, 3, 4098, 4099]), Tag.SIZE: numbers([9])}), "old.rpm", 1).main)
    assert main.integers(Tag.SIZE) == (0 + 0 + 4096 + 4096 + 8192,)


def test_signature_tags_are_merged_where_the_header_has_none() -> None:
    signature = {1000: numbers([5]), 1004: Value(Kind.BINARY, 2, b"md"), 1007: numbers([6]), 269: text(b"sha"), 2000: numbers([1])}
    main = parse_header(make_record(package({269: text(b"own")}, signature), "old.rpm", 1).main)
    assert (main.data(261), main.integer(1046), main.string(269)) == (b"md", 6, "own")
    assert not {257, 1007, 2000} & set(main.tags())


def test_a_package_with_64_bit_values_is_refused() -> None:
    with pytest.raises(HeaderError, match="tag 5009 is a 64-bit value"):
        make_record(package({5009: Value(Kind.INT64, 1, bytes(8))}), "old.rpm", 1)


def test_directories_are_looked_up_as_rpm_4_does_though_they_are_not_sorted() -> None:
    paths = [b"/usr/bin/a", b"/usr/b", b"/usr/c/d", b"/usr/bin/e", b"/usr/f"]
    listed = split_paths(paths)
    assert list(listed.paths()) == paths
    assert listed.folders == [b"/usr/bin/", b"/usr/", b"/usr/c/", b"/usr/bin/"]


@given(st.lists(st.lists(st.sampled_from([b"", b"usr", b"bin"]), min_size=1, max_size=4).map(lambda parts: b"/" + b"/".join(parts))))
def test_paths_split_are_the_same_paths(paths: list[bytes]) -> None:
    assert list(split_paths(paths).paths()) == paths


def test_relative_paths_go_into_one_nameless_directory() -> None:
    assert split_paths([b"x.spec", b"x.tar.gz"]) == FileList([0, 0], [b"x.spec", b"x.tar.gz"], [b""])


@given(st.data())
def test_a_pair_cut_anywhere_is_an_error_unless_a_whole_record_is_gone_from_both(data: st.DataObject) -> None:
    made_records = [make_record(package({Tag.EPOCH: numbers([epoch])}), f"old-{epoch}.rpm", 1) for epoch in range(3)]
    hdlist, hdlist2 = joined(assemble(made_records, base=1))
    assert len(read_pair(hdlist, hdlist2)) == 3
    with pytest.raises(HeaderError):
        read_pair(hdlist[: data.draw(st.integers(0, len(hdlist) - 1))], hdlist2)
    with pytest.raises(HeaderError):
        read_pair(hdlist, hdlist2[: data.draw(st.integers(0, len(hdlist2) - 1))])


def test_a_cut_hdlist_names_the_last_whole_record(records: list[HdlistRecord]) -> None:
    hdlist, _ = joined(assemble(records, base=1))
    with pytest.raises(HeaderError, match=r"hdlist: record 3, at byte .*: cut short"):
        read_hdlist(hdlist[:-1])


def test_an_hdlist2_of_another_run_names_the_first_record_that_differs(records: list[HdlistRecord]) -> None:
    hdlist, _ = joined(assemble(records, base=1))
    _, hdlist2 = joined(assemble(records, base=2))
    with pytest.raises(HeaderError, match=r"record 1 \(empty-3\.0-1\.noarch\.rpm\): match tag 2 where hdlist has 1"):
        read_pair(hdlist, hdlist2)


def test_an_hdlist2_that_ends_early_names_the_package_it_lacks(records: list[HdlistRecord]) -> None:
    hdlist, hdlist2 = joined(assemble(records, base=1))
    first = len(parse_header(hdlist2).blob)
    with pytest.raises(HeaderError, match=r"ends after 1 records; script-2\.0"):
        read_pair(hdlist, hdlist2[:first])
    with pytest.raises(HeaderError, match="4 records where hdlist has 3"):
        read_pair(hdlist, hdlist2 + hdlist2[:first])


def test_a_record_without_a_file_name_is_an_error() -> None:
    with pytest.raises(HeaderError, match="hdlist: record 1: it names no file"):
        read_hdlist(serialize({Tag.NAME: text(b"x")}))


class TestCorpus:
    pytestmark = needs_corpus

    @pytest.mark.parametrize(("name", "discs"), [("t2", True), ("t4", False)])
    def test_small_pairs_equal_the_period_tools(self, name: str, tmp_path: Path, *, discs: bool) -> None:
        made_records = [made(path) for path in sorted((CORPUS / "hdlist" / name / "RPMS").iterdir())]
        pairs = assemble(made_records, base=1, discs=[1] * len(made_records) if discs else None)
        assert digests(written(tmp_path / name, pairs)) == digests(CORPUS / "hdlist" / name)

    def test_every_record_of_261_real_packages_equals_the_period_tools(self, tmp_path: Path) -> None:
        files: dict[str, Path] = {}
        for folder in REFERENCE_FOLDERS:
            for path in sorted((CORPUS / "rpms" / folder).rglob("*.rpm")):
                files.setdefault(path.name, path)
        made_records = []
        for name in sorted(files):
            try:
                made_records += [made(files[name])] if not name.endswith(".src.rpm") else []
            except HeaderError as error:
                assert "64-bit value" in str(error)  # two packages of rpm 6, which rpm 4.0.4 cannot read either
        ours = digests(written(tmp_path / "reference", assemble(made_records, base=1)))
        assert len(ours) == 261
        assert ours == digests(CORPUS / "hdlist" / "reference")

    def test_a_real_hdlist_of_2003_is_read(self) -> None:
        entries = read_hdlist((CORPUS / "hdlist" / "specimen-2003-12.hdlist").read_bytes())
        assert [(str(entry.nevra), entry.size) for entry in entries] == [
            ("mod_perl-1.29-1.i386", 450202), ("apache-1.3.27-8.rhn.2fixlog.i386", 502979), ("perl-libapreq-1.3-1.i386", 146066),
        ]  # fmt: skip
