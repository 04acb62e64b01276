"""A frame without a WCS, or with a wrong one, is solved on its way to the board."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits


def _spoiled(frame: str, folder: Path, how: str) -> str:
    with fits.open(frame) as opened:
        header, pixels = opened[0].header.copy(), opened[0].data
    if how == "none":
        for card in [c for c in header if c[:5] in {"CRVAL", "CRPIX", "CTYPE", "CUNIT", "CDELT"}]:
            del header[card]
        for card in [c for c in header if c[:2] in {"CD", "PC"} and "_" in c]:
            del header[card]
    else:
        header["CRVAL2"] += 0.05
    path = folder / f"{how}.fits"
    fits.writeto(path, pixels, header)
    return str(path)


@pytest.mark.parametrize("how", ["none", "wrong"])
def test_a_frame_that_does_not_know_where_it_lies_is_solved(
    driver: Any, frames: list[str], practice_truth: dict[str, Any], tmp_path: Path, how: str
) -> None:
    right = fits.getheader(frames[1])
    place = (practice_truth["ra"], practice_truth["dec"])
    driver.bridge.use_for_new_rows(practice_truth["event"], place)
    driver.bridge.add([_spoiled(frames[1], tmp_path, how)])
    driver.settle()
    frame = driver.bridge.exposure.frame
    ra, dec = frame.wcs.pixel_to_world_values(right["CRPIX1"] - 1, right["CRPIX2"] - 1)
    apart = np.hypot((ra - right["CRVAL1"]) * np.cos(np.radians(dec)), dec - right["CRVAL2"])
    assert apart * 3600 < 1.0
    assert driver.bridge.calibration is not None
    assert driver.bridge.pixels.frame.wcs is frame.wcs


def test_a_program_that_solves_for_long_does_not_keep_the_window(
    driver: Any, frames: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No survey covers the place: solve-field is asked, and ended when the window is closed."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "solve-field"
    program.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/running\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    driver.bridge.use_for_new_rows(None, (10.0, 10.0))
    driver.bridge.add([_spoiled(frames[1], tmp_path, "none")])
    running = tmp_path / "running"
    driver.qtbot.waitUntil(
        lambda: running.exists() and bool(running.read_text().strip()), timeout=20_000
    )
    start = time.monotonic()
    driver.window.close()
    assert time.monotonic() - start < 5
    state = Path(f"/proc/{running.read_text().strip()}/stat")
    assert not state.exists() or state.read_text().split(") ")[1].startswith("Z")
