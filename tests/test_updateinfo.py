"""The errata of updateinfo.xml in the dialects of its distributors."""

import gzip
import lzma
import re
from datetime import date
from pathlib import Path

import pytest

from mirrorsync.model.advisory import Advisory, AdvisoryType
from mirrorsync.upstream.updateinfo import Updateinfo, read_date, read_updateinfo
from tests.corpus import CORPUS, needs_corpus

RHEL = """
<update from="security@redhat.com" status="final" type="security" version="4">
  <id>RHSA-2012:1540</id><title>Important: kernel security update</title><severity>Important</severity>
  <issued date="2012-12-04 00:00:00"/><updated date="2012-12-05 00:00:00"/>
  <references>
    <reference href="https://www.redhat.com/x.html" id="CVE-2012-3511" title="CVE-2012-3511" type="cve"/>
    <reference href="https://bugzilla.redhat.com/1" id="849734" title="CVE-2012-2372 kernel: rds-ping" type="bugzilla"/>
    <reference href="https://rhn.redhat.com/errata/RHSA-2012-1540.html" id="" title="RHSA-2012:1540" type="self"/>
  </references>
  <description>The kernel packages.</description>
  <pkglist><collection short="rhel-5"><name>RHEL</name>
    <package arch="src" name="kernel" release="308.24.1.el5" version="2.6.18"/>
    <package arch="x86_64" name="kernel" release="308.24.1.el5" version="2.6.18"><reboot_suggested/></package>
    <package arch="i686" name="kernel" epoch="0" release="308.24.1.el5" version="2.6.18"/>
  </collection></pkglist>
</update>"""
FEDORA = """
<update from="updates@fedoraproject.org" status="stable" type="newpackage" version="2.0">
  <id>FEDORA-2024-1</id><title>python-x</title><issued date="2024-02-03 01:02:03"/><severity>None</severity>
  <pkglist><collection short="F39">
    <package name="python3-x" epoch="1" version="1.0~rc1" release="1.fc39" src="python-x-1.0~rc1-1.fc39.src.rpm" arch="noarch">
      <filename>python3-x.noarch.rpm</filename><reboot_suggested>False</reboot_suggested></package>
  </collection></pkglist>
</update>"""
SUSE = """
<update status="stable" from="maint-coord@suse.de" type="recommended" version="1">
  <id>openSUSE-2008-1</id><issued date="1213630432"/><reboot_suggested/>
  <references><reference href="https://bugzilla.novell.com/1" id="1" title="CAN-2003-0001 in a title" type="bugzilla"/></references>
</update>"""
AMAZON = """
<update author="linux-security@amazon.com" from="linux-security@amazon.com" status="final" type="security" version="1.4">
  <id>ALAS2-2018-939</id><title>Amazon Linux</title>
  <issued date="2018-01-03T21:48:00Z"/><updated date="2018-01-05"/><severity>critical</severity>
</update>"""
NESTED_DATE = """
<update from="x" type="enhancements"><id>el7</id><issued><date>2017-08-31 00:00:00</date></issued></update>"""


def updateinfo(*updates: str, namespace: str = "") -> Updateinfo:
    text = f"<?xml version='1.0'?><updates{namespace and f' xmlns={namespace!r}'}>{''.join(updates)}</updates>"
    return read_updateinfo((text.encode(),), source="updateinfo.xml")


def only(*updates: str, namespace: str = "") -> Advisory:
    [advisory] = updateinfo(*updates, namespace=namespace).advisories
    return advisory


def test_a_red_hat_erratum_is_read_whole() -> None:
    advisory = only(RHEL)
    assert (advisory.id, advisory.type, advisory.severity) == ("RHSA-2012:1540", AdvisoryType.SECURITY, "Important")
    assert advisory.title == "Important: kernel security update"
    assert (advisory.issued, advisory.updated) == (date(2012, 12, 4), date(2012, 12, 5))
    assert advisory.cves == ("CVE-2012-2372", "CVE-2012-3511")
    assert advisory.description == "The kernel packages."


def test_source_packages_are_no_part_of_an_erratum() -> None:
    assert [str(nevra) for nevra in only(RHEL).packages] == ["kernel-2.6.18-308.24.1.el5.i686", "kernel-2.6.18-308.24.1.el5.x86_64"]


def test_one_package_that_asks_for_a_reboot_is_enough() -> None:
    assert only(RHEL).reboot_suggested


def test_a_reboot_that_is_denied_is_none() -> None:
    assert not only(FEDORA).reboot_suggested


def test_fedora_epochs_and_tildes_are_kept() -> None:
    assert [str(nevra) for nevra in only(FEDORA).packages] == ["python3-x-1:1.0~rc1-1.fc39.noarch"]


