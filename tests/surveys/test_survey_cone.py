"""Cones against brute force over the sphere, poles and RA 0/360 included."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Table, vstack
from astropy.time import Time
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from cpcs_desktop.surveys import partition
from cpcs_desktop.surveys.cache import SurveyCache

EPOCH = 2016.0


@pytest.fixture(scope="module")
def sky(make_sky) -> Table:
    """Stars everywhere, and many at the poles and at RA 0."""
    parts = [make_sky(4000, 1)]
    for k, centre in enumerate([(0.0, 90.0), (0.0, -90.0), (0.0, 0.0), (359.9, 60.0)]):
        part = make_sky(500, 2 + k, centre, 4.0)
        part["source_id"] += (k + 1) * 10**9
        parts.append(part)
    return vstack(parts)


@pytest.fixture(scope="module")
def cache(sky: Table, tmp_path_factory: pytest.TempPathFactory) -> SurveyCache:
    folder = tmp_path_factory.mktemp("cone")
    sky.write(folder / "sky.parquet")
    cache = SurveyCache(folder / "cache")
    cache.import_files("GAIA", [folder / "sky.parquet"])
    return cache


def brute_force(sky: Table, ra: float, dec: float, radius: float, years: float) -> set[int]:
    stars = SkyCoord(
        sky["ra"] * u.deg,
        sky["dec"] * u.deg,
        pm_ra_cosdec=sky["pmra"] * u.mas / u.yr,
        pm_dec=sky["pmdec"] * u.mas / u.yr,
        distance=10 * u.pc,
        obstime=Time(2016.0, format="jyear", scale="tdb"),
    )
    moved = stars.apply_space_motion(dt=years * u.yr) if years else stars
    near = moved.separation(SkyCoord(ra * u.deg, dec * u.deg)).deg <= radius
    return set(np.asarray(sky["source_id"])[near].tolist())


# shrinking repeats a slow brute force hundreds of times
@settings(deadline=None, max_examples=40, phases=[Phase.explicit, Phase.generate])
@given(
    ra=st.floats(0, 360),
    dec=st.floats(-90, 90),
    radius=st.floats(0.01, 12) | st.just(179.0),
    years=st.sampled_from([0.0, 10.0, -80.0]),
)
@example(ra=0.0, dec=0.0, radius=1.0, years=0.0)
@example(ra=359.999, dec=60.0, radius=1.5, years=10.0)
@example(ra=123.0, dec=90.0, radius=2.0, years=10.0)
@example(ra=300.0, dec=-89.95, radius=1.0, years=-80.0)
def test_a_cone_holds_exactly_the_stars_of_the_sphere(
    sky: Table, cache: SurveyCache, ra: float, dec: float, radius: float, years: float
) -> None:
    found = cache.reference_stars("GAIA", ra, dec, radius, EPOCH + years)
    expected = brute_force(sky, ra, dec, radius, years)
    assert found is not None or not expected
    ids = [] if found is None else found.source_id.tolist()
    assert len(set(ids)) == len(ids)
    assert set(ids) == expected


def test_values_come_back_as_they_were(sky: Table, cache: SurveyCache) -> None:
    found = cache.reference_stars("GAIA", 0.0, 90.0, 180.0)
    assert found is not None
    assert len(found) == len(sky)
    mine, theirs = np.argsort(found.source_id), np.argsort(sky["source_id"])
    np.testing.assert_array_equal(found.ra[mine], sky["ra"][theirs])
    np.testing.assert_array_equal(found.dec[mine], sky["dec"][theirs])
    g = found.letters.index("G")
    np.testing.assert_allclose(found.mag[mine, g], sky["phot_g_mean_mag"][theirs], rtol=1e-7)
    np.testing.assert_allclose(
        found.mag_err[mine, g],
        2.5 / np.log(10) / sky["phot_g_mean_flux_over_error"][theirs],
        rtol=1e-6,
    )
    assert np.isnan(found.mag[:, found.letters.index("GBP")]).all()
    assert found.survey == "GAIA"
    assert found.release == "DR3"


def test_only_row_groups_that_touch_the_cone_are_read(
    make_sky, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pyarrow.parquet as pq

    make_sky(100_000, 3, (50.0, 20.0), 0.6).write(tmp_path / "dense.parquet")
    cache = SurveyCache(tmp_path / "cache")
    cache.import_files("GAIA", [tmp_path / "dense.parquet"])
    read: list[int] = []
    original = pq.ParquetFile.read_row_groups

    def counted(self, groups, *args, **kwargs):
        read.extend(groups)
        return original(self, groups, *args, **kwargs)

    monkeypatch.setattr(pq.ParquetFile, "read_row_groups", counted)
    found = cache.reference_stars("GAIA", 50.0, 20.0, 0.02)
    assert found is not None
    assert len(found) > 50
    assert 1 <= len(read) <= 4  # of at least 100,000 / 20,000


def test_crowded_pixels_are_split_and_lose_nothing(
    make_sky, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partition, "MAX_STARS", 300)
    cache = SurveyCache(tmp_path / "cache")
    first, second = (make_sky(1000, seed, (80.0, -40.0), 0.5) for seed in (1, 2))
    second["source_id"] += 10**9
    for name, part in (("a.csv", first), ("b.csv", second)):
        part.write(tmp_path / name, format="ascii.csv")
        cache.import_files("GAIA", [tmp_path / name])
    found = cache.reference_stars("GAIA", 80.0, -40.0, 2.0)
    assert found is not None
    assert len(found) == 2000
    assert cache.coverage("GAIA").pixels > 6
    assert cache.verify("GAIA") == []
    files = {
        p.relative_to(tmp_path / "cache/GAIA") for p in tmp_path.glob("cache/GAIA/**/*.parquet")
    }
    assert len(files) == cache.coverage("GAIA").pixels
