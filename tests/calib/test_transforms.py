"""SDSS to Johnson-Cousins: hand-computed values, the inverse's definition, errors, ranges."""

from __future__ import annotations

import numpy as np
import pytest

from cpcs_desktop.calib.transforms import add_derived_bands
from tests.calib.skies import reference_catalog


def derived(
    u: float, g: float, r: float, i: float, z: float, err: float = 0.01
) -> dict[str, tuple[float, float]]:
    mag = np.array([[u, g, r, i, z]])
    stars = reference_catalog(
        np.ones(1), np.ones(1), mag, np.full_like(mag, err), letters=("u", "g", "r", "i", "z")
    )
    out = add_derived_bands(stars)
    return {
        letter: (float(out.mag[0, k]), float(out.mag_err[0, k]))
        for k, letter in enumerate(out.letters)
    }


def test_johnson_by_hand() -> None:
    mags = derived(19.0, 17.0, 16.5, 16.3, 16.2)
    assert mags["B"][0] == pytest.approx(17.0 + 0.313 * 0.5 + 0.219)
    assert mags["V"][0] == pytest.approx(17.0 - 0.565 * 0.5 - 0.016)
    assert mags["I"][0] == pytest.approx(16.3 - 0.386 * 0.1 - 0.397)


@pytest.mark.parametrize("g_r", [-0.2, 0.3, 0.6, 1.0, 1.4])
def test_cousins_r_satisfies_the_papers_inverse(g_r: float) -> None:
    mags = derived(19.0, 16.0 + g_r, 16.0, 15.8, 15.7)
    r_minus_big, v_minus_big = 16.0 - mags["R"][0], mags["V"][0] - mags["R"][0]
    expected = 0.267 * v_minus_big + 0.088 if v_minus_big <= 0.93 else 0.77 * v_minus_big - 0.37
    assert r_minus_big == pytest.approx(expected, abs=1e-9)


def test_the_direct_relation_is_not_used() -> None:
    """As printed it would be 0.03 to 0.09 mag fainter."""
    mags = derived(19.0, 16.6, 16.0, 15.8, 15.7)
    direct = 16.0 - 0.153 * 0.2 - 0.117
    assert 0.03 < direct - mags["R"][0] < 0.09


def test_outside_the_colour_range_nothing() -> None:
    mags = derived(19.0, 18.5, 16.0, 15.8, 15.7)
    assert all(np.isnan(mags[letter][0]) for letter in "BVR")
    assert np.isfinite(mags["I"][0])


def test_errors_by_propagating_noise() -> None:
    rng = np.random.default_rng(0)
    n = 20_000
    true = np.array([19.0, 17.0, 16.5, 16.3, 16.2])
    mag = true + rng.normal(0, 0.02, (n, 5))
    stars = reference_catalog(
        np.zeros(n), np.zeros(n), mag, np.full_like(mag, 0.02), letters=("u", "g", "r", "i", "z")
    )
    out = add_derived_bands(stars)
    for letter in "BVIR":
        k = out.letters.index(letter)
        scatter = np.std(out.mag[:, k])
        # 2 % of counting noise; the stated error also holds the coefficients', a few mmag
        assert scatter * 0.98 <= np.median(out.mag_err[:, k]) < scatter * 1.12 + 0.006


def test_other_surveys_come_back_as_they_are() -> None:
    stars = reference_catalog(
        np.zeros(1), np.zeros(1), np.ones((1, 2)), np.ones((1, 2)), key="APASS", letters=("B", "V")
    )
    assert add_derived_bands(stars) is stars
