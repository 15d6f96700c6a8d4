"""The errata of updateinfo.xml in the dialects of its distributors."""

import gzip
import lzma
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import createrepo_c
import pytest

from mirrorsync.errors import UpstreamError
from mirrorsync.model.advisory import Advisory, AdvisoryType, Reference, Told
from mirrorsync.upstream.updateinfo import _MOST_KEPT, Updateinfo, read_date, read_updateinfo
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
<update status="stable" from="maint-coord@suse.de" type="recommended" version="36">
  <id>glib2</id><issued date="1213630432"/><reboot_suggested/>
  <references><reference href="https://bugzilla.novell.com/1" id="1" title="CAN-2003-0001 in a title" type="bugzilla"/></references>
</update>"""
AMAZON = """
<update author="linux-security@amazon.com" from="linux-security@amazon.com" status="final" type="security" version="1.4">
  <id>ALAS2-2018-939</id><title>Amazon Linux</title>
  <issued date="2018-01-03T21:48:00Z"/><updated date="2018-01-05"/><severity>critical</severity>
</update>"""
FEDORA_CORE = """
<update from="updates@fedora.example" status="final" type="security" version="1.4">
  <id>FEDORA-2006-573</id><pushcount>1</pushcount><title>dovecot-1.0-0.beta8.2.fc5</title><release>Fedora Core 5</release>
  <issued date="2006-05-18 11:30:22"/><updated date="2006-05-18 11:30:22"/><description>A fix &amp; more</description>
  <references><reference href="http://cve.example/CVE-2006-2414" id="CVE-2006-2414" type="cve"/></references>
  <pkglist><collection short="FC5"><name>Fedora Core 5</name>
    <package name="dovecot" version="1.0" release="0.beta8.2.fc5" arch="i386"><filename>dovecot.i386.rpm</filename></package>
  </collection></pkglist>
</update>"""
EPEL = """
<update from="updates@fedoraproject.org" status="stable" type="enhancement" version="2.0">
  <id>FEDORA-EPEL-2023-1a2b3c4d5e</id><title>rclone-1.62-1.el9</title><issued date="2023-04-01 01:15:50"/>
  <updated date="2023-05-02 01:15:50"/><severity>Unspecified</severity><summary>rclone</summary><description>rclone 1.62</description>
  <references/><pkglist><collection short="EPEL-9"><name>Fedora EPEL 9</name>
    <package name="rclone" version="1.62" release="1.el9" epoch="0" arch="x86_64" src="rclone-1.62-1.el9.src.rpm">
      <filename>rclone-1.62-1.el9.x86_64.rpm</filename><sum type="sha256">ab</sum></package>
  </collection></pkglist>
</update>"""
ROCKY = """
<update from="releng@rockylinux.example" status="final" type="security" version="2">
  <id>RLSA-2023:1405</id><title>Important: openssl security update</title>
  <issued date="2023-05-03 12:34:36"/><updated date="2023-05-03 12:36:33"/><rights>Copyright</rights><release>Rocky Linux 8</release>
  <pushcount>1</pushcount><severity>Important</severity><summary>An update for openssl</summary><description>For the CVE page</description>
  <references>
    <reference href="https://cve.example/CVE-2023-0286" id="CVE-2023-0286" type="cve" title="CVE-2023-0286"/>
    <reference href="https://bugs.example/2164440" id="2164440" type="bugzilla" title=""/>
  </references>
  <pkglist><collection short="rocky-linux-8-x86-64-baseos-rpms"><name>baseos</name>
    <module name="x" stream="1" version="8" context="c" arch="x86_64"/>
    <package name="openssl" version="1.1.1k" release="9.el8_7" epoch="1" arch="x86_64" src="openssl-1.1.1k-9.el8_7.src.rpm">
      <filename>openssl-1.1.1k-9.el8_7.x86_64.rpm</filename></package>
  </collection></pkglist>
  <pkglist><collection short="rocky-linux-8-x86-64-appstream-rpms"><name>appstream</name>
    <package name="openssl-devel" version="1.1.1k" release="9.el8_7" epoch="1" arch="i686" src="openssl-1.1.1k-9.el8_7.src.rpm"/>
    <package name="openssl" version="1.1.1k" release="9.el8_7" epoch="1" arch="x86_64" src="openssl-1.1.1k-9.el8_7.src.rpm"/>
  </collection></pkglist>
