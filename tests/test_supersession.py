"""What replaces what: per name and architecture line, and never a part of it."""

import pytest

from mirrorsync.model.plan import Change, Removal
from mirrorsync.model.policy import NewPackages
from tests.plans import Contents, held_back, incoming, kept, outgoing, package, plan


def test_a_newer_build_of_the_same_architecture_replaces_the_held_one() -> None:
    decided = plan(["bash-2.05-1.i386"], ["bash-2.05a-13.i386"])
    assert incoming(decided) == ["bash-2.05a-13.i386"] and outgoing(decided) == ["bash-2.05-1.i386"]
    assert decided.incoming[0].reason == "newer than bash-2.05-1.i386" and decided.incoming[0].change is Change.UPGRADE
    assert decided.outgoing[0].reason == "older than bash-2.05a-13.i386" and decided.outgoing[0].removal is Removal.SUPERSEDED


def test_an_older_or_equal_build_replaces_nothing() -> None:
    decided = plan(["a-2-1.i386", "b-1:1-1.i386", "c-1-1.i386"], ["a-1-1.i386", "b-2-1.i386", "c-0:1-1.i386"])
    assert decided.empty and not decided.held and not decided.kept and decided.unchanged == 3


def test_of_several_newer_builds_the_newest_comes_in() -> None:
    assert incoming(plan(["a-1-1.i386"], ["a-2-1.i386", "a-10-1.i386", "a-3-1.i386"])) == ["a-10-1.i386"]


def test_source_packages_neither_come_in_nor_leave() -> None:
    assert plan(["a-1-1.src", "a-2-1.src", "a-1-1.i386"], ["a-2-1.src", "a-3-1.nosrc"]).empty


def test_builds_for_other_machines_do_not_come_in() -> None:
    assert plan(["a-1-1.i386"], ["a-2-1.ppc", "a-2-1.x86_64"]).empty


class TestOneLine:
    def test_all_architectures_of_an_update_come_in_together(self) -> None:
        decided = plan(["glibc-1-1.i386", "glibc-1-1.i686"], ["glibc-2-1.i386", "glibc-2-1.i686"])
        assert incoming(decided) == ["glibc-2-1.i386", "glibc-2-1.i686"] and outgoing(decided) == ["glibc-1-1.i386", "glibc-1-1.i686"]
        assert [str(entry.by) for entry in decided.outgoing] == ["glibc-2-1.i386", "glibc-2-1.i686"]

    def test_a_missing_i686_build_holds_the_i386_one_back(self) -> None:
        decided = plan(["glibc-1-1.i386", "glibc-1-1.i686"], ["glibc-2-1.i386"])
        assert decided.empty
        assert held_back(decided) == {
            "glibc-2-1.i386": "needs glibc-2-1.i686 beside it, which no mirror has; glibc-1-1.i686 would stay in use on i686 machines"
        }

    def test_an_i686_build_that_lags_behind_holds_the_i386_one_back(self) -> None:
        decided = plan(["glibc-1-1.i386", "glibc-1-1.i686"], ["glibc-3-1.i386", "glibc-2-1.i686"])
        assert decided.empty and list(held_back(decided)) == ["glibc-3-1.i386"]

    def test_a_missing_i386_build_holds_the_i686_one_back(self) -> None:
        assert list(held_back(plan(["glibc-1-1.i386", "glibc-1-1.i686"], ["glibc-2-1.i686"]))) == ["glibc-2-1.i686"]

    def test_an_i686_build_that_was_older_already_leaves_with_the_update(self) -> None:
        decided = plan(["glibc-2-1.i386", "glibc-1-1.i686"], ["glibc-3-1.i386"])
        assert incoming(decided) == ["glibc-3-1.i386"] and outgoing(decided) == ["glibc-2-1.i386", "glibc-1-1.i686"]

    def test_a_build_for_a_further_machine_comes_in_with_the_update(self) -> None:
        decided = plan(["kernel-1-1.i386"], ["kernel-2-1.i386", "kernel-2-1.i686", "kernel-2-1.athlon"])
        assert incoming(decided) == ["kernel-2-1.athlon", "kernel-2-1.i386", "kernel-2-1.i686"]
        assert {entry.reason for entry in decided.incoming} == {"newer than kernel-1-1.i386"}

    def test_a_build_of_the_same_version_for_a_further_machine_completes_the_line(self) -> None:
        decided = plan(["kernel-1-1.i386"], ["kernel-1-1.i386", "kernel-1-1.athlon"])
        assert incoming(decided) == ["kernel-1-1.athlon"] and not decided.outgoing
        assert decided.incoming[0].reason == "kernel-1-1.i386 for other machines"

    def test_a_noarch_build_of_the_same_version_does_not_come_in(self) -> None:
        assert plan(["a-1-1.i386"], ["a-1-1.noarch"]).empty and plan(["a-1-1.noarch"], ["a-1-1.i386"]).empty

    def test_an_architecture_that_fell_behind_catches_up(self) -> None:
        decided = plan(["glibc-2-1.i386", "glibc-1-1.i686"], ["glibc-2-1.i386", "glibc-2-1.i686"])
        assert incoming(decided) == ["glibc-2-1.i686"] and outgoing(decided) == ["glibc-1-1.i686"]

    def test_an_excluded_i686_build_holds_the_i386_one_back(self) -> None:
        decided = plan(["glibc-1-1.i386", "glibc-1-1.i686"], ["glibc-2-1.i386", "glibc-2-1.i686"], exclude=("*.i686",))
        assert decided.empty and "excluded by '*.i686'; glibc-1-1.i686 would stay" in held_back(decided)["glibc-2-1.i386"]

    @pytest.mark.parametrize("name", ["amd64", "ia32e"])
    def test_the_names_of_x86_64_replace_each_other(self, name: str) -> None:
        decided = plan([f"a-1-1.{name}"], [f"a-2-1.{name}", "a-2-1.x86_64"], arches=("x86_64",))
        assert sorted(incoming(decided)) == sorted([f"a-2-1.{name}", "a-2-1.x86_64"]) and outgoing(decided) == [f"a-1-1.{name}"]


