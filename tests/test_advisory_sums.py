"""What advisory texts say of files: who takes them, and who is held by them."""

import hashlib
import json
from pathlib import Path

import pytest

from fixtures.rpms import PackageSpec, build_rpms
from mirrorsync.errors import VerificationError
from mirrorsync.model.advisory import Advisory, AdvisoryType
from mirrorsync.planning.sums import told_sums
from mirrorsync.upstream.arrival import require_told
from tests.announced import RULE
from tests.commands import Mirrorsync
from tests.sites import redhat_site, repodata_site

FILE = "tar-1.13.25-4.7.1.i386.rpm"


class TestSums:
    def test_a_file_must_have_one_of_the_digests_that_advisories_give_it(self, tmp_path: Path) -> None:
        file = tmp_path / FILE
        file.write_bytes(b"a package")
        good = hashlib.md5(b"a package").hexdigest()
        advisory = Advisory("RHSA-1", AdvisoryType.SECURITY, sums=((FILE, "0" * 32), (FILE, good)))
        require_told(file, told_sums([advisory])[FILE])

    @pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256"])
    def test_another_digest_is_refused_with_the_advisory_and_both_digests(self, tmp_path: Path, algorithm: str) -> None:
        file = tmp_path / FILE
        file.write_bytes(b"a package")
        found, expected = hashlib.new(algorithm, b"a package").hexdigest(), hashlib.new(algorithm, b"another").hexdigest()
        told = told_sums([Advisory("RHSA-1", AdvisoryType.SECURITY, sums=((FILE, expected),))])
        with pytest.raises(VerificationError) as raised:
            require_told(file, told[FILE])
        assert str(raised.value).startswith(f"{FILE}: {algorithm} {found} where RHSA-1 says {expected}; not taken")


TEXT = f"""{RULE}
                   Red Hat, Inc. Red Hat Security Advisory

Synopsis:          Important: sed overwrites files
Advisory ID:       RHSA-2002:{{number}}
Issue date:        2002-06-01
CVE Names:         CAN-2002-0001
{RULE}

1. RPMs required:

Red Hat Linux 7.3:

i386:
ftp://updates.example/7.3/en/os/i386/sed-2-1.i386.rpm

2. Verification:

MD5 sum                          Package Name
--------------------------------------------------------------------------
{{digest}} 7.3/en/os/i386/sed-2-1.i386.rpm
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    specs = (
        PackageSpec("sed", "1", arch="i386"),
        PackageSpec("sed", "2", arch="i386", epoch=1),
        PackageSpec("bash", "1", arch="i386"),
        PackageSpec("bash", "2", arch="i386"),
    )
    return build_rpms(specs, tmp_path_factory.mktemp("rpms"))


def announce(folder: Path, digest: str, number: str = "001-02") -> None:
    """Put an advisory of sed-2-1, with this sum, into the folder `errata`."""
    (folder / "errata").mkdir(exist_ok=True)
    (folder / "errata" / f"{number}.txt").write_text(TEXT.format(digest=digest, number=number))


def told_by(program: Mirrorsync, place: Path) -> None:
    """Let the mirror's errata be told by the texts there: its table is the last of the configuration."""
    with program.config.open("a") as file:
        file.write(f'advisories = ["{place}"]\n')


class TestAnUpdate:
    def test_the_plan_names_the_advisory_with_the_packages_own_epoch(self, tmp_path: Path, built: list[Path]) -> None:
        site = redhat_site(tmp_path, [built[0], built[2]], [built[1], built[3]])
        announce(tmp_path, hashlib.md5(built[1].read_bytes()).hexdigest())
        program = site.program()
        told_by(program, tmp_path / "errata")
        plan = program("update", "--json").document["trees"][0]["plan"]
        [advisory] = plan["advisories"]
        assert [advisory[key] for key in ("id", "told", "revision", "severity")] == ["RHSA-2002:001", "text", "02", "Important"]
        assert advisory["packages"] == [{"name": "sed", "epoch": "1", "version": "2", "release": "1", "arch": "i386"}]
        assert [entry["advisories"] for entry in plan["incoming"]] == [[], ["RHSA-2002:001"]]
        assert program("check", "--deep").code == 0

    def test_a_package_that_is_not_the_announced_one_waits_and_the_rest_comes(self, tmp_path: Path, built: list[Path]) -> None:
        site = redhat_site(tmp_path, [built[0], built[2]], [built[1], built[3]])
        announce(tmp_path, "0" * 32)
        program = site.program()
        told_by(program, tmp_path / "errata")
        outcome = program("update", "--json")
        [tree] = outcome.document["trees"]
        good = hashlib.md5(built[1].read_bytes()).hexdigest()
        assert outcome.code == 3
        [failed] = tree["failed"]
        assert failed["reason"].startswith(f"sed-2-1.i386.rpm: md5 {good} where RHSA-2002:001 says {'0' * 32}; not taken")
        assert [entry["package"]["name"] for entry in tree["plan"]["incoming"]] == ["bash"]
        announce(tmp_path, good, "001-03")
        assert program("update").code == 0
        assert (site.tree / "RedHat/RPMS/sed-2-1.i386.rpm").is_file()

    def test_a_plan_is_made_from_the_texts_too(self, tmp_path: Path, built: list[Path]) -> None:
        program = redhat_site(tmp_path, [built[0]], [built[1]]).program()
        told_by(program, tmp_path / "errata")
        announce(tmp_path, "0" * 32)
        saved = tmp_path / "plan.json"
        bases = []
        for number in ("001-02", "001-03"):
            announce(tmp_path, "0" * 32, number)
            assert program("update", "redhat", "--dry-run", "--save", str(saved)).code == 0
            bases.append(json.loads(saved.read_text())["trees"][0]["mirrors"])
        assert bases[0] != bases[1]

    def test_a_file_in_the_tree_that_is_not_the_announced_one_is_found_by_a_deep_check(self, tmp_path: Path, built: list[Path]) -> None:
        site = redhat_site(tmp_path, [built[0], built[2]], [built[1], built[3]])
        program = site.program()
        assert program("update").code == 0
        told_by(program, tmp_path / "errata")
        announce(tmp_path, "0" * 32)
        assert program("check").code == 0
        outcome = program("check", "--deep", "--json")
        [finding] = [finding for finding in outcome.document["trees"][0]["findings"] if finding["code"] == "not-as-announced"]
        assert outcome.code == 4
        assert finding["what"].endswith(f"where RHSA-2002:001 says {'0' * 32}")

    def test_a_folder_that_is_not_there_is_one_line_and_the_update_goes_on(self, tmp_path: Path, built: list[Path]) -> None:
        site = redhat_site(tmp_path, [built[0]], [built[1]])
        program = site.program()
        told_by(program, tmp_path / "gone")
        outcome = program("update")
        assert outcome.code == 4
        assert f"{tmp_path}/gone: cannot be read: No such file or directory; put the texts there" in outcome.out
        assert (site.tree / "RedHat/RPMS/sed-2-1.i386.rpm").is_file()

    def test_a_repository_without_updateinfo_may_have_texts_too(self, tmp_path: Path, built: list[Path]) -> None:
        announce(tmp_path, hashlib.md5(built[1].read_bytes()).hexdigest())
        site = repodata_site(tmp_path, [built[0]], [built[1]])
        program = site.program()
        told_by(program, tmp_path / "errata")
        plan = program("update", "--json").document["trees"][0]["plan"]
        assert [advisory["id"] for advisory in plan["advisories"]] == ["RHSA-2002:001"]
