"""Run a command as a unit's service would run: python -m tests.privilege.sandbox UNIT FOLDER UID COMMAND…, as root.

FOLDER is all that may be written to, in the place of the unit's ReadWritePaths= and StateDirectory=; FOLDER/code shows the project
and its dependencies, wherever they lie. Mounts, users, capabilities and filters of system calls are as systemd makes them. Not
shown: KeyringMode=, RemoveIPC=, LockPersonality=, DevicePolicy= (the devices are not there).
"""

import ctypes
import os
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from tests.privilege import seccomp
from tests.privilege.unit import Service

_NEW_NAMESPACE, _NEW_USER = 0x00020000, 0x10000000
_NO_NEW_PRIVILEGES, _DROP_BOUND, _LAST_CAPABILITY = 38, 24, 63
_HIDDEN = ("/home", "/root", "/run/user")
_TEMPORARY = ("/tmp", "/var/tmp")
_CODE = {"project": Path(__file__).parents[2], "packages": Path(sysconfig.get_path("purelib"))}
_DEVICES = {"null": 3, "zero": 5, "full": 7, "random": 8, "urandom": 9}  # minor numbers of the memory devices, major 1


def main(unit: str, folder: str, uid: str, *command: str) -> None:
    service = Service.read(Path(unit))
    _call("unshare", _NEW_NAMESPACE)
    _mount("--make-rprivate", "/")
    _restrict_mounts(service, folder)
    os.chdir("/")
    if service.on("PrivateUsers"):
        _own_users(int(uid))
    _drop_privileges(service, int(uid))
    seccomp.apply(service)
    os.execv(command[0], command)


def _restrict_mounts(service: Service, folder: str) -> None:
    _mount("--bind", folder, folder)
    shown = [str(Path(folder, "code", name)) for name in _CODE]
    for path, source in zip(shown, _CODE.values(), strict=True):
        Path(path).mkdir(parents=True, exist_ok=True)
        _mount("--bind", str(source), path)
        _mount("-o", "remount,bind,ro", path)
    if service.on("PrivateTmp"):
        for path in _TEMPORARY:
            _mount("-t", "tmpfs", "-o", "mode=1777", "tmpfs", path)
    if service.on("ProtectHome"):
        for path in filter(os.path.isdir, _HIDDEN):
            _mount("-t", "tmpfs", "-o", "mode=000,ro", "tmpfs", path)
    if service.on("PrivateDevices"):
        _private_devices()
    if service.on("ProtectProc"):
        _mount("-t", "proc", "-o", f"hidepid={service.value('ProtectProc')},subset={service.value('ProcSubset')}", "proc", "/proc")
    if service.on("ProtectSystem"):
        _read_only([folder, "/dev", "/proc", *_TEMPORARY])


def _private_devices() -> None:
    """The few that every program may have, in the place of all."""
    kept = Path("/dev/shm")  # a mount of its own, in which the new /dev is laid out
    _mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", str(kept))
    for name, minor in _DEVICES.items():
        os.mknod(kept / name, stat.S_IFCHR, os.makedev(1, minor))
        (kept / name).chmod(0o666)
    (kept / "shm").mkdir(mode=0o1777)
    _mount("--rbind", str(kept), "/dev")


def _read_only(writable: Sequence[str]) -> None:
    """Every mount but those."""
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for point in dict.fromkeys(mounts):
        if not any(point == path or point.startswith(f"{path}/") for path in writable) and Path(point).exists():
            _mount("-o", "remount,bind,ro", point)


def _own_users(uid: int) -> None:
    """A user namespace with root and the service's user only, as PrivateUsers= makes it; the rest belong to nobody."""
    ready, done = os.pipe(), os.pipe()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        os.read(ready[0], 1)
        for kind in ("uid_map", "gid_map"):
            Path(f"/proc/{parent}/{kind}").write_text(f"0 0 1\n{uid} {uid} 1\n")
        os.write(done[1], b"x")
        os._exit(0)
    os.close(done[1])
    _call("unshare", _NEW_USER)
    os.write(ready[1], b"x")
    assert os.read(done[0], 1), "no user namespace could be made"
    os.waitpid(child, 0)
    for descriptor in (*ready, done[0]):
        os.close(descriptor)


def _drop_privileges(service: Service, uid: int) -> None:
    os.umask(int(service.value("UMask"), 8))
    assert service.value("CapabilityBoundingSet") == ""
    for capability in range(_LAST_CAPABILITY):
        ctypes.CDLL(None).prctl(_DROP_BOUND, capability, 0, 0, 0)  # EINVAL past the kernel's last one
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    if service.on("NoNewPrivileges"):
        ctypes.CDLL(None).prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)


def _mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)


def _call(name: str, argument: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(argument):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name)


if __name__ == "__main__":
    main(*sys.argv[1:])
