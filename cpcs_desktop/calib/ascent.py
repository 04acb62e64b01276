"""Climbing to the maxima of many posteriors at once."""

from __future__ import annotations

from collections.abc import Sequence
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
_AS_HOPED = 0.5  # share of the expected gain from which a step may be damped less
_ENOUGH_FOR_ROUGH = 200  # stars that show the way to the top
# the zero point lies within a thousand magnitudes: scores that are all zero make no singular matrix
_PRECISION = np.diag(PRIOR_PRECISION + np.array([1e-6, 0.0, 0.0, 0.0, 0.0]))
_SAME_START, _SAME_TOP = 0.3, 0.5  # distance of two points taken for one, in units of the scatter


class Maxima(NamedTuple):
    """Maxima of many posteriors: whose, theta (b, 5), log posterior (b,), covariance, steps."""

    owner: NDArray[np.int64]
    theta: Array
    value: Array
    covariance: Array
    steps: NDArray[np.int64]


def climb(theta: Array, owner: NDArray[np.int64], stars: tuple[Array, Array, Array]) -> Maxima:
    """Climb to the maxima of many posteriors at once.

    First Levenberg-Marquardt steps with the curvature from outer products of the scores (Berndt
    et al. 1974), which is always positive; near the top quasi-Newton steps from the true curvature,
    which converge where the outer products creep. The first steps look at a part of the stars.
    Climbers that met on the way go on as one.

    Parameters
    ----------
    theta : ndarray, shape (b, 5)
        Starting points.
    owner : ndarray of int64, shape (b,)
        Row in ``stars`` of each.
    stars : (d, v, weight)
        Differences, formal variances and weights, 0 for none; shape (m, n) each.
    """
    theta, owner, _ = _met(theta, owner, np.zeros(len(theta)), _SAME_START)
    thin = max(stars[0].shape[1] // _ENOUGH_FOR_ROUGH, 1)
    if thin > 1:
        some = tuple(np.ascontiguousarray(part[:, ::thin]) for part in stars)
        theta, value, _ = ascend(theta, _of(some, owner))
        theta, owner, _ = _met(theta, owner, value, _SAME_TOP)
    theta, value, steps = ascend(theta, _of(stars, owner))
    if thin > 1:
        theta, owner, kept = _met(theta, owner, value, _SAME_TOP)
        steps = steps[kept]
    hessian = _hessian(theta, *_of(stars, owner))
    theta, value, more = ascend(theta, _of(stars, owner), hessian)
    steps += more
    theta, owner, kept = _met(theta, owner, value, _SAME_TOP)
    covariance = np.asarray(np.linalg.inv(hessian[kept]))
    return Maxima(owner, theta, value[kept], covariance, steps[kept])


def _of(stars: Sequence[Array], owner: NDArray[np.int64]) -> tuple[Array, Array, Array]:
    d, v, weight = (part[owner] for part in stars)
    return d, v, weight


def _met(
    theta: Array, owner: NDArray[np.int64], value: Array, tolerance: float
) -> tuple[Array, NDArray[np.int64], NDArray[np.int64]]:
    """Return the parameter vectors that differ, the best of each group, owner by owner.

    Also whose they are, and which rows they were.
    """
    kept: list[int] = []
    for k in np.lexsort((-value, owner)):
        same = [
            j
            for j in kept
            if owner[j] == owner[k]
            and abs(theta[j, 0] - theta[k, 0]) < tolerance * max(np.exp(theta[j, 1]), 0.01)
            and abs(theta[j, 1] - theta[k, 1]) < 1.0
        ]
        if not same:
            kept.append(int(k))
    rows = np.array(sorted(kept), dtype=np.int64)
    return theta[rows], owner[rows], rows


def ascend(
    theta: Array, stars: tuple[Array, Array, Array], fixed: Array | None = None
) -> tuple[Array, Array, NDArray[np.int64]]:
    """Take damped Newton steps until the expected gain falls under the tolerance.

    Parameters
    ----------
    theta : ndarray, shape (b, 5)
    stars : (d, v, weight)
        Differences, formal variances and weights, shape (b, n) each.
    fixed : ndarray, shape (b, 5, 5), optional
        Curvature to begin with, bent by what the steps find, to the fine tolerance; without it
        outer products of the scores, to the rough one.

    Returns
    -------
    theta : ndarray, shape (b, 5)
    value : ndarray, shape (b,)
    steps : ndarray of int64, shape (b,)
    """
    max_steps, tolerance = _ROUGH if fixed is None else _FINE
    d, v, weight = stars
    theta = theta.copy()
    damping = np.full(len(theta), 1e-2 if fixed is None else 1e-6)
    value, gradient, scores = log_posterior_and_scores(theta, d, v, weight)
    matrix = _outer(scores, weight) if fixed is None else fixed.copy()
    steps = np.zeros(len(theta), dtype=np.int64)
    active = np.arange(len(theta))
    for _ in range(max_steps):
        here, slope = matrix[active], gradient[active]
        damped = here * (1.0 + damping[active, None, None] * np.eye(N_PARAMETERS))
        move = np.linalg.solve(damped, slope[:, :, None])[:, :, 0]
        np.clip(move[:, 1:], -2.0, 2.0, out=move[:, 1:])
        trial = theta[active] + move
        np.clip(trial[:, 1:], -12.0, 12.0, out=trial[:, 1:])
        new_value, new_gradient, scores = log_posterior_and_scores(
            trial, d[active], v[active], weight[active]
        )
        better = new_value >= value[active]
        gain = (move * (here @ move[:, :, None])[:, :, 0]).sum(axis=1)
        hoped = (move * slope).sum(axis=1) - 0.5 * gain
        as_hoped = new_value - value[active] > _AS_HOPED * hoped
        steps[active] += 1
        up = active[better]
        if fixed is None:
            matrix[up] = _outer(scores[better], weight[up])
        else:
            fall = slope[better] - new_gradient[better]
            matrix[up] = _bent(here[better], np.asarray(move[better]), fall)
        theta[up], value[up], gradient[up] = trial[better], new_value[better], new_gradient[better]
        damping[active[better & as_hoped]] *= 0.1
        damping[active[~better]] = np.maximum(damping[active[~better]] * 10.0, 1e-3)
        active = active[~((better & (gain < tolerance)) | (damping[active] > 1e6))]
        if not len(active):
            break
    return theta, value, steps


def _bent(matrix: Array, move: Array, fall: Array) -> Array:
    """Return curvatures that explain how far the gradients fell (b, 5) along the moves (b, 5).

    The update of Broyden, Fletcher, Goldfarb and Shanno (Nocedal & Wright 2006, equation 6.19):
    positive matrices stay positive. Where the gradient did not fall the matrix is kept.
    """
    along = (matrix @ move[:, :, None])[:, :, 0]
    curved, before = (move * fall).sum(axis=1), (move * along).sum(axis=1)
    fit = curved > 1e-3 * before
    curved, before = (np.where(fit & (x > 0), x, np.inf)[:, None, None] for x in (curved, before))
    return np.asarray(
        matrix
        + fall[:, :, None] * fall[:, None, :] / curved
        - along[:, :, None] * along[:, None, :] / before
    )


def _outer(scores: Array, weight: Array) -> Array:
    weighted = scores * weight[:, None, :]
    return np.asarray(weighted @ scores.transpose(0, 2, 1) + _PRECISION)


def _hessian(theta: Array, d: Array, v: Array, weight: Array) -> Array:
    """Return minus the second derivatives (b, 5, 5), by differences of the gradient.

    Where they are not positive definite (far from a maximum) the outer products stand in.
    """
    _, base, scores = log_posterior_and_scores(theta, d, v, weight)
    outer = _outer(scores, weight)
    hessian = np.empty_like(outer)
    for k in range(N_PARAMETERS):
        h = 0.02 / np.sqrt(outer[:, k, k] + 1e-12)
        moved = theta.copy()
        moved[:, k] += h
        _, gradient, _ = log_posterior_and_scores(moved, d, v, weight)
        hessian[:, k] = (base - gradient) / h[:, None]
    hessian = 0.5 * (hessian + hessian.transpose(0, 2, 1))
    bad = ~(np.linalg.eigvalsh(_scaled(hessian))[:, 0] > 1e-3)
    hessian[bad] = outer[bad]
    return np.asarray(hessian)


def _scaled(matrix: Array) -> Array:
    """Scale symmetric matrices to a unit diagonal, so that positivity does not depend on units."""
    diagonal = np.sqrt(np.abs(np.einsum("bii->bi", matrix)) + 1e-300)
    return np.asarray(matrix / (diagonal[:, :, None] * diagonal[:, None, :]))
