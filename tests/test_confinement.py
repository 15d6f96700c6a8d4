"""The programs in C that read what strangers sent: what they can do no more, and that their verdicts are the same."""

import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.keys import SigningKey, signing_key
from mirrorsync.trust import landlock
from mirrorsync.trust.confinement import confined
from mirrorsync.trust.keys import Keyring, rpmkeys
from mirrorsync.trust.signatures import verdicts
from mirrorsync.trust.verdict import Bad, Signed
from tests.conftest import Builder
from tests.trees import snapshot

needs_landlock = pytest.mark.skipif(not landlock.version(), reason="the kernel has no Landlock")
ENVIRONMENT = {"PATH": os.environ["PATH"]}


def tried(code: str, writable: list[Path] | None = None) -> subprocess.CompletedProcess[bytes]:
    """A Python program, confined."""
    return confined([sys.executable, "-c", code], environment=ENVIRONMENT, writable=writable or [])


def refused(code: str) -> str:
    """The error that ends a confined Python program."""
    done = tried(code)
    assert done.returncode == 1, done
    return done.stderr.decode().splitlines()[-1]


@needs_landlock
@pytest.mark.parametrize(
    "change",
    [
        "open({there!r}, 'a')",
        "open({new!r}, 'w')",
        "os.truncate({there!r}, 0)",
        "os.unlink({there!r})",
        "os.rename({there!r}, {new!r})",
        "os.link({there!r}, {new!r})",
        "os.symlink('x', {new!r})",
        "os.mkdir({new!r})",
        "os.mkfifo({new!r})",
    ],
)
def test_a_confined_program_cannot_change_a_file(change: str, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("as it was")
    code = change.format(there=str(tmp_path / "there"), new=str(tmp_path / "new"))
    assert "PermissionError" in refused(f"import os; {code}")
    assert snapshot(tmp_path) == {"there": b"as it was"}


@needs_landlock
def test_it_can_write_where_it_is_to(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    code = f"open('{tmp_path}/own/new', 'w').write('x'); open('/dev/null', 'w').write('x'); open('{tmp_path}/other', 'w')"
    assert b"PermissionError" in tried(code, [tmp_path / "own"]).stderr
    assert snapshot(tmp_path) == {"own/new": b"x"}


@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK"])
@pytest.mark.parametrize("kind", ["SOCK_STREAM", "SOCK_DGRAM"])
def test_it_can_make_no_socket(family: str, kind: str) -> None:
    if kind == "SOCK_STREAM" and family == "AF_NETLINK":
        kind = "SOCK_RAW"
    assert "PermissionError" in refused(f"import socket; socket.socket(socket.{family}, socket.{kind})")


@needs_landlock
def test_it_cannot_connect_even_by_a_socket_that_it_was_given() -> None:
    if landlock.version() < 4:
        pytest.skip("Landlock knows of TCP from version 4 on")
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as given:
        port = server.getsockname()[1]
        code = f"import socket; socket.socket(fileno={given.fileno()}).connect(('127.0.0.1', {port}))"
        done = confined([sys.executable, "-c", code], environment=ENVIRONMENT, descriptors=[given.fileno()])
    assert b"PermissionError" in done.stderr


def test_its_memory_and_the_files_it_writes_have_limits() -> None:
    code = "import resource as r; print(*(r.getrlimit(kind)[0] for kind in (r.RLIMIT_AS, r.RLIMIT_CPU, r.RLIMIT_CORE, r.RLIMIT_FSIZE)))"
    assert tried(f"import time; time.sleep(0.2); {code}").stdout.split() == [b"4294967296", b"3600", b"0", b"0"]
    assert b"MemoryError" in tried("import time; time.sleep(0.2); bytearray(5 << 30)").stderr


def test_this_process_stays_free(tmp_path: Path) -> None:
    tried("pass")
    (tmp_path / "file").write_text("x")
    socket.create_server(("127.0.0.1", 0)).close()
    threads = [threading.Thread(target=(tmp_path / name).write_text, args=("x",)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(snapshot(tmp_path)) == ["a", "b", "file"]


def test_a_program_that_is_not_there_is_an_error_of_the_caller() -> None:
    with pytest.raises(FileNotFoundError):
        confined(["no-such-program"], environment=ENVIRONMENT)


def test_where_the_kernel_has_no_landlock_programs_run_without(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(landlock, "version", lambda: 0)
    assert tried(f"open('{tmp_path}/new', 'w')").returncode == 0


# rpm


@pytest.fixture(scope="module")
def key() -> Iterator[SigningKey]:
    with signing_key() as made:
        yield made


def test_verdicts_are_the_same_and_the_keyring_is_not_touched(key: SigningKey, rpm: Builder, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("good.rpm", "bad.rpm")]
    for file in files:
        shutil.copy(rpm("bash", "1", files={"/usr/share/doc/bash": "x" * 999}), file)
    key.sign(files)
    content = bytearray(files[1].read_bytes())
    content[-20] ^= 1
    files[1].write_bytes(content)
    keyring = Keyring.make(tmp_path / "keys", [key.public])
    before = snapshot(keyring.folder)
    good, bad = verdicts(files, keyring)
    assert (good.__class__, bad.__class__) == (Signed, Bad)
    assert snapshot(keyring.folder) == before


@needs_landlock
def test_rpm_can_add_keys_only_where_it_is_asked_to(key: SigningKey, tmp_path: Path) -> None:
    keyring = Keyring.make(tmp_path / "keys", [key.public])
    before = snapshot(keyring.folder)
    with signing_key("Intruder") as intruder:
        done = rpmkeys(keyring.folder, "--import", str(intruder.public))
    assert done.returncode != 0
    assert snapshot(keyring.folder) == before
