"""Worker processes: spawned, without Qt, of one thread each; a dead one costs one attempt.

This module is imported by a child before it knows how many threads its libraries may start, so it
must not import numpy, not even indirectly.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import TYPE_CHECKING, Any, Protocol

from cpcs_desktop.garbage import collect_rarely

if TYPE_CHECKING:
    from cpcs_desktop.batch.inputs import Input
    from cpcs_desktop.batch.one_input import Finished
    from cpcs_desktop.batch.options import Job

#: Each library's own word for the number of its threads.
THREADS = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"),
    *("NUMEXPR_NUM_THREADS", "ARROW_NUM_THREADS"),
)
#: glibc hands large arrays back to the system at once and asks for them anew for the next frame,
#: which takes a twentieth of its time. A child reads these words when it starts; other systems do
#: not know them.
_KEEP_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 32),
}
#: A frame whose worker died is given to a new one so many times: the system may have ended the
#: first one for want of memory.
ATTEMPTS = 2


class Workers(Protocol):
    """Somebody who finishes inputs, in whatever order."""

    @property
    def busy(self) -> int:
        """How many inputs are under way."""

    @property
    def room(self) -> int:
        """How many more inputs would find a worker."""

    def submit(self, number: int, item: Input) -> None:
        """Begin one input."""

    def collect(self) -> Sequence[tuple[int, Finished]]:
        """Wait until at least one input is finished."""

    def close(self) -> None:
        """End at once; what is under way is lost."""


class ThisProcess:
    """One input after the other, here: for a single frame there is nobody to start."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._given: list[tuple[int, Input]] = []

    @property
    def busy(self) -> int:
        """See :class:`Workers`."""
        return len(self._given)

    @property
    def room(self) -> int:
        """See :class:`Workers`."""
        return 1 - len(self._given)

    def submit(self, number: int, item: Input) -> None:
        """See :class:`Workers`."""
        self._given.append((number, item))

    def collect(self) -> Sequence[tuple[int, Finished]]:
        """See :class:`Workers`."""
        from cpcs_desktop.batch.one_input import finish

        number, item = self._given.pop()
        return [(number, finish(item, self._job))]

    def close(self) -> None:
        """See :class:`Workers`."""


@dataclass
class _Child:
    process: SpawnProcess
    pipe: Connection[Any, Any]
    work: tuple[int, Input, int] | None = None


class LocalWorkers:
    """Child processes on this machine.

    Parameters
    ----------
    job : Job
    jobs : int
        How many.
    """

    def __init__(self, job: Job, jobs: int) -> None:
        self._job = job
        self._jobs = jobs
        self._context = multiprocessing.get_context("spawn")
        self._children: list[_Child] = []

    @property
    def busy(self) -> int:
        """See :class:`Workers`."""
        return sum(child.work is not None for child in self._children)

    @property
    def room(self) -> int:
        """See :class:`Workers`."""
        return self._jobs - self.busy

    def pids(self) -> list[int]:
        """Return the process numbers of the children."""
        return [child.process.pid for child in self._children if child.process.pid is not None]

    def submit(self, number: int, item: Input) -> None:
        """See :class:`Workers`."""
        self._give(number, item, attempt=1)

    def collect(self) -> Sequence[tuple[int, Finished]]:
        """See :class:`Workers`."""
        done: list[tuple[int, Finished]] = []
        while not done:
            at_work = {child.pipe: child for child in self._children if child.work is not None}
            for pipe in wait(list(at_work)):
                done += self._receive(at_work[pipe])  # type: ignore[index]
        return done

    def close(self) -> None:
        """See :class:`Workers`."""
        for child in self._children:
            child.process.kill()
            child.process.join()
            child.pipe.close()
        self._children.clear()

    def _give(self, number: int, item: Input, attempt: int) -> None:
        while True:
            idle = next((c for c in self._children if c.work is None), None) or self._start()
            try:
                idle.pipe.send(item)
            except OSError:  # ended while idle: nobody's fault
                self._bury(idle)
                continue
            idle.work = (number, item, attempt)
            return

    def _receive(self, child: _Child) -> list[tuple[int, Finished]]:
        """Take what one child says; its end, if it died, is answered by another attempt."""
        assert child.work is not None
        number, item, attempt = child.work
        try:
            finished = child.pipe.recv()
        except (EOFError, OSError):
            code = self._bury(child)
            if attempt < ATTEMPTS:
                self._give(number, item, attempt + 1)
                return []
            from cpcs_desktop.batch.one_input import failed

            how = f"signal {-code}" if code is not None and code < 0 else f"status {code}"
            hint = "Free some memory or use fewer --jobs; if it stays so, report it with the file."
            what = f"ended its worker process twice ({how})"
            return [(number, failed(item, self._job, "worker_died", what, hint))]
        child.work = None
        return [(number, finished)]

    def _start(self) -> _Child:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs,), daemon=True)
        with _environment(_KEEP_MEMORY):
            process.start()
        theirs.close()
        child = _Child(process, ours)
        self._children.append(child)
        ours.send(self._job)
        return child

    def _bury(self, child: _Child) -> int | None:
        child.process.join(1.0)
        if child.process.is_alive():
            child.process.kill()
            child.process.join()
        child.pipe.close()
        self._children.remove(child)
        return child.process.exitcode


@contextmanager
def _environment(words: Mapping[str, str]) -> Iterator[None]:
    """Let children that start inside inherit these words, where nobody has set others."""
    ours = {name: word for name, word in words.items() if name not in os.environ}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name in ours:
            del os.environ[name]


def single_thread() -> None:
    """Let the numeric libraries of this process use one thread; call it before they are imported.

    With two threads a sum is taken in another order, and its last bit may differ.
    """
    for name in THREADS:
        os.environ.setdefault(name, "1")


def _serve(pipe: Connection[Any, Any]) -> None:
    """Finish inputs until the pipe is closed; the body of a child process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it, and ends us
    single_thread()
    collect_rarely()
    os.dup2(2, 1)  # stdout belongs to the results; not even a C library may write there
    from cpcs_desktop.batch.one_input import finish

    try:
        job = pipe.recv()
        while True:
            pipe.send(finish(pipe.recv(), job))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the parent is gone, or has enough
