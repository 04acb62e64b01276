"""A frame without a WCS, or with a wrong one, is solved on its way to the board."""

from __future__ import annotations

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
