"""Errata for tests: updateinfo.xml of a repository, and a tree whose mirror has several of them."""

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mirrorsync.model.version import NEVRA
from tests.conftest import Builder
from tests.sites import Site, repodata_site

TODAY_IS_LATER = "2002-05-06"
"""A day of issue: every age is large."""


@dataclass(frozen=True)
class Erratum:
    """One <update> of updateinfo.xml."""

    id: str
    packages: tuple[str, ...]
    type: str = "security"
    severity: str = ""
    issued: str = TODAY_IS_LATER
    cves: tuple[str, ...] = ()
    reboot: bool = False
    title: str = "a title"
    description: str = "a description"

    @property
    def xml(self) -> str:
        severity = f"<severity>{self.severity}</severity>" if self.severity else ""
        references = "".join(f'<reference href="http://cve/{cve}" id="{cve}" type="cve" title="{cve}"/>' for cve in self.cves)
        packages = "".join(map(self._package, self.packages))
        return (
            f'<update from="a@b" status="final" type="{self.type}" version="1"><id>{self.id}</id><title>{self.title}</title>{severity}'
            f'<issued date="{self.issued} 00:00:00"/><references>{references}</references><description>{self.description}</description>'
            f'<pkglist><collection short="c"><name>c</name>{packages}</collection></pkglist></update>'
        )

    def _package(self, text: str) -> str:
        nevra = NEVRA.parse(text)
        reboot = "<reboot_suggested>True</reboot_suggested>" if self.reboot else ""
        return (
            f'<package name="{nevra.name}" version="{nevra.evr.version}" release="{nevra.evr.release}" epoch="{nevra.evr.epoch or 0}" '
            f'arch="{nevra.arch}" src="{nevra.name}.src.rpm"><filename>{nevra.filename}</filename>{reboot}</package>'
        )


def announce(mirror: Path, errata: Iterable[Erratum]) -> None:
    """Let a repository's metadata tell of these, and of no others."""
    updateinfo = mirror / "updateinfo.xml"
    updateinfo.write_text(f'<?xml version="1.0"?><updates>{"".join(erratum.xml for erratum in errata)}</updates>')
    subprocess.run(["modifyrepo_c", str(updateinfo), str(mirror / "repodata")], check=True, capture_output=True)
    updateinfo.unlink()


ERRATA = (
    Erratum("RHSA-1", ("bash-2-1.noarch",), severity="Critical", cves=("CVE-2002-0001", "CVE-2002-0002"), reboot=True, issued="2002-05-01"),
    Erratum("RHSA-2", ("tar-2-1.noarch", "cpio-2-1.noarch"), severity="Important", cves=("CAN-2002-0003",), issued="2002-04-01"),
    Erratum("RHSA-3", ("sed-2-1.noarch",), severity="Important", issued="2002-06-01"),
    Erratum("RHBA-4", ("gzip-2-1.noarch",), type="bugfix", issued="2002-05-03"),
    Erratum("RHEA-5", ("less-2-1.noarch",), type="enhancement", issued="2002-05-04"),
    Erratum("RHSA-9", ("ed-2-1.noarch",), severity="Low", issued="2002-05-05"),
)
HELD = ("bash", "tar", "cpio", "sed", "gzip", "less", "zlib")


def errata_site(folder: Path, rpm: Builder, errata: Iterable[Erratum] = ERRATA) -> Site:
    """A tree with repodata of bash, tar, cpio, sed, gzip, less and zlib, each at 1; its mirror has all at 2, zlib without an erratum."""
    site = repodata_site(folder, [rpm(name, "1") for name in HELD], [rpm(name, "2") for name in HELD])
    announce(site.mirror, errata)
    return site
