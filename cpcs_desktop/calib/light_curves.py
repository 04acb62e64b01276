"""What observers do with a combined light curve: nights, colours, phases, doubtful points."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.datamodel.band import passband_group
from cpcs_desktop.datamodel.point import LightCurvePoint

#: Error of a point that came without one, mag.
UNKNOWN_ERR = 0.1
#: Smallest believable error between telescopes, mag: their passbands differ.
FLOOR_ERR = 0.02


@dataclass(frozen=True)
class Bin:
    """Points of one night, band and observatory as one.

    Parameters
    ----------
    mjd : float
        Weighted mean.
    mag, mag_err : float
        Weighted mean and its error: the larger of the formal one and that of the points' scatter;
        for a limit the deepest one and None.
    n : int
        Points behind it.
    """

    mjd: float
    mag: float
    mag_err: float | None
    n: int
    band: str
    observatory: str

    @property
    def is_limit(self) -> bool:
        """Whether there was no detection in the night."""
        return self.mag_err is None


@dataclass(frozen=True)
class Colour:
    """Two points in different bands, taken at nearly the same time; magnitudes."""

    mjd: float
    colour: float
    colour_err: float
    blue: LightCurvePoint
    red: LightCurvePoint


def point_error(point: LightCurvePoint) -> float:
    """Return the best known error of a detection, mag."""
    if point.mag_err_total is not None:
        return point.mag_err_total
    if point.mag_err is None:
        return UNKNOWN_ERR
    return math.hypot(point.mag_err, point.calib_err or 0.0)


def bin_by_night(points: Iterable[LightCurvePoint], longitude: float | None = None) -> list[Bin]:
    """Return one bin per night, band and observatory, by time; withdrawn points are left out.

    Parameters
    ----------
    points : iterable of LightCurvePoint
    longitude : float, optional
        Degrees east: nights change at local noon; without it at noon UTC.
    """
    groups: defaultdict[tuple[int, str, str], list[LightCurvePoint]] = defaultdict(list)
    for point in points:
        if not point.withdrawn:
            night = math.floor(point.mjd - 0.5 + (longitude or 0.0) / 360.0)
            groups[night, point.band, point.observatory].append(point)
    return sorted((_bin(group) for group in groups.values()), key=lambda b: (b.mjd, b.band))


def _bin(points: Sequence[LightCurvePoint]) -> Bin:
    detections = [p for p in points if p.kind == "DETECTION"]
    first = points[0]
    if not detections:
        deepest = max(points, key=lambda p: p.mag)
        return Bin(deepest.mjd, deepest.mag, None, len(points), first.band, first.observatory)
    mag = np.array([p.mag for p in detections])
    weight = np.array([max(point_error(p), 1e-3) for p in detections]) ** -2.0
    mean = float(np.average(mag, weights=weight))
    formal = float(weight.sum() ** -0.5)
    scatter = 0.0
    if len(mag) > 1:
        spread = float(np.average((mag - mean) ** 2, weights=weight))
        scatter = math.sqrt(spread / (len(mag) - 1))
    mjd = float(np.average([p.mjd for p in detections], weights=weight))
    return Bin(mjd, mean, max(formal, scatter), len(mag), first.band, first.observatory)


def colour_curve(
    points: Iterable[LightCurvePoint], blue: str, red: str, within_days: float = 0.1
) -> list[Colour]:
    """Return ``blue - red`` of pairs taken within some days; each point is used once.

    Parameters
    ----------
    blue, red : str
        Bands, ``SDSS/g``, or letters, ``g``, of any survey.
    within_days : float
        Largest distance in time. Pairs of one observatory are preferred at equal distance.
    """
    detections = [p for p in points if p.kind == "DETECTION" and not p.withdrawn]
    blues = [p for p in detections if _in_band(p, blue)]
    reds = [p for p in detections if _in_band(p, red)]
    reds_mjd = np.array([p.mjd for p in reds])
    order = np.argsort(reds_mjd)
    candidates = []
    for b, point in enumerate(blues):
        low, high = np.searchsorted(
            reds_mjd[order], [point.mjd - within_days, point.mjd + within_days]
        )
        for r in order[low:high]:
            apart = abs(point.mjd - reds_mjd[r])
            candidates.append((apart, point.observatory != reds[r].observatory, b, int(r)))
    used_blue: set[int] = set()
    used_red: set[int] = set()
    pairs = []
    for _, _, b, r in sorted(candidates):
        if b not in used_blue and r not in used_red:
            used_blue.add(b)
            used_red.add(r)
            pairs.append(_colour(blues[b], reds[r]))
    return sorted(pairs, key=lambda c: c.mjd)


def _in_band(point: LightCurvePoint, wanted: str) -> bool:
    return point.band == wanted or point.band.partition("/")[2] == wanted


def _colour(blue: LightCurvePoint, red: LightCurvePoint) -> Colour:
    return Colour(
        mjd=(blue.mjd + red.mjd) / 2,
        colour=blue.mag - red.mag,
        colour_err=math.hypot(point_error(blue), point_error(red)),
        blue=blue,
        red=red,
    )


def fold(
    mjd: NDArray[np.float64], period_days: float, epoch_mjd: float = 0.0
) -> NDArray[np.float64]:
    """Return phases in 0..1, shape (n,).

    Raises
    ------
    ValueError
        For a period that is not positive.
    """
    if not (math.isfinite(period_days) and period_days > 0):
        raise ValueError("a period is a positive number of days")
    phase = np.mod((mjd - epoch_mjd) / period_days, 1.0)
    return np.asarray(np.where(phase >= 1.0, 0.0, phase), dtype=np.float64)


def outlier_sigmas(
    points: Sequence[LightCurvePoint], within_days: float = 5.0, neighbours: int = 6
) -> NDArray[np.float64]:
    """Return how far each detection lies from its neighbours, in sigmas; NaN without three.

    The expectation is a straight line through the nearest points of the same passband group, by
    least absolute deviation in pairs (Theil 1950; Sen 1968); its doubt is their scatter about it.

    Parameters
    ----------
    points : sequence of LightCurvePoint
        Of one event.
    within_days : float
        Neighbours are looked for so far to either side.
    neighbours : int
        At most so many, the nearest ones.
    """
    answer = np.full(len(points), np.nan)
    groups: defaultdict[int | None, list[int]] = defaultdict(list)
    for row, point in enumerate(points):
        if point.kind == "DETECTION" and not point.withdrawn:
            groups[passband_group(point.band.partition("/")[2])].append(row)
    for rows in groups.values():
        mjd = np.array([points[row].mjd for row in rows])
        mag = np.array([points[row].mag for row in rows])
        for k, row in enumerate(rows):
            apart = np.abs(mjd - mjd[k])
            apart[k] = np.inf
            near = np.argsort(apart, kind="stable")[:neighbours]
            near = near[apart[near] <= within_days]
            if len(near) >= 3:
                expected, doubt = _line(mjd[near] - mjd[k], mag[near])
                err = math.sqrt(point_error(points[row]) ** 2 + doubt**2 + FLOOR_ERR**2)
                answer[row] = abs(mag[k] - expected) / err
    return answer


def _line(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float]:
    """Return the value at x = 0 and its scatter (1.4826 times the median deviation)."""
    i, j = np.triu_indices(len(x), 1)
    apart = x[j] != x[i]
    slopes = (y[j] - y[i])[apart] / (x[j] - x[i])[apart]
    slope = float(np.median(slopes)) if len(slopes) else 0.0
    offsets = y - slope * x
    middle = float(np.median(offsets))
    return middle, 1.4826 * float(np.median(np.abs(offsets - middle)))
