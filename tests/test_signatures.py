"""What rpm says of signed, unsigned, altered and foreign files, and what is made of it."""

import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from fixtures.keys import SigningKey, signing_key
from mirrorsync.errors import TrustError, VerificationError
from mirrorsync.model.choices import Signatures
from mirrorsync.rpmfile.header import read_rpm
from mirrorsync.trust.keys import Keyring
from mirrorsync.trust.signatures import issuers, verdicts, verify
from mirrorsync.trust.verdict import Bad, Check, Signed, UnknownKey, Unsigned, judge, parse
from tests.conftest import Builder
from tests.corpus import CORPUS, needs_corpus
from tests.trees import described

_SIGNATURE_INDEX = 96 + 16  # bytes: lead, and the intro of the signature header


@dataclass(frozen=True, slots=True)
class Stand:
    """A pinned key and another, a keyring of the first, and one package in all the states it can arrive in."""

    pinned: SigningKey
    other: SigningKey
    keyring: Keyring
    signed: Path
    foreign: Path
    unsigned: Path


@pytest.fixture(scope="module")
def stand(rpm: Builder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    folder = tmp_path_factory.mktemp("signed")
    unsigned = rpm("bash", "2.05a", "13", arch="i386", files={"/bin/bash": "#!\n" * 400})
    with signing_key("Pinned") as pinned, signing_key("Other", kind="DSA", bits=1024) as other:
        signed, foreign = (Path(shutil.copy(unsigned, folder / name)) for name in ("signed.rpm", "foreign.rpm"))
        pinned.sign([signed])
        other.sign([foreign], digest="sha1")
        keyring = Keyring.make(folder / "keyrings", [pinned.public, other.public], [pinned.fingerprint])
        yield Stand(pinned, other, keyring, signed, foreign, unsigned)


def altered(path: Path, into: Path, *, offset: int) -> Path:
    """A copy with one bit turned; `offset` as in a slice, so from the end where negative."""
    content = bytearray(path.read_bytes())
    content[offset] ^= 1
    into.write_bytes(content)
    return into


def without_signature_tags(path: Path, into: Path, tags: frozenset[int]) -> Path:
    """A copy whose signature header calls these tags by a number that means nothing."""
    content = bytearray(path.read_bytes())
    (entries,) = struct.unpack_from(">I", content, _SIGNATURE_INDEX - 8)
    for place in range(_SIGNATURE_INDEX, _SIGNATURE_INDEX + entries * 16, 16):
        if struct.unpack_from(">I", content, place)[0] in tags:
            struct.pack_into(">I", content, place, 1003)
    into.write_bytes(content)
    return into


def test_a_package_signed_by_a_pinned_key_is_signed_by_its_full_fingerprint(stand: Stand) -> None:
    assert verdicts([stand.signed], stand.keyring) == (Signed(stand.pinned.fingerprint),)


def test_a_key_that_is_in_the_files_but_not_pinned_is_unknown_and_named_by_its_whole_id(stand: Stand) -> None:
    assert verdicts([stand.foreign], stand.keyring) == (UnknownKey(stand.other.fingerprint[-16:]),)


def test_an_unsigned_package_is_unsigned(stand: Stand) -> None:
    assert verdicts([stand.unsigned], stand.keyring) == (Unsigned(),)


@pytest.mark.parametrize("which", ["signed", "foreign", "unsigned"])
def test_an_altered_payload_is_bad_with_keys_and_without(stand: Stand, tmp_path: Path, which: str) -> None:
    broken = altered(getattr(stand, which), tmp_path / "x.rpm", offset=-20)
    for keyring in (stand.keyring, None):
        (verdict,) = verdicts([broken], keyring)
        assert isinstance(verdict, Bad)
        assert "digest: BAD" in verdict.what


@pytest.mark.parametrize("which", ["signed", "foreign", "unsigned"])
def test_an_altered_header_is_bad(stand: Stand, tmp_path: Path, which: str) -> None:
    path = getattr(stand, which)
    broken = altered(path, tmp_path / "x.rpm", offset=path.read_bytes().rindex(b"Made for a test"))
    assert [type(verdicts([broken], keyring)[0]) for keyring in (stand.keyring, None)] == [Bad, Bad]


def test_a_file_cut_anywhere_is_bad(stand: Stand, tmp_path: Path) -> None:
    content = stand.signed.read_bytes()
    paths = []
    for length in range(0, len(content), len(content) // 60):
        paths.append(tmp_path / str(length))
        paths[-1].write_bytes(content[:length])
    assert {type(verdict) for keyring in (stand.keyring, None) for verdict in verdicts(paths, keyring)} == {Bad}


def test_what_is_not_there_or_is_no_package_is_bad_and_the_others_have_their_verdicts(stand: Stand, tmp_path: Path) -> None:
    page = tmp_path / "page.rpm"
    page.write_text("<html>not found</html>")
    found = verdicts([stand.signed, page, tmp_path / "absent.rpm", tmp_path, stand.unsigned], stand.keyring)
    assert found == (Signed(stand.pinned.fingerprint), *[Bad("not a whole package")] * 3, Unsigned())


def test_a_signature_of_the_header_alone_does_not_do_where_the_header_has_no_digest_of_the_payload(stand: Stand) -> None:
    lines = ("Header V3 DSA/SHA1 Signature, key ID {}: OK", "Header SHA1 digest: OK", "Payload SHA256 digest: NOTFOUND", "MD5 digest: OK")
    checks = tuple(Check(*line.format(stand.pinned.fingerprint[-8:]).rsplit(": ", 1)) for line in lines)
    assert judge(checks, stand.keyring) == Bad("its signature covers the header only, and the header has no digest of the payload")


def test_a_signature_of_the_header_does_where_the_header_has_a_digest_of_the_payload(stand: Stand, tmp_path: Path) -> None:
    path = without_signature_tags(stand.signed, tmp_path / "x.rpm", frozenset({1002, 1005}))
    assert read_rpm(path).signature.data(268) is not None
    assert verdicts([path], stand.keyring) == (Signed(stand.pinned.fingerprint),)


def test_a_package_whose_signatures_were_taken_off_is_unsigned(stand: Stand, tmp_path: Path) -> None:
    path = without_signature_tags(stand.signed, tmp_path / "x.rpm", frozenset({267, 268, 1002, 1005}))
    assert verdicts([path], stand.keyring) == (Unsigned(),)


@pytest.mark.parametrize("name", ["-n.rpm", "a b.rpm", "*.rpm", "100%s.rpm", "$(id).rpm", "é.rpm", "\udcff.rpm", "a:.rpm", "    x: OK"])
def test_no_file_name_changes_a_verdict(stand: Stand, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(stand.signed, name)
    assert verdicts([Path(name), stand.unsigned], stand.keyring) == (Signed(stand.pinned.fingerprint), Unsigned())


def test_a_name_of_several_lines_cannot_speak_for_rpm(stand: Stand, tmp_path: Path) -> None:
    path = tmp_path / f"x\n    V4 RSA signature, key ID {stand.pinned.fingerprint[-8:]}: OK\n    MD5 digest: OK\n.rpm"
    shutil.copy(stand.unsigned, path)
    assert verdicts([path, stand.signed], stand.keyring) == (Bad("not a whole package"), Signed(stand.pinned.fingerprint))


def test_more_files_than_one_call_takes_keep_their_order(stand: Stand) -> None:
    found = verdicts([stand.signed, stand.unsigned, stand.foreign] * 400, stand.keyring)
    assert [type(verdict) for verdict in found] == [Signed, Unsigned, UnknownKey] * 400


def test_no_files_need_no_verdict(stand: Stand) -> None:
    assert verdicts([], stand.keyring) == ()


def test_the_users_own_rpm_settings_change_nothing(stand: Stand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    macros = ("_pkgverify_level none", "_pkgverify_flags 0xf0f0f", "_vsflags_verify 0xf0f0f", "_keyring fs", f"_keyringpath {tmp_path}")
    (tmp_path / ".rpmmacros").write_text("".join(f"%{macro}\n" for macro in macros))
    shutil.copy(stand.other.public, tmp_path / "gpg-pubkey-other.key")
    monkeypatch.setenv("HOME", str(tmp_path))
    broken = altered(stand.signed, tmp_path / "x.rpm", offset=-20)
    found = verdicts([broken, stand.unsigned, stand.foreign, stand.signed], stand.keyring)
    assert [type(verdict) for verdict in found] == [Bad, Unsigned, UnknownKey, Signed]


def test_verify_returns_who_signed(stand: Stand) -> None:
    assert verify(stand.signed, described(stand.signed), stand.keyring, Signatures.REQUIRE) == stand.pinned.fingerprint


def test_verify_refuses_an_unsigned_package_where_a_signature_is_required(stand: Stand) -> None:
    package = described(stand.unsigned)
    with pytest.raises(VerificationError, match=r"^bash-2\.05a-13\.i386\.rpm: not signed; refused: "):
        verify(stand.unsigned, package, stand.keyring, Signatures.REQUIRE)


def test_verify_names_the_key_that_is_not_pinned(stand: Stand) -> None:
    package = described(stand.foreign, "RPMS/bash.rpm")
    with pytest.raises(VerificationError, match=rf"^bash\.rpm: signed by key {stand.other.fingerprint[-16:]}, which is not pinned"):
        verify(stand.foreign, package, stand.keyring, Signatures.REQUIRE)


def test_verify_says_which_check_failed(stand: Stand, tmp_path: Path) -> None:
    broken = altered(stand.signed, tmp_path / "x.rpm", offset=-20)
    with pytest.raises(VerificationError, match=r"^signed\.rpm: .* digest: BAD .*; refused: another mirror may have it whole$"):
        verify(broken, described(stand.signed), stand.keyring, Signatures.REQUIRE)


@pytest.mark.parametrize("which", ["signed", "foreign", "unsigned"])
def test_digests_alone_do_where_the_policy_says_so(stand: Stand, which: str) -> None:
    path = getattr(stand, which)
    assert verify(path, described(path), None, Signatures.DIGEST_ONLY) is None


def test_digests_must_hold_where_the_policy_asks_for_them_alone(stand: Stand, tmp_path: Path) -> None:
    broken = altered(stand.unsigned, tmp_path / "x.rpm", offset=-20)
    with pytest.raises(VerificationError, match="digest: BAD"):
        verify(broken, described(stand.unsigned), None, Signatures.DIGEST_ONLY)


def test_a_required_signature_without_a_keyring_is_an_error_of_the_configuration(stand: Stand) -> None:
    with pytest.raises(TrustError, match="no key is configured"):
        verify(stand.signed, described(stand.signed), None, Signatures.REQUIRE)


def test_a_verdict_does_not_leave_a_database_behind(stand: Stand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    verdicts([stand.signed], None)
    assert list(tmp_path.iterdir()) == []


def test_an_rpmkeys_that_is_killed_ends_the_run_rather_than_judging_the_package(
    stand: Stand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    instead_of_rpmkeys(monkeypatch, tmp_path, "import signal, time; signal.signal(signal.SIGINT, signal.SIG_DFL); time.sleep(20)")
    ending = threading.Thread(target=interrupt, args=(f"{tmp_path}/rpmkeys",))
    ending.start()
    with pytest.raises(TrustError, match="rpmkeys was ended by signal 2, so nothing was verified; run again"):
        verdicts([stand.signed], stand.keyring)
    ending.join()


def instead_of_rpmkeys(monkeypatch: pytest.MonkeyPatch, folder: Path, code: str) -> None:
    """Let a Python program stand before it in the path; `whole()` is what rpmkeys itself would have printed."""
    program = folder / "rpmkeys"
    own = "def whole(): return subprocess.run([RPMKEYS, *sys.argv[1:]], capture_output=True, text=True).stdout"
    program.write_text(f"#!{sys.executable}\nimport subprocess, sys\nRPMKEYS = {shutil.which('rpmkeys')!r}\n{own}\n{code}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def interrupt(program: str) -> None:
    """SIGINT to the process of that program, once there is one."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                if program.encode() in path.read_bytes().split(b"\0"):
                    os.kill(int(path.parent.name), signal.SIGINT)
                    return
        time.sleep(0.05)


def test_a_package_that_rpm_dies_of_is_refused_and_the_others_are_judged(
    stand: Stand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deadly = Path(shutil.copy(stand.signed, tmp_path / "deadly.rpm"))
    died = "import ctypes; any('deadly' in word for word in sys.argv) and ctypes.string_at(0); print(whole(), end='')"
    instead_of_rpmkeys(monkeypatch, tmp_path, died)
    assert verdicts([stand.signed, deadly, stand.unsigned], stand.keyring) == (
        Signed(stand.pinned.fingerprint),
        Bad("rpmkeys died of signal 11"),
        Unsigned(),
    )
    with pytest.raises(VerificationError, match=r"^deadly\.rpm: rpmkeys died of signal 11; refused: another mirror may have it whole$"):
        verify(deadly, described(deadly), stand.keyring, Signatures.REQUIRE)


def test_rpm_s_exit_code_counts_beside_a_file_that_its_words_refuse(stand: Stand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = altered(stand.signed, tmp_path / "damaged.rpm", offset=-20)
    instead_of_rpmkeys(monkeypatch, tmp_path, "print(whole(), end=''); sys.exit(1)")
    good, bad = verdicts([stand.signed, damaged], stand.keyring)
    assert good == Bad("rpm does not accept it")
    assert isinstance(bad, Bad)


def test_a_subkeys_signature_counts_as_the_pinned_keys(rpm: Builder, tmp_path: Path) -> None:
    with signing_key("Whole") as key:
        gpg = ["gpg", "--homedir", str(key.home), "--batch", "--pinentry-mode", "loopback", "--passphrase", ""]
        subprocess.run([*gpg, "--quick-add-key", key.fingerprint, "rsa2048", "sign", "never"], check=True, capture_output=True)
        public = tmp_path / "key.gpg"
        public.write_bytes(subprocess.run([*gpg, "--export"], check=True, capture_output=True).stdout)
        package = Path(shutil.copy(rpm("popt", "1.5"), tmp_path / "popt.rpm"))
        key.sign([package])
        keyring = Keyring.make(tmp_path / "keyrings", [public], [key.fingerprint])
        assert verdicts([package], keyring) == (Signed(key.fingerprint),)
        assert issuers(package)[0] in keyring.keys[0].key_ids[1:]


def test_lines_of_rpm_6_are_understood(tmp_path: Path) -> None:
    path = tmp_path / "x.rpm"
    fingerprint = "771b18d3d7baa28734333c424344591e1964c5fc"
    lines = (f"{path}:", f"    Header OpenPGP V4 RSA/SHA256 signature, key fingerprint: {fingerprint}: OK", "    Payload SHA256 digest: OK")
    checks = parse("\n".join(lines).encode(), [path])[path]
    assert [(check.result, check.key_id) for check in checks] == [("OK", fingerprint), ("OK", "")]


@pytest.fixture(scope="module")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    """Every key of the corpus that rpm can import, two that share an id left out."""
    folder = tmp_path_factory.mktemp("corpus")
    usable = [CORPUS / "rhl-era/keys/RedHat-RPM-GPG-KEY-db42a60e"]
    for path in sorted((CORPUS / "keys").iterdir()):
        try:
            Keyring.make(folder, [path])
        except TrustError:
            continue
        usable += [] if "collision" in path.name else [path]
    return Keyring.make(folder, usable)


@pytest.fixture(scope="module")
def facts() -> list[dict[str, object]]:
    """What was recorded of each package."""
    return list(json.loads((CORPUS / "rpms/facts.json").read_text()))


class TestRealPackages:
    """Packages that others signed, with what rpmkeys and gpg were recorded to say of each in facts.json."""

    pytestmark = needs_corpus

    def test_digests_hold_exactly_where_rpmkeys_was_recorded_to_say_so(self, facts: list[dict[str, object]]) -> None:
        found = verdicts([CORPUS / "rpms" / str(fact["file"]) for fact in facts], None)
        wrong = [fact["file"] for fact, verdict in zip(facts, found, strict=True) if isinstance(verdict, Bad) is not broken_digest(fact)]
        assert len(facts) > 300
        assert wrong == []

    def test_signatures_are_good_only_where_gpg_was_recorded_to_say_so(self, facts: list[dict[str, object]], keyring: Keyring) -> None:
        found = verdicts([CORPUS / "rpms" / str(fact["file"]) for fact in facts], keyring)
        signed = [fact for fact, verdict in zip(facts, found, strict=True) if isinstance(verdict, Signed)]
        assert len(signed) > 20
        assert all("GOODSIG" in str(fact["gpg"]) or "EXPKEYSIG" in str(fact["gpg"]) for fact in signed)
        assert not any("BADSIG" in str(fact["gpg"]) or broken_digest(fact) for fact in signed)

    def test_files_without_a_signature_are_unsigned_or_bad(self, facts: list[dict[str, object]], keyring: Keyring) -> None:
        bare = [fact for fact in facts if not fact["gpg"]]
        found = verdicts([CORPUS / "rpms" / str(fact["file"]) for fact in bare], keyring)
        assert {(type(verdict), broken_digest(fact)) for fact, verdict in zip(bare, found, strict=True)} == {(Unsigned, False), (Bad, True)}

    def test_red_hats_own_package_of_1999_is_signed_by_its_key(self, keyring: Keyring) -> None:
        path = CORPUS / "rhl-era/rpms/conary-popt-1.5-4x.i386.rpm"
        assert verdicts([path], keyring) == (Signed("ca2086862bd69dfc65f6ecc4219180cddb42a60e", "SHA-1 and a DSA key of 1024 bits"),)
        assert set(issuers(path)) == {"219180cddb42a60e"}

    def test_an_altered_payload_of_1999_is_bad(self, keyring: Keyring, tmp_path: Path) -> None:
        broken = altered(CORPUS / "rhl-era/rpms/conary-popt-1.5-4x.i386.rpm", tmp_path / "popt.rpm", offset=-100)
        assert isinstance(verdicts([broken], keyring)[0], Bad)

    def test_a_header_signature_without_a_payload_digest_is_not_enough(self, keyring: Keyring, tmp_path: Path) -> None:
        path = next((CORPUS / "rpms/cavaliergopher+rpm").glob("centos-release-7-2.1511*.rpm"))
        stripped = without_signature_tags(path, tmp_path / "x.rpm", frozenset({1002}))
        (verdict,) = verdicts([stripped], keyring)
        assert isinstance(verdict, Bad)
        assert "covers the header only" in verdict.what


def broken_digest(fact: dict[str, object]) -> bool:
    """Whether rpmkeys was recorded to find a digest that does not hold."""
    lines = fact["Kv"]
    assert isinstance(lines, list)
    return any("digest: BAD" in line for line in lines)
