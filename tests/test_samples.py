"""The sample configurations, the cron job and the manual pages: usable, complete, and in step with the program."""

import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import click
import pytest
from pydantic import BaseModel

from mirrorsync.cli.main import cli
from mirrorsync.config.explanation import table_in
from mirrorsync.config.loading import load, understand
from mirrorsync.config.schema import BootConfig, Config, ExportConfig, General, TreeConfig, UpdateSource
from mirrorsync.config.sources import merge
from mirrorsync.model.choices import Signatures

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "config" / "mirrorsync.toml"
EXAMPLES = sorted((ROOT / "config" / "examples").glob("*.toml"))
PROGRAM_PAGE = ROOT / "docs" / "man" / "mirrorsync.8"
FILE_PAGE = ROOT / "docs" / "man" / "mirrorsync.toml.5"
OFF = re.compile(r"^#(?=[A-Za-z_]+ = |\[\[?[a-z])", re.MULTILINE)


def all_keys(model: type[BaseModel] = Config) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield name
        below = table_in(field.annotation)
        if below:
            yield from all_keys(below)


def plain(page: Path) -> str:
    """A manual page's source without the escapes that man needs for hyphens and dots."""
    return page.read_text().replace(r"\-", "-").replace(r"\&", "")


@pytest.mark.parametrize("path", [SAMPLE, *EXAMPLES], ids=lambda path: path.name)
def test_a_sample_is_accepted_as_it_is(path: Path) -> None:
    config = load(path, {})
    assert config.trees
    for tree in config.trees.values():
        assert tree.updates or tree.updates_from


@pytest.mark.parametrize("path", [SAMPLE, *EXAMPLES], ids=lambda path: path.name)
def test_a_sample_requires_signatures_by_pinned_keys_from_a_public_server(path: Path) -> None:
    for tree in load(path, {}).trees.values():
        for mirror in tree.updates:
            assert mirror.signatures is Signatures.REQUIRE
            assert mirror.fingerprints
            assert urlsplit(mirror.name).scheme == "https"
            assert not (urlsplit(mirror.name).hostname or "").endswith((".example", ".example.org", ".invalid", ".test"))


def test_there_is_an_example_for_each_distribution_named_in_the_readme() -> None:
    names = [path.stem for path in EXAMPLES]
    assert names == ["almalinux9", "centos-stream9", "fedora", "redhat73", "rhel9", "rocky9"]
    readme = (ROOT / "README.md").read_text()
    assert all(f"config/examples/{name}.toml" in readme for name in names)


def test_the_commented_sample_has_every_key() -> None:
    text = SAMPLE.read_text()
    tables = {"mirrorsync", "trees", "report", "schedule", "updates", "boot", "export", "mail", "recipients"}
    tables |= {"errata", "targets", "waivers", "webhooks", "groups"}
    missing = {key for key in all_keys() if key not in tables and not re.search(rf"^#?{key} = ", text, re.MULTILINE)}
    assert missing == set()
    assert all(re.search(rf"^#?\[\[?(.*\.)?{table}(\.|\])", text, re.MULTILINE) for table in tables)


@pytest.mark.parametrize("path", [SAMPLE, *EXAMPLES], ids=lambda path: path.name)
def test_the_keys_that_are_off_in_a_sample_could_be_turned_on(path: Path) -> None:
    document = tomllib.loads(OFF.sub("", path.read_text()))
    for tree in document["trees"].values():
        for mirror in tree.get("updates", []):
            places = [key for key in ("url", "mirrorlist", "metalink") if key in mirror]
            for key in places[1:]:
                del mirror[key]
    document.get("report", {}).get("mail", {}).pop("sendmail", None)  # which is in place of a server
    assert understand(merge([(path, document)]), Path("/state")).trees


def test_no_two_samples_use_one_folder() -> None:
    paths = [tree.path for path in EXAMPLES for tree in load(path, {}).trees.values()]
    assert len(paths) == len(set(paths))


def commands(group: click.Group = cli, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command
        yield f"{prefix}{name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix}{name} ")


def test_the_manual_names_every_command_and_option() -> None:
    page = plain(PROGRAM_PAGE)
    for name, command in [("", cli), *commands()]:
        assert f"mirrorsync {name}".strip() in page, name
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert all(word in page for word in parameter.opts), (name, parameter.opts)


def test_the_manual_names_every_exit_code() -> None:
    page = plain(PROGRAM_PAGE)
    section = page.partition(".SH EXIT STATUS")[2].partition(".SH")[0]
    assert re.findall(r"^\.B (\d+)$", section, re.MULTILINE) == ["0", "1", "2", "3", "4", "75", "78", "100"]


def test_the_manual_of_the_file_names_every_key() -> None:
    page = plain(FILE_PAGE)
    assert {key for key in all_keys() if not re.search(rf"\b{key}\b", page)} == set()


@pytest.mark.parametrize("page", [PROGRAM_PAGE, FILE_PAGE], ids=lambda page: page.name)
@pytest.mark.skipif(shutil.which("man") is None, reason="man is not installed")
def test_a_manual_page_is_set_without_a_warning(page: Path) -> None:
    environment = {"PATH": "/usr/bin:/bin", "MANWIDTH": "100", "LC_ALL": "C"}
    done = subprocess.run(["man", "--warnings", "--local-file", page], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "EXAMPLES" in done.stdout


def test_the_cron_job_calls_commands_that_exist() -> None:
    lines = [line for line in (ROOT / "cron" / "mirrorsync").read_text().splitlines() if re.match(r"\d", line)]
    called = [words for line in lines for words in re.findall(r"mirrorsync -q (\w+)", line)]
    assert called == ["update", "check"]
    assert set(called) <= dict(commands()).keys()


@pytest.mark.parametrize("script", ["fixtures/setup", "fixtures/demo", "tests/run", ".ci/run"])
def test_a_script_is_well_formed_and_may_be_run(script: str) -> None:
    assert subprocess.run(["bash", "-n", str(ROOT / script)], check=False).returncode == 0
    assert (ROOT / script).stat().st_mode & 0o111


def test_the_readme_gives_the_two_commands() -> None:
    readme = (ROOT / "README.md").read_text()
    assert "bash fixtures/demo" in readme
    assert "bash tests/run" in readme
    assert "bash tests/run" in (ROOT / ".ci" / "run").read_text()


def test_the_json_schema_of_the_configuration_has_every_key() -> None:
    schema = json.loads((ROOT / "docs" / "schemas" / "config.json").read_text())
    tree = schema["properties"]["trees"]["additionalProperties"]
    tables = [schema, schema["properties"]["mirrorsync"], tree, tree["properties"]["updates"]["items"]]
    tables += [tree["properties"]["boot"], tree["properties"]["export"]]
    assert [key for table in tables for key in table["properties"] if key != "schema"] == [
        *Config.model_fields,
        *General.model_fields,
        *TreeConfig.model_fields,
        *UpdateSource.model_fields,
        *BootConfig.model_fields,
        *ExportConfig.model_fields,
    ]
