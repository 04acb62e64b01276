"""From the evidence behind a point to its number again, without frame or survey cache."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.recalibration import calibration_settings
from cpcs_desktop.wire import Evidence, PointSubmission

#: Numbers that differ by less are the same, mag: the last bits depend on the processor.
SAME_WITHIN = 1e-9


@dataclass(frozen=True)
class Rerun:
    """What a point says, and what its evidence gives today; magnitudes.

    Parameters
    ----------
    mag, zero_point : float
        As stored.
    mag_now, zero_point_now : float
    from_list : bool
        The target's instrumental magnitude was taken from the source list; else it is the stored
        magnitude minus the stored zero point (limits, and records without a list).
    """

    mag: float
    mag_now: float
    zero_point: float
    zero_point_now: float
    from_list: bool

    @property
    def same(self) -> bool:
        """Whether the evidence gives the stored number."""
        return (
            abs(self.mag_now - self.mag) <= SAME_WITHIN
            and abs(self.zero_point_now - self.zero_point) <= SAME_WITHIN
        )

    def as_json(self) -> dict[str, Any]:
        """Return a JSON-ready object."""
        return {
            "mag": self.mag,
            "mag_rerun": self.mag_now,
            "zero_point": self.zero_point,
            "zero_point_rerun": self.zero_point_now,
            "from_list": self.from_list,
            "same": self.same,
        }


def rerun(submission: PointSubmission) -> Rerun:
    """Fit the zero point to the stored stars again and measure the target with it.

    Raises
    ------
    CpcsError
        ``no_evidence``, ``bad_evidence``.
    """
    point, evidence = submission.point, submission.evidence
    if evidence is None or not evidence.stars:
        raise CpcsError("no_evidence", "This point came without its matched stars.")
    try:
        if "frames" in point.provenance:
            return _average(submission, evidence)
        zero_point = _zero_point(point.band, evidence)
    except (KeyError, TypeError, ValueError) as error:
        raise CpcsError("bad_evidence", "The evidence of this point lacks columns.") from error
    instrumental = _from_list(submission)
    return Rerun(
        mag=point.mag,
        mag_now=zero_point
        + (point.mag - point.zero_point if instrumental is None else instrumental),
        zero_point=point.zero_point,
        zero_point_now=zero_point,
        from_list=instrumental is not None,
    )


def _zero_point(band: str, evidence: Evidence, frame: int | None = None) -> float:
    """Fit the stored stars again, of one frame of an average where that is named."""
    import numpy as np

    from cpcs_desktop.calib.zero_point import BandStars, fit_zero_points

    stars = evidence.stars
    of_frame = np.ones(len(stars["mag_inst"]), dtype=np.bool_)
    if frame is not None:
        of_frame = np.array(stars["frame"], dtype=np.int64) == frame
    columns = {
        name: np.array([math.nan if v is None else v for v in stars[name]], dtype=np.float64)[
            of_frame
        ]
        for name in ("mag_inst", "mag_inst_err", "mag_ref", "mag_ref_err")
    }
    n = len(columns["mag_inst"])
    given = BandStars(
        band=band,
        source_row=np.arange(n, dtype=np.int64),
        star_row=np.arange(n, dtype=np.int64),
        colour=np.full(n, math.nan),
        excluded=np.array(stars["excluded"], dtype=np.bool_)[of_frame],
        **columns,
    )
    [fit] = fit_zero_points([given], calibration_settings(evidence))
    return float(fit.zero_point)


def _average(submission: PointSubmission, evidence: Evidence) -> Rerun:
    """Fit every exposure of an average again, and average them again."""
    import numpy as np

    from cpcs_desktop.averaging import weighted

    point = submission.point
    frames = point.provenance["frames"]
    # The stars were kept at the average's zero point: what a fit moves it by moves the exposure.
    moved = np.array(
        [_zero_point(point.band, evidence, n) - point.zero_point for n in range(len(frames))]
    )
    mag = np.array([frame["mag"] for frame in frames], dtype=np.float64)
    made = weighted(mag + moved, np.array([frame["mag_err"] for frame in frames], dtype=np.float64))
    weights = np.array([frame["weight"] for frame in frames], dtype=np.float64)
    return Rerun(
        mag=point.mag,
        mag_now=made.mag,
        zero_point=point.zero_point,
        zero_point_now=point.zero_point + float(weights @ moved),
        from_list=False,
    )


def _from_list(submission: PointSubmission) -> float | None:
    """Return the instrumental magnitude of the source at the point's place."""
    import numpy as np

    from cpcs_desktop.io.stored_list import exposure_of_text

    point, evidence = submission.point, submission.evidence
    if evidence is None or evidence.source_list is None or point.kind != "DETECTION":
        return None
    sources = exposure_of_text(evidence.source_list).sources(point.magnitude_kind)
    here = np.flatnonzero((sources.ra == point.ra) & (sources.dec == point.dec))
    return None if len(here) != 1 else float(sources.mag_inst[here[0]])
