"""One tree with several repositories, as the discs of EL 8 and later are: each with packages and repodata of its own, one generation."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import createrepo_c
import productmd.treeinfo
import pytest

from mirrorsync.model.choices import Layout
from mirrorsync.tree.indexes import read_indexes
from mirrorsync.tree.layout import Shape
from tests.commands import Mirrorsync, configured
from tests.conftest import Builder
from tests.servers import nginx
from tests.sites import REPODATA, add_boot_images, copy, repository

BASE, APPS = "BaseOS", "AppStream"
NAMES = (BASE, APPS)
MORE = 'repositories = ["BaseOS", "AppStream"]'
TREEINFO = """[header]
type = productmd.treeinfo
version = 1.2

[checksums]
AppStream/repodata/repomd.xml = sha256:{AppStream}
BaseOS/repodata/repomd.xml = sha256:{BaseOS}

[general]
arch = x86_64
family = Rocky Linux
name = Rocky Linux 9.4
packagedir = BaseOS/Packages
platforms = x86_64
repository = BaseOS
timestamp = 1714680000
variant = BaseOS
version = 9.4

[release]
name = Rocky Linux
short = Rocky
version = 9.4

[tree]
arch = x86_64
build_timestamp = 1714680000
platforms = x86_64
variants = AppStream,BaseOS

[variant-AppStream]
id = AppStream
name = AppStream
packages = AppStream/Packages
repository = AppStream
type = variant
uid = AppStream

[variant-BaseOS]
id = BaseOS
name = BaseOS
packages = BaseOS/Packages
repository = BaseOS
type = variant
uid = BaseOS
"""


@dataclass(frozen=True, slots=True)
class Disc:
    """A tree at `folder`/u1/rocky as a disc has it, and a mirror for each of its repositories."""

    folder: Path

    @property
    def tree(self) -> Path:
        return self.folder / "u1/rocky"

    def mirror(self, name: str) -> Path:
        return self.folder / "mirror" / name

    def program(self, more: str = MORE, *, further: str = "") -> Mirrorsync:
        """further: what else each mirror's table has."""
        tables = [f'url = "{self.mirror(name).as_uri()}/"\nrepository = "{name}"\n{REPODATA}\n{further}' for name in NAMES]
        return configured(self.folder, self.tree, "\n[[trees.rocky.updates]]\n".join(tables), layout="repodata", more=more)

    def listed(self, name: str, root: Path | None = None) -> list[str]:
        """What one repository has, by an installer's eyes: it knows nothing of the others."""
        return sorted(str(package.nevra) for package in read_indexes(Shape(Layout.REPODATA), (root or self.tree) / name))

    def sums(self) -> dict[str, str]:
        """What .treeinfo says, as productmd reads it, of each repomd.xml."""
        info = productmd.treeinfo.TreeInfo()
        info.load(str(self.tree / ".treeinfo"))
        return {path: value for path, (_, value) in info.checksums.checksums.items() if path.endswith("repomd.xml")}

    def real_sums(self) -> dict[str, str]:
        paths = [f"{name}/repodata/repomd.xml" for name in NAMES]
        return {path: hashlib.sha256((self.tree / path).read_bytes()).hexdigest() for path in paths}


def disc(folder: Path, held: dict[str, Iterable[Path]], offered: dict[str, Iterable[Path]]) -> Disc:
    made = Disc(folder)
    for name in NAMES:
        repository(made.tree / name, held[name])
        repository(made.mirror(name), offered[name])
    add_boot_images(made.tree)
    sums = {name: hashlib.sha256((made.tree / name / "repodata/repomd.xml").read_bytes()).hexdigest() for name in NAMES}
    (made.tree / ".treeinfo").write_text(TREEINFO.format(**sums))
    return made


@pytest.fixture
def rocky(work: Path, rpm: Builder) -> Disc:
    held = {BASE: [rpm("bash", "1"), rpm("tar", "1")], APPS: [rpm("httpd", "1"), rpm("php", "1")]}
    return disc(work / "master", held, {BASE: [rpm("bash", "2")], APPS: [rpm("httpd", "2")]})


def codes(program: Mirrorsync, *options: str) -> list[str]:
    return [finding["code"] for finding in program("check", *options, "--json").findings if finding["severity"] != "note"]


