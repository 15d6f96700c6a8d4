"""Nodes that boot what was staged and read what was published, under QEMU: two boots, and all of tests/boots where that is asked for."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.boots.__main__ import obstacle
from tests.boots.trials import TRIALS

ASKED_FOR = "MIRRORSYNC_GUESTS"
ALWAYS = ("undi", "secure")
SECONDS = 900

pytestmark = pytest.mark.skipif(bool(obstacle()), reason=f"no boots here: {obstacle()}")


def boots(*trials: str) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "tests.boots", "--json", *trials]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("trial", ALWAYS)
def test_a_node_boots_what_was_staged_and_reads_the_same_bytes_by_every_way(trial: str) -> None:
    [boot] = boots(trial)
    assert boot["faults"] == []


@pytest.mark.skipif(ASKED_FOR not in os.environ, reason=f"boots nodes for five minutes and more; set {ASKED_FOR}=1")
@pytest.mark.parametrize("trial", sorted(set(TRIALS) - set(ALWAYS)))
def test_so_it_does_in_every_style_and_stops_where_a_check_has_told_it_would(trial: str) -> None:
    for boot in boots(trial):
        assert boot["faults"] == []
