"""The changed tree lacks nothing that the present one has; what the update needs comes along, or the update waits."""

import pytest

from mirrorsync.model.plan import Change
from mirrorsync.model.policy import NewPackages
from mirrorsync.planning.capabilities import named_in
from tests.plans import Contents, dependency, held_back, incoming, kept, outgoing, package, plan


def test_a_requirement_that_the_tree_meets_brings_nothing_along() -> None:
    decided = plan(
        [package("a-1-1.i386"), package("lib-1-1.i386", provides=["lib.so"])], [package("a-2-1.i386", requires=["lib.so"]), "lib-1-1.i386"]
    )
    assert incoming(decided) == ["a-2-1.i386"]


def test_a_package_that_an_update_needs_comes_along() -> None:
    decided = plan(["a-1-1.i386"], [package("a-2-1.i386", requires=["lib.so.2"]), package("lib-2-1.i386", provides=["lib.so.2"])])
    brought = [entry for entry in decided.incoming if entry.change is Change.BROUGHT]
    assert [(str(entry.package.nevra), entry.reason) for entry in brought] == [("lib-2-1.i386", "a-2-1.i386 needs lib.so.2")]


def test_what_comes_along_brings_along_what_it_needs() -> None:
    offered: Contents = [
        package("a-2-1.i386", requires=["b"]),
        package("b-1-1.i386", requires=["c >= 2"]),
        package("c-2-1.i386", requires=["a", "rpmlib(X) <= 3"]),
    ]
    assert incoming(plan(["a-1-1.i386"], offered)) == ["a-2-1.i386", "b-1-1.i386", "c-2-1.i386"]


def test_an_update_that_needs_what_nobody_has_waits() -> None:
    decided = plan(["a-1-1.i386"], [package("a-2-1.i386", requires=["lib.so.2"])])
    assert decided.empty and held_back(decided) == {"a-2-1.i386": "needs lib.so.2, which neither the tree nor the mirror has"}


def test_an_update_waits_with_the_one_it_needs() -> None:
    offered: Contents = [package("a-2-1.i386", requires=["lib = 2-1"]), package("lib-2-1.i386", requires=["none"])]
    decided = plan(["a-1-1.i386", "lib-1-1.i386"], offered)
    assert decided.empty and held_back(decided)["a-2-1.i386"] == "needs lib = 2-1, which lib-2-1.i386 has, but that is held back"


def test_a_want_that_the_replaced_package_had_blocks_nothing() -> None:
    decided = plan([package("a-1-1.i386", requires=["gone"])], [package("a-2-1.i386", requires=["gone"])])
    assert incoming(decided) == ["a-2-1.i386"]


def test_a_versioned_want_that_was_unmet_before_blocks_nothing() -> None:
    decided = plan([package("a-1-1.i386", requires=["b = 1"])], [package("a-2-1.i386", requires=["b = 2"])])
    assert incoming(decided) == ["a-2-1.i386"]


def test_a_want_of_a_kept_package_that_was_unmet_before_blocks_nothing() -> None:
    held: Contents = [package("app-1-1.i386", requires=["lib = 5"]), "lib-1-1.i386"]
    assert incoming(plan(held, ["lib-2-1.i386"])) == ["lib-2-1.i386"]


def test_an_update_waits_while_a_kept_package_needs_the_old_one() -> None:
    held: Contents = [package("app-1-1.i386", requires=["lib.so.1"]), package("lib-1-1.i386", provides=["lib.so.1"])]
    decided = plan(held, [package("lib-2-1.i386", provides=["lib.so.2"])])
    assert decided.empty
    assert held_back(decided) == {"lib-2-1.i386": "app-1-1.i386 needs lib.so.1, which neither the tree nor the mirror has"}


def test_a_compatibility_package_comes_along_for_a_kept_one() -> None:
    held: Contents = [package("app-1-1.i386", requires=["lib.so.1"]), package("lib-1-1.i386", provides=["lib.so.1"])]
    decided = plan(held, [package("lib-2-1.i386", provides=["lib.so.2"]), package("compat-lib-1-1.i386", provides=["lib.so.1"])])
    assert incoming(decided) == ["compat-lib-1-1.i386", "lib-2-1.i386"]


