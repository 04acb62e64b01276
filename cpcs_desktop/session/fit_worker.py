"""Fits in a child process: reading surveys and fitting every band would hold a window's thread."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.garbage import collect_rarely

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

P = ParamSpec("P")
T = TypeVar("T")
#: The window and other programs come first; what is left of the machine is still all of it.
_NICER = 5


def _warm_up() -> None:
    """Import what the first fit would wait for; end with the parent, whatever ends it."""
    from cpcs_desktop.extract.worker import end_with_parent

    threading.Thread(target=end_with_parent, daemon=True).start()
    collect_rarely()
    if hasattr(os, "nice"):
        os.nice(_NICER)
    import cpcs_desktop.pipeline
    import cpcs_desktop.surveys.cache

    del cpcs_desktop


class FitWorker:
    """One warmed, spawned child process that runs functions one after the other.

    A child that dies costs what it was given: those futures fail with a CpcsError, code
    ``fit_died``; the next ``submit`` starts a fresh child.

    Examples
    --------
    >>> worker = FitWorker()                                      # doctest: +SKIP
    >>> calibration = worker.submit(fit_frame, exposure, decisions, folder).result()
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool: ProcessPoolExecutor | None = None
        self._closed = False

    def warm(self) -> None:
        """Start the child now; returns at once."""
        self.submit(os.getpid)

    def submit(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Queue a call; function, arguments and answer cross as pickles."""
        from concurrent.futures.process import BrokenProcessPool

        with self._lock:
            if self._closed:
                raise CpcsError("closed", "The program is closing.", "")
            try:
                inner = self._running().submit(work, *args, **kwargs)
            except BrokenProcessPool:  # the child died while idle
                self._pool = None
                inner = self._running().submit(work, *args, **kwargs)
        answer: Future[T] = Future()
        inner.add_done_callback(lambda done: self._deliver(done, answer))
        return answer

    def _running(self) -> ProcessPoolExecutor:
        if self._pool is None:
            # Slow to import, and the window wants to be seen first.
            import multiprocessing
            from concurrent.futures import ProcessPoolExecutor

            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(1, mp_context=context, initializer=_warm_up)
        return self._pool

    def _deliver(self, done: Future[Any], answer: Future[Any]) -> None:
        from concurrent.futures.process import BrokenProcessPool

        if done.cancelled() or not answer.set_running_or_notify_cancel():
            answer.cancel()
            return
        error = done.exception()
        if isinstance(error, BrokenProcessPool):
            with self._lock:
                self._pool = None
            error = CpcsError(
                "fit_died",
                "The fit was ended by the system.",
                "Free some memory, then calibrate the frame again.",
            )
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(done.result())

    def close(self) -> None:
        """End the child; what waits is cancelled. Safe to repeat."""
        with self._lock:
            pool, self._pool, self._closed = self._pool, None, True
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)
