"""Nights, colours, phases and doubtful points of light curves with known truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cpcs_desktop.calib.light_curves import (
    bin_by_night,
    colour_curve,
    fold,
    outlier_sigmas,
    point_error,
)
from cpcs_desktop.datamodel.point import LightCurvePoint


def one(mjd: float, mag: float, band: str = "SDSS/r", **changes: object) -> LightCurvePoint:
    fields = {
        "id": f"{mjd}{band}", "revision": 1, "kind": "DETECTION", "mjd": mjd, "mag": mag,
        "mag_err": 0.02, "mag_err_total": 0.03, "calib_err": 0.02, "band": band,
        "observatory": "A",
    }  # fmt: skip
    return LightCurvePoint(**(fields | changes))  # type: ignore[arg-type]


def test_a_night_of_noise_becomes_its_mean() -> None:
    rng = np.random.default_rng(1)
    points = [one(59000.8 + n / 100, 15.0 + 0.03 * rng.standard_normal()) for n in range(40)]
    [night] = bin_by_night(points)
    assert night.n == 40
    assert abs(night.mag - 15.0) < 4 * 0.03 / math.sqrt(40)
    assert night.mag_err == pytest.approx(0.03 / math.sqrt(40), rel=0.3)


def test_nights_change_at_local_noon() -> None:
    evening, morning, next_evening = one(59000.9, 15.0), one(59001.2, 15.0), one(59001.9, 15.0)
    assert [b.n for b in bin_by_night([evening, morning, next_evening])] == [2, 1]
    # At 150 degrees west the night runs around 10 h UT: noon UTC lies in the middle of it.
    before, after = one(59000.45, 15.0), one(59000.55, 15.0)
    assert [b.n for b in bin_by_night([before, after])] == [1, 1]
    assert [b.n for b in bin_by_night([before, after], longitude=-150.0)] == [2]


def test_limits_count_only_where_there_is_nothing_else() -> None:
    limit = {"kind": "UPPER_LIMIT", "mag_err": None, "mag_err_total": None}
    points = [one(1.0, 19.0, **limit), one(1.1, 20.0, **limit), one(9.0, 19.0, **limit),
              one(9.1, 18.0), one(9.2, 12.0, withdrawn=True)]  # fmt: skip
    first, second = bin_by_night(points)
    assert (first.is_limit, first.mag, first.n) == (True, 20.0, 2)
    assert (second.is_limit, second.mag, second.n) == (False, 18.0, 1)


def test_disagreeing_points_have_a_larger_error_than_formal() -> None:
    [night] = bin_by_night([one(1.0, 15.0), one(1.1, 15.6)])
    assert night.mag_err == pytest.approx(0.3, abs=0.001)


def test_colours_of_near_pairs_each_point_once() -> None:
    points = [one(1.00, 16.0, "SDSS/g"), one(1.01, 15.4), one(1.03, 15.5, "PS1/r"),
              one(5.00, 16.2, "APASS/g"), one(9.00, 15.0)]  # fmt: skip
    [pair] = colour_curve(points, "g", "r")
    assert pair.colour == pytest.approx(0.6)
    assert pair.colour_err == pytest.approx(math.hypot(0.03, 0.03))
    assert pair.mjd == pytest.approx(1.005)
    assert colour_curve(points, "PS1/g", "r") == []
    assert colour_curve([], "g", "r") == []
    many = [one(n / 1000, 16.0, "SDSS/g") for n in range(5)] + [one(0.0, 15.0)]
    assert len(colour_curve(many, "g", "r")) == 1


@given(st.floats(40000, 70000), st.floats(1e-3, 1e3), st.floats(40000, 70000),
       st.integers(-1000, 1000))  # fmt: skip
def test_phases_repeat(mjd: float, period: float, epoch: float, cycles: int) -> None:
    phases = fold(np.array([mjd, mjd + cycles * period]), period, epoch)
    assert ((phases >= 0) & (phases < 1)).all()
    apart = abs(phases[0] - phases[1])
    assert min(apart, 1 - apart) < 1e-6 / period + 1e-9


@pytest.mark.parametrize("period", [0.0, -1.0, math.nan, math.inf])
def test_impossible_periods(period: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        fold(np.array([1.0]), period)


def test_a_planted_outlier_stands_out_of_a_rising_light_curve() -> None:
    rng = np.random.default_rng(2)
    points = [one(59000 + n / 4, 18.0 - 0.1 * n + 0.03 * rng.standard_normal()) for n in range(40)]
    points[20] = one(points[20].mjd, points[20].mag + 0.8)
    points.append(one(59005.0, 12.0, "SDSS/g"))  # another band is no neighbour
    sigmas = outlier_sigmas(points)
    assert np.nanargmax(sigmas) == 20
    assert sigmas[20] > 8
    assert np.nanmedian(sigmas) < 2
    assert np.isnan(sigmas[-1])


def test_errors_of_old_points_are_put_together() -> None:
    assert point_error(one(1, 1)) == 0.03
    assert point_error(one(1, 1, mag_err_total=None)) == pytest.approx(math.hypot(0.02, 0.02))
    assert point_error(one(1, 1, mag_err_total=None, mag_err=None)) == 0.1
