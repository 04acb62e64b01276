"""What was accepted, revision by revision."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass

from cpcs_desktop.datamodel.point import PhotometricPoint
from cpcs_desktop.wire import PointBody, PointSubmission

#: So much of a packed revision holds its point: bounds of the wire keep a point below 64 KiB.
HEAD = 131072


@dataclass(frozen=True)
class AcceptedRevision:
    """One revision of a point as it was accepted here."""

    submission: PointSubmission
    accepted_at: float

    @property
    def point(self) -> PhotometricPoint:
        """The point itself."""
        return self.submission.point.point()


def unpack_point(payload: bytes) -> PhotometricPoint:
    """Return the point alone from what was packed, or from its first ``HEAD`` bytes.

    The evidence behind it may be a hundred times as long.
    """
    text = zlib.decompressobj().decompress(payload).decode(errors="ignore")
    body, _ = json.JSONDecoder().raw_decode(text, len('{"point":'))
    return PointBody.model_validate(body).point()


def unpack(payload: bytes) -> PointSubmission:
    """Return what was packed for sending."""
    return PointSubmission.model_validate_json(zlib.decompress(payload))
