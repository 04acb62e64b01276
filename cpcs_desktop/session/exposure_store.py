"""Measured exposures on disk, so that a reopened night needs no second extraction."""

from __future__ import annotations

import io
import json
import os
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from cpcs_desktop.datamodel.frame import Frame
from cpcs_desktop.datamodel.sources import BlankSky, Exposure, MagnitudeKind, SourceCatalog

#: Part of the file name: another layout is simply not found, and the frame is measured again.
_LAYOUT = 1
_COLUMNS = ("x", "y", "ra", "dec", "flux", "flux_err", "mag_inst", "mag_inst_err", "fwhm", "flags")
_KINDS: tuple[MagnitudeKind, ...] = ("AUTO", "APER")


class ExposureStore:
    """One ``.npz`` per frame; a cache, never the only copy of anything.

    Safe to use from several threads and programs: files are written aside and renamed.

    Parameters
    ----------
    folder : Path
    digest : str
        Of the extraction settings; other settings are other files.
    """

    def __init__(self, folder: Path, digest: str) -> None:
        self._folder = folder
        self._digest = digest

    def _file(self, frame_id: str) -> Path:
        return self._folder / f"{frame_id.replace(':', '-')}-{self._digest}-{_LAYOUT}.npz"

    def get(self, frame_id: str, path: str) -> Exposure | None:
        """Return the exposure of a frame that now lies at ``path``; None when not kept."""
        try:
            blob = self._file(frame_id).read_bytes()
        except FileNotFoundError:
            return None
        with np.load(io.BytesIO(blob), allow_pickle=False) as kept:
            return _exposure({name: kept[name] for name in kept.files}, path)

    def put(self, exposure: Exposure) -> None:
        """Keep an exposure."""
        file = self._file(exposure.frame.id)
        file.parent.mkdir(parents=True, exist_ok=True)
        aside = file.with_suffix(f".{os.getpid()}.tmp")
        with aside.open("wb") as stream:
            np.savez_compressed(stream, allow_pickle=False, **_arrays(exposure))
        aside.replace(file)


def _arrays(exposure: Exposure) -> dict[str, Any]:
    described = {f.name: getattr(exposure.frame, f.name) for f in fields(Frame) if f.name != "wcs"}
    described["guessed"] = sorted(exposure.frame.guessed)
    wcs = exposure.frame.wcs
    head: dict[str, Any] = {
        "frame": described,
        "wcs": None if wcs is None else wcs.to_header_string(relax=True),
        "missing": sorted(exposure.missing),
        "kinds": {
            kind: {"origin": c.origin, "aperture_diameter_pix": c.aperture_diameter_pix}
            for kind, c in exposure.catalogs.items()
        },
    }
    arrays: dict[str, Any] = {
        f"{kind}_{column}": getattr(catalog, column)
        for kind, catalog in exposure.catalogs.items()
        for column in _COLUMNS
    }
    blank = exposure.blank_sky
    if blank is not None:
        head["blank_sky"] = blank.aperture_diameter_pix
        arrays |= {f"blank_{name}": getattr(blank, name) for name in ("x", "y", "flux")}
    arrays["head"] = np.frombuffer(json.dumps(head).encode(), dtype=np.uint8)
    return arrays


def _exposure(arrays: dict[str, Any], path: str) -> Exposure:
    head = json.loads(arrays["head"].tobytes())
    described = head["frame"]
    for name in ("shape", "pointing"):
        if described[name] is not None:
            described[name] = tuple(described[name])
    described |= {
        "path": path,
        "guessed": frozenset(described["guessed"]),
        "header": tuple((k, v, c) for k, v, c in described["header"]),
    }
    wcs = None
    if head["wcs"] is not None:
        from astropy.io.fits import Header
        from astropy.wcs import WCS

        wcs = WCS(Header.fromstring(head["wcs"]))
        wcs.array_shape = described["shape"]
    blank = None
    if "blank_sky" in head:
        blank = BlankSky(
            arrays["blank_x"], arrays["blank_y"], arrays["blank_flux"], head["blank_sky"]
        )
    catalogs = {
        kind: SourceCatalog(
            **{column: arrays[f"{kind}_{column}"] for column in _COLUMNS},
            kind=kind,
            **head["kinds"][kind],
        )
        for kind in _KINDS
        if kind in head["kinds"]
    }
    return Exposure(Frame(**described, wcs=wcs), catalogs, blank, frozenset(head["missing"]))
