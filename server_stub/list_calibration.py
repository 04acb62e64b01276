"""From an uploaded list to a point: the same pipeline as at the observer's desk."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from cpcs_desktop.datamodel.band import BandRequest
from cpcs_desktop.datamodel.calibration import Calibration
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.settings import CalibrationSettings
from cpcs_desktop.datamodel.sources import Exposure
from cpcs_desktop.wire import MJD_AHEAD, MJD_OLDEST, TEXT_LIMIT, Evidence, PointBody, mjd_now
from server_stub.settings import ServerSettings

#: Matching radii that make sense, arcsec.
RADII = (0.5, 60.0)


@dataclass(frozen=True)
class ListRequest:
    """What the observer said of the list.

    Parameters
    ----------
    event : str
    target : (float, float)
        RA and Dec of the event, degrees.
    mjd, exposure_s : float or None
    radius_arcsec : float or None
        None: automatic.
    request : BandRequest
    observatory, file_name, comment : str
    dry_run, plots : bool
    """

    event: str
    target: tuple[float, float]
    mjd: float | None
    exposure_s: float | None
    radius_arcsec: float | None
    request: BandRequest
    observatory: str
    file_name: str
    comment: str
    dry_run: bool
    plots: bool


@dataclass(frozen=True)
class CalibratedList:
    """What the calibration of a list gives: JSON-ready, without arrays."""

    point: PointBody
    evidence: Evidence
    scatter: float
    warnings: tuple[str, ...]
    plots: dict[str, bytes]


def calibrate_list(request: ListRequest, file: Path, settings: ServerSettings) -> CalibratedList:
    """Calibrate a list against the server's own reference surveys.

    Raises
    ------
    CpcsError
        One sentence for the observer.
    """
    from cpcs_desktop import pipeline
    from cpcs_desktop.io.sniff import input_kind
    from cpcs_desktop.io.stored_list import stored_list_text
    from cpcs_desktop.surveys.cache import SurveyCache

    if input_kind(file) == "frame":
        raise CpcsError("not_a_list", "That is an image; send its SExtractor catalogue.")
    exposure = pipeline.load_exposure(file)
    if len(exposure.sources()) > settings.largest_rows:
        raise CpcsError("too_long", f"The list has more than {settings.largest_rows} rows.")
    mjd = request.mjd if request.mjd is not None else exposure.frame.mjd
    if mjd is None:
        raise CpcsError("no_date", "The field MJD is missing.")
    plausible = MJD_OLDEST <= mjd <= mjd_now() + MJD_AHEAD
    warnings = [] if plausible else [f"MJD {mjd:g} is not plausible."]
    if warnings and not request.dry_run:
        raise CpcsError("bad_date", f"MJD {mjd:g} is not plausible: send mid-exposure in days.")
    exposure = pipeline.with_times(exposure, mjd, request.exposure_s)
    exposure = replace(exposure, frame=replace(exposure.frame, path=request.file_name))
    calibration = pipeline.calibrate(
        exposure if plausible else _without_epoch(exposure),
        request.target,
        SurveyCache(settings.survey_cache),
        event=request.event,
        request=request.request,
        settings=CalibrationSettings(match_radius_arcsec=request.radius_arcsec),
    )
    # The list goes with the point: the server calibrates it again without a new upload.
    evidence = pipeline.make_evidence(calibration, stored_list_text(exposure))
    warnings += remarks(evidence)
    point = pipeline.make_point(
        replace(calibration, exposure=exposure),
        event=request.event,
        observatory=request.observatory,
        comment=" ".join([request.comment, *warnings]).strip()[:TEXT_LIMIT],
    )
    body = PointBody.of(replace(point, file_name=request.file_name))
    plots = band_plots(calibration) if request.plots else {}
    return CalibratedList(
        point=body,
        evidence=evidence,
        scatter=calibration.chosen.scatter,
        warnings=tuple(warnings),
        plots=plots,
    )


def _without_epoch(exposure: Exposure) -> Exposure:
    """Forget a nonsense epoch: it would move the stars by centuries of proper motion."""
    return replace(exposure, frame=replace(exposure.frame, mjd=None))


def remarks(evidence: Evidence) -> list[str]:
    """Return what an old script cannot be asked: the ambiguity of the choice and red checks."""
    found = [str(check["message"]) for check in evidence.checks if check["level"] == "red"]
    if evidence.choice["ambiguous"]:
        found.insert(0, f"Best guess of the band: {evidence.choice['reason']}")
    return found


def band_plots(calibration: Calibration) -> dict[str, bytes]:
    """Return a PNG for every band that has a fit, the chosen one first."""
    from cpcs_desktop.plots.zero_point import ZeroPointStars, zero_point_picture

    fits = sorted(
        (fit for fit in calibration.fits if fit.status == "ok"),
        key=lambda fit: fit.band != calibration.choice.band,
    )
    return {fit.band: zero_point_picture(ZeroPointStars.of(fit)) for fit in fits}
