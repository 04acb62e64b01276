"""Fields prepared before the night: several surveys, one after the other, over TAP."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.surveys.fetch import Cone, FetchProgress, fetch_survey
from cpcs_desktop.surveys.patient_session import Patience


@dataclass(frozen=True)
class Wish:
    """What is to be prepared.

    Parameters
    ----------
    cache_folder : Path
    surveys : sequence of str
        Keys.
    cones : sequence of (float, float, float)
        RA, Dec, radius of the fields, degrees.
    urls : mapping of str to str
        TAP services by survey, where they are not the registry's.
    patience : Patience, optional
    """

    cache_folder: Path
    surveys: Sequence[str]
    cones: Sequence[Cone]
    urls: Mapping[str, str] = field(default_factory=dict)
    patience: Patience | None = None


@dataclass(frozen=True)
class Prepared:
    """What became of one survey.

    Parameters
    ----------
    survey : str
    progress : FetchProgress
        How far it came.
    error : CpcsError or None
        Why it went no further; what was fetched stays.
    """

    survey: str
    progress: FetchProgress
    error: CpcsError | None = None


def prepare(
    wish: Wish,
    tell: Callable[[FetchProgress | Prepared], None],
    cancelled: Callable[[], bool] = lambda: False,
) -> None:
    """Fetch what the fields lack, survey by survey; one that fails does not stop the others.

    Parameters
    ----------
    tell : callable
        Given the progress often, and each survey's end once.
    cancelled : callable
        Asked about ten times a second.
    """
    for key in wish.surveys:
        if cancelled():
            return
        last = FetchProgress(key, 0, 0)

        def progress(state: FetchProgress) -> None:
            nonlocal last
            last = state
            tell(state)

        try:
            done = fetch_survey(
                wish.cache_folder,
                key,
                wish.cones,
                url=wish.urls.get(key),
                patience=wish.patience,
                progress=progress,
                cancelled=cancelled,
            )
        except CpcsError as error:
            tell(Prepared(key, last, error))
        else:
            tell(Prepared(key, done))
