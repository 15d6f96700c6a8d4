"""Folders, mailboxes and archives of advisory texts, whatever else lies in them."""

import gzip
import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from mirrorsync.model.advisory import Advisory
from mirrorsync.model.version import NEVRA
from mirrorsync.upstream.advisorytexts import fingerprint, read_texts
from mirrorsync.upstream.mailboxes import LONGEST_TEXT, Reading
from tests.announced import CENTOS_2009, ERRATA_1999, FEDORA_2004, LEGACY_2005, SECURITY_2002

TAR = NEVRA.parse("tar-1.13.25-4.7.1.i386")
DOC = NEVRA.parse("tar+doc-1.13.25-4.7.1.noarch")


def offered(*nevras: NEVRA) -> dict[str, tuple[NEVRA, ...]]:
    return {nevra.filename: (nevra,) for nevra in nevras}


def put(folder: Path, *texts: str) -> Path:
    folder.mkdir(exist_ok=True)
    for number, text in enumerate(texts):
        (folder / f"{number}.txt").write_text(text)
    return folder


def read(*places: Path, nevras: Iterable[NEVRA] = (TAR, DOC)) -> Advisory:
    texts = read_texts(places, offered(*nevras))
    assert texts.findings == ()
    [advisory] = texts.advisories
    return advisory


class TestPlaces:
    def test_packages_are_those_whose_files_are_there(self, tmp_path: Path) -> None:
        advisory = read(put(tmp_path, SECURITY_2002), nevras=[NEVRA.parse("tar-1:1.13.25-4.7.1.i386"), NEVRA.parse("sed-1-1.i386")])
        assert [str(nevra) for nevra in advisory.packages] == ["tar-1:1.13.25-4.7.1.i386"]
        assert {name for name, _ in advisory.sums} == {TAR.filename}

    def test_an_advisory_of_other_packages_is_none_here(self, tmp_path: Path) -> None:
        texts = read_texts([put(tmp_path, SECURITY_2002)], offered(NEVRA.parse("sed-1-1.i386")))
        assert (texts.advisories, texts.listed, texts.findings) == ((), 1, ())

    def test_of_what_was_issued_again_the_highest_revision_counts(self, tmp_path: Path) -> None:
        first = SECURITY_2002.replace("096-24", "096-08").replace("Updated tar", "First tar").replace("3" * 32, "8" * 32)
        advisory = read(put(tmp_path, SECURITY_2002, first))
        assert (advisory.revision, advisory.title[:7]) == ("24", "Updated")
        assert "8" * 32 not in dict(advisory.sums).values()

    def test_mails_about_one_advisory_for_two_architectures_are_one(self, tmp_path: Path) -> None:
        (tmp_path / "mbox").write_text(CENTOS_2009.format(arch="i386") + CENTOS_2009.format(arch="x86_64"))
        nevras = [NEVRA.parse(f"bind-9.2.4-30.el4_8.4.{arch}") for arch in ("i386", "x86_64")]
        assert read(tmp_path / "mbox", nevras=nevras).packages == tuple(nevras)

    def test_folders_mailboxes_maildirs_and_packed_archives_are_read(self, tmp_path: Path) -> None:
        for folder in ("cur", "new", "tmp"):
            (tmp_path / "maildir" / folder).mkdir(parents=True)
        (tmp_path / "maildir/new/1.host").write_text(FEDORA_2004)
        (tmp_path / "maildir/tmp/2.host").write_text(LEGACY_2005)
        (tmp_path / "2009-July.txt.gz").write_bytes(gzip.compress(CENTOS_2009.format(arch="i386").encode()))
        (tmp_path / "2002/05").mkdir(parents=True)
        put(tmp_path / "2002/05", SECURITY_2002, ERRATA_1999)
        assert read_texts([tmp_path], {}).listed == 4

    def test_the_fingerprint_changes_with_the_texts_alone(self, tmp_path: Path) -> None:
        place = put(tmp_path / "texts", SECURITY_2002)
        before = fingerprint([place])
        assert fingerprint([place]) == before
        put(tmp_path / "others", ERRATA_1999)
        assert fingerprint([place]) == before
        (place / "1.txt").write_text(ERRATA_1999)
        assert fingerprint([place]) != before


