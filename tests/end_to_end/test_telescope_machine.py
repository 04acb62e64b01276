"""A few fields to a machine without any network and calibrated there; the benchmark takes 200."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "telescope_machine.py"


def test_prepared_packed_unpacked_and_calibrated_without_a_network(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(PROGRAM), "--fields", "4", "--work", str(tmp_path)],
        capture_output=True, text=True, check=False, timeout=110,
    )  # fmt: skip
    if done.returncode == 3:
        pytest.skip("a program's network cannot be cut off here")
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout)
    assert told["covered"] == {"SDSS": 1.0, "APASS": 1.0}
    assert told["calibrated"] == told["right_event_and_band"] == 4
    assert told["worst_sigma"] < 4.0
