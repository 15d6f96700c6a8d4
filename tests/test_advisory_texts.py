"""Advisories told by texts, in every form they were mailed in."""

import base64
import quopri
import re
import time
from collections.abc import Callable
from datetime import date

import pytest

from mirrorsync.model.advisory import AdvisoryType, Reference, Told
from mirrorsync.upstream.advisorytexts import announcements
from mirrorsync.upstream.announcement import Announcement
from mirrorsync.upstream.mails import texts_of
from tests.announced import (
    CENTOS_2009,
    ENTERPRISE_2006,
    ERRATA_1999,
    FEDORA_2004,
    LEGACY_2005,
    RULE,
    SECURITY_2002,
    mailed,
    signed,
)
from tests.corpus import CORPUS, needs_corpus

TAR = "tar-1.13.25-4.7.1.i386.rpm"
DOC = "tar+doc-1.13.25-4.7.1.noarch.rpm"
Encode = Callable[[bytes], bytes]
Wrap = Callable[[str], str]


def announced(text: str) -> list[Announcement]:
    return list(announcements(texts_of(text.encode())))


def only(text: str) -> Announcement:
    [announcement] = announced(text)
    return announcement


class TestSeveral:
    LINE = "Advisory ID: RHSA-2002:{:03}-01\n"

    def test_advisories_that_nothing_parts_are_each_read(self) -> None:
        first, second, third = (self.LINE.format(number) for number in (1, 2, 3))
        body = "a line that is not empty\n"
        for text in (
            f"\n{first}{body * 20}{second}",
            f"{body * 70}{first}{body * 70}{second}{third}",
            f"\n\n{first}{body}\n{second}{third}",
        ):
            ids = [found.advisory.id for found in announced(text)]
            assert ids == ["RHSA-2002:001", "RHSA-2002:002", "RHSA-2002:003"][: text.count("Advisory ID")]

    def test_reading_many_takes_as_much_longer_as_the_text_is(self) -> None:
        text = self.LINE.format(1) + ("a\n" * 62 + "Advisory ID:\n\nAdvisory ID: x\n") * 6000
        began = time.monotonic()
        assert [found.advisory.id for found in announced(text)] == ["RHSA-2002:001"]
        assert time.monotonic() - began < 10


