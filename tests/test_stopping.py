"""SIGTERM, by systemd, an administrator or a shutdown: a run gives up cleanly, or carries through what it has begun to publish."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mirrorsync.stopping import unbroken
from tests.commands import Mirrorsync
from tests.conftest import Builder
from tests.servers import http_server
from tests.sites import RPMS, Site, add_tree
from tests.test_cli import SLOW, loading
from tests.test_hooks import hook, hooked
from tests.waiting import until, wait_for

TERMINATED = 128 + signal.SIGTERM
WHOLE = "mirrorsync: terminated; the tree is whole, as it was or as it was to be\n"
OLD = ["bash-1-1.noarch.rpm", "tar-1-1.noarch.rpm"]
PACKAGE = "/bash-2-1.noarch.rpm"
LONGEST = 5.0  # seconds until it has ended
with_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="this machine lacks strace; install strace")


@contextmanager
def begun(program: Mirrorsync, *words: str, wrapper: tuple[str, ...] = ()) -> Iterator["subprocess.Popen[str]"]:
    """A command at work, ended in any case."""
    command = [*wrapper, *program.command, *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def ended(process: "subprocess.Popen[str]", number: int = signal.SIGTERM) -> tuple[int, str, str]:
    """Exit code and output after the signal, which it must heed at once."""
    process.send_signal(number)
    began = time.monotonic()
    out, err = process.communicate(timeout=60)
    assert time.monotonic() - began < LONGEST
    return process.returncode, out, err


def packages(site: Site) -> list[str]:
    return sorted(path.name for path in (site.tree / RPMS).iterdir())


def require_recovered(site: Site, program: Mirrorsync) -> None:
    """Nobody is at work, and the next run does it all."""
    assert program("status", "--json").tree["running"] is None
    assert program("update").code == 0
    assert "bash-2-1.noarch.rpm" in packages(site)
    assert program("check", "--deep").code == 0


class TestBeforeThePublication:
    def test_one_that_comes_while_the_program_is_loaded_is_one_line_and_143(self, tmp_path: Path) -> None:
        with loading(tmp_path / "slow", "click", SLOW, [sys.executable, "-m", "mirrorsync", "status"]) as process:
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=10)
        assert (process.returncode, err) == (TERMINATED, "mirrorsync: terminated before anything was done\n")

    @pytest.mark.parametrize(
        "command",
        ["update", "apply {}", "rollback redhat", "check --deep", "status", "history", "audit bash", "prune", "keys check", "config check"],
    )
    def test_every_command_heeds_it(self, tmp_path: Path, command: str) -> None:
        """Each waits here for a configuration that nobody writes."""
        os.mkfifo(tmp_path / "config.toml")
        (tmp_path / "plan.json").touch()
        with begun(Mirrorsync(tmp_path / "config.toml"), *command.format(tmp_path / "plan.json").split()) as process:
            writers: list[int] = []
            until(lambda: writers or writers.__iadd__(opened_by_its_reader(tmp_path / "config.toml")))
            time.sleep(0.2)  # until it waits: a signal in the very instant before a call that waits is heeded after it
            assert ended(process) == (TERMINATED, "", WHOLE)
            os.close(writers[0])

    @pytest.mark.parametrize("path", ["/", PACKAGE], ids=["listing", "package"])
    def test_a_mirror_that_does_not_answer_is_not_waited_for(self, redhat: Site, path: str) -> None:
        released = threading.Event()
        with http_server(redhat.mirror) as server:
            server.behaviour.before_answer = lambda asked: wait_for(released) if asked == path else None
            program = redhat.program(server.url)
            with begun(program, "update") as process:
                until(lambda: server.asked(path))
                assert ended(process) == (TERMINATED, "", WHOLE)
            released.set()
            assert packages(redhat) == OLD
            require_recovered(redhat, program)

    def test_what_a_slow_mirror_has_given_so_far_is_kept(self, redhat: Site) -> None:
        with http_server(redhat.mirror) as server:
            program = redhat.program(server.url)
            assert program("update", "--dry-run").code == 0
            server.behaviour.trickle = 0.005
            with begun(program, "update") as process:
                until(lambda: incoming(redhat) > 100)
                assert ended(process) == (TERMINATED, "", WHOLE)
            server.behaviour.trickle = None
            assert packages(redhat) == OLD
            assert incoming(redhat) > 100
            require_recovered(redhat, program)
            assert int(server.asked(PACKAGE)[-1].headers["Range"].removeprefix("bytes=").rstrip("-")) > 100

    def test_so_does_the_wait_between_two_attempts_end(self, redhat: Site) -> None:
        with http_server(redhat.mirror) as server:
            program = redhat.program(server.url)
            assert program("update", "--dry-run").code == 0
            server.behaviour.failures[PACKAGE] = [503] * 20
            server.behaviour.retry_after = "30"
            before = len(server.asked(PACKAGE))
            with begun(program, "update") as process:
                until(lambda: len(server.asked(PACKAGE)) > before)
                time.sleep(0.3)
                assert ended(process) == (TERMINATED, "", WHOLE)
            server.behaviour.failures.clear()
            require_recovered(redhat, program)

    def test_a_hook_that_is_just_asked_is_ended_too_and_what_was_built_is_dropped(self, redhat: Site) -> None:
        program, folder = hooked(redhat)
        hook(folder, "pre-publish", f"echo $$ >{redhat.folder}/asked; exec sleep 60")
        with begun(program, "update") as process:
            until(lambda: (redhat.folder / "asked").exists() and (redhat.folder / "asked").read_text())
            assert ended(process) == (TERMINATED, "", WHOLE)
        asked = (redhat.folder / "asked").read_text().strip()
        assert not Path(f"/proc/{asked}").exists()
        assert packages(redhat) == OLD
        hook(folder, "pre-publish", "exit 0")
        require_recovered(redhat, program)

    def test_no_further_tree_is_begun(self, redhat: Site, rpm: Builder) -> None:
        program, folder = hooked(redhat)
        second = redhat.folder / "u1/second"
        shutil.copytree(redhat.tree, second)
        add_tree(program, second, redhat.mirror)
        hook(folder, "pre-publish", f"touch {redhat.folder}/asked; exec sleep 60")
        with begun(program, "update") as process:
            until((redhat.folder / "asked").exists)
            assert ended(process) == (TERMINATED, "", WHOLE)
        assert not (second / ".mirrorsync-generation").exists()


def incoming(site: Site) -> int:
    """Bytes that have arrived of what is not whole yet."""
    return sum(path.stat().st_size for path in (site.home / "pool/incoming").glob("*") if path.is_file() and path.suffix != ".origin")


def opened_by_its_reader(pipe: Path) -> list[int]:
    """A descriptor to write to a pipe, once somebody reads from it."""
    try:
        return [os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)]
    except OSError:
        return []


@with_strace
class TestWhileItIsPublished:
    """strace holds the call that makes everything durable, for some seconds, and with that the publication."""

    HOLD = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=syncfs", "-e", "inject=syncfs:delay_enter=2000000:when=2")

    @pytest.mark.parametrize(("number", "code", "word"), [(signal.SIGTERM, 143, "terminated"), (signal.SIGINT, 130, "interrupted")])
    def test_what_has_begun_is_carried_through_with_its_boot_set(self, redhat: Site, number: int, code: int, word: str) -> None:
        program = redhat.program(boot=True)
        redhat.boot.mkdir()
        with begun(program, "update", wrapper=self.HOLD) as process:
            until((redhat.home / "journal/2.json").exists)
            os.kill(program_under(process), number)
            time.sleep(0.2)
            os.kill(program_under(process), number)
            out, err = process.communicate(timeout=60)
        assert (process.returncode, out, err) == (code, "", f"mirrorsync: {word}; the tree is whole, as it was or as it was to be\n")
        assert "bash-2-1.noarch.rpm" in packages(redhat)
        assert (redhat.boot / "linux.1").exists()
        assert not (redhat.home / "building").exists()
        assert program("update", "--json").tree["generation"] is None
        assert program("check", "--deep").code == 0

    def test_a_rollback_is_too(self, redhat: Site, updated: Mirrorsync) -> None:
        once = tuple(word.replace("when=2", "when=1") for word in self.HOLD)
        with begun(updated, "rollback", "redhat", wrapper=once) as process:
            until((redhat.home / "journal/3.json").exists)
            os.kill(program_under(process), signal.SIGTERM)
            _, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (TERMINATED, WHOLE)
        assert "bash-1-1.noarch.rpm" in packages(redhat)
        assert updated("check", "--deep").code == 0

    def test_the_hooks_that_could_not_be_told_are_by_the_next_run(self, redhat: Site) -> None:
        program, folder = hooked(redhat)
        hook(folder, "post-publish", f"echo $MIRRORSYNC_GENERATION >{redhat.folder}/told")
        with begun(program, "update", wrapper=self.HOLD) as process:
            until((redhat.home / "journal/2.json").exists)
            os.kill(program_under(process), signal.SIGTERM)
            process.communicate(timeout=60)
        assert not (redhat.folder / "told").exists()
        assert program("update").code == 0
        assert (redhat.folder / "told").read_text() == "2\n"


def program_under(tracer: "subprocess.Popen[str]") -> int:
    """The process that strace runs."""
    [child] = Path(f"/proc/{tracer.pid}/task/{tracer.pid}/children").read_text().split()
    return int(child)


class TestWhatCannotBeBroken:
    def test_a_signal_waits_until_the_block_is_over(self) -> None:
        done = False
        with pytest.raises(KeyboardInterrupt), unbroken():
            signal.raise_signal(signal.SIGINT)
            done = True
        assert done
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)

    def test_it_is_heeded_though_the_block_ends_in_an_error(self) -> None:
        with pytest.raises(KeyboardInterrupt), unbroken():
            signal.raise_signal(signal.SIGINT)
            raise ValueError

    def test_who_ignores_signals_goes_on_ignoring_them(self) -> None:
        former = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            with unbroken():
                signal.raise_signal(signal.SIGINT)
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        finally:
            signal.signal(signal.SIGINT, former)

    def test_threads_that_no_signal_reaches_go_on_as_they_are(self) -> None:
        ran = []

        def run() -> None:
            with unbroken():
                ran.append(True)

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        assert ran == [True]
