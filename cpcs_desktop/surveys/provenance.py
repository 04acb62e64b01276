"""What a catalogue says of itself: release, sources, dates, number of stars."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True)
class Source:
    """Where stars of a catalogue came from.

    Parameters
    ----------
    source : str
        File name or address of the service.
    date : str
        Day and time of the last import or fetch from there, ISO 8601, UTC.
    stars : int
        Stars it brought, altogether.
    """

    source: str
    date: str
    stars: int

    @classmethod
    def of_now(cls, source: str, stars: int) -> Source:
        """Return a source that brought its stars just now."""
        return cls(source, datetime.now(UTC).isoformat(timespec="seconds"), stars)


@dataclass(frozen=True)
class Provenance:
    """What a catalogue says of itself.

    Parameters
    ----------
    survey, release : str
    text_ids : bool
        Whether ``source_id`` is text.
    max_pm : float
        Largest proper motion, mas/yr: how far beyond a cone to look.
    counts : dict of str to int
        Stars of each pixel, by ``order/number``.
    sources : tuple of Source
    """

    survey: str
    release: str
    text_ids: bool
    max_pm: float
    counts: Mapping[str, int]
    sources: tuple[Source, ...]

    @property
    def stars(self) -> int:
        """Stars of the catalogue."""
        return sum(self.counts.values())

    def as_json(self) -> str:
        """Return the text of the provenance file."""
        return json.dumps(
            {
                "survey": self.survey,
                "release": self.release,
                "text_ids": self.text_ids,
                "max_pm": self.max_pm,
                "sources": [vars(s) for s in self.sources],
                "counts": dict(self.counts),
            },
            indent=1,
        )

    @classmethod
    def from_json(cls, text: str) -> Provenance:
        """Read the text of the provenance file."""
        content = json.loads(text)
        content["sources"] = tuple(Source(**s) for s in content["sources"])
        return cls(**content)