def test_a_kept_package_that_needs_an_exact_version_holds_the_update_back() -> None:
    decided = plan([package("app-1-1.i386", requires=["lib = 1-1"]), "lib-1-1.i386"], ["lib-2-1.i386"])
    assert decided.empty and held_back(decided)["lib-2-1.i386"].startswith("app-1-1.i386 needs lib = 1-1, ")


def test_a_duplicate_that_something_needs_stays() -> None:
    decided = plan([package("module-1-1.i386", requires=["kernel = 1-1"]), "kernel-1-1.i386", "kernel-2-1.i386"], [])
    assert decided.empty and kept(decided)["kernel-1-1.i386"].startswith("module-1-1.i386 needs kernel = 1-1, ")


def test_a_needed_path_is_provided_by_the_package_that_owns_it() -> None:
    offered: Contents = [
        package("a-2-1.i386", requires=["/usr/bin/tool"]),
        package("tools-1-1.i386", files=["/usr/bin/tool", "/usr/bin/other"]),
    ]
    assert incoming(plan(["a-1-1.i386"], offered)) == ["a-2-1.i386", "tools-1-1.i386"]


def test_a_path_that_only_the_old_build_had_is_missed() -> None:
    held: Contents = [package("app-1-1.i386", requires=["/bin/tool"]), package("tools-1-1.i386", files=["/bin/tool"])]
    assert list(held_back(plan(held, ["tools-2-1.i386"]))) == ["tools-2-1.i386"]


def test_of_several_providers_the_one_named_like_the_capability_is_best() -> None:
    offered: Contents = [package("a-2-1.i386", requires=["mta"]), package("exim-9-1.i386", provides=["mta"]), package("mta-1-1.i386")]
    assert incoming(plan(["a-1-1.i386"], offered)) == ["a-2-1.i386", "mta-1-1.i386"]


def test_then_the_provider_of_the_requirers_architecture_then_the_newest() -> None:
    offered: Contents = [
        package("a-2-1.x86_64", requires=["lib"]),
        package("p-9-1.i686", provides=["lib"]),
        package("q-3-1.x86_64", provides=["lib"]),
        package("r-2-1.x86_64", provides=["lib"]),
    ]
    assert incoming(plan(["a-1-1.x86_64"], offered, arches=("x86_64",))) == ["a-2-1.x86_64", "q-3-1.x86_64"]


def test_every_build_of_a_package_that_comes_along_comes() -> None:
    offered: Contents = [package("a-2-1.i386", requires=["ssl"]), "ssl-1-1.i386", "ssl-1-1.i686"]
    assert incoming(plan(["a-1-1.i386"], offered)) == ["a-2-1.i386", "ssl-1-1.i386", "ssl-1-1.i686"]


def test_the_other_line_of_a_held_name_comes_along_for_a_32_bit_library() -> None:
    held: Contents = ["wine-1-1.i686", package("lib-1-1.x86_64", provides=["lib.so()(64bit)"])]
    offered: Contents = [package("wine-2-1.i686", requires=["lib.so"]), package("lib-1-1.i686", provides=["lib.so"])]
    assert incoming(plan(held, offered, arches=("x86_64",))) == ["lib-1-1.i686", "wine-2-1.i686"]


def test_the_next_best_provider_is_tried_where_the_best_one_lacks_something() -> None:
    offered: Contents = [
        package("a-2-1.i386", requires=["mta"]),
        package("mta-1-1.i386", requires=["none"]),
        package("exim-9-1.i386", provides=["mta"]),
    ]
    assert incoming(plan(["a-1-1.i386"], offered)) == ["a-2-1.i386", "exim-9-1.i386"]


def test_an_update_waits_where_every_provider_lacks_something() -> None:
    offered: Contents = [package("a-2-1.i386", requires=["mta"]), package("mta-1-1.i386", requires=["none"])]
    reason = "needs mta, which mta-1-1.i386 has, but that needs none, which neither the tree nor the mirror has"
    assert held_back(plan(["a-1-1.i386"], offered)) == {"a-2-1.i386": reason}


