"""Headers: read within bounds, whatever the bytes; packages described as librpm does."""

import os
import struct
from pathlib import Path

import createrepo_c
import pytest
import rpm
from hypothesis import given
from hypothesis import strategies as st

from fixtures.rpms import PackageSpec, build_rpms
from mirrorsync.errors import HeaderError
from mirrorsync.model.package import Dependency, Sense
from mirrorsync.model.version import EVR
from mirrorsync.rpmfile.header import RawHeader, RpmHeaders, Value, header_size, parse_header, parse_rpm, read_rpm
from mirrorsync.rpmfile.package import describe, paths
from mirrorsync.rpmfile.serial import numbers, serialize, text, texts
from mirrorsync.rpmfile.tags import Kind, Tag
from tests.corpus import CORPUS, needs_corpus

NUL_FREE = st.binary(max_size=12).map(lambda value: value.replace(b"\0", b"\1"))


def shorts(found: list[int]) -> Value:
    return Value(Kind.INT16, len(found), struct.pack(f">{len(found)}H", *found))


VALUES = st.one_of(
    NUL_FREE.map(text),
    st.lists(NUL_FREE, min_size=1, max_size=40).map(texts),
    st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=8).map(numbers),
    st.lists(st.integers(0, 2**16 - 1), min_size=1, max_size=5).map(shorts),
    st.binary(min_size=1, max_size=20).map(lambda value: Value(Kind.BINARY, len(value), value)),
)
HEADERS = st.dictionaries(st.integers(100, 6000), VALUES, min_size=1, max_size=8)
NAMED: dict[int, Value] = {Tag.NAME: text(b"old"), Tag.VERSION: text(b"1.0"), Tag.RELEASE: text(b"2"), Tag.ARCH: text(b"i386")}
BINARY: dict[int, Value] = {**NAMED, Tag.SOURCERPM: text(b"old-1.0-2.src.rpm")}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    spec = PackageSpec(
        "demo", "1.2", "3", epoch=4, requires=["/bin/sh", "base >= 2:1.0-1"], provides=["virtual = 7"], obsoletes=["former < 1.2"],
        files={"/usr/sbin/demo": "x", "/etc/demo.conf": "y", "/usr/share/demo/naïve": "z"},
    )  # fmt: skip
    return build_rpms([spec], tmp_path_factory.mktemp("rpms"))[0]


def described(values: dict[int, Value]) -> RpmHeaders:
    main = parse_header(serialize(values))
    return RpmHeaders(parse_header(serialize({})), main, 0, len(main.blob))


def every_value(header: RawHeader) -> None:
    for tag in header.tags():
        for read in (header.value, header.strings, header.string, header.integers):
            try:
                read(tag)
            except HeaderError:
                continue


@given(HEADERS, st.sampled_from([None, Tag.IMAGE]))
def test_what_is_written_into_a_header_is_read_back(values: dict[int, Value], region: Tag | None) -> None:
    header = parse_header(serialize(values, region=region))
    assert {tag: header.value(tag) for tag in header.tags() if tag != Tag.IMAGE} == values


@given(HEADERS, st.data())
def test_a_header_cut_anywhere_is_an_error(values: dict[int, Value], data: st.DataObject) -> None:
    blob = serialize(values)
    with pytest.raises(HeaderError):
        parse_header(blob[: data.draw(st.integers(0, len(blob) - 1))])


@given(HEADERS, st.data())
def test_a_spoilt_header_raises_nothing_but_a_header_error(values: dict[int, Value], data: st.DataObject) -> None:
    blob = bytearray(serialize(values))
    for _ in range(data.draw(st.integers(1, 4))):
        blob[data.draw(st.integers(8, len(blob) - 1))] = data.draw(st.integers(0, 255))
    try:
        header = parse_header(bytes(blob))
    except HeaderError:
        return
    every_value(header)


def test_strings_that_run_past_the_end_are_an_error() -> None:
    header = parse_header(serialize({Tag.NAME: Value(Kind.STRING, 1, b"abc")}))
    with pytest.raises(HeaderError, match="tag 1000: its strings run past the end"):
        header.string(Tag.NAME)


