"""`python -m tests.hostile`: every case run, and what it took; --table makes docs/TRUST.md's table anew, --plants removes checks."""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.hostile.plants import PLANTS
from tests.hostile.program import Program, loaded
from tests.hostile.running import Outcome, run_case
from tests.hostile.stock import Stock, stocked
from tests.hostile.table import BEGIN, END, all_cases, table

_PAGE = Path(__file__).parents[2] / "docs" / "TRUST.md"


def main() -> int:
    """Do what the command line says; 1 where a case went wrong, or a removed check was not missed."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="hostile-") as name, stocked(Path(name) / "stock") as stock, loaded() as program:
        if options.plants:
            return 0 if all(_missed(stock, program, Path(name))) else 1
        outcomes = list(_outcomes(stock, program, Path(name), options.only))
    if options.table:
        _write(outcomes)
    _sum_up(outcomes)
    return 1 if any(outcome.faults for outcome in outcomes) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--table", action="store_true", help="write docs/TRUST.md's table from these runs")
    parser.add_argument("--plants", action="store_true", help="remove one check after the other, and see that a case fails for it")
    parser.add_argument("--only", default="", help="cases whose ids contain this")
    return parser.parse_args()


def _outcomes(stock: Stock, program: Program, folder: Path, only: str) -> Iterator[Outcome]:
    for case in all_cases():
        if only in case.id:
            outcome = run_case(case, stock, program, folder / "case")
            shutil.rmtree(folder / "case")
            ended = outcome.ended
            print(
                f"{case.id}: {ended.seconds:.1f} s, {ended.processor:.1f} s of processor, {ended.megabytes:.0f} MB",
                *outcome.faults,
                sep="\n  ",
            )
            yield outcome


def _missed(stock: Stock, program: Program, folder: Path) -> Iterator[bool]:
    """Whether each removed check makes its case fail."""
    cases = {case.id: case for case in all_cases()}
    for plant in PLANTS:
        outcome = run_case(cases[plant.case], stock, program, folder / "case", plant=plant.name)
        shutil.rmtree(folder / "case")
        print(f"{plant.row}: without {plant.name}: {plant.case}: {'caught: ' + outcome.faults[0] if outcome.faults else 'NOT CAUGHT'}")
        yield bool(outcome.faults)


def _write(outcomes: Iterable[Outcome]) -> None:
    before, _, rest = _PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _PAGE.write_text(before + "\n".join(table(outcomes)) + rest.partition(END)[2], encoding="utf-8")


def _sum_up(outcomes: list[Outcome]) -> None:
    largest = max(outcomes, key=lambda outcome: outcome.ended.megabytes)
    longest = max(outcomes, key=lambda outcome: outcome.ended.processor)
    wrong = sum(bool(outcome.faults) for outcome in outcomes)
    print(f"{len(outcomes)} cases, {wrong} wrong")
    print(f"largest memory: {largest.ended.megabytes:.0f} MB ({largest.case.id})")
    print(f"longest: {longest.ended.processor:.1f} s of processor time ({longest.case.id})")


if __name__ == "__main__":
    sys.exit(main())
