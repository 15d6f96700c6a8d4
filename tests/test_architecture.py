"""The target's own architecture table."""

import pytest

from mirrorsync.planning.architecture import installable, line, related, score, wanted_lines

FROM_WORST = ("noarch", "i386", "i486", "i586", "i686", "athlon")


def test_an_athlon_prefers_the_build_nearest_to_it() -> None:
    scores = [score(arch, "athlon") for arch in FROM_WORST]
    assert scores == sorted(scores) and len(set(scores)) == len(scores)


def test_a_tree_for_i386_serves_every_machine_of_the_family() -> None:
    assert all(installable(arch, ("i386",)) for arch in FROM_WORST)


def test_a_machine_named_exactly_installs_nothing_above_itself() -> None:
    assert [arch for arch in FROM_WORST if installable(arch, ("i586",))] == ["noarch", "i386", "i486", "i586"]


@pytest.mark.parametrize("arch", ["x86_64", "amd64", "ia32e"])
def test_the_names_of_x86_64_are_one_line(arch: str) -> None:
    assert line(arch) == "x86_64" and installable(arch, ("x86_64",)) and installable("x86_64", (arch,)) == (arch != "x86_64" or True)


@pytest.mark.parametrize(
    ("machine", "other"),
    [("x86_64", "i686"), ("x86_64", "athlon"), ("ia64", "i686"), ("ppc64", "ppc"), ("s390x", "s390"), ("sparc64", "sparcv9")],
)
def test_a_64_bit_machine_also_installs_the_other_line_and_prefers_its_own(machine: str, other: str) -> None:
    assert 0 < score(other, machine) < score(machine, machine)
    assert line(machine) != line(other) and not related(machine, other)
    assert score(machine, other) == 0


@pytest.mark.parametrize(
    ("arch", "machine"), [("ppc64", "ppc64le"), ("aarch64", "x86_64"), ("alphaev6", "alpha5"), ("x86_64", "i386"), ("ppc", "ppc64le")]
)
def test_a_foreign_build_cannot_be_installed(arch: str, machine: str) -> None:
    assert score(arch, machine) == 0


def test_the_alpha_family_is_one_line() -> None:
    assert related("alpha", "alphaev67") and score("alphaev6", "alphaev56") == 0


@pytest.mark.parametrize("arch", ["src", "nosrc"])
def test_nobody_installs_source_packages(arch: str) -> None:
    assert not installable(arch, (arch, "i386"))


def test_noarch_takes_the_place_of_any_architecture() -> None:
    assert related("noarch", "s390x") and related("athlon", "noarch") and installable("noarch", ("aarch64",))


def test_an_unknown_architecture_is_its_own_line() -> None:
    assert line("riscv64") == "riscv64" and installable("riscv64", ("riscv64",)) and not installable("riscv64", ("x86_64",))


def test_machines_want_their_best_line_only() -> None:
    assert wanted_lines(("i386", "i686", "x86_64"), ("x86_64",)) == {"x86_64"}
    assert wanted_lines(("i386", "i686", "x86_64"), ("i386", "x86_64")) == {"i386", "x86_64"}
    assert wanted_lines(("i686", "src"), ("x86_64",)) == {"i386"}
    assert wanted_lines(("ppc",), ("x86_64",)) == frozenset()
