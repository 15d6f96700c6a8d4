"""Which architectures a machine can install, which it prefers, and which are builds of one line.

The target's own table decides, never librpm's: `rpm.archscore` answers for the machine it runs on.
"""

from collections.abc import Iterable, Sequence
from functools import cache

NOARCH = "noarch"
SOURCES = frozenset(("src", "nosrc"))

# Lines: architectures whose builds of one name replace each other, the worst first. The tables of rpm 4.0.4 to 4.18 (rpmrc.in).
_LINES: tuple[tuple[str, ...], ...] = (
    ("i386", "i486", "i586", "pentium3", "pentium4", "i686", "geode", "athlon"),
    ("x86_64", "ia32e", "amd64", "x86_64_v2", "x86_64_v3", "x86_64_v4"),
    ("ppc", "ppc8260", "ppc8560", "ppc32dy4", "ppciseries", "ppcpseries"),
    ("ppc64", "ppc64iseries", "ppc64pseries", "ppc64p7"),
    ("ppc64le",),
    ("s390",),
    ("s390x",),
    ("aarch64",),
    ("ia64",),
    ("alpha", "alphaev5", "alphaev56", "alphapca56", "alphaev6", "alphaev67"),
    ("sparc", "sparcv8", "sparcv9", "sparcv9v"),
    ("sparc64", "sparc64v"),
)
_LINE_OF = {arch: members[0] for members in _LINES for arch in members}
_RANK = {arch: rank for members in _LINES for rank, arch in enumerate(members)}
# The line a machine of this line can install besides its own, and prefers less.
_SECOND_LINE = {"x86_64": "i386", "ia64": "i386", "ppc64": "ppc", "s390x": "s390", "sparc64": "sparc"}
_OWN_LINE = 200
_OTHER_LINE = 100
_ANY_MACHINE = 1


def line(arch: str) -> str:
    """The line's name, its plainest member: "i386" for i686 and athlon, "x86_64" for amd64; an unknown architecture is its own."""
    return _LINE_OF.get(arch, arch)


@cache
def related(left: str, right: str) -> bool:
    """Whether builds of one name for these architectures take each other's place: one line, or one of them noarch."""
    return NOARCH in (left, right) or line(left) == line(right)


@cache
def score(arch: str, machine: str) -> int:
    """How much a machine prefers a build: the higher the better, 0 where it cannot install it.

    A line's plainest name ("i386", "x86_64") means every machine of the line, as a tree's base architecture does;
    any other name means that machine and what it runs ("i586" installs no i686 build).
    """
    if arch == NOARCH:
        return _ANY_MACHINE
    if arch == machine:
        return _OWN_LINE + _RANK.get(arch, 0)
    own = line(machine)
    if line(arch) == own:
        fits = machine == own or _RANK[arch] <= _RANK[machine]
        return _OWN_LINE + _RANK[arch] if fits else 0
    return _OTHER_LINE + _RANK[arch] if line(arch) == _SECOND_LINE.get(own) else 0


def installable(arch: str, arches: Iterable[str]) -> bool:
    """Whether a machine of one of these architectures can install a build for `arch`; nobody installs source packages."""
    return arch not in SOURCES and any(score(arch, machine) for machine in arches)


def wanted_lines(offered: Iterable[str], arches: Sequence[str]) -> frozenset[str]:
    """The lines that the machines would choose from the architectures a package is built for: for each machine its best one."""
    built = sorted(set(offered) - SOURCES)
    best = (max(built, key=lambda arch, machine=machine: score(arch, machine), default=None) for machine in arches)  # type: ignore[misc]
    return frozenset(line(arch) for arch, machine in zip(best, arches, strict=True) if arch and score(arch, machine))


# What machines are called: the lines above, and architectures that distributions have installers for and that are lines of their own here.
MACHINES = frozenset((*_LINE_OF, "armv5tel", "armv6hl", "armv7hl", "armv7hnl", "loongarch64", "mips64el", "mipsel", "riscv64"))
