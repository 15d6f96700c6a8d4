"""What nodes get by TFTP of a boot set that is staged, and while sets are staged underneath."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from mirrorsync.boot.bootset import BootSet
from mirrorsync.boot.undi import Undi
from tests.tftp import TFTPServer, dnsmasq, tftpd_hpa

FLIPS = 200
FOLDER = "X86PC/UNDI/linux-install"
Server = Callable[[Path], AbstractContextManager[TFTPServer]]


@pytest.fixture(params=[tftpd_hpa, dnsmasq], ids=lambda server: server.__name__)
def tftp(request: pytest.FixtureRequest, work: Path) -> Iterator[TFTPServer]:
    """A server of the folder `work`/tftpboot, which has a boot directory."""
    (work / "tftpboot" / FOLDER).mkdir(parents=True)
    start: Server = request.param
    with start(work / "tftpboot") as server:
        yield server


def boot_sets(folder: Path, count: int) -> list[BootSet]:
    """So many sets of some blocks each, with the set's number in every byte."""
    for number in range(1, count + 1):
        (folder / str(number)).mkdir()
        (folder / str(number) / "vmlinuz").write_bytes(bytes([number]) * 3000)
        (folder / str(number) / "initrd.img").write_bytes(bytes([number]) * 9000)
    return [BootSet(folder / str(number) / "vmlinuz", folder / str(number) / "initrd.img") for number in range(1, count + 1)]


def test_a_node_gets_the_staged_set_byte_for_byte_and_then_the_next(tmp_path: Path, work: Path, tftp: TFTPServer) -> None:
    for boot_set in boot_sets(tmp_path, 2):
        Undi(work / "tftpboot" / FOLDER).stage(boot_set)
        assert tftp.get(f"{FOLDER}/linux.1") == boot_set.kernel.read_bytes()
        assert tftp.get(f"{FOLDER}/linux.2") == boot_set.initrd.read_bytes()


def test_while_sets_are_staged_a_node_gets_whole_files_of_sets_and_never_an_error(tmp_path: Path, work: Path, tftp: TFTPServer) -> None:
    directory, sets = work / "tftpboot" / FOLDER, boot_sets(tmp_path, 3)
    kernels = [boot_set.kernel.read_bytes() for boot_set in sets]
    initrds = [boot_set.initrd.read_bytes() for boot_set in sets]
    (directory / "linux.1").write_bytes(kernels[2])
    (directory / "linux.2").write_bytes(initrds[2])
    flips = threading.Thread(target=lambda: [Undi(directory).stage(sets[flip % 3]) for flip in range(FLIPS)])
    flips.start()
    got: list[tuple[int, int]] = []
    try:
        while flips.is_alive():
            got.append((kernels.index(tftp.get(f"{FOLDER}/linux.1")), initrds.index(tftp.get(f"{FOLDER}/linux.2"))))
    finally:
        flips.join()
    assert len(got) > FLIPS / 10
    assert {kernel for kernel, _ in got} == {0, 1, 2} == {initrd for _, initrd in got}
