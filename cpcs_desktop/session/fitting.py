"""The fits that answer an observer's decisions on one row."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

from cpcs_desktop.datamodel.band import BandRequest
from cpcs_desktop.datamodel.calibration import Calibration
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.settings import CalibrationSettings
from cpcs_desktop.datamodel.sources import Exposure, MagnitudeKind
from cpcs_desktop.session.night_frame import Decisions


def answers(calibration: Calibration, decisions: Decisions) -> bool:
    """Say whether a calibration is the one these decisions ask for."""
    return (
        calibration.excluded == decisions.excluded
        and _same_matches(calibration, decisions)
        and (str(calibration.request) == decisions.request)
    )


def _same_matches(calibration: Calibration, decisions: Decisions) -> bool:
    frame = calibration.exposure.frame
    return (
        calibration.event == decisions.event
        and calibration.target == decisions.target
        and calibration.magnitude_kind == decisions.magnitude_kind
        and calibration.settings.match_radius_arcsec == decisions.match_radius_arcsec
        and (decisions.mjd is None or frame.mjd is not None)
    )


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

    if settled is not None and _same_matches(settled, decisions):
        if settled.excluded != decisions.excluded:
            settled = pipeline.refit(settled, decisions.excluded)
        if str(settled.request) != decisions.request:
            settled = pipeline.rechoose(settled, BandRequest.parse(decisions.request))
        return settled
    if decisions.target is None:
        raise CpcsError(
            "no_event",
            "No event you know lies on this frame.",
            "Choose an event above the image, or paste the position of the target there.",
        )
    if exposure.frame.mjd is None and decisions.mjd is not None:
        exposure = pipeline.with_times(exposure, decisions.mjd, decisions.exposure_s)
    return pipeline.calibrate(
        exposure,
        decisions.target,
        SurveyCache(survey_cache),
        event=decisions.event,
        request=BandRequest.parse(decisions.request),
        settings=replace(CalibrationSettings(), match_radius_arcsec=decisions.match_radius_arcsec),
        magnitude_kind=cast("MagnitudeKind", decisions.magnitude_kind),
        excluded=decisions.excluded,
    )
