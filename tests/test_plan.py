"""The whole decision: policy, errata, obsoletes, new packages, and what each entry says."""

import pytest

from mirrorsync.model.plan import Change, Held, Plan, Removal
from mirrorsync.model.policy import NewPackages, Policy
from mirrorsync.model.version import NEVRA
from mirrorsync.planning.update import plan_update, required_paths
from tests.plans import Contents, advisory, catalogue, held_back, incoming, kept, outgoing, package, packages, plan


class TestPolicy:
    def test_an_excluded_upgrade_is_kept_with_the_glob_that_excludes_it(self) -> None:
        decided = plan(["kernel-1-1.i386", "bash-1-1.i386"], ["kernel-2-1.i386", "bash-2-1.i386"], exclude=("kernel*",))
        assert incoming(decided) == ["bash-2-1.i386"]
        assert kept(decided) == {"kernel-1-1.i386": "excluded by 'kernel*'; a mirror has kernel-2-1.i386"}

    def test_an_exclusion_may_name_a_version_and_architecture(self) -> None:
        assert incoming(plan(["a-1-1.i386"], ["a-2-1.i386", "a-3-1.i386"], exclude=("a-3-1.i386",))) == ["a-2-1.i386"]

    def test_only_what_is_included_comes_in(self) -> None:
        decided = plan(["a-1-1.i386", "b-1-1.i386"], ["a-2-1.i386", "b-2-1.i386"], include=("a", "x*"))
        assert incoming(decided) == ["a-2-1.i386"] and kept(decided)["b-1-1.i386"].startswith(
            "not among the included 'a', 'x*'; a mirror has"
        )

    def test_a_pinned_name_goes_to_its_version_and_no_further(self) -> None:
        decided = plan(["a-1-1.i386"], ["a-2-1.i386", "a-3-1.i386"], pins={"a": "2-1"})
        assert incoming(decided) == ["a-2-1.i386"] and not decided.kept

    def test_a_tree_at_the_pin_keeps_its_package(self) -> None:
        assert kept(plan(["a-2-1.i386"], ["a-3-1.i386"], pins={"a": "2-1"})) == {"a-2-1.i386": "pinned to 2-1; a mirror has a-3-1.i386"}

    def test_a_tree_past_the_pin_is_not_taken_back(self) -> None:
        decided = plan(["a-3-1.i386"], ["a-2-1.i386", "a-4-1.i386"], pins={"a": "2-1"})
        assert decided.empty and kept(decided) == {"a-3-1.i386": "pinned to 2-1, which is older: nothing is taken back"}

    def test_what_an_exclusion_keeps_from_a_new_package_is_not_told(self) -> None:
        assert not plan([], ["a-1-1.i386"], exclude=("a",), new=NewPackages.ALL).kept


class TestNewPackages:
    def test_a_name_the_tree_never_had_stays_out_where_only_needed_ones_are_taken(self) -> None:
        assert plan(["a-1-1.i386"], ["b-1-1.i386"]).empty

    def test_all_new_names_come_in_at_their_newest_and_as_the_machines_want_them(self) -> None:
        offered: Contents = ["b-1-1.i686", "b-2-1.i686", "b-2-1.x86_64", "c-1-1.noarch", "d-1-1.i686"]
        decided = plan(["a-1-1.x86_64"], offered, arches=("x86_64",), new=NewPackages.ALL)
        assert incoming(decided) == ["b-2-1.x86_64", "c-1-1.noarch", "d-1-1.i686"]
        assert {(entry.change, entry.reason) for entry in decided.incoming} == {(Change.NEW, "new: the tree has no package of this name")}

    def test_a_new_name_that_a_held_package_obsoletes_stays_out(self) -> None:
        assert plan([package("b-1-1.i386", obsoletes=["a"])], ["a-1-1.i386"], new=NewPackages.ALL).empty

    def test_a_new_name_that_needs_what_nobody_has_is_held(self) -> None:
        decided = plan([], [package("a-1-1.i386", requires=["none"])], new=NewPackages.ALL)
        assert list(held_back(decided)) == ["a-1-1.i386"]


