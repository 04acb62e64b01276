"""Ways to a zero point and its error from matched stars: ours, and what others do.

The rivals are called as their documentation shows, with every star already matched to itself; where
they are not installed they are missing from the tables, by name.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from astropy.stats import sigma_clipped_stats

from cpcs_desktop.calib.posterior import posteriors
from tests.calib.fields import Array

#: differences and formal variances (n,) to zero point and its error
Method = Callable[[Array, Array], tuple[float, float]]


def ours(d: Array, v: Array) -> tuple[float, float]:
    found = posteriors([(d, v)])[0]
    return found.zero_point, found.zero_point_err


def clipped_weighted(d: Array, v: Array) -> tuple[float, float]:
    """Clip at 3 sigma, then the weighted mean with the error of the formal weights."""
    _, median, std = sigma_clipped_stats(d, sigma=3.0)
    kept = np.abs(d - median) <= 3.0 * std
    weight = 1.0 / v[kept]
    return float(np.average(d[kept], weights=weight)), float(1.0 / np.sqrt(weight.sum()))


def clipped_mean(d: Array, v: Array) -> tuple[float, float]:
    """Clip at 3 sigma, then the plain mean with scatter over root n: what many scripts do."""
    del v
    mean, _, std = sigma_clipped_stats(d, sigma=3.0)
    n = int(np.sum(np.abs(d - mean) <= 3.0 * std))
    return float(mean), float(std / np.sqrt(n))


def stdpipe(**options: float) -> Method | None:
    """Return stdpipe's photometric match without colour term, None where it is not installed."""
    try:
        from stdpipe.photometry import match
    except ImportError:
        return None

    def answer(d: Array, v: Array) -> tuple[float, float]:
        n = len(d)
        side = int(np.ceil(np.sqrt(n)))
        ra, dec = 100 + 0.01 * (np.arange(n) % side), 0.01 * (np.arange(n) // side)
        err, zeros = np.sqrt(v / 2), np.zeros(n)
        found = match(
            *(ra, dec, zeros, err, zeros.astype(int), ra, dec, d, err),
            sr=1.0 / 3600, obj_x=ra * 1e4, obj_y=dec * 1e4, use_color=False, **options,
        )  # fmt: skip
        if found is None:
            return float("nan"), float("nan")
        place = np.array([0.0]), np.array([0.0])
        zero, error = found["zero_fn"](*place), found["zero_fn"](*place, get_err=True)
        return float(np.ravel(zero)[0]), float(np.ravel(error)[0])

    return answer


@contextmanager
def calviacat() -> Iterator[Method | None]:
    """Give calviacat's calibration constant through a catalogue of its own in memory."""
    try:
        from calviacat import RefCat2
    except ImportError:
        yield None
        return
    quiet = logging.getLogger("calviacat in memory")
    catalogue = RefCat2(":memory:", logger=quiet)
    names = catalogue.table.columns
    insert = f"INSERT INTO {catalogue.table.name} VALUES ({','.join('?' * len(names))})"

    def answer(d: Array, v: Array) -> tuple[float, float]:
        for table in (catalogue.table.name, f"{catalogue.table.name}_skytree"):
            catalogue.db.execute(f"DELETE FROM {table}")
        rows = [
            [{"objid": k, "g": 0.0, "i": 0.0, "r": mag, "dr": err}.get(n, 0.0) for n in names]
            for k, (mag, err) in enumerate(zip(d.tolist(), np.sqrt(v).tolist(), strict=True))
        ]
        catalogue.db.executemany(insert, rows)
        ids = np.ma.MaskedArray(np.arange(len(d)), mask=np.zeros(len(d), dtype=bool))
        mean, _, scatter, *_ = catalogue.cal_constant(ids, np.zeros(len(d)), "r", mlim=[-99, 99])
        return float(mean), float(scatter)

    yield answer
    catalogue.db.close()
