"""The practice night on disk: lists and slices against the truth, the same bytes for a seed."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table
from click.testing import CliRunner
from scipy.spatial import KDTree

from cpcs_desktop.cli.main import cpcs
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.simulate.night import write_practice_night
from cpcs_desktop.simulate.passbands import SYSTEM_OF_BAND, SYSTEM_OF_SURVEY
from cpcs_desktop.surveys.cache import SurveyCache


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("night")
    write_practice_night(folder, stars=300, seed=5, size=(600, 640), cache=False)
    return folder


def truth_of(folder: Path) -> dict[str, dict[str, float | str | dict[str, float]]]:
    answer: dict[str, dict[str, float | str | dict[str, float]]]
    answer = json.loads((folder / "truth.json").read_text())
    return answer


def near(table: Table, ra: np.ndarray, dec: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance in arcsec to, and row of, the table's nearest position."""
    scale = np.cos(np.radians(np.mean(dec)))
    tree = KDTree(np.column_stack([np.asarray(table["ra"]) * scale, np.asarray(table["dec"])]))
    gap, row = tree.query(np.column_stack([ra * scale, dec]))
    return gap * 3600, row


def test_truth_names_every_file_with_the_contracts_keys(night: Path) -> None:
    truth = truth_of(night)
    on_disk = {
        str(p.relative_to(night)) for kind in ("frames", "lists") for p in (night / kind).iterdir()
    }
    assert set(truth) == on_disk
    for facts in truth.values():
        assert {"event", "ra", "dec", "mjd", "exposure_s", "band", "zero_point", "mag"} <= set(
            facts
        )
        mags = facts["mags"]
        assert isinstance(mags, dict)
        assert set(mags) == set(SYSTEM_OF_BAND)
        assert mags[str(facts["band"])] == facts["mag"]
    assert len({facts["band"] for facts in truth.values()}) > 2
    frames = [facts for name, facts in truth.items() if name.startswith("frames/")]
    in_r = [float(f["mag"]) for f in frames if f["band"] == "SDSS/r"]  # type: ignore[arg-type]
    assert in_r[0] > 23
    assert in_r[1:] == sorted(in_r[1:], reverse=True)


def test_lists_and_slices_meet_at_the_true_zero_point(night: Path) -> None:
    for name in ("practice-02-r", "practice-03-g"):
        facts = truth_of(night)[f"lists/{name}.cat"]
        sources = Table.read(night / "lists" / f"{name}.cat", format="ascii.sextractor")
        stars = Table.read(night / "surveys" / "SDSS.csv", format="ascii.csv")
        gap, row = near(stars, np.array(sources["ALPHA_J2000"]), np.array(sources["DELTA_J2000"]))
        letter = name[-1]
        reference = np.ma.filled(np.ma.asarray(stars[f"{letter}_mag"])[row], np.nan)
        bright = (gap < 1.0) & (np.array(sources["MAGERR_AUTO"]) < 0.025)
        clean = bright & (np.array(sources["FLAGS"]) == 0) & np.isfinite(reference)
        assert clean.sum() > 35
        zero_points = (reference - np.array(sources["MAG_AUTO"]))[clean]
        assert np.median(zero_points) == pytest.approx(facts["zero_point"], abs=0.008)
        assert np.std(zero_points[np.abs(zero_points - np.median(zero_points)) < 0.1]) < 0.03


def test_the_transient_is_in_the_list_once_it_is_bright(night: Path) -> None:
    truth = truth_of(night)
    for name, expected in (("practice-01-r", False), ("practice-08-r", True)):
        facts = truth[f"lists/{name}.cat"]
        sources = Table.read(night / "lists" / f"{name}.cat", format="ascii.sextractor")
        gap = np.hypot(
            (np.array(sources["ALPHA_J2000"]) - facts["ra"]) * np.cos(np.radians(facts["dec"])),
            np.array(sources["DELTA_J2000"]) - facts["dec"],
        )
        assert (gap.min() * 3600 < 0.5) == expected
        if expected:
            mag = sources["MAG_AUTO"][gap.argmin()] + facts["zero_point"]
            error = np.hypot(sources["MAGERR_AUTO"][gap.argmin()], 0.006)
            assert mag == pytest.approx(facts["mag"], abs=4 * error)


