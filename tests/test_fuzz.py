"""Readers of what comes from outside, given inputs of all kinds: a refusal in a line, in bounded time and memory, or a value."""

import dataclasses
from pathlib import Path

import pytest

from mirrorsync.errors import HeaderError
from tests.corpus import needs_corpus
from tests.fuzz import examination
from tests.fuzz.campaign import Tally, campaign
from tests.fuzz.examination import Examiner, Outcome, limits
from tests.fuzz.found import SEEDS, Seed
from tests.fuzz.mutation import mutator
from tests.fuzz.plants import PLANTED, Planted
from tests.fuzz.scratch import scratch_folder
from tests.fuzz.target import Target
from tests.fuzz.targets import TARGETS

_SHARE_OF_THE_CORPUS = 4  # its seeds get a quarter of the inputs
_WITH_SAMPLES = sorted(name for name, target in TARGETS.items() if target.corpus is not tuple)


def report(tally: Tally) -> str:
    return "\n".join(tally.lines())


def refused(content: bytes, folder: Path) -> None:
    """A reader of one's own for each test of what is looked for."""
    raise HeaderError(f"{len(content)} bytes in {folder.name}")


def outcome_of(target: Target, content: bytes = b"x") -> Outcome:
    with scratch_folder() as folder, limits():
        return Examiner(target, folder).examine(content)


def target_of(read: object) -> Target:
    return Target("own", read, tuple, (HeaderError,), mutator())  # type: ignore[arg-type]  # whatever a test gives


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_no_input_takes_a_reader_by_surprise(name: str) -> None:
    tally = campaign(TARGETS[name], executions=TARGETS[name].budget)
    assert not tally.found, report(tally)


@pytest.mark.parametrize("name", _WITH_SAMPLES)
@pytest.mark.corpus
@needs_corpus[1]
def test_no_input_made_of_the_corpus_takes_a_reader_by_surprise(name: str) -> None:
    target = TARGETS[name]
    seeds = target.corpus()
    assert seeds
    tally = campaign(dataclasses.replace(target, seeds=lambda: seeds), executions=len(seeds) + target.budget // _SHARE_OF_THE_CORPUS)
    assert not tally.found, report(tally)


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: seed.name)
def test_what_once_took_a_reader_by_surprise_is_refused_in_a_line(seed: Seed) -> None:
    outcome = outcome_of(TARGETS[seed.target], seed.make())
    assert outcome.fault == ""
    if not (outcome.accepted and seed.by_version):
        assert outcome.accepted == (seed.refusal is None)
        assert (seed.refusal or "") in outcome.said


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.what)
def test_a_planted_fault_is_found_among_the_usual_inputs(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    target = TARGETS[planted.target]
    seeds = list(target.seeds())
    planted.put(monkeypatch)
    tally = campaign(dataclasses.replace(target, seeds=lambda: seeds), executions=target.budget, until_found=True)
    assert [found.fault for found in tally.found.values() if planted.fault in found.fault], report(tally)


def test_the_same_inputs_are_made_in_every_run() -> None:
    runs = [campaign(TARGETS["header"], executions=300) for _ in range(2)]
    assert [(run.accepted, run.ways) for run in runs] == [(runs[0].accepted, runs[0].ways)] * 2


def test_a_documented_refusal_is_no_finding() -> None:
    assert outcome_of(target_of(refused)).fault == ""


def test_an_exception_that_is_not_documented_is_a_finding() -> None:
    def surprised(*_: object) -> None:
        raise KeyError("missing")

    assert outcome_of(target_of(surprised)).fault == "KeyError: 'missing'"


def test_a_refusal_over_two_lines_is_a_finding() -> None:
    assert "in more than a line" in outcome_of(target_of(lambda *_: refused(b"", Path("a\nb")))).fault


def test_a_reader_that_takes_too_long_is_ended_and_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "SECONDS", 0.1)

    def endless(*_: object) -> None:
        while True:
            pass

    assert outcome_of(target_of(endless)).fault == "takes more than 0.1 s"


def test_a_reader_that_takes_too_much_memory_is_a_finding() -> None:
    assert outcome_of(target_of(lambda *_: len(b"x" * (examination.MOST_BYTES + (8 << 20))))).fault.startswith("takes 30")


def test_a_reader_that_asks_for_more_than_there_is_room_for_is_a_finding() -> None:
    assert outcome_of(target_of(lambda *_: bytes(8 << 30))).fault.startswith("MemoryError")
