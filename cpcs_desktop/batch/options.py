"""What the observer asked for, and everything a worker needs to do it: plain and picklable."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cpcs_desktop import __version__
from cpcs_desktop.profile import place_of
from cpcs_desktop.surveys.registry import SURVEYS

if TYPE_CHECKING:
    from cpcs_desktop.datamodel.event import Event
    from cpcs_desktop.io.reading import Reading
    from cpcs_desktop.profile import Profile

AUTO_EVENT = "auto"
#: The sums of all files of a cached survey; the address of a linked one.
_MARKS = ("SHA256SUMS", "link.json")


@dataclass(frozen=True)
class CalibrateOptions:
    """What the observer asked for on the command line; None: by settings or header."""

    target: tuple[float, float] | None
    event: str | None
    mjd: float | None = None
    exposure: float | None = None
    match_radius: float | Literal["auto"] | None = None
    force_filter: str | None = None
    magnitudes: str | None = None
    surveys: tuple[str, ...] | None = None
    hdu: int | None = None
    psf: bool = False
    columns: tuple[tuple[str, str], ...] = ()
    comment: str = ""
    observers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Job:
    """One order for many inputs, the same in every worker on every machine.

    Parameters
    ----------
    options : CalibrateOptions
    survey_cache : str
        Folder; on a cluster a shared one.
    match_radius_arcsec : float or None
        None: automatic.
    request : str
        A band request, ``no`` without one.
    magnitude_kind : {"AUTO", "APER"}
    reading : Reading
        What the observer knows better than the files.
    events : tuple of Event
        Those that may be measured: the named one, or the whole local list for ``auto``.
    plots : str or None
        Folder for a picture of every zero point.
    report : bool
        Whether to find what only the night report shows.
    keep : bool
        Whether the calibrations themselves are wanted, for points to be made of them.
    """

    options: CalibrateOptions
    survey_cache: str
    match_radius_arcsec: float | None
    request: str
    magnitude_kind: Literal["AUTO", "APER"]
    reading: Reading
    events: tuple[Event, ...]
    plots: str | None = None
    report: bool = False
    keep: bool = False

    def digest(self) -> str:
        """Return 32 hexadecimal digits that change with anything that could change a result.

        The state of the survey cache is part of it: a run that is resumed after new stars came in
        does everything again.
        """
        words = {
            "software": __version__,
            "options": asdict(self.options),
            "radius": self.match_radius_arcsec,
            "request": self.request,
            "kind": self.magnitude_kind,
            "reading": repr(self.reading),
            "events": [asdict(event) for event in self.events],
            "plots": self.plots,
            "report": self.report,
            "keep": self.keep,
            "surveys": _state(place_of(self.survey_cache)),
        }
        return hashlib.sha256(json.dumps(words, sort_keys=True).encode()).hexdigest()[:32]


def prepare_job(
    options: CalibrateOptions,
    profile: Profile,
    *,
    plots: str | None = None,
    report: bool = False,
    keep: bool = False,
) -> Job:
    """Join the options with the profile's settings and events.

    Raises
    ------
    CpcsError
        Code ``bad_settings``.
    """
    from cpcs_desktop.io.reading import Reading
    from cpcs_desktop.settings import load_settings

    settings = load_settings(profile)
    radius = settings.match_radius_arcsec
    if options.match_radius is not None:
        radius = None if options.match_radius == "auto" else options.match_radius
    aper = (options.magnitudes or settings.magnitudes) == "aper"
    return Job(
        options=options,
        survey_cache=str(profile.survey_cache.absolute()),
        match_radius_arcsec=radius,
        request=options.force_filter or settings.force_filter,
        magnitude_kind="APER" if aper else "AUTO",
        reading=Reading.of(settings, dict(options.columns) or None),
        events=_events(options, profile),
        plots=None if plots is None else str(Path(plots).absolute()),
        report=report,
        keep=keep,
    )


def _events(options: CalibrateOptions, profile: Profile) -> tuple[Event, ...]:
    if options.event is None:
        return ()
    from cpcs_desktop.sync.events import EventList

    events = EventList(profile.outbox_file)
    if options.event == AUTO_EVENT:
        return tuple(events.all())
    event = events.get(options.event)
    return () if event is None else (event,)


def _state(cache: Path) -> list[tuple[str, str]]:
    """Return digests of the files that change whenever a cached survey's stars do."""
    found = []
    for key in sorted(SURVEYS):
        for mark in _MARKS:
            path = cache / key / mark
            if path.exists():
                found.append((f"{key}/{mark}", hashlib.sha256(path.read_bytes()).hexdigest()))
    return found