class TestTwoLines:
    def test_both_lines_come_in_together(self) -> None:
        decided = plan(["a-1-1.i686", "a-1-1.x86_64"], ["a-2-1.i686", "a-2-1.x86_64"], arches=("x86_64",))
        assert len(decided.incoming) == len(decided.outgoing) == 2

    def test_a_line_that_the_tree_does_not_have_does_not_come_in(self) -> None:
        assert incoming(plan(["a-1-1.x86_64"], ["a-2-1.i686", "a-2-1.x86_64"], arches=("x86_64",))) == ["a-2-1.x86_64"]

    def test_a_line_that_the_mirror_lacks_holds_the_other_back(self) -> None:
        decided = plan(["a-1-1.i686", "a-1-1.x86_64"], ["a-2-1.x86_64"], arches=("x86_64",))
        assert decided.empty
        assert held_back(decided)["a-2-1.x86_64"].endswith("which no mirror has; a-1-1.i686 cannot be installed beside another version")

    def test_a_line_excluded_on_purpose_is_left_alone(self) -> None:
        decided = plan(["a-1-1.i686", "a-1-1.x86_64"], ["a-2-1.i686", "a-2-1.x86_64"], arches=("x86_64",), exclude=("*.i686",))
        assert incoming(decided) == ["a-2-1.x86_64"] and outgoing(decided) == ["a-1-1.x86_64"]
        assert kept(decided) == {"a-1-1.i686": "excluded by '*.i686'; a mirror has a-2-1.i686"}

    def test_lines_that_were_apart_move_by_themselves(self) -> None:
        decided = plan(["a-1-1.i686", "a-2-1.x86_64"], ["a-3-1.x86_64"], arches=("x86_64",))
        assert incoming(decided) == ["a-3-1.x86_64"] and outgoing(decided) == ["a-2-1.x86_64"]


