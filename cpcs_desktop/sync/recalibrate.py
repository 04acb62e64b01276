"""Everything accepted here calibrated again from the stored source lists; no frames needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from cpcs_desktop.datamodel.submission import Submission, SubmissionState
from cpcs_desktop.recalibration import MOVES_SIGMA, Move, recalibrate_point
from cpcs_desktop.sync.outbox import Outbox


def recalibrate(
    outbox: Outbox, survey_cache: Path, *, event: str | None = None, since: float | None = None
) -> Iterator[Move]:
    """Calibrate every accepted point again, in the order of acceptance; nothing is written.

    Withdrawn points are left out. The observer's own exclusions, request and settings stay.

    Parameters
    ----------
    event : str, optional
        ivorn; only its points.
    since : float, optional
        Only points from this MJD on.
    """
    from cpcs_desktop.surveys.cache import SurveyCache

    cache = SurveyCache(survey_cache)
    for row in outbox.submissions():
        if row.state is SubmissionState.WITHDRAWN:
            continue
        if (event is None or row.event == event) and (since is None or row.mjd >= since):
            yield recalibrate_point(outbox.current(row.point_id).submission, cache)


def apply_moves(outbox: Outbox, moves: Iterable[Move]) -> list[Submission]:
    """Accept the new points as next revisions; those that stayed the same are left alone."""
    return [
        outbox.add(move.new, move.evidence)
        for move in moves
        if move.new is not None and move.status == "changed"
    ]


__all__ = ["MOVES_SIGMA", "Move", "apply_moves", "recalibrate", "recalibrate_point"]
