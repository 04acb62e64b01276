"""Points that their observer doubts: marked, never taken away; the mark travels as a comment."""

from __future__ import annotations

from dataclasses import replace

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.submission import Submission, SubmissionState
from cpcs_desktop.sync.outbox import Outbox

_MARK = "doubtful: "
#: Between the mark and what the observer had written before.
_END = " | "


def doubt_of(comment: str) -> str | None:
    """Return why a point is doubted, None when it is not."""
    if not comment.startswith(_MARK):
        return None
    return comment.removeprefix(_MARK).partition(_END)[0]


def without_doubt(comment: str) -> str:
    """Return the comment as it was before the point was marked."""
    return comment if doubt_of(comment) is None else comment.partition(_END)[2]


def doubt_point(outbox: Outbox, point_id: str, reason: str) -> Submission:
    """Mark a point as doubtful, as its next revision; without a reason the mark is taken away.

    Numbers and evidence stay as they are.

    Raises
    ------
    CpcsError
        ``no_such_point``; ``withdrawn`` for a point that was taken back.
    """
    if outbox.get(point_id).state is SubmissionState.WITHDRAWN:
        raise CpcsError("withdrawn", "The point is withdrawn; nobody sees it.")
    kept = outbox.current(point_id)
    words = " ".join(reason.replace("|", "/").split())
    plain = without_doubt(kept.point.comment)
    comment = f"{_MARK}{words}{_END}{plain}" if words else plain
    return outbox.add(replace(kept.point, comment=comment), kept.submission.evidence)
