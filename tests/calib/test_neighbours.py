"""Cells beside a k-d tree: the same pairs, anywhere on the sphere."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from cpcs_desktop.calib.neighbours import close_pairs, mutual_nearest


def cloud(rng: np.random.Generator, n: int, middle: np.ndarray, width: float) -> np.ndarray:
    points = middle + rng.normal(0, width, (n, 3))
    return points / np.linalg.norm(points, axis=1)[:, None]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000), n=st.integers(0, 300), m=st.integers(0, 300),
    middle=st.sampled_from([(1, 0, 0), (-1, 0, 0), (0, 0, 1), (0, -1e-9, -1), (0.6, -0.64, 0.48)]),
    crowding=st.floats(0.05, 3.0), arcsec=st.floats(0.5, 60),
)  # fmt: skip
def test_the_pairs_of_a_tree(
    seed: int, n: int, m: int, middle: tuple[float, float, float], crowding: float, arcsec: float
) -> None:
    rng = np.random.default_rng(seed)
    chord = 2 * np.sin(0.5 * np.radians(arcsec / 3600))
    width = crowding * chord * 6
    one, other = (cloud(rng, size, np.array(middle), width) for size in (n, m))
    found = close_pairs(one, other, chord)
    want = set()
    if n and m:
        for row, hits in enumerate(cKDTree(other).query_ball_point(one, chord)):
            want |= {(row, hit) for hit in hits}
    assert set(zip(found.one.tolist(), found.other.tolist(), strict=True)) == want
    rows, theirs = mutual_nearest(found, n, m)
    if n and m:
        distance, nearest = cKDTree(other).query(one, distance_upper_bound=chord)
        _, back = cKDTree(one).query(other, distance_upper_bound=chord)
        mutual = [k for k in range(n) if np.isfinite(distance[k]) and back[nearest[k]] == k]
        assert rows.tolist() == mutual
        assert theirs.tolist() == nearest[mutual].tolist()
