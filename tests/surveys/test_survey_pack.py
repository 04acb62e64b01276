"""Packs for a USB stick: the same stars on the other machine, damage named."""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from cpcs_desktop.cli.main import cpcs
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.surveys.cache import SurveyCache
from cpcs_desktop.surveys.coverage import cone_coverage

FIELDS = [(10.0, 0.0, 0.3), (10.9, 0.2, 0.3), (359.95, 89.9, 0.4)]


@pytest.fixture
def home(tmp_path: Path, make_sky) -> SurveyCache:
    cache = SurveyCache(tmp_path / "home")
    for k, (ra, dec, _) in enumerate(FIELDS):
        sky = make_sky(1500, k, (ra, dec), 1.6)
        sky["source_id"] += k * 10**6
        sky.write(tmp_path / f"{k}.parquet")
    cache.import_files("GAIA", [tmp_path / f"{k}.parquet" for k in range(3)], release="DR3")
    (tmp_path / "apass.csv").write_text("ra,dec,Vmag,e_Vmag\n10,0,12.5,0.01\n10.1,0.1,13.5,0.02\n")
    cache.import_files(
        "APASS", [tmp_path / "apass.csv"], release="DR10", covers=cone_coverage(10.0, 0.0, 1.0)
    )
    return cache


def test_the_telescope_machine_has_the_same_stars(home: SurveyCache, tmp_path: Path) -> None:
    packed = home.pack(tmp_path / "night.tar", FIELDS)
    assert {p.survey for p in packed} == {"APASS", "GAIA"}
    away = SurveyCache(tmp_path / "telescope")
    assert away.unpack(tmp_path / "night.tar") == packed
    assert away.unpack(tmp_path / "night.tar") == packed  # twice is harmless
    for key in ("GAIA", "APASS"):
        assert away.verify(key) == []
        assert away.release(key) == home.release(key)
        for ra, dec, radius in FIELDS:
            here, there = (c.reference_stars(key, ra, dec, radius, 2026.9) for c in (home, away))
            if here is None:
                assert there is None
                continue
            assert there is not None
            np.testing.assert_array_equal(here.source_id, there.source_id)
            np.testing.assert_array_equal(here.ra, there.ra)
            np.testing.assert_array_equal(here.mag, there.mag)
            assert away.covered_fraction(key, ra, dec, radius) == pytest.approx(
                home.covered_fraction(key, ra, dec, radius), abs=1e-6
            )
    # what was covered and empty stays so
    nothing = away.reference_stars("APASS", 10.8, 0.2, 0.05)
    assert nothing is not None
    assert len(nothing) == 0
    # what was not packed is not there
    assert away.reference_stars("GAIA", 10.0, -0.6, 0.05) is None


def test_a_damaged_pack_changes_nothing(home: SurveyCache, tmp_path: Path) -> None:
    stick = tmp_path / "night.tar"
    home.pack(stick, FIELDS)
    with tarfile.open(stick) as tar:
        member = max(tar.getmembers(), key=lambda m: m.size)
        place = member.offset_data + member.size // 2
    whole = stick.read_bytes()
    away = SurveyCache(tmp_path / "telescope")
    stick.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    with pytest.raises(CpcsError, match=member.name.replace("/", ".")) as error:
        away.unpack(stick)
    assert error.value.code == "damaged"
    for broken in (whole[: len(whole) // 2], whole[:700], b"", b"no pack at all" * 100):
        stick.write_bytes(broken)
        with pytest.raises(CpcsError) as error:
            away.unpack(stick)
        assert error.value.code in {"damaged", "unreadable"}
    assert away.keys() == []


def test_nothing_covered_makes_no_pack(home: SurveyCache, tmp_path: Path) -> None:
    with pytest.raises(CpcsError, match="covers any part"):
        home.pack(tmp_path / "night.tar", [(200.0, -50.0, 0.5)])
    assert list(tmp_path.glob("*night*")) == []


def test_pack_and_unpack_on_the_command_line(home: SurveyCache, tmp_path: Path) -> None:
    def run(*words: str) -> str:
        result = CliRunner().invoke(cpcs, ["survey", *words])
        assert result.exit_code == 0, result.output
        return result.stdout

    stick, away = str(tmp_path / "n.tar"), str(tmp_path / "away")
    cones = [w for ra, dec, r in FIELDS for w in ("--cone", f"{ra},{dec},{r}")]
    text = run("pack", stick, *cones, "--survey", "GAIA", "--cache", str(home.folder))
    assert text.startswith("GAIA")
    assert '"survey": "GAIA"' in run("unpack", stick, "--cache", away, "--json")
    assert "all files are as they were written" in run("verify", "--cache", away)
    missing = CliRunner().invoke(cpcs, ["survey", "unpack", "none.tar", "--cache", away])
    assert missing.exit_code == 1
