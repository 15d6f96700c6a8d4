"""Targets: what mirrorsync wrote itself, and reads again: plans, the journal, caches."""

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random

from mirrorsync.errors import PlanError, TreeError
from mirrorsync.files import FileIdentity
from mirrorsync.model.advisory import Advisory, AdvisoryType
from mirrorsync.model.basis import Basis
from mirrorsync.model.changelog import ChangelogEntry
from mirrorsync.model.generation import FileRecord, Generation, GraceCopy, Inventory
from mirrorsync.model.package import Dependency, Digest, Package, Sense
from mirrorsync.model.plan import Change, Held, Incoming, Kept, Outgoing, Plan, Removal
from mirrorsync.model.version import EVR, NEVRA
from mirrorsync.planning.document import package_document, package_from, plan_document, plan_from
from mirrorsync.planning.saved import SavedPlan, saved_document, saved_from
from mirrorsync.tree.cache import CachedFile, TreeCache
from mirrorsync.tree.journal import read_files, read_record, write_record
from mirrorsync.upstream.memory import MirrorMemory, Remembered
from mirrorsync.upstream.metadata import MetadataFolder, Seen
from tests.fuzz import objects
from tests.fuzz.mutation import mutator
from tests.fuzz.scratch import scratch_folder
from tests.fuzz.target import Target

_URL = "http://mirror.example/updates"
_DAY = datetime(2026, 3, 1, tzinfo=UTC)
_ONE = NEVRA("bash", EVR("1", "2.05a", "13.1"), "i386")
_PACKAGE = Package(
    _ONE, "RedHat/RPMS/bash.rpm", 1234, Digest("sha256", "ab" * 32), "cd" * 32, "bash.src.rpm",
    (Dependency("bash", Sense.EQUAL, EVR("1", "2.05a", "13.1")), Dependency("a", Sense.LESS, EVR(None, "", ""))),
    (Dependency("/bin/sh"), Dependency("x", Sense.GREATER | Sense.EQUAL, EVR(None, "1", ""))), (), ("/bin/bash", "/etc/é"), "m:1", 5,
)  # fmt: skip
_ADVISORY = Advisory("RHSA-1", AdvisoryType.SECURITY, "low", "t", date(2012, 1, 1), None, ("CVE-2012-0001",), (_ONE,))
_PLAN = Plan(
    "t", (Incoming(_PACKAGE, "m", Change.UPGRADE, "r", ("RHSA-1",)),), (Outgoing(_PACKAGE, Removal.SUPERSEDED, _ONE, "r"),),
    (Kept(_PACKAGE, "r"),), (Held(_ONE, "r", ("RHSA-1",)),), 3, (_ADVISORY,),
)  # fmt: skip
_FILES = [FileRecord("RedHat/RPMS/bash.rpm", 1234, "ab" * 32), FileRecord("é", 0, "cd" * 32)]
_GENERATION = Generation(
    1, _DAY, "update", "root", "r", added=("a",), removed=("b",), advisories=("RHSA-1",), grace=(GraceCopy("x", _DAY),)
)


def _parsed(content: bytes) -> object:
    """What JSON it is; None where it is none, which every caller refuses by itself."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _read_plan(content: bytes, _: Path) -> None:
    plan = plan_from(_parsed(content))
    if plan_from(plan_document(plan)) != plan:
        raise AssertionError("a plan is read back differently")


def _read_saved(content: bytes, _: Path) -> None:
    json.dumps(saved_document(saved_from(_parsed(content))))


def _read_package(content: bytes, _: Path) -> None:
    package = package_from(_parsed(content))
    if package_from(json.loads(json.dumps(package_document(package)))) != package:
        raise AssertionError("a package is read back differently")


def _read_record(content: bytes, scratch: Path) -> None:
    (scratch / "1.json").write_bytes(content)
    read_record(scratch, 1)


def _read_listing(content: bytes, scratch: Path) -> None:
    """A list of files that the record's digest is of, whatever it says."""
    (scratch / "1.files").write_bytes(content)
    read_files(scratch, Generation(1, _DAY, "update", inventory=Inventory(sha256=hashlib.sha256(content).hexdigest())))


def _read_seen(content: bytes, scratch: Path) -> None:
    (scratch / "repomd.xml").write_bytes(b"<repomd/>")
    (scratch / "repomd.json").write_bytes(content)
    MetadataFolder(scratch).repomd()


def _read_tree_cache(content: bytes, scratch: Path) -> None:
    path = scratch / "tree.sqlite"
    path.write_bytes(content)
    with TreeCache(path) as cache:
        cache.files()
        cache.with_paths()
        cache.owners(frozenset({"/bin/bash"}))
        cache.made("hdlist", [_PACKAGE], read=bytes, make=lambda _: b"made", pack=bytes)
        cache.forget_all_but({"RedHat/RPMS/bash.rpm"})
        _fill_tree_cache(cache)
    _gone(path)


def _read_mirror_memory(content: bytes, scratch: Path) -> None:
    path = scratch / "mirror.sqlite"
    path.write_bytes(content)
    with MirrorMemory(path) as memory:
        memory.below(_URL)
        memory.owners(_URL, frozenset({"/bin/bash"}))
        memory.changelogs([f"{_URL}/a.rpm"])
        memory.restamp(f"{_URL}/a.rpm", "s")
        memory.forget([f"{_URL}/b.rpm"])
        _fill_memory(memory)
    _gone(path)


