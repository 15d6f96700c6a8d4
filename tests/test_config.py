"""The configuration: from files to values, or every problem at once with its file and key."""

import json
import shutil
import tempfile
import tomllib
from collections.abc import Callable
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from fixtures.keys import signing_key
from mirrorsync.app.targets import targets_of, waivers_of
from mirrorsync.cli.config import config_commands
from mirrorsync.cli.context import Call, Verbosity
from mirrorsync.config import values
from mirrorsync.config.display import config_document, config_text
from mirrorsync.config.loading import check, default_state, load, locate, understand
from mirrorsync.config.schema import Config
from mirrorsync.config.secrets import read_password, read_secret
from mirrorsync.config.sources import gather, merge
from mirrorsync.errors import ConfigError, ExitCode
from mirrorsync.model.choices import Layout, Occasion, Signatures, StartTls
from mirrorsync.model.pending import Urgency, Waiver, WaiverRule
from mirrorsync.model.policy import NewPackages
from mirrorsync.model.version import EVR
from tests.mailservers import certificate

Write = Callable[..., Path]

TREE = """
[trees.{name}]
path = "{path}"
layout = "repodata"
arches = ["x86_64"]
"""
LISTING = """
[[trees.{name}.updates]]
url = "http://mirror.example/{name}/"
kind = "listing"
signatures = "digest-only"
"""


def tree(name: str = "a", path: str = "/srv/a", more: str = "") -> str:
    return TREE.format(name=name, path=path) + more


def update(name: str = "a", more: str = "") -> str:
    return LISTING.format(name=name) + more


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write mirrorsync.toml, and by keyword `conf.d/KEYWORD.toml`; the main file's path."""

    def _write(main: str, **drop_ins: str) -> Path:
        path = tmp_path / "mirrorsync.toml"
        path.write_text(main)
        path.chmod(0o600)
        for name, text in drop_ins.items():
            (tmp_path / "conf.d").mkdir(exist_ok=True)
            (tmp_path / "conf.d" / f"{name}.toml").write_text(text)
        return path

    return _write


def problems(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    return [line.replace(f"{path.parent}/", "") for line in caught.value.problems]


def broken(path: Path, state: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        understand(gather(path), Path(state))
    return [line.replace(f"{path.parent}/", "") for line in caught.value.problems]


# --- values ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("7d", timedelta(days=7)),
        ("12h", timedelta(hours=12)),
        ("1d12h", timedelta(days=1, hours=12)),
        ("2w", timedelta(weeks=2)),
        ("0s", timedelta()),
    ],
)
def test_a_length_of_time_is_a_number_and_its_unit(text: str, duration: timedelta) -> None:
    assert values.parse_duration(text) == duration


@pytest.mark.parametrize("text", ["", "7", "d", "-1d", "1.5d", "7 days", "1h1d", "1d1d"])
def test_other_lengths_of_time_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a length of time; write"):
        values.parse_duration(text)


def test_a_length_of_time_beyond_all_plans_is_refused() -> None:
    assert values.parse_duration("3650d").days == 3650
    with pytest.raises(ValueError, match="longer than 10 years"):
        values.parse_duration("999999w")


@given(st.timedeltas(min_value=timedelta(), max_value=timedelta(days=3650)).map(lambda span: timedelta(seconds=int(span.total_seconds()))))
def test_a_length_of_time_reads_back_from_its_text(duration: timedelta) -> None:
    assert values.parse_duration(values.format_duration(duration)) == duration


@pytest.mark.parametrize(
    ("text", "rate"), [("10M", 10 << 20), ("500k", 500 << 10), ("500K", 500 << 10), ("1.5M", 3 << 19), ("4096", 4096), ("1G", 1 << 30)]
)
def test_a_rate_is_bytes_a_second_in_powers_of_1024(text: str, rate: int) -> None:
    assert values.parse_rate(text) == rate


@pytest.mark.parametrize("text", ["", "0", "fast", "-1M", "10 M", "10MB"])
def test_other_rates_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a rate; write"):
        values.parse_rate(text)


@given(st.integers(min_value=1, max_value=(1 << 29)))
def test_a_rate_reads_back_from_its_text(rate: int) -> None:
    assert values.parse_rate(values.format_rate(rate)) == rate


def test_a_pin_is_a_name_and_an_evr() -> None:
    assert values.parse_pin("kernel = 2.4.18-3") == values.Pin("kernel", EVR(None, "2.4.18", "3"))
    assert values.parse_pin("bind=9:9.2.1-1").evr.key == ("9", "9.2.1", "1")


@pytest.mark.parametrize("text", ["kernel", "kernel =", "= 1-1", "kernel == 1", "ker nel = 1", "kernel = 1 - 2", "kernel = x:1-2"])
def test_other_pins_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a pin.*; write 'name ="):
        values.parse_pin(text)


def test_a_fingerprint_may_have_blanks_and_either_case() -> None:
    assert values.parse_fingerprint("ca20 8686 2bd6 9dfc 65f6  ecc4 2191 80cd db42 a60e") == "CA2086862BD69DFC65F6ECC4219180CDDB42A60E"
    assert values.parse_fingerprint("a" * 64) == "A" * 64


@pytest.mark.parametrize("text", ["DB42A60E", "219180CDDB42A60E", "g" * 40, "0x" + "a" * 40, ""])
def test_a_key_id_or_a_part_of_a_fingerprint_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a whole fingerprint"):
        values.parse_fingerprint(text)


@pytest.mark.parametrize(
    "url", ["http://m/x/", "https://m:8443/x", "ftp://m/x", "file:///srv/x", "https://m/list?a=b&c=d", "http://[::1]/x"]
)
def test_mirrors_are_reached_by_http_https_ftp_and_file(url: str) -> None:
    assert values.parse_url(url) == url


@pytest.mark.parametrize(
    "url", ["rsync://m/x", "m/x", "/srv/x", "http:///x", "file://m/x", "file:x", "http://m/a b", "http://m:port/", "http://[::1/x"]
)
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="; write"):
        values.parse_url(url)


def test_a_password_in_a_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(ValueError, match="names a user in the URL") as caught:
        values.parse_url("https://joe:secret@mirror.example/x")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("proxy", ["proxy", "socks5://proxy:1080", "http://", "ftp://joe:secret@proxy"])
def test_a_proxy_is_an_http_proxy(proxy: str) -> None:
    with pytest.raises(ValueError, match=r"is not a proxy; write its URL") as caught:
        values.parse_proxy(proxy)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("arch", ["x86-64", "X86_64", "i386 ", "i368", "x86_46", "noarch", "src", "pc", ""])
