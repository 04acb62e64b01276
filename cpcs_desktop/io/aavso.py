"""Light curves in the AAVSO's Extended File Format."""

from __future__ import annotations

from dataclasses import dataclass

from cpcs_desktop import __version__
from cpcs_desktop.datamodel.point import LightCurve, LightCurvePoint
from cpcs_desktop.io.light_curve_table import JD_OF_MJD_ZERO

#: The AAVSO does not take observations with a larger error, mag.
LARGEST_ERROR = 1.0
NAME_LENGTH = 30
_NOT_KNOWN = "na"
_JOHNSON = {"U": "U", "B": "B", "V": "V", "R": "R", "I": "I"}
_SLOAN = {"u": "SU", "g": "SG", "r": "SR", "i": "SI", "z": "SZ"}
_INFRARED = {"J": "J", "H": "H", "K": "K"}
#: Surveys whose passbands are not those of their letters' names in the AAVSO's list.
_OWN_PASSBANDS = frozenset({"GAIA", "TYCHO2", "USNO"})
FIELDS = (
    "NAME", "DATE", "MAG", "MERR", "FILT", "TRANS", "MTYPE", "CNAME", "CMAG", "KNAME", "KMAG",
    "AMASS", "GROUP", "CHART", "NOTES",
)  # fmt: skip


@dataclass(frozen=True)
class AavsoHeader:
    """What only the observer knows.

    Parameters
    ----------
    obscode : str
        The AAVSO's code of the observer.
    star : str or None
        Name or AUID in the AAVSO's index; None takes the event's name.
    obstype : {"CCD", "DSLR", "PEP"}
    """

    obscode: str = _NOT_KNOWN
    star: str | None = None
    obstype: str = "CCD"


def aavso_filter(band: str) -> str:
    """Return the AAVSO's code of a band, ``O`` (other) when it has none of its own."""
    survey, _, letter = band.partition("/")
    if survey in _OWN_PASSBANDS:
        return "O"
    if survey == "PS1" and letter in {"z", "y"}:
        return {"z": "ZS", "y": "Y"}[letter]
    for codes in (_JOHNSON, _SLOAN, _INFRARED):
        if letter in codes:
            return codes[letter]
    return "O"


def publishable(point: LightCurvePoint) -> bool:
    """Say whether the AAVSO would take a point."""
    error = _error(point)
    return not point.withdrawn and (error is None or error <= LARGEST_ERROR)


def aavso_text(curve: LightCurve, header: AavsoHeader) -> str:
    """Return the file: comma-separated, JD (UTC), no blank lines.

    Zero points come from many stars at once: CNAME is ``ENSEMBLE``, CMAG, KNAME and KMAG are
    ``na``. No colour transformation is applied to the target, so TRANS is NO. A limit is written
    with ``<``. The whole band, its survey included, stands in NOTES.
    """
    lines = [
        "#TYPE=EXTENDED",
        f"#OBSCODE={_plain(header.obscode, 20)}",
        f"#SOFTWARE=CPCS Desktop {__version__}",
        "#DELIM=,",
        "#DATE=JD",
        f"#OBSTYPE={_plain(header.obstype, 10)}",
        "#" + ",".join(FIELDS),
    ]
    name = _plain(header.star or curve.event.removeprefix("ivo://"), NAME_LENGTH)
    lines += [_line(name, point) for point in curve.points if publishable(point)]
    return "\n".join(lines) + "\n"


def _error(point: LightCurvePoint) -> float | None:
    return point.mag_err if point.mag_err_total is None else point.mag_err_total


def _line(name: str, point: LightCurvePoint) -> str:
    limit = point.kind == "UPPER_LIMIT"
    error = None if limit else _error(point)
    notes = f"band {point.band}; observatory {point.observatory}; CPCS {point.id} r{point.revision}"
    fields = (
        name,
        f"{point.mjd + JD_OF_MJD_ZERO:.5f}",
        f"{'<' if limit else ''}{point.mag:.3f}",
        _NOT_KNOWN if error is None else f"{error:.3f}",
        aavso_filter(point.band),
        "NO",
        "STD",
        "ENSEMBLE",
        _NOT_KNOWN,
        _NOT_KNOWN,
        _NOT_KNOWN,
        _NOT_KNOWN,
        _NOT_KNOWN,
        _NOT_KNOWN,
        _plain(notes, 1000),
    )
    return ",".join(fields)


def _plain(text: str, length: int) -> str:
    """Return text that cannot break the file: no delimiter, no line break, no leading ``#``."""
    words = " ".join(text.replace(",", ";").split()).lstrip("#")
    return words.encode("ascii", "replace").decode()[:length] or _NOT_KNOWN
