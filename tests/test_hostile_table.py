"""The table of mirrors that misbehave, and that each of its rows would tell if a check were not there."""

from pathlib import Path

import pytest

from tests.hostile.plants import PLANTS
from tests.hostile.program import Program
from tests.hostile.running import run_case
from tests.hostile.stock import Stock
from tests.hostile.table import ROWS, all_cases, listed, uncovered

CASES = all_cases()


@pytest.mark.parametrize("row", ROWS)
def test_a_check_that_is_removed_is_missed(row: str, stock: Stock, loaded_program: Program, tmp_path: Path) -> None:
    cases = {case.id: case for case in CASES}
    plants = [plant for plant in PLANTS if plant.row == row]
    assert plants
    for number, plant in enumerate(plants):
        outcome = run_case(cases[plant.case], stock, loaded_program, tmp_path / str(number), plant=plant.name)
        assert outcome.faults, plant.name
        assert "a traceback" not in outcome.faults, plant.name


def test_every_row_has_cases_of_both_kinds_of_mirror_or_a_reason_why_not() -> None:
    assert uncovered(CASES) == []


def test_every_case_has_an_id_of_its_own() -> None:
    assert len({case.id for case in CASES}) == len(CASES)


def test_the_table_in_the_documentation_has_every_case() -> None:
    page = Path(__file__).parents[1] / "docs" / "TRUST.md"
    assert listed(page.read_text(encoding="utf-8")) == [case.id for case in CASES]
