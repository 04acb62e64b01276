"""Exports of light curves, read back by readers that are not ours."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy import units as u
from astropy.coordinates import EarthLocation, SkyCoord
from astropy.io.votable import parse
from astropy.io.votable.ucd import check_ucd
from astropy.table import Table
from astropy.time import Time
from astropy.utils import iers

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.event import Event
from cpcs_desktop.datamodel.point import LightCurve, LightCurvePoint
from cpcs_desktop.io.aavso import AavsoHeader, aavso_filter
from cpcs_desktop.io.light_curve_table import sun_and_barycentre_dates
from cpcs_desktop.io.light_curves import FORMATS, write_light_curve

EVENT = Event("ivo://Gaia/16aye,#1 ☆", 295.00474, 30.13149)


def curve() -> LightCurve:
    """Detections and a limit, parts unknown, names that try to break formats."""

    def one(n: int, **changes: object) -> LightCurvePoint:
        fields = {
            "id": f"00000000-0000-5000-8000-{n:012d}", "revision": n, "kind": "DETECTION",
            "mjd": 57601.123456789 + n, "mag": 15.123456 + n, "mag_err": 0.0123,
            "mag_err_total": 0.0234, "calib_err": 0.05, "band": "APASS/V",
            "observatory": "Ostrowik, 60 cm",
        }  # fmt: skip
        return LightCurvePoint(**(fields | changes))  # type: ignore[arg-type]

    return LightCurve(
        EVENT.ivorn,
        (
            one(1),
            one(2, kind="UPPER_LIMIT", mag_err=None, mag_err_total=None, band="SDSS/r"),
            one(3, mag_err_total=None, calib_err=None, observatory="Šlapák & <Söhne>\n#2"),
            one(4, mag_err_total=1.5, band="GAIA/G"),
            one(5, withdrawn=True),
        ),
    )


def written(file_format: str, tmp_path: Path, event: Event | None = EVENT) -> Path:
    file = tmp_path / f"lc.{file_format}"
    write_light_curve(curve(), file, file_format, event=event, aavso=AavsoHeader("TST01"))
    return file


def test_every_format_also_of_an_empty_curve(tmp_path: Path) -> None:
    for file_format in FORMATS:
        stream = io.BytesIO()
        write_light_curve(LightCurve("x", ()), stream, file_format, event=EVENT)
        assert stream.getvalue()
    with pytest.raises(CpcsError, match="no format"):
        write_light_curve(curve(), tmp_path / "x", "xls")
    with pytest.raises(CpcsError, match="cannot be written"):
        write_light_curve(curve(), tmp_path / "none" / "x", "csv")


def test_votable_read_by_astropy(tmp_path: Path) -> None:
    votable = parse(written("votable", tmp_path), verify="exception")
    assert votable.version == "1.4"
    [resource] = votable.resources
    systems = {t.ID: t for t in resource.time_systems}
    table = votable.get_first_table()
    fields = {f.name: f for f in table.fields}
    assert (systems["time_mjd"].timescale, systems["time_mjd"].timeorigin) == (
        "UTC", "MJD-origin",
    )  # fmt: skip
    assert (systems["time_bjd"].timescale, systems["time_bjd"].refposition) == (
        "TDB", "BARYCENTER",
    )  # fmt: skip
    assert fields["mjd"].ref == "time_mjd"
    assert fields["mag"].unit == u.mag
    for field in table.fields:
        assert check_ucd(field.ucd, check_controlled_vocabulary=True), (field.name, field.ucd)
    for param in table.params:
        assert check_ucd(param.ucd, check_controlled_vocabulary=True), param.name
    rows = table.to_table()
    assert list(rows["mjd"]) == [p.mjd for p in curve().points]
    assert list(rows["mag"]) == [p.mag for p in curve().points]
    assert list(rows["observatory"]) == [p.observatory for p in curve().points]
    assert np.ma.getmaskarray(rows["mag_err"]).tolist() == [False, True, False, False, False]
    assert rows["is_limit"].tolist() == [False, True, False, False, False]


@pytest.mark.skipif(shutil.which("stilts") is None, reason="stilts is not installed")
def test_votable_read_by_stilts(tmp_path: Path) -> None:
    file = written("votable", tmp_path)
    lint = subprocess.run(["stilts", "votlint", str(file)], capture_output=True, text=True,
                          check=False, timeout=100)  # fmt: skip
    assert lint.stdout.strip() == ""
    assert lint.returncode == 0, lint.stderr
    text = subprocess.run(
        ["stilts", "tpipe", f"in={file}", "ofmt=csv", "cmd=keepcols 'mjd mag is_limit'"],
        capture_output=True, text=True, check=True, timeout=100,
    ).stdout  # fmt: skip
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [float(r["mjd"]) for r in rows] == [p.mjd for p in curve().points]
    assert [float(r["mag"]) for r in rows] == [p.mag for p in curve().points]


def test_aavso_field_by_field(tmp_path: Path) -> None:
    """Against the description of the Extended File Format, version 1.2."""
    text = written("aavso", tmp_path).read_bytes().decode("ascii")
    assert text.endswith("\n")
    lines = text.splitlines()
    assert all(lines), "no blank lines"
    words = dict(line[1:].split("=", 1) for line in lines if line.startswith("#") and "=" in line)
    assert words["TYPE"] == "EXTENDED"
    assert words["OBSCODE"] == "TST01"
    assert len(words["SOFTWARE"]) <= 255
    assert (words["DELIM"], words["DATE"], words["OBSTYPE"]) == (",", "JD", "CCD")
    names = next(line for line in lines if line.startswith("#NAME"))[1:].split(",")
    assert len(names) == 15
    rows = [dict(zip(names, line.split(","), strict=True)) for line in lines if line[0] != "#"]
    assert len(rows) == 3, "an error above 1 mag and a withdrawn point are left out"
    limits = {"NAME": 30, "DATE": 16, "MAG": 8, "MERR": 6, "CNAME": 20, "CMAG": 8, "KNAME": 20,
              "KMAG": 8, "AMASS": 7, "GROUP": 5, "CHART": 20}  # fmt: skip
    for row in rows:
        for name, limit in limits.items():
            assert 0 < len(row[name]) <= limit, (name, row[name])
        assert re.fullmatch(r"24\d{5}\.\d+", row["DATE"])
        assert re.fullmatch(r"<?-?\d+\.\d+", row["MAG"])
        assert row["MERR"] == "na" or 0 <= float(row["MERR"]) <= 1
        assert (row["TRANS"], row["MTYPE"], row["CNAME"]) == ("NO", "STD", "ENSEMBLE")
        assert {row[n] for n in ("CMAG", "KNAME", "KMAG", "AMASS", "GROUP", "CHART")} == {"na"}
    first, limit, third = rows
    assert float(first["DATE"]) == pytest.approx(57602.123456789 + 2400000.5, abs=1e-5)
    assert (first["MAG"], first["MERR"], first["FILT"]) == ("16.123", "0.023", "V")
    assert (limit["MAG"][0], limit["MERR"], limit["FILT"]) == ("<", "na", "SR")
    assert third["MERR"] == "0.012"
    assert "APASS/V" in third["NOTES"]


@pytest.mark.parametrize(
    ("band", "code"),
    [("APASS/B", "B"), ("SDSS/R", "R"), ("OGLE3/I", "I"), ("SDSS/u", "SU"), ("PS1/g", "SG"),
     ("PS1/z", "ZS"), ("PS1/y", "Y"), ("2MASS/K", "K"), ("GAIA/GBP", "O"), ("TYCHO2/VT", "O"),
     ("USNO/R1pg", "O"), ("APASS/V", "V")],
)  # fmt: skip
def test_aavso_filters(band: str, code: str) -> None:
    assert aavso_filter(band) == code


def test_tables_read_back(tmp_path: Path) -> None:
    expected = curve().points
    text = written("csv", tmp_path).read_bytes().decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [float(r["mag"]) for r in rows] == [p.mag for p in expected]
    assert [r["observatory"] for r in rows] == [p.observatory for p in expected]
    assert rows[1]["mag_err"] == ""
    assert [r["is_limit"] for r in rows] == ["false", "true", "false", "false", "false"]

    ecsv = Table.read(written("ecsv", tmp_path), format="ascii.ecsv")
    assert list(ecsv["mag"]) == [p.mag for p in expected]
    assert list(ecsv["observatory"]) == [p.observatory.replace("\n", " ") for p in expected]
    assert ecsv["mag"].unit == u.mag
    assert ecsv["mag_err"].mask.tolist() == [False, True, False, False, False]
    assert ecsv.meta["event"] == EVENT.ivorn

    parquet = pq.read_table(written("parquet", tmp_path))
    assert parquet["mjd"].to_pylist() == [p.mjd for p in expected]
    assert parquet["mag_err"].to_pylist()[1] is None
    assert parquet.schema.field("mag").metadata[b"ucd"] == b"phot.mag"

    arrays = json.loads(written("cpcs", tmp_path).read_text(encoding="utf-8"))
    assert arrays["magerr"][:2] == [0.0123, -1.0]
    assert (arrays["catalog"][1], arrays["filter"][1]) == ("SDSS", "r")
    assert {len(v) for n, v in arrays.items() if n != "alert_name"} == {5}


def test_the_archive_of_the_old_server_keeps_its_numbers(shared_data: Path) -> None:
    """What the old server answered goes through the exchange object unchanged."""
    kept = max(
        (json.loads(f.read_text()) for f in sorted((shared_data / "cpcs-archive").glob("*.json"))),
        key=lambda arrays: len(arrays["mjd"]),
    )
    assert -1 in kept["magerr"]
    points = tuple(
        LightCurvePoint(
            id=str(n), revision=1,
            kind="UPPER_LIMIT" if kept["magerr"][n] == -1 else "DETECTION", mjd=kept["mjd"][n],
            mag=kept["mag"][n], mag_err=None if kept["magerr"][n] == -1 else kept["magerr"][n],
            mag_err_total=None, calib_err=kept["caliberr"][n],
            band=f"{kept['catalog'][n]}/{kept['filter'][n]}", observatory=kept["observatory"][n],
        )
        for n in range(len(kept["mjd"]))
    )  # fmt: skip
    stream = io.BytesIO()
    write_light_curve(LightCurve("x", points), stream, "cpcs")
    again = json.loads(stream.getvalue())
    for name in ("mjd", "mag", "magerr", "caliberr", "filter", "catalog", "observatory"):
        assert again[name] == kept[name]


def test_light_travel_time_against_astropy() -> None:
    """HJD and BJD from the geocentre, against astropy's own light travel times."""
    mjd = np.linspace(57000.0, 61000.0, 40)
    with iers.conf.set_temp("auto_download", False), iers.conf.set_temp("auto_max_age", None):
        geocentre = EarthLocation.from_geocentric(0, 0, 0, unit="m")
        times = Time(mjd, format="mjd", scale="utc", location=geocentre)
        star = SkyCoord(EVENT.ra, EVENT.dec, unit="deg")
        assert EVENT.ra is not None
        assert EVENT.dec is not None
        hjd, bjd = sun_and_barycentre_dates(mjd, EVENT.ra, EVENT.dec)
        theirs = (times.tdb + times.light_travel_time(star)).jd
        assert np.abs(bjd - theirs).max() * 86400 < 1e-3
        theirs = times.utc.jd + times.light_travel_time(star, kind="heliocentric").jd
        assert np.abs(hjd - theirs).max() * 86400 < 0.02
