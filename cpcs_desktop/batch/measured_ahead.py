"""A single large frame on two cores: a child measures it while this process gets ready to fit.

Like :mod:`cpcs_desktop.batch.workers` this must not import numpy before the child is started.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from cpcs_desktop.batch.workers import single_thread
from cpcs_desktop.garbage import collect_rarely

if TYPE_CHECKING:
    from cpcs_desktop.batch.inputs import Input
    from cpcs_desktop.batch.one_input import Finished
    from cpcs_desktop.batch.options import Job
    from cpcs_desktop.datamodel.sources import Exposure

#: A smaller file is measured sooner than a child is started.
_WORTH_A_CHILD = 4 * 2**20


def is_worth_a_child(item: Input) -> bool:
    """Say whether measuring this input takes longer than starting a process."""
    try:
        return item.error is None and item.file.stat().st_size > _WORTH_A_CHILD
    except OSError:
        return False


class MeasuredAhead:
    """One input after the other, each measured by a child; see ``Workers``.

    The child starts, and imports, when the object is made; :meth:`take` tells it the job.
    """

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_measure, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()
        self._job: Job | None = None
        self._given: list[tuple[int, Input]] = []

    def take(self, job: Job) -> None:
        """Learn what is to be done; before the first input."""
        self._job = job

    @property
    def pid(self) -> int | None:
        """Process number of the child."""
        return self._process.pid

    @property
    def busy(self) -> int:
        """See ``Workers``."""
        return len(self._given)

    @property
    def room(self) -> int:
        """See ``Workers``."""
        return 1 - len(self._given)

    def submit(self, number: int, item: Input) -> None:
        """See ``Workers``."""
        assert self._job is not None
        self._given.append((number, item))
        with suppress(BrokenPipeError, ConnectionResetError):  # collect says so
            self._pipe.send((item.file, item.hdu, self._job.reading))

    def collect(self) -> Sequence[tuple[int, Finished]]:
        """See ``Workers``."""
        from cpcs_desktop.batch.one_input import failed, finish, get_ready

        assert self._job is not None
        number, item = self._given.pop()
        get_ready(item, self._job)
        try:
            measured: Exposure | Exception = self._pipe.recv()
        except (EOFError, ConnectionResetError):
            what = "could not be measured: the system ended the process that did it"
            hint = "Free some memory, then try again; if it stays so, report it with the file."
            return [(number, failed(item, self._job, "worker_died", what, hint))]
        return [(number, finish(item, self._job, measured))]

    def close(self) -> None:
        """See ``Workers``."""
        self._process.kill()
        self._process.join()
        self._pipe.close()


def _measure(pipe: Connection[Any, Any]) -> None:
    """Send the exposure of each file, or the reason why there is none; the body of the child."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it, and ends us
    single_thread()
    collect_rarely()
    os.dup2(2, 1)  # stdout belongs to the results
    import astropy.wcs
    import sep

    from cpcs_desktop.extract.loading import load_exposure

    del astropy, sep
    measured: Exposure | Exception
    try:
        while True:
            file, hdu, reading = pipe.recv()
            try:
                measured = load_exposure(file, hdu=hdu, reading=reading)
            except Exception as error:  # noqa: BLE001  raised again where it is answered
                measured = error
            pipe.send(measured)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the parent is gone, or has enough
