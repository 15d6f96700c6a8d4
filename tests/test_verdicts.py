"""Every package of the corpus, what each policy is to decide of it and why, and rpm's own verdict beside that."""

import json
import re
import subprocess
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from mirrorsync.errors import TrustError
from mirrorsync.model.choices import Signatures
from mirrorsync.trust import verdict
from mirrorsync.trust.keys import Keyring
from mirrorsync.trust.signatures import objection, verdicts
from mirrorsync.trust.verdict import Unsigned, Verdict
from tests.corpus import CORPUS, needs_corpus


@dataclass(frozen=True, slots=True)
class Row:
    """What is to come of a group of files under (require, require with legacy, digest-only, digest-only with legacy), and why."""

    why: str
    taken: tuple[bool, bool, bool, bool]
    refusal: str = ""  # how the first refusal under `require` begins, as a regular expression


TABLE: Mapping[str, Row] = {
    "signed": Row("a good signature by a key of today, made while it held", (True, True, True, True)),
    "signed-md5": Row("the same, and only the signature covers the payload with more than MD5", (True, True, False, True)),
    "era": Row("SHA-1 and a DSA key of 1,024 bits: RHL, CentOS 2 to 5", (False, True, False, True), "signed with SHA-1 and a DSA"),
    "revoked": Row("a good signature by a subkey that its owner revoked", (False, False, True, True), "signed by key .*has revoked"),
    "stranger": Row("signed by a key that the corpus has not, or rpm 4.18 cannot import", (False, False, True, True), "signed by key"),
    "stranger-md5": Row("the same, and MD5 alone says that it is whole", (False, False, False, True), "signed by key"),
    "unread": Row("signed with ECDSA, which rpm 4.18 cannot read", (False, False, True, True), "Header DSA signature: BAD"),
    "unseen": Row("signed only as rpm 6 does, which rpm 4.18 does not see", (False, False, True, True), "not signed"),
    "unsigned": Row("no signature; the header has a SHA-256 of the payload", (False, False, True, True), "not signed"),
    "unsigned-md5": Row("no signature; MD5 alone says that it is whole", (False, False, False, True), "not signed"),
    "damaged": Row("header or payload is not what its digest says", (False, False, False, False), ".*: BAD"),
}

GROUPS = dict(line.split("\t") for line in (Path(__file__).parent / "verdicts.tsv").read_text().splitlines())
POLICIES = tuple((policy, legacy) for policy in (Signatures.REQUIRE, Signatures.DIGEST_ONLY) for legacy in (False, True))


@dataclass(frozen=True, slots=True)
class Judged:
    """Every file's verdict with the corpus's keys and without any, and whether rpm alone takes it with those keys."""

    signed: Mapping[str, Verdict]
    intact: Mapping[str, Verdict]
    by_rpm: Mapping[str, bool]

    def answers(self, name: str) -> list[str | None]:
        """What each policy says of a file whose mirror announces no digest."""
        return [
            objection(self.signed[name] if policy is Signatures.REQUIRE else self.intact[name], None, policy, legacy=legacy)
            for policy, legacy in POLICIES
        ]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    ring = corpus_keyring(tmp_path_factory.mktemp("corpus-keys"))
    paths = [CORPUS / name for name in GROUPS]
    signed, intact = (dict(zip(GROUPS, verdicts(paths, given), strict=True)) for given in (ring, None))
    return Judged(signed, intact, by_rpm(ring))


def corpus_keyring(folder: Path) -> Keyring:
    """Every key of the corpus that rpm can import, two that share an id left out."""
    usable = []
    for path in [*sorted((CORPUS / "keys").iterdir()), CORPUS / "rhl-era/keys/RedHat-RPM-GPG-KEY-db42a60e"]:
        try:
            Keyring.make(folder, [path])
        except TrustError:
            continue
        usable += [] if "collision" in path.name else [path]
    return Keyring.make(folder, usable)


def by_rpm(ring: Keyring) -> Mapping[str, bool]:
    """rpm's own word in one line a file, at its strictest level."""
    command = ["rpmkeys", "--dbpath", str(ring.folder), "--define", "_pkgverify_level all", "--define", "_pkgverify_flags 0x0", "-K"]
    done = subprocess.run([*command, *(str(CORPUS / name) for name in GROUPS)], capture_output=True, text=True, check=False)
    lines = dict(line.rsplit(": ", 1) for line in done.stdout.splitlines() if line.startswith(str(CORPUS)))
    return {name: lines.get(str(CORPUS / name)) == "digests signatures OK" for name in GROUPS}


