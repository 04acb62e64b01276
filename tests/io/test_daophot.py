"""DAOPHOT's lists: IRAF's and Stetson's, with their frame beside them, or without."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.io.sniff import input_kind
from cpcs_desktop.io.source_lists import read_source_catalog

X, Y = np.array([138.538, 18.114, 60.25]), np.array([25.405, 28.170, 40.0])
MAG, ERR = np.array([15.461, 22.329, np.nan]), np.array([0.003, 0.206, np.nan])
NSTAR_HEAD = """\
#K IRAF       = NOAO/IRAFV2.16.1        version    %-23s
#K TASK       = allstar                 name       %-23s
#K IMAGE      = night7.fits             imagename  %-23s
#K GAIN       = 2.                      e-/adu     %-23.7g
#K OTIME      = INDEF                   timeunit   %-23s
#K XAIRMASS   = 2.351                   number     %-23.7g
#K IFILTER    = B                       filter     %-23s
#
#N ID    XCENTER   YCENTER   MAG         MERR          MSKY           NITER    \\
#U ##    pixels    pixels    magnitudes  magnitudes    counts         ##       \\
#F %-9d  %-10.3f   %-10.3f   %-12.3f     %-14.3f       %-15.7g        %-6d
#
#N         SHARPNESS   CHI         PIER  PERROR                                \\
#U         ##          ##          ##    perrors                               \\
#F         %-23.3f     %-12.3f     %-6d  %-13s
#
"""


def number(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else "INDEF"


def iraf_list(path: Path) -> Path:
    text = NSTAR_HEAD
    for n, (x, y, mag, err) in enumerate(zip(X, Y, MAG, ERR, strict=True), start=1):
        text += f"{n:<9d}{x:<10.3f}{y:<10.3f}{number(mag):<12}{number(err):<14}"
        text += "34.85955       4        \\\n"
        text += f"{'':11}{-0.032:<12.3f}{0.802:<12.3f}{0:<6d}No_error     \n"
    path.write_text(text)
    return path


def allstar_list(path: Path) -> Path:
    text = " NL    NX    NY  LOWBAD HIGHBAD  THRESH     AP1  PH/ADU  RNOISE    FRAD\n"
    text += "  1   200   100    50.0 30000.0    8.50    3.00    2.00    4.00    5.00\n\n"
    mags, errs = np.nan_to_num(MAG, nan=99.999), np.nan_to_num(ERR, nan=9.9999)
    for n, (x, y, mag, err) in enumerate(zip(X, Y, mags, errs, strict=True), start=1):
        text += (
            f"{n:6d} {x:8.3f} {y:8.3f} {mag:8.3f} {err:8.4f}   102.30       4.    0.802   -0.03\n"
        )
    path.write_text(text)
    return path


def frame(path: Path, *, solved: bool = True) -> WCS:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval, wcs.wcs.crpix = [83.0, -5.0], [100.5, 50.5]
    wcs.wcs.cdelt = [-2e-4, 2e-4]
    header = wcs.to_header() if solved else fits.Header()
    header["DATE-OBS"], header["EXPTIME"], header["FILTER"] = "2015-01-25T20:00:00", 60.0, "B"
    fits.PrimaryHDU(np.ones((100, 200), dtype=np.float32), header).writeto(path)
    return wcs


@pytest.mark.parametrize(
    ("write", "beside"), [(iraf_list, "night7.fits"), (allstar_list, "stars.fits")]
)
def test_positions_and_times_come_from_the_frame_beside(
    tmp_path: Path, write: object, beside: str
) -> None:
    wcs = frame(tmp_path / beside)
    path = write(tmp_path / "stars.als")  # type: ignore[operator]
    assert input_kind(path) == "list"
    exposure = read_source_catalog(path)
    stars = exposure.sources()
    np.testing.assert_allclose(stars.x, X - 1)  # DAOPHOT counts from 1
    ra, dec = wcs.all_pix2world(X, Y, 1)
    np.testing.assert_allclose(stars.ra, ra, atol=1e-9)
    np.testing.assert_allclose(stars.dec, dec, atol=1e-9)
    np.testing.assert_allclose(stars.mag_inst, MAG)
    np.testing.assert_allclose(stars.mag_inst_err, ERR, atol=1e-4)
    known = exposure.frame
    assert (known.kind, known.exposure_s, known.filter_header) == ("list", 60.0, "B")
    assert known.mjd == pytest.approx(57047.833681, abs=1e-5)
    assert known.path == str(path)
    assert "flags" in exposure.missing


@pytest.mark.parametrize("write", [iraf_list, allstar_list])
@pytest.mark.parametrize("unsolved", [True, False])
def test_without_a_solved_frame_it_says_what_is_wanted(
    tmp_path: Path, write: object, unsolved: bool
) -> None:
    if unsolved:
        frame(tmp_path / "stars.fits", solved=False)
    with pytest.raises(CpcsError) as caught:
        read_source_catalog(write(tmp_path / "stars.als"))  # type: ignore[operator]
    assert caught.value.code == "missing_column"
    assert "frame beside it" in caught.value.hint


def test_the_filter_is_read_from_the_list_itself(tmp_path: Path) -> None:
    path = iraf_list(tmp_path / "stars.als")
    text = path.read_text().replace("XCENTER", "RA     ").replace("YCENTER", "DEC    ")
    path.write_text(text)
    exposure = read_source_catalog(path)
    assert exposure.frame.filter_header == "B"
    assert exposure.frame.airmass == pytest.approx(2.351)
    np.testing.assert_allclose(exposure.sources().ra, X)


def test_other_lists_of_these_programs_say_so(tmp_path: Path) -> None:
    path = allstar_list(tmp_path / "stars.ap")
    path.write_text(path.read_text() + "  1.0  2.0\n")
    with pytest.raises(CpcsError, match="not one star of ALLSTAR"):
        read_source_catalog(path)
