"""What the NFS server really exports, by exportfs's own table: real exportfs, in a mount namespace of its own."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mirrorsync.probes.etab import flushed_findings, loaded_findings, read_etab, read_kernel
from mirrorsync.probes.exportfile import parse_exports
from mirrorsync.probes.exports import Exports, exported_above
from tests.commands import Mirrorsync
from tests.namespaces import obstacle
from tests.sites import Site

EXPORTFS = shutil.which("exportfs", path="/usr/sbin:/sbin:/usr/bin")
REASON = obstacle("mount") or (
    "" if EXPORTFS and Path("/etc/exports").is_file() else "exportfs is not installed (bash fixtures/setup test)"
)
NODES = "10.1.0.0/16"


def found(written: str, loaded: str) -> list[tuple[str, str]]:
    exports, table = Exports(*parse_exports(written, "/etc/exports")), parse_exports(loaded, "etab")[0]
    concerned = exported_above("/u1/redhat", (*exports.entries, *table))
    return [(finding.code, finding.where) for finding in loaded_findings(exports, table, concerned)]


LOADED = f"/u1\t{NODES}(ro,sync,wdelay,hide,nocrossmnt,secure,root_squash,no_subtree_check,secure_locks,acl,no_pnfs,sec=sys,ro,secure)\n"


@pytest.mark.parametrize(
    ("written", "loaded", "expected"),
    [
        (f"/u1 {NODES}(ro,no_subtree_check)\n", LOADED, []),
        (f"/u1 {NODES}(ro,no_subtree_check)\n", "", []),  # no server of this kind is at work
        (f"/u1 {NODES}(rw,no_subtree_check)\n", LOADED, [("export-not-loaded", "/etc/exports:1")]),
        (f"/u1 {NODES}(ro,crossmnt)\n", LOADED, [("export-not-loaded", "/etc/exports:1")]),
        (f"/u1 {NODES}(ro)\n/u1 10.2.0.0/16(ro)\n", LOADED, [("export-not-loaded", "/etc/exports:2")]),
        (f"/u2 {NODES}(ro)\n", LOADED, [("export-not-written", "etab:1")]),
        (f"/u2 {NODES}(ro)\n/u1 {NODES}(ro)\n", LOADED, []),  # /u2 concerns no node of this tree
        ("/u1 node7(ro)\n", "/u1\tnode7.example.org(ro,sync)\n", []),
    ],
)
def test_what_the_server_knows_is_held_against_what_is_written(written: str, loaded: str, expected: list[tuple[str, str]]) -> None:
    assert found(written, loaded) == expected


KERNEL = f"""# Version 1.1
# Path Client(Flags) # IPs
/u1\t{NODES}(ro,root_squash,sync,wdelay,no_subtree_check,uuid=5f0c9a11:7d254a6e:8a1b0d3c:11f2a7e4,sec=1)
/\t{NODES}(ro,no_root_squash,sync,no_wdelay,v4root,fsid=0,uuid=5f0c9a11:7d254a6e:8a1b0d3c:11f2a7e4,sec=390003:390004:390005:1)
#\t/u3\t{NODES}
"""
"""As net/nfsd/exports.c of Linux 6.1 writes it (svc_export_show, exp_flags)."""


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (f"/u1 {NODES}(ro,no_subtree_check)\n", []),
        (f"/u1 {NODES}(rw,no_subtree_check)\n", ["the kernel exports /u1 to 10.1.0.0/16 with ro still, and rw is written"]),
        (
            f"/u1 {NODES}(ro,no_root_squash)\n",
            ["the kernel exports /u1 to 10.1.0.0/16 with root_squash still, and no_root_squash is written"],
        ),
        ("/u1 10.1.2.0/24(rw)\n", []),  # by a name of mountd's own making
        (f"/u2 {NODES}(rw)\n", []),
        ("", []),
    ],
)
def test_what_the_kernel_goes_by_is_held_against_what_is_written(written: str, expected: list[str], tmp_path: Path) -> None:
    (tmp_path / "exports").write_text(KERNEL)
    exports, kernel = Exports(*parse_exports(written, "/etc/exports")), read_kernel(tmp_path / "exports")
    concerned = exported_above("/u1/redhat", exports.entries)
    assert [finding.what for finding in flushed_findings(exports, kernel, concerned)] == expected


def test_without_a_table_nothing_is_known(tmp_path: Path) -> None:
    assert read_etab(tmp_path / "etab") == read_kernel(tmp_path / "exports") == ()


def checked(program: Mirrorsync, folder: Path, steps: str) -> list[dict[str, Any]]:
    """What a check finds of the export where these steps were done, in a machine whose /etc/exports is FOLDER/exports."""
    private = f"mount --bind {folder}/exports /etc/exports && mount -t tmpfs none /var/lib/nfs && touch /var/lib/nfs/etab && {steps}"
    command = ["unshare", "--mount", "sh", "-ec", f"{private} && exec {' '.join(program.command)} check --json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.stdout, done.stderr
    [tree] = json.loads(done.stdout)["trees"]
    return [finding for finding in tree["findings"] if finding["code"].startswith("export-not-")]


@pytest.mark.skipif(bool(REASON), reason=REASON)
def test_exportfs_itself_agrees_and_an_edit_that_it_has_not_read_is_told(redhat: Site, tmp_path: Path) -> None:
    program = redhat.program()
    assert program("update").code == 0
    with program.config.open("a") as file:
        file.write(f'[trees.redhat.export]\nclients = ["{NODES}"]\n')
    exports, parent = tmp_path / "exports", redhat.tree.parent
    exports.write_text(f"{parent} {NODES}(ro,no_subtree_check,fsid=7)\n")
    assert checked(program, tmp_path, f"{EXPORTFS} -ra") == []
    [finding] = checked(program, tmp_path, f"{EXPORTFS} -ra; sed -i s/10.1.0.0/10.2.0.0/ {exports}; cat {exports} >/etc/exports")[:1]
    assert finding["code"] == "export-not-loaded"
    exports.write_text("")
    [finding] = checked(program, tmp_path, f"{EXPORTFS} -o ro,fsid=7 {NODES}:{parent}")
    assert (finding["code"], finding["what"]) == ("export-not-written", f"{parent} is exported to {NODES}, and no exports file says so")
