"""The programs in C that read what strangers sent: what they can do no more, and that their verdicts are the same."""

import os
import platform
import resource
import shutil
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from fixtures.keys import SigningKey, signing_key
from mirrorsync.app.assembly import site_of
from mirrorsync.app.check import check_tree
from mirrorsync.config.loading import load
from mirrorsync.errors import TrustError
from mirrorsync.model.finding import Severity
from mirrorsync.trust import landlock
from mirrorsync.trust.confinement import UnfinishedError, confined, lacking
from mirrorsync.trust.keys import Keyring, rpmkeys
from mirrorsync.trust.signatures import verdicts
from mirrorsync.trust.verdict import Bad, Signed
from tests.conftest import Builder
from tests.sites import redhat_site
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


# Without Landlock too: the filter refuses it by itself.
ATTRIBUTES = {
    "chmod": "os.chmod({file!r}, 0o600)",
    "fchmod": "os.fchmod(os.open({file!r}, os.O_RDONLY), 0o600)",
    "fchmodat": "os.chmod('file', 0o600, dir_fd=os.open({folder!r}, os.O_RDONLY))",
    "fchmodat2": "libc.syscall(452, -100, {file!r}.encode(), 0o600, 0)",
    "chown": "os.chown({file!r}, os.getuid(), os.getgid())",
    "lchown": "os.lchown({file!r}, os.getuid(), os.getgid())",
    "fchown": "os.fchown(os.open({file!r}, os.O_RDONLY), os.getuid(), os.getgid())",
    "fchownat": "os.chown('file', os.getuid(), os.getgid(), dir_fd=os.open({folder!r}, os.O_RDONLY))",
    "utimensat": "os.utime({file!r}, (1, 1))",
    "utimensat of a descriptor": "os.utime(os.open({file!r}, os.O_RDONLY), (1, 1))",
    "utime": "libc.utime({file!r}.encode(), None)",
    "utimes": "libc.syscall({{'x86_64': 235}}.get(os.uname().machine, 88), {file!r}.encode(), None)",
    "futimesat": "libc.syscall({{'x86_64': 261}}.get(os.uname().machine, 88), -100, {file!r}.encode(), None)",
    "setxattr": "os.setxattr({file!r}, 'user.x', b'x')",
    "lsetxattr": "os.setxattr({file!r}, 'user.x', b'x', follow_symlinks=False)",
    "fsetxattr": "os.setxattr(os.open({file!r}, os.O_RDONLY), 'user.x', b'x')",
    "removexattr": "os.removexattr({file!r}, 'user.before')",
    "lremovexattr": "os.removexattr({file!r}, 'user.before', follow_symlinks=False)",
    "fremovexattr": "os.removexattr(os.open({file!r}, os.O_RDONLY), 'user.before')",
    "setxattrat": "libc.syscall(463, -100, {file!r}.encode(), 0, b'user.x', None, 0)",
    "removexattrat": "libc.syscall(466, -100, {file!r}.encode(), 0, b'user.before')",
    "file_setattr": "libc.syscall(469, -100, {file!r}.encode(), bytes(32), 32, 0)",
    "FS_IOC_SETFLAGS": "import fcntl; fcntl.ioctl(os.open({file!r}, os.O_RDONLY), 0x40086602, (0x80).to_bytes(8, 'little'))",
}
ALWAYS = {
    "truncate": "os.truncate({file!r}, 0)",
    "mknod": "os.mknod({folder!r} + '/new', 0o100644)",
    "mkfifo": "os.mkfifo({folder!r} + '/new')",
    "kill": "os.kill(os.getppid(), 0)",
    "kill of itself": "os.kill(os.getpid(), 9)",
    "tkill": "libc.syscall({{'x86_64': 200}}.get(os.uname().machine, 130), os.getppid(), 0)",
    "tgkill": "libc.syscall({{'x86_64': 234}}.get(os.uname().machine, 131), os.getppid(), os.getppid(), 0)",
    "rt_sigqueueinfo": "libc.syscall({{'x86_64': 129}}.get(os.uname().machine, 138), os.getppid(), 0, queued)",
    "rt_tgsigqueueinfo": "libc.syscall({{'x86_64': 297}}.get(os.uname().machine, 240), os.getppid(), os.getppid(), 0, queued)",
    "pidfd_send_signal": "import signal; signal.pidfd_send_signal(os.pidfd_open(os.getppid()), 0)",
}
_TRIED = """
import ctypes, os
queued = bytes(8) + (-1).to_bytes(4, "little", signed=True) + bytes(116)  # a siginfo_t of SI_QUEUE
class libc:
    def __getattr__(self, name):
        def call(*arguments):
            if getattr(ctypes.CDLL(None, use_errno=True), name)(*arguments):
                raise OSError(ctypes.get_errno(), name)
        return call
libc = libc()
"""


def state(file: Path) -> tuple[object, ...]:
    """What of a file somebody could change."""
    status = file.stat()
    attributes = {name: os.getxattr(file, name) for name in os.listxattr(file)}
    return file.read_bytes(), status.st_mode, status.st_uid, status.st_gid, status.st_mtime_ns, attributes


