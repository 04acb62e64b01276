"""What was accepted, revision by revision."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from cpcs_desktop.datamodel.point import PhotometricPoint
from cpcs_desktop.wire import PointSubmission


@dataclass(frozen=True)
class AcceptedRevision:
    """One revision of a point as it was accepted here."""

    submission: PointSubmission
    accepted_at: float

    @property
    def point(self) -> PhotometricPoint:
        """The point itself."""
        return self.submission.point.point()


def unpack(payload: bytes) -> PointSubmission:
    """Return what was packed for sending."""
    return PointSubmission.model_validate_json(zlib.decompress(payload))
