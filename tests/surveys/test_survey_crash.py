"""Power cuts, two programs at once, full disks: the cache stays valid."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from astropy.table import vstack

from cpcs_desktop.surveys.cache import SurveyCache
from cpcs_desktop.surveys.transaction import locked
from tests.surveys.tap_server import serving
from tests.surveys.test_survey_linked import publish

DRIVER = Path(__file__).with_name("killed_while_writing.py")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="SIGKILL and fork are of Unix")
@pytest.mark.parametrize(
    ("what", "stride"),
    [("import", "5"), ("unpack", "7"), ("fetch", "17"), ("build", "31"), ("remove", "1")],
)
def test_a_kill_at_any_step_leaves_a_valid_cache_and_the_work_resumes(
    what: str, stride: str, tmp_path: Path, make_sky
) -> None:
    make_sky(200, 1, (10.0, 0.0), 0.6).write(tmp_path / "old.parquet")
    new = make_sky(200, 2, (10.0, 0.0), 0.6)
    new["source_id"] += 10**6
    new.write(tmp_path / "new.parquet")
    SurveyCache(tmp_path / "base").import_files("GAIA", [tmp_path / "old.parquet"])
    other = SurveyCache(tmp_path / "other")
    other.import_files("GAIA", [tmp_path / "new.parquet"])
    other.pack(tmp_path / "new.tar", [(10.0, 0.0, 3.0)])
    moving = make_sky(600, 4, (10.0, 0.0), 2.5)
    moving["pmra"], moving["pmdec"] = 9000.0, -9000.0
    publish(tmp_path / "archive", moving)
    # the service knows the old stars too, and more of them than one pixel holds
    wide = make_sky(900, 3, (10.0, 0.0), 2.5)
    wide["source_id"] += 10**7
    known = vstack([make_sky(200, 1, (10.0, 0.0), 0.6), wide])
    with serving("gaiadr3.gaia_source", known) as server:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", str(DRIVER), str(tmp_path), what, stride, server.url],
            capture_output=True,
            text=True,
            check=False,
            timeout=110,
        )
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout) > 5  # kills that were tried


def test_a_lock_that_is_held_ends_in_a_sentence(tmp_path: Path) -> None:
    program = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from cpcs_desktop.surveys.transaction import locked
        from cpcs_desktop.datamodel.errors import CpcsError
        try:
            with locked(Path(sys.argv[1]), timeout_s=0.1): pass
        except CpcsError as error: print(error.code, error.message)
        """
    )
    with locked(tmp_path / "GAIA"):
        child = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / "GAIA")],
            capture_output=True,
            text=True,
            check=True,
        )
    assert child.stdout.startswith("busy Another program")
