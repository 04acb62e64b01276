"""Published tables of every kind, with known truth and real ones."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Table

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.survey import StarFlag
from cpcs_desktop.surveys.reading.import_columns import (
    ImportedStars,
    read_column_map,
    to_stars,
)
from cpcs_desktop.surveys.reading.read_table import read_table
from cpcs_desktop.surveys.registry import SURVEYS


def imported(path: Path, key: str, columns: dict[str, str] | None = None) -> ImportedStars:
    return to_stars(read_table(path), SURVEYS[key], columns)


def column(done: ImportedStars, key: str, letter: str) -> tuple[np.ndarray, np.ndarray]:
    place = [b.letter for b in SURVEYS[key].bands].index(letter)
    return done.stars.mag[:, place], done.stars.mag_err[:, place]


def apass_table() -> Table:
    return Table(
        {
            "RAJ2000": [10.5, 10.6, 359.9] * u.deg,
            "DEJ2000": [-5.0, 5.25, 89.9] * u.deg,
            "Vmag": [14.25, 15.5, 0.0],
            "e_Vmag": [0.03, 0.0, 0.05],
            "g'mag": [14.5, 99.99, 16.125],
            "e_g'mag": [0.04, 0.05, -1.0],
            "Bmag": [14.875, -999.0, 17.0],
        }
    )


@pytest.mark.parametrize("form", ["fits", "votable", "csv", "tsv", "ecsv", "parquet", "csv.gz"])
@pytest.mark.filterwarnings("ignore:.*W03")  # astropy's writer dislikes the name g'mag
def test_one_table_in_every_form(tmp_path: Path, form: str) -> None:
    path = tmp_path / "stars.bin"  # the name says nothing
    table = apass_table()
    if form == "csv.gz":
        table.write(tmp_path / "plain", format="ascii.csv")
        path.write_bytes(gzip.compress((tmp_path / "plain").read_bytes()))
    elif form == "tsv":
        table.write(path, format="ascii.tab")
    else:
        table.write(path, format={"csv": "ascii.csv", "ecsv": "ascii.ecsv"}.get(form, form))
    done = imported(path, "APASS")
    v, v_err = column(done, "APASS", "V")
    g, g_err = column(done, "APASS", "g")
    b, b_err = column(done, "APASS", "B")
    np.testing.assert_allclose(done.stars.ra, [10.5, 10.6, 359.9])
    np.testing.assert_allclose(v, [14.25, 15.5, np.nan])
    np.testing.assert_allclose(v_err, np.array([0.03, np.nan, np.nan], np.float32))
    np.testing.assert_allclose(g, [14.5, np.nan, 16.125])
    np.testing.assert_allclose(g_err, np.array([0.04, np.nan, np.nan], np.float32))
    np.testing.assert_allclose(b, [14.875, np.nan, 17.0])
    floor = SURVEYS["APASS"].floor_err
    np.testing.assert_allclose(b_err, np.array([floor, np.nan, floor], np.float32))


def test_vizier_tsv_with_comments_units_and_dashes(tmp_path: Path) -> None:
    path = tmp_path / "asu.tsv"
    path.write_text(
        "#RESOURCE=yCat_2336\n#Name: II/336/apass9\n#Column\tVmag\t(F6.3)\tJohnson V\n"
        "_RAJ2000\t_DEJ2000\trecno\tVmag\te_Vmag\tg'mag\te_g'mag\n"
        "deg\tdeg\t\tmag\tmag\tmag\tmag\n"
        "----------\t----------\t--------\t------\t------\t------\t------\n"
        "135.681570\t+49.745309\t11\t15.837\t 0.069\t16.302\t 0.222\n"
        "135.744601\t+49.740189\t12\t11.404\t 0.022\t      \t      \n"
        "\n#END#\n"
    )
    done = imported(path, "APASS")
    assert done.stars.source_id.tolist() == [11, 12]
    v, err = column(done, "APASS", "V")
    np.testing.assert_allclose(v, np.array([15.837, 11.404], np.float32))
    np.testing.assert_allclose(err, np.array([0.069, 0.022], np.float32))
    assert np.isnan(column(done, "APASS", "g")[0][1])


def test_refcat2_scaled_integers_without_a_header(tmp_path: Path) -> None:
    # one row of the distribution's README (Tonry et al. 2018) and one without g
    row = (
        "28000001672,-1967818581,98,10,114,16,-1460,15,15884,1,16472,10,15137,1,4729,895,2,1234,"
        "50,50,155,16657,10,23,1f,15915,12,41,3f,15578,10,49,0f,15346,12,0,06,0,"
        "14105,36,14105,53,13667,44\n"
    )
    other = row.replace("28000001672", "28000011672").replace(",2,1234,", ",1,1234,")
    path = tmp_path / "280-20.rc2"
    path.write_text(row + other.replace(",16657,10,", ",0,0,"))
    done = imported(path, "REFCAT2")
    assert done.stars.ra[0] == 280.00001672
    assert done.stars.dec[0] == -19.67818581
    assert done.stars.pmra is not None
    assert done.stars.pmdec is not None
    assert done.stars.pmra[0] == np.float32(1.14)
    assert done.stars.pmdec[0] == np.float32(-14.60)
    g, g_err = column(done, "REFCAT2", "g")
    assert (g[0], g_err[0]) == (np.float32(16.657), np.float32(0.010))
    assert np.isnan(g[1])
    z, z_err = column(done, "REFCAT2", "z")
    assert (z[0], z_err[0]) == (np.float32(15.346), np.float32(0.012))
    assert done.stars.flags.tolist() == [0, StarFlag.VARIABLE]
    # the same values as Gaia and 2MASS stars of the file
    gaia = imported(path, "GAIA")
    assert column(gaia, "GAIA", "GBP")[0][0] == np.float32(16.472)


def test_gaia_archive_errors_variables_and_epochs(tmp_path: Path) -> None:
    path = tmp_path / "gaia.csv"
    path.write_text(
        "source_id,ref_epoch,ra,dec,pmra,pmdec,phot_g_mean_mag,phot_g_mean_flux_over_error,"
        "phot_bp_mean_mag,phot_bp_mean_flux_over_error,phot_variable_flag\n"
        "4111834567779557376,2016.0,255.1,-29.2,-1.5,2.5,12.5,108.57362,12.9,1085.7362,VARIABLE\n"
        "4111834567779557377,2015.5,255.1,0.0,3600.0,0.0,13.5,50,null,null,NOT_AVAILABLE\n"
    )
    done = imported(path, "GAIA")
    assert done.stars.source_id.tolist() == [4111834567779557376, 4111834567779557377]
    _, err = column(done, "GAIA", "G")
    np.testing.assert_allclose(err, [0.01, 1.0857362 / 50], rtol=1e-5)
    assert done.stars.flags.tolist() == [StarFlag.VARIABLE, 0]
    assert done.stars.ra[0] == 255.1
    # half a year of 3600 mas/yr later
    assert done.stars.ra[1] == pytest.approx(255.1 + 1.8 / 3600.0, abs=1e-9)


def test_gspc_keeps_only_what_is_measured_thirty_fold(tmp_path: Path) -> None:
    path = tmp_path / "gspc.csv"
    path.write_text(
        "source_id,ra,dec,phot_g_mean_mag,u_jkc_mag,u_jkc_flux,u_jkc_flux_error,"
        "g_sdss_mag,g_sdss_flux,g_sdss_flux_error\n"
        "1,10,10,15.0,16.0,1e-17,5e-19,15.5,1e-28,1e-30\n"
        "2,10.1,10,17.8,18.5,1e-18,1e-20,18.1,1e-29,1e-31\n"
    )
    done = imported(path, "GAIASP")
    _, u_err = column(done, "GAIASP", "U")
    _, g_err = column(done, "GAIASP", "g")
    assert np.isnan(u_err[0])  # flux/error = 20
    np.testing.assert_allclose(g_err, 0.010857362, rtol=1e-5)
    assert done.stars.flags.tolist() == [0, StarFlag.POOR_QUALITY]  # G < 17.65


def test_two_micron_upper_limits_have_no_error(shared_data: Path) -> None:
    path = shared_data / "pairs" / "lco-bulge-2mass" / "2mass.tsv"
    done = imported(path, "2MASS")
    lines = path.read_text().splitlines()
    names = lines[0].split("\t")
    rows = [dict(zip(names, line.split("\t"), strict=False)) for line in lines[1:]]
    assert len(done.stars) == len(rows) == 364
    assert done.stars.source_id.tolist() == [r["2MASS"] for r in rows]
    for k, letter in enumerate("JHK"):
        mag, err = column(done, "2MASS", letter)
        for n, row in enumerate(rows):
            assert mag[n] == np.float32(row[f"{letter}mag"])
            limit = row["Qflg"][k] in "XUF" or not row[f"e_{letter}mag"].strip()
            assert np.isnan(err[n]) if limit else err[n] == np.float32(row[f"e_{letter}mag"])


def test_positions_in_hours_and_sexagesimal(tmp_path: Path) -> None:
    path = tmp_path / "sexagesimal.csv"
    path.write_text(
        "RAJ2000,DEJ2000,Vmag,e_Vmag\n12:30:45.5,-00:30:00,14,0.01\n23 59 59,+89 59 59,15,0.01\n"
    )
    done = imported(path, "APASS")
    expected = SkyCoord(["12h30m45.5s -00d30m00s", "23h59m59s +89d59m59s"])
    np.testing.assert_allclose(done.stars.ra, expected.ra.deg, rtol=1e-12)
    np.testing.assert_allclose(done.stars.dec, expected.dec.deg, rtol=1e-12)


def test_an_unknown_table_names_its_columns_and_the_map(tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    path.write_text("alpha,delta,brightness,sigma\n10,20,14.5,0.02\n11,21,15.5,0.03\n")
    with pytest.raises(CpcsError) as error:
        imported(path, "APASS")
    assert error.value.code == "missing_column"
    assert "alpha, delta, brightness, sigma" in error.value.message
    assert '"ra"' in error.value.hint
    assert "B V g r i" in error.value.hint
    done = imported(
        path, "APASS", {"ra": "alpha", "dec": "delta", "V": "brightness", "V_err": "sigma"}
    )
    np.testing.assert_allclose(column(done, "APASS", "V")[0], [14.5, 15.5])


@pytest.mark.parametrize(
    ("columns", "code", "word"),
    [
        ({"ra": "alpha", "dec": "delta", "V": "magnitude"}, "missing_column", "magnitude"),
        ({"ra": "alpha", "dec": "delta", "Q": "brightness"}, "bad_columns", "Q"),
        ({"ra": "alpha", "dec": "name", "V": "brightness"}, "unreadable", "number"),
    ],
)
def test_wrong_maps_are_sentences(
    tmp_path: Path, columns: dict[str, str], code: str, word: str
) -> None:
    path = tmp_path / "odd.csv"
    path.write_text("alpha,delta,brightness,name\n10,20,14.5,HD 1\n11,21,15.5,HD 2\n")
    with pytest.raises(CpcsError, match=word) as error:
        imported(path, "APASS", columns)
    assert error.value.code == code


@pytest.mark.parametrize(
    "content",
    [b"", b"\n\n", b"SIMPLE  = T", b"PAR1xxxx", b"<?xml version='1.0'?><html/>", b"{]", b"hello\n"],
)
def test_files_that_are_no_tables_are_sentences(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken"
    path.write_bytes(content)
    with pytest.raises(CpcsError) as error:
        imported(path, "GAIA")
    assert error.value.code in {"unreadable", "missing_column"}
    assert str(path) in error.value.message or error.value.code == "missing_column"


def test_column_maps_in_json_and_toml(tmp_path: Path) -> None:
    wanted = {"ra": "RA", "dec": "DEC", "g": "0.001*g_mmag"}
    (tmp_path / "map.json").write_text(json.dumps(wanted))
    (tmp_path / "map.toml").write_text("".join(f'{k} = "{v}"\n' for k, v in wanted.items()))
    assert read_column_map(tmp_path / "map.json") == wanted
    assert read_column_map(tmp_path / "map.toml") == wanted
    (tmp_path / "bad.toml").write_text("ra = 3\n")
    with pytest.raises(CpcsError, match="table of names"):
        read_column_map(tmp_path / "bad.toml")
    table = tmp_path / "t.csv"
    table.write_text("RA,DEC,g_mmag\n1,2,15500\n")
    assert column(imported(table, "PS1", wanted), "PS1", "g")[0][0] == 15.5


def test_an_aavso_sequence_is_one_star_a_row(shared_data: Path) -> None:
    path = shared_data / "pairs" / "feder-eyuma-R" / "aavso_sequence.fits"
    raw = Table.read(path)
    done = imported(path, "USER")
    assert len(done.stars) == len(set(raw["auid"]))
    r, err = column(done, "USER", "R")
    for row in raw[np.char.strip(np.asarray(raw["band"]).astype(str)) == "Rc"]:
        place = done.stars.source_id.tolist().index(str(row["auid"]).strip())
        assert r[place] == np.float32(row["mag"])
        assert err[place] == np.float32(row["error"])


REAL = [
    # file, survey, stars, (letter, first magnitude, its error)
    ("pairs/feder-eyuma-R/apass.ecsv", "APASS", 53, ("V", 15.837, 0.069)),
    ("pairs/feder-eyuma-R/refcat2.ecsv", "REFCAT2", 187, ("r", 18.963, 0.015)),
    ("pairs/lco-fa06-i/refcat2.csv", "REFCAT2", 2752, ("g", 9.506, 0.013)),
    ("pairs/panoptes-cygnus/tycho2.csv", "TYCHO2", 478, ("VT", 9.929, 0.05)),
    ("pairs/panoptes-cygnus/gaia_dr3_g10.csv", "GAIA", 198, ("G", 3.28226, 0.003)),
    ("refcats/ppmxl/test_catalog_subs_PPMXL.dat", "USNO", 737, ("R2pg", 14.32, 0.25)),
    ("refcats/ppmxl/test_catalog_subs_PPMXL.dat", "2MASS", 710, ("J", 9.230, 0.022)),
    ("refcats/refcat2/refcat_all_fields_query_test.dat", "REFCAT2", 980, ("i", 15.372, 0.010)),
    ("refcats/ucac4/test_catalog_subs_UCAC4.dat", "APASS", 590, ("i", 12.511, 0.03)),
    ("refcats/ucac4/test_catalog_subs_UCAC4.dat", "2MASS", 1570, ("H", 12.300, 0.03)),
    ("refcats/nomad/m37_nomad.tsv", "2MASS", 1001, ("K", 15.356, 0.02)),
    ("refcats/landolt/L101_landolt_stetson.cat", "USER", 634, ("I", 12.566, 0.0013)),
    ("refcats/gaia/GAIA-DR1_1334+3754_r46.cat", "GAIA", 4403, ("G", 20.167, 0.01065467)),
    ("refcats/gaia/cosmos_gaia_refCat.parquet", "GAIA", 10278, ("G", 16.55608, 0.00082866)),
    ("refcats/astroquery/gaia_cone_search.json", "GAIA", 50, ("G", 19.761656, 0.00374011)),
    ("refcats/astroquery/ipac_irsa_Cone.xml", "2MASS", 1, ("J", 9.453, 0.052)),
]


@pytest.mark.parametrize(("name", "key", "n", "first"), REAL)
def test_real_exports_need_no_map(
    shared_data: Path, name: str, key: str, n: int, first: tuple[str, float, float]
) -> None:
    done = imported(shared_data / name, key)
    assert len(done.stars) == n
    mag, err = column(done, key, first[0])
    assert mag[0] == pytest.approx(first[1], abs=1e-5)
    assert err[0] == pytest.approx(first[2], abs=1e-6)
    assert ((done.stars.ra >= 0) & (done.stars.ra < 360)).all()


def test_rubin_reference_tables_agree_with_another_gaia_export(shared_data: Path) -> None:
    """Fluxes in nJy and radians against the mean colours of Gaia's main sequence."""
    done = imported(shared_data / "refcats/gaia/cosmos_gaia_refCat.parquet", "GAIA")
    assert 149.0 < done.stars.ra.min() < done.stars.ra.max() < 151.3
    bp, g, rp = (column(done, "GAIA", letter)[0] for letter in ("GBP", "G", "GRP"))
    bright = g < 17
    colour = (bp - rp)[bright]
    # G - GRP of DR3 dwarfs at GBP - GRP = 0.8 is 0.48 +- 0.05 in the Vega system
    near = np.abs(colour - 0.8) < 0.05
    assert np.nanmedian((g - rp)[bright][near]) == pytest.approx(0.48, abs=0.05)


@pytest.mark.parametrize(
    "pair", ["grb210605a-08", "grb210605a-09", "lco-fa06-i", "lco-kb76-w-ldac"]
)
def test_every_map_of_the_pairs_is_understood(shared_data: Path, pair: str) -> None:
    folder = shared_data / "pairs" / pair
    for key, (name, columns) in json.loads((folder / "check.json").read_text())["surveys"].items():
        done = imported(folder / name, key, read_column_map(folder / columns))
        assert len(done.stars) > 200
        assert np.isfinite(done.stars.mag_err).any()
