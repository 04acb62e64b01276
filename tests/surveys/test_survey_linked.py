"""Published HATS catalogues used where they lie."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from cpcs_desktop.cli.main import cpcs
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.surveys.cache import SurveyCache
from cpcs_desktop.surveys.partition import Pixel
from cpcs_desktop.surveys.star_table import healpix_29

CENTRE = (359.9, 30.0)


def publish(folder: Path, sky, *, index: bool = True, parts: bool = False, old: bool = False):
    """Write a catalogue as an archive would: its own column names, one pixel of order 4."""
    ra, dec = np.asarray(sky["ra"]), np.asarray(sky["dec"])
    cells = healpix_29(ra, dec)
    order = np.argsort(cells)
    columns = {
        "objid": np.asarray(sky["source_id"])[order],
        "alpha": ra[order],
        "delta": dec[order],
        "pm_alpha": np.asarray(sky["pmra"])[order],
        "pm_delta": np.asarray(sky["pmdec"])[order],
        "vmag_milli": (np.asarray(sky["phot_g_mean_mag"])[order] * 1000).astype(np.int32),
        "snr": np.asarray(sky["phot_g_mean_flux_over_error"])[order],
        "unused": np.arange(len(ra)),
        "ep_1900": np.full(len(ra), 1900.0),
    }
    if index:
        columns["_healpix_29"] = cells[order]
    table = pa.table(columns)
    numbers = cells[order] >> (2 * (29 - 4))
    for number in np.unique(numbers):
        part = table.filter(numbers == number)
        path = folder / Pixel(4, int(number)).path.removeprefix("dataset/" if old else "")
        if parts:
            path = path.with_suffix("")
            path.mkdir(parents=True)
            half = part.num_rows // 2
            pq.write_table(part.slice(0, half), path / "part0.parquet", row_group_size=100)
            pq.write_table(part.slice(half), path / "part1.parquet", row_group_size=100)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(part, path, row_group_size=100)
    lines = ["Norder,Npix,num_rows", *(f"4,{n},1" for n in np.unique(numbers))]
    (folder / "partition_info.csv").write_text("\n".join(lines) + "\n")
    (folder / ("properties" if old else "hats.properties")).write_text(
        f"obs_collection=gaia_copy\nhats_nrows={len(ra)}\nhats_creation_date=2025-03-04T05:06UTC\n"
    )


MAP = {
    "source_id": "objid",
    "ra": "alpha",
    "dec": "delta",
    "pmra": "pm_alpha",
    "pmdec": "pm_delta",
    "G": "0.001*vmag_milli",
    "G_err": "1.0857362/snr",
}


@pytest.mark.parametrize(
    "layout", [{}, {"index": False}, {"parts": True}, {"old": True, "index": False}], ids=str
)
def test_the_stars_are_those_of_an_import(tmp_path: Path, make_sky, layout) -> None:
    sky = make_sky(4000, 1, CENTRE, 6.0)
    publish(tmp_path / "archive", sky, **layout)
    linked, imported = SurveyCache(tmp_path / "linked"), SurveyCache(tmp_path / "imported")
    summary = linked.link("GAIA", tmp_path / "archive", MAP)
    assert (summary.stars, summary.release) == (4000, "gaia_copy")
    sky.write(tmp_path / "sky.parquet")
    imported.import_files("GAIA", [tmp_path / "sky.parquet"])
    for ra, dec, radius in [(*CENTRE, 0.7), (0.3, 30.0, 0.4), (*CENTRE, 5.0)]:
        here = linked.reference_stars("GAIA", ra, dec, radius, 2026.5)
        there = imported.reference_stars("GAIA", ra, dec, radius, 2026.5)
        assert here is not None
        assert there is not None
        assert len(here) == len(there) > 20
        np.testing.assert_array_equal(here.source_id, there.source_id)
        np.testing.assert_allclose(here.ra, there.ra, atol=1e-7)  # motions as float32 there
        np.testing.assert_allclose(here.mag[:, 0], there.mag[:, 0], atol=0.0011)
        np.testing.assert_allclose(here.mag_err[:, 0], there.mag_err[:, 0], rtol=1e-5)
    assert linked.reference_stars("GAIA", 100.0, 0.0, 0.5) is None
    assert linked.keys() == ["GAIA"]
    assert linked.verify("GAIA") == []


def test_a_link_is_only_read(tmp_path: Path, make_sky) -> None:
    sky = make_sky(500, 1, CENTRE, 2.0)
    publish(tmp_path / "archive", sky)
    before = {p: p.read_bytes() for p in (tmp_path / "archive").rglob("*") if p.is_file()}
    cache = SurveyCache(tmp_path / "cache")
    cache.link("GAIA", tmp_path / "archive", MAP)
    sky.write(tmp_path / "sky.parquet")
    for change in (
        lambda: cache.import_files("GAIA", [tmp_path / "sky.parquet"]),
        lambda: cache.fetch("GAIA", [(*CENTRE, 0.1)]),
    ):
        with pytest.raises(CpcsError, match="only read"):
            change()
    cache.pack(tmp_path / "night.tar", [(*CENTRE, 0.5)])
    away = SurveyCache(tmp_path / "away")
    away.unpack(tmp_path / "night.tar")
    here, there = (c.reference_stars("GAIA", *CENTRE, 0.5) for c in (cache, away))
    assert here is not None
    assert there is not None
    assert here.source_id.tolist() == there.source_id.tolist()
    cache.remove("GAIA")
    assert cache.keys() == []
    assert before == {p: p.read_bytes() for p in before}


def test_a_disk_that_is_gone_is_a_sentence(tmp_path: Path, make_sky) -> None:
    publish(tmp_path / "archive", make_sky(500, 1, CENTRE, 2.0))
    cache = SurveyCache(tmp_path / "cache")
    cache.link("GAIA", tmp_path / "archive", MAP)
    shutil.rmtree(tmp_path / "archive")
    with pytest.raises(CpcsError, match="HATS") as error:
        SurveyCache(tmp_path / "cache").reference_stars("GAIA", *CENTRE, 0.5)
    assert error.value.code == "unreadable"
    SurveyCache(tmp_path / "cache").remove("GAIA")
    assert cache.keys() == []


def test_our_own_catalogue_can_be_lent_to_another_cache(tmp_path: Path, make_sky) -> None:
    make_sky(800, 1, CENTRE, 2.0).write(tmp_path / "sky.parquet")
    SurveyCache(tmp_path / "dome").import_files("GAIA", [tmp_path / "sky.parquet"])
    (tmp_path / "map.json").write_text(
        json.dumps({"ra": "ra", "dec": "dec", "G": "G_mag", "G_err": "G_mag_err"})
    )
    words = ["survey", "import", "GAIA", str(tmp_path / "dome" / "GAIA"), "--json"]
    words += ["--columns", str(tmp_path / "map.json"), "--cache", str(tmp_path / "mine")]
    result = CliRunner().invoke(cpcs, words)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["in_place"] is True
    found = SurveyCache(tmp_path / "mine").reference_stars("GAIA", *CENTRE, 3.0)
    assert found is not None
    assert len(found) == 800
