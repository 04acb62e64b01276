"""One point calibrated again from its stored source list, old against new; no frame needed.

For the observer's outbox and for the server's uploads alike.
"""

from __future__ import annotations

import functools
import math
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from cpcs_desktop.datamodel.errors import CpcsError
from cpcs_desktop.datamodel.point import PhotometricPoint
from cpcs_desktop.wire import Evidence, PointBody, PointSubmission, content_digest

if TYPE_CHECKING:
    from distributed import Future

    from cpcs_desktop.datamodel.calibration import Calibration
    from cpcs_desktop.datamodel.settings import CalibrationSettings
    from cpcs_desktop.surveys.cache import SurveyCache

#: A point that moves by more than so many of its own sigmas is shown first.
MOVES_SIGMA = 2.0


@dataclass(frozen=True)
class Move:
    """One point before and after.

    Parameters
    ----------
    old : PhotometricPoint
        The current revision.
    new : PhotometricPoint or None
        What today's surveys and code make of it; None when they fail.
    evidence : Evidence or None
        Of the new point.
    error : CpcsError or None
        Why there is no new point.
    doubt : str or None
        Why a person should look before the new point is accepted.
    """

    old: PhotometricPoint
    new: PhotometricPoint | None
    evidence: Evidence | None = None
    error: CpcsError | None = None
    doubt: str | None = None

    @property
    def status(self) -> Literal["same", "changed", "failed"]:
        """Whether anything but the words of the provenance changed."""
        if self.new is None:
            return "failed"
        same = numbers_digest(self.old) == numbers_digest(self.new)
        return "same" if same else "changed"

    @property
    def delta_mag(self) -> float | None:
        """New minus old magnitude."""
        return None if self.new is None else self.new.mag - self.old.mag

    @property
    def sigma(self) -> float | None:
        """Size of the move in units of the old total error; None for limits."""
        error = self.old.mag_err_total
        if self.delta_mag is None or not error:
            return None
        return abs(self.delta_mag) / error

    @property
    def band_changed(self) -> bool:
        """Whether another band was chosen."""
        return self.new is not None and self.new.band != self.old.band

    @property
    def moves(self) -> bool:
        """Whether it moves by more than 2 sigma, changes band, or becomes or ends as a limit."""
        if self.new is None:
            return False
        beyond = self.sigma is not None and self.sigma > MOVES_SIGMA
        return beyond or self.band_changed or self.new.kind != self.old.kind

    def as_json(self) -> dict[str, Any]:
        """Return one line of ``recalibrate --json``."""
        line: dict[str, Any] = {
            "point_id": self.old.id,
            "event": self.old.event,
            "mjd": self.old.mjd,
            "file_name": self.old.file_name,
            "status": self.status,
            "old": _numbers(self.old),
            "new": None if self.new is None else _numbers(self.new),
            "delta_mag": self.delta_mag,
            "sigma": self.sigma,
            "band_changed": self.band_changed,
            "moves": self.moves,
            "doubt": self.doubt,
        }
        if self.error is not None:
            line["error"] = self.error.as_json()
        return line


def recalibrate_point(kept: PointSubmission, cache: SurveyCache) -> Move:
    """Calibrate one stored point again."""
    from cpcs_desktop import pipeline

    old = kept.point.point()
    try:
        calibration = _calibrate(kept, cache)
        new = pipeline.make_point(
            calibration,
            event=old.event,
            mjd=old.mjd,
            exposure_s=old.exposure_s,
            observatory=old.observatory,
            observers=old.observers,
            comment=old.comment,
            revision=old.revision,
        )
        source_list = kept.evidence.source_list if kept.evidence is not None else None
        evidence = pipeline.make_evidence(calibration, source_list)
    except CpcsError as error:
        return Move(old, None, error=error)
    return Move(old, new, evidence, doubt=_doubt(calibration))


