"""What a command touched: every view decides for itself whether to redraw."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Changes:
    """Parts of the observer's work that one command changed.

    Parameters
    ----------
    frames : frozenset of int
        Rows of the night whose state, facts or decisions changed.
    fits : frozenset of int
        Rows whose calibration is another one now.
    points : frozenset of str
        Ids of points that were made or withdrawn.
    board : bool
        Rows came or went.
    queue, events, light_curves, surveys, settings : bool
        The outbox, the list of events, a cached light curve, the survey cache or the settings
        changed.
    current : bool
        Another row of the night is looked at.
    selection : bool
        Other stars are selected.
    pixels : bool
        The image of the current row arrived or went.
    """

    frames: frozenset[int] = frozenset()
    fits: frozenset[int] = frozenset()
    points: frozenset[str] = frozenset()
    board: bool = False
    queue: bool = False
    events: bool = False
    light_curves: bool = False
    surveys: bool = False
    settings: bool = False
    current: bool = False
    selection: bool = False
    pixels: bool = False

    @classmethod
    def of_point(cls, point_id: str) -> Changes:
        """Say that a point was put into the outbox or taken out of it."""
        return cls(queue=True, points=frozenset({point_id}))

    def __or__(self, other: Changes) -> Changes:
        """Join two changes."""
        return Changes(
            **{f.name: getattr(self, f.name) | getattr(other, f.name) for f in fields(self)}
        )

    def __bool__(self) -> bool:
        return any(getattr(self, f.name) for f in fields(self))
