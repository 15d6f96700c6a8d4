"""`mirrorsync keys`: whose signatures count in a tree, key files made usable, and who signed what."""

import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from fixtures.keys import SigningKey
from mirrorsync.trust.publickey import read_keys
from tests.commands import Mirrorsync, configured
from tests.conftest import Builder
from tests.corpus import CORPUS, needs_corpus
from tests.judgement import SignedPackages, signed_packages
from tests.sites import rhl_tree
from tests.test_documents import validate


@pytest.fixture(scope="module")
def signed(rpm: Builder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SignedPackages]:
    with signed_packages(rpm, tmp_path_factory.mktemp("signed")) as made:
        yield made


def mirror(keys: list[SigningKey], more: str = "") -> str:
    files = json.dumps([str(key.public) for key in keys])
    pins = json.dumps([key.fingerprint for key in keys])
    return f'url = "file:///m/"\nkind = "listing"\nkeys = {files}\nfingerprints = {pins}\n{more}'


@pytest.fixture
def program(tmp_path: Path, rpm: Builder, signed: SignedPackages) -> Mirrorsync:
    """A tree of one package for each way to be signed, each of its own name."""
    packages = []
    for name, version in (("bash", "sound"), ("tar", "dsa"), ("zlib", "stranger"), ("popt", "unsigned")):
        package = Path(shutil.copy(rpm(name, "1"), tmp_path / f"{name}-1-1.noarch.rpm"))
        signer = {"sound": signed.keys[0], "dsa": signed.keys[2], "stranger": signed.stranger}.get(version)
        if signer:
            signer.sign([package])
        packages.append(package)
    return indexed(tmp_path, packages, mirror([signed.keys[0], signed.keys[2]]))


def indexed(folder: Path, packages: list[Path], updates: str) -> Mirrorsync:
    """The program with one tree that has its indexes."""
    tree = rhl_tree(folder, packages)
    program = configured(folder, tree, updates)
    assert program("hdlist", str(tree)).code == 0
    return program


# --- list -------------------------------------------------------------------------------------------------------------------


def test_list_tells_each_mirrors_keys_with_everything_that_decides(tmp_path: Path, signed: SignedPackages) -> None:
    today, ended, dsa, _, whole = signed.keys
    lines = mirror([today, ended, dsa, whole], "legacy = true\n")
    files = lines.replace(json.dumps([key.fingerprint for key in (today, ended, dsa, whole)]), json.dumps([today.fingerprint]))
    result = configured(tmp_path, tmp_path / "tree", files)("keys", "list", "--json")
    validate(result.document)
    [found] = result.tree["mirrors"]
    keys = {key["fingerprint"]: key for key in found["keys"]}
    assert (result.code, found["mirror"], found["signatures"], found["legacy"]) == (0, "file:///m", "require", True)
    assert sorted(keys) == sorted(key.fingerprint for key in (today, ended, dsa, whole))
    assert {name: key["pinned"] for name, key in keys.items()} == {name: name == today.fingerprint for name in keys}
    assert (keys[dsa.fingerprint]["algorithm"], keys[dsa.fingerprint]["bits"], keys[dsa.fingerprint]["needs_legacy"]) == ("DSA", 1024, True)
    assert (keys[today.fingerprint]["algorithm"], keys[today.fingerprint]["expires"], keys[today.fingerprint]["needs_legacy"]) == (
        "RSA", None, False,
    )  # fmt: skip
    assert (keys[ended.fingerprint]["created"], keys[ended.fingerprint]["expires"]) == (
        "2020-01-01T00:00:00+00:00", "2021-01-01T00:00:00+00:00",
    )  # fmt: skip
    assert [subkey["revoked"] for subkey in keys[whole.fingerprint]["subkeys"]] == [True]


def test_list_says_it_in_words(tmp_path: Path, signed: SignedPackages) -> None:
    ended, dsa = signed.keys[1:3]
    said = configured(tmp_path, tmp_path / "tree", mirror([ended, dsa]))("keys", "list").out
    assert f"{ended.fingerprint}  RSA key of 2048 bits, made 2020-01-01, expires 2021-01-01: Ended <Ended@example.com>\n" in said
    assert "never expires, needs legacy: Dsa <Dsa@example.com>\n" in said


