"""The command line around the work: output that nobody takes, names that could do harm, interruptions, errors as documents."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedWriter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirrorsync.cli.context import each_tree
from mirrorsync.cli.output import EnduringFile
from mirrorsync.model.outcome import TreeFailure
from mirrorsync.report.text import visible
from tests.commands import Mirrorsync
from tests.conftest import Builder
from tests.repositories import Item, Repository, primary_xml
from tests.servers import http_server
from tests.sites import Site, add_tree, copy, repodata_site
from tests.test_documents import validate

ROOT = Path(__file__).parents[1]
COMMANDS = ("update", "check", "daemon", "status", "history", "hdlist", "config", "config check", "config show")
INTERRUPTED = 130


@pytest.fixture
def mirrorsync(redhat: Site, tmp_path: Path) -> Mirrorsync:
    """Two trees, aaa and redhat, that can be updated."""
    another = shutil.copytree(redhat.tree, tmp_path / "first/u1/aaa")
    program = redhat.program()
    add_tree(program, another, redhat.mirror)
    return program


def generations(mirrorsync: Mirrorsync) -> list[int]:
    return [tree["generation"] for tree in mirrorsync("status", "--json").document["trees"]]


def broken(mirrorsync: Mirrorsync) -> Mirrorsync:
    mirrorsync.config.write_text("unknown = 1\n[trees.x]\npath = 3\n")
    return mirrorsync


class TestOutputThatNobodyTakes:
    @pytest.mark.parametrize("options", [[], ["--json"]])
    def test_every_tree_is_updated_though_the_pipe_is_closed(self, mirrorsync: Mirrorsync, options: list[str]) -> None:
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run([*mirrorsync.command, "update", *options], stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
        os.close(writing)
        assert (done.returncode, done.stderr) == (1, "")
        assert generations(mirrorsync) == [2, 2]

    def test_every_tree_is_updated_though_the_disk_of_the_log_is_full(self, mirrorsync: Mirrorsync) -> None:
        with Path("/dev/full").open("w") as full:
            done = subprocess.run([*mirrorsync.command, "update"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        assert (done.returncode, done.stderr) == (1, "mirrorsync: the output: No space left on device; not all of it was written\n")
        assert generations(mirrorsync) == [2, 2]

    def test_a_tree_that_failed_gives_its_own_exit_code_though_nobody_reads_why(self, mirrorsync: Mirrorsync) -> None:
        with Path("/dev/full").open("w") as full:
            done = subprocess.run([*mirrorsync.command, "update", "nosuch"], stdout=full, stderr=full, check=False)
        assert done.returncode == 2

    @pytest.mark.parametrize("closing", [">&-", "2>&-", ">&- 2>&-"])
    def test_closed_streams_do_not_matter(self, mirrorsync: Mirrorsync, closing: str) -> None:
        done = subprocess.run(["/bin/sh", "-c", f'"$@" {closing}', "sh", *mirrorsync.command, "update"], capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
        assert generations(mirrorsync) == [2, 2]

    @pytest.mark.parametrize("command", ["--help", "update --help", "--version", "config show", "status --json"])
    def test_every_command_says_in_one_line_that_its_output_is_lost(self, mirrorsync: Mirrorsync, command: str) -> None:
        with Path("/dev/full").open("w") as full:
            done = subprocess.run([*mirrorsync.command, *command.split()], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)

    def test_a_reader_of_a_pipe_that_does_not_block_is_waited_for(self) -> None:
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        received: list[bytes] = []

        def read() -> None:
            with os.fdopen(reading, "rb") as file:
                time.sleep(0.05)
                received.append(file.read())

        reader = threading.Thread(target=read)
        reader.start()
        with BufferedWriter(EnduringFile(writing, "wb")) as stream:
            stream.write(b"x" * 1_000_000)
        reader.join()
        assert len(received[0]) == 1_000_000


class TestNamesThatCouldDoHarm:
    @given(st.text())
    def test_visible_text_is_printable_and_stays_as_it_is(self, text: str) -> None:
        assert visible(text).isprintable()
        assert visible(visible(text)) == visible(text)
        assert text.isprintable() <= (visible(text) == text)

    def test_what_cannot_be_printed_is_told_by_its_code(self) -> None:
        assert visible("a\nb\x1b[2J\x9b\u202e\U000e0001\udcff é…") == r"a\u000ab\u001b[2J\u009b\u202e\U000e0001\udcff é…"

    def test_names_of_a_mirror_reach_no_terminal_raw(self, tmp_path: Path, rpm: Builder) -> None:
        site = repodata_site(tmp_path, [rpm("bash", "1")], [])
        mirror = Repository(site.mirror)
        entry = '<rpm:entry name="z&#10;redhat: all is well&#155;2J"/>'
        wants = f'<rpm:requires xmlns:rpm="http://linux.duke.edu/metadata/rpm">{entry}</rpm:requires>'
        mirror.files["primary"] = primary_xml(Item("bash", "2", extra=wants), Item("bad&#155;", "2"))
        mirror.write()
        program = site.program()
        shown = program("update", "-n")
        assert all(line.isprintable() for line in shown.out.removesuffix("\n").split("\n"))
        assert r"z\u000aredhat: all is well\u009b2J" in shown.out
        assert r"bad\u009b" in shown.out
        document = program("update", "-n", "--json")
        assert "z\nredhat: all is well\x9b2J" in json.dumps(document.document, ensure_ascii=False).replace("\\n", "\n")

    @pytest.mark.parametrize("encoding", ["latin-1", "ascii", "utf-8"])
    def test_every_encoding_will_do(self, mirrorsync: Mirrorsync, encoding: str) -> None:
        assert mirrorsync("update", "redhat").code == 0
        damaged = mirrorsync.config.parent / "u1/redhat/RedHat/RPMS/bash-2-1.noarch.rpm"
        content = damaged.read_bytes()
        damaged.unlink()
        damaged.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        for options in ([], ["--json"]):
            checked = mirrorsync("check", "--deep", "redhat", *options, environ={"PYTHONIOENCODING": encoding})
            assert (checked.code, checked.err) == (4, "")
            assert "RedHat/RPMS/bash-2-1.noarch.rpm" in checked.out

    def test_names_of_any_bytes_are_told(self, tmp_path: Path) -> None:
        program = Mirrorsync(tmp_path / "caf\udce9\n.toml")
        told = program("status", "--json")
        assert (told.code, told.document["exit_code"]) == (78, 78)
        assert r"caf\udce9\u000a.toml" in told.err
        assert len(told.err.splitlines()) == 1


class TestErrorsAsDocuments:
    @pytest.mark.parametrize("command", ["update", "check", "status", "history", "config show"])
    def test_a_configuration_that_cannot_be_used_is_a_document(self, mirrorsync: Mirrorsync, command: str) -> None:
        ended = broken(mirrorsync)(*command.split(), "--json")
        validate(ended.document)
        assert (ended.code, ended.document["schema"], ended.document["exit_code"]) == (78, "mirrorsync-error-1", 78)
        assert len(ended.document["problems"]) == len(ended.err.splitlines()) > 1

    @pytest.mark.parametrize("command", [("update", "nosuch"), ("hdlist", "/nonexistent"), ("status", "--nosuch"), ("nosuch",)])
    def test_bad_usage_is_a_document(self, mirrorsync: Mirrorsync, command: tuple[str, ...]) -> None:
        ended = mirrorsync(*command, "--json")
        validate(ended.document)
        assert (ended.code, ended.document["exit_code"], len(ended.document["problems"])) == (2, 2, 1)

    def test_an_error_of_the_system_is_a_document(self, mirrorsync: Mirrorsync) -> None:
        target = mirrorsync.config / "hdlist"  # below a file
        discs = copy(list((mirrorsync.config.parent / "mirror").iterdir()), mirrorsync.config.parent / "discs/RedHat/RPMS")
        ended = mirrorsync("hdlist", "--json", "--hdlist", str(target), str(discs.parents[1]))
        validate(ended.document)
        assert (ended.code, ended.document["exit_code"]) == (1, 1)
        assert str(target.parent) in ended.err

    def test_without_json_there_is_no_document(self, mirrorsync: Mirrorsync) -> None:
        assert broken(mirrorsync)("update").out == ""

    def test_the_history_of_a_tree_that_is_gone_is_a_failure_beside_the_others(self, mirrorsync: Mirrorsync) -> None:
        assert mirrorsync("update").code == 0
        (mirrorsync.config.parent / "u1/redhat").rename(mirrorsync.config.parent / "u1/moved")
        told = mirrorsync("history", "--json")
        validate(told.document)
        first, gone = told.document["trees"]
        assert (told.code, told.err, len(first["generations"])) == (1, "", 2)
        assert (gone["tree"], gone["exit_code"]) == ("redhat", 1)
        text = mirrorsync("history")
        assert (text.code, "redhat: " in text.err, "aaa:" in text.out) == (1, True, True)


class TestErrorsOfTheSystem:
    @pytest.mark.parametrize(
        ("number", "remedy"),
        [
            (errno.ENOSPC, "make room"),
            (errno.EDQUOT, "quota"),
            (errno.EROFS, "read-write"),
            (errno.EACCES, "run as the user who owns it"),
            (errno.EXDEV, "mend that and run again"),
        ],
    )
    def test_they_say_to_what_and_what_to_do(self, number: int, remedy: str) -> None:
        def act(_name: str) -> None:
            raise OSError(number, os.strerror(number), "/u1/pool/ab", None, "/u1/redhat/ab")

        [failure] = each_tree(["redhat"], act)
        assert isinstance(failure, TreeFailure)
        assert failure.message.startswith(f"redhat: /u1/redhat/ab: {os.strerror(number)}; the tree is whole, old or new; ")
        assert remedy in failure.message


@contextmanager
def loading(folder: Path, module: str, body: str, command: list[str]) -> Iterator["subprocess.Popen[str]"]:
    """A command that is just loading `module`, which takes its time."""
    folder.mkdir()
    (folder / f"{module}.py").write_text(body)
    environ = {**os.environ, "PYTHONPATH": str(folder)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=environ)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "loading\n"
        yield process
    finally:
        process.kill()
        process.communicate()


SLOW = "import time; print('loading', flush=True); time.sleep(60)"


class TestInterruptions:
    @pytest.mark.parametrize("way", ["module", "script"])
    def test_one_that_comes_while_the_program_is_loaded_is_one_line_and_130(self, tmp_path: Path, way: str) -> None:
        entry = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]["mirrorsync"]
        module, _, function = entry.partition(":")
        command = ["-m", "mirrorsync"] if way == "module" else ["-c", f"from {module} import {function}; {function}()"]
        with loading(tmp_path / "slow", "click", SLOW, [sys.executable, *command, "status"]) as process:
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=10)
        assert (process.returncode, err) == (INTERRUPTED, "mirrorsync: interrupted before anything was done\n")

    @pytest.mark.parametrize("body", [SLOW, f"exec({SLOW!r})"], ids=["code", "text"])
    def test_one_that_comes_while_a_command_is_loaded_is_one_line_and_130(self, mirrorsync: Mirrorsync, tmp_path: Path, body: str) -> None:
        with loading(tmp_path / "slow", "requests", body, [*mirrorsync.command, "update"]) as process:
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=10)
        assert (process.returncode, len(err.splitlines())) == (INTERRUPTED, 1), err
        assert err.startswith("mirrorsync: interrupted")

    def test_one_that_comes_at_work_is_one_line_and_130_and_the_tree_stays(self, redhat: Site) -> None:
        with http_server(redhat.mirror) as server:
            server.behaviour.trickle = 0.01
            program = redhat.program(server.url)
            process = subprocess.Popen([*program.command, "update"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            while not server.asked("/bash-2-1.noarch.rpm"):
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=30)
        assert (process.returncode, out, err) == (
            INTERRUPTED,
            "",
            "mirrorsync: interrupted; the tree is whole, as it was or as it was to be\n",
        )
        assert sorted(path.name for path in (redhat.tree / "RedHat/RPMS").iterdir()) == ["bash-1-1.noarch.rpm", "tar-1-1.noarch.rpm"]

    def test_who_ignores_them_goes_on_ignoring_them(self, tmp_path: Path) -> None:
        body = SLOW.replace("60", "0.5") + "; print(__import__('signal').getsignal(2) is __import__('signal').SIG_IGN); raise SystemExit(7)"
        command = ["/bin/sh", "-c", 'trap "" INT; exec "$@"', "sh", sys.executable, "-m", "mirrorsync", "status"]
        with loading(tmp_path / "slow", "click", body, command) as process:
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=10)
        assert (process.returncode, out) == (7, "True\n")


class TestManners:
    @pytest.mark.parametrize("command", COMMANDS)
    def test_every_command_has_help_and_needs_no_configuration_for_it(self, tmp_path: Path, command: str) -> None:
        helped = Mirrorsync(tmp_path / "none.toml")(*command.split(), "-h")
        assert (helped.code, helped.err) == (0, "")
        assert helped.out.startswith(f"Usage: mirrorsync {command} ")

    @pytest.mark.parametrize("command", [[], ["config"]])
    def test_without_a_command_the_help_is_shown_and_the_exit_code_is_2(self, command: list[str]) -> None:
        done = subprocess.run([sys.executable, "-m", "mirrorsync", *command], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("Usage: mirrorsync ")

    def test_quiet_commands_with_nothing_amiss_print_nothing(self, mirrorsync: Mirrorsync) -> None:
        discs = copy(list((mirrorsync.config.parent / "mirror").iterdir()), mirrorsync.config.parent / "discs/RedHat/RPMS").parents[1]
        for command in (["update"], ["update", "-n"], ["check"], ["check", "--deep"], ["config", "check"], ["hdlist", str(discs)]):
            done = mirrorsync("-q", *command)
            assert (command, done.code, done.out, done.err) == (command, 0, "", "")

    @pytest.mark.parametrize(
        ("words", "completed"),
        [
            ("mirrorsync upd", ["update"]),
            ("mirrorsync --config {} check r", ["redhat"]),
            ("mirrorsync --config {} status ", ["aaa", "redhat"]),
        ],
    )
    def test_the_shell_completes_commands_and_trees(self, mirrorsync: Mirrorsync, words: str, completed: list[str]) -> None:
        given = words.format(mirrorsync.config)
        environ = {"COMP_WORDS": given, "COMP_CWORD": str(given.count(" ")), "_MIRRORSYNC_COMPLETE": "bash_complete"}
        done = subprocess.run(mirrorsync.command[:3], capture_output=True, text=True, check=True, env={**os.environ, **environ})
        assert [line.partition(",")[2] for line in done.stdout.splitlines()] == completed