class TestTheCorpus:
    """Packages of rpm 2 to 6: signed and not, intact and broken, in versions 3, 4 and 6 of OpenPGP, by every compressor."""

    pytestmark = needs_corpus

    def test_every_package_of_the_corpus_is_in_the_table(self) -> None:
        facts = {f"rpms/{fact['file']}" for fact in json.loads((CORPUS / "rpms/facts.json").read_text())}
        files = {str(path.relative_to(CORPUS)) for path in (CORPUS / "rhl-era/rpms").iterdir()}
        assert set(GROUPS) == facts | files
        assert set(GROUPS.values()) == set(TABLE)

    @pytest.mark.parametrize("group", TABLE)
    def test_each_policy_decides_as_the_table_says(self, group: str, judged: Judged) -> None:
        names = [name for name, own in GROUPS.items() if own == group]
        decided = {name: tuple(answer is None for answer in judged.answers(name)) for name in names}
        assert decided == dict.fromkeys(names, TABLE[group].taken), TABLE[group].why

    @pytest.mark.parametrize("group", [group for group, row in TABLE.items() if row.refusal])
    def test_a_refusal_says_what_is_wrong_and_what_to_do(self, group: str, judged: Judged) -> None:
        for name in [name for name, own in GROUPS.items() if own == group]:
            reason = judged.answers(name)[0] or ""
            assert re.match(TABLE[group].refusal, reason), (name, reason)
            assert "; " in reason

    def test_verdicts_are_rpms_own_but_for_what_is_weak(self, judged: Judged, record_property: Callable[[str, object], None]) -> None:
        ours = {name: judged.answers(name)[0] is None for name in GROUPS}
        different = {name for name in GROUPS if ours[name] != judged.by_rpm[name]}
        assert different == {name for name, group in GROUPS.items() if group == "era"}  # taken by rpm, refused here without legacy
        with_legacy = {name: judged.answers(name)[1] is None for name in GROUPS}
        assert with_legacy == judged.by_rpm
        for figure, value in (("judged", len(GROUPS)), ("equal to rpm's", len(GROUPS) - len(different)), ("weak", len(different))):
            record_property(figure, value)
        assert (len(GROUPS), len(different)) == (384, 11)

    def test_recorded_verdicts_of_rpm_and_gpg_bear_the_table_out(self) -> None:
        for fact in json.loads((CORPUS / "rpms/facts.json").read_text()):
            group, gpg, lines = GROUPS[f"rpms/{fact['file']}"], str(fact["gpg"]), fact["Kv"]
            assert ("digest: BAD" in str(lines)) is (group == "damaged")
            assert ("REVKEYSIG" in gpg) is (group == "revoked")
            if group in ("signed", "signed-md5", "era"):
                assert "GOODSIG" in gpg or "EXPKEYSIG" in gpg
            if group.removesuffix("-md5") == "unsigned":
                assert gpg == "{}"
            if group.endswith("-md5"):
                assert not any(line.startswith("Payload SHA256 digest: OK") for line in lines)

    def test_the_digests_that_rpmkeys_was_recorded_to_find_are_found_now(self, tmp_path: Path) -> None:
        facts = json.loads((CORPUS / "rpms/facts.json").read_text())
        paths = [CORPUS / "rpms" / fact["file"] for fact in facts]
        command = ["rpmkeys", "--dbpath", str(tmp_path), "--define", "_pkgverify_flags 0x0", "-Kv", *map(str, paths)]
        found = verdict.parse(subprocess.run(command, capture_output=True, check=False).stdout, paths)
        compared = 0
        for fact, path in zip(facts, paths, strict=True):
            recorded = [line.partition(" (")[0] for line in fact["Kv"] if " digest: OK" in line or " digest: BAD" in line]
            now = [check for check in found[path] if not check.of_signature and check.result != "NOTFOUND"]
            assert [f"{check.what}: {check.result}" for check in now] == recorded, fact["file"]
            compared += len(recorded)
        assert compared > 1000

    def test_no_two_groups_have_one_reason(self) -> None:
        assert max(Counter(row.why for row in TABLE.values()).values()) == 1

    def test_unsigned_is_told_from_signed_whatever_the_policy(self, judged: Judged) -> None:
        unsigned = {name for name, found in judged.signed.items() if isinstance(found, Unsigned)}
        assert {GROUPS[name].removesuffix("-md5") for name in unsigned} == {"unsigned", "unseen"}
