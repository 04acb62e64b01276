"""One frame or list from file to result; used by window, command line and server alike.

Nothing here writes. Read it top to bottom: load, look up, match, fit, choose, measure, check.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from cpcs_desktop.calib.crossmatch import crossmatch, unit_vectors, usable_stars
from cpcs_desktop.calib.footprint import footprint
from cpcs_desktop.calib.measure_target import require_inside
from cpcs_desktop.calib.solution import (
    best_match,
    choose_and_measure,
    fit_and_measure,
    target_place,
)
from cpcs_desktop.calib.transforms import add_derived_bands
from cpcs_desktop.datamodel.band import BandRequest
from cpcs_desktop.datamodel.calibration import Calibration, MatchedExposure
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.frame import Frame
from cpcs_desktop.datamodel.matches import MatchTable
from cpcs_desktop.datamodel.settings import CalibrationSettings
from cpcs_desktop.datamodel.sources import (
    Exposure,
    MagnitudeKind,
    PsfPhotometry,
    SourceCatalog,
)
from cpcs_desktop.datamodel.survey import ReferenceCatalog
from cpcs_desktop.extract.loading import load_exposure
from cpcs_desktop.results import as_json, make_evidence, make_point
from cpcs_desktop.surveys.cache import SurveyCache
from cpcs_desktop.surveys.registry import SURVEYS

_CHANCE = 0.01  # of shuffled pairs doing as well, above which a match is taken for nonsense
_TESTABLE_PAIRS = 8
_WIDEST_FIELD_DEG = 30.0  # a header that says more is not worth reading ahead for


def with_times(exposure: Exposure, mjd: float | None, exposure_s: float | None) -> Exposure:
    """Return the exposure with the observer's time and exposure where these are given."""
    frame = exposure.frame
    return replace(
        exposure,
        frame=replace(
            frame,
            mjd=frame.mjd if mjd is None else mjd,
            exposure_s=frame.exposure_s if exposure_s is None else exposure_s,
        ),
        missing=exposure.missing
        - ({"mjd"} if mjd is not None else set())
        - ({"exposure_s"} if exposure_s is not None else set()),
    )


def calibrate(
    exposure: Exposure,
    target: tuple[float, float],
    cache: SurveyCache,
    *,
    event: str | None = None,
    request: BandRequest | None = None,
    settings: CalibrationSettings | None = None,
    magnitude_kind: MagnitudeKind = "AUTO",
    excluded: frozenset[int] = frozenset(),
    surveys: Sequence[str] | None = None,
    psf: bool = False,
) -> Calibration:
    """Calibrate one exposure for one target.

    Parameters
    ----------
    exposure : Exposure
    target : (float, float)
        RA and Dec, degrees.
    cache : SurveyCache
    event : str, optional
        ivorn.
    request : BandRequest, optional
        Changes the choice only: stars and fits are those of every band whatever is asked for.
    settings : CalibrationSettings, optional
    magnitude_kind : {"AUTO", "APER"}
    excluded : frozenset of int
        Rows of the SourceCatalog taken out by the observer.
    surveys : sequence of str, optional
        Keys of the surveys to use; default all that are cached.
    psf : bool
        Measure the target, together with its neighbours, by the PSF of the frame's own stars; for
        blended targets. The exposure of the result says what came of it.

    Raises
    ------
    CpcsError
        ``no_wcs``, ``target_outside``, ``no_survey_coverage``, ``failed_to_match``,
        ``too_few_stars``, ``astrometry_wrong``, ``no_limit``.
    """
    settings = settings or CalibrationSettings()
    sources = exposure.sources(magnitude_kind)
    found: dict[str, int] = {"n_sources": len(sources)}
    _require_positions(sources)
    require_inside(exposure, sources, target)
    try:
        references = _references(exposure, sources, cache, surveys)
        centre, _ = footprint(sources)
        scale = exposure.frame.pixel_scale_arcsec
        matches = crossmatch(sources, references, settings, centre, scale)
        found["n_matched"] = max(int((m.why_rejected == 0).sum()) for m in matches.values())
        matches = _require_matches(matches, references, settings)
        matched = MatchedExposure(
            exposure=exposure,
            event=event,
            target=target,
            request=request or BandRequest(),
            magnitude_kind=sources.kind,
            settings=settings,
            excluded=excluded,
            references={key: references[key] for key in matches},
            matches=matches,
        )
        return fit_and_measure(_with_psf_target(matched) if psf else matched)
    except CpcsError as error:
        error.found = {**found, **error.found}
        raise


