"""Plans and packages as documents: what is written reads back the same, and what is wrong is said with its path."""

import copy
import json
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirrorsync.errors import PlanError
from mirrorsync.model.advisory import Advisory, AdvisoryType, Reference, Told
from mirrorsync.model.package import Dependency, Digest, Package, Sense
from mirrorsync.model.plan import Change, Held, Incoming, Kept, Outgoing, Plan, Removal
from mirrorsync.model.version import EVR, NEVRA
from mirrorsync.planning.document import package_document, package_from, plan_document, plan_from
from tests.plans import Contents, advisory, package, plan

SCHEMA = json.loads((Path(__file__).resolve().parents[1] / "docs/schemas/plan.json").read_text())

TEXTS = st.text(st.sampled_from("a1-.:~ ()<=\udcff/é"), max_size=6)
NEVRA_TEXTS = st.text(st.sampled_from("a1.-+"), min_size=1, max_size=5)
EVRS = st.builds(EVR, st.sampled_from([None, "", "0", "12", "x"]), TEXTS, TEXTS)
NEVRAS = st.builds(NEVRA, NEVRA_TEXTS, st.builds(EVR, st.sampled_from([None, "0", "7"]), NEVRA_TEXTS, NEVRA_TEXTS), NEVRA_TEXTS)
SENSES = st.integers(0, 15).map(Sense)
DEPENDENCIES = st.builds(Dependency, TEXTS, SENSES, st.none() | EVRS)
PACKAGES = st.builds(
    Package,
    NEVRAS,
    TEXTS,
    st.integers(0),
    st.none() | st.builds(Digest, st.sampled_from(["sha256", "md5"]), st.text("0af", max_size=4)),
    st.none() | st.text("0af", min_size=1, max_size=4),
    TEXTS,
    *[st.lists(DEPENDENCIES, max_size=3).map(tuple)] * 3,
    st.lists(TEXTS, max_size=3).map(tuple),
    st.none() | st.just("nodejs:18"),
    st.integers(0, 2**32),
)
DATES = st.none() | st.dates()
NAMES = st.lists(TEXTS, max_size=2).map(tuple)
ADVISORIES = st.builds(
    Advisory,
    TEXTS,
    st.sampled_from(AdvisoryType),
    TEXTS,
    TEXTS,
    DATES,
    DATES,
    NAMES,
    st.lists(NEVRAS, max_size=2).map(tuple),
    st.booleans(),
    TEXTS,
    TEXTS,
    st.sampled_from(Told),
    st.lists(st.builds(Reference, TEXTS, TEXTS, TEXTS, TEXTS), max_size=2).map(tuple),
    st.lists(st.tuples(TEXTS, TEXTS), max_size=2).map(tuple),
    TEXTS,
)
PLANS = st.builds(
    Plan,
    TEXTS,
    st.lists(st.builds(Incoming, PACKAGES, TEXTS, st.sampled_from(Change), TEXTS, NAMES), max_size=2).map(tuple),
    st.lists(st.builds(Outgoing, PACKAGES, st.sampled_from(Removal), NEVRAS, TEXTS), max_size=2).map(tuple),
    st.lists(st.builds(Kept, PACKAGES, TEXTS), max_size=1).map(tuple),
    st.lists(st.builds(Held, NEVRAS, TEXTS, NAMES), max_size=2).map(tuple),
    st.integers(0),
    st.lists(ADVISORIES, max_size=2).map(tuple),
)


def spelled(value: object) -> str:
    """EVRs compare equal in several spellings; the text of a value tells them apart."""
    return repr(value)


@given(PACKAGES)
def test_a_package_reads_back_the_same(described: Package) -> None:
    assert spelled(package_from(json.loads(json.dumps(package_document(described))))) == spelled(described)


@given(PLANS)
def test_a_plan_reads_back_the_same(decided: Plan) -> None:
    assert spelled(plan_from(json.loads(json.dumps(plan_document(decided))))) == spelled(decided)


def test_a_dependency_is_written_as_people_write_it() -> None:
    described = package("a-1-1.i386", requires=["bash", "glibc >= 2.3", "perl = 1:5.8-3", "(x if y)"])
    assert package_document(described)["requires"] == ["bash", "glibc >= 2.3", "perl = 1:5.8-3", "(x if y)"]


def test_a_dependency_that_no_text_tells_is_written_in_parts() -> None:
    odd = Dependency("two words", Sense.EQUAL, EVR(None, "1", ""))
    assert package_document(Package(NEVRA.parse("a-1-1.i386"), "a", 1, provides=(odd,)))["provides"] == [["two words", 8, None, "1", ""]]


def sample() -> dict[str, Any]:
    held: Contents = ["a-1-1.i386", "b-1-1.i386", "c-1-1.i386"]
    offered: Contents = ["a-1:2-1.i386", package("b-2-1.i386", requires=["none >= 1"]), package("c-2-1.i386", digest="ab")]
    errata = [
        Advisory(
            "RHSA-1", AdvisoryType.SECURITY, "Important", "a title", date(2002, 9, 1), None, ("CVE-2002-1",), (NEVRA.parse("a-1:2-1.i386"),)
        ),
        advisory("RHSA-2", "b-2-1.i386"),
    ]
    decided = plan(held, offered, advisories=errata, exclude=("c",))
    return plan_document(decided)