class TestObsoletes:
    def test_an_obsoleting_package_comes_in_and_the_obsoleted_one_leaves(self) -> None:
        decided = plan(["foo-1-1.i386"], [package("bar-1-1.i386", obsoletes=["foo < 2"])])
        [entry], [gone] = decided.incoming, decided.outgoing
        assert (str(entry.package.nevra), entry.change, entry.reason) == ("bar-1-1.i386", Change.OBSOLETING, "obsoletes foo-1-1.i386")
        assert (gone.removal, str(gone.by), gone.reason) == (Removal.OBSOLETED, "bar-1-1.i386", "obsoleted by bar-1-1.i386")

    @pytest.mark.parametrize("obsoletes", ["foo < 1", "foo > 1", "foo = 2", "bar", "(foo or baz)"])
    def test_an_obsoletion_that_does_not_match_takes_nothing_away(self, obsoletes: str) -> None:
        assert plan(["foo-1-1.i386"], [package("bar-1-1.i386", obsoletes=[obsoletes])]).empty

    def test_a_newer_package_of_its_own_name_saves_it(self) -> None:
        decided = plan(["foo-1-1.i386"], ["foo-2-1.i386", package("bar-1-1.i386", obsoletes=["foo < 2"])])
        assert incoming(decided) == ["foo-2-1.i386"]

    def test_a_newer_package_that_is_obsoleted_as_well_does_not_save_it(self) -> None:
        decided = plan(["foo-1-1.i386"], ["foo-2-1.i386", package("bar-1-1.i386", obsoletes=["foo < 3"])])
        assert incoming(decided) == ["bar-1-1.i386"] and outgoing(decided) == ["foo-1-1.i386"]

    def test_a_newer_held_build_of_its_own_name_saves_it(self) -> None:
        decided = plan(["foo-1-1.i686", "foo-2-1.x86_64"], [package("bar-1-1.x86_64", obsoletes=["foo < 2"])], arches=("x86_64",))
        assert decided.empty

    def test_a_package_named_by_comps_stays_beside_the_obsoleting_one(self) -> None:
        decided = plan(["foo-1-1.i386"], [package("bar-1-1.i386", obsoletes=["foo"])], listed=["foo"])
        assert incoming(decided) == ["bar-1-1.i386"] and not decided.outgoing
        assert kept(decided) == {"foo-1-1.i386": "obsoleted by bar-1-1.i386, but comps or a kickstart file names it"}
        assert decided.incoming[0].reason == "obsoletes a package that stays because it is named"

    def test_a_package_named_by_comps_is_still_upgraded(self) -> None:
        decided = plan(["foo-1-1.i386"], ["foo-2-1.i386", package("bar-1-1.i386", obsoletes=["foo"])], listed=["foo"])
        assert incoming(decided) == ["bar-1-1.i386", "foo-2-1.i386"] and outgoing(decided) == ["foo-1-1.i386"] and not decided.kept

    def test_an_upgrade_obsoletes_too(self) -> None:
        decided = plan(["bar-1-1.i386", "foo-1-1.i386"], [package("bar-2-1.i386", obsoletes=["foo"])], new=NewPackages.NONE)
        assert incoming(decided) == ["bar-2-1.i386"] and outgoing(decided) == ["bar-1-1.i386", "foo-1-1.i386"]

    def test_what_a_held_package_obsoleted_before_is_not_obsoleted_anew(self) -> None:
        held: Contents = [package("bar-1-1.i386", obsoletes=["foo"]), "foo-1-1.i386"]
        assert plan(held, []).empty
        assert outgoing(plan(held, [package("bar-2-1.i386", obsoletes=["foo"])])) == ["bar-1-1.i386"]

    def test_an_offered_package_that_is_held_already_obsoletes_nothing(self) -> None:
        assert plan(["bar-1-1.i386", "foo-1-1.i386"], [package("bar-1-1.i386", obsoletes=["foo"])]).empty

    def test_nothing_obsoletes_where_new_packages_are_not_taken(self) -> None:
        assert plan(["foo-1-1.i386"], [package("bar-1-1.i386", obsoletes=["foo"])], new=NewPackages.NONE).empty

    def test_every_part_of_a_split_package_comes_in(self) -> None:
        offered: Contents = [package("foo-a-1-1.i386", obsoletes=["foo"]), package("foo-b-1-1.i386", obsoletes=["foo"])]
        decided = plan(["foo-1-1.i386"], offered)
        assert incoming(decided) == ["foo-a-1-1.i386", "foo-b-1-1.i386"] and str(decided.outgoing[0].by) == "foo-a-1-1.i386"

    def test_each_line_of_an_obsoleted_package_has_its_successor(self) -> None:
        offered: Contents = [package("bar-1-1.i686", obsoletes=["foo"]), package("bar-1-1.x86_64", obsoletes=["foo"])]
        decided = plan(["foo-1-1.i686", "foo-1-1.x86_64"], offered, arches=("x86_64",))
        assert [str(entry.by) for entry in decided.outgoing] == ["bar-1-1.i686", "bar-1-1.x86_64"]

    def test_an_obsoleting_package_that_another_obsoletes_does_not_come_in(self) -> None:
        offered: Contents = [package("bar-1-1.i386", obsoletes=["foo"]), package("baz-1-1.i386", obsoletes=["foo", "bar"])]
        assert incoming(plan(["foo-1-1.i386"], offered)) == ["baz-1-1.i386"]

    def test_modular_and_plain_packages_do_not_obsolete_each_other(self) -> None:
        assert plan(["foo-1-1.i386"], [package("bar-1-1.i386", obsoletes=["foo"], module="bar:1")]).empty
        assert plan([package("foo-1-1.i386", module="foo:1")], [package("bar-1-1.i386", obsoletes=["foo"])]).empty

    def test_an_obsoletion_that_breaks_a_kept_package_waits_and_the_upgrade_with_it(self) -> None:
        held: Contents = ["foo-1-1.i386", package("app-1-1.i386", requires=["foo"])]
        decided = plan(held, ["foo-2-1.i386", package("bar-1-1.i386", obsoletes=["foo"])])
        assert decided.empty
        assert held_back(decided) == {
            "bar-1-1.i386": "app-1-1.i386 needs foo, which foo-2-1.i386 has, but that is obsoleted by another package"
        }

    def test_an_upgrade_that_is_obsoleted_takes_its_own_obsoletions_with_it(self) -> None:
        offered: Contents = [package("foo-2-1.i386", obsoletes=["old"]), package("bar-1-1.i386", obsoletes=["foo"]), "old-2-1.i386"]
        decided = plan(["foo-1-1.i386", "old-1-1.i386"], offered)
        assert incoming(decided) == ["bar-1-1.i386", "old-2-1.i386"] and outgoing(decided) == ["foo-1-1.i386", "old-1-1.i386"]

    def test_an_older_duplicate_of_an_obsoleted_package_leaves_with_it(self) -> None:
        decided = plan(["foo-1-1.i386", "foo-2-1.i386"], [package("bar-1-1.i386", obsoletes=["foo"])])
        assert [entry.removal for entry in decided.outgoing] == [Removal.OBSOLETED, Removal.OBSOLETED]


