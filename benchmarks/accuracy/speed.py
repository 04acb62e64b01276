"""How long the fits of a loaded frame take: 35 bands of 500 stars, cold and after one click."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

from cpcs_desktop.calib.zero_point import BandStars, fit_zero_points
from cpcs_desktop.datamodel.fit import ZeroPointFit
from cpcs_desktop.datamodel.settings import CalibrationSettings
from tests.calib.fields import field

BANDS, STARS = 35, 500
LIMIT_COLD_MS, LIMIT_WARM_MS = 80.0, 16.0


def loaded_frame(click: int | None = None) -> list[BandStars]:
    """Return the stars of 35 bands; with ``click`` the star of that row is taken out."""
    bands = []
    for k in range(BANDS):
        d, v = field(np.random.default_rng(k), STARS, 0.1)
        rows = np.arange(STARS)
        bands.append(
            BandStars(
                band=f"B{k}",
                source_row=rows,
                star_row=rows,
                mag_inst=np.zeros(STARS),
                mag_inst_err=np.sqrt(v / 2),
                mag_ref=d,
                mag_ref_err=np.sqrt(v / 2),
                colour=np.linspace(0.2, 1.5, STARS),
                excluded=rows == click,
            )
        )
    return bands


def _median_ms(work: Callable[[], object], runs: int) -> tuple[float, float]:
    """Return median wall and least wall of some runs, ms."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times), min(times)


def measure(runs: int = 15) -> dict[str, float]:
    """Return medians and minima of the cold and the warm fit, ms."""
    settings = CalibrationSettings()
    frame, clicked = loaded_frame(), loaded_frame(click=7)
    before: dict[str, ZeroPointFit] = {f.band: f for f in fit_zero_points(frame, settings)}
    cold = _median_ms(lambda: fit_zero_points(frame, settings), runs)
    warm = _median_ms(lambda: fit_zero_points(clicked, settings, before), runs)
    return {"cold": cold[0], "cold_min": cold[1], "warm": warm[0], "warm_min": warm[1]}


if __name__ == "__main__":
    for name, value in measure().items():
        print(f"{name} {value:.1f} ms")