def test_an_architecture_is_spelt_as_rpm_does(arch: str) -> None:
    with pytest.raises(ValueError, match="is not an architecture; write rpm's name of it"):
        values.parse_arch(arch)


@pytest.mark.parametrize("arch", ["i386", "athlon", "x86_64_v3", "ppc64le", "s390x", "aarch64", "armv7hl", "riscv64"])
def test_machines_of_every_distribution_are_known(arch: str) -> None:
    assert values.parse_arch(arch) == arch


def test_the_nearest_architectures_are_named() -> None:
    with pytest.raises(ValueError, match="'x86_46' is not an architecture; write rpm's name of it, as in 'x86_64'"):
        values.parse_arch("x86_46")


@pytest.mark.parametrize("path", ["/", "//", "srv/a", "/srv/../etc", "/srv/.mirrorsync/a", "~/a", ""])
def test_paths_that_cannot_be_a_tree_are_refused(path: str) -> None:
    with pytest.raises(ValueError, match=r"; (write|name)"):
        values.parse_tree_path(path)


@pytest.mark.parametrize("client", ["10.1.0.0/16", "node*.cluster", "@nodes", "fd00::/8", "*"])
def test_clients_are_written_as_exports_writes_them(client: str) -> None:
    assert values.parse_client(client) == client


@pytest.mark.parametrize("client", ["10.1.0.0/16 (ro)", "a b", "host(rw)", ""])
def test_clients_with_blanks_or_options_are_refused(client: str) -> None:
    with pytest.raises(ValueError, match="is not a client of an export; write one"):
        values.parse_client(client)


# --- from files to values ---------------------------------------------------------------------------------------------------


def test_a_tree_gets_the_documented_defaults(write: Write) -> None:
    loaded = load(write(tree()), {}).trees["a"]
    assert (loaded.path, loaded.layout, loaded.arches) == (Path("/srv/a"), Layout.REPODATA, ("x86_64",))
    assert (loaded.grace, loaded.keep_generations, loaded.new_packages) == (timedelta(days=7), 3, NewPackages.NEEDED)
    assert (loaded.updates, loaded.boot, loaded.export) == ((), None, None)


def test_an_update_mirror_gets_the_documented_defaults(write: Write) -> None:
    (mirror,) = load(write(tree() + '[[trees.a.updates]]\nurl = "ftp://m/x"\nkind = "listing"\nkeys = ["/k"]\n'), {}).trees["a"].updates
    assert (mirror.signatures, mirror.connections, mirror.max_rate) == (Signatures.REQUIRE, 4, None)
    assert mirror.name == "ftp://m/x"


def test_a_tree_knows_its_policy(write: Write) -> None:
    text = tree(more='exclude = ["x*"]\ninclude = ["y*"]\nnew_packages = "all"\npin = ["b = 1:2-3", "a = 1-1"]\n')
    policy = load(write(text), {}).trees["a"].policy
    assert (policy.arches, policy.exclude, policy.include, policy.new_packages) == (("x86_64",), ("x*",), ("y*",), NewPackages.ALL)
    assert {name: str(evr) for name, evr in policy.pins.items()} == {"a": "1-1", "b": "1:2-3"}


def test_a_configuration_does_not_change_once_loaded(write: Write) -> None:
    loaded = load(write(tree()), {})
    with pytest.raises(ValueError, match="frozen"):
        loaded.trees["a"].keep_generations = 9  # type: ignore[misc]  # what the test is about


def test_drop_ins_merge_tables_replace_values_and_add_mirrors_in_the_order_of_their_names(write: Write) -> None:
    main = tree(more='exclude = ["x"]\ngrace = "1d"\n') + update()
    later = '[trees.a]\nexclude = ["y", "z"]\ngrace = "3d"\n'
    path = write(main, b=later, a='[trees.a]\ngrace = "2d"\n' + update("a") + tree("other", "/srv/o"))
    loaded = load(path, {})
    assert loaded.trees["a"].exclude == ("y", "z")
    assert loaded.trees["a"].grace == timedelta(days=3)
    assert len(loaded.trees["a"].updates) == 2
    assert sorted(loaded.trees) == ["a", "other"]


def test_files_in_conf_d_that_are_hidden_or_not_toml_are_passed_over(write: Write) -> None:
    path = write(tree(), a="")
    (path.parent / "conf.d" / ".a.toml.swp").write_text("no toml")
    (path.parent / "conf.d" / ".hidden.toml").write_text("no toml")
    (path.parent / "conf.d" / "a.toml.rpmsave").write_text("no toml")
    assert list(load(path, {}).trees) == ["a"]


def test_the_file_is_the_given_one_then_the_environments_then_the_default() -> None:
    environ = {"MIRRORSYNC_CONFIG": "/x/y.toml"}
    assert locate(Path("/a.toml"), environ) == Path("/a.toml")
    assert locate(None, environ) == Path("/x/y.toml")
    assert locate(None, {"MIRRORSYNC_CONFIG": ""}) == Path("/etc/mirrorsync/mirrorsync.toml")


@pytest.mark.parametrize(
    ("environ", "root", "folder"),
    [
        ({"XDG_STATE_HOME": "/s"}, True, "/var/lib/mirrorsync"),
        ({"XDG_STATE_HOME": "/s", "HOME": "/h"}, False, "/s/mirrorsync"),
        ({"XDG_STATE_HOME": "relative", "HOME": "/h"}, False, "/h/.local/state/mirrorsync"),
        ({"HOME": "/h"}, False, "/h/.local/state/mirrorsync"),
    ],
)
def test_state_is_kept_where_the_system_has_it(environ: dict[str, str], root: bool, folder: str) -> None:  # noqa: FBT001 -- pytest's parameter
    assert default_state(environ, root=root) == Path(folder)


def test_a_configured_state_directory_counts_before_the_default(write: Write) -> None:
    assert load(write('[mirrorsync]\nstate = "/data/state"\n'), {}).state == Path("/data/state")


# --- every problem, with its file and key -------------------------------------------------------------------------------------