def test_list_names_a_key_file_that_is_not_there(tmp_path: Path, signed: SignedPackages) -> None:
    program = configured(tmp_path, tmp_path / "tree", mirror([signed.keys[0]]).replace("RPM-GPG-KEY", "NO-KEY"))
    listed = program("keys", "list")
    assert (listed.code, "NO-KEY-Today: the key file cannot be read: No such file" in listed.err) == (1, True)


# --- import -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def bare(tmp_path: Path) -> Mirrorsync:
    """The program without a configuration: none is needed to import keys."""
    return Mirrorsync(tmp_path / "none.toml")


def test_import_writes_a_file_a_key_that_rpm_imports_and_the_lines_to_add(bare: Mirrorsync, tmp_path: Path, signed: SignedPackages) -> None:
    today, dsa = signed.keys[0], signed.keys[2]
    both = tmp_path / "both.asc"
    both.write_text(today.public.read_text() + dsa.public.read_text())
    said = bare("keys", "import", str(both), "--to", str(tmp_path / "keys"))
    names = sorted(f"{key.fingerprint}.asc" for key in (today, dsa))
    assert (said.code, sorted(path.name for path in (tmp_path / "keys").iterdir())) == (0, names)
    for name in names:
        subprocess.run(["rpmkeys", "--dbpath", str(tmp_path / "db"), "--import", str(tmp_path / "keys" / name)], check=True)
    pins = ", ".join(f'"{name.removesuffix(".asc").upper()}"' for name in names)
    assert f"  fingerprints = [{pins}]\n  legacy = true\n" in said.out
    lines = [line.strip() for line in said.out.splitlines() if line.startswith("  ")]
    settings = "\n".join(['url = "file:///m/"', 'kind = "listing"', *lines])
    listed = configured(tmp_path, tmp_path / "tree", settings)("keys", "list", "--json")
    assert [key["pinned"] for key in listed.tree["mirrors"][0]["keys"]] == [True, True]


def test_import_takes_only_the_keys_that_are_asked_for(bare: Mirrorsync, tmp_path: Path, signed: SignedPackages) -> None:
    today, ended = signed.keys[:2]
    files = [str(key.public) for key in (today, ended)]
    spelled = " ".join(today.fingerprint.upper()[place : place + 4] for place in range(0, 40, 4))
    said = bare("keys", "import", *files, "--to", str(tmp_path / "keys"), "--fingerprint", spelled, "--json")
    validate(said.document)
    assert [path.name for path in (tmp_path / "keys").iterdir()] == [f"{today.fingerprint}.asc"]
    assert said.document["configuration"] == {
        "keys": [f"{tmp_path}/keys/{today.fingerprint}.asc"], "fingerprints": [today.fingerprint.upper()], "legacy": False,
    }  # fmt: skip


def test_import_says_which_keys_have_expired(bare: Mirrorsync, tmp_path: Path, signed: SignedPackages) -> None:
    said = bare("keys", "import", str(signed.keys[1].public), "--to", str(tmp_path / "keys"))
    assert (said.code, "Ended <Ended@example.com>: it has expired, and counts for what it signed before" in said.out) == (0, True)


def test_import_refuses_what_is_revoked_and_takes_the_rest(bare: Mirrorsync, tmp_path: Path, signed: SignedPackages) -> None:
    today, ended = signed.keys[:2]
    home = Path(shutil.copytree(ended.home, tmp_path / "home", ignore=shutil.ignore_patterns("S.*")))
    certificate = next((home / "openpgp-revocs.d").iterdir())
    certificate.write_text(certificate.read_text().replace(":-----BEGIN", "-----BEGIN"))
    gpg = ["gpg", "--homedir", str(home), "--batch"]
    subprocess.run([*gpg, "--import", str(certificate)], check=True, capture_output=True)
    revoked = tmp_path / "revoked.gpg"
    revoked.write_bytes(subprocess.run([*gpg, "--export"], check=True, capture_output=True).stdout)
    said = bare("keys", "import", str(revoked), str(today.public), "--to", str(tmp_path / "keys"))
    assert said.code == 3
    assert f"{ended.fingerprint} (Ended <Ended@example.com>): its owner has revoked it; import the key that followed it" in said.err
    assert [path.name for path in (tmp_path / "keys").iterdir()] == [f"{today.fingerprint}.asc"]
    assert bare("keys", "import", str(revoked), "--to", str(tmp_path / "keys")).code == 1


