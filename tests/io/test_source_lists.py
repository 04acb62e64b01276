"""Source lists of all kinds: the real ones beside the project, and dialects written here."""

from __future__ import annotations

import bz2
import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.io.reading import Reading
from cpcs_desktop.io.sniff import input_kind
from cpcs_desktop.io.source_lists import column_names, read_source_catalog
from cpcs_desktop.settings import CameraSettings

FOUR = ("ALPHA_J2000", "DELTA_J2000", "MAG_AUTO", "MAGERR_AUTO")
ROWS = [[295.0, 30.0, -10.0, 0.01], [295.1, 30.1, 99.0, 99.0], [295.2, 30.2, -8.0, 0.03]]


def ascii_head(path: Path, numbered: dict[int, str], rows: list[list[float]]) -> Path:
    head = "".join(f"# {n:3d} {name:22s} Text of {name}   [unit]\n" for n, name in numbered.items())
    path.write_text(head + "".join(" ".join(f"{v:12.6f}" for v in row) + "\n" for row in rows))
    return path


def four_columns(path: Path) -> Path:
    return ascii_head(path, dict(enumerate(FOUR, start=1)), ROWS)


def test_minimal_list_has_gaps_instead_of_99(tmp_path: Path) -> None:
    path = four_columns(tmp_path / "list.cat")
    assert input_kind(path) == "list"
    exposure = read_source_catalog(path)
    stars = exposure.sources()
    assert list(exposure.catalogs) == ["AUTO"]
    np.testing.assert_allclose(stars.ra, [295.0, 295.1, 295.2])
    np.testing.assert_array_equal(np.isnan(stars.mag_inst), [False, True, False])
    np.testing.assert_array_equal(np.isnan(stars.mag_inst_err), [False, True, False])
    np.testing.assert_allclose(stars.flux[[0, 2]], [10**4, 10**3.2])
    assert exposure.missing >= {"x", "y", "flags", "fwhm", "mjd", "exposure_s"}


def test_vector_columns_make_the_numbers_of_the_header_jump(tmp_path: Path) -> None:
    numbered = {1: "X_IMAGE", 2: "Y_IMAGE", 3: "MAG_APER", 6: "MAGERR_APER", 9: "FLAGS"}
    numbered |= {10: "ALPHA_SKY", 11: "DELTA_SKY"}
    row = [101.0, 51.0, -9.0, -9.5, -9.7, 0.01, 0.02, 0.03, 4, 10.0, -20.0]
    exposure = read_source_catalog(ascii_head(tmp_path / "list.cat", numbered, [row, row[::1]][:1]))
    stars = exposure.catalogs["APER"]
    assert (stars.x[0], stars.y[0]) == (100.0, 50.0)
    assert (stars.mag_inst[0], stars.mag_inst_err[0], stars.flags[0]) == (-9.0, 0.01, 4)
    assert (stars.ra[0], stars.dec[0]) == (10.0, -20.0)


def test_magnitudes_are_made_from_fluxes(tmp_path: Path) -> None:
    numbered = dict(enumerate(("X_WORLD", "Y_WORLD", "FLUX_AUTO", "FLUXERR_AUTO"), start=1))
    path = ascii_head(tmp_path / "list.cat", numbered, [[1, 2, 1000.0, 10.0], [1.1, 2, -5.0, 10.0]])
    stars = read_source_catalog(path).sources()
    assert stars.mag_inst[0] == pytest.approx(-7.5)
    assert stars.mag_inst_err[0] == pytest.approx(0.010857, abs=1e-6)
    assert np.isnan(stars.mag_inst[1])


@pytest.mark.parametrize("left_out", FOUR)
def test_a_missing_column_is_named(tmp_path: Path, left_out: str) -> None:
    names = [name for name in FOUR if name != left_out]
    path = ascii_head(tmp_path / "list.cat", dict(enumerate(names, start=1)), [[1.0, 2.0, 0.1]])
    with pytest.raises(CpcsError) as caught:
        read_source_catalog(path)
    assert caught.value.code == "missing_column"
    assert left_out in caught.value.message


def test_positions_of_a_frame_without_wcs_are_refused(tmp_path: Path) -> None:
    rows = [[0.0, 0.0, -10.0, 0.01], [0.0, 0.0, -9.0, 0.02]]
    path = ascii_head(tmp_path / "list.cat", dict(enumerate(FOUR, start=1)), rows)
    with pytest.raises(CpcsError) as caught:
        read_source_catalog(path)
    assert caught.value.code == "no_wcs"


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_packed_lists(tmp_path: Path, pack: object) -> None:
    plain = four_columns(tmp_path / "list.cat")
    packed = tmp_path / "list.packed"
    packed.write_bytes(pack(plain.read_bytes()))  # type: ignore[operator]
    assert input_kind(packed) == "list"
    assert len(read_source_catalog(packed).sources()) == 3