def test_suse_namespaces_words_and_epoch_seconds_are_understood() -> None:
    advisory = only(SUSE, namespace="http://novell.com/package/metadata/suse/updateinfo")
    assert (advisory.type, advisory.issued) == (AdvisoryType.BUGFIX, date(2008, 6, 16))
    assert advisory.cves == ("CAN-2003-0001",)
    assert advisory.reboot_suggested


def test_amazon_iso_dates_and_a_date_in_an_element_are_understood() -> None:
    assert (only(AMAZON).issued, only(AMAZON).updated) == (date(2018, 1, 3), date(2018, 1, 5))
    assert (only(NESTED_DATE).issued, only(NESTED_DATE).type) == (date(2017, 8, 31), AdvisoryType.ENHANCEMENT)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2010-11-7 00:00:00", date(2010, 11, 7)),
        ("2013-01-27 16:08:05 UTC", date(2013, 1, 27)),
        (" 1224755528.5 ", date(2008, 10, 23)),
        ("15mangled2", None),
        ("", None),
        ("2012-13-45", None),
        ("9" * 12, None),
        ("0000-01-01", None),
    ],
)
def test_a_date_is_read_or_left_out(text: str, day: date | None) -> None:
    assert read_date(text) == day


def test_an_id_that_comes_twice_is_one_erratum_with_the_later_text_and_all_packages() -> None:
    early = RHEL.replace("2012-12-05", "2012-12-04").replace("Important:", "Old:")
    early = early.replace("i686", "ppc64").replace("2012-2372", "2012-9999")
    [advisory] = updateinfo(early, RHEL, FEDORA.replace("FEDORA-2024-1", "RHSA-2012:1540").replace("2024", "2001")).advisories
    assert advisory.title == "Important: kernel security update"
    assert sorted({nevra.arch for nevra in advisory.packages}) == ["i686", "noarch", "ppc64", "x86_64"]
    assert advisory.cves == ("CVE-2012-2372", "CVE-2012-3511", "CVE-2012-9999")
    assert advisory.reboot_suggested


def test_errata_are_sorted_by_id_and_one_without_an_id_is_a_finding() -> None:
    read = updateinfo(RHEL, FEDORA, SUSE.replace("<id>openSUSE-2008-1</id>", ""))
    assert [advisory.id for advisory in read.advisories] == ["FEDORA-2024-1", "RHSA-2012:1540"]
    assert (read.listed, [finding.what for finding in read.findings]) == (3, ["an erratum has no id"])


def corpus_files() -> list[Path]:
    return sorted(path for path in CORPUS.rglob("*updateinfo*") if re.search(r"\.xml(\.gz|\.xz)?$", path.name))


def content(path: Path) -> bytes:
    unpack = {".gz": gzip.decompress, ".xz": lzma.decompress}.get(path.suffix, bytes)
    return unpack(path.read_bytes())


class TestWithTheCorpus:
    pytestmark = needs_corpus

    @pytest.mark.parametrize("path", corpus_files(), ids=lambda path: path.name[-40:])
    def test_every_real_updateinfo_gives_all_its_errata(self, path: Path) -> None:
        text = content(path)
        read = read_updateinfo((text,), source=path.name)
        ids = re.findall(rb"<id>([^<]+)</id>", text)
        assert read.listed == len(re.findall(rb"<update[\s>]", text))
        assert len(read.advisories) == len(set(ids))
        assert len(read.findings) == read.listed - len(ids)

    def test_the_errata_of_a_whole_distribution_equal_the_reference(self) -> None:
        [path] = (CORPUS / "repodata/rhel6-server-x86_64-2012-12/repodata").glob("4927*-updateinfo.xml.xz")
        read = read_updateinfo((content(path),), source=path.name)
        by_id = {advisory.id: advisory for advisory in read.advisories}
        lines = (CORPUS / "pairs/rhel6-installed-at-2012-09-01.advisories.tsv").read_text().splitlines()
        rows = [line.split("\t") for line in lines if not line.startswith("#")]
        assert (len(by_id), len(rows), sum(len(advisory.packages) for advisory in read.advisories)) == (1448, 77, 5414)
        for name, kind, severity, issued, cves, _ in rows:
            advisory = by_id[name]
            assert [advisory.type, advisory.severity, str(advisory.issued)] == [kind, severity, issued]
            assert set(cves.replace(",", " ").split()) <= set(advisory.cves)

    def test_the_errata_of_opensuse_have_packages_and_days(self) -> None:
        text = content(CORPUS / "repodata/opensuse-11.0-update-2008-10/repodata/updateinfo.xml.gz")
        read = read_updateinfo((text,), source="updateinfo.xml.gz")
        assert (read.listed, len(read.advisories)) == (164, 132)
        assert all(advisory.issued and advisory.issued.year == 2008 and advisory.packages for advisory in read.advisories)
