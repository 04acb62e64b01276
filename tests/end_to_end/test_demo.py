"""``cpcs demo`` as a child process: the whole way, and what it says where a part is missing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

RUN = [sys.executable, "-c", "from cpcs_desktop.cli.main import main; main()", "demo"]

#: The child's ``sitecustomize``: the server extra is not installed.
NO_SERVER = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"fastapi", "sqlalchemy", "uvicorn"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
"""


def demo(
    folder: Path, *words: str, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*RUN, "-o", str(folder), "--no-window", "--no-pictures", *words],
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )


def test_the_practice_night_comes_out_true_and_is_shared(tmp_path: Path) -> None:
    done = demo(tmp_path / "demo", "--json", env={"CPCS_SERVER_URL": "http://not.used.invalid"})
    assert done.returncode == 0, done.stderr
    outcomes = [json.loads(line) for line in done.stdout.splitlines()]
    truth = json.loads((tmp_path / "demo" / "night" / "truth.json").read_text())
    assert len(outcomes) == sum(name.startswith("frames/") for name in truth)
    assert {outcome["state"] for outcome in outcomes} == {"STORED"}
    assert outcomes[0]["is_limit"]
    detections = [outcome for outcome in outcomes if not outcome["is_limit"]]
    assert len(detections) >= len(outcomes) - 2
    for outcome in detections:
        name = outcome["path"].rpartition("/")[2]
        known = truth[f"frames/{name}"]["mags"][outcome["band"]]
        assert outcome["truth"] == known
        assert abs(outcome["mag"] - known) < 5 * outcome["mag_err"]
        assert outcome["band"].endswith("/" + name.rpartition("-")[2][0])
    curve = (tmp_path / "demo" / "lightcurve.csv").read_text().splitlines()
    rows = [line for line in curve if line and not line.startswith("#")]
    assert len(rows) == len(outcomes) + 1
    # Nothing outside the demo's own folder, not even the profile the tests run in.
    assert not Path(os.environ["CPCS_PROFILE"]).exists()


def test_without_the_server_it_says_which_step_it_skips(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(NO_SERVER)
    done = demo(tmp_path / "demo", env={"PYTHONPATH": str(site)})
    assert done.returncode == 0, done.stderr
    assert "Skipped: the server is not installed" in done.stderr
    assert "Skipped: no server, no shared light curve" in done.stderr
    assert "difference" in done.stdout
    assert done.stdout.count("WAITING") == 8
