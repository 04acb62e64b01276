"""What is typed on the command line becomes inputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from astropy.io import fits

from cpcs_desktop.batch.inputs import expand_inputs


def test_each_image_of_a_file_is_an_input(tmp_path: Path) -> None:
    sky = np.random.default_rng(1).normal(100, 3, (40, 50)).astype(np.float32)
    images = [fits.ImageHDU(sky, name=name) for name in ("SCI", "BPM", "SCI", "ERR")]
    path = tmp_path / "mef.fits"
    fits.HDUList([fits.PrimaryHDU(), *images]).writeto(path)
    found = list(expand_inputs([f"{path}[each]", f"{path}[2]", str(path)]))
    assert [(i.typed, i.hdu) for i in found] == [
        (f"{path}[1]", 1),
        (f"{path}[3]", 3),
        (f"{path}[2]", 2),
        (str(path), None),
    ]
    assert {i.file for i in found} == {path}


def test_each_of_what_is_no_file_is_one_failed_input(tmp_path: Path) -> None:
    (missing,) = expand_inputs([f"{tmp_path}/none.fits[each]"])
    assert missing.error is not None
    assert missing.error.code == "unreadable"
    table = fits.BinTableHDU.from_columns([fits.Column("X", "D", array=[1.0])])
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(tmp_path / "table.fits")
    (one,) = expand_inputs([f"{tmp_path}/table.fits[each]"])
    assert one.error is None  # the reader says that it is a list
