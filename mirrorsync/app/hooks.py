"""The administrator's hooks around a publication: those before it may hold it, those after it are told, if need be by the next run."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mirrorsync.app.run import Run
from mirrorsync.errors import LockedError
from mirrorsync.files import make_directory, remove_file, remove_strays, write_file
from mirrorsync.hooks.calling import Answer, call
from mirrorsync.hooks.selection import AFTER, BEFORE, hooks_for
from mirrorsync.locks import locked
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.model.outcome import Withheld
from mirrorsync.model.plan import Plan
from mirrorsync.planning.document import plan_document
from mirrorsync.tree.site import Tree, numbered

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Publication:
    """What is about to be published: generation `number` in the place of `former`, the one before it, None where that has none.

    added, removed: NEVRAs as text.  plan: an update's.  back_to: the generation that a rollback brings back.
    """

    number: int
    former: int | None
    added: tuple[str, ...]
    removed: tuple[str, ...]
    advisories: tuple[str, ...] = ()
    plan: Plan | None = None
    back_to: int | None = None


def document_of(tree: Tree, run: Run, publication: Publication) -> dict[str, Any]:
    """What hooks read on their standard input; docs/schemas/publication.json has its schema."""
    return {
        "schema": "mirrorsync-publication-1",
        "tree": tree.name,
        "path": str(tree.path),
        "run": run.name,
        "by": run.by,
        "generation": publication.number,
        "former": publication.former,
        "back_to": publication.back_to,
        "added": list(publication.added),
        "removed": list(publication.removed),
        "advisories": list(publication.advisories),
        "plan": plan_document(publication.plan) if publication.plan else None,
    }


def ask(tree: Tree, run: Run, publication: Publication) -> Withheld | None:
    """Ask the hooks before a publication: the first that says no holds it. Then note what those after it are to be told.

    The generation lies at `building` meanwhile, whole. What is noted counts once its generation is the tree's.
    """
    for number in _owed_numbers(tree):
        if number >= publication.number:  # of runs that were stopped before they published it
            remove_file(_owed(tree, number))
    if run.hooks is None:
        return None
    document = document_of(tree, run, publication)
    for answer in _answers(tree, run, BEFORE, document):
        if answer.refusal:
            return Withheld(f"hook {answer.hook}: {answer.refusal}")
    if hooks_for(run.hooks.folder, AFTER):
        make_directory(_notes(tree))
        write_file(_owed(tree, publication.number), json.dumps(document).encode())
    return None


def tell(tree: Tree, run: Run) -> tuple[Finding, ...]:
    """Tell the hooks after a publication what was published, be it by a run that was stopped before it could.

    Without the tree's lock; another run that is just telling them does it alone, and what is published meanwhile too.
    """
    if run.hooks is None or not _published(tree):
        return ()
    try:
        with locked(_notes(tree) / "lock", f"{tree.name}: hooks"):
            remove_strays(_notes(tree))
            return tuple(_told(tree, run))
    except LockedError:
        return ()


def _told(tree: Tree, run: Run) -> Iterator[Finding]:
    while owed := _published(tree):
        number = owed[0]
        document = _read(_owed(tree, number))
        for answer in _answers(tree, run, AFTER, document) if document else ():
            if answer.refusal:
                what = f"after generation {number} was published: {answer.refusal}"
                remedy = "the tree is published all the same; mend the hook, and do by hand what it was to do"
                yield Finding(Severity.WARNING, "hook-failed", answer.hook, what, remedy)
        remove_file(_owed(tree, number))


def _answers(tree: Tree, run: Run, occasion: str, document: Mapping[str, Any]) -> Iterator[Answer]:
    """Each hook's answer, once it is given; what they say goes to the log under their names."""
    if run.hooks is None:
        return
    environment = _environment(tree, occasion, document)
    for hook in hooks_for(run.hooks.folder, occasion):
        answer = call(hook, json.dumps(document).encode(), environment, run.hooks.limit)
        run.say([f"{tree.name}: {answer.hook}: {line}" for line in answer.lines], matters=answer.refusal is not None)
        yield answer


def _environment(tree: Tree, occasion: str, document: Mapping[str, Any]) -> dict[str, str]:
    generation = tree.building if occasion == BEFORE else tree.generations / str(document["generation"])
    return {
        "PATH": _PATH,
        "LANG": "C.UTF-8",
        "MIRRORSYNC_HOOK": occasion,
        "MIRRORSYNC_TREE": tree.name,
        "MIRRORSYNC_PATH": str(tree.path),
        "MIRRORSYNC_RUN": str(document["run"]),
        "MIRRORSYNC_GENERATION": str(document["generation"]),
        "MIRRORSYNC_GENERATION_PATH": str(generation),
    }


def _notes(tree: Tree) -> Path:
    """Has what hooks are to be told once it is published: written before, so that no instant loses it."""
    return tree.state / "hooks"


def _owed(tree: Tree, number: int) -> Path:
    """Of generation `number` alone: whoever tells of it never takes away what another run has noted meanwhile."""
    return _notes(tree) / f"{number}.json"


def _owed_numbers(tree: Tree) -> tuple[int, ...]:
    return numbered(path.stem for path in _notes(tree).glob("*.json") if path.stem.isdecimal())


def _published(tree: Tree) -> tuple[int, ...]:
    """The generations that hooks are to be told of, oldest first. What is not published yet is another run's, at work now or stopped."""
    stamp = tree.stamp() or 0
    return tuple(number for number in _owed_numbers(tree) if number <= stamp)


def _read(path: Path) -> dict[str, Any] | None:
    """The note, None where it is damaged: the state directory is disposable."""
    try:
        document = json.loads(path.read_bytes())
        return document if isinstance(document, dict) and isinstance(document.get("generation"), int) and "run" in document else None
    except (OSError, ValueError, RecursionError):
        return None
