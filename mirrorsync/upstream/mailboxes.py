"""Folders, mailboxes and single files of texts, read within bounds whatever lies in them."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from mirrorsync.errors import UnpackingError
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.unpacking import unpacked_stream
from mirrorsync.upstream.mails import Text, texts_of

MOST_FILES = 20_000
MOST_BYTES = 512 << 20  # of all files together, unpacked
MOST_MAILS = 200_000  # of all mailboxes together; a distribution's list has some thousands a year
LONGEST_TEXT = 1 << 20  # bytes; of Red Hat's the longest have some 60,000
_DEEPEST = 8
_FIRST_READ = 1 << 12
_LONGEST_LINE = 1 << 16
_MAILDIR = frozenset(("cur", "new"))


@dataclass(slots=True)
class Reading:
    """One reading of several places: what may still be read of them, and what went wrong."""

    files: int = MOST_FILES
    room: int = MOST_BYTES
    mails: int = MOST_MAILS
    findings: list[Finding] = field(default_factory=list)
    _long: list[Path] = field(default_factory=list)

    def texts(self, place: Path) -> Iterator[Text]:
        """Every text at or below the place, mails taken apart; what is no text is passed over."""
        for path in self.paths(place):
            yield from self._texts(path)
            if self.room < 0 or self.mails < 0:
                what = f"more than {MOST_BYTES >> 20} MiB" if self.room < 0 else f"more than {MOST_MAILS} mails"
                self.complain(place, f"{what}; the rest was not read", "put texts of one distribution there")
                break
        if self._long:
            count, first = len(self._long), self._long[0]
            what = f"{count} {'text is' if count == 1 else 'texts are'} longer than {LONGEST_TEXT >> 10} KiB, as no advisory is: {first}"
            self.complain(place, what, "it was not read; keep advisories apart from other mail")
            self._long.clear()

    def paths(self, place: Path) -> Iterator[Path]:
        """The regular files at or below a place, links to such included, sorted; folders behind links are not entered."""
        try:
            if not stat.S_ISDIR(place.stat().st_mode):
                yield place
                return
        except OSError as error:
            self.complain(place, f"cannot be read: {error.strerror}", "put the texts there, or correct `advisories`")
            return
        pending = [(place, _DEEPEST)]
        while pending:
            folder, depth = pending.pop()
            below, files = self._listed(folder)
            self.files -= len(files) + 1
            if self.files < 0:
                self.complain(place, f"more than {MOST_FILES} files; the rest was not read", "put texts of one distribution there")
                return
            yield from files
            pending += [(path, depth - 1) for path in reversed(below) if depth]

    def complain(self, where: Path, what: str, remedy: str) -> None:
        """Add a finding."""
        self.findings.append(Finding(Severity.WARNING, "advisory-texts", str(where), what, remedy))

    def _listed(self, folder: Path) -> tuple[list[Path], list[Path]]:
        """The folders and the files in a folder; without what a mailer has not finished."""
        try:
            with os.scandir(folder) as entries:
                ordered = sorted(entries, key=lambda entry: entry.name)
                below = [entry.name for entry in ordered if entry.is_dir(follow_symlinks=False)]
                files = [Path(entry) for entry in ordered if self._is_file(entry)]
        except OSError as error:
            self.complain(folder, f"cannot be read: {error.strerror}", "let this user read it, or correct `advisories`")
            return [], []
        is_maildir = set(below) >= _MAILDIR
        return [folder / name for name in below if not (is_maildir and name == "tmp")], files

    def _is_file(self, entry: os.DirEntry[str]) -> bool:
        """Whether it is one, or leads to one; a link that leads round in a circle, or where this user may not look, is told."""
        try:
            return entry.is_file()
        except OSError as error:
            self.complain(Path(entry), f"cannot be read: {error.strerror}", "let this user read it, or remove it")
            return False

    def _texts(self, path: Path) -> Iterator[Text]:
        """The texts in one file; of what is no text, none."""
        try:
            with _opened(path) as file:
                if os.fstat(file.fileno()).st_size == 0:  # of /proc's some have no end, and no bytes yet
                    return
                with unpacked_stream(file, limit=MOST_BYTES) as stream:
                    yield from self._texts_in(stream, path)
        except OSError as error:
            self.complain(path, f"cannot be read: {error.strerror or error}", "let this user read it, or remove it")
        except UnpackingError as error:
            self.complain(path, str(error), "mend it, or remove it")

    def _texts_in(self, stream: BufferedReader, path: Path) -> Iterator[Text]:
        first = stream.peek(_FIRST_READ)[:_FIRST_READ]
        if b"\0" in first:
            return
        for content in self._mails(stream) if first.startswith(b"From ") else self._whole(stream):
            if len(content) > LONGEST_TEXT:
                self._long.append(path)
            else:
                yield from texts_of(content)

    def _whole(self, stream: BufferedReader) -> Iterator[bytes]:
        """All of a file; of a longer one no more than tells that."""
        content = stream.read(LONGEST_TEXT + 1)
        self.room -= len(content)
        yield content

    def _mails(self, stream: BufferedReader) -> Iterator[bytes]:
        """The mails of a mailbox, each from its "From " line to the next one after an empty line; of a longer one likewise."""
        lines: list[bytes] = []
        size = 0
        empty = False
        while self.room >= 0 and self.mails >= 0 and (line := stream.readline(_LONGEST_LINE)):
            self.room -= len(line)
            if empty and lines and line.startswith(b"From "):
                self.mails -= 1
                yield b"".join(lines)
                lines, size = [], 0
            if size <= LONGEST_TEXT:
                lines.append(line)
                size += len(line)
            empty = line in (b"\n", b"\r\n")
        yield b"".join(lines)


def _opened(path: Path) -> BinaryIO:
    """A regular file to read from; opening what else became of it does not wait. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    file = os.fdopen(descriptor, "rb")
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return file
    file.close()
    raise OSError("it is no file")