def test_all_problems_are_told_at_once_each_with_its_file_and_key(write: Write) -> None:
    main = tree(more='grace = "7"\nkeep_generations = 0\n') + update(more='max_rate = "fast"\n')
    found = problems(write(main, a=update("a", more="connections = 17\n"), b='[trees.b]\npath = "b"\nlayout = "deb"\n'))
    assert [line.split("; ")[0] for line in found] == [
        "mirrorsync.toml: trees.a.grace: '7' is not a length of time",
        "mirrorsync.toml: trees.a.keep_generations: 0 is too small",
        "mirrorsync.toml: trees.a.updates[1].max_rate: 'fast' is not a rate",
        "conf.d/a.toml: trees.a.updates[1].connections: 17 is too large",
        "conf.d/b.toml: trees.b.arches: is missing",
        "conf.d/b.toml: trees.b.layout: 'deb' is not one of its words",
        "conf.d/b.toml: trees.b.path: 'b' is not an absolute path",
    ]
    assert all("; " in line for line in found)


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("exlude = []", "trees.a.exlude: is not a key here; did you mean 'exclude'?"),
        ("keep_generation = 3", "trees.a.keep_generation: is not a key here; did you mean 'keep_generations'?"),
        ("boot.dir = '/x'", "trees.a.boot.dir: is not a key here; did you mean 'directory'?"),
        ("boot.x = 1", "trees.a.boot.x: is not a key here; the keys here are arguments, directory, groups, style, tftp, tftp_log"),
        ('"a b" = 1', 'trees.a."a b": is not a key here; the keys here are '),
    ],
)
def test_unknown_keys_are_refused_with_the_nearest_known_one(write: Write, key: str, line: str) -> None:
    assert any(found.startswith(f"mirrorsync.toml: {line}") for found in problems(write(tree(more=key + "\n"))))


def test_a_tree_may_be_called_as_one_of_its_tables_is(write: Write) -> None:
    found = problems(write(tree("boot", more="kickstart = []\n")))
    assert found == ["mirrorsync.toml: trees.boot.kickstart: is not a key here; did you mean 'kickstarts'?"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[report]\nmail_to = []\n", "report.mail_to: is not a key here; did you mean 'mail'?"),
        ("[report]\nx = 1\n", "report.x: is not a key here; the keys here are html, mail, prometheus, webhooks"),
        ("[tree.a]\n", "tree: is not a key here; did you mean 'trees'?"),
        ("trees = 3\n", "trees: is not a table; write its keys under a heading in square brackets"),
        ("mirrorsync = 3\n", "mirrorsync: is not a table; write its keys under a heading in square brackets"),
        ("[trees]\na = 3\n", "trees.a: is not a table; write its keys under a heading in square brackets"),
    ],
)
def test_tables_that_are_not_there_are_refused(write: Write, text: str, line: str) -> None:
    assert problems(write(text)) == [f"mirrorsync.toml: {line}"]


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ("grace = 7\n", "trees.a.grace: is not text; put it in quotation marks"),
        ('keep_generations = "3"\n', "trees.a.keep_generations: '3' is not a whole number; write one without quotation marks"),
        ('exclude = "x"\n', "trees.a.exclude: is not a list; put it in square brackets"),
        ('exclude = ["x", ""]\n', "trees.a.exclude[2]: is empty; write a value or leave the key out"),
        ('pin = ["a", "b"]\n', "trees.a.pin[1]: 'a' is not a pin; write 'name = version-release', as in 'kernel = 2.4.18-3'"),
        ('pin = ["a = 1-1", "a = 2-1"]\n', "trees.a.pin: a is pinned 2 times; keep one of them"),
        ('new_packages = "some"\n', "trees.a.new_packages: 'some' is not one of its words; write 'needed', 'all' or 'none'"),
        ('genhdlist = ["/x"]\n', "trees.a.genhdlist: is for layout 'redhat': this tree has no hdlist; remove it"),
        ('repos = ["x"]\n', "trees.a.repos: is used with .repo files only; name them in updates_from, or remove it"),
        ("legacy = true\n", "trees.a.legacy: is for the mirrors of updates_from, of which there are none; set it in [[updates]]"),
        (
            'stale_after = "30d"\n',
            "trees.a.stale_after: is for the mirrors of updates_from, of which there are none; set it in [[updates]]",
        ),
        ('legacy = "yes"\n', "trees.a.legacy: 'yes' is neither true nor false; write one of them without quotation marks"),
        ("boot = {}\n", "trees.a.boot.directory: is missing; set it"),
        ('export.clients = ["10.1.0.0/16(ro)"]\n', "trees.a.export.clients[1]: '10.1.0.0/16(ro)' is not a client"),
    ],
)
def test_what_a_tree_may_not_say(write: Write, more: str, line: str) -> None:
    assert problems(write(tree(more=more)))[0].startswith(f"mirrorsync.toml: {line}")


@pytest.mark.parametrize(
    ("arches", "line"),
    [
        ("[]", "trees.a.arches: is empty; name at least one"),
        ('["i368"]', "trees.a.arches[1]: 'i368' is not an architecture; write rpm's name of it, as in 'i386' or 'i686'"),
    ],
)
def test_architectures_that_cannot_be_used_are_told_once(write: Write, arches: str, line: str) -> None:
    assert problems(write(tree().replace('["x86_64"]', arches))) == [f"mirrorsync.toml: {line}"]


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ('keys = ["/k"]', "url: is missing; write where the mirror is: url, or mirrorlist or metalink"),
        ('url = "http://m/"\nmetalink = "http://m/l"\nkeys = ["/k"]', "metalink: is one place too many beside url; keep one of them"),
        ('url = "http://m/"', "keys: is missing: packages must be signed, and by whom is not told; name key files"),
        (
            f'url = "http://m/"\nsignatures = "digest-only"\nfingerprints = ["{"a" * 40}"]',
            "fingerprints: pins keys that no file holds; name the key files in keys",
        ),
        ('url = "http://m/"\nkeys = ["/k"]\nusername = "u"', "password_file: is missing beside username; set it too, or remove username"),
        ('url = "http://m/"\nkeys = ["/k"]\npassword_file = "/p"', "username: is missing beside password_file; set it too"),
        ('url = "http://m/"\nkeys = ["/k"]\nclient_key = "/p"', "client_cert: is missing beside client_key; set it too"),
        ('url = "http://m/"\nkeys = ["k"]', "keys[1]: 'k' is not an absolute path; write it from / on, without '..'"),
        ('url = "http://m/"\nkeys = ["/k"]\nconnections = true', "connections: True is not a whole number; write"),
    ],
)
def test_what_an_update_mirror_may_not_say(write: Write, keys: str, line: str) -> None:
    found = problems(write(tree(more=f'[[trees.a.updates]]\nkind = "repodata"\n{keys}\n')))
    assert len(found) == 1
    assert found[0].startswith(f"mirrorsync.toml: trees.a.updates[1].{line}")


