"""The same batch on a Dask cluster: the function, the answers and their order are the same.

Frames and the survey cache lie on a disk that every worker sees under the same name. A worker that
dies costs an attempt; Dask gives its frames to another one.
"""

from __future__ import annotations

import queue
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cpcs_desktop.batch.one_input import failed, finish
from cpcs_desktop.dask_client import connect, window
from cpcs_desktop.datamodel.errors import CpcsError

if TYPE_CHECKING:
    from distributed import Future

    from cpcs_desktop.batch.inputs import Input
    from cpcs_desktop.batch.one_input import Finished
    from cpcs_desktop.batch.options import Job

_LISTEN_S = 5.0


class DaskWorkers:
    """Workers behind a Dask scheduler; see :class:`cpcs_desktop.batch.workers.Workers`.

    Parameters
    ----------
    job : Job
    address : str
        Of the scheduler, such as ``tcp://host:8786``.

    Raises
    ------
    CpcsError
        ``no_cluster`` when the extra is not installed, nobody answers, or nobody works there.
    """

    def __init__(self, job: Job, address: str) -> None:
        self._job = job
        self._client = connect(address)
        self._done: queue.SimpleQueue[tuple[int, Future[Finished]]] = queue.SimpleQueue()
        self._given: dict[int, tuple[Input, Future[Finished]]] = {}
        # sent once to every worker, not with every frame: an event list may be long
        self._shared = self._client.scatter(job, broadcast=True, hash=False)

    @property
    def busy(self) -> int:
        """See :class:`cpcs_desktop.batch.workers.Workers`."""
        return len(self._given)

    @property
    def room(self) -> int:
        """See :class:`cpcs_desktop.batch.workers.Workers`; it follows the cluster's size."""
        return window(self._client) - len(self._given)

    def submit(self, number: int, item: Input) -> None:
        """See :class:`cpcs_desktop.batch.workers.Workers`."""
        future = self._client.submit(
            finish, item, self._shared, pure=False, key=f"cpcs-{id(self):x}-{number}"
        )
        self._given[number] = (item, future)
        future.add_done_callback(lambda done: self._done.put((number, done)))

    def collect(self) -> Sequence[tuple[int, Finished]]:
        """See :class:`cpcs_desktop.batch.workers.Workers`."""
        found = [self._first()]
        while not self._done.empty():
            found.append(self._done.get())
        return [(number, self._answer(number, future)) for number, future in found]

    def _first(self) -> tuple[int, Future[Finished]]:
        while True:
            try:
                return self._done.get(timeout=_LISTEN_S)
            except queue.Empty:
                if self._client.status != "running":
                    raise CpcsError(
                        "no_cluster",
                        "The connection to the Dask scheduler was lost.",
                        "The same line with --resume goes on from there.",
                    ) from None

    def close(self) -> None:
        """See :class:`cpcs_desktop.batch.workers.Workers`; the cluster lives on."""
        self._client.cancel([future for _, future in self._given.values()], force=True)
        self._client.close()

    def _answer(self, number: int, future: Future[Finished]) -> Finished:
        from distributed import KilledWorker

        item, _ = self._given.pop(number)
        try:
            answer: Finished = future.result()
        except KilledWorker:
            what = "ended its worker process again and again"
            hint = "Give the workers more memory; if it stays so, report it with the file."
            return failed(item, self._job, "worker_died", what, hint)
        return answer
