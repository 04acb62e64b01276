"""The cache as a whole: what goes in, merges, is checked, and goes out again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.table import Table

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.surveys.cache import SurveyCache
from cpcs_desktop.surveys.catalogue import add_stars, open_catalogue
from cpcs_desktop.surveys.coverage import Coverage, cone_coverage
from cpcs_desktop.surveys.partition import PIXEL_ORDER, Pixel
from cpcs_desktop.surveys.reading.import_columns import to_stars
from cpcs_desktop.surveys.reading.read_table import read_table
from cpcs_desktop.surveys.registry import survey

WriteCsv = Callable[..., Path]


@pytest.fixture
def cache(tmp_path: Path) -> SurveyCache:
    return SurveyCache(tmp_path / "cache")


def test_a_missing_folder_is_an_empty_cache(cache: SurveyCache) -> None:
    assert cache.keys() == []
    assert cache.reference_stars("GAIA", 10.0, 10.0, 0.5) is None
    assert cache.covered_fraction("GAIA", 10.0, 10.0, 0.5) == 0.0
    for call in (cache.coverage, cache.verify, cache.remove, cache.release):
        with pytest.raises(CpcsError, match="not in the cache"):
            call("GAIA")
    assert not cache.folder.exists()


def test_covered_and_empty_differs_from_never_fetched(
    cache: SurveyCache, make_sky, write_csv: WriteCsv
) -> None:
    path = write_csv(make_sky(200, 1, (30.0, 10.0), 0.4))
    cache.import_files("GAIA", [path], covers=cone_coverage(30.0, 10.0, 2.0))
    empty = cache.reference_stars("GAIA", 31.5, 10.0, 0.2)
    assert empty is not None
    assert len(empty) == 0
    assert empty.mag.shape == (0, 3)
    assert cache.reference_stars("GAIA", 40.0, 10.0, 0.2) is None
    assert cache.covered_fraction("GAIA", 31.5, 10.0, 0.2) == 1.0
    assert 0.2 < cache.covered_fraction("GAIA", 32.0, 10.0, 0.5) < 0.8
    # a cone that only touches the slice still yields its stars
    edge = cache.reference_stars("GAIA", 30.5, 10.0, 0.4)
    assert edge is not None
    assert 0 < len(edge) < 200


def test_importing_again_makes_no_doubles(
    cache: SurveyCache, make_sky, write_csv: WriteCsv
) -> None:
    sky = make_sky(300, 1, (0.0, 89.9), 0.5)
    cache.import_files("GAIA", [write_csv(sky)])
    cache.import_files("GAIA", [write_csv(sky)])
    changed = sky[:10].copy()
    changed["phot_g_mean_mag"] += 1.0
    cache.import_files("GAIA", [write_csv(changed, "changed.csv")])
    found = cache.reference_stars("GAIA", 0.0, 90.0, 1.0)
    assert found is not None
    assert len(found) == 300
    values = dict(zip(found.source_id.tolist(), found.mag[:, 0].tolist(), strict=True))
    for row in changed:
        assert values[row["source_id"]] == pytest.approx(row["phot_g_mean_mag"], abs=1e-5)
    assert {s.source for s in cache.coverage("GAIA").sources} == {"stars.csv", "changed.csv"}


def test_the_same_stars_with_other_ids_make_no_doubles(
    cache: SurveyCache, make_sky, write_csv: WriteCsv
) -> None:
    sky = make_sky(300, 1, (120.0, 30.0), 0.5)
    cache.import_files("GAIA", [write_csv(sky)])
    sky.remove_column("source_id")
    cache.import_files("GAIA", [write_csv(sky, "without_ids.csv")])
    sky["source_id"] = [f"star {n}" for n in range(300)]
    cache.import_files("GAIA", [write_csv(sky, "names.csv")])
    found = cache.reference_stars("GAIA", 120.0, 30.0, 1.0)
    assert found is not None
    assert len(found) == 300
    assert found.source_id.dtype == np.int64


def test_text_ids_stay_texts(cache: SurveyCache, write_csv: WriteCsv) -> None:
    table = Table({"2MASS": ["0001-01", "0001-02"], "ra": [5.0, 5.1], "dec": [1.0, 1.1]})
    table["Jmag"], table["e_Jmag"] = [10.0, 11.0], [0.02, 0.03]
    cache.import_files("2MASS", [write_csv(table)])
    table["2MASS"] = [7, 8]
    table["ra"] += 0.2
    cache.import_files("2MASS", [write_csv(table, "numbers.csv")])
    found = cache.reference_stars("2MASS", 5.0, 1.0, 1.0)
    assert found is not None
    assert sorted(found.source_id.tolist()) == ["0001-01", "0001-02", "7", "8"]


def test_the_folder_is_a_hats_catalogue(cache: SurveyCache, make_sky, write_csv: WriteCsv) -> None:
    cache.import_files("GAIA", [write_csv(make_sky(2000, 5))])
    folder = cache.folder / "GAIA"
    lines = (folder / "partition_info.csv").read_text().split()
    assert lines[0] == "Norder,Npix"
    total = 0
    for line in lines[1:]:
        pixel = Pixel(*map(int, line.split(",")))
        file = pq.ParquetFile(folder / pixel.path)
        cells = file.read(columns=["_healpix_29"]).column(0).to_numpy()
        assert (np.diff(cells) > 0).all()
        assert ((cells >= pixel.start) & (cells < pixel.end)).all()
        assert file.metadata.row_group(0).column(0).compression == "ZSTD"
        total += len(cells)
    properties = dict(
        line.split("=", 1)
        for line in (folder / "hats.properties").read_text().splitlines()
        if "=" in line
    )
    assert int(properties["hats_nrows"]) == total == 2000
    assert "A&A 674, A1" in properties["obs_bib_reference"]
    names = pq.read_schema(folder / pixel.path).names
    assert names[:6] == ["_healpix_29", "source_id", "ra", "dec", "pmra", "pmdec"]
    assert {"G_mag", "G_mag_err", "flags"} <= set(names)


def test_a_flipped_byte_is_found_and_named(
    cache: SurveyCache, make_sky, write_csv: WriteCsv
) -> None:
    cache.import_files("GAIA", [write_csv(make_sky(3000, 6, (10.0, 0.0), 3.0))])
    assert cache.verify("GAIA") == []
    victim = sorted((cache.folder / "GAIA").glob("**/*.parquet"))[1]
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 4
    victim.write_bytes(content)
    (damage,) = cache.verify("GAIA")
    assert (cache.folder / "GAIA" / damage.file) == victim
    # new stars are not mixed into a damaged pixel
    with pytest.raises(CpcsError, match="damaged"):
        cache.import_files("GAIA", [write_csv(make_sky(3000, 7, (10.0, 0.0), 3.0), "new.csv")])
    victim.unlink()
    assert cache.verify("GAIA")[0].reason == "the file is missing"
    with pytest.raises(CpcsError, match="missing"):
        cache.reference_stars("GAIA", 10.0, 0.0, 3.0)


def test_what_one_program_changes_another_sees(
    make_sky, write_csv: WriteCsv, tmp_path: Path
) -> None:
    one, other = SurveyCache(tmp_path / "cache"), SurveyCache(tmp_path / "cache")
    one.import_files("GAIA", [write_csv(make_sky(100, 1, (10.0, 0.0), 0.5))])
    assert other.reference_stars("GAIA", 10.0, 0.0, 1.0) is not None
    second = make_sky(100, 2, (10.0, 0.0), 0.5)
    second["source_id"] += 1000
    one.import_files("GAIA", [write_csv(second, "second.csv")])
    found = other.reference_stars("GAIA", 10.0, 0.0, 1.0)
    assert found is not None
    assert len(found) == 200
    one.remove("GAIA")
    assert other.keys() == []
    assert other.reference_stars("GAIA", 10.0, 0.0, 1.0) is None


def test_several_files_go_in_together_or_not_at_all(
    cache: SurveyCache, make_sky, write_csv: WriteCsv, tmp_path: Path
) -> None:
    good = write_csv(make_sky(100, 1, (10.0, 0.0), 0.5))
    bad = tmp_path / "bad.csv"
    bad.write_text("a,b\n1,2\n")
    with pytest.raises(CpcsError):
        cache.import_files("GAIA", [good, bad])
    assert cache.keys() == []
    two = write_csv(make_sky(50, 2, (50.0, 0.0), 0.5), "two.csv")
    cache.import_files("GAIA", iter([good, two]))
    assert {s.source: s.stars for s in cache.coverage("GAIA").sources} == {
        "stars.csv": 100,
        "two.csv": 50,
    }


def test_coverage_opens_as_a_moc(cache: SurveyCache, make_sky, write_csv: WriteCsv) -> None:
    from mocpy import MOC

    cache.import_files("GAIA", [write_csv(make_sky(1000, 1, (10.0, 0.0), 2.0))])
    moc = MOC.from_string((cache.folder / "GAIA" / "coverage.moc").read_text())
    summary = cache.coverage("GAIA")
    assert moc.sky_fraction * 129600 / np.pi == pytest.approx(summary.area_deg2)
    assert isinstance(summary.coverage, Coverage)
    assert 3.0 < summary.area_deg2 < 7.0


def test_a_whole_pixel_inside_a_larger_file_is_merged_into_it(tmp_path: Path, make_sky) -> None:
    """As when another program stored the wide file after the pixel was asked for."""
    make_sky(3000, 1).write(tmp_path / "sky.parquet")
    cache = SurveyCache(tmp_path / "cache")
    cache.import_files("GAIA", [tmp_path / "sky.parquet"])
    before = open_catalogue(cache.folder / "GAIA")
    assert before is not None
    assert before.partition.pixels[0].order < PIXEL_ORDER
    inside = Pixel(PIXEL_ORDER, before.partition.pixels[0].start >> (2 * (29 - PIXEL_ORDER)))
    fresh = to_stars(read_table(tmp_path / "sky.parquet"), survey("GAIA")).stars.rows(slice(0, 0))
    add_stars(
        cache.folder / "GAIA", survey("GAIA"), fresh, inside.coverage, [], whole_pixels=(inside,)
    )
    after = open_catalogue(cache.folder / "GAIA")
    assert after is not None
    assert after.partition.pixels == before.partition.pixels
    assert cache.coverage("GAIA").stars == 3000
    assert cache.verify("GAIA") == []
