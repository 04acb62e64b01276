"""Writing a copy of a frame with a new WCS; the frame itself is never touched."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.io.opening import open_fits

if TYPE_CHECKING:
    from astropy.wcs import WCS

_OLD_WCS = re.compile(
    r"^(WCSAXES|CTYPE[12]|CUNIT[12]|CR(VAL|PIX|DER)[12]|CSYER[12]|CDELT[12]|CD[12]_[12]|PC[12]_[12]|"
    r"CROTA[12]|PV[12]_\d+|LONPOLE|LATPOLE|RADESYS|RADECSYS|EQUINOX|(A|B|AP|BP)_(ORDER|DMAX|\d_\d)|"
    r"WAT[0-2]_\d{3}|PC00[12]00[12])$"
)


def write_with_wcs(
    path: str | os.PathLike[str], hdu: int, wcs: WCS, output: str | os.PathLike[str]
) -> None:
    """Write a copy of a FITS file in which one image has a new WCS.

    Parameters
    ----------
    path : path
        The frame; compressed files are unpacked in the copy unless its name asks otherwise.
    hdu : int
    wcs : astropy.wcs.WCS
    output : path
        Overwritten when it exists; must not be ``path`` itself.

    Raises
    ------
    CpcsError
        ``unwritable``, or as :func:`cpcs_desktop.io.frames.read_frame`.
    """
    target = Path(output)
    if target.exists() and target.samefile(path):
        raise CpcsError(
            "unwritable",
            "The copy would overwrite the frame itself.",
            "Choose another name: frames are never changed.",
        )
    with open_fits(path, scale=False) as hdus:
        header = hdus[hdu].header
        for keyword in [k for k in header if _OLD_WCS.match(k)]:
            header.remove(keyword, ignore_missing=True, remove_all=True)
        header.update(wcs.to_header(relax=True))
        try:
            hdus.writeto(target, overwrite=True, output_verify="fix")
        except OSError as error:
            raise CpcsError(
                "unwritable",
                f"{target.name} cannot be written ({error.strerror or error}).",
                "Choose another place.",
            ) from error
