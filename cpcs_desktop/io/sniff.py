"""Frame or source list: told by content, never by name."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.io.opening import first_bytes, open_fits, unreadable

InputKind = Literal["frame", "list"]
TableFormat = Literal[
    "fits", "sextractor", "ecsv", "votable", "parquet", "daophot", "allstar", "text"
]

_HEAD_SIZE = 1 << 16
_SEXTRACTOR_COLUMN = re.compile(rb"^#\s*\d+\s+[A-Za-z]\w*", re.MULTILINE)
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eEdD][-+]?\d+)?$|(?i:[-+]?(nan|inf))$")


def input_kind(path: str | os.PathLike[str]) -> InputKind:
    """Say whether a file is a frame or a source list.

    Raises
    ------
    CpcsError
        ``unreadable`` for missing, empty or damaged files, ``not_fits`` for other content.
    """
    head = first_bytes(path, _HEAD_SIZE)
    if head.startswith(b"SIMPLE"):
        return _kind_of_fits(path)
    table_format(path, head)
    return "list"


def _kind_of_fits(path: str | os.PathLike[str]) -> InputKind:
    from astropy.io import fits

    with open_fits(path, scale=False) as hdus:
        for hdu in hdus:
            if getattr(hdu, "is_image", False) and len(hdu.shape) >= 2 and 0 not in hdu.shape:
                return "frame"
        if any(isinstance(hdu, fits.BinTableHDU | fits.TableHDU) for hdu in hdus):
            return "list"
    raise unreadable(path, "holds neither an image nor a table")


def table_format(path: str | os.PathLike[str], head: bytes | None = None) -> TableFormat:
    """Say in which of the formats we read a source list is written.

    Raises
    ------
    CpcsError
        ``not_fits`` when it is none of them.
    """
    head = first_bytes(path, _HEAD_SIZE) if head is None else head
    if head.startswith(b"SIMPLE"):
        return "fits"
    if head.startswith(b"PAR1"):
        return "parquet"
    if re.search(rb"<VOTABLE\b", head[:4096]):
        return "votable"
    if head.startswith(b"# %ECSV"):
        return "ecsv"
    if re.search(rb"^#N\s+I(?:D|MAGE)\b", head, re.MULTILINE):
        return "daophot"
    if head.split(maxsplit=3)[:3] == [b"NL", b"NX", b"NY"]:
        return "allstar"
    if _SEXTRACTOR_COLUMN.search(head[:200_000]) and b"\x00" not in head:
        return "sextractor"
    if _looks_like_a_table(head):
        return "text"
    raise CpcsError(
        "not_fits",
        f"{Path(path).name} is neither a FITS file nor a source list.",
        "Give a reduced FITS frame or a list with positions and magnitudes.",
    )


def _looks_like_a_table(head: bytes) -> bool:
    """Say whether rows of numbers stand below each other, after at most one line of names."""
    if b"\x00" in head:
        return False
    lines = head.decode("utf-8", errors="replace").splitlines()
    if len(head) == _HEAD_SIZE:
        lines = lines[:-1]  # cut in the middle
    rows = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    for first in (0, 1):
        sample = [re.split(r"[,;\t|\s]+", row.strip()) for row in rows[first : first + 5]]
        if sample and len({len(row) for row in sample}) == 1 and len(sample[0]) >= 3:
            cells = [cell.strip('"') for row in sample for cell in row]
            if sum(bool(_NUMBER.match(cell)) for cell in cells) >= 0.5 * len(cells):
                return True
    return False
