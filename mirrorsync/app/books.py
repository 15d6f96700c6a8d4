"""What the journal, the lists of files and the indexes say of a tree, read together."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mirrorsync.app.chain import chain_findings
from mirrorsync.errors import PublishError, TreeError
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.model.generation import FileRecord
from mirrorsync.planning.provenance import Ledger
from mirrorsync.tree import journal
from mirrorsync.tree.indexes import read_indexes
from mirrorsync.tree.site import Tree

_EPOCH = re.compile(r"-[0-9]+:")


@dataclass(frozen=True, slots=True)
class Entry:
    """A package that the books name. path: below the tree, None where it is not known.  listed: the tree's indexes have it."""

    nevra: str
    path: str | None
    listed: bool

    @property
    def filename(self) -> str:
        """The name that its file has, or would have."""
        return self.path.rpartition("/")[2] if self.path else filename(self.nevra)


@dataclass(frozen=True)
class Books:
    """files: of the generation that lies at the tree's path, by path; none where its list is lost.  listed: NEVRA by location."""

    tree: Tree
    ledger: Ledger
    files: Mapping[str, FileRecord]
    listed: Mapping[str, str]

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """Every package that is listed, or ever was, by NEVRA."""
        present = [Entry(nevra, path, listed=True) for path, nevra in self.listed.items()]
        former = self.ledger.nevras - set(self.listed.values())
        gone = [Entry(nevra, self._former_path(nevra), listed=False) for nevra in former]
        return tuple(sorted([*present, *gone], key=lambda entry: (entry.nevra, entry.path or "")))

    def record(self, entry: Entry) -> FileRecord | None:
        """What is recorded of the file: in the tree, or as it once came."""
        received = self.ledger.last_received(entry.nevra)
        former = received.file if received and not entry.listed else None
        return self.files.get(entry.path or "", former)

    def recorded_as(self, sha256: str) -> FileRecord | None:
        """Where a file with this SHA-256 lies, or lay: in the tree, in a kept generation, or as it came."""
        for files in (self.files.values(), *self._kept_lists()):
            for record in files:
                if record.sha256 == sha256:
                    return record
        received = self.ledger.received_as(sha256)
        return received.file if received else None

    def place(self, path: Path) -> tuple[Mapping[str, FileRecord], str] | None:
        """Of a path in the tree or in a kept generation: the files recorded there, and the path below it."""
        for root in (self.tree.path, *self._farms()):
            with suppress(ValueError):
                below = str((path.parent.resolve() / path.name).relative_to(root.resolve()))
                return self.files if root == self.tree.path else self._files_of(int(root.name)), below
        return None

    def _former_path(self, nevra: str) -> str | None:
        """Where the file of a package that is no longer listed lies unlisted, or lay when it came."""
        unlisted = next((path for path in self.files if path.endswith(f"/{filename(nevra)}") and path not in self.listed), None)
        received = self.ledger.last_received(nevra)
        return received.file.path if received else unlisted

    def _farms(self) -> list[Path]:
        folders = (folder for folder in (self.tree.generations, self.tree.retired) if folder.is_dir())
        return sorted(path for folder in folders for path in folder.iterdir() if path.name.isdecimal())

    def _kept_lists(self) -> Iterator[list[FileRecord]]:
        return (list(self._files_of(number).values()) for number in reversed(self.tree.kept_generations()))

    def _files_of(self, number: int) -> Mapping[str, FileRecord]:
        try:
            return {record.path: record for record in journal.read_files(self.tree.journal, journal.read_record(self.tree.journal, number))}
        except TreeError:
            return {}


def filename(nevra: str) -> str:
    """The name that rpmbuild gives the file of a package: without its epoch."""
    return f"{_EPOCH.sub('-', nevra, count=1)}.rpm"


def read_books(tree: Tree) -> tuple[Books, tuple[Finding, ...]]:
    """All that is recorded of a tree, and what of it is lost or cannot be relied on."""
    findings = list(chain_findings(tree, journal.published(tree)))
    files: tuple[FileRecord, ...] = ()
    listed: dict[str, str] = {}
    try:
        present = journal.recorded(tree)
        files = journal.read_files(tree.journal, present) if present else ()
    except TreeError as error:
        what, _, remedy = str(error).partition("; ")
        findings.append(Finding(Severity.ERROR, "journal-lost", tree.name, what, remedy))
    try:
        listed = {package.location: str(package.nevra) for package in read_indexes(tree.shape, tree.path)}
    except PublishError as error:
        findings.append(Finding(Severity.ERROR, "index-unreadable", str(tree.path), str(error), "run `mirrorsync update`"))
    return Books(tree, Ledger(journal.readable(tree)), {record.path: record for record in files}, listed), tuple(findings)
