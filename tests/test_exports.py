"""exports(5) read as exportfs reads it, and what an export does to a tree's nodes."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirrorsync.filesystem import Mount
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.probes.exportfile import parse_exports
from mirrorsync.probes.exports import Exports, export_findings, is_shown, read_exports
from tests.corpus import CORPUS, needs_corpus

TREE = "/u1/redhat"
NODES = "10.1.0.0/16"


def parsed(text: str) -> list[tuple[str, str, tuple[str, ...]]]:
    entries, problems = parse_exports(text, "exports")
    assert problems == ()
    return [(export.path, export.client, export.options) for export in entries]


def found(text: str, clients: str | None = NODES, mounted: Sequence[Mount] = ()) -> list[Finding]:
    return list(export_findings(TREE, clients, Exports(*parse_exports(text, "/etc/exports")), mounted))


def codes(text: str, clients: str | None = NODES, mounted: Sequence[Mount] = ()) -> list[str]:
    return [finding.code for finding in found(text, clients, mounted)]


def mount(point: str, kind: str = "ext4") -> Mount:
    return Mount(Path(point), "8:1", kind)


class TestGrammar:
    def test_a_line_has_a_directory_and_its_clients_each_with_options(self) -> None:
        assert parsed("/u1 10.1.0.0/16(ro,no_subtree_check) @admins(rw) *.example.com\n") == [
            ("/u1", "10.1.0.0/16", ("ro", "no_subtree_check")),
            ("/u1", "@admins", ("rw",)),
            ("/u1", "*.example.com", ()),
        ]

    @pytest.mark.parametrize("text", ["", "\n\n", "# /u1 *(ro)\n", "   # nothing\n\t\n"])
    def test_comments_and_empty_lines_export_nothing(self, text: str) -> None:
        assert parsed(text) == []

    def test_a_comment_may_follow_clients_but_not_stand_in_a_word(self) -> None:
        assert parsed("/u1#2 a(ro) # b(rw)\n/u2 c(ro)\n") == [("/u1#2", "a", ("ro",)), ("/u2", "c", ("ro",))]

    def test_a_backslash_at_a_lines_end_goes_on_in_the_next(self) -> None:
        assert parsed("/u1 a(ro) \\\n    b(ro)\\\nc(ro)\n") == [("/u1", name, ("ro",)) for name in "abc"]

    def test_a_comment_does_not_go_on_in_the_next_line(self) -> None:
        assert parsed("# old \\\n/u1 a(ro)\n") == [("/u1", "a", ("ro",))]

    def test_quotes_and_octal_escapes_make_blanks_part_of_a_path(self) -> None:
        assert [path for path, *_ in parsed('"/u 1" a\n/u\\0401 a\n/u\\303\\244 a\n/"u 1"/x a\n')] == ["/u 1", "/u 1", "/uä", "/u 1/x"]

    def test_quotes_let_options_have_blanks(self) -> None:
        assert parsed('/u1 "a(ro, no_subtree_check)"\n') == [("/u1", "a", ("ro", "no_subtree_check"))]

    def test_defaults_come_before_a_clients_own_options(self) -> None:
        assert parsed("/u1 -sync,rw a b(ro) -no_subtree_check c\n") == [
            ("/u1", "a", ("sync", "rw")),
            ("/u1", "b", ("sync", "rw", "ro")),
            ("/u1", "c", ("sync", "rw", "no_subtree_check")),
        ]

    @pytest.mark.parametrize("line", ["/u1", "/u1 *", "/u1 (ro)", "/u1 -ro"])
    def test_a_line_without_clients_is_everybodys(self, line: str) -> None:
        assert [client for _, client, _ in parsed(line)] == ["*"]

    def test_a_list_of_options_may_end_in_a_comma(self) -> None:
        assert parsed("/u1 a(squash_uids=0-15,ro,)\n") == [("/u1", "a", ("squash_uids=0-15", "ro"))]

    def test_lines_that_end_as_in_dos_are_read_alike(self) -> None:
        assert parsed("/u1 a(ro)\r\n/u2 b(ro)\r\n") == [("/u1", "a", ("ro",)), ("/u2", "b", ("ro",))]

    def test_entries_know_the_line_they_are_written_in(self) -> None:
        entries, _ = parse_exports("# one\n\n/u1 a(ro) \\\n  b(ro)\n/u2 c(ro)", "exports")
        assert [export.where for export in entries] == ["exports:3", "exports:4", "exports:5"]

    @pytest.mark.parametrize(
        ("text", "what"),
        [
            ("/u1 a(ro, rw)\n", "'a(ro,': its list of options does not end with ')'"),
            ("/u1 a(ro)b\n", "'a(ro)b': its list of options does not end with ')'"),
            ("/u1 a(readonly)\n", "'readonly' is no option of exports(5)"),
            ("/u1 a(squash_uids=0-15,20)\n", "'20' is no option of exports(5)"),
            ("/u1 a(noaccess)\n", "'noaccess' is no option of exports(5)"),
            ('/u1 "a(ro)\n', "a quotation mark is not closed"),
        ],
        ids=["blank in options", "text after options", "unknown option", "list of ids", "option of another server", "open quote"],
    )
    def test_exportfs_stops_at_a_fault_and_so_nothing_after_it_counts(self, text: str, what: str) -> None:
        entries, [problem] = parse_exports(f"/a b(ro)\n{text}/c d(ro)\n", "/etc/exports")
        assert [export.path for export in entries] == ["/a"]
        assert (problem.code, problem.where) == ("export-syntax", "/etc/exports:2")
        assert problem.what.startswith(what)

    @given(st.text(alphabet='/au1 \t\n\\"#()-,=*@04r', max_size=60))
    def test_any_text_is_entries_or_a_problem(self, text: str) -> None:
        entries, problems = parse_exports(text, "exports")
        assert len(problems) <= 1
        assert all(1 <= export.line <= text.count("\n") + 1 for export in entries)


class TestTree:
    @pytest.mark.parametrize(
        "client",
        [NODES, "10.0.0.0/8", "10.1.0.0/255.255.0.0", "*", "10.1.0.0/17(ro,no_subtree_check) 10.1.128.0/17"],
        ids=["network", "larger network", "netmask", "everybody", "two halves"],
    )
    def test_the_parent_exported_read_only_to_the_cluster_is_right(self, client: str) -> None:
        assert codes(f"/u1 {client}(ro,no_subtree_check)\n") == []

    def test_read_only_is_the_default(self) -> None:
        assert codes(f"/u1 {NODES}\n") == []

    def test_any_directory_above_will_do(self) -> None:
        assert codes(f"/ {NODES}(ro)\n") == []

    @pytest.mark.parametrize("text", ["", f"/u2 {NODES}(ro)\n", f"/u1/red {NODES}(ro)\n", "/u1 10.2.0.0/16(ro)\n", "/u1 fd00::/8(ro)\n"])
    def test_a_tree_that_is_not_exported_is_an_error_with_the_line_to_write(self, text: str) -> None:
        [finding] = found(text)
        assert (finding.severity, finding.code, finding.where) == (Severity.ERROR, "export-missing", TREE)
        assert finding.remedy == "write `/u1 10.1.0.0/16(ro,no_subtree_check)` in /etc/exports, then `exportfs -ra`"

    def test_the_line_to_write_is_escaped(self, tmp_path: Path) -> None:
        [finding] = export_findings(f"{tmp_path}/my disc/redhat", "node1", Exports(()))
        assert f"`{tmp_path}/my\\040disc node1(ro,no_subtree_check)`" in finding.remedy

    def test_a_part_of_the_cluster_is_not_enough(self) -> None:
        [finding] = found("/u1 10.1.0.0/24(ro) 10.1.2.0/24(ro)\n")
        assert (finding.code, finding.what) == ("export-partial", "of 10.1.0.0/16 only 10.1.0.0/24, 10.1.2.0/24 may mount it")

    def test_the_tree_itself_exported_is_an_error_that_says_what_happens(self) -> None:
        [finding] = found(f"/u1/redhat {NODES}(ro,no_subtree_check)\n")
        assert (finding.severity, finding.code, finding.where) == (Severity.ERROR, "export-is-tree", "/etc/exports:1")
        assert "half an hour after the next publication all installs in flight have met 'Stale file handle'" in finding.what
        assert finding.remedy == (
            "export the parent instead: write `/u1 10.1.0.0/16(ro,no_subtree_check)`, then `exportfs -ra`; nodes go on mounting /u1/redhat"
        )

    def test_the_tree_exported_beside_its_parent_is_an_error_too(self) -> None:
        assert codes(f"/u1 {NODES}(ro)\n/u1/redhat/ {NODES}(ro)\n") == ["export-is-tree"]

    def test_a_directory_inside_the_tree_is_no_export_of_it(self) -> None:
        assert codes(f"/u1/redhat/RedHat {NODES}(ro)\n") == ["export-missing", "export-is-tree"]

    @pytest.mark.parametrize("options", ["rw", "ro,rw", "sec=krb5,ro,sec=sys,rw", "rw,sec=sys"])
    def test_a_cluster_that_may_write_is_an_error(self, options: str) -> None:
        [finding] = found(f"/u1 {NODES}({options})\n")
        assert (finding.severity, finding.code, finding.where) == (Severity.ERROR, "export-writable", "/etc/exports:1")

    @pytest.mark.parametrize("options", ["rw,ro", "sec=krb5,rw,sec=sys,ro", "sec=sys:krb5,ro"])
    def test_what_counts_for_installers_is_read_only(self, options: str) -> None:
        assert codes(f"/u1 {NODES}({options})\n") == []

    def test_an_administrators_host_may_write(self) -> None:
        assert codes(f"/u1 {NODES}(ro) admin.example.com(rw) 192.168.0.9(rw)\n") == []

    def test_writing_for_everybody_is_an_error_even_beside_the_clusters_own_entry(self) -> None:
        assert codes(f"/u1 {NODES}(ro) *(rw)\n") == ["export-writable"]

    def test_the_fatal_blank_is_named_with_file_and_line(self) -> None:
        [finding] = found(f"# nodes\n/u1 {NODES} (ro)\n")
        assert (finding.severity, finding.code, finding.where) == (Severity.ERROR, "export-blank", "/etc/exports:2")
        assert "the blank before '(ro)' exports /u1 to every machine" in finding.what

    def test_the_fatal_blank_before_rw_lets_everybody_write(self) -> None:
        assert codes(f"/u1 {NODES} (rw)\n") == ["export-blank", "export-writable"]

    def test_options_by_themselves_or_after_a_client_with_its_own_are_no_trap(self) -> None:
        assert codes("/u1 (ro)\n") == []
        assert codes(f"/u1 {NODES}(ro) (ro)\n") == []

    def test_subtree_check_is_a_warning(self) -> None:
        [finding] = found(f"/u1 -subtree_check {NODES}(ro)\n")
        assert (finding.severity, finding.code) == (Severity.WARNING, "export-subtree-check")

    def test_kerberos_alone_shuts_installers_out(self) -> None:
        assert codes(f"/u1 {NODES}(ro,sec=krb5:krb5p)\n") == ["export-security"]

    @pytest.mark.parametrize("client", ["@nodes", "*.example.com", "node1", "10.1.*"])
    def test_what_only_the_name_service_knows_is_a_note(self, client: str) -> None:
        [finding] = found(f"/u1 {client}(ro)\n")
        assert (finding.severity, finding.code) == (Severity.NOTE, "export-clients-unknown")

    def test_faults_of_an_entry_that_may_be_the_clusters_are_found(self) -> None:
        assert codes("/u1 @nodes(rw)\n") == ["export-clients-unknown", "export-writable"]

    @pytest.mark.parametrize(
        ("client", "clients", "code"),
        [
            ("*.example.com", "node1.example.com", None),
            ("*.example.com", "*.lab.example.com", None),
            ("NODE1", "node1", None),
            ("@nodes", "@nodes", None),
            ("node[0-9]", "node7", None),
            ("10.1.0.0/16", "10.1.2.3", None),
            ("node1.example.com", "node1", "export-clients-unknown"),
            ("@nodes", "node1", "export-clients-unknown"),
            ("node2", "node1", "export-missing"),
            ("*.example.com", "node1.example.org", "export-missing"),
        ],
    )
    def test_hosts_wildcards_and_netgroups_are_matched(self, client: str, clients: str, code: str | None) -> None:
        assert codes(f"/u1 {client}(ro)\n", clients) == ([code] if code else [])

    def test_without_a_named_cluster_any_entry_counts(self) -> None:
        assert codes("/u1 node7(ro)\n", None) == []
        assert codes("/u1 node7(rw)\n", None) == ["export-writable"]
        assert codes("", None) == ["export-missing"]

    def test_an_entry_behind_a_fault_does_not_count(self) -> None:
        assert codes(f"/home a(readonly)\n/u1 {NODES}(ro)\n") == ["export-syntax", "export-missing"]


class TestFiles:
    def test_exports_and_the_drop_ins_are_read_in_order(self, tmp_path: Path) -> None:
        (tmp_path / "exports.d").mkdir()
        for name, path in {"exports": "/a", "exports.d/2.exports": "/c", "exports.d/1.exports": "/b"}.items():
            (tmp_path / name).write_text(f"{path} host\n")
        for name in ("old.bak", ".hidden.exports"):
            (tmp_path / "exports.d" / name).write_text("/d host\n")
        assert [export.path for export in read_exports(tmp_path).entries] == ["/a", "/b", "/c"]

    def test_of_two_entries_for_one_client_the_first_counts(self, tmp_path: Path) -> None:
        (tmp_path / "exports").write_text("/u1 node(ro)\n/u1/ node(rw)\n")
        assert [export.options for export in read_exports(tmp_path).entries] == [("ro",)]

    def test_an_entry_that_an_earlier_one_with_other_options_hides_is_found(self, tmp_path: Path) -> None:
        (tmp_path / "exports.d").mkdir()
        (tmp_path / "exports").write_text(f"/u1 {NODES}(ro,no_subtree_check)\n/home node(ro)\n/home node(rw)\n")
        (tmp_path / "exports.d/1.exports").write_text(f"/u1 {NODES}(rw)\n/u1 10.9.0.1(ro)\n/u1 10.9.0.1(rw)\n")
        [finding] = export_findings(TREE, NODES, read_exports(tmp_path))
        assert (finding.severity, finding.code) == (Severity.WARNING, "export-duplicate")
        assert finding.where == f"{tmp_path}/exports.d/1.exports:1"
        assert f"{tmp_path}/exports:1 exports /u1 to {NODES} with other options and is read first" in finding.what

    def test_the_same_entry_twice_is_no_fault(self, tmp_path: Path) -> None:
        (tmp_path / "exports").write_text(f"/u1 {NODES}(ro,no_subtree_check)\n" * 2)
        assert export_findings(TREE, NODES, read_exports(tmp_path)) == ()

    def test_a_machine_without_exports_exports_nothing(self, tmp_path: Path) -> None:
        assert read_exports(tmp_path) == Exports(())

    def test_a_file_that_cannot_be_read_is_a_warning(self, tmp_path: Path) -> None:
        (tmp_path / "exports").mkdir()
        [problem] = read_exports(tmp_path).problems
        assert (problem.severity, problem.code) == (Severity.WARNING, "export-unreadable")

    def test_symlinks_are_resolved_on_both_sides(self, tmp_path: Path) -> None:
        (tmp_path / "u1/redhat").mkdir(parents=True)
        (tmp_path / "srv").symlink_to(tmp_path / "u1")
        (tmp_path / "exports").write_text(f"{tmp_path}/srv {NODES}(ro)\n")
        exports = read_exports(tmp_path)
        assert export_findings(f"{tmp_path}/u1/redhat", NODES, exports) == ()
        assert export_findings(f"{tmp_path}/srv/redhat", NODES, exports) == ()


class TestCorpus:
    pytestmark = needs_corpus

    def test_a_real_exports_file_is_read(self) -> None:
        path = CORPUS / "kickstart/augeas-root/etc/exports"
        entries, problems = parse_exports(path.read_text(), "exports")
        assert problems == ()
        assert [(export.path, export.client) for export in entries] == [
            ("/local", "207.46.0.0/16"),
            ("/home", "207.46.0.0/16"),
            ("/home", "192.168.50.2/32"),
            ("/tmp", "207.46.0.0/16"),
            ("/pub", "*"),
        ]

    def test_the_lens_tests_entries_are_read_as_their_trees_say(self) -> None:
        text = (CORPUS / "kickstart/augeas-lens-tests/test_exports.aug").read_text()
        sample = text.partition('let s = "')[2].partition('"\n\n')[0].replace("\\t", "\t")
        tree = text.partition("test Exports.lns get s =")[2].partition("test Exports.lns")[0]
        expected = re.findall(r'"(dir|client|option)" = "([^"]*)"', tree)
        assert expected
        assert _as_lens_tree(sample) == [pair for pair in expected if pair != ("option", "")]


def _as_lens_tree(text: str) -> list[tuple[str, str]]:
    entries, problems = parse_exports(text, "exports")
    assert problems == ()
    pairs: list[tuple[str, str]] = []
    former = None
    for export in entries:
        if (export.path, export.line) != former:
            pairs.append(("dir", export.path))
        former = (export.path, export.line)
        pairs += [("client", export.client), *(("option", option) for option in export.options)]
    return pairs


GOOD = "/u1 10.1.0.0/16(ro,no_subtree_check"
ROOT = mount("/")


@pytest.mark.parametrize(
    ("text", "mounted", "expected"),
    [
        (f"{GOOD})", [ROOT, mount("/u1")], []),
        (f"{GOOD})", [ROOT, mount("/u1/redhat/RedHat/RPMS")], ["export-mounts"]),
        (f"{GOOD},crossmnt)", [ROOT, mount("/u1/redhat/RedHat/RPMS")], []),
        (f"{GOOD},crossmnt,nocrossmnt)", [ROOT, mount("/u1/redhat/images")], ["export-mounts"]),
        (f"{GOOD})\n/u1/redhat/RedHat/RPMS 10.1.0.0/16(ro,nohide,no_subtree_check)", [mount("/u1/redhat/RedHat/RPMS")], ["export-is-tree"]),
        ("/ 10.1.0.0/16(ro,no_subtree_check)", [ROOT, mount("/u1")], ["export-mounts"]),
        (f"{GOOD})", [ROOT, mount("/u1/other"), mount("/u2")], []),
        (f"{GOOD})", [ROOT, mount("/u1", "tmpfs")], ["export-fsid"]),
        (f"{GOOD})", [mount("/", "overlay")], ["export-fsid"]),
        (f"{GOOD})", [ROOT, mount("/u1", "fuse.sshfs")], ["export-fsid"]),
        (f"{GOOD},fsid=7)", [ROOT, mount("/u1", "tmpfs")], []),
        (f"{GOOD},mp)", [ROOT], ["export-not-mounted"]),
        (f"{GOOD},mp)", [ROOT, mount("/u1")], []),
        (f"{GOOD},mountpoint=/data)", [ROOT, mount("/u1")], ["export-not-mounted"]),
        (f"{GOOD},mp=/data)", [ROOT, mount("/data")], []),
        (f"{GOOD},no_root_squash)", [ROOT], ["export-root"]),
        (f"{GOOD},no_root_squash,root_squash)", [ROOT], []),
        (f"{GOOD},async)", [ROOT], []),  # which is about what is written
    ],
)
def test_what_lies_on_another_file_system_and_who_root_is(text: str, mounted: Sequence[Mount], expected: list[str]) -> None:
    assert codes(text, mounted=mounted) == expected


def test_such_a_finding_names_the_line() -> None:
    [finding] = found(f"# one\n{GOOD})", mounted=[ROOT, mount("/u1/redhat/RedHat/RPMS")])
    assert (finding.where, "/u1/redhat/RedHat/RPMS is a file system of its own below /u1" in finding.what) == ("/etc/exports:2", True)


EVERYBODY = (
    ([("/u1", ["10.1.0.0/16"])], "10.1.0.0/16"),
    ([("/u1", ["10.0.0.0/8"])], "10.1.0.0/16"),
    ([("/u1/redhat", ["(everyone)"])], "10.1.0.0/16"),
    ([("/u1", [])], "10.1.0.0/16"),
    ([("/u1", ["*"])], None),
    ([("/u1", ["node7.example.org"])], "10.1.0.0/16"),  # who that is only the name service knows
)
NOBODY = (
    ([("/u1", ["10.2.0.0/16"])], "10.1.0.0/16"),
    ([("/u2", ["10.1.0.0/16"]), ("/u1/redhat/images", ["*"])], "10.1.0.0/16"),
    ([], None),
)


@pytest.mark.parametrize(("shown", "clients"), EVERYBODY)
def test_what_a_mount_service_shows_may_have_the_tree_for_who_installs(shown: list[tuple[str, list[str]]], clients: str | None) -> None:
    assert is_shown("/u1/redhat", clients, shown)


@pytest.mark.parametrize(("shown", "clients"), NOBODY)
def test_or_may_not_have_it(shown: list[tuple[str, list[str]]], clients: str | None) -> None:
    assert not is_shown("/u1/redhat", clients, shown)
