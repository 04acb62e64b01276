"""Simulated differences with known truth, in the cells of the calibration contract."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
TRUE_ZP = 25.0
HIDDEN_SCATTER = 0.020


def field(
    rng: np.random.Generator, n: int, outliers: float, shape: str = "exponential"
) -> tuple[Array, Array]:
    """Return differences and formal variances; formal errors miss 20 mmag."""
    err = 10 ** rng.uniform(-2.3, -1.0, n)
    d = TRUE_ZP + rng.normal(size=n) * np.hypot(err, HIDDEN_SCATTER)
    bad = rng.random(n) < outliers
    m = int(bad.sum())
    if shape == "exponential":
        d[bad] += rng.exponential(0.35, m) * np.where(rng.random(m) < 0.8, 1.0, -1.0)
    elif shape == "gaussian":
        d[bad] += rng.normal(0.0, 0.5, m)
    elif shape == "uniform":
        d[bad] += rng.uniform(-2.0, 2.0, m)
    elif shape == "clump":
        d[bad] += rng.normal(0.4, 0.03, m)
    return d, err**2
