"""The target: detection, limits with reasons, failures, depth by known noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cpcs_desktop.calib.limits import blank_sky_limit, list_limit
from cpcs_desktop.calib.solution import fit_and_measure
from cpcs_desktop.datamodel.calibration import MatchedExposure
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.sources import BlankSky
from tests.calib.skies import ZERO_POINT, matched_sky, source_catalog

POGSON = 2.5 / np.log(10)


def sky(seed: int = 1) -> MatchedExposure:
    return matched_sky("SDSS/r", 80, np.random.default_rng(seed), surveys=("SDSS", "PS1"))


def with_rows(given: MatchedExposure, keep: np.ndarray) -> MatchedExposure:
    """Return the sky with some sources of its list only; the pairs follow."""
    sources = given.sources
    new_row = np.cumsum(keep) - 1
    columns = (
        "x",
        "y",
        "ra",
        "dec",
        "flux",
        "flux_err",
        "mag_inst",
        "mag_inst_err",
        "fwhm",
        "flags",
    )
    cut = replace(sources, **{name: getattr(sources, name)[keep] for name in columns})
    matches = {
        key: replace(table, source_row=new_row[table.source_row])
        for key, table in given.matches.items()
    }
    return replace(given, exposure=replace(given.exposure, catalogs={"AUTO": cut}), matches=matches)


def test_detection_and_its_budget() -> None:
    given = sky()
    result = fit_and_measure(given)
    found = result.measurement
    assert found.kind == "DETECTION"
    assert found.source_row == 80
    assert found.mag == pytest.approx(given.sources.mag_inst[80] + ZERO_POINT, abs=0.02)
    assert found.mag_err == given.sources.mag_inst_err[80]
    budget = found.error_budget
    parts = (budget.photon, budget.zero_point, budget.scatter, budget.colour, budget.survey)
    assert found.mag_err_total == pytest.approx(np.sqrt(sum(p**2 for p in parts if p is not None)))
    assert all(80 not in fit.source_row for fit in result.fits)


def test_a_target_that_is_a_survey_star_is_no_reference_of_itself() -> None:
    given = sky()
    star = int(given.matches["SDSS"].source_row[10])
    result = fit_and_measure(
        replace(given, target=(float(given.sources.ra[star]), float(given.sources.dec[star])))
    )
    assert result.measurement.source_row == star
    assert all(star not in fit.source_row for fit in result.fits)
    check = next(c for c in result.checks if c.code == "target_is_reference")
    assert check.level == "amber"


def test_not_found_is_a_limit_from_four_columns() -> None:
    given = sky()
    keep = np.arange(81) != 80
    result = fit_and_measure(with_rows(given, keep))
    found = result.measurement
    assert (found.kind, found.limit_reason, found.mag_err) == ("UPPER_LIMIT", "too_faint", None)
    assert "error model" in str(found.limit_method)
    # the practice list's error is hypot(0.002, 0.05 * 10**(0.4 (m - 19))): S/N 5 at
    assert found.mag == pytest.approx(19.0 + 2.5 * np.log10(POGSON / 5 / 0.05), abs=0.15)


def test_a_bright_unknown_source_just_outside_is_no_limit() -> None:
    given = sky()
    ra, dec = given.target
    with pytest.raises(CpcsError, match="no survey knows") as caught:
        fit_and_measure(replace(given, target=(ra, dec + 4.0 / 3600)))
    assert caught.value.code == "astrometry_wrong"


def test_a_survey_star_just_outside_blends() -> None:
    given = sky()
    keep = np.arange(81) != 80
    star = int(given.matches["SDSS"].source_row[20])
    target = float(given.sources.ra[star]), float(given.sources.dec[star]) + 2.5 / 3600
    result = fit_and_measure(
        with_rows(
            replace(
                given, target=target, settings=replace(given.settings, match_radius_arcsec=2.0)
            ),
            keep,
        )
    )
    assert result.measurement.kind == "UPPER_LIMIT"


def test_depth_of_blank_sky_is_five_sigma_of_the_nearest() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.uniform(0, 1000, (2, 3000))
    flux = rng.normal(0, np.where(x < 500, 30.0, 90.0))
    blank = BlankSky(x, y, flux, 8.0)
    for place, sigma in ((100.0, 30.0), (900.0, 90.0)):
        limit = blank_sky_limit(blank, place, 500.0, 5.0)
        assert limit == pytest.approx(-2.5 * np.log10(5 * sigma), abs=0.2)
    assert blank_sky_limit(replace(blank, x=x[:10], y=y[:10], flux=flux[:10]), 1, 1, 5.0) is None


def test_list_limit_extrapolates_the_sky_noise() -> None:
    rng = np.random.default_rng(2)
    mag = rng.uniform(-14, -7.5, 400)
    flux = 10 ** (-0.4 * mag)
    noise = np.sqrt(flux + 40.0**2)
    err = POGSON * noise / flux
    rows = np.zeros(400)
    limit = list_limit(source_catalog(rows, rows, mag, err), 5.0)
    # 5 sqrt(F + 1600) = F
    exact = 12.5 + np.sqrt(12.5**2 + 25 * 1600)
    assert limit == pytest.approx(-2.5 * np.log10(exact), abs=0.05)


def test_a_list_without_errors_has_no_limit() -> None:
    rows = np.zeros(5)
    assert list_limit(source_catalog(rows, rows, rows - 8, rows + np.nan), 5.0) is None
