"""Extraction in a child process: sep holds the interpreter's lock, and a window must not wait."""

from __future__ import annotations

import multiprocessing
import os
import threading
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.settings import ExtractionSettings
from cpcs_desktop.datamodel.sources import Exposure
from cpcs_desktop.garbage import collect_rarely

if TYPE_CHECKING:
    from cpcs_desktop.settings import CameraSettings


def _warm_up() -> None:
    """Import in the child what the first frame would have to wait for."""
    threading.Thread(target=end_with_parent, daemon=True).start()
    collect_rarely()
    import astropy.io.fits
    import astropy.wcs
    import sep

    import cpcs_desktop.extract.sources

    del astropy, sep, cpcs_desktop


def end_with_parent() -> None:
    """Leave no child behind a window that was killed: its queue would never end by itself."""
    from multiprocessing import parent_process

    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _extract(
    path: str,
    hdu: int | None,
    settings: ExtractionSettings,
    camera: CameraSettings | None,
) -> Exposure:
    from cpcs_desktop.extract.sources import extract_sources

    return extract_sources(path, hdu, settings, camera)


class ExtractionWorker:
    """One warmed, spawned child process that extracts frames, one after the other.

    A child that dies (killed, out of memory) costs the frames it was given: their futures fail
    with a CpcsError, code ``extraction_died``; the next ``submit`` starts a fresh child.

    Examples
    --------
    >>> with ExtractionWorker() as worker:          # doctest: +SKIP
    ...     exposure = worker.submit("frame.fits").result()
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool: ProcessPoolExecutor | None = None
        self._closed = False

    def __enter__(self) -> Self:
        self.warm()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def warm(self) -> None:
        """Start the child now, in the background, so that the first frame does not wait."""
        with self._lock:
            self._running_pool()

    def submit(
        self,
        path: str | os.PathLike[str],
        hdu: int | None = None,
        settings: ExtractionSettings = ExtractionSettings(),  # noqa: B008  frozen
        camera: CameraSettings | None = None,
    ) -> Future[Exposure]:
        """Queue a frame; the future yields its Exposure or raises CpcsError.

        Parameters as of :func:`cpcs_desktop.extract.extract_sources`.
        """
        arguments = (os.fspath(path), hdu, settings, camera)
        answer: Future[Exposure] = Future()
        with self._lock:
            try:
                inner = self._running_pool().submit(_extract, *arguments)
            except BrokenProcessPool:  # the child died while idle
                self._pool = None
                inner = self._running_pool().submit(_extract, *arguments)
        name = Path(path).name

        def deliver(done: Future[Exposure]) -> None:
            if done.cancelled() or not answer.set_running_or_notify_cancel():
                answer.cancel()
                return
            error = done.exception()
            if isinstance(error, BrokenProcessPool):
                self._forget_broken()
                error = CpcsError(
                    "extraction_died",
                    f"The extraction of {name} was ended by the system.",
                    "Free some memory, then open the frame again.",
                )
            if error is not None:
                answer.set_exception(error)
            else:
                answer.set_result(done.result())

        inner.add_done_callback(deliver)
        return answer

    def close(self) -> None:
        """End the child; frames still waiting are cancelled. Safe to repeat."""
        with self._lock:
            pool, self._pool, self._closed = self._pool, None, True
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)

    def child_pid(self) -> int | None:
        """Return the process number of the child, None when there is none yet."""
        with self._lock:
            processes = getattr(self._pool, "_processes", None) or {}
            return next(iter(processes), None)

    def _running_pool(self) -> ProcessPoolExecutor:
        if self._closed:
            raise CpcsError("closed", "The program is closing.", "")
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(1, mp_context=context, initializer=_warm_up)
            self._pool.submit(os.getpid)  # the executor starts its child with the first task
        return self._pool

    def _forget_broken(self) -> None:
        with self._lock:
            pool = self._pool
            if pool is not None and getattr(pool, "_broken", False):
                self._pool = None
