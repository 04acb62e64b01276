"""Photometric bands, passband groups, and requests for a band."""

from dataclasses import dataclass
from typing import Literal

from cpcs_desktop.datamodel.errors import CpcsError

MagnitudeSystem = Literal["AB", "Vega", "plate"]

#: Groups of twin passbands, blue to red, across surveys (calibration contract, section 3).
PASSBAND_GROUPS: tuple[tuple[str, ...], ...] = (
    ("u", "U", "v"),
    ("B", "BT", "B1pg", "B2pg"),
    ("g", "GBP"),
    ("V", "VT"),
    ("G",),
    ("r", "R", "R1pg", "R2pg"),
    ("i", "GRP"),
    ("I", "Ipg"),
    ("z",),
    ("y",),
    ("J",),
    ("H",),
    ("K",),
)
_GROUP_OF = {letter: n for n, letters in enumerate(PASSBAND_GROUPS) for letter in letters}


@dataclass(frozen=True)
class Band:
    """One band of one survey.

    Parameters
    ----------
    id : str
        Survey key and band letter, ``APASS/V``.
    system : str
        Magnitude system: ``AB``, ``Vega`` or ``plate`` (photographic).
    wavelength_nm : float
        Effective wavelength in nm.
    """

    id: str
    system: MagnitudeSystem
    wavelength_nm: float

    @property
    def survey(self) -> str:
        """Key of the survey, ``APASS``."""
        return self.id.partition("/")[0]

    @property
    def letter(self) -> str:
        """Name of the band inside its survey, ``V``."""
        return self.id.partition("/")[2]

    @property
    def group(self) -> int:
        """Place of the band's passband group, blue to red (index into ``PASSBAND_GROUPS``)."""
        return _GROUP_OF[self.letter]


def passband_group(letter: str) -> int | None:
    """Return the index of a band letter's passband group, None for an unknown letter."""
    return _GROUP_OF.get(letter)


@dataclass(frozen=True)
class BandRequest:
    """What the observer asked for: ``no``, ``SURVEY/band``, ``any/band`` or ``SURVEY/any``.

    Parameters
    ----------
    survey, letter : str or None
        None stands for any.
    """

    survey: str | None = None
    letter: str | None = None

    @classmethod
    def parse(cls, text: str) -> "BandRequest":
        """Read a request as written on the command line or on the old wire.

        Raises
        ------
        CpcsError
            Code ``bad_band`` when the text is neither ``no`` nor of the form ``SURVEY/band``.
        """
        text = text.strip()
        if text.lower() in {"", "no", "any/any"}:
            return cls()
        survey, slash, letter = text.partition("/")
        if not slash or not survey or not letter:
            raise CpcsError(
                "bad_band",
                f"“{text}” is not a band request.",
                "Write no, SURVEY/band, any/band or SURVEY/any, for example APASS/V.",
            )
        return cls(
            survey=None if survey.lower() == "any" else survey.upper(),
            letter=None if letter.lower() == "any" else letter,
        )

    def admits(self, band: Band) -> bool:
        """Say whether a band may answer this request."""
        return self.survey in {None, band.survey} and self.letter in {None, band.letter}

    def __str__(self) -> str:
        if self.survey is None and self.letter is None:
            return "no"
        return f"{self.survey or 'any'}/{self.letter or 'any'}"


def band_order(band: str) -> tuple[int, str]:
    """Sort bands blue to red."""
    group = passband_group(band.partition("/")[2])
    return (len(PASSBAND_GROUPS) if group is None else group, band)
