"""Answers about a survey in the cache, for the window and the command line."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime

from cpcs_desktop.surveys.coverage import Coverage
from cpcs_desktop.surveys.provenance import Source


@dataclass(frozen=True)
class CachedSurvey:
    """What the cache holds of one survey.

    Parameters
    ----------
    key, release : str
    stars, pixels, bytes : int
    area_deg2 : float
        Area covered, square degrees.
    sources : tuple of Source
        Files and services the stars came from.
    coverage : Coverage
    """

    key: str
    release: str
    stars: int
    pixels: int
    bytes: int
    area_deg2: float
    sources: tuple[Source, ...]
    coverage: Coverage


@dataclass(frozen=True)
class Damage:
    """A file of the cache that is not as it was written.

    Parameters
    ----------
    survey : str
    file : str
        Place inside the survey's folder.
    reason : str
        What is wrong, a phrase.
    """

    survey: str
    file: str
    reason: str


def age_days(source: Source) -> float:
    """Return the age of a source's last import or fetch in days."""
    return (time.time() - datetime.fromisoformat(source.date).timestamp()) / 86400.0
