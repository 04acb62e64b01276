"""The plate solvers of others: the real programs, with an index of our own where one is needed."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table
from click.testing import CliRunner
from scipy.spatial import cKDTree

from cpcs_desktop.astrometry import programs
from cpcs_desktop.cli.main import cpcs
from cpcs_desktop.extract import extract_sources
from cpcs_desktop.io.frames import read_frame

SOLVE_FIELD, INDEXER = shutil.which("solve-field"), shutil.which("build-astrometry-index")
ASTAP = shutil.which("astap_cli") or shutil.which("astap")


def program(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def solve(frame: Path, tmp_path: Path, *more: str) -> dict:
    words = ["solve", str(frame), "--cache", str(tmp_path / "no-surveys"), "--json", *more]
    done = CliRunner().invoke(cpcs, words)
    return json.loads(done.stdout) | {"exit": done.exit_code}


@pytest.mark.skipif(not (SOLVE_FIELD and INDEXER), reason="astrometry.net is not installed")
@pytest.mark.parametrize("where", [["--center", "303.2,46.0", "--scale", "10"], []])
def test_astrometry_net_solves_what_no_survey_covers(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: list[str]
) -> None:
    """With a position, and without any: it needs none."""
    pair = shared_data / "pairs" / "panoptes-cygnus"
    stars = Table.read(pair / "tycho2.csv")
    stars.write(tmp_path / "stars.fits")
    build = [INDEXER, "-i", str(tmp_path / "stars.fits"), "-o", str(tmp_path / "index-1.fits")]
    build += ["-P", "6", "-S", "VTmag", "-A", "ra", "-D", "dec", "-E", "-I", "9001"]
    subprocess.run(build, check=True, capture_output=True)
    (tmp_path / "config").write_text(f"add_path {tmp_path}\nindex index-1.fits\n")
    asked = f'exec {SOLVE_FIELD} --config {tmp_path / "config"} "$@"'
    program(tmp_path / "bin", "solve-field", asked)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    frame = tmp_path / "frame.fits"
    shutil.copy(pair / "unsolved.fits", frame)
    before = hashlib.sha256(frame.read_bytes()).hexdigest()
    copy = tmp_path / "solved.fits"
    answer = solve(frame, tmp_path, "-o", str(copy), *where)
    assert answer["exit"] == 0, answer
    assert answer["survey"] == "solve-field"
    assert answer["n_matched"] > 100
    assert answer["residual_pix"] < 0.3
    assert answer["scale_arcsec"] == pytest.approx(10.31, rel=0.005)
    assert hashlib.sha256(frame.read_bytes()).hexdigest() == before
    wcs, sources = read_frame(copy).wcs, extract_sources(frame).sources()
    assert wcs is not None
    x, y = wcs.all_world2pix(stars["ra"], stars["dec"], 0, quiet=True)
    inside = (x > 5) & (y > 5) & (x < 694) & (y < 694)
    distance, _ = cKDTree(np.c_[sources.x, sources.y]).query(np.c_[x, y][inside])
    assert np.median(distance) < 0.3


@pytest.mark.skipif(not (SOLVE_FIELD and ASTAP), reason="solve-field or ASTAP is not installed")
def test_programs_without_their_catalogues_end_in_a_sentence(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text("cpulimit 5\n")
    asked = f'exec {SOLVE_FIELD} --config {tmp_path / "config"} "$@"'
    program(tmp_path / "bin", "solve-field", asked)
    program(tmp_path / "bin", "astap_cli", f'exec {ASTAP} -d {tmp_path / "bin"} "$@"')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    frame = shared_data / "pairs" / "panoptes-cygnus" / "unsolved.fits"
    answer = solve(frame, tmp_path, "--center", "303.2,46.0")
    assert answer["exit"] == 1
    error = answer["error"]
    assert error["code"] == "no_survey_coverage"
    assert "solve-field (has no index files)" in error["hint"]
    assert "ASTAP (has no star database)" in error["hint"]
    assert error["hint"].endswith(".")


def test_a_program_that_hangs_is_ended_with_its_children(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleeper = f"{sys.executable} -c 'import time; time.sleep(60)' & echo $! > {tmp_path}/child"
    program(tmp_path / "bin", "solve-field", f"{sleeper}\nwait")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin:/usr/bin")
    monkeypatch.setattr(programs, "TIME_LIMIT_S", 1)
    monkeypatch.setattr(programs, "_astap", lambda *_: programs.Attempt("ASTAP", None, "not asked"))
    frame = shared_data / "pairs" / "panoptes-cygnus" / "unsolved.fits"
    start = time.monotonic()
    answer = solve(frame, tmp_path, "--center", "303.2,46.0")
    assert time.monotonic() - start < 15
    assert "solve-field (no solution in 1 s)" in answer["error"]["hint"]
    child = int((tmp_path / "child").read_text())
    for _ in range(50):
        state = Path(f"/proc/{child}/stat")
        if not state.exists() or state.read_text().split(") ")[1].startswith("Z"):
            break
        time.sleep(0.1)
    else:
        pytest.fail("the program's child was left behind")


def test_nothing_installed_is_nothing_said(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    frame = shared_data / "pairs" / "panoptes-cygnus" / "unsolved.fits"
    answer = solve(frame, tmp_path)
    assert answer["error"]["code"] == "no_position"
    assert "Also tried" not in answer["error"]["hint"]
