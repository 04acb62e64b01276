"""Coverage and bias of the zero point's error in every cell of the calibration contract."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np

from cpcs_desktop.calib.posterior import posteriors
from tests.calib.fields import TRUE_ZP, field

SHAPES = ("exponential", "gaussian", "uniform", "clump")
NUMBERS = (6, 10, 20, 50, 200, 1000)
FRACTIONS = (0.0, 0.1, 0.3)


@dataclass(frozen=True)
class Cell:
    """One cell: what was asked and what came out; percentages and mmag."""

    shape: str
    n: int
    outliers: float
    fields: int
    within_1: float
    within_2: float
    bias_mmag: float
    bias_err_mmag: float
    median_err_mmag: float
    warned: float
    green_bias_mmag: float

    @property
    def verdict(self) -> str:
        """Return ok, or what the contract's limits say against it."""
        if self.shape == "clump":
            # no field of many is green: nobody was told that they are right
            good = self.warned == 100 or abs(self.green_bias_mmag) < 5
            return "ok" if good else "bias"
        low, high, two = (60.0, 77.0, 88.0) if self.n <= 10 else (64.3, 72.3, 92.4)
        # a cell's own counting noise is granted: two sigma of so many fields
        slack = 2 * 100 * np.sqrt(0.683 * 0.317 / self.fields)
        upper = 98.4 if self.n > 10 else 100.0
        good = (
            low - slack <= self.within_1 <= high + slack and two - slack <= self.within_2 <= upper
        )
        return "ok" if good else "outside"


def cell(shape: str, n: int, outliers: float, fields: int) -> Cell:
    """Measure one cell."""
    rng = np.random.default_rng([n, int(100 * outliers), SHAPES.index(shape)])
    pulls, errors, offsets, green = [], [], [], []
    for start in range(0, fields, 40):
        bands = [field(rng, n, outliers, shape) for _ in range(min(40, fields - start))]
        for found in posteriors(bands):
            offsets.append(found.zero_point - TRUE_ZP)
            errors.append(found.zero_point_err)
            pulls.append(offsets[-1] / errors[-1])
            # as the check of the outliers judges
            green.append(found.n_modes == 1 and found.outlier_fraction <= 0.25)
    away = np.abs(pulls)
    return Cell(
        shape=shape,
        n=n,
        outliers=outliers,
        fields=fields,
        within_1=100 * float(np.mean(away < 1)),
        within_2=100 * float(np.mean(away < 2)),
        bias_mmag=1e3 * float(np.mean(offsets)),
        bias_err_mmag=1e3 * float(np.std(offsets) / np.sqrt(fields)),
        median_err_mmag=1e3 * float(np.median(errors)),
        warned=100 * (1 - float(np.mean(green))),
        green_bias_mmag=1e3 * float(np.mean(np.array(offsets)[green])) if any(green) else np.nan,
    )


def all_cells(fields: int, jobs: int) -> list[Cell]:
    """Measure every cell; the clump only where it has stars."""
    wanted = [
        (shape, n, f, fields)
        for shape in SHAPES
        for f in FRACTIONS
        for n in NUMBERS
        if (f > 0 or shape == "exponential") and (shape != "clump" or (f == 0.3 and n >= 20))
    ]
    with ProcessPoolExecutor(jobs) as pool:
        return list(pool.map(cell, *zip(*wanted, strict=True)))
