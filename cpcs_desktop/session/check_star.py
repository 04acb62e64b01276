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


def check_star(frames: Sequence[NightFrame]) -> CheckStar | None:
    """Return the check star of the rows of one target; None while no frame shows one.

    The observer's choice, else of the first frame's stars the one nearest to the target's
    brightness that most frames show. Nobody looks at its scatter before it is chosen: the quietest
    of forty stars would be quiet by luck.
    """
    shown = [f for f in frames if f.facts.stars]
    if not shown:
        return None
    wish = next((f.decisions.check_star for f in shown if f.decisions.check_star), None)
    tables = [np.array(f.facts.stars, dtype=np.float64) for f in shown]
    place = wish or _automatic(shown[0], tables)
    if place is None:
        return None
    found = [(f, row) for f, t in zip(shown, tables, strict=True) if (row := _at(t, place)) >= 0]
    by_key = {f.key: t for f, t in zip(shown, tables, strict=True)}
    deviation: dict[int, float] = {}
    errors: dict[int, float] = {}
    bands = []
    for band in sorted({str(f.facts.band) for f, _ in found}):
        here = [(f, by_key[f.key][row]) for f, row in found if f.facts.band == band]
        mag = np.array([star[2] for _, star in here])
        err = np.array([np.hypot(star[3], f.facts.zero_point_err or 0.0) for f, star in here])
        mean = float(mag.mean())
        deviation |= {f.key: float(m - mean) for (f, _), m in zip(here, mag, strict=True)}
        errors |= {f.key: float(e) for (f, _), e in zip(here, err, strict=True)}
        if len(here) > 1:
            rms = float(mag.std(ddof=1))
            bands.append(BandScatter(band, len(here), mean, rms, float(np.sqrt((err**2).mean()))))
    bands.sort(key=lambda b: -b.n)
    return CheckStar(place[0], place[1], wish is not None, deviation, errors, tuple(bands))


def by_target(frames: Iterable[NightFrame]) -> dict[tuple[str | None, Place], list[NightFrame]]:
    """Return the rows of every target that is known."""
    found: dict[tuple[str | None, Place], list[NightFrame]] = {}
    for frame in frames:
        if frame.decisions.target is not None:
            found.setdefault((frame.decisions.event, frame.decisions.target), []).append(frame)
    return found


def _automatic(first: NightFrame, tables: Sequence[NDArray[np.float64]]) -> Place | None:
    stars = np.array(first.facts.stars, dtype=np.float64)
    wanted = first.facts.mag if first.facts.mag is not None else float(np.median(stars[:, 2]))
    for row in np.argsort(np.abs(stars[:, 2] - wanted), kind="stable"):
        place = (float(stars[row, 0]), float(stars[row, 1]))
        members = [t[at, 4] for t in tables if (at := _at(t, place)) >= 0]
        if len(members) >= _ON_MOST * len(tables) and np.median(members) > _BELONGS:
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
