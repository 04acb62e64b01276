"""Climbing to the maxima of many posteriors at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.calib.mixture import (
    N_PARAMETERS,
    PRIOR_PRECISION,
    Array,
    log_posterior_and_scores,
)

# most steps, and the squared step in units of the posterior's width that ends them
_ROUGH = 12, 1.0
_FINE = 15, 1e-5
_ENOUGH_FOR_ROUGH = 300  # stars that show the way to the top


class Maxima(NamedTuple):
    """Maxima of many posteriors: theta (b, 5), log posterior (b,), covariance, steps taken."""

    theta: Array
    value: Array
    covariance: Array
    steps: NDArray[np.int64]


def climb(theta: Array, d: Array, v: Array, use: Array) -> Maxima:
    """Climb to the maxima of many posteriors at once.

    First Levenberg-Marquardt steps with the curvature from outer products of the scores (Berndt
    et al. 1974), which is always positive; near the top chord steps with the true curvature,
    which converge where the outer products creep. The first steps look at a part of the stars.

    Parameters
    ----------
    theta : ndarray, shape (b, 5)
    d, v, use : ndarray, shape (b, n)
    """
    thin = max(d.shape[1] // _ENOUGH_FOR_ROUGH, 1)
    if thin > 1:
        theta, _, _ = ascend(theta, (d[:, ::thin], v[:, ::thin], use[:, ::thin]))
    theta, _, steps = ascend(theta, (d, v, use))
    hessian = _hessian(theta, d, v, use)
    theta, value, more = ascend(theta, (d, v, use), hessian)
    return Maxima(theta, value, np.asarray(np.linalg.inv(hessian)), steps + more)


def ascend(
    theta: Array, stars: tuple[Array, Array, Array], fixed: Array | None = None
) -> tuple[Array, Array, NDArray[np.int64]]:
    """Take damped Newton steps until the expected gain falls under the tolerance.

    Parameters
    ----------
    theta : ndarray, shape (b, 5)
    stars : (d, v, use)
        Differences, formal variances and use, shape (b, n) each.
    fixed : ndarray, shape (b, 5, 5), optional
        Curvature to keep for all steps, to the fine tolerance; without it outer products of the
        scores, to the rough one.

    Returns
    -------
    theta : ndarray, shape (b, 5)
    value : ndarray, shape (b,)
    steps : ndarray of int64, shape (b,)
    """
    max_steps, tolerance = _ROUGH if fixed is None else _FINE
    d, v, use = stars
    theta = theta.copy()
    damping = np.full(len(theta), 1e-2 if fixed is None else 1e-6)
    value, gradient, scores = log_posterior_and_scores(theta, d, v, use)
    matrix = _outer(scores) if fixed is None else fixed
    steps = np.zeros(len(theta), dtype=np.int64)
    active = np.arange(len(theta))
    for _ in range(max_steps):
        here = matrix[active]
        diagonal = np.einsum("bii->bi", here)[:, :, None] * np.eye(N_PARAMETERS)
        damped = here + damping[active, None, None] * diagonal
        move = np.linalg.solve(damped, gradient[active][:, :, None])[:, :, 0]
        np.clip(move[:, 1:], -2.0, 2.0, out=move[:, 1:])
        trial = theta[active] + move
        np.clip(trial[:, 1:], -12.0, 12.0, out=trial[:, 1:])
        new_value, new_gradient, scores = log_posterior_and_scores(
            trial, d[active], v[active], use[active]
        )
        better = new_value >= value[active]
        gain = np.einsum("bi,bij,bj->b", move, here, move)
        steps[active] += 1
        up = active[better]
        theta[up], value[up], gradient[up] = trial[better], new_value[better], new_gradient[better]
        if fixed is None:
            matrix[up] = _outer(scores[better])
        damping[up] *= 0.1
        damping[active[~better]] = np.maximum(damping[active[~better]] * 10.0, 1e-3)
        active = active[~((better & (gain < tolerance)) | (damping[active] > 1e6))]
        if not len(active):
            break
    return theta, value, steps


def _outer(scores: Array) -> Array:
    return np.asarray(scores @ scores.transpose(0, 2, 1) + np.diag(PRIOR_PRECISION))


def _hessian(theta: Array, d: Array, v: Array, use: Array) -> Array:
    """Return minus the second derivatives (b, 5, 5), by differences of the gradient.

    Where they are not positive definite (far from a maximum) the outer products stand in.
    """
    _, base, scores = log_posterior_and_scores(theta, d, v, use)
    outer = _outer(scores)
    hessian = np.empty_like(outer)
    for k in range(N_PARAMETERS):
        h = 0.02 / np.sqrt(outer[:, k, k] + 1e-12)
        moved = theta.copy()
        moved[:, k] += h
        _, gradient, _ = log_posterior_and_scores(moved, d, v, use)
        hessian[:, k] = (base - gradient) / h[:, None]
    hessian = 0.5 * (hessian + hessian.transpose(0, 2, 1))
    bad = ~(np.linalg.eigvalsh(_scaled(hessian))[:, 0] > 1e-3)
    hessian[bad] = outer[bad]
    return np.asarray(hessian)


def _scaled(matrix: Array) -> Array:
    """Scale symmetric matrices to a unit diagonal, so that positivity does not depend on units."""
    diagonal = np.sqrt(np.abs(np.einsum("bii->bi", matrix)) + 1e-300)
    return np.asarray(matrix / (diagonal[:, :, None] * diagonal[:, None, :]))
