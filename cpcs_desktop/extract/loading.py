"""Any input, frame or list, to an exposure; light enough for a child that does nothing else."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cpcs_desktop.datamodel.settings import ExtractionSettings
from cpcs_desktop.datamodel.sources import Exposure
from cpcs_desktop.extract.sources import extract_sources

if TYPE_CHECKING:
    from cpcs_desktop.io.reading import Reading


def load_exposure(
    path: str | os.PathLike[str],
    *,
    hdu: int | None = None,
    extraction: ExtractionSettings | None = None,
    reading: Reading | None = None,
) -> Exposure:
    """Read a source list, or extract the sources of a frame, in this process.

    ``reading`` is what the observer knows better than the file.

    Raises
    ------
    CpcsError
        ``unreadable``, ``not_fits``, ``missing_column`` and what extraction says.
    """
    from cpcs_desktop.io.sniff import input_kind

    if input_kind(path) == "list":
        from cpcs_desktop.io.source_lists import read_source_catalog

        return read_source_catalog(path, reading=reading)
    camera = None if reading is None else reading.camera_of(path, hdu)
    return extract_sources(path, hdu, extraction or ExtractionSettings(), camera)
