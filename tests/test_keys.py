"""Key files read, fingerprints pinned, and private keyrings made of them by rpm itself."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import pytest

from fixtures.keys import SigningKey, signing_key
from mirrorsync.errors import TrustError
from mirrorsync.trust.keys import Keyring, normalised, pinned
from mirrorsync.trust.packets import from_armour, packets, to_armour
from mirrorsync.trust.publickey import PublicKey, keys_in, read_keys
from mirrorsync.trust.signatures import verdicts
from mirrorsync.trust.statements import signature
from mirrorsync.trust.verdict import Signed
from tests.conftest import Builder
from tests.corpus import CORPUS, needs_corpus
from tests.forgeries import BINDING, CERTIFICATION, REVOCATION, forged, packet, with_packet


@pytest.fixture(scope="module")
def keys() -> Iterator[tuple[SigningKey, SigningKey]]:
    with signing_key("First") as first, signing_key("Second", kind="DSA", bits=1024) as second:
        yield first, second


@pytest.fixture(scope="module")
def both(keys: tuple[SigningKey, SigningKey], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file that holds both keys."""
    path = tmp_path_factory.mktemp("keys") / "both.asc"
    path.write_text("Our keys:\n\n" + "\n".join(key.public.read_text() for key in keys))
    return path


def names_in(keyring: Keyring) -> list[str]:
    """The keys that rpm itself finds in a keyring."""
    command = ["rpm", "--dbpath", str(keyring.folder), "-qa", "--queryformat", "%{version}\n", "gpg-pubkey"]
    return sorted(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())


def test_fingerprints_are_those_that_gpg_prints(keys: tuple[SigningKey, SigningKey]) -> None:
    assert [read_keys(key.public)[0].fingerprint for key in keys] == [key.fingerprint for key in keys]


def test_a_file_may_hold_several_armoured_keys(both: Path, keys: tuple[SigningKey, SigningKey]) -> None:
    assert [key.fingerprint for key in read_keys(both)] == [key.fingerprint for key in keys]


def test_a_file_may_be_binary_and_hold_several_keys(both: Path, keys: tuple[SigningKey, SigningKey], tmp_path: Path) -> None:
    binary = tmp_path / "both.gpg"
    binary.write_bytes(from_armour(both.read_bytes()))
    assert [key.fingerprint for key in read_keys(binary)] == [key.fingerprint for key in keys]


def test_armour_is_what_gpg_reads_again(keys: tuple[SigningKey, SigningKey]) -> None:
    armoured = to_armour(from_armour(keys[0].public.read_bytes()))
    shown = subprocess.run(["gpg", "--homedir", str(keys[0].home), "--show-keys"], input=armoured, check=True, capture_output=True)
    assert keys[0].fingerprint.upper().encode() in shown.stdout


def test_only_pinned_keys_come_into_the_keyring(both: Path, keys: tuple[SigningKey, SigningKey], tmp_path: Path) -> None:
    keyring = Keyring.make(tmp_path, [both], [keys[1].fingerprint])
    assert names_in(keyring) == [keys[1].fingerprint[-8:]]
    assert [key.fingerprint for key in keyring.keys] == [keys[1].fingerprint]


def test_all_keys_of_the_files_come_into_it_where_no_fingerprint_is_given(
    both: Path, keys: tuple[SigningKey, SigningKey], tmp_path: Path
) -> None:
    assert names_in(Keyring.make(tmp_path, [both])) == sorted(key.fingerprint[-8:] for key in keys)


def test_a_key_in_two_files_is_imported_once(both: Path, keys: tuple[SigningKey, SigningKey], tmp_path: Path) -> None:
    assert len(Keyring.make(tmp_path, [both, keys[0].public]).keys) == 2


def test_a_keyring_is_made_once_and_anew_when_its_keys_change(both: Path, keys: tuple[SigningKey, SigningKey], tmp_path: Path) -> None:
    first = Keyring.make(tmp_path, [both])
    made = (first.folder / "rpmdb.sqlite").stat().st_mtime_ns
    again = Keyring.make(tmp_path, [both])
    other = Keyring.make(tmp_path, [keys[0].public])
    assert (again.folder, (again.folder / "rpmdb.sqlite").stat().st_mtime_ns) == (first.folder, made)
    assert other.folder != first.folder
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([first.folder.name, other.folder.name])