def test_each_repository_is_kept_current_and_one_generation_has_them_all(rocky: Disc) -> None:
    program = rocky.program()
    assert program("update").code == 0
    assert (rocky.listed(BASE), rocky.listed(APPS)) == (["bash-2-1.noarch", "tar-1-1.noarch"], ["httpd-2-1.noarch", "php-1-1.noarch"])
    assert rocky.sums() == rocky.real_sums()
    assert not (rocky.tree / "repodata").exists()
    assert codes(program, "--deep") == []
    assert program("status", "--json").tree["packages"] == 4
    assert program("update", "--json").tree["generation"] is None


def test_a_rollback_brings_all_of_them_back(rocky: Disc) -> None:
    program = rocky.program()
    for command in (("update",), ("rollback", "rocky")):
        assert program(*command).code == 0
    assert (rocky.listed(BASE), rocky.listed(APPS)) == (["bash-1-1.noarch", "tar-1-1.noarch"], ["httpd-1-1.noarch", "php-1-1.noarch"])
    assert rocky.sums() == rocky.real_sums()
    assert codes(program, "--deep") == []


def test_what_moved_from_one_to_the_other_moves_here_too(rocky: Disc, rpm: Builder) -> None:
    repository(rocky.mirror(APPS), [rpm("tar", "2")])
    assert rocky.program()("update").code == 0
    assert (rocky.listed(BASE), rocky.listed(APPS)) == (["bash-2-1.noarch"], ["httpd-2-1.noarch", "php-1-1.noarch", "tar-2-1.noarch"])
    assert (rocky.tree / "AppStream/Packages/tar-2-1.noarch.rpm").is_file()


def test_new_packages_lie_as_their_repositorys_others_do(work: Path, rpm: Builder) -> None:
    """By first letter in the one, in one folder in the other."""
    offered = {BASE: [rpm("zsh", "1")], APPS: [rpm("zlib", "1")]}
    made = disc(work / "master", {BASE: [rpm("bash", "1")], APPS: []}, offered)
    copy([rpm("httpd", "1")], made.tree / "AppStream/Packages/h")
    assert made.program(f'{MORE}\nnew_packages = "all"')("update").code == 0
    assert (made.tree / "BaseOS/Packages/zsh-1-1.noarch.rpm").is_file()
    assert (made.tree / "AppStream/Packages/z/zlib-1-1.noarch.rpm").is_file()


def test_a_repository_without_packages_is_one_too(work: Path, rpm: Builder) -> None:
    made = disc(work / "master", {BASE: [rpm("bash", "1")], APPS: []}, {BASE: [rpm("bash", "2")], APPS: [rpm("php", "1")]})
    program = made.program(f'{MORE}\nnew_packages = "all"')
    assert program("update").code == 0
    assert (made.listed(BASE), made.listed(APPS)) == (["bash-2-1.noarch"], ["php-1-1.noarch"])
    assert (made.tree / "AppStream/Packages/php-1-1.noarch.rpm").is_file()
    assert codes(program) == []


UPDATEINFO = """<?xml version="1.0" encoding="UTF-8"?>
<updates><update from="a@example.com" status="final" type="security" version="1"><id>RLSA-2026:0001</id><title>httpd</title>
<issued date="2026-01-01 00:00:00"/><severity>Important</severity><pkglist><collection><name>x</name>
<package name="httpd" version="2" release="1" epoch="0" arch="noarch" src="httpd-2-1.src.rpm"><filename>httpd-2-1.noarch.rpm</filename>
</package></collection></pkglist></update></updates>
"""


def test_errata_and_modules_go_into_the_repository_that_they_are_for(rocky: Disc) -> None:
    for name, content in (("updateinfo", UPDATEINFO), ("modules", "---\ndocument: modulemd\n...\n")):
        file = rocky.folder / name
        file.write_text(content)
        command = ["modifyrepo_c", f"--mdtype={name}", str(file), str(rocky.mirror(APPS) / "repodata")]
        subprocess.run(command, check=True, capture_output=True)
    program = rocky.program()
    [pending] = program("pending", "--json").tree["errata"]
    assert (pending["advisory"]["id"], program("update").code) == ("RLSA-2026:0001", 0)
    kinds = [{record.type for record in createrepo_c.Repomd(str(rocky.tree / name / "repodata/repomd.xml")).records} for name in NAMES]
    assert [kind & {"updateinfo", "modules"} for kind in kinds] == [set(), {"updateinfo", "modules"}]


