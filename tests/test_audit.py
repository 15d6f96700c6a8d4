"""Where a package came from: what the journal keeps of each, and what `mirrorsync audit` tells of it, offline."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fixtures.keys import SigningKey, signing_key
from mirrorsync.files import sha256_of
from mirrorsync.model.audit import Coming
from mirrorsync.model.generation import ADOPTION, FileRecord, Generation, Received, Returned
from mirrorsync.planning.provenance import Ledger, first_comings
from mirrorsync.report.audit import spans
from mirrorsync.upstream.download import Partial
from tests.commands import Mirrorsync, Result, configured
from tests.conftest import Builder
from tests.servers import http_server
from tests.sites import LISTING, REPODATA, Site, add_tree, copy, repository, rhl_tree
from tests.test_documents import validate
from tests.trees import NOW

BASH = "bash-2-1.noarch"


@pytest.fixture
def mirrorsync(updated: Mirrorsync, redhat: Site) -> Mirrorsync:
    """Generation 1 as copied, 2 with bash-2, whose mirror is gone."""
    shutil.rmtree(redhat.mirror)
    return updated


def record(tree: Path, number: int) -> Any:
    return json.loads((tree.parent / f".mirrorsync/{tree.name}/journal/{number}.json").read_bytes())


def audited(result: Result) -> Any:
    """The one package of the one tree."""
    validate(result.document)
    [package] = result.tree["packages"]
    return package


@pytest.fixture(scope="module")
def key() -> Iterator[SigningKey]:
    with signing_key("Mirror") as made:
        yield made


def test_the_record_names_what_came_who_signed_it_and_where_from(tmp_path: Path, rpm: Builder, tree: Path, key: SigningKey) -> None:
    mirror = copy([rpm("bash", "2")], tmp_path / "mirror")
    key.sign([mirror / f"{BASH}.rpm"])
    with http_server(mirror) as server:
        trust = f'kind = "listing"\nkeys = ["{key.public}"]\nfingerprints = ["{key.fingerprint}"]'
        assert configured(tmp_path, tree, f'url = "{server.url}/"\n{trust}')("update").code == 0
    [received] = record(tree, 2)["received"]
    file = tree / f"RedHat/RPMS/{BASH}.rpm"
    assert received == {
        "nevra": BASH,
        "path": f"RedHat/RPMS/{BASH}.rpm",
        "size": file.stat().st_size,
        "sha256": sha256_of(file),
        "signer": key.fingerprint,
        "source": f"{server.url}/{BASH}.rpm",
        "announced": None,
        "advisories": [],
    }
    assert record(tree, 1)["received"] == []


def test_no_credentials_of_a_url_are_remembered_with_where_a_file_came_from(tmp_path: Path) -> None:
    partial = Partial(tmp_path / "partial")
    with partial.writing(0, "http://cluster:secret@mirror.example/a%20b.rpm", '"etag"') as file:
        file.write(b"a")
    assert partial.source == "http://mirror.example/a%20b.rpm"
    partial.forget_origin()
    assert partial.source is None


def test_a_repository_s_package_names_its_digest_its_errata_and_the_mirror_of_several_that_gave_it(tmp_path: Path, rpm: Builder) -> None:
    tree = repository(tmp_path / "u1/rocky", [rpm("bash", "1")])
    mirror = repository(tmp_path / "mirror", [rpm("bash", "2")])
    broken = tmp_path / "broken"
    shutil.copytree(mirror, broken)
    shutil.rmtree(broken / "Packages")
    (tmp_path / "list").write_text(f"{broken.as_uri()}/\n{mirror.as_uri()}/\n")
    program = configured(tmp_path, tree, f'mirrorlist = "{(tmp_path / "list").as_uri()}"\n{REPODATA}', layout="repodata")
    assert program("update").code == 0
    told = audited(program("audit", BASH, "--json"))
    assert (told["source"], told["announced"]) == (f"{mirror.as_uri()}/Packages/{BASH}.rpm", "sha256")
    assert (told["signature"], told["signer"]) == ("not_asked", None)


def test_a_file_that_a_stopped_run_fetched_still_knows_where_it_came_from(tmp_path: Path, rpm: Builder, tree: Path) -> None:
    mirror = copy([rpm("bash", "2")], tmp_path / "mirror")
    program = configured(tmp_path, tree, f'url = "{mirror.as_uri()}/"\n{LISTING}', more='genhdlist = ["/bin/false"]')
    assert program("update").code == 1
    program.config.write_text(program.config.read_text().replace('genhdlist = ["/bin/false"]', ""))
    updated = program("update", "--json")
    assert updated.tree["packages_fetched"] == 0
    assert audited(program("audit", BASH, "--json"))["source"] == f"{mirror.as_uri()}/{BASH}.rpm"


def test_a_lost_note_of_the_pool_is_said_and_not_made_up(tmp_path: Path, rpm: Builder) -> None:
    tree = repository(tmp_path / "u1/rocky", [rpm("bash", "1")])
    mirror = repository(tmp_path / "mirror", [rpm("bash", "2")])
    pooled = tmp_path / "u1/.mirrorsync/rocky/pool" / sha256_of(rpm("bash", "2"))[:2]
    copy([rpm("bash", "2")], pooled)
    (pooled / f"{BASH}.rpm").rename(pooled / sha256_of(rpm("bash", "2")))
    program = configured(tmp_path, tree, f'url = "{mirror.as_uri()}/"\n{REPODATA}', layout="repodata")
    assert program("update").code == 0
    told = program("audit", BASH)
    assert (told.code, "the URL it came from is not known" in told.out) == (0, True)


def test_an_audit_tells_the_whole_story_of_a_package(mirrorsync: Mirrorsync, tree: Path) -> None:
    told = mirrorsync("audit", "bash-2*")
    assert told.code == 0, told.out
    facts = dict(line.strip().split("  ", 1) for line in told.out.splitlines()[1:])
    assert told.out.splitlines()[0] == f"redhat: {BASH}: as recorded"
    assert facts["with"].strip().startswith("generation 2, ")
    assert facts["by"].strip().startswith("update, process ")
    assert facts["from"].strip() == f"{tree.parents[1].as_uri()}/mirror/{BASH}.rpm"
    assert facts["signature"].strip() == "not asked for when it was fetched: digests only"
    assert facts["listed in"].strip() == "generation 2"


def test_names_paths_and_globs_are_understood(mirrorsync: Mirrorsync, tree: Path) -> None:
    below = f"RedHat/RPMS/{BASH}.rpm"
    for asked in (BASH, "bash-2-1", f"{BASH}.rpm", below, "bash-[2-9]*", f"{tree}/{below}"):
        told = audited(mirrorsync("audit", asked, "redhat", "--json"))
        assert (told["nevra"], told["generation"], told["standing"]) == (BASH, 2, "recorded"), asked
    assert len(mirrorsync("audit", "bash", "--json").tree["packages"]) == 2


def test_an_adopted_package_says_so_and_who_signed_it_is_looked_at_now(tmp_path: Path, rpm: Builder, key: SigningKey) -> None:
    signed = copy([rpm("tar", "1")], tmp_path / "signed")
    key.sign(list(signed.iterdir()))
    tree = rhl_tree(tmp_path, [rpm("bash", "1"), signed / "tar-1-1.noarch.rpm", rpm("sed", "1")])
    mirror = copy([rpm("sed", "2")], tmp_path / "mirror")
    key.sign(list(mirror.iterdir()))
    trust = f'kind = "listing"\nkeys = ["{key.public}"]'
    program = configured(tmp_path, tree, f'url = "{mirror.as_uri()}/"\n{trust}')
    assert program("update").code == 0
    everything = program("audit", "--all", "--json")
    validate(everything.document)
    told = {package["nevra"]: (package["coming"], package["generation"], package["signature"]) for package in everything.tree["packages"]}
    assert told == {
        "bash-1-1.noarch": ("adopted", 1, "unsigned"),
        "sed-2-1.noarch": ("fetched", 2, "at_arrival"),
        "tar-1-1.noarch": ("adopted", 1, "now"),
    }
    assert len(program("audit", "--all").out.splitlines()) == 4


def test_where_no_key_is_pinned_an_adopted_package_s_own_word_is_told_as_such(tmp_path: Path, rpm: Builder, key: SigningKey) -> None:
    signed = copy([rpm("tar", "1")], tmp_path / "signed")
    key.sign(list(signed.iterdir()))
    tree = rhl_tree(tmp_path, [rpm("bash", "1"), signed / "tar-1-1.noarch.rpm"])
    program = configured(tmp_path, tree, f'url = "{copy([rpm("bash", "2")], tmp_path / "mirror").as_uri()}/"\n{LISTING}')
    assert program("update").code == 0
    told = audited(program("audit", "tar", "--json"))
    assert (told["signature"], told["signer"]) == ("unpinned", key.fingerprint[-16:])


def test_a_package_that_left_the_tree_is_known_for_ever(mirrorsync: Mirrorsync) -> None:
    told = audited(mirrorsync("audit", "bash-1-1.noarch", "--json"))
    assert (told["standing"], told["coming"], told["listed_in"]) == ("gone", "adopted", [1])


def test_what_a_rollback_brings_back_points_to_the_generation_it_came_with(mirrorsync: Mirrorsync, tree: Path) -> None:
    assert mirrorsync("rollback", "redhat", "1").code == 0
    assert record(tree, 3)["returned"] == {"bash-1-1.noarch": 1}
    assert mirrorsync("rollback", "redhat", "2").code == 0
    assert record(tree, 4)["returned"] == {BASH: 2}
    told = audited(mirrorsync("audit", BASH, "--json"))
    assert (told["generation"], told["listed_in"], told["standing"]) == (2, [2, 4], "recorded")
    assert audited(mirrorsync("audit", "bash-1-1.noarch", "--json"))["listed_in"] == [1, 3]


def test_a_file_anywhere_is_known_by_its_digest(mirrorsync: Mirrorsync, tmp_path: Path, rpm: Builder) -> None:
    renamed = tmp_path / "elsewhere.rpm"
    shutil.copy(rpm("bash", "2"), renamed)
    told = audited(mirrorsync("audit", str(renamed), "--json"))
    assert (told["nevra"], told["standing"], told["generation"]) == (BASH, "recorded", 2)
    former = audited(mirrorsync("audit", str(rpm("bash", "1")), "--json"))
    assert (former["standing"], former["listed_in"]) == ("gone", [1])


def test_another_file_of_the_same_nevra_is_told_from_the_recorded_one(mirrorsync: Mirrorsync, rpm: Builder) -> None:
    other = rpm("bash", "2", files={"/bin/bash": "another build"})
    result = mirrorsync("audit", str(other), "--json")
    told = audited(result)
    assert (result.code, told["standing"]) == (4, "differs")
    assert sha256_of(other) in told["unclear"] and sha256_of(rpm("bash", "2")) in told["unclear"]


def test_what_was_never_recorded_ends_with_4_and_one_line(mirrorsync: Mirrorsync, rpm: Builder) -> None:
    unknown = mirrorsync("audit", "zsh-9-1.noarch")
    assert (unknown.code, unknown.out) == (
        4, "redhat: zsh-9-1.noarch: never recorded: no generation had it; `mirrorsync audit --all` names what is there\n",
    )  # fmt: skip
    file = mirrorsync("audit", str(rpm("zsh", "9")), "--json")
    assert (file.code, audited(file)["standing"]) == (4, "unrecorded")


def test_a_file_of_the_tree_that_was_changed_removed_or_added_since_is_found(mirrorsync: Mirrorsync, tree: Path, rpm: Builder) -> None:
    rpms = tree / "RedHat/RPMS"
    (rpms / f"{BASH}.rpm").unlink()
    missing = mirrorsync("audit", BASH, "--json")
    assert (missing.code, audited(missing)["standing"]) == (4, "missing")
    shutil.copy(rpm("zsh", "9"), rpms / f"{BASH}.rpm")
    changed = mirrorsync("audit", f"{rpms}/{BASH}.rpm", "--json")
    assert (changed.code, audited(changed)["standing"], audited(changed)["nevra"]) == (4, "differs", BASH)
    assert audited(changed)["unclear"] == f"the file there has SHA-256 {sha256_of(rpm('zsh', '9'))}"
    shutil.copy(rpm("zsh", "9"), rpms)
    assert mirrorsync("audit", f"{rpms}/zsh-9-1.noarch.rpm").code == 4
    assert mirrorsync("audit", "--all").code == 4


@pytest.mark.parametrize("put", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_file_where_a_package_was_is_not_waited_for(mirrorsync: Mirrorsync, tree: Path, put: Callable[[Path], None]) -> None:
    place = tree / "RedHat/RPMS" / f"{BASH}.rpm"
    place.unlink()
    put(place)
    found = mirrorsync("audit", BASH, "--json")
    assert (found.code, audited(found)["standing"], audited(found)["unclear"]) == (4, "differs", "what lies there is not a file")


def test_a_kept_generation_s_file_is_known_and_one_put_there_is_not(mirrorsync: Mirrorsync, tree: Path, rpm: Builder) -> None:
    kept = tree.parent / ".mirrorsync/redhat/generations/1/RedHat/RPMS"
    assert mirrorsync("audit", str(kept / "bash-1-1.noarch.rpm")).code == 0
    shutil.copy(rpm("bash", "2"), kept)
    misplaced = mirrorsync("audit", str(kept / f"{BASH}.rpm"), "--json")
    assert (misplaced.code, audited(misplaced)["standing"]) == (4, "differs")


def test_a_package_put_there_by_hand_and_adopted_is_told_from_a_fetched_one(mirrorsync: Mirrorsync, redhat: Site, rpm: Builder) -> None:
    tree = redhat.tree
    redhat.offer(rpm("tar", "2"))
    shutil.copy(rpm("site", "1"), tree / "RedHat/RPMS")
    shutil.copy(rpm("bash", "2", files={"/bin/bash": "another build"}), tree / "RedHat/RPMS" / f"{BASH}.rpm")
    assert mirrorsync("update", "--adopt-changes").code == 0
    added = audited(mirrorsync("audit", "site", "--json"))
    assert (added["coming"], added["generation"], added["signature"]) == ("by_hand", 3, "unsigned")
    replaced = audited(mirrorsync("audit", BASH, "--json"))
    assert (replaced["coming"], replaced["generation"], replaced["standing"]) == ("by_hand", None, "recorded")
    assert "another file of this name" in replaced["unclear"]


def test_a_damaged_journal_is_a_finding_and_what_is_left_is_told(mirrorsync: Mirrorsync, tree: Path) -> None:
    (tree.parent / ".mirrorsync/redhat/journal/1.json").write_text("{}")
    result = mirrorsync("audit", "tar", "--json")
    assert (result.code, audited(result)["coming"]) == (4, "unknown")
    assert [finding["code"] for finding in result.tree["findings"]] == ["journal-changed"]


def test_a_tree_that_was_never_published_says_so(tmp_path: Path, tree: Path) -> None:
    result = configured(tmp_path, tree, f'url = "file://{tmp_path}/"\n{LISTING}')("audit", "--all")
    assert result.code == 4
    assert "never published by mirrorsync: nothing is recorded of it" in result.out


def test_usage_is_told_and_a_file_that_is_no_package(mirrorsync: Mirrorsync) -> None:
    assert mirrorsync("audit").code == 2
    refused = mirrorsync("audit", str(mirrorsync.config))
    assert (refused.code, "not a package" in refused.err) == (2, True)


@pytest.mark.parametrize("name", ["/proc/kmsg", "/proc/self/mem", "sparse.rpm", "empty.rpm"])
def test_a_file_without_end_is_seen_to_be_no_package(mirrorsync: Mirrorsync, tmp_path: Path, name: str) -> None:
    (tmp_path / "empty.rpm").touch()
    with (tmp_path / "sparse.rpm").open("wb") as file:
        file.truncate(1 << 40)
    refused = mirrorsync("audit", str(tmp_path / name))
    assert (refused.code, f"{name}: not a package (" in refused.err) == (2, True)


def test_trees_that_know_nothing_are_passed_over_where_another_one_knows(mirrorsync: Mirrorsync, tmp_path: Path, rpm: Builder) -> None:
    other = copy([rpm("zsh", "1")], tmp_path / "u2/other/RedHat/RPMS").parents[1]
    add_tree(mirrorsync, other, tmp_path / "mirror")
    assert [tree["tree"] for tree in mirrorsync("audit", BASH, "--json").document["trees"]] == ["redhat"]
    assert mirrorsync("audit", BASH, "other").code == 4
    assert mirrorsync("audit", BASH, "nowhere").code == 2


def generation(
    number: int, added: str = "", removed: str = "", *, run: str = "update", back_to: int | None = None, came: str = ""
) -> Generation:
    """`came`: NEVRAs that were received, their digests the generation's number."""
    received = tuple(Received(nevra, FileRecord(nevra, 1, str(number)), None, None, None) for nevra in came.split())
    names = tuple(added.split()), tuple(removed.split())
    return Generation(number, NOW + timedelta(days=number), run, back_to=back_to, added=names[0], removed=names[1], received=received)


