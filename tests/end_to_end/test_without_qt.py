"""An environment without PySide6 and pyqtgraph imports and runs everything but the window."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

#: Installed as the child's ``sitecustomize``: these imports fail as if nothing were installed.
BLOCKER = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"PySide6", "pyqtgraph", "shiboken6"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
"""

IMPORT_ALL = """
import importlib, pkgutil
import cpcs_desktop, server_stub

for package in (cpcs_desktop, server_stub):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.startswith("cpcs_desktop.ui") and "migrations" not in module.name:
            importlib.import_module(module.name)
try:
    importlib.import_module("PySide6")
except ModuleNotFoundError:
    print("all imported")
"""


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    blocker = folder / "without-qt"
    blocker.mkdir(exist_ok=True)
    (blocker / "sitecustomize.py").write_text(BLOCKER)
    env = {**os.environ, "PYTHONPATH": str(blocker)}
    return subprocess.run(
        [sys.executable, *words], env=env, capture_output=True, text=True, check=False
    )


def test_every_module_but_the_window_imports(tmp_path: Path) -> None:
    done = run(tmp_path, "-c", IMPORT_ALL)
    assert done.stdout.strip() == "all imported", done.stderr


def test_a_frame_is_calibrated(
    practice: Path, practice_truth: dict[str, Any], tmp_path: Path
) -> None:
    code = "from cpcs_desktop.cli.main import main; main()"
    target = f"{practice_truth['ra']},{practice_truth['dec']}"
    done = run(
        tmp_path,
        *("-c", code, "calibrate", str(practice / "frames" / "practice-02-r.fits"), "--json"),
        *("--target", target, "--cache", str(practice / "cache")),
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    truth = practice_truth["mags"][result["band"]]
    assert abs(result["mag"] - truth) < 5 * result["mag_err_total"]


def test_the_window_says_what_is_missing(tmp_path: Path) -> None:
    done = run(tmp_path, "-c", "import cpcs_desktop.ui.app as app; app.main()")
    assert done.returncode != 0
    assert "PySide6" in done.stderr
