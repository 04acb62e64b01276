"""Our catalogues in lsdb and hats, which live in an environment of their own.

``CPCS_LSDB_PYTHON`` names its interpreter: ``python -m venv X && X/bin/pip install lsdb``.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from cpcs_desktop.surveys.cache import SurveyCache
from cpcs_desktop.surveys.coverage import cone_coverage

READER = Path(__file__).with_name("open_in_lsdb.py")


def test_lsdb_finds_a_valid_catalogue_and_the_same_stars(tmp_path: Path, make_sky) -> None:
    interpreter = os.environ.get("CPCS_LSDB_PYTHON")
    if not interpreter:
        pytest.skip("CPCS_LSDB_PYTHON names no interpreter with lsdb")
    cache = SurveyCache(tmp_path / "cache")
    make_sky(5000, 1).write(tmp_path / "sky.parquet")
    cache.import_files("GAIA", [tmp_path / "sky.parquet"])
    (tmp_path / "2mass.csv").write_text("2MASS,ra,dec,Jmag,e_Jmag\nA-1,5,5,10,0.1\nB-2,6,5,9,0.1\n")
    # with a covered and empty corner
    cache.import_files("2MASS", [tmp_path / "2mass.csv"], covers=cone_coverage(5.0, 5.0, 2.0))
    cones = [("GAIA", 0.0, 89.0, 8.0), ("GAIA", 0.0, 0.0, 9.0), ("2MASS", 5.0, 5.0, 0.5)]
    done = subprocess.run(
        [interpreter, str(READER), str(cache.folder), json.dumps(cones)],
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    for (key, ra, dec, radius), answer in zip(cones, answers, strict=True):
        ours = cache.reference_stars(key, ra, dec, radius)
        assert ours is not None
        assert answer == {
            "survey": key,
            "valid": True,
            "ids": sorted(map(str, ours.source_id.tolist())),
        }
        assert answer["ids"]