@pytest.mark.parametrize("name", ["ecsv", "csv", "votable", "parquet", "fits", "tab"])
def test_other_tables_are_told_by_content(tmp_path: Path, name: str) -> None:
    table = Table(rows=ROWS, names=("ra", "dec", "mag", "mag_err"))
    path = tmp_path / "stars.dat"
    if name == "parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        columns = {column: np.asarray(table[column]) for column in table.colnames}
        pq.write_table(pa.table(columns), path)
    else:
        formats = {"ecsv": "ascii.ecsv", "csv": "ascii.csv", "tab": "ascii.tab"}
        table.write(path, format=formats.get(name, name))
    assert input_kind(path) == "list"
    stars = read_source_catalog(path).sources()
    np.testing.assert_allclose(stars.dec, [30.0, 30.1, 30.2])
    assert np.isnan(stars.mag_inst[1])


def test_a_list_without_names_asks_for_columns(tmp_path: Path) -> None:
    path = tmp_path / "plain.txt"
    path.write_text("".join(" ".join(map(str, row)) + "\n" for row in ROWS))
    with pytest.raises(CpcsError) as caught:
        read_source_catalog(path)
    assert caught.value.code == "missing_column"
    assert column_names(path) == ("col1", "col2", "col3", "col4")
    chosen = {"ra": "col1", "dec": "col2", "mag": "col3", "mag_err": "col4"}
    stars = read_source_catalog(path, columns=chosen).sources()
    np.testing.assert_allclose(stars.ra, [295.0, 295.1, 295.2])
    assert stars.origin == "table"


def test_names_in_a_comment_and_sexagesimal_positions(tmp_path: Path) -> None:
    path = tmp_path / "plain.txt"
    path.write_text(
        "# ra dec mag magerr\n12:00:00 -30:30:00 -9.5 0.01\n12:00:04 -30:31:00 -9 0.02\n"
    )
    stars = read_source_catalog(path).sources()
    np.testing.assert_allclose(stars.ra, [180.0, 180 + 1 / 60])
    np.testing.assert_allclose(stars.dec, [-30.5, -30.5 - 1 / 60])


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "unreadable"),
        (b"hello, this is a letter\n", "not_fits"),
        (b"\x00\x01" * 99, "not_fits"),
    ],
)
def test_what_is_no_list(tmp_path: Path, content: bytes, code: str) -> None:
    path = tmp_path / "frame.fits"
    path.write_bytes(content)
    with pytest.raises(CpcsError) as caught:
        input_kind(path)
    assert caught.value.code == code


def test_a_missing_file_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(CpcsError) as caught:
        input_kind(tmp_path / "nowhere.fits")
    assert caught.value.code == "unreadable"


def test_every_shared_pair_loads(shared_data: Path) -> None:
    for check in sorted(shared_data.glob("pairs/*/check.json")):
        expected = json.loads(check.read_text())
        path = check.parent / expected["input"]
        if input_kind(path) == "frame":
            continue
        exposure = read_source_catalog(path)
        stars = exposure.sources()
        assert np.isfinite(stars.mag_inst_err).sum() > 30
        assert np.isfinite(stars.ra).all()
        if "mjd" in expected["expect"]:
            assert exposure.frame.mjd == pytest.approx(expected["expect"]["mjd"], abs=1e-5)
            assert exposure.frame.exposure_s == expected["expect"]["exposure_s"]
            assert exposure.frame.filter_header == "w"
            assert exposure.frame.wcs is not None


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("ldac/lco_fl03_67P_rp_ldac.fits", 860),
        ("ldac/lco_fa15_65803_w_photpipe_ldac.fits", 2500),
        ("ldac/ogg2m001-fs02-20150827-0106-e91_ldac.fits", 257),
        ("ldac/D00572501_z_c01_r3624p01_red-fullcat.fits", 2469),
        ("ngc188/testg1.cat", 911),
        ("other/GRB-308.9-44.4_test.cat", 3617),
        ("other/oracdr_test_catalog.fits", 360),
        ("other/bintable_STRIPE82-2018.fits", 1),
    ],
)
def test_real_sextractor_lists(shared_data: Path, name: str, rows: int) -> None:
    exposure = read_source_catalog(shared_data / "sextractor" / name)
    assert len(exposure.sources()) == rows
    assert (exposure.frame.mjd is None) == ("mjd" in exposure.missing)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("ldac/ldac_test_catalog_corrupt.fits", "unreadable"),
        ("other/cfht_2016_NM15_1943989o04_SE.cat", "missing_column"),
        ("ngc188/corr.fits", "missing_column"),
    ],
)
def test_hopeless_lists_say_why(shared_data: Path, name: str, code: str) -> None:
    with pytest.raises(CpcsError) as caught:
        read_source_catalog(shared_data / "sextractor" / name)
    assert caught.value.code == code


