"""FITS frames: pixels of every storage, headers of many cameras, WCS, and identity by content."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from numpy.typing import NDArray

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.io.frames import image_hdus, read_frame, read_pixels
from cpcs_desktop.io.sniff import input_kind
from cpcs_desktop.settings import CameraSettings


def tan_header(ra: float = 150.0, dec: float = 20.0, scale_arcsec: float = 0.5) -> fits.Header:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [ra, dec]
    wcs.wcs.crpix = [32.5, 24.5]
    wcs.wcs.cdelt = [-scale_arcsec / 3600, scale_arcsec / 3600]
    header = wcs.to_header()
    header["DATE-OBS"] = "2020-03-01T22:00:00"
    header["EXPTIME"] = 120.0
    header["FILTER"] = "Bessell_V"
    return header


@pytest.fixture
def sky() -> NDArray[np.float64]:
    return np.random.default_rng(3).normal(1000, 10, (48, 64)).round()


@pytest.mark.parametrize("dtype", ["u1", "<i2", ">i2", "u2", ">i4", ">f4", "<f4", ">f8"])
def test_pixels_of_every_storage(tmp_path: Path, sky: NDArray[np.float64], dtype: str) -> None:
    values = sky - 900 if dtype == "u1" else sky
    path = tmp_path / "frame.fits"
    fits.PrimaryHDU(values.astype(dtype), tan_header()).writeto(path)
    pixels = read_pixels(path, 0)
    assert pixels.dtype == np.float32
    assert pixels.dtype.isnative
    assert pixels.flags.c_contiguous
    np.testing.assert_array_equal(pixels, values)


def test_blank_infinite_and_undefined_pixels_are_nan(tmp_path: Path) -> None:
    whole = fits.PrimaryHDU(np.arange(12, dtype=np.int16).reshape(3, 4))
    whole.header["BLANK"] = 5
    whole.header["BSCALE"], whole.header["BZERO"] = 0.5, 10.0
    whole.writeto(tmp_path / "blank.fits")
    pixels = read_pixels(tmp_path / "blank.fits", 0)
    assert np.isnan(pixels[1, 1])
    assert np.isnan(pixels).sum() == 1
    assert pixels[2, 3] == 15.5
    broken = np.ones((3, 4), dtype=np.float32)
    broken[0, 0], broken[1, 1] = np.inf, np.nan
    fits.PrimaryHDU(broken).writeto(tmp_path / "inf.fits")
    assert np.isnan(read_pixels(tmp_path / "inf.fits", 0)).sum() == 2


@pytest.mark.parametrize("kind", ["RICE_1", "GZIP_1", "GZIP_2", "HCOMPRESS_1"])
def test_tile_compressions(tmp_path: Path, sky: NDArray[np.float64], kind: str) -> None:
    image = fits.CompImageHDU(sky.astype(np.uint16), tan_header(), compression_type=kind)
    path = tmp_path / "frame.fits.fz"
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(path)
    frame = read_frame(path)
    assert (frame.hdu, frame.shape, frame.filter_header) == (1, (48, 64), "Bessell_V")
    np.testing.assert_array_equal(read_pixels(path, 1), sky)


@pytest.mark.parametrize(("pack", "suffix"), [(gzip.compress, ".gz"), (bz2.compress, ".bz2")])
def test_packed_files(tmp_path: Path, sky: NDArray[np.float64], pack: object, suffix: str) -> None:
    plain = tmp_path / "frame.fits"
    fits.PrimaryHDU(sky.astype(np.float32), tan_header()).writeto(plain)
    path = tmp_path / f"other-name{suffix}"
    path.write_bytes(pack(plain.read_bytes()))  # type: ignore[operator]
    assert input_kind(path) == "frame"
    np.testing.assert_array_equal(read_pixels(path, read_frame(path).hdu), sky)


def test_what_the_header_says(tmp_path: Path, sky: NDArray[np.float64]) -> None:
    path = tmp_path / "frame.fits"
    fits.PrimaryHDU(sky.astype(np.uint16), tan_header()).writeto(path)
    frame = read_frame(path)
    assert frame.mjd == pytest.approx(58909 + 22 / 24 + 60 / 86400, abs=1e-9)
    assert frame.exposure_s == 120
    assert frame.saturation == 65535
    assert "saturation" in frame.guessed
    assert frame.pixel_scale_arcsec == pytest.approx(0.5)
    assert ("FILTER", "Bessell_V", "") in frame.header
    assert frame.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_renamed_copy_is_the_same_frame(tmp_path: Path, sky: NDArray[np.float64]) -> None:
    path = tmp_path / "frame.fits"
    fits.PrimaryHDU(sky.astype(np.float32), tan_header()).writeto(path)
    copy = shutil.copy(path, tmp_path / "copy.fit")
    assert read_frame(path).id == read_frame(copy).id


def test_the_observers_camera_wins(tmp_path: Path, sky: NDArray[np.float64]) -> None:
    header = tan_header()
    header["GAIN"] = 139  # a setting of the camera, not electrons per ADU
    header["MYEXP"], header["SATURATE"] = 33.0, 60000
    path = tmp_path / "frame.fits"
    fits.PrimaryHDU(sky.astype(np.float32), header).writeto(path)
    assert read_frame(path).gain is None
    camera = CameraSettings(gain=0.25, saturation=4000, keywords={"exposure_s": "MYEXP"})
    frame = read_frame(path, camera=camera)
    assert (frame.gain, frame.saturation, frame.exposure_s) == (0.25, 4000, 33.0)


def test_multi_extension_files_choose_the_sky(tmp_path: Path, sky: NDArray[np.float64]) -> None:
    primary = fits.PrimaryHDU(header=fits.Header([("DATE-OBS", "2020-03-01T22:00:00")]))
    mask = fits.ImageHDU((sky > 1010).astype(np.uint8), name="BPM")
    one = fits.ImageHDU(sky.astype(np.float32), tan_header(), name="SCI")
    two = fits.ImageHDU(-sky.astype(np.float32), tan_header(), name="SCI")
    path = tmp_path / "mef.fits"
    fits.HDUList([primary, mask, one, two]).writeto(path)
    frame = read_frame(path)
    assert frame.hdu == 2
    assert frame.mjd is not None
    images = image_hdus(path)
    assert [image.number for image in images] == [1, 2, 3]
    assert [image.is_sky for image in images] == [False, True, True]
    assert read_frame(path, hdu=3).id != frame.id
    with pytest.raises(CpcsError, match="HDU 9"):
        read_frame(path, hdu=9)


def test_cubes(tmp_path: Path, sky: NDArray[np.float64]) -> None:
    flat = tmp_path / "flat.fits"
    fits.PrimaryHDU(sky[None].astype(np.float32), tan_header()).writeto(flat)
    frame = read_frame(flat)
    assert frame.shape == (48, 64)
    assert frame.wcs is not None
    np.testing.assert_array_equal(read_pixels(flat, 0), sky)
    deep = tmp_path / "deep.fits"
    fits.PrimaryHDU(np.stack([sky, sky])).writeto(deep)
    with pytest.raises(CpcsError, match="cube of 2 planes"):
        read_frame(deep)


@pytest.mark.parametrize("keep", [0, 100, 2880, 4000, 8000])
def test_truncated_frames_end_in_a_sentence(
    tmp_path: Path, sky: NDArray[np.float64], keep: int
) -> None:
    path = tmp_path / "frame.fits"
    fits.PrimaryHDU(sky.astype(np.float32), tan_header()).writeto(path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CpcsError) as caught:
        read_pixels(path, read_frame(path).hdu)
    assert caught.value.code in {"unreadable", "not_fits"}
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("keyword", ["NAXIS2", "PCOUNT"])
def test_an_extension_of_negative_size_ends_in_a_sentence(
    tmp_path: Path, sky: NDArray[np.float64], keyword: str
) -> None:
    """astropy would read its header again and again: the next one begins before it."""
    path = tmp_path / "frame.fits"
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(sky.astype(np.float32))]).writeto(path)
    content = path.read_bytes()
    at = content.rindex(f"{keyword:8s}=".encode())
    path.write_bytes(
        content[:at] + f"{keyword:8s}= {-52:20d}".ljust(80).encode() + content[at + 80 :]
    )
    with pytest.raises(CpcsError, match=f"{keyword} is -52"):
        read_frame(path)


def test_a_tile_that_claims_too_much_is_not_unpacked(
    tmp_path: Path, sky: NDArray[np.float64]
) -> None:
    """The codec would write beyond its memory and take the program with it."""
    image = fits.CompImageHDU(sky.astype(np.int16), compression_type="HCOMPRESS_1")
    path = tmp_path / "frame.fits"
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(path)
    np.testing.assert_array_equal(read_pixels(path, 1), sky)
    content = bytearray(path.read_bytes())
    tile = content.index(b"\xdd\x99") + 2  # rows of the first tile
    rows = int.from_bytes(content[tile : tile + 4], "big")
    content[tile : tile + 4] = (rows + 1).to_bytes(4, "big")
    path.write_bytes(content)
    with pytest.raises(CpcsError, match="tiles cannot be unpacked"):
        read_pixels(path, 1)


def test_fk4_positions_become_icrs(tmp_path: Path, sky: NDArray[np.float64]) -> None:
    from astropy.coordinates import FK4, SkyCoord

    header = tan_header()
    header["RADESYS"], header["EQUINOX"] = "FK4", 1950.0
    path = tmp_path / "old.fits"
    fits.PrimaryHDU(sky.astype(np.float32), header).writeto(path)
    wcs = read_frame(path).wcs
    assert wcs is not None
    ra, dec = wcs.all_pix2world(31.5, 23.5, 0)
    expected = SkyCoord(150.0, 20.0, unit="deg", frame=FK4(equinox="B1950")).icrs
    assert expected.separation(SkyCoord(ra, dec, unit="deg")).arcsec < 0.05


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"CTYPE1": "LINEAR"}, "no sky"),
        ({"CDELT1": 1.0, "CDELT2": 1.0}, "scale of a placeholder"),
        ({"CDELT1": 0.0}, "singular"),
        ({"CTYPE2": ""}, "half"),
    ],
)
def test_placeholders_are_no_wcs(
    tmp_path: Path, sky: NDArray[np.float64], changes: dict[str, object], why: str
) -> None:
    header = tan_header()
    header.update(changes)
    path = tmp_path / "frame.fits"
    fits.PrimaryHDU(sky.astype(np.float32), header).writeto(path)
    assert read_frame(path).wcs is None, why


REAL = {
    "awkward/feder_TIC-367710318-zerodata_fullheader.fit.bz2": (61052.124418, 90.0, "rp", True),
    "awkward/lco_hotpants_diff_frame.fits": (60471.4865829, 170.0, "rp", True),
    "awkward/lco_mef_raw_test_frame.fits": (59495.0806091, 94.975, "w", True),
    "awkward/swope_test_frame_10x10.fits": (59847.143646, 10.0, "r", True),
    "awkward/vast_crao_azt8_ngc4051_median.fit": (52270.132662, 60.0, "V", False),
    "saao-ccdproc/a8280271.fits": (56486.040834, 150.04, "48", False),
    "lco-0m4-banzai/banzai_test_frame.fits.fz": (57564.8864318, 45.265, "w", True),
    "sep-emmi/image.fits": (48921.1348148, 1200.0, None, False),
    "m13-compressions/m13_hcomp.fits": (None, None, None, True),
    "dss-plates/M6707HH.fits": (33979.522222, 3000.0, "8", None),
    "eso-midas/ISAAC.2006-04-13T06_32_38.944.fits.gz": (53838.272696, 4.0, "NB_2.25", True),
}


@pytest.mark.parametrize(("name", "expected"), REAL.items())
def test_headers_of_real_cameras(
    shared_data: Path, name: str, expected: tuple[float | None, float | None, str | None, bool]
) -> None:
    frame = read_frame(shared_data / "frames" / name)
    mjd, exposure_s, filter_header, has_wcs = expected
    assert frame.mjd == (None if mjd is None else pytest.approx(mjd, abs=2e-6))
    assert frame.exposure_s == exposure_s
    assert frame.filter_header == filter_header
    if has_wcs is not None:
        assert (frame.wcs is not None) == has_wcs


def test_all_compressions_of_one_real_field_agree(shared_data: Path) -> None:
    folder = shared_data / "frames" / "m13-compressions"
    plain = read_pixels(folder / "m13.fits", 0)
    for name in ("m13_gzip", "m13_rice", "m13_plio"):
        np.testing.assert_array_equal(read_pixels(folder / f"{name}.fits", 1), plain)
    lossy = read_pixels(folder / "m13_hcomp.fits", 1)
    assert np.abs(lossy - plain).max() < 30


def test_unpacking_asks_for_no_more_memory_than_it_needs(tmp_path: Path) -> None:
    import tracemalloc

    path = tmp_path / "frame.fits.bz2"
    plain = tmp_path / "frame.fits"
    fits.PrimaryHDU(np.ones((100, 100), dtype=np.float32)).writeto(plain)
    path.write_bytes(bz2.compress(plain.read_bytes()))
    tracemalloc.start()
    try:
        read_pixels(path, 0)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 64 << 20
