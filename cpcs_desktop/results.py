"""What leaves a calibration: the line of JSON, the point, and its evidence."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import PurePath
from typing import Any

import numpy as np

from cpcs_desktop import __version__
from cpcs_desktop.datamodel.calibration import Calibration
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.fit import ZeroPointFit
from cpcs_desktop.datamodel.point import PhotometricPoint, point_id
from cpcs_desktop.datamodel.settings import settings_digest
from cpcs_desktop.wire import Evidence

SOFTWARE = f"cpcs-desktop {__version__}"
CALIB_ERR_FLOOR = 0.01  # mag, the old wire's floor of caliberr


def number(value: float | None) -> float | None:
    """Return a JSON number, None for None and NaN."""
    return None if value is None or not math.isfinite(value) else float(value)


def as_json(calibration: Calibration, path: str) -> dict[str, Any]:
    """Return one line of ``calibrate --json``.

    Parameters
    ----------
    calibration : Calibration
    path : str
        The input as the observer typed it.
    """
    frame, fit, found = calibration.exposure.frame, calibration.chosen, calibration.measurement
    sources = calibration.exposure.sources(calibration.magnitude_kind)
    limit = found.kind == "UPPER_LIMIT"
    return {
        "path": path,
        "status": "ok",
        "sha256": frame.sha256,
        "kind": frame.kind,
        "hdu": frame.hdu,
        "event": calibration.event,
        "target": {"ra": calibration.target[0], "dec": calibration.target[1]},
        "mjd": number(frame.mjd),
        "exposure_s": number(frame.exposure_s),
        "filter_header": frame.filter_header,
        "guessed": sorted(frame.guessed),
        "band": calibration.choice.band,
        "magnitude_kind": calibration.magnitude_kind,
        "target_photometry": target_photometry(calibration),
        "mag": number(found.mag),
        "mag_err": number(found.mag_err),
        "mag_err_total": number(found.mag_err_total),
        "error_budget": {k: number(v) for k, v in asdict(found.error_budget).items()},
        "is_limit": limit,
        "limit_reason": found.limit_reason,
        "limit_method": found.limit_method,
        "source": {
            "ra": number(found.ra),
            "dec": number(found.dec),
            "offset_arcsec": number(found.offset_arcsec),
        },
        "zero_point": number(fit.zero_point),
        "zero_point_err": number(fit.zero_point_err),
        "scatter": number(fit.scatter),
        "outlier_fraction": number(fit.outlier_fraction),
        "n_sources": len(sources),
        "n_matched": fit.n_matched,
        "n_used": number(fit.n_used),
        "match_radius_arcsec": number(calibration.match_radius_arcsec),
        "sigma_radec_arcsec": number(calibration.sigma_radec_arcsec),
        "choice": _choice_json(calibration),
        "fits": [_fit_json(f) for f in calibration.fits],
        "checks": [_check_json(c) for c in calibration.checks],
        "software": SOFTWARE,
        "settings_digest": settings_digest(calibration.settings),
    }


def target_photometry(calibration: Calibration) -> dict[str, Any]:
    """Return how the target was measured, JSON-ready.

    ``method`` is ``aperture`` (of the magnitude kind) or ``PSF``: then the target's instrumental
    magnitude comes from a PSF fit, put on the scale of the magnitude kind by ``correction``.
    """
    psf = calibration.exposure.psf
    if psf is None or psf.refused is not None:
        return {"method": "aperture", "psf_refused": None if psf is None else psf.refused}
    return {
        "method": "PSF",
        "psf_refused": None,
        "detected": psf.is_there,
        "stars": psf.stars,
        "neighbours": psf.neighbours,
        "fwhm_pix": number(psf.fwhm_pix),
        "reduced_chi2": number(psf.reduced_chi2),
        "correction": number(psf.correction.get(calibration.magnitude_kind)),
        "correction_err": number(psf.correction_err.get(calibration.magnitude_kind)),
    }


def _choice_json(calibration: Calibration) -> dict[str, Any]:
    choice = asdict(calibration.choice)
    return {**choice, "margin": number(calibration.choice.margin)}


def _check_json(check: Any) -> dict[str, Any]:
    return {**asdict(check), "value": number(check.value)}


def _fit_json(fit: ZeroPointFit) -> dict[str, Any]:
    return {
        "band": fit.band,
        "status": fit.status,
        "zero_point": number(fit.zero_point),
        "zero_point_err": number(fit.zero_point_err),
        "scatter": number(fit.scatter),
        "scatter_err": number(fit.scatter_err),
        "outlier_fraction": number(fit.outlier_fraction),
        "n_matched": fit.n_matched,
        "n_used": number(fit.n_used),
        "colour_slope": number(fit.colour_slope),
        "colour_slope_err": number(fit.colour_slope_err),
        "largest_weight": number(fit.largest_weight),
        "rank": fit.rank,
        "reason": fit.reason,
        "converged": fit.converged,
    }


def make_point(
    calibration: Calibration,
    *,
    event: str,
    mjd: float | None = None,
    exposure_s: float | None = None,
    observatory: str | None = None,
    observers: tuple[str, ...] = (),
    comment: str = "",
    revision: int = 1,
) -> PhotometricPoint:
    """Return the point that is accepted; its id depends on event and frame alone.

    Parameters
    ----------
    calibration : Calibration
    event : str
        ivorn.
    mjd, exposure_s : float, optional
        Where the frame does not know them.
    observatory : str, optional
    observers : tuple of str
    comment : str
    revision : int

    Raises
    ------
    CpcsError
        ``no_date`` when neither the file nor the observer gave the time.
    """
    frame, fit, found = calibration.exposure.frame, calibration.chosen, calibration.measurement
    mjd = frame.mjd if mjd is None else mjd
    if mjd is None:
        raise CpcsError(
            "no_date",
            "The time of mid-exposure is unknown.",
            "Give it with --mjd, or in the form beside the list.",
        )
    if found.kind == "DETECTION" and found.mag_err is None:
        raise CpcsError(
            "no_error",
            "The target's magnitude has no error in this list.",
            "Use a list with MAGERR columns, or the frame itself.",
        )
    return PhotometricPoint(
        id=point_id(event, frame.sha256, frame.hdu),
        revision=revision,
        kind=found.kind,
        event=event,
        mjd=mjd,
        exposure_s=frame.exposure_s if exposure_s is None else exposure_s,
        band=calibration.choice.band,
        mag=found.mag,
        mag_err=found.mag_err,
        mag_err_total=found.mag_err_total,
        error_budget=found.error_budget,
        calib_err=max(fit.scatter, CALIB_ERR_FLOOR),
        limit_reason=found.limit_reason,
        limit_method=found.limit_method,
        magnitude_kind=calibration.magnitude_kind,
        match_radius_arcsec=calibration.match_radius_arcsec,
        ra=found.ra,
        dec=found.dec,
        offset_arcsec=found.offset_arcsec,
        zero_point=fit.zero_point,
        zero_point_err=fit.zero_point_err,
        outlier_fraction=fit.outlier_fraction,
        n_matched=fit.n_matched,
        n_used=fit.n_used,
        observatory=observatory,
        instrument=frame.instrument,
        observers=observers,
        file_name=PurePath(frame.path).name,
        comment=comment,
        provenance={
            "software": SOFTWARE,
            "settings_digest": settings_digest(calibration.settings),
            "frame_sha256": frame.sha256,
            "hdu": frame.hdu,
            "filter_header": frame.filter_header,
            "request": str(calibration.request),
            "choice": calibration.choice.reason,
            "surveys": {key: ref.release for key, ref in sorted(calibration.references.items())},
            "guessed": sorted(frame.guessed),
            "target_photometry": target_photometry(calibration),
        },
    )


def make_evidence(calibration: Calibration, source_list: str | None = None) -> Evidence:
    """Return how the point came about: stars with memberships and exclusions, fits, checks.

    Parameters
    ----------
    calibration : Calibration
    source_list : str, optional
        The whole list as text, for recalibration without the frame.
    """
    fit = calibration.chosen
    reference = calibration.references[fit.band.partition("/")[0]]
    stars: dict[str, list[float | int | bool | str | None]] = {
        "source_row": [int(row) for row in fit.source_row],
        "source_id": [str(reference.source_id[row]) for row in fit.star_row],
        "excluded": [bool(flag) for flag in fit.excluded],
    }
    for name, values in (
        ("ra", reference.ra[fit.star_row]),
        ("dec", reference.dec[fit.star_row]),
        ("mag_inst", fit.mag_inst),
        ("mag_inst_err", fit.mag_inst_err),
        ("mag_ref", fit.mag_ref),
        ("mag_ref_err", fit.mag_ref_err),
        ("membership", fit.membership),
    ):
        stars[name] = [number(float(v)) for v in np.asarray(values)]
    return Evidence(
        stars=stars,
        fits=[_fit_json(f) for f in calibration.fits],
        choice=_choice_json(calibration),
        checks=[_check_json(c) for c in calibration.checks],
        settings={
            **asdict(calibration.settings),
            "request": str(calibration.request),
            "magnitude_kind": calibration.magnitude_kind,
            "target": list(calibration.target),
            "excluded": sorted(int(row) for row in calibration.excluded),
        },
        source_list=source_list,
    )
