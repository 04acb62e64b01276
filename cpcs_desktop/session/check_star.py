"""A constant star beside the target, and how much it moved over the night.

Its magnitude on every frame comes from that frame's own zero point, as the target's does: what its
scatter exceeds the expected one by is what the night did to the target, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.datamodel.calibration import Calibration
from cpcs_desktop.datamodel.fit import ZeroPointFit
from cpcs_desktop.session.night_frame import NightFrame

#: So many stars around the target are kept of every frame.
KEPT_STARS = 40
#: The same star on another frame or in another survey lies within this, arcsec.
_SAME_ARCSEC = 2.0
#: A star that is missing on more of the frames is no check of the night.
_ON_MOST = 0.8
_BELONGS = 0.5

Stars = tuple[tuple[float, ...], ...]
Place = tuple[float, float]


def stars_around(calibration: Calibration) -> Stars:
    """Return the stars nearest to the target: RA, Dec (degrees), magnitude, error, membership.

    Only stars of the chosen fit: neither saturated nor blended with the target, nor the target.
    """
    fit = calibration.chosen
    reference = calibration.references[fit.band.partition("/")[0]]
    ra, dec = reference.ra[fit.star_row], reference.dec[fit.star_row]
    nearest = np.argsort(_apart_arcsec(ra, dec, calibration.target), kind="stable")[:KEPT_STARS]
    return tuple(
        (
            round(float(ra[n]), 6),
            round(float(dec[n]), 6),
            round(float(fit.mag_inst[n]) + fit.zero_point, 5),
            round(float(fit.mag_inst_err[n]), 5),
            round(float(fit.membership[n]), 3),
        )
        for n in nearest
    )


def place_of(calibration: Calibration, fit: ZeroPointFit, source_row: int) -> Place | None:
    """Return where a star of a fit stands in its survey; None when the fit does not hold it."""
    here = np.flatnonzero(fit.source_row == source_row)
    if not len(here):
        return None
    reference = calibration.references[fit.band.partition("/")[0]]
    star = int(fit.star_row[here[0]])
    return float(reference.ra[star]), float(reference.dec[star])


def is_kept(stars: Stars, place: Place) -> bool:
    """Say whether a star is among those kept of a frame."""
    return bool(stars) and _at(np.array(stars, dtype=np.float64), place) >= 0


def source_at(calibration: Calibration, fit: ZeroPointFit, place: Place) -> int | None:
    """Return the source of the fit's star at a place; None for none."""
    reference = calibration.references[fit.band.partition("/")[0]]
    apart = _apart_arcsec(reference.ra[fit.star_row], reference.dec[fit.star_row], place)
    row = int(np.argmin(apart)) if len(apart) else 0
    return int(fit.source_row[row]) if len(apart) and apart[row] <= _SAME_ARCSEC else None


@dataclass(frozen=True)
class BandScatter:
    """A check star over the night in one band; magnitudes.

    Parameters
    ----------
    band : str
    n : int
        Frames, at least 2.
    mean, rms : float
    expected : float
        From the star's photon errors and the errors of the zero points.
    """

    band: str
    n: int
    mean: float
    rms: float
    expected: float


@dataclass(frozen=True)
class CheckStar:
    """The check star of one target.

    Parameters
    ----------
    ra, dec : float
        Degrees.
    chosen : bool
        The observer's choice; else the program's.
    deviation : mapping from row to float
        From the mean of its band, mag.
    err : mapping from row to float
        Expected error of each, mag.
    bands : tuple of BandScatter
        Most frames first.
    """

    ra: float
    dec: float
    chosen: bool
    deviation: Mapping[int, float] = field(default_factory=dict)
    err: Mapping[int, float] = field(default_factory=dict)
    bands: tuple[BandScatter, ...] = ()


