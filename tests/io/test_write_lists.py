"""Lists we write come back through our own reader and through astropy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table

from cpcs_desktop.datamodel.frame import Frame
from cpcs_desktop.datamodel.sources import Exposure, SourceCatalog
from cpcs_desktop.io.source_lists import read_source_catalog
from cpcs_desktop.io.write_lists import LIST_FORMATS, ListFormat, write_sources

ROWS = 7
NAMES = (
    *("NUMBER", "X_IMAGE", "Y_IMAGE", "ALPHA_J2000", "DELTA_J2000", "FLUX_AUTO", "MAG_AUTO"),
    *("MAGERR_AUTO", "MAG_APER", "MAGERR_APER", "FWHM_IMAGE", "FLAGS"),
)


def catalog(kind: str, shift: float) -> SourceCatalog:
    rng = np.random.default_rng(4)
    flux = 10 ** rng.uniform(3, 5, ROWS) + shift
    mag = -2.5 * np.log10(flux)
    mag[3] = np.nan
    return SourceCatalog(
        x=rng.uniform(0, 1000, ROWS),
        y=rng.uniform(0, 1000, ROWS),
        ra=np.mod(rng.uniform(-0.1, 0.1, ROWS), 360),
        dec=rng.uniform(-1, 1, ROWS),
        flux=flux,
        flux_err=flux / 100,
        mag_inst=mag,
        mag_inst_err=np.where(np.isnan(mag), np.nan, 0.0109),
        fwhm=np.full(ROWS, 3.5),
        flags=np.arange(ROWS, dtype=np.int32),
        kind=kind,  # type: ignore[arg-type]
        origin="extracted",
    )


@pytest.fixture
def exposure() -> Exposure:
    frame = Frame("0" * 64, 0, "frame.fits", "frame", mjd=60000.5, exposure_s=30, filter_header="V")
    return Exposure(frame, {"AUTO": catalog("AUTO", 0), "APER": catalog("APER", 5)})


@pytest.mark.parametrize("kind", LIST_FORMATS)
@pytest.mark.parametrize("vector", [False, True])
def test_round_trip(tmp_path: Path, exposure: Exposure, kind: ListFormat, vector: bool) -> None:
    path = tmp_path / "sources"
    apertures = [catalog("APER", 5), catalog("APER", 50)] if vector else None
    with path.open("wb") as file:
        write_sources(exposure, file, kind, apertures)
    back = read_source_catalog(path)
    for name in ("AUTO", "APER"):
        ours, theirs = exposure.catalogs[name], back.catalogs[name]  # type: ignore[index]
        np.testing.assert_allclose(theirs.mag_inst, ours.mag_inst, atol=6e-5)
        np.testing.assert_allclose(theirs.mag_inst_err, ours.mag_inst_err, atol=6e-6)
        np.testing.assert_allclose(theirs.x, ours.x, atol=6e-5)
        np.testing.assert_allclose(theirs.ra, ours.ra, atol=6e-8)
        np.testing.assert_array_equal(theirs.flags, ours.flags)
    if kind not in {"ascii-head", "fits", "votable"}:
        assert (back.frame.mjd, back.frame.exposure_s) == (60000.5, 30)
        assert back.frame.filter_header == "V"


def test_exact_columns_of_ascii_head(tmp_path: Path, exposure: Exposure) -> None:
    path = tmp_path / "sources.cat"
    with path.open("wb") as file:
        write_sources(exposure, file)
    heads = [line for line in path.read_text().splitlines() if line.startswith("#")]
    assert tuple(line.split()[2] for line in heads) == NAMES
    table = Table.read(path, format="ascii.sextractor")
    assert tuple(table.colnames) == NAMES
    assert table["MAG_AUTO"][3] == 99.0
    np.testing.assert_allclose(table["X_IMAGE"], exposure.sources().x + 1, atol=6e-5)


@pytest.mark.parametrize("kind", LIST_FORMATS)
def test_an_empty_list_is_a_list(tmp_path: Path, exposure: Exposure, kind: ListFormat) -> None:
    nothing = {
        name: SourceCatalog(
            **{
                field: values[:0] if isinstance(values, np.ndarray) else values
                for field, values in vars(stars).items()
            }
        )
        for name, stars in exposure.catalogs.items()
    }
    path = tmp_path / "sources"
    with path.open("wb") as file:
        write_sources(Exposure(exposure.frame, nothing), file, kind)
    assert len(read_source_catalog(path).sources()) == 0
