"""Reading single values out of headers that were written by forty kinds of cameras."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from cpcs_desktop.io.opening import fits_failures

if TYPE_CHECKING:
    from astropy.io.fits import Header

_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][-+]?\d+)?")
_SEXAGESIMAL = re.compile(
    r"^\s*([-+]?)\s*(\d{1,3})\s*[:hHdD°\s]\s*(\d{1,2})\s*(?:[:mM'′\s]\s*(\d{1,2}(?:\.\d*)?)?)?\s*[sS\"″]?\s*$"
)


def card_value(header: Header, keyword: str) -> Any:
    """Return a header's value; None when it is absent, undefined or cannot be parsed."""
    if keyword not in header:
        return None
    try:
        value = header[keyword]
    except fits_failures():  # a broken card
        return None
    if value is None or type(value).__name__ in {"Undefined", "_HeaderCommentaryCards"}:
        return None
    return value


def card_comment(header: Header, keyword: str) -> str:
    """Return the comment of a header's card, empty when there is none."""
    try:
        return str(header.comments[keyword])
    except fits_failures():
        return ""


def as_number(value: Any) -> float | None:
    """Return a finite number from a number or a text that begins with one, else None."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        number = float(value)
    else:
        match = _NUMBER.match(str(value).strip())
        if match is None:
            return None
        number = float(match.group().replace("d", "e").replace("D", "e"))
    return number if math.isfinite(number) else None


def numbers(header: Header, keywords: Iterable[str]) -> Iterator[tuple[str, float]]:
    """Yield the keywords that carry a finite number, in the order asked."""
    for keyword in keywords:
        number = as_number(card_value(header, keyword))
        if number is not None:
            yield keyword, number


def texts(header: Header, keywords: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the keywords that carry a text (or a number, as text), in the order asked."""
    for keyword in keywords:
        value = card_value(header, keyword)
        if value is None or isinstance(value, bool):
            continue
        text = " ".join(str(value).split())
        if text:
            yield keyword, text


def parse_angle(value: Any, *, hours: bool) -> float | None:
    """Return an angle in degrees from degrees or a sexagesimal text.

    Parameters
    ----------
    value : number or str
        A plain number is degrees; a text such as ``12:34:56.7`` is hours for right ascensions.
    hours : bool
        Whether sexagesimal text counts hours.
    """
    if isinstance(value, str):
        match = _SEXAGESIMAL.match(value)
        if match is not None:
            sign, whole, minutes, seconds = match.groups()
            angle = float(whole) + float(minutes) / 60 + float(seconds or 0) / 3600
            angle = -angle if sign == "-" else angle
            return angle * 15 if hours else angle
    return as_number(value)


def header_rows(header: Header) -> tuple[tuple[str, str, str], ...]:
    """Return the header as text, (keyword, value, comment), for the header viewer."""
    rows = []
    for card in header.cards:
        try:
            rows.append((str(card.keyword), str(card.value), str(card.comment)))
        except fits_failures():
            rows.append((str(card.keyword), "(cannot be read)", ""))
    return tuple(rows)
