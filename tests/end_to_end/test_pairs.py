"""Real lists and frames with real reference stars: what must come out, through the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.table import Table
from click.testing import CliRunner
from scipy.spatial import KDTree

from cpcs_desktop.cli.main import cpcs

NAMES = (
    "feder-eyuma-R",
    "grb210605a-08",
    "grb210605a-09",
    "lco-bulge-2mass",
    "lco-fa06-i",
    "lco-kb76-w-ldac",
    "panoptes-cygnus",
)


def run(*words: str) -> str:
    result = CliRunner().invoke(cpcs, list(words))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def calibrate(pair: Path, cache: Path, **changes: str) -> dict[str, Any]:
    """Import the pair's surveys and calibrate its input; the one line of JSON."""
    check = json.loads((pair / "check.json").read_text())
    for key, (file, columns) in check["surveys"].items():
        mapped = ["--columns", str(pair / columns)] if columns else []
        run("survey", "import", key, str(pair / file), *mapped, "--cache", str(cache))
    words = ["--target", ",".join(str(value) for value in check["target"])]
    for key, option in (
        ("mjd", "--mjd"),
        ("exposure_s", "--exposure"),
        ("match_radius", "--match-radius"),
        ("magnitudes", "--magnitudes"),
    ):
        if key in check:
            words += [option, str(check[key])]
    for option, value in changes.items():
        words += [f"--{option.replace('_', '-')}", value]
    source = str(pair / check["input"])
    answer = run("calibrate", source, *words, "--cache", str(cache), "--json")
    lines = answer.splitlines()
    assert len(lines) == 1
    result: dict[str, Any] = json.loads(lines[0])
    assert result["path"] == source
    return result


@pytest.mark.parametrize("name", NAMES)
def test_pair_meets_its_check(name: str, shared_data: Path, tmp_path: Path) -> None:
    pair = shared_data / "pairs" / name
    expect = json.loads((pair / "check.json").read_text())["expect"]
    result = calibrate(pair, tmp_path / "cache")
    assert result["status"] == "ok"
    fits = {fit["band"]: fit for fit in result["fits"]}
    for band, limits in expect.get("fits", {}).items():
        fit = fits[band]
        assert fit["status"] == "ok", fit["reason"]
        if "zero_point" in limits:
            assert fit["zero_point"] == pytest.approx(limits["zero_point"], abs=limits["tolerance"])
        assert fit["scatter"] <= limits["max_scatter"]
        assert fit["n_matched"] >= limits["min_n"]
    if "band" in expect:
        assert result["band"] == expect["band"], result["choice"]["reason"]
    if "mjd" in expect:
        assert result["mjd"] == pytest.approx(expect["mjd"], abs=1e-4)
        assert result["exposure_s"] == pytest.approx(expect["exposure_s"], abs=0.1)
    if expect.get("checks_not_green"):
        assert any(check["level"] in {"amber", "red"} for check in result["checks"])


def test_two_nights_of_one_field_differ_as_their_zero_points_do(
    shared_data: Path, tmp_path: Path
) -> None:
    """The field's own stars are the same on both nights: a second path to the difference."""
    zero_points, lists = [], []
    for name in ("grb210605a-08", "grb210605a-09"):
        pair = shared_data / "pairs" / name
        result = calibrate(pair, tmp_path / name)
        zero_points.append(result["zero_point"])
        lists.append(Table.read(pair / "sources.cat", format="ascii.sextractor"))
    on_sky = [np.column_stack([0.66 * t["ALPHA_SKY"], t["DELTA_SKY"]]) for t in lists]  # cos(dec)
    gap, row = KDTree(on_sky[1]).query(on_sky[0])
    bright = (gap < 0.5 / 3600) & (lists[0]["MAGERR_AUTO"] < 0.01)
    shift = np.median((lists[0]["MAG_AUTO"] - lists[1]["MAG_AUTO"][row])[bright])
    assert bright.sum() > 200
    assert zero_points[1] - zero_points[0] == pytest.approx(shift, abs=0.01)


def test_the_rr_lyrae_star_varies_and_its_neighbours_do_not_disagree(
    shared_data: Path, tmp_path: Path
) -> None:
    """Every twelfth epoch: two surveys agree on the change of the star along the night."""
    pair = shared_data / "pairs" / "feder-eyuma-R"
    epochs = json.loads((pair / "epochs.json").read_text())
    check = json.loads((pair / "check.json").read_text())
    cache = tmp_path / "cache"
    for key, (file, _) in check["surveys"].items():
        run("survey", "import", key, str(pair / file), "--cache", str(cache))
    curves: dict[str, list[float]] = {"APASS/r": [], "REFCAT2/r": []}
    target = ",".join(str(value) for value in check["target"])
    for entry in epochs[::12]:
        source = pair / "epochs" / Path(entry["file"]).name
        for band, curve in curves.items():
            answer = run(
                *("calibrate", str(source), "--target", target, "--mjd", str(entry["mjd"])),
                *("--exposure", "90", "--force-filter", band, "--cache", str(cache), "--json"),
            )
            result = json.loads(answer)
            assert result["band"] == band
            assert not result["is_limit"]
            curve.append(result["mag"])
    apass, refcat2 = curves.values()
    assert max(apass) - min(apass) > 0.2  # five hours of a 13-hour period
    offsets = [a - b for a, b in zip(apass, refcat2, strict=True)]
    assert max(offsets) - min(offsets) < 0.05
