"""Background work: one answer, in the GUI thread, never after its owner's end."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from cpcs_desktop.ui.task import Tasks


def test_answers_come_in_the_gui_thread(qtbot: QtBot) -> None:
    owner, got = QObject(), []
    tasks = Tasks(owner)
    with ThreadPoolExecutor(1) as pool:
        tasks.start("a", pool.submit(lambda: 5), lambda v: got.append((v, threading.get_ident())))
        qtbot.waitUntil(lambda: bool(got))
    assert got == [(5, threading.get_ident())]
    assert len(tasks) == 0


def test_newest_wins(qtbot: QtBot) -> None:
    owner, got = QObject(), []
    tasks = Tasks(owner)
    old: Future[int] = Future()
    new: Future[int] = Future()
    tasks.start("a", old, got.append)
    tasks.start("a", new, got.append)
    old.set_running_or_notify_cancel()
    new.set_result(2)
    qtbot.waitUntil(lambda: got == [2])
    qtbot.wait(30)
    assert got == [2]


def test_errors_go_where_they_are_wanted(qtbot: QtBot) -> None:
    owner, own, general = QObject(), [], []
    tasks = Tasks(owner)
    tasks.failed.connect(general.append)
    for key, otherwise in (("a", own.append), ("b", None)):
        future: Future[int] = Future()
        tasks.start(key, future, lambda _v: None, otherwise)
        future.set_exception(ValueError(key))
    qtbot.waitUntil(lambda: len(own) == len(general) == 1)
    assert (str(own[0]), str(general[0])) == ("a", "b")


def test_nothing_comes_after_the_owner_is_gone(qtbot: QtBot) -> None:
    owner, got = QObject(), []
    tasks = Tasks(owner)
    future: Future[int] = Future()
    tasks.start("a", future, got.append)
    tasks.cancel_all()
    future.set_running_or_notify_cancel()
    owner.deleteLater()
    QApplication.sendPostedEvents(owner, 52)
    qtbot.wait(20)
    assert got == []


def test_a_burst_of_wishes_runs_the_last(qtbot: QtBot) -> None:
    """Live redrawing: a hundred moves of the mouse end in the answer to the last one."""
    owner, got, ran = QObject(), [], []

    def work(n: int) -> int:
        ran.append(n)
        time.sleep(0.002)
        return n

    tasks = Tasks(owner)
    with ThreadPoolExecutor(1) as pool:
        for n in range(100):
            tasks.start("move", pool.submit(work, n), got.append)
        qtbot.waitUntil(lambda: got == [99])
    assert len(ran) < 100
