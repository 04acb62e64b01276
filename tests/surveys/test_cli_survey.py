"""``cpcs survey`` as an observer and another program use it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cpcs_desktop.cli.main import cpcs


@pytest.fixture
def run(tmp_path: Path):
    def call(*words: str) -> Result:
        return CliRunner().invoke(cpcs, ["survey", *words, "--cache", str(tmp_path / "cache")])

    return call


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    path = tmp_path / "apass.csv"
    path.write_text(
        "ra,dec,Vmag,e_Vmag,Bmag,e_Bmag\n"
        "100.0,20.0,14.25,0.01,15.25,0.02\n"
        "100.1,20.1,13.125,0.02,99,0.1\n"
    )
    return path


def lines(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_import_list_stars_coverage_remove(run, csv: Path) -> None:
    result = run("import", "APASS", str(csv), "--json")
    assert result.exit_code == 0, result.output
    (done,) = lines(result)
    assert (done["path"], done["status"], done["stars"]) == (str(csv), "ok", 2)
    listed = {line["survey"]: line for line in lines(run("list", "--json"))}
    assert len(listed) == 13
    assert listed["APASS"]["cached"] is True
    assert listed["APASS"]["stars"] == 2
    assert listed["APASS"]["release"] == "DR9"
    assert listed["GAIA"]["cached"] is False
    assert all(line["citation"] and line["licence"] for line in listed.values())
    assert f"from {csv.name} (20" in run("list").stdout
    found = lines(run("stars", "APASS", "--cone", "100.05,20.05,0.2", "--json"))
    assert len(found) == 2
    by_ra = {line["ra"]: line for line in found}
    assert by_ra[100.0]["mag"] == {"B": 15.25, "V": 14.25}
    assert by_ra[100.0]["mag_err"] == {"B": 0.02, "V": 0.01}
    assert by_ra[100.1]["mag"] == {"V": 13.125}
    (covered,) = lines(run("coverage", "APASS", "--cone", "100.0,20.0,0.001", "--json"))
    assert covered["cone"]["fraction"] == 1.0
    assert covered["moc"]
    assert lines(run("verify", "--json")) == [{"survey": "APASS", "status": "ok", "damaged": []}]
    assert run("remove", "APASS").exit_code == 0
    assert lines(run("coverage", "--json")) == []


def test_the_rest_goes_on_when_one_file_fails(run, csv: Path, tmp_path: Path) -> None:
    result = run("import", "APASS", "missing.csv", str(csv), "--json")
    assert result.exit_code == 1
    first, second = lines(result)
    assert first["error"]["code"] == "unreadable"
    assert second["stars"] == 2


def test_a_map_and_a_release(run, tmp_path: Path) -> None:
    table, columns = tmp_path / "t.csv", tmp_path / "map.json"
    table.write_text("x,y,m\n10,20,15.5\n")
    refused = run("import", "APASS", str(table), "--json")
    assert refused.exit_code == 1
    assert lines(refused)[0]["error"]["code"] == "missing_column"
    columns.write_text('{"ra": "x", "dec": "y", "V": "m"}')
    done = run("import", "APASS", str(table), "--columns", str(columns), "--release", "DR10")
    assert done.exit_code == 0, done.output
    listed = {line["survey"]: line for line in lines(run("list", "--json"))}
    assert listed["APASS"]["release"] == "DR10"


@pytest.mark.parametrize(
    "words",
    [("stars", "GAIA", "--cone", "1,2,0.1"), ("coverage", "GAIA"), ("remove", "GAIA"),
     ("import", "NOMAD", "x.csv"), ("verify", "GAIA")],
)  # fmt: skip
def test_known_failures_are_one_sentence_and_status_1(run, words: tuple[str, ...]) -> None:
    result = run(*words)
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    assert 20 < len(result.stderr) < 400


@pytest.mark.parametrize("cone", ["1,2", "1,2,x", "1,95,1", "1,2,0", "1,2,400"])
def test_nonsense_cones_are_wrong_usage(run, cone: str) -> None:
    assert run("stars", "GAIA", "--cone", cone).exit_code == 2


def test_words_for_people(run, csv: Path) -> None:
    run("import", "APASS", str(csv))
    text = run("list").stdout
    assert "2 stars" in text
    assert "not cached" in text
    assert "all files are as they were written" in run("verify").stdout
    assert "14.25" in run("stars", "APASS", "--cone", "100,20,0.05").stdout
    assert "100 % of the cone, 1 stars" in run("coverage", "--cone", "100,20,0.001").stdout