def test_a_mirrorlist_is_for_yum_metadata(write: Write) -> None:
    text = tree(more='[[trees.a.updates]]\nkind = "listing"\nmirrorlist = "http://m/l"\nkeys = ["/k"]\n')
    assert problems(write(text)) == [
        "mirrorsync.toml: trees.a.updates[1].mirrorlist: lists mirrors of yum metadata, which kind 'listing' has not; "
        'write url, or kind = "repodata"'
    ]


def test_rules_over_several_keys_are_told_beside_faults_of_single_keys(write: Write) -> None:
    found = problems(write(tree(more='[[trees.a.updates]]\nkind = "repodate"\nusername = "u"\n')))
    assert [line.split(": ")[1] for line in found] == [f"trees.a.updates[1].{key}" for key in ("keys", "kind", "password_file", "url")]


def test_compression_is_for_trees_with_repodata(write: Write) -> None:
    text = tree(more='compression = "gz"\n').replace('"repodata"', '"redhat"')
    assert problems(write(text)) == ["mirrorsync.toml: trees.a.compression: is for layout 'repodata': this tree has none; remove it"]


def test_no_tree_may_lie_inside_another_or_be_the_same(write: Write) -> None:
    found = problems(write(tree("a", "/srv/a") + tree("b", "/srv/a/b") + tree("c", "/srv/ab") + tree("d", "/srv/ab/")))
    assert found == [
        "mirrorsync.toml: trees.b.path: lies inside tree 'a' (/srv/a), which is replaced as a whole; move one of them",
        "mirrorsync.toml: trees.d.path: is the folder of tree 'c' too (/srv/ab); give each tree its own folder",
    ]


def test_no_two_trees_are_one_folder_by_a_symlink(write: Write, tmp_path: Path) -> None:
    (tmp_path / "u1").mkdir()
    (tmp_path / "link").symlink_to("u1")
    path = write(tree("a", f"{tmp_path}/u1/redhat") + tree("b", f"{tmp_path}/link/redhat") + tree("c", f"{tmp_path}/link/redhat/c"))
    assert [line.partition("; ")[0] for line in problems(path)] == [
        "mirrorsync.toml: trees.b.path: is the folder of tree 'a' too (u1/redhat)",
        "mirrorsync.toml: trees.c.path: lies inside tree 'a' (u1/redhat), which is replaced as a whole",
    ]


def test_a_tree_does_not_lie_among_mirrorsyncs_own_folders_by_a_symlink(write: Write, tmp_path: Path) -> None:
    (tmp_path / ".mirrorsync").mkdir()
    (tmp_path / "link").symlink_to(".mirrorsync")
    assert problems(write(tree("a", f"{tmp_path}/link/a"))) == [
        "mirrorsync.toml: trees.a.path: leads to .mirrorsync/a, where mirrorsync keeps its own files; name the tree itself"
    ]


@pytest.mark.parametrize(
    ("state", "what"),
    [
        ("/srv/a", "lies in tree 'a' (/srv/a), which is replaced as a whole; name a folder outside it"),
        ("/srv/a/state", "lies in tree 'a' (/srv/a), which is replaced as a whole; name a folder outside it"),
        ("/srv/.mirrorsync", "lies in /srv/.mirrorsync, where mirrorsync keeps the generations of tree 'a'; name a folder outside it"),
        ("/srv/.mirrorsync/a/x", "lies in /srv/.mirrorsync, where mirrorsync keeps the generations of tree 'a'; name a folder outside it"),
    ],
)
def test_state_and_boot_directories_stay_out_of_trees_and_of_what_lies_beside_them(write: Write, state: str, what: str) -> None:
    text = f'[mirrorsync]\nstate = "{state}"\n' + tree() + f'boot.directory = "{state}"\n'
    assert problems(write(text)) == [f"mirrorsync.toml: {key}: {what}" for key in ("mirrorsync.state", "trees.a.boot.directory")]


def test_a_default_state_directory_is_held_to_the_same(write: Write) -> None:
    (found,) = broken(write(tree("a", "/h/.local")), state="/h/.local/state/mirrorsync")
    assert found.startswith("mirrorsync.toml: mirrorsync.state: lies in tree 'a' (/h/.local), which is replaced as a whole; ")


def test_no_tree_lies_in_the_state_directory_which_is_disposable(write: Write) -> None:
    found = problems(write('[mirrorsync]\nstate = "/srv"\n' + tree()))
    assert found == [
        "mirrorsync.toml: trees.a.path: lies in the state directory (/srv), which may be removed at any time; move one of them"
    ]


def test_no_two_trees_stage_into_one_boot_directory(write: Write, tmp_path: Path) -> None:
    (tmp_path / "tftp").mkdir()
    (tmp_path / "boot").symlink_to("tftp")
    boots = {name: f'boot.directory = "{tmp_path}/{folder}"\n' for name, folder in {"a": "tftp", "b": "boot", "c": "tftp/c"}.items()}
    assert problems(write("".join(tree(name, f"/srv/{name}", boot) for name, boot in boots.items()))) == [
        "mirrorsync.toml: trees.b.boot.directory: is the boot directory of tree 'a' too (tftp), "
        "and each would stage its own boot set over the other's; give each tree its own"
    ]


@pytest.mark.parametrize("export", ["/srv/x", "/srv", "/"])
def test_the_exported_folder_is_above_the_tree(write: Write, export: str) -> None:
    assert load(write(tree("a", "/srv/x/a", f'export.path = "{export}"\n') + tree("b", "/srv/x/b", f'export.path = "{export}"\n')), {})


@pytest.mark.parametrize("export", ["/srv/x/a", "/srv/x/a/RedHat"])
def test_a_tree_is_not_exported_itself(write: Write, export: str) -> None:
    (found,) = problems(write(tree("a", "/srv/x/a", f'export.path = "{export}"\n')))
    assert found.startswith("mirrorsync.toml: trees.a.export.path: is the tree itself or lies in it (/srv/x/a): mounts of it would go")
    assert found.endswith("; export the folder above it, /srv/x")


@pytest.mark.parametrize("export", ["/srv/x/b", "/srv/y", "/srv/x/ab"])
def test_an_exported_folder_that_does_not_have_the_tree_is_refused(write: Write, export: str) -> None:
    (found,) = problems(write(tree("a", "/srv/x/a", f'export.path = "{export}"\n')))
    assert found.startswith("mirrorsync.toml: trees.a.export.path: is not above the tree (/srv/x/a), so nodes would not find the tree")