@pytest.mark.parametrize("damage", ["empty", "garbage", "missing", "a file in its place", "one byte", "empty folder"])
def test_a_damaged_keyring_is_made_anew(damage: str, keys: tuple[SigningKey, SigningKey], tmp_path: Path) -> None:
    folder = Keyring.make(tmp_path, [keys[0].public]).folder
    database = folder / "rpmdb.sqlite"
    content = database.read_bytes()
    if damage in ("a file in its place", "empty folder"):
        shutil.rmtree(folder)
        folder.touch() if damage == "a file in its place" else folder.mkdir()
    elif damage == "missing":
        database.unlink()
    else:
        database.write_bytes({"empty": b"", "garbage": b"#" * 4096, "one byte": content[:-1] + bytes([content[-1] ^ 1])}[damage])
    again = Keyring.make(tmp_path, [keys[0].public])
    assert (again.folder, names_in(again)) == (folder, [keys[0].fingerprint[-8:]])
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


def test_reading_a_keyring_does_not_make_it_another(keys: tuple[SigningKey, SigningKey], rpm: Builder, tmp_path: Path) -> None:
    package = Path(shutil.copy(rpm("popt", "1.5"), tmp_path / "popt.rpm"))
    keys[0].sign([package])
    keyring = Keyring.make(tmp_path / "keyrings", [keys[0].public])
    made = keyring.folder.stat().st_ino
    for _ in range(2):
        assert verdicts([package], keyring) == (Signed(keys[0].fingerprint),)
        keyring = Keyring.make(tmp_path / "keyrings", [keys[0].public])
        assert keyring.folder.stat().st_ino == made


def test_no_id_is_no_key_s(keys: tuple[SigningKey, SigningKey], tmp_path: Path) -> None:
    assert Keyring.make(tmp_path, [keys[0].public]).fingerprint_of("") is None


def test_fingerprints_may_be_written_as_people_write_them(keys: tuple[SigningKey, SigningKey], tmp_path: Path) -> None:
    written = " ".join(keys[0].fingerprint.upper()[place : place + 4] for place in range(0, 40, 4))
    assert Keyring.make(tmp_path, [keys[0].public], [written]).keys[0].fingerprint == keys[0].fingerprint


@pytest.mark.parametrize("text", ["", "db42a60e", "219180cddb42a60e", "0x219180CDDB42A60E", "g" * 40, "a" * 41])
def test_what_is_not_a_full_fingerprint_is_refused(text: str) -> None:
    with pytest.raises(TrustError, match="is not a full fingerprint"):
        normalised(text)


def test_a_pinned_key_that_no_file_holds_is_refused_by_name(keys: tuple[SigningKey, SigningKey], tmp_path: Path) -> None:
    with pytest.raises(TrustError, match=f"no key file holds the pinned key {keys[1].fingerprint}; they hold {keys[0].fingerprint}"):
        Keyring.make(tmp_path, [keys[0].public], [keys[1].fingerprint])
    assert not list(tmp_path.iterdir())


def test_no_keys_at_all_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrustError, match="no public keys are configured"):
        Keyring.make(tmp_path, [])


