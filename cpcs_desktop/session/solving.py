"""A frame whose header does not say where it lies, or says it wrongly, is solved in the same go."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.sources import Exposure

if TYPE_CHECKING:
    from cpcs_desktop.surveys.cache import SurveyCache

#: What other programs may know better; a child that died is nothing they could help.
_UNSOLVED = ("no_survey_coverage", "no_solution", "too_few_stars")
_log = logging.getLogger(__name__)
#: Stars this far from the middle of a frame are enough to judge its WCS by, degrees.
_JUDGED_DEG = 0.5


def with_right_wcs(exposure: Exposure, survey_cache: Path, target: tuple[float, float]) -> Exposure:
    """Return the exposure with a WCS that agrees with the cached surveys.

    Parameters
    ----------
    exposure : Exposure
        Of a frame.
    survey_cache : Path
        Folder of the reference surveys.
    target : (float, float)
        RA and Dec of the event, degrees; the frame is looked for around it.

    Returns
    -------
    Exposure
        The one given where its WCS is right, where no cached star can judge it, and where a wrong
        one cannot be replaced: the fit then says why it does not match.

    Raises
    ------
    CpcsError
        Of a frame without a WCS that cannot be solved; everything `solve_with_surveys` raises.
    """
    from cpcs_desktop.astrometry.cached import solve_with_surveys
    from cpcs_desktop.surveys.cache import SurveyCache

    cache = SurveyCache(survey_cache)
    if exposure.frame.wcs is None:
        return solve_with_surveys(exposure, cache, target).exposure
    if not _is_wrong(exposure, cache):
        return exposure
    try:
        return solve_with_surveys(exposure, cache, target).exposure
    except CpcsError as error:
        _log.info("the WCS of %s is wrong and stays: %s", exposure.frame.path, error)
        return exposure


def solved_by_programs(
    exposure: Exposure,
    target: tuple[float, float],
    error: CpcsError,
    cancelled: Callable[[], bool],
) -> Exposure:
    """Return an exposure solved by another program that is installed; may take a minute.

    Parameters
    ----------
    exposure : Exposure
        Of a frame without a WCS.
    target : (float, float)
        RA and Dec of the event, degrees.
    error : CpcsError
        Why :func:`with_right_wcs` found nothing.
    cancelled : callable
        Asked several times a second.

    Raises
    ------
    CpcsError
        The one given, with what was tried besides.
    """
    if error.code not in _UNSOLVED:
        raise error
    from cpcs_desktop.astrometry.cached import solve_with_programs

    return solve_with_programs(exposure, error, target, cancelled=cancelled).exposure


def _is_wrong(exposure: Exposure, cache: SurveyCache) -> bool:
    from cpcs_desktop.astrometry.cached import wcs_is_wrong

    frame = exposure.frame
    if frame.wcs is None or frame.shape is None:
        return False
    ra, dec = frame.wcs.pixel_to_world_values(frame.shape[1] / 2, frame.shape[0] / 2)
    epoch = 2000.0 + (frame.mjd - 51544.5) / 365.25 if frame.mjd is not None else 2016.0
    for key in cache.keys():  # noqa: SIM118  a method of the cache
        stars = cache.reference_stars(key, float(ra), float(dec), _JUDGED_DEG, epoch)
        verdict = None if stars is None else wcs_is_wrong(exposure, stars)
        if verdict is not None:
            return verdict
    return False


def same_wcs(one: Exposure, other: Exposure) -> bool:
    """Say whether two exposures of a frame lie at the same place."""
    first, second = (
        None if e.frame.wcs is None else e.frame.wcs.to_header_string(relax=True)
        for e in (one, other)
    )
    return bool(first == second)
