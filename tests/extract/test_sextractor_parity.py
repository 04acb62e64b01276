"""The real source-extractor on the same frames and settings: the second path."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from scipy.spatial import cKDTree
from star_fields import star_field, write_frame

from cpcs_desktop.datamodel.settings import ExtractionSettings
from cpcs_desktop.extract import extract_sources
from cpcs_desktop.io.source_lists import read_source_catalog

PROGRAM = shutil.which("source-extractor") or shutil.which("sex")
CONFIGURATION = Path("/usr/share/source-extractor")
pytestmark = pytest.mark.skipif(
    PROGRAM is None or not CONFIGURATION.is_dir(), reason="source-extractor is not installed"
)
PARAMETERS = (
    *("NUMBER", "X_IMAGE", "Y_IMAGE", "ALPHA_J2000", "DELTA_J2000", "FLUX_AUTO", "FLUXERR_AUTO"),
    *("MAG_AUTO", "MAGERR_AUTO", "FLUX_APER(2)", "FLUXERR_APER(2)", "MAG_APER(2)"),
    *("MAGERR_APER(2)", "FWHM_IMAGE", "FLAGS"),
)
KINDS = ("ASCII_HEAD", "ASCII", "ASCII_VOTABLE", "FITS_1.0", "FITS_LDAC")


def run_sextractor(frame: Path, folder: Path, kind: str = "FITS_1.0", **options: object) -> Path:
    """Run the binary with its defaults, our threshold and zero point 0."""
    assert PROGRAM is not None
    (folder / "wanted.param").write_text("\n".join(PARAMETERS) + "\n")
    catalog = folder / f"sources.{kind}"
    settings: dict[str, object] = {
        "PARAMETERS_NAME": folder / "wanted.param",
        "FILTER_NAME": CONFIGURATION / "default.conv",
        "STARNNW_NAME": CONFIGURATION / "default.nnw",
        "DETECT_MINAREA": 5,
        "DETECT_THRESH": 3,
        "ANALYSIS_THRESH": 3,
        "MAG_ZEROPOINT": 0,
        "PHOT_APERTURES": "8,12",
        "SATUR_LEVEL": 1e9,
        "MEMORY_PIXSTACK": 3_000_000,
        "CATALOG_NAME": catalog,
        "CATALOG_TYPE": kind,
        "VERBOSE_TYPE": "QUIET",
    }
    settings.update(options)
    command = [PROGRAM, str(frame), "-c", str(CONFIGURATION / "default.sex")]
    for name, value in settings.items():
        command += [f"-{name}", str(value)]
    subprocess.run(command, check=True, capture_output=True, cwd=folder)
    return catalog


def compare(frame: Path, folder: Path, hdu: int | None = None) -> None:
    """Check issue 4's numbers: completeness, magnitudes, errors, flags."""
    settings = ExtractionSettings(aperture_diameters_pix=(8.0, 12.0))
    exposure = extract_sources(frame, hdu, settings)
    full = exposure.frame.saturation or 1e9
    theirs = fits.getdata(run_sextractor(frame, folder, SATUR_LEVEL=full), 1)
    auto, aper = exposure.catalogs["AUTO"], exposure.catalogs["APER"]
    ours_tree = cKDTree(np.c_[auto.x, auto.y])
    theirs_tree = cKDTree(np.c_[theirs["X_IMAGE"] - 1, theirs["Y_IMAGE"] - 1])
    bright = theirs["FLUX_AUTO"] > 10 * theirs["FLUXERR_AUTO"]
    assert np.mean(ours_tree.query(theirs_tree.data[bright])[0] < 0.5) > 0.98
    bright = auto.flux > 10 * auto.flux_err
    distance, row = theirs_tree.query(ours_tree.data[bright])
    assert np.mean(distance < 0.5) > 0.98
    mine, row = np.flatnonzero(bright)[distance < 0.5], row[distance < 0.5]
    isolated = (theirs["FLAGS"][row] == 0) & (auto.flags[mine] == 0)
    for stars, flux, err in (
        (auto, theirs["FLUX_AUTO"], theirs["FLUXERR_AUTO"]),
        (aper, theirs["FLUX_APER"][:, 0], theirs["FLUXERR_APER"][:, 0]),
    ):
        positive = (flux[row] > 0) & (stars.flux[mine] > 0)
        a, b = mine[positive & isolated], row[positive & isolated]
        difference = np.abs(2.5 * np.log10(stars.flux[a] / flux[b]))
        assert np.median(difference) < 0.001
        assert np.mean(difference < 0.5 * 1.0857 * err[b] / flux[b]) > 0.97
        ratio = stars.flux_err[a] / err[b]
        assert np.mean(np.abs(ratio - 1) < 0.1) > 0.97
        assert np.median(ratio) == pytest.approx(1, abs=0.01)
    for value in (2, 4, 8, 16):
        agree = (auto.flags[mine] & value > 0) == (theirs["FLAGS"][row] & value > 0)
        assert np.mean(agree) >= 0.99, value