def test_an_exported_folder_may_be_a_symlink_to_one_above_the_tree(write: Write, tmp_path: Path) -> None:
    (tmp_path / "u1").mkdir()
    (tmp_path / "export").symlink_to("u1")
    assert load(write(tree("a", f"{tmp_path}/u1/a", f'export.path = "{tmp_path}/export"\n')), {})


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("x = 1\n[a\nb = 1\n", "mirrorsync.toml: line 2: is not TOML: Expected ']' at the end of a table declaration; correct it"),
        ("[a]\nb = [1,\n", "mirrorsync.toml: its last line: is not TOML: "),
        ("[a]\nb = 1\nb = 2\n", "mirrorsync.toml: line 3: is not TOML: Cannot overwrite a value; correct it there or on"),
    ],
)
def test_text_that_is_not_toml_is_told_with_its_line(write: Write, text: str, line: str) -> None:
    (found,) = problems(write(text))
    assert found.startswith(line)


def test_files_that_cannot_be_read_are_told_together(write: Write) -> None:
    path = write("[a\n", b="]\n")
    (path.parent / "conf.d" / "c.toml").write_bytes(b'x = "\xff"\n')
    (path.parent / "conf.d" / "d.toml").mkdir()
    found = problems(path)
    assert [line.partition(": ")[0] for line in found] == ["mirrorsync.toml", "conf.d/b.toml", "conf.d/c.toml", "conf.d/d.toml"]
    assert "byte 6 is not UTF-8" in found[2]
    assert "cannot be read (Is a directory)" in found[3]


def test_drop_ins_that_are_not_in_a_folder_are_told(write: Write) -> None:
    path = write(tree())
    (path.parent / "conf.d").write_text("")
    assert problems(path) == ["conf.d: cannot be read (Not a directory); make it a folder this user may read"]


def test_a_missing_file_is_told_with_what_to_do(tmp_path: Path) -> None:
    (found,) = problems(tmp_path / "none.toml")
    assert found == "none.toml: is not there; write it (mirrorsync.toml(5) has a sample) or name another with --config"


def test_a_configuration_problem_ends_the_program_with_78(write: Write) -> None:
    with pytest.raises(ConfigError) as caught:
        load(write("x = 1"), {})
    assert caught.value.exit_code is ExitCode.CONFIGURATION


_LEAVES = st.sampled_from([None, True, 0, -1, 1.5, "", "x", "/p", "http://m/", "redhat"])
_KEYS = st.sampled_from(["a", "path", "layout", "arches", "updates", "url", "keys", "boot", "pin", "[key]"])
_SHAPES = st.recursive(_LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_KEYS, inner, max_size=4), max_leaves=12)


@given(st.dictionaries(st.sampled_from(["mirrorsync", "trees", "report", "x"]), _SHAPES))
def test_no_shape_of_file_is_anything_but_a_configuration_or_its_problems(document: dict[str, object]) -> None:
    try:
        assert isinstance(understand(merge([(Path("/x.toml"), document)]), Path("/state")), Config)
    except ConfigError as error:
        assert all(line.startswith("/x.toml: ") and "; " in line for line in error.problems)


# --- files it names -----------------------------------------------------------------------------------------------------------


ARMOUR = "-----BEGIN PGP PUBLIC KEY BLOCK-----"


def unusable(path: Path) -> list[str]:
    """What `check` finds, without the names of the file and its folder."""
    with pytest.raises(ConfigError) as caught:
        check(path, {})
    return [line.removeprefix(f"{path}: ").replace(f"{path.parent}/", "") for line in caught.value.problems]


@cache
def certified() -> str:
    """A certificate and its key in PEM."""
    with tempfile.TemporaryDirectory() as folder:
        return "".join(path.read_text() for path in certificate(Path(folder)))


def complete(folder: Path) -> str:
    """A configuration all of whose files are there."""
    for name in ("tree", "tftp"):
        (folder / name).mkdir()
    for name in ("key", "cert", "password", "ks.cfg", "x.repo"):
        (folder / name).write_text(certified() if name == "cert" else f"secret\nmore\n{ARMOUR}\n")
        (folder / name).chmod(0o600)
    return f"""
[trees.a]
path = "{folder}/tree"
layout = "repodata"
arches = ["x86_64"]
kickstarts = ["{folder}/ks.cfg"]
updates_from = ["{folder}/x.repo"]
boot.directory = "{folder}/tftp"
[[trees.a.updates]]
url = "https://m/"
kind = "repodata"
keys = ["{folder}/key"]
client_cert = "{folder}/cert"
username = "joe"
password_file = "{folder}/password"
proxy = "http://joe:secret@proxy:3128"
"""


def test_check_sees_that_named_files_are_there(write: Write, tmp_path: Path) -> None:
    path = write(complete(tmp_path))
    assert check(path, {}) == ((path,), ("a",))


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("tftp", "trees.a.boot.directory"),
        ("key", "trees.a.updates[1].keys[1]"),
        ("cert", "trees.a.updates[1].client_cert"),
        ("password", "trees.a.updates[1].password_file"),
        ("ks.cfg", "trees.a.kickstarts[1]"),
        ("x.repo", "trees.a.updates_from[1]"),
    ],
)
def test_check_tells_each_named_file_that_is_missing(write: Write, tmp_path: Path, name: str, key: str) -> None:
    path = write(complete(tmp_path))
    (tmp_path / name).rename(tmp_path / "elsewhere")
    with pytest.raises(ConfigError) as caught:
        check(path, {})
    (line,) = caught.value.problems
    assert line.startswith(f"{path}: {key}: {tmp_path}/{name} is not a ")


@pytest.mark.parametrize(("key", "problem"), [("ca", "holds no certificate in PEM"), ("client_cert", "cannot be used")])
def test_check_tells_certificates_that_cannot_be_used(write: Write, tmp_path: Path, key: str, problem: str) -> None:
    text = complete(tmp_path)
    (tmp_path / "garbage").write_text("garbage")
    (tmp_path / "garbage").chmod(0o600)
    path = write(text.replace("client_cert", key).replace(f"{tmp_path}/cert", f"{tmp_path}/garbage"))
    [line] = unusable(path)
    assert line.startswith(f"trees.a.updates[1].{key}: garbage {problem}")


def test_check_tells_a_tree_that_is_not_there(write: Write, tmp_path: Path) -> None:
    path = write(complete(tmp_path))
    (tmp_path / "tree").rmdir()
    assert unusable(path) == ["trees.a.path: tree is not there; put the distribution's tree there, or correct the path"]