def _gone(path: Path) -> None:
    for found in path.parent.glob(f"{path.name}*"):
        found.unlink()


def _fill_tree_cache(cache: TreeCache) -> None:
    identity = FileIdentity("RedHat/RPMS/bash.rpm", 1234, 5, 6)
    cache.remember([CachedFile(identity, "ab" * 32, _PACKAGE), CachedFile(FileIdentity("x", 1, 2, 3), "cd" * 32, None, "damaged")])
    cache.remember_paths({"ab" * 32: ["/bin/bash", "/etc/é"]})
    cache.remember_parts("hdlist", {("ab" * 32, "RedHat/RPMS/bash.rpm"): b"part"})


def _fill_memory(memory: MirrorMemory) -> None:
    for name in ("a", "b"):
        memory.remember(f"{_URL}/{name}.rpm", Remembered(_PACKAGE, "s", '"v"'), ["/bin/bash", "/etc/é"], [ChangelogEntry(7, "é", "x")])


def _tree_caches() -> Sequence[bytes]:
    def fill(path: Path) -> None:
        with TreeCache(path) as cache:
            _fill_tree_cache(cache)

    wrong = (
        "UPDATE file SET path = 't' || size, package = 7, checksum = 'x'",
        "UPDATE paths SET paths = 'text'",
        "UPDATE paths SET paths = 5, sha256 = x'ff'",
        "UPDATE part SET location = 'text', content = NULL",
        "UPDATE part SET sha256 = x'00', content = 'text'",
        "DROP TABLE part",
    )
    return _databases(fill, wrong)


def _memories() -> Sequence[bytes]:
    def fill(path: Path) -> None:
        with MirrorMemory(path) as memory:
            _fill_memory(memory)

    wrong = (
        "UPDATE package SET paths = 'text'",
        "UPDATE package SET paths = 5",
        "UPDATE package SET changelog = paths",
        "UPDATE package SET changelog = 'text'",
        "UPDATE package SET document = x'00'",
        "UPDATE package SET document = '7'",
        f"UPDATE package SET document = '{'[' * 3000}'",
        "UPDATE package SET document = '{}', stamp = 5, validator = x'ff'",
        "DROP TABLE package",
    )
    return _databases(fill, wrong)


def _databases(fill: Callable[[Path], None], wrong: Iterable[str]) -> list[bytes]:
    """The database as it is filled, and as it is once each of the statements was carried out in it."""
    found = []
    for statement in ("SELECT 1", *wrong):
        with scratch_folder() as folder:
            fill(folder / "x")
            with closing(sqlite3.connect(folder / "x")) as database:
                database.execute("PRAGMA journal_mode = DELETE")
                database.execute(statement)
                database.commit()
            found.append((folder / "x").read_bytes())
    return found


def _records() -> Sequence[bytes]:
    with scratch_folder() as folder:
        write_record(folder, _GENERATION, _FILES)
        return [(folder / "1.json").read_bytes()]


def _listings() -> Sequence[bytes]:
    with scratch_folder() as folder:
        write_record(folder, _GENERATION, _FILES)
        return [(folder / "1.files").read_bytes(), b"[]", b"7", b'[["a", 1]]']


def _spoilt_pages(random: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    """Bytes near those that are not NUL: most of a database is."""
    places = [at for at in (random.randrange(len(content)) for _ in range(64)) if content[at]] if content else []
    changed = bytearray(content)
    for at in places[: random.randint(1, 4)]:
        changed[at] = (changed[at] + random.choice((1, -1, 2, -2, 128))) % 256
    return bytes(changed)


_SAVED = SavedPlan(_PLAN, Basis(1, "seal", "files", {"m": "r"}), adopt_changes=False, reapply=True)
_SEEN = Seen(_URL, '"v"', hashlib.sha256(b"<repomd/>").hexdigest())
_JSON = mutator(*objects.CHANGES)

TARGETS = (
    Target("plan", _read_plan, lambda: [json.dumps(plan_document(_PLAN)).encode()], (PlanError,), _JSON),
    Target("saved-plan", _read_saved, lambda: [json.dumps(saved_document([_SAVED])).encode()], (PlanError,), _JSON),
    Target("package-document", _read_package, lambda: [json.dumps(package_document(_PACKAGE)).encode()], (PlanError,), _JSON),
    Target("journal-record", _read_record, _records, (TreeError,), _JSON),
    Target("journal-files", _read_listing, _listings, (TreeError,), _JSON),
    Target(
        "kept-repomd", _read_seen, lambda: [json.dumps({"url": _SEEN.url, "validator": None, "sha256": _SEEN.sha256}).encode()], (), _JSON
    ),
    Target("tree-cache", _read_tree_cache, _tree_caches, (), mutator(_spoilt_pages, _spoilt_pages), budget=600),
    Target("mirror-memory", _read_mirror_memory, _memories, (), mutator(_spoilt_pages, _spoilt_pages), budget=600),
)