def _with_psf_target(matched: MatchedExposure) -> MatchedExposure:
    """Put the target's PSF magnitude into its row; rows of other sources stay what they are."""
    from cpcs_desktop.extract.psf_target import with_psf_target  # photutils is slow to import

    wcs = matched.exposure.frame.wcs
    if wcs is None:
        refused = PsfPhotometry(refused="the pixels of the target are not known")
        return replace(matched, exposure=replace(matched.exposure, psf=refused))
    east, north = (v / 3600.0 for v in best_match(matched).offset_arcsec)
    squeeze = float(np.cos(np.radians(matched.target[1])))
    stars = [(r.ra, r.dec) for r in matched.references.values()]
    ra = np.concatenate([[matched.target[0]], *(s[0] for s in stars)]) + east / max(squeeze, 1e-6)
    dec = np.concatenate([[matched.target[1]], *(s[1] for s in stars)]) + north
    x, y = wcs.all_world2pix(ra, np.clip(dec, -90.0, 90.0), 0, quiet=True)
    exposure = with_psf_target(
        matched.exposure,
        (float(x[0]), float(y[0])),
        target_place(matched).source_row,
        (x[1:], y[1:]),
    )
    return replace(matched, exposure=exposure)


def read_ahead(frame: Frame, cache: SurveyCache, surveys: Sequence[str] | None = None) -> None:
    """Decode the surveys where a frame lies by its header, so that they are in memory later.

    Nothing comes of it where the header says nothing, or something wrong.
    """
    if frame.wcs is None or frame.shape is None:
        return
    rows, columns = frame.shape
    x, y = np.meshgrid(np.linspace(0, columns - 1, 3), np.linspace(0, rows - 1, 3))
    xyz = unit_vectors(*frame.wcs.all_pix2world(x.ravel(), y.ravel(), 0))
    middle = xyz[4]
    radius = np.degrees(np.arccos(np.clip((xyz @ middle).min(), -1.0, 1.0)))
    if not 0.0 < radius < _WIDEST_FIELD_DEG:
        return
    ra, dec = np.degrees(np.arctan2(middle[1], middle[0])) % 360.0, np.degrees(np.arcsin(middle[2]))
    for key in cache.keys():  # noqa: SIM118 - a method
        if surveys is None or key in surveys:
            cache.reference_stars(key, float(ra), float(dec), float(radius), SURVEYS[key].epoch)


def refit(calibration: Calibration, excluded: frozenset[int], *, warm: bool = False) -> Calibration:
    """Return the calibration with other stars taken out; every band follows.

    Parameters
    ----------
    calibration : Calibration
    excluded : frozenset of int
        Rows of the SourceCatalog.
    warm : bool
        For the eye, while the mouse moves: within 0.01 sigma, and the ranking of the bands stays.
        What is accepted or stored comes from ``warm=False``, which gives the same numbers
        whatever was clicked before.
    """
    return fit_and_measure(replace(calibration, excluded=excluded), calibration if warm else None)


def rechoose(calibration: Calibration, request: BandRequest) -> Calibration:
    """Return the calibration with another band request; the fits stay as they are."""
    return choose_and_measure(replace(calibration, request=request), calibration.fits)


def rematch(
    calibration: Calibration, match_radius_arcsec: float | None, magnitude_kind: MagnitudeKind
) -> Calibration:
    """Return the calibration with another match radius or kind of magnitudes, for the eye.

    The surveys stay those that matched before, the fits start from where they were: see
    :func:`refit` with ``warm=True``. What is stored comes from :func:`calibrate`.

    Raises
    ------
    CpcsError
        As :func:`calibrate`.
    """
    settings = replace(calibration.settings, match_radius_arcsec=match_radius_arcsec)
    sources = calibration.exposure.sources(magnitude_kind)
    centre, _ = footprint(sources)
    scale = calibration.exposure.frame.pixel_scale_arcsec
    found = crossmatch(sources, calibration.references, settings, centre, scale)
    matches = _require_matches(found, calibration.references, settings)
    matched = replace(
        calibration,
        settings=settings,
        magnitude_kind=sources.kind,
        references={key: calibration.references[key] for key in matches},
        matches=matches,
    )
    return fit_and_measure(matched, calibration)


