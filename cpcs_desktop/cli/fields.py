"""Options that name fields: cones, a list of targets, the list of events."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from cpcs_desktop.cli.cone import Cone, cones_option
from cpcs_desktop.cli.options import Profile
from cpcs_desktop.datamodel.errors import CpcsError

_RADIUS_DEG = 0.25


def fields_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--cone``, ``--targets``, ``--event``, ``--events`` and ``--radius``.

    The verb receives one argument ``fields`` of kind :class:`Fields`.
    """

    @cones_option("A field in degrees; may be repeated.")
    @click.option(
        "--targets",
        type=click.Path(path_type=Path),
        help="File with a target a line: [NAME] RA DEC, degrees or sexagesimal.",
    )
    @click.option("--event", "names", multiple=True, metavar="IVORN", help="May be repeated.")
    @click.option("--events", "all_events", is_flag=True, help="All events of the local list.")
    @click.option(
        "--radius",
        type=click.FloatRange(0, 20, min_open=True),
        default=_RADIUS_DEG,
        show_default=True,
        help="Of the fields around targets and events, degrees.",
    )
    @functools.wraps(function)
    def wrapper(
        *args: Any,
        cones: list[Cone],
        targets: Path | None,
        names: tuple[str, ...],
        all_events: bool,
        radius: float,
        **kwargs: Any,
    ) -> Any:
        fields = Fields(cones, targets, names, all_events, radius)
        return function(*args, fields=fields, **kwargs)

    return wrapper


class Fields:
    """Fields as they were asked for; read when they are needed."""

    def __init__(
        self,
        cones: list[Cone],
        targets: Path | None,
        names: tuple[str, ...],
        all_events: bool,
        radius: float,
    ) -> None:
        self._cones, self._targets, self._radius = cones, targets, radius
        self._names, self._all_events = names, all_events

    def cones(self, profile: Profile) -> list[Cone]:
        """Return all fields.

        Raises
        ------
        CpcsError
            ``unreadable`` for a list of targets that cannot be read, ``unknown_event``,
            ``no_position``.
        """
        places = read_targets(self._targets) if self._targets else []
        if self._names or self._all_events:
            places += self._events(profile)
        return [*self._cones, *((ra, dec, self._radius) for ra, dec in places)]

    def _events(self, profile: Profile) -> list[tuple[float, float]]:
        from cpcs_desktop.sync.events import EventList

        events = EventList(profile.outbox_file)
        places = []
        for name in self._names:
            event = events.get(name)
            if event is None:
                raise CpcsError(
                    "unknown_event",
                    f"The event {name} is not in the list on this machine.",
                    "Fetch the list with cpcs event sync, or add it with cpcs event add.",
                )
            if event.ra is None or event.dec is None:
                raise CpcsError("no_position", f"The position of {name} is not known.")
            places.append((event.ra, event.dec))
        if self._all_events:
            every = events.all()
            places += [(e.ra, e.dec) for e in every if e.ra is not None and e.dec is not None]
        return places


def read_targets(path: Path) -> list[tuple[float, float]]:
    """Read a list of targets: the last two words of a line are RA and Dec; ``#`` begins a remark.

    Raises
    ------
    CpcsError
        Code ``unreadable``, naming the line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CpcsError(
            "unreadable", f"The list of targets {path} cannot be read: {error}.", "Check the path."
        ) from error
    places = []
    for number, line in enumerate(lines, 1):
        words = re.split(r"[,;\s]+", line.partition("#")[0].strip())
        if words == [""]:
            continue
        try:
            ra, dec = read_angle(words[-2], 15.0), read_angle(words[-1], 1.0)
        except (click.BadParameter, IndexError):
            if number == 1:
                continue  # a line of titles
            ra = dec = 999.0
        if not (-360 <= ra <= 360 and -90 <= dec <= 90):
            raise CpcsError(
                "unreadable",
                f"Line {number} of {path} is no target: “{line.strip()[:60]}”.",
                "Write [NAME] RA DEC, in degrees or as hh:mm:ss dd:mm:ss.",
            )
        places.append((ra % 360.0, dec))
    return places


def read_angle(text: str, units: float) -> float:
    """Read degrees, or sexagesimal text in ``units`` degrees.

    Raises
    ------
    click.BadParameter
    """
    parts = text.strip().replace(":", " ").split()
    try:
        numbers = [abs(float(part)) for part in parts]
    except ValueError:
        numbers = []
    if not 1 <= len(numbers) <= 3 or any(n >= 60 for n in numbers[1:]):
        raise click.BadParameter(f"“{text}” is not an angle.")
    if len(numbers) == 1:
        return float(parts[0])
    size: float = sum(n / 60.0**power for power, n in enumerate(numbers)) * units
    return -size if parts[0].startswith("-") else size
