"""Every JSON document is what its published schema says, failures too."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from referencing import Registry, Resource

from tests.commands import Mirrorsync
from tests.conftest import Builder
from tests.sites import Site, add_tree

SCHEMAS = Path(__file__).parents[1] / "docs/schemas"


def validate(document: Any) -> None:
    """Against the schema that the document itself names."""
    schemas = {path.name: json.loads(path.read_text()) for path in SCHEMAS.glob("*.json")}
    registry: Registry[Any] = Registry().with_resources((name, Resource.from_contents(schema)) for name, schema in schemas.items())
    name = document["schema"].removeprefix("mirrorsync-").rpartition("-")[0]
    jsonschema.Draft202012Validator(schemas[f"{name}.json"], registry=registry).validate(document)


@pytest.fixture
def mirrorsync(redhat: Site, tmp_path: Path, rpm: Builder) -> Mirrorsync:
    """One tree that can be updated, one that is not there, and one package that cannot be fetched."""
    redhat.offer(rpm("tar", "2", requires=["nothing-has-this"]))
    program = redhat.program()
    add_tree(program, tmp_path / "gone", redhat.mirror)
    return program


def test_documents_are_what_their_schemas_say(mirrorsync: Mirrorsync) -> None:
    plan = f"{mirrorsync.config.parent}/plan.json"
    for command in (
        f"update redhat --dry-run --save {plan}", "update", "update", "check", "check --deep", "status", "history", "diff redhat 1 2",
        "report", "audit bash", "audit --all redhat",
        "diff redhat 1 9", "rollback -n redhat 1", "rollback redhat 2", "prune", f"apply {plan}", "config show", "config check",
    ):  # fmt: skip
        validate(mirrorsync(*command.split(), "--json").document)
    validate(json.loads(Path(plan).read_bytes()))
    (mirrorsync.config.parent / "u1/redhat/.mirrorsync-generation").unlink()
    validate(mirrorsync("hdlist", str(mirrorsync.config.parent / "u1/redhat"), "--json").document)


def test_a_tree_that_failed_is_in_the_document_beside_the_others(mirrorsync: Mirrorsync) -> None:
    updated = mirrorsync("update", "--json")
    failed = next(tree for tree in updated.document["trees"] if tree["tree"] == "gone")
    assert (updated.code, failed["exit_code"]) == (1, 1)
    assert "gone" in failed["error"]