def test_check_tells_a_tree_that_is_a_file(write: Write, tmp_path: Path) -> None:
    path = write(complete(tmp_path))
    (tmp_path / "tree").rmdir()
    (tmp_path / "tree").write_text("")
    assert unusable(path) == [
        "trees.a.path: tree is not a directory that this user can read; name the distribution's tree, or let this user read it"
    ]


@pytest.mark.parametrize("target", ["there", "tree"])
def test_check_tells_a_tree_that_is_a_symlink_to_nothing(write: Write, tmp_path: Path, target: str) -> None:
    path = write(complete(tmp_path))
    (tmp_path / "tree").rmdir()
    (tmp_path / "tree").symlink_to(target)
    assert unusable(path) == [f"trees.a.path: tree is a symbolic link to {target}, which is not there; put the distribution's tree there"]


def test_a_tree_may_be_a_symlink_to_a_directory_also_the_one_a_publication_made(write: Write, tmp_path: Path) -> None:
    path = write(complete(tmp_path))
    own = tmp_path / ".mirrorsync/tree/generations/7"
    own.parent.mkdir(parents=True)
    (tmp_path / "tree").rename(own)
    (tmp_path / "tree").symlink_to(".mirrorsync/tree/generations/7")
    check(path, {})


def test_check_tells_a_tree_that_is_a_mount_point(write: Write) -> None:
    assert unusable(write(tree("a", "/proc") + update())) == [
        "trees.a.path: /proc is a mount point, which cannot be replaced; name a directory below it"
    ]