RECORDS = (
    generation(1, run=ADOPTION),
    generation(2, "b-2", "b-1", came="b-2"),
    generation(3, "b-1", "b-2", run="rollback", back_to=1),
    generation(4, "b-2", "b-1", run="rollback", back_to=2),
    generation(5, run=ADOPTION),
    generation(6, "x-1", "c-1"),
)


@pytest.mark.parametrize(
    ("nevra", "listed", "coming", "number", "numbers"),
    [
        ("a-1", True, Coming.ADOPTED, 5, (5, 6)),
        ("b-2", True, Coming.FETCHED, 2, (2, 4, 5, 6)),
        ("b-1", False, Coming.ADOPTED, 1, (1, 3)),
        ("c-1", False, Coming.ADOPTED, 5, (5,)),
        ("x-1", True, Coming.BY_HAND, 6, (6,)),
        ("z-1", False, Coming.UNKNOWN, None, ()),
    ],
)
def test_the_records_tell_how_each_package_came_and_who_listed_it(
    nevra: str, *, listed: bool, coming: Coming, number: int | None, numbers: tuple[int, ...]
) -> None:
    came = Ledger(RECORDS).provenance(nevra, listed=listed)
    assert (came.coming, came.generation and came.generation.number, came.listed_in) == (coming, number, numbers)


def test_of_two_deliveries_of_one_nevra_the_recorded_file_s_counts() -> None:
    ledger = Ledger((*RECORDS, generation(7, "b-2", came="b-2")))
    came = [ledger.provenance("b-2", listed=True, sha256=sha256).generation for sha256 in ("2", "7", None)]
    assert [found and found.number for found in came] == [2, 7, 7]
    assert ledger.provenance("b-2", listed=True, sha256="9").coming is Coming.BY_HAND


def test_a_rollback_s_packages_point_to_where_they_first_came_in() -> None:
    assert first_comings(RECORDS, ["b-1", "b-2", "z-1"]) == (Returned("b-1", 1), Returned("b-2", 2), Returned("z-1", None))


@pytest.mark.parametrize(("numbers", "text"), [((1,), "1"), ((1, 2, 3), "1 to 3"), ((1, 3, 4), "1, 3 to 4"), ((), "")])
def test_runs_of_generations_are_drawn_together(numbers: tuple[int, ...], text: str) -> None:
    assert spans(numbers) == text
