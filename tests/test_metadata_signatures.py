"""Signatures on repomd.xml: gpgv's verdict on real keys, and what an upstream's policy makes of it from run to run."""

import bz2
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from fixtures.keys import SigningKey, signing_key
from mirrorsync.app.views import ViewFile
from mirrorsync.errors import TrustError, VerificationError
from mirrorsync.trust import metadata
from mirrorsync.trust.metadata import is_signature, judged, metadata_signer
from mirrorsync.trust.packets import from_armour
from mirrorsync.trust.publickey import PublicKey, read_keys
from tests.commands import Mirrorsync, configured
from tests.conftest import Builder
from tests.corpus import CORPUS, needs_corpus
from tests.forgeries import packet
from tests.servers import MirrorServer, http_server
from tests.sites import Site, repodata_site
from tests.watched import refusal, taken_out, updated

CONTENT = b"<repomd/>"
VALID = "[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG 01 x\n[GNUPG:] VALIDSIG {by} 2026-11-22 1 0 4 0 1 {hash} 00 {by}\n"
PINNED = "a" * 40


def gpg(key: SigningKey, *arguments: str, content: bytes = b"") -> bytes:
    command = ["gpg", "--homedir", str(key.home), "--batch", "--yes", "--quiet", *arguments]
    return subprocess.run(command, input=content, check=True, capture_output=True).stdout


def detached(key: SigningKey, content: bytes = CONTENT, *options: str) -> bytes:
    return gpg(key, *options, "--armor", "--local-user", key.fingerprint, "--detach-sign", content=content)


@pytest.fixture(scope="module")
def pinned() -> Iterator[SigningKey]:
    with signing_key("Pinned") as key:
        yield key


@pytest.fixture(scope="module")
def stranger() -> Iterator[SigningKey]:
    with signing_key("Stranger") as key:
        yield key


def signer(signature: bytes, key: SigningKey, content: bytes = CONTENT, *, legacy: bool = False) -> str:
    return metadata_signer(content, signature, read_keys(key.public), legacy=legacy)


def fault(signature: bytes, keys: tuple[PublicKey, ...], content: bytes = CONTENT, *, legacy: bool = False) -> str:
    with pytest.raises(VerificationError) as raised:
        metadata_signer(content, signature, keys, legacy=legacy)
    return str(raised.value)


# gpgv's verdict


def test_a_good_signature_names_the_pinned_key_that_made_it(pinned: SigningKey) -> None:
    assert signer(detached(pinned), pinned) == pinned.fingerprint


def test_a_binary_signature_is_as_good_as_an_armoured_one(pinned: SigningKey) -> None:
    binary = gpg(pinned, "--local-user", pinned.fingerprint, "--detach-sign", content=CONTENT)
    assert is_signature(binary)
    assert signer(binary, pinned) == pinned.fingerprint


def test_a_signature_of_other_bytes_is_refused(pinned: SigningKey) -> None:
    assert "does not fit it" in fault(detached(pinned), read_keys(pinned.public), CONTENT + b" ")


def test_a_key_that_is_not_pinned_is_named(pinned: SigningKey, stranger: SigningKey) -> None:
    said = fault(detached(stranger), read_keys(pinned.public))
    assert f"signed by key {stranger.fingerprint}, which is not pinned" in said


def test_of_two_signatures_one_by_a_pinned_key_is_enough(pinned: SigningKey, stranger: SigningKey) -> None:
    both = b"".join(gpg(key, "--local-user", key.fingerprint, "--detach-sign", content=CONTENT) for key in (stranger, pinned))
    assert signer(both, pinned) == pinned.fingerprint


def test_sha1_counts_only_for_an_upstream_of_that_age(pinned: SigningKey) -> None:
    signature = detached(pinned, CONTENT, "--digest-algo", "SHA1")
    assert "its signature is of SHA-1, which proves nothing any more; set `legacy`" in fault(signature, read_keys(pinned.public))
    assert signer(signature, pinned, legacy=True) == pinned.fingerprint


@pytest.mark.parametrize(("kind", "said"), [("RSA", "an RSA key of 1024 bits"), ("DSA", "a DSA key of 1024 bits")])
def test_a_short_key_counts_only_for_an_upstream_of_that_age(kind: str, said: str) -> None:
    with signing_key("Short", kind=kind, bits=1024) as key:
        signature = detached(key)
        assert f"by {said}, which proves nothing any more; set `legacy`" in fault(signature, read_keys(key.public))
        assert signer(signature, key, legacy=True) == key.fingerprint


