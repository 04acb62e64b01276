"""Every real frame and list opens and extracts, or says in one sentence why not."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.extract import extract_sources
from cpcs_desktop.io.sniff import input_kind
from cpcs_desktop.io.source_lists import read_source_catalog

#: What cannot be measured, and the code of the sentence that says so.
REFUSED = {
    "feder_TIC-367710318-zerodata_fullheader.fit.bz2": "no_noise",
    "swope_test_frame_10x10.fits": "no_noise",
    "c4d_171113_060340_ood_r_ls9.N6.fits": "no_noise",
    "timmi2.fits": "unreadable",
    "ldac_test_catalog_corrupt.fits": "unreadable",
    "wcs.fits": "unreadable",
    "image.cat": "missing_column",
    "image_2014.cat": "missing_column",
    "corr.fits": "missing_column",
    "cfht_2016_NM15_1943989o04_SE.cat": "missing_column",
    "detect.sourceextract": "not_fits",
}


def test_every_real_file(shared_data: Path) -> None:
    opened = 0
    for path in sorted(p for f in ("frames", "sextractor") for p in (shared_data / f).rglob("*")):
        if not path.is_file() or path.suffix == ".md":
            continue
        refusal: CpcsError | None = None
        try:
            kind = input_kind(path)
            exposure = extract_sources(path) if kind == "frame" else read_source_catalog(path)
        except CpcsError as error:
            refusal = error
        if refusal is not None:
            reference = path.name.startswith(("chunk-", "survey-ccds")) or path.suffix == ".csv"
            expected = "missing_column" if reference else REFUSED.get(path.name)
            assert refusal.code == expected, f"{path.name}: {refusal.message}"
            assert refusal.message.endswith(".")
            assert refusal.hint
            continue
        assert path.name not in REFUSED, path.name
        opened += 1
        for catalog in exposure.catalogs.values():
            good = np.isfinite(catalog.mag_inst)
            assert np.isfinite(catalog.flux[good]).all()
            assert not (catalog.mag_inst_err[good] < 0).any(), path.name
    assert opened >= 30
