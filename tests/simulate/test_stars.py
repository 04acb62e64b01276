"""The practice sky's colours: second paths, published numbers, determinism."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cpcs_desktop.datamodel.band import PASSBAND_GROUPS
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.simulate.passbands import SYSTEM_OF_BAND, johnson
from cpcs_desktop.simulate.stars import Stars, make_stars
from cpcs_desktop.simulate.survey_view import NOISE_OF_SURVEY, observe_survey, published_letters


def pure_locus(seed: int = 3, n: int = 60_000) -> Stars:
    return make_stars(n, np.random.default_rng(seed), ebv=0.0, system_scatter=0.0)


def median_colour(stars: Stars, rows: np.ndarray, blue: str, red: str) -> float:
    return float(np.median(stars.mag(blue)[rows] - stars.mag(red)[rows]))


def test_all_59_bands_of_12_surveys_have_finite_magnitudes() -> None:
    stars = make_stars(500, np.random.default_rng(1))
    assert len(SYSTEM_OF_BAND) == 59
    assert len({band.partition("/")[0] for band in SYSTEM_OF_BAND}) == 12
    letters = {letter for group in PASSBAND_GROUPS for letter in group}
    for band in SYSTEM_OF_BAND:
        assert band.partition("/")[2] in letters
        assert np.isfinite(stars.mag(band)).all()
        assert stars.mag(band).shape == (500,)


def test_unknown_band_is_refused() -> None:
    with pytest.raises(CpcsError, match="no band SDSS/Q") as caught:
        make_stars(3, np.random.default_rng(1)).mag("SDSS/Q")
    assert caught.value.code == "bad_band"


def test_same_seed_same_stars() -> None:
    first = make_stars(50, np.random.default_rng(9))
    again = make_stars(50, np.random.default_rng(9))
    assert all(np.array_equal(first.mag(b), again.mag(b)) for b in SYSTEM_OF_BAND)


def test_sdss_to_johnson_follows_the_contract_to_the_letter() -> None:
    """Calibration contract, section 6, written out star by star."""
    stars = pure_locus(n=2000)
    for k in range(0, 2000, 37):
        g, r, i, z = (float(stars.mag(f"SDSS/{c}")[k]) for c in "griz")
        assert stars.mag("SDSS/B")[k] - g == pytest.approx(0.313 * (g - r) + 0.219)
        assert stars.mag("APASS/V")[k] - g == pytest.approx(-0.565 * (g - r) - 0.016)
        assert stars.mag("OGLE3/I")[k] - i == pytest.approx(-0.386 * (i - z) - 0.397)
        v, big_r = float(stars.mag("SDSS/V")[k]), float(stars.mag("SDSS/R")[k])
        inverse = 0.267 * (v - big_r) + 0.088 if v - big_r < 0.93 else 0.77 * (v - big_r) - 0.37
        if v - big_r != pytest.approx(0.93):  # the paper's two branches do not quite meet
            assert r - big_r == pytest.approx(inverse)


@given(st.floats(0.0, 1.4), st.floats(0.0, 0.5))
@settings(max_examples=50, deadline=None)
def test_johnson_r_never_leaves_the_band_between_v_and_i(g_r: float, i_z: float) -> None:
    one = np.ones(1)
    sdss = {"u": 17 * one, "g": (15 + g_r) * one, "r": 15 * one}
    sdss |= {"i": (15 - g_r / 2.6) * one, "z": (15 - g_r / 2.6 - i_z) * one}
    vega = johnson(sdss)
    assert 0.0 < (vega["V"] - vega["R"])[0] < 1.2


@pytest.mark.parametrize(
    ("blue", "red", "expected", "tolerance"),
    [
        # Solar colours: Willmer (2018, ApJS 236, 47) and Casagrande et al. (2012, ApJ 761, 16)
        ("APASS/B", "APASS/V", 0.65, 0.05),
        ("APASS/V", "OGLE3/I", 0.70, 0.06),
        ("SDSS/V", "SDSS/R", 0.36, 0.04),
        ("GAIA/GBP", "GAIA/GRP", 0.82, 0.06),
        ("GAIA/G", "SDSS/V", -0.16, 0.03),
        ("SDSS/g", "SDSS/r", 0.45, 0.04),
        ("SDSS/u", "SDSS/g", 1.36, 0.12),
        ("2MASS/J", "2MASS/K", 0.38, 0.06),
        ("SDSS/V", "2MASS/K", 1.56, 0.17),
        ("TYCHO2/BT", "TYCHO2/VT", 0.72, 0.06),
        ("PS1/g", "PS1/r", 0.40, 0.05),
        ("GAIASP/U", "GAIASP/B", 0.13, 0.12),
    ],
)
def test_stars_of_the_suns_colour_have_the_suns_colours(
    blue: str, red: str, expected: float, tolerance: float
) -> None:
    stars = pure_locus()
    rows = np.abs(stars.g_i - 0.60) < 0.03
    assert median_colour(stars, rows, blue, red) == pytest.approx(expected, abs=tolerance)


@pytest.mark.parametrize(
    ("blue", "red", "expected"),
    [
        # K4 dwarf of Pecaut & Mamajek (2013), table 5
        ("APASS/B", "APASS/V", 1.10),
        ("SDSS/V", "SDSS/R", 0.64),
        ("SDSS/V", "OGLE3/I", 1.19),
        ("GAIA/GBP", "GAIA/GRP", 1.36),
        ("TYCHO2/BT", "TYCHO2/VT", 1.31),
        ("GAIASP/U", "GAIASP/B", 1.00),
    ],
)
def test_a_k4_dwarf_agrees_with_an_independent_sequence(
    blue: str, red: str, expected: float
) -> None:
    stars = pure_locus()
    rows = np.abs(stars.mag("GAIA/GBP") - stars.mag("GAIA/GRP") - 1.36) < 0.02
    assert median_colour(stars, rows, blue, red) == pytest.approx(expected, abs=0.11)


def test_redder_bands_are_brighter_for_red_stars() -> None:
    stars = pure_locus()
    red = np.abs(stars.g_i - 2.2) < 0.1
    for blue, other in [("PS1/i", "PS1/z"), ("PS1/z", "PS1/y"), ("SKYMAPPER/g", "SKYMAPPER/r")]:
        assert median_colour(stars, red, blue, other) > 0.05


def test_twins_differ_by_their_system_and_no_more() -> None:
    stars = make_stars(4000, np.random.default_rng(2))
    assert np.array_equal(stars.mag("PS1/r"), stars.mag("REFCAT2/r"))
    assert np.array_equal(stars.mag("SDSS/g"), stars.mag("GAIASP/g"))
    assert np.std(stars.mag("SDSS/r") - stars.mag("PS1/r")) < 0.05
    assert np.std(stars.mag("SDSS/g") - stars.mag("PS1/g")) > 0.03


def test_counts_rise_with_magnitude_inside_the_range() -> None:
    stars = make_stars(20_000, np.random.default_rng(5), mag_range=(12, 18), range_band="APASS/V")
    v = stars.mag("APASS/V")
    assert v.min() >= 12
    assert v.max() <= 18
    counts = np.histogram(v, [15, 16, 17, 18])[0]
    assert np.log10(counts[2] / counts[0]) / 2 == pytest.approx(0.22, abs=0.03)


@pytest.mark.parametrize("key", NOISE_OF_SURVEY)
def test_survey_errors_are_honest_unless_asked(key: str) -> None:
    stars = make_stars(9000, np.random.default_rng(8), mag_range=(8, 19))
    view = observe_survey(stars, key, np.random.default_rng(4))
    for letter in published_letters(key):
        mag, err = view.column(letter)
        pull = (mag - stars.mag(f"{key}/{letter}")) / err
        good = np.isfinite(pull)
        assert good.sum() > 100
        assert np.std(pull[good]) == pytest.approx(1.0, abs=0.12)
        assert np.nanmin(err) >= NOISE_OF_SURVEY[key].floor
    assert key != "SDSS" or set(view.letters) == set("ugriz")


def test_hidden_scatter_and_blends_are_not_in_the_formal_errors() -> None:
    stars = make_stars(4000, np.random.default_rng(8), mag_range=(14, 17))
    view = observe_survey(stars, "REFCAT2", np.random.default_rng(4), hidden_scatter=0.02)
    mag, err = view.column("r")
    pull = (mag - stars.mag("REFCAT2/r")) / err
    assert np.nanstd(pull) > 2
    blended = observe_survey(stars, "REFCAT2", np.random.default_rng(4), outliers=0.2)
    off = blended.column("r")[0] - stars.mag("REFCAT2/r")
    assert np.nanmean(off < -0.05) == pytest.approx(0.17, abs=0.03)
