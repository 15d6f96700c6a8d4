"""`mirrorsync update` from end to end: a real tree, a real mirror on loopback, the program as an administrator calls it."""

import os
import shutil
from pathlib import Path

import pytest

from fixtures.keys import signing_key
from mirrorsync.locks import locked
from tests.commands import Mirrorsync, changes, configured, dnf, nevra_text
from tests.conftest import Builder
from tests.servers import ftp_server, http_server, mirror_server
from tests.sites import LISTING, Site, add_tree, copy, redhat_site, repodata_site, repository
from tests.trees import snapshot


def test_an_rhl_tree_is_brought_up_to_date_from_a_listing(tmp_path: Path, rpm: Builder) -> None:
    site = redhat_site(tmp_path, [rpm("bash", "1"), rpm("tar", "1")], [])
    site.boot.mkdir()
    copy([rpm("bash", "2"), rpm("zsh", "9")], site.mirror / "noarch")
    with mirror_server(site.mirror, tmp_path) as server:
        mirrorsync = site.program(server.url, boot=True)
        updated = mirrorsync("update", "--json")
    assert updated.code == 0, updated.err
    assert changes(updated) == {"incoming": ["bash-2-1.noarch"], "outgoing": ["bash-1-1.noarch"]}
    assert updated.tree["generation"] == 2
    assert (site.boot / "linux.1").read_bytes() == b"a kernel"
    checked = mirrorsync("check", "--deep")
    assert checked.code == 0, checked.out
    status = mirrorsync("status", "--json").tree
    assert (status["packages"], status["grace_copies"], status["kept_generations"]) == (2, 1, [1, 2])
    [newest, first] = mirrorsync("history", "--json").tree["generations"]
    assert (newest["added"], newest["run"], first["run"]) == (["bash-2-1.noarch"], "update", "adoption")


def test_a_repository_tree_is_brought_up_to_date_and_dnf_resolves_from_it(tmp_path: Path, rpm: Builder) -> None:
    offered = [rpm("bash", "2", requires=["readline"]), rpm("readline", "5")]
    site = repodata_site(tmp_path, [rpm("bash", "1"), rpm("tar", "1", requires=["bash"])], offered)
    with mirror_server(site.mirror, tmp_path) as server:
        mirrorsync = site.program(server.url)
        updated = mirrorsync("update", "--json")
    assert updated.code == 0, updated.err
    assert changes(updated)["incoming"] == ["bash-2-1.noarch", "readline-5-1.noarch"]
    assert mirrorsync("check", "--deep").code == 0
    (tmp_path / "log").mkdir()
    if shutil.which("dnf"):
        listed = dnf(tmp_path, site.tree, "repoquery", "--latest-limit=1").split()
        assert listed == ["bash-0:2-1.noarch", "readline-0:5-1.noarch", "tar-0:1-1.noarch"]


def test_a_second_update_asks_for_validators_only_and_makes_no_generation(redhat: Site, tmp_path: Path) -> None:
    with mirror_server(redhat.mirror, tmp_path) as server:
        mirrorsync = redhat.program(server.url)
        assert mirrorsync("update").code == 0
        before = len(server.transfers())
        for _ in range(2):
            again = mirrorsync("-q", "update")
            assert (again.code, again.out, again.err) == (0, "", "")
        assert len(server.transfers()) == before
    assert mirrorsync("status", "--json").tree["generation"] == 2


def test_a_dry_run_says_what_and_why_and_touches_nothing(redhat: Site, tmp_path: Path) -> None:
    before = snapshot(tmp_path / "u1")
    with mirror_server(redhat.mirror, tmp_path) as server:
        shown = redhat.program(server.url)("update", "--dry-run")
    assert shown.code == 0
    assert "newer than bash-1-1.noarch" in shown.out
    assert snapshot(tmp_path / "u1") == before
    assert not (tmp_path / "u1/.mirrorsync").exists()


def test_an_unsigned_package_is_held_where_signatures_are_required_and_signed_ones_go_on(
    redhat: Site, tree: Path, tmp_path: Path, rpm: Builder
) -> None:
    redhat.offer(rpm("tar", "2"))
    with signing_key("Mirror") as key, http_server(redhat.mirror) as server:
        key.sign([redhat.mirror / "tar-2-1.noarch.rpm"])
        trust = f'kind = "listing"\nkeys = ["{key.public}"]\nfingerprints = ["{key.fingerprint}"]'
        mirrorsync = configured(tmp_path, tree, f'url = "{server.url}/"\n{trust}')
        updated = mirrorsync("update", "--json")
        assert updated.code == 3, updated.err
        assert changes(updated)["incoming"] == ["tar-2-1.noarch"]
        [failed] = updated.tree["failed"]
        assert "not signed" in failed["reason"]
        assert [nevra_text(entry["nevra"]) for entry in updated.tree["plan"]["held"]] == ["bash-2-1.noarch"]


def test_a_mirror_that_is_down_leaves_the_tree_and_says_so_in_one_line(redhat: Site, tree: Path) -> None:
    before = snapshot(tree)
    ended = redhat.program("http://127.0.0.1:9")("update")
    assert ended.code == 1
    assert "127.0.0.1:9" in ended.err
    assert len(ended.err.strip().splitlines()) == 1
    assert snapshot(tree) == before


