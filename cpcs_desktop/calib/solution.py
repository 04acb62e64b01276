"""From matched stars to the measured target: fit every band, choose, measure, check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.calib.checks import CheckInput, run_checks
from cpcs_desktop.calib.choose_band import rank_bands
from cpcs_desktop.calib.colours import source_colours
from cpcs_desktop.calib.crossmatch import tangent_plane, usable_stars
from cpcs_desktop.calib.measure_target import TargetPlace, locate_target, measure
from cpcs_desktop.calib.zero_point import BandStars, fit_zero_points
from cpcs_desktop.datamodel.calibration import Calibration, MatchedExposure
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.fit import BandChoice, ZeroPointFit
from cpcs_desktop.datamodel.matches import MatchTable
from cpcs_desktop.io.filter_aliases import filter_letters
from cpcs_desktop.io.frames import read_pixels
from cpcs_desktop.surveys.registry import SURVEYS, band
from cpcs_desktop.wire import mjd_now


def fit_and_measure(matched: MatchedExposure, before: Calibration | None = None) -> Calibration:
    """Fit every band, choose, measure and check.

    Parameters
    ----------
    matched : MatchedExposure
        A Calibration too: its fits are made anew.
    before : Calibration, optional
        Of nearly the same stars, for a warm start; the ranking of its bands is kept.

    Raises
    ------
    CpcsError
        ``too_few_stars``, ``no_survey_coverage``, ``astrometry_wrong``, ``no_limit``.
    """
    place = target_place(matched)
    colours = source_colours(len(matched.sources), matched.references, matched.matches)
    stars = [
        band_stars
        for key in matched.matches
        for band_stars in _band_stars(matched, key, place.source_row, colours)
    ]
    if before is None:
        return choose_and_measure(matched, fit_zero_points(stars, matched.settings))
    warm = fit_zero_points(stars, matched.settings, {f.band: f for f in before.fits})
    by_band = {f.band: f for f in warm}
    if before.choice.band not in by_band or by_band[before.choice.band].status != "ok":
        return choose_and_measure(matched, fit_zero_points(stars, matched.settings))
    kept = tuple(replace(by_band[f.band], rank=f.rank) for f in before.fits if f.band in by_band)
    return _measured(matched, kept, before.choice)


def choose_and_measure(matched: MatchedExposure, fits: Sequence[ZeroPointFit]) -> Calibration:
    """Choose the band among fits, measure the target with it, and check.

    Raises
    ------
    CpcsError
        As :func:`fit_and_measure`.
    """
    header = matched.exposure.frame.filter_header
    letters = filter_letters(header) if header else ()
    bands = {f.band: band(f.band) for f in fits}
    ordered, choice = rank_bands(fits, bands, SURVEYS, matched.request, letters, header)
    return _measured(matched, ordered, choice)


def best_match(matched: MatchedExposure) -> MatchTable:
    """Return the table with most pairs: the frame's astrometry."""
    return max(matched.matches.values(), key=lambda m: (int((m.why_rejected == 0).sum()), m.survey))


def _acceptance_radius(matched: MatchedExposure) -> float:
    """Return the observer's radius, or twice the frame's scatter but at least 1 arcsec."""
    asked, sigma = matched.settings.match_radius_arcsec, best_match(matched).sigma_radec_arcsec
    if asked is not None:
        return asked
    return max(1.0, 2.0 * sigma) if np.isfinite(sigma) else 2.0


def target_place(matched: MatchedExposure) -> TargetPlace:
    """Find the target among the sources, the frame's offset taken out."""
    return locate_target(
        matched.sources,
        matched.target,
        best_match(matched).offset_arcsec,
        _acceptance_radius(matched),
    )


def _band_stars(
    matched: MatchedExposure, key: str, target_row: int | None, colours: NDArray[np.float64]
) -> list[BandStars]:
    """Return the stars of every band of one survey; the target is never its own reference."""
    sources, match, stars = matched.sources, matched.matches[key], matched.references[key]
    kept = match.why_rejected == 0
    if target_row is not None:
        kept &= match.source_row != target_row
    source_row, star_row = match.source_row[kept], match.star_row[kept]
    excluded = np.isin(source_row, list(matched.excluded))
    answer = []
    for column, letter in enumerate(stars.letters):
        mag, err = stars.mag[star_row, column], stars.mag_err[star_row, column]
        with np.errstate(invalid="ignore"):
            good = np.isfinite(mag) & (err <= matched.settings.max_reference_err)
        if not good.any():
            continue
        rows = source_row[good]
        answer.append(
            BandStars(
                band=f"{key}/{letter}",
                source_row=rows,
                star_row=star_row[good],
                mag_inst=sources.mag_inst[rows],
                mag_inst_err=sources.mag_inst_err[rows],
                mag_ref=mag[good],
                mag_ref_err=err[good],
                colour=colours[rows],
                excluded=excluded[good],
            )
        )
    return answer


def _measured(
    matched: MatchedExposure, fits: tuple[ZeroPointFit, ...], choice: BandChoice
) -> Calibration:
    """Measure the target with the chosen fit and make the checks."""
    fit = next(f for f in fits if f.band == choice.band)
    key, place = band(fit.band).survey, target_place(matched)
    measurement = measure(
        matched.exposure,
        matched.sources,
        fit,
        place,
        matched.target,
        survey=SURVEYS[key],
        matches=matched.matches,
        limit_snr=matched.settings.limit_snr,
        bad_pixel=place.source_row is None and _on_bad_pixel(matched),
    )
    reference = matched.references[key]
    usable = usable_stars(reference, matched.settings)
    east, north = tangent_plane(reference.ra[usable], reference.dec[usable], matched.target)
    checks = run_checks(
        CheckInput(
            exposure=matched.exposure,
            sources=matched.sources,
            fit=fit,
            match=matched.matches[key],
            reference=reference,
            measurement=measurement,
            target_star_arcsec=float(np.nanmin(np.hypot(east, north), initial=np.inf)),
            radius_arcsec=place.radius_arcsec,
            now_mjd=mjd_now(),
        )
    )
    shared = {f.name: getattr(matched, f.name) for f in fields(MatchedExposure)}
    return Calibration(
        **shared,
        fits=fits,
        choice=choice,
        measurement=measurement,
        checks=checks,
        match_radius_arcsec=place.radius_arcsec,
        sigma_radec_arcsec=best_match(matched).sigma_radec_arcsec,
    )


def _on_bad_pixel(matched: MatchedExposure) -> bool:
    """Say whether the target's place on the frame holds saturated or missing pixels."""
    frame = matched.exposure.frame
    if frame.kind != "frame" or frame.wcs is None:
        return False
    x, y = (round(float(t)) for t in frame.wcs.all_world2pix(*matched.target, 0, quiet=True))
    around = slice(max(y - 1, 0), max(y + 2, 0)), slice(max(x - 1, 0), max(x + 2, 0))
    try:
        cut = read_pixels(frame.path, frame.hdu, around)
    except CpcsError:
        return False  # the frame is no longer there: recalibrated from its stored list
    bad = ~np.isfinite(cut)
    if frame.saturation is not None:
        bad |= cut >= frame.saturation
    return bool(bad.any())
