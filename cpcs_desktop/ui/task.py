"""Background work with its answer in the GUI thread; nothing outlives its owner."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import CancelledError, Future
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal


class Task(QObject):
    """One future, seen from the GUI thread.

    The owner is the Qt parent; :meth:`cancel` (or the end of the owner) makes sure that nothing is
    delivered any more, whatever the future does.

    Signals
    -------
    succeeded(object), failed(Exception), cancelled()
        Exactly one of them, in the thread of the owner.
    """

    succeeded = Signal(object)
    failed = Signal(object)
    cancelled = Signal()
    _done = Signal()

    def __init__(self, future: Future[Any], parent: QObject) -> None:
        super().__init__(parent)
        self._future = future
        self._alive = True
        self._lock = threading.Lock()
        self._done.connect(self._deliver, Qt.ConnectionType.QueuedConnection)
        future.add_done_callback(self._wake)

    def _wake(self, _future: Future[Any]) -> None:
        """Run by the thread that finished the future."""
        with self._lock:
            if self._alive:
                self._done.emit()

    def _deliver(self) -> None:
        if not self._alive:
            return
        self.close()
        try:
            answer = self._future.result()
        except CancelledError:
            self.cancelled.emit()
        except Exception as error:  # noqa: BLE001  handed on, whatever it is
            self.failed.emit(error)
        else:
            self.succeeded.emit(answer)

    def close(self) -> None:
        """Deliver nothing any more."""
        with self._lock:
            self._alive = False

    def cancel(self) -> None:
        """Give up: a waiting future never runs, a running one is not listened to."""
        if self._alive:
            self.close()
            self._future.cancel()
            self.cancelled.emit()


class Tasks(QObject):
    """The running tasks of one owner, by key; starting one key again drops the older task.

    Signals
    -------
    failed(Exception)
        An error that the starter did not take.
    count_changed(int)
        How many tasks are under way.
    """

    failed = Signal(object)
    count_changed = Signal(int)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._tasks: dict[Hashable, Task] = {}

    def __len__(self) -> int:
        return len(self._tasks)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._tasks

    def start(
        self,
        key: Hashable,
        future: Future[Any],
        then: Callable[[Any], None],
        otherwise: Callable[[Exception], None] | None = None,
    ) -> Task:
        """Listen to a future; ``then`` gets its answer, ``otherwise`` its error."""
        self.cancel(key)
        task = Task(future, self)
        self._tasks[key] = task
        task.succeeded.connect(lambda answer: self._finish(key, task, then, answer))
        task.failed.connect(
            lambda error: self._finish(key, task, otherwise or self.failed.emit, error)
        )
        task.cancelled.connect(lambda: self._finish(key, task, None, None))
        self.count_changed.emit(len(self._tasks))
        return task

    def _finish(
        self, key: Hashable, task: Task, deliver: Callable[[Any], None] | None, answer: Any
    ) -> None:
        if self._tasks.get(key) is task:
            del self._tasks[key]
        task.deleteLater()
        if deliver is not None:
            deliver(answer)
        self.count_changed.emit(len(self._tasks))

    def cancel(self, key: Hashable) -> None:
        """Drop the task of a key, if there is one."""
        task = self._tasks.get(key)
        if task is not None:
            task.cancel()

    def cancel_all(self) -> None:
        """Drop everything."""
        for key in list(self._tasks):
            self.cancel(key)
