"""Which points a light curve shows: the server's, those waiting here, the draft, older ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.point import LightCurvePoint, PhotometricPoint
from cpcs_desktop.datamodel.submission import Submission, SubmissionState
from cpcs_desktop.session.acceptance import draft_point
from cpcs_desktop.session.night_frame import Verdict
from cpcs_desktop.sync.doubts import doubt_of
from cpcs_desktop.ui import numbers
from cpcs_desktop.ui.bridge import Bridge

How = Literal["server", "waiting", "night", "draft", "older"]
_HERE = "this observatory"


@dataclass(frozen=True)
class PointMeant:
    """A point that something is to be done to.

    Parameters
    ----------
    id : str
    revision : int or None
        None is the one that counts.
    of_server : bool
        The server's content, also where this machine holds the same revision.
    """

    id: str
    revision: int | None = None
    of_server: bool = False


@dataclass(frozen=True)
class Drawn:
    """One point of the plot: where it comes from and, if it is ours, its row of the night.

    Parameters
    ----------
    point : LightCurvePoint
    how : str
    where : str
        Where it stands, in words.
    key : int or None
        Row of the night.
    own : bool
        It was accepted on this machine.
    doubt : str or None
        Why its observer doubts it.
    """

    point: LightCurvePoint
    how: How
    where: str
    key: int | None = None
    own: bool = False
    doubt: str | None = None

    @property
    def meant(self) -> PointMeant | None:
        """What its record is asked for by; None while there is no record."""
        if self.how in {"night", "draft"}:
            return None
        return PointMeant(self.point.id, self.point.revision, of_server=not self.own)


def drawn_points(bridge: Bridge, event: str | None, *, older: bool = False) -> list[Drawn]:
    """Return the points to draw for an event, the draft last.

    Parameters
    ----------
    older : bool
        Superseded and withdrawn revisions, too.
    """
    if event is None:
        return []
    rows = {bridge.night.point_of(frame.key): frame.key for frame in bridge.night.frames}
    found = {
        point.id: Drawn(point, "server", "on the server", rows.get(point.id))
        for point in bridge.sending.light_curve(event).points
    }
    mine = [row for row in bridge.sending.submissions() if row.event == event]
    unread: list[Submission] = []
    for submission in mine:
        if submission.state is SubmissionState.WITHDRAWN:
            found.pop(submission.point_id, None)
            continue
        there = found.get(submission.point_id)
        if there is not None and there.point.revision >= submission.revision:
            same = there.point.revision == submission.revision and not submission.in_conflict
            known = bridge.sending.known_point(submission)
            unread += [submission] if known is None else []
            doubt = doubt_of(known.comment) if known is not None and same else None
            found[submission.point_id] = replace(there, own=same, doubt=doubt)
            continue
        kept = bridge.sending.accepted_point(submission)
        where = submission.message or submission.state.value.lower()
        key = rows.get(kept.id)
        found[kept.id] = Drawn(
            as_drawn(kept), "waiting", where, key, own=True, doubt=doubt_of(kept.comment)
        )
    if unread:
        bridge.sending.read_points(unread)
    hidden = _hidden(bridge, event, mine, found) if older else []
    for point, key in _tonight(bridge, event):
        if point.id not in found:
            found[point.id] = Drawn(point, "night", "of tonight, not decided yet", key)
    drawn = hidden + list(found.values())
    draft = _draft(bridge, event)
    if draft is not None:
        stay = [d for d in drawn if d.point.id != draft.point.id or d.how == "older"]
        drawn = [*stay, draft]
    return drawn


def _hidden(
    bridge: Bridge, event: str, mine: list[Submission], found: dict[str, Drawn]
) -> list[Drawn]:
    """Return superseded and withdrawn revisions, this machine's and the server's."""
    hidden: dict[tuple[str, int], Drawn] = {}
    for row in mine:
        for point in bridge.sending.accepted_points(row.point_id):
            if point.revision < row.revision:
                where = f"superseded by revision {row.revision}"
            elif row.state is SubmissionState.WITHDRAWN:
                where = row.message
            else:
                continue
            hidden[point.id, point.revision] = Drawn(as_drawn(point), "older", where, own=True)
    for told in bridge.sending.older(event):
        now = found.get(told.id)
        shown = now is not None and now.point.revision == told.revision
        if shown or (told.id, told.revision) in hidden:
            continue
        word = "withdrawn" if told.withdrawn else "superseded"
        hidden[told.id, told.revision] = Drawn(told, "older", word)
    return list(hidden.values())


def _tonight(bridge: Bridge, event: str) -> list[tuple[LightCurvePoint, int]]:
    """Return what other undecided rows of the night found, as far as the board knows."""
    points = []
    for frame in bridge.night.frames:
        facts, decisions = frame.facts, frame.decisions
        name = bridge.night.point_of(frame.key)
        if decisions.event != event or decisions.verdict is not Verdict.UNDECIDED or name is None:
            continue
        if facts.mag is not None and facts.mjd is not None and facts.band is not None:
            point = LightCurvePoint(
                id=name,
                revision=decisions.revision,
                kind="UPPER_LIMIT" if frame.is_limit else "DETECTION",
                mjd=facts.mjd,
                mag=facts.mag,
                mag_err=facts.mag_err,
                mag_err_total=facts.mag_err_total,
                calib_err=facts.scatter,
                band=facts.band,
                observatory=bridge.settings.observatory.name or _HERE,
            )
            points.append((point, frame.key))
    return points


def _draft(bridge: Bridge, event: str) -> Drawn | None:
    frame, calibration = bridge.frame, bridge.calibration
    if frame is None or calibration is None or frame.decisions.event != event:
        return None
    if frame.decisions.verdict is not Verdict.UNDECIDED:
        return None
    try:
        point = draft_point(calibration, frame.decisions, bridge.settings)
    except CpcsError:
        return None  # a list without a time has no place in the plot; the result panel says so
    return Drawn(as_drawn(point), "draft", "draft, not accepted yet", frame.key)


def as_drawn(point: PhotometricPoint) -> LightCurvePoint:
    """Return a point of ours as the shared light curve would show it."""
    return LightCurvePoint(
        id=point.id,
        revision=point.revision,
        kind=point.kind,
        mjd=point.mjd,
        mag=point.mag,
        mag_err=point.mag_err,
        mag_err_total=point.mag_err_total,
        calib_err=point.calib_err,
        band=point.band,
        observatory=point.observatory or _HERE,
    )


def neighbours(draft: LightCurvePoint, drawn: list[Drawn]) -> str:
    """Say how far the draft is from the points before and after it in a twin band."""
    letter = draft.band.partition("/")[2]
    same = sorted(
        (
            d.point
            for d in drawn
            if d.how not in {"draft", "older"}
            and d.point.kind == "DETECTION"
            and d.point.band.partition("/")[2] == letter
        ),
        key=lambda p: abs(p.mjd - draft.mjd),
    )
    shown = "> " if draft.kind == "UPPER_LIMIT" else ""
    head = f"Draft: {draft.band} {shown}{numbers.number(draft.mag, 3)} at {numbers.iso(draft.mjd)}."
    if not same:
        return f"{head} No other detection in {letter} to compare with."
    near = same[:2]
    parts = [
        f"{numbers.number(draft.mag - p.mag, 3, sign=True)} mag from {p.band} "
        f"{abs(p.mjd - draft.mjd):.3g} d {'before' if p.mjd < draft.mjd else 'after'}"
        for p in near
    ]
    return f"{head} " + ", ".join(parts) + "."