</update>"""
ALMA = """
<update from="packager@almalinux.example" status="final" type="security" version="4">
  <id>ALSA-2022:7692</id><title>Moderate: xmlrpc-c security update</title><issued date="1667865600"/><updated date="1668038400.0"/>
  <rights>Copyright</rights><severity>Moderate</severity><reboot_suggested>False</reboot_suggested>
  <references>
    <reference href="https://alma.example/CVE-2022-43680.html" id="CVE-2022-43680" title="CVE-2022-43680" type="cve"/>
    <reference href="https://errata.alma.example/8/ALSA-2022-7692.html" id="ALSA-2022:7692" title="ALSA-2022:7692" type="self"/>
  </references>
  <pkglist><collection short="almalinux-8-for-x86_64-baseos-rpms"><name>almalinux-8-for-x86_64-baseos-rpms__8_7</name>
    <package name="xmlrpc-c" version="1.51.0" release="8.el8" epoch="0" arch="i686" src="xmlrpc-c.src.rpm" reboot_suggested="False">
      <filename>xmlrpc-c-1.51.0-8.el8.i686.rpm</filename><sum type="sha256">cd</sum></package>
  </collection></pkglist>
</update>"""
NESTED_DATE = """
<update from="x" type="enhancements"><id>el7</id><issued><date>2017-08-31 00:00:00</date></issued></update>"""


NAMESPACE = "http://novell.com/package/metadata/suse/updateinfo"


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
    advisory = only(SUSE, namespace=NAMESPACE)
    assert (advisory.type, advisory.issued) == (AdvisoryType.BUGFIX, date(2008, 6, 16))
    assert advisory.cves == ("CAN-2003-0001",)
    assert advisory.reboot_suggested


def test_an_id_that_suse_uses_again_and_again_is_told_apart_by_its_version() -> None:
    again = SUSE.replace('version="36"', 'version="73"').replace("recommended", "security").replace("CAN-2003-0001 in a title", "a bug")
    again = again.replace("</references>", "</references><description>Fixes CVE-2008-2360.</description>")
    read = updateinfo(SUSE, again, namespace=NAMESPACE)
    assert [(advisory.id, advisory.type, advisory.cves) for advisory in read.advisories] == [
        ("glib2-36", AdvisoryType.BUGFIX, ("CAN-2003-0001",)),
        ("glib2-73", AdvisoryType.SECURITY, ("CVE-2008-2360",)),
    ]


def test_the_text_names_the_cves_only_where_no_reference_does() -> None:
    assert only(RHEL.replace("The kernel packages.", "Not CVE-2012-0001.")).cves == ("CVE-2012-2372", "CVE-2012-3511")


def test_references_are_kept_as_they_are_written() -> None:
    assert only(RHEL).references == (
        Reference("https://www.redhat.com/x.html", "CVE-2012-3511", "cve", "CVE-2012-3511"),
        Reference("https://bugzilla.redhat.com/1", "849734", "bugzilla", "CVE-2012-2372 kernel: rds-ping"),
        Reference("https://rhn.redhat.com/errata/RHSA-2012-1540.html", "", "self", "RHSA-2012:1540"),
    )


def test_revision_and_status_are_the_distributors_own_words() -> None:
    advisory = only(AMAZON)
    assert (advisory.revision, advisory.status, advisory.severity, advisory.told) == ("1.4", "final", "critical", Told.UPDATEINFO)


def test_an_erratum_of_fedora_core_is_read() -> None:
    advisory = only(FEDORA_CORE)
    assert (advisory.id, advisory.type, advisory.cves) == ("FEDORA-2006-573", AdvisoryType.SECURITY, ("CVE-2006-2414",))
    assert (advisory.title, advisory.description, advisory.issued) == ("dovecot-1.0-0.beta8.2.fc5", "A fix & more", date(2006, 5, 18))
    assert [str(nevra) for nevra in advisory.packages] == ["dovecot-1.0-0.beta8.2.fc5.i386"]


def test_an_erratum_of_epel_is_read() -> None:
    advisory = only(EPEL)
    assert (advisory.id, advisory.type, advisory.severity) == ("FEDORA-EPEL-2023-1a2b3c4d5e", AdvisoryType.ENHANCEMENT, "Unspecified")
    assert (advisory.issued, advisory.updated, advisory.references) == (date(2023, 4, 1), date(2023, 5, 2), ())


def test_an_erratum_of_rocky_with_two_lists_of_packages_is_read() -> None:
    advisory = only(ROCKY)
    assert (advisory.id, advisory.severity, advisory.cves) == ("RLSA-2023:1405", "Important", ("CVE-2023-0286",))
    assert [str(nevra) for nevra in advisory.packages] == ["openssl-1:1.1.1k-9.el8_7.x86_64", "openssl-devel-1:1.1.1k-9.el8_7.i686"]
    assert [reference.kind for reference in advisory.references] == ["cve", "bugzilla"]


def test_an_erratum_of_alma_is_read() -> None:
    advisory = only(ALMA)
    assert (advisory.id, advisory.severity, advisory.revision) == ("ALSA-2022:7692", "Moderate", "4")
    assert (advisory.issued, advisory.updated, advisory.reboot_suggested) == (date(2022, 11, 8), date(2022, 11, 10), False)
    assert [reference.id for reference in advisory.references] == ["CVE-2022-43680", "ALSA-2022:7692"]


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


LONG = "x" * 300_000


def test_no_word_of_an_erratum_is_longer_than_one_can_be() -> None:
    text = f"""
