"""Plans saved to be carried out later, just so or not at all; docs/schemas/saved-plan.json says what the document holds."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mirrorsync.errors import PlanError
from mirrorsync.model.basis import Basis
from mirrorsync.model.filter import EVERYTHING, Filter
from mirrorsync.model.plan import Plan
from mirrorsync.planning.document import Document, plan_document, plan_from
from mirrorsync.planning.filters import filter_document, filter_from
from mirrorsync.planning.node import Node

SAVED_SCHEMA = "mirrorsync-saved-plan-1"


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """One tree's plan, what it was made from, and with which options."""

    plan: Plan
    basis: Basis
    adopt_changes: bool
    reapply: bool
    accept_upstream: bool = False
    wanted: Filter = EVERYTHING


def saved_document(plans: Iterable[SavedPlan]) -> Document:
    """The plans as a JSON-ready object; `saved_from` gives them back."""
    trees = [_saved(saved) for saved in plans]
    return {"schema": SAVED_SCHEMA, "sha256": _digest(trees), "trees": trees}


def _digest(trees: object) -> str:
    """Of what is saved, however the document is laid out: against an edit that nobody thought about, not against an attacker."""
    return hashlib.sha256(json.dumps(trees, sort_keys=True).encode()).hexdigest()


def _saved(saved: SavedPlan) -> Document:
    return {
        "generation": saved.basis.generation,
        "seal": saved.basis.seal,
        "files": saved.basis.files,
        "mirrors": dict(saved.basis.mirrors),
        "adopt_changes": saved.adopt_changes,
        "reapply": saved.reapply,
        "accept_upstream": saved.accept_upstream,
        **({} if saved.wanted.empty else {"filter": filter_document(saved.wanted)}),
        "plan": plan_document(saved.plan),
    }


def saved_from(document: object) -> tuple[SavedPlan, ...]:
    """The plans that a document tells of, each tree once. Raises PlanError with the path of the first fault."""
    node = Node(document, "document")
    if node.field("schema").value != SAVED_SCHEMA:
        node.field("schema").wrong(f"{SAVED_SCHEMA!r}")
    if node.text("sha256") != _digest(node.field("trees").value):
        raise PlanError("edited since it was saved: its sha256 is not that of its trees")
    plans = {saved.plan.tree: saved for saved in map(_saved_from, node.items("trees"))}
    return tuple(plans.values())


def _saved_from(node: Node) -> SavedPlan:
    generation = node.field("generation")
    number = None if generation.value is None else node.integer("generation")
    mirrors = node.field("mirrors")
    texts: Mapping[str, str] = {name: mirrors.text(name) for name in mirrors.own(dict, "an object")}
    basis = Basis(number, node.text("seal"), node.text("files"), texts)
    adopt, reapply, accept = (bool(node.field(name).own(bool, "true or false")) for name in ("adopt_changes", "reapply", "accept_upstream"))
    wanted = filter_from(node.field("filter")) if node.has("filter") else EVERYTHING
    return SavedPlan(plan_from(node.field("plan").value), basis, adopt, reapply, accept, wanted)
