"""Our catalogues in lsdb and hats, which live in an environment of their own.

``make lsdb`` makes one and runs this; ``CPCS_LSDB_PYTHON`` names its interpreter.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from cpcs_desktop.surveys.build import BuildOrder, build
from cpcs_desktop.surveys.cache import SurveyCache
from cpcs_desktop.surveys.coverage import cone_coverage
from cpcs_desktop.surveys.patient_session import Patience
from tests.surveys.tap_server import serving
from tests.surveys.test_survey_linked import CENTRE, MAP, publish

QUICK = Patience(pause_s=0.0)
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
    # fetched, unpacked and built ones, too
    with serving("gaiadr3.gaia_source", make_sky(2000, 2, (10.0, 0.0), 3.0)) as server:
        SurveyCache(tmp_path / "fetched").fetch(
            "GAIA", [(10.0, 0.0, 0.5), (200.0, 50.0, 0.1)], url=server.url, patience=QUICK
        )
    cache.pack(tmp_path / "a.tar", [(0.0, 0.0, 9.0)])
    SurveyCache(tmp_path / "unpacked").unpack(tmp_path / "a.tar")
    publish(tmp_path / "archive", make_sky(3000, 3, CENTRE, 12.0))
    build(BuildOrder("GAIA", str(tmp_path / "archive"), str(tmp_path / "built"), MAP))
    cones = [
        ("cache/GAIA", 0.0, 89.0, 8.0),
        ("cache/GAIA", 0.0, 0.0, 9.0),
        ("cache/2MASS", 5.0, 5.0, 0.5),
        ("fetched/GAIA", 10.0, 0.0, 0.5),
        ("unpacked/GAIA", 0.0, 0.0, 8.0),
        ("built/GAIA", *CENTRE, 2.0),
    ]
    done = subprocess.run(
        [interpreter, str(READER), str(tmp_path), json.dumps(cones)],
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    for (place, ra, dec, radius), answer in zip(cones, answers, strict=True):
        folder, _, key = place.partition("/")
        ours = SurveyCache(tmp_path / folder).reference_stars(key, ra, dec, radius)
        assert ours is not None
        assert answer == {
            "survey": place,
            "valid": True,
            "ids": sorted(map(str, ours.source_id.tolist())),
        }
        assert answer["ids"]