class TestErrata:
    def test_the_entries_name_their_advisories(self) -> None:
        errata = [
            advisory("RHSA-2", "a-3-1.i386"),
            advisory("RHSA-1", "a-2-1.i386"),
            advisory("RHSA-0", "a-1-1.i386"),
            advisory("RHSA-9", "z-9-1.i386"),
        ]
        decided = plan(["a-1-1.i386"], ["a-3-1.i386"], advisories=errata)
        assert decided.incoming[0].advisories == ("RHSA-1", "RHSA-2")
        assert [entry.id for entry in decided.advisories] == ["RHSA-1", "RHSA-2"]

    def test_a_package_that_replaces_nothing_names_only_its_own(self) -> None:
        errata = [advisory("RHSA-2", "b-2-1.i386"), advisory("RHSA-1", "b-1-1.i386")]
        assert plan([], ["b-2-1.i386"], advisories=errata, new=NewPackages.ALL).incoming[0].advisories == ("RHSA-2",)

    def test_an_advisory_is_applied_over_all_its_packages_or_not_at_all(self) -> None:
        offered: Contents = ["a-2-1.i386", package("b-2-1.i386", requires=["none"]), "c-2-1.i386"]
        decided = plan(["a-1-1.i386", "b-1-1.i386", "c-1-1.i386"], offered, advisories=[advisory("RHSA-1", "a-2-1.i386", "b-2-1.i386")])
        assert incoming(decided) == ["c-2-1.i386"]
        fault = "needs none, which neither the tree nor the mirror has"
        assert decided.held == (
            Held(NEVRA.parse("a-2-1.i386"), f"waits for b-2-1.i386, with which it belongs to RHSA-1: {fault}", ("RHSA-1",)),
            Held(NEVRA.parse("b-2-1.i386"), fault, ("RHSA-1",)),
        )

    def test_without_advisories_the_packages_of_one_source_belong_together(self) -> None:
        offered: Contents = [
            package("a-2-1.i386", source="s-2-1.src.rpm"),
            package("a-devel-2-1.i386", source="s-2-1.src.rpm", requires=["none"]),
        ]
        decided = plan(["a-1-1.i386", "a-devel-1-1.i386"], offered)
        assert decided.empty and held_back(decided)["a-2-1.i386"].startswith("waits for a-devel-2-1.i386: needs none")

    def test_the_packages_of_other_versions_of_the_source_do_not(self) -> None:
        offered: Contents = [
            package("a-2-1.i386", source="s-2-1.src.rpm"),
            package("a-devel-2-2.i386", source="s-2-2.src.rpm", requires=["none"]),
        ]
        assert incoming(plan(["a-1-1.i386", "a-devel-1-1.i386"], offered)) == ["a-2-1.i386"]

    def test_an_advisory_whose_other_package_no_mirror_has_waits(self) -> None:
        decided = plan(["a-1-1.i386", "b-1-1.i386"], ["a-2-1.i386"], advisories=[advisory("RHSA-1", "a-2-1.i386", "b-2-1.i386")])
        assert held_back(decided) == {"a-2-1.i386": "RHSA-1 also has b-2-1.i386, which no mirror has"}

    def test_an_advisory_whose_other_packages_do_not_concern_the_tree_does_not_wait(self) -> None:
        errata = [advisory("RHSA-1", "a-2-1.i386", "z-2-1.i386", "b-1-1.i386", "c-2-1.i386", "d-2-1.ppc")]
        decided = plan(["a-1-1.i386", "b-1-1.i386", "c-1-1.i386", "d-1-1.i386"], ["a-2-1.i386", "c-3-1.i386"], advisories=errata)
        assert incoming(decided) == ["a-2-1.i386", "c-3-1.i386"]

    def test_an_advisory_does_not_wait_for_what_the_policy_keeps_out(self) -> None:
        decided = plan(
            ["a-1-1.i386", "b-1-1.i386"],
            ["a-2-1.i386", "b-2-1.i386"],
            advisories=[advisory("RHSA-1", "a-2-1.i386", "b-2-1.i386")],
            exclude=("b",),
        )
        assert incoming(decided) == ["a-2-1.i386"]

    def test_an_advisory_that_two_mirrors_tell_of_has_the_packages_of_both(self) -> None:
        held = catalogue("t", packages("a-1-1.i386", "b-1-1.i386"))
        base = catalogue("base", packages("a-2-1.i386"), [advisory("RHSA-1", "a-2-1.i386")])
        more = catalogue("more", [package("b-2-1.i386", requires=["none"])], [advisory("RHSA-1", "b-2-1.i386")])
        decided = plan_update("t", held, [base, more], Policy(("i386",)))
        assert decided.empty and [str(entry.nevra) for entry in decided.held] == ["a-2-1.i386", "b-2-1.i386"]
        assert [str(nevra) for nevra in decided.advisories[0].packages] == ["a-2-1.i386", "b-2-1.i386"]


