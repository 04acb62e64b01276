"""The fits that answer an observer's decisions on one row."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np

from cpcs_desktop.datamodel.band import BandRequest
from cpcs_desktop.datamodel.calibration import Calibration
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.settings import CalibrationSettings
from cpcs_desktop.datamodel.sources import Exposure, MagnitudeKind
from cpcs_desktop.session.night_frame import Decisions


def answers(calibration: Calibration, exposure: Exposure, decisions: Decisions) -> bool:
    """Say whether a calibration of an exposure is the one these decisions ask for."""
    return (
        calibration.excluded == decisions.excluded
        and calibration.request == BandRequest.parse(decisions.request)
        and same_matches(calibration, exposure, decisions)
    )


def same_matches(calibration: Calibration, exposure: Exposure, decisions: Decisions) -> bool:
    """Say whether the matched stars of a calibration are those the decisions ask for."""
    kind = exposure.sources(cast("MagnitudeKind", decisions.magnitude_kind)).kind
    wanted, given = timed(exposure, decisions).frame, calibration.exposure.frame
    return (
        calibration.event == decisions.event
        and calibration.target == decisions.target
        and calibration.magnitude_kind == kind
        and (calibration.exposure.psf is not None) == decisions.psf
        and calibration.settings.match_radius_arcsec == decisions.match_radius_arcsec
        and (wanted.id, wanted.mjd, wanted.exposure_s) == (given.id, given.mjd, given.exposure_s)
    )


def timed(exposure: Exposure, decisions: Decisions) -> Exposure:
    """Return the exposure with the times the observer gave, where some were given."""
    if decisions.mjd is None and decisions.exposure_s is None:
        return exposure
    from cpcs_desktop import pipeline

    return pipeline.with_times(exposure, decisions.mjd, decisions.exposure_s)


def fit_frame(
    exposure: Exposure,
    decisions: Decisions,
    survey_cache: Path,
    settled: Calibration | None = None,
) -> Calibration:
    """Return the cold fits for the decisions on one row; made for a background thread.

    Parameters
    ----------
    exposure : Exposure
    decisions : Decisions
    survey_cache : Path
        Folder of the reference surveys.
    settled : Calibration, optional
        Cold fits of earlier decisions; what they share with the new ones is not done twice.

    Raises
    ------
    CpcsError
        Code ``no_event`` without a target, and everything calibration raises.
    """
    from cpcs_desktop import pipeline
    from cpcs_desktop.surveys.cache import SurveyCache

    if settled is not None and same_matches(settled, exposure, decisions):
        if settled.excluded != decisions.excluded:
            settled = pipeline.refit(settled, decisions.excluded)
        request = BandRequest.parse(decisions.request)
        if settled.request != request:
            settled = pipeline.rechoose(settled, request)
        return settled
    if decisions.target is None:
        raise CpcsError(
            "no_event",
            "No event you know lies on this frame.",
            "Choose an event above the image, or paste the position of the target there.",
        )
    return pipeline.calibrate(
        timed(exposure, decisions),
        decisions.target,
        SurveyCache(survey_cache),
        event=decisions.event,
        request=BandRequest.parse(decisions.request),
        settings=replace(CalibrationSettings(), match_radius_arcsec=decisions.match_radius_arcsec),
        magnitude_kind=cast("MagnitudeKind", decisions.magnitude_kind),
        excluded=decisions.excluded,
        psf=decisions.psf,
    )


def previewed(settled: Calibration, decisions: Decisions) -> Calibration:
    """Return what the fits would become, for the eye while a control moves; made for a child.

    Parameters
    ----------
    settled : Calibration
        Cold fits of the row.
    decisions : Decisions
        With another match radius, kind of magnitudes or band request.

    Raises
    ------
    CpcsError
        Where nothing can be calibrated that way.
    """
    from cpcs_desktop import pipeline

    kind = settled.exposure.sources(cast("MagnitudeKind", decisions.magnitude_kind)).kind
    radius = decisions.match_radius_arcsec
    if (radius, kind) != (settled.settings.match_radius_arcsec, settled.magnitude_kind):
        settled = pipeline.rematch(settled, radius, kind)
    request = BandRequest.parse(decisions.request)
    return settled if request == settled.request else pipeline.rechoose(settled, request)


def crossed(calibration: Calibration, excluded: frozenset[int]) -> Calibration:
    """Return the same fits with these stars marked as excluded: what a click shows at once."""
    highest = max((int(fit.source_row.max(initial=0)) for fit in calibration.fits), default=0)
    out = np.zeros(highest + 1, dtype=bool)
    out[[row for row in excluded if row <= highest]] = True
    fits = tuple(replace(fit, excluded=out[fit.source_row]) for fit in calibration.fits)
    return replace(calibration, excluded=excluded, fits=fits)
