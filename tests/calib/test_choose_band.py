"""The choice of band on practice skies: right group, twins, header, requests, plates, words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cpcs_desktop.calib.solution import choose_and_measure, fit_and_measure
from cpcs_desktop.datamodel.band import BandRequest
from cpcs_desktop.datamodel.calibration import Calibration
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.surveys.registry import band
from tests.calib.skies import ZERO_POINT, matched_sky

EVERYDAY = ("APASS/B", "APASS/V", "SDSS/u", "PS1/g", "REFCAT2/r", "SDSS/R", "PS1/i", "OGLE3/I",
            "SDSS/z", "PS1/y", "2MASS/J", "2MASS/H", "2MASS/K", "GAIA/G", "TYCHO2/VT")  # fmt: skip


def chosen(band_id: str, n: int = 60, seed: int = 1, header: str | None = None) -> Calibration:
    rng = np.random.default_rng([seed, n, sum(map(ord, band_id))])
    return fit_and_measure(matched_sky(band_id, n, rng, header=header))


def numbers(result: Calibration) -> set[tuple[str, str, str, int]]:
    """Return the fits to the last bit, in any order; as text, where NaN equals itself."""
    return {
        (f.band, float(f.zero_point).hex(), float(f.zero_point_err).hex(), f.n_matched)
        for f in result.fits
    }


def named(result: Calibration) -> set[str]:
    letters = {band(result.choice.band).letter}
    if result.choice.ambiguous and result.choice.runner_up is not None:
        letters.add(band(result.choice.runner_up).letter)
    return letters


@pytest.mark.parametrize("band_id", EVERYDAY)
def test_the_right_passband(band_id: str) -> None:
    """The accuracy report holds all 59 bands; this guards the usual ones."""
    result = chosen(band_id)
    groups = {band(f"{result.choice.band}").group} | (
        {band(result.choice.runner_up).group}
        if result.choice.ambiguous and result.choice.runner_up
        else set()
    )
    assert band(band_id).group in groups
    fit = next(f for f in result.fits if f.band == band_id)
    assert abs(fit.zero_point - ZERO_POINT) < 4 * fit.zero_point_err


def test_fits_do_not_depend_on_the_request() -> None:
    sky = matched_sky("SDSS/r", 60, np.random.default_rng(3))
    plain = fit_and_measure(sky)
    for text in ("any/V", "APASS/any", "PS1/i"):
        asked = fit_and_measure(replace(sky, request=BandRequest.parse(text)))
        assert BandRequest.parse(text).admits(band(asked.choice.band))
        assert numbers(asked) == numbers(plain)


def test_the_header_settles_what_stars_leave_open() -> None:
    sky = matched_sky("GAIASP/r", 20, np.random.default_rng(5), hidden=0.03)
    frame = sky.exposure.frame
    for text, letter in (("R", "R"), ("r'", "r")):
        headed = replace(
            sky, exposure=replace(sky.exposure, frame=replace(frame, filter_header=text))
        )
        result = fit_and_measure(headed)
        if result.choice.ambiguous:
            assert letter in named(result)
        assert text in result.choice.reason


def test_stars_overrule_a_wrong_header() -> None:
    result = chosen("SDSS/g", header="i")
    assert band(result.choice.band).letter in {"g", "GBP"}
    assert "contradict the header" in result.choice.reason


def test_an_observers_wish_is_not_ambiguous() -> None:
    sky = matched_sky("SDSS/r", 20, np.random.default_rng(1))
    asked = fit_and_measure(replace(sky, request=BandRequest.parse("any/R")))
    assert not asked.choice.ambiguous
    assert band(asked.choice.band).letter == "R"


def test_plates_are_the_last_resort() -> None:
    result = chosen("APASS/r", 40)
    ranks = {f.band: f.rank for f in result.fits if f.rank is not None}
    plates = [rank for name, rank in ranks.items() if name.startswith("USNO/")]
    assert plates
    assert min(plates) > max(rank for name, rank in ranks.items() if not name.startswith("USNO/"))
    alone = matched_sky("APASS/r", 60, np.random.default_rng(4), surveys=("USNO",))
    assert band(fit_and_measure(alone).choice.band).survey == "USNO"


def test_no_band_for_the_request_is_a_sentence() -> None:
    sky = matched_sky("SDSS/r", 30, np.random.default_rng(1), surveys=("APASS",))
    result = fit_and_measure(sky)
    with pytest.raises(CpcsError, match="2MASS/J") as caught:
        choose_and_measure(replace(sky, request=BandRequest.parse("2MASS/J")), result.fits)
    assert caught.value.code == "no_survey_coverage"
