"""``cpcs event`` without a network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cpcs_desktop.cli.main import cpcs


def run(*words: str, profile: Path) -> Result:
    return CliRunner().invoke(cpcs, [*words, "--profile", str(profile)], catch_exceptions=False)


def test_add_and_list(tmp_path: Path) -> None:
    assert run("event", "list", "--json", profile=tmp_path / "none").stdout == ""
    assert not (tmp_path / "none").exists()
    added = run(
        "event", "add", "ivo://Gaia/x #1", "--ra", "295.00474", "--dec", "-30.13149", "--url",
        "https://example.org/x", "--json", profile=tmp_path,
    )  # fmt: skip
    assert added.exit_code == 0
    line = json.loads(added.stdout)
    assert (line["ra"], line["dec"], line["new"], line["pending"]) == (
        295.00474, -30.13149, True, True,
    )  # fmt: skip
    again = run(
        "event", "add", "ivo://Gaia/x #1", "--ra", "295.00474", "--dec", "-30.13149", "--json",
        profile=tmp_path,
    )  # fmt: skip
    assert json.loads(again.stdout)["new"] is False
    listed = run("event", "list", "--json", profile=tmp_path).stdout.splitlines()
    assert [json.loads(text)["ivorn"] for text in listed] == ["ivo://Gaia/x #1"]
    assert "not on the server yet" in run("event", "list", profile=tmp_path).stdout


@pytest.mark.parametrize(
    ("ra", "dec", "degrees"),
    [
        ("19:40:01.1376", "-30:07:53.364", (295.00474, -30.13149)),
        ("0 0 0", "-0:30:00", (0.0, -0.5)),
        ("359.5", "+90", (359.5, 90.0)),
    ],
)
def test_positions_as_observers_write_them(
    tmp_path: Path, ra: str, dec: str, degrees: tuple[float, float]
) -> None:
    added = run("event", "add", "e", "--ra", ra, "--dec", dec, "--json", profile=tmp_path)
    line = json.loads(added.stdout)
    assert (line["ra"], line["dec"]) == pytest.approx(degrees, abs=1e-9)


def test_wrong_words_and_other_places(tmp_path: Path) -> None:
    assert run("event", "add", "e", "--ra", "x", "--dec", "1", profile=tmp_path).exit_code == 2
    assert run("event", "add", "e", "--ra", "1", "--dec", "95", profile=tmp_path).exit_code == 1
    assert run("event", "add", "e", "--ra", "1", "--dec", "5", profile=tmp_path).exit_code == 0
    other = run("event", "add", "e", "--ra", "1", "--dec", "6", "--json", profile=tmp_path)
    assert other.exit_code == 1
    assert json.loads(other.stdout)["error"]["code"] == "other_position"


def test_sync_without_a_server_is_one_sentence(tmp_path: Path) -> None:
    result = run("event", "sync", profile=tmp_path)
    assert result.exit_code == 1
    assert "No server is set" in result.stderr
