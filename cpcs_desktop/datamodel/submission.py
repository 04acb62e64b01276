"""A point on its way to the central server."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any


class SubmissionState(StrEnum):
    """Where a submission stands; only the server's receipt makes it ``STORED``."""

    WAITING = "WAITING"
    SENDING = "SENDING"
    STORED = "STORED"
    REFUSED = "REFUSED"
    WITHDRAWN = "WITHDRAWN"


class Tombstone(StrEnum):
    """Whether the server still has to be told of a withdrawal."""

    NONE = "NONE"
    PENDING = "PENDING"
    DONE = "DONE"
    REFUSED = "REFUSED"


#: States in which ``queue push`` still has something to do.
UNFINISHED = frozenset({SubmissionState.WAITING, SubmissionState.SENDING})


@dataclass(frozen=True)
class Submission:
    """One row of the outbox (vocabulary: Submission).

    Parameters
    ----------
    point_id : str
        UUID of the point.
    revision : int
        Revision that is to be sent, or was sent last.
    state : SubmissionState
    attempts : int
        How often this revision was sent.
    not_before : float or None
        Unix time, s, before which it is not tried again by itself.
    last_answer : str or None
        What the server or the network said last, in short: ``201``, ``503``, ``unreachable``.
    event, band : str
    mag : float
        Magnitude or limit.
    file_name : str
    message : str
        One sentence for the observer.
    mjd : float
        Mid-exposure of the point.
    accepted_at : float
        Unix time, s, at which the observer accepted this revision.
    tombstone : Tombstone
        For withdrawn points: whether the server knows.
    server_revision : int or None
        Revision the server holds instead, when two machines disagree.
    """

    point_id: str
    revision: int
    state: SubmissionState
    attempts: int
    not_before: float | None
    last_answer: str | None
    event: str
    band: str
    mag: float
    file_name: str
    message: str
    mjd: float
    accepted_at: float
    tombstone: Tombstone = Tombstone.NONE
    server_revision: int | None = None

    @property
    def unfinished(self) -> bool:
        """Whether the server still has to hear of it."""
        return self.state in UNFINISHED or self.tombstone is Tombstone.PENDING

    @property
    def in_conflict(self) -> bool:
        """Whether another machine's revision stands in the way and the observer must decide."""
        return self.state is SubmissionState.REFUSED and self.server_revision is not None

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``queue list --json`` prints; times as ISO 8601, UTC."""
        return {
            "point_id": self.point_id,
            "revision": self.revision,
            "state": self.state.value,
            "message": self.message,
            "attempts": self.attempts,
            "not_before": _iso(self.not_before),
            "last_answer": self.last_answer,
            "event": self.event,
            "mjd": self.mjd,
            "band": self.band,
            "mag": self.mag,
            "file_name": self.file_name,
            "accepted_at": _iso(self.accepted_at),
            "tombstone": self.tombstone.value,
            "server_revision": self.server_revision,
        }


def _iso(unix_s: float | None) -> str | None:
    return None if unix_s is None else datetime.fromtimestamp(unix_s, UTC).isoformat("T", "seconds")
