"""The mixture against second paths: scipy's distributions, numerical derivatives, quadrature."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import erfcx
from scipy.stats import exponnorm

from cpcs_desktop.calib.mixture import (
    PRIOR_MEAN,
    PRIOR_PRECISION,
    densities,
    erfcx_positive,
    log_posterior_and_scores,
    membership,
    natural,
    star_log_density,
)

THETA = np.array([25.0, np.log(0.03), -1.2, 0.7, np.log(0.3)])


def test_erfcx_follows_scipy() -> None:
    x = np.concatenate([[0.0], np.logspace(-8, 8, 2001)])
    assert np.max(np.abs(erfcx_positive(x) / erfcx(x) - 1)) < 1e-8


@pytest.mark.parametrize("tau", [0.01, 0.3, 3.0])
def test_modified_normals_are_scipys(tau: float) -> None:
    theta = THETA.copy()
    theta[4] = np.log(tau)
    d, v = np.linspace(24.0, 26.0, 201), np.full(201, 0.02**2)
    parts = densities(natural(theta), d, v)
    sigma = float(np.sqrt(0.02**2 + 0.03**2))
    right = exponnorm.pdf(d - 25.0, tau / sigma, scale=sigma)
    left = exponnorm.pdf(25.0 - d, tau / sigma, scale=sigma)
    np.testing.assert_allclose(parts.h_plus, right, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(parts.h_minus, left, rtol=1e-6, atol=1e-12)


def test_density_has_unit_area() -> None:
    area, _ = quad(
        lambda d: float(np.exp(star_log_density(THETA, np.array([d]), np.array([0.05**2])))[0]),
        15.0, 35.0, points=[24.9, 25.0, 25.1], limit=200,
    )  # fmt: skip
    assert area == pytest.approx(1.0, abs=1e-6)


def test_gradient_is_the_derivative() -> None:
    rng = np.random.default_rng(3)
    d = rng.normal(25.1, 0.3, (4, 40))
    v = 10 ** rng.uniform(-5, -1, (4, 40))
    weight = rng.integers(0, 4, (4, 40)).astype(float)
    theta = THETA + rng.normal(size=(4, 5)) * 0.3
    _, gradient, scores = log_posterior_and_scores(theta, d, v, weight)
    for k in range(5):
        step = np.zeros(5)
        step[k] = 1e-6
        high = log_posterior_and_scores(theta + step, d, v, weight)[0]
        low = log_posterior_and_scores(theta - step, d, v, weight)[0]
        np.testing.assert_allclose(gradient[:, k], (high - low) / 2e-6, rtol=1e-5, atol=1e-4)
    prior = PRIOR_PRECISION * (theta - PRIOR_MEAN)
    summed = np.einsum("bn,bkn->bk", weight, scores)
    np.testing.assert_allclose(gradient, summed - prior, rtol=1e-10, atol=1e-10)


def test_far_stars_neither_overflow_nor_belong() -> None:
    d = np.array([25.0, 25.0 + 50.0, 25.0 - 50.0])
    v = np.array([1e-8, 1e-8, 1e-8])
    theta = THETA.copy()
    theta[1] = -12.0
    assert np.all(np.isfinite(star_log_density(theta, d, v)))
    belongs = membership(theta, d, v)
    assert belongs[0] > 0.9
    assert np.all(belongs[1:] < 1e-6)


def test_natural_parameters() -> None:
    zp, s, f, w, tau = (float(part[0]) for part in natural(THETA))
    assert (zp, s, tau) == pytest.approx((25.0, 0.03, 0.3))
    assert (f, w) == pytest.approx((1 / (1 + np.exp(1.2)), 1 / (1 + np.exp(-0.7))))