def test_no_older_build_comes_along_for_anything() -> None:
    offered: Contents = [package("a-2-1.i386", requires=["lib = 1"]), "lib-1-1.i386"]
    assert held_back(plan(["a-1-1.i386", "lib-2-1.i386"], offered)) == {
        "a-2-1.i386": "needs lib = 1, which lib-1-1.i386 has, but that is not newer than lib-2-1.i386"
    }


def test_no_build_comes_along_that_would_replace_the_held_one_on_some_machines_only() -> None:
    offered = [package("a-2-1.i686", requires=["x"]), package("d-2-1.i686", provides=["x"]), package("d-1-1.x86_64")]
    decided = plan(["a-1-1.i686", "d-1-1.noarch"], offered, arches=("x86_64",))
    assert held_back(decided)["a-2-1.i686"].endswith("but that would replace d-1-1.noarch on some machines only")


def test_what_leaves_does_not_come_along_again() -> None:
    held = [package("app-1-1.i386", requires=["lib.so.1"]), package("lib-1-1.i386", provides=["lib.so.1"])]
    decided = plan(held, ["lib-2-1.i386", package("lib-1-1.i386", provides=["lib.so.1"])])
    assert decided.empty and list(held_back(decided)) == ["lib-2-1.i386"]


def test_nothing_that_the_tree_has_comes_along() -> None:
    decided = plan(["a-1-1.i386", "lib-1-1.i386"], [package("a-2-1.i386", requires=["x"]), package("lib-1-1.i386", provides=["x"])])
    assert held_back(decided)["a-2-1.i386"].endswith("but that is in the tree already")


def test_nothing_older_than_another_build_of_the_mirror_comes_along() -> None:
    offered = [package("a-2-1.i386", requires=["x"]), package("b-1-1.i386", provides=["x"]), package("b-2-1.noarch")]
    assert held_back(plan(["a-1-1.i386"], offered))["a-2-1.i386"].endswith("but that is older than another that a mirror has")


def test_nothing_new_comes_along_where_new_packages_are_not_taken() -> None:
    offered: Contents = [package("a-2-1.i386", requires=["lib"]), "lib-1-1.i386"]
    decided = plan(["a-1-1.i386"], offered, new=NewPackages.NONE)
    assert decided.empty and held_back(decided)["a-2-1.i386"].endswith("but that is new to the tree, and new packages are not taken")


def test_nothing_excluded_comes_along() -> None:
    offered: Contents = [package("a-2-1.i386", requires=["lib"]), "lib-1-1.i386"]
    assert held_back(plan(["a-1-1.i386"], offered, exclude=("lib",)))["a-2-1.i386"].endswith("but that is excluded by 'lib'")


def test_nothing_barred_comes_along() -> None:
    offered: Contents = [package("a-2-1.i386", requires=["lib"]), "lib-1-1.i386"]
    decided = plan(["a-1-1.i386"], offered, barred={"lib-1-1.i386": "its signature is bad"})
    assert held_back(decided)["a-2-1.i386"].endswith("but that is barred: its signature is bad")


def test_nothing_obsolete_comes_along() -> None:
    offered: Contents = [package("a-2-1.i386", requires=["lib"]), "lib-1-1.i386"]
    decided = plan(["a-1-1.i386", package("newlib-1-1.i386", obsoletes=["lib"])], offered)
    assert held_back(decided)["a-2-1.i386"].endswith("but that is obsoleted by another package")


def test_no_module_stream_that_the_tree_does_not_have_comes_along() -> None:
    offered: Contents = [package("a-2-1.x86_64", requires=["node"]), package("node-18-1.x86_64", module="node:18")]
    decided = plan(["a-1-1.x86_64"], offered, arches=("x86_64",))
    assert held_back(decided)["a-2-1.x86_64"].endswith("but that is of module stream node:18, which the tree does not have")


def test_what_comes_along_provides_for_others_too() -> None:
    offered: Contents = [
        package("a-2-1.i386", requires=["x"]),
        package("b-2-1.i386", requires=["y"]),
        package("lib-1-1.i386", provides=["x", "y = 3"]),
    ]
    decided = plan(["a-1-1.i386", "b-1-1.i386"], offered)
    assert incoming(decided) == ["a-2-1.i386", "b-2-1.i386", "lib-1-1.i386"] and not decided.held