def test_metadata_of_each_outlives_its_generation(rocky: Disc) -> None:
    """A client that read repomd.xml before the exchange asks for what it named."""
    program = rocky.program()
    named = [path for name in NAMES for path in sorted((rocky.tree / name / "repodata").iterdir()) if path.name != "repomd.xml"]
    assert program("update").code == 0
    assert all(path.is_file() for path in named)


def test_the_root_can_be_one_of_them(work: Path, rpm: Builder) -> None:
    """BaseOS's own tree with AppStream copied into it."""
    folder = work / "master"
    tree = folder / "u1/rocky"
    repository(tree, [rpm("bash", "1")])
    repository(tree / "AppStream", [rpm("httpd", "1")])
    made = Disc(folder)
    repository(made.mirror(BASE), [rpm("bash", "2")])
    repository(made.mirror(APPS), [rpm("httpd", "2")])
    program = made.program('repositories = [".", "AppStream"]')
    program.config.write_text(program.config.read_text().replace('repository = "BaseOS"', 'repository = "."'))
    assert program("update").code == 0
    assert (made.listed(""), made.listed(APPS)) == (["bash-2-1.noarch"], ["httpd-2-1.noarch"])
    assert codes(program, "--deep") == []
    assert 'repositories = [".", "AppStream"]' in program("config", "show").out


def test_a_package_outside_of_all_repositories_is_carried_and_not_listed(rocky: Disc, rpm: Builder) -> None:
    copy([rpm("extra", "1")], rocky.tree / "addons")
    assert rocky.program()("update").code == 0
    assert (rocky.tree / "addons/extra-1-1.noarch.rpm").is_file()
    assert "extra-1-1.noarch" not in [*rocky.listed(BASE), *rocky.listed(APPS)]


def test_folders_that_become_repositories_are_read_anew(rocky: Disc) -> None:
    """What was read of a file while it counted as none of the tree's packages."""
    single = rocky.program('repositories = ["BaseOS"]')
    single.config.write_text(single.config.read_text().rpartition("[[trees.rocky.updates]]")[0])
    assert single("update").code == 0
    assert rocky.listed(APPS) == ["httpd-1-1.noarch", "php-1-1.noarch"]
    assert rocky.program()("update").code == 0
    assert rocky.listed(APPS) == ["httpd-2-1.noarch", "php-1-1.noarch"]


def test_dnf_takes_packages_of_both_by_the_repo_file(rocky: Disc, tmp_path: Path) -> None:
    if shutil.which("dnf") is None:
        pytest.skip("dnf is not installed")
    with nginx(rocky.tree.parent, tmp_path) as running:
        program = rocky.program(f'{MORE}\nurls = ["{running.url}/rocky"]')
        assert program("update").code == 0
        repos = tmp_path / "yum.repos.d"
        repos.mkdir()
        assert program("repofile", "rocky", "--gpgkey", "file:///dev/null", "-o", f"{repos}/rocky.repo").code == 0
        options = [f"--setopt={key}={tmp_path}/{key}" for key in ("reposdir", "cachedir", "logdir", "persistdir")]
        options[0] = f"--setopt=reposdir={repos}"
        command = [
            "dnf",
            "--noplugins",
            "--releasever=9",
            "--forcearch=x86_64",
            *options,
            "repoquery",
            "-q",
            "--qf",
            "%{repoid} %{name}-%{version}-%{release}",
        ]
        found = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n")
        assert codes(program, "--deep") == []
    assert sorted(filter(None, found)) == [
        "rocky-AppStream httpd-2-1",
        "rocky-AppStream php-1-1",
        "rocky-BaseOS bash-2-1",
        "rocky-BaseOS tar-1-1",
    ]


def test_a_disc_whose_repositories_are_not_named_is_refused_with_what_to_write(rocky: Disc) -> None:
    program = rocky.program("")
    program.config.write_text(program.config.read_text().replace('repository = "BaseOS"\n', "").replace('repository = "AppStream"\n', ""))
    refused = program("update")
    what = 'has no repodata of its own, and AppStream, BaseOS below it have; set repositories = ["AppStream", "BaseOS"] in [trees.rocky]'
    assert (refused.code, what in refused.err) == (1, True)
    assert not (rocky.tree / "repodata").exists()


