"""Grey levels against astropy's, and against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cpcs_desktop.ui.pixels import halvings, thumbnail
from cpcs_desktop.ui.stretch import Stretch, curve, percentile, sample, to_grey, zscale


def sky(seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    image = rng.normal(1000.0, 20.0, (300, 400))
    image[rng.integers(0, 300, 200), rng.integers(0, 400, 200)] += rng.exponential(5000.0, 200)
    return image.astype(np.float32)


def test_zscale_agrees_with_astropy() -> None:
    from astropy.visualization import ZScaleInterval

    image = sky()
    low, high = zscale(sample(image))
    want = ZScaleInterval(n_samples=image.size).get_limits(image)
    assert low == pytest.approx(want[0], abs=4.0)
    assert high == pytest.approx(want[1], abs=8.0)


def test_bad_pixels_are_black_and_left_out_of_the_levels() -> None:
    image = sky()
    image[:10] = np.nan
    ordered = sample(image)
    assert np.isfinite(ordered).all()
    grey = to_grey(image, zscale(ordered), Stretch.LINEAR, ordered)
    assert (grey[:10] == 0).all()
    assert grey.max() == 255


@pytest.mark.parametrize("stretch", list(Stretch))
def test_every_stretch_rises_from_black_to_white(stretch: Stretch) -> None:
    ordered = sample(sky())
    low, high = percentile(ordered, 99.0)
    grey = curve(stretch, ordered, low, high).astype(int)
    assert grey[0] <= 1
    assert grey[-1] == 255
    assert (np.diff(grey) >= 0).all()


def test_linear_is_linear() -> None:
    image = np.linspace(0, 100, 101, dtype=np.float32)[None, :]
    grey = to_grey(image, (0.0, 100.0), Stretch.LINEAR, sample(image))
    np.testing.assert_allclose(grey[0], np.linspace(0, 255, 101), atol=1.0)


@given(rows=st.integers(1, 40), columns=st.integers(1, 40))
@settings(max_examples=25, deadline=None)
def test_constant_images_of_any_shape_draw(rows: int, columns: int) -> None:
    image = np.full((rows, columns), 7.0, dtype=np.float32)
    ordered = sample(image)
    assert to_grey(image, zscale(ordered), Stretch.LOG, ordered).shape == (rows, columns)


def test_halves_are_means() -> None:
    grey = np.random.default_rng(2).integers(0, 256, (1030, 1028), dtype=np.uint8)
    first, half = halvings(grey)[:2]
    assert first is grey
    mean = grey[:1030, :1028].reshape(515, 2, 514, 2).mean(axis=(1, 3))
    assert np.abs(half - mean).max() <= 1.0


@pytest.mark.parametrize("shape", [(20, 30), (700, 700), (61, 4000)])
def test_thumbnails_are_small_pictures(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(3)
    assert thumbnail(rng.normal(0, 1, shape).astype(np.float32)).startswith(b"\x89PNG")
