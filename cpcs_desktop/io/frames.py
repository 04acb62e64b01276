"""Reading FITS frames: what is known of the exposure, and its pixels."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.frame import Frame
from cpcs_desktop.io.celestial import celestial_wcs, pixel_scale_arcsec
from cpcs_desktop.io.header_cards import as_number, card_value, header_rows
from cpcs_desktop.io.header_values import header_values
from cpcs_desktop.io.opening import file_sha256, open_fits, unreadable

if TYPE_CHECKING:
    from astropy.io.fits import HDUList, Header

    from cpcs_desktop.settings import CameraSettings

#: Extensions that hold something else than the sky.
_NOT_SKY = ("MASK", "BPM", "WEIGHT", "WHT", "ERR", "DQ", "VAR", "UNCERT", "EXPMAP", "BKG", "RMS")
#: Frames above this many pixels are refused before memory is asked for.
PIXEL_LIMIT = 1 << 29
#: Pixels beyond this are SExtractor's "nothing here", or damage; sums of them would overflow.
LARGEST_VALUE = np.float32(1e30)
#: Keywords of the file's structure are not inherited from the primary header.
_STRUCTURE = ("SIMPLE", "BITPIX", "NAXIS", "EXTEND", "BZERO", "BSCALE", "BLANK", "PCOUNT", "GCOUNT")


@dataclass(frozen=True)
class ImageHdu:
    """One image of a file: number and name of its HDU, rows and columns, and whether of the sky."""

    number: int
    name: str
    shape: tuple[int, int]
    is_sky: bool


def image_hdus(path: str | os.PathLike[str]) -> tuple[ImageHdu, ...]:
    """Return all two-dimensional images of a file, masks and weights too.

    Raises
    ------
    CpcsError
        ``unreadable`` or ``not_fits``.
    """
    with open_fits(path) as hdus:
        return tuple(
            ImageHdu(n, str(hdu.name), shape, _is_sky(hdu))
            for n, hdu in enumerate(hdus)
            if (shape := image_shape(hdu)) is not None
        )


def _is_sky(hdu: Any) -> bool:
    return not str(hdu.name).upper().startswith(_NOT_SKY)


def read_frame(
    path: str | os.PathLike[str],
    hdu: int | None = None,
    camera: CameraSettings | None = None,
    sha256: str | None = None,
) -> Frame:
    """Read what is known of a frame without touching its pixels.

    Parameters
    ----------
    path : path
        Plain, .gz, .bz2, .xz or fpacked FITS.
    hdu : int, optional
        Number of the image's HDU; default the first image of the sky.
    camera : CameraSettings, optional
        The observer's numbers and keywords for this camera; they win over the header.
    sha256 : str, optional
        Of the file, for callers that know it or find it out meanwhile.

    Returns
    -------
    Frame
        Fields the header does not tell are None; concluded ones are named in ``guessed``.

    Raises
    ------
    CpcsError
        ``unreadable``, ``not_fits``, or ``unreadable`` when there is no such image.
    """
    sha256 = file_sha256(path) if sha256 is None else sha256
    with open_fits(path) as hdus:
        number = choose_hdu(path, hdus, hdu)
        shape = image_shape(hdus[number])
        header = inherited_header(hdus, number)
        values = header_values(header, camera)
        wcs = celestial_wcs(header, shape)
        scale = pixel_scale_arcsec(wcs) if wcs is not None else values.pixel_scale_arcsec
        guessed = values.guessed - ({"pixel_scale_arcsec"} if wcs is not None else set())
        return Frame(
            sha256=sha256,
            hdu=number,
            path=os.fspath(path),
            kind="frame",
            mjd=values.mjd,
            exposure_s=values.exposure_s,
            filter_header=values.filter_header,
            gain=values.gain,
            saturation=values.saturation,
            read_noise=values.read_noise,
            wcs=wcs,
            shape=shape,
            pixel_scale_arcsec=scale,
            airmass=values.airmass,
            telescope=values.telescope,
            instrument=values.instrument,
            object_name=values.object_name,
            pointing=values.pointing,
            guessed=guessed,
            header=header_rows(header),
        )


def instrument_of(path: str | os.PathLike[str], hdu: int | None = None) -> str | None:
    """Return how a frame's header names its instrument, None when it does not.

    Errors as :func:`read_frame`; the file's content is not read for it.
    """
    with open_fits(path) as hdus:
        header = inherited_header(hdus, choose_hdu(path, hdus, hdu))
        return header_values(header).instrument


WHOLE = (slice(None), slice(None))


def read_pixels(
    path: str | os.PathLike[str], hdu: int, cut: tuple[slice, slice] = WHOLE
) -> NDArray[np.float32]:
    """Return the pixels of one image, float32 in native byte order, with one copy.

    Parameters
    ----------
    path : path
    hdu : int
        As in ``Frame.hdu``.
    cut : (slice, slice)
        Rows and columns; of an uncompressed file only these are read.

    Returns
    -------
    ndarray of float32, shape (ny, nx)
        ADU; BLANK, absurdly large and undefined pixels are NaN.

    Raises
    ------
    CpcsError
        ``unreadable`` when the pixels are missing or damaged.
    """
    from astropy.io import fits

    with open_fits(path, scale=False) as hdus:
        image = hdus[choose_hdu(path, hdus, hdu)]
        shape = image_shape(image)
        if shape is None:
            raise unreadable(path, f"has no image in HDU {hdu}")
        if isinstance(image, fits.CompImageHDU):
            if image.compression_type == "HCOMPRESS_1":
                _check_hcompress(path, hdu)
            with open_fits(path) as scaled:  # astropy scales tiles itself
                return _as_pixels(_unpacked_tiles(path, scaled[hdu]), shape, cut)
        pixels = _as_pixels(image.data, shape, cut, blank=_blank(image.header))
        scale = as_number(card_value(image.header, "BSCALE"))
        zero = as_number(card_value(image.header, "BZERO"))
        if scale not in {None, 1.0}:
            pixels *= np.float32(scale)
        if zero not in {None, 0.0}:
            pixels += np.float32(zero)
        return pixels


def _unpacked_tiles(path: str | os.PathLike[str], image: Any) -> Any:
    try:
        return image.data
    except Exception as error:  # the codecs raise an exception of their own, derived from none
        raise unreadable(path, "is damaged: its tiles cannot be unpacked") from error


def _check_hcompress(path: str | os.PathLike[str], hdu: int) -> None:
    """Refuse tiles that claim more pixels than they have room for: the codec would write on.

    Each begins with two bytes of its own, then rows and columns as 32-bit integers.
    """
    with open_fits(path, packed_tiles=True) as hdus:
        header, tiles = hdus[hdu].header, hdus[hdu].data["COMPRESSED_DATA"]
        columns, rows = int(header["ZNAXIS1"]), int(header["ZNAXIS2"])
        width, height = int(header.get("ZTILE1", columns)), int(header.get("ZTILE2", 1))
        if width < 1 or height < 1:
            raise unreadable(path, "is damaged: its tiles have no size")
        across = math.ceil(columns / width)
        for number in range(len(tiles)):
            packed = bytes(tiles[number][:10])
            if len(packed) < 10:
                continue  # stored otherwise
            place_y, place_x = divmod(number, across)
            room = min(width, columns - place_x * width) * min(height, rows - place_y * height)
            claims = [int.from_bytes(packed[at : at + 4], "big", signed=True) for at in (2, 6)]
            if min(claims) < 0 or claims[0] * claims[1] > room:
                raise unreadable(path, "is damaged: its tiles cannot be unpacked")


def _blank(header: Header) -> int | None:
    blank = as_number(card_value(header, "BLANK"))
    return None if blank is None else int(blank)


def _as_pixels(
    stored: Any, shape: tuple[int, int], cut: tuple[slice, slice], blank: int | None = None
) -> NDArray[np.float32]:
    """Convert to float32 in one pass, whatever the byte order."""
    stored = np.asarray(stored).reshape(shape)[cut]
    pixels = np.empty(stored.shape, dtype=np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        np.copyto(pixels, stored, casting="unsafe")
    if stored.dtype.kind == "f":
        # a NaN among them makes both ends NaN
        low, high = (end(initial=0.0) for end in (pixels.min, pixels.max))
        if not (low > -LARGEST_VALUE and high < LARGEST_VALUE):
            pixels[~((pixels > -LARGEST_VALUE) & (pixels < LARGEST_VALUE))] = np.nan
    elif blank is not None:
        pixels[stored == blank] = np.nan
    return pixels


def image_shape(hdu: Any) -> tuple[int, int] | None:
    """Return rows and columns when an HDU holds a two-dimensional image, else None.

    Axes of length 1 do not count.
    """
    from astropy.io import fits

    if not isinstance(hdu, fits.PrimaryHDU | fits.ImageHDU | fits.CompImageHDU):
        return None
    axes = [n for n in hdu.shape if n != 1]
    return (axes[0], axes[1]) if len(axes) == 2 and min(axes) > 1 else None


def choose_hdu(path: str | os.PathLike[str], hdus: HDUList, wanted: int | None) -> int:
    """Return the HDU to measure: the one asked for, or the first image of the sky.

    Raises
    ------
    CpcsError
        ``unreadable`` with the images there are, when there is none or not the one asked for.
    """
    images = [n for n in range(len(hdus)) if image_shape(hdus[n]) is not None]
    if wanted is not None:
        if wanted not in images:
            raise CpcsError(
                "unreadable",
                f"{Path(path).name} has no image in HDU {wanted}.",
                f"Images are in HDU {', '.join(map(str, images)) or 'none'}.",
            )
        chosen = wanted
    elif images:
        sky = [n for n in images if _is_sky(hdus[n])]
        chosen = (sky or images)[0]
    else:
        cube = next((h for h in hdus if getattr(h, "is_image", False) and len(h.shape) > 2), None)
        if cube is not None:
            planes = math.prod(cube.shape[:-2])
            raise unreadable(
                path,
                f"is a cube of {planes} planes, not one image",
                "Save the plane to be measured as an image of its own.",
            )
        raise unreadable(path, "holds no image", "Give a reduced frame or a source list.")
    rows, columns = image_shape(hdus[chosen]) or (0, 0)
    if rows * columns > PIXEL_LIMIT:
        raise unreadable(path, f"claims {columns} x {rows} pixels, which is too many")
    return chosen


def inherited_header(hdus: HDUList, number: int) -> Header:
    """Return a copy of an image's header, completed by what only the primary header says."""
    header = hdus[number].header.copy()
    if number:
        for card in hdus[0].header.cards:
            keyword = card.keyword
            if keyword and keyword not in header and not keyword.startswith(_STRUCTURE):
                header.append(card, end=True)
    return header
