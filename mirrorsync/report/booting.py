"""Boot directories as text and as a document."""

from collections.abc import Iterator, Sequence
from typing import Any

from mirrorsync.model.booting import BootOutcome
from mirrorsync.model.outcome import BootChange, TreeFailure
from mirrorsync.report.documents import findings_list, trees_document
from mirrorsync.report.text import finding_lines


def boot_lines(outcome: BootOutcome) -> Iterator[str]:
    """A boot directory, a fact a line."""
    whose = f"generation {outcome.source}" if outcome.source is not None else "the tree, never published by mirrorsync"
    yield f"{outcome.tree}: {outcome.directory} ({outcome.style})"
    yield f"  boot set of {whose}: {'the tree has none' if outcome.change is BootChange.NONE else outcome.change.value}"
    if outcome.staged:
        yield f"  staged is that of: {', '.join(f'generation {number}' for number in outcome.staged)}"
    if outcome.names:
        yield f"  nodes load: {', '.join(outcome.names)}"
    yield from (f"  {line}" for line in finding_lines(outcome.findings))


def boot_document(outcomes: Sequence[BootOutcome | TreeFailure]) -> dict[str, Any]:
    """The document of `mirrorsync boot … --json`."""
    return trees_document("mirrorsync-boot-1", outcomes, _boot)


def _boot(outcome: BootOutcome) -> dict[str, Any]:
    return {
        "tree": outcome.tree,
        "exit_code": int(outcome.exit_code),
        "directory": outcome.directory,
        "style": outcome.style,
        "generation": outcome.source,
        "boot": outcome.change.value,
        "staged": list(outcome.staged),
        "names": list(outcome.names),
        "findings": findings_list(outcome.findings),
    }