def test_import_names_a_key_that_no_file_holds(bare: Mirrorsync, tmp_path: Path, signed: SignedPackages) -> None:
    arguments = ("keys", "import", str(signed.keys[0].public), "--to", str(tmp_path / "keys"), "--fingerprint")
    missing = bare(*arguments, signed.keys[1].fingerprint)
    assert (missing.code, "no key file holds the pinned key" in missing.err) == (1, True)
    short = bare(*arguments, "db42a60e")
    assert (short.code, "is not a full fingerprint" in short.err) == (1, True)
    assert not (tmp_path / "keys").exists()


def test_import_names_a_folder_that_cannot_be_made(bare: Mirrorsync, tmp_path: Path, signed: SignedPackages) -> None:
    (tmp_path / "file").write_text("")
    said = bare("keys", "import", str(signed.keys[0].public), "--to", str(tmp_path / "file/keys"))
    assert said.code == 1
    assert re.search(r"file/keys: cannot be made: .+; name a folder that you may write to$", said.err.strip())


# --- check ------------------------------------------------------------------------------------------------------------------


def test_check_counts_who_signed_what_and_names_what_nobody_trusted_signed(program: Mirrorsync, signed: SignedPackages) -> None:
    result = program("keys", "check", "--json")
    validate(result.document)
    today, dsa = signed.keys[0], signed.keys[2]
    signers = {signer["key"]: (signer["user_id"], signer["pinned"], signer["packages"]) for signer in result.tree["signers"]}
    assert signers == {
        today.fingerprint: ("Today <Today@example.com>", True, 1),
        dsa.fingerprint: ("Dsa <Dsa@example.com>", True, 1),
        signed.stranger.fingerprint[-16:]: ("", False, 1),
        None: ("", False, 1),
    }
    named = {Path(finding["where"]).name.partition("-")[0]: finding for finding in result.tree["findings"]}
    assert {name: (finding["code"], finding["what"]) for name, finding in named.items()} == {
        "zlib": ("not-pinned", f"signed by key {signed.stranger.fingerprint[-16:]}, which is not pinned for this upstream"),
        "popt": ("not-pinned", "not signed"),
        "tar": ("weak-signature", "signed with a DSA key of 1024 bits, which proves nothing today"),
    }
    assert (result.code, result.tree["exit_code"], result.tree["packages"]) == (4, 4, 4)


def test_check_names_packages_whose_files_are_gone(program: Mirrorsync) -> None:
    counted = program("keys", "check", "--json").tree
    place = next(path for path in program.config.parent.rglob("tar-*.rpm") if path.parent != program.config.parent)
    place.unlink()
    place.mkdir()
    found = program("keys", "check", "--json")
    assert (found.code, found.tree["packages"]) == (4, counted["packages"])
    assert (str(place), "is listed, and is not a file that is there") in [
        (entry["where"], entry["what"]) for entry in found.tree["findings"]
    ]


def test_check_says_it_in_words(program: Mirrorsync, signed: SignedPackages) -> None:
    said = program("keys", "check").out
    assert said.startswith("redhat: 4 packages, 3 findings\n")
    assert f"  1  by {signed.keys[0].fingerprint} (Today <Today@example.com>)\n" in said
    assert "  1  not signed\n" in said


def test_check_takes_weak_signatures_where_the_mirror_is_of_that_age(program: Mirrorsync, signed: SignedPackages) -> None:
    program.config.write_text(f"{program.config.read_text()}legacy = true\n")
    codes = Counter(finding["code"] for finding in program("keys", "check", "--json").tree["findings"])
    assert codes == {"not-pinned": 2}


def test_check_without_keys_tells_by_whom_packages_say_they_are_signed(program: Mirrorsync, signed: SignedPackages) -> None:
    text = program.config.read_text().splitlines()
    lines = [line for line in text if not line.startswith(("keys", "fingerprints"))]
    program.config.write_text("\n".join([*lines, 'signatures = "digest-only"']))
    signers = {signer["key"] for signer in program("keys", "check", "--json").tree["signers"]}
    assert signers == {key.fingerprint[-16:] for key in (signed.keys[0], signed.keys[2], signed.stranger)} | {None}


