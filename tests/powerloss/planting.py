"""Recordings of programs with a fault, made from that of the real one by leaving calls out or moving them.

The trace is changed, not the program: what is to be shown is that the verdicts find an order of calls that does not hold, and these are
the very calls of a real run in another order.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

from tests.powerloss.operations import NAME, Barrier, Operation, Step
from tests.powerloss.recording import Recording

Plant = Callable[[Recording], Recording]


def without_syncfs(recording: Recording) -> Recording:
    """Nothing is synced as a whole before the commitment."""
    return recording.with_steps([step for step in recording.steps if step.call != "syncfs"])


def record_after_commitment(recording: Recording) -> Recording:
    """The journal's new record is written and synced only when the tree is the new one."""
    steps, commitment = list(recording.steps), commitment_in(recording)
    late = [step for step in steps[_last(steps, "syncfs", before=commitment, skip=1) : commitment] if "/journal" in step.path]
    early = [step for step in steps[: commitment + 1] if not any(step is one for one in late)]
    return recording.with_steps([*early, *late, *steps[commitment + 1 :]])


def renamed_before_synced(recording: Recording) -> Recording:
    """Each new file gets its name before its content is synced."""
    steps = list(recording.steps)
    for at, (step, following) in enumerate(pairwise(recording.steps)):
        if step.call == "fsync" and following.call == "rename" and _gives_name(following, step):
            steps[at], steps[at + 1] = following, step
    return recording.with_steps(steps)


def _gives_name(rename: Step, sync: Step) -> bool:
    """Whether what was synced is what is renamed."""
    return isinstance(rename, Operation) and isinstance(sync, Barrier) and any(value in sync.covers for _, value in rename.changes)


def commitment_not_synced(recording: Recording) -> Recording:
    """No directory is synced after the commitment."""
    at = commitment_in(recording)
    return recording.with_steps([*recording.steps[: at + 1], *(step for step in recording.steps[at + 1 :] if isinstance(step, Operation))])


def former_tree_removed_unsynced(recording: Recording) -> Recording:
    """The files of the former tree are removed at once, with nothing synced in between."""
    return _removing_former(commitment_not_synced(recording), 1)


def former_tree_removed_synced(recording: Recording) -> Recording:
    """No fault as to the tree: its former files are removed at once, but after the commitment is on disk."""
    return _removing_former(recording, 3)


def _removing_former(recording: Recording, later: int) -> Recording:
    """The recording with the removal of the former tree's files put in so many steps after the commitment."""
    at = commitment_in(recording)
    commitment = recording.steps[at]
    former = commitment.changes[1][1] if isinstance(commitment, Operation) else None
    removal = [
        Operation("unlink", path, (((NAME, directory, path.rpartition("/")[2]), None),))
        for path, directory in _files(recording, former)
    ]  # fmt: skip
    return recording.with_steps([*recording.steps[: at + later], *removal, *recording.steps[at + later :]])


def _files(recording: Recording, top: int | None) -> list[tuple[str, int]]:
    """(path, the directory it is in) of each file of a tree that was there before the run."""
    disk = recording.before
    parents = {f"{path}/": inode for path, inode in disk.below(top) if inode in disk.names}
    return [(path, parents.get(path[: path.rfind("/") + 1], top or 0)) for path, inode in disk.below(top) if inode not in disk.names]


def commitment_in(recording: Recording) -> int:
    """Where the step is that puts the new generation in the tree's place. Raises StopIteration where there is none."""
    tree = str(recording.site.tree)
    return next(at for at, step in enumerate(recording.steps) if step.path == tree and step.call in ("exchange", "rename"))


def _last(steps: Sequence[Step], call: str, *, before: int, skip: int) -> int:
    """Where a call was made last, `skip` times not counted; 0 where it was not made so often."""
    found = [at for at, step in enumerate(steps[:before]) if step.call == call]
    return found[-1 - skip] if len(found) > skip else 0


PLANTS: dict[str, Plant] = {
    plant.__name__.replace("_", "-"): plant
    for plant in (without_syncfs, record_after_commitment, renamed_before_synced, commitment_not_synced, former_tree_removed_unsynced)
}
