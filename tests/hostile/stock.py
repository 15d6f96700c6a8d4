"""The packages and keys that every hostile mirror is made from, built and signed once."""

import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from fixtures.keys import SigningKey, signing_key
from fixtures.rpms import PackageSpec, build_rpms
from mirrorsync.model.choices import MirrorKind

OLD = ("bash-1-1", "tar-1-1", "zip-1-1")
GOOD, POISONED = UPDATES = ("tar-2-1", "bash-2-1")
GREED = 50
_MADE, _DURING, _END, _AFTER = "20200101", "20200601", "20210101", "20220601"
_TEXT = {f"/usr/share/doc/{number}": f"{number} " * 400 for number in range(6)}
_PLAIN = (
    *(PackageSpec(name, "1") for name in ("bash", "tar", "zip")),
    PackageSpec("tar", "2"),
    PackageSpec("zip", "2"),
    PackageSpec("Zip", "2"),
    PackageSpec("bash", "2", files=_TEXT),
    PackageSpec("bash", "0.9"),
    PackageSpec("evil", "6", files={"/etc/cron.d/evil": "* * * * * root true"}),
    *(PackageSpec(f"more{number}", "1") for number in range(GREED)),
)
_VARIANTS = {
    "greedy": PackageSpec("bash", "2", requires=tuple(f"more{number}" for number in range(GREED))),
    "devouring": PackageSpec("bash", "2", obsoletes=("zip",)),
    "rebuilt": PackageSpec("bash", "2", files={"/usr/share/doc/other": "built again"}),
    "old": PackageSpec("bash", "1", files={"/usr/share/doc/other": "built again"}),
}


@dataclass(frozen=True, slots=True)
class Stock:
    """`pinned`, `ended` (which has expired), `dsa` and `parted` (a subkey of which is revoked) are the keys that configurations name;
    `strange` is one that they do not.
    """

    folder: Path
    pinned: SigningKey
    strange: SigningKey
    ended: SigningKey
    dsa: SigningKey
    parted: SigningKey

    @property
    def keys(self) -> tuple[SigningKey, ...]:
        """Those that configurations name."""
        return (self.pinned, self.ended, self.dsa, self.parted)

    def unsigned(self, name: str) -> Path:
        """The package, such as `bash-2-1`, as rpmbuild left it."""
        return self._path("unsigned", name)

    def signed(self, name: str) -> Path:
        """The same, signed by the pinned key."""
        return self._path("signed", name)

    def strangely_signed(self, name: str) -> Path:
        """The same, signed by the other key."""
        return self._path("strange", name)

    def variant(self, kind: str) -> Path:
        """Another bash-2-1. By the pinned key: "greedy" requires 50 others, "devouring" obsoletes one, "rebuilt" and "old" (a bash-1-1)
        have other content, "sha1" is signed with that. By others: "dsa"; "spent" and "late", before and after the key expired;
        "revoked", by a subkey that is.
        """
        return next((self.folder / kind).iterdir())

    def tree(self, kind: MirrorKind) -> Path:
        """A tree of the packages in OLD, with indexes, such as is updated from mirrors of that kind."""
        return self.folder / f"{kind}-tree"

    def mirror(self, kind: MirrorKind) -> Path:
        """A mirror of that kind which has updates of two of them, as they should be."""
        return self.folder / f"{kind}-mirror"

    def _path(self, kind: str, name: str) -> Path:
        return self.folder / kind / f"{name}.noarch.rpm"


@contextmanager
def stocked(folder: Path) -> Iterator[Stock]:
    """Everything built below `folder`; the keys' agents end with the context."""
    with ExitStack() as keys:
        stock = Stock(
            folder,
            pinned=keys.enter_context(signing_key("Pinned")),
            strange=keys.enter_context(signing_key("Strange")),
            ended=keys.enter_context(signing_key("Ended", created=_MADE)),
            dsa=keys.enter_context(signing_key("Dsa", kind="DSA", bits=1024)),
            parted=keys.enter_context(signing_key("Parted")),
        )
        build_rpms(_PLAIN, folder / "unsigned")
        for kind, key in (("signed", stock.pinned), ("strange", stock.strange)):
            shutil.copytree(folder / "unsigned", folder / kind)
            key.sign(sorted((folder / kind).iterdir()))
        for kind, spec in _VARIANTS.items():
            stock.pinned.sign(build_rpms([spec], folder / kind))
        _sign_variously(stock)
        for made in MirrorKind:
            _furnish(stock, made)
        yield stock


def _sign_variously(stock: Stock) -> None:
    """The update, each time signed in a way that a policy looks at."""

    def copy(kind: str) -> list[Path]:
        (stock.folder / kind).mkdir()
        return [Path(shutil.copy(stock.unsigned(POISONED), stock.folder / kind))]

    stock.pinned.sign(copy("sha1"), digest="sha1")
    stock.dsa.sign(copy("dsa"))
    stock.ended.sign(copy("spent"), at=_DURING)
    stock.ended.sign(copy("late"), at=_AFTER)
    stock.ended.gpg("--quick-set-expire", stock.ended.fingerprint, f"{_END}T000000", at=_DURING)
    stock.parted.gpg("--quick-add-key", stock.parted.fingerprint, "rsa2048", "sign", "never")
    stock.parted.sign(copy("revoked"))
    stock.parted.gpg("--command-fd", "0", "--edit-key", stock.parted.fingerprint, text="key 1\nrevkey\ny\n0\n\ny\nsave\n")
    for key in (stock.ended, stock.parted):
        key.publish()


def packages_below(folder: Path, kind: MirrorKind) -> Path:
    """Where a mirror of that kind has its packages."""
    return folder / "Packages" if kind is MirrorKind.REPODATA else folder


def createrepo(folder: Path) -> None:
    """Yum metadata of a folder's packages, with plain file names, whichever createrepo_c that is."""
    command = ["createrepo_c", "-q", "--simple-md-filenames", "--general-compress-type=gz", "--no-database", str(folder)]
    subprocess.run(command, check=True, capture_output=True)


def _furnish(stock: Stock, kind: MirrorKind) -> None:
    tree, mirror = stock.tree(kind), stock.mirror(kind)
    _copied([stock.signed(name) for name in OLD], tree / ("RedHat/RPMS" if kind is MirrorKind.LISTING else "Packages"))
    _copied([stock.signed(name) for name in UPDATES], packages_below(mirror, kind))
    if kind is MirrorKind.REPODATA:
        createrepo(tree)
        createrepo(mirror)
    else:
        subprocess.run([sys.executable, "-m", "mirrorsync", "hdlist", str(tree)], check=True, capture_output=True)


def _copied(files: Iterable[Path], folder: Path) -> None:
    folder.mkdir(parents=True)
    for file in files:
        shutil.copy(file, folder)
