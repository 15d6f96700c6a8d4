"""The boot set of a tree, and whether its kernel, initrd, stage images and .treeinfo belong together."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mirrorsync.boot.initrd import read_initrd
from mirrorsync.boot.kernel import read_release
from mirrorsync.boot.members import is_squashfs, verify_image
from mirrorsync.boot.stamps import read_build
from mirrorsync.boot.treeinfo import NAMES, parse_treeinfo
from mirrorsync.errors import BootError, TreeError
from mirrorsync.files import contained
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.model.package import Digest
from mirrorsync.model.treeinfo import TreeInfo

KERNEL = "images/pxeboot/vmlinuz"
INITRD = "images/pxeboot/initrd.img"
_BASE = "RedHat/base"
_STAGES = (
    *(f"{_BASE}/{name}" for name in ("stage2.img", "netstg1.img", "netstg2.img", "hdstg1.img", "hdstg2.img")),
    *(f"images/{name}" for name in ("stage2.img", "minstg2.img")),
)
_BRING_IN = "copy what is meant into the tree and let its path lead there, or take its section out"
_LARGEST_TREEINFO = 1 << 20  # bytes
_MOST_TOLD = 3  # releases
_COPY_AGAIN = "copy it and the tree's other boot images again, all from one release, then run `mirrorsync check --deep`"


@dataclass(frozen=True, slots=True)
class BootSet:
    """The kernel and initrd of one build, as files of a tree: what a node loads by TFTP."""

    kernel: Path
    initrd: Path


def read_boot_set(root: Path) -> BootSet | None:
    """The boot set of the tree at `root`, None where it has none. Reads no bytes of it. Raises BootError where it is half there."""
    boot_set = BootSet(root / KERNEL, root / INITRD)
    try:
        missing = [path for path in (boot_set.kernel, boot_set.initrd) if not path.is_file()]
    except OSError as error:
        raise BootError(f"{error.filename}: cannot be looked at: {error.strerror}; let the user that runs mirrorsync read it") from error
    if len(missing) == 1:
        raise BootError(f"{missing[0]}: is not there, but the other half of the boot set is; copy images/pxeboot from the distribution")
    return None if missing else boot_set


def image_names(root: Path) -> tuple[str, ...]:
    """The boot images and the .treeinfo that the tree at `root` has, as paths below it: what an installer loads before its packages."""
    info = read_treeinfo(root)
    named = (*info.stages, *info.booted) if info else ()
    names = sorted({KERNEL, INITRD, *NAMES, *_STAGES, *named})
    return tuple(name for name in names if (root / name).is_file())


def belonging(root: Path, repositories: Sequence[str] = ("",), *, deep: bool = False) -> tuple[Finding, ...]:
    """Whether the boot images of the tree at `root` are of one build, and whole; and whether nodes are led to none but its `repositories`.

    Looks at the .treeinfo's sums of kernel and initrd, and where stage images have build stamps, at those, the initrd's, and whose
    modules the initrd has; with `deep` at all sums the .treeinfo has of images, at the stage images' own checksums, and into every
    initrd. Stages in squashfs have no stamp that is read here.
    """
    try:
        return (*_treeinfo_findings(root, repositories, deep=deep), *_stamp_findings(root, deep=deep))
    except OSError as error:
        remedy = "let the user that runs mirrorsync read it"
        return (Finding(Severity.ERROR, "image-unreadable", str(error.filename), f"cannot be looked at: {error.strerror}", remedy),)


def _treeinfo_findings(root: Path, repositories: Sequence[str], *, deep: bool) -> Iterator[Finding]:
    path = _treeinfo_path(root)
    if path is None:
        return
    info = _treeinfo(path)
    if isinstance(info, Finding):
        yield info
        return
    yield from _outside_findings(path, info)
    yield from _unkept_findings(path, info, repositories)
    yield from _missing_findings(root, info)
    for name, digest in info.sums.items():
        if deep or name in (KERNEL, INITRD):
            yield from _sum_findings(root, name, digest)


def _treeinfo_path(root: Path) -> Path | None:
    return next((root / name for name in NAMES if (root / name).is_file()), None)


def read_treeinfo(root: Path) -> TreeInfo | None:
    """What the .treeinfo of the tree at `root` says, None where it has none that can be read."""
    path = _treeinfo_path(root)
    info = _treeinfo(path) if path else None
    return info if isinstance(info, TreeInfo) else None


def _treeinfo(path: Path) -> TreeInfo | Finding:
    """What a .treeinfo says, or what is wrong with it."""
    try:
        return parse_treeinfo(_text(path))
    except (BootError, OSError, UnicodeDecodeError) as error:
        return Finding(Severity.WARNING, "treeinfo-unreadable", str(path), str(error), "copy it again from the distribution")


def _text(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(_LARGEST_TREEINFO + 1)
    if len(content) > _LARGEST_TREEINFO:
        raise BootError(f"it is no .treeinfo: it has more than {_LARGEST_TREEINFO} bytes")
    return content.decode()


def _outside_findings(path: Path, info: TreeInfo) -> Iterator[Finding]:
    """Distributions' own trees name AppStream beside BaseOS so: nodes look there, and nothing here keeps or checks it."""
    if info.outside:
        others = f" and {len(info.outside) - 1} others" if len(info.outside) > 1 else ""
        what = (
            f"it names {info.outside[0]!r:.200}{others}, outside the tree: nodes look there, and it is neither kept current nor looked at"
        )
        yield Finding(Severity.NOTE, "treeinfo-outside", str(path), what, _BRING_IN)


