"""An exposure comes back from disk as it went."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
from known_night import known_exposure

from cpcs_desktop.datamodel.sources import BlankSky, Exposure, SourceCatalog
from cpcs_desktop.session.exposure_store import ExposureStore


def test_round_trip(tmp_path: Path) -> None:
    exposure = known_exposure()
    aper = replace(exposure.catalogs["AUTO"], kind="APER", aperture_diameter_pix=7.5)
    blank = BlankSky(np.arange(3.0), np.arange(3.0), np.array([1.0, -2.0, 3.0]), 7.5)
    exposure = Exposure(
        exposure.frame, {**exposure.catalogs, "APER": aper}, blank, frozenset({"flags"})
    )
    store = ExposureStore(tmp_path / "kept", "digest")
    assert store.get(exposure.frame.id, "a.fits") is None
    store.put(exposure)
    again = store.get(exposure.frame.id, "moved/b.fits")
    assert again is not None
    assert again.frame.path == "moved/b.fits"
    for name in (f.name for f in fields(exposure.frame) if f.name not in {"wcs", "path"}):
        assert getattr(again.frame, name) == getattr(exposure.frame, name), name
    for kind in ("AUTO", "APER"):
        for f in fields(SourceCatalog):
            np.testing.assert_array_equal(
                getattr(again.catalogs[kind], f.name), getattr(exposure.catalogs[kind], f.name)
            )
    assert again.missing == {"flags"}
    assert again.blank_sky is not None
    np.testing.assert_array_equal(again.blank_sky.flux, blank.flux)
    there = exposure.frame.wcs.pixel_to_world_values(13.0, 200.0)
    here = again.frame.wcs.pixel_to_world_values(13.0, 200.0)
    np.testing.assert_allclose(here, there, rtol=0, atol=1e-10)


def test_other_settings_are_another_file(tmp_path: Path) -> None:
    exposure = known_exposure()
    ExposureStore(tmp_path, "one").put(exposure)
    assert ExposureStore(tmp_path, "two").get(exposure.frame.id, "a") is None


def test_a_list_without_wcs(tmp_path: Path) -> None:
    exposure = known_exposure()
    exposure = replace(exposure, frame=replace(exposure.frame, wcs=None, shape=None, kind="list"))
    store = ExposureStore(tmp_path, "one")
    store.put(exposure)
    again = store.get(exposure.frame.id, "a")
    assert again is not None
    assert again.frame.wcs is None
    assert again.blank_sky is None