def test_many_strings_are_told_from_the_alignment_that_follows_them() -> None:
    names = [b"x"] * 30 + [b""]
    header = parse_header(serialize({Tag.BASENAMES: texts(names), Tag.DIRNAMES: numbers([7])}))
    assert header.value(Tag.BASENAMES) == texts(names)
    assert header.byte_strings(Tag.BASENAMES) == names


def test_bytes_that_no_tag_owns_are_not_taken_for_strings() -> None:
    names = texts([b"x"] * 30)
    spoilt = Value(names.kind, names.length, names.data + b"junk\0")
    assert parse_header(serialize({Tag.BASENAMES: spoilt, Tag.DIRNAMES: numbers([7])})).value(Tag.BASENAMES) == names


def test_a_value_of_another_kind_is_an_error() -> None:
    header = parse_header(serialize({Tag.NAME: numbers([1]), Tag.EPOCH: text(b"1")}))
    with pytest.raises(HeaderError, match="where strings belong"):
        header.string(Tag.NAME)
    with pytest.raises(HeaderError, match="where numbers belong"):
        header.integers(Tag.EPOCH)


def test_a_header_larger_than_rpm_allows_is_refused_before_its_data_are_looked_for() -> None:
    with pytest.raises(HeaderError, match="more than rpm allows"):
        parse_header(bytes.fromhex("8eade80100000000") + struct.pack(">II", 1, 300 << 20))


def test_a_tag_that_is_absent_has_no_values() -> None:
    header = parse_header(serialize({}))
    assert (header.string(1000), header.strings(1000), header.integers(1000), header.data(1000)) == (None, (), (), None)


def test_a_package_is_read_from_as_many_bytes_as_it_says(package: Path) -> None:
    content = package.read_bytes()
    size = next(found for length in range(96, 8192) if (found := header_size(content[:length])))
    assert parse_rpm(content[:size]) == read_rpm(package)
    with pytest.raises(HeaderError, match="cut short"):
        parse_rpm(content[: size - 1])


