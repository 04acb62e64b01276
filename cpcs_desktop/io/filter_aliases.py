"""What a header's filter text says of the band: a prior for the choice, never an order."""

from __future__ import annotations

import re
from collections.abc import Mapping

#: Texts that mean one thing as a whole, lower case without blanks and punctuation.
_WHOLE = {
    "g": ("g",),
    "gbp": ("GBP",),
    "grp": ("GRP",),
    "gaiag": ("G",),
    "gaiabp": ("GBP",),
    "gaiarp": ("GRP",),
    "vr": ("r", "R", "V", "G"),
    "gri": ("G", "r"),
    "cbb": ("G", "r"),
    "cv": ("G",),
    "cr": ("G",),
    "tb": ("B",),
    "tg": ("V",),
    "tr": ("R",),
    "su": ("u",),
    "sg": ("g",),
    "sr": ("r",),
    "si": ("i",),
    "sz": ("z",),
    "redplate": ("R2pg", "R1pg"),
    "blueplate": ("B2pg", "B1pg"),
}
#: No filter, or one that passes nearly everything a silicon detector sees: Gaia's G comes closest.
_CLEAR_WORDS = """
c clear clr cl empty none nofilter unfiltered open air l lum luminance w white wl ircut
uvircut iruvcut uvir iruv blank slot free nofilt n null open1 open2 clear1 clear2 wp
"""
#: Words that name a set of filters and so decide what a bare letter means.
_SLOAN_WORDS = """
sloan sdss ps ps1 panstarrs panstarrs1 decam des hsc ztf lsst atlas megacam skymapper
prime bok mosaic gunn sl
"""
_JOHNSON_WORDS = """
johnson cousins bessell bessel bess kc jc johnsoncousins johnsonbessell kron jhn ubvri
ubvr special high stromgren landolt harris eso tess
"""
_CLEAR = frozenset(_CLEAR_WORDS.split())
_SLOAN = frozenset(_SLOAN_WORDS.split())
_JOHNSON = frozenset(_JOHNSON_WORDS.split())
#: Narrow bands and grisms have no counterpart among the surveys.
_NARROW = re.compile(
    r"(?i)h[\s_-]*(?:al(?:pha|f)?|a|b|beta)(?![a-z])|o[\s_-]?(?:iii|3)|s[\s_-]?(?:ii|2)(?![a-z])|n[\s_-]?ii|"
    r"\bnb|narrow|gris|grating|prism|polari[sz]er|dark|br\s*gamma|\bh2\b|methane|ch4|he\s?ii"
)
_COLOUR_WORDS = {"red": ("R",), "green": ("V",), "blue": ("B",), "visual": ("V",)}
_INFRARED = {"j": ("J",), "h": ("H",), "k": ("K",), "ks": ("K",), "kp": ("K",), "kshort": ("K",)}
_PRIMED = re.compile(r"^([ugriz])(?:p|prime|s|sdss|sloan|sl|d)$")
_COUSINS = re.compile(r"^([UBVRI])[cCjb]$")
_SUPRIME = re.compile(r"^W-[JCS]-([A-Za-z]+)\+?$")


def filter_letters(
    header_text: str | None, aliases: Mapping[str, str] | None = None
) -> tuple[str, ...]:
    """Return the band letters a header's filter text may stand for, the likeliest first.

    Case counts where a letter stands alone (``R`` is Cousins, ``r`` is Sloan); a word such as
    ``Sloan`` or ``Bessell`` beside it wins over case. A clear filter gives Gaia's ``G``.

    Parameters
    ----------
    header_text : str or None
        Text of the filter keyword, such as ``V``, ``Bessell_V``, ``rp``, ``SDSS-r'`` or
        ``r DECam SDSS c0002 6415.0 1480.0``.
    aliases : mapping from header text to band letter, optional
        The observer's own names of a camera's filters; they win.

    Returns
    -------
    tuple of str
        Letters as in ``datamodel.band``; empty when the text says nothing (a number, a narrow
        band, a Bayer mosaic, an unknown name).
    """
    if header_text is None:
        return ()
    text = header_text.strip()
    if aliases and text in aliases:
        return (aliases[text],)
    primed = "'" in text or "’" in text or "+" in text
    text = text.replace("'", " ").replace("’", " ").replace("+", " ").strip()
    if suprime := _SUPRIME.match(text):
        text = suprime.group(1)
    whole = re.sub(r"[^A-Za-z0-9]", "", text)
    if not whole or whole.isdigit() or _NARROW.search(text):
        return ()
    if whole == "G":  # a green glass, a Sloan g in capitals, or a practice frame in Gaia's G
        return ("g", "V", "G") if not primed else ("g",)
    if is_clear(text):
        return ("G",)
    if whole.lower() in _WHOLE:
        return _WHOLE[whole.lower()]
    tokens = _tokens(text)
    lowered = {token.lower() for token in tokens}
    sloan = primed or bool(lowered & _SLOAN)
    johnson = bool(lowered & _JOHNSON)
    rest = [t for t in tokens if t.lower() not in _SLOAN | _JOHNSON]
    for token in rest:
        letters = _letters_of_token(token, sloan=sloan, johnson=johnson)
        if letters:
            return letters
    if any(token.lower() in _CLEAR for token in rest):
        return ("G",)
    return ()


def is_clear(header_text: str) -> bool:
    """Say whether a filter wheel's slot was empty or held a clear glass."""
    return re.sub(r"[^a-z0-9]", "", header_text.lower()) in _CLEAR


def _tokens(text: str) -> list[str]:
    """Cut ``JohnsonV``, ``Bessell_V`` and ``r.MP9601`` into words; trailing digits fall off."""
    words = []
    for chunk in re.split(r"[^A-Za-z0-9]+", text):
        name, bare = chunk, chunk.lower()
        for known in sorted(_SLOAN | _JOHNSON, key=len, reverse=True):
            if len(known) > 2 and bare.startswith(known) and 1 <= len(bare) - len(known) <= 2:
                words.append(known)
                name = chunk[len(known) :]
                break
            if len(known) > 2 and bare.endswith(known) and 1 <= len(bare) - len(known) <= 2:
                words.append(known)
                name = chunk[: -len(known)]
                break
        words.append(name)
    return [word for word in words if word]


def _letters_of_token(token: str, *, sloan: bool, johnson: bool) -> tuple[str, ...]:
    token = re.sub(r"(?<=[A-Za-z])\d+$", "", token)
    lower = token.lower()
    if lower in _INFRARED:
        return _INFRARED[lower]
    if lower in _COLOUR_WORDS:
        return _COLOUR_WORDS[lower]
    if match := _COUSINS.match(token):
        return (match.group(1),)
    if (match := _PRIMED.match(lower)) and (token == lower or sloan):
        return (match.group(1),)
    if len(token) != 1:
        return ()
    if lower in "ugriz" and sloan and not johnson:
        return (lower,)
    if lower in "ubvri" and johnson:
        return (token.upper(),)
    if lower in "bv":  # v of SkyMapper or Stroemgren names its set beside it
        return ("v",) if sloan and lower == "v" else (token.upper(),)
    if lower in "zy":
        return (lower,)
    if lower == "g":
        return ("g",) if lower == token else ("g", "V", "G")
    return (token,) if lower in "uri" else ()
