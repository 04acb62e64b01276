"""What a header says of an exposure, in the dialects of the usual cameras and observatories."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cpcs_desktop.io.filter_aliases import is_clear
from cpcs_desktop.io.header_cards import (
    as_number,
    card_comment,
    card_value,
    numbers,
    parse_angle,
    texts,
)
from cpcs_desktop.io.header_dates import exposure_middle

if TYPE_CHECKING:
    from astropy.io.fits import Header

    from cpcs_desktop.settings import CameraSettings

_EXPOSURE = (
    *("EXPTIME", "EXPOSURE", "XPOSURE", "EXP_TIME", "EXP-TIME", "EXPTIM", "EXPOSED", "EXPOS"),
    *("ITIME", "TEXPTIME", "ONTIME", "TRUITIME", "DARKTIME", "EXPT", "EXP", "TOTEXP"),
    "HIERARCH ESO DET DIT",
)
_FILTER = (
    *("FILTER", "FILTERS", "FILTNAM", "FILTNAME", "FILT", "INSFILTE", "FLTRNM", "FILTNM"),
    *("INSFLNAM", "BAND", "BANDPASS", "WFFBAND", "FWNAME", "FILNAME", "FILTERNM"),
)
#: Wheels one behind the other: all but one stand on an empty slot.
_FILTER_WHEELS = (
    *("FILTER1", "FILTER2", "FILTER3", "FILTER4", "FILT1", "FILT2", "FILTERID"),
    *("HIERARCH ESO INS FILT1 NAME", "HIERARCH ESO INS FILT2 NAME", "HIERARCH ESO INS FILT NAME"),
)
_EMPTY_SLOTS = {"air", "open", "empty", "none", "notpresent", "n/a", "na", "unknown", "null", "-"}
_GAIN = (
    *("EGAIN", "GAIN", "CCDGAIN", "GAINEFF", "DETGAIN", "GAINA", "GAIN1", "GAIN_1", "EPADU"),
    *("GTGAIN1", "ARCGAIN", "HIERARCH ESO DET OUT1 CONAD", "HIERARCH ESO DET CHIP1 CONAD"),
)
_SATURATION = (
    *("SATURATE", "SATURAT", "SATLEVEL", "SATURATI", "SATURA", "SATUR", "MAXLIN", "MAXADU"),
    *("CCDSATUR", "WELLDEPT", "NONLIN", "MAXLINEA", "LINLIMIT", "SATADU", "ARCONWD"),
)
_READ_NOISE = (
    *("RDNOISE", "READNOIS", "READNOI", "RON", "RONOISE", "ENOISE", "RDNOISEA", "RDNOISE1"),
    *("READNSE", "NOISE", "GTRON11", "HIERARCH ESO DET OUT1 RON", "HIERARCH ESO DET CHIP1 RON"),
)
_AIRMASS = (
    *("AIRMASS", "AMASS", "SECZ", "AIRM", "AIRMASSM", "AMEAN", "AVAIRMAS", "AMSTART"),
    "HIERARCH ESO TEL AIRM START",
)
_TELESCOPE = ("TELESCOP", "TELESCOPE", "TELNAME", "OBSERVAT", "SITENAME", "SITEID")
_INSTRUMENT = ("INSTRUME", "CAMERA", "DETECTOR", "CAMNAME", "DETNAM", "CCDNAME", "INSTRUM")
_OBJECT = ("OBJECT", "TARGNAME", "OBJNAME", "TARGET", "FIELD", "OBJNAM")
_POINTING = (
    *(("RA", "DEC"), ("OBJCTRA", "OBJCTDEC"), ("TELRA", "TELDEC"), ("RA_OBJ", "DEC_OBJ")),
    *(("CAT-RA", "CAT-DEC"), ("RA_TARG", "DEC_TARG"), ("TARGRA", "TARGDEC"), ("RADEG", "DECDEG")),
    *(("RA_PNT", "DEC_PNT"), ("RA-D", "DEC-D"), ("RA_DEG", "DEC_DEG"), ("MNTRA", "MNTDEC")),
    *(("RA-OBS", "DEC-OBS"), ("TEL-RA", "TEL-DEC"), ("STRRQRA", "STRRQDE"), ("STRRA", "STRDEC")),
    *(("TCSRA", "TCSDEC"), ("CRVAL1", "CRVAL2"), ("OBJRA", "OBJDEC"), ("APTRA", "APTDEC")),
)
_SCALE = (
    *("PIXSCALE", "SECPIX", "SECPIX1", "IM_SCALE", "PIXSCAL1", "CCDSCALE", "SCALE", "PIXSCAL"),
    *("PSCALE", "PLATESCL", "XPIXSCAL", "PIXELSCL", "ASECPIX", "SECPIXX", "ARCSPIX"),
)
_FOCAL = ("FOCALLEN", "FOCLEN", "FOCAL", "FOCALLEG", "TELFOCAL", "FLENGTH")
_PIXEL_UM = ("XPIXSZ", "PIXSIZE1", "PIXSIZE", "PIXELSZ", "XPIXELSZ", "PXSIZE1", "CCDPXSZ")
#: GAIN cards above this are a camera's gain setting, not electrons per ADU.
_LARGEST_GAIN = 30.0
_FULL_16_BIT = 65535.0


@dataclass(frozen=True)
class HeaderValues:
    """Fields of a Frame that come from its header; None where it is silent.

    Units as in :class:`~cpcs_desktop.datamodel.frame.Frame`; ``guessed`` names what was concluded,
    not read.
    """

    mjd: float | None
    exposure_s: float | None
    filter_header: str | None
    gain: float | None
    saturation: float | None
    read_noise: float | None
    airmass: float | None
    telescope: str | None
    instrument: str | None
    object_name: str | None
    pointing: tuple[float, float] | None
    pixel_scale_arcsec: float | None
    guessed: frozenset[str]


def header_values(header: Header, camera: CameraSettings | None = None) -> HeaderValues:
    """Read everything we know how to find in a header.

    Parameters
    ----------
    header : astropy.io.fits.Header
    camera : CameraSettings, optional
        The observer's own numbers win over the header, and a filter's text is replaced by its
        alias. Keys of ``camera.keywords`` are names of
        Frame's fields (``mjd``, ``exposure_s``, ``filter_header`` ...), values are header keywords.
    """
    own = dict(camera.keywords) if camera is not None else {}
    guessed: set[str] = set()
    exposure_s = _exposure(header, own.get("exposure_s"))
    when = exposure_middle(header, exposure_s, own.get("mjd"))
    if when is not None and when.guessed:
        guessed.add("mjd")
    gain = _gain(header, _own_first(own, "gain", _GAIN))
    saturation = _positive(header, _own_first(own, "saturation", _SATURATION))
    if saturation is None and (saturation := _full_well_of_integers(header)) is not None:
        guessed.add("saturation")
    airmass, airmass_guessed = _airmass(header, own.get("airmass"))
    if airmass_guessed:
        guessed.add("airmass")
    scale, scale_guessed = _pixel_scale(header, own.get("pixel_scale_arcsec"))
    if scale_guessed:
        guessed.add("pixel_scale_arcsec")
    read_noise = _positive(header, _own_first(own, "read_noise", _READ_NOISE))
    if camera is not None:
        gain = camera.gain or gain
        read_noise = camera.read_noise if camera.read_noise is not None else read_noise
        if camera.saturation is not None:
            saturation = camera.saturation
            guessed.discard("saturation")
    return HeaderValues(
        mjd=None if when is None else when.mjd,
        exposure_s=exposure_s,
        filter_header=_filter(header, own.get("filter_header"), camera),
        gain=gain,
        saturation=saturation,
        read_noise=read_noise,
        airmass=airmass,
        telescope=_text(header, _own_first(own, "telescope", _TELESCOPE)),
        instrument=_text(header, _own_first(own, "instrument", _INSTRUMENT)),
        object_name=_text(header, _own_first(own, "object_name", _OBJECT)),
        pointing=_pointing(header),
        pixel_scale_arcsec=scale,
        guessed=frozenset(guessed),
    )


def _own_first(own: dict[str, str], name: str, keywords: tuple[str, ...]) -> tuple[str, ...]:
    return (own[name],) if name in own else keywords


def _text(header: Header, keywords: tuple[str, ...]) -> str | None:
    for _, text in texts(header, keywords):
        if text.strip(" -_.").lower() not in {"", "none", "unknown", "n/a", "na"}:
            return text
    return None


def _positive(header: Header, keywords: tuple[str, ...]) -> float | None:
    return next((number for _, number in numbers(header, keywords) if number > 0), None)


def _exposure(header: Header, keyword: str | None) -> float | None:
    for name, number in numbers(header, (keyword,) if keyword else _EXPOSURE):
        comment = card_comment(header, name).lower()
        unit_s = 1.0
        if re.search(r"\bmin(ute)?s?\b", comment) and "sec" not in comment:
            unit_s = 60.0
        elif re.search(r"\b(ms|msec|milliseconds?)\b", comment):
            unit_s = 1e-3
        if 0 < number * unit_s < 1e7:
            return number * unit_s
    return None


def _filter(
    header: Header, keyword: str | None, camera: CameraSettings | None = None
) -> str | None:
    text = _filter_text(header, keyword)
    if camera is None or text is None:
        return text
    aliases = {name.strip().lower(): alias for name, alias in camera.filter_aliases.items()}
    return aliases.get(text.lower(), text)


def _filter_text(header: Header, keyword: str | None) -> str | None:
    for _, text in texts(header, (keyword,) if keyword else _FILTER):
        if text.lower().replace(" ", "") not in _EMPTY_SLOTS:
            return text
    wheels = [text for _, text in texts(header, () if keyword else _FILTER_WHEELS)]
    filled = [text for text in wheels if text.lower().replace(" ", "") not in _EMPTY_SLOTS]
    coloured = [text for text in filled if not is_clear(text)]
    return next(iter([*coloured, *filled, *wheels]), None)


def _gain(header: Header, keywords: tuple[str, ...]) -> float | None:
    for name, number in numbers(header, keywords):
        comment = card_comment(header, name).lower()
        inverse = re.search(r"(adu|dn|counts?)\s*(/|per)\s*(photo-?)?e", comment)
        gain = 1 / number if inverse and number > 0 else number
        if 0 < gain <= _LARGEST_GAIN:
            return gain
    return None


def _full_well_of_integers(header: Header) -> float | None:
    """Return where unsigned 16-bit pixels end: a frame written so cannot hold more."""
    bits = as_number(card_value(header, "BITPIX") if "ZBITPIX" not in header else None)
    bits = as_number(card_value(header, "ZBITPIX")) if bits is None else bits
    zero = as_number(card_value(header, "BZERO"))
    scale = as_number(card_value(header, "BSCALE"))
    return _FULL_16_BIT if bits == 16 and zero == 32768 and scale in {None, 1.0} else None


def _airmass(header: Header, keyword: str | None) -> tuple[float | None, bool]:
    for _, number in numbers(header, (keyword,) if keyword else _AIRMASS):
        if 1 <= number < 40:
            return number, False
    from math import radians, sin

    for name, altitude in numbers(
        header, ("ALTITUDE", "ALT", "OBJCTALT", "CENTALT", "TELALT", "EL")
    ):
        del name
        if 5 < altitude <= 90:  # Young & Irvine (1967), better than 1 % there
            secant = 1 / sin(radians(altitude))
            return secant * (1 - 0.0012 * (secant**2 - 1)), True
    return None, False


def _pointing(header: Header) -> tuple[float, float] | None:
    for ra_name, dec_name in _POINTING:
        ra_value: Any = card_value(header, ra_name)
        dec_value: Any = card_value(header, dec_name)
        ra = parse_angle(ra_value, hours=True)
        dec = parse_angle(dec_value, hours=False)
        if ra is None or dec is None or not (-90 <= dec <= 90 and -360 < ra <= 360):
            continue
        if ra == 0 and dec == 0:
            continue
        if ra_name == "CRVAL1" and not str(card_value(header, "CTYPE1")).startswith("RA"):
            continue
        if re.search(r"\[?hours?\]?", card_comment(header, ra_name).lower()) and isinstance(
            ra_value, int | float
        ):
            ra *= 15
        return ra % 360, dec
    return None


def _pixel_scale(header: Header, keyword: str | None) -> tuple[float | None, bool]:
    for name, number in numbers(header, (keyword,) if keyword else _SCALE):
        comment = card_comment(header, name).lower()
        degrees = re.search(r"\bdeg", comment) and abs(number) < 0.05
        scale = abs(number) * (3600 if degrees else 1)
        if 0.005 < scale < 600:
            return scale, False
    focal = _positive(header, _FOCAL)
    size = _positive(header, _PIXEL_UM)
    if focal is None or size is None:
        return None, False
    if focal < 20:  # a focal length written in metres
        focal *= 1000
    size = size * 1e6 if size < 1e-3 else size
    scale = 206.265 * size / focal
    return (scale, True) if 0.005 < scale < 600 else (None, False)
