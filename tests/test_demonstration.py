"""What a newcomer is shown."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_the_demonstration_plans_updates_and_checks_a_tree() -> None:
    command = [sys.executable, "-m", "fixtures.demonstration"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    for words in ("kernel-smp-2.4.20-20.7.i686", "mm-1.1.3-11.i386", "net-snmp-5.0.9-2.73.i386", "squid-2.4.STABLE7-4.i386"):
        assert words in done.stdout
    codes = [line for line in done.stdout.splitlines() if line.startswith("(exit code")]
    assert codes == [f"(exit code {code})" for code in (0, 0, 3, 3, 0, 0, 0, 3)]