class TestBarred:
    def test_a_barred_package_holds_its_errata_with_the_reason(self) -> None:
        errata = [advisory("RHSA-1", "a-2-1.i386", "b-2-1.i386")]
        held, offered = ["a-1-1.i386", "b-1-1.i386", "c-1-1.i386"], ["a-2-1.i386", "b-2-1.i386", "c-2-1.i386"]
        decided = plan(held, offered, advisories=errata, barred={"b-2-1.i386": "sha256 differs"})
        assert incoming(decided) == ["c-2-1.i386"]
        assert held_back(decided)["b-2-1.i386"] == "sha256 differs"
        assert held_back(decided)["a-2-1.i386"].startswith("waits for b-2-1.i386, with which it belongs to RHSA-1: ")

    def test_what_was_brought_along_for_it_only_does_not_come(self) -> None:
        offered: Contents = [package("a-2-1.i386", requires=["lib"]), "lib-1-1.i386"]
        assert plan(["a-1-1.i386"], offered, barred={"a-2-1.i386": "not found"}).empty

    def test_what_depends_on_it_is_held_too(self) -> None:
        offered: Contents = ["a-2-1.i386", package("b-2-1.i386", requires=["a = 2-1"])]
        decided = plan(["a-1-1.i386", "b-1-1.i386"], offered, barred={"a-2-1.i386": "not found"})
        assert decided.empty and held_back(decided)["b-2-1.i386"].endswith("which a-2-1.i386 has, but that is barred: not found")

    def test_no_older_build_is_fetched_in_its_place(self) -> None:
        assert plan(["a-1-1.i386"], ["a-2-1.i386", "a-3-1.i386"], barred={"a-3-1.i386": "not found"}).empty