<update type="security" version="{LONG}" status="{LONG}"><id>A-1</id><title>{LONG}</title><severity>{LONG}</severity>
  <description>{LONG}</description>
  <references>
    <reference href="{LONG}" id="1" title="t"/><reference href="h" id="{LONG}"/><reference href="h" type="{LONG}"/>
    <reference href="h" id="CVE-2020-{"1" * 8}" title="{LONG}"/><reference href="h" id="CVE-2020-1111111" title="{LONG}"/>
  </references>
  <pkglist><collection>
    <package name="bash" version="3" release="1" arch="i386"/><package name="{LONG}" version="3" release="1" arch="i386"/>
    <package name="bash" version="3{LONG}" release="1" arch="i386"/><package name="bash" version="3" release="{LONG}" arch="i386"/>
    <package name="bash" version="3" release="1" arch="i{LONG}"/><package name="bash" epoch="{LONG}" version="3" release="1" arch="i386"/>
  </collection></pkglist>
</update>"""
    found = only(text)
    assert [str(nevra) for nevra in found.packages] == ["bash-3-1.i386"]
    assert found.cves == ("CVE-2020-1111111",)
    assert [reference.id for reference in found.references] == ["CVE-2020-11111111", "CVE-2020-1111111"]
    lengths = (len(found.revision), len(found.status), len(found.severity), len(found.title), len(found.description))
    assert lengths == (64, 64, 64, 4096, 65536)
    assert [len(reference.title) for reference in found.references] == [4096, 4096]


def test_an_erratum_names_so_many_cves_and_references_and_no_more() -> None:
    references = "".join(f'<reference href="h" id="CVE-2020-{number}"/>' for number in range(10_000, 20_000))
    found = only(f'<update type="security"><id>A-1</id><references>{references}</references></update>')
    assert (len(found.cves), len(found.references)) == (2000, 5000)


def test_errata_that_no_memory_would_hold_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _MOST_KEPT == 1 << 30
    monkeypatch.setattr("mirrorsync.upstream.updateinfo._MOST_KEPT", 100_000)
    packages = '<package name="p" version="3" release="{}" arch="i386"/>'
    many = "".join(packages.format(number) for number in range(100))
    for inside in (f"<pkglist><collection>{many}</collection></pkglist>", f"<description>{LONG}</description>"):
        one, *more = (f'<update type="security"><id>A-{number}</id>{inside}</update>' for number in range(3))
        assert len(updateinfo(one).advisories) == 1
        with pytest.raises(UpstreamError, match="its errata tell more than those of any repository; refused: use another mirror"):
            updateinfo(one, *more)


def test_an_id_that_is_none_is_passed_over_with_a_note() -> None:
    read = updateinfo(*(f'<update type="security"><id>{"A" * length}</id></update>' for length in (128, 129)))
    assert [len(advisory.id) for advisory in read.advisories] == [128]
    [finding] = read.findings
    assert (finding.what, finding.remedy) == ("an erratum has no id, or one of more than 128 characters", "it is passed over")


def test_errata_are_sorted_by_id_and_one_without_an_id_is_a_finding() -> None:
    read = updateinfo(RHEL, FEDORA, SUSE.replace("<id>glib2</id>", ""))
    assert [advisory.id for advisory in read.advisories] == ["FEDORA-2024-1", "RHSA-2012:1540"]
    assert (read.listed, [finding.what for finding in read.findings]) == (3, ["an erratum has no id, or one of more than 128 characters"])


def corpus_files() -> list[Path]:
    return sorted(path for path in CORPUS.rglob("*updateinfo*") if path.is_file() and path.suffix in (".xml", ".gz", ".xz"))


def content(path: Path) -> bytes:
    unpack = {".gz": gzip.decompress, ".xz": lzma.decompress}.get(path.suffix, bytes)
    return unpack(path.read_bytes())


def by_createrepo(text: bytes, folder: Path) -> list[Any]:
    (folder / "updateinfo.xml").write_bytes(text)
    updates: list[Any] = createrepo_c.UpdateInfo(str(folder / "updateinfo.xml")).updates
    return updates


def nevras(update: Any) -> Iterator[str]:
    """Of the binary packages, each time it is listed."""
    for collection in update.collections:
        for package in collection.packages:
            if package.arch != "src":
                epoch = f"{package.epoch}:" if package.epoch not in (None, "", "0") else ""
                yield f"{package.name}-{epoch}{package.version}-{package.release}.{package.arch}"


def words(update: Any) -> list[object]:
    """What can be held against our reading word by word."""
    return [(text or "").strip() for text in (update.title, update.description, update.severity, update.version, update.status)]


def issued(update: Any) -> date | None:
    """createrepo_c gives seconds since the epoch as they are, and raises for what is no date."""
    try:
        found = update.issued_date
    except createrepo_c.CreaterepoCError:
        return None
    return datetime.fromtimestamp(found, UTC).date() if isinstance(found, int) else found and found.date()


def references(update: Any) -> list[Reference]:
    return [Reference(each.href or "", each.id or "", each.type or "", each.title or "") for each in update.references]


NAMELESS = "updateinfo_02.xml.xz"  # its one erratum has no id, and with it go its one package and its one reference, which say nothing
TWICE = "opensuse-11.0-update-2008-10"  # four packages of its erratum libxml2-184 are listed twice
NESTED = "google-updateinfo.xml"  # its date stands in an element of its own, where createrepo_c finds none
SUSE_TYPES = {"recommended": "bugfix", "optional": "enhancement", "enhancements": "enhancement"}


@pytest.mark.parametrize("path", corpus_files(), ids=lambda path: path.name[-40:])
class TestEachFileOfTheCorpus:
    """Held against createrepo_c's own reading."""

    pytestmark = needs_corpus

    def test_every_erratum_is_there_with_the_same_words(self, path: Path, tmp_path: Path) -> None:
        text = content(path)
        read = read_updateinfo((text,), source=path.name)
        theirs = by_createrepo(text, tmp_path)
        assert (read.listed, len(read.findings)) == (len(theirs), 1 if path.name == NAMELESS else 0)
        named = {f"{update.id}-{update.version}" if TWICE in str(path) else update.id: update for update in theirs if update.id}
        assert [advisory.id for advisory in read.advisories] == sorted(named)
        for advisory in read.advisories:
            update = named[advisory.id]
            assert [advisory.title, advisory.description, advisory.severity, advisory.revision, advisory.status] == words(update)
            assert advisory.type == SUSE_TYPES.get(update.type, update.type)
            assert advisory.issued == (date(2017, 8, 31) if path.name == NESTED else issued(update))

    def test_every_package_and_every_reference_is_there(self, path: Path, tmp_path: Path) -> None:
        text = content(path)
        read = read_updateinfo((text,), source=path.name)
        theirs = [update for update in by_createrepo(text, tmp_path) if update.id]
        listed = [nevra for update in theirs for nevra in sorted(nevras(update))]
        ours = [str(nevra) for advisory in read.advisories for nevra in advisory.packages]
        assert sorted(ours) == sorted(nevra for update in theirs for nevra in set(nevras(update)))
        assert len(listed) - len(ours) == (4 if TWICE in str(path) else 0)
        told = [reference for advisory in read.advisories for reference in advisory.references]
        assert sorted(map(repr, told)) == sorted(repr(each) for update in theirs for each in references(update))

    def test_every_cve_is_there(self, path: Path, tmp_path: Path) -> None:
        """createrepo_c counts references of the type; ours are more by those that other references, or only the text, name."""
        text = content(path)
        read = read_updateinfo((text,), source=path.name)
        for advisory in read.advisories:
            referred = {each.id for each in advisory.references if each.kind == "cve"}
            assert referred <= set(advisory.cves)
            said = f"{[(each.id, each.title) for each in advisory.references]} {advisory.title} {advisory.description}"
            assert all(cve in said for cve in advisory.cves)