def test_a_missing_key_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrustError, match=r"nowhere\.asc: the key file cannot be read: No such file or directory"):
        read_keys(tmp_path / "nowhere.asc")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>404</html>",
        b"\x00\x01",
        b"\x99\xff\xff\x04",
        b"\xc6\xe1",
        b"\x98\x00",
        b"\x98\x02\x09\x09",
        b"\x9b\x00",
        b"\xb4\x01A",
        b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nnot base64!\n-----END PGP PUBLIC KEY BLOCK-----\n",
    ],
)
def test_what_is_no_public_key_is_refused_by_file(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(TrustError, match="key: not a usable key file: "):
        Keyring.make(tmp_path / "keyrings", [path])


def test_a_key_that_is_cut_short_within_a_packet_is_refused(keys: tuple[SigningKey, SigningKey], tmp_path: Path) -> None:
    binary = from_armour(keys[1].public.read_bytes())
    whole = set(accumulate(len(packet.raw) for packet in packets(binary)))
    path = tmp_path / "key"
    for length in sorted(set(range(1, len(binary))) - whole):
        path.write_bytes(binary[:length])
        with pytest.raises(TrustError):
            read_keys(path)


def test_a_secret_key_is_not_taken_for_a_public_one(keys: tuple[SigningKey, SigningKey], tmp_path: Path) -> None:
    path = tmp_path / "secret.asc"
    exported = ["gpg", "--homedir", str(keys[0].home), "--batch", "--armor", "--export-secret-keys"]
    path.write_bytes(subprocess.run(exported, check=True, capture_output=True).stdout)
    with pytest.raises(TrustError, match="holds no OpenPGP public key"):
        read_keys(path)


def test_a_revoked_key_is_refused(tmp_path: Path) -> None:
    with signing_key("Gone") as key:
        certificate = next((key.home / "openpgp-revocs.d").iterdir()).read_text().replace(":-----BEGIN", "-----BEGIN")
        revocation = tmp_path / "revocation.asc"
        revocation.write_text(certificate)
        subprocess.run(["gpg", "--homedir", str(key.home), "--batch", "--import", str(revocation)], check=True, capture_output=True)
        public = tmp_path / "key.gpg"
        exported = ["gpg", "--homedir", str(key.home), "--batch", "--export"]
        public.write_bytes(subprocess.run(exported, check=True, capture_output=True).stdout)
        with pytest.raises(TrustError, match=rf"{key.fingerprint} \(Gone <Gone@example.com>\): its owner has revoked it"):
            Keyring.make(tmp_path / "keyrings", [public])


def test_a_key_with_an_encryption_subkey_keeps_only_what_signs(tmp_path: Path) -> None:
    with signing_key("Both") as key:
        gpg = ["gpg", "--homedir", str(key.home), "--batch", "--pinentry-mode", "loopback", "--passphrase", ""]
        subprocess.run([*gpg, "--quick-add-key", key.fingerprint, "rsa2048", "encr", "never"], check=True, capture_output=True)
        subprocess.run([*gpg, "--quick-add-key", key.fingerprint, "rsa2048", "sign", "never"], check=True, capture_output=True)
        public = tmp_path / "key.gpg"
        public.write_bytes(subprocess.run([*gpg, "--export"], check=True, capture_output=True).stdout)
        subkeys = [line.split(":")[4].lower() for line in _listing(key) if line.startswith("sub:") and line.split(":")[11] == "s"]
        [read] = read_keys(public)
        assert read.key_ids == (key.fingerprint[-16:], *subkeys)
        assert Keyring.make(tmp_path / "keyrings", [public]).fingerprint_of(subkeys[0]) == key.fingerprint


def _listing(key: SigningKey) -> list[str]:
    command = ["gpg", "--homedir", str(key.home), "--batch", "--with-colons", "--list-keys"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def test_what_rpm_cannot_import_is_refused_with_its_words(tmp_path: Path) -> None:
    body = b"\x03" + bytes(6) + b"\x01" + (512).to_bytes(2) + b"\xc5" * 64 + (17).to_bytes(2) + b"\x01\x00\x01"
    path = tmp_path / "of-pgp-2.asc"
    path.write_bytes(to_armour(b"\x98" + bytes([len(body)]) + body))
    with pytest.raises(TrustError, match=r"^[0-9a-f]{32} \(\): the installed rpm cannot import this key \(.+\); pin another one"):
        Keyring.make(tmp_path / "keyrings", [path])
    assert list((tmp_path / "keyrings").iterdir()) == []


def test_without_rpm_the_message_says_what_to_install(
    keys: tuple[SigningKey, SigningKey], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TrustError, match="rpmkeys is not installed"):
        Keyring.make(tmp_path / "keyrings", [keys[0].public])


# What others put into a key file


@pytest.fixture(scope="module")
def ended() -> Iterator[SigningKey]:
    """A key that expired on the first day of 2021."""
    with signing_key("Ended", created="20200101") as key:
        key.gpg("--quick-set-expire", key.fingerprint, "20210101T000000", at="20200601")
        key.publish()
        yield key


def forged_onto(key: SigningKey, kind: int, *, after: int, into: Path, **more: Any) -> PublicKey:
    into.write_bytes(with_packet(key.public.read_bytes(), forged(kind, key.fingerprint[-16:], **more), after=after))
    [read] = read_keys(into)
    return read


END = 1609459200


def test_a_certification_that_the_key_did_not_make_does_not_lengthen_its_life(ended: SigningKey, tmp_path: Path) -> None:
    assert read_keys(ended.public)[0].owner.primary.expires == END
    assert forged_onto(ended, CERTIFICATION, after=13, into=tmp_path / "key").owner.primary.expires == END


def test_a_certification_that_the_key_did_not_make_does_not_shorten_its_life(ended: SigningKey, tmp_path: Path) -> None:
    assert forged_onto(ended, CERTIFICATION, after=13, into=tmp_path / "key", lifetime=1).owner.primary.expires == END


def test_a_revocation_that_the_key_did_not_make_is_none(ended: SigningKey, tmp_path: Path) -> None:
    read = forged_onto(ended, REVOCATION, after=6, into=tmp_path / "key")
    assert not read.revoked
    assert pinned([read], [ended.fingerprint]) == (read,)


def test_a_binding_that_the_key_did_not_make_binds_no_subkey(keys: tuple[SigningKey, SigningKey], tmp_path: Path) -> None:
    other = packets(from_armour(keys[1].public.read_bytes()))[0].body
    path = tmp_path / "key"
    back_signed = bytes([2, 32, 0])  # an embedded signature, of a kind
    binding = forged(BINDING, keys[0].fingerprint[-16:], area=back_signed)
    path.write_bytes(from_armour(keys[0].public.read_bytes()) + packet(14, other) + binding)
    assert keys_in(path.read_bytes(), lambda _: {})[0].owner.subkeys
    assert read_keys(path)[0].owner.subkeys == ()


def test_a_key_of_which_only_forged_statements_are_left_is_refused(ended: SigningKey, tmp_path: Path) -> None:
    bare = b"".join(part.raw for part in packets(from_armour(ended.public.read_bytes())) if part.tag != 2)
    path = tmp_path / "key"
    path.write_bytes(bare + forged(CERTIFICATION, ended.fingerprint[-16:]))
    with pytest.raises(TrustError, match=f"{ended.fingerprint}: what it says of itself is not signed by it; get it anew from its owner"):
        read_keys(path)


def test_where_gpg_cannot_be_asked_all_that_shortens_a_keys_life_is_believed(
    ended: SigningKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert forged_onto(ended, CERTIFICATION, after=13, into=tmp_path / "key").owner.primary.expires == END
    assert forged_onto(ended, CERTIFICATION, after=13, into=tmp_path / "key", lifetime=1).owner.primary.expires == 1577836801
    assert forged_onto(ended, REVOCATION, after=6, into=tmp_path / "key").revoked


STRANGER = "0123456789abcdef"
LONG = bytes([224, 8, 100]) + bytes(8391)  # 8,392 bytes: what a packet's length would say to be one of several parts


@pytest.mark.parametrize("signature", [
    forged(CERTIFICATION, STRANGER, version=5), forged(CERTIFICATION, STRANGER, version=77), packet(2, b"\4"),
    forged(CERTIFICATION, STRANGER, area=LONG),
], ids=["version 5", "version 77", "short", "a long subpacket"])  # fmt: skip
def test_a_strangers_signature_makes_no_key_file_unusable(ended: SigningKey, signature: bytes, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(with_packet(ended.public.read_bytes(), signature, after=13))
    assert read_keys(path) == read_keys(ended.public)


def test_a_subpacket_may_be_longer_than_a_part_of_a_packet() -> None:
    body = packets(forged(CERTIFICATION, STRANGER, area=LONG))[0].body
    assert signature(body).key_id == STRANGER


@pytest.mark.parametrize("name", ["/dev/zero", "/dev/null", "fifo", "folder", "large", "absent"])
def test_what_is_no_plain_file_is_not_read(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    with (tmp_path / "large").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(TrustError, match=f"{name}: the key file cannot be read: "):
        read_keys(tmp_path / name)


def gpg_fingerprints(path: Path, home: Path) -> list[str]:
    """What gpg says of the primary keys in a file."""
    command = ["gpg", "--homedir", str(home), "--batch", "--with-colons", "--show-keys", str(path)]
    shown = subprocess.run(command, check=False, capture_output=True).stdout
    lines = [line.decode(errors="replace").split(":") for line in shown.splitlines()]
    return [after[9].lower() for line, after in pairwise(lines) if line[0] == "pub"]


_FORGED = "rpm__CVE-2021-3521-baduser.asc"


class TestRealKeys:
    """Keys that others made."""

    pytestmark = needs_corpus

    @pytest.mark.parametrize(
        ("name", "fingerprint"),
        [
            ("keys/rpm__RPM-GPG-KEY-CentOS-2", "881271f0b66849e2fa8687602802e89216ff0e46"),
            ("keys/rpm__RPM-GPG-KEY-CentOS-3", "31c942c47e8d1f5ca6a7f1fc7049e44d025e513b"),
            ("keys/rpm__RPM-GPG-KEY-CentOS-4", "31ea27e56f790c18ad7918dfa53d0bab443e1821"),
            ("keys/rpm__RPM-GPG-KEY-CentOS-5", "473d66d5212271fd51cc17b1a8a447dce8562897"),
            ("keys/rpm__RPM-GPG-KEY-CentOS-7", "6341ab2753d78a78a7c27bb124c6a8a7f4a80eb5"),
            ("rhl-era/keys/RedHat-RPM-GPG-KEY-db42a60e", "ca2086862bd69dfc65f6ecc4219180cddb42a60e"),
        ],
    )
    def test_keys_of_the_era_are_imported_though_rpm_refuses_some_as_they_are(self, name: str, fingerprint: str, tmp_path: Path) -> None:
        keyring = Keyring.make(tmp_path, [CORPUS / name], [fingerprint])
        assert names_in(keyring) == [fingerprint[-8:]]

    def test_every_fingerprint_is_the_one_that_gpg_prints(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o700)
        paths = [path for path in sorted((CORPUS / "keys").iterdir()) if path.name not in ("MANIFEST.tsv", _FORGED)]
        expected = {path.name: gpg_fingerprints(path, tmp_path) for path in paths}
        known = {name: found for name, found in expected.items() if found}  # gpg 2.2 reads no version 3 and 6
        found = {path.name: list(dict.fromkeys(key.fingerprint for key in read_keys(path))) for path in paths}
        assert len(known) > 80
        assert {name: found[name] for name in known} == known

    def test_a_key_whose_every_word_on_itself_is_forged_is_refused(self) -> None:
        with pytest.raises(TrustError, match="771b18d3d7baa28734333c424344591e1964c5fc: what it says of itself is not signed by it; get"):
            read_keys(CORPUS / "keys" / _FORGED)

    def test_every_key_that_rpm_imports_as_it_is_comes_into_a_keyring(self, tmp_path: Path) -> None:
        for path in sorted((CORPUS / "keys").glob("libzypp__*")):
            database = tmp_path / path.name
            command = ["rpmkeys", "--dbpath", str(database), "--import", str(path)]
            if subprocess.run(command, check=False, capture_output=True).returncode == 0:
                assert names_in(Keyring.make(tmp_path, [path])) == names_in(Keyring(database, ()))

    def test_two_keys_of_one_id_are_not_pinned_together(self, tmp_path: Path) -> None:
        colliding = [CORPUS / "keys" / f"rpm__keyidcollision{number}.pub" for number in (1, 2)]
        with pytest.raises(TrustError, match="share the id 156b3de0, which is all that rpm tells keys apart by"):
            Keyring.make(tmp_path, colliding)
        assert len(Keyring.make(tmp_path, colliding[:1]).keys) == 1

    @pytest.mark.parametrize("name", ["rpm__rpm-testkey-v6-ed25519.asc", "libzypp__gpg-pubkey-3d25d3d9-36e12d04.asc"])
    def test_keys_of_versions_that_this_rpm_does_not_know_are_refused(self, name: str, tmp_path: Path) -> None:
        with pytest.raises(TrustError, match=r"cannot import this key \(.*V[36]"):
            Keyring.make(tmp_path, [CORPUS / "keys" / name])

    @pytest.mark.parametrize("name", ["badbind", "nosubsig"])
    def test_a_subkey_that_is_not_properly_bound_is_left_out(self, name: str, tmp_path: Path) -> None:
        keyring = Keyring.make(tmp_path, [CORPUS / "keys" / f"rpm__CVE-2021-3521-{name}.asc"])
        assert keyring.keys[0].key_ids == ("4344591e1964c5fc",)