def test_ldac_written_by_astropy(tmp_path: Path) -> None:
    cards = fits.Header(
        [("SIMPLE", True), ("MJD-OBS", 60000.25), ("EXPTIME", 86.4), ("FILTER", "V")]
    )
    text = cards.tostring(sep="", endcard=True, padding=False)
    head = fits.BinTableHDU.from_columns(
        [fits.Column("Field Header Card", f"{len(text)}A", array=[text])], name="LDAC_IMHEAD"
    )
    stars = fits.BinTableHDU(Table(rows=ROWS, names=FOUR), name="LDAC_OBJECTS")
    path = tmp_path / "sources.ldac"
    fits.HDUList([fits.PrimaryHDU(), head, stars]).writeto(path)
    frame = read_source_catalog(path).frame
    assert frame.mjd == pytest.approx(60000.2505)
    assert (frame.exposure_s, frame.filter_header) == (86.4, "V")


def test_what_was_chosen_once_holds_for_lists_with_the_same_columns(tmp_path: Path) -> None:
    path = tmp_path / "plain.txt"
    path.write_text("".join(" ".join(map(str, row)) + "\n" for row in ROWS))
    chosen = {"ra": "col1", "dec": "col2", "mag": "col3", "mag_err": "col4"}
    names = ("col1", "col2", "col3", "col4")
    stars = read_source_catalog(path, reading=Reading(lists={names: chosen})).sources()
    np.testing.assert_allclose(stars.dec, [30.0, 30.1, 30.2])
    with pytest.raises(CpcsError):
        read_source_catalog(path, reading=Reading(lists={names[:3]: chosen}))
    other = {**chosen, "ra": "col2"}  # for this list alone: wins
    with_own = read_source_catalog(path, reading=Reading(columns=other, lists={names: chosen}))
    np.testing.assert_allclose(with_own.sources().ra, [30.0, 30.1, 30.2])


def test_the_camera_of_an_ldac_is_the_one_its_header_names(tmp_path: Path) -> None:
    cards = fits.Header([("SIMPLE", True), ("INSTRUME", "cam7"), ("FILTER", "48"), ("GAIN", 9.0)])
    text = cards.tostring(sep="", endcard=True, padding=False)
    head = fits.BinTableHDU.from_columns(
        [fits.Column("Field Header Card", f"{len(text)}A", array=[text])], name="LDAC_IMHEAD"
    )
    stars = fits.BinTableHDU(Table(rows=ROWS, names=FOUR), name="LDAC_OBJECTS")
    path = tmp_path / "sources.ldac"
    fits.HDUList([fits.PrimaryHDU(), head, stars]).writeto(path)
    cameras = {
        "cam7": CameraSettings(gain=1.25, filter_aliases={"48": "V"}),
        "cam8": CameraSettings(gain=3),
    }
    frame = read_source_catalog(path, reading=Reading(cameras=cameras)).frame
    assert (frame.gain, frame.filter_header) == (1.25, "V")
    assert read_source_catalog(path, reading=Reading({"cam8": cameras["cam8"]})).frame.gain == 9.0


@pytest.mark.parametrize("column", [1, 3])
def test_a_column_without_a_format_ends_in_a_sentence(tmp_path: Path, column: int) -> None:
    path = tmp_path / "list.fits"
    fits.BinTableHDU(Table(rows=ROWS, names=FOUR)).writeto(path)
    path.write_bytes(path.read_bytes().replace(f"TFORM{column}  ".encode(), b"XXXXXX  "))
    with pytest.raises(CpcsError, match="columns of a table are not described"):
        read_source_catalog(path)


def test_an_empty_list_with_a_vector_column(tmp_path: Path) -> None:
    numbered = {1: "ALPHA_J2000", 2: "DELTA_J2000", 3: "MAG_APER", 6: "MAGERR_APER", 9: "FLAGS"}
    path = ascii_head(tmp_path / "list.cat", numbered, [])
    assert len(read_source_catalog(path).sources()) == 0