def recalibrate_on_cluster(
    address: str, survey_cache: str, points: Iterable[PointSubmission]
) -> Iterator[Move]:
    """Calibrate stored points again on a Dask cluster, in the order given.

    Points are taken as the workers come to them, so that an archive is never in memory whole.

    Parameters
    ----------
    address : str
        Of the scheduler.
    survey_cache : str
        Folder that every worker sees under this name.
    points : iterable of PointSubmission

    Raises
    ------
    CpcsError
        ``no_cluster``, as :func:`cpcs_desktop.dask_client.connect`. A point whose calibration ends
        its workers is a failed Move.
    """
    from cpcs_desktop.dask_client import connect, window

    client = connect(address)
    waiting: deque[tuple[PointSubmission, Future[Move]]] = deque()
    try:
        for kept in points:
            waiting.append((kept, client.submit(_recalibrated, kept, survey_cache, pure=False)))
            while len(waiting) >= window(client):
                yield _moved(*waiting.popleft())
        while waiting:
            yield _moved(*waiting.popleft())
    finally:
        client.cancel([future for _, future in waiting], force=True)
        client.close()


def _recalibrated(kept: PointSubmission, survey_cache: str) -> Move:
    """Calibrate one point again; runs in a worker, which keeps its cache open."""
    return recalibrate_point(kept, _opened(survey_cache))


@functools.lru_cache(maxsize=4)
def _opened(survey_cache: str) -> SurveyCache:
    from cpcs_desktop.surveys.cache import SurveyCache

    return SurveyCache(survey_cache)


def _moved(kept: PointSubmission, future: Future[Move]) -> Move:
    from distributed import KilledWorker

    try:
        found: Move = future.result()
    except KilledWorker:
        error = CpcsError(
            "worker_died",
            "Calibrating this point ended its worker process again and again.",
            "Give the workers more memory; if it stays so, report it with the point.",
        )
        return Move(kept.point.point(), None, error=error)
    return found


def _calibrate(kept: PointSubmission, cache: SurveyCache) -> Calibration:
    from cpcs_desktop import pipeline
    from cpcs_desktop.datamodel.band import BandRequest
    from cpcs_desktop.io.stored_list import exposure_of_text

    evidence = kept.evidence
    if "frames" in kept.point.provenance:
        raise CpcsError(
            "is_average",
            f"This point is the average of {len(kept.point.provenance['frames'])} exposures.",
            "Recalibrate its frames on the night board, and average them again.",
        )
    if evidence is None or evidence.source_list is None:
        raise CpcsError(
            "no_source_list",
            "This point was accepted without its source list.",
            "Calibrate its frame again.",
        )
    words = evidence.settings
    ra, dec = words["target"]
    return pipeline.calibrate(
        exposure_of_text(evidence.source_list),
        (float(ra), float(dec)),
        cache,
        event=kept.point.event,
        request=BandRequest.parse(str(words["request"])),
        settings=calibration_settings(evidence),
        magnitude_kind=kept.point.magnitude_kind,
        excluded=frozenset(int(row) for row in words["excluded"]),
    )


def calibration_settings(evidence: Evidence) -> CalibrationSettings:
    """Return the settings a point was calibrated with."""
    from dataclasses import fields

    from cpcs_desktop.datamodel.settings import CalibrationSettings

    known = {f.name for f in fields(CalibrationSettings)}
    return CalibrationSettings(**{k: v for k, v in evidence.settings.items() if k in known})


def _doubt(calibration: Calibration) -> str | None:
    if calibration.choice.ambiguous and str(calibration.request) == "no":
        return f"the band is ambiguous: {calibration.choice.reason}"
    red = [check.message for check in calibration.checks if check.level == "red"]
    return f"a check is red: {' '.join(red)}" if red else None


def numbers_digest(point: PhotometricPoint) -> str:
    """Return a digest of everything in a point but the words of its provenance."""
    body = PointBody.of(point)
    return content_digest(body.model_copy(update={"provenance": {}, "file_name": ""}))


def _numbers(point: PhotometricPoint) -> dict[str, Any]:
    return {
        "revision": point.revision,
        "kind": point.kind,
        "band": point.band,
        "mag": point.mag,
        "mag_err_total": point.mag_err_total,
        "zero_point": point.zero_point,
        "zero_point_err": point.zero_point_err,
        "n_used": point.n_used if math.isfinite(point.n_used) else None,
    }
