"""Long work that comes piece by piece: each piece is told, and it can be cancelled in between."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from PySide6.QtCore import QObject, Signal


class Stepwise(QObject):
    """One thread that runs one iterator at a time.

    Its owner closes it before it goes; views may come and go while it runs.

    Parameters
    ----------
    name : str
        Of the thread.

    Signals
    -------
    found(object)
        A piece, in the thread of the owner.
    ended(object)
        None at the end or after a cancel, else the exception.
    """

    found = Signal(object)
    ended = Signal(object)

    def __init__(self, name: str, parent: QObject) -> None:
        super().__init__(parent)
        self._threads = ThreadPoolExecutor(1, f"cpcs-{name}")
        self._cancelled = threading.Event()
        self._future: Future[None] | None = None

    @property
    def running(self) -> bool:
        """Whether it works."""
        return self._future is not None and not self._future.done()

    def start(self, pieces: Callable[[], Iterator[Any]]) -> None:
        """Run an iterator; what was under way is cancelled first."""
        self.cancel()
        self._cancelled = cancelled = threading.Event()
        self._future = self._threads.submit(self._run, pieces, cancelled)

    def _run(self, pieces: Callable[[], Iterator[Any]], cancelled: threading.Event) -> None:
        error: Exception | None = None
        try:
            for piece in pieces():
                if cancelled.is_set():
                    break
                self.found.emit(piece)
        except Exception as failed:  # noqa: BLE001  handed on, whatever it is
            error = failed
        if cancelled is self._cancelled:  # else another run has begun, and its end is awaited
            self.ended.emit(error)

    def cancel(self) -> None:
        """Stop after the present piece; what was found stays found."""
        self._cancelled.set()

    def close(self) -> None:
        """Stop and wait for the present piece."""
        self.cancel()
        self._threads.shutdown(wait=True, cancel_futures=True)