class TestNoarch:
    def test_a_newer_noarch_build_replaces_every_architecture(self) -> None:
        decided = plan(["a-1-1.i686", "a-1-1.x86_64"], ["a-2-1.noarch"], arches=("x86_64",))
        assert incoming(decided) == ["a-2-1.noarch"] and outgoing(decided) == ["a-1-1.i686", "a-1-1.x86_64"]

    def test_newer_builds_for_the_machines_replace_a_noarch_one(self) -> None:
        decided = plan(["a-1-1.noarch"], ["a-2-1.x86_64", "a-2-1.i686"], arches=("x86_64",))
        assert incoming(decided) == ["a-2-1.x86_64"] and outgoing(decided) == ["a-1-1.noarch"]

    def test_a_noarch_package_stays_while_some_machines_would_have_no_build(self) -> None:
        decided = plan(["a-1-1.noarch"], ["a-2-1.x86_64"], arches=("i386", "x86_64"))
        assert decided.empty and held_back(decided)["a-2-1.x86_64"].endswith("machines without a build would lose a-1-1.noarch")

    def test_an_older_noarch_duplicate_leaves_for_the_build_that_the_tree_has(self) -> None:
        decided = plan(["a-1-1.noarch", "a-2-1.x86_64"], [], arches=("x86_64",))
        assert [(str(entry.package.nevra), str(entry.by)) for entry in decided.outgoing] == [("a-1-1.noarch", "a-2-1.x86_64")]
        assert decided.outgoing[0].reason == "older than a-2-1.x86_64, which the tree has" and not decided.incoming

    def test_a_noarch_build_that_is_older_than_another_line_does_not_come_in(self) -> None:
        assert plan(["a-1-1.i686", "a-3-1.x86_64"], ["a-2-1.noarch"], arches=("x86_64",)).empty

    def test_what_a_replaced_noarch_build_had_superseded_leaves_too(self) -> None:
        decided = plan(["a-1-1.i686", "a-2-1.noarch"], ["a-3-1.x86_64"], arches=("x86_64",))
        assert [str(entry.by) for entry in decided.outgoing] == ["a-3-1.x86_64", "a-3-1.x86_64"]


class TestDuplicates:
    def test_older_duplicates_leave_for_the_newest_held_one(self) -> None:
        decided = plan(["kernel-1-1.i686", "kernel-2-1.i686", "kernel-3-1.i686"], [])
        assert outgoing(decided) == ["kernel-1-1.i686", "kernel-2-1.i686"] and {str(entry.by) for entry in decided.outgoing} == {
            "kernel-3-1.i686"
        }

    def test_several_architectures_of_one_version_all_stay(self) -> None:
        assert plan(["kernel-1-1.i386", "kernel-1-1.i586", "kernel-1-1.i686", "kernel-1-1.athlon"], []).empty

    def test_a_held_upgrade_does_not_keep_older_duplicates(self) -> None:
        decided = plan(["a-1-1.i386", "a-2-1.i386", "a-2-1.i686"], ["a-3-1.i386"])
        assert outgoing(decided) == ["a-1-1.i386"] and list(held_back(decided)) == ["a-3-1.i386"]


class TestModules:
    def test_a_modular_package_is_replaced_within_its_stream_only(self) -> None:
        held: Contents = [package("nodejs-16.1-1.x86_64", module="nodejs:16"), package("nodejs-18.1-1.x86_64", module="nodejs:18")]
        offered: Contents = [
            package("nodejs-16.2-1.x86_64", module="nodejs:16"),
            package("nodejs-20.1-1.x86_64", module="nodejs:20"),
            "nodejs-30-1.x86_64",
        ]
        decided = plan(held, offered, arches=("x86_64",))
        assert incoming(decided) == ["nodejs-16.2-1.x86_64"] and outgoing(decided) == ["nodejs-16.1-1.x86_64"]

    def test_a_modular_package_does_not_replace_a_plain_one(self) -> None:
        assert plan(["perl-5.26-1.x86_64"], [package("perl-5.30-1.x86_64", module="perl:5.30")], arches=("x86_64",)).empty

    def test_every_stream_of_a_new_name_is_new(self) -> None:
        offered: Contents = [package("nodejs-16-1.x86_64", module="nodejs:16"), package("nodejs-18-1.x86_64", module="nodejs:18")]
        decided = plan([], offered, arches=("x86_64",), new=NewPackages.ALL)
        assert incoming(decided) == ["nodejs-16-1.x86_64", "nodejs-18-1.x86_64"]