class TestTheCorpusAsAWhole:
    pytestmark = needs_corpus

    def test_the_errata_of_a_whole_distribution_equal_the_reference(self) -> None:
        [path] = (CORPUS / "repodata/rhel6-server-x86_64-2012-12/repodata").glob("4927*-updateinfo.xml.xz")
        read = read_updateinfo((content(path),), source=path.name)
        by_id = {advisory.id: advisory for advisory in read.advisories}
        lines = (CORPUS / "pairs/rhel6-installed-at-2012-09-01.advisories.tsv").read_text().splitlines()
        rows = [line.split("\t") for line in lines if not line.startswith("#")]
        assert (len(by_id), len(rows), sum(len(advisory.packages) for advisory in read.advisories)) == (1448, 77, 5414)
        assert sum(len(advisory.references) for advisory in read.advisories) == 10351
        for name, kind, severity, issued, cves, _ in rows:
            advisory = by_id[name]
            assert [advisory.type, advisory.severity, str(advisory.issued)] == [kind, severity, issued]
            assert set(cves.replace(",", " ").split()) <= set(advisory.cves)

    def test_the_errata_of_opensuse_have_packages_days_and_cves(self) -> None:
        text = content(CORPUS / "repodata/opensuse-11.0-update-2008-10/repodata/updateinfo.xml.gz")
        read = read_updateinfo((text,), source="updateinfo.xml.gz")
        assert (read.listed, len(read.advisories), len({advisory.id.rpartition("-")[0] for advisory in read.advisories})) == (164, 164, 132)
        assert all(advisory.issued and advisory.issued.year == 2008 and advisory.packages for advisory in read.advisories)
        assert sum(bool(advisory.cves) for advisory in read.advisories) == sum(b"CVE-2" in part for part in text.split(b"</update>")) == 67