@pytest.mark.parametrize("call", [*ATTRIBUTES, *ALWAYS])
def test_the_filter_by_itself_refuses(call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landlock, "version", lambda: 0)
    file = tmp_path / "file"
    file.write_text("as it was")
    file.chmod(0o640)
    with suppress(OSError):  # where the file system has none
        os.setxattr(file, "user.before", b"x")
    before = state(file)
    assert "PermissionError: [Errno 1]" in refused(_TRIED + (ATTRIBUTES | ALWAYS)[call].format(file=str(file), folder=str(tmp_path)))
    assert state(file) == before
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("call", ALWAYS)
def test_it_refuses_that_to_a_program_too_that_may_write(call: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("as it was")
    done = tried(_TRIED + ALWAYS[call].format(file=str(tmp_path / "file"), folder=str(tmp_path)), [tmp_path])
    assert b"PermissionError" in done.stderr
    assert snapshot(tmp_path) == {"file": b"as it was"}


def test_what_may_write_may_set_modes_as_rpm_s_databases_do(tmp_path: Path) -> None:
    assert tried(f"import os; open('{tmp_path}/new', 'w'); os.chmod('{tmp_path}/new', 0o600)", [tmp_path]).returncode == 0
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o600


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


def test_what_keeps_a_program_from_being_run_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TrustError, match=r"^no-such-program is not installed; install it$"):
        confined(["no-such-program"], environment=ENVIRONMENT)
    with pytest.raises(TrustError, match=r"^get it$"):
        confined(["no-such-program"], environment=ENVIRONMENT, absent="get it")
    with pytest.raises(TrustError, match=f"^true cannot be run: {tmp_path}/lost: No such file or directory; mend that and run again$"):
        confined(["true"], environment=ENVIRONMENT, absent="get it", writable=[tmp_path / "lost"])
    (tmp_path / "forbidden").write_text("")
    with pytest.raises(TrustError, match=f"^{tmp_path}/forbidden cannot be run: {tmp_path}/forbidden: Permission denied; mend"):
        confined([str(tmp_path / "forbidden")], environment=ENVIRONMENT)

    def no_thread(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", no_thread)
    with pytest.raises(TrustError, match="true cannot be run: can't start new thread; mend that"):
        confined(["true"], environment=ENVIRONMENT)


def test_descriptors_that_have_run_out_are_an_error_of_trust() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    open_now = [os.dup(0) for _ in range(3)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(open_now) + 1, hard))
    try:
        with pytest.raises(TrustError, match=r"true cannot be run: .*Too many open files; mend that and run again"):
            confined(["true"], environment=ENVIRONMENT)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for descriptor in open_now:
            os.close(descriptor)


@pytest.mark.parametrize("code", ["sleep(60)", "os.close(1); os.close(2); sleep(60)", "os.fork() or sleep(60)"])
def test_a_program_that_does_not_end_is_ended(code: str) -> None:
    began = time.monotonic()
    with pytest.raises(UnfinishedError, match=r"python\S* did not come to an end in 1 seconds, and was ended"):
        confined([sys.executable, "-c", f"import os; from time import sleep; {code}"], environment=ENVIRONMENT, seconds=1)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("stream", [1, 2])
def test_a_program_that_prints_without_end_is_ended(stream: int) -> None:
    tracemalloc.start()
    with pytest.raises(UnfinishedError, match=r"printed more than 16 MiB, and was ended"):
        confined(["sh", "-c", f"yes >&{stream}"], environment=ENVIRONMENT)
    assert tracemalloc.get_traced_memory()[1] < 60 << 20
    tracemalloc.stop()


@pytest.mark.parametrize(("code", "number"), [("import os; os.abort()", (6, 11)), ("import ctypes; ctypes.string_at(0)", (11,))])
def test_a_program_that_dies_of_what_it_reads_is_told_apart_from_one_that_somebody_ended(code: str, number: tuple[int, ...]) -> None:
    with pytest.raises(UnfinishedError, match=r"python\S* died of signal") as raised:
        tried(code)
    assert int(str(raised.value).split()[-1]) in number


def test_a_program_does_not_outlive_this_one(tmp_path: Path) -> None:
    code = (
        "import threading, sys; from mirrorsync.trust.confinement import confined\n"
        "threading.Thread(target=confined, args=(['sleep', '54.321'],), kwargs={'environment': {}, 'absent': ''}, daemon=True).start()\n"
        "import time; time.sleep(1)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=20)
    assert not [path for path in Path("/proc").glob("[0-9]*/cmdline") if b"54.321" in _content(path)]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_what_the_kernel_lacks_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landlock, "version", lambda: 0)
    monkeypatch.setattr(platform, "machine", lambda: "sparc")
    assert lacking() == ("Landlock (Linux 5.13)", "a filter of system calls for this architecture")
    monkeypatch.undo()
    assert lacking() == (() if landlock.version() else ("Landlock (Linux 5.13)",))


def test_check_notes_what_the_kernel_lacks(tmp_path: Path, rpm: Builder, monkeypatch: pytest.MonkeyPatch) -> None:
    site = redhat_site(tmp_path, [rpm("bash", "1")], [])
    monkeypatch.setattr(landlock, "version", lambda: 0)
    config = load(site.program().config, {})
    outcome = check_tree(site_of(config, *config.trees), None, deep=False)
    [note] = [finding for finding in outcome.findings if finding.code == "not-confined"]
    assert (note.severity, note.where) == (Severity.NOTE, "rpmkeys and gpgv")
    assert note.what.startswith("they run without Landlock (Linux 5.13), which this machine does not have")


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
