"""What a signature and a digest prove under each policy, each check of it planted out once, and whether that is noticed."""

import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from mirrorsync.errors import VerificationError
from mirrorsync.model.choices import Signatures
from mirrorsync.model.key import KeyPart
from mirrorsync.model.package import Digest
from mirrorsync.trust import digests, keys, proof, publickey, signatures, verdict
from mirrorsync.trust.keys import Keyring
from mirrorsync.trust.material import material
from mirrorsync.trust.proof import Claim
from mirrorsync.trust.signatures import claims
from mirrorsync.trust.verdict import Bad, Check, Signed
from mirrorsync.upstream import arrival
from tests.conftest import Builder
from tests.judgement import IN_TIME, SignedPackages, dated_anew, decided, signed_packages
from tests.trees import described


@pytest.fixture(scope="module")
def signed(rpm: Builder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SignedPackages]:
    with signed_packages(rpm, tmp_path_factory.mktemp("signed")) as made:
        yield made


@pytest.fixture(scope="module")
def keyring(signed: SignedPackages, tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    return signed.keyring(tmp_path_factory.mktemp("keyring"))


def soundness(signed: SignedPackages, folder: Path) -> None:
    today = signed.keys[0].fingerprint
    assert decided(signed.package("sound"), signed.keyring(folder)) == today


def strangers(signed: SignedPackages, folder: Path) -> None:
    answer = decided(signed.package("stranger"), signed.keyring(folder), legacy=True)
    assert f"signed by key {signed.stranger.fingerprint[-16:]}, which is not pinned for this upstream; refused: pin" in answer


def old_digests(signed: SignedPackages, folder: Path) -> None:
    expected = "bash.rpm: signed with SHA-1, which proves nothing today; set legacy = true for this mirror if its packages are of that age"
    answer = decided(signed.package("sha1"), signed.keyring(folder))
    assert answer.replace("sha1.rpm", "bash.rpm") == f"{expected}; refused"


def old_keys(signed: SignedPackages, folder: Path) -> None:
    ring = signed.keyring(folder)
    assert "signed with a DSA key of 1024 bits, which proves nothing today" in decided(signed.package("dsa"), ring)
    assert "signed with an RSA key of 1024 bits, which proves nothing today" in decided(signed.package("short"), ring)


def late_signatures(signed: SignedPackages, folder: Path) -> None:
    ended = signed.keys[1].fingerprint
    answer = decided(signed.package("late"), signed.keyring(folder), legacy=True)
    assert f"signed on 2022-06-01 by key {ended}, which had expired on 2021-01-01; refused: put in the key file" in answer


def copied_signatures(signed: SignedPackages, folder: Path) -> None:
    """Beside the true signature a copy of it that says another day, where rpm 6 looks and 4.18 does not."""
    folder.mkdir(exist_ok=True)
    ring = signed.keyring(folder / "keyrings")
    for name, refused in (("late", "which had expired on 2021-01-01; refused"), ("early", "its signature says it was made on 2019-06-01")):
        copied = dated_anew(signed.package(name), folder / f"{name}.rpm", IN_TIME)
        assert [claim.signature.created for claim in claims(copied) if claim.listed] == [IN_TIME]
        assert refused in decided(copied, ring)


def early_signatures(signed: SignedPackages, folder: Path) -> None:
    ended = signed.keys[1].fingerprint
    answer = decided(signed.package("early"), signed.keyring(folder), legacy=True)
    assert f"its signature says it was made on 2019-06-01, and its key {ended} on 2020-01-01; refused: take the package" in answer


def revoked_subkeys(signed: SignedPackages, folder: Path) -> None:
    answer = decided(signed.package("revoked"), signed.keyring(folder), legacy=True)
    assert f", a subkey of {signed.keys[4].fingerprint}, which its owner has revoked; refused: take the package" in answer


def altered_payloads(signed: SignedPackages, folder: Path) -> None:
    content = bytearray(signed.package("sound").read_bytes())
    content[-20] ^= 1
    folder.mkdir(exist_ok=True)
    altered = folder / "altered.rpm"
    altered.write_bytes(content)
    assert "digest: BAD" in decided(altered, signed.keyring(folder / "keyrings"))


def bare_headers(signed: SignedPackages, folder: Path) -> None:
    """rpm's words of a package from before 4.14 that somebody took the signature of the whole from: the payload can be anything."""
    ring = signed.keyring(folder)
    claim = next(claim for claim in claims(signed.package("sound")) if claim.of_header_only)
    words = (f"Header V4 RSA/SHA256 Signature, key ID {claim.signature.key_id[-8:]}", "Header SHA1 digest", "MD5 digest")
    assert isinstance(proof.weigh([Check(word, "OK") for word in words], [claim], ring), Bad)


def old_payload_digests(signed: SignedPackages, folder: Path) -> None:
    ring = signed.keyring(folder)
    claim = next(claim for claim in claims(signed.package("sound")) if claim.of_header_only)
    words = (f"Header V4 RSA/SHA256 Signature, key ID {claim.signature.key_id[-8:]}", "Header SHA256 digest", "Payload MD5 digest")
    expected = verdict.Signed(signed.keys[0].fingerprint, "MD5 of the payload")
    assert proof.weigh([Check(word, "OK") for word in words], [claim], ring) == expected


def weak_announcements(signed: SignedPackages, folder: Path) -> None:
    answer = decided(signed.package("unsigned"), None, Signatures.DIGEST_ONLY, announced=Digest("sha1", "0" * 40))
    assert answer == (
        "unsigned.rpm: nothing but SHA-1 says that it is whole, which proves nothing today; "
        "set legacy = true for this mirror if its packages are of that age; refused"
    )


def other_packages(signed: SignedPackages, folder: Path) -> None:
    """A package of the right name and size, rightly signed, with another one inside."""
    path = signed.package("sound")
    planned = described(path)
    other = replace(planned, nevra=replace(planned.nevra, name="tar"))
    with pytest.raises(VerificationError, match=r"^sound\.rpm: it is bash-2.05a-13.i386 inside where tar-2.05a-13.i386 was planned; not"):
        arrival.require_planned_header(path, other)
    with pytest.raises(VerificationError, match="its header is another than the one that was planned with; not taken"):
        arrival.require_planned_header(path, replace(planned, header="0" * 64))


CHECKS: Mapping[str, Callable[[SignedPackages, Path], None]] = {
    "a sound signature is taken by its key's whole fingerprint": soundness,
    "a key that is not pinned does not count though it is in the files": strangers,
    "a signature with SHA-1 is refused": old_digests,
    "a key of DSA and one of RSA below 2048 bits are refused": old_keys,
    "what was signed after its key expired is refused always": late_signatures,
    "a copy of a signature that says another day changes nothing": copied_signatures,
    "what says it was signed before its key was made is refused always": early_signatures,
    "what a revoked subkey signed is refused always": revoked_subkeys,
    "an altered payload is refused though the signature of the header holds": altered_payloads,
    "a signature of a header without a digest of the payload does not count": bare_headers,
    "a signature of a header with an old digest of the payload is weak": old_payload_digests,
    "an unsigned package that its mirror announces by SHA-1 is refused": weak_announcements,
    "a package of the planned name with another inside is refused": other_packages,
}


@pytest.mark.parametrize("name", CHECKS)
def test_a_policy_holds(name: str, signed: SignedPackages, tmp_path: Path) -> None:
    CHECKS[name](signed, tmp_path)


def better(_word: Check, held: Iterable[Claim], keyring: Keyring, payload_digest: str | None) -> Signed | None:
    """What the better of two claims proves that rpm's word could be about."""
    owned = [(claim, owner) for claim in held if (owner := keyring.owner_of(claim.signature.key_id))]
    found = [proof._weighed(claim.signature, owner[0].fingerprint, owner[1], payload_digest) for claim, owner in owned]
    return next((each for each in found if isinstance(each, Signed)), None)


# Each check taken out, at the one place where it is made, and the check's name that must notice.
PLANTS: Mapping[str, tuple[object, str, object, str]] = {
    "pinned fingerprints are not looked at": (
        keys, "chosen", lambda found, _: tuple(dict.fromkeys(sorted(found, key=lambda key: key.fingerprint))),
        "a key that is not pinned does not count though it is in the files",
    ),
    "digests of signatures are not looked at": (proof, "STRONG", (*digests.STRONG, "SHA1"), "a signature with SHA-1 is refused"),
    "kinds and lengths of keys are not looked at": (
        KeyPart, "strong", property(lambda _: True), "a key of DSA and one of RSA below 2048 bits are refused",
    ),
    "expiry is not looked at": (KeyPart, "expired", lambda *_: False, "what was signed after its key expired is refused always"),
    "the age of keys is not looked at": (
        proof, "_weighed", lambda made, owner, *_: verdict.Signed(owner),
        "what says it was signed before its key was made is refused always",
    ),
    "of two claims the better one counts": (proof, "_least", better, "a copy of a signature that says another day changes nothing"),
    "revocation of subkeys is not looked at": (
        publickey, "_subkey", lambda packet, statements, primary: publickey._part(material(packet.body), 0, revoked=False),
        "what a revoked subkey signed is refused always",
    ),
    "digests are not looked at": (
        signatures, "parse", lambda output, paths: verdict.parse(output.replace(b": BAD (", b": OK ("), paths),
        "an altered payload is refused though the signature of the header holds",
    ),
    "what a signature covers is not looked at": (
        proof, "_payload_digest", lambda _: "SHA256", "a signature of a header without a digest of the payload does not count",
    ),
    "the digest of the payload is not looked at": (
        proof, "_weakness", lambda *_: "", "a signature of a header with an old digest of the payload is weak",
    ),
    "announced digests are not looked at": (
        signatures, "is_weak", lambda _: False, "an unsigned package that its mirror announces by SHA-1 is refused",
    ),
    "the planned header is not looked at": (
        arrival, "_departure", lambda *_: "", "a package of the planned name with another inside is refused",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANTS)
def test_a_check_that_is_taken_out_is_missed(name: str, signed: SignedPackages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, attribute, wrong, noticed_by = PLANTS[name]
    monkeypatch.setattr(place, attribute, wrong)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        CHECKS[noticed_by](signed, tmp_path)


@pytest.mark.parametrize("name", ["sha1", "dsa", "short"])
def test_what_is_weak_is_taken_where_the_mirror_is_of_that_age(name: str, signed: SignedPackages, keyring: Keyring) -> None:
    assert decided(signed.package(name), keyring, legacy=True) in {key.fingerprint for key in signed.keys}


def test_what_an_expired_key_signed_in_its_time_is_taken(signed: SignedPackages, keyring: Keyring) -> None:
    assert decided(signed.package("spent"), keyring) == signed.keys[1].fingerprint


def test_unsigned_packages_are_taken_by_a_strong_digest_where_the_policy_says_so(signed: SignedPackages) -> None:
    for announced in (None, Digest("sha256", "0" * 64), Digest("sha512", "0" * 128)):
        assert decided(signed.package("unsigned"), None, Signatures.DIGEST_ONLY, announced=announced) == ""


def test_a_weak_announcement_does_where_the_mirror_is_of_that_age(signed: SignedPackages) -> None:
    sha1 = Digest("sha1", "0" * 40)
    assert decided(signed.package("unsigned"), None, Signatures.DIGEST_ONLY, legacy=True, announced=sha1) == ""


def test_of_several_signatures_one_that_proves_something_is_enough(signed: SignedPackages, keyring: Keyring) -> None:
    weak, sound = claims(signed.package("sha1"))[0], claims(signed.package("sound"))[0]
    words = ("V4 RSA/SHA1 Signature", "Header V4 RSA/SHA1 Signature", "V4 RSA/SHA256 Signature", "Header V4 RSA/SHA256 Signature")
    checks = [Check(f"{word}, key ID {signed.keys[0].fingerprint[-8:]}", "OK") for word in words]
    checks.append(Check("Payload SHA256 digest", "OK"))
    assert proof.weigh(checks, [weak, sound], keyring) == verdict.Signed(signed.keys[0].fingerprint)
    assert proof.weigh(checks, [weak], keyring) == verdict.Signed(signed.keys[0].fingerprint, "SHA-1")


def test_a_signature_counts_only_on_rpms_own_word(signed: SignedPackages, keyring: Keyring) -> None:
    [claim, *_] = claims(signed.package("sound"))
    identifier = claim.signature.key_id[-8:]
    for word in ("V3 RSA/SHA256 Signature", "V4 RSA/SHA512 Signature", "V4 RSA/SHA256 Signature of another kind"):
        for key in (identifier, "00000000"):
            checks = [Check(f"{word}, key ID {key}", "OK"), Check("Payload SHA256 digest", "OK")]
            assert isinstance(proof.weigh(checks, [claim], keyring), Bad)


def test_a_signature_whose_tag_is_there_twice_is_not_read(signed: SignedPackages, tmp_path: Path) -> None:
    content = bytearray(signed.package("sound").read_bytes())
    index = 96 + 16  # lead, and the signature header's intro
    tags = {int.from_bytes(content[place : place + 4]): place for place in range(index, index + 7 * 16, 16)}
    doubled = Path(tmp_path / "x.rpm")
    content[tags[1004] : tags[1004] + 4] = (268).to_bytes(4)
    doubled.write_bytes(content)
    assert all(not claim.of_header_only for claim in claims(doubled))


def test_an_expired_copy_of_a_key_gives_way_to_a_newer_one(signed: SignedPackages, tmp_path: Path) -> None:
    ended = signed.keys[1]
    old = Path(shutil.copy(ended.public, tmp_path / "old.asc"))
    home = tmp_path / "home"
    shutil.copytree(ended.home, home, ignore=shutil.ignore_patterns("S.*"))
    try:
        ended.gpg("--homedir", str(home), "--quick-set-expire", ended.fingerprint, "20300101T000000", at="20201201")
        new = tmp_path / "new.asc"
        new.write_text(ended.gpg("--homedir", str(home), "--armor", "--export", ended.fingerprint))
    finally:
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "gpg-agent"], check=True)
    for files in ([old, new], [new, old]):
        ring = Keyring.make(tmp_path / "keyrings", files)
        assert decided(signed.package("late"), ring) == ended.fingerprint
    assert "had expired" in decided(signed.package("late"), Keyring.make(tmp_path / "keyrings", [old]))
