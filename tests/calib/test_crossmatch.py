"""Matching: known offsets and scatters, the whole sphere, nonsense, order of rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord, search_around_sky
from hypothesis import given, settings
from hypothesis import strategies as st

from cpcs_desktop.calib.crossmatch import crossmatch, tangent_plane
from cpcs_desktop.calib.footprint import footprint
from cpcs_desktop.datamodel.matches import MatchTable, WhyRejected
from cpcs_desktop.datamodel.settings import CalibrationSettings
from cpcs_desktop.datamodel.sources import SourceCatalog
from cpcs_desktop.datamodel.survey import ReferenceCatalog
from tests.calib.skies import Array, reference_catalog, source_catalog

SETTINGS = CalibrationSettings()


def scatter_on_sphere(
    rng: np.random.Generator, n: int, centre: tuple[float, float], radius: float
) -> tuple[Array, Array]:
    """Return positions within ``radius`` degrees of a centre, by astropy."""
    middle = SkyCoord(*centre, unit="deg")
    places = middle.directional_offset_by(
        rng.uniform(0, 360, n) * u.deg, radius * np.sqrt(rng.random(n)) * u.deg
    )
    return places.ra.deg, places.dec.deg


def sky(
    rng: np.random.Generator,
    n: int,
    centre: tuple[float, float],
    *,
    offset: tuple[float, float] = (0.0, 0.0),
    sigma: float = 0.2,
) -> tuple[SourceCatalog, ReferenceCatalog]:
    """Return sources displaced by an offset and scatter (arcsec) from their stars."""
    ra, dec = scatter_on_sphere(rng, n, centre, 0.2)
    stars = SkyCoord(ra, dec, unit="deg")
    middle = SkyCoord(*centre, unit="deg")
    # displaced along the tangent plane of the field, where the offset is the same for all
    plane = middle.skyoffset_frame()
    local = stars.transform_to(plane)
    east = local.lon.arcsec + offset[0] + rng.normal(0, sigma, n)
    north = local.lat.arcsec + offset[1] + rng.normal(0, sigma, n)
    moved = SkyCoord(east * u.arcsec, north * u.arcsec, frame=plane).icrs
    mag = rng.uniform(14, 19, n)
    err = np.full(n, 0.02)
    sources = source_catalog(moved.ra.deg, moved.dec.deg, mag - 25 + rng.normal(0, 0.03, n), err)
    return sources, reference_catalog(ra, dec, mag[:, None], err[:, None], letters=("r",))


def matched(
    sources: SourceCatalog, stars: ReferenceCatalog, radius: float | None = 2.0
) -> MatchTable:
    centre, _ = footprint(sources)
    settings = replace(SETTINGS, match_radius_arcsec=radius)
    return crossmatch(sources, {stars.survey: stars}, settings, centre)[stars.survey]


@pytest.mark.parametrize(
    "centre", [(150.0, 20.0), (0.0, -35.0), (359.99, 5.0), (77.0, 89.95), (200.0, -90.0)]
)
def test_offset_and_scatter_anywhere_on_the_sphere(centre: tuple[float, float]) -> None:
    rng = np.random.default_rng(4)
    sources, stars = sky(rng, 200, centre, offset=(1.5, -0.8), sigma=0.2)
    table = matched(sources, stars)
    assert len(table) >= 198
    assert np.all(table.source_row == table.star_row)
    if abs(centre[1]) == 90:  # east and north have no meaning there, the length has
        assert np.hypot(*table.offset_arcsec) == pytest.approx(np.hypot(1.5, 0.8), abs=0.06)
    else:
        assert table.offset_arcsec == pytest.approx((1.5, -0.8), abs=0.06)
    assert table.sigma_radec_arcsec == pytest.approx(0.2, rel=0.2)
    assert np.median(table.separation_arcsec) < 0.35
    assert table.p_shuffled < 1e-6


def test_mutual_nearest_neighbours_are_astropys() -> None:
    rng = np.random.default_rng(8)
    sources, stars = sky(rng, 300, (10.0, 60.0), sigma=0.5)
    table = matched(sources, stars, None)
    a, b = SkyCoord(sources.ra, sources.dec, unit="deg"), SkyCoord(stars.ra, stars.dec, unit="deg")
    one, other, away, _ = search_around_sky(a, b, 5 * u.arcsec)
    pairs = {
        (i, j)
        for i, j in zip(one, other, strict=True)
        if away[one == i].min() == away[(one == i) & (other == j)][0]
        and away[other == j].min() == away[(one == i) & (other == j)][0]
    }
    assert set(zip(table.source_row, table.star_row, strict=True)) == pairs


def test_wrong_pairs_are_marked() -> None:
    rng = np.random.default_rng(2)
    sources, stars = sky(rng, 200, (80.0, 10.0), sigma=0.15)
    ra, dec = sources.ra.copy(), sources.dec.copy()
    dec[:20] += 4.0 / 3600.0  # still inside the generous radius
    table = matched(replace(sources, ra=ra, dec=dec), stars, None)
    wrong = table.source_row < 20
    assert np.all(table.why_rejected[wrong] == WhyRejected.SEPARATION)
    assert np.mean(table.why_rejected[~wrong] == 0) > 0.97


def test_numeric_radius_cuts_pairs() -> None:
    rng = np.random.default_rng(3)
    sources, stars = sky(rng, 150, (80.0, 10.0), sigma=0.5)
    table = matched(sources, stars, 1.0)
    assert np.all(table.separation_arcsec[table.why_rejected == 0] <= 1.0)
    assert np.any(table.why_rejected == WhyRejected.OUTSIDE_RADIUS)


def test_shuffled_magnitudes_are_nonsense() -> None:
    rng = np.random.default_rng(6)
    sources, stars = sky(rng, 100, (80.0, 10.0))
    shuffled = replace(stars, mag=rng.permutation(stars.mag))
    assert matched(sources, shuffled).p_shuffled > 0.001
    assert matched(sources, stars).p_shuffled < 1e-12


def test_ambiguous_pairs_are_flagged_not_dropped() -> None:
    rng = np.random.default_rng(6)
    sources, stars = sky(rng, 60, (80.0, 10.0), sigma=0.05)
    double = replace(
        stars,
        source_id=np.arange(61),
        ra=np.append(stars.ra, stars.ra[5]),
        dec=np.append(stars.dec, stars.dec[5] + 1.0 / 3600),
        mag=np.append(stars.mag, [[18.0]], axis=0),
        mag_err=np.append(stars.mag_err, [[0.02]], axis=0),
        flags=np.zeros(61, np.int32),
    )
    table = matched(sources, double)
    row = int(np.flatnonzero(table.source_row == 5)[0])
    assert table.ambiguous[row]
    assert table.ambiguous.sum() == 1


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), n=st.integers(6, 60))
def test_order_of_rows_is_irrelevant(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    sources, stars = sky(rng, n, (5.0, -70.0))
    order = rng.permutation(n)
    arrays = (
        "ra",
        "dec",
        "mag_inst",
        "mag_inst_err",
        "x",
        "y",
        "flux",
        "flux_err",
        "fwhm",
        "flags",
    )
    mixed = replace(sources, **{name: getattr(sources, name)[order] for name in arrays})
    one, other = matched(sources, stars), matched(mixed, stars)
    assert one.offset_arcsec == other.offset_arcsec
    assert set(zip(one.source_row, one.star_row, strict=True)) == set(
        zip(order[other.source_row], other.star_row, strict=True)
    )


def test_tangent_plane_is_astropys() -> None:
    rng = np.random.default_rng(1)
    ra, dec = scatter_on_sphere(rng, 50, (0.05, 88.0), 1.0)
    local = SkyCoord(ra, dec, unit="deg").transform_to(
        SkyCoord(0.05, 88.0, unit="deg").skyoffset_frame()
    )
    x = np.tan(local.lon.rad)
    y = np.tan(local.lat.rad) / np.cos(local.lon.rad)
    east, north = tangent_plane(ra, dec, (0.05, 88.0))
    np.testing.assert_allclose(east, np.degrees(x) * 3600, atol=1e-6)
    np.testing.assert_allclose(north, np.degrees(y) * 3600, atol=1e-6)


def test_no_survey_sways_the_matches_of_another() -> None:
    rng = np.random.default_rng(8)
    sources, stars = sky(rng, 700, (40.0, 10.0))
    few = reference_catalog(
        *(stars.ra[:90], stars.dec[:90], stars.mag[:90], stars.mag_err[:90]), letters=("r",)
    )
    centre, _ = footprint(sources)
    alone = crossmatch(sources, {"A": stars}, SETTINGS, centre)["A"]
    both = crossmatch(sources, {"B": few, "A": stars}, SETTINGS, centre)["A"]
    for name in ("source_row", "star_row", "separation_arcsec", "why_rejected"):
        np.testing.assert_array_equal(getattr(alone, name), getattr(both, name))
    assert alone.offset_arcsec == both.offset_arcsec
    assert alone.sigma_radec_arcsec == both.sigma_radec_arcsec


@pytest.mark.parametrize("n", [25, 200, 700])
def test_a_list_with_the_references_own_positions(n: int) -> None:
    """Residuals that are all zero have neither slope nor scatter."""
    sources, stars = sky(np.random.default_rng(n), n, (40.0, 10.0), sigma=0.0)
    same = replace(sources, ra=stars.ra, dec=stars.dec)
    table = matched(same, stars)
    assert (table.why_rejected == 0).all()
    assert len(table.source_row) == n
    assert table.sigma_radec_arcsec < 0.02