class TestMirrors:
    def test_the_first_mirror_wins_a_tie_and_a_newer_build_wins_anywhere(self) -> None:
        held = catalogue("t", packages("a-1-1.i386", "b-1-1.i386"))
        mirrors = [catalogue("first", packages("a-2-1.i386", "b-2-1.i386")), catalogue("second", packages("a-2-1.i386", "b-3-1.i386"))]
        decided = plan_update("t", held, mirrors, Policy(("i386",)))
        assert [(str(entry.package.nevra), entry.origin) for entry in decided.incoming] == [
            ("a-2-1.i386", "first"),
            ("b-3-1.i386", "second"),
        ]

    def test_what_comes_along_may_come_from_another_mirror(self) -> None:
        held = catalogue("t", packages("a-1-1.i386"))
        mirrors = [catalogue("first", [package("a-2-1.i386", requires=["lib"])]), catalogue("second", packages("lib-1-1.i386"))]
        decided = plan_update("t", held, mirrors, Policy(("i386",)))
        assert [entry.origin for entry in decided.incoming] == ["first", "second"]

    def test_another_file_under_the_same_name_is_told_and_not_taken(self) -> None:
        decided = plan([package("a-1-1.i386", digest="aa")], [package("a-1-1.i386", digest="bb")])
        assert decided.empty and kept(decided)["a-1-1.i386"].startswith("a mirror has other content under this name, version and release")

    def test_the_headers_tell_where_the_digests_cannot(self) -> None:
        assert kept(plan([package("a-1-1.i386", digest="aa", header="11")], [package("a-1-1.i386", header="22")]))
        assert not kept(plan([package("a-1-1.i386", digest="aa", header="11")], [package("a-1-1.i386", header="11")]))
        assert not kept(plan([package("a-1-1.i386", digest="aa")], [package("a-1-1.i386", digest="aa")]))

    def test_no_mirror_and_no_tree_make_an_empty_plan(self) -> None:
        assert plan_update("t", catalogue("t", ()), [], Policy(("i386",))) == Plan("t")


def test_the_plan_counts_what_it_says_nothing_of_and_what_it_fetches() -> None:
    decided = plan(["a-1-1.i386", "b-1-1.i386", "c-1-1.i386", "c-1-1.src"], ["a-2-1.i386", "b-2-1.i386"], exclude=("b",))
    assert (len(decided.outgoing), len(decided.kept), decided.unchanged, decided.bytes_to_fetch) == (1, 1, 2, 1000)


def test_paths_outside_the_primary_rule_are_asked_of_the_readers() -> None:
    asking = package("a-1-1.i386", requires=["/usr/lib/lsb/init", "/bin/sh", "/etc/init.d", "/usr/lib/sendmail", "/opt/sbin/x", "lib.so"])
    assert required_paths([catalogue("t", [asking])]) == {"/usr/lib/lsb/init"}
