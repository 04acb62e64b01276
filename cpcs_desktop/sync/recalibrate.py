"""Everything accepted here calibrated again from the stored source lists; no frames needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
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


def lean(move: Move) -> Move:
    """Return a move without its source list, which the outbox keeps: thousands fit in memory."""
    if move.evidence is None:
        return move
    return replace(move, evidence=move.evidence.model_copy(update={"source_list": None}))


def apply_moves(outbox: Outbox, moves: Iterable[Move]) -> list[Submission]:
    """Accept the new points as next revisions.

    Those that stayed the same are left alone, and those that were changed or withdrawn since they
    were calibrated again.
    """
    return [row for move in moves if (row := _apply(outbox, move)) is not None]


def _apply(outbox: Outbox, move: Move) -> Submission | None:
    if move.new is None or move.evidence is None or move.status != "changed":
        return None
    kept = outbox.current(move.old.id).submission
    withdrawn = outbox.get(move.old.id).state is SubmissionState.WITHDRAWN
    if withdrawn or kept.point.revision != move.old.revision or kept.evidence is None:
        return None
    whole = move.evidence.model_copy(update={"source_list": kept.evidence.source_list})
    return outbox.add(move.new, whole)


__all__ = ["MOVES_SIGMA", "Move", "apply_moves", "lean", "recalibrate", "recalibrate_point"]