def test_a_made_field(tmp_path: Path) -> None:
    field = star_field(shape=(700, 700), step=25, fluxes=(2.9, 5.0))
    compare(write_frame(tmp_path / "frame.fits", field.pixels, GAIN=1.0), tmp_path)


@pytest.mark.parametrize(
    "name", ["dss-plates/M6707HH.fits", "sep-emmi/image.fits", "dss-plates/NGC6819-DSS-r.fits"]
)
def test_real_frames(shared_data: Path, tmp_path: Path, name: str) -> None:
    compare(shared_data / "frames" / name, tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_every_catalogue_type_reads_the_same(tmp_path: Path, kind: str) -> None:
    field = star_field()
    frame = write_frame(tmp_path / "frame.fits", field.pixels)
    reference = fits.getdata(run_sextractor(frame, tmp_path), 1)
    path = run_sextractor(frame, tmp_path, kind)
    chosen = None
    if kind == "ASCII":  # no names in it: the observer says which column is what
        chosen = {"x": "col2", "y": "col3", "ra": "col4", "dec": "col5", "flux": "col6"}
        chosen |= {"flux_err": "col7", "mag": "col8", "mag_err": "col9", "flags": "col19"}
    exposure = read_source_catalog(path, columns=chosen)
    stars = exposure.catalogs["AUTO"]
    np.testing.assert_allclose(stars.ra, reference["ALPHA_J2000"], atol=2e-7)
    np.testing.assert_allclose(stars.x, reference["X_IMAGE"] - 1, atol=1e-3)
    np.testing.assert_allclose(stars.mag_inst, reference["MAG_AUTO"], atol=1e-3)
    np.testing.assert_array_equal(stars.flags, reference["FLAGS"])
    if kind != "ASCII":
        aper = exposure.catalogs["APER"]
        np.testing.assert_allclose(aper.mag_inst, reference["MAG_APER"][:, 0], atol=1e-3)
    if kind == "FITS_LDAC":
        assert exposure.frame.mjd == 60000.5
        assert exposure.frame.filter_header == "V"


def test_a_frame_and_its_sextractor_list_agree(tmp_path: Path) -> None:
    """One zero point for a frame and its list: the same instrumental magnitudes."""
    field = star_field()
    frame = write_frame(tmp_path / "frame.fits", field.pixels)
    ours = extract_sources(frame).sources()
    listed = read_source_catalog(run_sextractor(frame, tmp_path, "ASCII_HEAD")).sources()
    distance, row = cKDTree(np.c_[listed.ra, listed.dec]).query(np.c_[ours.ra, ours.dec])
    near = distance < 1e-4
    assert near.mean() > 0.98
    assert np.median(np.abs(listed.mag_inst[row] - ours.mag_inst)[near]) < 1e-3