def _require_positions(sources: SourceCatalog) -> None:
    if not len(sources):
        raise CpcsError(
            "too_few_stars",
            "No sources were found.",
            "Check that this is a reduced frame of the sky with stars on it.",
        )
    if not np.isfinite(sources.ra).any():
        raise CpcsError(
            "no_wcs",
            "The frame has no celestial coordinates (WCS).",
            "Solve it first: cpcs solve, or the plate solver you trust.",
            {"n_sources": len(sources)},
        )


def _references(
    exposure: Exposure,
    sources: SourceCatalog,
    cache: SurveyCache,
    wanted: Sequence[str] | None,
) -> dict[str, ReferenceCatalog]:
    """Return the stars of every cached survey that covers the field, derived bands included."""
    (ra, dec), radius = footprint(sources)
    keys = [k for k in cache.keys() if wanted is None or k in wanted]  # noqa: SIM118 - a method
    answer: dict[str, ReferenceCatalog] = {}
    for key in keys:
        stars = cache.reference_stars(key, ra, dec, radius, _epoch(exposure, key))
        if stars is not None:
            answer[key] = _within_limits(add_derived_bands(stars))
    if not answer:
        raise CpcsError(
            "no_survey_coverage",
            "No cached reference survey covers this field.",
            "Prepare it before the night: cpcs survey import or fetch.",
        )
    return answer


def _epoch(exposure: Exposure, key: str) -> float:
    """Return the Julian year of the frame; the survey's own epoch when the frame has no time."""
    mjd = exposure.frame.mjd
    return SURVEYS[key].epoch if mjd is None else 2000.0 + (mjd - 51544.5) / 365.25


def _within_limits(stars: ReferenceCatalog) -> ReferenceCatalog:
    """Blank magnitudes outside the survey's limits; raise errors to the believable."""
    declared = SURVEYS[stars.survey]
    with np.errstate(invalid="ignore"):
        outside = (stars.mag < declared.bright_limit) | (stars.mag > declared.faint_limit)
    return replace(
        stars,
        mag=np.where(outside, np.nan, stars.mag),
        mag_err=np.maximum(stars.mag_err, declared.floor_err),
    )


def _require_matches(
    matches: Mapping[str, MatchTable],
    references: Mapping[str, ReferenceCatalog],
    settings: CalibrationSettings,
) -> dict[str, MatchTable]:
    """Keep the surveys whose matches make sense."""
    enough = {k: m for k, m in matches.items() if (m.why_rejected == 0).sum() >= settings.min_stars}
    if not enough:
        n_stars = max(int(usable_stars(r, settings).sum()) for r in references.values())
        best = max(int((m.why_rejected == 0).sum()) for m in matches.values())
        if n_stars < settings.min_stars:
            raise CpcsError(
                "too_few_stars",
                f"The cached surveys have {n_stars} usable stars here, {settings.min_stars} are"
                " needed.",
                "Prepare a deeper survey for this field.",
                {"n_reference_stars": n_stars},
            )
        raise CpcsError(
            "failed_to_match",
            f"Only {best} sources match any of the {n_stars} reference stars.",
            "Check the astrometry of the frame, or use a larger match radius.",
            {"n_reference_stars": n_stars},
        )
    sensible = {
        k: m
        for k, m in enough.items()
        if not (int((m.why_rejected == 0).sum()) >= _TESTABLE_PAIRS and m.p_shuffled > _CHANCE)
    }
    if not sensible:
        worst = min(enough.values(), key=lambda m: m.p_shuffled)
        raise CpcsError(
            "astrometry_wrong",
            "Astrometry looks wrong: the magnitudes of matched stars agree no better than those of"
            f" shuffled ones (correlation {worst.correlation:.2f}).",
            "Solve the frame again.",
        )
    return sensible


__all__ = [
    "as_json",
    "calibrate",
    "load_exposure",
    "make_evidence",
    "make_point",
    "read_ahead",
    "rechoose",
    "refit",
    "rematch",
    "with_times",
]
