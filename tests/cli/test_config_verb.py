"""``cpcs config``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cpcs_desktop.cli.main import cpcs
from cpcs_desktop.profile import open_profile
from cpcs_desktop.settings import load_settings


def run(*words: str, profile: Path) -> Result:
    return CliRunner().invoke(
        cpcs, ["config", *words, "--profile", str(profile)], catch_exceptions=False
    )


def test_get_set_and_path(tmp_path: Path) -> None:
    assert run("path", profile=tmp_path).stdout.strip() == str(tmp_path / "settings.toml")
    assert run("get", "server_url", profile=tmp_path).stdout == "\n"
    for words in (
        ["observatory.name", "Ostrowik"],
        ["observatory.latitude", "52.1"],
        ["observers", "A. One", "B. Two"],
        ["match_radius_arcsec", "4"],
        ["cameras.CCD1.gain", "1.5"],
    ):
        assert run("set", *words, profile=tmp_path).exit_code == 0
    settings = load_settings(open_profile(tmp_path))
    assert settings.observatory.name == "Ostrowik"
    assert settings.observers == ("A. One", "B. Two")
    assert settings.cameras["CCD1"].gain == 1.5
    assert run("get", "match_radius_arcsec", profile=tmp_path).stdout == "4.0\n"
    assert run("get", "observers", profile=tmp_path).stdout == "A. One\nB. Two\n"
    everything = json.loads(run("get", "--json", profile=tmp_path).stdout)
    assert everything["observatory"]["latitude"] == 52.1
    assert "Ostrowik" in run("get", profile=tmp_path).stdout
    assert run("set", "observatory.name", profile=tmp_path).exit_code == 0
    assert load_settings(open_profile(tmp_path)).observatory.name is None


@pytest.mark.parametrize(
    "words",
    [["set", "nonsense", "1"], ["set", "theme", "pink"], ["get", "observatory.moon"],
     ["set", "theme.colour", "1"], ["set", "theme", "dark", "light"]],
)  # fmt: skip
def test_mistakes_are_named_and_change_nothing(tmp_path: Path, words: list[str]) -> None:
    run("set", "theme", "light", profile=tmp_path)
    before = (tmp_path / "settings.toml").read_bytes()
    result = run(*words, "--json", profile=tmp_path)
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"]["code"] == "bad_setting"
    assert (tmp_path / "settings.toml").read_bytes() == before


def test_the_environment_is_not_written_into_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CPCS_SERVER_URL", "http://from.environment")
    assert "from.environment" in run("get", "server_url", profile=tmp_path).stdout
    run("set", "theme", "night", profile=tmp_path)
    assert "from.environment" not in (tmp_path / "settings.toml").read_text()
