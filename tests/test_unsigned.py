"""Mirrors that are believed without signatures are named in every report, and what they announce by an old digest is refused."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from fixtures.keys import signing_key
from tests.commands import Mirrorsync, configured
from tests.conftest import Builder
from tests.sites import Site, redhat_site, repodata_site

WORDS = "its packages need not be signed: whoever controls the mirror, or the way to it, decides what nodes install"


@pytest.fixture
def site(tmp_path: Path, rpm: Builder) -> Site:
    return redhat_site(tmp_path, [rpm("bash", "1")], [rpm("bash", "2")])


@pytest.mark.parametrize("command", ["update --dry-run", "update", "check", "check --deep", "status"])
def test_a_mirror_without_signatures_is_named_in_text_and_json(command: str, site: Site) -> None:
    program = site.program()
    if not command.startswith("update"):
        program("update")
    assert f"note: {site.mirror.as_uri()}: {WORDS}; name its keys" in program(*command.split()).out
    notes = [finding for finding in program(*command.split(), "--json").tree["findings"] if finding["code"] == "not-signed"]
    assert [(note["severity"], note["where"]) for note in notes] == [("note", site.mirror.as_uri())]


def test_it_is_named_on_a_run_with_nothing_to_do_and_changes_no_exit_code(site: Site) -> None:
    program = site.program()
    assert program("update").code == 0
    again = program("update")
    assert (again.code, WORDS in again.out, program("-q", "update").out) == (0, True, "")


def test_a_mirror_with_signatures_is_not_named(site: Site) -> None:
    with signing_key("Mirror") as key:
        key.sign(sorted(site.mirror.glob("*.rpm")))
        signed = f'url = "{site.mirror.as_uri()}/"\nkind = "listing"\nkeys = ["{key.public}"]'
        updated = configured(site.folder, site.tree, signed)("update", "--json")
    assert (updated.code, updated.tree["findings"]) == (0, [])


def test_a_repo_file_without_gpgcheck_is_named(tmp_path: Path, rpm: Builder) -> None:
    rocky = repodata_site(tmp_path, [rpm("bash", "1")], [rpm("bash", "2")])
    (tmp_path / "x.repo").write_text(f"[x]\nname=x\nbaseurl={rocky.mirror.as_uri()}/\ngpgcheck=0\n")
    updated = configured(tmp_path, rocky.tree, "", layout="repodata", more=f'updates_from = ["{tmp_path}/x.repo"]')("update", "--json")
    assert [finding["code"] for finding in updated.tree["findings"]] == ["not-signed"]


def with_sha1(site: Site) -> Mirrorsync:
    """The site with a mirror whose metadata announces its packages by SHA-1."""
    shutil.rmtree(site.mirror / "repodata")
    system = str(shutil.which("createrepo_c", path=os.defpath))  # the one of Python's package knows no SHA-1 any more
    subprocess.run([system, "-q", "--checksum", "sha1", str(site.mirror)], check=True, capture_output=True)
    return site.program()


def test_packages_that_an_unsigned_mirror_announces_by_sha_1_are_held(tmp_path: Path, rpm: Builder) -> None:
    program = with_sha1(repodata_site(tmp_path, [rpm("bash", "1")], [rpm("bash", "2")]))
    updated = program("update", "--json")
    [failed] = updated.tree["failed"]
    assert (updated.code, updated.tree["generation"]) == (3, None)
    assert failed["reason"] == (
        "bash-2-1.noarch.rpm: nothing but SHA-1 says that it is whole, which proves nothing today; "
        "set legacy = true for this mirror if its packages are of that age; refused"
    )
    program.config.write_text(f"{program.config.read_text()}legacy = true\n")
    assert program("update", "--json").tree["generation"] == 2


def test_a_repo_file_is_of_that_age_where_its_tree_says_so(tmp_path: Path, rpm: Builder) -> None:
    rocky = repodata_site(tmp_path, [rpm("bash", "1")], [rpm("bash", "2")])
    with_sha1(rocky)
    (tmp_path / "x.repo").write_text(f"[x]\nname=x\nbaseurl={rocky.mirror.as_uri()}/\ngpgcheck=0\n")
    more = f'updates_from = ["{tmp_path}/x.repo"]\nlegacy = '
    codes = [configured(tmp_path, rocky.tree, "", layout="repodata", more=more + value)("update").code for value in ("false", "true")]
    assert codes == [3, 0]