class TestForms:
    def test_an_erratum_of_1999_is_read_by_its_titles(self) -> None:
        found = only(ERRATA_1999)
        advisory = found.advisory
        assert (advisory.id, advisory.revision, advisory.type) == ("RHBA-1999:017", "01", AdvisoryType.BUGFIX)
        assert (advisory.issued, advisory.updated) == (date(1999, 6, 4), None)
        assert advisory.title == "New tar fixes restoring of long names"
        assert advisory.description == "tar forgot names of more than 100 characters."
        assert found.files == ("tar-1.12-8.i386.rpm", "tar-1.12-8.alpha.rpm")
        assert advisory.sums == (("tar-1.12-8.i386.rpm", "0123456789abcdef0123456789abcdef"),)

    def test_a_security_advisory_for_several_releases_is_read_whole(self) -> None:
        found = only(SECURITY_2002)
        advisory = found.advisory
        assert (advisory.id, advisory.revision, advisory.type, advisory.told) == ("RHSA-2002:096", "24", AdvisoryType.SECURITY, Told.TEXT)
        assert advisory.title == "Updated tar packages fix a hole that lets archives write anywhere"
        assert (advisory.issued, advisory.updated, advisory.severity) == (date(2002, 5, 13), date(2002, 9, 27), "")
        assert advisory.cves == ("CAN-2001-1267", "CAN-2002-0399", "CAN-2002-1216", "CVE-2001-1268")
        assert found.files == (TAR, DOC)
        assert [digest[0] for name, digest in advisory.sums if name == TAR] == ["2", "3"]

    def test_a_file_that_is_only_spoken_of_is_no_package_of_it(self) -> None:
        assert "tar-1.12-8.i386.rpm" not in only(SECURITY_2002).files

    def test_what_it_refers_to_is_kept(self) -> None:
        assert only(SECURITY_2002).advisory.references == (
            Reference("http://cve.example/cvename.cgi?name=CAN-2002-0399", "CAN-2002-0399", "cve"),
            Reference("http://online.example/archive/1/196445", kind="other"),
            Reference("", "CAN-2001-1267", "cve"),
            Reference("", "CVE-2001-1268", "cve"),
            Reference("", "64783", "bugzilla", "tar follows links"),
            Reference("", "70066", "bugzilla", "and again: with .. in them"),
        )

    def test_a_later_text_has_its_severity_its_address_and_sums_beside_the_packages(self) -> None:
        found = only(ENTERPRISE_2006)
        assert (found.advisory.id, found.advisory.severity, found.advisory.cves) == ("RHSA-2006:0232", "Important", ("CVE-2006-0300",))
        assert found.advisory.references[0] == Reference("https://rhn.example/errata/RHSA-2006-0232.html", kind="self")
        assert found.advisory.sums == ((found.files[0], "b" * 32),)
        assert found.advisory.description.endswith("\n\nThe GNU tar program saves many files together in one archive.")

    def test_an_advisory_in_the_form_of_fedora_legacy_keeps_its_whole_number_and_has_sums_of_sha1(self) -> None:
        found = only(LEGACY_2005)
        assert (found.advisory.id, found.advisory.revision, found.advisory.type) == ("FLSA:152833-2", "", AdvisoryType.SECURITY)
        assert found.advisory.sums == (("tar-1.13.25-5.legacy.i386.rpm", "c" * 40),)

    def test_an_announcement_of_centos_is_read(self) -> None:
        found = only(CENTOS_2009.format(arch="i386"))
        advisory = found.advisory
        assert (advisory.id, advisory.type, advisory.severity) == ("CESA-2009:1180", AdvisoryType.SECURITY, "Important")
        assert (advisory.issued, advisory.title) == (date(2009, 7, 28), "CESA-2009:1180 Important CentOS 4 i386 bind - security update")
        assert advisory.references == (Reference("https://rhn.example/errata/RHSA-2009-1180.html", kind="vendor"),)
        assert (found.files, advisory.sums) == (("bind-9.2.4-30.el4_8.4.i386.rpm",), (("bind-9.2.4-30.el4_8.4.i386.rpm", "d" * 32),))

    @pytest.mark.parametrize(
        ("line", "name", "revision"),
        [
            ("CentOS Errata and Bugfix Advisory 2014:0262 ", "CEBA-2014:0262", ""),
            ("CentOS Errata and BugFix Advisory 2014:0262", "CEBA-2014:0262", ""),
            ("CentOS Errata and Enhancement Advisory CEEA-2005:331-02", "CEEA-2005:331", "02"),
            ("CentOS Errata and Security Advisory 2013:X014 (Xen4CentOS)", "CESA-2013:X014", ""),
            ("CentOS Errata and Security Advisory CESA-2005-0331-001", "CESA-2005-0331-001", ""),
        ],
    )
    def test_centos_numbers_its_advisories_in_several_ways(self, line: str, name: str, revision: str) -> None:
        advisory = only(f"{line}\n\ni386:\nx-1-1.i386.rpm\n").advisory
        assert (advisory.id, advisory.revision) == (name, revision)

    def test_a_notification_of_fedora_is_read(self) -> None:
        found = only(FEDORA_2004)
        advisory = found.advisory
        assert (advisory.id, advisory.type, advisory.title) == ("FEDORA-2004-123", AdvisoryType.SECURITY, "tar-1.13.25-13")
        assert (advisory.issued, advisory.description) == (date(2004, 5, 17), "Archives can no longer write anywhere.")
        assert advisory.references == (Reference("", "89661", "bugzilla", "tar follows links"),)
        assert (found.files, advisory.sums) == (("tar-1.13.25-13.i386.rpm",), (("tar-1.13.25-13.i386.rpm", "9" * 32),))

    def test_rules_that_got_lost_are_no_hindrance(self) -> None:
        assert only(SECURITY_2002.replace(RULE, "")) == only(SECURITY_2002)

    def test_what_only_speaks_of_an_advisory_is_none(self) -> None:
        assert announced(mailed("> Advisory ID:       RHSA-2002:096-24\n> tar-1.13.25-4.7.1.i386.rpm\n\nDoes this concern me?")) == []
        assert announced("Advisory ID: MDKSA-2002:066\n\n1. RPMs required:\ntar-1.13.25-4.7.1.i386.rpm\n") == []


class TestMails:
    @pytest.mark.parametrize("wrap", [str, mailed, signed, lambda text: mailed(signed(text))], ids=["plain", "mail", "signed", "both"])
    def test_however_it_is_wrapped_it_says_the_same(self, wrap: Wrap) -> None:
        assert only(wrap(SECURITY_2002)) == only(SECURITY_2002)

    def test_dashes_that_an_archive_left_escaped_are_no_hindrance(self) -> None:
        assert only(SECURITY_2002.replace(RULE, f"- {RULE}")) == only(SECURITY_2002)

    def test_carriage_returns_are_no_hindrance(self) -> None:
        assert only(SECURITY_2002.replace("\n", "\r\n")) == only(SECURITY_2002)

    @pytest.mark.parametrize(
        ("encoding", "encode"), [("quoted-printable", quopri.encodestring), ("base64", base64.encodebytes), ("7bit", bytes)]
    )
    def test_encoded_mails_are_decoded(self, encoding: str, encode: Encode) -> None:
        body = encode(SECURITY_2002.encode()).decode()
        field = f"Content-Transfer-Encoding: {encoding}\nContent-Type: text/plain; charset=iso-8859-1\n"
        assert only(mailed(body, more=field)) == only(SECURITY_2002)

    def test_the_parts_of_a_mail_and_the_mails_of_a_digest_are_looked_through(self) -> None:
        inner = CENTOS_2009.format(arch="i386").partition("\n")[2]
        parts = (
            f"--a\n\nToday's Topics\n--a\nContent-Type: text/html\n\n{SECURITY_2002}\n--a\nContent-Type: multipart/digest; boundary=b\n\n"
        )
        digest = f"{parts}--b\n\n{inner}--b\nContent-Type: message/rfc822\n\n{FEDORA_2004}\n--b--\n--a--\n{ERRATA_1999}"
        found = announced(mailed(digest, more='Content-Type: multipart/mixed; boundary="a"\n'))
        assert [each.advisory.id for each in found] == ["CESA-2009:1180", "FEDORA-2004-123"]
        assert found[0].advisory.issued == date(2009, 7, 28)

    def test_a_mail_lends_its_day_to_a_text_without_one(self) -> None:
        undated = re.sub(r"(Issue date|Updated on):.*", r"\1:", SECURITY_2002)
        assert only(mailed(undated)).advisory.issued == date(2002, 9, 27)


