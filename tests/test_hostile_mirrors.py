"""Updates from mirrors that misbehave, each in one way: docs/TRUST.md's table, run."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.cases import Case
from tests.hostile.plants import PLANTS
from tests.hostile.running import run_case
from tests.hostile.stock import Stock, stocked
from tests.hostile.table import ROWS, all_cases, listed, uncovered

CASES = all_cases()


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stock]:
    with stocked(tmp_path_factory.mktemp("stock") / "stock") as made:
        yield made


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_nothing_wrong_comes_of_a_mirror_that_misbehaves(case: Case, stock: Stock, tmp_path: Path) -> None:
    outcome = run_case(case, stock, tmp_path / "case")
    shutil.rmtree(tmp_path / "case")
    assert not outcome.faults, f"{outcome.faults}\n{outcome.ended.said}"


@pytest.mark.parametrize("row", ROWS)
def test_a_check_that_is_removed_is_missed(row: str, stock: Stock, tmp_path: Path) -> None:
    cases = {case.id: case for case in CASES}
    plants = [plant for plant in PLANTS if plant.row == row]
    assert plants
    for number, plant in enumerate(plants):
        assert run_case(cases[plant.case], stock, tmp_path / str(number), plant=plant.name).faults, plant.name


def test_every_row_has_cases_of_both_kinds_of_mirror_or_a_reason_why_not() -> None:
    assert uncovered(CASES) == []


def test_every_case_has_an_id_of_its_own() -> None:
    assert len({case.id for case in CASES}) == len(CASES)


def test_the_table_in_the_documentation_has_every_case() -> None:
    page = Path(__file__).parents[1] / "docs" / "TRUST.md"
    assert listed(page.read_text(encoding="utf-8")) == [case.id for case in CASES]
