"""The way to a Dask cluster: one that answers and works, or a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cpcs_desktop.datamodel.errors import CpcsError

if TYPE_CHECKING:
    from distributed import Client

#: Inputs a worker thread may have waiting, so that it never waits for us.
_AHEAD = 2
_CONNECT_S = 15


def connect(address: str) -> Client[Any]:
    """Return a client of the scheduler at an address, such as ``tcp://host:8786``.

    Raises
    ------
    CpcsError
        ``no_cluster`` when the extra is not installed, nobody answers, or nobody works there.
    """
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


def window(client: Client[Any]) -> int:
    """Return how many inputs may be under way; it follows the cluster's size."""
    threads: int = sum(client.nthreads().values())
    return max(1, _AHEAD * threads)