def conforms(value: object, schema: Mapping[str, Any], where: str = "plan") -> None:
    """The part of JSON Schema that docs/schemas/plan.json uses."""
    if "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
    if "const" in schema or "enum" in schema:
        assert value in schema.get("enum", [schema.get("const")]), where
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool, "null": type(None)}
    if "type" in schema:
        named = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        assert type(value) in [kinds[name] for name in named], where
    if "oneOf" in schema:
        assert sum(_holds(value, choice, where) for choice in schema["oneOf"]) == 1, where
        return
    if isinstance(value, dict):
        assert set(schema.get("required", ())) <= value.keys(), where
        assert value.keys() <= schema["properties"].keys() and schema["additionalProperties"] is False, where
        for name, inner in value.items():
            conforms(inner, schema["properties"][name], f"{where}.{name}")
    if isinstance(value, list):
        for number, inner in enumerate(value):
            prefix = schema.get("prefixItems", [])
            conforms(inner, prefix[number] if number < len(prefix) else schema["items"], f"{where}[{number}]")


def _holds(value: object, schema: Mapping[str, Any], where: str) -> bool:
    try:
        conforms(value, schema, where)
    except AssertionError:
        return False
    return True


def test_a_plans_document_is_as_its_schema_says() -> None:
    document = sample()
    assert all(document[part] for part in ("incoming", "outgoing", "kept", "held", "advisories"))
    conforms(document, SCHEMA)


def test_a_plans_document_validates_against_its_schema() -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(sample(), SCHEMA)


@given(PLANS)
def test_every_plans_document_is_as_its_schema_says(decided: Plan) -> None:
    conforms(plan_document(decided), SCHEMA)


Spoil = Callable[[dict[str, Any]], object]
FAULTS: list[tuple[Spoil, str]] = [
    (lambda plan: plan.pop("tree"), "plan.tree: missing"),
    (lambda plan: plan.update(schema="other"), "plan.schema: expected 'mirrorsync-plan-1', found 'other'"),
    (lambda plan: plan.update(incoming={}), "plan.incoming: expected a list, found {}"),
    (lambda plan: plan.update(held=[7]), "plan.held[0].nevra: expected an object"),
    (lambda plan: plan.update(unchanged="3"), "plan.unchanged: expected a whole number, found '3'"),
    (lambda plan: plan.update(unchanged=True), "plan.unchanged: expected a whole number, found True"),
    (
        lambda plan: plan["incoming"][0].update(change="swap"),
        "plan.incoming[0].change: expected 'upgrade', 'obsoleting', 'brought along', 'new', found",
    ),
    (lambda plan: plan["incoming"][0].update(reason=None), "plan.incoming[0].reason: expected text, found None"),
    (lambda plan: plan["incoming"][0].update(advisories=[1]), "plan.incoming[0].advisories[0]: expected text, found 1"),
    (lambda plan: plan["incoming"][0]["package"].pop("arch"), "plan.incoming[0].package: not a package's description: 'arch'"),
    (lambda plan: plan["outgoing"][0].update(by="a"), "plan.outgoing[0].by.version: expected an object"),
    (lambda plan: plan["advisories"][0].update(issued="soon"), "plan.advisories[0].issued: expected a date, found 'soon'"),
    (lambda plan: plan["advisories"][0].update(reboot_suggested=0), "plan.advisories[0].reboot_suggested: expected true or false, found 0"),
]


@pytest.mark.parametrize(("spoil", "message"), FAULTS, ids=[message for _, message in FAULTS])
def test_a_fault_is_told_with_its_path(spoil: Spoil, message: str) -> None:
    document = copy.deepcopy(sample())
    spoil(document)
    with pytest.raises(PlanError) as raised:
        plan_from(document)
    assert str(raised.value).startswith(message.replace("plan.held[0].nevra: ", "plan.held[0]: ").replace("by.version", "by"))


@pytest.mark.parametrize(
    "fault",
    [
        {"size": "1"}, {"name": 3}, {"epoch": 1}, {"built": None}, {"files": "x"}, {"files": [1]}, {"digest": "ab"}, {"digest": 1},
        {"requires": {}}, {"requires": [3]}, {"requires": ["a ? 1"]}, {"requires": ["a = x:1"]}, {"requires": [["a"]]},
        {"requires": [["a", 8, None]]}, {"requires": [["a", 8, None, None, ""]]},
    ],
    ids=repr,
)  # fmt: skip
def test_a_package_with_a_fault_is_refused(fault: dict[str, object]) -> None:
    document = package_document(package("a-1-1.i386")) | fault
    with pytest.raises(PlanError, match=r"^cached package: not a package's description: "):
        package_from(document, "cached package")


@pytest.mark.parametrize("document", [None, 7, "text", [], {}])
def test_what_is_no_object_is_no_package_and_no_plan(document: object) -> None:
    with pytest.raises(PlanError, match=r"^package: not a package's description"):
        package_from(document)
    with pytest.raises(PlanError, match=r"^plan(\.schema)?: "):
        plan_from(document)
