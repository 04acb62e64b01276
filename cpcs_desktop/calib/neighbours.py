"""Which points on the sphere lie within a small distance of which others.

Points are sorted into cubic cells as wide as the distance: a neighbour is in the same cell or in
one that touches it. For some thousands of points this is as quick as a k-d tree, and needs no more
than sorting: loading one would take longer than all matching of a frame.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Rows = NDArray[np.int64]

_CELLS = 1 << 20  # along an axis; the smallest distance is a millionth of the sphere's diameter


class Pairs(NamedTuple):
    """All pairs within the distance; rows of both sets, and the squared chord."""

    one: Rows
    other: Rows
    chord2: Array


def close_pairs(one: Array, other: Array, chord: float) -> Pairs:
    """Return all pairs of points no further apart than a chord.

    Parameters
    ----------
    one, other : ndarray, shape (n, 3) and (m, 3)
        Unit vectors.
    chord : float
        Length of the straight line between two points, 2 sin(angle / 2).
    """
    width = max(chord, 4.0 / _CELLS)
    key = _keys(np.floor(other / width).astype(np.int64))
    order = np.argsort(key, kind="stable")
    key = key[order]
    cell = np.floor(one / width).astype(np.int64)
    ones, others = [], []
    for x in (-1, 0, 1):
        for y in (-1, 0, 1):
            # three cells along the last axis follow each other
            low = np.searchsorted(key, _keys(cell + np.array([x, y, -1])), side="left")
            high = np.searchsorted(key, _keys(cell + np.array([x, y, 1])), side="right")
            count = high - low
            rows = np.repeat(np.arange(len(one)), count)
            inside = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
            ones.append(rows)
            others.append(order[np.repeat(low, count) + inside])
    first, second = np.concatenate(ones), np.concatenate(others)
    chord2 = np.sum((one[first] - other[second]) ** 2, axis=1)
    near = chord2 <= chord * chord
    return Pairs(first[near], second[near], chord2[near])


def mutual_nearest(pairs: Pairs, n_one: int, n_other: int) -> tuple[Rows, Rows]:
    """Return the rows of both sets that are each other's nearest, in the order of the first."""
    nearest_other = _nearest(pairs.one, pairs.other, pairs.chord2, n_one)
    nearest_one = _nearest(pairs.other, pairs.one, pairs.chord2, n_other)
    rows = np.flatnonzero(nearest_other >= 0)
    rows = rows[nearest_one[nearest_other[rows]] == rows]
    return rows, nearest_other[rows]


def _nearest(of: Rows, to: Rows, chord2: Array, n: int) -> Rows:
    """Return the nearest of each of n rows, -1 where there is none."""
    answer = np.full(n, -1, dtype=np.int64)
    order = np.lexsort((to, chord2, of))
    rows, first = np.unique(of[order], return_index=True)
    answer[rows] = to[order[first]]
    return answer


def _keys(cell: Rows) -> Rows:
    half = _CELLS // 2
    return ((cell[:, 0] + half) * _CELLS + (cell[:, 1] + half)) * _CELLS + (cell[:, 2] + half)
