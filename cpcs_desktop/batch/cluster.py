"""The same batch on a Dask cluster: the function, the answers and their order are the same.

Frames and the survey cache lie on a disk that every worker sees under the same name. A worker that
dies costs an attempt; Dask gives its frames to another one.
"""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from cpcs_desktop.batch.one_input import failed, finish, open_cache
from cpcs_desktop.datamodel.errors import CpcsError

if TYPE_CHECKING:
    from distributed import Client, Future

    from cpcs_desktop.batch.inputs import Input
    from cpcs_desktop.batch.one_input import Finished
    from cpcs_desktop.batch.options import Job
    from cpcs_desktop.recalibration import Move
    from cpcs_desktop.wire import PointSubmission

#: Frames a worker thread may have waiting, so that it never waits for us.
_AHEAD = 2
_CONNECT_S = 15
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
        self._client = _connect(address)
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
        return _window(self._client) - len(self._given)

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


def recalibrate_on_cluster(
    address: str, survey_cache: str, points: Iterable[PointSubmission]
) -> Iterator[Move]:
    """Calibrate stored points again on a Dask cluster, in the order given.

    Points are taken as the workers come to them, so that an archive is never in memory whole.

    Parameters
    ----------
    address : str
        Of the scheduler.
    survey_cache : str
        Folder that every worker sees under this name.
    points : iterable of PointSubmission

    Raises
    ------
    CpcsError
        ``no_cluster``, as :class:`DaskWorkers`. A point whose calibration ends its workers is a
        failed Move.
    """
    client = _connect(address)
    waiting: deque[tuple[PointSubmission, Future[Move]]] = deque()
    try:
        for kept in points:
            waiting.append((kept, client.submit(_recalibrated, kept, survey_cache, pure=False)))
            while len(waiting) >= _window(client):
                yield _moved(*waiting.popleft())
        while waiting:
            yield _moved(*waiting.popleft())
    finally:
        client.cancel([future for _, future in waiting], force=True)
        client.close()


def _recalibrated(kept: PointSubmission, survey_cache: str) -> Move:
    """Calibrate one point again; runs in a worker, which keeps its cache open."""
    from cpcs_desktop.recalibration import recalibrate_point

    return recalibrate_point(kept, open_cache(survey_cache))


def _moved(kept: PointSubmission, future: Future[Move]) -> Move:
    from distributed import KilledWorker

    from cpcs_desktop.recalibration import Move

    try:
        found: Move = future.result()
    except KilledWorker:
        error = CpcsError(
            "worker_died",
            "Calibrating this point ended its worker process again and again.",
            "Give the workers more memory; if it stays so, report it with the point.",
        )
        return Move(kept.point.point(), None, error=error)
    return found


def _window(client: Client[Any]) -> int:
    """Return how many inputs may be under way; it follows the cluster's size."""
    threads: int = sum(client.nthreads().values())
    return max(1, _AHEAD * threads)


def _connect(address: str) -> Client[Any]:
    try:
        from distributed import Client
    except ImportError as error:
        raise CpcsError(
            "no_cluster", "Dask is not installed.", "pip install 'cpcs-desktop[cluster]'"
        ) from error
    try:
        client = Client(address, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise CpcsError(
            "no_cluster",
            f"No Dask scheduler answers at {address}.",
            "Start one with dask scheduler, and workers with dask worker ADDRESS --nthreads 1.",
        ) from error
    if not client.nthreads():
        client.close()
        raise CpcsError(
            "no_cluster",
            f"The scheduler at {address} has no workers.",
            "Start some: dask worker ADDRESS --nthreads 1 --nworkers N.",
        )
    return client
