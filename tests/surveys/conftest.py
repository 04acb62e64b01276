"""Skies for the tests of the survey cache."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table

from tests.practice import practice

__all__ = ["practice"]

SkyMaker = Callable[..., Table]


@pytest.fixture(scope="session")
def make_sky() -> SkyMaker:
    """Return a function that scatters stars over the whole sphere or a small part of it."""

    def make(
        n: int, seed: int = 1, centre: tuple[float, float] | None = None, width_deg: float = 1.0
    ) -> Table:
        rng = np.random.default_rng(seed)
        vectors = rng.normal(size=(3, n))
        if centre is not None:
            a, d = np.radians(centre[0]), np.radians(centre[1])
            axis = np.array([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)])
            vectors = axis[:, None] + np.radians(width_deg) * rng.uniform(-0.5, 0.5, (3, n))
        vectors /= np.linalg.norm(vectors, axis=0)
        return Table(
            {
                "source_id": rng.permutation(n).astype(np.int64) + 10**15,
                "ra": np.degrees(np.arctan2(vectors[1], vectors[0])) % 360.0,
                "dec": np.degrees(np.arcsin(vectors[2])),
                "pmra": rng.normal(0, 300, n),
                "pmdec": rng.normal(0, 300, n),
                "phot_g_mean_mag": rng.uniform(8, 18, n),
                "phot_g_mean_flux_over_error": rng.uniform(50, 900, n),
            }
        )

    return make


@pytest.fixture
def write_csv(tmp_path: Path) -> Callable[[Table, str], Path]:
    """Return a function that writes a table as CSV into the test's folder."""

    def write(table: Table, name: str = "stars.csv") -> Path:
        path = tmp_path / name
        table.write(path, format="ascii.csv", overwrite=True)
        return path

    return write