def test_an_epoch_counts_unless_the_tree_is_of_the_time_when_rpm_promoted_it() -> None:
    held, offered = ["a-1-1.i386", "perl-1:5.6-1.i386"], [package("a-2-1.i386", requires=["perl = 5.6"])]
    assert plan(held, offered).empty
    assert incoming(plan(held, offered, promote_epochs=True)) == ["a-2-1.i386"]


@pytest.mark.parametrize(
    ("requirement", "met"),
    [("lib = 1.2", True), ("lib = 1.2-3", True), ("lib = 1.2-4", False), ("lib >= 1.2", True), ("lib > 1.2", False), ("lib < 1.10", True),
     ("lib = 0:1.2", True), ("lib = 1:1.2", False), ("plain = 7", True)],
)  # fmt: skip
def test_versions_are_compared_as_rpm_does(requirement: str, met: bool) -> None:  # noqa: FBT001 - a table's column
    held: Contents = ["a-1-1.i386", package("lib-1.2-3.i386", provides=["plain"])]
    assert bool(plan(held, [package("a-2-1.i386", requires=[requirement])]).incoming) == met


class TestRich:
    HELD = ("a-1-1.x86_64", "b-1-1.x86_64", "c-2-1.x86_64")

    @pytest.mark.parametrize(
        "requirement",
        [
            "(b or none)",
            "(none if other)",
            "(b if c)",
            "(b and c)",
            "(b with b)",
            "(b without c)",
            "(c >= 2 or none)",
            "((b and c) or none)",
            "(unreadable",
        ],
    )
    def test_a_boolean_requirement_that_holds_brings_nothing(self, requirement: str) -> None:
        assert incoming(plan(self.HELD, [package("a-2-1.x86_64", requires=[requirement])], arches=("x86_64",))) == ["a-2-1.x86_64"]

    @pytest.mark.parametrize("requirement", ["(none or other)", "(none if b)", "(b and none)", "(b with c)", "(c > 2 or none)"])
    def test_a_boolean_requirement_that_cannot_hold_holds_the_update_back(self, requirement: str) -> None:
        decided = plan(self.HELD, [package("a-2-1.x86_64", requires=[requirement])], arches=("x86_64",))
        assert held_back(decided) == {"a-2-1.x86_64": f"needs {requirement}, which neither the tree nor the mirror has"}

    @pytest.mark.parametrize(("requirement", "brought"), [("(x if b)", ["x"]), ("(x and y)", ["x", "y"]), ("(none or y)", ["y"])])
    def test_what_a_boolean_requirement_needs_comes_along(self, requirement: str, brought: list[str]) -> None:
        offered: Contents = [
            package("a-2-1.x86_64", requires=[requirement]),
            package("x-1-1.x86_64", requires=["(a and x)"]),
            "y-1-1.x86_64",
        ]
        decided = plan(self.HELD, offered, arches=("x86_64",))
        assert incoming(decided) == ["a-2-1.x86_64", *(f"{name}-1-1.x86_64" for name in brought)]

    def test_a_boolean_requirement_of_a_kept_package_is_missed(self) -> None:
        held: Contents = [package("app-1-1.x86_64", requires=["(lib.so.1 or none)"]), package("lib-1-1.x86_64", provides=["lib.so.1"])]
        decided = plan(held, ["lib-2-1.x86_64"], arches=("x86_64",))
        assert decided.empty and held_back(decided)["lib-2-1.x86_64"].startswith("app-1-1.x86_64 needs (lib.so.1 or none), ")

    def test_names_with_parentheses_are_told_from_the_grouping(self) -> None:
        assert named_in(dependency("((lib.so()(64bit) >= 2 or foo(x86-64)) if bar)")) == {"lib.so()(64bit)", "foo(x86-64)", "bar", "2"}


def test_a_name_that_is_no_utf8_can_be_required_and_provided() -> None:
    held: Contents = ["a-1-1.i386", package("lib-1-1.i386", provides=["lib\udcff = 1"])]
    assert incoming(plan(held, [package("a-2-1.i386", requires=["lib\udcff = 1"])])) == ["a-2-1.i386"]
    assert outgoing(plan(held, [package("a-2-1.i386", requires=["lib\udcfe = 1"])])) == []
