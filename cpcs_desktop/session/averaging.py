"""Several rows of the night averaged into one point."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.point import PhotometricPoint
from cpcs_desktop.datamodel.settings import ExtractionSettings, settings_digest
from cpcs_desktop.profile import Profile
from cpcs_desktop.session.acceptance import Acceptance, draft_point
from cpcs_desktop.session.exposure_store import ExposureStore
from cpcs_desktop.session.fitting import fit_frame
from cpcs_desktop.session.night_frame import FrameState, NightFrame, Verdict
from cpcs_desktop.settings import AppSettings
from cpcs_desktop.sync.outbox import Outbox
from cpcs_desktop.wire import Evidence

Part = tuple[PhotometricPoint, Evidence]


def require_free(frames: Iterable[NightFrame]) -> None:
    """Check that rows can go into an average before any work is done.

    Raises
    ------
    CpcsError
        Code ``not_to_average``: a row without a result, rejected, or a point already.
    """
    for frame in frames:
        name = Path(frame.path).name
        if frame.state is not FrameState.CALIBRATED:
            raise CpcsError(
                "not_to_average",
                f"{name} has no result yet.",
                "Wait for it, or leave it out of the selection.",
            )
        if frame.decisions.verdict is Verdict.REJECTED:
            raise CpcsError(
                "not_to_average", f"{name} was rejected.", "Leave it out of the selection."
            )
        if frame.decisions.verdict is Verdict.ACCEPTED:
            raise CpcsError(
                "not_to_average",
                f"{name} is in the outbox already; its light would count twice.",
                "Withdraw that point first (w), or leave the row out.",
            )


def part_of_average(profile: Profile, frame: NightFrame, settings: AppSettings) -> Part:
    """Return the point and the evidence of one row from its cold fit; made for a child process.

    Raises
    ------
    CpcsError
        Code ``not_measured`` when its sources are no longer kept, and everything a fit raises.
    """
    from cpcs_desktop import pipeline

    store = ExposureStore(profile.exposure_folder, settings_digest(ExtractionSettings()))
    exposure = store.get(str(frame.facts.frame_id), frame.path)
    if exposure is None:
        raise CpcsError(
            "not_measured",
            f"What was measured on {Path(frame.path).name} is no longer kept.",
            "Measure the frame again (Ctrl+R).",
        )
    calibration = fit_frame(exposure, frame.decisions, profile.survey_cache)
    point = draft_point(calibration, frame.decisions, settings)
    return point, pipeline.make_evidence(calibration)


def accept_average(outbox_file: Path, parts: Sequence[Part]) -> tuple[Acceptance, PhotometricPoint]:
    """Average the points of rows and put the one into the outbox; on disk when this returns.

    Raises
    ------
    CpcsError
        Code ``not_to_average`` when the exposures do not belong together.
    """
    from cpcs_desktop.averaging import average_evidence, average_points

    point = average_points([point for point, _ in parts])
    outbox = Outbox(outbox_file)
    try:
        acceptance = Acceptance.of(outbox.add(point, average_evidence(point, parts)))
        return acceptance, point
    finally:
        outbox.close()