class TestHostilePlaces:
    def test_a_place_that_is_not_there_is_one_line(self, tmp_path: Path) -> None:
        [finding] = read_texts([tmp_path / "gone"], {}).findings
        assert (finding.code, finding.where) == ("advisory-texts", str(tmp_path / "gone"))
        assert finding.what == "cannot be read: No such file or directory"

    def test_a_place_without_any_advisory_is_one_line(self, tmp_path: Path) -> None:
        put(tmp_path, "Read me", "> Advisory ID: RHSA-2002:096-24")
        [finding] = read_texts([tmp_path], {}).findings
        assert finding.what == "no advisory is in it"

    def test_what_is_no_text_and_what_is_no_file_is_passed_over(self, tmp_path: Path) -> None:
        place = put(tmp_path / "texts", SECURITY_2002)
        (place / "binary").write_bytes(b"From \0" + os.urandom(1 << 16))
        (place / "empty").touch()
        os.mkfifo(place / "fifo")
        (place / "nowhere").symlink_to(tmp_path / "nothing")
        (place / "around").symlink_to(place)
        (place / "device").symlink_to("/dev/zero")
        assert read(place).id == "RHSA-2002:096"

    def test_a_link_that_leads_round_in_a_circle_is_told_and_hides_no_other_text(self, tmp_path: Path) -> None:
        place = put(tmp_path / "texts", SECURITY_2002)
        (place / "circle").symlink_to(place / "circle")
        found = read_texts([place], {})
        assert found.listed == 1
        [finding] = found.findings
        assert (finding.where, finding.what) == (str(place / "circle"), "cannot be read: Too many levels of symbolic links")

    def test_a_file_of_proc_that_never_ends_is_passed_over(self, tmp_path: Path) -> None:
        place = put(tmp_path / "texts", SECURITY_2002)
        (place / "kernel").symlink_to("/proc/kmsg")
        assert read(place).id == "RHSA-2002:096"

    def test_a_mailbox_of_more_mails_than_any_has_is_not_read_to_its_end(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("mirrorsync.upstream.mailboxes.MOST_MAILS", 100)
        (tmp_path / "box").write_text("From a\n\n" * 300)
        reading = Reading(mails=100)
        assert len(list(reading.texts(tmp_path / "box"))) <= 102
        assert [finding.what for finding in reading.findings] == ["more than 100 mails; the rest was not read"]

    def test_a_linked_file_is_read_and_a_linked_folder_is_not_entered(self, tmp_path: Path) -> None:
        put(tmp_path / "there", SECURITY_2002)
        place = put(tmp_path / "texts")
        (place / "folder").symlink_to(tmp_path / "there")
        (place / "file").symlink_to(tmp_path / "there/0.txt")
        assert read_texts([place], {}).listed == 1

    def test_a_text_that_is_too_long_is_one_line_however_many_there_are(self, tmp_path: Path) -> None:
        place = put(tmp_path / "texts", SECURITY_2002, *["x" * (LONGEST_TEXT + 1)] * 3)
        (place / "mbox").write_text(f"From a@b\n\n{'y' * (LONGEST_TEXT + 1)}\n\n{CENTOS_2009.format(arch='i386')}")
        texts = read_texts([place], {})
        [finding] = texts.findings
        assert (texts.listed, finding.what) == (2, f"4 texts are longer than 1024 KiB, as no advisory is: {place}/1.txt")

    def test_too_many_files_are_one_line(self, tmp_path: Path) -> None:
        reading = Reading(files=2)
        put(tmp_path, *[SECURITY_2002] * 3)
        assert list(reading.texts(tmp_path)) == []
        assert [finding.what for finding in reading.findings] == ["more than 20000 files; the rest was not read"]

    def test_more_than_may_be_read_is_one_line(self, tmp_path: Path) -> None:
        reading = Reading(room=2 * len(SECURITY_2002))
        texts = list(reading.texts(put(tmp_path, *[SECURITY_2002] * 5)))
        assert len(texts) == 3
        assert [finding.what for finding in reading.findings] == ["more than 512 MiB; the rest was not read"]

    def test_a_mailbox_without_an_end_is_read_no_further(self, tmp_path: Path) -> None:
        reading = Reading(room=3 * len(CENTOS_2009))
        (tmp_path / "mbox").write_text(CENTOS_2009 * 50)
        assert len(list(reading.texts(tmp_path / "mbox"))) == 4

    def test_a_damaged_archive_is_one_line_and_the_rest_is_read(self, tmp_path: Path) -> None:
        place = put(tmp_path, SECURITY_2002)
        (place / "a.gz").write_bytes(gzip.compress(CENTOS_2009.encode())[:-9])
        texts = read_texts([place], offered(TAR))
        assert len(texts.advisories) == 1
        [finding] = texts.findings
        assert finding.where.endswith("a.gz") and finding.what.startswith("cannot be unpacked")
