"""Updates from bare directories that misbehave, each in one way: docs/TRUST.md's table, run."""

from pathlib import Path

import pytest

from tests.hostile.cases import LISTING, Case
from tests.hostile.program import Program
from tests.hostile.running import require_right
from tests.hostile.stock import Stock
from tests.hostile.table import all_cases


@pytest.mark.parametrize("case", [case for case in all_cases() if case.kind is LISTING], ids=lambda case: case.id)
def test_nothing_wrong_comes_of_a_mirror_that_misbehaves(case: Case, stock: Stock, loaded_program: Program, tmp_path: Path) -> None:
    require_right(case, stock, loaded_program, tmp_path / "case")