@pytest.mark.parametrize("content", [b"", b"secret\n", b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n", b"\x8c\x0d", b"\xed\xab\xee\xdb"])
def test_check_tells_a_key_file_that_holds_no_key(write: Write, tmp_path: Path, content: bytes) -> None:
    path = write(complete(tmp_path))
    (tmp_path / "key").write_bytes(content)
    assert unusable(path) == [
        "trees.a.updates[1].keys[1]: key holds no OpenPGP public key; put there what `gpg --armor --export` prints, or name another file"
    ]


@pytest.mark.parametrize("content", [f"Red Hat's key\n\n{ARMOUR}\n".encode(), b"\x98\x33\x04", b"\x99\x01\x0d\x04", b"\xc6\x33\x04"])
def test_check_takes_keys_in_armour_and_in_packets(write: Write, tmp_path: Path, content: bytes) -> None:
    path = write(complete(tmp_path))
    (tmp_path / "key").write_bytes(content)
    assert check(path, {}) == ((path,), ("a",))


@pytest.mark.skipif(shutil.which("gpg") is None, reason="gpg is not installed")
def test_check_takes_the_keys_that_gpg_exports(write: Write, tmp_path: Path) -> None:
    path = write(complete(tmp_path))
    with signing_key() as key:
        shutil.copy(key.public, tmp_path / "key")
        assert check(path, {}) == ((path,), ("a",))


def test_check_tells_a_configuration_without_trees(write: Write) -> None:
    assert unusable(write("[report]\n")) == ["trees: there is none, so nothing is kept current; add a [trees.NAME] table"]


def test_check_tells_a_tree_without_update_mirrors(write: Write, tmp_path: Path) -> None:
    text = complete(tmp_path)
    assert unusable(write(text[: text.index("updates_from")])) == [
        "trees.a.updates: the tree has no update mirror; add [[trees.a.updates]], or updates_from"
    ]
    assert check(write(text[: text.index("boot.directory")]), {})


def test_check_refuses_a_password_that_others_may_read(write: Write, tmp_path: Path) -> None:
    path = write(complete(tmp_path))
    (tmp_path / "password").chmod(0o640)
    with pytest.raises(ConfigError, match=r"updates\[1\]\.password_file: .*/password may be read by others; chmod 600 it"):
        check(path, {})


def test_check_tells_a_genhdlist_that_cannot_be_run(write: Write, tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    text = f'[trees.a]\npath = "{tmp_path}/t"\nlayout = "redhat"\narches = ["i386"]\ngenhdlist = ["/no/genhdlist"]\n'
    with pytest.raises(ConfigError, match=r"trees\.a\.genhdlist\[1\]: /no/genhdlist cannot be run; install it or remove the key"):
        check(write(text), {})


def test_check_takes_folders_and_files_of_advisories_and_tells_what_is_not_there(write: Write, tmp_path: Path) -> None:
    path = write(complete(tmp_path) + f'advisories = ["{tmp_path}", "{tmp_path}/key", "{tmp_path}/gone"]\n')
    assert unusable(path) == [
        "trees.a.updates[1].advisories[3]: gone is neither a folder nor a file that this user can read; "
        "put advisories there, or correct the name or the mode"
    ]


def test_a_password_is_the_first_line_of_its_file(write: Write, tmp_path: Path) -> None:
    (mirror,) = load(write(complete(tmp_path)), {}).trees["a"].updates
    assert read_password(mirror) == "secret"
    assert read_password(mirror.model_copy(update={"password_file": None})) is None


def test_a_password_that_others_may_read_is_not_used(write: Write, tmp_path: Path) -> None:
    (mirror,) = load(write(complete(tmp_path)), {}).trees["a"].updates
    (tmp_path / "password").chmod(0o604)
    with pytest.raises(ConfigError, match=r"password_file of https://m/: .* may be read by others"):
        read_password(mirror)


# --- shown --------------------------------------------------------------------------------------------------------------------


def test_the_shown_configuration_reads_back_to_the_same(write: Write, tmp_path: Path) -> None:
    odd = 'pin = ["x = 1:2-3"]\ngrace = "1d12h"\nexclude = ["\\"\\u007f\\\\"]\n'
    text = complete(tmp_path).replace("joe:secret@", "") + tree("b", "/srv/b", odd)
    loaded = load(write(text + update("b", 'max_rate = "1.5M"\n')), {})
    assert load(write(config_text(loaded)), {}) == loaded


def test_a_shown_redhat_tree_reads_back_to_the_same(write: Write) -> None:
    text = '[trees."7.3"]\npath = "/u1/redhat"\nlayout = "redhat"\narches = ["i386"]\ngenhdlist = ["/x", "--withnumbers"]\n'
    loaded = load(write(text), {})
    assert load(write(config_text(loaded)), {}) == loaded


def test_no_password_is_shown(write: Write, tmp_path: Path) -> None:
    loaded = load(write(complete(tmp_path)), {})
    assert loaded.trees["a"].updates[0].proxy == "http://joe:secret@proxy:3128"
    for shown in (config_text(loaded), json.dumps(config_document(loaded))):
        assert "http://***@proxy:3128" in shown
        assert "secret" not in shown


def run(path: Path, *arguments: str) -> tuple[str, int, BaseException | None]:
    result = CliRunner().invoke(config_commands, arguments, obj=Call(path, {}, Verbosity.NORMAL))
    return result.stdout, result.exit_code, result.exception


def test_the_command_shows_toml_and_json(write: Write, tmp_path: Path) -> None:
    path = write(complete(tmp_path))
    shown, _, _ = run(path, "show")
    document = json.loads(run(path, "show", "--json")[0])
    assert document.pop("schema") == "mirrorsync-config-1"
    assert tomllib.loads(shown) == document


def test_the_command_check_says_which_files_it_read(write: Write, tmp_path: Path) -> None:
    path = write(complete(tmp_path), a="")
    (tmp_path / "x.repo").write_text("[x]\nname=x\nbaseurl=https://m/\ngpgcheck=0\n")
    with signing_key("Mirror") as key:
        shutil.copy(key.public, tmp_path / "key")
    assert run(path, "check") == (f"{path} and 1 in conf.d: no problem; 1 tree\n", 0, None)
    document = json.loads(run(path, "check", "--json")[0])
    assert document["files"] == [str(path), str(tmp_path / "conf.d" / "a.toml")]
    assert (document["trees"], document["problems"], document["exit_code"]) == (["a"], [], 0)


def test_the_command_check_ends_in_the_configurations_error(write: Write) -> None:
    path = write("x = 1")
    assert isinstance(run(path, "check")[2], ConfigError)
    text, code, _ = run(path, "check", "--json")
    assert code == ExitCode.CONFIGURATION
    assert json.loads(text)["problems"] == [f"{path}: x: is not a key here; the keys here are errata, mirrorsync, report, schedule, trees"]


# --- mail -----------------------------------------------------------------------------------------------------------------

ONE_WAY = "is for mail that goes by a server, and here the command of `sendmail` sends it; remove one of them"
RECIPIENT = '\n[[report.mail.recipients]]\naddress = "ops@example.org"\n'


def mail(more: str = 'server = "smtp://mail.example.org:587"', recipient: str = "") -> str:
    return f'{tree()}{update()}[report.mail]\nsender = "mirrorsync@example.org"\n{more}\n{RECIPIENT}{recipient}\n'


def test_mail_has_defaults_that_send_no_password_and_nothing_without_tls(write: Write) -> None:
    settings = load(write(mail()), {}).report.mail
    assert settings
    assert (settings.server, settings.starttls, settings.username) == ("smtp://mail.example.org:587", StartTls.REQUIRE, None)
    [recipient] = settings.recipients
    assert (recipient.trees, recipient.severity, recipient.when) == (("*",), Urgency.UNRATED, tuple(Occasion))


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ("", 'server: is missing; write by which server mail goes, or which command sends it: sendmail = "/usr/sbin/sendmail"'),
        ('server = "smtp://m"\nsendmail = "/usr/sbin/sendmail"', f"server: {ONE_WAY}"),
        ('sendmail = "/usr/sbin/sendmail"\nstarttls = "never"', f"starttls: {ONE_WAY}"),
        ('server = "smtp://m"\nusername = "joe"', "password_file: is missing beside username; set it too, or remove username"),
        ('server = "smtp://m"\npassword_file = "/p"', "username: is missing beside password_file; set it too, or remove password_file"),
        ('server = "smtps://m"\nstarttls = "require"', "starttls: is for smtp: a server of smtps has TLS from its first byte; remove it"),
        (
            'server = "smtp://m"\nusername = "joe"\npassword_file = "/p"\nstarttls = "if-offered"',
            'starttls: would let the password be sent without TLS; set it to "require", or remove username and password_file',
        ),
        ('server = "m:25"', "server: 'm:25' is not a mail server; write it as 'smtp://mail.example.org:587'"),
        ('server = "smtp://m?x"', "server: 'smtp://m?x' is not a mail server; write it as 'smtp://mail.example.org:587'"),
        ('server = "smtp://m x"', "server: 'smtp://m x' is not a mail server; write it as 'smtp://mail.example.org:587'"),
        ('server = "smtp://m\\nx"', "server: 'smtp://m\\nx' has a character in it that cannot be printed; write it as %XX"),
        ('server = "smtp://joe:pw@m"', "server: 'smtp://***@m' is not a mail server; write it as 'smtp://mail.example.org:587'"),
        (
            'server = "smtp://m"\nlist_id = "<x>"',
            "list_id: '<x>' is not a List-Id; write it without brackets, as in 'mirrors.example.org'",
        ),
    ],
)
def test_what_mail_is_told_that_does_not_go_together_is_refused(write: Write, more: str, line: str) -> None:
    assert problems(write(mail(more))) == [f"mirrorsync.toml: report.mail.{line}"]


@pytest.mark.parametrize(
    "address",
    [
        *("ops", "a b@c", "Ops <ops@example.org>", "ops@example.org\\r\\nBcc: x@y", "-oQ/tmp@x", "ops@-x", "\u00e4@x", "a@[::1]"),
        *("ops@example.org.", "a..b@x", ".a@x", "a.@x", "x@a..b", "x@a-", f"x@{'a' * 64}", "=?utf-8?q?x?=@x", f"{'a' * 255}@x"),
    ],
)
def test_an_address_is_bare(write: Write, address: str) -> None:
    [line] = problems(write(mail(recipient=f'[[report.mail.recipients]]\naddress = "{address}"')))
    assert "is not a mail address; write it bare, as in 'ops@example.org'" in line


def test_mail_reads_back_from_the_configuration_that_is_shown(write: Write, tmp_path: Path) -> None:
    config = load(write(mail(recipient='severity = "low"\nwhen = ["digest"]')), {})
    (tmp_path / "shown.toml").write_text(config_text(config))
    assert load(tmp_path / "shown.toml", {}) == config


@pytest.mark.parametrize("key", ["trees", "when"])
def test_a_recipient_who_is_never_told_is_refused(write: Write, key: str) -> None:
    [line] = problems(write(mail(recipient=f"{key} = []")))
    assert line == f"mirrorsync.toml: report.mail.recipients[1].{key}: is empty; name at least one"


@pytest.mark.parametrize("file", ["/srv/a/RedHat/m.prom", "/srv/.mirrorsync/m.prom"])
def test_metrics_are_not_written_into_a_tree(write: Write, file: str) -> None:
    [line] = problems(write(f'{tree()}[report]\nprometheus = "{file}"\n'))
    assert line.startswith("mirrorsync.toml: report.prometheus: lies in ")
    load(write(f'{tree()}[report]\nprometheus = "/srv/metrics/m.prom"\n'), {})


@pytest.mark.parametrize("key", ["trees", "when"])
def test_a_webhook_that_is_never_told_is_refused(write: Write, key: str) -> None:
    [line] = problems(write(f'[[report.webhooks]]\nurl = "https://chat.example.org/x"\n{key} = []\n'))
    assert line == f"mirrorsync.toml: report.webhooks[1].{key}: is empty; name at least one"


def test_check_tells_a_recipient_of_trees_that_are_not_there_and_files_that_mail_cannot_use(write: Write, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret\n")
    (tmp_path / "password").chmod(0o640)
    more = f'server = "smtp://m"\nusername = "joe"\npassword_file = "{tmp_path}/password"\nca = "/no/ca"'
    found = [line for line in unusable(write(mail(more, 'trees = ["b*"]'))) if "mail" in line]
    assert found == [
        "report.mail.ca: /no/ca is not a file that this user can read; put it there, or correct the name or the mode",
        "report.mail.password_file: password may be read by others; chmod 600 it",
        "report.mail.recipients[1].trees: no tree is called so, and ops@example.org is told of nothing; the trees are a",
    ]


def test_a_secret_that_others_may_read_is_refused_when_it_is_used(tmp_path: Path) -> None:
    (tmp_path / "password").write_bytes(b"secret\nmore\n")
    (tmp_path / "password").chmod(0o600)
    assert read_secret(tmp_path / "password") == "secret"
    (tmp_path / "password").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="byte 1 is not UTF-8"):
        read_secret(tmp_path / "password")
    (tmp_path / "password").chmod(0o604)
    with pytest.raises(ConfigError, match="may be read by others; chmod 600 it"):
        read_secret(tmp_path / "password")


# --- the schedule, and hooks --------------------------------------------------------------------------------------------------


def test_times_are_such_as_crontab_has_and_shown_as_they_were_written(write: Write) -> None:
    path = write('[schedule]\nupdate = "17 4 * * mon-fri"\ncheck = "@weekly"\n' + tree(more='[trees.a.schedule]\nupdate = "never"\n'))
    config = load(path, {})
    shown = config_document(config)
    assert (shown["schedule"]["update"], shown["schedule"]["check"]) == ("17 4 * * mon-fri", "@weekly")
    assert shown["trees"]["a"]["schedule"] == {"update": "never"}
    assert (config.schedule.at_once, config.mirrorsync.hooks_timeout) == (2, timedelta(minutes=10))


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ('update = "17 4 * *"', "schedule.update: '17 4 * *' is not a time of crontab(5): it has 4 fields; write minute"),
        ('check = "0 0 30 2 *"', "schedule.check: '0 0 30 2 *' never comes: no such month has such a day; correct"),
        ("update = 17", "schedule.update: is not text; put it in quotation marks"),
        ('jitter = "1"', "schedule.jitter: '1' is not a length of time"),
        ("at_once = 0", "schedule.at_once: 0 is too small"),
        ('digest = "@weekly"', "schedule.digest: is told to nobody; say to whom in [report.mail] or [[report.webhooks]], or remove it"),
    ],
)
def test_what_is_no_schedule_is_refused(write: Write, table: str, problem: str) -> None:
    [found] = problems(write(f"[schedule]\n{table}\n"))
    assert found.startswith(f"mirrorsync.toml: {problem}")