class TestHostileTexts:
    @pytest.mark.parametrize("depth", [3, 3000])
    def test_parts_within_parts_end_somewhere(self, depth: int) -> None:
        head = "".join(f"Content-Type: multipart/mixed; boundary=b{number}\n\n--b{number}\n" for number in range(depth))
        found = announced(mailed(f"--b\n{head}\n{SECURITY_2002}", more="Content-Type: multipart/mixed; boundary=b\n"))
        assert len(found) == (depth == 3)

    @pytest.mark.parametrize(
        "line",
        [
            "Advisory ID: RHSA-2002:096-24",
            RULE,
            "1. RPMs required:",
            "a-" * 400 + "1.i386.rpm",
            "- " * 500,
            "a" * 32,
            "Fedora Update Notification",
            "",
        ],
        ids=range(8),
    )
    def test_a_line_over_and_over_takes_no_longer_than_others(self, line: str) -> None:
        began = time.process_time()
        announced(f"{line}\n" * (900_000 // (len(line) + 1)))
        assert time.process_time() - began < 5


FIELDS = CORPUS / "rhl-era/advisories/RHSA-2001_169-10.mailman.fields.txt"


class TestWithTheCorpus:
    pytestmark = needs_corpus

    def test_a_real_advisory_of_2000_is_read(self) -> None:
        found = only((CORPUS / "rhl-era/advisories/RHSA-2000_108-02.txt").read_text())
        advisory = found.advisory
        assert (advisory.id, advisory.revision, advisory.type) == ("RHSA-2000:108", "02", AdvisoryType.SECURITY)
        assert (advisory.issued, advisory.updated) == (date(2000, 11, 16), date(2000, 11, 16))
        assert advisory.title == "Updated modutils fixing local root security bug available"
        assert advisory.references == (Reference("", "20749", "bugzilla", "local root exploit via modutils"),)
        assert advisory.description.startswith("A local root exploit in modutils has been fixed.\n\nmodutils, a package that helps")
        arches = [("2.3.20-0.6.2", "alpha"), ("2.3.20-0.6.2", "sparc"), ("2.3.20-0.6.2", "i386"), ("2.3.20-1", "i386")]
        assert found.files == tuple(f"modutils-{evr}.{arch}.rpm" for evr, arch in arches)
        assert dict(advisory.sums)["modutils-2.3.20-1.i386.rpm"] == "166b7512c784ffaa4233e8f71ef712cd"
        assert len(advisory.sums) == 4

    def test_the_fields_of_a_real_advisory_put_into_the_form_are_read_back(self) -> None:
        listed = FIELDS.read_text()
        value = dict(re.findall(r"^(\w+): ([^\n]*)", listed, re.MULTILINE))
        rpms, sums = re.search(r"rpmlist:\n(.*)\nmd5list:\n(.*)", listed, re.DOTALL).groups()  # type: ignore[union-attr]  # they are there
        issued, updated = re.findall(r"date: ([0-9-]+)", listed)
        names = re.sub(r"\(.*", "", value["cve"]).strip()
        head = f"Advisory ID: {value['fulladvisory']}\nIssue date: {issued}\nUpdated on: {updated}\nSynopsis: {value['synopsis']}\n"
        sections = f"6. RPMs required:\n\n{rpms}\n7. Verification:\n\nMD5 sum  Package\n{sums}"
        text = f"{RULE}\n{head}CVE Names: {names}\nKeywords:\n{RULE}\n\n{sections}"
        found = only(text)
        advisory = found.advisory
        assert (advisory.id, advisory.revision, advisory.title) == ("RHSA-2001:169", "10", "Updated Mailman packages available")
        assert (str(advisory.issued), str(advisory.updated)) == (issued, updated) == ("2001-12-11", "2001-12-20")
        assert advisory.cves == tuple(sorted(re.findall(r"C[AV][NE]-\d+-\d+", names)))
        assert set(found.files) == set(re.findall(r"([^/\s]+(?:i386|alpha)\.rpm)", rpms))
        assert dict(advisory.sums) == {name: digest for digest, name in re.findall(r"(\w{32}) \S*/(\S+(?:i386|alpha)\.rpm)", sums)}