def test_check_tells_keys_that_expire_soon_or_have(tmp_path: Path, rpm: Builder, signed: SignedPackages) -> None:
    today, ended = signed.keys[:2]
    package = Path(shutil.copy(rpm("bash", "1"), tmp_path / "bash-1-1.noarch.rpm"))
    today.sign([package])
    program = indexed(tmp_path, [package], mirror([today, ended]))
    [finding] = program("keys", "check", "--json").tree["findings"]
    what = "expired on 2021-01-01: what it signed before counts, nothing that it signs after that"
    assert (finding["severity"], finding["code"], finding["where"], finding["what"]) == ("warning", "key-expired", ended.fingerprint, what)
    program.config.write_text(f"{program.config.read_text()}legacy = true\n")
    archive = program("keys", "check", "--json")
    assert (archive.code, [found["severity"] for found in archive.tree["findings"]]) == (0, ["note"])


def test_check_looks_as_far_ahead_as_it_is_told(tmp_path: Path, rpm: Builder, signed: SignedPackages) -> None:
    today = signed.keys[0]
    home = Path(shutil.copytree(today.home, tmp_path / "home", ignore=shutil.ignore_patterns("S.*")))
    key = SigningKey(home, "Today", today.fingerprint, home / "key.asc")
    try:
        key.gpg("--quick-set-expire", key.fingerprint, "30d")
        key.publish()
    finally:
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "gpg-agent"], check=True)
    package = Path(shutil.copy(rpm("bash", "1"), tmp_path / "bash-1-1.noarch.rpm"))
    today.sign([package])
    program = indexed(tmp_path, [package], mirror([key]))
    soon = program("keys", "check", "--json")
    day = datetime.now(UTC) + timedelta(days=30)
    assert (soon.code, [finding["code"] for finding in soon.tree["findings"]]) == (4, ["key-expires"])
    assert f"{day:%Y-%m}" in soon.tree["findings"][0]["what"]
    assert program("keys", "check", "--ahead", "7d").code == 0
    assert program("keys", "check", "--ahead", "soon").code == 2


def test_check_says_that_there_is_no_tree(tmp_path: Path, signed: SignedPackages) -> None:
    said = configured(tmp_path, tmp_path / "gone", mirror([signed.keys[0]]))("keys", "check")
    assert (said.code, f"{tmp_path}/gone" in said.err) == (1, True)


# --- the corpus -------------------------------------------------------------------------------------------------------------

V6 = "version 6 of OpenPGP, which rpm 4.18 does not know"
V3 = "version 3 of OpenPGP, which rpm 4.18 does not know"
ECDSA = "ECDSA, which rpm 4.18 does not know"
CRITICAL = "subpackets marked as critical, at which rpm 4.18 gives up"

# Key files of the corpus that rpm cannot import as they are; all others it can. Why, where it cannot import the minimal export either.
STUBBORN = {
    "40b522_rpm__rpm-testkey-v6-rsa4k.asc": V6,
    "8110c2_rpm__rpm-testkey-v4-ecdsa-nistp256.asc": ECDSA,
    "97066e_libzypp__gpg-pubkey-3d25d3d9-36e12d04.asc": V3,
    "bcdbbd_rpm__rpm-testkey-v6-mldsa65-ed25519.asc": V6,
    "fd84b8_rpm__rpm-testkey-v6-ed25519.asc": V6,
    "libzypp__gpg-pubkey-3d25d3d9-36e12d04.asc": V3,
    "rpm__alice-expired-subkey.asc": CRITICAL,
    "rpm__alice-revoked-subkey.asc": CRITICAL,
    "rpm__alice.asc": CRITICAL,
    "rpm__public_ecdsa_nistp256.asc": ECDSA,
    "rpm__public_nistp256.asc": ECDSA,
    "rpm__rpm-testkey-v4-ecdsa-nistp256.asc": ECDSA,
    "rpm__rpm-testkey-v6-ed25519.asc": V6,
    "rpm__rpm-testkey-v6-keyring.asc": V6,
    "rpm__rpm-testkey-v6-mldsa65-ed25519.asc": V6,
    "rpm__rpm-testkey-v6-rsa4k.asc": V6,
    "rpm__rpm.org-nistp256-test.pub": ECDSA,
    "rpm__rpm.org-rsa-2048-add-subkey.asc": CRITICAL,
    "rpm__rpm.org-v6-ed25519-test.asc": V6,
    "rpm__rpm.org-v6-mldsa87-test.asc": V6,
    "rpm__rpm.org-v6-rsa4k-test.asc": V6,
}
MENDED = {  # by the minimal export
    "83a4b8_rpm__CVE-2021-3521-badbind.asc": "a subkey that the key never bound",
    "a3e4ba_rpm__CVE-2021-3521-nosubsig.asc": "a subkey without a signature",
    "rpm__CVE-2021-3521-badbind.asc": "a subkey that the key never bound",
    "rpm__CVE-2021-3521-nosubsig.asc": "a subkey without a signature",
    "rpm__RPM-GPG-KEY-CentOS-2": "certifications by others",
    "rpm__RPM-GPG-KEY-CentOS-3": "certifications by others",
    "rpm__RPM-GPG-KEY-CentOS-4": "certifications by others",
    "rpm__RPM-GPG-KEY-CentOS-5": "certifications by others",
    "rpm__first-signing-key-revoked.asc": "a revocation of a subkey",
    "rpm__rpm.org-ed25519-subkey-2-test.pub": "a subkey before the one that signs",
    "rpm__rpm.org-ed25519-subkey-test.pub": "a subkey before the one that signs",
    "rpm__type-confusion.asc": "a signature of another kind on a subkey",
}


