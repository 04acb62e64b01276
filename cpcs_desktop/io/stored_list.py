"""A measured exposure as text: what a point needs to be calibrated again without its frame.

ECSV, so that any reader of tables can open it; floating-point numbers are written so that they
come back bit for bit.
"""

from __future__ import annotations

import io
import json
from dataclasses import asdict, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.frame import Frame
from cpcs_desktop.datamodel.sources import (
    BlankSky,
    Exposure,
    MagnitudeKind,
    PsfPhotometry,
    SourceCatalog,
)

#: Raised when the layout changes; readers refuse what they do not know.
LAYOUT = 1
_COLUMNS = ("x", "y", "ra", "dec", "flux", "flux_err", "mag_inst", "mag_inst_err", "fwhm", "flags")
_UNITS = {"x": "pix", "y": "pix", "ra": "deg", "dec": "deg", "mag_inst": "mag",
          "mag_inst_err": "mag", "flux": "adu", "flux_err": "adu", "fwhm": "pix"}  # fmt: skip
_KINDS: tuple[MagnitudeKind, ...] = ("AUTO", "APER")
#: The header and the path say nothing to a calibration, and may say much of the observer's disk.
_NOT_KEPT = frozenset({"wcs", "header", "path"})


def stored_list_text(exposure: Exposure) -> str:
    """Return a measured exposure as ECSV text.

    A column that two kinds of magnitude share is written once.
    """
    from astropy.table import Column, Table

    table = Table()
    columns: dict[str, dict[str, str]] = {}
    for kind, catalog in exposure.catalogs.items():
        columns[kind] = {}
        for name in _COLUMNS:
            values = getattr(catalog, name)
            shared = next((c for c in table.colnames if c.partition("__")[0] == name
                           and _equal(np.asarray(table[c]), values)), None)  # fmt: skip
            if shared is None:
                shared = name if name not in table.colnames else f"{name}__{kind}"
                table[shared] = Column(values, unit=_UNITS.get(name))
            columns[kind][name] = shared
    head = {
        "layout": LAYOUT,
        "frame": _frame_words(exposure.frame),
        "missing": sorted(exposure.missing),
        "columns": columns,
        "kinds": {
            kind: {"origin": c.origin, "aperture_diameter_pix": c.aperture_diameter_pix}
            for kind, c in exposure.catalogs.items()
        },
        "blank_sky": _blank_words(exposure.blank_sky),
        "psf": None if exposure.psf is None else asdict(exposure.psf),
    }
    table.meta["cpcs_exposure"] = json.dumps(head)  # one string: nothing to guess for YAML
    text = io.StringIO()
    table.write(text, format="ascii.ecsv")
    return text.getvalue()


def exposure_of_text(text: str) -> Exposure:
    """Return the exposure that was stored.

    Raises
    ------
    CpcsError
        ``bad_stored_list`` when the text is not one of :func:`stored_list_text`.
    """
    from astropy.table import Table

    try:
        table = Table.read(text.splitlines(), format="ascii.ecsv", fill_values=[])
        head = json.loads(table.meta["cpcs_exposure"])
        if head["layout"] != LAYOUT:
            raise CpcsError(
                "bad_stored_list",
                "This source list was stored by a newer version of the program.",
                "Update the program.",
            )
        catalogs = {kind: _catalog(table, head, kind) for kind in _KINDS if kind in head["kinds"]}
        frame = _frame(head["frame"])
        psf = PsfPhotometry(**head["psf"]) if head.get("psf") else None
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise CpcsError(
            "bad_stored_list",
            "The stored source list cannot be read.",
            "Calibrate the frame again.",
        ) from error
    return Exposure(frame, catalogs, _blank_sky(head["blank_sky"]), frozenset(head["missing"]), psf)


def _blank_sky(words: dict[str, Any] | None) -> BlankSky | None:
    if words is None:
        return None
    x, y, flux = (np.array(words[name], dtype=np.float64) for name in ("x", "y", "flux"))
    return BlankSky(x, y, flux, words["aperture_diameter_pix"])


def _equal(a: NDArray[Any], b: NDArray[Any]) -> bool:
    return bool(np.array_equal(a, b, equal_nan=a.dtype.kind == "f"))


def _catalog(table: Any, head: dict[str, Any], kind: MagnitudeKind) -> SourceCatalog:
    arrays: dict[str, Any] = {
        name: np.ascontiguousarray(table[column], dtype=np.int32 if name == "flags" else np.float64)
        for name, column in head["columns"][kind].items()
    }
    return SourceCatalog(**arrays, kind=kind, **head["kinds"][kind])


def _blank_words(blank: BlankSky | None) -> dict[str, Any] | None:
    if blank is None:
        return None
    arrays = {name: getattr(blank, name).tolist() for name in ("x", "y", "flux")}
    return {**arrays, "aperture_diameter_pix": blank.aperture_diameter_pix}


def _frame_words(frame: Frame) -> dict[str, Any]:
    words = {f.name: getattr(frame, f.name) for f in fields(Frame) if f.name not in _NOT_KEPT}
    words["guessed"] = sorted(frame.guessed)
    words["file_name"] = frame.path.replace("\\", "/").rpartition("/")[2]
    words["wcs"] = None if frame.wcs is None else frame.wcs.to_header_string(relax=True)
    return words


def _frame(words: dict[str, Any]) -> Frame:
    header = words.pop("wcs")
    words["path"] = words.pop("file_name")
    words["guessed"] = frozenset(words["guessed"])
    for name in ("shape", "pointing"):
        if words[name] is not None:
            words[name] = tuple(words[name])
    wcs = None
    if header is not None:
        from astropy.io.fits import Header
        from astropy.wcs import WCS

        wcs = WCS(Header.fromstring(header))
        wcs.array_shape = words["shape"]
    return Frame(**words, wcs=wcs)