def test_a_package_cut_within_its_headers_names_the_file(package: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.rpm"
    cut.write_bytes(package.read_bytes()[:1500])
    with pytest.raises(HeaderError, match=r"cut\.rpm: not a readable package: cut short"):
        read_rpm(cut)


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", b"\xed\xab\xee\xdb" + bytes(200)])
def test_what_is_no_package_is_an_error(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.rpm").write_bytes(content)
    with pytest.raises(HeaderError, match=r"x\.rpm: not a readable package"):
        read_rpm(tmp_path / "x.rpm")


def test_a_file_that_cannot_be_opened_is_an_error_of_the_same_kind(tmp_path: Path) -> None:
    with pytest.raises(HeaderError, match=r"none\.rpm: cannot be read: No such file"):
        read_rpm(tmp_path / "none.rpm")


def test_a_package_is_described_with_its_dependencies_and_common_paths(package: Path) -> None:
    found = describe(read_rpm(package), location=package.name, size=package.stat().st_size)
    assert str(found.nevra) == "demo-4:1.2-3.noarch"
    assert Dependency("base", Sense.GREATER | Sense.EQUAL, EVR("2", "1.0", "1")) in found.requires
    assert Dependency("/bin/sh") in found.requires
    assert any(requirement.name.startswith("rpmlib(") for requirement in found.requires)
    assert sorted(map(str, found.provides)) == ["demo = 4:1.2-3", "virtual = 7"]
    assert found.obsoletes == (Dependency("former", Sense.LESS, EVR(None, "1.2", "")),)
    assert found.files == ("/etc/demo.conf", "/usr/sbin/demo")
    assert sorted(paths(read_rpm(package))) == ["/etc/demo.conf", "/usr/sbin/demo", "/usr/share/demo/naïve"]


def test_a_package_that_does_not_say_so_provides_itself() -> None:
    found = describe(described({**BINARY, Tag.EPOCH: numbers([0])}), location="x", size=1)
    assert found.provides == (Dependency("old", Sense.EQUAL, EVR("0", "1.0", "2")),)


def test_a_name_that_no_file_can_have_is_refused() -> None:
    with pytest.raises(HeaderError, match="1011 characters long, and no file's name is"):
        describe(described({**BINARY, Tag.VERSION: text(b"1" * 1000)}), location="x", size=1)


def test_a_dependency_that_nobody_could_read_is_refused() -> None:
    dependency = {Tag.REQUIRENAME: texts([b"/" * 4000]), Tag.REQUIREFLAGS: numbers([8]), Tag.REQUIREVERSION: texts([b"1" * 100])}
    with pytest.raises(HeaderError, match="a dependency is 4100 characters long"):
        describe(described({**BINARY, **dependency}), location="x", size=1)


def test_paths_of_before_rpm_4_are_read() -> None:
    headers = described({**BINARY, Tag.OLDFILENAMES: texts([b"/usr/lib/sendmail", b"/usr/lib/x", b"/sbin/y"])})
    assert list(paths(headers)) == ["/usr/lib/sendmail", "/usr/lib/x", "/sbin/y"]
    assert describe(headers, location="x", size=1).files == ("/usr/lib/sendmail", "/sbin/y")


@pytest.mark.parametrize(("extra", "arch"), [({}, "src"), ({Tag.NOSOURCE: numbers([0])}, "nosrc")])
def test_a_package_that_names_no_source_package_is_one(extra: dict[int, Value], arch: str) -> None:
    assert describe(described({**NAMED, **extra}), location="x", size=1).arch == arch


def test_sendmail_is_the_one_common_path_of_its_directory() -> None:
    names, folders, places = texts([b"sendmail", b"x"]), texts([b"/usr/lib/"]), numbers([0, 0])
    files: dict[int, Value] = {Tag.BASENAMES: names, Tag.DIRNAMES: folders, Tag.DIRINDEXES: places}
    assert describe(described({**BINARY, **files}), location="x", size=1).files == ("/usr/lib/sendmail",)


def test_a_file_list_that_contradicts_itself_is_an_error() -> None:
    headers = described({**BINARY, Tag.BASENAMES: texts([b"x"]), Tag.DIRNAMES: texts([b"/bin/"]), Tag.DIRINDEXES: numbers([1])})
    with pytest.raises(HeaderError, match="contradicts itself"):
        describe(headers, location="x", size=1)


def test_bytes_that_are_not_utf8_survive() -> None:
    headers = described({**BINARY, Tag.OLDFILENAMES: texts([b"/etc/na\xefve"])})
    assert [os.fsencode(path) for path in paths(headers)] == [b"/etc/na\xefve"]


class TestCorpus:
    pytestmark = needs_corpus

    def test_real_packages_are_described_as_librpm_describes_them(self) -> None:
        transaction = rpm.TransactionSet()
        transaction.setVSFlags(-1)
        for path in sorted(CORPUS.rglob("*.rpm")):
            with path.open("rb") as file:
                theirs = transaction.hdrFromFdno(file.fileno())
            headers = read_rpm(path)
            ours = describe(headers, location=path.name, size=1)
            assert (ours.name, ours.evr.epoch or "0", ours.evr.version, ours.evr.release) == (
                theirs["name"], str(theirs["epoch"] or 0), theirs["version"], theirs["release"])  # fmt: skip
            assert (ours.arch in ("src", "nosrc")) == bool(theirs.isSource())
            assert list(paths(headers)) == list(theirs["filenames"])
            assert [one.name for one in ours.requires] == list(theirs["requirename"])
            assert [int(one.sense) for one in ours.obsoletes] == [flags & 14 for flags in theirs["obsoleteflags"]]

    def test_common_paths_of_real_packages_are_those_createrepo_puts_into_primary(self) -> None:
        for path in sorted(CORPUS.rglob("*.rpm"))[::3]:
            document = createrepo_c.xml_dump_primary(createrepo_c.package_from_rpm(str(path)))
            ours = describe(read_rpm(path), location=path.name, size=1).files
            assert document.count("<file") == len(ours), path
            assert all(f">{name}</file>" in document for name in ours if "&" not in name), path