def test_the_update_goes_on_without_a_mirror_that_is_down_and_reports_it(mirrorsync: Mirrorsync) -> None:
    with mirrorsync.config.open("a") as file:
        file.write(f'[[trees.redhat.updates]]\nurl = "http://127.0.0.1:9/"\n{LISTING}\n')
    updated = mirrorsync("update", "--json")
    assert updated.code == 4
    assert changes(updated)["incoming"] == ["bash-2-1.noarch"]
    assert "mirror-unavailable" in [finding["code"] for finding in updated.tree["findings"]]


def test_a_second_run_beside_the_first_leaves_with_75_and_names_it(redhat: Site, mirrorsync: Mirrorsync) -> None:
    lock, note = redhat.home / "lock", f"process {os.getpid()} since yesterday"
    with locked(lock, "a test"):
        lock.write_text(note)
        second = mirrorsync("update")
        assert (second.code, note in second.err) == (75, True)
        quiet = mirrorsync("-q", "update")
        assert (quiet.code, quiet.out, quiet.err) == (75, "", "")
        assert mirrorsync("status", "--json").tree["running"] == note


def test_one_tree_that_fails_does_not_keep_the_others_from_their_update(redhat: Site, mirrorsync: Mirrorsync, tmp_path: Path) -> None:
    add_tree(mirrorsync, tmp_path / "gone", redhat.mirror)
    updated = mirrorsync("update")
    assert updated.code == 1
    assert "gone: " in updated.err
    assert "generation 2 published" in updated.out
    assert mirrorsync("update", "redhat").code == 0


def test_a_yum_repo_file_is_taken_unchanged(tmp_path: Path, rpm: Builder) -> None:
    tree = repository(tmp_path / "u1/rocky", [rpm("bash", "1"), rpm("tar", "1")])
    repository(tmp_path / "mirror/9/x86_64", [rpm("bash", "2"), rpm("tar", "2")])
    (tmp_path / "x.repo").write_text(f"""[baseos]
name=BaseOS $releasever
baseurl=file://{tmp_path}/mirror/$releasever/$basearch
gpgcheck=0
enabled=1
exclude=tar*
[debug]
name=debug
baseurl=http://127.0.0.1:9/
enabled=0
""")
    more = f'updates_from = ["{tmp_path}/x.repo"]\nreleasever = "9"'
    updated = configured(tmp_path, tree, "", layout="repodata", arches='"x86_64"', more=more)("update", "--json")
    assert updated.code == 0, updated.err + updated.out
    assert changes(updated)["incoming"] == ["bash-2-1.noarch"]


def test_a_repo_file_that_checks_signatures_without_naming_a_key_is_refused_and_config_check_says_so(rocky: Site, tmp_path: Path) -> None:
    (tmp_path / "x.repo").write_text("[x]\nname=x\nbaseurl=http://127.0.0.1:9/\n")
    mirrorsync = configured(tmp_path, rocky.tree, "", layout="repodata", more=f'updates_from = ["{tmp_path}/x.repo"]')
    for command in (["config", "check"], ["update"]):
        refused = mirrorsync(*command)
        assert (refused.code, "no gpgkey is named" in refused.err) == (78, True)


def test_a_configured_genhdlist_writes_the_lists_and_its_failure_publishes_nothing(redhat: Site, tree: Path, tmp_path: Path) -> None:
    script = tmp_path / "genhdlist"
    script.write_text("#!/bin/sh\necho no room >&2\nexit 3\n")
    script.chmod(0o755)
    mirrorsync = redhat.program(more=f'genhdlist = ["{script}"]')
    failed = mirrorsync("update")
    assert (failed.code, "no room" in failed.err) == (1, True)
    assert not (tree / "RedHat/RPMS/bash-2-1.noarch.rpm").exists()
    script.write_text(f'#!/bin/sh\nexec {" ".join(mirrorsync.command[:3])} hdlist "$1"\n')
    assert mirrorsync("update").code == 0
    assert mirrorsync("check").code == 0


@pytest.mark.parametrize("server", [mirror_server, ftp_server])
def test_progress_is_not_shown_in_a_pipe(redhat: Site, tmp_path: Path, server: object) -> None:
    with server(redhat.mirror, tmp_path) as running:  # type: ignore[operator]  # both are context managers
        updated = redhat.program(running.url)("update")
    assert (updated.code, updated.err) == (0, "")
    assert "\x1b" not in updated.out + updated.err


def test_bad_usage_and_bad_configuration_have_their_exit_codes(tmp_path: Path) -> None:
    mirrorsync = configured(tmp_path, tmp_path / "u1/redhat", f'url = "http://127.0.0.1:9/"\n{LISTING}')
    assert mirrorsync("update", "nosuchtree").code == 2
    assert mirrorsync("frobnicate").code == 2
    assert mirrorsync("-q", "-v", "update").code == 2
    mirrorsync.config.write_text("[trees.x]\npath = 3\nlayuot = 'redhat'\n")
    broken = mirrorsync("update")
    assert broken.code == 78
    assert "layuot" in broken.err
    assert Mirrorsync(tmp_path / "none.toml")("status").code == 78


def test_two_generations_later_the_tree_lists_only_the_newest_and_the_kept_ones_are_whole(
    redhat: Site, updated: Mirrorsync, rpm: Builder
) -> None:
    second = snapshot(redhat.home / "generations/2")
    redhat.offer(rpm("bash", "3"))
    assert updated("update").code == 0
    assert snapshot(redhat.home / "generations/2") == second
    assert sorted(path.name for path in (redhat.tree / "RedHat/RPMS").glob("bash-*")) == [
        "bash-1-1.noarch.rpm",
        "bash-2-1.noarch.rpm",
        "bash-3-1.noarch.rpm",
    ]
    assert updated("check").code == 0