def test_a_short_subkey_counts_no_more_than_a_short_key() -> None:
    with signing_key("Whole") as key:
        key.gpg("--quick-add-key", key.fingerprint, "rsa1024", "sign", "never")
        key.publish()
        assert "its signature is by an RSA key of 1024 bits" in fault(detached(key), read_keys(key.public))


def test_what_unpacks_to_more_is_no_signature(pinned: SigningKey) -> None:
    binary = gpg(pinned, "--local-user", pinned.fingerprint, "--detach-sign", content=CONTENT)
    packed = packet(8, b"\3" + bz2.compress(packet(11, b"b" + bytes(1 << 20))))
    for content in (binary + packed, packed, b"\x88\0" + packed, binary * 17):
        assert "its signature cannot be read" in fault(content, read_keys(pinned.public))


def test_an_expired_key_counts_no_more() -> None:
    with signing_key("Expired") as key:
        gpg(key, "--quick-set-expire", key.fingerprint, "seconds=2")
        key.public.write_bytes(gpg(key, "--armor", "--export", key.fingerprint))
        signature = detached(key)
        time.sleep(3)
        assert "by a key that has expired" in fault(signature, read_keys(key.public), legacy=True)


def test_a_revoked_key_counts_no_more() -> None:
    with signing_key("Revoked") as key:
        signature, [known] = detached(key), read_keys(key.public)
        revocation = (key.home / f"openpgp-revocs.d/{key.fingerprint.upper()}.rev").read_bytes()
        gpg(key, "--import", content=revocation.replace(b":-----BEGIN", b"-----BEGIN"))
        with_revocation = replace(known, packets=from_armour(gpg(key, "--armor", "--export", key.fingerprint)))
        assert "its owner has revoked" in fault(signature, (with_revocation,))


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\n", b"\x88\x00", b"\x89" * 5000])
def test_what_is_no_signature_proves_nothing(content: bytes, pinned: SigningKey) -> None:
    assert "cannot be read" in fault(content, read_keys(pinned.public))


@pytest.mark.parametrize("number", ["1", "3"])
def test_other_weak_digests_never_count(number: str) -> None:
    with pytest.raises(VerificationError, match="proves nothing any more; its owner"):
        judged(VALID.format(by=PINNED, hash=number).encode(), frozenset({PINNED}), {}, legacy=True)


def test_a_signature_that_does_not_fit_decides_beside_one_that_does() -> None:
    status = VALID.format(by=PINNED, hash="8") + "[GNUPG:] NEWSIG\n[GNUPG:] BADSIG 02 y\n"
    with pytest.raises(VerificationError, match="does not fit it"):
        judged(status.encode(), frozenset({PINNED}), {}, legacy=False)


@pytest.mark.parametrize("status", ["", "[GNUPG:]\n", VALID.format(by="b" * 40, hash="8"), VALID.replace("GOODSIG", "EXPSIG")])
def test_a_valid_signature_is_one_that_is_good_and_by_a_pinned_key(status: str) -> None:
    with pytest.raises(VerificationError):
        judged(status.format(by=PINNED, hash="8").encode(), frozenset({PINNED}), {}, legacy=False)


def test_without_gpgv_the_line_says_what_to_install(pinned: SigningKey, monkeypatch: pytest.MonkeyPatch) -> None:
    signature = detached(pinned)
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(TrustError, match="install the package gpgv"):
        signer(signature, pinned)


@pytest.mark.parametrize("page", [b"<html>Not found</html>", b"", b"404\n"])
def test_the_page_of_a_server_that_answers_anything_is_no_signature(page: bytes) -> None:
    assert not is_signature(page)


# What becomes of it


@dataclass(frozen=True, slots=True)
class Signing:
    """A site whose mirror's metadata `key` signs, served by `web`."""

    site: Site
    key: SigningKey
    web: MirrorServer

    @property
    def repomd(self) -> Path:
        return self.site.mirror / "repodata/repomd.xml"

    def sign(self, key: SigningKey | None = None) -> None:
        self.repomd.with_name("repomd.xml.asc").write_bytes(detached(key or self.key, self.repomd.read_bytes()))

    def unsign(self) -> None:
        self.repomd.with_name("repomd.xml.asc").unlink()

    def change(self) -> None:
        """Another repomd.xml, without a signature of its own."""
        self.repomd.write_text(self.repomd.read_text() + "\n")

    def program(self, policy: str | None = None, *more: str) -> Mirrorsync:
        lines = [f'metadata_signatures = "{policy}"'] if policy else []
        program = self.site.program(self.web.url)
        text = "\n".join([program.config.read_text(), f'keys = ["{self.key.public}"]', *lines, *more, ""])
        program.config.write_text(text)
        return program