def test_the_transient_is_no_reference_star(night: Path) -> None:
    facts = next(iter(truth_of(night).values()))
    for path in (night / "surveys").iterdir():
        stars = Table.read(path, format="ascii.csv")
        gap, _ = near(stars, np.array([facts["ra"]]), np.array([facts["dec"]]))
        assert gap[0] > 4


def test_slices_have_empty_fields_for_absent_values(night: Path) -> None:
    with (night / "surveys" / "SDSS.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert any(row["u_mag"] == "" for row in rows)
    assert not any("nan" in row.values() for row in rows)


def test_same_seed_same_bytes_other_seed_other_sky(tmp_path: Path) -> None:
    options = {"stars": 60, "size": (200, 200), "n_frames": 2, "cache": False}
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        write_practice_night(tmp_path / name, seed=seed, **options)  # type: ignore[arg-type]
    files = [p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*") if p.is_file()]
    assert len(files) > 10
    for file in files:
        first = (tmp_path / "a" / file).read_bytes()
        assert first == (tmp_path / "b" / file).read_bytes(), file
        assert first != (tmp_path / "c" / file).read_bytes() or file.suffix == ".csv", file


def test_one_band_for_all_frames_brings_its_own_survey(tmp_path: Path) -> None:
    write_practice_night(
        tmp_path, band="OGLE3/I", stars=60, size=(200, 200), frames=False, cache=False
    )
    truth = truth_of(tmp_path)
    assert {facts["band"] for facts in truth.values()} == {"OGLE3/I"}
    assert (tmp_path / "surveys" / "OGLE3.csv").is_file()
    assert not (tmp_path / "frames").exists()


def test_unknown_band_or_survey_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CpcsError, match="knows no SDSS/Q"):
        write_practice_night(tmp_path, band="SDSS/Q")
    with pytest.raises(CpcsError, match="knows no NOPE"):
        write_practice_night(tmp_path, surveys=("NOPE",))
    answer = CliRunner().invoke(cpcs, ["simulate", "-o", str(tmp_path), "--band", "SDSS/Q"])
    assert answer.exit_code == 2
    assert "SDSS/Q" in answer.output


def test_the_cache_is_ready_and_holds_the_true_sky(tmp_path: Path) -> None:
    """Slices go through the importer without a map; letters that differ in case stay apart."""
    write_practice_night(
        tmp_path, stars=250, size=(500, 500), n_frames=1, surveys=tuple(SYSTEM_OF_SURVEY)
    )
    facts = next(iter(truth_of(tmp_path).values()))
    cache = SurveyCache(tmp_path / "cache")
    assert set(cache.keys()) == set(SYSTEM_OF_SURVEY)
    for key in ("GAIASP", "SDSS", "USNO", "TYCHO2"):
        stars = cache.reference_stars(key, float(facts["ra"]), float(facts["dec"]), 0.1, 2016.0)  # type: ignore[arg-type]
        assert stars is not None
        sliced = Table.read(tmp_path / "surveys" / f"{key}.csv", format="ascii.csv")
        gap, row = near(sliced, stars.ra, stars.dec)
        assert len(stars) == 0 or gap.max() < 0.5
        for place, letter in enumerate(stars.letters):
            written = np.ma.filled(np.ma.asarray(sliced[f"{letter}_mag"], float), np.nan)[row]
            assert np.allclose(stars.mag[:, place], written, atol=1e-3, equal_nan=True)


def test_a_survey_without_stars_in_the_field_is_left_out(tmp_path: Path) -> None:
    write_practice_night(
        tmp_path, stars=20, size=(100, 100), n_frames=1, surveys=("GAIA", "TYCHO2"), frames=False
    )
    assert {p.stem for p in (tmp_path / "surveys").iterdir()} == {"SDSS", "GAIA"}
    assert set(SurveyCache(tmp_path / "cache").keys()) == {"SDSS", "GAIA"}
