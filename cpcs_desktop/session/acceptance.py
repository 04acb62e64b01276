"""From a calibration the observer likes to a point in the outbox."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cpcs_desktop.datamodel.calibration import Calibration
from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.point import PhotometricPoint
from cpcs_desktop.datamodel.submission import Submission, SubmissionState
from cpcs_desktop.session.night_frame import Decisions
from cpcs_desktop.settings import AppSettings
from cpcs_desktop.sync.outbox import Outbox


@dataclass(frozen=True)
class Acceptance:
    """One revision of a point that lies in the outbox."""

    point_id: str
    revision: int

    @classmethod
    def of(cls, submission: Submission) -> Acceptance:
        """Name what the outbox took.

        Raises
        ------
        CpcsError
            Code ``refused`` when the point breaks a rule: it stays in the outbox with the reasons.
        """
        if submission.state is SubmissionState.REFUSED:
            raise CpcsError(
                "refused",
                f"The point cannot be sent: {submission.message}.",
                "It is kept in the outbox, marked as refused.",
            )
        return cls(submission.point_id, submission.revision)


def accepted_in(outbox: Outbox, point_id: str) -> Acceptance | None:
    """Return a point as it lies in the outbox, None when it does not, or was withdrawn."""
    try:
        kept = outbox.get(point_id)
    except CpcsError as error:
        if error.code != "no_such_point":
            raise
        return None
    withdrawn = kept.state is SubmissionState.WITHDRAWN
    return None if withdrawn else Acceptance(kept.point_id, kept.revision)


def accept_again(outbox: Outbox, acceptance: Acceptance) -> Acceptance:
    """Put a revision that was withdrawn back into the outbox, as the newest one."""
    kept = next(
        kept
        for kept in outbox.revisions(acceptance.point_id)
        if kept.submission.point.revision == acceptance.revision
    )
    return Acceptance.of(outbox.add(kept.point, kept.submission.evidence))


def draft_point(
    calibration: Calibration, decisions: Decisions, settings: AppSettings
) -> PhotometricPoint:
    """Return the point that accepting would make.

    Raises
    ------
    CpcsError
        Code ``no_event`` without an event, ``no_date`` without a time.
    """
    from cpcs_desktop import pipeline

    frame = calibration.exposure.frame
    if decisions.event is None:
        raise CpcsError(
            "no_event",
            "A point belongs to an event, and this row has only a position.",
            "Choose the event above the image, or add it in Events.",
        )
    if frame.mjd is None:
        raise CpcsError(
            "no_date",
            "The time of this exposure is not known.",
            "Give MJD and exposure of the list (t).",
        )
    return pipeline.make_point(
        calibration,
        event=decisions.event,
        observatory=settings.observatory.name,
        observers=settings.observers,
        comment=decisions.comment,
    )


def accept_point(
    outbox_file: Path, calibration: Calibration, decisions: Decisions, settings: AppSettings
) -> Acceptance:
    """Put the point of a calibration into the outbox; on disk when this returns.

    The cold fit of the observer's exclusions is what is sent, whatever was on the screen. Slow
    enough for a thread of its own; :meth:`Night.accepted` then turns the row green.
    """
    from cpcs_desktop import pipeline
    from cpcs_desktop.io.stored_list import stored_list_text

    cold = pipeline.refit(calibration, decisions.excluded)
    outbox = Outbox(outbox_file)
    try:
        point = draft_point(cold, decisions, settings)
        evidence = pipeline.make_evidence(cold, stored_list_text(cold.exposure))
        return Acceptance.of(outbox.add(point, evidence))
    finally:
        outbox.close()