@pytest.fixture
def signing(tmp_path: Path, rpm: Builder, pinned: SigningKey) -> Iterator[Signing]:
    site = repodata_site(tmp_path, [rpm("bash", "1")], [rpm("bash", "1")])
    with http_server(site.mirror) as web:
        yield Signing(site, pinned, web)


def test_a_signed_mirror_is_read_under_every_policy(signing: Signing) -> None:
    signing.sign()
    for policy in ("require", "if-present", "ignore", None):
        assert updated(signing.program(policy)).plan.empty


def test_an_unsigned_mirror_is_refused_where_signatures_are_required(signing: Signing) -> None:
    assert updated(signing.program()).plan.empty
    line = refusal(signing.program("require"))
    assert line.startswith(f"{signing.web.url}/repodata/repomd.xml: is not signed, which metadata_signatures")


@pytest.mark.parametrize("policy", ["require", "if-present"])
def test_a_signature_by_somebody_else_is_refused(policy: str, signing: Signing, stranger: SigningKey) -> None:
    signing.sign(stranger)
    assert "is not pinned for this upstream" in refusal(signing.program(policy))


@pytest.mark.parametrize("policy", ["require", "if-present"])
def test_a_repomd_that_is_not_the_one_signed_is_refused(policy: str, signing: Signing) -> None:
    signing.sign()
    signing.change()
    assert "does not fit it" in refusal(signing.program(policy))


def test_a_mirror_that_ceases_to_sign_is_refused_until_told_otherwise(signing: Signing) -> None:
    signing.sign()
    updated(signing.program())
    signing.unsign()
    signing.change()
    assert "was signed when it was last taken" in refusal(signing.program())
    assert updated(signing.program("ignore")).plan.empty
    assert updated(signing.program("if-present")).plan.empty


def test_a_page_in_place_of_the_signature_is_as_none(signing: Signing) -> None:
    signing.web.behaviour.bodies["/repodata/repomd.xml.asc"] = b"<html>Welcome</html>"
    assert updated(signing.program()).plan.empty
    assert "is not signed" in refusal(signing.program("require"))


def test_a_signature_is_fetched_again_only_with_another_repomd(signing: Signing) -> None:
    signing.sign()
    updated(signing.program("require"))
    signing.web.requests.clear()
    updated(signing.program("require"))
    assert signing.web.lines() == ["GET /repodata/repomd.xml"]
    signing.change()
    signing.sign()
    updated(signing.program("require"))
    assert signing.web.lines().count("GET /repodata/repomd.xml.asc") == 1


def test_another_policy_judges_what_was_kept_anew(signing: Signing, stranger: SigningKey) -> None:
    signing.sign(stranger)
    assert updated(signing.program("ignore")).plan.empty
    assert "is not pinned" in refusal(signing.program("if-present"))


def test_a_signature_that_is_changed_between_the_two_requests_is_fetched_again(signing: Signing) -> None:
    signing.sign()

    def change_once(path: str) -> None:
        if path.endswith("repomd.xml") and len(signing.web.asked(path)) == 1:
            signing.change()
            signing.sign()

    signing.web.behaviour.after_answer = change_once
    assert updated(signing.program("require")).plan.empty


def test_a_place_without_a_fitting_signature_is_passed_over(signing: Signing, stranger: SigningKey, tmp_path: Path, rpm: Builder) -> None:
    signing.sign()
    other = repodata_site(tmp_path / "other", [], [rpm("bash", "9")])
    (tmp_path / "list").mkdir()
    with http_server(other.mirror) as false, http_server(tmp_path / "list") as lists:
        repomd = other.mirror / "repodata/repomd.xml"
        repomd.with_name("repomd.xml.asc").write_bytes(detached(stranger, repomd.read_bytes()))
        (tmp_path / "list/list").write_text(f"{false.url}\n{signing.web.url}\n")
        program = signing.program("require")
        program.config.write_text(program.config.read_text().replace(f'url = "{signing.web.url}/"', f'mirrorlist = "{lists.url}/list"'))
        assert updated(program).plan.empty


