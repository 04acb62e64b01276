"""Stored source lists come back bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.table import Table
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.frame import Frame
from cpcs_desktop.datamodel.sources import BlankSky, Exposure, SourceCatalog
from cpcs_desktop.io.stored_list import exposure_of_text, stored_list_text

COLUMNS = ("x", "y", "ra", "dec", "flux", "flux_err", "mag_inst", "mag_inst_err", "fwhm")


def same(a: Exposure, b: Exposure) -> None:
    assert a.catalogs.keys() == b.catalogs.keys()
    for kind, catalog in a.catalogs.items():
        for name in (*COLUMNS, "flags"):
            ours, theirs = getattr(catalog, name), getattr(b.catalogs[kind], name)
            assert ours.dtype == theirs.dtype
            np.testing.assert_array_equal(ours, theirs)
        assert (catalog.kind, catalog.origin) == (b.catalogs[kind].kind, b.catalogs[kind].origin)
        assert catalog.aperture_diameter_pix == b.catalogs[kind].aperture_diameter_pix
    assert a.missing == b.missing
    assert (a.blank_sky is None) == (b.blank_sky is None)
    if a.blank_sky is not None and b.blank_sky is not None:
        np.testing.assert_array_equal(a.blank_sky.flux, b.blank_sky.flux)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 5).flatmap(
        lambda n: arrays(np.float64, (2, 9, n), elements=st.floats(width=64, allow_nan=True))
    ),
    st.booleans(),
    st.text(min_size=1, max_size=20).filter(lambda t: "\ud800" not in t),
)
def test_any_numbers_come_back(values: np.ndarray, both: bool, name: str) -> None:
    def catalog(kind: str, which: np.ndarray) -> SourceCatalog:
        return SourceCatalog(
            *which, flags=np.arange(values.shape[2], dtype=np.int32), kind=kind,  # type: ignore[arg-type]
            origin="table", aperture_diameter_pix=7.5 if kind == "APER" else None,
        )  # fmt: skip

    catalogs = {"AUTO": catalog("AUTO", values[0])}
    if both:
        catalogs["APER"] = catalog("APER", values[1])
    blank = BlankSky(values[0, 0], values[0, 1], np.array([0.1, 1 / 3, 1e300]), 5.0)
    frame = Frame("0" * 64, 1, "/home/me/" + name.replace("/", ""), "list", mjd=57600.1 + 1e-9)
    exposure = Exposure(frame, catalogs, blank if both else None, frozenset({"mjd"}))  # type: ignore[arg-type]
    back = exposure_of_text(stored_list_text(exposure))
    same(exposure, back)
    assert back.frame.mjd == frame.mjd
    assert "/home/me" not in stored_list_text(exposure)


def test_nonsense_is_named() -> None:
    with pytest.raises(CpcsError) as error:
        exposure_of_text("hello")
    assert error.value.code == "bad_stored_list"
    table = Table({"x": [1.0]}, meta={"cpcs_exposure": '{"layout": 99}'})
    import io

    text = io.StringIO()
    table.write(text, format="ascii.ecsv")
    with pytest.raises(CpcsError, match="newer"):
        exposure_of_text(text.getvalue())
