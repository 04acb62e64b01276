"""What was accepted, revision by revision, and what makes two contents the same."""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import dataclass

from cpcs_desktop.datamodel.point import PhotometricPoint
from cpcs_desktop.wire import PointBody, PointSubmission


@dataclass(frozen=True)
class AcceptedRevision:
    """One revision of a point as it was accepted here."""

    submission: PointSubmission
    accepted_at: float

    @property
    def point(self) -> PhotometricPoint:
        """The point itself."""
        return self.submission.point.point()


def content_digest(body: PointBody) -> str:
    """Return the SHA-256 of a point's content: everything but the revision's number."""
    text = json.dumps(body.model_dump(mode="json", exclude={"revision"}), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def unpack(payload: bytes) -> PointSubmission:
    """Return what was packed for sending."""
    return PointSubmission.model_validate_json(zlib.decompress(payload))
