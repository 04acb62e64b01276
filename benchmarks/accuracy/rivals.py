"""Beside others on the same matched stars: stdpipe, and a sigma-clipped mean.

Runs where stdpipe is installed (an environment of its own is best: it brings much along); the table
names what was missing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from astropy.stats import sigma_clipped_stats

from cpcs_desktop.calib.posterior import posteriors
from tests.calib.fields import TRUE_ZP, Array, field

Answer = tuple[float, float]


@dataclass(frozen=True)
class Contest:
    """One method in one cell; mmag, percentages, ms a field."""

    method: str
    n: int
    outliers: float
    rms_mmag: float
    bias_mmag: float
    within_1: float
    within_2: float
    ms: float


def ours(d: Array, v: Array) -> Answer:
    found = posteriors([(d, v)])[0]
    return found.zero_point, found.zero_point_err


def clipped_mean(d: Array, v: Array) -> Answer:
    """Clip at 3 sigma, then the weighted mean with the error of the formal weights."""
    _, median, std = sigma_clipped_stats(d, sigma=3.0)
    kept = np.abs(d - median) <= 3.0 * std
    weight = 1.0 / v[kept]
    return float(np.average(d[kept], weights=weight)), float(1.0 / np.sqrt(weight.sum()))


def clipped_scatter(d: Array, v: Array) -> Answer:
    """Clip at 3 sigma, then the plain mean with scatter over root n: what many scripts do."""
    del v
    mean, _, std = sigma_clipped_stats(d, sigma=3.0)
    n = int(np.sum(np.abs(d - mean) <= 3.0 * std))
    return float(mean), float(std / np.sqrt(n))


def stdpipe_match() -> Callable[[Array, Array], Answer] | None:
    """Return stdpipe's photometric match, None where it is not installed."""
    try:
        from stdpipe.photometry import match
    except ImportError:
        return None

    def answer(d: Array, v: Array) -> Answer:
        n = len(d)
        side = int(np.ceil(np.sqrt(n)))
        ra, dec = 100 + 0.01 * (np.arange(n) % side), 0.01 * (np.arange(n) // side)
        err = np.sqrt(v / 2)
        found = match(
            ra,
            dec,
            np.zeros(n),
            err,
            np.zeros(n, int),
            ra,
            dec,
            d,
            err,
            sr=1.0 / 3600,
            obj_x=ra * 1e4,
            obj_y=dec * 1e4,
            use_color=False,
            max_intrinsic_rms=0.1,
        )
        zero = found["zero_fn"](np.array([0.0]), np.array([0.0]))
        error = found["zero_fn"](np.array([0.0]), np.array([0.0]), get_err=True)
        return float(np.ravel(zero)[0]), float(np.ravel(error)[0])

    return answer


def contest(fields: int) -> list[Contest]:
    """Let every method answer the same fields."""
    methods: dict[str, Callable[[Array, Array], Answer]] = {
        "this program": ours,
        "clipped weighted mean": clipped_mean,
        "clipped mean, scatter/sqrt(n)": clipped_scatter,
    }
    rival = stdpipe_match()
    if rival is not None:
        methods["stdpipe"] = rival
    table = []
    for n, outliers in ((20, 0.1), (200, 0.1), (200, 0.3), (1000, 0.3)):
        rng = np.random.default_rng([n, 77])
        skies = [field(rng, n, outliers) for _ in range(fields)]
        for name, method in methods.items():
            start = time.perf_counter()
            answers = np.array([method(d, v) for d, v in skies])
            spent = 1e3 * (time.perf_counter() - start) / fields
            off, err = answers[:, 0] - TRUE_ZP, answers[:, 1]
            table.append(
                Contest(
                    name,
                    n,
                    outliers,
                    1e3 * float(np.sqrt(np.mean(off**2))),
                    1e3 * float(np.mean(off)),
                    100 * float(np.mean(np.abs(off) < err)),
                    100 * float(np.mean(np.abs(off) < 2 * err)),
                    spent,
                )
            )
    return table
