"""Calibration of uploaded lists in a child process with limits.

A list comes from a stranger: whatever it does to a parser (endless loops, gigabytes, a crash
in C) happens in a child with little to lose, and light curves go on being answered meanwhile.
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import resource
import signal
import sys
import tempfile
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from cpcs_desktop.datamodel.errors import CpcsError
from server_stub.list_calibration import CalibratedList, ListRequest, calibrate_list
from server_stub.settings import ServerSettings

#: Address space of a child; large libraries map much that they never touch.
CHILD_MEMORY = 6 * 2**30
#: Largest file a child may write (it writes none but libraries' caches).
CHILD_FILE = 64 * 2**20
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class _Result:
    """What comes back from the child: one of the two."""

    calibrated: CalibratedList | None = None
    error: CpcsError | None = None


class Calibrator:
    """One or more child processes that calibrate uploaded lists.

    Parameters
    ----------
    settings : ServerSettings
    """

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._pool: ProcessPoolExecutor | None = None
        self._closed = False

    def calibrate(self, request: ListRequest, content: bytes) -> CalibratedList:
        """Calibrate one list.

        Raises
        ------
        CpcsError
            What is wrong with the list; ``too_long`` when it took too much time or memory.
        """
        with tempfile.TemporaryDirectory(prefix="cpcs-upload-") as folder:
            file = Path(folder) / "list"  # never a name that a client chose
            file.write_bytes(content)
            pool = self._started()
            try:
                future = pool.submit(_in_child, request, str(file), self._settings)
            except BrokenProcessPool:  # a child died since the last list: not this list's fault
                self._end(pool)
                pool = self._started()
                future = pool.submit(_in_child, request, str(file), self._settings)
            try:
                result = future.result(timeout=self._settings.calibration_s)
            except TimeoutError:
                self._end(pool)
                raise CpcsError("too_long", "Calibrating this list takes too long.") from None
            except BrokenProcessPool:
                self._end(pool)
                raise CpcsError("unreadable", "The catalogue cannot be read.") from None
        if result.error is not None:
            raise result.error
        assert result.calibrated is not None
        return result.calibrated

    def close(self) -> None:
        """End the children at once."""
        with self._lock:
            self._closed = True
            pool = self._pool
        if pool is not None:
            self._end(pool)

    def _started(self) -> ProcessPoolExecutor:
        with self._lock:
            if self._closed:
                raise CpcsError("closing", "The server is being stopped; try again.")
            if self._pool is None:
                self._pool = ProcessPoolExecutor(
                    max_workers=self._settings.calibrators,
                    mp_context=multiprocessing.get_context("spawn"),
                    initializer=_limit_child,
                )
            return self._pool

    def _end(self, pool: ProcessPoolExecutor) -> None:
        with self._lock:
            if self._pool is pool:
                self._pool = None
        children = list((pool._processes or {}).values())  # noqa: SLF001  no public way to kill
        for child in children:
            child.kill()
        pool.shutdown(wait=False, cancel_futures=True)


def _limit_child() -> None:
    """Take from a child what it does not need; it dies with its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (CHILD_MEMORY, CHILD_MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (CHILD_FILE, CHILD_FILE))
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # a libc without prctl: the child lives on a little
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _in_child(request: ListRequest, file: str, settings: ServerSettings) -> _Result:
    try:
        return _Result(calibrated=calibrate_list(request, Path(file), settings))
    except CpcsError as error:
        return _Result(error=error)
    except MemoryError:
        return _Result(error=CpcsError("too_long", "Reading this list takes too much memory."))
