"""Work that comes piece by piece, and its cancel."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from cpcs_desktop.ui.stepwise import Stepwise


def test_pieces_come_in_the_owners_thread_and_an_error_is_the_end(qtbot: QtBot) -> None:
    owner = QObject()
    run = Stepwise("test", owner)
    found: list[tuple[int, str]] = []
    run.found.connect(lambda n: found.append((n, threading.current_thread().name)))

    def pieces() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("three")

    with qtbot.waitSignal(run.ended) as ended:
        run.start(pieces)
    assert found == [(1, "MainThread"), (2, "MainThread")]
    assert isinstance(ended.args[0], ValueError)
    run.close()


def test_a_cancelled_run_ends_and_a_new_one_is_not_ended_by_the_old(qtbot: QtBot) -> None:
    owner = QObject()
    run = Stepwise("test", owner)
    found: list[str] = []
    ends: list[object] = []
    run.found.connect(found.append)
    run.ended.connect(ends.append)
    go_on = threading.Event()

    def slow() -> Iterator[str]:
        yield "old"
        go_on.wait(10)
        yield "late"

    run.start(slow)
    qtbot.waitUntil(lambda: found == ["old"])
    run.start(lambda: iter(["new"]))
    go_on.set()
    qtbot.waitUntil(lambda: bool(ends))
    assert found == ["old", "new"]
    run.start(slow)
    run.cancel()
    qtbot.waitUntil(lambda: len(ends) == 2)  # also when it had not begun yet
    run.close()
    assert "late" not in found