def test_a_tree_has_no_digest_of_its_own(write: Write) -> None:
    [found] = problems(write(tree(more='[trees.a.schedule]\ndigest = "@weekly"\n')))
    assert found == "mirrorsync.toml: trees.a.schedule.digest: is not a key here; the keys here are check, jitter, late, update"


# --- errata ---------------------------------------------------------------------------------------------------------------


WAIVER = '[[errata.waivers]]\nreason = "no Bluetooth"\nuntil = 2027-12-31\n'


def test_targets_and_waivers_are_read(write: Write) -> None:
    targets = '[errata.targets]\ncritical = "2d"\nunrated = "1w"\n'
    config = load(write(f'{tree()}{targets}{WAIVER}cve = "CVE-2027-1"\n{WAIVER}package = "kernel*"\ntrees = ["a"]\n'), {})
    assert targets_of(config) == {Urgency.CRITICAL: timedelta(days=2), Urgency.UNRATED: timedelta(days=7)}
    waiver = Waiver("no Bluetooth", date(2027, 12, 31))
    assert waivers_of(config, "a") == (WaiverRule(waiver, cve="CVE-2027-1"), WaiverRule(waiver, package="kernel*"))
    assert waivers_of(config, "b") == (WaiverRule(waiver, cve="CVE-2027-1"),)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (WAIVER, "errata.waivers[1].advisory: is missing; write what may be late: advisory, or cve or package"),
        (f'{WAIVER}cve = "C"\npackage = "p"\n', "errata.waivers[1].package: is one too many beside cve; write a waiver for each"),
        (f'{WAIVER}cve = "C"\ntrees = []\n', "errata.waivers[1].trees: is empty; name at least one"),
        (f'{WAIVER.replace("2027-12-31", "3")}cve = "C"\n', "errata.waivers[1].until: 3 is not a day; write year, month and day"),
        (WAIVER.replace('reason = "no Bluetooth"', 'cve = "C"'), "errata.waivers[1].reason: is missing; set it"),
        (WAIVER.replace("no Bluetooth", "") + 'cve = "C"\n', "errata.waivers[1].reason: is empty"),
        (WAIVER.replace("until = 2027-12-31", 'cve = "C"'), "errata.waivers[1].until: is missing; set it"),
        ('[errata.targets]\ncritical = "soon"\n', "errata.targets.critical: 'soon' is not a length of time"),
        ('[errata.targets]\nsevere = "2d"\n', "errata.targets.severe: is not a key here"),
    ],
)
def test_what_targets_and_waivers_may_not_say(write: Write, text: str, line: str) -> None:
    [found] = problems(write(text))
    assert line in found


def test_a_waiver_for_no_tree_is_told_by_the_check(write: Write) -> None:
    path = write(f'{tree()}{update()}{WAIVER}cve = "CVE-2027-1"\ntrees = ["b*"]\n')
    with pytest.raises(ConfigError) as caught:
        check(path, {})
    told = "errata.waivers[1].trees: no tree is called so, and nothing is waived; the trees are a"
    assert any(told in line for line in caught.value.problems)