def _unkept_findings(path: Path, info: TreeInfo, repositories: Sequence[str]) -> Iterator[Finding]:
    for name in info.repositories:
        if name not in repositories and (path.parent / name / "repodata").is_dir():
            what = f"it names {name or '.'!r:.200}, and nodes install from it; it is none of the tree's repositories, and not kept current"
            remedy = "add it to `repositories`, and a mirror for it"
            yield Finding(Severity.NOTE, "repository-not-kept", str(path), what, remedy)


def _missing_findings(root: Path, info: TreeInfo) -> Iterator[Finding]:
    for name in sorted({*info.stages, *(name for name in info.booted if name in (KERNEL, INITRD))}):
        if not (root / name).is_file():
            severity = Severity.ERROR if name in info.stages else Severity.WARNING
            what = ".treeinfo names it, but it is not there"
            yield Finding(severity, "image-missing", str(root / name), what, "copy it from the distribution")


def _sum_findings(root: Path, name: str, expected: Digest) -> Iterator[Finding]:
    try:
        path = contained(root, name)
        found = _sum(path, expected.algorithm)
    except FileNotFoundError:
        return
    except (OSError, TreeError) as error:
        yield Finding(Severity.WARNING, "image-unreadable", str(root / name), str(error), "make it readable, or correct the .treeinfo")
        return
    if found != expected.value:
        what = f"its {expected.algorithm} is {found[:16]}…, .treeinfo says {expected.value[:16]}…: it is damaged, or of another build"
        yield Finding(Severity.ERROR, "image-differs", str(path), what, _COPY_AGAIN)


def _sum(path: Path, algorithm: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()


def _stamp_findings(root: Path, *, deep: bool) -> Iterator[Finding]:
    """Stage images first: where none has a stamp that could be read, the initrd is unpacked by a deep look alone.

    Those with stamps have an initrd of 16 MiB at most; Fedora's takes seconds, and its .treeinfo has sums.
    """
    builds: dict[Path, str | None] = {}
    for path in (root / name for name in _STAGES):
        try:
            if path.is_file() and not is_squashfs(path):
                builds[path] = read_build(path)
                if deep:
                    verify_image(path)
        except BootError as error:
            yield Finding(Severity.ERROR, "image-damaged", str(path), str(error), _COPY_AGAIN)
    if (builds or deep) and (root / INITRD).is_file():
        yield from _initrd_findings(root, builds)


def _initrd_findings(root: Path, builds: Mapping[Path, str | None]) -> Iterator[Finding]:
    try:
        initrd = read_initrd(root / INITRD)
    except BootError as error:
        yield Finding(Severity.ERROR, "image-damaged", str(root / INITRD), str(error), _COPY_AGAIN)
        return
    yield from (_mismatch(path, stage, initrd.build) for path, stage in builds.items() if stage != initrd.build)
    if (root / KERNEL).is_file():
        yield from _kernel_findings(root / KERNEL, initrd.releases)


def _kernel_findings(kernel: Path, releases: frozenset[str]) -> Iterator[Finding]:
    """An initrd without modules is none's: they lie in the stage, or the kernel needs none."""
    try:
        release = read_release(kernel)
    except BootError as error:
        yield Finding(Severity.ERROR, "image-damaged", str(kernel), str(error), _COPY_AGAIN)
        return
    if release and releases and release not in releases:
        others = ", ".join(sorted(releases)[:_MOST_TOLD]) + (" and others" if len(releases) > _MOST_TOLD else "")
        what = f"it is of kernel {release}, and initrd.img has modules of {others}: nodes find no network card or disk"
        yield Finding(Severity.ERROR, "kernel-differs", str(kernel), what, _COPY_AGAIN)


def _mismatch(path: Path, stage: str | None, initrd: str | None) -> Finding:
    if stage and initrd:
        what = f"it is of build {stage}, and initrd.img is of build {initrd}: nodes reboot when they meet it"
        return Finding(Severity.ERROR, "build-differs", str(path), what, _COPY_AGAIN)
    known, unknown = (f"it is of build {stage}", "initrd.img") if stage else (f"initrd.img is of build {initrd}", "it")
    return Finding(Severity.WARNING, "build-unknown", str(path), f"{known}, and {unknown} has no .buildstamp", _COPY_AGAIN)
