"""Pending errata and their steps as JSON documents and back."""

from dataclasses import replace
from datetime import date

from mirrorsync.model.pending import PendingErratum, PendingOutcome, Prospect, Step, Urgency, Waiver
from mirrorsync.model.version import EVR, NEVRA
from mirrorsync.planning.document import Document, advisory_document, advisory_from, nevra_document
from mirrorsync.planning.node import Node


def pending_document(outcome: PendingOutcome) -> Document:
    """What is pending as an object, to be kept: `pending_from` gives it back, but for what advisories say at length."""
    return {
        "errata": [erratum_document(brief(erratum)) for erratum in outcome.errata],
        "untold": [step_document(step) for step in outcome.untold],
    }


def pending_from(document: object) -> tuple[tuple[PendingErratum, ...], tuple[Step, ...]]:
    """The errata, and the updates that none tells of, of a document. Raises PlanError with the path of the first fault."""
    node = Node(document, "pending")
    return tuple(map(erratum_from, node.items("errata"))), tuple(map(step_from, node.items("untold")))


def brief(erratum: PendingErratum) -> PendingErratum:
    """Without what only `mirrorsync errata show` tells: it is ten times as much as the rest."""
    return replace(erratum, advisory=replace(erratum.advisory, packages=(), description="", references=(), sums=()))


def erratum_document(erratum: PendingErratum) -> Document:
    """A pending erratum as an object; `erratum_from` gives it back."""
    waiver = erratum.waiver
    return {
        "advisory": advisory_document(erratum.advisory),
        "urgency": erratum.urgency.word,
        "age": erratum.age,
        "due": erratum.due.isoformat() if erratum.due else None,
        "waiver": {"reason": waiver.reason, "until": waiver.until.isoformat()} if waiver else None,
        "steps": [step_document(step) for step in erratum.steps],
    }


def erratum_from(node: Node) -> PendingErratum:
    """The pending erratum that an object tells of. Raises PlanError."""
    age, waiver = node.field("age"), node.field("waiver")
    return PendingErratum(
        advisory_from(node.field("advisory")),
        node.field("urgency").made(Urgency.of, "an urgency"),
        None if age.value is None else node.integer("age"),
        tuple(step_from(each) for each in node.items("steps")),
        _day_or_none(node.field("due")),
        None if waiver.value is None else Waiver(waiver.text("reason"), waiver.field("until").made(date.fromisoformat)),
    )


def step_document(step: Step) -> Document:
    """A step as an object."""
    held = nevra_document(step.held) if step.held else None
    return {"held": held, "to": nevra_document(step.to), "prospect": step.prospect.value, "reason": step.reason}


def step_from(node: Node) -> Step:
    """The step that an object tells of. Raises PlanError."""
    held, prospect = node.field("held"), node.field("prospect").made(Prospect)
    return Step(None if held.value is None else _nevra(held), _nevra(node.field("to")), prospect, node.text("reason"))


def _nevra(node: Node) -> NEVRA:
    epoch = node.text("epoch") if node.has("epoch") else None
    return NEVRA(node.text("name"), EVR(epoch, node.text("version"), node.text("release")), node.text("arch"))


def _day_or_none(node: Node) -> date | None:
    day: date | None = None if node.value is None else node.made(date.fromisoformat)
    return day
