"""Target: the texts of advisories, in mails and mailboxes of all kinds, as they lie in folders."""

from collections.abc import Sequence
from pathlib import Path

from mirrorsync.files import contained
from mirrorsync.model.version import NEVRA
from mirrorsync.planning.document import advisory_document
from mirrorsync.planning.sums import told_sums
from mirrorsync.upstream.advisorytexts import announcements, fingerprint, read_texts
from mirrorsync.upstream.mails import texts_of
from tests import announced
from tests.fuzz.mutation import mutator
from tests.fuzz.samples import samples
from tests.fuzz.target import Target

_OFFERED = {nevra.filename: (nevra,) for nevra in map(NEVRA.parse, ("tar-1.13.25-4.7.1.i386", "bind-9.2.4-30.el4_8.4.i386"))}
_WORDS = (
    *(b"Advisory ID: RHSA-", b"FLSA:", b"2002:096-24", b"Issue date: ", b"Updated on: ", b"CVE Names: ", b"CAN-2002-0399", b"9999-99-99"),
    *(b"\n\n6. RPMs required:\n", b"\n\n7. Verification:\n", b"\n\n8. References:\n", b"tar-1.13.25-4.7.1.i386.rpm", b"%2e%2e%2f"),
    *(b"CentOS Errata and Security Advisory 2009:1180", b"Fedora Update Notification\nFEDORA-2004-123\n", b"Update Information:"),
    *(b"\n--b\n", b"\n--b--\n", b"Content-Type: multipart/mixed; boundary=b\n\n", b"Content-Type: message/rfc822\n\n", b"\nFrom a@b\n"),
    *(b"Content-Transfer-Encoding: base64\n", b"Content-Transfer-Encoding: quoted-printable\n", b"Date: 31 Feb 99999", b"\r\n", b"\0"),
    *(b"-----BEGIN PGP SIGNED MESSAGE-----\n", b"\n-----BEGIN PGP SIGNATURE-----", b"- ---", b"-" * 30, b"=" * 30, b"a" * 32, b"\x1f\x8b"),
)


def _read(content: bytes, folder: Path) -> None:
    """Nothing is refused: what cannot be read is a finding, in one line."""
    for found in announcements(texts_of(content)):
        for name in found.files:
            contained(Path("/"), name)
        advisory_document(found.advisory)
    (folder / "texts").mkdir(exist_ok=True)
    (folder / "texts" / "mail").write_bytes(content)
    read = read_texts([folder / "texts"], _OFFERED)
    told_sums(read.advisories)
    fingerprint([folder / "texts"])
    if any("\n" in str(finding) for finding in read.findings):
        raise AssertionError("a finding in more than a line")


def _texts() -> Sequence[bytes]:
    plain = (announced.SECURITY_2002, announced.ERRATA_1999, announced.LEGACY_2005, announced.FEDORA_2004)
    parts = f"--b\nContent-Type: message/rfc822\n\n{announced.FEDORA_2004}\n--b--\n"
    digest = announced.mailed(parts, more="Content-Type: multipart/digest; boundary=b\n")
    mailbox = "".join(announced.CENTOS_2009.format(arch=arch) for arch in ("i386", "x86_64"))
    return [text.encode() for text in (*plain, announced.signed(announced.ERRATA_1999), digest, mailbox)]


TARGETS = (Target("advisory-text", _read, _texts, (), mutator(words=_WORDS), corpus=samples("rhl-era/advisories/*.txt")),)
