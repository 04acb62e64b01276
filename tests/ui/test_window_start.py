"""The window stands before anything heavy is imported (specification: under 1.5 s warm)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HEAVY = (
    "astropy",
    "healpy",
    "keyring",
    "matplotlib",
    "mocpy",
    "pandas",
    "pyarrow",
    "requests",
    "scipy",
    "sep",
    "server_stub",
    "sqlalchemy",
)
START = """
import sys
from PySide6.QtWidgets import QApplication
from cpcs_desktop.ui.app import Desktop, parser
app = QApplication([])
desktop = Desktop(app, parser().parse_args(["--profile", sys.argv[1]]))
print("heavy:", *(name for name in sys.argv[2:] if name in sys.modules))
desktop.window.close()
"""


def test_nothing_heavy_is_imported_before_the_window_is_seen(tmp_path: Path) -> None:
    words = [sys.executable, "-c", START, str(tmp_path / "profile"), *HEAVY]
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    ended = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["heavy:"]


def test_a_child_that_reads_the_entry_has_no_qt() -> None:
    """Spawned processes import the module of the program that started them."""
    words = (
        "import sys, cpcs_desktop.desktop; print('PySide6' in sys.modules, 'numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
