"""The binding itself: a bad build of it would kill the window after some minutes of work."""

from __future__ import annotations

import sys

from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot


def test_calls_keep_the_references_to_none(qtbot: QtBot) -> None:
    """PySide6 6.12.0 loses one reference to None a call before Python 3.12."""
    widget = QWidget()
    qtbot.addWidget(widget)
    before = sys.getrefcount(None)
    for _ in range(500):
        widget.update()
    assert abs(sys.getrefcount(None) - before) < 100
