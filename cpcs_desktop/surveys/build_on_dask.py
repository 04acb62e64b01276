"""Whole-sky catalogues built on a Dask cluster; every machine sees the same source and cache."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice

from cpcs_desktop.dask_client import connect, window
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.surveys.build import BuildOrder, BuiltPixel, Run, build_pixel
from cpcs_desktop.surveys.partition import Pixel


def build_on(address: str) -> Run:
    """Return what hands pixels out to the workers behind a scheduler.

    Called, it raises CpcsError with the codes of :func:`cpcs_desktop.dask_client.connect`, and
    ``worker_died`` for a pixel that no worker survives.
    """
    return partial(_build, address)


def _build(address: str, order: BuildOrder, pixels: list[Pixel]) -> Iterator[BuiltPixel]:
    client = connect(address)
    from distributed import KilledWorker, as_completed

    try:
        left = iter(pixels)
        submit = partial(client.submit, build_pixel, order, pure=False)
        first = [submit(pixel) for pixel in islice(left, window(client))]
        running = as_completed(first, loop=client.loop)
        for future in running:
            try:
                built: BuiltPixel = future.result()
            except KilledWorker as error:
                raise CpcsError(
                    "worker_died",
                    "A pixel ended its worker process again and again.",
                    "Give the workers more memory; what was built is kept.",
                ) from error
            yield built
            room = window(client) - running.count()
            for pixel in islice(left, max(room, 1)):
                running.add(submit(pixel))
    finally:
        client.close()