def test_nobody_to_sign_it_is_a_fault_of_the_configuration(tmp_path: Path) -> None:
    lines = 'url = "file:///x"\nkind = "repodata"\nsignatures = "digest-only"\nmetadata_signatures = "require"'
    checked = configured(tmp_path, tmp_path / "tree", lines, layout="repodata")("update")
    assert (checked.code, "keys: is missing: metadata must be signed" in checked.err) == (78, True)


def test_repo_gpgcheck_requires_a_signature(signing: Signing, tmp_path: Path) -> None:
    repo = tmp_path / "x.repo"
    repo.write_text(f"[x]\nbaseurl={signing.web.url}\ngpgcheck=0\nrepo_gpgcheck=1\ngpgkey=file://{signing.key.public}\n")
    program = configured(tmp_path, signing.site.tree, "", layout="repodata", more=f'updates_from = ["{repo}"]')
    assert "is not signed" in refusal(program)
    signing.sign()
    assert updated(program).plan.empty


# Checks taken out


def test_without_gpgvs_verdict_anybody_could_sign(signing: Signing, stranger: SigningKey, monkeypatch: pytest.MonkeyPatch) -> None:
    taken_out(monkeypatch, metadata.judged, lambda _status, pinned, _weak, **_words: min(pinned))
    signing.sign(stranger)
    assert updated(signing.program("require")).plan.empty


def test_without_the_memory_a_stripped_signature_is_taken(signing: Signing, monkeypatch: pytest.MonkeyPatch) -> None:
    signing.sign()
    updated(signing.program())
    signing.unsign()
    signing.change()
    monkeypatch.setattr(ViewFile, "last", lambda _self: None)
    assert updated(signing.program()).plan.empty


REPOSITORIES = CORPUS / "repodata"
LIBREPO = "librepo-testdata/yum_mock/static/01/repodata"
OPENSUSE = "opensuse-11.0-update-2008-10/repodata"
REAL = {
    (LIBREPO, "repomd.xml.asc", "repomd.xml.a510b23.key"): "f4fc5b6ac58696023b9dbfb197bdb7906441edf5",
    (LIBREPO, "repomd.xml.asc", "repomd.xml.key"): "signed by key f4fc5b6ac58696023b9dbfb197bdb7906441edf5, which is not pinned",
    (LIBREPO, "repomd.xml.asc.bad", "repomd.xml.key"): "does not fit it",
    (LIBREPO, "repomd.xml.ee2af35.asc", "repomd.xml.key"): "of SHA-1",
    (OPENSUSE, "repomd.xml.asc", "repomd.xml.key"): "by a key that has expired",
}


class TestWithTheCorpus:
    pytestmark = needs_corpus

    @pytest.mark.parametrize("case", REAL, ids="/".join)
    def test_real_signatures_are_judged_by_what_is_pinned(self, case: tuple[str, str, str]) -> None:
        folder, signature, key = (REPOSITORIES / case[0], *case[1:])
        content, keys = (folder / "repomd.xml").read_bytes(), read_keys(folder / key)
        if len(REAL[case]) == 40:
            assert metadata_signer(content, (folder / signature).read_bytes(), keys, legacy=False) == REAL[case]
        else:
            assert REAL[case] in fault((folder / signature).read_bytes(), keys, content)

    def test_sha1_of_its_age_counts_with_legacy(self) -> None:
        folder = REPOSITORIES / LIBREPO
        content, signature = ((folder / name).read_bytes() for name in ("repomd.xml", "repomd.xml.ee2af35.asc"))
        assert metadata_signer(content, signature, read_keys(folder / "repomd.xml.key"), legacy=True)

    def test_a_key_that_gpgv_cannot_read_does_not_hide_the_others(self) -> None:
        folder = REPOSITORIES / LIBREPO
        content, signature = ((folder / name).read_bytes() for name in ("repomd.xml", "repomd.xml.asc"))
        odd = read_keys(CORPUS / "keys/rpm__rpm-testkey-v6-ed25519.asc")
        assert metadata_signer(content, signature, (*odd, *read_keys(folder / "repomd.xml.a510b23.key")), legacy=False)
