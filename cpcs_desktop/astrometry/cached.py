"""Solving with whatever surveys are cached, and recognising a WCS that is wrong."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from cpcs_desktop.astrometry.programs import Place, attempts, told
from cpcs_desktop.astrometry.solve import SCALE_DOUBT, SCALE_RANGE, Solution, solve, with_wcs
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.sources import Exposure
from cpcs_desktop.datamodel.survey import ReferenceCatalog

if TYPE_CHECKING:
    from cpcs_desktop.surveys.cache import SurveyCache

#: Surveys with the best positions and the evenest coverage first.
_PREFERRED = ("GAIA", "GAIASP", "TYCHO2", "REFCAT2", "PS1", "SDSS", "APASS", "SKYMAPPER", "2MASS")
#: How far a header's pointing is trusted, degrees, and the largest cone asked for.
POINTING_DOUBT_DEG, LARGEST_CONE_DEG = 1.0, 15.0
#: A WCS is wrong when fewer than this share of the brighter reference stars have a source within
#: this many pixels (and this many arcsec at least).
AGREEING_SHARE, AGREEING_PIXELS, AGREEING_ARCSEC = 0.3, 3.0, 2.0
_FEWEST_JUDGES = 8


@dataclass(frozen=True)
class SolvedExposure:
    """An exposure with its new WCS, how good that is, and the survey (or program) it rests on."""

    exposure: Exposure
    solution: Solution
    survey: str


def solve_with_cache(
    exposure: Exposure,
    cache: SurveyCache,
    center: tuple[float, float] | None = None,
    radius: float | None = None,
    scale: float | None = None,
) -> SolvedExposure:
    """Solve an exposure's plate with the cached surveys, one after the other.

    Where they give no solution, the solvers that are installed (solve-field, ASTAP) are asked.

    Parameters
    ----------
    exposure : Exposure
        Of a frame.
    cache : SurveyCache
    center : (float, float), optional
        RA and Dec, degrees; default the pointing in the frame's header.
    radius : float, optional
        How far the frame's centre may lie from ``center``, degrees; default 1.
    scale : float, optional
        Arcsec per pixel; default the header's, else 0.2 to 60 are searched.

    Raises
    ------
    CpcsError
        ``no_position`` without any position, ``no_survey_coverage``, ``no_solution`` or
        ``too_few_stars``, saying what was tried.
    """
    try:
        return solve_with_surveys(exposure, cache, center, radius, scale)
    except CpcsError as error:
        return solve_with_programs(exposure, error, center, radius, scale)


def solve_with_programs(
    exposure: Exposure,
    error: CpcsError,
    center: tuple[float, float] | None = None,
    radius: float | None = None,
    scale: float | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> SolvedExposure:
    """Solve an exposure's plate with the solvers of others that are installed.

    Parameters
    ----------
    exposure : Exposure
    error : CpcsError
        Why the surveys did not solve it.
    center, radius, scale
        As of :func:`solve_with_cache`.
    cancelled : callable, optional
        Asked while a program runs; its word ends it.

    Raises
    ------
    CpcsError
        The one given, its hint telling what was tried besides.
    """
    frame = exposure.frame
    place = Place(
        center if center is not None else frame.pointing,
        POINTING_DOUBT_DEG if radius is None else radius,
        scale if scale is not None else frame.pixel_scale_arcsec,
    )
    tried = attempts(exposure, place, cancelled)
    if tried and (solution := tried[-1].solution) is not None:
        solved = with_wcs(exposure, solution.wcs, solution.scale_arcsec)
        return SolvedExposure(solved, solution, tried[-1].program)
    error.hint = f"{error.hint} {told(tried)}".strip()
    raise error


def solve_with_surveys(
    exposure: Exposure,
    cache: SurveyCache,
    center: tuple[float, float] | None = None,
    radius: float | None = None,
    scale: float | None = None,
) -> SolvedExposure:
    """Solve an exposure's plate with the cached surveys alone; see :func:`solve_with_cache`."""
    frame = exposure.frame
    center = center if center is not None else frame.pointing
    if center is None:
        raise CpcsError(
            "no_position",
            "The header does not say where the telescope pointed.",
            "Give the position: an event, or --center RA,DEC.",
        )
    doubt = POINTING_DOUBT_DEG if radius is None else radius
    known = scale if scale is not None else frame.pixel_scale_arcsec
    widest = known * SCALE_DOUBT if known is not None else SCALE_RANGE[1]
    half_deg = 0.5 * math.hypot(*(frame.shape or (0, 0))) * widest / 3600
    cone = min(half_deg + doubt, LARGEST_CONE_DEG)
    epoch = 2000.0 + (frame.mjd - 51544.5) / 365.25 if frame.mjd is not None else 2016.0
    reasons = []
    for key in _in_order(cache.keys()):
        stars = cache.reference_stars(key, center[0], center[1], cone, epoch)
        if stars is None or len(stars) == 0:
            continue
        try:
            solution = solve(frame, exposure, stars, center, doubt, scale)
        except CpcsError as error:
            reasons.append(error)
            continue
        solved = with_wcs(exposure, solution.wcs, solution.scale_arcsec)
        return SolvedExposure(solved, solution, key)
    if not reasons:
        raise CpcsError(
            "no_survey_coverage",
            f"No cached survey covers {center[0]:.4f} {center[1]:+.4f}.",
            "Fetch or import one for this field: cpcs survey fetch, cpcs survey import.",
        )
    raise next((e for e in reasons if e.code == "no_solution"), reasons[0])


def wcs_is_wrong(exposure: Exposure, stars: ReferenceCatalog) -> bool | None:
    """Say whether an exposure's WCS contradicts reference stars.

    Parameters
    ----------
    exposure : Exposure
    stars : ReferenceCatalog
        Of the frame's field.

    Returns
    -------
    bool or None
        None when there is no WCS, or too few stars to judge.
    """
    frame, sources = exposure.frame, exposure.sources()
    if frame.wcs is None or frame.shape is None or len(stars) == 0 or len(sources) == 0:
        return None
    x, y = frame.wcs.all_world2pix(stars.ra, stars.dec, 0, quiet=True)
    inside = np.isfinite(x) & np.isfinite(y) & (x > 0) & (y > 0)
    inside &= (x < frame.shape[1] - 1) & (y < frame.shape[0] - 1)
    mag = stars.mag[:, int(np.isfinite(stars.mag).sum(axis=0).argmax())]
    order = np.flatnonzero(inside)[np.argsort(np.nan_to_num(mag[inside], nan=99.0))]
    judges = order[: max(_FEWEST_JUDGES, len(sources) // 2)]
    if len(judges) < _FEWEST_JUDGES:
        return None
    radius = max(AGREEING_PIXELS, AGREEING_ARCSEC / (frame.pixel_scale_arcsec or 1.0))
    tree = cKDTree(np.column_stack([sources.x, sources.y]))
    distance, _ = tree.query(np.column_stack([x[judges], y[judges]]))
    share = float(np.mean(distance < radius))
    crowding = len(sources) * math.pi * radius**2 / (frame.shape[0] * frame.shape[1])
    by_chance = 1 - math.exp(-crowding)
    return share < max(AGREEING_SHARE, by_chance + 3 * math.sqrt(by_chance / len(judges)))


def _in_order(keys: list[str]) -> list[str]:
    rank = {key: n for n, key in enumerate(_PREFERRED)}
    return sorted(keys, key=lambda key: (rank.get(key, len(rank)), key))