class TestRealKeys:
    """All 109 key files of the corpus."""

    pytestmark = needs_corpus

    def test_every_key_file_is_imported_as_it_is_or_by_minimal_export_or_refused_with_a_reason(self, tmp_path: Path) -> None:
        outcomes: dict[str, list[str]] = {"as it is": [], "by minimal export": [], "refused": []}
        for path in sorted(path for path in (CORPUS / "keys").iterdir() if path.suffix != ".tsv"):
            outcomes[imported(path, tmp_path)].append(path.name)
        assert outcomes["refused"] == sorted(STUBBORN)
        assert outcomes["by minimal export"] == sorted(MENDED)
        assert {name: len(found) for name, found in outcomes.items()} == {"as it is": 76, "by minimal export": 12, "refused": 21}

    def test_kinds_lengths_and_dates_are_those_that_gpg_prints(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o700)
        compared = 0
        for path in sorted((CORPUS / "keys").iterdir()):
            shown = {} if "baduser" in path.name else gpg_facts(path, tmp_path)  # what it says of itself is forged, and it is refused
            for key in read_keys(path) if shown else ():
                part = key.owner.primary
                if part.fingerprint in shown:
                    bits, created, expires = shown[part.fingerprint]
                    assert (part.bits, part.created, part.expires) == (256 if bits == 255 else bits, created, expires), path.name
                    compared += 1
        assert compared > 100

    def test_the_keys_of_red_hat_and_centos_need_legacy_up_to_5(self) -> None:
        strong = [read_keys(CORPUS / f"keys/rpm__RPM-GPG-KEY-CentOS-{number}")[0].owner.primary.strong for number in range(2, 8)]
        assert strong == [False, False, False, False, True, True]


def imported(path: Path, folder: Path) -> str:
    """What can be done with a key file."""
    command = ["rpmkeys", "--dbpath", str(folder / f"db-{path.name}"), "--import", str(path)]
    if subprocess.run(command, capture_output=True, check=False).returncode == 0:
        return "as it is"
    said = Mirrorsync(folder / "none.toml")("keys", "import", str(path), "--to", str(folder / "keys"))
    assert said.code == 0 or "the installed rpm cannot import this key" in said.err
    return "refused" if said.code else "by minimal export"


def gpg_facts(path: Path, home: Path) -> dict[str, tuple[int, int, int | None]]:
    """Bits, creation and expiry of each primary key in a file, by fingerprint, as gpg sees them."""
    command = ["gpg", "--homedir", str(home), "--batch", "--with-colons", "--show-keys", str(path)]
    shown = subprocess.run(command, check=False, capture_output=True).stdout.decode(errors="replace")
    found = {}
    for line, after in pairwise(line.split(":") for line in shown.splitlines()):
        if line[0] == "pub" and after[0] == "fpr":
            found[after[9].lower()] = (int(line[2]), int(line[5]), int(line[6]) if line[6] else None)
    return found
