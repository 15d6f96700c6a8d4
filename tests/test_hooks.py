"""Hooks: programs that are asked before a publication and told after it, and what of them is refused."""

import json
import os
import signal
import subprocess
import time
from datetime import timedelta
from pathlib import Path

import pytest

from mirrorsync.filesystem import foreign_hands
from mirrorsync.hooks.calling import call
from mirrorsync.hooks.selection import Hook, hooks_for
from tests.commands import Mirrorsync
from tests.conftest import Builder
from tests.servers import http_server
from tests.sites import RPMS, Site, add_tree
from tests.test_config import problems
from tests.test_config import tree as tree_table
from tests.test_documents import validate
from tests.waiting import until

NOBODY = 65534
SECONDS = timedelta(seconds=30)


def hook(folder: Path, name: str, *lines: str) -> Path:
    """A hook in the shell's language."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)
    return path


def hooked(site: Site, *, url: str = "", timeout: str = "10m") -> tuple[Mirrorsync, Path]:
    """The program with hooks in a folder of their own, which is empty."""
    program = site.program(url)
    folder = site.folder / "hooks.d"
    folder.mkdir(exist_ok=True)
    text = program.config.read_text().replace("[mirrorsync]", f'[mirrorsync]\nhooks = "{folder}"\nhooks_timeout = "{timeout}"')
    program.config.write_text(text)
    return program, folder


def noted(site: Site, name: str) -> list[str]:
    path = site.folder / name
    return path.read_text().splitlines() if path.exists() else []


class TestBefore:
    def test_it_reads_the_plan_and_finds_the_generation_that_is_about_to_be_published(self, redhat: Site) -> None:
        program, folder = hooked(redhat)
        hook(folder, "pre-publish", f"cat >{redhat.folder}/document", f"ls $MIRRORSYNC_GENERATION_PATH/{RPMS} >{redhat.folder}/seen",
             f"ls {redhat.tree}/{RPMS} >{redhat.folder}/published")  # fmt: skip
        assert program("update").code == 0
        document = json.loads((redhat.folder / "document").read_bytes())
        validate(document)
        assert (document["tree"], document["run"], document["generation"], document["former"]) == ("redhat", "update", 2, 1)
        assert (document["added"], document["removed"]) == (["bash-2-1.noarch"], ["bash-1-1.noarch"])
        assert [entry["package"]["name"] for entry in document["plan"]["incoming"]] == ["bash"]
        assert "bash-2-1.noarch.rpm" in noted(redhat, "seen")
        assert noted(redhat, "published") == ["bash-1-1.noarch.rpm", "tar-1-1.noarch.rpm"]

    def test_its_environment_is_small(self, redhat: Site) -> None:
        program, folder = hooked(redhat)
        hook(folder, "pre-publish", f"env >{redhat.folder}/environment; pwd >{redhat.folder}/cwd")
        assert program("update", environ={"SECRET": "x"}).code == 0
        names = {line.partition("=")[0] for line in noted(redhat, "environment")} - {"PWD", "SHLVL", "_", "OLDPWD"}
        own = {f"MIRRORSYNC_{word}" for word in ("HOOK", "TREE", "PATH", "RUN", "GENERATION", "GENERATION_PATH")}
        assert names == {"PATH", "LANG", *own}
        assert noted(redhat, "cwd") == ["/"]

    def test_one_that_says_no_holds_the_update_and_the_next_run_fetches_nothing_again(self, redhat: Site) -> None:
        with http_server(redhat.mirror) as server:
            program, folder = hooked(redhat, url=server.url)
            hook(folder, "pre-publish", "echo looking; echo 'the other site is down' >&2; exit 7")
            held = program("update")
            reason = "held by hook pre-publish: exit status 7: the other site is down; nothing was published"
            assert (held.code, f"redhat: {reason}" in held.out) == (3, True)
            assert held.err == "redhat: pre-publish: looking\nredhat: pre-publish: the other site is down\n"
            assert sorted(path.name for path in (redhat.tree / RPMS).iterdir()) == ["bash-1-1.noarch.rpm", "tar-1-1.noarch.rpm"]
            assert not (redhat.home / "building").exists()
            fetched = len(server.asked("/bash-2-1.noarch.rpm"))
            hook(folder, "pre-publish", "exit 0")
            assert program("update").code == 0
            assert len(server.asked("/bash-2-1.noarch.rpm")) == fetched
        assert program("check", "--deep").code == 0

    def test_the_reason_is_in_the_document_and_said_to_those_who_want_to_hear_nothing_else(self, redhat: Site) -> None:
        program, folder = hooked(redhat)
        hook(folder, "pre-publish", "echo no; exit 1")
        document = program("update", "--json")
        validate(document.document)
        assert (document.tree["withheld"], document.tree["generation"]) == ("hook pre-publish: exit status 1: no", None)
        quiet = program("-q", "update")
        assert "held by hook pre-publish: exit status 1: no" in quiet.out
        assert quiet.err == "redhat: pre-publish: no\n"

    def test_quiet_runs_say_nothing_of_hooks_that_say_yes(self, redhat: Site) -> None:
        program, folder = hooked(redhat)
        hook(folder, "pre-publish", "echo all is well")
        hook(folder, "post-publish", "echo told")
        done = program("-q", "update")
        assert (done.code, done.out, done.err) == (0, "", "")

    def test_those_of_a_folder_are_asked_by_name_until_one_says_no(self, redhat: Site) -> None:
        program, folder = hooked(redhat)
        for name, code in (("20-second", 1), ("10-first", 0), ("30-third", 0), ("05-copy.dpkg-old", 1), ("00-copy~", 1)):
            hook(folder / "pre-publish", name, f"echo {name} >>{redhat.folder}/asked; exit {code}")
        held = program("update")
        assert noted(redhat, "asked") == ["10-first", "20-second"]
        assert "held by hook pre-publish/20-second: exit status 1: it said nothing" in held.out

    def test_one_that_takes_too_long_is_ended_with_all_that_it_started(self, redhat: Site) -> None:
        program, folder = hooked(redhat, timeout="1s")
        hook(folder, "pre-publish", f"sleep 61 & echo $! >{redhat.folder}/child; echo waiting; sleep 62")
        began = time.monotonic()
        held = program("update")
        assert "held by hook pre-publish: not done after 1 s, its time limit: waiting" in held.out
        assert time.monotonic() - began < 20
        [child] = noted(redhat, "child")
        assert not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text().split()[2]

    def test_a_dry_run_asks_nobody(self, redhat: Site) -> None:
        program, folder = hooked(redhat)
        hook(folder, "pre-publish", f"touch {redhat.folder}/asked; exit 1")
        assert program("update", "--dry-run").code == 0
        assert not (redhat.folder / "asked").exists()

    def test_no_hooks_goes_without_them(self, redhat: Site) -> None:
        program, folder = hooked(redhat)
        hook(folder, "pre-publish", "exit 1")
        hook(folder, "post-publish", f"touch {redhat.folder}/told")
        assert program("update", "--no-hooks").code == 0
        assert program("update").code == 0
        assert not (redhat.folder / "told").exists()

    def test_rollbacks_and_saved_plans_are_asked_for_too(self, redhat: Site, rpm: Builder) -> None:
        program, folder = hooked(redhat)
        assert program("hdlist", str(redhat.tree)).code == 0
        assert program("update").code == 0
        hook(folder, "pre-publish", f"cat >{redhat.folder}/document; exit 1")
        held = program("rollback", "redhat", "--json")
        validate(held.document)
        assert (held.code, held.tree["generation"], held.tree["withheld"]) == (3, None, "hook pre-publish: exit status 1: it said nothing")
        document = json.loads((redhat.folder / "document").read_bytes())
        validate(document)
        assert (document["run"], document["back_to"], document["plan"]) == ("rollback", 1, None)
        assert document["added"] == ["bash-1-1.noarch"]
        redhat.offer(rpm("tar", "2"))
        assert program("update", "--dry-run", "--save", f"{redhat.folder}/plan.json").code == 0
        assert program("apply", f"{redhat.folder}/plan.json").code == 3
        assert json.loads((redhat.folder / "document").read_bytes())["run"] == "apply"
        hook(folder, "pre-publish", "exit 0")
        assert program("apply", f"{redhat.folder}/plan.json").code == 0
        assert program("rollback", "redhat").code == 0

    def test_one_tree_s_refusal_is_not_another_s(self, redhat: Site, tmp_path: Path) -> None:
        program, folder = hooked(redhat)
        other = tmp_path / "u1/other"
        subprocess.run(["cp", "-a", str(redhat.tree), str(other)], check=True)
        add_tree(program, other, redhat.mirror)
        hook(folder, "pre-publish", '[ "$MIRRORSYNC_TREE" = other ]')
        updated = program("update", "--json")
        assert {tree["tree"]: tree["generation"] for tree in updated.document["trees"]} == {"other": 2, "redhat": None}


class TestAfter:
    def test_all_of_them_are_told_what_was_published(self, redhat: Site) -> None:
        program, folder = hooked(redhat)
        for name in ("1", "2"):
            hook(folder / "post-publish", name, f"cat >{redhat.folder}/document{name}; ls $MIRRORSYNC_PATH/{RPMS} >{redhat.folder}/seen")
        assert program("update").code == 0
        assert noted(redhat, "document1") == noted(redhat, "document2")
        assert json.loads(noted(redhat, "document1")[0])["generation"] == 2
        assert "bash-2-1.noarch.rpm" in noted(redhat, "seen")
        (redhat.folder / "document1").unlink()
        assert program("update").code == 0
        assert not (redhat.folder / "document1").exists()

    def test_one_that_fails_is_a_finding_and_no_more(self, redhat: Site) -> None:
        program, folder = hooked(redhat)
        hook(folder / "post-publish", "1", "echo unreachable; exit 9")
        hook(folder / "post-publish", "2", f"touch {redhat.folder}/told")
        updated = program("update", "--json")
        [finding] = [finding for finding in updated.tree["findings"] if finding["code"] == "hook-failed"]
        assert (updated.code, updated.tree["generation"]) == (4, 2)
        assert (finding["where"], finding["what"]) == ("post-publish/1", "after generation 2 was published: exit status 9: unreachable")
        assert (redhat.folder / "told").exists()

    def test_it_may_call_mirrorsync(self, redhat: Site) -> None:
        program, folder = hooked(redhat)
        hook(folder, "post-publish", f"cd {Path.cwd()}; {' '.join(program.command)} prune redhat >{redhat.folder}/pruned 2>&1")
        assert program("update").code == 0
        assert noted(redhat, "pruned")[0] == "redhat: nothing to remove"

    def test_what_a_run_could_not_tell_before_it_was_killed_the_next_one_does(self, redhat: Site) -> None:
        program, folder = hooked(redhat)
        slow = hook(folder, "post-publish", f"touch {redhat.folder}/begun; sleep 60")
        process = subprocess.Popen([*program.command, "update"], stdout=subprocess.DEVNULL)
        until((redhat.folder / "begun").exists)
        process.send_signal(signal.SIGKILL)
        process.wait()
        hook(folder, slow.name, f"cat >{redhat.folder}/document; touch {redhat.folder}/told")
        assert program("update").code == 0
        assert json.loads((redhat.folder / "document").read_bytes())["generation"] == 2
        (redhat.folder / "told").unlink()
        assert program("update").code == 0
        assert not (redhat.folder / "told").exists()

    def test_what_another_run_is_about_to_publish_is_not_forgotten_by_one_that_begins_meanwhile(self, redhat: Site) -> None:
        program, folder = hooked(redhat)
        hook(folder, "pre-publish", f"touch {redhat.folder}/asked; until [ -e {redhat.folder}/go ]; do sleep 0.1; done")
        hook(folder, "post-publish", f"echo $MIRRORSYNC_GENERATION >>{redhat.folder}/told")
        note = redhat.state / "trees/redhat/hooks/2.json"
        note.parent.mkdir(parents=True)
        with subprocess.Popen([*program.command, "-q", "update"]):
            until((redhat.folder / "asked").exists)
            note.write_text(json.dumps({"generation": 2, "run": "update"}))  # what it writes next, and then publishes
            assert program("update").code == 75
            assert note.exists()
            (redhat.folder / "go").touch()
        assert noted(redhat, "told") == ["2"]
        assert not note.exists()

    def test_whoever_tells_tells_of_what_is_published_meanwhile_too(self, redhat: Site) -> None:
        program, folder = hooked(redhat)
        assert program("update").code == 0
        notes = redhat.state / "trees/redhat/hooks"
        notes.mkdir(parents=True)
        for number in (1, 2):
            (notes / f"{number}.held").write_text(json.dumps({"generation": number, "run": "update"}))
        (notes / "1.held").rename(notes / "1.json")
        hook(folder, "post-publish", f"echo $MIRRORSYNC_GENERATION >>{redhat.folder}/told; mv {notes}/2.held {notes}/2.json 2>&-; true")
        assert program("update").code == 0
        assert noted(redhat, "told") == ["1", "2"]
        assert not [*notes.glob("*.json")]


class TestRefusals:
    def test_one_that_others_may_write_to_is_not_run(self, redhat: Site) -> None:
        program, folder = hooked(redhat)
        hook(folder, "pre-publish", f"touch {redhat.folder}/run").chmod(0o775)
        held = program("update")
        assert f"held by hook pre-publish: {folder}/pre-publish may be changed by others than root and this user" in held.out
        (folder / "pre-publish").chmod(0o755)
        folder.chmod(0o777)
        assert f"{folder} may be changed by others" in program("update").out
        assert not (redhat.folder / "run").exists()

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
    def test_one_of_another_owner_is_not_run(self, redhat: Site) -> None:
        program, folder = hooked(redhat)
        os.chown(hook(folder, "pre-publish", f"touch {redhat.folder}/run"), NOBODY, NOBODY)
        assert f"{folder}/pre-publish may be changed by others than root and this user; chown it" in program("update").out
        assert not (redhat.folder / "run").exists()

    def test_a_link_counts_as_what_it_leads_to(self, tmp_path: Path) -> None:
        (tmp_path / "open").mkdir()
        (tmp_path / "open").chmod(0o777)
        real = hook(tmp_path / "open", "real", "true")
        (tmp_path / "pre-publish").symlink_to(real)
        [found] = hooks_for(tmp_path, "pre-publish")
        assert f"{tmp_path}/open may be changed by others" in str(found.fault)

    def test_each_link_on_the_way_counts(self, tmp_path: Path) -> None:
        for name in ("open", "real", "hooks"):
            (tmp_path / name).mkdir()
        real = hook(tmp_path / "real", "real", "true")
        (tmp_path / "open/next").symlink_to("../real/last")
        (tmp_path / "real/last").symlink_to(real)
        (tmp_path / "hooks/pre-publish").symlink_to(tmp_path / "open/next")
        [found] = hooks_for(tmp_path / "hooks", "pre-publish")
        assert found.fault is None
        (tmp_path / "open").chmod(0o777)
        assert f"{tmp_path}/open may be changed by others" in str(found.fault)

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a link away")
    def test_a_link_of_another_owner_counts_where_only_its_owner_may_change_it(self, tmp_path: Path) -> None:
        (tmp_path / "shared").mkdir()
        (tmp_path / "shared").chmod(0o1777)
        (tmp_path / "shared/link").symlink_to(hook(tmp_path, "real", "true"))
        (tmp_path / "pre-publish").symlink_to(tmp_path / "shared/link")
        [found] = hooks_for(tmp_path, "pre-publish")
        assert found.fault is None
        os.lchown(tmp_path / "shared/link", NOBODY, NOBODY)
        assert foreign_hands(tmp_path / "pre-publish") == tmp_path / "shared/link"
        assert found.fault is not None  # where the kernel follows no such link, it is no program either

    def test_what_is_no_program_holds_the_update(self, redhat: Site) -> None:
        program, folder = hooked(redhat)
        (folder / "pre-publish").write_text("#!/bin/sh\n")
        assert "is not a program that this user can run; chmod 755 it, or take it away" in program("update").out
        (folder / "pre-publish").write_text("no interpreter\n")
        (folder / "pre-publish").chmod(0o755)
        assert "cannot be run: Exec format error; mend it, or take it away" in program("update").out

    def test_a_folder_of_hooks_that_is_gone_holds_the_update(self, redhat: Site) -> None:
        program, folder = hooked(redhat)
        hook(folder, "pre-publish", "exit 0")
        folder.rename(folder.with_name("elsewhere"))
        held = program("update")
        assert (held.code, f"{folder} is not a folder that this user can read; put it back, or correct mirrorsync.hooks" in held.out) == (
            3,
            True,
        )
        folder.with_name("elsewhere").rename(folder)
        assert program("update").code == 0

    def test_config_check_tells_them_beforehand(self, redhat: Site) -> None:
        program, folder = hooked(redhat)
        folder.rmdir()
        assert f"mirrorsync.hooks: {folder} is not a folder that this user can read; make it," in program("config", "check").err
        folder.mkdir()
        assert "has neither pre-publish nor post-publish; put programs" in program("config", "check").err
        hook(folder, "post-publish").chmod(0o666)
        assert "is not a program that this user can run" in program("config", "check").err
        (folder / "post-publish").chmod(0o755)
        assert program("config", "check").code == 0

    def test_they_may_not_lie_in_a_tree(self, tmp_path: Path) -> None:
        file = tmp_path / "mirrorsync.toml"
        file.write_text('[mirrorsync]\nhooks = "/srv/a/hooks"\n' + tree_table())
        [problem] = problems(file)
        assert problem.startswith("mirrorsync.toml: mirrorsync.hooks: lies in tree 'a' (/srv/a)")


class TestOutput:
    def test_of_much_the_first_and_last_lines_are_kept(self, tmp_path: Path) -> None:
        program = hook(tmp_path, "hook", "seq 1 100000; head -c 3000000 /dev/zero; echo; echo last; exit 1")
        answer = call(Hook("hook", program, tmp_path), b"{}", {}, SECONDS)
        assert (len(answer.lines), answer.lines[0], answer.lines[100], answer.lines[-1]) == (201, "1", "… 99802 more lines …", "last")
        assert max(map(len, answer.lines)) <= 1000
        assert answer.refusal == "exit status 1: last"

    def test_a_hook_need_not_read_the_document_and_may_leave_something_running(self, tmp_path: Path) -> None:
        program = hook(tmp_path, "hook", "setsid sleep 5 & exit 0")
        began = time.monotonic()
        assert call(Hook("hook", program, tmp_path), b"x" * 10_000_000, {}, SECONDS).refusal is None
        assert time.monotonic() - began < 4

    def test_one_that_is_killed_says_by_what(self, tmp_path: Path) -> None:
        answer = call(Hook("hook", hook(tmp_path, "hook", "kill -SEGV $$"), tmp_path), b"", {}, SECONDS)
        assert answer.refusal == "ended by SIGSEGV: it said nothing"