class CheckStars:
    """Finds check stars; keeps what it has read of each row, because it is asked often."""

    def __init__(self) -> None:
        self._tables: dict[int, tuple[Stars, NDArray[np.float64]]] = {}

    def of(self, frames: Sequence[NightFrame]) -> CheckStar | None:
        """Return the check star of the rows of one target; None while no frame shows one.

        The observer's choice, else of the first frame's stars the one nearest to the target's
        brightness that most frames show. Nobody looks at its scatter before it is chosen: the
        quietest of forty stars would be quiet by luck.
        """
        shown = [f for f in frames if f.facts.stars]
        if not shown:
            return None
        seen = _Seen([self._table(f) for f in shown])
        wish = next((f.decisions.check_star for f in shown if f.decisions.check_star), None)
        place = wish or _automatic(shown[0], seen)
        if place is None:
            return None
        rows, stars = seen.at(place)
        deviation: dict[int, float] = {}
        errors: dict[int, float] = {}
        bands = []
        band_of = np.array([str(shown[row].facts.band) for row in rows])
        zero_point_err = np.array([shown[row].facts.zero_point_err or 0.0 for row in rows])
        for band in sorted(set(band_of.tolist())):
            here = np.flatnonzero(band_of == band)
            mag, err = stars[here, 2], np.hypot(stars[here, 3], zero_point_err[here])
            mean, keys = float(mag.mean()), [shown[rows[n]].key for n in here]
            deviation |= zip(keys, (mag - mean).tolist(), strict=True)
            errors |= zip(keys, err.tolist(), strict=True)
            if len(here) > 1:
                rms, expected = float(mag.std(ddof=1)), float(np.sqrt((err**2).mean()))
                bands.append(BandScatter(band, len(here), mean, rms, expected))
        bands.sort(key=lambda b: -b.n)
        return CheckStar(place[0], place[1], wish is not None, deviation, errors, tuple(bands))

    def _table(self, frame: NightFrame) -> NDArray[np.float64]:
        kept = self._tables.get(frame.key)
        if kept is None or kept[0] is not frame.facts.stars:
            kept = frame.facts.stars, np.array(frame.facts.stars, dtype=np.float64)
            self._tables[frame.key] = kept
        return kept[1]


class _Seen:
    """The stars of many rows in one table, so that one place is looked up in all at once."""

    def __init__(self, tables: Sequence[NDArray[np.float64]]) -> None:
        self.n = len(tables)
        self._stars = np.concatenate(tables)
        lengths = [len(t) for t in tables]
        self._starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        self._row = np.repeat(np.arange(self.n), lengths)

    def at(self, place: Place) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Return which rows show the star at a place, and the star on each of them."""
        apart = _apart_arcsec(self._stars[:, 0], self._stars[:, 1], place)
        nearest = np.minimum.reduceat(apart, self._starts)
        here = np.flatnonzero((apart == nearest[self._row]) & (apart <= _SAME_ARCSEC))
        rows, first = np.unique(self._row[here], return_index=True)
        return rows, self._stars[here[first]]


def by_target(frames: Iterable[NightFrame]) -> dict[tuple[str | None, Place], list[NightFrame]]:
    """Return the rows of every target that is known."""
    found: dict[tuple[str | None, Place], list[NightFrame]] = {}
    for frame in frames:
        if frame.decisions.target is not None:
            found.setdefault((frame.decisions.event, frame.decisions.target), []).append(frame)
    return found


def _automatic(first: NightFrame, seen: _Seen) -> Place | None:
    stars = np.array(first.facts.stars, dtype=np.float64)
    wanted = first.facts.mag if first.facts.mag is not None else float(np.median(stars[:, 2]))
    for row in np.argsort(np.abs(stars[:, 2] - wanted), kind="stable"):
        place = (float(stars[row, 0]), float(stars[row, 1]))
        _, there = seen.at(place)
        if len(there) >= _ON_MOST * seen.n and np.median(there[:, 4]) > _BELONGS:
            return place
    return None


def _at(stars: NDArray[np.float64], place: Place) -> int:
    """Return the row of the star at a place, -1 for none."""
    apart = _apart_arcsec(stars[:, 0], stars[:, 1], place)
    row = int(np.argmin(apart))
    return row if apart[row] <= _SAME_ARCSEC else -1


def _apart_arcsec(
    ra: NDArray[np.float64], dec: NDArray[np.float64], place: Place
) -> NDArray[np.float64]:
    """Return angles from a place; safe across RA 0 and at the poles."""
    a, d, a0, d0 = (np.radians(v) for v in (ra, dec, *place))
    half = np.sin((d - d0) / 2) ** 2 + np.cos(d) * np.cos(d0) * np.sin((a - a0) / 2) ** 2
    return np.asarray(2.0 * np.degrees(np.arcsin(np.sqrt(np.minimum(half, 1.0)))) * 3600.0)