def test_a_repository_that_treeinfo_names_and_nobody_keeps_is_told(rocky: Disc) -> None:
    program = rocky.program('repositories = ["BaseOS"]')
    program.config.write_text(program.config.read_text().rpartition("[[trees.rocky.updates]]")[0])
    assert program("update").code == 0
    found = [finding for finding in program("check", "--json").findings if finding["code"] == "repository-not-kept"]
    assert [(Path(each["where"]).name, each["what"].partition(",")[0]) for each in found] == [(".treeinfo", "it names 'AppStream'")]
    assert "repository-not-kept" not in rocky.program()("check", "--json").out


def test_a_repository_that_is_not_there_is_refused(rocky: Disc) -> None:
    shutil.rmtree(rocky.tree / APPS)
    refused = rocky.program()("update")
    assert (refused.code, "AppStream: no such folder, and it is to be one of the tree's repositories" in refused.err) == (1, True)


def test_a_repository_that_is_a_link_is_refused(rocky: Disc) -> None:
    (rocky.tree / APPS).rename(rocky.folder / "u1/elsewhere")
    (rocky.tree / APPS).symlink_to("../elsewhere")
    refused = rocky.program()("update")
    assert (refused.code, "AppStream: a symbolic link, which a new generation cannot take along" in refused.err) == (1, True)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('repository = "AppStream"\n', "", "updates[2].repository: does not say into which repository; they are BaseOS, AppStream"),
        ('repository = "AppStream"', 'repository = "Apps"', "names 'Apps', which is none of the tree's repositories"),
        ('["BaseOS", "AppStream"]', '["BaseOS", "AppStream", "BaseOS"]', "repositories: BaseOS is named 2 times; once is enough"),
        ('["BaseOS", "AppStream"]', '["BaseOS", "../AppStream"]', "'../AppStream' is no folder of a repository"),
        ('["BaseOS", "AppStream"]', '["BaseOS", "/AppStream"]', "'/AppStream' is no folder of a repository"),
        ('["BaseOS", "AppStream"]', '["BaseOS", "AppStream/repodata"]', "'AppStream/repodata' is no folder of a repository"),
        ('["BaseOS", "AppStream"]', "[]", "repositories"),
        ('layout = "repodata"', 'layout = "redhat"', "repositories: is for layout 'repodata'"),
        (MORE, f'{MORE}\nupdates_from = ["/etc/yum.repos.d/x.repo"]', "repos: is missing: say which section goes where"),
        (MORE, f'{MORE}\nupdates_from = ["/etc/yum.repos.d/x.repo"]\nrepos = ["a"]', "repos: does not say into which repository"),
        (MORE, f'{MORE}\nupdates_from = ["/etc/yum.repos.d/x.repo"]\nrepos = ["a = Apps"]', "repos: names 'Apps', which is none"),
        (MORE, f'{MORE}\nupdates_from = ["/etc/yum.repos.d/x.repo"]\nrepos = ["a ="]', "'a =' names no section"),
    ],
)
def test_what_does_not_go_together_is_told(old: str, new: str, problem: str, rocky: Disc) -> None:
    program = rocky.program()
    text = program.config.read_text()
    assert old in text
    program.config.write_text(text.replace(old, new))
    refused = program("config", "check")
    assert (refused.code, problem in refused.err) == (78, True), refused.err


def test_sections_of_repo_files_say_where_they_go(rocky: Disc) -> None:
    file = rocky.folder / "rocky.repo"
    sections = [f"[{name.lower()}]\nname={name}\nbaseurl={rocky.mirror(name).as_uri()}\ngpgcheck=0\n" for name in NAMES]
    file.write_text("".join(sections))
    more = f'{MORE}\nupdates_from = ["{file}"]\nrepos = ["baseos = BaseOS", "appstream = AppStream"]'
    program = configured(rocky.folder, rocky.tree, "", layout="repodata", more=more)
    assert program("update").code == 0
    assert (rocky.listed(BASE), rocky.listed(APPS)) == (["bash-2-1.noarch", "tar-1-1.noarch"], ["httpd-2-1.noarch", "php-1-1.noarch"])
    assert 'repos = ["baseos = BaseOS", "appstream = AppStream"]' in program("config", "show").out


def test_its_documents_say_which_files_came_where(rocky: Disc) -> None:
    program = rocky.program()
    program("update")
    [record] = [json.loads(path.read_text()) for path in (rocky.folder / "u1/.mirrorsync/rocky/journal").glob("2.json")]
    assert "AppStream/Packages/httpd-2-1.noarch.rpm" in json.dumps(record)
    assert "file:" in program("audit", "httpd-2-1.noarch").out
